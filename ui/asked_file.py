"""The file of what was asked, beside the index: written by several processes at a time.

SQLite. Each use opens the file and closes it again: one that was set aside, removed or brought back
meanwhile is nobody's open file.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag import MentorError, Status
from ui.asked import Asked, kept_text

FILE = "questions.sqlite3"
_DAMAGED = f"{FILE}.damaged-"
_VERSION = 1
_SCHEMA = """
CREATE TABLE asked (
  id TEXT PRIMARY KEY, at TEXT NOT NULL, question TEXT NOT NULL, lang TEXT NOT NULL,
  status TEXT NOT NULL, answerer TEXT NOT NULL, cited TEXT NOT NULL, nearest TEXT NOT NULL,
  timings_ms TEXT NOT NULL, verdict TEXT NOT NULL
);
CREATE INDEX asked_at ON asked (at);
"""
_BUSY_S = 10.0  # that another process may write
_RECENT = timedelta(days=1)  # within which a thumb belongs to a question
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF  # the part of an error code that says what kind it is


class AskedError(MentorError):
    """The file of what was asked cannot be used; the message says why."""


class _DamagedError(AskedError):
    """It is no file of SQLite, or no longer a whole one."""


class AskedFile:
    """The file, in the folder of the index. Safe to use from several threads and processes.

    Every method raises AskedError where the file cannot be used; none makes it but `add`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def add(self, rows: Sequence[Asked]) -> None:
        """Append questions, all or none; a damaged file is set aside and a new one begun."""
        try:
            self._add(rows)
        except _DamagedError:
            self._set_aside()
            self._add(rows)

    def judge(self, question: str, status: Status, verdict: str, now: datetime) -> bool:
        """Note a thumb at the question of the last day that it most likely belongs to: the latest
        with these words and this status, of those without a thumb if there are any. Say whether
        there is one.
        """
        if not self.path.exists():
            return False
        text = kept_text(question)
        wanted = (verdict, text, status, _hour(now - _RECENT))
        with self._open() as file:
            found = file.execute(
                "UPDATE asked SET verdict = ? WHERE rowid = (SELECT rowid FROM asked WHERE "
                "question = ? AND status = ? AND at >= ? ORDER BY verdict <> '', rowid DESC "
                "LIMIT 1)",
                wanted,
            )
            return found.rowcount == 1

    def rows(self, since: datetime | None = None) -> list[Asked]:
        """Return what was asked since a time, oldest first; no file gives []."""
        if not self.path.exists():
            return []
        names = ", ".join(field.name for field in fields(Asked))
        with self._open() as file:
            query = f"SELECT {names} FROM asked WHERE at >= ? ORDER BY at, rowid"  # noqa: S608 - our own names
            found = file.execute(query, (_hour(since) if since else "",)).fetchall()
        try:
            return [_read(row) for row in found]
        except (TypeError, ValueError) as error:
            msg = f"{self.path}: holds what Mentor did not write ({error}); move it away."
            raise AskedError(msg) from error

    def remove(self, ids: Sequence[str]) -> int:
        """Remove questions for good, and return how many; their words leave the file with them."""
        if not self.path.exists():
            return 0
        with self._open() as file:
            before = file.total_changes
            file.executemany("DELETE FROM asked WHERE id = ?", [(id_,) for id_ in ids])
            removed = file.total_changes - before
        self._wipe()
        return removed

    def remove_all(self) -> int:
        """Remove every question for good, those of files that were set aside, too; say how many
        stood in the file.
        """
        removed = 0
        if self.path.exists():
            try:
                with self._open() as file:
                    removed = file.execute("DELETE FROM asked").rowcount
                self._wipe()
            except _DamagedError:
                self._set_aside()
        self._drop_damaged(datetime.max.replace(tzinfo=UTC))
        return removed

    def sweep(self, days: int, now: datetime) -> int:
        """Remove what was asked more than so many days ago, and return how much that was."""
        oldest = now - timedelta(days=days)
        self._drop_damaged(oldest)
        if not self.path.exists():
            return 0
        with self._open() as file:
            removed = file.execute("DELETE FROM asked WHERE at < ?", (_hour(oldest),)).rowcount
        if removed:
            self._wipe()
        return removed

    def _add(self, rows: Sequence[Asked]) -> None:
        places = ", ".join("?" * len(fields(Asked)))
        with self._open() as file:
            file.executemany(f"INSERT INTO asked VALUES ({places})", map(_written, rows))  # noqa: S608 - our own

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give the file for one transaction, made and brought up to date first if need be."""
        try:
            with closing(self._connected()) as file, file:
                file.execute("BEGIN IMMEDIATE")
                _brought_up_to_date(file, self.path)
                yield file
        except sqlite3.Error as error:
            raise self._told(error) from error
        except OSError as error:
            raise AskedError(f"{self.path}: {error.strerror}.") from error

    def _connected(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            self.path.touch(0o600)  # what people ask is for its owner alone
        file = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        try:
            file.execute("PRAGMA secure_delete = ON")  # what is removed is written over
            file.execute("PRAGMA temp_store = MEMORY")  # nor is it copied into another folder
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            file.close()
            raise
        return file

    def _wipe(self) -> None:
        """Write the file anew, so that nothing of what was removed is in it, nor beside it."""
        try:
            with closing(self._connected()) as file:
                file.execute("VACUUM")
                blocked = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            raise self._told(error) from error
        if blocked:
            msg = f"{self.path}: is read elsewhere; what was removed may be in it until it closes."
            raise AskedError(msg)

    def _set_aside(self) -> None:
        """Give a damaged file another name, unless another process has done so already."""
        with self._alone():
            if self._is_damaged():
                name = self.path.with_name(f"{_DAMAGED}{secrets.token_hex(4)}")
                for end in ("-wal", "-shm", ""):
                    with suppress(FileNotFoundError):
                        Path(f"{self.path}{end}").rename(f"{name}{end}")

    def _is_damaged(self) -> bool:
        try:
            with self._open() as file:
                return bool(file.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
        except _DamagedError:
            return True

    def _drop_damaged(self, before: datetime) -> None:
        for path in self.path.parent.glob(f"{_DAMAGED}*"):
            with suppress(FileNotFoundError):  # another process does the same
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                    path.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(f"{self.path}.lock", timeout=_BUSY_S):
                yield
        except (OSError, Timeout) as error:
            raise AskedError(f"{self.path}: cannot be changed ({error}).") from error

    def _told(self, error: sqlite3.Error) -> AskedError:
        if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _BROKEN:
            line = "a running server sets it aside, and `mentor questions delete --all` removes it"
            return _DamagedError(f"{self.path}: is damaged ({error}); {line}.")
        return AskedError(f"{self.path}: cannot be used ({error}).")


def _brought_up_to_date(file: sqlite3.Connection, path: Path) -> None:
    version = file.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        msg = f"{path}: was written by a newer Mentor; take that one, or move the file away."
        raise AskedError(msg)
    if version < _VERSION:
        for statement in _SCHEMA.strip().split(";")[:-1]:
            file.execute(statement)
        file.execute(f"PRAGMA user_version = {_VERSION}")


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%HZ")


def _written(row: Asked) -> tuple[Any, ...]:
    told = dict(zip((field.name for field in fields(Asked)), astuple(row), strict=True))
    lists = {name: json.dumps(told[name]) for name in ("cited", "nearest", "timings_ms")}
    # A lone surrogate cannot be written as UTF-8.
    text = row.question.encode("utf-8", "replace").decode()
    return tuple((told | lists | {"at": _hour(row.at), "question": text}).values())


def _read(row: Sequence[Any]) -> Asked:
    told = dict(zip((field.name for field in fields(Asked)), row, strict=True))
    at = datetime.strptime(told["at"], "%Y-%m-%dT%HZ").replace(tzinfo=UTC)
    cited, nearest = (tuple(json.loads(told[name])) for name in ("cited", "nearest"))
    timings = json.loads(told["timings_ms"])
    return Asked(**told | {"at": at, "cited": cited, "nearest": nearest, "timings_ms": timings})
