"""What a retelling turned round, made larger or put in is seen, in both languages; what it only
says in other words is not.
"""

import re
from itertools import product

import numpy as np
import pytest
from fakes import WordPieces
from hypothesis import given
from hypothesis import strategies as st

from rag import Lang, Speaker
from rag.align import Read
from rag.drift import (
    DRIFT,
    NAMES,
    OPPOSITES,
    heard,
    negated,
    opposites,
    sounded,
    strangers,
    unnamed,
    unsaid_names,
)
from rag.embed import open_pieces
from rag.signs import SIGNS, drifted
from rag.text import HAN


def read(text: str) -> Read:
    return Read.of(text, open_pieces())


def read_words(text: str) -> Read:
    return Read.of(text, WordPieces())


def drift(claim: str, context: str) -> dict[str, float]:
    """Return the signs of `DRIFT` alone."""
    found = drifted(claim, context, read)
    return {name: found[name] for name in DRIFT}


# --- the signs as a whole -----------------------------------------------------------------------

STORY = "I read many papers. You should not skip the small ones. Often a small idea grows."
STORY_ZH = "我读了很多论文。你不要跳过小论文。小想法往往会长大。"


@pytest.mark.parametrize("cut", [read, read_words], ids=["shipped", "fake"])
@pytest.mark.parametrize("context", [STORY, STORY_ZH, "a", "7 8"])
@pytest.mark.parametrize("claim", ["Skip the small ones.", "别跳过小论文。", "7", "the of"])
def test_a_pair_has_the_signs_of_a_claim_and_those_of_drift_behind_them(
    claim: str, context: str, cut: type[Read]
) -> None:
    found = drifted(claim, context, cut)
    assert list(found) == [*SIGNS, *DRIFT]
    assert all(type(value) is float and np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("text", ["", " ", "。", "🔥"])
def test_a_side_that_says_nothing_has_no_signs(text: str) -> None:
    assert drifted(text, STORY, read) == drifted(STORY, text, read) == {}


@given(claim=st.text(max_size=30), context=st.text(max_size=60))
def test_any_two_texts_have_all_signs_or_none(claim: str, context: str) -> None:
    found = drifted(claim, context, read)
    assert not found or list(found) == [*SIGNS, *DRIFT]
    assert all(np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("text", [STORY, STORY_ZH])
def test_what_repeats_its_context_has_not_drifted(text: str) -> None:
    found = drift(text, text)
    against = [name for name, way in DRIFT.items() if way < 0]
    assert {name: found[name] for name in against} == dict.fromkeys(against, 0.0)
    assert found["weakest_clause"] == pytest.approx(1.0, abs=1e-5)


# --- what is denied -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("不要先看论文。", ["先看论文"]),
        ("先看论文,不要急。", ["急"]),
        ("他没有走，但是我走了", ["走"]),
        ("他不走但我走", ["走"]),
        ("I do not read papers, and I write.", [" read papers"]),
        ("I do not read papers but I write.", [" read papers "]),
        ("It isn't easy.", [" easy"]),
        ("It isn’t easy.", [" easy"]),
        ("Never give up.", [" give up"]),
        ("Instead of reading, write.", [" reading"]),
        ("They failed to reproduce it.", [" reproduce it"]),
        ("缺乏导师", ["导师"]),
    ],
)
def test_a_negation_reaches_to_the_end_of_its_clause_or_to_a_but(
    text: str, reached: list[str]
) -> None:
    assert [span.of(text) for span in negated(text)] == reached


def test_a_negation_reaches_a_dozen_characters_and_an_english_one_twice_as_many() -> None:
    chinese, english = "不" + "读" * 40, "not " + "r" * 60
    assert [len(span) for span in negated(chinese)] == [12]
    assert [len(span) for span in negated(english)] == [24]


@pytest.mark.parametrize(
    "text",
    [
        *("不仅快", "差不多好了", "他不得不走", "是不是这样", "特别好", "not only fast"),
        *("No. 5 is it", "", "不", "n't", "I know a notary", "unlike him"),
    ],
)
def test_what_looks_like_a_negation_or_has_nothing_behind_it_reaches_nothing(text: str) -> None:
    assert negated(text) == []


def test_a_double_negation_reaches_the_same_words_twice() -> None:
    first, second = negated("没有人不喜欢读书")
    assert first.overlap(second) == len(second)


@pytest.mark.parametrize(
    ("claim", "context", "turned"),
    [
        ("你要跳过小论文。", "你不要跳过小论文。", True),
        ("你不要跳过小论文。", "你不要跳过小论文。", False),
        ("你不要跳过小论文。", "你要跳过小论文。", True),
        ("没有人不读小论文。", "人人都读小论文。", False),
        ("Skip the small papers.", "Do not skip the small papers.", True),
        ("Do not skip the small papers.", "Do not skip the small papers.", False),
        # said both ways, it is not turned
        ("Skip the papers.", "Skip the papers. Do not skip the papers.", False),
    ],
)
def test_a_word_is_turned_where_only_one_side_denies_it(
    claim: str, context: str, turned: bool
) -> None:
    found = drift(claim, context)
    assert (found["turned"] > 0) == (found["turned_share"] > 0) == turned


# --- opposites ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "context", "found"),
    [
        ("这很容易。", "这很困难。", 1),
        ("这很容易。", "这很容易。", 0),
        ("这很容易。", "这虽然困难,也容易。", 0),  # the context says both sides
        ("既容易又困难。", "这很困难。", 0),  # the claim does
        ("Easier", "It is DIFFICULT", 1),
        ("easy", "困难", 1),  # across languages
        ("done in advance", "done afterwards", 1),  # a phrase
        ("done in  advance", "done afterwards", 0),  # another phrase
        ("give up", "persist", 1),
        ("beasy", "hard", 0),  # Latin words begin where a word begins
        ("increasingly", "decreasing", 1),  # and are stems
        ("faster and cheaper", "slower and costly", 2),
        ("广为人知", "默默无闻", 1),
        ("大模型", "小模型", 1),  # single characters as words of their own
        ("大学", "小学", 0),  # and not as parts of one
        ("", "hard", 0),
        ("no side", "nor here", 0),
    ],
)
def test_oppositions_are_counted_where_each_text_takes_its_own_side(
    claim: str, context: str, found: int
) -> None:
    assert opposites(claim, context) == opposites(context, claim) == found


def test_every_listed_opposition_is_found_with_either_side() -> None:
    lines = OPPOSITES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.strip() and line[0] != "#"]
    assert len(rows) > 50
    for line, sides in enumerate(rows):
        assert len(sides) == 2, line
        one, other = ([word.replace("_", " ") for word in side.split()] for side in sides)
        assert one, line
        assert other, line
        assert not set(one) & set(other), line
        assert any(opposites(a, b) for a, b in product(one, other)), line


# --- what is made larger, put in, or has no ground ----------------------------------------------


@pytest.mark.parametrize(
    ("claim", "context", "added"),
    [
        ("所有人都必须读论文。", "人都读论文。", 2),
        ("所有人都必须读论文。", "所有人都必须读论文。", 0),
        ("所有人都必须、永远、绝对要读论文。", "读论文。", 2),  # no more than two count
        ("You must always read.", "You read.", 2),
        ("You must read.", "You MUST read.", 0),
        ("Anyone reads.", "I read.", 1),
        ("Small papers are read.", "I read.", 0),
    ],
)
def test_what_holds_for_all_is_counted_where_the_context_says_it_nowhere(
    claim: str, context: str, added: int
) -> None:
    assert drift(claim, context)["universal"] == added


@pytest.mark.parametrize(
    ("claim", "context", "lost"),
    [
        ("这会失败。", "这可能会失败。", True),
        ("这也许会失败。", "这可能会失败。", False),
        ("It fails.", "It often fails.", True),
        ("It usually fails.", "It often fails.", False),
        ("It fails.", "It fails.", False),
        ("这会失败。", "It may fail.", True),
    ],
)
def test_a_maybe_is_lost_where_its_place_has_one_and_the_claim_none(
    claim: str, context: str, lost: bool
) -> None:
    assert drift(claim, context)["unhedged"] == lost


@pytest.mark.parametrize(
    ("claim", "context", "added"),
    [
        ("因为读论文,所以失败。", "读论文。失败。", 2),
        ("先读论文,失败。", "读论文。失败。", 1),
        ("I fail because I read.", "I read. I fail.", 1),
        ("I fail because I read.", "I fail because I read.", 0),
        ("I read after I fail, so I write first.", "I read. I fail. I write.", 2),
    ],
)
def test_links_between_clauses_are_counted_that_their_place_does_not_make(
    claim: str, context: str, added: int
) -> None:
    assert drift(claim, context)["linked"] == added


def test_one_clause_without_ground_weighs_down_the_weakest_only() -> None:
    told = "Read small papers every morning. Write a page every evening."
    true = drift("Read small papers every morning, write a page every evening.", told)
    false = drift("Read small papers every morning, feed the violet giraffe gravel.", told)
    assert true["clauses"] == false["clauses"] == 2
    assert true["weakest_clause"] > 0.9
    assert false["weakest_clause"] < true["weakest_clause"] - 0.3
    assert drift("read", told)["weakest_clause"] == 1.0  # too short to have clauses
    assert drift("read", told)["clauses"] == 0


def test_a_clause_that_is_said_far_off_is_weaker_here_than_anywhere() -> None:
    filler = "The green house stands on a high hill beside the river. " * 12
    told = f"Read small papers every morning. {filler}Write long letters every evening."
    found = drift("Read small papers every morning, write long letters every evening.", told)
    assert found["weakest_clause_here"] < found["weakest_clause"] - 0.2


# --- names as a sign ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "context", "names"),
    [
        ("We asked Ann.", "nothing", ["Ann"]),
        ("We asked Ann.", "ANN", []),
        ("We asked GPUs.", "a gpu", []),
        ("We asked a GPU.", "GPUs", []),
        ("We asked Ann's friend.", "ann", []),
        ("We asked Ann’s friend.", "x", ["Ann"]),
        ("We used DeepMind.", "Deep Mind", []),
        ("We used Deep-Mind.", "deepmind", []),
        ("PyTorch and C++ it is.", "c++", ["PyTorch"]),
        ("Hinton went home.", "x", []),  # a capital at the start of a sentence is no name by itself
        ("OpenAI went home. Ann, too.", "x", ["OpenAI"]),
        ("Here I’m, I'll, I.", "x", []),
        ("用GPU跑PyTorch。", "GPU", ["PyTorch"]),
        ("用 gpu 跑。", "x", ["gpu"]),  # in Chinese every Latin word
        ("What 二哈 says to Ann is read.", "二哈", ["Ann"]),  # English with a Chinese name
        ("爱因斯坦和Ann。", "爱因斯坦, ann", []),
        ("爱因斯坦去过清华大学。", "x", ["爱因斯坦", "清华大学"]),
        ("深度学习的东西", "x", []),
        ("We asked Ann and Ann and Bea.", "x", ["Ann", "Bea"]),
        ("", "x", []),
    ],
)
def test_names_that_a_context_does_not_say_are_told_as_they_are_written(
    claim: str, context: str, names: list[str]
) -> None:
    assert unsaid_names(claim, context) == names
    assert drift(claim or "a", context)["names_unsaid"] == min(len(names), 3)


# --- names as a rule ----------------------------------------------------------------------------

KARPATHY = frozenset({"Andrej Karpathy", "andrej", "karpathy"})
TOLD = "Andrej Karpathy: Put in 10,000 hours. AndrewJefferson helped; so did PhDs with a 1080Ti."


def found(claim: str, told: str = TOLD) -> list[str]:
    lang: Lang = "zh" if re.search(f"[{HAN}]", claim) else "en"
    return list(strangers(claim, lang, KARPATHY, told))


@pytest.mark.parametrize(
    "claim",
    [
        # who says so at the start of a sentence, and what is theirs
        "Wang says you put in hours.",
        "But Wang thought so.",
        "Wang also says so.",
        "Wang's rule is to put in hours.",
        "K. Wang put in hours.",
        "So says Wang: “Li put in hours.”",
        # a part of another word is no name: "Drew" in "Andrew", "Hour" in "hours"
        "He met Drew.",
        "He met Phil.",
        # well-known names in lower case, at the start, in Chinese
        "hinton put in hours.",
        "Hinton put in hours.",
        "as yann lecun put in hours.",
        "andrew ng put in hours.",
        "At openai they put in hours.",
        "图灵投入了一万小时。",
        "这是图灵机。",
        "杨立昆说过一万小时。",
        "辛顿认为要一万小时。",
        "杰弗里·辛顿认为要一万小时。",
        "约翰·某某认为要一万小时。",
        "hinton认为要一万小时。",
        "陶哲轩投入了一万小时。",
    ],
)
def test_a_name_that_nobody_told_is_a_stranger(claim: str) -> None:
    assert found(claim)
    assert all(name.lower() in claim.lower() for name in found(claim))


@pytest.mark.parametrize(
    "claim",
    [
        "People say you put in hours.",
        "Today's rule is to put in hours.",
        "He says you put in hours.",
        "Nobody said so.",
        "Let's put in hours.",
        "karpathy says so, and Andrew Jefferson helped.",
        "Andrej's rule: a PhD, an AI and a Ti.",
        "卡帕西说要一万小时。",  # who speaks, by the sound of the name
        "安德烈·卡帕西说要一万小时。",
        "试图灵活一些,历尽艰辛顿悟。",  # no Turing, no Hinton
        "令人明白的是,宁可安静地权衡。",  # no names, whatever jieba says
        "Karpathy用1080Ti。",
    ],
)
def test_who_speaks_and_who_is_told_are_no_strangers_and_nor_is_anybody(claim: str) -> None:
    assert found(claim) == []


@pytest.mark.parametrize(
    ("claim", "told"),
    [("图灵机很好。", "a Turing machine"), ("as hinton put it", "辛顿说"), ("at openai", "OpenAI")],
)
def test_a_well_known_name_is_told_by_any_of_its_forms(claim: str, told: str) -> None:
    lang: Lang = "en" if claim.isascii() else "zh"
    assert list(strangers(claim, lang, [], told)) == []
    assert list(strangers(claim, lang, [], "x")) != []


def test_every_form_of_every_well_known_name_is_a_stranger_by_itself() -> None:
    lines = NAMES.read_text(encoding="utf-8").splitlines()
    known = [line.split() for line in lines if line and line[0] not in "#-"]
    assert len(known) > 50
    for forms in known:
        for form in forms:
            name = form.replace("_", " ")
            lang: Lang = "en" if name.isascii() else "zh"
            claim = f"as {name} put it" if name.isascii() else f"{name}认为如此。"
            assert list(strangers(claim, lang, [], "as it is")), form
            assert not [n for n in strangers(claim, lang, [], name) if name in n], form


def test_no_common_word_that_is_listed_is_a_well_known_name() -> None:
    lines = NAMES.read_text(encoding="utf-8").splitlines()
    common = [word for line in lines if line.startswith("-") for word in line[1:].split()]
    assert len(common) > 300
    assert [word for word in common if list(strangers(f"{word}。", "zh", [], "x"))] == []


def test_a_name_that_jieba_would_cut_wrongly_is_known_where_it_speaks() -> None:
    assert list(strangers("周沐说读论文。", "zh", ["周沐"], "周沐: 读论文。")) == []
    assert list(strangers("周沐说读论文。", "zh", [], "读论文。")) != []
    english = "信息门上飞二哈 says so."
    assert list(strangers(english, "en", ["信息门上飞二哈"], "信息门上飞二哈: so")) == []


def test_only_chinese_names_are_taken_out_of_a_text() -> None:
    assert unnamed("信息门上飞二哈 says so to Lex.", ["Lex", "信息门上飞二哈", "上飞"]) == (
        "， says so to Lex."
    )


MACK, HE = Speaker("David Mack", "David Mack"), Speaker("何恺明", "Kaiming He")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("大卫·麦克说不行。", {"David Mack"}),
        ("麦克认为不行。", {"David Mack"}),
        ("何恺明认为不行。", set()),
        ("我宁可不读。", set()),  # sounds alike, and is no name
        ("Mack says no.", set()),  # that is for `named`
        ("", set()),
    ],
)
def test_a_speaker_is_heard_in_a_chinese_name_that_sounds_alike(text: str, names: set[str]) -> None:
    assert heard(text, [MACK, HE]) == names
    assert heard(text, []) == set()


def test_what_is_dotted_to_a_name_that_sounds_alike_belongs_to_it() -> None:
    assert sounded("安德烈·卡帕西说。", ["Andrej Karpathy"]) == {"卡帕西", "安德烈·卡帕西"}
    assert sounded("He says so.", ["Andrej Karpathy"]) == set()
