"""An essay -> its parts as a page shows them: headings, turns of a talk, lists, one marked quote.

Pure. Every text comes out as text; only the marks of headings and items are left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from rag import Document, Lang, Span, Speaker

_LINE = re.compile(r"[^\n]+")
_HEADING = re.compile(r"(#{1,3}) +")
_ITEM = re.compile(r"[-*] +")


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph or list item; `hit` is what is marked of it.

    `label` hands over the floor ("Q:"), and `asks` says that who speaks asks. `ours` is the
    project's translation, sentence by sentence: (text, whether it says what is marked).
    """

    tag: str
    before: str
    hit: str = ""
    after: str = ""
    label: str = ""
    label_ours: str = ""
    asks: bool = False
    first: bool = False  # the mark begins here
    ours: tuple[tuple[str, bool], ...] = ()

    @property
    def text(self) -> str:
        """Return the block as it reads, without its label."""
        return self.before + self.hit + self.after

    @property
    def told(self) -> str:
        """Return the translation as one text, "" where there is none."""
        return " ".join(text for text, _ in self.ours)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, None before the first one, and what stands under it."""

    heading: Block | None
    groups: tuple[tuple[str, tuple[Block, ...]], ...]  # ("ul" or "", its blocks)


def typeset(document: Document, span: Span | None, lang: Lang) -> list[Section]:
    """Return the essay in order, for readers of `lang`; `span` is marked.

    A mark that goes over several paragraphs has a piece in each, which together are the quote but
    for the line ends and list marks between them.
    """
    blocks = list(_blocks(document, span, lang))
    starts = [at for at, block in enumerate(blocks) if block.tag[0] == "h"]
    parts = [blocks[a:b] for a, b in pairwise([0, *starts, len(blocks)])]
    return [_section(part) for part in parts if part]


def _section(blocks: list[Block]) -> Section:
    heading = blocks[0] if blocks[0].tag[0] == "h" else None
    rest = blocks[1:] if heading else blocks
    runs = groupby(rest, key=lambda block: "ul" if block.tag == "li" else "")
    return Section(heading, tuple((name, tuple(run)) for name, run in runs))


def _blocks(document: Document, span: Span | None, lang: Lang) -> Iterator[Block]:
    floor, level, given = document.speakers[0] if document.speakers else None, 0, 0
    home, marked = floor, False
    ours = document.english if lang == "en" else document.chinese
    for line in _LINE.finditer(document.text):
        block, start = _lead(line)
        if block.tag[0] == "h":
            level = int(block.tag[1])
            floor = home if level <= given else floor
        elif said := _takes_floor(line[0], document.speakers):
            floor, given = said, level
        block, start = _labelled(block, start, floor, span, lang)
        block = _marked(block, start, line, span)
        block = replace(
            block,
            first=bool(block.hit) and not marked,
            asks=bool(floor and floor.asks) and block.tag[0] != "h",
            ours=tuple(_told(ours, line, span)),
        )
        marked = marked or block.first
        yield block


def _lead(line: re.Match[str]) -> tuple[Block, int]:
    """Return the line without the mark of a heading or an item, and where its words begin."""
    if heading := _HEADING.match(line[0]):
        return Block(f"h{len(heading[1])}", line[0][heading.end() :]), line.start() + heading.end()
    if item := _ITEM.match(line[0]):
        return Block("li", line[0][item.end() :]), line.start() + item.end()
    return Block("p", line[0]), line.start()


def _takes_floor(line: str, speakers: Iterable[Speaker]) -> Speaker | None:
    return next((s for s in speakers if line.startswith((*s.labels, *s.opens))), None)


def _labelled(
    block: Block, start: int, floor: Speaker | None, span: Span | None, lang: Lang
) -> tuple[Block, int]:
    """Set the label of a turn apart, unless it is part of what is marked."""
    labels = floor.labels if floor and block.tag == "p" else ()
    label = max((one for one in labels if block.before.startswith(one)), key=len, default="")
    if floor is None or not label or (span and span.overlap(Span(start, start + len(label)))):
        return block, start
    ours = floor.name_en if lang == "en" and floor.name_en not in label else ""
    rest = block.before[len(label) :]
    return replace(block, before=rest, label=label, label_ours=ours), start + len(label)


def _marked(block: Block, start: int, line: re.Match[str], span: Span | None) -> Block:
    text = block.before
    if span is None or not text or not span.overlap(Span(start, line.end())):
        return block
    a, b = max(0, span.start - start), min(len(text), span.end - start)
    return replace(block, before=text[:a], hit=text[a:b], after=text[b:])


def _told(
    ours: Mapping[int, str], line: re.Match[str], span: Span | None
) -> Iterator[tuple[str, bool]]:
    """Yield our translation of the line's sentences; one whose end is marked is marked, too."""
    for end in range(line.start() + 1, line.end() + 1):
        if text := ours.get(end):
            yield text, span is not None and span.start < end <= span.end
