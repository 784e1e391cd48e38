"""Answer -> JSON and Markdown. Pure; every word of an essay or a question comes out as text.

Nothing here knows a web framework, and nothing here chooses what is said.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from itertools import groupby
from typing import Any

from rag import Answer, Citation, Document, Hit, Lang, Passage, Sentence
from ui.words import WORDS, Words, own

# What Markdown, its tables, formulas, or the linking of bare addresses give a meaning to.
_MARK = re.compile(r"[\\`*_\[\])#+\-.|~$@^=]|:(?=//)|[&<>]|^[ \t]+", re.MULTILINE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", " ": "&#32;", "\t": "&#9;"}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|(&(?:amp|lt|gt|#32|#9);)")
_PLAIN = {entity: mark for mark, entity in _ENTITIES.items()}

_GLUE = "\u00a0"  # keeps a number on the line of the words that it proves
_TITLE_CHARS = 60
_NEAREST_CHARS = 90


def escaped(text: str) -> str:
    r"""Return Markdown that shows `text` as it stands: no link, tag, list, emphasis or formula.

    >>> print(escaped("<b> [x](javascript:y) $z$ 1. a_b"))
    &lt;b&gt; \[x\](javascript:y\) \$z\$ 1\. a\_b
    """
    return _MARK.sub(_escape, text)


def unescaped(markdown: str) -> str:
    """Undo `escaped`: `unescaped(escaped(text)) == text` for every text."""
    return _ESCAPED.sub(lambda found: found[1] or _PLAIN[found[2]], markdown)


def quote_hash(quote: str) -> str:
    """Return eight hex digits that tell whether the essay still reads as it was quoted."""
    return hashlib.sha256(quote.encode()).hexdigest()[:8]


def cite_link(citation: Citation) -> str:
    """Return `[n](#cite-doc-start-end-hash "title: quote…")`, all that the reader panel needs."""
    span, quote = citation.span, citation.quote
    shown = " ".join(f"{citation.title}: {_cut(quote, _TITLE_CHARS)}".split())
    title = escaped(shown.replace('"', "”"))
    anchor = f"#cite-{citation.doc_id}-{span.start}-{span.end}-{quote_hash(quote)}"
    return f'[{citation.n}]({anchor} "{title}")'


def read_path(doc_id: str, start: int, end: int, quote: str) -> str:
    """Return the address of the plain page that marks this passage, without JavaScript."""
    return f"/read/{doc_id}?s={start}&e={end}&h={quote_hash(quote)}#hit"


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the Answer as plain JSON values: spans flattened to start and end."""
    return {
        "id": "",
        "question": answer.question,
        "lang": answer.lang,
        "status": answer.status,
        "lead": answer.lead,
        "sentences": [sentence_json(sentence) for sentence in answer.sentences],
        "dropped": [
            asdict(claim) | {"passage_ids": list(claim.passage_ids)} for claim in answer.dropped
        ],
        "nearest": [_passage_json(passage) for passage in answer.nearest],
        "followups": list(answer.followups),
        "hits": [hit_json(hit) for hit in answer.hits],
        "answerer": answer.answerer,
        "understood": answer.understood,
        "note": answer.note,
        "asks": answer.asks,
        "branches": list(answer.branches),
        "tokens": dict(answer.tokens),
        "timings_ms": dict(answer.timings_ms),
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a hit as plain JSON values."""
    return {**_passage_json(hit.passage), "score": hit.score, "ranks": dict(hit.ranks)}


def as_markdown(
    answer: Answer,
    documents: Mapping[str, Document],
    lang: Lang,
    *,
    with_followups: bool = True,
    words: Words | None = None,
) -> str:
    """Return the whole answer for a Markdown chat; `lang` is the language of the framing words,
    unless `words` gives them.

    Leave the follow-ups out where they are shown as buttons.
    """
    words = words or WORDS[lang]
    lead, note, asks = (
        escaped(own(text, words.tag)) for text in (answer.lead, answer.note, answer.asks)
    )
    frame = [understood(answer.understood, words), boxed("note", note)]
    if answer.status == "refused":
        parts = [f"**{lead}**", *frame, _nearest(answer.nearest, documents, words)]
    else:
        parts = [*frame, lead]
    if answer.sentences:
        parts += [said(answer.sentences, words), _withheld(answer, words)]
        parts += [asks, _sources(answer.sentences, documents, words)]
    if with_followups:
        parts.append(_questions(answer, words))
    body = "\n\n".join(part for part in parts if part)
    return boxed("refused", body) if answer.status == "refused" else body


def said(sentences: Sequence[Sentence], words: Words) -> str:
    """Return the sentences in their order: a model's as running text, and each run of quotes of one
    voice in one essay introduced once.
    """
    groups = []
    for written, run in groupby(sentences, key=lambda sentence: sentence.kind == "generated"):
        if written:
            groups.append(words.between.join(_numbered(s.text, s.citations) for s in run))
            continue
        for (speaker, _), group in groupby(run, key=_voice):
            intro = words.says.format(name=escaped(speaker)) if speaker else ""
            groups += [intro, *_shown(list(group), words)]
    return "\n\n".join(part for part in groups if part)


def understood(question: str, words: Words) -> str:
    """Return the line that says how a follow-up was read; "" for ""."""
    read = words.understood.format(question=escaped(question))
    return boxed("understood", read) if question else ""


def options(answer: Answer, words: Words | None = None) -> list[tuple[str, str]]:
    """Return what can be asked next at a click: (what the button says, what it asks)."""
    asked = answer.understood or answer.question
    branches = [(branch.removeprefix(asked).strip(), branch) for branch in answer.branches]
    both = [*branches, *((question, question) for question in answer.followups)]
    tag = words.tag if words else ""
    return [(own(label, tag), question) for label, question in both]


def _withheld(answer: Answer, words: Words) -> str:
    """Return what a model wrote and no essay bears out, folded away and marked as that."""
    if not answer.dropped:
        return ""
    count = len(answer.dropped)
    summary = (words.withheld_one if count == 1 else words.withheld).format(count=count)
    rows = "\n".join(f"- {escaped(claim.text)}" for claim in answer.dropped)
    return (
        f'<details class="withheld"><summary>{escape(summary)}</summary>\n\n'
        f"{words.unproved}\n\n{rows}\n\n</details>"
    )


def _escape(found: re.Match[str]) -> str:
    """Escape one mark, or each blank at the start of a line: four of them would be code."""
    return "".join(_ENTITIES.get(mark, f"\\{mark}") for mark in found[0])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def boxed(name: str, markdown: str) -> str:
    """Wrap Markdown in a named box, "" in none; the empty lines keep it Markdown inside."""
    if not markdown:
        return ""
    return f'<div class="{name}">\n\n{markdown}\n\n</div>'


def _voice(sentence: Sentence) -> tuple[str, str]:
    """Return what must stay the same for sentences to share one introduction."""
    return sentence.speaker, sentence.citations[0].doc_id if sentence.citations else ""


def _shown(sentences: list[Sentence], words: Words) -> list[str]:
    """Return a block for each sentence; quotes that follow one another share a blockquote."""
    blocks: list[str] = []
    for kind, run in groupby(sentences, key=lambda sentence: sentence.kind):
        if kind == "quote":
            blocks.append("\n>\n".join(_quoted(s.text, s.citations) for s in run))
        else:
            blocks += [_translated(sentence, words) for sentence in run]
    return blocks


def _numbered(text: str, citations: Iterable[Citation]) -> str:
    marks = " ".join(cite_link(citation) for citation in citations)
    return f"{escaped(text)}{_GLUE}{marks}".rstrip()


def _quoted(text: str, citations: Iterable[Citation]) -> str:
    lines = _numbered(text, citations).split("\n")
    return "\n".join(f"> {line}" for line in lines)


def _translated(sentence: Sentence, words: Words) -> str:
    """Return a translation beside its original."""
    text = _numbered(sentence.text, sentence.citations)
    originals = [_quoted(citation.quote, ()) for citation in sentence.citations]
    return "\n\n".join([f"{text} *({words.ours})*", *originals])


def _sources(sentences: Iterable[Sentence], documents: Mapping[str, Document], words: Words) -> str:
    """Return each cited essay once, in order of first citation, with its quotes in full."""
    cited = {c.n: c for sentence in sentences for c in sentence.citations}
    by_essay: dict[str, list[Citation]] = {}
    for n in sorted(cited):
        by_essay.setdefault(cited[n].doc_id, []).append(cited[n])
    if not by_essay:
        return ""
    rows = [_source(group, documents, words) for group in by_essay.values()]
    return boxed("sources", "\n".join([f"**{words.sources}**\n", *rows]))


def _source(group: Sequence[Citation], documents: Mapping[str, Document], words: Words) -> str:
    first = group[0]
    full = read_path(first.doc_id, first.span.start, first.span.end, first.quote)
    rows = [f"- {_essay(first, documents, words)} · [{words.full_text}]({full})"]
    for citation in group:
        opening, closing = words.quote
        quote = escaped(citation.quote).replace("\n", "\n    ")
        rows.append(f"  - {cite_link(citation)} {opening}{quote}{closing}")
    return "\n".join(rows)


def _essay(first: Citation, documents: Mapping[str, Document], words: Words) -> str:
    """Return title, author, site, date and address, as far as the page of the essay gave them."""
    document = documents.get(first.doc_id)
    if document is None:
        return f"**{_titled(first.title, words)}** · {escaped(first.author)}"
    facts = [f"**{_titled(document.title, words)}**"]
    facts += [escaped(fact) for fact in (*credit(document, words), document.date) if fact]
    if first.url.startswith(("https://", "http://")):
        facts.append(f"[{words.original}](<{_address(first.url)}>)")
    return " · ".join(facts)


def credit(document: Document, words: Words) -> tuple[str, str]:
    """Return (author, site) as readers of this language write them."""
    if words.lang == "en":
        return document.author_en or document.author, document.site_en or document.site
    return document.author, document.site


def speaker_name(document: Document, name: str, words: Words) -> str:
    """Return the name of somebody who speaks in the essay as readers of this language write it."""
    names = {speaker.name: speaker.name_en for speaker in document.speakers}
    return names.get(name) or name if words.lang == "en" else name


def _titled(title: str, words: Words) -> str:
    opening, closing = words.title_quote
    return f"{opening}{escaped(title)}{closing}"


def _address(url: str) -> str:
    """Return a URL that cannot end its own link or be read as anything but an address."""
    return re.sub(r"[\s<>\"'`\\()\[\]]", lambda found: f"%{ord(found[0]):02X}", url)


def _nearest(passages: Iterable[Passage], documents: Mapping[str, Document], words: Words) -> str:
    rows = [_near(passage, documents, words) for passage in passages]
    return "\n".join([f"{words.nearest}\n", *rows]) if rows else ""


def _near(passage: Passage, documents: Mapping[str, Document], words: Words) -> str:
    document = documents.get(passage.doc_id)
    title = _titled(document.title if document else passage.doc_id, words)
    where = read_path(passage.doc_id, passage.span.start, passage.span.end, passage.text)
    english = in_english(document, passage) if document and words.lang == "en" else ""
    excerpt = escaped(_cut(" ".join((english or passage.text).split()), _NEAREST_CHARS))
    opening, closing = words.quote
    who = speaker_name(document, passage.speaker, words) if document else passage.speaker
    label = f" *({words.ours})*" if english else ""
    return f"- [{opening}{excerpt}{closing}]({where}){label} — {escaped(who)} · {title}"


def in_english(document: Document, passage: Passage) -> str:
    """Return the project's translation of the sentences that end in the passage; "" for none."""
    span = passage.span
    return " ".join(
        text for end, text in sorted(document.english.items()) if span.start < end <= span.end
    )


def _questions(answer: Answer, words: Words) -> str:
    questions = (*answer.branches, *answer.followups)
    if not questions:
        return ""
    heading = words.try_asking if answer.status == "refused" else words.ask_next
    return "\n".join([f"{heading}\n", *(f"- {escaped(q)}" for q in questions)])


def sentence_json(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence as plain JSON values."""
    return {
        "text": sentence.text,
        "lang": sentence.lang,
        "kind": sentence.kind,
        "speaker": sentence.speaker,
        "support": sentence.support,
        "citations": [_citation_json(citation) for citation in sentence.citations],
    }


def _citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "n": citation.n,
        "doc_id": citation.doc_id,
        "title": citation.title,
        "author": citation.author,
        "url": citation.url,
        "quote": citation.quote,
        "start": citation.span.start,
        "end": citation.span.end,
    }


def _passage_json(passage: Passage) -> dict[str, Any]:
    span = passage.span
    return {
        "doc_id": passage.doc_id,
        "start": span.start,
        "end": span.end,
        "text": passage.text,
    }
