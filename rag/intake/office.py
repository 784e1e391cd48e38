"""DOCX -> its blocks, by way of the HTML that it stands for, and what its properties say."""

import io
import re
from typing import Any

from rag.errors import IntakeError
from rag.intake.blocks import About, Block
from rag.intake.letters import one_line
from rag.intake.markup import text_blocks
from rag.intake.package import Package, texts

# What Word's own styles stand for, beyond the headings and lists that the library knows.
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='TOC Heading'] => div.toc > p:fresh
p[style-name='toc 1'] => div.toc > p:fresh
p[style-name='toc 2'] => div.toc > p:fresh
p[style-name='toc 3'] => div.toc > p:fresh
p[style-name='caption'] => div.caption > p:fresh
p[style-name='Caption'] => div.caption > p:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
"""
_BACK = re.compile(r'<a href="#(?:footnote|endnote)-ref-[^"]*">↑</a>')
_MOST_XML = 60_000_000  # bytes: the library takes 1.5 s and 15 MB of memory for each MB
_NOBODY = frozenset(
    {"python-docx", "microsoft office user", "user", "administrator", "windows 用户", "微软用户"}
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def written(data: bytes) -> tuple[list[Block], About, tuple[str, ...]]:
    """Return the blocks of a DOCX document, what its properties say, and no notes.

    Footnotes stand at the end. Comments, deleted text, pictures, and what stands at the head and
    foot of pages are left out.

    Raises:
        IntakeError: it is damaged, too large, or not as Word writes it.
    """
    package = Package(data)
    if package.declares_types():
        msg = "holds a document type, which Word never writes; save it again in Word."
        raise IntakeError(msg)
    if sum(len(package.part(name)) for name in package.names if _is_text(name)) > _MOST_XML:
        msg = "holds more than 60 MB of text and marks; give a part of it."
        raise IntakeError(msg)
    return text_blocks(_html(data)), _about(package), ()


def _is_text(name: str) -> bool:
    return name.startswith("word/") and name.endswith(".xml")


def _html(data: bytes) -> str:
    import mammoth  # type: ignore[import-untyped]

    made: Any = mammoth.convert_to_html(
        io.BytesIO(data),
        style_map=_STYLES,
        include_embedded_style_map=False,
        external_file_access=False,
        convert_image=lambda _: [],
    )
    return f"<html><body>{_BACK.sub('', made.value)}</body></html>"


def _about(package: Package) -> About:
    core = package.tree("docProps/core.xml")
    first = {
        field: one_line(next(iter(texts(core, name)), ""))
        for field, name in (
            ("title", "title"), ("author", "creator"), ("date", "created"), ("lang", "language"),
        )
    }  # fmt: skip
    date = _DATE.match(first["date"])
    author = "" if first["author"].lower() in _NOBODY else first["author"]
    return About(
        title=first["title"],
        author=author,
        date=date.group() if date else "",
        lang=first["lang"].lower(),
    )
