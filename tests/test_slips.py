"""The same questions as they are typed in a hurry, or in another script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import read
from eval.slips import SLIPS, figures, misspelt, traditional, wide
from rag import Mentor


@given(text=st.text(max_size=60))
def test_a_misspelt_text_has_the_same_letters(text: str) -> None:
    assert sorted(misspelt(text)) == sorted(text)


@pytest.mark.parametrize("seed", range(8))
def test_two_letters_of_the_longest_word_are_exchanged_but_never_the_first(seed: int) -> None:
    slipped = misspelt("Who is Karpathy?", seed)
    assert slipped.startswith("Who is K")
    assert slipped.endswith("?")
    assert sum(one != other for one, other in zip(slipped, "Who is Karpathy?", strict=True)) == 2


@pytest.mark.parametrize("text", ["", "怎么选题?", "no gpu", "short words only"])
def test_a_text_without_a_long_word_stays(text: str) -> None:
    assert misspelt(text) == text


def test_full_width_letters_stand_for_the_narrow_ones() -> None:
    assert wide("Do I need a GPU?") == "Ｄｏ　Ｉ　ｎｅｅｄ　ａ　ＧＰＵ？"


def test_traditional_characters_and_words() -> None:
    assert traditional("没有显卡怎么做研究") == "沒有顯示卡怎麼做研究"


def test_slips_cost_few_of_the_passages(shelf: Mentor) -> None:
    found = {figure.name: figure for figure in figures(shelf, read("dev"))}
    assert found.keys() == {f"hit@5 {name}" for name in SLIPS}
    for lang, names in (
        ("zh", ["traditional characters"]),
        ("en", ["two letters exchanged", "full width"]),
    ):
        plain = found[f"hit@5 as written, {lang}"]
        assert plain.value
        for name in names:
            slipped = found[f"hit@5 {name}"]
            assert slipped.n == plain.n > 50
            assert slipped.value is not None
            assert slipped.value >= plain.value - 0.1
