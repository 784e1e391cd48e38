"""Any file whatever is read or refused in one line; no library's error comes through."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pace import LINEAR, growth
from test_intake_book import book
from test_intake_office import made, structure
from test_intake_paper import chinese, english

from rag.errors import IntakeError
from rag.intake.blocks import Format, Found
from rag.intake.reading import read
from rag.intake.source import Source, open_source

FORMATS: list[Format] = ["html", "markdown", "text", "docx", "pdf", "epub"]
WHOLE: dict[str, tuple[Format, bytes]] = {
    "docx": ("docx", made(structure)),
    "pdf": ("pdf", english()),
    "chinese pdf": ("pdf", chinese((50, 700, 12, "做研究。"))),
    "epub": ("epub", book({})),
    "html": ("html", "<h1>题</h1><table><tr><td>a<td>b</table><ol><li>c</ol><p>正文".encode()),
    "markdown": ("markdown", "---\ntitle: 题\n---\n# a\n\n1. b\n> c\n\n|a|b|\n|-|-|\n".encode()),
}


def outcome(format_: Format, data: bytes) -> Found | None:
    """Return what was read; None for a refusal, which has to be one line that names the file."""
    try:
        return read(Source("x.file", format_, data, Path("x.file")))
    except IntakeError as error:
        line = str(error)
    assert line.startswith("x.file: ")
    assert "\n" not in line
    assert line.endswith(".")
    return None


@pytest.mark.parametrize("name", WHOLE)
def test_a_document_that_is_whole_is_read(name: str) -> None:
    format_, data = WHOLE[name]
    found = outcome(format_, data)
    assert found is not None
    assert found.format == format_
    assert all(block.text for block in found.blocks)


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.binary(max_size=300))
def test_every_run_of_bytes_is_read_or_refused_in_one_line(format_: Format, data: bytes) -> None:
    outcome(format_, data)


@pytest.mark.parametrize("format_", ["html", "markdown", "text"])
@given(text=st.text(max_size=200))
def test_every_text_is_read_or_refused_in_one_line(format_: Format, text: str) -> None:
    outcome(format_, text.encode("utf-8", "surrogatepass"))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with some changed, cut out, doubled, or the end missing."""
    changed = bytearray(data)
    if chance.random() < 0.2:
        return bytes(changed[: chance.randrange(len(data))])
    for _ in range(chance.choice((1, 3, 20))):
        at, size = chance.randrange(len(changed)), chance.randrange(1, 30)
        match chance.randrange(3):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                del changed[at : at + size]
                changed += b"\0"
            case _:
                changed[at:at] = changed[size : 2 * size]
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
def test_every_damaged_document_is_read_or_refused_in_one_line(name: str) -> None:
    format_, data = WHOLE[name]
    for seed in range(40):
        outcome(format_, mutated(data, random.Random(seed)))


@pytest.mark.parametrize("format_", ["html", "markdown", "text"])
def test_a_page_without_text_is_refused(format_: Format) -> None:
    with pytest.raises(IntakeError, match=r"^a: holds no text\.$"):
        read(
            Source("a", format_, b"<!-- x -->" if format_ != "text" else b"\xe3\x80\x80", Path("a"))
        )


def test_more_text_than_a_shelf_can_hold_is_refused() -> None:
    with pytest.raises(IntakeError, match="30 million"):
        read(Source("a", "html", b"<p>" + b"a" * 30_000_001, Path("a")))


@pytest.mark.parametrize(
    ("format_", "data_of"),
    [
        ("html", lambda size: b"<!---->" * size + b"x"),
        ("html", lambda size: b"MIME-Version: 1\r\n" + b"a: b\r\n" * size),
        ("html", lambda size: b"<a href=#>x" * (size // 4)),
        ("text", lambda size: b"a word of a line that has been wrapped\n" * size),
        ("text", lambda size: "字".encode() + b"\n" * size + b"x"),
        ("markdown", lambda size: b"---\n" + b"a: [" * (size // 16) + b"\n---\n"),
        ("markdown", lambda size: b"![" * (size // 16)),
    ],
)
def test_text_made_to_be_slow_is_read_or_refused_in_time_that_grows_with_its_length(
    format_: Format, data_of: Callable[[int], bytes]
) -> None:
    assert growth(lambda size: outcome(format_, data_of(size)), 50_000) < LINEAR


def test_a_library_that_stumbles_gives_one_line_with_the_kind_of_its_error(
    tmp_path: Path,
) -> None:
    out = tmp_path / "a.docx"
    out.write_bytes(made(structure).replace(b"word/document.xml", b"word/docuwent.xml"))
    with pytest.raises(IntakeError, match=r"^a\.docx: is damaged and cannot be read"):
        read(open_source(out))
