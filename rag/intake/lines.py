"""Lines of plain text -> paragraphs: which lines were broken to fit a width, and how they join.

A width is a number of columns, of which a Chinese character takes two.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from rag.intake.letters import WIDE

ITEM = re.compile(
    r"(?P<bullet>[•∙●▪◦‣○■□]\s*|[-*+]\s+)(?=\S)"
    r"|(?P<number>\d{1,3})(?:[.\uff0e)）]\s+|、\s*)(?=\S)"
    r"|[(（](?P<inner>\d{1,3})[)）]\s*(?=\S)"
)
_NARROWEST, _WIDEST = 30, 200  # of a text that was wrapped
_FULL, _FEWEST = 0.6, 3  # share and number of lines that end for want of room
_AT_END = 0.6  # of these may also end a sentence
_ENOUGH = 5000  # pairs of lines that are looked at
_SLACK = 3  # columns that stay free before a mark that may not begin a line
_WIDE_RUN = re.compile(rf"[{WIDE}]+")
_TOKEN = re.compile(rf"[{WIDE}]|[^\s{WIDE}]+")
_SENTENCE_END = re.compile(r"[。！？!?.…；;：:][”’\"')）」』】]*$")
_HYPHENATED = re.compile(r"([^\W\d_]+)([-\u2010\ufffe\x02])$")
_WORD_AHEAD = re.compile(r"[^\W\d_]+")
_WIDE_END, _WIDE_START = re.compile(rf"[{WIDE}]$"), re.compile(rf"^[{WIDE}]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was copied, and what those around it tell of it.

    `place` names what encloses it, as in `Block`. A line with a `level` is a heading. One that
    stands `alone` is joined to no other.
    """

    text: str
    place: tuple[str, ...] = ()
    level: int = 0
    alone: bool = False


def mark_of(item: re.Match[str]) -> str:
    """Return the mark of an item that `ITEM` found, as a block has it: "-" or a number, "3."."""
    number = item.group("number") or item.group("inner")
    return f"{int(number)}." if number else "-"


def columns(text: str) -> int:
    """Return how many columns a line takes.

    >>> columns("深度 a")
    6
    """
    return len(text) if text.isascii() else len(text) + sum(map(len, _WIDE_RUN.findall(text)))


def wrapped_at(paragraphs: Iterable[Sequence[str]]) -> int:
    """Return the width at which a text was wrapped; 0 where its lines are as its author set them.

    `paragraphs` are runs of lines without an empty one between. A text is wrapped if most lines
    that another follows have no room for its first word, and do not all end sentences.
    """
    pairs = list(islice((pair for lines in paragraphs for pair in pairwise(lines)), _ENOUGH))
    widths = sorted(columns(line.rstrip()) for line, _ in pairs)
    if not widths:
        return 0
    width = widths[int(0.9 * (len(widths) - 1))]
    full = [line for line, after in pairs if is_full(line, after, width)]
    if not _NARROWEST <= width <= _WIDEST or len(full) < max(_FEWEST, _FULL * len(pairs)):
        return 0
    ended = sum(bool(_SENTENCE_END.search(line.rstrip()[-20:])) for line in full)
    return width if ended <= _AT_END * len(full) else 0


def is_full(line: str, after: str, width: int) -> bool:
    """Say whether the first word of the line after would not have fitted on a line."""
    first = _TOKEN.search(after)
    if not first:
        return False
    wide = bool(_WIDE_END.search(line.rstrip()[-1:]))
    needed = columns(first.group()) + (_SLACK if wide else 1)
    return columns(line.rstrip()) + needed > width


def joined(lines: Sequence[str], words: frozenset[str] = frozenset()) -> str:
    """Return lines as one: Chinese without a blank between, other writing with one.

    A word that a hyphen divides over two lines is made whole only if `words`, those of the text in
    lower case, has it whole; else its hyphen stays. Pass lines without blanks around them.

    >>> joined(["a self-", "made ex-", "ample"], frozenset({"example"}))
    'a self-made example'
    """
    parts = list(lines)
    for at, (line, after) in enumerate(pairwise(lines)):
        parts[at] = _before(line, after, words)
    return "".join(parts)


def _before(line: str, after: str, words: frozenset[str]) -> str:
    """Return a line with what stands between it and the line after."""
    divided, ahead = _HYPHENATED.search(line[-80:]), _WORD_AHEAD.match(after)
    if divided and ahead and (ahead.group()[0].islower() or divided.group(2) not in "-\u2010"):
        whole = divided.group(1) + ahead.group()
        return line[:-1] + "-" * (whole.lower() not in words)
    if _WIDE_END.search(line[-1:]) and _WIDE_START.search(after):
        return line
    return f"{line} "


def words_in(text: str) -> frozenset[str]:
    """Return the words of letters in a text, in lower case."""
    return frozenset(map(str.lower, _WORD_AHEAD.findall(text)))
