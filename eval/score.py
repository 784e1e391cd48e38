"""Reply + gold -> what was right and wrong with it, sentence by sentence and quote by quote.

Nothing that a system says of itself is believed: its quotes are looked for in the essays, and its
sentences are held against the passages that those quotes stand in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eval.cases import Case, Point, covers, locate
from eval.reply import Cited, Found, Reply, Said
from rag import Document, Grade, Mentor, Span, grade, reasons, translated
from rag import locate as stands

# (context, claim) pairs -> how surely each is supported
Judge = Callable[[Sequence[tuple[str, str]]], list[float]]

_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """A citation, judged. `span` is where its quote stands in the cited essay, None for nowhere.

    `gold` says whether it shares at least half of a gold quote, or of itself with one; `alone`
    whether it supports the sentence by itself, `without` whether the others do without it.
    """

    cited: Cited
    grade: Grade
    span: Span | None
    gold: bool
    alone: bool
    without: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence, judged: how surely the passages it cites support it, and its citations."""

    said: Said
    support: float
    supported: bool
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A case, its reply, and all that was judged of it.

    `ranking` holds for each of the first ten found passages the gold quotes that it covers, by
    their place in `gold`; `held` says which of the case's key points the answer makes; `cited`
    names the passages that its quotes stand in. `cluster` is what an item stands or falls with:
    the passage where its first gold quote begins, or its topic.
    """

    case: Case
    reply: Reply
    gold: tuple[tuple[str, Span], ...]
    ranking: tuple[frozenset[int], ...]
    sentences: tuple[Checked, ...]
    held: tuple[bool, ...]
    cited: frozenset[str]
    cluster: str


@dataclass(frozen=True, slots=True)
class _Mark:
    """A citation, where its quote stands, and the passages that it touches, "" for none."""

    cited: Cited
    span: Span | None
    passage: str


class Scorer:
    """Judges replies against one shelf, by one checker."""

    def __init__(self, mentor: Mentor, judge: Judge, threshold: float) -> None:
        self._mentor, self._judge, self._threshold = mentor, judge, threshold
        self._texts = {id_: document.text for id_, document in mentor.documents.items()}

    def __call__(self, case: Case, reply: Reply) -> Item:
        """Return the reply, judged; a failed one has nothing that could be right.

        Raises:
            ValueError: a gold quote stands in no essay of the shelf; the case is named.
        """
        gold = gold_of(case, self._documents)
        sentences = tuple(self._checked(said, gold) for said in reply.said)
        ranking = tuple(held_by(found, gold) for found in reply.found[:_DEPTH])
        held = self._held(case.points, reply.said, sentences)
        cited = frozenset(
            passage.id
            for sentence in sentences
            for proof in sentence.proofs
            if proof.span
            for passage in self._mentor.passages_at(proof.cited.doc_id, proof.span)
        )
        cluster = self._cluster(case, gold)
        return Item(case, reply, gold, ranking, sentences, held, cited, cluster)

    @property
    def _documents(self) -> Mapping[str, Document]:
        return self._mentor.documents

    def _cluster(self, case: Case, gold: Sequence[tuple[str, Span]]) -> str:
        if not gold:
            return case.topic
        doc_id, span = min(gold)
        first = next(iter(self._mentor.passages_at(doc_id, span)), None)
        return first.id if first else f"{doc_id}:{span.start}"

    def _checked(self, said: Said, gold: Sequence[tuple[str, Span]]) -> Checked:
        marks = [self._mark(cited) for cited in said.citations]
        support = self._support(said.text, marks)
        proofs = tuple(
            Proof(
                mark.cited,
                self._grade(mark.cited),
                mark.span,
                mark.span is not None and _is_gold(mark.cited.doc_id, mark.span, gold),
                alone=self._support(said.text, [mark]) >= self._threshold,
                without=self._support(said.text, marks[:at] + marks[at + 1 :]) >= self._threshold,
            )
            for at, mark in enumerate(marks)
        )
        return Checked(said, support, support >= self._threshold, proofs)

    def _mark(self, cited: Cited) -> "_Mark":
        span = self._place(cited)
        return _Mark(cited, span, self._passage(cited, span))

    def _place(self, cited: Cited) -> Span | None:
        """Return where a quote stands in the essay it is said to come from, its offsets first.

        It stands nowhere that `grade` does not see it: offsets into the middle of a word are none.
        """
        text = self._texts.get(cited.doc_id, "")
        found = stands(cited.quote, text)
        if found and cited.start >= 0 and text[cited.start : cited.end] == cited.quote:
            return Span(cited.start, cited.end)
        return found[0] if found else None

    def _grade(self, cited: Cited) -> Grade:
        others = [text for id_, text in self._texts.items() if id_ != cited.doc_id]
        return grade(cited.quote, self._texts.get(cited.doc_id, ""), others)

    def why(self, sentence: Checked) -> list[str]:
        """Return why a sentence passed or failed, in a few words each."""
        proofs = sentence.proofs
        if not proofs:
            return ["cites nothing"]
        nowhere = [f"[{p.cited.n}] its quote is {p.grade}" for p in proofs if p.span is None]
        if nowhere:
            return nowhere
        if sentence.support == 1.0:
            return ["the cited passage says it in these words, or it is our translation of them"]
        sure = f"the checker is {sentence.support:.2f} sure; {self._threshold:.2f} are needed"
        texts = [self._passage(p.cited, p.span) for p in proofs]
        return [sure, *reasons("\n".join(texts), sentence.said.text)]

    def _passage(self, cited: Cited, span: Span | None) -> str:
        """Return the passages that a quote touches, "" where it stands nowhere."""
        if span is None:
            return ""
        return "\n".join(p.text for p in self._mentor.passages_at(cited.doc_id, span))

    def _support(self, text: str, marks: Sequence["_Mark"]) -> float:
        """Return 1 for words of a cited passage and for the project's own translation of a quote,
        what the checker says of the passages together otherwise; 0 without any.
        """
        passages = dict.fromkeys(mark.passage for mark in marks if mark.passage)
        if not passages:
            return 0.0
        joined = "\n".join(passages)
        if stands(text, joined):
            return 1.0
        for cited, span in ((mark.cited, mark.span) for mark in marks):
            if span and translated(self._documents[cited.doc_id], span) == text:
                return 1.0
        return self._judge([(joined, text)])[0]

    def _held(
        self,
        points: Sequence[Point],
        said: Sequence[Said],
        sentences: Sequence[Checked],
    ) -> tuple[bool, ...]:
        """Say which points an answer makes: by a quote that proves it, or by what it says."""
        if not points or not said:
            return (False,) * len(points)
        quoted = [
            self._texts[p.cited.doc_id][p.span.start : p.span.end]
            for sentence in sentences
            for p in sentence.proofs
            if p.span
        ]
        text = "\n".join(sentence.text for sentence in said)
        return tuple(
            any(_overlap(point.quote, quote) for quote in quoted)
            or max(self._judge([(text, point.zh), (text, point.en)])) >= self._threshold
            for point in points
        )


def gold_of(case: Case, documents: Mapping[str, Document]) -> tuple[tuple[str, Span], ...]:
    """Return where the gold quotes of a case stand.

    Raises:
        ValueError: one stands in no essay of the shelf; the case is named.
    """
    if unknown := {id_ for id_, _ in case.gold} - documents.keys():
        msg = f"{case.id}: the shelf has no essay {', '.join(sorted(unknown))}."
        raise ValueError(msg)
    return tuple((id_, locate(documents[id_], quote)) for id_, quote in case.gold)


def held_by(found: Found, gold: Sequence[tuple[str, Span]]) -> frozenset[int]:
    """Return which gold quotes a found passage holds; none where its offsets make no sense."""
    if not 0 <= found.start < found.end:
        return frozenset()
    place = Span(found.start, found.end)
    return frozenset(
        at for at, (id_, span) in enumerate(gold) if id_ == found.doc_id and covers(place, span)
    )


def tells_found(case: Case, reply: Reply) -> bool:
    """Say whether a ranking can be judged: there is gold, and the system shows what it found."""
    return case.answerable and (bool(reply.found) or reply.outcome == "failed")


def _is_gold(doc_id: str, span: Span, gold: Sequence[tuple[str, Span]]) -> bool:
    return any(
        doc_id == id_ and 2 * span.overlap(wanted) >= min(len(span), len(wanted))
        for id_, wanted in gold
    )


def _overlap(point: str, quote: str) -> bool:
    """Say whether a quote holds the words that prove a point, or most of them."""
    return bool(stands(point, quote)) or bool(stands(quote, point))
