"""Lines of slides that were copied one after the other -> the same lines, their titles headings.

What tells slides is the foot of each: a line that ends in the slide's number of so many.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.intake.blocks import SLIDE
from rag.intake.lines import ITEM, Line
from rag.intake.looks import ends_sentence, key
from rag.intake.phrases import verdict, weight
from rag.intake.rulers import is_spoken, runs

_FOOT = re.compile(
    r".*?(?<![\d/])(\d{1,3})\s*页?\s*(?:/|of|\uff0f|[,，]?\s*共)\s*共?\s*(\d{1,3})\s*页?\s*",
    re.IGNORECASE,
)
_FEWEST = 4  # slides
_LONGEST = 120  # characters of a foot
_LONGEST_TITLE = 30  # weight
_SHORTEST_ECHO = 5  # letters of a line that the foot says as well
_FEWEST_ENTRIES = 2  # lines of a table of contents
_SHOWN, _BEHIND = 0.5, 0.3  # of the words are on slides, or stand behind the last
_LONGEST_CLOSE = 6  # lines of a slide that ends a talk
_THANKS = re.compile(r"(?:谢谢|感谢|致谢|thank|questions|q ?& ?a\b|the end\b)", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+\.\w|https?://|二维码|扫码", re.IGNORECASE)
_CONTENTS = re.compile(
    r"\s*(?:(?:本次|今天)?(?:目录|提纲|大纲|议程|内容)(?:提要|概要)?|(?:table of )?contents"
    r"|agenda|outline|overview|roadmap|plan)\s*",
    re.IGNORECASE,
)
_SUBTITLE = re.compile(r"\s*[\u2014\u2500]{1,2}\s*\w")


def headed(lines: Sequence[Line]) -> list[Line]:
    """Return lines with the titles of slides as headings, and tables of contents in their place."""
    found = list(lines)
    feet = _feet(lines)
    if len(feet) < _FEWEST or not all(_ends(lines, at) for at in feet):
        return found
    slides = [range(a + 1, b) for a, b in pairwise(feet)]
    contents = _contents(lines, slides)
    for slide in slides:
        for at in slide:
            found[at] = replace(lines[at], place=lines[at].place or (SLIDE,))
        title = _title(lines, [at for at in slide if at not in contents])
        if title is not None:
            found[title] = replace(found[title], level=2, alone=True)
    for at in contents:
        found[at] = replace(lines[at], place=("toc",), alone=True)
    _open(found, feet[0])
    _close(found, slides[-1], feet)
    return found


def _open(lines: list[Line], foot: int) -> None:
    """Place what the first slide says that every foot says; a line behind a dash is a subtitle,
    and the one above it the title.
    """
    running = key(lines[foot].text)
    for at in range(foot):
        own = key(lines[at].text)
        if len(own) >= _SHORTEST_ECHO and own in running:
            lines[at] = replace(lines[at], place=("footer",), alone=True)
        elif at and lines[at - 1].text.strip() and _SUBTITLE.match(lines[at].text):
            lines[at - 1] = replace(lines[at - 1], level=1, alone=True)
            lines[at] = replace(lines[at], level=3, alone=True)


def _close(lines: list[Line], slide: range, feet: Sequence[int]) -> None:
    """Place a last slide of thanks and addresses, and the little that stands behind the slides."""
    said = [lines[at].text.strip() for at in slide if lines[at].text.strip()]
    thanks = len(said) <= _LONGEST_CLOSE and _THANKS.match(said[0] if said else "")
    if thanks and any(map(_ADDRESS.search, said)):
        _place(lines, slide)
    behind = range(feet[-1] + 1, len(lines))
    whole = sum(weight(line.text) for line in lines)
    shown = sum(weight(lines[at].text) for at in range(feet[0], feet[-1]))
    spoken = any(is_spoken(lines[at].text) for at in behind)
    rest = sum(weight(lines[at].text) for at in behind)
    if shown >= _SHOWN * whole and rest <= _BEHIND * whole and not spoken:
        _place(lines, behind)


def _place(lines: list[Line], ats: Iterable[int]) -> None:
    for at in ats:
        lines[at] = replace(lines[at], place=("footer",), level=0, alone=True)


def _ends(lines: Sequence[Line], foot: int) -> bool:
    """Say whether a line stands below what it numbers; above it, it would be a heading."""
    below = lines[foot + 1].text.strip() if foot + 1 < len(lines) else ""
    return not below and bool(foot and lines[foot - 1].text.strip())


def _feet(lines: Sequence[Line]) -> list[int]:
    """Return the lines that number slides: of one number, ever later, and alike before it."""
    told = {
        at: (found.group(2), int(found.group(1)), key(line.text[: found.start(1)]))
        for at, line in enumerate(lines)
        if len(line.text) <= _LONGEST and (found := _FOOT.fullmatch(line.text))
    }
    kinds = Counter((total, letters) for total, _, letters in told.values())
    kind = kinds.most_common(1)[0][0] if kinds else None
    feet: list[int] = []
    last = 0
    for at, (total, number, letters) in told.items():
        if (total, letters) == kind and last < number <= int(total):
            feet.append(at)
            last = number
    return feet


def _title(lines: Sequence[Line], slide: Sequence[int]) -> int | None:
    """Return the first line of a slide that has more of them, if it can be a title."""
    said = [at for at in slide if lines[at].text.strip()]
    if len(said) < 2 or lines[said[0]].alone:
        return None
    text = lines[said[0]].text.strip()
    statement = ends_sentence(text) and not text.endswith(tuple("?？!！）)"))
    if statement or weight(text) > _LONGEST_TITLE or ITEM.match(text) or verdict(text):
        return None
    return said[0]


def _contents(lines: Sequence[Line], slides: Sequence[range]) -> frozenset[int]:
    """Return the lines that several slides have alike, an arrow apart: where the talk has got."""
    parts = [
        range(slide.start + start, slide.start + end)
        for slide in slides
        for start, end in runs(lines[slide.start : slide.stop])
    ]
    parts = [part for part in parts if _CONTENTS.fullmatch(lines[part.start].text)]
    words = [tuple(key(lines[at].text) for at in part) for part in parts]
    times = Counter(said for said in words if len(said) > _FEWEST_ENTRIES)
    shown = [part for part, said in zip(parts, words, strict=True) if times[said] > 1]
    return frozenset(at for part in shown for at in part)
