"""A connection as the server holds it: whoever sends for too long is left.

uvicorn bounds the time between two requests and nothing before it; the guard sees a request only
when its head is whole. So a thousand heads that never end would hold a thousand connections.
"""

from asyncio import TimerHandle, Transport
from typing import Any

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol


class Line(H11Protocol):
    """uvicorn's HTTP/1.1 (`uvicorn.run(…, http=Line)`), with `head_s` seconds for a head,
    and for what is sent after the answer.

    h11 also ends a head of more than 64 KiB; the faster parser that uvicorn prefers reads on.
    """

    head_s = 10.0
    _patience: TimerHandle | None = None

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        theirs, ours = self.conn.their_state, self.conn.our_state
        head = theirs is h11.IDLE and self.conn.trailing_data[0]
        # Who is answered before all is read, as one that the guard turns away, may go on sending.
        answered = theirs is h11.SEND_BODY and ours is h11.DONE
        if head or answered:
            self._wait()
        else:
            self._stop_waiting()

    @override
    def connection_lost(self, exc: Any) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self.head_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
