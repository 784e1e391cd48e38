"""An essay and the next version of it -> what changed, and what the project wrote that still fits.

Passages are compared by their words, not by their places. Nothing here touches a file.
"""

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.split import split
from rag.text import sentences
from rag.types import Document, Span

_PASSAGE = 400  # characters; as passages are cut where nothing else is set
_MARK = re.compile(r"^(?:#{1,6}|[-*+]|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of an essay's passages: texts of those that came and went, in their order.

    `moved` counts those that stand at another place than before, `kept` the others.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: int = 0
    kept: int = 0


NONE = Difference()


def difference(old: Document | None, new: Document | None) -> Difference:
    """Compare the passages of two versions of an essay; None is one without any.

    A text that stands several times counts as often.
    """
    before, after = _passages(old), _passages(new)
    fewer = Counter(text for text, _ in before) - Counter(text for text, _ in after)
    more = Counter(text for text, _ in after) - Counter(text for text, _ in before)
    kept = len(set(before) & set(after))
    return Difference(
        added=_taken(after, more),
        removed=_taken(before, fewer),
        moved=len(after) - more.total() - kept,
        kept=kept,
    )


def _passages(document: Document | None) -> list[tuple[str, int]]:
    return [(p.text, p.span.start) for p in split(document, _PASSAGE)] if document else []


def _taken(passages: Sequence[tuple[str, int]], wanted: Counter[str]) -> tuple[str, ...]:
    """Return as many of the texts as are wanted; of equal ones the last."""
    left = Counter(wanted)
    found = []
    for text, _ in reversed(passages):
        if left[text]:
            left[text] -= 1
            found.append(text)
    return tuple(reversed(found))


def units(text: str) -> Iterator[str]:
    """Yield the essay as a translation of it is laid out: a line for each of its sentences.

    A heading is one line, an empty line stays one, and a mark or a label stays before what it
    opens; so an essay whose every line has one sentence is given back as it is.
    """
    for line in text.removesuffix("\n").split("\n"):
        spans = sentences(line) or [Span(0, len(line) or 1)]
        spans = spans[-1:] if line.startswith("#") else spans
        yield line[: spans[0].end]
        yield from (span.of(line) for span in spans[1:])


def carried(old: str, translated: str, new: str) -> tuple[str, int]:
    """Return a translation of the essay `new`, made of that of `old`, and how many lines were lost.

    A sentence that stood in the old essay keeps its line. Another stands as it is in the essay,
    which means that it has no translation. Lost is a line that no sentence needs any more.

    Raises:
        ValueError: the translation has not as many lines as the old essay.
    """
    lines = translated.rstrip("\n").split("\n")
    known: dict[str, list[str]] = defaultdict(list)
    for unit, line in zip(units(old), lines, strict=True):
        known[words_of(unit)].append(words_of(line))
    before = {(unit, line) for unit, ours in known.items() for line in ours if unit}
    written = []
    for unit in units(new):
        words = words_of(unit)
        ours = known.get(words, [words])
        said = ours.pop(0) if len(ours) > 1 else ours[0]
        before.discard((words, said))
        written.append(unit.removesuffix(words) + said)
    return "\n".join([*written, ""]), len(before)


def words_of(line: str) -> str:
    """Return a line of an essay or a translation without the mark of a heading or an item."""
    return _MARK.sub("", line, count=1)


def parted(questions: str, essay: str) -> tuple[str, str, list[str]]:
    """Return the groups of questions whose anchors stand once in the essay, the others, and these
    others' anchors; "" for no group. Comments and order stay.

    Raises:
        ValueError: this is no file of questions.
    """
    groups = tomllib.loads(questions).get("group")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        msg = "no list of [[group]]"
        raise ValueError(msg)
    lost = [not fits(group, essay) for group in groups]
    anchors = [
        str(group.get("anchor", "")) for group, gone in zip(groups, lost, strict=True) if gone
    ]
    kept = "" if all(lost) else _without(questions, lost)
    return kept, _without(questions, [not gone for gone in lost]) if anchors else "", anchors


def fits(group: Mapping[str, Any], essay: str) -> bool:
    """Say whether the quote that anchors a group of questions stands once in the essay."""
    return bool(group.get("anchor")) and essay.count(str(group["anchor"])) == 1


def _without(questions: str, gone: Sequence[bool]) -> str:
    import tomlkit  # keeps the owner's comments and order

    parsed = tomlkit.parse(questions)
    groups: Any = parsed["group"]
    for at in reversed(range(len(gone))):
        if gone[at]:
            del groups[at]
    return tomlkit.dumps(parsed)
