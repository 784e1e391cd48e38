"""Claim + passages -> Sentence, or none. Nothing reaches a reader but through here.

A claim stands only if its quote stands in a passage it names; what is shown is then the essay's
own slice. A generated claim must be supported by that passage, too (`rag/check.py`), and by what
the right person says there. Knows nothing of search or of how claims are made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rag.text import sentences, words
from rag.types import Citation, Claim, Document, Lang, Passage, Sentence, Span, Speaker

if TYPE_CHECKING:
    from rag.check import Checker


def ground(
    claim: Claim,
    passages: Mapping[str, Passage],
    documents: Mapping[str, Document],
    lang: Lang,
    number: int,
    checker: "Callable[[], Checker]",
) -> Sentence | None:
    """Return the claim as a sentence that cites its quote under `number`, or None.

    None when no passage it names holds the quote as whole sentences, or when a quoted claim says
    other words than its quote, or a translated one other words than the project's translation.
    The quote of a generated claim may differ in marks and blanks; the whole sentences that it
    stands in are cited. `checker` is asked for only where a claim is generated.
    """
    for passage in (passages[id_] for id_ in claim.passage_ids if id_ in passages):
        document = documents.get(passage.doc_id)
        generated = claim.kind == "generated"
        span = (_around if generated else _place)(claim.quote, passage)
        if document is None or span is None:
            continue
        quote = span.of(document.text)
        support = _support(claim, passage, document, documents, span, checker)
        if support is not None and (generated or quote == claim.quote):
            citation = Citation(
                number,
                document.id,
                document.title,
                document.author if lang == "zh" else document.author_en,
                _url(document, passage),
                span,
                quote,
            )
            return Sentence(
                text=claim.text,
                lang=_language(claim, document, lang),
                kind=claim.kind,
                speaker=voice(document, passage, lang),
                citations=(citation,),
                support=support,
            )
    return None


def checked(
    claims: Iterable[Claim],
    passages: Mapping[str, Passage],
    documents: Mapping[str, Document],
    lang: Lang,
    checker: "Callable[[], Checker]",
) -> Iterator[tuple[Claim, Sentence | None]]:
    """Yield each claim with its sentence, or None; one passage has one number, from 1 upwards."""
    numbers: dict[tuple[str, ...], int] = {}
    for claim in claims:
        number = numbers.get(claim.passage_ids, len(numbers) + 1)
        sentence = ground(claim, passages, documents, lang, number, checker)
        if sentence:
            numbers[claim.passage_ids] = number
        yield claim, sentence


def _place(quote: str, passage: Passage) -> Span | None:
    """Return where a passage says the quote from the start of a sentence to the end of one.

    "先看论文。" stands in "不要先看论文。" and says the opposite: a part proves nothing.
    """
    spans = sentences(passage.text)
    ends = {span.end for span in spans}
    found = (span.start for span in spans if passage.text.startswith(quote, span.start))
    start = next((start for start in found if quote and start + len(quote) in ends), None)
    return None if start is None else Span(start, start + len(quote)).shift(passage.span.start)


def _language(claim: Claim, document: Document, lang: Lang) -> Lang:
    if claim.kind == "generated":
        return lang
    return "en" if claim.kind == "translation" else document.lang


def _around(quote: str, passage: Passage) -> Span | None:
    """Return the whole sentences of a passage in which a quote stands, or nearly stands."""
    from rag.quote import locate  # an answer of quotes alone does not wait for it

    found = locate(quote, passage.text)
    if found is None:
        return None
    touched = [span for span in sentences(passage.text) if span.overlap(found[0])]
    start = min([found[0].start, *(span.start for span in touched)])
    end = max([found[0].end, *(span.end for span in touched)])
    return Span(start, end).shift(passage.span.start)


def _support(
    claim: Claim,
    passage: Passage,
    document: Document,
    documents: Mapping[str, Document],
    span: Span,
    checker: "Callable[[], Checker]",
) -> float | None:
    """Return how surely the passage says the claim, None where it does not."""
    if claim.kind == "quote":
        return 1.0 if claim.text == claim.quote else None
    if claim.kind == "translation":
        said = translated(document, span)
        return 1.0 if said and claim.text == said else None
    speakers = [speaker for known in documents.values() for speaker in known.speakers]
    if vetoed(claim.text, passage, speakers):
        return None
    check = checker()
    support = check([(passage.text, claim.text)])[0]
    return support if support >= check.threshold else None


def vetoed(claim: str, passage: Passage, speakers: Iterable[Speaker]) -> bool:
    """Say whether no checker may pass a claim: it has a number that the passage does not say, or
    puts the passage's words into the mouth of somebody else.
    """
    from rag.facts import unsaid

    return bool(unsaid(claim, passage.text)) or misattributed(claim, passage, speakers)


def misattributed(claim: str, passage: Passage, speakers: Iterable[Speaker]) -> bool:
    """Say whether a claim names people of the shelf, and neither speaks in the passage.

    Whoever the passage itself mentions may be named: "X says that Y told him …".
    """
    known = list(speakers)
    said = named(claim, known)
    return bool(said) and not said & (named(passage.text, known) | {passage.speaker})


def named(text: str, speakers: Iterable[Speaker]) -> set[str]:
    """Return the names of the speakers whom a text names, in either language, wholly or in part."""
    said, parts = text.casefold(), {word.removesuffix("'s") for word in words(text)}
    return {
        speaker.name
        for speaker in speakers
        if speaker.name.casefold() in said or parts & _name_parts(speaker)
    }


def _name_parts(speaker: Speaker) -> set[str]:
    """Return the words that name a person: "kaiming" of "Kaiming He"; none of a description.

    What stands in brackets behind a name is another way to write it.
    """
    parts = speaker.name_en.partition(" (")[0].split()
    if not all(word[0].isupper() for word in parts):
        return set()
    return {word.casefold() for word in parts if len(word) > 2}


def translated(document: Document, span: Span) -> str:
    """Return the project's English for the sentences inside `span`; "" when one has none.

    Paragraphs and list marks stay as they are in the essay.
    """
    quote, said, end = span.of(document.text), "", 0
    for inner in sentences(quote):
        between = quote[end : inner.start]
        english = document.english.get(span.start + inner.end)
        if not english:
            return ""
        said += (between if "\n" in between else " " * bool(said)) + english
        end = inner.end
    return said


def voice(document: Document, passage: Passage, lang: Lang) -> str:
    """Return who speaks in a passage, by the name used in `lang`."""
    speaker = next((s for s in document.speakers if s.name == passage.speaker), None)
    if speaker is None:
        return passage.speaker
    return speaker.name if lang == "zh" else speaker.name_en


def _url(document: Document, passage: Passage) -> str:
    own = (s.url for s in document.speakers if s.name == passage.speaker and s.url)
    return next(own, document.url)
