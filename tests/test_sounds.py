"""A name is found in the other script by its sound, and no other name is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pace import LINEAR, growth

from rag.sounds import _likeness, _romanised, _windows, shared_names


def _shared(latin: str, han: str) -> list[tuple[str, str]]:
    """Return what is shared, without the places."""
    return [(here.of(latin), there.of(han)) for here, there, _ in shared_names(latin, han)]


@pytest.mark.parametrize(
    ("latin", "han"),
    [
        ("Karpathy", "卡帕西"),
        ("Miller", "米勒"),
        ("Mack", "麦克"),
        ("Turing", "图灵"),
        ("Newton", "牛顿"),
        ("Smith", "史密斯"),
        ("Goodfellow", "古德费洛"),
        ("Obama", "奥巴马"),
        ("Trump", "特朗普"),
    ],
)
def test_a_transcribed_name_is_found_where_it_stands(latin: str, han: str) -> None:
    said = f"昨天,{han}说了一句话。"
    assert (latin, han) in _shared(f"Yesterday {latin} said a word.", said)


@pytest.mark.parametrize(
    ("latin", "han"),
    [("Kaiming", "恺明"), ("Xifeng", "西风"), ("Wang", "王"), ("Zhang", "张"), ("Beijing", "北京")],
)
def test_a_romanised_chinese_name_is_found_by_its_syllables(latin: str, han: str) -> None:
    assert (latin, han) in _shared(f"{latin} came.", f"后来{han}也来了。")


@pytest.mark.parametrize(
    ("latin", "han"),
    [
        ("Karpathy", "米勒"),
        ("Miller", "卡帕西"),
        ("Miller", "史密斯"),
        ("Turing", "牛顿"),
        ("Newton", "图灵"),
        ("Obama", "特朗普"),
        ("Kaiming", "西风"),
        ("Xifeng", "恺明"),
        ("Smith", "张三"),
        ("Karpathy", "我们今天吃饭"),
        ("Newton", "研究很难"),
    ],
)
def test_another_name_is_not_taken_for_it(latin: str, han: str) -> None:
    assert _shared(f"{latin} said so.", f"{han}这样说。") == []


@pytest.mark.parametrize(
    "latin", ["", "nobody here", "miller", "MILLER", "The", "He", "I", "We did. They did. 42!"]
)
def test_only_a_capitalised_word_that_is_no_function_word_is_a_name(latin: str) -> None:
    assert _shared(latin, "米勒和王德他说") == []


def test_a_text_without_han_or_without_names_shares_none() -> None:
    assert _shared("Miller said so.", "") == []
    assert _shared("Miller said so.", "Miller said so.") == []
    assert _shared("", "米勒") == []


def test_every_place_of_a_name_is_given() -> None:
    latin, han = "Miller met Miller.", "米勒说,米勒在。"
    assert len([*shared_names(latin, han)]) == 4


def test_the_most_alike_of_several_transcriptions_is_chosen() -> None:
    scores = {
        there.of("米勒和米德"): score for _, there, score in shared_names("Miller", "米勒和米德")
    }
    assert scores == {"米勒": 1.0}


@given(latin=st.text(max_size=30), han=st.text("米勒卡帕西恺明何王的说,A ", max_size=20))
def test_places_stand_in_their_texts_and_likeness_ends_at_one(latin: str, han: str) -> None:
    for here, there, score in shared_names(f"Miller {latin} Kaiming", han):
        assert here.of(f"Miller {latin} Kaiming")[0].isupper()
        assert len(there.of(han)) == len(there)
        assert 0.7 <= score <= 1.0


@pytest.mark.parametrize("longer", ["Latin", "Han"])
def test_a_text_is_searched_in_time_that_grows_with_its_length(longer: str) -> None:
    def searched(size: int) -> None:
        for kept in (_windows, _romanised, _likeness):
            kept.cache_clear()
        times = {"Latin": 9, "Han": 9} | {longer: size}
        latin, han = "Karpathy " * times["Latin"], "卡帕西研究了很久" * times["Han"]
        [*shared_names(latin, han)]

    assert growth(searched, 800) < LINEAR
