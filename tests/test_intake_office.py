"""A Word document gives what its author wrote, with the structure that its styles tell."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import docx
import pytest

from rag.errors import IntakeError
from rag.intake.office import written

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def made(write: Callable[[docx.document.Document], object]) -> bytes:
    document = docx.Document()
    document.core_properties.created = datetime(2024, 2, 27, tzinfo=UTC)
    write(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def with_part(data: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """Return a document with one of its parts changed or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part).decode()) if part == name else old.read(part))
        if name not in old.namelist():
            new.writestr(name, change(""))
    return out.getvalue()


def structure(document: docx.document.Document) -> None:
    document.core_properties.title = "题目 Title"
    document.core_properties.author = "张三"
    document.core_properties.language = "zh-CN"
    document.add_paragraph("题目", style="Title")
    document.add_heading("第一节", 1)
    paragraph = document.add_paragraph("正文 and ")
    paragraph.add_run("bold").bold = True
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("two", style="List Number")
    document.add_paragraph("引文", style="Quote")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "a", "b"
    document.sections[0].header.paragraphs[0].text = "running head"


def test_headings_lists_quotes_and_tables_keep_their_kind_and_properties_are_told() -> None:
    blocks, about, notes = written(made(structure))
    assert [(block.kind, block.level, block.mark, block.text) for block in blocks] == [
        ("heading", 1, "", "题目"),
        ("heading", 1, "", "第一节"),
        ("paragraph", 0, "", "正文 and bold"),
        ("item", 1, "-", "one"),
        ("item", 1, "1.", "two"),
        ("quote", 0, "", "引文"),
        ("row", 0, "", "a | b"),
    ]
    assert (about.title, about.author, about.date) == ("题目 Title", "张三", "2024-02-27")
    assert (about.lang, notes) == ("zh-cn", ())


def test_the_name_of_a_program_is_no_author() -> None:
    assert written(made(lambda document: document.add_paragraph("x")))[1].author == ""


def test_deleted_text_is_left_out_and_inserted_text_is_kept() -> None:
    def change(xml: str) -> str:
        deleted = "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        added = "<w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
        return xml.replace("<w:sectPr", f"<w:p>{deleted}{added}</w:p><w:sectPr", 1)

    data = with_part(made(lambda _: None), "word/document.xml", change)
    assert [block.text for block in written(data)[0]] == ["new"]


def test_footnotes_stand_at_the_end_without_the_arrow_back() -> None:
    def change(xml: str) -> str:
        note = '<w:p><w:r><w:t>text</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
        return xml.replace("<w:sectPr", f"{note}<w:sectPr", 1)

    data = with_part(made(lambda _: None), "word/document.xml", change)
    footnotes = (
        f'<w:footnotes {_W}><w:footnote w:id="2"><w:p><w:r><w:t>脚注</w:t></w:r></w:p>'
        "</w:footnote></w:footnotes>"
    )
    data = with_part(data, "word/footnotes.xml", lambda _: footnotes)
    relation = (
        '<Relationship Id="f" Target="footnotes.xml" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/footnotes"/></Relationships>'
    )
    data = with_part(
        data,
        "word/_rels/document.xml.rels",
        lambda xml: xml.replace("</Relationships>", relation),
    )
    assert [(block.mark, block.text) for block in written(data)[0]] == [
        ("", "text[1]"),
        ("1.", "脚注"),
    ]


def test_a_document_type_is_refused_before_its_entities_are_read() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'

    def change(xml: str) -> str:
        return xml.replace("<w:document", f"{bomb}<w:document", 1)

    with pytest.raises(IntakeError, match="holds a document type"):
        written(with_part(made(structure), "word/document.xml", change))


def test_a_part_that_swells_when_it_is_unpacked_is_refused_before_it_is() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b" " * 11_000_000)
    with pytest.raises(IntakeError, match="would unpack to far more"):
        written(out.getvalue())


def test_a_container_of_more_parts_than_a_document_has_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for number in range(20_001):
            packed.writestr(f"word/{number}", b"")
    with pytest.raises(IntakeError, match="would unpack to far more"):
        written(out.getvalue())
