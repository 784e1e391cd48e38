"""A saved page gives every line that a person sees of it, once, in order, with where it stands."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import IntakeError
from rag.intake.blocks import Block
from rag.intake.markup import page, text_blocks


def seen(body: str) -> list[Block]:
    return text_blocks(f"<html><body>{body}</body></html>")


def lines(body: str) -> list[str]:
    return [block.text for block in seen(body)]


# --- blocks ------------------------------------------------------------------------------------


def test_paragraphs_headings_quotes_and_code_keep_their_kind_and_order() -> None:
    found = seen(
        "<h1>题目</h1><p>第一段。</p><h3>Part</h3><blockquote><p>quoted</p></blockquote>"
        "<pre>\nx = 1\n\n  y\n</pre><div>loose <p>inner</p> rest</div>"
    )
    assert [(block.kind, block.level, block.text) for block in found] == [
        ("heading", 1, "题目"),
        ("paragraph", 0, "第一段。"),
        ("heading", 3, "Part"),
        ("quote", 0, "quoted"),
        ("code", 0, "x = 1\n\n  y"),
        ("paragraph", 0, "loose"),
        ("paragraph", 0, "inner"),
        ("paragraph", 0, "rest"),
    ]


def test_items_know_their_depth_and_number() -> None:
    found = seen(
        "<ol start=3><li>a<ul><li>b</li></ul><li>c<li value=9>d<p>more</p></ol><ul><li>e</ul><li>f"
    )
    assert [(block.kind, block.level, block.mark, block.text) for block in found] == [
        ("item", 1, "3.", "a"),
        ("item", 2, "-", "b"),
        ("item", 1, "4.", "c"),
        ("item", 1, "9.", "d"),
        ("paragraph", 0, "", "more"),
        ("item", 1, "-", "e"),
        ("item", 1, "-", "f"),
    ]


def test_lines_that_a_page_breaks_stay_apart_but_a_heading_stays_whole() -> None:
    assert lines("<p>问：为什么？<br>答：因为。<br><br>床前明月光") == [
        "问：为什么？",
        "答：因为。",
        "床前明月光",
    ]
    assert lines("<h2>One<br>title</h2>") == ["One title"]


def test_inline_elements_join_without_a_blank_and_blanks_collapse() -> None:
    assert lines("<p>深度<b>学习</b>\n  很难。\u3000a&nbsp; b\u200bc&shy;d</p>") == [
        "深度学习很难。 a bcd"
    ]
    assert lines("<p>深度\n学习 and\nmore</p>") == ["深度学习 and more"]


def test_a_table_of_data_gives_a_row_for_each_line() -> None:
    found = seen("<table><caption>t</caption><tr><th>a<th>b<tr><td>1<td></table>")
    assert [(block.kind, block.text) for block in found] == [
        ("paragraph", "t"),
        ("row", "a | b"),
        ("row", "1"),
    ]


@pytest.mark.parametrize(
    "cell",
    ["<h2>x</h2><p>y</p>", "<p>x</p><p>y</p><p>z</p>", "<table><tr><td>x<td>y</table>", "字" * 301],
)
def test_a_table_that_lays_out_a_page_is_read_as_if_it_were_none(cell: str) -> None:
    found = seen(f"<table><tr><td>menu<td>{cell}</table>")
    assert found[0] == Block("menu", place=("body", "table", "tr", "td"))


def test_a_place_names_elements_classes_ids_and_roles_from_the_outside_in() -> None:
    [block] = seen(
        "<DIV CLASS='Side Bar' ID=Left ROLE=navigation><ul><li><a href=#>x</a></ul></div>"
    )
    assert block.place == ("body", "div", "side", "bar", "left", "navigation", "ul", "li", "a")


def test_a_block_knows_how_much_of_it_is_linked_and_whether_all_of_it_is_bold() -> None:
    half, bold, named = seen(
        "<p>ab <a href=#>cd</a></p><p><b>所有</b> <span style='font-weight: 700'>粗</span></p>"
        "<p><a name=x>here</a></p>"
    )
    assert (half.linked, half.strong) == (0.5, False)
    assert (bold.linked, bold.strong) == (0.0, True)
    assert named.linked == 0.0


def test_a_button_is_a_block_even_within_code_and_headings() -> None:
    found = seen("<h2>Title<button>Edit</button></h2><pre><button>Copy</button>x=1</pre>")
    assert [(block.kind, block.text) for block in found] == [
        ("heading", "Title"),
        ("paragraph", "Edit"),
        ("paragraph", "Copy"),
        ("code", "x=1"),
    ]
    assert "button" in found[1].place


# --- what is seen ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>x</script>",
        "<style>x</style>",
        "<noscript>x</noscript>",
        "<template>x</template>",
        "<svg><text>x</text></svg>",
        "<select><option>x</option></select>",
        "<textarea>x</textarea>",
        "<p hidden>x</p>",
        "<p aria-hidden=true>x</p>",
        "<p style='color:red; display : none'>x</p>",
        "<p style='visibility:hidden'>x</p>",
        "<!-- x -->",
        "<img alt=x>",
        "<iframe>x</iframe>",
        "<ruby><rt>x</rt></ruby>",
    ],
)
def test_what_is_not_seen_is_left_out_and_what_follows_is_kept(hidden: str) -> None:
    assert "".join(lines(f"<p>before</p>{hidden}<p>after</p>")) == "beforeafter"


def test_closed_details_and_labels_are_text() -> None:
    assert lines("<details><summary>s</summary>d</details><label>l</label>") == ["s", "d", "l"]


def test_a_page_that_a_script_would_uncover_is_read() -> None:
    body = (
        "<p>menu</p><div id=js_content style='visibility: hidden; opacity: 0'><p>正文" + "字" * 50
    )
    assert lines(body)[1].startswith("正文")


def test_maths_is_read_once_and_ruby_keeps_its_base() -> None:
    maths = (
        "<math alttext='x^2'><semantics><mi>x</mi><annotation>x^2</annotation></semantics></math>"
    )
    plain = "<math><semantics><mi>x</mi><mn>2</mn><annotation>x^2</annotation></semantics></math>"
    assert lines(f"<p>is {maths} or {plain}.</p>") == ["is x^2 or x2."]
    assert lines("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字</ruby>") == ["漢字"]
    assert lines("<p>so<sup>[1]</sup>.</p>") == ["so[1]."]


letters = st.text(st.sampled_from("aZ1深度学。，、 \n\u3000é𠮷-"), max_size=8)
tags = st.sampled_from(
    "div p span b a li ul ol h2 blockquote section dl dd em figure pre br".split()
)
trees = st.recursive(
    letters,
    lambda inner: st.tuples(tags, st.lists(inner, max_size=4)),
    max_leaves=25,
)


def markup(tree: object) -> str:
    if isinstance(tree, str):
        return tree
    assert isinstance(tree, tuple)
    tag, inner = str(tree[0]), tree[1]
    return f"<{tag}>{''.join(map(markup, inner))}" + f"</{tag}>" * (tag != "br")


def words(tree: object) -> str:
    if isinstance(tree, str):
        return tree
    assert isinstance(tree, tuple)
    inner: list[object] = tree[1]
    return "".join(map(words, inner))


@given(st.lists(trees, max_size=6))
def test_every_character_that_is_seen_is_in_one_block_in_its_order(found: list[object]) -> None:
    made = "".join(lines("".join(map(markup, found))))
    expected = "".join(map(words, found))
    assert "".join(made.split()) == unicodedata.normalize("NFC", "".join(expected.split()))


@given(st.lists(trees, max_size=6))
def test_every_block_is_one_line_in_nfc_with_single_blanks_unless_it_is_code(
    found: list[object],
) -> None:
    for block in seen("".join(map(markup, found))):
        assert block.text == block.text.strip("\n")
        assert block.text
        assert block.kind == "code" or block.text == " ".join(block.text.split())
        assert 0 <= block.linked <= 1
        assert (block.level > 0) == (block.kind in {"heading", "item"})


# --- the page ----------------------------------------------------------------------------------

HEAD = (
    "<html lang=zh-CN><head><title>题目_某站</title><meta property='og:title' content='题目'>"
    "<meta property='og:site_name' content='某站'><meta name=author content='Jane Doe'>"
    "<meta property='article:published_time' content='2024-03-19T07:41:12Z'>"
    "<link rel=canonical href='https://blog.example/a'></head><body><h1>大题目</h1><p>正文。</p>"
)


def test_a_page_tells_its_title_author_date_site_address_and_language() -> None:
    _, about = page(HEAD.encode())
    assert (about.title, about.author, about.date) == ("题目", "Jane Doe", "2024-03-19")
    assert (about.site, about.url, about.lang) == ("某站", "https://blog.example/a", "zh-cn")


def test_a_title_is_the_headline_where_none_is_given_for_sharing_and_else_the_windows() -> None:
    assert page(b"<title>w</title><h1>h</h1><p>x")[1].title == "h"
    assert page(b"<title>w</title><p>x")[1].title == "w"
    assert page(b"<p>x")[1].title == ""


@pytest.mark.parametrize("encoding", ["gb2312", "gbk", "big5", "utf-8", "utf-16"])
def test_a_page_is_read_in_the_encoding_that_it_names(encoding: str) -> None:
    made = f"<meta charset='{encoding}'><p>中文一二</p>"
    blocks, _ = page(made.encode(encoding))
    assert [block.text for block in blocks] == ["中文一二"]


def test_a_page_saved_as_a_mail_gives_its_text_and_address() -> None:
    mail = (
        "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://a.example/b\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\tboundary=x\r\n\r\n"
        "--x\r\nContent-Type: text/css\r\n\r\nbody{}\r\n"
        "--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "<html><body><p>=E6=B7=B1=E5=BA=A6 a=3Db</p></body></html>\r\n--x--\r\n"
    )
    blocks, about = page(mail.encode())
    assert [block.text for block in blocks] == ["深度 a=b"]
    assert about.url == "https://a.example/b"


def test_a_mail_without_a_page_is_refused() -> None:
    with pytest.raises(IntakeError, match="without a page"):
        page(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n")


def test_a_browsers_note_of_where_a_page_was_saved_from_is_its_address() -> None:
    made = b"<!-- saved from url=(0022)https://a.example/essay -->\n<p>x"
    assert page(made)[1].url == "https://a.example/essay"


def test_xhtml_is_read_with_its_closed_elements_and_without_its_entities() -> None:
    made = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "boom"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>'
        "<body><a id='x'/><p>one&nbsp;two</p>{}</body></html>"
    )
    [block] = page(made.format("").encode())[0]
    assert (block.text, block.linked) == ("one two", 0.0)
    shown = " ".join(block.text for block in page(made.format("<p>&a;&f;</p>").encode())[0])
    assert "boom" not in shown
    assert "root:" not in shown


def test_elements_nested_beyond_reason_are_refused_and_below_it_are_read() -> None:
    assert len(seen("<div>x" * 1500)) == 1500
    for tag in ("div", "b"):
        with pytest.raises(IntakeError, match="nested more than 2,000 deep"):
            seen(f"<{tag}>x" * 100_000)
