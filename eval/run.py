"""Cases + Mentor -> figures: does it find the passage, quote exactly, refuse when it should?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from eval.cases import Case, is_gold, locate
from eval.metrics import hit_at, percentile, reciprocal_rank, share, wilson
from rag import Answer, Mentor

_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Row:
    """What Mentor made of one case. `ranking` says which of its first ten hits are gold."""

    case: Case
    answer: Answer
    ranking: tuple[bool, ...]
    exact: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its interval and the size of its sample; `value` None for an empty one."""

    name: str
    value: float | None
    interval: tuple[float, float] | None
    n: int


def ask_all(mentor: Mentor, cases: Iterable[Case]) -> list[Row]:
    """Ask every case; retrieval is asked apart from the answer, which may refuse."""
    return [_row(mentor, case) for case in cases]


def _row(mentor: Mentor, case: Case) -> Row:
    gold = [(doc_id, locate(mentor.documents[doc_id], quote)) for doc_id, quote in case.gold]
    hits = mentor.retrieve(case.question, _DEPTH)
    answer = mentor.ask(case.question)
    citations = [c for sentence in answer.sentences for c in sentence.citations]
    exact = tuple(c.span.of(mentor.documents[c.doc_id].text) == c.quote for c in citations)
    return Row(case, answer, tuple(is_gold(hit.passage, gold) for hit in hits), exact)


def figures(rows: Sequence[Row], furniture: Sequence[str]) -> list[Figure]:
    """Return every figure of the report, in its order; `furniture` must never be cited."""
    return [
        *_retrieval(rows, "zh"),
        *_retrieval(rows, "en"),
        *_refusal(rows),
        _proportion("answers that cite a gold passage", rows, _cites_gold, _answered),
        of_flags("quotes exact", [flag for row in rows for flag in row.exact]),
        of_flags("quotes free of page furniture", _clean(rows, furniture)),
        _milliseconds(rows),
    ]


def _retrieval(rows: Sequence[Row], lang: str) -> list[Figure]:
    asked = [row for row in rows if row.case.lang == lang and row.case.answerable]
    ranks = [reciprocal_rank(row.ranking) for row in asked]
    return [
        *(of_flags(f"hit@{k} {lang}", [hit_at(k, row.ranking) for row in asked]) for k in (1, 5)),
        Figure(f"MRR@10 {lang}", share(ranks), None, len(ranks)),
    ]


def _refusal(rows: Sequence[Row]) -> list[Figure]:
    found = [
        _proportion(f"refused when unanswerable{tail}", rows, _refused, _unanswerable(lang))
        for lang, tail in (("", ""), ("zh", " zh"), ("en", " en"))
    ]
    return found + [
        _proportion(f"refused when answerable{tail}", rows, _refused, _answerable(lang))
        for lang, tail in (("", ""), ("zh", " zh"), ("en", " en"))
    ]


def _refused(row: Row) -> bool:
    return row.answer.status == "refused"


def _answered(row: Row) -> bool:
    return row.case.answerable and not _refused(row)


def _unanswerable(lang: str) -> Callable[[Row], bool]:
    return lambda row: not row.case.answerable and lang in row.case.lang


def _answerable(lang: str) -> Callable[[Row], bool]:
    return lambda row: row.case.answerable and lang in row.case.lang


def _cites_gold(row: Row) -> bool:
    cited = {c.n for sentence in row.answer.sentences for c in sentence.citations}
    return bool(cited) and any(row.ranking[: len(row.answer.hits)]) and _overlaps(row)


def _overlaps(row: Row) -> bool:
    quotes = [(c.doc_id, c.quote) for s in row.answer.sentences for c in s.citations]
    gold = [(doc_id, "".join(quote.split())) for doc_id, quote in row.case.gold]
    return any(
        doc_id == gold_id and _shares("".join(quote.split()), wanted)
        for doc_id, quote in quotes
        for gold_id, wanted in gold
    )


def _shares(quote: str, wanted: str, letters: int = 8) -> bool:
    """Say whether two texts share a run of `letters` characters."""
    return any(
        wanted[at : at + letters] in quote for at in range(max(1, len(wanted) - letters + 1))
    )


def _clean(rows: Sequence[Row], furniture: Sequence[str]) -> list[bool]:
    quotes = [c.quote for row in rows for s in row.answer.sentences for c in s.citations]
    return [not any(phrase in quote for phrase in furniture) for quote in quotes]


def _proportion(
    name: str,
    rows: Sequence[Row],
    wanted: Callable[[Row], bool],
    among: Callable[[Row], bool],
) -> Figure:
    return of_flags(name, [wanted(row) for row in rows if among(row)])


def of_flags(name: str, flags: Sequence[float]) -> Figure:
    """Return the share of flags that are set, with its interval."""
    return Figure(
        name, share([float(f) for f in flags]), wilson(sum(flags), len(flags)), len(flags)
    )


def _milliseconds(rows: Sequence[Row]) -> Figure:
    times = [row.answer.timings_ms["total"] for row in rows if "total" in row.answer.timings_ms]
    return Figure("median milliseconds an answer", percentile(times, 0.5), None, len(times))
