"""One pure function a number. Intervals are 95 %; an empty sample gives None, never a score."""

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
