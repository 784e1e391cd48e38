"""Who a text says is speaking is known by any of their names; what they say is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Lang, Speaker
from rag.frame import name_parts, named, unframed, whole_word

HE = frozenset({"何恺明", "Kaiming He", "kaiming"})


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "left"),
    [
        ("何恺明说好奇心很重要。", "好奇心很重要。"),
        ("何恺明说,好奇心很重要。", "好奇心很重要。"),
        ("何恺明还认为，好奇心很重要。", "好奇心很重要。"),
        ("不过,何恺明觉得好奇心很重要。", "好奇心很重要。"),
        ("Kaiming He 认为好奇心很重要。", "好奇心很重要。"),
        ("KAIMING认为好奇心很重要。", "好奇心很重要。"),
        ("他说过好奇心很重要。", "好奇心很重要。"),
        ("作者建议多读论文。", "多读论文。"),
        ("何恺明的建议是多读论文。", "多读论文。"),
        ("在何恺明看来,好奇心很重要。", "好奇心很重要。"),
        ("按何恺明的说法，好奇心很重要。", "好奇心很重要。"),
        ("据何恺明所说，好奇心很重要。", "好奇心很重要。"),
        ("用何恺明的话说,好奇心很重要。", "好奇心很重要。"),
        ("好奇心很重要,何恺明说。", "好奇心很重要。"),
        ("好奇心很重要，他是这么说的。", "好奇心很重要。"),
    ],
)
def test_a_chinese_frame_of_plain_saying_is_taken_off(claim: str, left: str) -> None:
    assert unframed(claim, HE, "zh") == left


@pytest.mark.parametrize(
    ("claim", "left"),
    [
        ("Kaiming He says that curiosity matters.", "curiosity matters."),
        ("Kaiming says curiosity matters.", "curiosity matters."),
        ("KAIMING HE SAID: curiosity matters.", "curiosity matters."),
        ("But Kaiming also believes that curiosity matters.", "curiosity matters."),
        ("He thinks curiosity matters.", "curiosity matters."),
        ("The author points out that curiosity matters.", "curiosity matters."),
        ("According to Kaiming He, curiosity matters.", "curiosity matters."),
        ("In Kaiming’s view, curiosity matters.", "curiosity matters."),
        ("In Kaiming He's experience, curiosity matters.", "curiosity matters."),
        ("For him and others, curiosity matters.", "For him and others, curiosity matters."),
        ("Curiosity matters, says Kaiming He.", "Curiosity matters."),
        ("Curiosity matters, Kaiming He argues.", "Curiosity matters."),
        ("Curiosity, he says, matters.", "Curiosity matters."),
    ],
)
def test_an_english_frame_of_plain_saying_is_taken_off(claim: str, left: str) -> None:
    assert unframed(claim, HE, "en") == left


@pytest.mark.parametrize(
    ("claim", "lang"),
    [
        # verbs that say more than that somebody says something
        ("何恺明怀疑好奇心很重要。", "zh"),
        ("何恺明否认好奇心很重要。", "zh"),
        ("何恺明不认为好奇心很重要。", "zh"),
        ("何恺明拒绝说好奇心很重要。", "zh"),
        ("Kaiming He doubts that curiosity matters.", "en"),
        ("Kaiming He denies that curiosity matters.", "en"),
        ("Kaiming He never says that curiosity matters.", "en"),
        ("Kaiming He does not think that curiosity matters.", "en"),
        # "说" in another word
        ("他说不定会离开学校。", "zh"),
        ("他说服了自己的导师。", "zh"),
        ("作者说明了自己的方法。", "zh"),
        ("他说不清原因在哪里。", "zh"),
        # somebody else
        ("西风说好奇心很重要。", "zh"),
        ("Xifeng says that curiosity matters.", "en"),
        ("According to Xifeng, curiosity matters.", "en"),
        # in the middle of a claim
        ("好奇心是何恺明认为重要的标准。", "zh"),
        ("Do what Kaiming He says you should do first.", "en"),
    ],
)
def test_what_is_no_frame_of_plain_saying_stays(claim: str, lang: Lang) -> None:
    assert unframed(claim, HE, lang) == claim


@pytest.mark.parametrize(
    ("claim", "lang"),
    [("何恺明说好。", "zh"), ("何恺明说。", "zh"), ("He says no.", "en"), ("Kaiming says.", "en")],
)
def test_a_frame_around_next_to_nothing_stays(claim: str, lang: Lang) -> None:
    assert unframed(claim, HE, lang) == claim


def test_without_names_only_pronouns_and_the_author_speak() -> None:
    assert unframed("He says that curiosity matters.", [], "en") == "curiosity matters."
    assert unframed("作者说好奇心很重要。", [""], "zh") == "好奇心很重要。"
    assert unframed("何恺明说好奇心很重要。", [], "zh") == "何恺明说好奇心很重要。"


@pytest.mark.parametrize(
    "name", ["C++", "Howard (霍华德)", "a.b", "[x]", "《Deep Learn》博主", "\\"]
)
def test_a_name_with_signs_is_no_pattern(name: str) -> None:
    assert unframed(f"{name}说好奇心很重要。", [name], "zh") == "好奇心很重要。"
    assert unframed(f"{name} says that it matters.", [name], "en") == "it matters."
    assert unframed("axb says that it matters.", ["a.b"], "en") == "axb says that it matters."


@given(text=st.text(max_size=60), lang=st.sampled_from(["zh", "en"]))
def test_what_is_left_of_any_text_is_a_part_of_it_and_not_nothing(text: str, lang: Lang) -> None:
    left = unframed(text, HE, lang)
    assert left == text or 4 <= len(left.strip()) < len(text)
    kept = iter(text)
    assert all(char in kept for char in left)


# --- names --------------------------------------------------------------------------------------

SPEAKERS = [
    Speaker("何恺明", "Kaiming He"),
    Speaker("David Mack", "David Mack"),
    Speaker("Ann", "Ann"),
    Speaker("霍华德", "Howard (霍华德)"),
    Speaker("笔者", "the author"),
    Speaker("知乎提问者", "the Zhihu asker"),
    Speaker("《Deep》博主", "the blogger of “Deep”"),
    Speaker("二哈", "二哈"),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("何恺明说", {"何恺明"}),
        ("Kaiming says", {"何恺明"}),
        ("KAIMING’s view", {"何恺明"}),
        ("Kai-Ming says", {"何恺明"}),
        ("KaimingHe says", {"何恺明"}),
        ("kaiming说", {"何恺明"}),
        ("ｋａｉｍｉｎｇ says", {"何恺明"}),
        ("He says", set()),
        ("DavidMack和Ann", {"David Mack", "Ann"}),
        ("Ann's plan", {"Ann"}),
        ("an annual plan of Annie's", set()),
        ("a davidian mackerel", set()),
        ("Howard and 霍华德", {"霍华德"}),
        ("the author of this", set()),
        ("笔者认为", {"笔者"}),
        ("The Zhihu asker wonders", {"知乎提问者"}),
        ("An asker on Zhihu", set()),
        ('The blogger of "Deep" says', {"《Deep》博主"}),
        ("Deep博主说", {"《Deep》博主"}),
        ("二哈 says", {"二哈"}),
        ("", set()),
    ],
)
def test_people_are_named_in_either_language_wholly_or_in_part(text: str, names: set[str]) -> None:
    assert named(text, SPEAKERS) == names


def test_a_speaker_without_a_name_is_never_named() -> None:
    assert named("anything 任何", [Speaker("", "")]) == set()
    assert named("Ann", []) == set()


@pytest.mark.parametrize(
    ("name_en", "parts"),
    [
        ("Kaiming He", {"kaiming", "kaiminghe"}),
        ("Howard (霍华德)", {"howard"}),
        ("KKY (爱睡觉的KKY)", {"kky"}),
        ("the author", set()),
        ("a member of the audience", set()),
        ("二哈", set()),
        ("", set()),
    ],
)
def test_a_name_has_parts_and_a_description_has_none(name_en: str, parts: set[str]) -> None:
    assert name_parts(Speaker("x", name_en)) == parts


@pytest.mark.parametrize(
    ("word", "text", "said"),
    [
        ("Ann", "ann went", True),
        ("Ann", "ann's", True),
        ("Ann", "plan", False),
        ("Ann", "annual", False),
        ("Ann", "和ann说", True),
        ("GPU", "gpus", True),
        ("Ti", "1080ti", True),
        ("80", "1080", False),
        ("3D", "a 3d one", True),
        ("Deep Mind", "deepmind", True),
        ("DeepMind", "deep-mind", True),
        ("C++", "in c++ and", True),
        ("何恺明", "是何恺明说", True),
        ("何恺明", "何凯明", False),
        ("", "anything", False),
    ],
)
def test_a_word_is_said_by_itself_and_not_as_a_part(word: str, text: str, said: bool) -> None:
    assert whole_word(word, text) == said
