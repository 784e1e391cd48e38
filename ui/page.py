"""Essay -> a plain HTML page with one passage marked; needs no script and prints well."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from rag import Document, Span
from ui.render import credit
from ui.words import Words

_LINE = re.compile(r"[^\n]+")
_HEADING = re.compile(r"(#{1,3}) +")
_ITEM = re.compile(r"[-*] +")
_EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading or list item as three pieces of text; `hit` is the marked one."""

    tag: str
    before: str
    hit: str = ""
    after: str = ""


def as_page(document: Document | None, span: Span | None, words: Words, notice: str = "") -> str:
    """Return the page of an essay, or the page that says there is none."""
    if document is None:
        return _template().render(document=None, words=words, notice=words.page_missing, blocks=())
    author, site = credit(document, words)
    return _template().render(
        document=document,
        byline=[fact for fact in (author, site, document.date) if fact],
        words=words,
        notice=notice,
        blocks=list(blocks(document.text, span)),
        excerpt=" ".join((span.of(document.text) if span else document.text).split())[
            :_EXCERPT_CHARS
        ],
        linked=document.url.startswith(("https://", "http://")),
    )


def blocks(text: str, span: Span | None) -> Iterator[Block]:
    """Yield the essay's lines as blocks, without the marks of headings and items.

    All lines that the span touches are one block, so that the mark is one piece and its text
    is the quote exactly.
    """
    if span is None:
        yield from _lines(text)
        return
    first = text.rfind("\n", 0, span.start) + 1
    last = text.find("\n", span.end - 1)
    last = len(text) if last < 0 else max(last, span.end)
    yield from _lines(text[:first])
    lead = _block(text[first : span.start])
    yield Block(lead.tag, lead.before, span.of(text), text[span.end : last])
    yield from _lines(text[last:])


def _lines(text: str) -> Iterator[Block]:
    return (_block(line[0]) for line in _LINE.finditer(text))


def _block(line: str) -> Block:
    if heading := _HEADING.match(line):
        return Block(f"h{len(heading[1])}", line[heading.end() :])
    if item := _ITEM.match(line):
        return Block("li", line[item.end() :])
    return Block("p", line)


@cache
def _template() -> Template:
    folder = Path(__file__).resolve().parent / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True).get_template("read.html")
