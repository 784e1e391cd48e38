"""A stream of a model's text -> its sentences, each plain, with the passage numbers it cites.

A sentence is held back until it is whole and its marks have come, and no longer. What a model
writes is data here: Markdown is undone, code and images are left out, links lose their addresses.

The text is read character by character, and whatever is decided is decided at a character, never
at the end of a chunk: so it does not matter in which chunks a text comes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from string import punctuation

from rag.text import HAN, cleaned, sentences
from rag.types import Span

_LONGEST = 1500  # characters of a line after which it is cut, at a blank where there is one
_QUOTED = 202  # characters after which a bracket or quote counts as never closed, as in rag/text.py
_WIDEST = 9  # numbers that a range such as [1-3] may stand for
# Looking for sentences takes as long as the text is that is looked at. So much of it is paid for by
# each character, and given in advance: plenty for prose, and what is no prose costs no more.
_EARNED, _ADVANCE = 3, 4000


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence as a model wrote it, without its marks, and the numbers in them, in order."""

    text: str
    numbers: tuple[int, ...]


def drafts(chunks: Iterable[str]) -> Iterator[Draft]:
    """Yield each sentence as soon as it is whole; no text gives none.

    An empty chunk says that nothing has come for a moment: a sentence with its full stop and a mark
    is then taken to be whole, and a further mark of it would be lost.

    Marks are [1], [1][2], [1, 2], [1-3], 【1】 and their like, before or behind the full stop; one
    that stands alone is dropped. Thoughts, code blocks and images are left out.
    """
    line = _Line()
    for char in _spoken(_seen(chunks)):
        if not char:
            yield from line.pause()
        elif char == "\n":
            yield from line.end()
        else:
            yield from line.add(char)
    yield from line.end()


# --- characters --------------------------------------------------------------------------------

_THOUGHT, _THOUGHT_ENDS = "<think>", "</think>"
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_JOINERS = "\u200c\u200d"  # as in rag/text.py: they hold emoji together


def _seen(chunks: Iterable[str]) -> Iterator[str]:
    r"""Yield the characters that can be seen, "\n" for line ends, blanks, and "" for a pause."""
    before = ""
    for chunk in chunks:
        if not chunk:
            yield ""
        for char in chunk:
            joins = char in _JOINERS and not before.isascii()
            if char == "\r":
                yield "\n"
            elif char.isspace() or joins or unicodedata.category(char) not in _UNSEEN:
                yield char
                before = char


def _spoken(chars: Iterable[str]) -> Iterator[str]:
    """Leave out what a model thinks aloud: from <think>, where a line begins, to </think>."""
    held, thinking, begins = "", False, True
    for char in chars:
        if thinking:
            held = f"{held}{char}"[-len(_THOUGHT_ENDS) :]
            thinking = held.lower() != _THOUGHT_ENDS
            held = held if thinking else ""
        elif begins and _THOUGHT.startswith(f"{held}{char}".lower()):
            held += char  # a pause adds nothing
            thinking = held.lower() == _THOUGHT
        else:
            yield from held
            yield char
            begins = char == "\n" or (begins and not held and not char.strip())
            held = ""
    if not thinking:
        yield from held


# --- lines -------------------------------------------------------------------------------------

_STOPS = "。！？!?.…；;"
_QUOTES_END = '"”’」』)）'
_CLOSERS = frozenset("]】\uff3d)）>")
_TELLING = frozenset(_STOPS + _QUOTES_END) | _CLOSERS
_ESCAPED = frozenset(punctuation)
_BREAKS = (" ", "，", "、")
_OPENERS = ("[", "【", "\uff3b")
_PAIRS = ("“”", "‘’", "「」", "『』", "《》", "〈〉", "（）", "()", "[]", "【】", "\uff3b\uff3d")

_MAY_CITE = re.compile(r"[(（]?\s*[\[【\uff3b<]")
_FENCE = re.compile(r"[ \t>]*(?:(`{3,})[^`]*|(~{3,}).*)\Z")
_FENCE_ENDS = re.compile(r"[ \t>]*(`{3,}|~{3,})\s*\Z")
# [name]: https://…
_DEFINITION = re.compile(r"\s*\[[^\[\]]+\]:\s*(?:\w+:|www\.|[/#])\S*(?:\s+[\"'(].*)?\s*\Z")
# What a line breaks off in: an image, an address, a tag.
_BROKEN = re.compile(
    r"!\[[^\[\]]*(?:\]\([^\s()]*)?\Z|(?<=\])\((?:[#/]|https?:)[^\s()]*(?:\s+\"[^\"]*)?\Z"
    r"|(?<!\w)</?[a-zA-Z][\w-]*(?:\s+[\w:-]+\s*=[^<>]*)?\Z"
)
# Closed for certain: a full stop behind a mark, or a mark behind a full stop.
_MARKS = r"(?:\[\d{1,3}\])+"
_EMOJI = "[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]"
_CLOSED = re.compile(
    rf"(?:[{_STOPS}][{_QUOTES_END}]*{_MARKS}|{_MARKS}(?:[{_STOPS}]|\s*[。！？；])[{_STOPS}{_QUOTES_END}]*)"
    rf"{_EMOJI}*\s*\Z"
)


class _Line:
    """A line as it comes: gives its sentences away as they become whole."""

    def __init__(self) -> None:
        self._text = ""  # what has been neither given away nor left out; marks are "[1][2]"
        self._begun = False  # some of the line has been given away
        self._row = False  # it is one of a table
        self._fence = ""  # what began the code block that it stands in
        self._telling = False  # since sentences were looked for something may have ended one
        self._credit = _ADVANCE

    def add(self, char: str) -> Sequence[Draft]:
        """Take the next character, no line end, and return the sentences that it makes whole."""
        self._credit += _EARNED
        if self._fence:
            self._text += char if len(self._text) < _QUOTED else ""
            return ()
        if char in _ESCAPED and self._text.endswith("\\"):
            self._text = self._text[:-1]
        if char == "|" and not self._begun:
            self._row = self._row or not self._text.strip()
        self._text += " " if char == "|" and self._row else char
        if char in _CLOSERS:
            self._text = _reduced(self._text)
        if len(self._text) >= _LONGEST:
            return self._cut()
        if char in _TELLING:
            self._telling = True
        elif self._telling and char.isalnum() and len(self._text) <= self._credit:
            self._credit -= len(self._text)
            self._telling = False
            return self._whole(paused=False)
        return ()

    def pause(self) -> Sequence[Draft]:
        """Return the sentences that are whole if nothing more comes."""
        if self._fence or not self._telling:
            return ()
        end = _tidy(self._text[-_SHORT:].rstrip(_EMPHATIC))
        # So that a pause costs little while a sentence is not whole.
        closed = _CLOSED.search(end) and len(sentences(f"{end} A")) > 1
        return self._whole(paused=True) if closed else ()

    def end(self) -> Sequence[Draft]:
        """End the line, and return its last sentences."""
        text, begun = self._text, self._begun
        self._text, self._begun, self._row, self._telling = "", False, False, False
        if not text:
            return ()
        if self._fence:
            closing = _FENCE_ENDS.match(text)
            if closing and closing[1].startswith(self._fence):
                self._fence = ""
            return ()
        if not begun and (fence := _FENCE.match(text)):
            self._fence = fence[1] or fence[2]
            return ()
        if not begun and _DEFINITION.match(text):
            return ()
        return _drafts(_tidy(_BROKEN.sub("", text)))

    def _whole(self, *, paused: bool) -> Sequence[Draft]:
        if not self._begun and _FENCE.match(self._text):
            return ()
        body = self._text.rstrip(_EMPHATIC)  # what follows says whether the rest stands for itself
        text = _tidy(body)
        self._text = text + self._text[len(body) :]
        # A sentence is whole where another begins, or could.
        spans = sentences(text + " A" * paused)[:-1]
        until = _settled(text)
        whole = list(takewhile(lambda span: span.end <= until, spans))
        return self._given(whole[-1].end, whole) if whole else ()

    def _cut(self) -> Sequence[Draft]:
        self._text = text = _tidy(self._text)
        until = max(_settled(text), _LONGEST // 2)
        at = max(text.rfind(mark, _LONGEST // 2, until) + 1 for mark in _BREAKS) or until
        return self._given(at, sentences(text[:at]))

    def _given(self, end: int, spans: Iterable[Span]) -> Sequence[Draft]:
        given = [_draft(span.of(self._text)) for span in spans]
        # The address that a mark is linked to may follow it, as that of a link without words.
        marked = self._text.endswith("]", 0, end)
        self._text, self._begun = self._text[end:] or "[]" * marked, True
        return [draft for draft in given if draft]


def _settled(text: str) -> int:
    """Return up to where a sentence of an unfinished text may end.

    What is in a bracket or quote that is still open may look like the end of one; and what begins
    with a bracket may become a mark of the last.
    """
    since = max(0, len(text) - _QUOTED)
    bare = _MARK.sub(lambda mark: "-" * len(mark[0]), text)  # its brackets close no others
    starts = [bare.find(pair[0], max(since, bare.rfind(pair[1]) + 1)) for pair in _PAIRS]
    if bare.count('"') % 2 and bare.rfind('"') >= since:
        starts.append(bare.rfind('"'))
    if tag := _TAG_BEGINS.search(bare, since):
        starts.append(tag.start())
    if link := _LINK_BEGINS.search(bare, since):
        starts.append(bare.rfind("[", 0, link.start()))
    at = min((start for start in starts if start >= 0), default=len(bare))
    if _MAY_CITE.match(text, at):
        return len(text[:at].rstrip().rstrip("!").rstrip()) - 1
    return at - text.startswith("(", at)


# --- inside a line -----------------------------------------------------------------------------

_SHORT = 80  # characters of the longest mark
_MARK = re.compile(r"\[\d{1,3}\]")
_LABEL = r"(?:(?:passages?|sources?|段落?|来源)\s*[:：]?\s*)?"
_TO = r"[-–—~\uff0d\uff5e]"
_AND = rf"\s*(?:[,，、;；&]|and|和|{_TO})\s*{_LABEL}"
_CITED = re.compile(
    rf"[\[【\uff3b]\s*[\^#]?{_LABEL}(\d{{1,3}}(?:{_AND}\d{{1,3}})*)\s*(?:†.*)?[\]】\uff3d]",
    re.IGNORECASE,
)
_RANGE = re.compile(rf"(\d+)(?:\s*{_TO}\s*{_LABEL}(\d+))?", re.IGNORECASE)
_WRAPPED = re.compile(r"[\[【\uff3b(（]\s*((?:\[\d{1,3}\][\s,，、;；]*)+)[\]】\uff3d)）]\Z")
# An address behind a link's words or a mark, and the name that stands for one.
_ADDRESS = re.compile(
    r"\(\s*[^\s()]*(?:\([^\s()]*\)[^\s()]*)*(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)|\[[^\[\]]*\]"
)
_POINTER = re.compile(r"\((?:[#/]|https?:)")
_LINK_BEGINS = re.compile(r"\](?:\(\S*(?:\s+(?:\"[^\"]*|'[^']*))?|\[[^\[\]]*)\Z")
_TAG = re.compile(
    r"</?([a-zA-Z][\w-]*)(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))*\s*/?>"
    r"|<\w+:[^\s<>]*>|<!.*>"
)
_TAG_BEGINS = re.compile(r"<(?:[/!]?(?:[a-zA-Z][\w-]*(?:\s+[\w:-]+\s*=[^<>]*)?)?|\w+:[^\s<>]*)\Z")
_BLOCKS = frozenset("blockquote br div h1 h2 h3 h4 h5 h6 hr li ol p pre table td th tr ul".split())


def _reduced(text: str) -> str:
    """Return a text with the mark, link, image or tag undone that its last bracket closes."""
    if text.endswith(">"):
        return _untagged(text)
    if wrapped := _WRAPPED.search(text, max(0, len(text) - _SHORT)):
        return text[: wrapped.start()] + "".join(_MARK.findall(wrapped[1]))
    begins = max(text.rfind(bracket, max(0, len(text) - _SHORT)) for bracket in _OPENERS)
    cited = begins >= 0 and _CITED.fullmatch(_EMPHASIS.sub("", text[begins:]))
    if cited and (numbers := _listed(cited[1])):
        return text[:begins] + "".join(f"[{number}]" for number in numbers)
    return _unlinked(text)


def _untagged(text: str) -> str:
    at = max(text.rfind("<"), 0)
    tag = _TAG.fullmatch(text, at)
    if not tag:
        return text
    return text[:at] + "\n" * ((tag[1] or "").lower() in _BLOCKS)


def _unlinked(text: str) -> str:
    """Leave out an image, and of a link all but its words: [words](address) or [words][name].

    What follows a mark, or no words, may be an aside: "[1](if at all)".
    """
    at = text.rfind("](" if text.endswith(")") else "][") + 1
    begins = text.rfind("[", 0, at)
    if not at or begins < 0 or not _ADDRESS.fullmatch(text, at):
        return text
    before, words = text[:begins], text[begins:at]
    if _MARK.fullmatch(words):
        return text[:at] if _POINTER.match(text, at) else text
    if before.endswith("!"):
        return before[:-1]
    indexed = text.endswith("]") and re.search(r"[0-9A-Za-z]\Z", before)  # x[i][j]
    if indexed or (words == "[]" and not _POINTER.match(text, at)):
        return text
    return before + words[1:-1]


def _listed(inside: str) -> list[int]:
    """Return the numbers of a mark, ranges spelt out: "1-3, 5" gives 1, 2, 3, 5.

    Passages count from 1: "0, 1" is an interval, and gives none.
    """
    found: list[int] = []
    for ends in _RANGE.findall(inside):
        first, last = (int(end or ends[0]) for end in ends)
        found += range(first, last + 1) if first <= last < first + _WIDEST else (first, last)
    return [] if 0 in found and len(found) > 1 else list(dict.fromkeys(found))


# --- sentences ---------------------------------------------------------------------------------

_EMPHATIC = "*_`~"
_BLANKS = r" \t\u00a0\u3000"
# A lone star between two letters or two blanks multiplies; a low line inside a word is part of it.
_EMPHASIS = re.compile(
    r"(?<![\s*0-9A-Za-z])\*+|(?<=\s)(?:\*{2,}|\*(?!\s))|(?<=[0-9A-Za-z])\*++(?![0-9A-Za-z])"
    r"|(?<!\w)_+|(?<=[^\W_])_++(?!\w)|`+|~~+"
)
# Each run is looked at once: text may be nothing but blanks.
_LATE = re.compile(rf"(?<!{_EMOJI})({_EMOJI}++)[ \t]*({_MARKS})")
_APART = re.compile(rf"(?:(?<![{_BLANKS}])[{_BLANKS}]++|(?<=\])\s*[,，、;；&]\s*)(?={_MARKS})")
# What stands before a sentence: a list's mark, what is left of the sentence before.
_BEFORE = re.compile(
    rf"(?:\s|>|#{{1,6}}\s|[-–—*+•·]\s|\d{{1,3}}(?:[.)]\s+|、\s*|[.)](?=[{HAN}]))(?=\D)"
    r"|\[\d{0,3}\]|[”’」』)）\]】,，、;；:：。！？!?…]|\.(?=\s))+"
)
_ONLY_LISTED = re.compile(r"\d{1,3}[.、)]\Z")
_BETWEEN_WORDS = re.compile(rf"(?<=\w){_MARKS}(?=[^\W_{HAN}])")
_BEFORE_STOP = re.compile(rf"{_MARKS}\s+(?=[{_STOPS},，、:：{_QUOTES_END}])")


def _tidy(text: str) -> str:
    """Return a text without emphasis, and with every mark close behind its words."""
    return _APART.sub("", _LATE.sub(r"\2\1", _EMPHASIS.sub("", text)))


def _drafts(line: str) -> list[Draft]:
    """Return the sentences of a whole line; marks before the first belong to none."""
    found = (_draft(span.of(line)) for span in sentences(line))
    return [draft for draft in found if draft]


def _draft(said: str) -> Draft | None:
    """Return a sentence as a draft, None for one without a word."""
    said = said[before.end() :] if (before := _BEFORE.match(said)) else said
    numbers = (int(mark[1:-1]) for mark in _MARK.findall(said))
    text = _BEFORE_STOP.sub("", _BETWEEN_WORDS.sub(" ", said))
    while text != (without := _MARK.sub("", text)):  # "[[1]1]" holds another
        text = without
    text = cleaned(text)
    if _ONLY_LISTED.match(text) or not any(map(str.isalnum, text)):
        return None
    return Draft(text, tuple(dict.fromkeys(numbers)))
