"""Plain text -> Blocks: lines are paragraphs, unless the whole text was wrapped at a width."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rag.intake.addresses import is_linked, unlinked
from rag.intake.blocks import Block
from rag.intake.clocks import untimed
from rag.intake.decks import headed
from rag.intake.decode import whole_text
from rag.intake.letters import one_line
from rag.intake.lines import ITEM, Line, columns, is_full, joined, mark_of, words_in, wrapped_at
from rag.intake.rulers import ruled, runs
from rag.intake.threads import peopled

_HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
_INDENT = re.compile(r"[ \t\u3000\u00a0]*")
_STEP = 2  # columns by which a deeper item is set in at least


def lines_of(data: bytes) -> list[Block]:
    """Return the blocks of a text file; [] for one without text.

    An empty line ends a block. Other lines are blocks of their own, as in a dialogue or a list,
    unless the text was wrapped at a width: then they are joined to paragraphs.

    Raises:
        IntakeError: these bytes are no text, or too much of it.
    """
    return list(lined(whole_text(data)))


def lined(text: str) -> Iterator[Block]:
    """Yield the blocks of a plain text, in order."""
    raw = [line.expandtabs(4) for line in re.split(r"[\n\f\v\u2028\u2029]", text)]
    lines = peopled(headed(ruled(untimed([Line(line) for line in raw]))))
    runs = [[lines[at] for at in range(*run)] for run in _runs(lines)]
    width = wrapped_at([line.text for line in run] for run in runs if not run[0].alone)
    words = words_in(text) if width else frozenset[str]()
    linked = is_linked(text)
    indents: list[int] = []
    for run in runs:
        for group in _paragraphs([line.text for line in run], width):
            joint = joined([line.strip() for line in group], words)
            if block := _block(joint, _indent(group[0]), indents, run[0].level):
                block = replace(block, place=run[0].place)
                yield from unlinked(block) if linked else (block,)


def _runs(lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Yield where lines that may be joined begin and end: of one place, without an empty one."""
    for start, end in runs(lines):
        for _, group in groupby(range(start, end), key=lambda at: _together(lines[at], at)):
            ats = list(group)
            yield ats[0], ats[-1] + 1


def _together(line: Line, at: int) -> tuple[object, ...]:
    return (at,) if line.alone else line.place


def _paragraphs(run: Sequence[str], width: int) -> Iterator[list[str]]:
    """Yield the lines of each paragraph in a run of lines without an empty one."""
    lines: list[str] = []
    for line in run:
        if lines and not (width and _goes_on(lines, line, width)):
            yield lines
            lines = []
        lines.append(line)
    if lines:
        yield lines


def _goes_on(lines: Sequence[str], line: str, width: int) -> bool:
    """Say whether a line goes on with the paragraph of those before it."""
    if not is_full(lines[-1], line, width) or _HEADING.match(line) or _HEADING.match(lines[0]):
        return False
    if ITEM.match(line.strip()):
        return False
    hanging = bool(ITEM.match(lines[0].strip()))
    return hanging or len(lines) > 1 or _indent(line) <= _indent(lines[-1])


def _indent(line: str) -> int:
    blanks = _INDENT.match(line)
    return columns(blanks.group()) if blanks else 0


def _block(text: str, indent: int, indents: list[int], level: int) -> Block | None:
    """Return the block of a paragraph; `indents` are those of the open list, outermost first.

    One with a `level` is a heading.
    """
    line = one_line(text)
    if not line:
        return None
    if level:
        indents.clear()
        return Block(line, kind="heading", level=level)
    if heading := _HEADING.fullmatch(line):
        indents.clear()
        return Block(heading.group(2), kind="heading", level=len(heading.group(1)))
    if not (item := ITEM.match(line)):
        indents.clear()
        return Block(line)
    while indents and indents[-1] > indent - _STEP:
        indents.pop()
    indents.append(indent)
    level = min(len(indents), 6)
    return Block(line[item.end() :], kind="item", level=level, mark=mark_of(item))
