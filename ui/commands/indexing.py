"""`mentor index`: once, or whenever the shelf changes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from rag import Mentor, MentorError, Settings
from ui.commands.command import Corpus, Index, progress, settings_of
from ui.terminal import stderr

_SETTLES_MS = 300  # a change that is followed by others within this time waits for them
_FIRST_MS = 500  # of quiet, after which it is certain that the folder is watched
_DRAFTS = "drafts"  # which stand on the shelf and are not read; nor is what is hidden


def build_index(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and index again whenever the shelf changes.")
    ] = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Build the index, if it is missing or stale: of what is new or changed alone."""
    settings = settings_of(corpus, index)
    if not watch:
        _brought_up_to_date(settings)
        return
    stderr().print(f"Watching {settings.corpus_dir}  (Ctrl-C stops it)", markup=False)
    for _ in _changes(settings.corpus_dir):
        _tried(settings)


def _brought_up_to_date(settings: Settings) -> None:
    started = time.perf_counter()
    with progress() as shown:
        essays, computed = Mentor.index(settings, progress=shown)
    took = time.perf_counter() - started
    new = f"{computed} new or changed, {took:.1f} s" if computed else "nothing to compute"
    stderr().print(f"The index of {essays} essays is ready ({new}).", markup=False)


def _tried(settings: Settings) -> None:
    """Index, and tell what is wrong in a line: the next change may mend it."""
    try:
        _brought_up_to_date(settings)
    except MentorError as error:
        stderr().print(str(error), markup=False, highlight=False, soft_wrap=True)


def _changes(folder: Path) -> Iterator[None]:
    """Yield once when the folder is watched, so that nothing before is missed, then for each change
    of what is read from it.

    Raises:
        MentorError: there is no such folder.
    """
    from watchfiles import Change, watch

    def is_read(_change: Change, path: str) -> bool:
        inside = Path(path).relative_to(folder.resolve()).parts
        return inside[:1] != (_DRAFTS,) and not any(part.startswith(".") for part in inside)

    if not folder.is_dir():
        msg = f"{folder}: there is no such folder; set MENTOR_CORPUS_DIR or --corpus."
        raise MentorError(msg)
    watched = False
    for changes in watch(
        folder.resolve(),
        watch_filter=is_read,
        debounce=_SETTLES_MS,
        rust_timeout=_FIRST_MS,
        yield_on_timeout=True,
    ):
        if changes or not watched:
            yield
        watched = True
