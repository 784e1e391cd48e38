"""`mentor serve`: one process on uvicorn, which says goodbye before it stops.

Several processes are in `workers.py`, which is loaded only where they are asked for.
"""

import gc
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from socket import socket
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from rag import Mentor, Settings
from ui.reload import watching
from ui.running.goodbye import Goodbye, Presence
from ui.running.line import Line
from ui.running.logs import Access, set_up

_LAST_S = 1  # for what was cut to be sent
# That a line may be idle between two requests. Longer than nginx and Caddy keep one to us (60 s):
# whoever hangs up first must be the one who asks, or a question can meet the goodbye and be lost.
_IDLE_S = 75


class Server(uvicorn.Server):
    """uvicorn's server, with a goodbye of `goodbye_s` seconds.

    The first signal stops it, the second ends the process there and then; whoever was stopped
    in peace exits with status 0.
    """

    stops: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    then = signal.SIG_DFL  # what a second one does

    def __init__(self, config: uvicorn.Config, presence: Presence, goodbye_s: float) -> None:
        super().__init__(config)
        self._presence, self._goodbye_s = presence, goodbye_s

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {sig: signal.signal(sig, self.handle_exit) for sig in self.stops}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True
        for each in self.stops:
            signal.signal(each, self.then)

    @override
    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._presence.leave()
        for connection in list(self.server_state.connections):
            connection.shutdown()  # it ends if nothing is asked on it, else after its answer
        await self._presence.finish(self._goodbye_s)
        await super().shutdown(sockets)
        # Python would look for garbage in all of it once more: seconds, on a busy machine.
        gc.freeze()


def serve(mentor: Mentor, settings: Settings, host: str, port: int) -> None:
    """Serve from this process until it is stopped.

    Raises:
        MentorError: a setting names something that is none.
    """
    from ui.app import create_app  # noqa: PLC0415 - a worker's figures are prepared before

    set_up(settings.log, settings.log_level)
    app, presence = create_app(mentor, settings), Presence()
    config = config_of(Access(Goodbye(app, presence)), host=host, port=port)
    with watching(app):
        Server(config, presence, settings.goodbye_s).run()


def config_of(app: ASGIApp, **more: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's options
    """Return how uvicorn is to serve an application of Mentor's; `more` are its options."""
    return uvicorn.Config(
        app,
        log_config=None,  # its lines go where all others go
        access_log=False,  # it would tell addresses and queries
        server_header=False,
        proxy_headers=False,  # the guard believes only the proxies that a setting names
        http=Line,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_LAST_S,
        **more,
    )
