"""A tree of HTML elements -> Blocks in the page's order: what a person sees, and where it stands.

Nothing is judged here: furniture is text, too. Every character that is seen is in one block, once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lxml import etree  # type: ignore[import-untyped]

from rag.intake.blocks import Block, BlockKind
from rag.intake.letters import code_lines, one_line
from rag.intake.tables import is_data
from rag.intake.unseen import Element, Sight, local

_BLOCKS = frozenset(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html label "
    "legend li listing main menu nav ol p plaintext pre search section summary table tbody td "
    "tfoot th thead tr ul xmp".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_CODE = frozenset({"pre", "listing", "xmp", "plaintext"})
# Within a heading these are no part of it: an end tag was forgotten, or it is a card of links.
_NO_HEADING = frozenset("p ul ol dl table section article main nav label".split())
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,9}")
_MOST_NAMES = 200  # of a place: what lies deeper tells nothing more
_MOST_CLASSES = 12


def blocks(root: Element) -> Iterator[Block]:
    """Yield the blocks under an lxml element; nothing where there is nothing to see."""
    return _Walk(root).blocks()


@dataclass(slots=True)
class _List:
    """A list that is open: how deep it is, and the number of its next item; 0 without numbers."""

    depth: int
    number: int = 0


@dataclass(slots=True)
class _Item:
    """An item of a list; what follows its first block is a paragraph."""

    depth: int
    mark: str
    begun: bool = False


@dataclass(frozen=True, slots=True)
class _Open:
    """An element that is open, and what it makes of the text in it."""

    above: "_Open | None" = None
    depth: int = 0
    place: tuple[str, ...] = ()
    kind: BlockKind = "paragraph"
    level: int = 0  # of a heading
    linked: bool = False
    strong: bool = False
    list: _List | None = None
    item: _Item | None = None
    data: bool = False  # in a table of data


@dataclass(slots=True)
class _Line:
    """The text of a block as it gathers."""

    owner: _Open | None = None
    low: int = 0  # the outermost element that was reached since the last text
    pieces: list[str] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)  # where each begins in the pieces
    seen: int = 0
    linked: int = 0
    strong: int = 0

    def add(self, text: str, within: _Open) -> None:
        """Add text that stands in an element."""
        self.pieces.append(text)
        size = sum(map(len, text.split()))
        if not size:
            return
        if self.owner is None:
            self.owner = within
        while self.owner.above and self.owner.depth > self.low and self.seen:
            self.owner = self.owner.above
        self.low = within.depth
        self.seen += size
        self.linked += size * within.linked
        self.strong += size * within.strong

    def text(self) -> str:
        """Return the text of the block."""
        if self.owner and self.owner.kind == "code":
            return code_lines("".join(self.pieces))
        if len(self.cells) < 2:
            return one_line("".join(self.pieces))
        ends = [*self.cells[1:], len(self.pieces)]
        starts = [0, *self.cells[1:]]
        cells = [one_line("".join(self.pieces[a:b])) for a, b in zip(starts, ends, strict=True)]
        return " | ".join(cells) if sum(map(bool, cells)) > 1 else "".join(cells)


class _Walk:
    """One walk through a tree."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._sight = Sight(root)
        self._now = _Open()
        self._line = _Line()

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in order."""
        walk = etree.iterwalk(self._root, events=("start", "end"))
        for event, element in walk:
            tag = local(element)
            spoken = element.get("alttext") or "" if tag == "math" else ""
            if event == "end":
                yield from self._leave(tag, element)
            elif not tag or spoken or self._sight.hides(element, tag):
                self._line.add(spoken, self._now)
                walk.skip_subtree()
                self._now = replace(self._now, above=self._now)  # for its end to close
            else:
                yield from self._enter(tag, element)
        yield from self._finished()

    def _enter(self, tag: str, element: Element) -> Iterator[Block]:
        above = self._now
        if tag in _BLOCKS or tag == "br":
            yield from self._broken(above, tag)
        self._now = _opened(tag, element, above)
        if tag in {"td", "th"} and above.kind == "row":
            self._line.cells.append(len(self._line.pieces))
        if element.text:
            self._line.add(element.text, self._now)

    def _leave(self, tag: str, element: Element) -> Iterator[Block]:
        above = self._now.above or self._now
        if tag in _BLOCKS and above.depth < self._now.depth:
            yield from self._broken(above, tag)
        self._now = above
        self._line.low = min(self._line.low, above.depth)
        if element.tail and element is not self._root:
            self._line.add(element.tail, above)

    def _broken(self, within: _Open, tag: str) -> Iterator[Block]:
        """End the line, or in code and cells, which hold several, the part of it."""
        if within.kind == "code" and tag != "button":
            if tag == "br" or not "".join(self._line.pieces[-1:]).endswith("\n"):
                self._line.pieces.append("\n")
        elif within.kind == "row" or (tag == "br" and within.kind == "heading"):
            self._line.pieces.append(" ")
        else:
            yield from self._finished()

    def _finished(self) -> Iterator[Block]:
        line, self._line = self._line, _Line()
        owner = line.owner
        if owner is None or not (text := line.text()):
            return
        block = Block(
            text=text,
            kind=owner.kind,
            level=owner.level,
            place=owner.place,
            linked=line.linked / line.seen,
            strong=line.strong == line.seen,
        )
        yield _as_item(block, owner.item) if owner.kind == "item" and owner.item else block


def _as_item(block: Block, item: _Item) -> Block:
    if item.begun:
        return replace(block, kind="paragraph")
    item.begun = True
    return replace(block, level=item.depth, mark=item.mark)


def _opened(tag: str, element: Element, above: _Open) -> _Open:
    """Return what an element makes of the text in it, where another is around it."""
    style = element.get("style")
    made = replace(
        above,
        above=above,
        depth=above.depth + 1,
        place=_place(above.place, tag, element),
        linked=above.linked or _is_link(tag, element),
        strong=above.strong or tag in {"b", "strong"} or bool(style and _BOLD.search(style)),
    )
    if tag == "button" and above.kind in {"code", "heading"}:
        return replace(made, kind="paragraph", level=0)
    return made if above.kind == "code" or tag not in _BLOCKS else _of_kind(tag, element, made)


def _of_kind(tag: str, element: Element, made: _Open) -> _Open:
    if tag in _HEADINGS:
        return replace(made, kind="heading", level=_HEADINGS[tag])
    if tag in _CODE:
        return replace(made, kind="code", level=0)
    if tag == "blockquote":
        return replace(made, kind="quote", level=0)
    if tag == "li":
        return replace(made, kind="item", level=0, item=_item(element, made.list))
    if tag == "tr" and made.data:
        return replace(made, kind="row", level=0)
    if tag in _NO_HEADING and made.kind == "heading":
        made = replace(made, kind="paragraph", level=0)
    if tag == "table":
        return replace(made, data=is_data(element))
    if tag in _LISTS:
        depth = made.list.depth + 1 if made.list else 1
        return replace(made, list=_List(depth, _number(element.get("start"), 1) * (tag == "ol")))
    return made


def _item(element: Element, around: _List | None) -> _Item:
    if around is None or not around.number:
        return _Item(around.depth if around else 1, "-")
    number = _number(element.get("value"), around.number)
    around.number = number + 1
    return _Item(around.depth, f"{number}.")


def _number(text: str | None, other: int) -> int:
    found = _NUMBER.fullmatch(text.strip()) if text else None
    return int(found.group()) if found else other


def _is_link(tag: str, element: Element) -> bool:
    """A named place on the page is written like a link, and is none."""
    names = element.attrib
    return tag == "a" and ("href" in names or not ("name" in names or "id" in names))


def _place(above: tuple[str, ...], tag: str, element: Element) -> tuple[str, ...]:
    if tag == "html" or len(above) >= _MOST_NAMES:
        return above
    classes = (element.get("class") or "").lower().split()[:_MOST_CLASSES]
    others = f"{element.get('id') or ''} {element.get('role') or ''}".lower().split()
    return (*above, tag, *classes, *others)
