"""Every piece of a question looks for its nearest in a text; their weighted mean is the score."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from fakes import Ids, Vectors, WordPieces
from hypothesis import given
from hypothesis import strategies as st

from rag.embed import open_pieces
from rag.interaction import Interaction


class Degrees:
    """Pieces of the plane: "30" points thirty degrees up; every other word is unknown."""

    def __init__(self, weights: Mapping[int, float] | None = None) -> None:
        self._weights = weights or {}

    def cut(self, texts: Sequence[str]) -> list[Ids]:
        known = ([int(word) for word in text.split() if self.knows(word)] for text in texts)
        return [np.unique(np.array(ids, np.int32)) for ids in known]

    def knows(self, word: str) -> bool:
        return word.isdigit()

    def vectors(self, ids: Ids) -> Vectors:
        angles = np.radians(ids)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def weights(self, ids: Ids) -> Vectors:
        return np.array([self._weights.get(int(id_), 1.0) for id_ in ids], np.float32)


def _score(question: str, text: str, weights: Mapping[int, float] | None = None) -> float:
    """Return the score of the one text."""
    [score] = Interaction.build([text], Degrees(weights)).scores(question).tolist()
    return float(score)


# --- by hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", 1.0),
        ("60", 0.35355),  # cos 60 = 0.5, and 0.5 to the power of 1.5
        ("78", 0.09480),  # cos 78 = 0.20791 lies above the floor of 0.2
        ("79", 0.0),  # cos 79 = 0.19081 lies below
        ("90", 0.0),
        ("180", 0.0),  # cos 180 = -1, of which no power is taken
    ],
)
def test_a_piece_counts_by_the_power_of_its_cosine_above_a_floor(text: str, wanted: float) -> None:
    assert _score("0", text) == pytest.approx(wanted, abs=1e-5)


def test_a_piece_counts_by_the_nearest_piece_of_the_text_alone() -> None:
    assert _score("0", "60 90 80") == _score("0", "60") == _score("0", "300 60")
    assert _score("0", "90 60 0") == pytest.approx(1.0)


def test_the_score_is_the_mean_over_the_pieces_of_the_question_by_weight() -> None:
    # "0" finds itself: 1; "90" finds "30", cos 60 = 0.5: 0.35355
    assert _score("0 90", "0 30") == pytest.approx((1 + 0.35355) / 2, abs=1e-5)
    weighed = _score("0 90", "0 30", {0: 1.0, 90: 3.0})
    assert weighed == pytest.approx((1 + 3 * 0.35355) / 4, abs=1e-5)


def test_weights_of_the_text_and_words_said_twice_change_nothing() -> None:
    assert _score("0", "60 30", {30: 9.0, 60: 0.1}) == _score("0", "60 30")
    assert _score("0 0 90 0", "0 30 30") == _score("0 90", "0 30")


def test_unknown_words_change_nothing() -> None:
    assert _score("tell me 0", "about 60 now") == _score("0", "60")


TEXTS = ["0", "", "90 45", "unknown", "180", "30 200"]
SCORES = [1.0, 0.0, 0.59460, 0.0, 0.0, 0.80593]  # of "0": cos 45 = 0.70711, cos 30 = 0.86603


@pytest.fixture
def interaction() -> Interaction:
    return Interaction.build(TEXTS, Degrees())


def test_scores_come_in_the_order_of_the_texts_and_empty_ones_score_zero(
    interaction: Interaction,
) -> None:
    assert len(interaction) == len(TEXTS)
    scores = interaction.scores("0")
    assert scores.dtype == np.float64
    assert scores.tolist() == pytest.approx(SCORES, abs=1e-5)


@pytest.mark.parametrize("question", ["", " ", "unknown words", "🔥"])
def test_a_question_without_a_known_piece_scores_zero_everywhere(
    interaction: Interaction, question: str
) -> None:
    assert interaction.scores(question).tolist() == [0.0] * len(TEXTS)


@pytest.mark.parametrize(
    "rows", [[2], [5, 0, 2], [1, 3], [0, 1, 2, 3, 4, 5], [3, 5], [5, 3], [2, 2, 0], []]
)
def test_scores_of_some_rows_are_those_of_all_in_their_order(
    interaction: Interaction, rows: list[int]
) -> None:
    chosen = np.array(rows, np.int64)
    found = interaction.scores("0 45", chosen)
    assert found.shape == (len(rows),)
    assert found.tolist() == pytest.approx(interaction.scores("0 45")[chosen].tolist(), abs=1e-6)


@pytest.mark.parametrize("texts", [[], [""], ["", "unknown"]])
def test_texts_without_pieces_score_zero_and_no_texts_give_no_scores(texts: list[str]) -> None:
    interaction = Interaction.build(texts, Degrees())
    assert interaction.scores("0").tolist() == [0.0] * len(texts)
    assert interaction.scores("0", np.empty(0, np.int64)).tolist() == []


# --- what no text says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("0", 0.0),
        ("50", 0.0),  # cos 50 = 0.64279 is near enough
        ("60", 1.0),  # cos 60 = 0.5 is not
        ("0 60", 0.75),
        ("0 60 100", 3 / 5),  # "100" is near to "130"
        ("unknown", 1.0),
        ("0 unknown", 0.0),
        ("", 1.0),
    ],
)
def test_strange_is_the_share_of_the_question_that_no_text_comes_near(
    question: str, wanted: float
) -> None:
    interaction = Interaction.build(["0", "", "130"], Degrees({60: 3.0}))
    assert interaction.strange(question) == pytest.approx(wanted)


@pytest.mark.parametrize("texts", [[], [""], ["unknown"]])
def test_every_question_is_strange_where_no_text_has_a_piece(texts: list[str]) -> None:
    assert Interaction.build(texts, Degrees()).strange("0") == 1.0


# --- of any text --------------------------------------------------------------------------------

WORDS = st.lists(
    st.sampled_from("how do I rent a gpu 显卡 课题 论文 paper topic".split()), max_size=6
)
SAID = WORDS.map(" ".join)


@given(texts=st.lists(SAID, min_size=1, max_size=5), question=SAID)
def test_a_score_lies_between_nothing_and_one(texts: list[str], question: str) -> None:
    scores = Interaction.build(texts, WordPieces()).scores(question)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores <= 1 + 1e-6).all()


@given(
    angles=st.lists(st.integers(0, 359), min_size=1, max_size=6),
    text=st.lists(st.integers(0, 359), max_size=6),
    more=st.lists(st.integers(0, 359), max_size=6),
)
def test_more_words_never_lower_the_score_of_a_text(
    angles: list[int], text: list[int], more: list[int]
) -> None:
    question, short, long = (" ".join(map(str, said)) for said in (angles, text, text + more))
    weights = {angle: 0.1 + angle % 7 for angle in range(360)}
    before, after = Interaction.build([short, long], Degrees(weights)).scores(question).tolist()
    assert after >= before - 1e-6


@given(texts=st.lists(SAID, max_size=5), question=SAID.filter(bool))
def test_a_text_that_says_the_whole_question_scores_one_and_most(
    texts: list[str], question: str
) -> None:
    scores = Interaction.build([*texts, f"and {question} too"], WordPieces()).scores(question)
    assert scores[-1] == pytest.approx(1.0, abs=1e-5)
    assert scores[-1] >= scores.max() - 1e-6


@given(texts=st.lists(SAID, max_size=6), question=SAID, data=st.data())
def test_any_rows_give_the_scores_of_all(
    texts: list[str], question: str, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1)) if texts else st.just([]))
    interaction = Interaction.build(texts, WordPieces())
    chosen = np.array(rows, np.int64)
    every = interaction.scores(question)
    assert interaction.scores(question, chosen) == pytest.approx(every[chosen], abs=1e-6)


# --- the shipped model --------------------------------------------------------------------------

SHELF = [
    "A graphics card costs more than a month of rent.",
    "Rent a GPU before you buy one.",
    "My cat sleeps on the sofa.",
    "显卡很贵。",
    "我没有猫, 怎么办?",
]


@pytest.fixture(scope="module")
def shipped() -> Interaction:
    return Interaction.build(SHELF, open_pieces())


@pytest.mark.parametrize(
    ("question", "near"),
    [
        ("显卡", 0),
        ("显卡", 3),
        ("没有显卡怎么办", 0),
        ("graphics card", 3),
        ("显存 GPU", 1),
        ("图形处理器 GPU 租用", 1),
    ],
)
def test_a_word_finds_what_means_the_same_in_the_other_language(
    shipped: Interaction, question: str, near: int
) -> None:
    scores = shipped.scores(question)
    assert scores[near] > scores[2] + 0.1


def test_a_long_text_does_not_blur_what_it_says() -> None:
    long = "Lunch was late and it rained. " * 40 + "I bought a graphics card. " + "Then home. " * 40
    alone, within, without = Interaction.build(
        ["I bought a graphics card.", long, "Lunch was late and it rained."], open_pieces()
    ).scores("显卡")
    assert within >= alone - 1e-6 > without + 0.1


def test_function_words_hardly_count(shipped: Interaction) -> None:
    asked, bare = shipped.scores("我没有显卡怎么办"), shipped.scores("显卡")
    assert asked[:4] == pytest.approx(bare[:4], abs=0.05)
    # it shares "我", "没有" and "怎么办" with the question, and nothing that tells
    assert asked[4] < 0.15
    assert shipped.scores("How do I rent the GPU?")[2] < 0.15
