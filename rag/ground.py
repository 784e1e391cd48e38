"""Claim + passages -> Sentence, or none. Nothing reaches a reader but through here.

A claim stands only if its quote stands, letter for letter, in a passage it names; what is shown
is then the essay's own slice. Knows nothing of search or of how claims are made.
"""

from collections.abc import Iterable, Iterator, Mapping

from rag.text import sentences
from rag.types import Citation, Claim, Document, Lang, Passage, Sentence, Span


def ground(
    claim: Claim,
    passages: Mapping[str, Passage],
    documents: Mapping[str, Document],
    lang: Lang,
    number: int,
) -> Sentence | None:
    """Return the claim as a sentence that cites its quote under `number`, or None.

    None when no passage it names holds the quote as whole sentences, or when a quoted claim says
    other words than its quote, or a translated one other words than the project's translation.
    """
    for passage in (passages[id_] for id_ in claim.passage_ids if id_ in passages):
        document = documents.get(passage.doc_id)
        span = _place(claim.quote, passage)
        if document is None or span is None:
            continue
        if span.of(document.text) == claim.quote and _says(claim, document, span):
            citation = Citation(
                number,
                document.id,
                document.title,
                document.author if lang == "zh" else document.author_en,
                _url(document, passage),
                span,
                claim.quote,
            )
            return Sentence(
                text=claim.text,
                lang="en" if claim.kind == "translation" else document.lang,
                kind=claim.kind,
                speaker=voice(document, passage, lang),
                citations=(citation,),
                support=1.0,
            )
    return None


def checked(
    claims: Iterable[Claim],
    passages: Mapping[str, Passage],
    documents: Mapping[str, Document],
    lang: Lang,
) -> Iterator[tuple[Claim, Sentence | None]]:
    """Yield each claim with its sentence, or None; one passage has one number, from 1 upwards."""
    numbers: dict[tuple[str, ...], int] = {}
    for claim in claims:
        number = numbers.get(claim.passage_ids, len(numbers) + 1)
        sentence = ground(claim, passages, documents, lang, number)
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


def _says(claim: Claim, document: Document, span: Span) -> bool:
    if claim.kind == "quote":
        return claim.text == claim.quote
    said = translated(document, span)
    return claim.kind == "translation" and bool(said) and claim.text == said


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
