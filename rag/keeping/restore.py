"""A backup -> the shelf and what belongs to it: checked aside, then taken over."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from filelock import FileLock

from rag.errors import CorpusError, MentorError
from rag.journal import MANIFEST, Journal, changing, flush
from rag.keeping.archive import Contents, unpack
from rag.keeping.backup import (
    ASIDE,
    FEEDBACK,
    QUESTIONS,
    TRASH,
    WAIT_S,
    fresh,
    index_alone,
    shelf_files,
    shown,
)


def restore(
    archive: Path,
    corpus_dir: Path,
    index_dir: Path,
    before: Callable[[], object] = lambda: None,
) -> Contents:
    """Put a backup in the place of what stands there, the shelf in one step.

    Everything is unpacked aside and checked first; then `before` is called, alone with the shelf,
    to keep what will be replaced. Essays that the backup lacks are gone
    afterwards; files of the folder that are no part of a shelf stay. An index that was not backed
    up is built when it is next needed.

    Raises:
        MentorError: it is damaged or holds no shelf, somebody else writes, or the disk does not
            take it. The message says where anything was changed.
    """
    if not archive.is_file():
        msg = f"{archive}: there is no such file; nothing was changed."
        raise MentorError(msg)
    begun = False
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        corpus_dir.mkdir(parents=True, exist_ok=True)
        with index_alone(index_dir), fresh(index_dir / ASIDE) as aside:
            contents = unpack(archive, aside)
            if f"shelf/{MANIFEST}" not in contents.files:
                msg = f"{archive}: holds no shelf (no {MANIFEST}); nothing was changed."
                raise MentorError(msg)
            _refuse_unknown(archive, contents)
            with changing(corpus_dir) as journal:
                before()  # nobody adds anything between what is kept and what replaces it
                begun = True
                _take_shelf(journal, aside / "shelf", corpus_dir)
            _take_state(aside / "state", index_dir)
            _take_index(aside / "index", index_dir)
    except OSError as error:
        state = "the restore is not complete" if begun else "nothing was changed"
        msg = (
            f"{error.filename or archive}: {error.strerror or error}; {state}: "
            "run it again once that is mended."
        )
        raise MentorError(msg) from error
    return contents


def in_the_way(corpus_dir: Path, index_dir: Path) -> list[Path]:
    """Return what a restore would replace."""
    found = [corpus_dir / MANIFEST, index_dir / FEEDBACK, index_dir / QUESTIONS]
    return [path for path in found if path.exists()]


def _refuse_unknown(archive: Path, contents: Contents) -> None:
    """Raise MentorError where a file would be put where none belongs, such as into `.git`."""
    for name in contents.files:
        kind, _, rest = name.partition("/")
        fits = {
            "shelf": not any(part.startswith(".") for part in shown(rest.split("/"))),
            "state": rest in {FEEDBACK, QUESTIONS},
            "index": rest == "current" or rest.startswith(("gen-", "seg-")),
            "settings.txt": not rest,
        }
        if not fits.get(kind, False):
            msg = f"{archive}: holds {name!r}, which no backup does; nothing was changed."
            raise MentorError(msg)


def _take_shelf(journal: Journal, aside: Path, corpus_dir: Path) -> None:
    """Replace the shelf: readers, and whoever comes after an interruption, see the old or the new.

    Files that are read by nobody, such as a README, are put beside it one by one.
    """
    names = {path.removeprefix("shelf/") for path in shelf_files(aside)}
    for name in sorted(names):
        if not _put(journal, name, aside / name):
            _put_plainly(aside / name, corpus_dir, name)
    for path in shelf_files(corpus_dir):
        name = path.removeprefix("shelf/")
        if name not in names and not name.startswith(TRASH):
            with suppress(CorpusError):  # of what is no part of a shelf
                journal.drop(name)


def _put(journal: Journal, name: str, path: Path) -> bool:
    """Put a file of the shelf into a journal; False where it is none."""
    try:
        journal.put(name, path.read_bytes())
    except CorpusError:
        return False
    return True


def _put_plainly(path: Path, corpus_dir: Path, name: str) -> None:
    target = corpus_dir / name
    if not target.parent.resolve().is_relative_to(corpus_dir.resolve()):
        msg = f"{target.parent}: leads out of the shelf; remove that link, then restore again."
        raise MentorError(msg)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}.new")
    shutil.copyfile(path, made)
    made.replace(target)


def _take_state(aside: Path, index_dir: Path) -> None:
    if (aside / FEEDBACK).exists():
        path = index_dir / FEEDBACK
        with FileLock(f"{path}.lock", timeout=WAIT_S):  # the one that a server takes for each line
            (aside / FEEDBACK).replace(path)
    if (aside / QUESTIONS).exists():
        _take_questions(aside / QUESTIONS, index_dir / QUESTIONS)


def _take_questions(source: Path, target: Path) -> None:
    """Replace what a database holds in one transaction, as a server may have it open."""
    target.touch(0o600)  # what people ask is for the owner alone
    try:
        with (
            closing(sqlite3.connect(source)) as new,
            closing(sqlite3.connect(target, timeout=WAIT_S)) as old,
        ):
            new.backup(old)
    except sqlite3.Error as error:
        msg = (
            f"{target}: the questions cannot be restored ({error}); the shelf was. "
            "Run `mentor doctor --fix`, then restore again."
        )
        raise MentorError(msg) from error


def _take_index(aside: Path, index_dir: Path) -> None:
    """Put the folders of an index beside those that are there, then point to them."""
    if not (aside / "current").exists():
        return
    for folder in aside.iterdir():
        if folder.is_dir():
            shutil.rmtree(index_dir / folder.name, ignore_errors=True)
            folder.rename(index_dir / folder.name)
    flush(index_dir)
    (aside / "current").replace(index_dir / "current")
