"""Lines of a page that was copied whole -> the same lines, with what stands around people placed.

In a thread that is what a forum writes below each post and above the next: buttons, ratings, the
next poster's rank and the date. Of that only the name stays.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.intake.lines import Line
from rag.intake.looks import ends_sentence
from rag.intake.phrases import Verdict, verdict, weight
from rag.intake.rulers import is_spoken

_POSTED = re.compile(
    r"(?:发表于|发布于|posted(?: on| at|:)?|楼主)\D{0,12}(?:\d{4}|\d{1,2}[-/. ]|[A-Z][a-z]{2})"
    r"|.{0,60}(?<!\d)\d{1,2}:\d{2}(?!\d)|.{1,40}\bago\b|.{0,30}\d ?(?:分钟|小时|天|周|个?月|年)前",
    re.IGNORECASE,
)
_FEWEST = 3  # posts
_MOST = 20_000  # lines of a page whose every line is looked at
_FOOT = frozenset({"comments", "counts", "share bar"})
_DATED = frozenset({"comments", "by-line"})
_QUOTE = re.compile(r"(?:引用|quote)\s?[:：]?", re.IGNORECASE)
_FOLLOWED = re.compile(
    r"[\d.,]+ ?[kmw万千]?\+? ?(?:subscribers?|followers?|粉丝|位?订阅者|位?关注者)", re.IGNORECASE
)
_SIGNED = re.compile(r"\s*_{5,}\s*")
_LONGEST_NAME = 40  # weight of a name or a title
_CUT_OFF = re.compile(r".{40,}(?:\.\.\.|…)\s*(?:more|show more|展开|更多|全文)", re.IGNORECASE)


def peopled(lines: Sequence[Line]) -> list[Line]:
    """Return lines with what stands between posts and around a channel's name in its place."""
    found = list(lines)
    filled = [at for at, line in enumerate(lines) if line.text.strip()]
    times = Counter(line.text.strip() for line in lines)
    for above, name, at in zip(filled, filled[1:], filled[2:], strict=False):
        text, title = lines[name].text.strip(), lines[above].text.strip()
        named = _is_name(text) and times[text] > 1
        if not named or not _FOLLOWED.fullmatch(lines[at].text.strip()):
            continue
        found[name] = replace(found[name], place=("profile",), alone=True)
        if _is_name(title) and not verdict(title):  # as below a film
            found[above] = replace(found[above], level=1, alone=True)
    for at in filled:
        if _CUT_OFF.fullmatch(lines[at].text.strip()):
            found[at] = replace(found[at], place=("teaser",), alone=True)
    _part(found, filled)
    return found


def _is_name(text: str) -> bool:
    return weight(text) <= _LONGEST_NAME and not ends_sentence(text)


def _part(lines: list[Line], filled: Sequence[int]) -> None:
    """Place what stands between the posts of a thread."""
    dated = {at for at in filled if _POSTED.match(lines[at].text.strip())}
    if len(dated) < _FEWEST or len(filled) > _MOST:
        return
    told = {at: verdict(lines[at].text.strip()) for at in filled}
    posted = {at for at in dated if (found := told[at]) and found.why in _DATED}
    if len(posted) < _FEWEST:
        return
    spoken = [n for n, at in enumerate(filled) if not told[at] and is_spoken(lines[at].text)]
    for before, after in pairwise(spoken):
        gap = filled[before + 1 : after]
        quotes = [at for at in gap if _is_quote(lines, at)]
        _empty(lines, gap, [at for at in gap if at in posted and at not in quotes], told)
        for at in quotes:
            _place(lines, range(at - 1, at + 1))


def _is_quote(lines: Sequence[Line], at: int) -> bool:
    """Say whether a line tells whom a quotation is of, below the word that announces one."""
    above = lines[at - 1].text.strip()
    return bool(_QUOTE.fullmatch(above) and _POSTED.match(lines[at].text.strip()))


def _empty(
    lines: list[Line], gap: Sequence[int], dates: Sequence[int], told: dict[int, Verdict | None]
) -> None:
    """Place what is below the foot of one post and above the date of the next, its name apart.

    Without a foot nothing tells a forum from a diary.
    """
    foot = next((at for at in gap if _is_foot(lines[at], told[at])), None)
    if foot is None or not dates or foot > dates[-1]:
        return
    name = _name(lines, dates[-1], foot)
    _place(lines, (at for at in gap if foot <= at <= dates[-1] and at != name))


def _place(lines: list[Line], ats: Iterable[int]) -> None:
    for at in ats:
        if not lines[at].place:
            lines[at] = replace(lines[at], place=("postinfo",), alone=True)


def _is_foot(line: Line, told: Verdict | None) -> bool:
    return bool(told and told.sure and told.why in _FOOT) or bool(_SIGNED.fullmatch(line.text))


def _name(lines: Sequence[Line], date: int, foot: int) -> int | None:
    """Return the line that names who posted: the first of those that stand together with the date,
    or in the lines above it.
    """
    start = _opening(lines, date, foot)
    if start == date:
        above = next((at for at in range(date - 1, foot, -1) if lines[at].text.strip()), foot)
        start = _opening(lines, above, foot)
    return start if start > foot and not verdict(lines[start].text.strip()) else None


def _is_button(text: str) -> bool:
    told = verdict(text.strip())
    return bool(told and told.why in {"comments", "share bar", "button"})


def _opening(lines: Sequence[Line], at: int, foot: int) -> int:
    """Return the first of the lines that stand together with one, below the foot."""
    while at - 1 > foot and lines[at - 1].text.strip() and not _is_button(lines[at - 1].text):
        at -= 1
    return at
