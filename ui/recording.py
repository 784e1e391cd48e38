"""A Mentor whose questions are kept, where the owner wants that: by a thread of its own, so that no
answer waits for a disk, and none fails because the file does.
"""

import atexit
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from queue import Empty, Full, Queue
from threading import Thread
from typing import TYPE_CHECKING, cast

from rag import Answer, Mentor, Settings, Status
from ui.asked import Asked, asked
from ui.asked_file import AskedError, AskedFile
from ui.heard import Ending, Heard
from ui.words import Words

if TYPE_CHECKING:
    from ui.bodies import Feedback

logger = logging.getLogger(__name__)

# A cry for help is nobody's to read; a greeting tells nothing about the shelf.
_NOT_KEPT = {"care", "small talk"}
_WAITING = 10_000  # of what is not written yet; what comes on top is not kept
_AT_ONCE = 1000  # in one transaction
_SWEPT_EVERY_S = 24 * 3600.0
_WARNED_EVERY_S = 60.0
_GOODBYE_S = 5.0  # for what is not written when the process ends


@dataclass(frozen=True, slots=True)
class _Thumb:
    question: str
    status: Status
    verdict: str


_Item = tuple[Answer, datetime] | _Thumb | None


class Log:
    """Keeps what is asked for some days, in the background. `close` it when nothing is asked more.

    Whatever stands in the way of writing gives a warning, one a minute at most.
    """

    def __init__(self, file: AskedFile, days: int, *, waiting: int = _WAITING) -> None:
        self.days, self._file = days, file
        self._queue: Queue[_Item] = Queue(waiting)
        self._lost, self._warned = 0, -_WARNED_EVERY_S
        self._thread = Thread(target=self._run, name="mentor-questions", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def ended(self, how: Ending) -> None:
        """Have a question kept with what became of it; returns at once, and never fails.

        One that was not answered is not kept.
        """
        if isinstance(how, Answer) and how.answerer not in _NOT_KEPT:
            self._put((how, datetime.now(UTC)))

    def judge(self, told: "Feedback") -> None:
        """Have a thumb noted at its question; returns at once, and never fails."""
        self._put(_Thumb(told.question, told.status, told.verdict))

    def settle(self) -> None:
        """Wait until all that was told so far is written."""
        self._queue.join()

    def close(self) -> None:
        """Write what is told, and end; for a few seconds at most."""
        atexit.unregister(self.close)
        if self._thread.is_alive():
            with suppress(Full):
                self._queue.put(None, timeout=_GOODBYE_S)
            self._thread.join(_GOODBYE_S)

    def _put(self, item: _Item) -> None:
        try:
            self._queue.put_nowait(item)
        except Full:
            self._warn("too much is asked at one time", 1)

    def _run(self) -> None:
        swept, goes_on = -_SWEPT_EVERY_S, True
        while goes_on:
            if time.monotonic() - swept >= _SWEPT_EVERY_S:
                self._tried(lambda: self._file.sweep(self.days, datetime.now(UTC)), 0)
                swept = time.monotonic()
            items = self._told(swept + _SWEPT_EVERY_S - time.monotonic())
            goes_on = None not in items
            try:
                self._write(items)
            finally:
                for _ in items:
                    self._queue.task_done()

    def _told(self, wait_s: float) -> list[_Item]:
        """Return what is to be written; [] where nothing was told for so long."""
        items: list[_Item] = []
        try:
            items.append(self._queue.get(timeout=max(0.0, wait_s)))
            while len(items) < _AT_ONCE:
                items.append(self._queue.get_nowait())
        except Empty:
            pass
        return items

    def _write(self, items: Sequence[_Item]) -> None:
        """Write questions first: the thumbs told since are about them."""
        rows: list[Asked] = [asked(*item) for item in items if isinstance(item, tuple)]
        if rows:
            self._tried(partial(self._file.add, rows), len(rows))
        for item in items:
            if isinstance(item, _Thumb):
                self._tried(partial(self._note, item), 1)

    def _note(self, told: _Thumb) -> None:
        self._file.judge(told.question, told.status, told.verdict, datetime.now(UTC))

    def _tried(self, work: Callable[[], object], count: int) -> None:
        try:
            work()
        except AskedError as error:
            self._warn(str(error), count)
        except Exception as error:  # noqa: BLE001 - a log must not end because of one question
            self._warn(f"{type(error).__name__}", count)

    def _warn(self, why: str, lost: int) -> None:
        self._lost += lost
        now = time.monotonic()
        if now - self._warned >= _WARNED_EVERY_S:
            logger.warning("The question log is behind: %s (%d not kept)", why, self._lost)
            self._warned, self._lost = now, 0


class _Recording(Heard):
    """A Mentor that tells a log what it answered."""

    def __init__(self, mentor: Mentor, log: Log) -> None:
        super().__init__(mentor, log.ended)
        self.log, self.kept_days = log, log.days


def open_log(settings: Settings) -> Log | None:
    """Return the log of questions, None where the settings want none: then nothing is written."""
    file = AskedFile(settings.index_dir)
    if not settings.question_log and not file.path.exists():
        return None
    # What was kept before the owner changed their mind goes when its days are over all the same.
    log = Log(file, settings.question_log_days)
    return log if settings.question_log else None


def recording(mentor: Mentor, log: Log | None) -> Mentor:
    """Return the same Mentor, whose questions are kept in a log; itself for None."""
    if log is None:
        return mentor
    return cast("Mentor", _Recording(mentor, log))  # everything else is passed on as it is


def notice(mentor: Mentor, words: Words) -> str:
    """Return what an asker has to know where questions are kept, "" where they are not."""
    days: int = getattr(mentor, "kept_days", 0)
    said = words.questions_kept_one if days == 1 else words.questions_kept
    return said.format(days=days) if days else ""
