"""PDF -> the lines of its pages as they are set, and from them its blocks (`sheets`)."""

import ctypes
import re
import threading
from collections.abc import Iterator
from typing import Any, TypeAlias

from rag.errors import IntakeError
from rag.intake.blocks import About, Block
from rag.intake.decode import MOST_CHARACTERS, TOO_LONG
from rag.intake.letters import one_line
from rag.intake.sheets import Line, set_blocks

Handle: TypeAlias = Any  # of the library, which comes without types
_BOLD = 600
_ONE_LINE = re.compile(r"[^\r\n\ufffe\x02]+[\ufffe\x02]?")  # the last are what divides a word
_DATE = re.compile(r"D:(\d{4})(\d\d)(\d\d)")
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_LOCK = threading.Lock()  # the library may be in one thread at a time
_NO_TITLE = re.compile(
    r"(?:untitled|无标题|microsoft word - .*|.*\.(?:docx?|pdf|tex|dvi|indd))", re.IGNORECASE
)


def printed(data: bytes) -> tuple[list[Block], About, tuple[str, ...]]:
    """Return the blocks of a PDF in the order of its pages, what it says of itself, and notes.

    Raises:
        IntakeError: it is damaged, protected by a password, or holds pictures of pages alone.
    """
    with _LOCK:
        lines, empty, about = _read(data)
    if not lines:
        msg = "holds pictures of pages and no text; run OCR (ocrmypdf) first."
        raise IntakeError(msg)
    blocks, notes = set_blocks(lines)
    if empty:
        some = ", ".join(map(str, empty[:10])) + ", …" * (len(empty) > 10)
        notes = (*notes, f"without text, perhaps pictures: {len(empty)} pages ({some})")
    return blocks, about, notes


def _read(data: bytes) -> tuple[list[Line], list[int], About]:
    """Return the lines of all pages, the numbers of those without any, and the metadata."""
    document = _opened(data)
    lines: list[Line] = []
    empty, size = [], 0
    try:
        about = _about(document.get_metadata_dict())
        for at in range(len(document)):
            found = list(_lines(document, at))
            lines += found
            size += sum(len(line.text) for line in found)
            if size > MOST_CHARACTERS:
                raise IntakeError(TOO_LONG)
            if not found:
                empty.append(at + 1)
    finally:
        document.close()
    return lines, empty, about


def _opened(data: bytes) -> Handle:
    import pypdfium2  # type: ignore[import-untyped]

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == _PASSWORD
        msg = (
            "is protected by a password; save it without."
            if locked
            else "is damaged and cannot be read as PDF; save it again."
        )
        raise IntakeError(msg) from error


def _lines(document: Handle, at: int) -> Iterator[Line]:
    """Yield the lines of a page; none where the page itself is damaged."""
    import pypdfium2

    try:
        page = document[at]
    except pypdfium2.PdfiumError:
        return
    try:
        text = page.get_textpage()
        try:
            yield from _on_page(text, at + 1)
        finally:
            text.close()
    finally:
        page.close()


def _on_page(text: Handle, number: int) -> Iterator[Line]:
    count = text.count_chars()
    whole = text.get_text_range(0, count) if count > 0 else ""
    for found in _ONE_LINE.finditer(whole):
        raw = found.group()
        if one_line(shown := raw.strip()):
            first = found.start() + len(raw) - len(raw.lstrip())
            yield _line(text, shown, first, min(first + len(shown), count) - 1, number)


def _line(text: Handle, shown: str, first: int, last: int, number: int) -> Line:
    from pypdfium2 import raw

    left, bottom, _, _ = _box(text, first)
    _, _, right, _ = _box(text, last)
    size = float(raw.FPDFText_GetFontSize(text, first))
    weights = [raw.FPDFText_GetFontWeight(text, index) for index in (first, last)]
    return Line(shown, number, left, right, bottom, size, strong=min(weights) >= _BOLD)


def _box(text: Handle, index: int) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of a character in points; zeros where it has no place."""
    from pypdfium2 import raw

    sides = [ctypes.c_double() for _ in range(4)]
    left, right, bottom, top = sides
    if not raw.FPDFText_GetCharBox(text, index, left, right, bottom, top):
        return 0.0, 0.0, 0.0, 0.0
    return left.value, bottom.value, right.value, top.value


def _about(told: dict[str, str]) -> About:
    title = one_line(told.get("Title", ""))
    date = _DATE.match(told.get("CreationDate", ""))
    return About(
        title="" if _NO_TITLE.fullmatch(title) else title,
        author=one_line(told.get("Author", "")),
        date="-".join(date.groups()) if date else "",
    )
