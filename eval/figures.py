"""Items -> figures: every number of a report, with its interval over resampled passages."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from eval import metrics
from eval.cases import furniture, script
from eval.score import Item, tells_found
from eval.stats import bootstrap

LANGS = ("zh", "en")
_AT = (1, 5, 10)
_PARTS = 5

# What a question is worth in one figure, None where the figure is not about it; several values
# where its sentences or quotes are pooled with those of the others.
Worth = Callable[[Item], float | Sequence[float] | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval and the size of its sample; `value` None for an empty one.

    `better` says which way is better, "" where neither is; `headline` marks the few to look at.
    """

    group: str
    name: str
    value: float | None
    interval: metrics.Interval | None
    n: int
    better: str = "higher"
    headline: bool = False


def figures(items: Sequence[Item], seed: int, resamples: int) -> list[Figure]:
    """Return every figure in the order of the report. An interval draws whole passages."""
    mean = partial(_mean, items, seed=seed, resamples=resamples)
    found = [mean(*row) for row in _plan(items)]
    return [*found, _balanced(found), *_aurc(items)]


def scores(item: Item) -> dict[str, float]:
    """Return what an item is worth where two runs are compared: from 0 to 1, higher is better.

    What a question has no part in is left out.
    """
    found = {
        "hit@5": _hit(5, item),
        "reciprocal rank": _mrr(item),
        "gold quote cited": _gold_cited(item),
        "quotes exact": _graded("exact", item),
        "faithful": _faithful(item),
        "key points": _points(item),
        "answered or refused rightly": _right(item),
    }
    return {name: value for name, value in found.items() if value is not None}


def _right(item: Item) -> float:
    return float(item.reply.outcome == ("answered" if item.case.answerable else "refused"))


def _plan(items: Sequence[Item]) -> Iterator[tuple[str, str, Worth, str, bool]]:
    """Yield group, name, what each question is worth, which way is better, whether a headline."""
    for lang in LANGS:
        for k in _AT:
            yield "retrieval", f"hit@{k} {lang}", _in(lang, partial(_hit, k)), "higher", k == 5
        for k in _AT[1:]:
            yield "retrieval", f"recall@{k} {lang}", _in(lang, partial(_recall, k)), "higher", False
        yield "retrieval", f"MRR@10 {lang}", _in(lang, _mrr), "higher", False
        yield "retrieval", f"nDCG@10 {lang}", _in(lang, _ndcg), "higher", False
    for pair in sorted({pair for item in items if (pair := _pair(item))}):
        yield "retrieval", f"hit@5 {pair}", _of_pair(pair, partial(_hit, 5)), "higher", False
    for style in sorted({item.case.style for item in items if item.case.answerable}):
        yield "retrieval", f"hit@5 {style}", _of_style(style, partial(_hit, 5)), "higher", False
    for grade in ("exact", "equal", "elsewhere", "nowhere"):
        better = "higher" if grade == "exact" else "lower" if grade != "equal" else ""
        yield "quotes", f"quotes {grade}", partial(_graded, grade), better, grade == "exact"
    yield "quotes", "quotes exact, each counted", _each_exact, "higher", False
    yield "quotes", "quotes free of page furniture", _clean, "higher", False
    yield "citations", "citation validity", _valid, "higher", False
    yield "citations", "citation coverage", _covered, "higher", False
    yield "citations", "citation recall", _citation_recall, "higher", False
    yield "citations", "citation precision", _citation_precision, "higher", False
    for lang in LANGS:
        yield "citations", f"gold quote cited {lang}", _in(lang, _gold_cited), "higher", True
    yield "citations", "citations that are gold", _gold_share, "higher", False
    yield "faithfulness", "faithfulness by answer", _faithful, "higher", True
    yield "faithfulness", "faithfulness by sentence", _supported, "higher", False
    yield "faithfulness", "answers wholly faithful", _wholly, "higher", False
    yield "key points", "key point recall", _points, "higher", True
    for lang in LANGS:
        yield "key points", f"key point recall {lang}", _in(lang, _points), "higher", False
    yield "refusal", "refused when unanswerable", _rejected, "higher", True
    yield "refusal", "refused when answerable", _falsely_refused, "lower", True
    for lang in LANGS:
        yield "refusal", f"refused when unanswerable {lang}", _in(lang, _rejected), "higher", False
        yield (
            "refusal",
            f"refused when answerable {lang}",
            _in(lang, _falsely_refused),
            "lower",
            False,
        )
    for kind in sorted({item.case.kind for item in items if not item.case.answerable}):
        yield "refusal", f"refused when unanswerable, {kind}", _of_kind(kind), "higher", False
    yield "parity", "same passage in both languages", _parity(items), "higher", False
    yield "failures", "failed", _failed, "lower", False


def _mean(
    items: Sequence[Item],
    group: str,
    name: str,
    worth: Worth,
    better: str,
    headline: bool,  # noqa: FBT001 - a row of the plan
    *,
    seed: int,
    resamples: int,
) -> Figure:
    rows = [(value, item.cluster) for item in items for value in _values(worth(item))]
    values, clusters = [value for value, _ in rows], [name for _, name in rows]
    interval = bootstrap(values, clusters, seed=seed, resamples=resamples)
    return Figure(group, name, metrics.share(values), interval, len(rows), better, headline)


def _values(worth: float | Sequence[float] | None) -> Sequence[float]:
    if worth is None:
        return ()
    return worth if isinstance(worth, Sequence) else (worth,)


# --- what a question is worth ------------------------------------------------------------------


def _in(lang: str, worth: Worth) -> Worth:
    return lambda item: worth(item) if item.case.lang == lang else None


def _of_style(style: str, worth: Worth) -> Worth:
    return lambda item: worth(item) if item.case.style == style else None


def _of_pair(pair: str, worth: Worth) -> Worth:
    return lambda item: worth(item) if _pair(item) == pair else None


def _of_kind(kind: str) -> Worth:
    return lambda item: _rejected(item) if item.case.kind == kind else None


def _pair(item: Item) -> str:
    """Return "en-zh" for an English question whose gold is Chinese; "" without gold, or mixed."""
    told = {script(quote) for _, quote in item.case.gold}
    return f"{item.case.lang}-{told.pop()}" if len(told) == 1 else ""


def _ranked(item: Item) -> list[bool]:
    """Return for each found passage whether it holds a gold quote that none before it holds."""
    seen: set[int] = set()
    flags = []
    for gold in item.ranking:
        flags.append(bool(gold - seen))
        seen |= gold
    return flags


def _hit(k: int, item: Item) -> float | None:
    return (
        metrics.hit_at(k, [*map(bool, item.ranking)])
        if tells_found(item.case, item.reply)
        else None
    )


def _recall(k: int, item: Item) -> float | None:
    return (
        metrics.recall_at(k, item.ranking, len(item.gold))
        if tells_found(item.case, item.reply)
        else None
    )


def _mrr(item: Item) -> float | None:
    return (
        metrics.reciprocal_rank([*map(bool, item.ranking)])
        if tells_found(item.case, item.reply)
        else None
    )


def _ndcg(item: Item) -> float | None:
    return (
        metrics.ndcg(_ranked(item), len(item.gold)) if tells_found(item.case, item.reply) else None
    )


def _graded(grade: str, item: Item) -> float | None:
    grades = [proof.grade for sentence in item.sentences for proof in sentence.proofs]
    return metrics.share([found == grade for found in grades])


def _each_exact(item: Item) -> list[bool]:
    return [proof.grade == "exact" for sentence in item.sentences for proof in sentence.proofs]


def _clean(item: Item) -> float | None:
    quotes = [proof.cited.quote for sentence in item.sentences for proof in sentence.proofs]
    return metrics.share([not any(line in quote for line in furniture()) for quote in quotes])


def _valid(item: Item) -> float | None:
    """Return the share of citations that point at words of the shelf, once in their sentence."""
    flags = []
    for sentence in item.sentences:
        seen: set[tuple[int, str]] = set()
        for proof in sentence.proofs:
            key = (proof.cited.n, proof.cited.quote)
            flags.append(proof.span is not None and key not in seen)
            seen.add(key)
    return metrics.share(flags)


def _covered(item: Item) -> float | None:
    return metrics.coverage([len(sentence.proofs) for sentence in item.sentences])


def _support(item: Item) -> list[metrics.Support]:
    return [
        metrics.Support(
            sentence.supported,
            tuple(proof.alone for proof in sentence.proofs),
            tuple(proof.without for proof in sentence.proofs),
        )
        for sentence in item.sentences
    ]


def _citation_recall(item: Item) -> float | None:
    return metrics.citation_recall(_support(item))


def _citation_precision(item: Item) -> float | None:
    return metrics.citation_precision(_support(item))


def _gold_cited(item: Item) -> float | None:
    if not item.case.answerable:
        return None
    return float(any(proof.gold for sentence in item.sentences for proof in sentence.proofs))


def _gold_share(item: Item) -> float | None:
    if not item.case.answerable:
        return None
    return metrics.share([proof.gold for sentence in item.sentences for proof in sentence.proofs])


def _supported(item: Item) -> list[bool]:
    return [sentence.supported for sentence in item.sentences]


def _faithful(item: Item) -> float | None:
    return metrics.faithfulness([_supported(item)])


def _wholly(item: Item) -> float | None:
    return metrics.wholly_faithful([_supported(item)])


def _points(item: Item) -> float | None:
    return metrics.key_point_recall(item.held) if item.case.answerable else None


def _rejected(item: Item) -> float | None:
    return None if item.case.answerable else float(item.reply.outcome == "refused")


def _falsely_refused(item: Item) -> float | None:
    return float(item.reply.outcome != "answered") if item.case.answerable else None


def _failed(item: Item) -> float:
    return float(item.reply.outcome == "failed")


def _parity(items: Sequence[Item]) -> Worth:
    """Return what a Chinese question of a topic is worth beside the English one of the topic."""
    english = {item.case.topic: item for item in items if item.case.lang == "en"}

    def worth(item: Item) -> float | None:
        other = english.get(item.case.topic)
        if item.case.lang != "zh" or other is None or not item.case.answerable:
            return None
        outcomes = {item.reply.outcome, other.reply.outcome}
        if outcomes == {"refused"}:
            return 1.0
        both = outcomes == {"answered"} and item.cited and other.cited
        return metrics.parity(item.cited, other.cited) if both else 0.0

    return worth


# --- figures of the whole ----------------------------------------------------------------------


def _balanced(found: Sequence[Figure]) -> Figure:
    values = {figure.name: figure.value for figure in found}
    n = sum(
        f.n for f in found if f.name in {"refused when unanswerable", "refused when answerable"}
    )
    value = metrics.balanced_refusal(
        values["refused when unanswerable"], values["refused when answerable"]
    )
    return Figure("refusal", "refusal, balanced accuracy", value, None, n)


def _sure(items: Sequence[Item]) -> tuple[list[float], list[bool], list[bool]]:
    """Return evidence, whether the first five hits lack gold, and whether there is an answer."""
    told = [item for item in items if item.reply.evidence is not None]
    evidence = [item.reply.evidence or 0.0 for item in told]
    wrong = [not any(map(bool, item.ranking[:5])) for item in told]
    return evidence, wrong, [item.case.answerable for item in told]


def _aurc(items: Sequence[Item]) -> list[Figure]:
    evidence, wrong, _ = _sure(items)
    risks = metrics.risk_coverage(evidence, wrong)
    return [Figure("refusal", "AURC", metrics.share(risks), None, len(risks), "lower")]


def curves(items: Sequence[Item]) -> dict[str, list[list[float]]]:
    """Return risk by coverage and reliability as points; empty where no evidence is told."""
    evidence, wrong, truths = _sure(items)
    risks = metrics.risk_coverage(evidence, wrong)
    bins = metrics.reliability(evidence, truths, _PARTS)
    return {
        "risk_coverage": [[(at + 1) / len(risks), risk] for at, risk in enumerate(risks)],
        "reliability": [[mean, true, n] for mean, true, n in bins],
    }


def of_flags(name: str, flags: Sequence[float], group: str = "") -> Figure:
    """Return the share of flags that are set, with Wilson's interval: each stands for itself."""
    interval = metrics.wilson(sum(flags), len(flags))
    return Figure(group, name, metrics.share(flags), interval, len(flags))
