"""One worker of several, in its seat: its number, what it shares, and the server that it is."""

import logging
import os
import shutil
import signal
from asyncio import get_running_loop
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from socket import socket

from fastapi import FastAPI
from typing_extensions import override

from rag import Mentor, Settings
from ui.reload import watching
from ui.running.forward import Forward, Received
from ui.running.goodbye import Goodbye, Presence
from ui.running.line import Line
from ui.running.logs import Access, set_up
from ui.running.serving import Server, config_of

logger = logging.getLogger(__name__)

# Ctrl-C comes to every process of a terminal, and the parent passes it on in its own way.
OF_THE_PARENT = (signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Seat:
    """What a worker is told: its number from 0, and what it shares with the others."""

    number: int
    folder: Path  # private: sockets, figures and budgets
    settings: Settings
    door: socket
    all_up: Event

    @property
    def doors(self) -> Sequence[Path]:
        """The private sockets of all workers, in the order of their numbers."""
        return [self.folder / f"{number}.sock" for number in range(self.settings.workers)]


def sit(seat: Seat, pipe: Connection) -> None:
    """Be a worker until told to stop: what `pipe` is sent is None once it is ready, or a line that
    says why it never will be.
    """
    for sig in OF_THE_PARENT:
        signal.signal(sig, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_PARENT)  # as it was started
    set_up(seat.settings.log, seat.settings.log_level, seat.number + 1)
    try:
        _serve(seat, pipe)
    except Exception as error:
        logger.debug("A worker could not start", exc_info=True)
        pipe.send(str(error).partition("\n")[0] or type(error).__name__)
        raise SystemExit(1) from None


def _serve(seat: Seat, pipe: Connection) -> None:
    figures = seat.folder / "figures"
    figures.mkdir(exist_ok=True)
    (figures / f"{seat.number + 1}.pid").write_text(str(os.getpid()))
    # Read by prometheus_client when it is imported: the figures of all workers are told as one.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)  # noqa: TID251
    from ui.app import create_app  # noqa: PLC0415 - it imports that library

    mentor = Mentor.open(seat.settings, rebuild=False)
    app = create_app(mentor, seat.settings)
    with watching(app):
        _Server(app, seat, pipe).run([seat.door])
    mentor.close()


class _Server(Server):
    """A server that other workers reach by a private socket, besides the door that all share.

    Only its parent ends it at once: who stops a whole group of processes signals it twice.
    """

    stops: Sequence[signal.Signals] = (signal.SIGTERM,)
    then = signal.SIG_IGN

    def __init__(self, app: FastAPI, seat: Seat, pipe: Connection) -> None:
        presence = Presence(seat.all_up.is_set)
        shared = Forward(app, seat.number, seat.doors)
        super().__init__(
            config_of(Access(Goodbye(shared, presence))), presence, seat.settings.goodbye_s
        )
        self._private = config_of(Access(Goodbye(Received(app), presence), tells=False))
        self._own_door, self._pipe = seat.doors[seat.number], pipe

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._private.load()
        state = self.server_state
        line = partial(Line, config=self._private, server_state=state, app_state={})
        self._own_door.unlink(missing_ok=True)  # of who sat here before
        loop = get_running_loop()
        self.servers.append(await loop.create_unix_server(line, self._own_door))
        self._pipe.send(None)
        loop.add_reader(self._pipe.fileno(), self._left_alone)

    def _left_alone(self) -> None:
        """Stop and clear up, as nobody is left who would: the parent has gone."""
        get_running_loop().remove_reader(self._pipe.fileno())
        self.should_exit = True
        shutil.rmtree(self._own_door.parent, ignore_errors=True)
