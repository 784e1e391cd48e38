"""Blocks -> the canonical text of an essay: what corpus/README.md says, and nothing else.

Only whitespace and Markdown marks are added. Where a paragraph's own first signs would be read as
structure, blanks are moved rather than letters changed.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from rag.intake.blocks import Block
from rag.text import canonical

_FENCE = re.compile(r"`{3,}|~{3,}")
_HASHES = re.compile(r"(#{1,6})\s+")
_CODE_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)
_DEEPEST = 6


def written(blocks: Sequence[Block]) -> str:
    r"""Return blocks as canonical text; () gives "".

    Items and rows that follow each other stand on consecutive lines, everything else between empty
    lines. Lists are flat: whoever cuts the essay reads an item where a line begins.

    >>> written([Block("标题", "heading", 1), Block("一", "item"), Block("二", "item")])
    '# 标题\n\n- 一\n- 二\n'
    """
    if not blocks:
        return ""
    parts = [_line(blocks[0])]
    for before, block in pairwise(blocks):
        together = block.kind in {"item", "row"} and before.kind == block.kind
        parts += ["\n" if together else "\n\n", _line(block)]
    return canonical("".join(parts))


def _line(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * min(max(block.level, 1), _DEEPEST)} {block.text}"
    if block.kind == "item":
        return f"{_mark(block.mark)} {block.text}"
    if block.kind == "quote":
        return f"> {block.text}"
    if block.kind == "code":
        return _fenced(block.text)
    return _plain(block.text)


def _mark(mark: str) -> str:
    """Return a list mark as the essay has it: "1." for every kind of number, else "-"."""
    digits = "".join(filter(str.isdecimal, mark))
    return f"{int(digits)}." if digits and len(digits) <= 3 else "-"


def _plain(text: str) -> str:
    """Return a paragraph that is read as one: a heading's mark stands without its blank, a fence's
    signs stand apart.
    """
    if found := _HASHES.match(text):
        return found[1] + text[found.end() :]
    if found := _FENCE.match(text):
        return " ".join(found.group()) + text[found.end() :]
    return text


def _fenced(code: str) -> str:
    """Return code between fences that are longer than any inside.

    A comment such as "# load the data" would be cut as a heading: the whole block then stands a
    blank to the right.
    """
    longest = max((len(found) for found in re.findall("`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    body = re.sub(r"\n{3,}", "\n\n", code.strip("\n"))
    if _CODE_HEADING.search(body):
        body = "\n".join(f" {line}" if line else line for line in body.split("\n"))
    return f"{fence}\n{body}\n{fence}"
