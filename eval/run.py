"""Cases + Mentor -> figures: does it find the passage, quote exactly, refuse when it should?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from eval.cases import Case, is_gold, locate
from eval.metrics import (
    hit_at,
    percentile,
    reciprocal_rank,
    reliability,
    risk_coverage,
    share,
    wilson,
)
from rag import Answer, Mentor, Span

_DEPTH, _PARTS = 10, 5
LANGS = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Row:
    """What Mentor made of one case.

    `ranking` says which of its first ten hits are gold, `exact` which of its citations stand in
    their essay letter for letter, `cited` which of them stand in a gold passage.
    """

    case: Case
    answer: Answer
    ranking: tuple[bool, ...]
    exact: tuple[bool, ...]
    cited: tuple[bool, ...]
    evidence: float


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
    gold = _gold(mentor, case)
    answer = mentor.ask(case.question, case.history)
    citations = [c for sentence in answer.sentences for c in sentence.citations]
    exact = tuple(c.span.of(mentor.documents[c.doc_id].text) == c.quote for c in citations)
    passages = [hit.passage for hit in answer.hits if is_gold(hit.passage, gold)]
    cited = tuple(
        any(p.doc_id == c.doc_id and p.span.overlap(c.span) for p in passages) for c in citations
    )
    evidence, _ = mentor.weigh(case.question, case.history)
    return Row(case, answer, ranked(mentor, case), exact, cited, evidence)


def ranked(mentor: Mentor, case: Case) -> tuple[bool, ...]:
    """Return which of the first ten hits for a case are gold."""
    gold = _gold(mentor, case)
    hits = mentor.retrieve(case.question, _DEPTH, case.history)
    return tuple(is_gold(hit.passage, gold) for hit in hits)


def _gold(mentor: Mentor, case: Case) -> list[tuple[str, Span]]:
    return [(doc_id, locate(mentor.documents[doc_id], quote)) for doc_id, quote in case.gold]


def figures(rows: Sequence[Row], furniture: Sequence[str]) -> list[Figure]:
    """Return every figure of the report, in its order; `furniture` must never be cited."""
    spoken = [len(row.answer.sentences) for row in rows if _answered(row)]
    return [
        *(figure for lang in LANGS for figure in _retrieval(rows, lang)),
        *_by_style(rows),
        *_refusal(rows),
        *(
            _proportion(f"gold quote cited {lang}", rows, _overlaps, _answerable(lang))
            for lang in LANGS
        ),
        of_flags(
            "citations in a gold passage",
            [flag for row in rows for flag in row.cited if row.case.answerable],
        ),
        Figure("sentences an answer", share(spoken), None, len(spoken)),
        of_flags("quotes exact", [flag for row in rows for flag in row.exact]),
        of_flags("quotes free of page furniture", _clean(rows, furniture)),
        _milliseconds(rows),
    ]


def curves(rows: Sequence[Row]) -> list[Figure]:
    """Return how far evidence can be trusted: reliability, risk by coverage, its mean (AURC)."""
    return [*_reliability(rows), *_risk_by_coverage(rows), _aurc(rows)]


def _retrieval(rows: Sequence[Row], lang: str) -> list[Figure]:
    asked = [row for row in rows if row.case.lang == lang and row.case.answerable]
    ranks = [reciprocal_rank(row.ranking) for row in asked]
    return [
        *(of_flags(f"hit@{k} {lang}", [hit_at(k, row.ranking) for row in asked]) for k in (1, 5)),
        Figure(f"MRR@10 {lang}", share(ranks), None, len(ranks)),
    ]


def _by_style(rows: Sequence[Row]) -> list[Figure]:
    """Return how the ways of asking differ: a few words, a plain sentence, a worry told."""
    asked = [row for row in rows if row.case.answerable]
    styles = sorted({row.case.style for row in asked})
    return [
        of_flags(f"hit@5 {style}", [hit_at(5, r.ranking) for r in asked if r.case.style == style])
        for style in styles
    ]


def _refusal(rows: Sequence[Row]) -> list[Figure]:
    found = [
        _proportion(f"refused when unanswerable{tail}", rows, _refused, _unanswerable(lang))
        for lang, tail in (("", ""), ("zh", " zh"), ("en", " en"))
    ]
    for kind in sorted({row.case.kind for row in rows if not row.case.answerable}):
        flags = [_refused(row) for row in rows if row.case.kind == kind]
        found.append(of_flags(f"refused when unanswerable, {kind}", flags))
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


def _aurc(rows: Sequence[Row]) -> Figure:
    """Return the mean risk of answering the surest k questions, over k: wrong is what has no gold
    quote in its first five hits.
    """
    risks = risk_coverage([row.evidence for row in rows], [_wrong(row) for row in rows])
    return Figure("AURC", share(risks), None, len(rows))


def _risk_by_coverage(rows: Sequence[Row]) -> list[Figure]:
    """Return the risk among the surest fifth of the questions, two fifths, and so on."""
    risks = risk_coverage([row.evidence for row in rows], [_wrong(row) for row in rows])
    ends = [round(len(risks) * part / _PARTS) for part in range(1, _PARTS + 1)]
    return [
        Figure(f"risk at coverage {part / _PARTS:.1f}", risks[end - 1], None, end)
        for part, end in enumerate(ends, start=1)
        if end
    ]


def _reliability(rows: Sequence[Row]) -> list[Figure]:
    """Return for fifths of the questions, by evidence, the share that the essays answer."""
    bins = reliability(
        [row.evidence for row in rows], [row.case.answerable for row in rows], _PARTS
    )
    return [
        Figure(f"answerable where evidence is {mean:.2f}", true, wilson(true * n, n), n)
        for mean, true, n in bins
    ]


def _wrong(row: Row) -> bool:
    return not hit_at(5, row.ranking)


def _milliseconds(rows: Sequence[Row]) -> Figure:
    times = [row.answer.timings_ms["total"] for row in rows if "total" in row.answer.timings_ms]
    return Figure("median milliseconds an answer", percentile(times, 0.5), None, len(times))
