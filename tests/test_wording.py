"""Mentor's own voice: small talk is met in kind, and nothing else is taken for it."""

import re
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import wording
from rag.errors import Reason
from rag.types import Lang

HAN = re.compile("[一-鿿]")
LANGS: tuple[Lang, ...] = get_args(Lang)
REASONS: tuple[Reason, ...] = get_args(Reason)

TALK = {
    "Hello": [
        "你好",
        "您好!",
        "你好呀~",
        "嗨",
        "早上好",
        "在吗?",
        "Hi!",
        "HELLO",
        "hi 👋",
        "good morning",
    ],
    "welcome": [
        "谢谢",
        "谢谢你!",
        "多谢啦",
        "太感谢了",
        "Thanks!",
        "thank you so much!!",
        "thx :)",
    ],
    "Goodbye": ["再见", "拜拜~", "晚安", "bye", "See you later!", "谢谢!再见", "thanks, bye"],
    "I am Mentor": [
        *("你是谁?", "您是谁", "你能做什么", "你叫什么名字?", "介绍一下你自己", "怎么用?"),
        *("Who are you?", "what can you do", "help", "What's your name?", "What’s your name?"),
    ],
    "All right": ["好的", "嗯嗯", "知道了", "哈哈", "哈哈哈哈", "OK.", "got it!", "I see…"],
}


@pytest.mark.parametrize(
    ("said", "reply"), [(said, reply) for reply, spoken in TALK.items() for said in spoken]
)
def test_small_talk_is_met_in_kind_in_both_languages(said: str, reply: str) -> None:
    english, chinese = wording.small_talk(said, "en"), wording.small_talk(said, "zh")
    assert english is not None
    assert chinese is not None
    assert reply in english
    assert not HAN.search(english)
    assert HAN.search(chinese)


@pytest.mark.parametrize(
    "question",
    [
        "你好,怎么选课题?",
        "你好怎么选课题",
        "谢谢,那显卡呢?",
        "Hi, how do I choose a topic?",
        "thanks for what?",
        "hello world 程序怎么写",
        "好的研究是什么样的?",
        "好课题",
        "早期论文",
        "help me choose a topic",
        "who is Kaiming He",
        "何恺明是谁",
        "what is this essay about?",
        "嗨点在哪",
        "再见深度学习",
        "C++",
        "",
        " ",
        "?!…",
        "👋",
    ],
)
def test_a_question_is_never_taken_for_small_talk(question: str) -> None:
    assert wording.small_talk(question, "zh") is None
    assert wording.small_talk(question, "en") is None


@given(st.text())
def test_every_text_may_be_said(said: str) -> None:
    assert wording.small_talk(said, "en") is None or any(map(str.isalnum, said))


@given(st.sampled_from([said for spoken in TALK.values() for said in spoken]))
def test_small_talk_with_a_question_behind_it_is_a_question(said: str) -> None:
    assert wording.small_talk(f"{said}, 怎么读论文?", "zh") is None


@pytest.mark.parametrize("said", ["你好", "who are you?"])
def test_what_mentor_says_of_itself_is_so_whether_it_quotes_or_retells(said: str) -> None:
    chinese, english = wording.small_talk(said, "zh"), wording.small_talk(said, "en")
    assert chinese
    assert english
    assert re.search("为证", chinese)
    assert re.search("quote", english)
    assert not re.search("原话回答|每句话都是文章原话", chinese)
    assert not re.search("only with quotes|sentence is a quote", english)


# --- the frame around quotes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("speakers", "chinese", "english"),
    [
        ([], "", ""),
        (["何恺明"], "何恺明", "何恺明"),
        (["A", "A"], "A", "A"),
        (["A", "B"], "A和B", "A and B"),
        (["A", "B", "A"], "A和B", "A and B"),
        (["A", "B", "C"], "A、B和C", "A, B and C"),
        (["D", "A", "C", "B"], "D、A、C和B", "D, A, C and B"),
    ],
)
def test_names_are_joined_once_each_in_their_order(
    speakers: list[str], chinese: str, english: str
) -> None:
    assert wording.names("zh", speakers) == chinese
    assert wording.names("en", speakers) == english


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_lead_names_those_who_speak_where_they_are_several(lang: Lang) -> None:
    several = wording.lead(lang, ["何恺明", "David Mack", "何恺明"], direct=True)
    assert wording.names(lang, ["何恺明", "David Mack"]) in several
    assert "何恺明" not in wording.lead(lang, ["何恺明", "何恺明"], direct=True)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("speakers", [["A"], ["A", "B"]])
def test_a_lead_says_when_the_quotes_are_only_the_nearest(lang: Lang, speakers: list[str]) -> None:
    direct = wording.lead(lang, speakers, direct=True)
    nearest = wording.lead(lang, speakers, direct=False)
    assert re.search("最接近|nearest", nearest)
    assert not re.search("最接近|nearest", direct)
    assert direct.endswith(":")
    assert nearest.endswith(":")


@pytest.mark.parametrize("name", ["{lang}", "{", "}", "{0}", "%s", "<b>"])
def test_a_name_with_marks_of_a_template_is_shown_as_it_is(name: str) -> None:
    assert name in wording.lead("en", [name, "A"], direct=True)
    assert name in wording.lead("zh", ["A", name], direct=True)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_question_that_is_too_long_is_told_both_numbers(lang: Lang) -> None:
    told = wording.too_long(lang, 2345, 2000)
    assert "2345" in told
    assert "2000" in told


def test_each_language_speaks_for_itself_and_what_is_for_both_has_both() -> None:
    for english in (wording.refused("en"), wording.too_long("en", 3, 2)):
        assert not HAN.search(english)
    for chinese in (wording.refused("zh"), wording.too_long("zh", 3, 2)):
        assert HAN.search(chinese)
        assert not re.search("[A-Za-z]", chinese)
    for both in (wording.EMPTY, wording.NO_WORDS, wording.OTHER_LANGUAGE):
        assert HAN.search(both)
        assert re.search("[A-Za-z]", both)


# --- around a chat model ------------------------------------------------------------------------


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_that_a_model_fails_for_is_told_in_both_languages(reason: Reason) -> None:
    chinese, english = wording.failed("zh", reason), wording.failed("en", reason)
    assert HAN.search(chinese)
    assert not re.search("[A-Za-z{}]", chinese)
    assert not HAN.search(english)
    assert not re.search("[{}]", english)
    assert "原话" in chinese
    assert "the essays' own words" in english


@pytest.mark.parametrize("lang", LANGS)
def test_no_two_reasons_are_told_alike(lang: Lang) -> None:
    assert len({wording.failed(lang, reason) for reason in REASONS}) == len(REASONS) == 7


@pytest.mark.parametrize(
    "tell", [wording.unproved, wording.declined, wording.overruled, wording.written]
)
def test_what_became_of_a_written_answer_is_told_in_both_languages(
    tell: Callable[[Lang], str],
) -> None:
    assert HAN.search(tell("zh"))
    assert not re.search("[A-Za-z]", tell("zh"))
    assert not HAN.search(tell("en"))


def test_a_written_answer_is_introduced_as_no_quote() -> None:
    assert wording.written("zh").endswith(":")
    assert wording.written("en").endswith(":")
    assert "Retold" in wording.written("en")
    leads = {wording.lead(lang, ["A"], direct=True) for lang in LANGS}
    assert not leads & {wording.written(lang) for lang in LANGS}
