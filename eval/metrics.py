"""One pure function a number. Intervals are 95 %; an empty sample gives None, never a score."""

import itertools
import math
from collections.abc import Sequence

# Wilson (1927); z for 95 %.
_Z = 1.959963984540054


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


def share(values: Sequence[float]) -> float | None:
    """Return the mean, None for an empty sample.

    >>> share([1.0, 0.0, 0.0, 1.0]), share([])
    (0.5, None)
    """
    return sum(values) / len(values) if values else None


def wilson(successes: float, n: int) -> tuple[float, float] | None:
    """Return the Wilson score interval of a proportion at 95 %, None for n = 0.

    >>> [round(end, 3) for end in wilson(8, 10)]  # (0.8 + 0.192 ± 0.2732) / 1.3841
    [0.49, 0.943]
    """
    if not n:
        return None
    p = successes / n
    middle = p + _Z**2 / (2 * n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return (middle - half) / scale, (middle + half) / scale


def percentile(values: Sequence[float], q: float) -> float | None:
    """Return the smallest value with at least the share `q` of values at or below it.

    >>> percentile([5.0, 1.0, 3.0], 0.5), percentile([], 0.5)
    (3.0, None)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else None


def auc(
    positives: Sequence[float], negatives: Sequence[float]
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the probability that a positive scores above a negative, ties half; and its interval.

    The interval is that of Hanley and McNeil (1982). (None, None) where either side is empty.

    >>> auc([0.9, 0.4], [0.4, 0.1])[0], auc([], [1.0])
    (0.875, (None, None))
    """
    n, m = len(positives), len(negatives)
    if not n or not m:
        return None, None
    wins = sum((p > q) + (p == q) / 2 for p in positives for q in negatives)
    area = wins / (n * m)
    one, both = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n - 1) * (one - area**2) + (m - 1) * (both - area**2)
    half = _Z * math.sqrt(max(spread, 0.0) / (n * m))
    return area, (max(0.0, area - half), min(1.0, area + half))


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
