"""A shelf, and what people left beside its index -> one file.

    shelf/…                 the corpus folder, without what is hidden but .trash
    state/feedback.jsonl    what people think of answers
    state/questions.sqlite3 what they asked, where that is kept
    index/…                 the index in use, if it is wished: it can always be built again
    settings.txt            the settings in force, without secrets

A server may go on meanwhile; an import waits.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import CorpusError, IndexLockedError, MentorError, StaleIndexError
from rag.index import DAMAGE, Generation, published
from rag.journal import MANIFEST, changing, flush
from rag.keeping.archive import Contents, pack
from rag.load import essay_path, rows

FEEDBACK, QUESTIONS = "feedback.jsonl", "questions.sqlite3"
ASIDE = ".restoring"  # in the folder of the index: what a restore unpacks before it takes it over
TRASH = ".trash"
WAIT_S = 10.0  # for another process that writes


def version_of_mentor() -> str:
    """Return the version that is installed, "unknown" where it runs without an installation."""
    try:
        return version("mentor")
    except PackageNotFoundError:
        return "unknown"


def back_up(
    archive: Path,
    corpus_dir: Path,
    index_dir: Path,
    settings: str,
    *,
    with_index: bool = False,
    held: bool = False,
) -> Contents:
    """Write a backup, readable by its owner alone; a file that stands there is replaced at the end.

    `settings` is a text that is kept as it is; `held` says that the caller is alone with the shelf.

    Raises:
        MentorError: there is no shelf, somebody writes to it for too long, there is no index to
            include, or the disk does not take it. What stood at `archive` stands there still.
    """
    archive = archive.absolute()
    if not (corpus_dir / MANIFEST).is_file():
        msg = f"{corpus_dir}: has no {MANIFEST}, so there is no shelf to back up; set --corpus."
        raise MentorError(msg)
    # Whoever cannot write to the shelf cannot take its lock, and nobody else is likely to write.
    free = not held and os.access(corpus_dir, os.W_OK)
    with changing(corpus_dir) if free else nullcontext():
        try:
            with _making(archive) as folder:
                (folder / "settings.txt").write_text(settings, encoding="utf-8")
                files = shelf_files(corpus_dir) | _state(index_dir, folder)
                _refuse_partial(corpus_dir, files)
                files["settings.txt"] = folder / "settings.txt"
                return _packed(archive, folder, files, index_dir if with_index else None)
        except OSError as error:
            msg = f"{error.filename or archive}: {error.strerror or error}; no backup was written."
            raise MentorError(msg) from error


def _packed(
    archive: Path, folder: Path, files: dict[str, Path], index_dir: Path | None
) -> Contents:
    """Pack files, and an index if one is given, in a folder beside the archive; publish it."""
    made = folder / archive.name
    if index_dir is None:
        contents = pack(made, files, _about())
    else:
        with index_alone(index_dir):
            contents = pack(made, files | _index(index_dir), _about())
    _publish(made, archive)
    return contents


def _about() -> dict[str, str]:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {"mentor": version_of_mentor(), "made": made}


def shelf_files(corpus_dir: Path) -> dict[str, Path]:
    """Return the files of the shelf by name; locks, drafts of a change and `.git` are none."""
    found = {}
    for path in sorted(corpus_dir.rglob("*")):
        parts = path.relative_to(corpus_dir).parts
        if path.is_file() and not any(part.startswith(".") for part in shown(parts)):
            found["/".join(("shelf", *parts))] = path
    return found


def _refuse_partial(corpus_dir: Path, files: Mapping[str, Path]) -> None:
    """Raise CorpusError where an essay that is read would not be in the backup."""
    try:
        found = rows(corpus_dir)
    except CorpusError:
        return  # of a shelf in disorder, all is kept that is there
    for row in found:
        name = f"shelf/essays/{row.id}.md"
        if name not in files and essay_path(corpus_dir, row.id).is_file():
            msg = f"{corpus_dir / 'essays'} is a link; put the folder there in the place of it."
            raise CorpusError(msg)


def shown(parts: Sequence[str]) -> Sequence[str]:
    """Return the parts of a name on the shelf that may not be hidden."""
    return parts[1:] if parts[0] == TRASH else parts


def _state(index_dir: Path, folder: Path) -> dict[str, Path]:
    """Copy what a server may be writing to, each as it was at one moment."""
    found = {}
    source = index_dir / FEEDBACK
    if source.is_file():
        found[f"state/{FEEDBACK}"] = folder / FEEDBACK
        # Lines are only added, so that a copy of the first bytes is whole but for its last line.
        data = source.read_bytes()
        (folder / FEEDBACK).write_bytes(data[: data.rfind(b"\n") + 1])
    source = index_dir / QUESTIONS
    if source.is_file():
        found[f"state/{QUESTIONS}"] = folder / QUESTIONS
        _copy_questions(source, folder / QUESTIONS)
    return found


def _copy_questions(source: Path, target: Path) -> None:
    """Copy a database that others write to. Raises MentorError where it is damaged."""
    try:
        with (
            closing(sqlite3.connect(source, timeout=WAIT_S)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        msg = f"{source}: cannot be copied ({error}); run `mentor doctor --fix`, then try again."
        raise MentorError(msg) from error


def _index(index_dir: Path) -> dict[str, Path]:
    """Return the files of the index in use. Raises MentorError where there is none."""
    try:
        name = published(index_dir)
        folders = [name, *Generation.read(index_dir, name).segments]
    except (StaleIndexError, *DAMAGE) as error:
        msg = f"{index_dir}: there is no whole index to include; run `mentor index` first."
        raise MentorError(msg) from error
    paths = [path for folder in folders for path in sorted((index_dir / folder).rglob("*"))]
    files = [path for path in [*paths, index_dir / "current"] if path.is_file()]
    return {f"index/{path.relative_to(index_dir).as_posix()}": path for path in files}


@contextmanager
def _making(archive: Path) -> Iterator[Path]:
    """Yield a folder beside the archive; one that a killed backup left is thrown away."""
    if not archive.parent.is_dir():
        msg = f"{archive.parent}: there is no such folder; make it, or name another."
        raise MentorError(msg)
    with fresh(archive.parent / f".{archive.name}.making") as folder:
        yield folder


def _publish(made: Path, archive: Path) -> None:
    made.chmod(0o600)  # it holds what people asked
    flush(made)
    made.replace(archive)
    flush(archive.parent)


@contextmanager
def index_alone(index_dir: Path) -> Iterator[None]:
    """Keep builders, which remove what is old, away from the index.

    Raises:
        IndexLockedError: another process is at it for longer than `WAIT_S` seconds.
    """
    try:
        with FileLock(index_dir / "lock", timeout=WAIT_S):
            yield
    except Timeout as error:
        msg = f"Another process is busy with {error.lock_file}; wait for it, then try again."
        raise IndexLockedError(msg) from error


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for this process's owner alone, and remove it at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
