"""BM25 over words of both languages, in memory and back from disk."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.lexical import Lexical
from rag.text import words

TEXTS = [
    "选课题最重要的标准是好奇心和热情",
    "写作是整理想法的办法",
    "You need ten thousand hours of practice",
    "没有 GPU 就先用小数据集 do small experiments",
    "",
]


@pytest.fixture
def lexical() -> Lexical:
    return Lexical.build(TEXTS)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("课题怎么选", 0),
        ("好奇心", 0),
        ("为什么要写作?", 1),
        ("how many HOURS should I practice?", 2),
        ("gpu", 3),
        ("GPU", 3),  # full-width letters are the same word
        ("数据集 experiments", 3),
    ],
)
def test_the_text_that_shares_words_scores_best(
    lexical: Lexical, question: str, found: int
) -> None:
    scores = lexical.scores(question)
    assert scores.dtype == np.float32
    assert scores.shape == (len(TEXTS),)
    assert int(scores.argmax()) == found
    assert np.count_nonzero(scores == scores.max()) == 1


@pytest.mark.parametrize("question", ["", " \n", "?!。", "🔥", "量子纠缠", "zebra", "\ud800"])
def test_a_question_that_shares_no_word_scores_zero_everywhere(
    lexical: Lexical, question: str
) -> None:
    assert lexical.scores(question).tolist() == [0.0] * len(TEXTS)


def test_scores_follow_the_formula() -> None:
    lexical = Lexical.build(["a a b", "b c", "c"])
    # N 3, mean length (3 + 2 + 1) / 3 = 2, k1 1.5, b 0.75; "a" stands twice in text 0 and in no
    # other: idf ln(1 + (3 - 1 + 0.5) / (1 + 0.5)) = ln(8/3); length 3 gives
    # 1.5 * (0.25 + 0.75 * 3 / 2) = 2.0625; 2 / (2 + 2.0625) = 0.4923; ln(8/3) * 0.4923 = 0.4829
    assert lexical.scores("a").tolist() == pytest.approx([0.4829, 0.0, 0.0], abs=1e-4)
    # "b": idf ln(1 + 1.5 / 2.5) = 0.4700; 1 / (1 + 2.0625) and 1 / (1 + 1.5): 0.1535, 0.1880
    assert lexical.scores("b").tolist() == pytest.approx([0.1535, 0.1880, 0.0], abs=1e-4)
    both = [0.4829 + 0.1535, 0.1880, 0.0]
    assert lexical.scores("a b unseen").tolist() == pytest.approx(both, abs=1e-4)


def test_rarity_is_highest_for_an_unseen_word() -> None:
    lexical = Lexical.build(["a a b", "b c", "b"])
    assert lexical.rarity("b") == pytest.approx(math.log(1 + 0.5 / 3.5))
    assert lexical.rarity("a") == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert lexical.rarity("zebra") == pytest.approx(math.log(1 + 3.5 / 0.5))


def test_it_says_which_words_stand_in_a_text(lexical: Lexical) -> None:
    assert all(word in lexical for text in TEXTS for word in words(text))
    assert "zebra" not in lexical


def test_what_is_written_reads_back_the_same(lexical: Lexical, tmp_path: Path) -> None:
    lexical.write(tmp_path / "words")
    again = Lexical.read(tmp_path / "words")
    for question in [*TEXTS, "课题 hours zebra", "zebra"]:
        assert again.scores(question).tolist() == lexical.scores(question).tolist()
    for word in [*words(" ".join(TEXTS)), "zebra"]:
        assert again.rarity(word) == lexical.rarity(word)
        assert (word in again) == (word in lexical)


@given(texts=st.lists(st.text(max_size=20), max_size=6), question=st.text(max_size=20))
def test_every_score_is_finite_and_above_zero_only_where_a_word_is_shared(
    texts: list[str], question: str
) -> None:
    scores = Lexical.build(texts).scores(question)
    shared = [bool(set(words(text)) & set(words(question))) for text in texts]
    assert np.isfinite(scores).all()
    assert (scores > 0).tolist() == shared


def test_no_texts_give_no_scores(tmp_path: Path) -> None:
    empty = Lexical.build([])
    empty.write(tmp_path / "words")
    again = Lexical.read(tmp_path / "words")
    assert again.scores("课题").tolist() == empty.scores("课题").tolist() == []


def test_coverage_is_the_share_of_the_words_by_rarity() -> None:
    lexical = Lexical.build(["reading papers", "renting gpus", "papers"])
    one, other, third = lexical.coverage("renting quasars").tolist()
    # "quasars" stands nowhere and counts all the same: more than half is not covered
    assert one == third == 0.0
    assert 0.0 < other < 0.5
    assert lexical.coverage("renting gpus")[1] > lexical.coverage("renting quasars")[1]


@pytest.mark.parametrize("question", ["", "?", "zebra"])
def test_a_question_that_shares_no_word_is_not_covered(question: str) -> None:
    assert Lexical.build(["reading papers"]).coverage(question).tolist() == [0.0]


def test_the_vocabulary_is_every_word_of_the_texts() -> None:
    assert set(Lexical.build(["reading papers", "papers"]).vocabulary) == {"reading", "papers"}


LETTERS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12).map(" ".join), max_size=30)


@given(LETTERS, st.lists(st.sampled_from("abcdefghz"), max_size=6).map(" ".join), st.integers(0, 9))
def test_the_best_few_are_those_that_scoring_every_text_gives(
    texts: list[str], question: str, k: int
) -> None:
    lexical = Lexical.build(texts)
    scores = lexical.scores(question)
    found = lexical.top(question, k)
    assert len(found) == min(k, np.count_nonzero(scores))
    assert len(set(found.tolist())) == len(found)
    wanted = np.sort(scores)[::-1][: len(found)]
    assert scores[found] == pytest.approx(wanted, rel=1e-5)


@given(LETTERS, st.lists(st.sampled_from("abcdefghz"), max_size=6).map(" ".join))
def test_some_texts_are_covered_as_they_are_among_all(texts: list[str], question: str) -> None:
    lexical = Lexical.build(texts)
    some = np.arange(0, len(texts), 3)
    every = lexical.coverage(question)
    assert lexical.coverage(question, some) == pytest.approx(every[some], rel=1e-5)


def test_few_of_many_texts_are_scored_and_still_the_best_are_found() -> None:
    chance = np.random.default_rng(5)
    common, rare = [f"c{at}" for at in range(5)], [f"r{at}" for at in range(300)]
    texts = [" ".join([*chance.choice(common, 6), *chance.choice(rare, 2)]) for _ in range(3000)]
    lexical = Lexical.build(texts)
    for question in ("r1 r2 c1 c2 c3", "c1 c2", "r7 c0 c1 c2 c3 c4", "r5 r6 r7 c4"):
        scores, found = lexical.scores(question), lexical.top(question, 10)
        assert scores[found] == pytest.approx(np.sort(scores)[::-1][:10], rel=1e-5)
