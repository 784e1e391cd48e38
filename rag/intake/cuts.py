"""A kept block -> the block without what is furniture in its line, and what was cut."""

import re
from dataclasses import replace

from rag.intake.blocks import Block
from rag.intake.phrases import weight

_CLOCK = r"(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_CLOCKS = rf"{_CLOCK}(?:\s*(?:-->|[-–—~])\s*{_CLOCK})?"
_BEFORE = (
    re.compile(rf"[\[(（【<]\s*{_CLOCKS}\s*[\])）】>]"),
    re.compile(rf"{_CLOCKS}(?=\s+\D)"),
)
# From a note back to where it is called: "^", or "^ a b" for several places.
_BACK = re.compile(r"[\^↑](?: a(?: [b-z])+)?(?=\s)")
_COPY = re.compile(
    r"\A(?:copy(?: code)?|copied!?|复制(?:代码)?|複製(?:程式碼)?)[ \t]*(?:\n|\Z)", re.IGNORECASE
)
_AT = re.compile(rf"(?<=\S)\s+{_CLOCK}$")  # behind the name of who speaks
_NAMING = 10  # weight of a line that is a name and a time
_WITHIN = re.compile(r"\s*\[(?:\d{1,2}:)?\d{2}:\d{2}\]\s*")
_BEHIND = (
    (
        "legal line",
        re.compile(r"[\[【](?:责任编辑|责编|编辑)[:：][^\]】]{1,24}[\]】][^。！？]{0,60}"),
    ),
    ("timestamp", re.compile(rf"[\[(（【]\s*{_CLOCK}\s*[\])）】]")),
    ("button", re.compile(r"\[\s*(?:编辑|編輯|edit|edit source|编辑源代码|隐藏|hide|show)\s*\]")),
    ("button", re.compile(r"[¶§🔗]|(?<=\s)#")),
)


def cut(block: Block) -> tuple[Block | None, list[tuple[Block, str]]]:
    """Return a block without time stamps and anchors, and the parts that were cut, with why.

    None where nothing is left. Rows are left alone, of code goes the button that copies it, of
    headings the anchor.
    """
    if block.kind == "code":
        return _uncopied(block)
    if block.kind == "row":
        return block, []
    parts: list[tuple[Block, str]] = []
    text = block.text
    for pattern in _BEFORE:
        if found := pattern.match(text):
            parts.append((replace(block, text=found.group()), "timestamp"))
            text = text[found.end() :].lstrip()
    if block.kind != "heading" and (found := _BACK.match(text)):
        parts.append((replace(block, text=found.group()), "button"))
        text = text[found.end() :].lstrip()
    parts += [(replace(block, text=stamp.strip()), "timestamp") for stamp in _WITHIN.findall(text)]
    text = _WITHIN.sub(lambda found: " " if found.group()[-1] == " " else "", text)
    if weight(text) <= _NAMING and (found := _AT.search(text)):
        parts.append((replace(block, text=found.group().strip()), "timestamp"))
        text = text[: found.start()]
    for why, pattern in _BEHIND if block.kind == "heading" else _BEHIND[:2]:
        ends = [found for found in pattern.finditer(text) if found.end() == len(text)]
        if ends and ends[0].start():
            parts.append((replace(block, text=ends[0].group()), why))
            text = text[: ends[0].start()].rstrip()
    return (replace(block, text=text) if text else None), parts


def _uncopied(block: Block) -> tuple[Block | None, list[tuple[Block, str]]]:
    found = _COPY.match(block.text)
    if not found:
        return block, []
    rest = block.text[found.end() :].strip("\n")
    button = replace(block, kind="paragraph", text=found.group().strip())
    return (replace(block, text=rest) if rest else None), [(button, "button")]
