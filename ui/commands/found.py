"""A document that was read, and what becomes of it -> lines on a terminal for whoever decides.

Everything here comes from a document: it is shown as plain text, without what steers a terminal.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rag.intake.take import Taken
from rag.keeping.shelving import Change, New

_LINE, _LINES = 72, 3  # characters of a line that is shortened, and lines of each kind
_LABEL = 10
_BECOMES = {
    "added": "new, as {}",
    "updated": "a new version of {}",
    "unchanged": "{}, unchanged",
    "refused": "cannot be taken",
    "removed": "{} is off the shelf",
}


def plain(text: str, most: int = 0) -> str:
    r"""Return a text as one line without what cannot be seen, cut to `most` characters; 0: whole.

    >>> plain("a\x1b[31m  b\nc", 6)
    'a?[31…'
    """
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in text).split())
    return line if not most or len(line) <= most else f"{line[: most - 1]}…"


def show_found(console: Console, new: New, taken: Taken, change: Change, *, every: bool) -> None:
    """Print what was read in a document, what was left out of it and why, and what it becomes.

    Of each reason a few lines are shown, with `every` all of them, and whole.
    """
    console.print(Text(f"\n{one_line(new.path, change)}", style="bold"))
    for label, value in (*_about(new), *_told(taken, every=every), *_changed(change)):
        console.print(Text.assemble((f"  {label:<{_LABEL}}", "dim"), value))


def one_line(path: Path, change: Change) -> str:
    """Return what becomes of a document, in a line."""
    return f"{plain(path.name, _LINE)}: {_BECOMES[change.kind].format(change.id)}"


def differing(path: Path, old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff from the essay on the shelf to the new one."""
    names = (f"{plain(path.name)} (on the shelf)", f"{plain(path.name)} (new)")
    for line in unified_diff(old.split("\n"), new.split("\n"), *names, lineterm=""):
        yield line[:1] + "".join(c if c.isprintable() else "?" for c in line[1:])


def _about(new: New) -> Iterator[tuple[str, str]]:
    about = new.about
    yield "title", plain(new.title)
    yield "author", plain(about.author) or "not named"
    yield "date", about.date or "not told"
    yield "language", about.lang or "not told"
    if about.url:
        yield "address", plain(about.url)
    yield "speakers", "; ".join(_speakers(new))
    yield "kept", f"{len(new.text):,} characters"


def _speakers(new: New) -> Iterator[str]:
    for speaker in new.speakers:
        marks = ", ".join(plain(mark, 20) for mark in (*speaker.labels, *speaker.opens))
        asks = " asks" if speaker.asks else ""
        yield f"{plain(speaker.name) or 'the author'}{asks}" + (f" ({marks})" if marks else "")


def _told(taken: Taken, *, every: bool) -> Iterator[tuple[str, str]]:
    for why, group in groupby(sorted(taken.removed, key=lambda one: one.why), lambda one: one.why):
        lines = [one.block.text for one in group]
        yield "removed", f"{why}, {_counted(len(lines))}"
        yield from _few(lines, every=every)
    if taken.unsure:
        yield "unsure", f"kept, and may not belong to the text, {_counted(len(taken.unsure))}"
        yield from _few([block.text for block in taken.unsure], every=every)
    for note in taken.notes:
        yield "note", plain(note)


def _few(lines: Sequence[str], *, every: bool) -> Iterator[tuple[str, str]]:
    for line in lines if every else lines[:_LINES]:
        yield "", f"  {plain(line, 0 if every else _LINE)}"
    if not every and len(lines) > _LINES:
        yield "", f"  … and {len(lines) - _LINES} more; --all shows them"


def _counted(count: int) -> str:
    return f"{count} line{'s' * (count != 1)}"


def _changed(change: Change) -> Iterator[tuple[str, str]]:
    told = change.difference
    if change.kind == "updated":
        came = f"{len(told.added)} added, {len(told.removed)} removed"
        yield "passages", f"{came}, {told.moved} moved, {told.kept} as they were"
    yield from _signed("+", told.added)
    yield from _signed("-", told.removed)
    for note in change.notes:
        yield "note", plain(note)


def _signed(sign: str, passages: Iterable[str]) -> Iterator[tuple[str, str]]:
    for passage in passages:
        yield "", f"{sign} {plain(passage, _LINE)}"
