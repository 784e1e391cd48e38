"""A book gives its chapters in reading order, without cover and contents, unless it is locked."""

import io
import zipfile

import pytest

from rag.errors import IntakeError
from rag.intake.book import bound

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
METADATA = (
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>书 Book</dc:title>'
    "<dc:creator>张三</dc:creator><dc:creator>Jane</dc:creator><dc:date>2024-02-27T00:00</dc:date>"
    "<dc:publisher>Press</dc:publisher><dc:language>zh-CN</dc:language>"
    "<dc:source>https://a.example/b</dc:source></metadata>"
)
PAGE = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{}'
ITEMS = {"nav": "nav.xhtml", "two": "b%20b.xhtml", "one": "a.xhtml", "cover": "cover.xhtml"}


def book(parts: dict[str, str], spine: str = "cover nav one two gone one") -> bytes:
    items = "".join(
        f'<item id="{id_}" href="{href}" media-type="application/xhtml+xml"'
        f' properties="{"nav" if id_ == "nav" else ""}"/>'
        for id_, href in {**ITEMS, "gone": "gone.xhtml"}.items()
    )
    refs = "".join(f'<itemref idref="{id_}"/>' for id_ in spine.split())
    guide = '<guide><reference type="cover" href="cover.xhtml"/></guide>'
    opf = (
        f'<package xmlns="http://www.idpf.org/2007/opf">{METADATA}<manifest>{items}</manifest>'
        f"<spine>{refs}</spine>{guide}</package>"
    )
    chapters = {
        "OEBPS/nav.xhtml": PAGE.format("<nav>contents</nav></body></html>"),
        "OEBPS/cover.xhtml": PAGE.format("<p>cover</p></body></html>"),
        "OEBPS/a.xhtml": PAGE.format("<h1>第一章</h1><p>正文&nbsp;text</p></body></html>"),
        "OEBPS/b b.xhtml": PAGE.format("<p>unclosed<p>two"),
    }
    whole = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": opf, **chapters, **parts}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in whole.items():
            packed.writestr(name, text)
    return out.getvalue()


def test_chapters_come_in_the_order_of_the_spine_each_once() -> None:
    blocks, _, notes = bound(book({}))
    assert [(block.kind, block.text) for block in blocks] == [
        ("heading", "第一章"),
        ("paragraph", "正文 text"),
        ("paragraph", "unclosed"),
        ("paragraph", "two"),
    ]
    assert notes == (
        "left out: OEBPS/cover.xhtml (its cover)",
        "left out: OEBPS/nav.xhtml (its contents)",
        "left out: OEBPS/gone.xhtml (missing from the book)",
    )
    assert bound(book({}, "two one"))[0][0].text == "unclosed"


def test_the_metadata_of_a_book_are_what_it_says_of_itself() -> None:
    _, about, _ = bound(book({}))
    assert (about.title, about.author, about.date) == ("书 Book", "张三, Jane", "2024-02-27")
    assert (about.site, about.url, about.lang) == ("Press", "https://a.example/b", "zh-cn")


def locked(algorithm: str) -> dict[str, str]:
    data = f'<EncryptedData><EncryptionMethod Algorithm="{algorithm}"/></EncryptedData>'
    return {"META-INF/encryption.xml": f"<encryption>{data}</encryption>"}


def test_a_locked_book_is_refused_and_one_with_veiled_fonts_is_read() -> None:
    with pytest.raises(IntakeError, match="locked by its seller"):
        bound(book(locked("http://www.w3.org/2001/04/xmlenc#aes128-cbc")))
    assert bound(book(locked("http://www.idpf.org/2008/embedding")))[0]


@pytest.mark.parametrize("part", ["META-INF/container.xml", "OEBPS/book.opf"])
@pytest.mark.parametrize("text", ["", "<broken", "<!DOCTYPE x [<!ENTITY a 'b'>"])
def test_a_book_without_the_list_of_its_chapters_is_refused(part: str, text: str) -> None:
    with pytest.raises(IntakeError, match="is damaged: "):
        bound(book({part: text}))


def test_no_entity_and_no_file_outside_of_a_book_is_read() -> None:
    page = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>a&f;b</p></body></html>'
    )
    blocks, _, _ = bound(book({"OEBPS/a.xhtml": page}, "one"))
    assert [block.text for block in blocks] == ["a&f;b"]
