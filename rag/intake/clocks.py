"""Lines of a talk that was copied with the time above each caption -> its paragraphs.

Captions break sentences where the screen is full: what is said between the times is joined. The
times stand behind it, several to a line, for whoever judges the page.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.intake.letters import one_line
from rag.intake.lines import Line, joined, words_in
from rag.intake.looks import ends_sentence
from rag.intake.phrases import weight

_TIME = r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?:[.,]\d{1,3})?"
_CLOCK = re.compile(rf"\s*[\[(]?{_TIME}[\])]?(?:\s*-->\s*{_TIME}.*)?\s*")
_FEWEST = 8  # times in a row that make a talk of lines
_LONGEST_CUE = 3  # lines between two times
_PUNCTUATED = 0.15  # of the captions have a mark of a sentence: else nobody could read them joined
_ENDED = 0.5  # of them may end one
_MARK = re.compile(r"[.!?。！？…]")
_SOUND = re.compile(r"[\[(（【♪][^\])）】]{1,30}[\])）】♪]")
_SPEAKER = re.compile(
    r"(?:>>|»)\s*|(?=[A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*){0,3}: )|(?=[\u4e00-\u9fff]{2,4}[:：])"
)
_TOGETHER = 12  # times on a line
_LONGEST_CHAPTER = 16  # weight
_PARAGRAPH = 160  # weight after which a paragraph ends with the next sentence that ends a line


def untimed(lines: Sequence[Line]) -> list[Line]:
    """Return lines with the captions of each timed stretch as paragraphs; others as they are."""
    clocks = [at for at, line in enumerate(lines) if _CLOCK.fullmatch(line.text)]
    found: list[Line] = []
    done = 0
    for chain in _chains(lines, clocks):
        ends = _end(lines, chain[-1])
        start = max(_start(lines, chain[0]), done)
        said = [line.text for line in lines[start:ends]]
        if not _is_readable(said):
            continue
        found += lines[done:start]
        found += _Talk(said).lines()
        done = ends
    return [*found, *lines[done:]]


def _chains(lines: Sequence[Line], clocks: Sequence[int]) -> Iterator[list[int]]:
    """Yield the times that follow each other, never earlier, with a caption between."""
    chain: list[int] = []
    for at in clocks:
        if chain and not _follows(lines, chain[-1], at):
            if len(chain) >= _FEWEST:
                yield chain
            chain = []
        chain.append(at)
    if len(chain) >= _FEWEST:
        yield chain


def _follows(lines: Sequence[Line], before: int, at: int) -> bool:
    between = sum(bool(line.text.strip()) for line in lines[before + 1 : at])
    return between <= _LONGEST_CUE and _seconds(lines[before].text) <= _seconds(lines[at].text)


def _seconds(text: str) -> int:
    told = _CLOCK.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in told.groups()[:3]) if told else (0, 0, 0)
    return 3600 * hours + 60 * minutes + seconds


def _start(lines: Sequence[Line], first: int) -> int:
    """Return where a talk begins: at its first time, or at the name of a chapter right above."""
    above = lines[first - 1].text if first else ""
    return first - 1 if above.strip() and _names(above) else first


def _end(lines: Sequence[Line], last: int) -> int:
    """Return where the caption of the last time ends: it has one line."""
    return min(last + 2, len(lines))


def _is_readable(said: Sequence[str]) -> bool:
    """Say whether captions break sentences, and have the marks by which these can be told.

    Where a time stands above a whole turn, its lines are as they should be.
    """
    cues = [[said[at].strip() for at in cue] for cue in _cues(said) if cue]
    marked = sum(any(map(_MARK.search, cue)) for cue in cues)
    first, last = (sum(ends_sentence(cue[at]) for cue in cues) for at in (0, -1))
    return marked > _PUNCTUATED * len(cues) and max(first, last) <= _ENDED * len(cues)


class _Talk:
    """The lines of one timed stretch, on their way to paragraphs."""

    def __init__(self, said: Sequence[str]) -> None:
        self._said = said
        self._words = words_in("\n".join(said))
        self._found: list[Line] = []
        self._open: list[str] = []
        self._times: list[str] = []
        self._heading = ""
        self._chapters = _chapters(said)

    def lines(self) -> list[Line]:
        """Return paragraphs, between them sounds and chapters, and behind all of them the times."""
        for at, raw in enumerate(self._said):
            text = one_line(raw)
            if _CLOCK.fullmatch(text):
                self._times.append(text)
            elif at in self._chapters:
                self._close()
                self._head(text)
            elif _SOUND.fullmatch(text):
                self._close(only_ended=True)
                self._found.append(Line(text, alone=True))
            elif text and self._is_said(at, text):
                self._say(text)
            elif text.isdecimal():
                self._times.append(text)
            elif text:
                self._found.append(Line(text, alone=True))
        self._close()
        self._head("")
        times = (self._times[at : at + _TOGETHER] for at in range(0, len(self._times), _TOGETHER))
        return [*self._found, *(Line(" ".join(some), alone=True) for some in times)]

    def _is_said(self, at: int, text: str) -> bool:
        """Say whether a line is of a caption: not the name above all, nor a caption's number."""
        below = self._said[at + 1] if at + 1 < len(self._said) else ""
        above = at == 0 or text.isdecimal()
        return not (above and _CLOCK.fullmatch(below))

    def _say(self, text: str) -> None:
        if label := _SPEAKER.match(text):
            self._close()
            text = text[label.end() :]
        elif sum(map(weight, self._open)) > _PARAGRAPH:
            self._close(only_ended=True)
        self._open.append(text)

    def _head(self, text: str) -> None:
        """Keep a chapter's name for the next paragraph, and give up one that had none."""
        if self._heading:
            self._found.append(Line(self._heading, alone=True))
        self._heading = text

    def _close(self, *, only_ended: bool = False) -> None:
        """End the open paragraph; with `only_ended`, only where its last line ends a sentence."""
        if self._open and not (only_ended and not ends_sentence(self._open[-1])):
            if self._heading:
                self._found.append(Line(self._heading, alone=True, level=2))
            self._found.append(Line(joined(self._open, self._words), alone=True))
            self._open, self._heading = [], ""


def _chapters(said: Sequence[str]) -> frozenset[int]:
    """Return which lines are names of chapters: one line more than a caption has, right above a
    time, after the end of a sentence.
    """
    cues = list(_cues(said))
    usual = Counter(map(len, cues)).most_common(1)[0][0] if cues else 0
    found = {
        cue[-1]
        for cue, _ in pairwise(cues)
        if len(cue) == usual + 1 and ends_sentence(said[cue[-2]].strip()) and _names(said[cue[-1]])
    }
    opening = {0} if found and not _CLOCK.fullmatch(said[0]) else set[int]()
    return frozenset(found | opening)


def _cues(said: Sequence[str]) -> Iterator[list[int]]:
    """Yield the lines between each two times."""
    cue: list[int] = []
    for at, text in enumerate(said):
        if _CLOCK.fullmatch(text):
            if cue:
                yield cue
            cue = []
        elif text.strip():
            cue.append(at)
    yield cue


def _names(text: str) -> bool:
    """Say whether a line could be the name of a chapter: short, and no sentence."""
    line = text.strip()
    short = weight(line) <= _LONGEST_CHAPTER and not ends_sentence(line)
    opens = line[:1].isupper() or line[:1].isdigit() or not line[:1].isascii()
    return short and opens and not _SOUND.fullmatch(line) and not _CLOCK.fullmatch(line)
