"""Hit[] -> Claim[]: which of the essays' own sentences answer the question.

The quoting answerer needs no language model. It takes from each good passage the few sentences
nearest to the question, whole and in order, and prefers a second essay to a second helping.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.ground import translated
from rag.text import sentences
from rag.types import Claim, Document, Hit, Lang, Match, Passage, Span

# An answer is one to four quotes. A second one must come from a passage nearly as good as the
# first, a further one from one as good as it; the same of the sentences within them.
_MOST, _SECOND, _FURTHER, _NEAR = 4, 0.94, 0.94, 0.7
_SAME_ESSAY = 0.95  # what a passage of an essay already quoted is worth
_ENOUGH = 100  # characters from which a quote needs no neighbour
_LONG, _SHORT = 240, 24  # characters of a quote that is long enough, or too short to stand alone
_CLAUSE = 20  # characters of a sentence without a full stop that may still be one
_LATIN = 2.5  # English needs that many characters for one of Chinese
_NEIGHBOUR = 0.7  # a sentence beside the best one is quoted with it if it is that near

# A sentence that opens with one of these leans on the one before it.
_LEANS = re.compile(
    r"(?:但是?|因为|然后|而且|不过|然而|所以|因此|于是|此外|相反|另外|同时|并且|而|也就是说|即使|即便|这|那|它|他们?|其实|"
    r"否则|当然|反正|其中|其次|总之|or |so |but |and |because |cause |it |that |this |they )",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[?？][\"”’」』)）]*$")
_WHOLE = re.compile(r"[。！？!?.…;；~][\"”’」』)）]*\W*$")
_THANKS = re.compile(r"感谢|谢谢|thank", re.IGNORECASE)
_BROKEN_OFF = re.compile(r"。。$")
_LEADS_ON = re.compile(r"[:：;；]$")


class Answerer(Protocol):
    """Drafts claims out of hits; whatever it says is checked afterwards."""

    @property
    def name(self) -> str:
        """Tell who wrote an answer."""

    def __call__(
        self, question: str, lang: Lang, hits: Sequence[Hit], documents: Mapping[str, Document]
    ) -> list[Claim]:
        """Return claims in the order in which they should be read; no hits give []."""


class Quoter:
    """Answers with the essays' own sentences."""

    name = "quotes"

    def __call__(
        self, question: str, lang: Lang, hits: Sequence[Hit], documents: Mapping[str, Document]
    ) -> list[Claim]:
        """Return one to four quotes, essay by essay, the best one first."""
        del question  # the hits already say which of their parts came near to it
        runs = _runs(hits)
        order = list(dict.fromkeys(run.passage.doc_id for run in runs))
        runs.sort(key=lambda run: (order.index(run.passage.doc_id), run.span))
        return [_claim(run, lang, documents) for run in runs]


@dataclass(frozen=True, slots=True)
class _Run:
    """Sentences of a passage that may be quoted, and how near they are to the question."""

    passage: Passage
    span: Span
    near: float


def _runs(hits: Sequence[Hit]) -> list[_Run]:
    """Return the runs worth quoting, best first: few, and from several essays where they can be."""
    rest, taken, best = list(hits), list[_Run](), 0.0

    def worth(hit: Hit) -> float:
        known = any(hit.passage.doc_id == run.passage.doc_id for run in taken)
        return hit.score * (_SAME_ESSAY if known else 1.0)

    while rest and len(taken) < _MOST:
        hit = max(rest, key=worth)
        rest.remove(hit)
        if taken and worth(hit) < best * (_SECOND if len(taken) == 1 else _FURTHER):
            break
        run = _best_run(hit)
        if run and (not taken or run.near >= _NEAR * taken[0].near):
            taken.append(run)
            best = best or hit.score
    if len(taken) == 1 and hits[0].passage == taken[0].passage:
        return [_best_run(hits[0], alone=True) or taken[0]]
    return taken


def _best_run(hit: Hit, *, alone: bool = False) -> _Run | None:
    """Return the sentences of a passage that came nearest to the question, as one slice.

    Whole sentences only; at least two where it stands `alone` in the answer and the passage has
    them. None when the passage holds nothing but questions and fragments.
    """
    parts = _parts(hit.passage)
    near = [
        _nearness(part.span, hit.matches) if part.tells or part.leads else -1.0 for part in parts
    ]
    for best in sorted(range(len(parts)), key=lambda at: (-near[at], at)):
        if near[best] < 0:
            break
        grown = _grown(parts, near, best, _anchor(parts[best].span, hit.matches))
        first, last = _rounded(parts, *(_widened(parts, *grown) if alone else grown))
        if parts[last].tells:  # else a lead-in whose list is too long to quote
            span = Span(parts[first].span.start, parts[last].span.end)
            return _Run(hit.passage, span, near[best])
    return None


def _grown(
    parts: Sequence["_Part"], near: Sequence[float], best: int, anchor: Span | None
) -> tuple[int, int]:
    """Add the neighbours of the best sentence that answer the same question, or nearly as well."""
    first = last = best

    def joins(at: int) -> bool:
        within = anchor is not None and anchor.overlap(parts[at].span) > 0
        return within or near[at] >= _NEIGHBOUR * near[best] > 0

    while last + 1 < len(parts) and joins(last + 1) and _size(parts, first, last + 1) <= _LONG:
        last += 1
    while first and joins(first - 1) and _size(parts, first - 1, last) <= _LONG:
        first -= 1
    return first, last


def _widened(parts: Sequence["_Part"], first: int, last: int) -> tuple[int, int]:
    """Give a short quote its neighbours, the next ones first: advice follows its reason."""

    def fits(at: int, start: int, end: int) -> bool:
        return (parts[at].tells or parts[at].leads) and _size(parts, start, end) <= _LONG

    while _size(parts, first, last) < _ENOUGH and last + 1 < len(parts):
        if not fits(last + 1, first, last + 1):
            break
        last += 1
    while _size(parts, first, last) < _ENOUGH and first and fits(first - 1, first - 1, last):
        first -= 1
    return first, last


@dataclass(frozen=True, slots=True)
class _Part:
    """A sentence of a passage: one that `tells` may be quoted for itself, one that `leads` with
    what follows it.
    """

    span: Span
    text: str
    tells: bool
    leads: bool
    item: bool


def _parts(passage: Passage) -> list[_Part]:
    parts = []
    for inner in sentences(passage.text):
        text = inner.of(passage.text)
        item = passage.text[: inner.start].endswith(("- ", "* ", ". "))
        # A paragraph may end without a full stop: what it says is whole all the same.
        closes = passage.text[inner.end : inner.end + 1] in ("", "\n") and len(text) >= _CLAUSE
        whole = bool(_WHOLE.search(text)) or item or (closes and text[-1] not in ":：,，、")
        void = _ASKS.search(text) or _BROKEN_OFF.search(text) or _THANKS.match(text)
        tells = whole and len(text) >= 6 and not (void or "://" in text)
        leads = bool(_LEADS_ON.search(text)) and inner.end < len(passage.text.rstrip())
        parts.append(_Part(inner.shift(passage.span.start), text, tells, leads, item))
    return parts


def _nearness(span: Span, matches: Sequence[Match]) -> float:
    """Return how near a sentence is: by itself, and by the beginner questions it answers."""
    own = max((m.similarity for m in matches if m.kind == "sentence" and m.span == span), default=0)
    asked = [
        m.similarity
        for m in matches
        if m.kind == "question" and 2 * m.span.overlap(span) >= min(len(span), len(m.span))
    ]
    # Its own words decide where nobody asks: "GPU" in a sentence is no answer to "no GPU?".
    return own / 10 + sum(sorted(asked, reverse=True)[:2]) / 2


def _anchor(span: Span, matches: Sequence[Match]) -> Span | None:
    """Return the place that the nearest question about this sentence is answered at."""
    near = (m.span for m in matches if m.kind == "question" and m.span.overlap(span))
    return next(near, None)


def _rounded(parts: Sequence[_Part], first: int, last: int) -> tuple[int, int]:
    """Widen a run until it stands by itself: no leaning start, no open end, no stub."""
    while first and _size(parts, first - 1, last) <= _LONG and _leans(parts, first):
        first -= 1
    while last + 1 < len(parts) and _size(parts, first, last + 1) <= _LONG:
        opens = _LEADS_ON.search(parts[last].text)
        stub = _size(parts, first, last) < _SHORT and parts[last + 1].tells
        in_list = parts[last].item and parts[last + 1].item and parts[first].text[-1] in ":："
        if not (opens or stub or in_list):
            break
        last += 1
    while first < last and not parts[last].tells:
        last -= 1
    return first, last


def _leans(parts: Sequence[_Part], at: int) -> bool:
    here, before = parts[at], parts[at - 1]
    if here.item or _LEADS_ON.search(before.text):
        stub = before.item and not _WHOLE.search(here.text)
        return stub or bool(_LEADS_ON.search(before.text))
    return before.tells and bool(_LEANS.match(here.text))


def _size(parts: Sequence[_Part], first: int, last: int) -> float:
    text = "".join(part.text for part in parts[first : last + 1])
    return len(text) / (_LATIN if text.isascii() else 1.0)


def _claim(run: _Run, lang: Lang, documents: Mapping[str, Document]) -> Claim:
    passage = run.passage
    quote = run.span.shift(-passage.span.start).of(passage.text)
    english = translated(documents[passage.doc_id], run.span) if lang == "en" else ""
    if english:
        return Claim(english, (passage.id,), "translation", quote)
    return Claim(quote, (passage.id,), "quote", quote)
