"""Kept blocks become an essay: a title, regular sections, and what a page says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.intake import bylines
from rag.intake.blocks import About, Block, Found
from rag.intake.furniture import Parted, Removed, parted
from rag.intake.structure import about_guessed, structured

LONG = "刚开始做研究的时候，我以为最难的是写代码，后来才知道最难的是想清楚自己在问什么。"
LONG_EN = "When I began, I thought that the hardest part would be the code; it was the question."


def headings(*blocks: Block, title: str = "", author: str = "") -> list[tuple[int, str]]:
    found = structured(blocks, About(title=title, author=author))
    return [(block.level, block.text) for block in found if block.kind == "heading"]


def lines(*texts: str) -> list[Block]:
    return [Block(text) for text in texts]


# --- title -------------------------------------------------------------------------------------


def test_the_line_that_the_page_calls_its_title_comes_first() -> None:
    blocks = [*lines("怎样读论文", LONG), Block("小结", "heading", 2), *lines(LONG)]
    found = structured(blocks, About(title="怎样读论文"))
    assert found[0] == Block("怎样读论文", "heading", 1)


def test_a_title_that_only_the_head_of_the_page_has_is_put_on_top() -> None:
    assert headings(*lines(LONG), title="怎样读论文") == [(1, "怎样读论文")]


def test_a_first_line_that_is_no_sentence_is_the_title() -> None:
    assert headings(*lines("怎样读论文", LONG)) == [(1, "怎样读论文")]


def test_a_text_that_begins_with_prose_gets_no_title() -> None:
    assert headings(*lines(LONG, LONG)) == []


def test_nothing_gives_nothing() -> None:
    assert structured((), About()) == ()


# --- headings ----------------------------------------------------------------------------------


def test_levels_of_headings_are_made_regular() -> None:
    page = [
        Block("题", "heading", 1),
        *(Block(text, "heading", level) for text, level in (("甲", 3), ("乙", 5), ("丙", 3))),
        Block(LONG),
    ]
    assert headings(*page) == [(1, "题"), (2, "甲"), (3, "乙"), (2, "丙")]


def test_sections_as_high_as_the_title_stand_below_it() -> None:
    page = [
        Block("Title", "heading", 1),
        Block(LONG_EN),
        Block("One", "heading", 1),
        Block(LONG_EN),
    ]
    assert headings(*page, title="Title") == [(1, "Title"), (2, "One")]


def test_a_subtitle_right_below_the_title_is_a_standfirst() -> None:
    page = [
        Block("Title", "heading", 1),
        Block("What a queue of forty jobs taught me", "heading", 2),
        Block(LONG_EN),
        *(Block(text, "heading", 1) for text in ("One", "Two")),
    ]
    assert headings(*page, title="Title") == [(1, "Title"), (2, "One"), (2, "Two")]


HEADINGS = [
    "一、选题",
    "1. 怎样选题",
    "第二部分 读论文",
    "Coding:",
    "没有博士学位",
    "“没有人告诉我们”",
    "我会怎么做呢?",
]


@pytest.mark.parametrize("line", HEADINGS)
def test_a_short_line_above_prose_is_a_heading_where_the_page_has_none(line: str) -> None:
    assert headings(*lines("题目", LONG, line, LONG)) == [(1, "题目"), (2, line)]


NOT_HEADINGS = [
    "然而展望未来,数据带来的效益是否会降低",
    "他停了下来。",
    "Q:您未来三年的研究重点是什么?",
    "由于以下几个原因:",
    "+2分",
    "return (x - mu) / eps",
    "https://a.example/b",
    "什么???就连老师都觉得科研很煎熬吗?",
]


@pytest.mark.parametrize("line", NOT_HEADINGS)
def test_a_sentence_label_or_formula_is_no_heading(line: str) -> None:
    assert headings(*lines("题目", LONG, line, LONG)) == [(1, "题目")]


def test_no_heading_is_guessed_where_the_page_has_its_own() -> None:
    own = [Block("甲", "heading", 2), Block(LONG), Block("乙", "heading", 2), Block(LONG)]
    assert headings(*lines("题目", LONG, "没有博士学位", LONG), *own)[1:] == [(2, "甲"), (2, "乙")]


def test_the_name_of_who_posts_is_no_heading() -> None:
    page = lines("题目", "小树懒", LONG, "老王", LONG)
    assert headings(*page, author="小树懒、老王") == [(1, "题目")]


@given(
    st.lists(st.builds(Block, text=st.sampled_from([LONG, "甲", "Coding:", "1. x"])), max_size=8)
)
def test_no_letter_is_lost_or_made_when_blocks_become_an_essay(blocks: list[Block]) -> None:
    found = structured(blocks, About())
    assert sorted(block.text for block in found) == sorted(block.text for block in blocks)


# --- what a page says of itself ----------------------------------------------------------------


def guessed(*texts: str, about: About | None = None) -> About:
    found = Found("text", tuple(lines(*texts)), about or About())
    return about_guessed(found, parted(found))


def test_author_date_and_site_are_read_from_by_lines() -> None:
    found = guessed(
        "怎样读论文", "作者丨张三", "来源丨某某大学", "发布时间：2024年3月5日", LONG, LONG
    )
    assert (found.title, found.author, found.date) == ("怎样读论文", "张三", "2024-03-05")
    assert (found.site, found.lang) == ("某某大学", "zh")


def test_the_date_of_an_upload_is_not_the_essays() -> None:
    assert guessed("怎样读论文", "上传人：小李 上传时间：2023-05-05", LONG, LONG).date == ""


def test_a_page_that_names_nobody_gives_no_name() -> None:
    found = guessed("怎样读论文", "628次阅读", LONG, LONG)
    assert (found.author, found.date, found.site, found.url) == ("", "", "", "")


def test_the_title_comes_without_the_name_of_the_site() -> None:
    about = About(title="怎样读论文 - 码农博客")
    assert guessed("怎样读论文", "2024-03-05 10:20", LONG, LONG, about=about).title == "怎样读论文"


def test_a_title_that_no_line_repeats_loses_the_name_of_the_site_only() -> None:
    about = About(title="GPT-4: my first year - Some Blog")
    found = Found("text", tuple(lines(LONG_EN, LONG_EN)), about)
    assert about_guessed(found, parted(found)).title == "GPT-4: my first year"


def test_a_sentence_is_no_title() -> None:
    assert guessed(LONG, LONG).title == ""


def test_what_the_head_of_a_page_says_comes_first() -> None:
    about = About(author="Jane Doe", date="2020-01-02", url="https://a.example/b")
    found = guessed("How to read", "By John Roe", LONG_EN, LONG_EN, about=about)
    assert (found.author, found.date) == ("Jane Doe", "2020-01-02")
    assert found.url == "https://a.example/b"


def test_a_text_with_english_words_inside_is_chinese_by_its_letters() -> None:
    assert guessed("题目", LONG * 3, LONG_EN).lang == "zh"
    assert guessed("Title", LONG_EN * 3, "深度学习").lang == "en"
    assert (
        guessed("Заголовок", "Я долго думал, что самое трудное в науке это писать код.").lang == ""
    )


def test_who_posts_on_a_page_of_several_is_its_author() -> None:
    sides = Parted((Block("小树"), Block(LONG)), (), posters=("小树", "老王"), title="题目")
    assert about_guessed(Found("html", ()), sides).author == "小树、老王"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("作者|DavidMack", "DavidMack"),
        ("文/张三", "张三"),
        ("西风 发自 凹非寺", "西风"),
        ("云杉新闻记者 顾望舒 实习生 岑小满", "顾望舒"),
        ("By Jane van Doe", "Jane van Doe"),
        ("Posted by Gideon Marsh on 6 February 2021", "Gideon Marsh"),
        ("By the way", None),
        ("628次阅读", None),
    ],
)
def test_a_by_line_names_its_author(line: str, name: str | None) -> None:
    assert next(bylines.authors([line]), None) == name


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("2024-2-27", "2024-02-27"),
        ("2024年03月05日 10:20", "2024-03-05"),
        ("Mar 19, 2024", "2024-03-19"),
        ("Posted on 6 February 2021", "2021-02-06"),
        ("2023-02-30", None),
        ("© 2016-01-02", None),
        ("上传时间:2023-05-05", None),
    ],
)
def test_a_by_line_dates_a_text(line: str, day: str | None) -> None:
    assert next(bylines.dates([line]), None) == day


def test_by_lines_are_looked_for_in_what_was_removed_only() -> None:
    sides = Parted(
        (Block("2020-01-02 是我入学的日子。"),), (Removed(Block("628次阅读"), "counts"),)
    )
    assert about_guessed(Found("text", ()), sides).date == ""
