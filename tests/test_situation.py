"""One question back, where the answer hinges on what the asker has not told."""

from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Mentor
from rag.situation import SITUATIONS, asked_back
from rag.types import Lang

LANGS: tuple[Lang, ...] = get_args(Lang)
GPU, PHD = SITUATIONS


def _apart(question: str) -> str:
    """Answer every question, each by a passage of its own."""
    return question


def _back(question: str, *earlier: str) -> str:
    """Return what is asked back where the shelf answers everything differently."""
    return asked_back(question, earlier, _lang(question), _apart)[0]


def _lang(question: str) -> Lang:
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in question) else "en"


# --- what is asked back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        *("怎么训练大模型?", "怎么做实验?", "做深度学习研究需要多少算力?", "显卡很重要吗?"),
        "做實驗前要做什麼?",
        *(
            "要不要买服务器?",
            "需要几个 GPU?",
            "做大模型从哪里开始?",
            "ＧＰＵ 重要吗?",
        ),
        *("How do I train large models?", "How important is compute?", "Do I need a GPU?"),
        *("How much hardware do I need?", "How do I run my experiments?", "Which GPUs are good?"),
        "How can I start working on LLMs?",
    ],
)
def test_a_question_about_training_is_asked_back_for_a_gpu(question: str) -> None:
    assert _back(question) == GPU.asks[_lang(question)]


@pytest.mark.parametrize(
    "question",
    [
        *("读博值得吗?", "怎么选导师?", "研究生怎么选课题?", "怎么找工作?", "博士要读几年?"),
        "全职做研究要准备什么?",
        "全職做研究值得嗎?",
        *("Is a PhD worth it?", "How do I choose an advisor?", "Is a degree necessary?"),
        *(
            "How do I get a research job?",
            "Can research be done full-time?",
            "Is a Ph.D. worth it?",
        ),
    ],
)
def test_a_question_about_careers_is_asked_back_for_a_phd(question: str) -> None:
    assert _back(question) == PHD.asks[_lang(question)]


@pytest.mark.parametrize(
    "question",
    [
        *(
            "怎么选课题?",
            "怎么读论文?",
            "哪些开源库跑得出论文的效果",
            "实验总是失败怎么办?",
            "训练营值得报吗?",
            "训练集和测试集怎么分?",
            "How much training data is enough?",
        ),
        *("大模型会取代小模型吗?", "怎么坚持写作?", "怎么读博客?"),
        *(
            "How do I choose a topic?",
            "What if my experiments fail?",
            "Is it quite normal to fail?",
        ),
        *(
            "To what degree does luck matter?",
            "Are large models the future?",
            "Should I read blogs?",
        ),
        *("Is a trainee expected to write?", "", "?", "🔥"),
    ],
)
def test_a_question_about_anything_else_is_not_asked_back(question: str) -> None:
    assert asked_back(question, (), _lang(question), _apart) == ("", ())


@pytest.mark.parametrize(
    "question",
    [
        *("作者为什么读博?", "何恺明怎么看显卡?", "他用什么 GPU?", "博主训练了多久?"),
        *("Did he do a PhD?", "What did the author train?", "How did they get their jobs?"),
    ],
)
def test_what_others_did_or_think_does_not_hinge_on_the_asker(question: str) -> None:
    assert _back(question) == ""


# --- what is told already -----------------------------------------------------------------------

TOLD = {
    "gpu": [
        *("我没有显卡", "没卡", "我只有一张 3090", "缺算力", "我有两块 GPU", "手头只有一块显卡"),
        *(
            "显卡不够",
            "我用笔记本",
            "我租了机器",
            "我买不起显卡",
            "我们有集群",
            "单卡",
            "沒有 GPU",
            "我只有一張顯卡",
        ),
        *("学校有服务器", "我太穷了", "我没有ＧＰＵ", "我有 4 张 A100"),
        *("I have no GPU", "I only have a laptop", "without GPUs", "I’ve got two GPUs"),
        *("I can't afford one", "on a single GPU", "my compute is small", "I use Colab"),
        *("I rent machines", "I have a 4090", "we have 8 H100s", "our lab has a cluster"),
    ],
    "phd": [
        *(
            "我是博士生",
            "我在读博",
            "我研二",
            "我是大三学生",
            "我没有博士学位",
            "我导师很忙",
            "我们实验室",
        ),
        *(
            "我要不要读博",
            "我白天上班",
            "我想辞职",
            "我刚转行",
            "我一个人做",
            "没有导师",
            "我在工作",
            "我是碩士",
        ),
        *("I am a PhD student", "I'm an engineer", "I’m in the second year of my Ph.D."),
        *("my advisor is busy", "without a PhD", "I quit last year", "I have a day job"),
        *("on my own", "Should I do a PhD", "I work at a bank", "I have no degree"),
    ],
}
ASKS = {
    "gpu": {"zh": "怎么训练大模型?", "en": "How do I train large models?"},
    "phd": {"zh": "怎么选导师?", "en": "How do I choose an advisor?"},
}
STATED = [(situation, told) for situation, listed in TOLD.items() for told in listed]
NAMES = [told for _, told in STATED]


@pytest.mark.parametrize(("situation", "told"), STATED, ids=NAMES)
def test_what_the_question_tells_is_not_asked(situation: str, told: str) -> None:
    mark = "," if _lang(told) == "zh" else "."
    question = ASKS[situation][_lang(told)]
    assert _back(f"{told}{mark} {question}") == ""


@pytest.mark.parametrize(("situation", "told"), STATED, ids=NAMES)
def test_what_an_earlier_question_told_is_not_asked(situation: str, told: str) -> None:
    question = ASKS[situation][_lang(told)]
    assert _back(question, "How do I choose a topic?") != ""
    assert _back(question, f"{told}?", "How do I choose a topic?") == ""


@pytest.mark.parametrize(
    "question",
    [
        *(
            "有没有显卡重要吗?",
            "要有显卡吗?",
            "我想训练大一点的模型,要算力吗?",
            "训练要无穷的算力吗?",
        ),
        *("GPU 卡住了怎么训练?",),
    ],
)
def test_to_ask_whether_one_needs_a_thing_does_not_tell_that_one_has_it(question: str) -> None:
    assert _back(question) != ""


# --- branches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("situation", ["gpu", "phd"])
def test_both_branches_are_the_question_and_tell_what_was_asked(situation: str, lang: Lang) -> None:
    question = ASKS[situation][lang]
    _, branches = asked_back(question, (), lang, _apart)
    assert len(set(branches)) == 2
    for branch in branches:
        assert branch.startswith(question)
        assert _lang(branch) == lang
        assert _back(branch) == ""
        assert _back(question, branch) == ""


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("situation", ["gpu", "phd"])
def test_each_language_asks_back_in_its_own_words(situation: str, lang: Lang) -> None:
    asks, _ = asked_back(ASKS[situation][lang], (), lang, _apart)
    assert asks
    assert _lang(asks) == lang
    assert asks.count("?") + asks.count("？") == 1


def _one_for_all(_question: str) -> str | None:
    return "essay:0-10"


def _none(_question: str) -> str | None:
    return None


def _only_with(question: str) -> str | None:
    return "essay:0-10" if "have GPUs" in question else None


@pytest.mark.parametrize("place", [_one_for_all, _none, _only_with])
def test_nothing_is_asked_where_the_answer_would_be_one_or_missing(
    place: Callable[[str], str | None],
) -> None:
    assert asked_back("How do I train large models?", (), "en", place) == ("", ())


def test_where_one_situation_makes_no_difference_another_may() -> None:
    question = "Should a PhD train large models?"

    def place(asked: str) -> str:
        return asked if "on my own" in asked or "doing a PhD" in asked else "essay:0-10"

    assert asked_back("Do PhDs train?", (), "en", place)[0] == ""  # "PhDs" is no word of the rule
    assert asked_back("Is it for a PhD to train?", (), "en", place)[0] == PHD.asks["en"]
    assert asked_back(question, (), "en", _apart)[0] == GPU.asks["en"]


def test_the_shelf_is_not_asked_where_nothing_hinges() -> None:
    asked: list[str] = []

    def place(question: str) -> str:
        asked.append(question)
        return question

    asked_back("How do I choose a topic?", (), "en", place)
    asked_back("I have no GPU. How do I train large models?", (), "en", place)
    assert asked == []
    asked_back("How do I train large models?", (), "en", place)
    assert len(asked) == 2


@given(question=st.text(max_size=60), earlier=st.lists(st.text(max_size=30), max_size=2))
def test_every_text_may_be_asked(question: str, earlier: list[str]) -> None:
    asks, branches = asked_back(question, earlier, "zh", _apart)
    assert bool(asks) == (len(branches) == 2)


# --- the real shelf -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question", ["做深度学习研究需要多少算力?", "How much hardware do I need?"]
)
def test_an_answer_that_hinges_on_a_gpu_comes_with_both_ways_to_ask_on(
    shelf: Mentor, question: str
) -> None:
    answer = shelf.ask(question)
    assert answer.status == "answered"
    assert answer.asks == GPU.asks[answer.lang]
    told = [shelf.ask(branch) for branch in answer.branches]
    assert [one.status for one in told] == ["answered", "answered"]
    assert told[0].hits[0].passage != told[1].hits[0].passage
    assert [one.asks for one in told] == ["", ""]


@pytest.mark.parametrize(
    "question",
    [
        *("怎么选课题?", "我没有显卡,怎么做研究?", "今天天气怎么样?", "How do I choose a topic?"),
        *(
            "What if my experiments fail?",
            "Do I need a PhD?",
            "What year did Karpathy leave Tesla?",
        ),
    ],
)
def test_most_answers_ask_nothing_back(shelf: Mentor, question: str) -> None:
    answer = shelf.ask(question)
    assert (answer.asks, answer.branches) == ("", ())


def test_few_of_the_questions_that_beginners_ask_are_asked_back(shelf: Mentor) -> None:
    questions = [q for document in shelf.documents.values() for q in document.questions][::12]
    back = [q.text for q in questions if shelf.ask(q.text).asks]
    assert len(questions) > 500
    assert len(back) < 0.01 * len(questions), back
