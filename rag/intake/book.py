"""EPUB -> the blocks of its documents in reading order, and what its metadata say."""

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from rag.errors import IntakeError
from rag.intake.blocks import About, Block
from rag.intake.letters import one_line
from rag.intake.markup import address, page_blocks
from rag.intake.package import Package, texts
from rag.intake.unseen import Element, local

_FONTS = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
_APART = frozenset({"cover", "toc", "nav", "cover-image"})
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FULL_NAME = "full-path"


def bound(data: bytes) -> tuple[list[Block], About, tuple[str, ...]]:
    """Return the blocks of a book in the order of its spine, what its metadata say, and notes.

    The cover and the tables of contents are left out, and said so in the notes.

    Raises:
        IntakeError: it is damaged, or locked against reading.
    """
    package = Package(data)
    _check_lock(package)
    path, opf = _description(package)
    blocks: list[Block] = []
    notes = []
    for name, why in _spine(opf, path):
        if why:
            notes.append(f"left out: {name} ({why})")
        elif name not in package.names:
            notes.append(f"left out: {name} (missing from the book)")
        else:
            blocks += page_blocks(package.part(name))
    return blocks, _about(opf), tuple(notes)


def _check_lock(package: Package) -> None:
    """Fonts may be veiled in any book; anything else that is encrypted cannot be read."""
    tree = package.tree("META-INF/encryption.xml")
    methods = [] if tree is None else [e for e in tree.iter() if local(e) == "encryptionmethod"]
    if any(method.get("Algorithm") not in _FONTS for method in methods):
        msg = "is locked by its seller (DRM) and cannot be read; give one without a lock."
        raise IntakeError(msg)


def _description(package: Package) -> tuple[str, Element]:
    """Return the name of the part that describes the book, and its root."""
    container = package.tree("META-INF/container.xml")
    found = [] if container is None else [e for e in container.iter() if local(e) == "rootfile"]
    path = next((path for e in found if (path := e.get(_FULL_NAME))), "")
    opf = package.tree(path)
    if opf is None:
        msg = "is damaged: the list of its chapters is missing; save it again."
        raise IntakeError(msg)
    return path, opf


def _spine(opf: Element, path: str) -> Iterator[tuple[str, str]]:
    """Yield the parts in reading order, each once, and why one is left out; "" to read it."""
    items = {e.get("id"): e for e in opf.iter() if local(e) == "item"}
    guide = {
        _part(path, e.get("href")): (e.get("type") or "").lower()
        for e in opf.iter()
        if local(e) == "reference"
    }
    done = set()
    for reference in (e for e in opf.iter() if local(e) == "itemref"):
        item = items.get(reference.get("idref"))
        name = _part(path, item.get("href")) if item is not None else ""
        if item is None or name in done or item.get("media-type") not in _PAGES:
            continue
        done.add(name)
        roles = {guide.get(name, ""), *(item.get("properties") or "").split()}
        yield name, "its cover" if "cover" in roles else "its contents" if roles & _APART else ""


def _part(path: str, href: str | None) -> str:
    plain = unquote((href or "").partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), plain))


def _about(opf: Element) -> About:
    first = {
        name: one_line(next(iter(texts(opf, name)), ""))
        for name in ("title", "date", "publisher", "source", "language")
    }
    date = _DATE.match(first["date"])
    return About(
        title=first["title"],
        author=", ".join(map(one_line, texts(opf, "creator"))),
        date=date.group() if date else "",
        site=first["publisher"],
        url=address(first["source"]),
        lang=first["language"].lower(),
    )
