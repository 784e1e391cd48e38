"""An essay as a page, and its parts before they are one."""

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_fakes import document, shelf

from rag import Document, Span, Speaker
from ui.page import as_page
from ui.typeset import Block, typeset
from ui.words import WORDS, words_of

TALK = """# A talk

Two people met.

## On failing

Ben: And what if I fail?

Even twice?

Ann: Mistakes are not wasted.

- Keep notes
- Keep going

## On time

Ann: Ten thousand hours.

## On rest

Tea was served.

## On ends

The end.
"""
ANN, BEN = (
    Speaker("Ann", "Ann", labels=("Ann:",)),
    Speaker("本", "Ben", labels=("Ben:",), asks=True),
)


@pytest.fixture
def talk() -> Document:
    teller = Speaker("the reporter", "the reporter")
    return replace(document("talk", "A talk", TALK, teller), speakers=(teller, ANN, BEN), lang="en")


def blocks(essay: Document, span: Span | None = None) -> list[Block]:
    parts = typeset(essay, span, "en")
    return [
        block
        for part in parts
        for block in [
            *([part.heading] if part.heading else []),
            *(b for _, run in part.groups for b in run),
        ]
    ]


def place(essay: Document, quote: str) -> Span:
    start = essay.text.index(quote)
    return Span(start, start + len(quote))


def test_a_turn_has_its_label_apart_and_the_asker_asks_until_another_speaks(talk: Document) -> None:
    said = {block.text.strip(): (block.label, block.asks) for block in blocks(talk)}
    assert said["And what if I fail?"] == ("Ben:", True)
    assert said["Even twice?"] == ("", True)
    assert said["Mistakes are not wasted."] == ("Ann:", False)
    assert said["Keep notes"] == ("", False)
    assert said["Tea was served."] == ("", False)


def test_the_floor_falls_back_at_the_next_heading(talk: Document) -> None:
    essay = replace(talk, text="# T\n\n## A\n\nBen: Why?\n\n## B\n\nPlain.\n")
    assert [block.asks for block in blocks(essay)] == [False, False, True, False, False]


def test_a_mark_over_several_paragraphs_has_a_piece_in_each_and_one_beginning(
    talk: Document,
) -> None:
    quote = "Mistakes are not wasted.\n\n- Keep notes\n- Keep"
    hits = [block for block in blocks(talk, place(talk, quote)) if block.hit]
    assert [block.hit.strip() for block in hits] == [
        "Mistakes are not wasted.",
        "Keep notes",
        "Keep",
    ]
    assert [block.first for block in hits] == [True, False, False]


@given(st.integers(0, len(TALK) - 2), st.integers(1, 60))
def test_no_letter_is_lost_whatever_is_marked(start: int, length: int) -> None:
    teller = Speaker("x", "x")
    essay = replace(document("t", "T", TALK, teller), speakers=(teller, ANN, BEN))
    span = Span(start, min(start + length, len(TALK)))
    shown = "".join(block.label + block.text for block in blocks(essay, span))
    assert re.sub(r"\s", "", shown) == re.sub(r"^(#+|-) |\s", "", TALK, flags=re.MULTILINE)
    marked = "".join(block.hit for block in blocks(essay, span))
    bare = re.sub(r"[#\s-]", "", span.of(TALK))
    assert re.sub(r"\s", "", marked) == bare


def test_a_long_essay_has_a_table_of_contents_whose_links_lead_somewhere(talk: Document) -> None:
    page = as_page(talk, None, WORDS["en"])
    anchors = re.findall(r'<a href="#(s\d+)"', page)
    assert len(anchors) == 4
    assert all(f'<section id="{anchor}">' in page for anchor in anchors)
    assert 'class="contents"' not in as_page(shelf()["one_year_off"], None, WORDS["en"])


def test_a_translation_stands_under_its_paragraph_and_is_called_ours(talk: Document) -> None:
    span = place(talk, "Mistakes are not wasted.")
    essay = replace(talk, english={span.end: "Told & told."}, chinese={span.end: "没有白费。"})
    page = as_page(essay, span, WORDS["en"])
    under = page.split('id="hit"')[1].split("</div>")[0]
    assert '<span class="told">Told &amp; told.</span>' in under
    assert "our translation" in under
    assert "nobody has certified it" in unescape(" ".join(page.split()))
    zh = as_page(essay, span, WORDS["zh"])
    assert "没有白费。" in zh
    assert "不是作者的话" in zh
    assert "不是作者的話" in as_page(essay, span, words_of("zh-TW"))


def test_an_essay_without_a_translation_promises_none(talk: Document) -> None:
    assert "translation" not in as_page(talk, None, WORDS["en"])


def test_the_neighbours_on_the_shelf_are_a_step_away_and_keep_the_language() -> None:
    essays = list(shelf().values())
    first, last = (as_page(one, None, WORDS["zh"], shelf=essays, lang="zh") for one in essays)
    assert 'href="/read/one_year_off?lang=zh"><span>下一篇</span>' in first
    assert "上一篇" not in first
    assert 'href="/read/kaiming_he_qa?lang=zh"><span>上一篇</span>' in last


def test_who_says_the_marked_words_is_said_above_them(talk: Document) -> None:
    page = as_page(talk, place(talk, "Ten thousand hours."), WORDS["en"], speaker="Ann")
    assert "The quoted words of Ann are marked below." in page
    assert '<a href="#hit">' in page


def test_a_page_that_is_shared_says_where_it_is_and_what_it_says(talk: Document) -> None:
    span = place(talk, "Ten thousand hours.")
    page = as_page(talk, span, WORDS["en"], base="https://mentor.example")
    assert '<link rel="canonical" href="https://mentor.example/read/talk">' in page
    assert '<meta property="og:url" content="https://mentor.example/read/talk">' in page
    assert '<meta property="og:description" content="Ten thousand hours.">' in page
    assert "og:url" not in as_page(talk, span, WORDS["en"])


def test_the_other_language_keeps_the_place(talk: Document) -> None:
    span = place(talk, "Ten thousand hours.")
    page = as_page(talk, span, WORDS["en"])
    assert re.search(
        rf'href="/read/talk\?lang=zh&amp;s={span.start}&amp;e={span.end}&amp;h=\w+#hit"', page
    )


def test_a_title_cannot_turn_the_direction_of_what_follows(talk: Document) -> None:
    page = as_page(replace(talk, title="\u202eknalb"), None, WORDS["en"])
    assert "\u202e" not in page.split("</head>")[0]


def test_an_essay_that_is_not_there_has_a_page_that_says_so() -> None:
    page = as_page(None, None, WORDS["zh"])
    assert "没有这篇文章" in page
    assert 'href="/shelf"' in page
