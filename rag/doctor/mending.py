"""A set-up -> the same with what is wrong with it mended, as far as that needs no person."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag import doctor
from rag.doctor.inventory import database_fault, index_facts, left_over, lines_of
from rag.errors import MentorError
from rag.keeping.backup import FEEDBACK, QUESTIONS
from rag.opening import bring_up_to_date, models, stand_of
from rag.settings import Settings

_WAIT_S = 5.0  # for another process that writes


def mended(settings: Settings) -> Iterator[str]:
    """Mend what needs no person, and yield a line for each change.

    Essays are brought into canonical form, damaged feedback and questions are set aside, left-overs
    are removed, and an index that is damaged is built anew. A lock that nobody holds needs no
    mending: it ends with the process that held it.

    Raises:
        MentorError: one of these cannot be done; what was yielded is done.
    """
    try:
        yield from doctor.fix(settings.corpus_dir)
        if settings.index_dir.is_dir():
            yield from _mended_state(settings.index_dir)
            yield from _cleared(settings.index_dir)
    except Timeout as error:
        msg = f"Another process is busy with {error.lock_file}; wait for it, then try again."
        raise MentorError(msg) from error
    except OSError as error:
        why = error.strerror or error
        msg = f"{error.filename or settings.index_dir}: cannot be mended ({why})."
        raise MentorError(msg) from error
    if any(state == "wrong" for state, _ in index_facts(settings.index_dir)):
        stand = stand_of(settings, *models(settings))
        bring_up_to_date(settings, stand, None)
        yield f"{settings.index_dir}: the index was built anew."


def _cleared(folder: Path) -> Iterator[str]:
    with FileLock(folder / "lock", timeout=_WAIT_S):  # no builder, no restore is at work
        for path in left_over(folder):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            yield f"{path}: left over, removed."


def _mended_state(folder: Path) -> Iterator[str]:
    feedback, questions = folder / FEEDBACK, folder / QUESTIONS
    if feedback.is_file():
        with FileLock(f"{feedback}.lock", timeout=_WAIT_S):
            whole, damaged = lines_of(feedback)
            if damaged:
                aside = _set_aside(feedback)
                made = feedback.with_name(f"{FEEDBACK}.new")
                made.write_bytes(b"".join(whole))
                made.replace(feedback)
                yield f"{feedback}: {len(whole)} whole lines kept; it is set aside as {aside}."
    if questions.is_file() and database_fault(questions):
        with FileLock(f"{questions}.lock", timeout=_WAIT_S):  # a server sets it aside under it, too
            if questions.is_file() and database_fault(questions):
                yield f"{questions}: damaged; it is set aside as {_set_aside(questions)}."


def _set_aside(path: Path) -> str:
    """Move a file out of the way, with the journals of a database; return its new name."""
    stamp = f"damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    for ending in ("-wal", "-shm", ""):  # who opens the database finds no journal without it
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(
                path.with_name(f"{path.name}.{stamp}{ending}")
            )
    return f"{path.name}.{stamp}"
