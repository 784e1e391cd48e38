"""A page of several people's posts -> the lines that name who wrote each.

Such a name is furniture on an article and the beginning of what somebody says in a forum.
"""

import re
from collections.abc import Sequence

from rag.intake.page import Page
from rag.intake.rules import is_gone

_LONGEST = 24  # characters of a name
_WORDS = frozenset(
    "author authors authi authorinfo byline name names nick nickname user username poster owner "
    "profile creator member fn".split()
)
_WORD = re.compile(r"[^a-z]+")
_NO_NAME = re.compile(
    r"[。！？!?,，:：|/·]|\d{4}|ago|前$|楼|\d\s*$|回复|关注|发表|作者|reply|posts?\b"
)
_PARTS = 2  # posts by different people make a page of posts


def posters(page: Page, reasons: Sequence[str]) -> dict[int, str]:
    """Return the blocks that name who wrote the post below them, with the names.

    Empty unless two people or more write on the page, each above prose where the text lives.
    """
    found: dict[int, str] = {}
    named: int | None = None
    for at in range(page.start, page.end):
        if not is_gone(reasons[at]) and at != page.title:
            if named is not None and page.hosted(at):
                found[named] = page.looks[named].block.text
            named = None if page.hosted(at) else named
        elif named is None and _is_name(page, at):
            named = at
    return found if page.host and len(set(found.values())) >= _PARTS else {}


def _is_name(page: Page, at: int) -> bool:
    """Say whether a block looks like a name in a place for names."""
    look = page.looks[at]
    if at == page.title or look.block.kind in {"row", "code", "quote"} or look.verdict:
        return False
    if not look.key or len(look.block.text) > _LONGEST or _NO_NAME.search(look.block.text):
        return False
    place = look.block.place[-8:]
    return any(part in _WORDS for name in place for part in _WORD.split(name))
