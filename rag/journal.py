"""Several files of a corpus folder -> all of them changed, or none, whatever interrupts it.

What is new is first written into `.shelving-draft`. Its rename to `.shelving` is the commit: a
draft is thrown away, and what is committed is carried out by whoever comes next, reader or writer.
Knows names of files, nothing of what stands in them.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from rag.errors import CorpusError

MANIFEST = "manifest.toml"
_DRAFT, _COMMITTED, _PLAN, _LOCK = ".shelving-draft", ".shelving", "plan.json", ".lock"
_WAIT_S = 10.0  # for another process that writes to the same shelf
_SEEN = (MANIFEST, "essays", "translations", "questions")  # what is read
_TRIES = 20  # readings of a shelf that somebody changes meanwhile
# A journal may come with a shelf from somebody else: it can name no other file than these.
_FOLDER = "(?:essays|sources|translations|questions|drafts)"
_FILE = r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*"
_NAME = re.compile(rf"(?:\.trash/[\w-]+/)?(?:{_FOLDER}/{_FILE}|{re.escape(MANIFEST)})")

_Read = TypeVar("_Read")


class Journal:
    """Changes of a corpus folder in the making; nothing of it is seen before the commit.

    Names are relative to the folder, such as "essays/a.md".
    """

    def __init__(self, corpus_dir: Path) -> None:
        self._corpus, self._folder = corpus_dir, corpus_dir / _DRAFT
        self._puts: dict[str, str] = {}
        self._drops: set[str] = set()
        self._is_begun, self._count = False, 0

    def put(self, name: str, data: bytes) -> None:
        """Let a file hold `data`, whether it is there or not."""
        self._begun()
        self._drops.discard(name)
        number = self._puts.setdefault(_checked(name), str(self._count))
        self._count += 1  # a number is given once, even where its name is dropped again
        (self._folder / number).write_bytes(data)

    def drop(self, name: str) -> None:
        """Remove a file; it may be gone already."""
        self._puts.pop(name, None)
        self._drops.add(_checked(name))

    def commit(self) -> bool:
        """Make the changes last, so that they will be carried out; False where there are none.

        Raises:
            CorpusError: something stands in their way; nothing was changed.
        """
        if not self._puts and not self._drops:
            return False
        for name in (*self._puts, *self._drops):
            _refuse_obstacle(self._corpus, name)
        plan = json.dumps({"puts": self._puts, "drops": sorted(self._drops)})
        self._begun()
        (self._folder / _PLAN).write_text(plan, encoding="utf-8")
        for path in self._folder.iterdir():  # after all is written, most of it is on the disk
            flush(path)
        flush(self._folder)
        self._folder.rename(self._folder.with_name(_COMMITTED))
        flush(self._folder.parent)
        return True

    def _begun(self) -> None:
        # Not where it stands already: a link that came with a shelf may lead anywhere.
        self._folder.mkdir(exist_ok=self._is_begun)
        self._is_begun = True


@contextmanager
def changing(corpus_dir: Path, wait_s: float = _WAIT_S) -> Iterator[Journal]:
    """Yield a journal, alone with the shelf; commit it and carry it out where no error comes.

    Raises:
        CorpusError: another process writes for longer than `wait_s`, or the folder does not take
            it; nothing was changed, unless the message says that it will be.
    """
    with _alone(corpus_dir, wait_s):
        try:
            _finish(corpus_dir)
            _discard(corpus_dir)
            journal = Journal(corpus_dir)
            yield journal
            committed = journal.commit()
        except OSError as error:
            raise CorpusError(_unwritten(corpus_dir, error)) from error
        finally:
            _discard(corpus_dir)
        if committed:
            _carried_out(corpus_dir)


def settle(corpus_dir: Path) -> None:
    """Carry out what was committed and interrupted; quick where there is nothing of the kind.

    Raises:
        CorpusError: somebody else is at it for too long, or the folder cannot be written.
    """
    if not (corpus_dir / _COMMITTED).exists():
        return
    if not os.access(corpus_dir, os.W_OK):
        _wait_for_another(corpus_dir)
        return
    with _alone(corpus_dir, _WAIT_S):
        _carried_out(corpus_dir)


def _wait_for_another(corpus_dir: Path) -> None:
    """Give who carries out a change the time for it, where only they may write."""
    until = time.monotonic() + _WAIT_S / 2
    while (corpus_dir / _COMMITTED).exists():
        if time.monotonic() > until:
            raise CorpusError(_unwritten(corpus_dir, PermissionError("it may not be written")))
        time.sleep(0.01)


def steady(corpus_dir: Path, read: Callable[[], _Read]) -> _Read:
    """Return what `read` gives of the shelf while nobody changed it; so it may be called again.

    Raises:
        CorpusError: what `read` raises, or the shelf changes all the time.
    """
    for _ in range(_TRIES):
        settle(corpus_dir)
        before = _state(corpus_dir)
        try:
            found = read()
        except CorpusError:
            if _state(corpus_dir) == before:
                raise
        else:
            if _state(corpus_dir) == before:
                return found
    msg = f"The shelf in {corpus_dir} changes all the time; wait for who writes to it."
    raise CorpusError(msg)


def _state(corpus_dir: Path) -> tuple[int, ...]:
    """Return what differs once a change began or ended: each replaces, adds or removes a file."""
    if (corpus_dir / _COMMITTED).exists():
        return (-1, *os.urandom(8))  # equal to no other
    told: list[int] = []
    for name in _SEEN:
        with suppress(OSError):
            found = (corpus_dir / name).stat()
            told += [found.st_ino, found.st_mtime_ns, found.st_size]
    return tuple(told)


@contextmanager
def _alone(corpus_dir: Path, wait_s: float) -> Iterator[None]:
    lock = FileLock(corpus_dir / _LOCK, timeout=wait_s)
    try:
        lock.acquire()
    except Timeout as error:
        msg = f"Another process writes to the shelf in {corpus_dir}; wait for it, then try again."
        raise CorpusError(msg) from error
    except OSError as error:
        raise CorpusError(_unwritten(corpus_dir, error)) from error
    try:
        yield
    finally:
        lock.release()


def _unwritten(corpus_dir: Path, error: OSError) -> str:
    why = error.strerror or error
    if (corpus_dir / _COMMITTED).exists():
        return (
            f"{corpus_dir / _COMMITTED}: a change of the shelf was interrupted and cannot be ended "
            f"({why}); run `mentor doctor` once you may write there."
        )
    return f"The shelf in {corpus_dir} cannot be written ({why}); nothing was changed."


def _carried_out(corpus_dir: Path) -> None:
    try:
        _finish(corpus_dir)
    except OSError as error:
        raise CorpusError(_unwritten(corpus_dir, error)) from error


_SPOILT = (ValueError, LookupError, TypeError, AttributeError, FileNotFoundError)  # of a plan


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a committed journal changes: number of the staged file by name, and names that go."""

    puts: dict[str, str]
    drops: list[str]

    @classmethod
    def read(cls, folder: Path) -> "_Plan":
        try:
            told: dict[str, Any] = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
            puts = {_checked(name): str(int(number)) for name, number in told["puts"].items()}
            drops = [_checked(name) for name in told["drops"]]
        except (*_SPOILT, CorpusError) as error:
            msg = (
                f"{folder.name}/{_PLAN}: not a change that Mentor has begun ({error}); look at "
                f"{folder}, then remove it."
            )
            raise CorpusError(msg) from error
        return cls(puts, drops)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no name of a file on a shelf; give the file another, then try again."
        raise CorpusError(msg)
    return name


def _finish(corpus_dir: Path) -> None:
    """Carry out a committed journal, if there is one; every step may be done twice."""
    folder = corpus_dir / _COMMITTED
    if not folder.exists():
        return
    plan = _Plan.read(folder)
    touched = {(corpus_dir / name).parent for name in (*plan.puts, *plan.drops)}
    for parent in touched:
        _make_inside(corpus_dir, parent)
    for name in plan.drops:
        (corpus_dir / name).unlink(missing_ok=True)
    for name, number in plan.puts.items():
        with suppress(FileNotFoundError):  # it was moved before the interruption
            (folder / number).replace(corpus_dir / name)
    for parent in touched:
        flush(parent)
    _discard(corpus_dir)
    folder.rename(corpus_dir / _DRAFT)  # all that is left of it may be thrown away
    flush(corpus_dir)
    _discard(corpus_dir)


def _refuse_obstacle(corpus_dir: Path, name: str) -> None:
    """Raise where a change could be committed and not be carried out."""
    path = corpus_dir / name
    _refuse_outside(corpus_dir, path.parent)
    for above in (path.parent, *path.parent.parents):
        if above == corpus_dir:
            break
        if above.exists() and not above.is_dir():
            msg = f"{above}: a folder of the shelf has to stand there; move that file away."
            raise CorpusError(msg)
    if path.is_dir() and not path.is_symlink():
        msg = f"{path}: a file of the shelf has to stand there; move that folder away."
        raise CorpusError(msg)


def _make_inside(corpus_dir: Path, folder: Path) -> None:
    """Make a folder, if need be; it may be no link that leads elsewhere."""
    _refuse_outside(corpus_dir, folder)
    folder.mkdir(parents=True, exist_ok=True)


def _refuse_outside(corpus_dir: Path, folder: Path) -> None:
    if not folder.resolve().is_relative_to(corpus_dir.resolve()):
        msg = f"{folder} leads out of the shelf; put a folder there in the place of that link."
        raise CorpusError(msg)


def _discard(corpus_dir: Path) -> None:
    """Throw a draft away; one that cannot be is thrown away by the next writer."""
    shutil.rmtree(corpus_dir / _DRAFT, ignore_errors=True)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, have reached the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
