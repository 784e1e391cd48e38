"""Markdown is read as the page it stands for, and loses nothing to marks that are none."""

import pytest

from rag.intake.blocks import Block
from rag.intake.markdown import marked


def read(text: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in marked(text.encode())[0]]


def test_headings_lists_quotes_code_and_tables_keep_their_kind() -> None:
    text = (
        "# 题目\n\nText with *emphasis*, `code` and [a link](http://a.example).\n\n"
        "1. one\n   - sub\n2. two\n\n> 引文\n\n"
        "```py\nx = 1\n\ny\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    blocks, about = marked(text.encode())
    assert about.title == "题目"
    assert [(block.kind, block.level, block.mark, block.text) for block in blocks] == [
        ("heading", 1, "", "题目"),
        ("paragraph", 0, "", "Text with emphasis, code and a link."),
        ("item", 1, "1.", "one"),
        ("item", 2, "-", "sub"),
        ("item", 1, "2.", "two"),
        ("quote", 0, "", "引文"),
        ("code", 0, "", "x = 1\n\ny"),
        ("row", 0, "", "a | b"),
        ("row", 0, "", "1 | 2"),
    ]


def test_lines_of_a_dialogue_stay_apart_and_a_wrapped_paragraph_is_one() -> None:
    assert read("Q: 为什么？\nA: 因为。\n") == [
        ("paragraph", "Q: 为什么？"),
        ("paragraph", "A: 因为。"),
    ]
    wrapped = (
        "Research is slow and the results of\nmost days are small. A beginner who\n"
        "keeps notes will forget much less\nthan the one who trusts memory and\nnothing else.\n"
    )
    assert read(wrapped) == [("paragraph", " ".join(wrapped.split()))]


def test_footnotes_are_text_and_references_are_addresses() -> None:
    text = "One[^1] and [two][t].\n\n[^1]: http://note.example\n\n[t]: http://two.example\n"
    assert [text for _, text in read(text)] == ["One[^1] and two.", "[^1]: http://note.example"]


@pytest.mark.parametrize("tag", ["title", "script", "textarea", "style", "select", "svg"])
def test_prose_about_tags_hides_nothing_of_what_follows(tag: str) -> None:
    assert read(f"The <{tag}> tag.\n\nAfter.\n") == [
        ("paragraph", f"The <{tag}> tag."),
        ("paragraph", "After."),
    ]
    assert ("paragraph", "After.") in read(f"<{tag}>\n\nAfter.\n")


def test_html_within_markdown_is_read_as_on_a_page() -> None:
    assert read("<div hidden>x</div>\n\n<script>\ny()\n</script>\n\n<h2>z</h2>\n") == [
        ("heading", "z")
    ]


YAML = (
    "---\ntitle: 题目\nauthors:\n  - Jane\n  - {name: 张三}\ndate: 2024-02-27\n"
    "source: https://a.example/b\nlanguage: zh_CN\n---\n"
)
TOML = (
    '+++\ntitle = "题目"\nauthor = ["Jane", "张三"]\ndate = 2024-02-27T08:00:00Z\n'
    'url = "https://a.example/b"\nlang = "zh-cn"\n+++\n'
)


@pytest.mark.parametrize("front", [YAML, TOML])
def test_front_matter_is_what_a_document_says_of_itself_and_no_text(front: str) -> None:
    blocks, about = marked((front + "\n# Other\n").encode())
    assert [block.text for block in blocks] == ["Other"]
    assert (about.title, about.author, about.date) == ("题目", "Jane, 张三", "2024-02-27")
    assert (about.url, about.lang) == ("https://a.example/b", "zh-cn")


@pytest.mark.parametrize(
    "front",
    [
        "---\nA line of an essay.\n---\n",
        "---\n!!python/object/apply:os.system ['true']\n---\n",
        "---\na: [[[[\n---\n",
        "+++\nno toml\n+++\n",
    ],
)
def test_what_is_no_front_matter_stays_text(front: str) -> None:
    inner = front.split("\n")[1]
    assert "".join(inner.split()) in "".join("".join(text for _, text in read(front)).split())


def test_front_matter_that_refers_to_itself_a_thousand_times_is_read_at_once() -> None:
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    blocks, about = marked(("---\n" + "\n".join(rows) + "\ntitle: *a59\n---\nText.\n").encode())
    assert (blocks, about.title) == ([Block("Text.", place=("body", "p"))], "")


@pytest.mark.parametrize(
    "text", [">" * 50_000 + " word", "[" * 20_000 + " word", "*a_" * 5_000 + "word"]
)
def test_marks_nested_beyond_reason_lose_no_letter(text: str) -> None:
    assert "word" in "".join(text for _, text in read(text))


def test_items_nested_deep_are_all_there() -> None:
    text = "".join("  " * depth + f"- x{depth}\n" for depth in range(300))
    found = "".join(text for _, text in read(text))
    assert all(f"x{depth}" in found for depth in range(300))
