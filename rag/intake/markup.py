"""A page of HTML, XHTML or a saved mail of one (MHTML) -> its blocks and what it says of itself.

Nothing is run and nothing fetched: no script, no entity, no picture, no network.
"""

import email
import re
from email.message import Message
from html import entities

from lxml import etree, html  # type: ignore[import-untyped]

from rag.errors import IntakeError
from rag.intake import walk
from rag.intake.blocks import About, Block
from rag.intake.decode import decoded
from rag.intake.letters import one_line
from rag.intake.source import is_mail
from rag.intake.unseen import Element, local

_CHARSET = re.compile(
    rb"<meta[^>]+?charset\s*=\s*[\"']?\s*([\w:.-]+)|\A\s*<\?xml[^>]*encoding\s*=\s*[\"']([\w:.-]+)",
    re.IGNORECASE,
)
_DOCTYPE = re.compile(
    r"\A\s*(?:(?><!--.*?-->)\s*)*+<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL
)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_ENTITY = re.compile(r"&([A-Za-z]\w{1,31});")
_XML_KEEPS = frozenset({"lt", "gt", "amp", "quot", "apos"})
_SAVED_FROM = re.compile(r"<!--\s*saved from url=(?:\(\d+\))?(https?://\S+)", re.IGNORECASE)
_MOST_ABOUT = 3_000_000  # characters: larger pages are asked by their head alone
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def page(data: bytes) -> tuple[list[Block], About]:
    """Return the blocks of a saved page, in its order, and what it says of itself.

    Raises:
        IntakeError: the page cannot be read as text, or its elements are nested too deep.
    """
    url, declared = "", ""
    if is_mail(data):
        data, declared, url = _from_mail(data)
    text = decoded(data, declared or _named(data))
    tree = parsed(text)
    if tree is None:
        return [], About()
    saved = _SAVED_FROM.search(text[:4096])
    return list(walk.blocks(tree)), _about(tree, text, url or (saved.group(1) if saved else ""))


def page_blocks(data: bytes) -> list[Block]:
    """Return the blocks of a page alone; [] for none. Raises like `page`."""
    return text_blocks(decoded(data, _named(data)))


def text_blocks(text: str) -> list[Block]:
    """Return the blocks of HTML that is text already; [] for none. Raises like `page`."""
    tree = parsed(text)
    return [] if tree is None else list(walk.blocks(tree))


def _named(data: bytes) -> str:
    """Return the encoding that a page names; "" for none."""
    found = _CHARSET.search(data[:8192])
    return next(filter(None, found.groups()), b"").decode("ascii", "replace") if found else ""


def parsed(text: str) -> Element | None:
    """Return the tree of a page; None where it holds no element. Raises like `page`."""
    declared = _DECLARATION.match(text)
    text = _DOCTYPE.sub("", text[declared.end() if declared else 0 :], count=1)
    if declared and (tree := _as_xml(text)) is not None:
        return tree
    parser = html.HTMLParser(
        huge_tree=True, recover=True, no_network=True, remove_comments=True, remove_pis=True,
        encoding="utf-8",
    )  # fmt: skip
    try:
        tree = html.document_fromstring(text.encode(), parser=parser)
    except etree.ParserError:
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        msg = "its elements are nested more than 2,000 deep; save the page as text."
        raise IntakeError(msg)
    return tree


def _as_xml(text: str) -> Element:
    """Return the tree of well-formed XHTML, where `<title/>` is closed; None for anything else.

    No entity is declared, since the document type is gone; the named ones of HTML are known.
    """
    plain = _ENTITY.sub(_character, text)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True,
        remove_comments=True, remove_pis=True, encoding="utf-8",
    )  # fmt: skip
    try:
        tree = etree.fromstring(plain.encode(), parser)
    except etree.XMLSyntaxError:
        return None
    return tree if local(tree) == "html" else None


def _character(found: re.Match[str]) -> str:
    name = found.group(1)
    return found.group() if name in _XML_KEEPS else entities.html5.get(f"{name};", found.group())


def _from_mail(data: bytes) -> tuple[bytes, str, str]:
    """Return the page in a mail, the encoding the mail names, and the page's address."""
    mail: Message = email.message_from_bytes(data)
    for part in mail.walk():
        body = part.get_payload(decode=True) if part.get_content_type() == "text/html" else None
        if isinstance(body, bytes):
            url = str(part["Content-Location"] or mail["Snapshot-Content-Location"] or "")
            return body, part.get_content_charset() or "", url
    msg = "is a mail without a page in it; save the page as HTML."
    raise IntakeError(msg)


def _about(tree: Element, text: str, url: str) -> About:
    """Return what a page says of itself. Where the library stumbles, the page says nothing."""
    from trafilatura.metadata import extract_metadata

    head = tree if len(text) <= _MOST_ABOUT else _head(tree)
    title = _title(tree)
    lang = one_line(
        tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    )
    try:
        told = extract_metadata(head, extensive=False)
    except Exception:  # noqa: BLE001 - whatever a page brings it to; nothing depends on it
        return About(title=title, url=address(url), lang=lang.lower())
    date = told.date or ""
    return About(
        title=title or one_line(told.title or ""),
        author=one_line(told.author or ""),
        date=date if _DATE.fullmatch(date) else "",
        site=one_line(told.sitename or ""),
        url=address(told.url or "") or address(url),
        lang=lang.lower(),
    )


def address(url: str) -> str:
    """Return a web address as it is; "" for anything else."""
    return url if re.fullmatch(r"https?://\S{1,2000}", url) else ""


def _head(tree: Element) -> Element:
    """Return a page of the head alone."""
    lone = html.document_fromstring("<html><head></head><body></body></html>")
    for element in tree.iterfind(".//head/*"):
        lone.head.append(element)
    return lone


def _title(tree: Element) -> str:
    """Return a page's title as given for sharing, else its first headline, else its window's."""
    ways = ("//meta[@property='og:title'][1]/@content", "//h1", "//title")
    found = (one_line(tree.xpath(f"string({way})")).removesuffix("¶") for way in ways)
    return next(filter(None, found), "")
