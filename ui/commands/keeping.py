"""`mentor backup` and `mentor restore`: everything that cannot be made again, in one file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rag import MentorError, Settings
from rag.keeping.backup import back_up as write_backup
from rag.keeping.restore import in_the_way
from rag.keeping.restore import restore as take_over
from ui.commands.command import Corpus, Index, settings_of
from ui.commands.settings_page import in_force
from ui.terminal import stderr

_SUFFIXES = (".tar.gz", ".tgz")


def back_up(
    file: Annotated[Path, typer.Argument(help="Where to write it: a name that ends in .tar.gz.")],
    *,
    with_index: Annotated[
        bool, typer.Option("--with-index", help="Include the index, which can be built again.")
    ] = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Write the shelf, the feedback, the kept questions and the settings to one file.

    Keys, tokens and logins are not in it. The server may go on.
    """
    if not file.name.endswith(_SUFFIXES):
        msg = f"{file}: give the backup a name that ends in .tar.gz."
        raise MentorError(msg)
    if file.is_dir():
        msg = f"{file}: is a folder; name a file in it."
        raise MentorError(msg)
    made = _backed_up(settings_of(corpus, index), file, with_index=with_index)
    _tell(f"{file}: {made} files, {file.stat().st_size:,} bytes; only you may read it.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `mentor backup` wrote.")],
    *,
    into: Annotated[
        Path | None, typer.Option("--into", help="An empty folder, instead of the places in use.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Replace what is there; it is backed up first.")
    ] = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Put a backup back, after every checksum in it was checked."""
    if into:
        corpus, index = into / "corpus", into / ".mentor"
    settings = settings_of(corpus, index)
    corpus_dir, index_dir = settings.corpus_dir, settings.index_dir
    there = in_the_way(corpus_dir, index_dir)
    if not file.is_file():
        msg = f"{file}: there is no such file; nothing was changed."
        raise MentorError(msg)
    if there and not yes:
        msg = f"{there[0]}: is there already; --yes replaces it and keeps a backup of it."
        raise MentorError(msg)
    if there and corpus_dir / "manifest.toml" not in there:
        msg = f"{there[0]}: belongs to no shelf, so it cannot be backed up; move it away first."
        raise MentorError(msg)

    def keep() -> None:
        if there:
            before = index_dir / f"before-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.tar.gz"
            _backed_up(settings, before, held=True)
            _tell(f"What was there is kept in {before}")

    contents = take_over(file, corpus_dir, index_dir, keep)
    made = contents.about.get("made", "?")
    _tell(f"Restored {len(contents.files)} files, as they were on {made}, to {corpus_dir}")
    _tell(f"Check it: mentor doctor --corpus {corpus_dir} --index {index_dir}")


def _backed_up(
    settings: Settings, file: Path, *, with_index: bool = False, held: bool = False
) -> int:
    """Write a backup; return how many files are in it."""
    shown = "".join(f"{line}\n" for line in in_force(settings))
    folders = settings.corpus_dir, settings.index_dir
    return len(write_backup(file, *folders, shown, with_index=with_index, held=held).files)


def _tell(line: str) -> None:
    stderr().print(Text(line), soft_wrap=True)
