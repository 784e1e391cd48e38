"""Document -> Passage[]: verbatim slices that follow the text's own structure.

A passage never crosses a heading or a change of speaker. A list stays with its lead-in, a reply
knows the question it replies to. Knows nothing of models or search.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.text import sentences
from rag.types import Document, Passage, Span, Speaker

VERSION = "2"  # part of the index's fingerprint: raise it when passages change

_AIM_LOW, _AIM_HIGH = 80, 260
_LINE = re.compile(r"[^\n]+")
_HEADING = re.compile(r"(#{1,6})\s+(?=\S)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)])\s+(?=\S)")
_ASKING = re.compile(r"[?？]")


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph or a list item in its place: who says it, under which headings, which turn."""

    span: Span
    heading: tuple[str, ...]
    speaker: Speaker
    turn: int
    asked: str = ""
    leads: bool = False  # ends with a colon: belongs to what follows
    item: bool = False


def split(document: Document, limit: int) -> list[Passage]:
    """Return the passages of an essay in reading order, each at most `limit` characters.

    Aims at 80 to 260 characters. Turns in which a person only asks are no passages: they stand
    in `asked` of the replies.
    """
    passages = []
    for turn in _turns(_with_questions(document)):
        for span in _packed(document.text, turn, limit):
            if not any(map(str.isalnum, span.of(document.text))):
                continue
            first = turn[0]
            passages.append(
                Passage(
                    doc_id=document.id,
                    span=span,
                    text=span.of(document.text),
                    heading=first.heading,
                    speaker=first.speaker.name,
                    asked=first.asked,
                )
            )
    return passages


def _blocks(document: Document) -> Iterator[_Block]:
    """Yield each paragraph and list item with its speaker; labels and headings are left out."""
    path: dict[int, str] = {}
    floor, floor_level, turn = document.speakers[0], 0, 0
    for found in _LINE.finditer(document.text):
        line, start = found.group(), found.start()
        heading = _HEADING.match(line)
        if heading:
            level = len(heading.group(1))
            path = {at: title for at, title in path.items() if at < level}
            path[level] = line[heading.end() :]
            turn += 1
            if level <= floor_level:
                floor, floor_level = document.speakers[0], 0
            continue
        taken = _takes_floor(document.speakers, line)
        if taken:
            floor, label = taken
            floor_level, turn = max(path, default=0), turn + 1
            start += len(label)
        body = document.text[start : found.end()]
        if body.strip():
            start += len(body) - len(body.lstrip())
            yield _Block(
                span=Span(start, found.end()),
                heading=tuple(path.values()),
                speaker=floor,
                turn=turn,
                leads=body.rstrip().endswith((":", "：")),
                item=bool(_ITEM.match(body)),
            )


def _takes_floor(speakers: Sequence[Speaker], line: str) -> tuple[Speaker, str] | None:
    """Return who begins to speak with this line, and the label that is not part of what he says."""
    for speaker in speakers:
        for label in speaker.labels:
            if line.startswith(label):
                return speaker, label
        if line.startswith(speaker.opens or ("\n",)):
            return speaker, ""
    return None


def _with_questions(document: Document) -> list[_Block]:
    """Give replies the question they reply to, and leave out the turns that ask it.

    A question holds for the section that it stands in, and for the sections inside that one.
    """
    kept: list[_Block] = []
    asked = ""
    where: tuple[str, ...] = ()
    for turn in _turns(list(_blocks(document))):
        first = turn[0]
        if first.speaker.asks:
            text = Span(first.span.start, turn[-1].span.end).of(document.text)
            if _ASKING.search(text):
                asked, where = text, first.heading
                continue
        elif first.speaker is document.speakers[0] or first.heading[: len(where)] != where:
            asked, where = "", ()
        kept += [block if block.speaker.asks else replace(block, asked=asked) for block in turn]
    return kept


def _turns(blocks: Sequence[_Block]) -> Iterator[list[_Block]]:
    """Group blocks that one speaker says in one go under one heading."""
    group: list[_Block] = []
    for block in blocks:
        if group and block.turn != group[0].turn:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _packed(text: str, turn: Sequence[_Block], limit: int) -> Iterator[Span]:
    """Join neighbouring blocks of a turn until the aim is reached; cut what is too long."""
    units = [part for unit in _units(turn) for part in _cut(text, unit, limit)]
    current: Span | None = None
    for index, unit in enumerate(units):
        joined = Span(current.start, unit.end) if current else unit
        last_and_short = index == len(units) - 1 and len(unit) < _AIM_LOW
        room = limit if last_and_short or len(current or unit) < _AIM_LOW else _AIM_HIGH
        if current and len(joined) > min(room, limit):
            yield current
            joined = unit
        current = joined
    if current:
        yield current


def _units(turn: Sequence[_Block]) -> Iterator[list[_Block]]:
    """Group what belongs together: a list with its lead-in, otherwise one paragraph."""
    unit: list[_Block] = []
    for block in turn:
        belongs = unit and (unit[-1].leads or (block.item and unit[-1].item))
        if unit and not belongs:
            yield unit
            unit = []
        unit.append(block)
    if unit:
        yield unit


def _cut(text: str, unit: Sequence[_Block], limit: int) -> Iterator[Span]:
    """Yield the unit whole if it fits, else in even parts: by item, by sentence, by force."""
    whole = Span(unit[0].span.start, unit[-1].span.end)
    if len(whole) <= limit:
        yield whole
        return
    parts = [part for block in unit for part in _parts(text, block.span, limit)]
    if len(parts) <= 1:
        yield from _forced(whole, limit)
        return
    aim = len(whole) / -(-len(whole) // limit)
    start = whole.start
    for here, following in zip(parts, [*parts[1:], None], strict=True):
        if following is None or len(Span(start, following.end)) > min(limit, aim * 1.15):
            piece = Span(start, here.end if following else whole.end)
            yield from [piece] if len(piece) <= limit else _forced(piece, limit)
            start = following.start if following else whole.end


def _parts(text: str, span: Span, limit: int) -> list[Span]:
    """Return a block that fits whole, else its sentences."""
    if len(span) <= limit:
        return [span]
    parts = [inner.shift(span.start) for inner in sentences(span.of(text))]
    # The mark of a list item is no part of its sentence, but it is of the passage.
    return [Span(span.start, parts[0].end), *parts[1:]] if parts else [span]


def _forced(span: Span, limit: int) -> Iterator[Span]:
    """Cut what has no sentence end in reach into even parts."""
    step = -(-len(span) // -(-len(span) // limit))
    yield from (Span(at, min(at + step, span.end)) for at in range(span.start, span.end, step))
