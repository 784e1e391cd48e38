"""Clusters, resampled: how far chance could have moved a figure.

Questions about one passage, or one question in two languages, stand or fall together. They are one
cluster: drawn again as a whole, or an interval is narrower than it may be. Every interval is 95 %.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eval.metrics import Interval, wilson

Weights = NDArray[np.int64]  # resamples x rows: how often each resample holds each row
Values = NDArray[np.float64]  # one for each resample; not a number where a figure has none
Row = TypeVar("Row")
# Rows -> what says the figure of each resample of them; what can be done once, it does before that.
Statistic = Callable[[Sequence[Row]], Callable[[Weights], Values]]

_ENDS = (0.025, 0.975)
_RESAMPLES = 2000
_CELLS = 500_000  # of a matrix at one time: 4 MB, and up to ten stand side by side
_SAME = 1e-9  # less is the rounding of sums


@dataclass(frozen=True, slots=True)
class Difference:
    """The second of two systems less the first, on the same questions.

    `wins` and `losses` count the clusters whose mean rose or fell; `p` is their sign test. `n`
    counts the questions.
    """

    value: float
    interval: Interval
    wins: int
    losses: int
    p: float
    n: int


def bootstrap(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = _RESAMPLES,
    bounds: Interval = (0.0, 1.0),
) -> Interval | None:
    """Return the percentile interval of a mean, whole clusters drawn with replacement.

    Efron and Tibshirani (1993), chapter 13; Field and Welsh (2007). The mean of a resample is its
    sum by its size, as clusters differ in size. The order of the rows changes nothing. With fewer
    than some twenty clusters, or fewer than some five that differ, it is too narrow.

    Where all clusters have one mean, no resample differs, yet chance is not ruled out: no failure
    seen in n tries still allows a rate of about 3 / n (Hanley and Lippman-Hand, 1983). The interval
    is then what the mean could be if such a rate of clusters (Wilson's upper end for 0 of n) stood
    at one of the `bounds` of a value: for flags, Wilson's interval of n tries, n being clusters.

    >>> bootstrap([1.0, 0.0], ["a", "b"], seed=1)  # both a, both b: one of four each
    (0.0, 1.0)
    >>> [round(end, 3) for end in bootstrap([1.0] * 9, list("abcdefabc"), seed=1)]  # 6/(6 + 3.84)
    [0.61, 1.0]
    >>> bootstrap([], [], seed=1)

    Raises:
        ValueError: a value is out of `bounds`, or without a cluster.
    """
    if any(not bounds[0] <= value <= bounds[1] for value in values):
        msg = f"values: must be from {bounds[0]} to {bounds[1]}; other `bounds` can be given."
        raise ValueError(msg)
    groups = _grouped(values, clusters)
    if not groups:
        return None
    # `fsum` rounds once, so the order of rows changes no bit.
    table = np.array([[math.fsum(group), len(group)] for group in groups])

    def means(counts: Weights) -> Values:
        sums, sizes = (counts @ table).T
        return np.asarray(sums / sizes)

    found = [means(drawn) for drawn in _draws(len(groups), len(groups), seed, resamples)]
    return _ends(np.concatenate(found), len(groups), bounds)


def bootstrap_of(
    statistic: Statistic[Row],
    rows: Sequence[Row],
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = _RESAMPLES,
    tries: int | None = None,
) -> Interval | None:
    """Return the same interval of a figure from 0 to 1 that is no mean, as `weighted_auc`.

    A resample without a figure is left out; None where the rows themselves have none. `tries` is
    for the case that no resample differs: how many clusters the figure rests on, where that is
    fewer than all.

    Raises:
        ValueError: a row is without a cluster.
    """
    if not rows:
        return None
    names = sorted(set(clusters))
    at = {name: place for place, name in enumerate(names)}
    which = np.array([at[name] for _, name in zip(rows, clusters, strict=True)], dtype=np.int64)
    figure = statistic(rows)
    if np.isnan(figure(np.ones((1, len(rows)), dtype=np.int64))).any():
        return None
    draws = _draws(len(names), len(rows), seed, resamples)
    found = np.concatenate([figure(drawn[:, which]) for drawn in draws])
    return _ends(found[~np.isnan(found)], tries or len(names), (0.0, 1.0))


def bootstrap_auc(
    scores: Sequence[float],
    truths: Sequence[bool],
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = _RESAMPLES,
) -> Interval | None:
    """Return the same interval of an AUC, None where there are no positives or no negatives.

    A perfect one rests on as many clusters as hold the rarer side.

    >>> one, other = [0.9, 0.8, 0.3, 0.1], [True, True, False, False]
    >>> [round(end, 3) for end in bootstrap_auc(one, other, list("abcd"), seed=1)]  # 2/(2 + 3.84)
    [0.342, 1.0]
    >>> bootstrap_auc([0.9], [True], ["a"], seed=1)
    """
    rows = list(zip(scores, truths, strict=True))
    sides = list(zip(clusters, truths, strict=True))
    rarer = min(len({name for name, truth in sides if truth == side}) for side in (True, False))
    return bootstrap_of(weighted_auc, rows, clusters, seed=seed, resamples=resamples, tries=rarer)


def weighted_auc(rows: Sequence[tuple[float, bool]]) -> Callable[[Weights], Values]:
    """Return what says the AUC of each resample of (score, truth) rows, ties half.

    Not a number where a resample lacks one side. The rows are sorted once for all of them.

    >>> auc = weighted_auc([(0.9, True), (0.4, True), (0.4, False), (0.1, False)])
    >>> auc(np.array([[1, 1, 1, 1], [0, 2, 1, 0], [1, 1, 0, 0]])).tolist()
    [0.875, 0.5, nan]
    """
    order = np.argsort([score for score, _ in rows], kind="stable")
    truths = np.array([truth for _, truth in rows], dtype=bool)[order]
    # Where each run of equal scores begins.
    _, seams = np.unique([rows[at][0] for at in order], return_index=True)

    def areas(weights: Weights) -> Values:
        ordered = weights[:, order]
        good = np.add.reduceat(ordered * truths, seams, axis=1)
        bad = np.add.reduceat(ordered * ~truths, seams, axis=1)
        twice = (good * (2 * np.cumsum(bad, axis=1) - bad)).sum(axis=1)
        pairs = good.sum(axis=1) * bad.sum(axis=1)
        found: Values = np.full(len(pairs), np.nan)
        np.divide(twice, 2 * pairs, out=found, where=pairs > 0)
        return found

    return areas


def weighted_balance(rows: Sequence[tuple[bool, bool]]) -> Callable[[Weights], Values]:
    """Return what says the balanced accuracy of each resample of (right, truth) rows.

    Not a number where a resample lacks one side.

    >>> balance = weighted_balance([(True, True), (False, True), (True, False)])
    >>> balance(np.array([[1, 1, 1], [0, 2, 1], [1, 1, 0]])).tolist()
    [0.75, 0.5, nan]
    """
    right = np.array([flag for flag, _ in rows], dtype=bool)
    truths = np.array([truth for _, truth in rows], dtype=bool)

    def balances(weights: Weights) -> Values:
        found: Values = np.zeros(len(weights))
        for side in (truths, ~truths):
            total = (weights * side).sum(axis=1)
            with np.errstate(invalid="ignore"):
                found += (weights * (side & right)).sum(axis=1) / total / 2
        return found

    return balances


def paired(
    a: Sequence[float],
    b: Sequence[float],
    clusters: Sequence[str],
    seed: int,
    *,
    resamples: int = _RESAMPLES,
) -> Difference | None:
    """Return what `b` has over `a` on average, question by question; None without questions.

    The values are from 0 to 1. The sign test is of clusters, not of questions: those of one cluster
    flip together, and would be taken for as many witnesses.

    >>> found = paired([1, 1, 0, 0], [1, 0, 1, 1], list("wxyz"), 1)
    >>> found.value, found.wins, found.losses, found.p
    (0.25, 2, 1, 1.0)
    >>> paired([], [], [], 1)

    Raises:
        ValueError: the lengths differ, or a value is out of its bounds.
    """
    if any(not 0 <= value <= 1 for value in (*a, *b)):
        msg = "a, b: must be from 0 to 1."
        raise ValueError(msg)
    moved = [after - before for before, after in zip(a, b, strict=True)]
    interval = bootstrap(moved, clusters, seed=seed, resamples=resamples, bounds=(-1.0, 1.0))
    if interval is None:
        return None
    sums = [math.fsum(group) for group in _grouped(moved, clusters)]
    wins, losses = sum(s > _SAME for s in sums), sum(s < -_SAME for s in sums)
    value = math.fsum(moved) / len(moved)
    return Difference(value, interval, wins, losses, sign_test(wins, losses), len(moved))


def sign_test(wins: int, losses: int) -> float:
    """Return how likely a fair coin is to part them at least so unevenly, either way.

    The exact binomial test of Dixon and Mood (1946), ties left out; 1.0 where nothing flipped.

    >>> sign_test(8, 1), sign_test(0, 0)  # 2 * (1 + 9) / 2 ** 9
    (0.0390625, 1.0)
    """
    n = wins + losses
    ways = tail = 1
    for k in range(min(wins, losses)):
        ways = ways * (n - k) // (k + 1)  # from n over k to n over k + 1
        tail += ways
    return min(1.0, 2 * tail / (1 << n))


def fell(difference: Difference) -> bool:
    """Say whether the second system is worse, and by more than chance: the interval is below 0.

    With a handful of flips the interval is bold (four falls and no rise are enough for it, and
    have a `p` of 0.125): read `p` beside it.
    """
    return difference.interval[1] < 0


def _grouped(values: Sequence[float], clusters: Sequence[str]) -> list[list[float]]:
    """Return the values of each cluster, clusters by name."""
    groups: dict[str, list[float]] = {}
    for value, name in zip(values, clusters, strict=True):
        groups.setdefault(name, []).append(value)
    return [groups[name] for name in sorted(groups)]


def _draws(n: int, width: int, seed: int, resamples: int) -> Iterator[Weights]:
    """Yield how often each of `n` clusters is drawn, some resamples at a time.

    So many that a matrix `width` wide stays small.
    """
    chance = np.random.default_rng(seed)
    step = max(1, _CELLS // width)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        yield chance.multinomial(n, np.full(n, 1 / n), size=size)


def _ends(found: Values, tries: int, bounds: Interval) -> Interval | None:
    """Return the percentile interval of resampled figures; by the rule of `bootstrap` where they do
    not differ, and None where there are none.
    """
    if not len(found):
        return None
    low, high = (float(end) for end in np.quantile(found, _ENDS))
    rate = wilson(0, tries)
    if high - low > _SAME or rate is None:
        return low, high
    return low - rate[1] * (low - bounds[0]), high + rate[1] * (bounds[1] - high)
