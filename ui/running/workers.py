"""Several processes on one port: who starts them, replaces the dead, and lets all of them go.

uvicorn's own supervisor does not fit: its workers have no number, by which a chat finds its own,
it starts one that cannot start again and again, and restarts all where Mentor only reads anew.
"""

import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic
from types import FrameType

from pydantic import SecretStr

from rag import MentorError, Settings
from ui.door import bound
from ui.running.logs import set_up
from ui.running.seat import OF_THE_PARENT, Seat, sit

logger = logging.getLogger(__name__)

_TRIES = 3
_LOOK_S = 0.2
_PATIENCE_S = 5.0  # beyond the goodbye, before a worker that still runs is killed
_SPAWN = get_context("spawn")  # a fork would share locks that a library's thread may hold
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve_together(settings: Settings, host: str, port: int) -> None:
    """Serve with `settings.workers` processes until stopped; the index has been built before.

    Raises:
        MentorError: nobody can listen there, or a worker cannot start, three times in a row.
    """
    set_up(settings.log, settings.log_level)
    with _private_folder() as folder, bound(host, port) as door:
        told, all_up = _shared(settings, folder), _SPAWN.Event()
        seats = [Seat(number, folder, told, door, all_up) for number in range(told.workers)]
        last = Crew(seats).serve()
    if last:
        signal.signal(last, signal.SIG_DFL)
        signal.raise_signal(last)


class Crew:
    """The workers, one for each seat."""

    def __init__(self, seats: list[Seat]) -> None:
        self._workers = [_Worker(seat) for seat in seats]
        self._goodbye_s = seats[0].settings.goodbye_s
        self._stops: list[int] = []

    def serve(self) -> int:
        """Keep every seat taken until a signal comes; a second one ends all at once.

        Return that second signal, which is still to be obeyed; 0 for none.
        """
        before = {sig: signal.signal(sig, self._note) for sig in _SIGNALS}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            for worker in self._workers:
                worker.start()
            signal.signal(signal.SIGHUP, self._pass_on)
            while not self._stops:
                self._look()
            self._part()
        finally:
            for worker in self._workers:
                worker.kill()
            for sig, handler in before.items():
                signal.signal(sig, handler)
        return self._stops[1] if len(self._stops) > 1 else 0

    def _look(self) -> None:
        connection.wait([worker.ended for worker in self._workers], _LOOK_S)
        for worker in self._workers:
            worker.look()
        seat = self._workers[0].seat
        if not seat.all_up.is_set() and all(worker.is_up for worker in self._workers):
            seat.all_up.set()
            logger.info("%d workers are ready", len(self._workers))

    def _part(self) -> None:
        for worker in self._workers:
            worker.signal(signal.SIGTERM)
        deadline = monotonic() + self._goodbye_s + _PATIENCE_S
        while len(self._stops) == 1 and monotonic() < deadline:
            if not (left := [worker.ended for worker in self._workers if worker.runs]):
                return
            connection.wait(left, _LOOK_S)

    def _note(self, sig: int, _: FrameType | None) -> None:
        self._stops.append(sig)

    def _pass_on(self, sig: int, _: FrameType | None) -> None:
        for worker in self._workers:
            worker.signal(sig)


class _Worker:
    """Who sits in a seat: a process, and after it the next."""

    def __init__(self, seat: Seat) -> None:
        self.seat, self.is_up = seat, False
        self._failures, self._why = 0, ""
        self._process: SpawnProcess
        self._pipe: Connection

    @property
    def ended(self) -> int:
        """What can be waited for until the process has ended."""
        return self._process.sentinel

    @property
    def runs(self) -> bool:
        return self._process.is_alive()

    def start(self) -> None:
        """Let a process take the seat."""
        self._pipe, theirs = _SPAWN.Pipe()
        name = f"mentor-worker-{self.seat.number + 1}"
        self._process = _SPAWN.Process(target=sit, args=(self.seat, theirs), name=name)
        # It begins without a hearing for what a terminal sends to all, and imports in peace.
        signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_PARENT)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_PARENT)
        theirs.close()
        self.is_up, self._why = False, ""

    def look(self) -> None:
        """Hear what the process says, and replace it if it has ended.

        Raises:
            MentorError: that was the last of its tries.
        """
        self._hear()
        if self.runs:
            return
        self._hear()
        self._failures = 0 if self.is_up else self._failures + 1
        if self._failures == _TRIES:
            raise MentorError(f"A worker could not start {_TRIES} times in a row: {self._reason()}")
        logger.warning("Worker %d is replaced: %s", self.seat.number + 1, self._reason())
        self._pipe.close()
        self.start()

    def signal(self, sig: int) -> None:
        """Send the process a signal, if it runs."""
        if self.runs and self._process.pid:
            os.kill(self._process.pid, sig)

    def kill(self) -> None:
        """End the process at once."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()

    def _hear(self) -> None:
        try:
            while self._pipe.poll():
                said = self._pipe.recv()
                self.is_up, self._why = said is None, said or ""
        except (EOFError, OSError):
            pass  # its end of the pipe has gone with it

    def _reason(self) -> str:
        return self._why or f"it ended with status {self._process.exitcode}."


def _shared(settings: Settings, folder: Path) -> Settings:
    """Return the settings of one worker of several.

    Questions are counted in one file, unless the owner names a store. How many are answered at one
    time is divided, rounded up: a place cannot be lent from process to process.
    """
    told: dict[str, object] = {"asks_at_once": ceil(settings.asks_at_once / settings.workers)}
    if not settings.budget_store.get_secret_value():
        told["budget_store"] = SecretStr(f"sqlite://{folder / 'budgets'}")
    return settings.model_copy(update=told)


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mentor-"))  # which nobody else may enter
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
