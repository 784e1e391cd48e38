"""Claim + passages -> Sentence, or none. Nothing reaches a reader but through here.

A claim stands only if its quote stands in a passage it names; what is shown is then the essay's
own slice. A generated claim must be supported by that passage, too (`rag/check.py`), and by what
the right person says there. Knows nothing of search or of how claims are made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rag.text import sentences
from rag.types import Citation, Claim, Document, Lang, Passage, Sentence, Span

if TYPE_CHECKING:
    from rag.check import Checker


def ground(
    claim: Claim,
    passages: Mapping[str, Passage],
    documents: Mapping[str, Document],
    lang: Lang,
    number: "Callable[[Passage, Span], int]",
    checker: "Callable[[], Checker]",
    others: Sequence[Passage] = (),
) -> Sentence | None:
    """Return the claim as a sentence with its proof, or None; `number` gives a citation its n.

    A quoted claim stands where a passage it names holds its quote as whole sentences and it says
    no other words than these; a translated one, no other words than the project's translation. A
    generated claim stands where a passage it names bears it out, or else one of `others` does
    beyond doubt: the whole sentences that do so are cited. `checker` is asked for only then.
    """
    named_ = [passages[id_] for id_ in claim.passage_ids if id_ in passages]
    if claim.kind == "generated":
        proof = _retold(claim, named_, others, documents, lang, checker)
    else:
        proof = _copied(claim, named_, documents)
    if proof is None:
        return None
    passage, span, support = proof
    document = documents[passage.doc_id]
    citation = Citation(
        number(passage, span),
        document.id,
        document.title,
        document.author if lang == "zh" else document.author_en,
        _url(document, passage),
        span,
        span.of(document.text),
    )
    return Sentence(
        text=claim.text,
        lang=_language(claim, document, lang),
        kind=claim.kind,
        speaker=voice(document, passage, lang),
        citations=(citation,),
        support=support,
    )


def checked(
    claims: Iterable[Claim],
    passages: Mapping[str, Passage],
    documents: Mapping[str, Document],
    lang: Lang,
    checker: "Callable[[], Checker]",
    others: Sequence[Passage] = (),
) -> Iterator[tuple[Claim, Sentence | None]]:
    """Yield each claim with its sentence, or None; one place has one number, from 1 upwards."""
    numbers: dict[tuple[str, Span], int] = {}

    def number(passage: Passage, span: Span) -> int:
        return numbers.setdefault((passage.id, span), len(numbers) + 1)

    for claim in claims:
        yield claim, ground(claim, passages, documents, lang, number, checker, others)


Proof = tuple[Passage, Span, float]  # where it stands in the essay, and how surely


def _copied(
    claim: Claim, named_: Iterable[Passage], documents: Mapping[str, Document]
) -> Proof | None:
    """Return where the words of an essay, or of its translation, stand."""
    for passage in named_:
        document, span = documents.get(passage.doc_id), _place(claim.quote, passage)
        if document is None or span is None or span.of(document.text) != claim.quote:
            continue
        said = claim.quote if claim.kind == "quote" else translated(document, span)
        if said and claim.text == said:
            return passage, span, 1.0
    return None


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


def _retold(
    claim: Claim,
    cited: Sequence[Passage],
    others: Sequence[Passage],
    documents: Mapping[str, Document],
    lang: Lang,
    checker: "Callable[[], Checker]",
) -> Proof | None:
    """Return the first cited passage that bears a generated claim out, else the first of `others`
    that does so beyond doubt, and which of its sentences do.

    Of many passages one is always near: what its writer did not name must prove it more surely.
    """
    from rag.proof import weighed  # an answer of quotes alone does not wait for it

    speakers = [speaker for document in documents.values() for speaker in document.speakers]
    for passage in dict.fromkeys([*cited, *others]):
        document = documents.get(passage.doc_id)
        if document is None:
            continue
        found = weighed(claim.text, passage, document, lang, speakers, checker())
        least = checker().threshold if passage in cited else checker().sure
        if found and found[1] >= least:
            return passage, *found
    return None


def translated(document: Document, span: Span, lang: Lang = "en") -> str:
    """Return the project's translation of the sentences inside `span`; "" when one has none.

    Paragraphs and list marks stay as they are in the essay.
    """
    ours = document.english if lang == "en" else document.chinese
    quote, said, end = span.of(document.text), "", 0
    for inner in sentences(quote):
        between = quote[end : inner.start]
        translation = ours.get(span.start + inner.end)
        if not translation:
            return ""
        blank = " " * (bool(said) and lang == "en")
        said += (between if "\n" in between else blank) + translation
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
