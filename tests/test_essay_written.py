"""Blocks are written as canonical text that is read as it was meant, and can be imported again."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.intake.blocks import About, Block, BlockKind
from rag.intake.essay import written
from rag.intake.furniture import parted
from rag.intake.reading import read
from rag.intake.source import open_source
from rag.intake.structure import about_guessed, structured
from rag.split import split
from rag.text import canonical
from rag.types import Document, Speaker


def document(text: str) -> Document:
    return Document(
        id="taken", title="t", author="a", author_en="a", site="", site_en="", url="", date="",
        lang="zh", licence="CC0", note="", sha256="", text=text, speakers=(Speaker("a", "a"),),
    )  # fmt: skip


def test_nothing_is_written_as_nothing() -> None:
    assert written(()) == ""


def test_every_kind_of_block_has_its_mark() -> None:
    blocks = [
        Block("题", "heading", 1),
        Block("节", "heading", 2),
        Block("一段。"),
        Block("甲", "item", 1, "-"),
        Block("乙", "item", 2, "•"),
        Block("丙", "item", 1, "3、"),
        Block("引文", "quote"),
        Block("a = 1\nb = 2", "code"),
        Block("项目 | 占用", "row"),
        Block("梯度 | 0.4", "row"),
    ]
    assert written(blocks) == (
        "# 题\n\n## 节\n\n一段。\n\n- 甲\n- 乙\n3. 丙\n\n> 引文\n\n```\na = 1\nb = 2\n```\n\n"
        "项目 | 占用\n梯度 | 0.4\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# no heading", "#no heading"),
        ("## 编号", "##编号"),
        ("```py", "` ` `py"),
        ("#hash", "#hash"),
    ],
)
def test_a_paragraph_that_begins_like_structure_stays_a_paragraph(text: str, line: str) -> None:
    assert written([Block(text)]) == f"{line}\n"


def test_a_comment_in_code_is_not_cut_as_a_heading() -> None:
    blocks = [Block("节", "heading", 2), Block("# load\nx = 1", "code"), Block("后来的话。" * 20)]
    text = written(blocks)
    assert "\n # load\n x = 1\n" in text
    assert {passage.heading for passage in split(document(text), 600)} == {("节",)}


def test_code_that_holds_a_fence_stands_between_longer_ones() -> None:
    assert written([Block("```\nx\n```", "code")]) == "````\n```\nx\n```\n````\n"


_TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
_KINDS: st.SearchStrategy[BlockKind] = st.sampled_from(
    ["heading", "paragraph", "item", "quote", "code", "row"]
)
_BLOCKS = st.builds(
    Block,
    text=st.lists(_TEXTS, min_size=1, max_size=4).map(" ".join),
    kind=_KINDS,
    level=st.integers(0, 7),
    mark=st.sampled_from(["", "-", "2.", "•", "(10)", "1234."]),
)


@given(st.lists(_BLOCKS, max_size=12))
@example([Block("# a"), Block("``` b"), Block("~~~"), Block("a\n\n\n# b", "code")])
def test_every_text_is_canonical_and_loses_no_letter(blocks: list[Block]) -> None:
    text = written(blocks)
    assert canonical(text) == text
    rest = iter(text)
    letters = "".join("".join(canonical(block.text).split()) for block in blocks)
    assert all(letter in rest for letter in letters)


@pytest.mark.parametrize("path", sorted(Path("corpus/essays").glob("*.md")), ids=lambda p: p.stem)
def test_an_essay_that_is_imported_again_stays_the_same(path: Path) -> None:
    found = read(open_source(path))
    sides = parted(found)
    assert sides.removed == ()
    text = written(structured(sides.kept, about_guessed(found, sides)))
    assert text == path.read_text(encoding="utf-8")


def test_what_an_import_wrote_is_imported_again_letter_by_letter(tmp_path: Path) -> None:
    first = written(
        structured(
            [
                Block("怎样读论文"),
                Block("先读摘要，再读结论，最后才读方法。这是师姐教我的办法。"),
                Block("读图", "item", 1, "1."),
                Block("读表", "item", 1, "2."),
                Block("x = 1", "code"),
            ],
            About(title="怎样读论文"),
        )
    )
    path = tmp_path / "again.md"
    path.write_text(first, encoding="utf-8")
    found = read(open_source(path))
    sides = parted(found)
    assert written(structured(sides.kept, about_guessed(found, sides))) == first
