"""Facts turned around in a copy of the shelf -> do answer and citation follow the essay?

A system that reads says what the essay says now. One that has its answers from elsewhere goes on
saying what the essay said before.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from eval.cases import rows
from eval.figures import LANGS, Figure, of_flags
from eval.shelves import changed
from rag import (
    Answer,
    Citation,
    CorpusError,
    Document,
    Mentor,
    Span,
    grade,
    locate,
    translated,
)

FACTS = Path(__file__).resolve().parent / "facts.jsonl"
GROUP = "counterfactual"

Edit = tuple[Span, str]  # what stands at the span gives way to the text


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence of an essay, the words of it that change, and a question that it answers.

    `quote` stands once in the essay, `was` once in the quote, and `becomes` once in what it is
    made into; `was_en` stands once in the project's translation of the quote, or in the quote
    itself where that is English already.
    """

    id: str
    doc_id: str
    quote: str
    was: str
    becomes: str
    was_en: str
    becomes_en: str
    zh: str
    en: str

    @property
    def edited(self) -> str:
        """The sentence as the copy has it."""
        return self.quote.replace(self.was, self.becomes)


@dataclass(frozen=True, slots=True)
class Stray:
    """A question whose answer did not follow its fact, and what it quoted instead."""

    id: str
    lang: str
    question: str
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of all facts, and the questions that lowered "follows the edit"."""

    figures: tuple[Figure, ...]
    strays: tuple[Stray, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with both answers judged; `follows` says nothing unless it `cites` the fact."""

    fact: Fact
    lang: str
    cites: bool
    follows: bool
    exact: tuple[bool, ...]
    after: Answer


def read(path: Path = FACTS) -> list[Fact]:
    """Return the facts of a JSON lines file, in file order.

    Raises:
        ValueError: a row lacks a field, has another, or leaves one empty; its line is named.
    """
    names = {field.name for field in fields(Fact)}
    found = []
    for at, row in enumerate(rows(path), start=1):
        if row.keys() != names or not all(row.values()):
            msg = f"{path.name}, line {at}: needs {', '.join(sorted(names))}, and each with a text."
            raise ValueError(msg)
        found.append(Fact(**row))
    return found


def run(
    mentor: Mentor, corpus_dir: Path, facts: Sequence[Fact], tick: Callable[[], None]
) -> Outcome:
    """Ask for every fact of the shelf and of a copy in which all are turned around.

    `corpus_dir` is the folder that `mentor` was opened from; `tick` is called `steps(facts)` times.

    Raises:
        ValueError: a fact does not fit its essay or touches another one.
    """
    with changed(corpus_dir, partial(edit, facts=facts, documents=mentor.documents)) as edited:
        asked = []
        for fact in facts:
            for lang in LANGS:
                asked.append(_asked(fact, lang, mentor, edited))
                tick()
    figures = tuple(figure for lang in LANGS for figure in _figures(lang, asked))
    return Outcome(figures, tuple(_stray(r) for r in asked if r.cites and not r.follows))


def _stray(row: _Asked) -> Stray:
    quotes = tuple(citation.quote for citation in _citations(row.after))
    return Stray(row.fact.id, row.lang, row.after.question, quotes)


def steps(facts: Sequence[Fact]) -> int:
    """Return how often a run over `facts` ticks."""
    return len(facts) * len(LANGS)


def _figures(lang: str, asked: Sequence[_Asked]) -> Iterator[Figure]:
    chosen = [row for row in asked if row.lang == lang]
    told = [row for row in chosen if row.cites]
    exact = [flag for row in chosen for flag in row.exact]
    yield of_flags(f"cites the fact {lang}", [row.cites for row in chosen], GROUP)
    yield of_flags(f"follows the edit {lang}", [row.follows for row in told], GROUP)
    yield of_flags(f"quotes exact in the edited shelf {lang}", exact, GROUP)


# --- judging -----------------------------------------------------------------------------------


def _asked(fact: Fact, lang: str, mentor: Mentor, edited: Mentor) -> _Asked:
    question = fact.zh if lang == "zh" else fact.en
    before, after = mentor.ask(question), edited.ask(question)
    old, new = mentor.documents[fact.doc_id], edited.documents[fact.doc_id]
    exact = tuple(
        grade(citation.quote, edited.documents[citation.doc_id].text, ()) == "exact"
        for citation in _citations(after)
    )
    was = _words(old.text, fact.quote, fact.was)
    return _Asked(fact, lang, cites(before, old, was), follows(fact, after, old, new), exact, after)


def follows(fact: Fact, answer: Answer, old: Document, new: Document) -> bool:
    """Say whether an answer quotes the words of the `new` essay, and nowhere those of the `old`.

    Nor may it say the old sentence, in the essay's words or in the project's translation.
    """
    if not cites(answer, new, _words(new.text, fact.edited, fact.becomes)):
        return False
    stale = (fact.quote, _english(fact, old))
    said = any(locate(text, sentence.text) for text in stale for sentence in answer.sentences)
    return not said and not cites(answer, old, _words(old.text, fact.quote, fact.was))


def cites(answer: Answer, document: Document, words: Span) -> bool:
    """Say whether an answer quotes all of these words of an essay, wherever it says they stand."""
    return any(
        citation.doc_id == document.id
        and (found := locate(citation.quote, document.text)) is not None
        and found[0].overlap(words) == len(words)
        for citation in _citations(answer)
    )


def _citations(answer: Answer) -> list[Citation]:
    return [citation for sentence in answer.sentences for citation in sentence.citations]


def _words(text: str, quote: str, words: str) -> Span:
    """Return where words of a quote stand in the text that holds it."""
    start = text.index(quote) + quote.index(words)
    return Span(start, start + len(words))


def _english(fact: Fact, document: Document) -> str:
    """Return the quote as the translation has it, which copies what is English already."""
    return translated(document, _words(document.text, fact.quote, fact.quote)) or fact.quote


# --- editing -----------------------------------------------------------------------------------


def edit(corpus: Path, facts: Sequence[Fact], documents: Mapping[str, Document]) -> None:
    """Turn the facts around in the files of a shelf: essay, translation, anchors of questions.

    `documents` are the essays as those files have them. The manifest's checksums stay as they are.

    Raises:
        ValueError: a fact does not fit its essay or touches another one.
    """
    for doc_id in sorted({fact.doc_id for fact in facts}):
        document = _known(doc_id, documents)
        mine = [fact for fact in facts if fact.doc_id == doc_id]
        edits = sorted(_edit(fact, document.text) for fact in mine)
        if any(one.end > other.start for (one, _), (other, _) in pairwise(edits)):
            msg = f"{doc_id}: two facts change the same words."
            raise ValueError(msg)
        _write(corpus / "essays" / f"{doc_id}.md", rewritten(document.text, edits))
        english = corpus / "translations" / f"{doc_id}.en.md"
        if english.is_file():
            _write(english, _retold(english.read_text(encoding="utf-8"), mine, document))
        questions = corpus / "questions" / f"{doc_id}.toml"
        if questions.is_file():
            _write(questions, _anchored(questions, document.text, edits))


def rewritten(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with `edits` made, which come in order and do not overlap."""
    for span, becomes in reversed(edits):
        text = text[: span.start] + becomes + text[span.end :]
    return text


def anchor(old: str, text: str, edits: Sequence[Edit]) -> str:
    """Return an anchor as an essay has it after `edits`; one that ends in an edit takes all of it.

    `old` stands once in `text`, the essay before the edits.
    """
    span = Span(text.index(old), text.index(old) + len(old))
    within = [(place, becomes) for place, becomes in edits if place.overlap(span)]
    if within:
        first, last = within[0][0], within[-1][0]
        span = Span(min(span.start, first.start), max(span.end, last.end))
    return rewritten(
        span.of(text), [(place.shift(-span.start), becomes) for place, becomes in within]
    )


def _known(doc_id: str, documents: Mapping[str, Document]) -> Document:
    if doc_id not in documents:
        msg = f"{doc_id}: no essay of the shelf has this id."
        raise CorpusError(msg)
    return documents[doc_id]


def _edit(fact: Fact, text: str) -> Edit:
    _once(fact, "quote", fact.quote, text)
    _once(fact, "was", fact.was, fact.quote)
    _once(fact, "becomes", fact.becomes, fact.edited)
    return _words(text, fact.quote, fact.was), fact.becomes


def _retold(text: str, facts: Sequence[Fact], document: Document) -> str:
    """Return a translation in which each fact's line says what the essay says now."""
    for fact in facts:
        line = _english(fact, document)
        _once(fact, "was_en", fact.was_en, line)
        _once(fact, "translation", line, text)
        text = text.replace(line, line.replace(fact.was_en, fact.becomes_en))
    return text


def _once(fact: Fact, name: str, part: str, whole: str) -> None:
    if whole.count(part) != 1:
        msg = f"{fact.id}: {name}: '{part[:40]}' stands {whole.count(part)} times, not once."
        raise ValueError(msg)


def _anchored(path: Path, text: str, edits: Sequence[Edit]) -> str:
    groups: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    return "\n".join(
        _group(group | {"anchor": anchor(group["anchor"], text, edits)}) for group in groups
    )


def _group(group: Mapping[str, Any]) -> str:
    """Return a group in TOML, which writes texts, lists and truth values as JSON does."""
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in group.items())
    return "[[group]]\n" + "".join(lines)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
