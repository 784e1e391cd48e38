"""A quote and a text -> where it stands, letter for letter or after normalising.

Two texts have one normal form when they differ only in case, width, composition, white space,
characters that cannot be seen, and the shape of quote marks, dashes, commas and full stops. The
map back keeps the text's own characters: what is shown is never the normal form.
"""

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Literal

from rag.text import HAN, language
from rag.types import Span

Grade = Literal["exact", "equal", "elsewhere", "nowhere"]


def grade(quote: str, cited: str, others: Iterable[str]) -> Grade:
    """Say whether a quote stands in the text it is said to come from.

    "exact" and "equal" (after normalising) are proofs; "elsewhere" is only in one of `others`.
    """
    found = locate(quote, cited)
    if found:
        return "exact" if found[1] else "equal"
    return "elsewhere" if any(locate(quote, other) for other in others) else "nowhere"


def locate(quote: str, text: str) -> tuple[Span, bool] | None:
    """Return the first place where a quote stands in a text, and whether letter for letter.

    A letter-for-letter place goes before an equal one. None for a quote without letter or digit,
    for one whose only places begin or end inside a word or number ("art" in "part", "can" in
    "can't", "30" in "300"), and for a splice: an ellipsis counts as any other character. Blanks
    may differ only beside punctuation and Han, or as runs: "apart" is not "a part", "3,500" is not
    "3, 500". There is one exception: in a Chinese quote, a blank inside a word or number of the
    text is a slip of typesetting, and forgiven; two words of the text are never joined.
    """
    mine, its = normalised(quote), normalised(text)
    if not any(map(str.isalnum, mine.form)):
        return None
    exact = (Span(at, at + len(quote)) for at in _places(quote, text))
    equal = (
        its.span(at, at + len(mine.form))
        for at in _places(mine.form, its.form)
        if _blanks_agree(quote, mine, its.blanks_within(at, at + len(mine.form)))
    )
    if span := next((span for span in exact if its.keeps_words(span)), None):
        return span, True
    span = next((span for span in equal if span and its.keeps_words(span)), None)
    return (span, False) if span else None


def _places(part: str, whole: str) -> Iterator[int]:
    at = whole.find(part)
    while at >= 0:
        yield at
        at = whole.find(part, at + 1)


def _blanks_agree(quote: str, mine: "Normal", its: tuple[int, ...]) -> bool:
    return mine.blanks == its or (set(its) < set(mine.blanks) and language(quote) == "zh")


# --- the normal form ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """The normal form of a text, and the way back.

    Each character of `form` is made from a cluster of the text (a character with its accents) that
    `starts` and `ends` at these offsets; several come from one ligature. `blanks` are the places
    in `form`, in order, where a blank that tells two words or numbers apart was taken out;
    `cuts[offset]` is 1 where an offset in the text is inside a word or a cluster.
    """

    form: str
    starts: Sequence[int]
    ends: Sequence[int]
    blanks: tuple[int, ...]
    cuts: bytes

    def span(self, start: int, end: int) -> Span | None:
        """Return what `form[start:end]` is in the text; None when it holds half a cluster."""
        if any(self._halves(at) for at in (start, end)):
            return None
        return Span(self.starts[start], self.ends[end - 1])

    def _halves(self, at: int) -> bool:
        return 0 < at < len(self.form) and self.starts[at - 1] == self.starts[at]

    def blanks_within(self, start: int, end: int) -> tuple[int, ...]:
        """Return the blanks inside `form[start:end]`, counted from `start`."""
        low, high = bisect_right(self.blanks, start), bisect_left(self.blanks, end)
        return tuple(blank - start for blank in self.blanks[low:high])

    def keeps_words(self, span: Span) -> bool:
        """Say whether a span of the text begins and ends outside of words."""
        return not (self.cuts[span.start] or self.cuts[span.end])


# Before NFKC, which would take some of these apart, and after it, which makes others.
_EARLY = str.maketrans(
    dict.fromkeys("“”„‟«»「」『』\uff02", '"')
    | dict.fromkeys("\u2018\u2019\u201a\u201b`\u00b4", "'")
    | dict.fromkeys("\u2010\u2011", "-")
    | {"，": "、", "\u03c2": "\u03c3"}  # a full-width comma is never part of a number
    # "10²" is not "102".
    | {raised: f"^{digit}" for digit, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
)
# After the words are known: a dash parts words, a hyphen joins them. One character for one.
_LATE = str.maketrans("\u2012\u2013\u2014\u2015\u2212。、", "-----.,")

_UNSPACED = f"{HAN}\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # scripts without blanks
_LETTER = rf"(?:[^\W_{_UNSPACED}]|[\u0300-\u036f\u20d0-\u20ff])"
_THOUSANDS = r"\d{3}(?!\d)"
_WORD = re.compile(
    rf"{_LETTER}+(?:(?:['-]|(?<=\d)[.:/^](?=\d)|(?<=\d),(?={_THOUSANDS})){_LETTER}+)*"
)
_TELLING = re.compile(
    rf"(?<={_LETTER}) (?={_LETTER})|(?<=\d,) (?={_THOUSANDS})|(?<=\d) (?=,{_THOUSANDS})"
    r"|(?<=\d\.) (?=\d)|(?<=\d) (?=\.\d)"
)


@lru_cache(maxsize=512)
def normalised(text: str) -> Normal:
    """Return the normal form of a text; the last few hundred are kept.

    NFKC but for raised digits ("10²" is "10^2"), lower case, one form each for double quotes,
    single quotes and dashes, "." for "。", "," for "，" and "、"; no white space and nothing
    unseen. Traditional characters stay what they are.
    """
    spaced: list[str] = []
    starts, ends = array("I"), array("I")  # a tenth of the room that pairs would take
    for start, end in _clusters(text):
        for letter in _folded(text[start:end]):
            if letter != " " or spaced[-1:] != [" "]:
                spaced.append(letter)
                starts.append(start)
                ends.append(end)
    line = "".join(spaced)
    kept = [at for at, letter in enumerate(spaced) if letter != " "]
    return Normal(
        line.replace(" ", "").translate(_LATE),
        array("I", (starts[at] for at in kept)),
        array("I", (ends[at] for at in kept)),
        tuple(bisect_left(kept, blank.start()) for blank in _TELLING.finditer(line)),
        _cuts(text, line, starts, ends),
    )


def _cuts(text: str, line: str, starts: Sequence[int], ends: Sequence[int]) -> bytes:
    cuts = bytearray(len(text) + 1)
    words = ((starts[word.start()], ends[word.end() - 1]) for word in _WORD.finditer(line))
    for start, end in chain(zip(starts, ends, strict=True), words):
        if end - start > 1:
            cuts[start + 1 : end] = b"\1" * (end - start - 1)
    return bytes(cuts)


_CLUSTER = 64  # characters; to put marks in order takes the square of their number


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield what composes into one, in order: a character with the marks that lean on it.

    Nothing unseen is in a cluster, unless a mark follows it.
    """
    start = end = 0
    for at, char in enumerate(text):
        kind = _kind(char)
        if kind == "base" or (kind == "leans" and (not end or at - start >= _CLUSTER)):
            if end:
                yield start, end
            start, end = at, at + 1
        elif kind == "leans":
            end = at + 1
    if end:
        yield start, end


@lru_cache(maxsize=8192)
def _folded(cluster: str) -> str:
    seen = "".join(char for char in cluster if _kind(char) != "unseen")
    folded = unicodedata.normalize("NFC", seen).translate(_EARLY)
    folded = unicodedata.normalize("NFKC", folded).lower().translate(_EARLY)
    return "".join(" " if char.isspace() else char for char in folded)


# Without a width of their own, though Unicode files them under marks and letters: variation
# selectors, the grapheme joiner, the fillers of Hangul.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_LATER_JAMO = re.compile("[\u1161-\u11ff]")  # vowels and finals, which compose with what is before


@lru_cache(maxsize=8192)
def _kind(char: str) -> Literal["base", "leans", "unseen"]:
    category = unicodedata.category(char)
    if _UNSEEN.match(char) or (category in {"Cc", "Cf", "Cs"} and not char.isspace()):
        return "unseen"
    first = unicodedata.normalize("NFKD", char)[0]
    leans = unicodedata.category(first).startswith("M") or _LATER_JAMO.match(first)
    return "leans" if leans else "base"


# --- quoted stretches --------------------------------------------------------------------------

_OPENER_OF = dict(zip("”」』»\u2019\uff63", "“「『«\u2018\uff62", strict=True))
_STRAIGHT = '"\uff02'
_MARK = re.compile(f"[{''.join(_OPENER_OF)}{''.join(_OPENER_OF.values())}{_STRAIGHT}]")
_SINGLE = re.compile("[\u2018\u2019]")
_APOSTROPHE = re.compile(
    rf"(?:(?<={_LETTER})|(?<!\S))\u2019(?={_LETTER})"
    r"|\u2018(?=(?:em|tis|twas|til|\d\ds)(?![\w-]))",
    re.IGNORECASE,
)
_PLURAL = re.compile(rf"(?<=s)\u2019(?= {_LETTER})", re.IGNORECASE)


def quoted(text: str) -> list[tuple[Span, str]]:
    """Return what stands between quote marks in a text, in order, without the marks.

    Of nested quotes the outer one. Titles (《》) are no quotes, nor is what stands between ASCII
    single quotes, which nothing tells from apostrophes. Marks without a partner, and marks with
    nothing between them, give nothing.
    """
    found: list[tuple[Span, str]] = []
    end = 0
    for opened, closed in sorted(_pairs(text)):
        if opened >= end:
            end = closed
            if opened + 1 < closed:
                span = Span(opened + 1, closed)
                found.append((span, span.of(text)))
    return found


def _pairs(text: str) -> Iterator[tuple[int, int]]:
    """Yield where marks stand that belong together; inside of them, marks left open are dropped."""
    waiting: list[tuple[str, int]] = []
    count: Counter[str] = Counter()
    apostrophes = _apostrophes(text)
    for at in (found.start() for found in _MARK.finditer(text)):
        if at in apostrophes:
            continue
        mark = '"' if text[at] in _STRAIGHT else text[at]
        opener = _OPENER_OF.get(mark, "") or ('"' if mark == '"' and _may_close(text, at) else "")
        if count[opener]:
            mark, opened = waiting.pop()
            count[mark] -= 1
            while mark != opener:
                mark, opened = waiting.pop()
                count[mark] -= 1
            yield opened, at
        elif mark not in _OPENER_OF and (mark != '"' or _may_open(text, at)):
            waiting.append((mark, at))
            count[mark] += 1


def _may_close(text: str, at: int) -> bool:
    return at > 0 and not text[at - 1].isspace()


def _may_open(text: str, at: int) -> bool:
    """Say whether a straight mark may open a quote, unlike the one for inches in 5"."""
    before, after = text[max(0, at - 1) : at], text[at + 1 : at + 2]
    return bool(after) and not after.isspace() and not re.match(_LETTER, before)


def _apostrophes(text: str) -> set[int]:
    """Return which curly single marks are no quote marks ("it’s", "‘em", "the readers’ job").

    A mark behind the s of a plural is one where another mark follows that can end the quote.
    """
    found = {mark.start() for mark in _APOSTROPHE.finditer(text)}
    plurals = {mark.start() for mark in _PLURAL.finditer(text)}
    ends_ahead = False
    for at in reversed([mark.start() for mark in _SINGLE.finditer(text)]):
        if at in plurals and ends_ahead:
            found.add(at)
        elif at not in found:
            ends_ahead = text[at] == "\u2019" and (ends_ahead or at not in plurals)
    return found
