"""How far chance could have moved a figure: known answers, and known shares of right intervals."""

import itertools
import random
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from eval.metrics import Interval, auc, wilson
from eval.stats import (
    Difference,
    Values,
    Weights,
    bootstrap,
    bootstrap_auc,
    bootstrap_of,
    fell,
    paired,
    sign_test,
    weighted_auc,
)

SCORE = st.integers(0, 4).map(lambda n: n / 4) | st.floats(0, 1, allow_subnormal=False)
ROWS = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=12)


def _names(n: int) -> list[str]:
    return [f"c{at:05}" for at in range(n)]


def _width(interval: Interval | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


# --- a mean -------------------------------------------------------------------------------------


def test_two_clusters_may_both_be_the_one_or_the_other() -> None:
    # aa 1, ab 3/4 (the sum by the size, not the mean of means), bb 0: a quarter, a half, a quarter
    assert bootstrap([1, 1, 1, 0], ["a", "a", "a", "b"], seed=1) == (0.0, 1.0)


def test_the_ends_are_those_of_all_resamples() -> None:
    values, clusters = [1, 0, 1, 1, 0, 0, 1, 0.5], list("aabbbcde")
    groups = [[v for v, c in zip(values, clusters, strict=True) if c == name] for name in "abcde"]
    means = []
    for drawn in itertools.product(groups, repeat=5):  # each as likely
        rows = [value for group in drawn for value in group]
        means.append(sum(rows) / len(rows))
    found = bootstrap(values, clusters, seed=1, resamples=50_000)
    assert found == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.01)


def test_an_empty_sample_has_no_interval() -> None:
    assert bootstrap([], [], seed=1) is None
    assert bootstrap_auc([], [], [], seed=1) is None
    assert bootstrap_of(weighted_auc, [], [], seed=1) is None
    assert paired([], [], [], 1) is None


ROW = st.tuples(st.floats(0, 1), st.sampled_from("abcd"))


@given(rows=st.lists(ROW, min_size=1, max_size=10), order=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_bit(
    rows: list[tuple[float, str]], order: random.Random
) -> None:
    mixed = order.sample(rows, len(rows))
    one, other = (
        bootstrap([v for v, _ in some], [c for _, c in some], seed=1, resamples=50)
        for some in (rows, mixed)
    )
    assert one == other


def test_a_seed_gives_one_interval_and_another_seed_another() -> None:
    values = [at % 7 / 7 for at in range(60)]
    assert bootstrap(values, _names(60), seed=1) == bootstrap(values, _names(60), seed=1)
    assert bootstrap(values, _names(60), seed=1) != bootstrap(values, _names(60), seed=2)


@given(n=st.integers(1, 40), copies=st.integers(1, 3), flag=st.booleans())
def test_where_nothing_differs_clusters_are_as_many_tries(n: int, copies: int, flag: bool) -> None:
    found = bootstrap([flag] * n * copies, _names(n) * copies, seed=1, resamples=20)
    assert found == pytest.approx(wilson(n * flag, n))


def test_clusters_of_one_mean_leave_room_on_both_sides() -> None:
    # 3.8415 / (4 + 3.8415) = 0.4899 of the clusters might be at either bound
    found = bootstrap([1, 0] * 4, list("aabbccdd"), seed=1)
    assert found == pytest.approx((0.5 - 0.4899 / 2, 0.5 + 0.4899 / 2), abs=1e-4)


def test_one_cluster_is_one_try_however_many_rows_it_has() -> None:
    # 3.8415 / (1 + 3.8415) = 0.7935; 0.9 less 0.9 of it, more 0.1 of it
    found = bootstrap([1] * 90 + [0] * 10, ["a"] * 100, seed=1)
    assert found == pytest.approx((0.9 - 0.9 * 0.7935, 0.9 + 0.1 * 0.7935), abs=1e-4)


def test_values_have_bounds_which_can_be_others() -> None:
    with pytest.raises(ValueError, match=r"from 0\.0 to 1\.0"):
        bootstrap([0.5, 1.5], ["a", "b"], seed=1)
    with pytest.raises(ValueError, match=r"from 0\.0 to 1\.0"):
        bootstrap([float("nan")], ["a"], seed=1)
    assert bootstrap([0.5, 1.5], ["a", "b"], seed=1, bounds=(0, 2)) == (0.5, 1.5)


def test_where_nothing_differs_and_nothing_bounds_there_is_no_upper_end() -> None:
    # 3.8415 / (2 + 3.8415) = 0.6576 of the clusters might be at nought, or anywhere above
    found = bootstrap([3, 3], ["a", "b"], seed=1, bounds=(0, float("inf")))
    assert found == pytest.approx((3 - 3 * 0.6576, float("inf")), abs=1e-3)


def test_the_rounding_of_sums_is_no_difference() -> None:
    # 0.1 + 0.1 + 0.1 is not 0.3; 3.8415 / (3 + 3.8415) = 0.5615
    found = bootstrap([0.1] * 6, list("abbccc"), seed=1)
    assert found == pytest.approx((0.1 - 0.1 * 0.5615, 0.1 + 0.9 * 0.5615), abs=1e-4)


def test_a_row_without_a_cluster_is_an_error() -> None:
    for give in (
        lambda: bootstrap([1, 0], ["a"], seed=1),
        lambda: bootstrap_auc([1, 0], [True, False], ["a"], seed=1),
        lambda: paired([1], [0], [], 1),
        lambda: paired([1], [0, 1], ["a"], 1),
    ):
        with pytest.raises(ValueError, match="zip"):
            give()


def _clustered(rng: np.random.Generator, clusters: int, rows: int) -> tuple[list[float], list[str]]:
    """Draw flags of mean 0.7 that hang together: each cluster has a rate of its own."""
    rates = rng.beta(1.4, 0.6, size=clusters)
    flags = rng.random((clusters, rows)) < rates[:, None]
    return flags.ravel().astype(float).tolist(), list(np.repeat(_names(clusters), rows))


def _covered(by_row: bool) -> float:
    rng, hits = np.random.default_rng(7), 0
    for seed in range(200):
        values, clusters = _clustered(rng, clusters=60, rows=5)
        names = _names(len(values)) if by_row else clusters
        interval = bootstrap(values, names, seed=seed, resamples=400)
        assert interval is not None
        hits += interval[0] <= 0.7 <= interval[1]
    return hits / 200


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    assert 0.90 <= _covered(by_row=False) <= 0.98


def test_intervals_that_take_rows_for_clusters_miss_it_too_often() -> None:
    assert _covered(by_row=True) < 0.85


def test_rows_that_stand_and_fall_together_widen_an_interval() -> None:
    values = [flag for flag in (1, 0, 1, 1, 0, 1, 1, 1, 0, 1) for _ in range(6)]
    together = [name for name in _names(10) for _ in range(6)]
    wide = _width(bootstrap(values, together, seed=1))
    narrow = _width(bootstrap(values, _names(60), seed=1))
    assert wide == pytest.approx(narrow * 6**0.5, rel=0.15)


def test_rows_that_make_up_for_each_other_narrow_it() -> None:
    values = [1, 0] * 30 + [1, 1] * 2
    pairs = [name for name in _names(32) for _ in range(2)]
    assert _width(bootstrap(values, pairs, seed=1)) < _width(bootstrap(values, _names(64), seed=1))


def test_many_clusters_take_little_memory() -> None:
    values = [float(at % 3 == 0) for at in range(4000)]
    truths = [at % 5 == 0 for at in range(4000)]
    tracemalloc.start()
    try:
        bootstrap(values, _names(4000), seed=1, resamples=500)
        bootstrap_auc(values, truths, _names(4000), seed=1, resamples=500)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


# --- an area, and what else is no mean ----------------------------------------------------------


@given(rows=ROWS, data=st.data())
def test_a_weighted_area_is_that_of_rows_written_so_often(
    rows: list[tuple[float, bool]], data: st.DataObject
) -> None:
    times = st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))
    weights = data.draw(st.lists(times, min_size=1, max_size=3))
    found = weighted_auc(rows)(np.array(weights))
    for area, counts in zip(found.tolist(), weights, strict=True):
        repeated = [row for row, n in zip(rows, counts, strict=True) for _ in range(n)]
        sides = [[score for score, truth in repeated if truth == side] for side in (True, False)]
        assert area == pytest.approx(auc(*sides)[0] if all(sides) else np.nan, nan_ok=True)


@given(rows=ROWS.filter(lambda rows: len({truth for _, truth in rows}) == 2), data=st.data())
def test_a_weighted_area_is_that_of_sklearn(
    rows: list[tuple[float, bool]], data: st.DataObject
) -> None:
    size = len(rows)
    weights = data.draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    scores, truths = zip(*rows, strict=True)
    wanted = roc_auc_score(truths, scores, sample_weight=weights)
    assert weighted_auc(rows)(np.array([weights]))[0] == pytest.approx(wanted)


def _scored(n: int) -> tuple[list[float], list[bool]]:
    rng = np.random.default_rng(3)
    truths = rng.random(n) < 0.5
    return (rng.normal(size=n) + truths).round(1).tolist(), truths.tolist()


def test_the_interval_of_an_area_is_near_that_of_hanley_and_mcneil() -> None:
    scores, truths = _scored(400)
    rows = list(zip(scores, truths, strict=True))
    sides = [[score for score, truth in rows if truth == side] for side in (True, False)]
    found = bootstrap_auc(scores, truths, _names(400), seed=1)
    assert found == pytest.approx(auc(*sides)[1], abs=0.01)


def test_an_area_has_one_interval_in_any_order_of_rows() -> None:
    scores, truths = _scored(50)
    rows = list(zip(scores, truths, _names(10) * 5, strict=True))
    mixed = random.Random(1).sample(rows, len(rows))
    one, other = (
        bootstrap_auc(*map(list, zip(*some, strict=True)), seed=1, resamples=200)
        for some in (rows, mixed)
    )
    assert one == other


def test_copies_of_rows_in_their_clusters_add_nothing() -> None:
    scores, truths = _scored(40)
    once = bootstrap_auc(scores, truths, _names(40), seed=1)
    thrice = bootstrap_auc(scores * 3, truths * 3, _names(40) * 3, seed=1)
    assert once == thrice


def test_a_perfect_area_rests_on_its_rarer_side() -> None:
    # two clusters hold positives: 2 / (2 + 3.8415)
    scores, truths = [0.9, 0.8, 0.8, *([0.1] * 50)], [True] * 3 + [False] * 50
    found = bootstrap_auc(scores, truths, ["a", "b", "b", *_names(50)], seed=1)
    assert found == pytest.approx((0.3424, 1.0), abs=1e-4)


@pytest.mark.parametrize("truth", [True, False])
def test_an_area_of_one_side_has_no_interval(truth: bool) -> None:
    assert bootstrap_auc([0.1, 0.9], [truth, truth], ["a", "b"], seed=1) is None


def _mean(rows: Sequence[float]) -> Callable[[Weights], Values]:
    return lambda weights: np.asarray(weights @ np.array(rows) / weights.sum(axis=1))


def test_any_figure_can_be_resampled() -> None:
    values, clusters = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.5], list("aabbccd")
    found = bootstrap_of(_mean, values, clusters, seed=1)
    assert found == pytest.approx(bootstrap(values, clusters, seed=1))


# --- two systems --------------------------------------------------------------------------------


def test_a_difference_is_that_of_the_second_from_the_first() -> None:
    found = paired([1, 1, 0, 0], [1, 0, 1, 1], list("wxyz"), 1)
    assert found is not None
    assert (found.value, found.wins, found.losses, found.p, found.n) == (0.25, 2, 1, 1.0, 4)
    assert found.interval[0] < 0.25 < found.interval[1]


@given(flips=st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=8))
def test_turned_round_wins_are_losses(flips: list[tuple[float, float]]) -> None:
    a, b = ([float(v) for v in side] for side in zip(*flips, strict=True))
    one, other = (paired(x, y, _names(len(flips)), 1, resamples=30) for x, y in ((a, b), (b, a)))
    assert one is not None
    assert other is not None
    assert (one.wins, one.losses, one.p) == (other.losses, other.wins, other.p)
    assert one.value == pytest.approx(-other.value)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))


def test_a_cluster_flips_once() -> None:
    # x fell in both rows, y rose and fell as far, z rose on the whole
    a = [1, 1, 0.3, 0.2, 0, 0, 1]
    b = [0, 0, 0.2, 0.3, 1, 1, 0]
    found = paired(a, b, list("xxyyzzz"), 1)
    assert found is not None
    assert (found.wins, found.losses, found.n) == (1, 1, 7)


def test_no_flip_among_few_questions_leaves_both_ways_open() -> None:
    # 3.8415 / (10 + 3.8415) = 0.2775 of the questions might have moved
    found = paired([1, 0] * 5, [1, 0] * 5, _names(10), 1)
    assert found is not None
    assert (found.value, found.p) == (0.0, 1.0)
    assert found.interval == pytest.approx((-0.2775, 0.2775), abs=1e-4)
    assert not fell(found)


def test_pairs_narrow_a_difference() -> None:
    a = [float(at % 2) for at in range(100)]
    b = [*a[:95], *(1.0 for _ in range(5))]
    found = paired(a, b, _names(100), 1)
    assert found is not None
    assert _width(found.interval) < _width(bootstrap(a, _names(100), seed=1)) / 2


def test_values_of_a_pair_are_from_nought_to_one() -> None:
    for a, b in (([2.0], [1.0]), ([1.0], [-0.5])):
        with pytest.raises(ValueError, match="from 0 to 1"):
            paired(a, b, ["a"], 1)


@pytest.mark.parametrize(("losses", "sure"), [(0, False), (1, False), (4, True), (20, True)])
def test_one_fall_is_chance_and_many_are_not(losses: int, sure: bool) -> None:
    found = paired([1.0] * 50, [0.0] * losses + [1.0] * (50 - losses), _names(50), 1)
    assert found is not None
    assert found.losses == losses
    assert fell(found) == sure


def test_only_an_interval_below_nought_is_a_fall() -> None:
    difference = Difference(-0.1, (-0.2, -0.01), 1, 9, 0.02, 50)
    assert fell(difference)
    assert not fell(replace(difference, interval=(-0.2, 0.0)))
    assert not fell(replace(difference, interval=(0.01, 0.2)))


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 * 1 / 2
        (5, 0, 0.0625),  # 2 * 1 / 32
        (8, 1, 0.0390625),  # 2 * (1 + 9) / 512
        (7, 3, 0.34375),  # 2 * (1 + 10 + 45 + 120) / 1024
        (4, 4, 1.0),  # 2 * 163 / 256, and none is above 1
    ],
)
def test_flips_are_thrown_against_a_fair_coin(wins: int, losses: int, p: float) -> None:
    assert sign_test(wins, losses) == sign_test(losses, wins) == p


def test_thousands_of_flips_are_counted_exactly() -> None:
    assert sign_test(3000, 3000) == 1.0
    assert 0 < sign_test(2900, 3100) < 0.05
