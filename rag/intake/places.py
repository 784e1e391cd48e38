"""Where a block stands on its page -> what furniture such a place holds; "" where it tells nothing.

Goes by the words of places.toml in the names of elements, classes, ids and roles: whole words, so
that "ad" is found in "ad-box" and "adbox" but not in "shadow". Knows nothing of the text.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_WORDS = Path(__file__).with_name("places.toml")
_SPLIT = re.compile(r"[^a-z]+")
_SHORTEST_PART = 3  # letters of a word found inside a run of letters
_LONGEST_RUN = 40
_ASIDE_NAMES = 4  # names behind an <aside> that are its own


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    kinds: dict[str, str]
    elements: dict[str, str]
    fillers: frozenset[str]
    remarks: frozenset[str]
    building: frozenset[str]


def places(place: Sequence[str]) -> list[tuple[int, str]]:
    """Return where in a place furniture begins, and of which kind, outermost first.

    The number is how much of `place` names it: `place[:n]`. A kind that begins with "!" holds
    nothing of a text, prose included. What the page's body itself is called says nothing, nor does
    the bar of tabs that a panel belongs to.

    >>> places(("html", "body", "has-sidebar", "div", "post-tags", "li"))
    [(5, 'tags')]
    """
    start = _inside_body(place)
    return [
        (at + 1, kind)
        for at, name in enumerate(place)
        if at >= start
        and (kind := _kind(name))
        and not _is_remark(place, at)
        and not (kind == "!navigation" and "tabpanel" in place[at:])
    ]


def _inside_body(place: Sequence[str]) -> int:
    """Return where the first element inside the page's body stands; 0 without a body."""
    if "body" not in place:
        return 0
    body = place.index("body") + 1
    building = _vocabulary().building | set(_vocabulary().elements)
    return next((at for at in range(body, len(place)) if place[at] in building), len(place))


def _is_remark(place: Sequence[str], at: int) -> bool:
    """Say whether an aside is the author's: a warning, a remark, the notes of a slide."""
    if place[at] != "aside":
        return False
    own = place[at + 1 : at + 1 + _ASIDE_NAMES]
    parts = {part for name in own for part in _SPLIT.split(name)}
    return bool(parts & _vocabulary().remarks)


@lru_cache(maxsize=4096)
def _kind(name: str) -> str:
    """Return the kind of furniture that one name on the page stands for; "" for none.

    >>> _kind("post-tags"), _kind("pccommentbox"), _kind("shadow"), _kind("reading")
    ('tags', '!comments', '', '')
    """
    words = _vocabulary()
    if name in words.elements:
        return words.elements[name]
    parts = [part for part in _SPLIT.split(name) if part]
    if (joined := "".join(parts)) in words.kinds:
        return words.kinds[joined]
    found = [kind for part in parts if (kind := words.kinds.get(part) or _in_run(part))]
    return min(found, key=lambda kind: not kind.startswith("!"), default="")


def _in_run(run: str) -> str:
    """Return the kind of a run of letters that is one known word and fillers: "asideprofile"."""
    kinds = _vocabulary().kinds
    for start in range(len(run)) if len(run) <= _LONGEST_RUN else ():
        for end in range(len(run), start + _SHORTEST_PART - 1, -1):
            kind = kinds.get(run[start:end], "")
            if kind and _is_filling(run[:start]) and _is_filling(run[end:]):
                return kind
    return ""


def _is_filling(run: str) -> bool:
    """Say whether a run of letters is made of fillers and known words; "" is."""
    words = _vocabulary()
    reached = [True] + [False] * len(run)
    for start in range(len(run)):
        if reached[start]:
            for end in range(start + 1, len(run) + 1):
                word = run[start:end]
                known = len(word) > _SHORTEST_PART and word in words.kinds
                reached[end] |= word in words.fillers or known
    return reached[-1]


@cache
def _vocabulary() -> _Vocabulary:
    raw = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    return _Vocabulary(
        kinds={word: kind for kind, words in raw["kinds"].items() for word in words.split()},
        elements=raw["elements"],
        fillers=frozenset(raw["names"]["fillers"].split()),
        remarks=frozenset(raw["names"]["remarks"].split()),
        building=frozenset(raw["names"]["building"].split()),
    )
