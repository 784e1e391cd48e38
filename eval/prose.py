"""What a chat model writes -> a reply: its sentences, its marks, and the essays that they cite.

Marks stand before or after a full stop; sources come beside the answer or in a list at its end.
docs/answers-format.md says how all of it is read.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from eval.reply import Cited, Reply, Said
from rag import Document, sentences

LONGEST = 100_000  # characters of an answer
_LINE = 200  # characters of an error that are kept


def failed(error: str) -> Reply:
    """Return a reply that says why there is none."""
    return Reply("failed", error=printable(error) or "failed")


def printable(text: str) -> str:
    """Return a text as one short line that can be printed."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _LINE])
    return " ".join(shown.split())[:_LINE]


_MARK = re.compile(
    r"[\[【\uff3b]\^?(\d{1,3}(?:\s?[,，、;；–—~-]\s?\d{1,3})*)[\]】\uff3d]"
    r"(?:\((?:https?:|[#/])[^()\s]*(?:\s\"[^\"\n]*\")?\))?"  # where Markdown links it to
)
_RANGE = re.compile(r"(\d+)\s?[–—~-]\s?(\d+)")
_WIDEST = 20  # numbers of a range; of a wider one only the ends are meant
_BLANKS = " \t\u00a0\u3000"

# In one of the first sentences of a text without citations, any of these refuses. They are worded
# so that advice to somebody who does not know, or cannot find, is none of them.
_FIRST = 3
_REFUSALS = re.compile(
    r"\bi (?:really |just |honestly )?(?:do not|don't) know\b"
    r"|\b(?:cannot|can't|could not|couldn't|unable to|not able to) (?:be answered|answer)\b"
    r"|\bi (?:cannot|can't|could not|couldn't|(?:am|was) (?:unable|not able) to)"
    r" (?:find|say|tell)\b"
    r"|\b(?:essays?|articles?|texts?|documents?|context|sources?|passages?)\b[^.!?]{,40}"
    r"\b(?:do|does|did)(?: not|n't) (?:\w+ )?"
    r"(?:say|mention|contain|cover|address|discuss|provide|specify|include|answer)\b"
    r"|\bnot (?:mentioned|covered|addressed|discussed|provided|stated|found)"
    r" in (?:the|these|this)\b"
    r"|\bnot (?:\w+ )?in the (?:provided|given)\b"
    r"|\b(?:no|not (?:have )?(?:any|enough)|insufficient) (?:relevant )?information\b"
    r"|(?:无法|不能|没法|难以)(?:直接)?(?:回答|回复|作答|得知)|回答不了"
    r"|(?:没有|没|未|未曾)(?:直接|明确|具体)?(?:提到|提及|谈到|谈及|涉及)"
    r"|(?:文章|文中|文档|资料|材料|上下文|原文)[^。！？]{,20}(?:没有|没|未)(?:讨论|说明|提供|回答|说)"
    r"|(?:没有|没|未能|未)[^。！？]{,15}找到(?:任何|相关|有关|答案)"
    r"|没有(?:任何|足够)?的?(?:相关)?的?信息"
    r"|我(?:也|并|还|真的)?不(?:知道|清楚)|^(?:抱歉|对不起)?[,，]?\s*不(?:知道|清楚)[。.！!]?$",
    re.IGNORECASE,
)


def of_text(text: str, sources: Sequence[object], essays: "Essays", ms: float | None) -> Reply:
    """Return a free text as a reply: its sentences, each with what its marks stand for."""
    if len(text) > LONGEST:
        return failed("answer too long")
    body, listed = _without_list(text)
    known = _known(enumerate(sources, start=1) if sources else listed, essays)
    plain, marks = _unmarked(body)
    spans = sentences(plain)
    if not spans:
        return failed("empty answer")
    told = [span.of(plain) for span in spans]
    if not marks and _refuses(told):
        return Reply("refused", ms=ms)
    cited: list[dict[int, None]] = [{} for _ in spans]
    starts = [span.start for span in spans]
    ends = [span.end for span in spans]
    for at, marked in marks:
        cited[_ended(plain, starts, ends, at)].update(dict.fromkeys(marked))
    said = []
    for words, numbers in zip(told, cited, strict=True):
        quotes = _quotes(words) if numbers else []
        said.append(Said(words, tuple(_cited(n, quotes, known.get(n), essays) for n in numbers)))
    return Reply("answered", tuple(said), ms=ms)


def _refuses(told: Sequence[str]) -> bool:
    return any(_REFUSALS.search(text.replace("’", "'")) for text in told[:_FIRST])


def _unmarked(text: str) -> tuple[str, list[tuple[int, list[int]]]]:
    """Return the text without citation marks, and where in it they stood, in order."""
    kept, marks, length, past = [], [], 0, 0
    for found in _MARK.finditer(text):
        piece = text[past : found.start()].rstrip(_BLANKS)
        length += len(piece)
        marks.append((length, _numbers(found[1])))
        past = found.end()
        # "…first.[1]Then" is two sentences, "…first.Then" is one
        after = text[past : past + 1]
        gap = " " * (after.isascii() and after.isalnum() and piece[-1:] not in {"", "\n"})
        kept += [piece, gap]
        length += len(gap)
    return "".join([*kept, text[past:]]), marks


def _numbers(inside: str) -> list[int]:
    """Return the numbers that a mark names: "1, 3-5" gives 1, 3, 4 and 5."""
    numbers: list[int] = []
    for part in re.split(r"[,，、;；]", inside):
        if wide := _RANGE.fullmatch(part.strip()):
            first, last = int(wide[1]), int(wide[2])
            narrow = first <= last < first + _WIDEST
            numbers += range(first, last + 1) if narrow else (first, last)
        else:
            numbers += [int(n) for n in re.findall(r"\d+", part)]
    return numbers


def _ended(text: str, starts: Sequence[int], ends: Sequence[int], at: int) -> int:
    """Return which sentence a mark at an offset belongs to: the one that it stands in or ends;
    at the start of a line, the one that follows it there.
    """
    before = bisect_left(starts, at) - 1
    after = before + 1
    if after < len(starts) and "\n" not in text[at : starts[after]]:
        opens = before < 0 or "\n" in text[ends[before] : at]
        return after if opens else before
    return max(before, 0)


# --- what a citation stands for ----------------------------------------------------------------

_MOST = 1000  # sources of an answer: a mark has three digits
SOURCES = ("sources", "citations", "references", "context")
_WORDS = ("quote", "text", "content", "snippet", "chunk")
_NAMES = ("doc_id", "id", "title", "url")
_NUMBER = ("n", "index", "number")
_AROUND = " \t:：·.。,，—–-()（）《》*_"
_QUOTED = re.compile(
    r'“([^“”]{1,2000})”|「([^「」]{1,2000})」|『([^『』]{1,2000})』|"([^"]{1,2000})"'
)
_AFTER_NAME = re.compile(r"[:：]\s*|\s[—–|-]+\s")


@dataclass(frozen=True)
class _Source:
    """An essay, "" for none of the shelf, and what is said to stand there; "" for no words."""

    doc_id: str
    text: str
    start: int = -1
    end: int = -1

    @cached_property
    def flat(self) -> str:
        """The words without blanks: a long answer asks for them often."""
        return _flat(self.text)


class Essays:
    """The shelf, as the place where a source is looked for; blanks do not count."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self._flat = {id_: _flat(document.text) for id_, document in documents.items()}

    def named(self, label: str) -> str:
        """Return the essay that a label gives by its id, title or address, "" for none.

        Of several the one with the longest title: one title can be part of another.
        """
        label = label.strip(_AROUND)
        if label in self._documents:
            return label
        addresses = {word.strip("<>()[]…,.;。").rstrip("/") for word in label.split()}
        found = [
            document
            for document in self._documents.values()
            if (document.url and document.url.rstrip("/") in addresses)
            or (_telling(document.title) and document.title in label)
        ]
        return max(found, key=lambda d: len(d.title)).id if found else ""

    def titled(self, line: str) -> bool:
        """Say whether a line is the title of an essay and nothing else: that stands in it, too."""
        return line.strip(_AROUND) in {document.title for document in self._documents.values()}

    def holding(self, text: str) -> str:
        """Return the first essay in which a text stands, or else its longest sentence; or ""."""
        cut = (span.of(text) for span in sentences(text))
        return self.whole(text) or self.whole(max(cut, key=len, default=""))

    def whole(self, text: str) -> str:
        """Return the first essay in which all of a text stands, "" for none."""
        return next((id_ for id_ in self._documents if self.stands(text, id_)), "")

    def stands(self, text: str, doc_id: str) -> bool:
        """Say whether a text that is long enough to tell stands in an essay."""
        return _telling(text) and _flat(text) in self._flat.get(doc_id, "")


def _flat(text: str) -> str:
    return "".join(text.split())


def _telling(words: str) -> bool:
    """Say whether words are enough to be found by: four Han characters or twelve letters."""
    return sum(1 if letter.isascii() else 3 for letter in _flat(words)) >= 12


def _cited(n: int, quotes: Iterable[str], source: _Source | None, essays: Essays) -> Cited:
    """Return a citation: the words that the sentence quotes of its source, or else the source's.

    A number without a source is a citation of nothing.
    """
    if source is None:
        return Cited(n, "", "")
    for words in quotes:
        inside = _telling(words) and _flat(words) in source.flat
        if inside or (not source.text and essays.stands(words, source.doc_id)):
            return Cited(n, source.doc_id, words)
    return Cited(n, source.doc_id, source.text, source.start, source.end)


def _quotes(text: str) -> list[str]:
    """Return the ten longest of what stands in quotation marks, the longest first."""
    found = ("".join(groups) for groups in _QUOTED.findall(text))
    return sorted(found, key=len, reverse=True)[:10]


def _known(rows: Iterable[tuple[int, object]], essays: Essays) -> dict[int, _Source]:
    """Return sources by their own number, or the one given; of two alike the first counts."""
    known: dict[int, _Source] = {}
    for place, row in islice(rows, _MOST):
        if isinstance(row, str):
            known.setdefault(place, _from_line(row[:LONGEST], essays))
        elif isinstance(row, dict):
            numbers = (_whole(row.get(name)) for name in _NUMBER)
            n = next((number for number in numbers if number >= 0), place)
            known.setdefault(n, _from_object(row, essays))
    return known


def _from_object(row: Mapping[str, Any], essays: Essays) -> _Source:
    text = next((str(row[name]) for name in _WORDS if row.get(name)), "")[:LONGEST]
    labels = [str(row[name]) for name in _NAMES if row.get(name)]
    doc_id = next(filter(None, map(essays.named, labels)), "")
    if not doc_id:  # offsets are into something else
        return _Source(essays.holding(text), text)
    return _Source(doc_id, text, _whole(row.get("start")), _whole(row.get("end")))


def _whole(value: object) -> int:
    """Return a whole number from 0, also one written as text; -1 for anything else."""
    written = value if isinstance(value, str) else str(value) if type(value) is int else ""
    return int(written) if written.isdecimal() and len(written) < 10 else -1


def _from_line(line: str, essays: Essays) -> _Source:
    """Return a source given as text: a name, words of an essay, or "Title: “words”"."""
    label, quotes = _QUOTED.sub("", line), _quotes(line)
    doc_id = essays.named(label)
    holder = essays.whole(line)
    if holder and not essays.titled(line):
        return _Source(holder, line)
    for words in (*quotes, *_AFTER_NAME.split(line, maxsplit=1)[1:]):
        if essays.stands(words, doc_id) or essays.whole(words):
            return _Source(doc_id or essays.whole(words), words)
    if doc_id:
        return _Source(doc_id, quotes[0] if quotes else "")
    return _Source(essays.holding(line), line)


# --- a list of sources at the end of a text ----------------------------------------------------

_LONGEST_HEADING = 40
_HEADING = re.compile(
    r"[#*_\s]*(?:sources?|references?|citations?|quotes?|参考(?:文献|资料|来源)?|(?:资料|信息|引用)?来源"
    r"|引用|引文|出处)[*_\s]*[:：]?[*_\s]*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\s*(?:[-*•]\s+)?[\[【\uff3b]\^?(\d{1,3})[\]】\uff3d]\s*[:：.]?\s*(?=\S)")
_LISTED = re.compile(rf"{_NUMBERED.pattern}|\s*(?:(\d{{1,3}})[.、)]|[-*•])\s*(?=\S)")


def _without_list(text: str) -> tuple[str, list[tuple[int, str]]]:
    """Return the text without the sources listed at its end, and these by their number.

    The list follows a heading; or every line begins with a number in brackets, one of which the
    text cites. A text that is nothing else is left as it is.
    """
    lines = [line.rstrip() for line in text.split("\n")]
    found = _headed(lines) or _bare(lines)
    if found is None:
        return text, []
    cut, begins, pattern = found
    items: list[tuple[int, str]] = []
    past = len(lines)
    for at in range(begins, len(lines)):
        if item := pattern.match(lines[at]):
            number = next((int(group) for group in item.groups() if group), len(items) + 1)
            items.append((number, lines[at][item.end() :]))
        elif lines[at] and not lines[at - 1]:  # a paragraph behind the list
            past = at
            break
        else:
            items[-1] = (items[-1][0], f"{items[-1][1]} {lines[at].strip()}".strip())
    body = "\n".join(lines[:cut] + lines[past:])
    return (body, items) if any(map(str.isalnum, body)) else (text, [])


def _headed(lines: Sequence[str]) -> tuple[int, int, re.Pattern[str]] | None:
    """Return the line of the last heading that a list follows, and that of its first item."""
    for at in range(len(lines) - 1, -1, -1):
        if 0 < len(lines[at]) <= _LONGEST_HEADING and _HEADING.fullmatch(lines[at]):
            below = next((i for i in range(at + 1, len(lines)) if lines[i]), at)
            if _LISTED.match(lines[below]):
                return at, below, _LISTED
    return None


def _bare(lines: Sequence[str]) -> tuple[int, int, re.Pattern[str]] | None:
    at = len(lines)
    while at and (
        not lines[at - 1] or lines[at - 1][0].isspace() or _NUMBERED.match(lines[at - 1])
    ):
        at -= 1
    numbers = {i: item[1] for i in range(at, len(lines)) if (item := _NUMBERED.match(lines[i]))}
    if not numbers:
        return None
    begins = min(numbers)
    _, marks = _unmarked("\n".join(lines[:begins]))
    cited = {n for _, found in marks for n in found}
    return (begins, begins, _NUMBERED) if cited & set(map(int, numbers.values())) else None
