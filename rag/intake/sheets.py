"""Lines as they are set on the pages of a PDF -> Blocks: paragraphs and headings of the text.

Running heads and page numbers are left out, and said so in the notes. Knows no library.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from rag.intake.blocks import Block
from rag.intake.letters import one_line
from rag.intake.lines import ITEM, joined, mark_of, words_in

_EDGE = 2  # lines at the head and at the foot of a page that may run
_MOST_RUNNING = 0.2  # a running line stands on so many of the pages at least
_FEWEST_RUNNING = 3
_NEAR = 4.0  # points
_GAP = 1.45  # times the usual distance of lines: a paragraph begins
_INDENT = 0.8  # times the size of the letters
_SHORT = 0.88  # of a column's width: the last line of a paragraph
_LARGE = 1.12  # times the size of the text: a heading
_LONGEST_HEADING = 200  # characters
_DIGITS = re.compile(r"\d+")
_DIVIDES = ("\ufffe", "\x02")  # how the library marks a word that goes on in the next line
_NUMBER = re.compile(r"(?:page|p\.|第|-|–|—|\[)?\s*#\s*(?:(?:of|/|共)\s*#)?\s*(?:页|頁|-|–|—|\])*")
_SENTENCE_END = re.compile(r"[。！？!?.…；;：:][”’\"')）」』】]*$")
_TURNED = (*range(0xFE10, 0xFE1A), *range(0xFE30, 0xFE33), *range(0xFE35, 0xFE45), 0xFE47, 0xFE48)
_UPRIGHT = "，、。：；！？〖〗…‥—–（）\uff5b\uff5d\u3014\u3015【】《》〈〉「」『』\uff3b\uff3d"
_VERTICAL = dict(zip(_TURNED, _UPRIGHT, strict=True))
_LIGATURES = dict(zip(range(0xFB00, 0xFB07), "ff fi fl ffi ffl st st".split(), strict=True))


@dataclass(frozen=True, slots=True)
class Line:
    """A line on a page; places are in points from the lower left corner."""

    text: str
    page: int
    left: float
    right: float
    base: float
    size: float
    strong: bool = False


def set_blocks(lines: Sequence[Line]) -> tuple[list[Block], tuple[str, ...]]:
    """Return the blocks of a document from its lines, in their order, and notes of what was done.

    No lines give no blocks.
    """
    upright = [replace(line, text=_ordinary(line.text)) for line in lines]
    turned = any(set(line.text) & set(map(chr, _VERTICAL)) for line in lines)
    kept, notes = _without_running(upright)
    if turned:
        notes.append("vertical punctuation was written as ordinary punctuation")
    page = _Setting(kept)
    words = words_in("\n".join(line.text for line in kept))
    blocks = [
        block for group in page.paragraphs() if (block := page.block(group, words)) is not None
    ]
    return blocks, tuple(notes)


def _ordinary(text: str) -> str:
    return text.translate(_VERTICAL).translate(_LIGATURES)


# --- what runs from page to page ---------------------------------------------------------------


def _without_running(lines: Sequence[Line]) -> tuple[list[Line], list[str]]:
    """Return the lines that do not run from page to page, and a note on each kind of the others."""
    pages = [list(group) for _, group in groupby(lines, key=lambda line: line.page)]
    edges = [line for page in pages for line in dict.fromkeys((*page[:_EDGE], *page[-_EDGE:]))]
    places = defaultdict(list)
    for line in edges:
        places[_key(line)].append(line)
    enough = max(_FEWEST_RUNNING, _MOST_RUNNING * len(pages))
    running: set[Line] = set()
    notes = []
    for key, found in places.items():
        alike = _at_one_place(found)
        on = len({line.page for line in alike})
        if on >= enough or (_NUMBER.fullmatch(key) and on > 1 and _counts_on(alike)):
            running.update(alike)
            kind = "page numbers" if _NUMBER.fullmatch(key) else f"a running line ({alike[0].text})"
            notes.append(f"left out: {kind} on {on} of {len(pages)} pages")
    return [line for line in lines if line not in running], notes


def _key(line: Line) -> str:
    return _DIGITS.sub("#", " ".join(line.text.lower().split()))


def _at_one_place(lines: Sequence[Line]) -> list[Line]:
    """Return the lines that stand at the height where most of them do."""
    heights = Counter(round(line.base / _NEAR) for line in lines)
    height, _ = heights.most_common(1)[0]
    return [line for line in lines if abs(line.base / _NEAR - height) <= 1]


def _counts_on(lines: Sequence[Line]) -> bool:
    """Say whether the numbers grow as the pages do."""
    shown = sorted((line.page, int(_DIGITS.search(line.text)[0][:9])) for line in lines)  # type: ignore[index]
    return all(b - a == later - page for (page, a), (later, b) in pairwise(shown))


# --- paragraphs --------------------------------------------------------------------------------


class _Setting:
    """How a document is set: the size of its text, its columns, the distance of its lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
        self._size = sizes.most_common(1)[0][0] if sizes else 0.0
        steps = Counter(
            round(a.base - b.base)
            for a, b in pairwise(lines)
            if a.page == b.page and a.base > b.base
        )
        self._step = steps.most_common(1)[0][0] if steps else 0
        self._levels = self._ranked(sizes)
        self._edges = self._right_edges()

    def _ranked(self, sizes: Counter[float]) -> dict[float, int]:
        """Return the level of each size that headings have: the largest are 1, at most 3 kinds."""
        large = sorted((size for size in sizes if size > _LARGE * self._size), reverse=True)
        return {size: min(level, 3) for level, size in enumerate(large, 1)}

    def _right_edges(self) -> dict[tuple[int, int], float]:
        """Return where lines end at most, for each page and place where lines begin."""
        edges: dict[tuple[int, int], float] = defaultdict(float)
        for line in self._lines:
            key = self._column(line)
            edges[key] = max(edges[key], line.right)
        return edges

    def _column(self, line: Line) -> tuple[int, int]:
        return line.page, round(line.left / 60)

    def paragraphs(self) -> Iterator[list[Line]]:
        """Yield the lines of each paragraph, in order."""
        group: list[Line] = []
        for line in self._lines:
            if group and self._begins(group, line):
                yield group
                group = []
            group.append(line)
        if group:
            yield group

    def _begins(self, group: Sequence[Line], line: Line) -> bool:
        """Say whether a line begins a paragraph after those lines."""
        last = group[-1]
        if last.text.endswith(_DIVIDES):
            return False
        if abs(line.size - last.size) > 0.08 * max(last.size, 1) or line.strong != last.strong:
            return self._is_heading(last) or self._is_heading(line) or line.base != last.base
        if ITEM.match(line.text):
            return True
        if line.page != last.page or line.base > last.base + _NEAR:  # another page or column
            return bool(_SENTENCE_END.search(last.text[-20:])) or self._is_short(last)
        if self._step and last.base - line.base > _GAP * max(self._step, last.size):
            return True
        hanging = len(group) == 1 and ITEM.match(last.text)
        if line.left > last.left + _INDENT * line.size and not hanging:
            return True
        return self._is_short(last) and not self._is_heading(last)

    def _is_short(self, line: Line) -> bool:
        page, column = self._column(line)
        edge = max(self._edges.get((page, column + near), 0.0) for near in (-1, 0, 1))
        return line.right - line.left < _SHORT * (edge - line.left)

    def _is_heading(self, line: Line) -> bool:
        return round(line.size, 1) in self._levels

    def block(self, group: Sequence[Line], words: frozenset[str]) -> Block | None:
        """Return the block of a paragraph; None where nothing in it can be seen."""
        text = one_line(joined([line.text for line in group], words).replace("\ufffe", "-"))
        if not text:
            return None
        first = group[0]
        plain = Block(text, page=first.page, strong=all(line.strong for line in group))
        if self._is_heading(first) and len(text) <= _LONGEST_HEADING:
            return replace(plain, kind="heading", level=self._levels[round(first.size, 1)])
        if not (item := ITEM.match(text)):
            return plain
        return replace(plain, text=text[item.end() :], kind="item", level=1, mark=mark_of(item))
