"""A paragraph of copied mail -> the paragraph, and the addresses that its words link to.

A mail programme writes a link as its words and then the address in angle brackets. Where the
sentence itself names the address, as after "at", it stays.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from rag.intake.blocks import Block

_LINK = re.compile(r"<(?:https?://|www\.)[^<>]{3,300}>")  # it may have been broken at a line's end
_FEWEST = 3  # links of a text: fewer may be its author's own
_TO_MANY = re.compile(
    r"\bunsubscribe\b|\b(?:view|read) this .{0,40}\bbrowser\b|退订|在浏览器中(?:打开|查看)",
    re.IGNORECASE,
)
_AHEAD = 20  # characters before a link that are looked at
_NAMING = re.compile(
    r"(?:^|\W)(?:at|on|from|via|see|in|to|is|are|and|or|of|for|with|by|visit|as|url|link)$"
    r"|[:：(（,，、]$|[见在到自是址站和或为]$|^$",
    re.IGNORECASE,
)


def is_linked(text: str) -> bool:
    """Say whether a text is a letter to many that writes its links as mail does."""
    return len(_LINK.findall(text)) >= _FEWEST and bool(_TO_MANY.search(text))


def unlinked(block: Block) -> Iterator[Block]:
    """Yield a block without the addresses that its words link to, and then those."""
    links: list[str] = []
    said: list[str] = []
    done = 0
    for found in _LINK.finditer(block.text):
        start = found.start()
        if _NAMING.search(block.text[max(start - _AHEAD, 0) : start].rstrip()):
            said.append(block.text[done : found.end()])
        else:
            said.append(block.text[done:start].rstrip())
            links.append(found.group())
        done = found.end()
    yield replace(block, text="".join(said) + block.text[done:])
    yield from (Block(link, place=("permalink",)) for link in links)
