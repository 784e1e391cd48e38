"""Lines of plain text -> the same lines, with what is drawn between and around them understood.

A ruler below a title makes it a heading, two rulers or a frame make a box, and a ruler may stand
above a signature. A box is furniture only where its own words say so: authors draw boxes as well.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from unicodedata import numeric

from rag.intake.lines import Line, columns
from rag.intake.looks import ends_sentence
from rag.intake.phrases import promises, verdict, weight

_DRAWN = (
    "-=_*~#+.\u00b7\u2022\u2014\u2013\u2500-\u257f\u25c6\u25c7\u25cf\u25cb\u25a0\u25a1\u2605\u2606"
)
_RULER = re.compile(
    rf"\s*([{_DRAWN}])\s*(?:\1\s*){{2,}}|\s*[+|\u2500-\u257f][-=+\u2500-\u257f]{{3,}}"
)
_LEVELS = {"=": 1, "-": 2, "~": 3, "\u2550": 1, "\u2500": 2, "\u2501": 2}
_FRAMED = re.compile(
    r"\s*[|\u2502\u2503\u2551]\s?([^|\u2502\u2503\u2551]*)[|\u2502\u2503\u2551]\s*"
)
_MARKED = re.compile(r"(\s*)(?:([\u2013\u00b7])\s+|([\u2460-\u2473])\s*)(?=\S)")
_LONGEST_TITLE = 40  # weight
_SLACK = 0.35  # of a title's columns by which its ruler may be longer or shorter
_WIDE_RULER = 5  # signs of a ruler that can be the edge of a box
_LABELLED = re.compile(rf"\s*([{_DRAWN}])\1{{2,}}\s*([^\W\d_][^{_DRAWN}]{{0,40}}?)\s*\1{{3,}}\s*")
_LONGEST_LABELLED = 160  # characters
_LONGEST_BOX = 16  # lines
_MOST = 200  # weight of a box
_BOXED = frozenset({"advertisement", "follow us", "share bar", "log-in", "sign-up"})
_PROMISED = 2
_SPOKEN = 12  # weight of a sentence
_VOTES = re.compile(r"\bvotes?\b|\bpoll\b|投票", re.IGNORECASE)
_OPTION = re.compile(r"(?:[\[(]\s[\])]|[☐○◯])\s*\S")
_OPTIONS = 2
_SIGNED = re.compile(r"\s*_{5,}\s*")
_LONGEST_SIGNATURE = 4  # lines
_MAIL_HEAD = re.compile(
    r"(?:from|to|date|sent|subject|reply-to|发件人|收件人|主题|日期)\s?[:：]", re.IGNORECASE
)
_HEADS = 3  # lines of a mail's head
_FOOT = 0.4  # of the words of a mail may stand below the line above the signature
_PICTURE = re.compile(
    r"[\[【(（](?:图片|图|插图|配图|image|picture|photo)\s?[:：][^\]】]{1,80}[\]】)）]",
    re.IGNORECASE,
)


def is_ruler(text: str) -> bool:
    """Say whether a line is drawn, as "-----", "* * *" or the edge of a frame.

    >>> is_ruler("- - -"), is_ruler("+----+"), is_ruler("--"), is_ruler("a---")
    (True, True, False, False)
    """
    return bool(_RULER.fullmatch(text)) and text.strip()[:3] not in {"...", "###"}


def is_spoken(text: str) -> bool:
    """Say whether a line is a sentence of some length, as somebody's text is made of."""
    return weight(text) >= _SPOKEN and ends_sentence(text.strip())


def ruled(lines: Sequence[Line]) -> list[Line]:
    """Return lines with rulers standing alone, titles above them as headings, and boxes placed."""
    found = [_ruler(line) for line in lines]
    _head(found)
    _box(found)
    _poll(found)
    _sign(found)
    _foot(found)
    _list(found)
    return found


def _ruler(line: Line) -> Line:
    if is_ruler(line.text):
        return replace(line, alone=True)
    if _PICTURE.fullmatch(line.text.strip()):
        return replace(line, alone=True, place=("caption",))
    return line


def _list(lines: list[Line]) -> None:
    """Give the marks of lists that are no marks elsewhere an ordinary one: two lines tell.

    A dash or a circled number may begin a line because a sentence was broken there.
    """
    for start, end in runs(lines):
        marked = [(at, mark) for at in range(start, end) if (mark := _MARKED.match(lines[at].text))]
        kinds = Counter(mark.group(2) or "" for _, mark in marked)
        for at, mark in marked:
            if kinds[mark.group(2) or ""] > 1:
                sign = f"{int(numeric(mark.group(3)))}. " if mark.group(3) else "\u2022 "
                text = mark.group(1) + sign + lines[at].text[mark.end() :]
                lines[at] = replace(lines[at], text=text)


def _head(lines: list[Line]) -> None:
    """Make headings of single lines with a ruler of their own length right below."""
    for at, line in enumerate(lines[1:], 1):
        title = lines[at - 1]
        text, sign = title.text.strip(), line.text.strip()[:1]
        alone = at < 2 or not lines[at - 2].text.strip() or lines[at - 2].alone
        if not (line.alone and sign in _LEVELS and alone and text) or title.alone:
            continue
        if " " in line.text.strip():
            continue
        wide = columns(text)
        near = abs(columns(line.text.strip()) - wide) <= max(3, _SLACK * wide)
        if near and weight(text) <= _LONGEST_TITLE and not text.endswith(tuple("。.,，;；:：")):
            lines[at - 1] = replace(title, alone=True, level=_LEVELS[sign])


def _box(lines: list[Line]) -> None:
    """Give the lines between two rulers of a kind, and in a frame, the place of what they are."""
    edges = [at for at, line in enumerate(lines) if _is_edge(line.text)]
    at = 0
    while at < len(edges) - 1:
        top, bottom = edges[at], edges[at + 1]
        inside = [_unframed(line) for line in lines[top + 1 : bottom]]
        alike = lines[top].text.strip()[1:2] == lines[bottom].text.strip()[1:2]
        said = [_label(lines[top].text), *(line.text for line in inside)]
        if alike and len(inside) <= _LONGEST_BOX and _is_offer(said):
            place = (f"box-{top}", "advertisement")
            lines[top + 1 : bottom] = [replace(line, place=place) for line in inside]
            at += 1
        at += 1


def _is_edge(text: str) -> bool:
    """Say whether a line is the edge of a box: a wide ruler, or one with a word in its middle."""
    whole = is_ruler(text) and len(text.strip()) >= _WIDE_RULER and " " not in text.strip()
    return whole or bool(_label(text))


def _label(text: str) -> str:
    """Return the word in the middle of a ruler, as in "---- advertisement ----"; else ""."""
    found = _LABELLED.fullmatch(text) if len(text) <= _LONGEST_LABELLED else None
    return found.group(2) if found else ""


def _unframed(line: Line) -> Line:
    """Return a line of a frame without the frame."""
    framed = _FRAMED.fullmatch(line.text)
    return replace(line, text=framed.group(1).strip()) if framed else line


def _is_offer(texts: Sequence[str]) -> bool:
    """Say whether a box offers something: its first line says so, or what it promises."""
    said = [text.strip() for text in texts if text.strip()]
    whole = " ".join(said)
    if not said or weight(whole) > _MOST:
        return False
    told = verdict(said[0])
    named = bool(told and told.sure and told.why in _BOXED)
    return named or promises(whole) >= _PROMISED


def _poll(lines: list[Line]) -> None:
    """Place what is voted on: boxes to tick, and a word of votes in the same lines."""
    for start, end in runs(lines):
        text = " ".join(line.text for line in lines[start:end][: _LONGEST_BOX + 1])
        if weight(text) > _MOST or not _VOTES.search(text):
            continue
        if len(_OPTION.findall(text)) >= _OPTIONS:
            lines[start:end] = [replace(line, place=("poll",)) for line in lines[start:end]]


def _sign(lines: list[Line]) -> None:
    """Place the few lines that stand below a line for a signature, right above furniture."""
    for at, line in enumerate(lines):
        if not _SIGNED.fullmatch(line.text):
            continue
        below = lines[at + 1 : at + 2 + _LONGEST_SIGNATURE]
        own = list(takewhile(lambda one: one.text.strip() and not verdict(one.text), below))
        behind = below[len(own)].text if len(own) < len(below) else ""
        if own and behind.strip():
            lines[at + 1 : at + 1 + len(own)] = [replace(o, place=("signature",)) for o in own]


def _foot(lines: list[Line]) -> None:
    """Place what a mail has below "-- ", the line that stands above its sender's signature."""
    first = next(iter(runs(lines)), (0, 0))
    heads = sum(bool(_MAIL_HEAD.match(line.text)) for line in lines[slice(*first)])
    at = max((at for at, line in enumerate(lines) if line.text == "-- "), default=None)
    if at is None or heads < _HEADS:
        return
    below = sum(weight(line.text) for line in lines[at:])
    if below <= _FOOT * sum(weight(line.text) for line in lines):
        lines[at + 1 :] = [replace(line, place=("signature",)) for line in lines[at + 1 :]]


def runs(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Return where lines without an empty one between begin and end."""
    found: list[tuple[int, int]] = []
    for at, line in enumerate(lines):
        if not line.text.strip():
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found
