"""One pure function a number. Intervals are 95 %; an empty sample gives None, never a score."""

import itertools
import math
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

Interval = tuple[float, float]

_Z = 1.959963984540054  # for 95 %


def hit_at(k: int, gold: Sequence[bool]) -> float:
    """Return 1.0 if one of the first `k` of a ranking is gold, else 0.0.

    >>> hit_at(2, [False, True, False]), hit_at(1, [False, True]), hit_at(5, [])
    (1.0, 0.0, 0.0)
    """
    return float(any(gold[:k]))


def reciprocal_rank(gold: Sequence[bool], depth: int = 10) -> float:
    """Return 1 / rank of the first gold passage among the first `depth`, else 0.0.

    >>> reciprocal_rank([False, True, True]), reciprocal_rank([]), reciprocal_rank([False] * 10)
    (0.5, 0.0, 0.0)
    """
    return next((1.0 / rank for rank, hit in enumerate(gold[:depth], start=1) if hit), 0.0)


def recall_at(k: int, ranking: Sequence[AbstractSet[int]], gold_count: int) -> float | None:
    """Return the share of the gold items that the first `k` of a ranking cover together.

    `ranking[i]` has the numbers of the gold items that the i-th hit covers. Manning, Raghavan and
    Schütze (2008), chapter 8. None where there is nothing to find.

    >>> recall_at(2, [{0}, {0, 2}, {1}], 4), recall_at(5, [], 4), recall_at(5, [], 0)
    (0.5, 0.0, None)
    """
    return len(set[int]().union(*ranking[:k])) / gold_count if gold_count else None


def ndcg(gold: Sequence[bool], gold_count: int, depth: int = 10) -> float | None:
    """Return the gain of the first `depth` of a ranking, divided by that of the best ranking.

    A gold hit gains 1 / log2(rank + 1): Järvelin and Kekäläinen (2002). None where there is
    nothing to find.

    >>> ndcg([False, True, True], 2)  # (1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3))
    0.6934264036172708
    >>> ndcg([], 2), ndcg([], 0)
    (0.0, None)

    Raises:
        ValueError: more hits are gold than there are gold ones. Where several hits cover one item,
            let only the first of them count.
    """
    if sum(gold) > gold_count:
        msg = f"gold: {sum(gold)} hits are gold, but there are only {gold_count}."
        raise ValueError(msg)
    best = _gain([True] * min(gold_count, depth))
    return _gain(gold[:depth]) / best if gold_count else None


def _gain(gold: Sequence[bool]) -> float:
    return math.fsum(1 / math.log2(rank + 1) for rank, hit in enumerate(gold, start=1) if hit)


@dataclass(frozen=True, slots=True)
class Support:
    """How the citations of one sentence bear it out, by whatever judge.

    `joined`: all of them read together do. For each citation, in order, `alone`: it does by itself;
    `without`: the others do without it. Without citations nothing bears it out: Support(False).
    """

    joined: bool
    alone: tuple[bool, ...] = ()
    without: tuple[bool, ...] = ()

    @property
    def recalled(self) -> bool:
        """Say whether the sentence has citations, and they bear it out together."""
        return bool(self.alone) and self.joined

    @property
    def precise(self) -> tuple[bool, ...]:
        """Say of each citation whether it has a part in that: the sentence is recalled, and it is
        not so that the citation fails alone while the others do without it.
        """
        pairs = zip(self.alone, self.without, strict=True)
        return tuple(self.recalled and (alone or not without) for alone, without in pairs)


def citation_recall(sentences: Sequence[Support]) -> float | None:
    """Return the share of sentences that their citations bear out: ALCE (Gao et al., 2023).

    All that are given are pooled. One without citations counts as not borne out. None where nothing
    was said.

    >>> two = Support(True, alone=(True, False), without=(False, True))
    >>> citation_recall([two, Support(False, (False,), (False,)), Support(False)])
    0.3333333333333333
    >>> citation_recall([])
    """
    return share([sentence.recalled for sentence in sentences])


def citation_precision(sentences: Sequence[Support]) -> float | None:
    """Return the share of citations that have a part in bearing out: ALCE (Gao et al., 2023).

    None where nothing is cited.

    >>> two = Support(True, alone=(True, False), without=(False, True))
    >>> citation_precision([two, Support(False, (False,), (False,)), Support(False)])
    0.3333333333333333
    >>> citation_precision([Support(False)])
    """
    return share([flag for sentence in sentences for flag in sentence.precise])


def coverage(citations: Sequence[int]) -> float | None:
    """Return the share of content sentences with a citation, whatever it proves.

    `citations` has their number for each. Citation recall cannot be above it. None where nothing
    was said.

    >>> coverage([2, 0, 1, 1]), coverage([])
    (0.75, None)
    """
    return share([n > 0 for n in citations])


def faithfulness(answers: Sequence[Sequence[bool]]) -> float | None:
    """Return the share of sentences that are supported, those of all answers pooled.

    RAGAS (Es et al., 2024) for one answer; here a long answer weighs more. None where nothing was
    said.

    >>> faithfulness([[True, True, True], [False], []]), faithfulness([[]])
    (0.75, None)
    """
    return share([flag for answer in answers for flag in answer])


def faithfulness_by_answer(answers: Sequence[Sequence[bool]]) -> float | None:
    """Return the mean over answers of the share of their sentences that are supported.

    As RAGAS (Es et al., 2024): each answer weighs the same. One of no sentence is left out; None
    where none is left.

    >>> faithfulness_by_answer([[True, True, True], [False], []]), faithfulness_by_answer([[]])
    (0.5, None)
    """
    return share([sum(answer) / len(answer) for answer in answers if answer])


def wholly_faithful(answers: Sequence[Sequence[bool]]) -> float | None:
    """Return the share of answers without an unsupported sentence: what a reader can rely on.

    One of no sentence is left out; None where none is left.

    >>> wholly_faithful([[True, True], [True, False], []]), wholly_faithful([[]])
    (0.5, None)
    """
    return share([all(answer) for answer in answers if answer])


def key_point_recall(held: Sequence[bool]) -> float | None:
    """Return the share of the points that an answer ought to make which it does make.

    Nugget recall (Voorhees, 2003); key point recall (Qi et al., 2024). None without points.

    >>> key_point_recall([True, False, False, True]), key_point_recall([])
    (0.5, None)
    """
    return share(held)


def balanced_refusal(rejected: float | None, falsely_refused: float | None) -> float | None:
    """Return the mean of the share of unanswerable questions that are `rejected` and the share of
    answerable ones that are not `falsely_refused`: 0.5 for whoever refuses all, none, or by lot.

    Balanced accuracy (Brodersen et al., 2010) of refusing. None where either side was not asked.

    >>> balanced_refusal(0.75, 0.25), balanced_refusal(1.0, 1.0), balanced_refusal(None, 0.0)
    (0.75, 0.5, None)
    """
    if rejected is None or falsely_refused is None:
        return None
    return (rejected + 1 - falsely_refused) / 2


def parity(cited_zh: AbstractSet[Hashable], cited_en: AbstractSet[Hashable]) -> float:
    """Return 1.0 if a question in two languages is refused in both, or gets answers in both that
    share a cited passage, else 0.0.

    An empty set stands for a refusal, so there is no empty case; leave failed replies out, or give
    them as 0.0. The definition is this project's own.

    >>> parity({1, 2}, {2, 3}), parity({1}, {2}), parity({1}, set()), parity(set(), set())
    (1.0, 0.0, 0.0, 1.0)
    """
    return float(bool(cited_zh & cited_en) or not (cited_zh or cited_en))


def share(values: Sequence[float]) -> float | None:
    """Return the mean, None for an empty sample.

    >>> share([1.0, 0.0, 0.0, 1.0]), share([])
    (0.5, None)
    """
    return sum(values) / len(values) if values else None


def wilson(successes: float, n: int) -> Interval | None:
    """Return the Wilson (1927) score interval of a proportion at 95 %, None for n = 0.

    >>> [round(end, 3) for end in wilson(8, 10)]  # (0.8 + 0.192 ± 0.2732) / 1.3841
    [0.49, 0.943]
    """
    if not n:
        return None
    p = successes / n
    middle = p + _Z**2 / (2 * n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def percentile(values: Sequence[float], q: float) -> float | None:
    """Return the smallest value with at least the share `q` of values at or below it.

    >>> percentile([5.0, 1.0, 3.0], 0.5), percentile([], 0.5)
    (3.0, None)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else None


def auc(
    positives: Sequence[float], negatives: Sequence[float]
) -> tuple[float | None, Interval | None]:
    """Return the probability that a positive scores above a negative, ties half; and its interval.

    Counted by ranks, as Mann and Whitney (1947) do. The interval is that of Hanley and McNeil
    (1982), for scores that do not hang together; `eval.stats.bootstrap_auc` is for those that do.
    (None, None) where either side is empty.

    >>> auc([0.9, 0.4], [0.4, 0.1])[0], auc([], [1.0])
    (0.875, (None, None))
    """
    n, m = len(positives), len(negatives)
    if not n or not m:
        return None, None
    below = np.sort(negatives)
    # Under a positive stand those left of it and half of its equals: the mean of both ends.
    wins = sum(int(np.searchsorted(below, positives, side).sum()) for side in ("left", "right")) / 2
    area = wins / (n * m)
    one, both = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n - 1) * (one - area**2) + (m - 1) * (both - area**2)
    half = _Z * math.sqrt(max(spread, 0.0) / (n * m))
    return area, (max(0.0, area - half), min(1.0, area + half))


def balanced_accuracy(
    scores: Sequence[float], truths: Sequence[bool], threshold: float
) -> float | None:
    """Return the mean of the share of positives that score `threshold` or more and the share of
    negatives that score less.

    Brodersen et al. (2010). None where either side is empty.

    >>> balanced_accuracy([0.9, 0.5, 0.4, 0.2], [True, True, True, False], 0.5)  # (2/3 + 1) / 2
    0.8333333333333333
    >>> balanced_accuracy([0.9], [True], 0.5)
    """
    pairs = list(zip(scores, truths, strict=True))
    found = share([score >= threshold for score, true in pairs if true])
    spared = share([score < threshold for score, true in pairs if not true])
    return None if found is None or spared is None else (found + spared) / 2


def best_threshold(scores: Sequence[float], truths: Sequence[bool]) -> float | None:
    """Return the threshold of the greatest balanced accuracy; of equal ones the lowest.

    It is the lowest score, which lets all through, or half-way between two neighbouring scores.
    None where either side is empty. Fit it on other cases than those it is judged on.

    >>> best_threshold([0.9, 0.6, 0.4, 0.2], [True, True, False, False])
    0.5
    >>> best_threshold([0.2, 0.4], [True, False]), best_threshold([0.9], [True])
    (0.2, None)
    """
    pairs = sorted(zip(scores, truths, strict=True))
    positives = sum(truth for _, truth in pairs)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        return None
    best, threshold, found, spared = negatives * positives, pairs[0][0], positives, 0
    for (low, truth), (high, _) in itertools.pairwise(pairs):
        found, spared = found - truth, spared + (not truth)
        gain = found * negatives + spared * positives  # in whole numbers: ties are exact
        if low < high and gain > best:
            best, threshold = gain, _between(low, high)
    return threshold


def _between(low: float, high: float) -> float:
    """Return the middle, or `high` where no number lies between them: `low` must stay below."""
    middle = low + (high - low) / 2
    return middle if middle > low else high


def precision_recall_f1(
    predicted: Sequence[bool], truth: Sequence[bool]
) -> tuple[float | None, float | None, float | None]:
    """Return precision, recall and F1 (van Rijsbergen, 1979) of flags, all pooled: micro.

    Precision is None where nothing is predicted, recall where nothing is true, F1 where neither is.

    >>> precision_recall_f1([True, True, False, False], [True, False, True, True])  # 1 of 2, of 3
    (0.5, 0.3333333333333333, 0.4)
    >>> precision_recall_f1([False], [True]), precision_recall_f1([], [])
    ((None, 0.0, 0.0), (None, None, None))
    """
    both = sum(p and t for p, t in zip(predicted, truth, strict=True))
    named, true = sum(predicted), sum(truth)
    return (
        both / named if named else None,
        both / true if true else None,
        2 * both / (named + true) if named + true else None,
    )


def always_positive_f1(p: float | None) -> float | None:
    """Return the F1 of calling everything positive, where the share `p` is: what a judge must beat.

    Its precision is p and its recall 1, so 2p / (1 + p). None for None, the `share` of nothing.

    >>> always_positive_f1(0.25), always_positive_f1(None)
    (0.4, None)
    """
    return None if p is None else 2 * p / (1 + p)


def reliability(
    evidence: Sequence[float], truths: Sequence[bool], bins: int = 5
) -> list[tuple[float, float, int]]:
    """Return (mean evidence, share that is true, n) of bins of equal size, lowest evidence first.

    A calibrated probability has equal values in both; an empty sample gives [].

    >>> reliability([0.75, 0.25, 0.5, 0.5], [True, False, True, True], bins=2)
    [(0.375, 0.5, 2), (0.625, 1.0, 2)]
    """
    pairs = sorted(zip(evidence, truths, strict=True))
    edges = [round(len(pairs) * at / bins) for at in range(bins + 1)]
    parts = [pairs[low:high] for low, high in itertools.pairwise(edges) if high > low]
    return [
        (sum(p for p, _ in part) / len(part), sum(t for _, t in part) / len(part), len(part))
        for part in parts
    ]


def risk_coverage(evidence: Sequence[float], wrong: Sequence[bool]) -> list[float]:
    """Return risk(k), k = 1 … n: the share of wrong ones among the k with the highest evidence.

    Their mean is the AURC (Geifman and El-Yaniv, 2017); lower is better. Ties keep their order.

    >>> risk_coverage([0.2, 0.9, 0.5], [True, False, False])
    [0.0, 0.0, 0.3333333333333333]
    """
    order = sorted(range(len(evidence)), key=lambda at: -evidence[at])
    counts = itertools.accumulate(float(wrong[at]) for at in order)
    return [count / k for k, count in enumerate(counts, start=1)]
