"""A line of a page -> what furniture it is by its words alone; "" where its words do not tell.

The words stand in furniture.toml. Knows nothing of where on the page the line stands.
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from rag.text import HAN

_WORDS = Path(__file__).with_name("furniture.toml")
_LONGEST = 200  # characters of a line that is looked at as a whole
_LONGEST_MENU = 120
_LONGEST_ENTRY = 24
_HAN = re.compile(f"[{HAN}]")
_WORD = re.compile(rf"[^\W_{HAN}]+(?:['’.-][^\W_{HAN}]+)*")
_PIECES = re.compile(rf"\s*[|·•∙,]\s*|(?<=[{HAN}\d])\s+(?=[{HAN}\d])")
_QUOTES = str.maketrans("“”„‘’「」『』", '"""\'\'""""')
_ORNAMENTS = " \t*=~_—–-·•●○◆◇■□▪►▶»\u203a«^\u2039→←↑↓▼☆★✕✖✦❤♥👍🎉🔗📌…|/\\<>+"
_ENTRY_ENDS = frozenset(" |/·•,、;:»\u203a>←→-\u2003")
_WEIGHT_OF_WORD = 2  # a Latin word says about as much as two Han characters


@dataclass(frozen=True, slots=True)
class Verdict:
    """What furniture a line is, and whether it is that wherever it stands."""

    why: str
    sure: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    why: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Lexicon:
    fold: dict[int, int]
    sure: tuple[_Kind, ...]
    likely: tuple[_Kind, ...]
    ends: tuple[_Kind, ...]
    menu: frozenset[str]
    promises: tuple[re.Pattern[str], ...]


@lru_cache(maxsize=256)  # a line is looked at for several reasons in a row
def folded(text: str) -> str:
    """Return a line as the patterns expect it: NFKC, lower case, simplified, ornaments gone.

    >>> folded("▲ 【廣告】　SPONSORED：")
    '▲ 【广告】 sponsored:'
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES)
    return " ".join(plain.translate(_lexicon().fold).split()).strip(_ORNAMENTS)


def weight(text: str) -> int:
    """Return how much a line says: a Han character counts one, a word of letters two.

    >>> weight("深度学习 is fun"), weight("")
    (8, 0)
    """
    return len(_HAN.findall(text)) + _WEIGHT_OF_WORD * len(_WORD.findall(text))


def verdict(text: str) -> Verdict | None:
    """Return what furniture a whole line is by its words; None where they do not tell."""
    line = folded(text)
    if not line or len(line) > _LONGEST:
        return None
    lexicon = _lexicon()
    for kind in lexicon.sure:
        if kind.pattern.fullmatch(line):
            return Verdict(kind.why, sure=True)
    for kind in lexicon.likely:
        if kind.pattern.fullmatch(line):
            return Verdict(kind.why, sure=False)
    if _is_menu(line):
        return Verdict("navigation", sure=False)
    return _of_pieces(_PIECES.split(line))


def _of_pieces(pieces: list[str]) -> Verdict | None:
    """Return what a line is whose pieces, between bars and dots, are all furniture."""
    if len(pieces) < 2:
        return None
    told = [verdict(piece) for piece in pieces if piece.strip(_ORNAMENTS)]
    if not told or None in told:
        return None
    found = [piece for piece in told if piece]
    return Verdict(found[0].why, sure=all(piece.sure for piece in found))


def ending(text: str) -> str:
    """Return what begins with this line once the text is over, such as "comments"; else ""."""
    line = folded(text)
    if not line or len(line) > _LONGEST:
        return ""
    return next((kind.why for kind in _lexicon().ends if kind.pattern.fullmatch(line)), "")


def promises(text: str) -> int:
    """Return how many different parts of advertising sentences a line holds."""
    line = folded(text[: 4 * _LONGEST])
    # One after the other: most begin with fixed letters, which `re` looks for ten times faster.
    return sum(1 for part in _lexicon().promises if part.search(line))


def _is_menu(line: str) -> bool:
    """Say whether a line is nothing but entries of menus, with or without blanks between them."""
    if len(line) > _LONGEST_MENU:
        return False
    menu = _lexicon().menu
    reached = [True] + [False] * len(line)
    for start, ready in enumerate(reached[:-1]):
        if not ready and not reached[start]:
            continue
        if line[start] in _ENTRY_ENDS:
            reached[start + 1] = True
        for end in range(start + 1, min(len(line), start + _LONGEST_ENTRY) + 1):
            if line[start:end] in menu and _apart(line, end):
                reached[end] = True
    return reached[-1]


def _apart(line: str, end: int) -> bool:
    """Say whether an entry may end here: not in the middle of a word of letters or a number."""
    return end == len(line) or not (
        line[end].isalnum() and line[end - 1].isalnum() and not _HAN.match(line[end - 1])
    )


@cache
def _lexicon() -> _Lexicon:
    raw = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    menu = " ".join(group.get("words", "") for group in raw["likely"]).split()
    return _Lexicon(
        fold=str.maketrans(raw["fold"]["traditional"], raw["fold"]["simplified"]),
        sure=_kinds(raw["sure"]),
        likely=_kinds(raw["likely"]),
        ends=_kinds(raw["end"]),
        menu=frozenset(entry.replace("-", " ") for entry in menu) | frozenset(menu),
        promises=tuple(re.compile(part) for part in raw["promise"]["parts"]),
    )


def _kinds(groups: list[dict[str, list[str]]]) -> tuple[_Kind, ...]:
    return tuple(
        _Kind(str(group["why"]), re.compile("|".join(f"(?:{line})" for line in group["lines"])))
        for group in groups
    )
