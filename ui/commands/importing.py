"""`mentor import` and `mentor remove`: documents onto the shelf, and essays off it."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rag import MentorError, Speaker
from rag.intake.source import sources_in
from rag.intake.take import Taken, take
from rag.keeping.shelving import Change, New, planned, removed, shelved, standing
from ui.commands.command import Corpus, Index, progress, settings_of
from ui.commands.drafts import write_drafts
from ui.commands.found import differing, one_line, plain, show_found
from ui.commands.indexing import build_index
from ui.terminal import stderr

_MANY, _PROCESSES = 50, 4  # a process takes 0.3 s to start, a document some 20 ms to read
_ASK = "  Write it to the shelf? [y]es, [N]o, [e]dit title, author and date, [a]ll, [q]uit: "
_NOBODY = "Nobody can be asked here: add --yes to write, or --dry-run to look. Nothing was written."


@dataclass(frozen=True, slots=True)
class _Read:
    """A document that could be read, and the essay for the shelf that it gives."""

    new: New
    taken: Taken


def bring(
    found: Annotated[
        list[Path],
        typer.Argument(help="Documents (HTML, Markdown, text, DOCX, PDF, EPUB), or folders."),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, as a diff; write nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over essays that were changed by hand.")
    ] = False,
    wanted: Annotated[
        str, typer.Option("--id", help="The id of the essay, for one document.")
    ] = "",
    enrich: Annotated[
        bool,
        typer.Option("--enrich", help="Have the chat model draft translations and questions."),
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show all that was left out.")] = False,
    indexed: Annotated[
        bool, typer.Option(" /--no-index", help="Leave the index for later.")
    ] = True,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Put documents on the shelf: their text, without what is not of it."""
    settings = settings_of(corpus, index)
    folder = settings.corpus_dir
    if not (yes or dry_run or sys.stdin.isatty()):
        raise MentorError(_NOBODY)
    documents, failed = _read(found, wanted)
    plan = [] if yes and not dry_run else planned(folder, _news(documents), force=force)
    if dry_run:
        changes = plan
        _rehearse(folder, documents, changes, every=every)
    else:
        chosen = documents if yes else list(_asked(documents, plan, every=every))
        changes = shelved(folder, _news(chosen), force=force) if chosen else []
        _tell(chosen, changes)
    failed += [note for change in changes if change.kind == "refused" for note in change.notes]
    for line in failed:
        stderr().print(Text(plain(line)), soft_wrap=True)
    written = [] if dry_run else [c.id for c in changes if c.kind in {"added", "updated"}]
    if written:
        _followed(corpus, index, indexed=indexed)
    if written and enrich:
        write_drafts(settings, written)
    if failed:
        raise typer.Exit(2)


def remove(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id of an essay.")],
    *,
    corpus: Corpus = None,
) -> None:
    """Take an essay off the shelf, with all that belongs to it; it is kept in .trash there."""
    change = removed(settings_of(corpus, None).corpus_dir, id_)
    stderr().print(Text(f"{id_} is off the shelf: {', '.join(change.notes)}."), soft_wrap=True)
    stderr().print("Run `mentor index` before you ask again.")


def _read(found: Sequence[Path], wanted: str) -> tuple[list[_Read], list[str]]:
    """Read the documents there are, and return those that can be taken, and a line on each other.

    Raises:
        MentorError: one id is wanted for several documents.
    """
    places = [(one, sources_in(one) if one.is_dir() else [one]) for one in found]
    paths = [path for _, inside in places for path in inside]
    failed = [
        f"{folder.name or folder}: holds no document that Mentor reads; name a file."
        for folder, inside in places
        if not inside
    ]
    if wanted and len(paths) != 1:
        msg = f"--id is for one document, and these are {len(paths)}; import them one by one."
        raise MentorError(msg)
    documents = []
    with progress() as shown:
        for at, (path, taken) in enumerate(zip(paths, _each(paths), strict=True)):
            if len(paths) > 1:
                shown("reading", at / len(paths))
            if isinstance(taken, MentorError):
                failed.append(str(taken))
            else:
                documents.append(_Read(_new(path, taken, wanted), taken))
    return documents, failed


def _each(paths: Sequence[Path]) -> Iterator[Taken | MentorError]:
    """Yield what each file holds, or why it cannot be taken, in their order; of many, several are
    read at one time.
    """
    if len(paths) < _MANY:
        yield from map(_tried, paths)
        return
    with ProcessPoolExecutor(
        min(_PROCESSES, os.cpu_count() or 1),
        get_context("spawn"),  # the bar draws itself in a thread, which a fork would lose
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is told once, by the parent
    ) as pool:
        yield from pool.map(_tried, paths, chunksize=8)


def _tried(path: Path) -> Taken | MentorError:
    try:
        return take(path)
    except MentorError as error:
        return error


def _news(documents: Sequence[_Read]) -> list[New]:
    return [one.new for one in documents]


def _new(path: Path, taken: Taken, wanted: str) -> New:
    speakers = tuple(
        Speaker(v.name, v.name, labels=v.labels, opens=v.opens, asks=v.asks) for v in taken.voices
    )
    return New(path, taken.sha256, taken.text, taken.about, speakers, wanted)


def _rehearse(
    folder: Path, documents: Sequence[_Read], changes: Sequence[Change], *, every: bool
) -> None:
    """Show what would be written, and the text itself as a diff on stdout."""
    for one, change in zip(documents, changes, strict=True):
        show_found(stderr(), one.new, one.taken, change, every=every)
        for line in differing(one.new.path, standing(folder, change.id), one.new.text):
            sys.stdout.write(f"{line}\n")


def _asked(
    documents: Sequence[_Read], changes: Sequence[Change], *, every: bool
) -> Iterator[_Read]:
    """Show each document and yield those that a person wants; what stays as it is needs no word."""
    all_ = False
    for one, change in zip(documents, changes, strict=True):
        show_found(stderr(), one.new, one.taken, change, every=every)
        if change.kind in {"unchanged", "refused"}:
            if change.kind == "refused":
                yield one  # so that it is told at the end, and with what exit status
            continue
        answer = "a" if all_ else _typed(_ASK, "q").lower()[:1]
        all_ = answer == "a"
        if answer == "q":
            return
        if answer == "e":
            yield replace(one, new=_edited(one.new))
        elif answer in {"y", "a"}:
            yield one


def _typed(prompt: str, otherwise: str) -> str:
    """Return what a person types, `otherwise` where there is no more to come."""
    try:
        return stderr().input(Text(prompt)).strip()
    except EOFError:
        return otherwise


def _edited(new: New) -> New:
    """Return the essay with the title, author and date that a person types; nothing keeps one."""
    typed = {
        "title": _typed(f"  Title [{plain(new.title)}]: ", ""),
        "author": _typed(f"  Author [{plain(new.about.author)}]: ", ""),
        "date": _typed(f"  Date, as 2024-02-27 [{new.about.date}]: ", ""),
    }
    return replace(new, about=replace(new.about, **{k: said for k, said in typed.items() if said}))


def _tell(chosen: Sequence[_Read], changes: Sequence[Change]) -> None:
    for one, change in zip(chosen, changes, strict=True):
        if change.kind == "refused":
            continue
        stderr().print(Text(one_line(one.new.path, change)), soft_wrap=True)
        for note in change.notes:
            stderr().print(Text(f"  {plain(note)}"), soft_wrap=True)


def _followed(corpus: Path | None, index: Path | None, *, indexed: bool) -> None:
    if indexed:
        build_index(corpus=corpus, index=index)
    else:
        stderr().print("Run `mentor index` before you ask.")
