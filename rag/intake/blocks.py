"""The nouns of intake: what a found document holds, before anything is removed."""

from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "paragraph", "item", "quote", "code", "row"]
SLIDE = "a slide"  # a place that holds nothing but the author's words, short as they may be
Format = Literal["html", "markdown", "text", "docx", "pdf", "epub"]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a document that stands by itself: a heading, a paragraph, an item of a list.

    `text` is NFC and never empty. Blanks are single and ordinary, and it is one line; only code
    keeps its lines, its blanks, and nothing else. `level` is that of a heading, 1 to 6, or the
    depth of an item, from 1; else 0. `mark` is what stands before an item: "-", or a number as
    "3.". `place` names what encloses it on the page, outermost first: elements, and after them
    their classes, ids and roles, all in lower case, such as ("body", "div", "sidebar", "ul", "li");
    () where the format has no such thing. `linked` is the share of its characters that are links,
    from 0 to 1. `strong` says that the whole of it is bold. `page` is the page of a PDF, from 1;
    else 0.
    """

    text: str
    kind: BlockKind = "paragraph"
    level: int = 0
    mark: str = ""
    place: tuple[str, ...] = ()
    linked: float = 0.0
    strong: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of itself outside of its text, or a reader guesses; "" where unknown.

    `date` is YYYY-MM-DD, `lang` the tag that the document names, in lower case.
    """

    title: str = ""
    author: str = ""
    date: str = ""
    site: str = ""
    url: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A document as it was found: every block that a reader of it would see, in its order.

    `notes` are lines for whoever imports it, such as that some pages hold no text.
    """

    format: Format
    blocks: tuple[Block, ...]
    about: About = About()
    notes: tuple[str, ...] = ()
