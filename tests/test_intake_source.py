"""A file is taken for what it holds, or refused in one line that names it and says what to do."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from rag.errors import IntakeError
from rag.intake.source import open_source, sources_in

MAIL = (
    b"From: <Saved by a browser>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/related;\r\n boundary="x"\r\n\r\n'
)


def placed(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def zipped(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, data in parts.items():
            packed.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return made.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(IntakeError) as caught:
        open_source(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.html", b"<p>x</p>", "html"),
        ("a.HTM", b"<p>x</p>", "html"),
        ("a.md", b"# x", "markdown"),
        ("a.markdown", b"x", "markdown"),
        ("a.txt", b"x", "text"),
        ("README", b"x", "text"),
        ("a.log", "深度学习".encode(), "text"),
        ("a.txt", b"BMW and MZ are names", "text"),
        ("a.txt", b"  <!DOCTYPE html><p>x", "html"),
        ("page", b'<?xml version="1.0"?><html xmlns="x"/>', "html"),
        ("wide.txt", "<html>深度".encode("utf-16"), "html"),
        ("a.txt", b"%PDF-1.7\n", "pdf"),
        ("a.docx", zipped(word__document_dot_xml=b"<x/>"), "docx"),
        ("a.bin", zipped(word__document_dot_xml=b"<x/>"), "docx"),
        ("a.zip", zipped(**{"META-INF__container_dot_xml": b"<x/>"}), "epub"),
        ("a.mht", MAIL, "html"),
    ],
)
def test_a_format_is_told_by_content_first_and_then_by_name(
    tmp_path: Path, name: str, data: bytes, kind: str
) -> None:
    source = open_source(placed(tmp_path, name, data))
    assert (source.name, source.format, source.data) == (name, kind, data)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.txt", b"", "is empty"),
        ("a.md", b" \n\t\r\n", "is empty"),
        ("bom.txt", b"\xef\xbb\xbf\n", "is empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0", "is a picture"),
        ("a.txt", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a picture"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "save it as .docx"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "is protected by a password",
        ),
        ("a.mobi", bytes(60) + b"BOOKMOBI" + bytes(60), "save it as .epub"),
        ("a.rtf", b"{\\rtf1 hello}", "save it as .docx"),
        ("a.zip", zipped(a=b"x"), "is an archive"),
        ("a.gz", b"\x1f\x8b\x08\0\0\0", "is an archive"),
        ("a.odt", zipped(content_dot_xml=b"<x/>"), "save it as .docx"),
        ("a.xlsx", zipped(**{"[Content_Types]_dot_xml": b"<x/>"}), "save it as .docx"),
        ("a.exe", b"MZ\x90\0\3\0\0\0", "is a program"),
        ("a.pdf", b"<p>no</p>", "is no PDF"),
        ("a.docx", b"PK\x03\x04broken", "is no DOCX, or a damaged one"),
        ("a.epub", b"hello", "is no EPUB"),
        ("a.dat", bytes(range(256)) * 8, "is not a kind of document that is known"),
    ],
)
def test_what_is_no_document_is_refused_in_a_line_that_says_what_to_do(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    line = refusal(placed(tmp_path, name, data))
    assert line.startswith(f"{name}: ")
    assert words in line


def test_a_missing_file_a_folder_and_a_link_to_nothing_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to(tmp_path / "nothing")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert refusal(tmp_path / "a.txt") == "a.txt: there is no such file."
    assert refusal(tmp_path / "link.md") == "link.md: is a link to nothing."
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / "round")
    assert "no file of this name" in refusal(Path("a\0b"))
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))


def test_a_pipe_or_a_device_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert "is a device or a pipe" in refusal(tmp_path / "pipe.txt")
    assert "is a device or a pipe" in refusal(Path("/dev/zero"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_it_is_refused(tmp_path: Path) -> None:
    path = placed(tmp_path, "a.txt", b"x")
    path.chmod(0)
    assert refusal(path) == "a.txt: may not be read; change its permissions."


def test_a_file_larger_than_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(100_000_001)  # a hole: it takes no room on the disk
    assert refusal(path) == "a.txt: is larger than 100 MB; give a part of it."


def test_a_name_that_cannot_be_shown_is_made_fit_for_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a\nb\x1b[31m.txt").startswith("a?b?[31m.txt: ")


def test_the_documents_of_a_folder_are_sorted_and_leave_out_what_is_hidden_or_beside_a_page(
    tmp_path: Path,
) -> None:
    names = ["b.md", "a.html", "deep/c.txt", "a_files/x.html", ".git/y.md", ".z.md", "d.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.txt")
    found = [path.relative_to(tmp_path).as_posix() for path in sources_in(tmp_path)]
    assert found == ["a.html", "b.md", "deep/c.txt"]
    assert sources_in(tmp_path / "nowhere") == []
