"""Nine judged replies and every figure of them by hand; what has no sample has no value."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from eval.cases import Case
from eval.figures import Figure, curves, figures, of_flags, scores
from eval.metrics import wilson
from eval.reply import Cited, Found, Outcome, Reply, Said
from eval.score import Checked, Item, Proof
from eval.stats import bootstrap
from rag import Grade, Span

SEED, RESAMPLES = 7, 40
SPAN = Span(0, 4)
BUTTON = "写作。觉得还不错? 一键收藏"


def _proof(
    grade: Grade = "exact",
    *,
    n: int = 1,
    gold: bool = False,
    alone: bool = True,
    without: bool = False,
    quote: str = "",
) -> Proof:
    span = SPAN if grade in {"exact", "equal"} else None
    cited = Cited(n, "essay", quote or f"quote {n}")
    return Proof(cited, grade, span, gold, alone, without)


def _said(supported: bool, *proofs: Proof) -> Checked:
    cited = tuple(proof.cited for proof in proofs)
    return Checked(Said("…", cited), float(supported), supported, proofs)


def _item(
    id_: str,
    outcome: Outcome,
    *said: Checked,
    gold: int = 0,
    ranking: Sequence[Collection[int]] = (),
    held: Sequence[bool] = (),
    cited: Sequence[str] = (),
    evidence: float | None = None,
    cluster: str = "",
    style: str = "plain",
    quote: str = "好奇心和热情",
) -> Item:
    """Return a judged reply to a question of topic and language `id_`, with `gold` quotes."""
    topic, lang = id_.split(".")
    wanted = tuple(("essay", f"{quote}{at}") for at in range(gold))
    case = Case(id_, topic, lang, "?", wanted, (), "single" if gold else "near", style)
    found = (Found("essay", 0, 4),) * len(ranking)
    return Item(
        case,
        Reply(outcome, tuple(c.said for c in said), found, evidence),
        tuple(("essay", Span(at, at + 1)) for at in range(gold)),
        tuple(map(frozenset, ranking)),
        said,
        tuple(held),
        frozenset(cited),
        cluster or topic,
    )


ITEMS = [
    _item(
        "t1.zh",
        "answered",
        _said(True, _proof(gold=True)),
        gold=2,
        ranking=[{0}, {0}, {1}],
        held=(True, False),
        cited=["p1"],
        evidence=0.9,
    ),
    _item(
        "t1.en",
        "answered",
        _said(True, _proof()),
        _said(False),  # cites nothing
        gold=2,
        ranking=[(), {0}],
        held=(False, False),
        cited=["p2"],
        evidence=0.8,
        style="short",
    ),
    _item(
        "t2.zh",
        "answered",
        # the same quote twice, in other characters than the essay's, with a button of its page
        _said(True, *[_proof("equal", gold=True, without=True, quote=BUTTON)] * 2),
        gold=1,
        ranking=[()] * 10,
        held=(True,),
        cited=["p1"],
        evidence=0.3,
    ),
    _item(
        "t2.en",
        "answered",
        _said(
            True, _proof(gold=True), _proof("nowhere", n=2, alone=False, without=True)
        ),
        _said(False, _proof("elsewhere", alone=False)),
        gold=1,
        ranking=[*[()] * 5, {0}],
        held=(True,),
        cited=["p1", "p3"],
        evidence=0.6,
        quote="Be curious ",
    ),
    _item("t3.zh", "failed", gold=1, held=(False,)),
    _item("t4.zh", "refused", gold=1, ranking=[{0}], held=(False,), evidence=0.2),
    _item("t4.en", "refused", gold=1, ranking=[{0}], held=(False,), evidence=0.1),
    _item("u1.zh", "refused", ranking=[()], evidence=0.4),
    _item("u1.en", "answered", _said(False), evidence=0.7),
    _item("u2.en", "failed"),
]  # fmt: skip
LOG3 = 1 / math.log2(3)  # what a gold passage in the second place gains
BY_HAND = {
    # t1: first; t2: none of ten; t3: failed; t4: first
    "hit@1 zh": (2 / 4, 4),
    "hit@5 zh": (2 / 4, 4),
    "hit@10 zh": (2 / 4, 4),
    "recall@5 zh": (2 / 4, 4),  # both, none, none, the only one
    "recall@10 zh": (2 / 4, 4),
    "MRR@10 zh": (2 / 4, 4),
    # the second passage of t1 holds nothing new: it gains nothing
    "nDCG@10 zh": (((1 + 0.5) / (1 + LOG3) + 0 + 0 + 1) / 4, 4),
    # the second of t1, the sixth of t2, the first of t4
    "hit@1 en": (1 / 3, 3),
    "hit@5 en": (2 / 3, 3),
    "hit@10 en": (1.0, 3),
    "recall@5 en": ((1 / 2 + 0 + 1) / 3, 3),
    "recall@10 en": ((1 / 2 + 1 + 1) / 3, 3),
    "MRR@10 en": ((1 / 2 + 1 / 6 + 1) / 3, 3),
    "nDCG@10 en": ((LOG3 / (1 + LOG3) + 1 / math.log2(7) + 1) / 3, 3),
    "hit@5 zh-zh": (2 / 4, 4),
    "hit@5 en-zh": (1.0, 2),
    "hit@5 en-en": (0.0, 1),
    "hit@5 plain": ((1 + 0 + 0 + 0 + 1 + 1) / 6, 6),
    "hit@5 short": (1.0, 1),
    # of the four answers with quotes: 1 of 1, 1 of 1, 0 of 2, 1 of 3
    "quotes exact": ((1 + 1 + 0 + 1 / 3) / 4, 4),
    "quotes equal": (1 / 4, 4),
    "quotes elsewhere": (1 / 3 / 4, 4),
    "quotes nowhere": (1 / 3 / 4, 4),
    "quotes exact, each counted": (3 / 7, 7),
    "quotes free of page furniture": (3 / 4, 4),
    # the second of two equal ones is none
    "citation validity": ((1 + 1 + 1 / 2 + 1 / 3) / 4, 4),
    "citation coverage": ((1 + 1 / 2 + 1 + 1 + 0) / 5, 5),
    "citation recall": ((1 + 1 / 2 + 1 + 1 / 2 + 0) / 5, 5),
    # of t2.en the first of three: the second has no part in it, the third is of a false sentence
    "citation precision": ((1 + 1 + 1 + 1 / 3) / 4, 4),
    "gold quote cited zh": (2 / 4, 4),
    "gold quote cited en": (1 / 3, 3),
    "citations that are gold": ((1 + 0 + 1 + 1 / 3) / 4, 4),
    "faithfulness by answer": ((1 + 1 / 2 + 1 + 1 / 2 + 0) / 5, 5),
    "faithfulness by sentence": ((1 + 1 + 1 + 1 + 0) / 7, 7),
    "answers wholly faithful": (2 / 5, 5),
    "key point recall": ((1 / 2 + 0 + 1 + 1 + 0 + 0 + 0) / 7, 7),
    "key point recall zh": ((1 / 2 + 1 + 0 + 0) / 4, 4),
    "key point recall en": ((0 + 1 + 0) / 3, 3),
    "refused when unanswerable": (1 / 3, 3),
    "refused when answerable": (3 / 7, 7),  # a failure is no answer, either
    "refused when unanswerable zh": (1.0, 1),
    "refused when unanswerable en": (0.0, 2),
    "refused when answerable zh": (2 / 4, 4),
    "refused when answerable en": (1 / 3, 3),
    "refused when unanswerable, near": (1 / 3, 3),
    "refusal, balanced accuracy": ((1 / 3 + 4 / 7) / 2, 10),
    # t1 cites other passages, t2 shares one, t4 is refused twice; t3 was not asked in English
    "same passage in both languages": (2 / 3, 3),
    "failed": (2 / 10, 10),
    # by falling evidence: right, right, none (u1.en), sixth (t2.en), none (u1.zh), missed, right …
    "AURC": ((0 + 0 + 1 / 3 + 2 / 4 + 3 / 5 + 4 / 6 + 4 / 7 + 4 / 8) / 8, 8),
}


def _figures(items: Sequence[Item], seed: int = SEED) -> dict[str, Figure]:
    found = figures(items, seed, RESAMPLES)
    named = {figure.name: figure for figure in found}
    assert len(named) == len(found), "two figures have one name"
    return named


@pytest.fixture(scope="module")
def found() -> dict[str, Figure]:
    return _figures(ITEMS)


def test_every_figure_has_been_computed_by_hand(found: dict[str, Figure]) -> None:
    assert found.keys() == BY_HAND.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_a_figure_is_the_one_computed_by_hand(found: dict[str, Figure], name: str) -> None:
    value, n = BY_HAND[name]
    assert (found[name].value, found[name].n) == (pytest.approx(value), n)


# --- intervals ----------------------------------------------------------------------------------


def test_an_interval_holds_its_value_and_draws_whole_clusters(found: dict[str, Figure]) -> None:
    for figure in found.values():
        if figure.interval:
            low, high = figure.interval
            assert figure.value is not None
            assert -1e-9 <= low <= figure.value + 1e-9 <= high + 2e-9 <= 1 + 3e-9, figure.name
        else:
            assert figure.name in {"AURC", "refusal, balanced accuracy"}
    drawn = bootstrap([1, 0, 0, 1], ["t1", "t2", "t3", "t4"], seed=SEED, resamples=RESAMPLES)
    assert found["hit@5 zh"].interval == drawn


def test_questions_of_one_cluster_are_one_witness() -> None:
    one = [replace(item, cluster="p1") for item in ITEMS if item.case.answerable]
    figure = _figures(one)["key point recall"]
    assert figure.value == pytest.approx(BY_HAND["key point recall"][0])
    # every resample is the same: what one try out of one allows, not seven
    assert figure.interval == bootstrap([figure.value], ["p1"], seed=1)


def test_another_seed_changes_intervals_alone(found: dict[str, Figure]) -> None:
    other = _figures(ITEMS, SEED + 1)
    assert other != found
    for name, figure in other.items():
        assert replace(figure, interval=None) == replace(found[name], interval=None)


# --- nothing to judge ---------------------------------------------------------------------------


def test_figures_of_nothing_have_no_value() -> None:
    for figure in _figures([]).values():
        assert (figure.value, figure.interval, figure.n) == (None, None, 0), figure.name


def test_where_nothing_is_cited_no_figure_is_made_of_citations() -> None:
    bare = [_item("t1.en", "answered", _said(False), gold=1, ranking=[{0}])]
    found = _figures(bare)
    for name in ("quotes exact", "citation validity", "citation precision"):
        assert (found[name].value, found[name].n) == (None, 0)
    assert found["citation recall"].value == found["citation coverage"].value == 0.0


def test_a_system_that_shows_no_ranking_is_not_judged_by_one() -> None:
    found = _figures([_item("t1.en", "answered", _said(True, _proof(gold=True)), gold=1)])
    for name in ("hit@5 en", "recall@10 en", "MRR@10 en", "nDCG@10 en"):
        assert (found[name].value, found[name].n) == (None, 0)
    assert found["gold quote cited en"].value == 1.0


# --- failures -----------------------------------------------------------------------------------


def test_a_failed_reply_is_wrong_wherever_its_question_counts() -> None:
    found = _figures(
        [
            _item("t1.zh", "failed", gold=1, held=(False,)),
            _item("t1.en", "failed", gold=1, held=(False,)),
            _item("u1.en", "failed"),
        ]
    )
    worst = {"higher": 0.0, "lower": 1.0}
    # Nothing was said: nothing of it is right or wrong.
    silent = ("quotes", "citation", "faithfulness", "answers", "AURC")
    for name, figure in found.items():
        if name.startswith(silent):
            assert figure.value is None, name
        elif figure.n:
            assert figure.value == worst[figure.better], name
    assert found["same passage in both languages"].n == 1
    assert found["refused when unanswerable"].n == 1


def test_a_failed_reply_scores_nothing() -> None:
    answerable = scores(_item("t1.zh", "failed", gold=1, held=(False,)))
    assert set(answerable.values()) == {0.0}
    assert "answered or refused rightly" in answerable
    assert scores(_item("u1.zh", "failed")) == {"answered or refused rightly": 0.0}


# --- both languages -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zh", "en", "same"),
    [
        (("answered", ["p1"]), ("answered", ["p1", "p2"]), 1.0),
        (("answered", ["p1"]), ("answered", ["p2"]), 0.0),
        (("answered", ["p1"]), ("refused", []), 0.0),
        (("refused", []), ("refused", []), 1.0),
        (("failed", []), ("failed", []), 0.0),
        (("refused", []), ("failed", []), 0.0),
        # an answer that cites nothing is no refusal
        (("answered", []), ("answered", []), 0.0),
        (("answered", []), ("refused", []), 0.0),
    ],
)
def test_a_topic_is_the_same_in_both_languages_if_it_cites_one_passage(
    zh: tuple[Outcome, list[str]], en: tuple[Outcome, list[str]], same: float
) -> None:
    pair = [
        _item("t1.zh", zh[0], gold=1, cited=zh[1]),
        _item("t1.en", en[0], gold=1, cited=en[1]),
    ]
    figure = _figures(pair)["same passage in both languages"]
    assert (figure.value, figure.n) == (same, 1)


# --- scores, curves, flags ----------------------------------------------------------------------


def test_the_scores_of_a_question_are_those_of_the_figures() -> None:
    assert scores(ITEMS[1]) == {
        "hit@5": 1.0,
        "reciprocal rank": 0.5,
        "gold quote cited": 0.0,
        "quotes exact": 1.0,
        "faithful": 0.5,
        "key points": 0.0,
        "answered or refused rightly": 1.0,
    }
    assert scores(ITEMS[5]) == {
        "hit@5": 1.0,
        "reciprocal rank": 1.0,
        "gold quote cited": 0.0,
        "key points": 0.0,
        "answered or refused rightly": 0.0,
    }
    assert scores(ITEMS[7]) == {"answered or refused rightly": 1.0}
    assert scores(ITEMS[8]) == {"faithful": 0.0, "answered or refused rightly": 0.0}


def test_curves_are_those_computed_by_hand() -> None:
    items = [
        _item("a.zh", "answered", gold=1, ranking=[{0}], evidence=0.9),
        _item("b.zh", "answered", ranking=[()], evidence=0.7),
        _item("c.zh", "answered", gold=1, ranking=[(), {0}], evidence=0.8),
        _item("d.zh", "refused", gold=1, ranking=[*[()] * 5, {0}], evidence=0.2),
        _item("e.zh", "refused", ranking=[()], evidence=0.1),
        _item("f.zh", "failed", gold=1),  # it tells no evidence
    ]
    found = curves(items)
    # by falling evidence: right, right, unanswerable, missed, unanswerable
    assert found["risk_coverage"] == [
        [pytest.approx(part / 5), pytest.approx(risk)]
        for part, risk in enumerate([0, 0, 1 / 3, 2 / 4, 3 / 5], start=1)
    ]
    assert found["reliability"] == [
        [evidence, answerable, 1]
        for evidence, answerable in ((0.1, 0), (0.2, 1), (0.7, 0), (0.8, 1), (0.9, 1))
    ]
    assert _figures(items)["AURC"].value == pytest.approx((1 / 3 + 2 / 4 + 3 / 5) / 5)


def test_a_system_that_tells_no_evidence_has_no_curves() -> None:
    silent = [replace(i, reply=replace(i.reply, evidence=None)) for i in ITEMS]
    assert curves(silent) == {"risk_coverage": [], "reliability": []}
    assert _figures(silent)["AURC"].value is None


def test_flags_that_stand_alone_have_the_interval_of_wilson() -> None:
    assert of_flags("right", [True, False, True, True]) == Figure(
        "", "right", 0.75, wilson(3, 4), 4
    )
    assert of_flags("right", []) == Figure("", "right", None, None, 0)
