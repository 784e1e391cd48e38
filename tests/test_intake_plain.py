"""Lines of a text file are paragraphs as its author set them, or joined where it was wrapped."""

import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.intake.blocks import Block
from rag.intake.lines import columns, joined, wrapped_at
from rag.intake.plain import lines_of

ENGLISH = (
    "Research is slow and the results of most days are small. A beginner who keeps notes will "
    "forget much less than the one who trusts memory. That is all I have to say on the matter."
)
CHINESE = (
    "做研究的头一年，多半是在学会怎样失败。每天记下猜测，再看结果，这样才知道自己哪里想错了。" * 3
)


def texts(text: str) -> list[str]:
    return [block.text for block in lines_of(text.encode())]


def wrapped(text: str, width: int) -> str:
    """Wrap Chinese as editors do: a mark never begins a line."""
    lines = re.findall(rf".{{1,{width}}}[，。]?", text)
    return "\n".join(lines)


def test_lines_that_follow_one_another_are_blocks_of_their_own() -> None:
    assert texts("首页\n登录\n\nQ: 为什么？\r\nA: 因为。\n") == [
        "首页",
        "登录",
        "Q: 为什么？",
        "A: 因为。",
    ]
    assert texts("a  b\u3000c\u200b\n\n\n \nd") == ["a b c", "d"]


@pytest.mark.parametrize("width", [40, 60, 72])
def test_english_that_was_wrapped_at_a_width_is_joined_to_paragraphs(width: int) -> None:
    page = "\n\n".join(textwrap.fill(ENGLISH, width) for _ in range(3))
    assert texts(page) == [ENGLISH] * 3


@pytest.mark.parametrize("width", [20, 33, 40])
def test_chinese_that_was_wrapped_is_joined_without_blanks(width: int) -> None:
    page = "\n\n".join(wrapped(CHINESE, width) for _ in range(3))
    assert texts(page) == [CHINESE] * 3


def test_a_paragraph_that_begins_by_its_indentation_alone_is_one() -> None:
    page = "\n".join(textwrap.fill(ENGLISH, 60, initial_indent="    ") for _ in range(3))
    assert texts(page) == [ENGLISH] * 3


def test_long_lines_are_paragraphs_and_are_never_joined() -> None:
    assert texts(f"{ENGLISH * 2}\n{ENGLISH * 2}\n{ENGLISH * 2}") == [ENGLISH * 2] * 3


def test_a_word_over_two_lines_is_made_whole_only_where_the_text_has_it_whole() -> None:
    known = frozenset({"example"})
    assert joined(["an ex-", "ample"], known) == "an example"
    assert joined(["a self-", "made man"], known) == "a self-made man"
    assert joined(["a gap -", "here"], known) == "a gap - here"


def test_items_know_their_marks_and_depth() -> None:
    text = "1. one\n   - two\n   - three\n2、四\n(3) five\n• six\n∙七\n1.5 is no item\n-5 neither"
    assert [
        (block.kind, block.level, block.mark, block.text) for block in lines_of(text.encode())
    ] == [
        ("item", 1, "1.", "one"),
        ("item", 2, "-", "two"),
        ("item", 2, "-", "three"),
        ("item", 1, "2.", "四"),
        ("item", 1, "3.", "five"),
        ("item", 1, "-", "six"),
        ("item", 1, "-", "七"),
        ("paragraph", 0, "", "1.5 is no item"),
        ("paragraph", 0, "", "-5 neither"),
    ]


def test_a_line_marked_as_a_heading_is_one_and_others_are_left_to_be_guessed() -> None:
    found = lines_of("## 第一节\n一、引言\n#tag".encode())
    assert found == [Block("第一节", kind="heading", level=2), Block("一、引言"), Block("#tag")]


def test_a_text_of_blanks_has_no_blocks_and_no_width() -> None:
    assert lines_of(b" \n\n\t") == []
    assert wrapped_at([]) == 0
    assert columns("深a") == 3


@given(st.text(st.sampled_from("ab深度。，.-# 1、\n\t\u3000•é"), max_size=300))
def test_every_letter_and_digit_of_a_text_is_kept_in_its_order(text: str) -> None:
    def kept(of: str) -> str:
        return "".join(filter(str.isalnum, of))

    made = "".join(block.mark + block.text for block in lines_of(text.encode()))
    assert kept(made) == kept(re.sub(r"(?<!\d)0+(?=1)", "", text))
