"""A question is looked for in simplified characters, with misspelt words mended; some lean on the
one before."""

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eval.cases import read
from rag import Mentor
from rag.query import leans, mended, simplified
from rag.text import HAN

ROOT = Path(__file__).resolve().parent.parent

# --- characters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("我沒有顯示卡怎麼做研究", "我没有显卡怎么做研究"),
        ("怎麼選擇研究課題?", "怎么选择研究课题?"),
        ("這個軟體的程式碼在哪裡?", "这个软件的代码在哪里?"),
        ("我的 GPU 太慢, how 優化?", "我的 GPU 太慢, how 优化?"),
        ("🔥顯卡🔥", "🔥显卡🔥"),
        ("ＧＰＵ 顯卡", "ＧＰＵ 显卡"),
    ],
)
def test_traditional_characters_become_the_mainlands_words(question: str, wanted: str) -> None:
    assert simplified(question) == wanted


@pytest.mark.parametrize(
    "question",
    [
        "怎么写程序?",  # in Taiwan a "程序" is a process
        "我的程序跑得太慢",
        "这个问题的信息和对象是什么?",
        "著名的论文要不要读?",
        "瞭望台",
        "后来呢?",
    ],
)
def test_a_simplified_question_stays_as_it_is(question: str) -> None:
    assert simplified(question) == question


def test_the_same_word_stays_or_changes_by_the_characters_around_it() -> None:
    assert simplified("这个程序") == "这个程序"
    assert simplified("這個程序") == "这个进程"


@pytest.mark.parametrize(
    "question", ["", " \n", "How do I rent a GPU?", "Ｈｏｗ?", "🔥?!", "ありがとう", "C++"]
)
def test_a_question_without_han_stays_as_it_is(question: str) -> None:
    assert simplified(question) == question


def test_an_english_question_does_not_load_opencc() -> None:
    program = (
        "import sys\n"
        "from rag.query import simplified\n"
        "for question in ('How do I rent a GPU?', '怎么办'):\n"
        "    simplified(question)\n"
        "    print('opencc' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["False", "True"]), done.stderr


# --- spelling -----------------------------------------------------------------------------------

SPELT = ["gradient", "karpathy", "paper", "papers", "research", "danger", "spend", "doesn't"]
KNOWN = {"stipend", "search", *SPELT}


def _mended(question: str, spelt: Collection[str] = SPELT) -> str:
    return mended(question, spelt, KNOWN.__contains__)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("karpaty", "karpathy"),
        ("reserch", "research"),
        ("grdient", "gradient"),
        ("pappers", "papers"),  # 12 of 13 letters alike; with "paper" 10 of 12
        ("reserch gradeint", "research gradient"),
    ],
)
def test_a_misspelt_word_becomes_the_nearest_that_is_spelt(question: str, wanted: str) -> None:
    assert _mended(question) == wanted


@pytest.mark.parametrize(
    "word",
    [
        "Gradient",
        "STIPEND",  # alike to "spend", and no word of the shelf, but known
        "search",  # alike to "research"
        "papr",  # too short
        "granite",  # 10 of 15 letters alike to "gradient"
        "esearch",  # begins otherwise
        "zebra",
    ],
)
def test_a_word_that_is_known_or_short_or_like_no_other_stays(word: str) -> None:
    assert _mended(word) == word
    assert _mended(f"What is {word}?") == f"What is {word}?"


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Who is Karpaty?!", "Who is karpathy?!"),
        ("(KARPATY's) GPUs…", "(karpathy's) GPUs…"),
        ("谁是karpaty？ 他写了什么", "谁是karpathy？ 他写了什么"),
        ("🔥karpaty🔥", "🔥karpathy🔥"),
        ("The Gradient of Reserch,\tSTIPEND", "The Gradient of research,\tSTIPEND"),
    ],
)
def test_all_around_a_misspelt_word_is_kept(question: str, wanted: str) -> None:
    assert _mended(question) == wanted


@pytest.mark.parametrize(
    "question", ["Why doesn't it work?", "Why doesn’t it work?", "Who is Schrödinger?"]
)
def test_a_part_of_a_word_is_no_misspelt_word(question: str) -> None:
    # "doesn" is alike to "doesn't", and "dinger" to "danger"
    assert _mended(question) == question


@pytest.mark.parametrize(
    "question", ["", " ", "🔥", "怎么选课题?", "ｋａｒｐａｔｙ", "12345 67890"]
)
def test_a_question_without_long_latin_words_stays_as_it_is(question: str) -> None:
    assert _mended(question) == question


def test_nothing_is_mended_without_words_to_mend_by() -> None:
    assert _mended("Who is Karpaty?", []) == "Who is Karpaty?"


def test_a_word_alike_to_two_is_mended_the_same_whatever_their_order() -> None:
    assert _mended("papern", SPELT) == _mended("papern", SPELT[::-1])


# --- leaning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        *("那显卡呢?", "这要多久?", "为什么?", "他怎么看?", "其中哪个最重要?", "刚才说的是谁?"),
        *(
            "如果没有导师呢?",
            "但是我没钱",
            "后来后悔了吗?",
            "具体一点",
            "还有呢",
            "上面那篇是谁写的?",
        ),
        *("那顯卡呢?", "怎么办"),
        *("Why?", "And GPUs?", "What about advisors?", "How long does it take?", "is that true?"),
        *("So what did he do next?", "Which one is better?", "Tell me more", "what do they say?"),
        *("any regrets afterwards?", "How do I get there?", "But my data is small", "IT?"),
    ],
)
def test_a_question_leans_that_points_back_or_says_very_little(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        *(
            "没有显卡怎么做研究?",
            "其实课题怎么选导师帮忙吗?",
            "尤其怎么读论文和写论文?",
            "何恺明怎么选课题?",
        ),
        *("How do I choose a research topic?", "Is there a way to choose a research topic?"),
        *("Are there good courses on deep learning?", "What does Karpathy say about experts?"),
        "How do I write a thesis on sober topics?",
    ],
)
def test_a_question_that_can_be_read_alone_does_not_lean(question: str) -> None:
    assert not leans(question)


def test_most_follow_ups_lean_and_most_other_questions_do_not() -> None:
    cases = read("dev")
    after = [leans(case.question) for case in cases if case.history]
    alone = [leans(case.question) for case in cases if not case.history]
    assert sum(after) >= 0.75 * len(after) > 0
    assert sum(alone) <= 0.35 * len(alone)


# --- any text -----------------------------------------------------------------------------------

TELLING = re.compile(f"[{HAN}]|[A-Za-z]{{5}}")


def _looked_for(question: str) -> str:
    return _mended(simplified(question))


@given(question=st.text(max_size=40))
@example("顯\ufeff卡 Karpaty\u0301 \U0001f525")
@example("𠮷野家 顯卡")
@example("的" * 3000 + "顯卡 karpaty" * 300)
def test_every_question_can_be_looked_for(question: str) -> None:
    assert isinstance(_looked_for(question), str)
    assert leans(question) in {True, False}


@given(question=st.text(max_size=40).filter(lambda text: not TELLING.search(text)))
def test_a_question_with_nothing_to_mend_is_returned_as_it_is(question: str) -> None:
    assert _looked_for(question) == question


@given(question=st.text("我沒有顯示卡怎麼做研究程式碼資訊网络论文 karpty", max_size=20))
def test_what_is_mended_needs_no_mending(question: str) -> None:
    once = _looked_for(question)
    assert _looked_for(once) == once


# --- the real shelf -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("我沒有顯示卡怎麼做研究", "我没有显卡怎么做研究"),
        ("Who is Karpaty?", "Who is karpathy?"),
    ],
)
def test_a_question_finds_what_its_mended_form_finds(
    shelf: Mentor, question: str, same: str
) -> None:
    assert shelf.retrieve(question, 8) == shelf.retrieve(same, 8)
    assert shelf.ask(question).question == question
