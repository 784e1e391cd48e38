"""Every figure by hand, its bounds, and what it says of an empty sample."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, ndcg_score, roc_auc_score
from sklearn.metrics import f1_score as sklearn_f1

from eval.metrics import (
    Support,
    always_positive_f1,
    auc,
    balanced_accuracy,
    balanced_refusal,
    best_threshold,
    citation_precision,
    citation_recall,
    coverage,
    faithfulness,
    faithfulness_by_answer,
    hit_at,
    key_point_recall,
    ndcg,
    parity,
    percentile,
    precision_recall_f1,
    recall_at,
    reciprocal_rank,
    reliability,
    risk_coverage,
    share,
    wholly_faithful,
    wilson,
)

FLAGS = st.lists(st.booleans(), min_size=1, max_size=12)
# few values, so that many are equal, and also any
SCORE = st.integers(0, 4).map(lambda n: n / 4) | st.floats(0, 1, allow_subnormal=False)
JUDGED = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=12)

NOTHING = {
    "recall at 5": recall_at(5, [{0}], 0),
    "nDCG": ndcg([False], 0),
    "citation recall": citation_recall([]),
    "citation precision": citation_precision([Support(False)]),
    "coverage": coverage([]),
    "faithfulness": faithfulness([[], []]),
    "faithfulness by answer": faithfulness_by_answer([[], []]),
    "wholly faithful": wholly_faithful([[], []]),
    "key point recall": key_point_recall([]),
    "balanced refusal, none unanswerable": balanced_refusal(None, 0.1),
    "balanced refusal, none answerable": balanced_refusal(0.9, None),
    "balanced accuracy, no positives": balanced_accuracy([0.5], [False], 0.5),
    "balanced accuracy, no negatives": balanced_accuracy([0.5], [True], 0.5),
    "best threshold": best_threshold([], []),
    "best threshold, one side": best_threshold([0.1, 0.2], [False, False]),
    "area": auc([], [0.5])[0],
    "precision": precision_recall_f1([False], [True])[0],
    "recall": precision_recall_f1([True], [False])[1],
    "F1": precision_recall_f1([False], [False])[2],
    "F1 of always positive": always_positive_f1(None),
    "share": share([]),
    "percentile": percentile([], 0.5),
    "interval": wilson(0, 0),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_judge_has_no_figure(name: str) -> None:
    assert NOTHING[name] is None


def test_an_empty_ranking_finds_nothing_of_what_there_is_to_find() -> None:
    assert hit_at(5, []) == recall_at(5, [], 2) == ndcg([], 2) == reciprocal_rank([]) == 0.0


# --- ranking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "wanted"), [(0, 0.0), (1, 1 / 3), (2, 1 / 3), (3, 1.0), (9, 1.0)])
def test_an_item_that_two_hits_cover_is_found_once(k: int, wanted: float) -> None:
    assert recall_at(k, [{0}, frozenset({0}), {1, 2}], 3) == pytest.approx(wanted)


@given(ranking=st.lists(st.sets(st.integers(0, 3)), max_size=6), k=st.integers(0, 5))
def test_to_look_further_never_finds_less(ranking: list[set[int]], k: int) -> None:
    nearer, further = recall_at(k, ranking, 4), recall_at(k + 1, ranking, 4)
    assert nearer is not None
    assert further is not None
    assert 0 <= nearer <= further <= 1


def test_a_gold_hit_gains_less_the_later_it_stands() -> None:
    # one gold: 1 / log2(rank + 1), by 1 at best
    assert ndcg([True], 1) == 1.0
    assert ndcg([False, True], 1) == pytest.approx(1 / math.log2(3))
    assert ndcg([False, False, True], 1) == pytest.approx(0.5)


def test_gold_past_the_depth_gains_nothing_and_is_not_asked_of_the_best_ranking() -> None:
    assert ndcg([False, False, True], 1, depth=2) == 0.0
    assert ndcg([True, True, False], 50, depth=2) == 1.0


def test_more_gold_hits_than_gold_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 hits are gold, but there are only 1"):
        ndcg([True, True], 1)


@given(gold=st.lists(st.booleans(), min_size=2, max_size=15).filter(any))
def test_the_gain_is_that_of_sklearn(gold: list[bool]) -> None:
    falling = range(len(gold), 0, -1)
    wanted = ndcg_score([[float(flag) for flag in gold]], [list(falling)], k=10)
    assert ndcg(gold, sum(gold)) == pytest.approx(wanted)


# --- citations and sentences --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("support", "recalled", "precise"),
    [
        (Support(True, (True,), (False,)), True, (True,)),
        (Support(False, (False,), (False,)), False, (False,)),
        # either would do: neither is beside the point
        (Support(True, (True, True), (True, True)), True, (True, True)),
        # only both together do
        (Support(True, (False, False), (False, False)), True, (True, True)),
        # the second adds nothing
        (Support(True, (True, False), (False, True)), True, (True, False)),
        # joined they say something else
        (Support(False, (True, False), (False, True)), False, (False, False)),
        (Support(False), False, ()),
        (Support(True), False, ()),
    ],
)
def test_a_citation_has_a_part_where_it_is_enough_or_needed(
    support: Support, recalled: bool, precise: tuple[bool, ...]
) -> None:
    assert (support.recalled, support.precise) == (recalled, precise)


def test_recall_is_by_sentence_and_precision_by_citation() -> None:
    sentences = [
        Support(True, (True,), (False,)),
        Support(True, (True, False, False), (False, True, True)),
        Support(False),
    ]
    assert citation_recall(sentences) == pytest.approx(2 / 3)
    assert citation_precision(sentences) == pytest.approx(2 / 4)


def test_each_citation_is_judged_both_ways() -> None:
    with pytest.raises(ValueError, match="zip"):
        citation_precision([Support(True, (True, True), (False,))])


def test_coverage_asks_for_a_citation_and_not_for_what_it_proves() -> None:
    assert coverage([0, 0]) == 0.0
    assert coverage([3, 0, 0, 1]) == 0.5


def test_a_long_answer_weighs_more_only_where_sentences_are_pooled() -> None:
    answers = [[True] * 8, [False, False]]
    assert faithfulness(answers) == 0.8
    assert faithfulness_by_answer(answers) == 0.5
    assert wholly_faithful(answers) == 0.5


@given(answers=st.lists(FLAGS, min_size=1, max_size=6))
def test_an_answer_is_at_least_as_faithful_as_wholly_so(answers: list[list[bool]]) -> None:
    wholly, mean = wholly_faithful(answers), faithfulness_by_answer(answers)
    assert wholly is not None
    assert mean is not None
    assert 0 <= wholly <= mean + 1e-12 <= 1 + 1e-9


@given(held=FLAGS)
def test_key_points_count_alike(held: list[bool]) -> None:
    assert key_point_recall(held) == held.count(True) / len(held)


# --- refusing, and two languages ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("rejected", "falsely_refused", "wanted"),
    [(1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 0.5), (0.0, 0.0, 0.5), (0.9, 0.2, 0.85)],
)
def test_who_refuses_all_or_none_is_half_right(
    rejected: float, falsely_refused: float, wanted: float
) -> None:
    assert balanced_refusal(rejected, falsely_refused) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("zh", "en", "wanted"),
    [
        ({"a", "b"}, {"b", "c"}, 1.0),
        ({"a"}, {"b"}, 0.0),
        ({"a"}, set(), 0.0),
        (set(), {"a"}, 0.0),
        (set(), set(), 1.0),
    ],
)
def test_two_languages_agree_by_one_passage_or_by_both_refusing(
    zh: set[str], en: set[str], wanted: float
) -> None:
    assert parity(zh, en) == wanted


# --- thresholds, areas, flags -------------------------------------------------------------------


@given(judged=JUDGED, threshold=SCORE)
def test_balanced_accuracy_is_that_of_sklearn(
    judged: list[tuple[float, bool]], threshold: float
) -> None:
    scores, truths = zip(*judged, strict=True)
    found = balanced_accuracy(scores, truths, threshold)
    if len(set(truths)) == 1:
        assert found is None
    else:
        named = [score >= threshold for score in scores]
        assert found == pytest.approx(balanced_accuracy_score(truths, named))


@pytest.mark.parametrize(
    ("scores", "truths", "wanted"),
    [
        ([0.2, 0.4, 0.6], [False, True, True], 0.3),
        # at 0.3 and at 0.7 one of four is wrong: the lower
        ([0.2, 0.4, 0.6, 0.8], [False, True, False, True], 0.3),
        # equal scores cannot be parted
        ([0.4, 0.4, 0.8, 0.8], [False, True, True, True], 0.6),
        # upside down: to let all through is the best there is
        ([0.1, 0.2, 0.8, 0.9], [True, True, False, False], 0.1),
        ([0.5, 0.5], [True, False], 0.5),
    ],
)
def test_the_best_threshold_stands_half_way_and_of_equals_lowest(
    scores: list[float], truths: list[bool], wanted: float
) -> None:
    assert best_threshold(scores, truths) == pytest.approx(wanted)


def test_between_neighbouring_numbers_the_threshold_is_the_upper() -> None:
    low = 1.0
    high = math.nextafter(low, 2)
    assert best_threshold([low, high], [False, True]) == high


@given(judged=JUDGED)
def test_no_threshold_is_better_than_the_best(judged: list[tuple[float, bool]]) -> None:
    scores, truths = zip(*judged, strict=True)
    threshold = best_threshold(scores, truths)
    if threshold is None:
        assert len(set(truths)) == 1
        return
    best = balanced_accuracy(scores, truths, threshold)
    for other in (*scores, 2.0):
        found = balanced_accuracy(scores, truths, other)
        assert best is not None
        assert found is not None
        assert found <= best + 1e-12


@given(judged=JUDGED)
def test_the_area_is_that_of_sklearn(judged: list[tuple[float, bool]]) -> None:
    scores, truths = zip(*judged, strict=True)
    sides = [[s for s, t in judged if t == side] for side in (True, False)]
    if len(set(truths)) == 2:
        assert auc(*sides)[0] == pytest.approx(roc_auc_score(truths, scores))


def test_the_area_of_many_scores_is_counted_by_ranks() -> None:
    # Pair by pair it would be 40 000 000 000 steps. Of 0, 1, … against 0.5, 1.5, … positive i is
    # above i negatives: n (n - 1) / 2 of n².
    n = 200_000
    area, _ = auc(range(n), [at + 0.5 for at in range(n)])
    assert area == pytest.approx((n - 1) / (2 * n))


@given(rows=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_flags_are_judged_as_by_sklearn_where_it_has_a_figure(
    rows: list[tuple[bool, bool]],
) -> None:
    predicted, truth = [p for p, _ in rows], [t for _, t in rows]
    precision, recall, f1 = precision_recall_f1(predicted, truth)
    assert (precision is None) == (not any(predicted))
    assert (recall is None) == (not any(truth))
    assert (f1 is None) == (not any(predicted + truth))
    if f1 is not None:
        assert f1 == pytest.approx(sklearn_f1(truth, predicted))
    if precision and recall:
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


@given(truth=FLAGS)
def test_always_positive_is_the_f1_of_naming_all(truth: list[bool]) -> None:
    named = precision_recall_f1([True] * len(truth), truth)
    assert always_positive_f1(share(truth)) == pytest.approx(named[2])


def test_flags_without_a_partner_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        precision_recall_f1([True], [True, False])
    with pytest.raises(ValueError, match="zip"):
        best_threshold([0.5], [True, False])


# --- samples ------------------------------------------------------------------------------------


@given(n=st.integers(1, 200), data=st.data())
def test_the_interval_of_a_share_solves_its_equation(n: int, data: st.DataObject) -> None:
    # Wilson's ends are the rates p with (x / n - p)² = z² p (1 - p) / n
    found = data.draw(st.integers(0, n))
    interval = wilson(found, n)
    assert interval is not None
    for p in interval:
        assert (found / n - p) ** 2 == pytest.approx(1.959964**2 * p * (1 - p) / n, abs=1e-7)


@given(values=st.lists(st.integers(0, 9), min_size=1), q=st.sampled_from([0.05, 0.5, 0.95, 1.0]))
def test_a_percentile_is_the_smallest_value_with_enough_below(values: list[int], q: float) -> None:
    found = percentile(values, q)
    wanted = Fraction(str(q)) * len(values)
    enough = [value for value in values if sum(v <= value for v in values) >= wanted]
    assert found == min(enough)


def test_bins_of_evidence_are_as_equal_as_they_can_be() -> None:
    evidence = [at / 10 for at in range(10)]
    found = reliability(evidence, [at >= 5 for at in range(10)], bins=5)
    assert [n for _, _, n in found] == [2] * 5
    assert [mean for mean, _, _ in found] == pytest.approx([0.05, 0.25, 0.45, 0.65, 0.85])
    assert [true for _, true, _ in found] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert reliability([], []) == []


def test_risk_begins_with_the_surest() -> None:
    assert risk_coverage([0.1, 0.9, 0.5, 0.7], [True, False, False, True]) == [
        0.0,
        1 / 2,
        1 / 3,
        2 / 4,
    ]
    assert risk_coverage([], []) == []
