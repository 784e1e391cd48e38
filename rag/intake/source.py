"""Path -> Source: the bytes of a document and its format, told by content first, then by name.

Knows nothing of what a format holds inside; every refusal is one line that names the file.
"""

import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IntakeError
from rag.intake.blocks import Format
from rag.intake.decode import decoded

_MOST_BYTES = 100_000_000
_FORMATS: dict[str, Format] = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".mht": "html", ".mhtml": "html",
    ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".text": "text",
    ".docx": "docx", ".pdf": "pdf", ".epub": "epub",
}  # fmt: skip
_PACKED: dict[Format, str] = {"docx": "DOCX", "pdf": "PDF", "epub": "EPUB"}
_PAGE = re.compile(
    rb"\A(?:\xef\xbb\xbf)?(?:\s|<\?xml[^>]*>|(?><!--.*?-->))*+(?:<!doctype\s+html|<html[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_MAIL = re.compile(
    rb"\A(?:[\w-]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)*?content-type:\s*multipart/",
    re.IGNORECASE,
)
_IMAGE = "is a picture and holds no text; give the text itself."
_ARCHIVE = "is an archive; unpack it and import what is in it."
_PROGRAM = "is a program, not a document."
_SOUND = "is sound or film and holds no text; give a transcript."
_OTHER_OFFICE = "is of another office program; save it as .docx."
_KNOWN = (
    (b"\x89PNG", _IMAGE), (b"\xff\xd8\xff", _IMAGE), (b"GIF8", _IMAGE), (b"BM", _IMAGE),
    (b"II*\0", _IMAGE), (b"MM\0*", _IMAGE), (b"\x1f\x8b", _ARCHIVE), (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ", _ARCHIVE), (b"7z\xbc\xaf", _ARCHIVE), (b"Rar!", _ARCHIVE), (b"MZ", _PROGRAM),
    (b"\x7fELF", _PROGRAM), (b"ID3", _SOUND), (b"OggS", _SOUND), (b"RIFF", _SOUND),
    (b"{\\rtf", "is rich text; save it as .docx."),
    (b"bplist00", "is a web archive of Safari; save the page as HTML."),
    (b"AT&TFORM", "is DjVu; save it as PDF with its text."),
    (b"%!PS", "is PostScript; save it as PDF."),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it lies on the disk. `name` is its file's name, fit to be shown in a line."""

    name: str
    format: Format
    data: bytes
    path: Path


def open_source(path: Path) -> Source:
    """Return the document at `path`, read as a whole.

    Raises:
        IntakeError: it is missing, no ordinary file, empty, larger than 100 MB, not readable, or of
            a kind that is not taken.
    """
    name = shown(path.name or str(path))
    try:
        data = _bytes(path)
        return Source(name, _format(path, data), data, path)
    except IntakeError as error:
        msg = f"{name}: {error}"
        raise IntakeError(msg) from error


def sources_in(folder: Path) -> list[Path]:
    """Return the documents under a folder, sorted: the files whose suffix is that of a format.

    Hidden files and folders are left out, and what browsers save beside a page ("page_files").
    Linked folders are not entered, so that no loop is. A folder that cannot be read holds nothing.
    """
    return sorted(_walked(folder))


def _walked(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and not _beside(name)]
        for name in files:
            path = Path(root, name)
            if not name.startswith(".") and path.suffix.lower() in _FORMATS and path.is_file():
                yield path


def _beside(name: str) -> bool:
    return name.lower().endswith(("_files", ".files", "-dateien", "_fichiers"))


def shown(name: str) -> str:
    r"""Return a file's name fit for one line: nothing that cannot be seen, 120 characters at most.

    >>> shown("a\nb.txt")
    'a?b.txt'
    """
    seen = "".join(char if char.isprintable() else "?" for char in name)
    return seen if len(seen) <= 120 else f"{seen[:80]}…{seen[-39:]}"


def _bytes(path: Path) -> bytes:
    try:
        _check_kind(path)
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise IntakeError(_trouble(path, error)) from error
    except ValueError as error:  # a NUL in the name
        msg = "there is no file of this name."
        raise IntakeError(msg) from error
    if len(data) > _MOST_BYTES:
        msg = f"is larger than {_MOST_BYTES // 1_000_000} MB; give a part of it."
        raise IntakeError(msg)
    if not data.strip(b"\0\t\n\v\f\r \xef\xbb\xbf\xff\xfe"):
        msg = "is empty; nothing can be taken from it."
        raise IntakeError(msg)
    return data


def _check_kind(path: Path) -> None:
    """A pipe or a device might never end, or do something when it is read."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        msg = "is a folder; name the documents in it."
        raise IntakeError(msg)
    if not stat.S_ISREG(found.st_mode):
        msg = "is a device or a pipe, not a file; save the document in a file."
        raise IntakeError(msg)
    if found.st_size > _MOST_BYTES:
        msg = f"is larger than {_MOST_BYTES // 1_000_000} MB; give a part of it."
        raise IntakeError(msg)


def _trouble(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is a link to nothing." if path.is_symlink() else "there is no such file."
    if isinstance(error, PermissionError):
        return "may not be read; change its permissions."
    return f"cannot be read ({error.strerror})."


def _format(path: Path, data: bytes) -> Format:
    suffix = path.suffix.lower()
    called = _FORMATS.get(suffix)
    found = _by_content(data, called)
    if found:
        return found
    if called in _PACKED:
        kind = _PACKED[called]
        msg = f"is called {suffix} and is no {kind}, or a damaged one; save it again."
        raise IntakeError(msg)
    _refuse_known(data, suffix)
    return called or "text"


def _by_content(data: bytes, called: Format | None) -> Format | None:
    if data.startswith(b"%PDF-") or (called == "pdf" and b"%PDF-" in data[:1024]):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _in_zip(data, called)
    if data.startswith(_OLE):
        _refuse_ole(data)
    if _PAGE.match(data[:4096].replace(b"\0", b"").lstrip(b"\xff\xfe")) or is_mail(data):
        return "html"
    return None


def is_mail(data: bytes) -> bool:
    """Say whether these are the bytes of a page that was saved as a mail (MHTML)."""
    head = data[:8192].lstrip()
    return bool(
        re.search(rb"^mime-version:", head, re.IGNORECASE | re.MULTILINE) and _MAIL.match(head)
    )


def _in_zip(data: bytes, called: Format | None) -> Format | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = set(packed.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        names = set()
    if "word/document.xml" in names:
        return "docx"
    if "META-INF/container.xml" in names and "content.xml" not in names:
        return "epub"
    if "[Content_Types].xml" in names and called == "docx":
        return "docx"  # its text may have another name
    if names & {"content.xml", "[Content_Types].xml"}:
        raise IntakeError(_OTHER_OFFICE)
    if called in _PACKED:
        return None
    raise IntakeError(_ARCHIVE)


def _refuse_ole(data: bytes) -> None:
    """Office's old container holds old documents, and new ones under a password."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        msg = "is protected by a password; save it without one."
        raise IntakeError(msg)
    msg = "is of an old office program; save it as .docx."
    raise IntakeError(msg)


def _refuse_known(data: bytes, suffix: str) -> None:
    if data[60:68] in {b"BOOKMOBI", b"TEXtREAd"}:
        msg = "is a Kindle book; save it as .epub."
        raise IntakeError(msg)
    if data[4:8] == b"ftyp":
        raise IntakeError(_SOUND)
    why = next((why for magic, why in _KNOWN if data.startswith(magic)), "")
    if why and not _reads_as_text(data):
        raise IntakeError(why)
    if why == "is rich text; save it as .docx.":
        raise IntakeError(why)
    if suffix not in _FORMATS and not _is_text(data[:4096]):
        msg = "is not a kind of document that is known; save it as HTML, text, DOCX, PDF or EPUB."
        raise IntakeError(msg)


def _is_text(data: bytes) -> bool:
    try:
        decoded(data)
    except IntakeError:
        return False
    return True


def _reads_as_text(data: bytes) -> bool:
    """Say whether the first bytes are letters after all: "BMW" begins as a picture does."""
    return not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", data[:512])
