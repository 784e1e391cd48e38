"""The folder of the index -> what is right and wrong with what lies in it.

The index itself, what interruptions left, who holds a lock, and what people left: feedback and kept
questions. It is read, and nothing in it is changed.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from rag.errors import StaleIndexError
from rag.index import DAMAGE, Generation, published
from rag.keeping.backup import ASIDE, FEEDBACK, QUESTIONS
from rag.segments import Segment

State = Literal["ok", "note", "wrong"]
Fact = tuple[State, str]

_PARTS = ("gen-*", "seg-*", "build-*")
_UNDER_WAY = (ASIDE, "current.new")  # what an interruption may leave besides
_MB = 1_000_000
_PATIENCE_S = 1.0  # with a database that another process holds
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


# ---- the index ----


def index_facts(folder: Path) -> Iterator[Fact]:
    """Yield what there is to say about the index, which is not opened; the first is "ok" where it
    is whole.
    """
    if not (folder / "current").exists():
        yield "note", f"{folder}: there is no index yet; it is built when it is first needed"
        return
    try:
        generation = Generation.read(folder, published(folder))
        generation.check()
        faults = _chroma_faults(folder, generation)
    except StaleIndexError as error:
        if "another version" in str(error):
            yield "note", str(error)
        else:
            yield "wrong", str(error).replace("run `mentor index`", "run `mentor doctor --fix`")
    except PermissionError as error:
        yield "wrong", f"{error.filename}: may not be read; give it to who runs Mentor (chown)."
    except DAMAGE as error:
        yield "wrong", f"{folder}: the index is damaged ({error}); run `mentor doctor --fix`."
    else:
        yield from faults or [("ok", f"{folder}: the index is whole ({_size(folder):.0f} MB)")]
        if left := left_over(folder):
            yield "note", f"{folder}: {len(left)} left-overs; `mentor doctor --fix` removes them"


def _chroma_faults(folder: Path, generation: Generation) -> list[Fact]:
    """Return what is wrong with the databases of an index, which have no checksum."""
    segments = [Segment(folder / name) for name in generation.segments]
    paths = [one.folder / "vectors" / "chroma.sqlite3" for one in segments if one.chroma]
    faults = {path: database_fault(path) if path.is_file() else "gone" for path in paths}
    told = "is damaged ({}); run `mentor doctor --fix`."
    return [("wrong", f"{path}: {told.format(fault)}") for path, fault in faults.items() if fault]


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MB


def left_over(folder: Path) -> list[Path]:
    """Return what neither the generation in use nor the one before it needs; of an index that is
    damaged, only what was never part of one.
    """
    needed: set[str] = set()
    with suppress(StaleIndexError, *DAMAGE):
        used = Generation.read(folder, published(folder))
        needed |= {used.folder.name, used.previous, *used.segments}
        with suppress(StaleIndexError, *DAMAGE):
            needed |= {*Generation.read(folder, used.previous).segments}
    parts = [path for kind in _PARTS for path in folder.glob(kind)] if needed else []
    aside = [folder / name for name in _UNDER_WAY]
    return [path for path in parts if path.name not in needed] + [p for p in aside if p.exists()]


# ---- locks ----


def lock_facts(index_dir: Path, corpus_dir: Path) -> Iterator[Fact]:
    """Say who writes to the index or the shelf."""
    held = {
        index_dir / "lock": "builds or restores the index",
        corpus_dir / ".lock": "writes to the shelf",
    }
    told = False
    for path, what in held.items():
        who = ""
        try:
            who = _holder(path) if path.is_file() else ""
        except PermissionError:
            yield "note", f"{path}: you may not look whether somebody {what}"
            told = True
        if who:
            yield "note", f"{who} {what}; whoever else wants to waits for it"
            told = True
    if not told:
        yield "ok", "nobody writes to the shelf or the index"


def _holder(path: Path) -> str:
    """Return who holds a lock, "" for nobody."""
    try:
        with FileLock(path, timeout=0):
            return ""
    except Timeout:
        pass
    with suppress(OSError, ValueError, IndexError):
        inode = str(path.stat().st_ino)
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            cells = line.split()
            if cells[5].rpartition(":")[2] == inode:
                return f"process {cells[4]}"
    return "another process"


# ---- what people left ----


def kept_facts(folder: Path) -> Iterator[Fact]:
    """Say what is kept of what people asked and thought, and who may read it."""
    if not folder.exists():
        yield "ok", f"{folder}: is made at the first start"
        return
    if not os.access(folder, os.W_OK):
        yield "wrong", f"{folder}: cannot be written; give it to who runs Mentor (chown)."
    feedback, questions = folder / FEEDBACK, folder / QUESTIONS
    if feedback.exists():
        whole, damaged = lines_of(feedback)
        yield _sound(feedback, f"{len(whole)} lines", f"{damaged} damaged lines" * bool(damaged))
    if questions.exists():
        yield _questions(questions)
    seen = [path.name for path in (feedback, questions) if _is_seen(path)]
    if seen:
        names = ", ".join(seen)
        yield "note", f"{names}: everybody on this machine may read it; chmod 700 {folder}"
    if not (feedback.exists() or questions.exists()):
        yield "ok", "no feedback and no questions are kept"


def _questions(path: Path) -> Fact:
    try:
        return _sound(path, "a sound database", database_fault(path))
    except OSError as error:
        return "note", f"{path}: cannot be looked at just now ({error})"


def _sound(path: Path, what: str, fault: str) -> Fact:
    if fault:
        return "wrong", f"{path}: {fault}; `mentor doctor --fix` sets it aside."
    return "ok", f"{path}: {what}"


def _is_seen(path: Path) -> bool:
    """Say whether other users of the machine may read a file."""
    return path.exists() and bool(path.stat().st_mode & 0o004 and path.parent.stat().st_mode & 1)


def lines_of(path: Path) -> tuple[list[bytes], int]:
    """Return the lines of a feedback file that are whole, and how many others there are."""
    lines = path.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n") and _is_object(line)]
    return whole, len(lines) - len(whole)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def database_fault(path: Path) -> str:
    """Return how a database is damaged, "" for not at all. It is opened, and not written.

    Raises:
        OSError: it cannot be looked at now, by this user; that says nothing of what is in it.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE_S)) as opened:
            (said,) = opened.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _DAMAGED:  # the rest of the number says more closely
            return str(error)
        raise OSError(str(error)) from error
    return "" if said == "ok" else str(said)
