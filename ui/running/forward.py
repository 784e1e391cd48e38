"""A chat's requests brought to the worker that holds the chat.

Gradio keeps a conversation's queue in the process that was asked first, and a browser's connections
go to whichever worker takes them. So each worker finds whose a request is, and passes on what is
another's, through a socket that only these processes can open. It stands outside of the guard: a
request is judged and counted once, by the worker that answers it.
"""

import json
from asyncio import (
    StreamReader,
    StreamWriter,
    create_task,
    open_unix_connection,
    timeout,
)
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs
from zlib import crc32

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.errors import said
from ui.reading import BODY_BYTES, BOUNDS
from ui.request import address, header, path_of

_GRADIO = "/gradio_api/"
_IN_PATH = ("heartbeat", "stream")
_CLIENT = b"x-mentor-client"
# Of one line only; the date is told by the worker that holds the asker's line.
_OF_THE_LINE = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"date"})
_PIECE_BYTES = 65_536


class Forward:
    """Passes a request of another worker's chat on to it; answers 503 while that one is away.

    `doors` are the workers' sockets, in the order of their numbers, of which `own` is this one's.
    """

    def __init__(self, app: ASGIApp, own: int, doors: Sequence[Path]) -> None:
        self._app, self._own, self._doors = app, own, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to whose it is."""
        if scope["type"] != "http" or _GRADIO not in path_of(scope):
            await self._app(scope, receive, send)
            return
        early = _Early(receive)
        owner = crc32((await _chat_of(scope, early)).encode()) % len(self._doors)
        if owner == self._own:
            await self._app(scope, early.receive, send)
        else:
            await _passed_on(scope, early.receive, send, self._doors[owner])


class Received:
    """The other end: takes who asks from the worker that passed the request on.

    Only for requests of the private socket; from any other, everybody could be anybody.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as if it had come from its asker."""
        if scope["type"] == "http":
            port, _, host = header(scope, _CLIENT.decode()).partition(" ")
            client = (host, int(port)) if port else None
            scope = {**scope, "client": client, "headers": _without(scope, {_CLIENT})}
        await self._app(scope, receive, send)


class _Early:
    """A body of which the beginning, or all, was read before its time."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._read = receive, deque[Message]()

    async def body(self) -> bytes:
        """Return the whole body; b"" where it does not come in time, which the guard will say."""
        with suppress(TimeoutError):
            async with timeout(BOUNDS.body_s):
                while not self._read or self._read[-1].get("more_body"):
                    self._read.append(await self._receive())
                return b"".join(message.get("body", b"") for message in self._read)
        return b""

    async def receive(self) -> Message:
        return self._read.popleft() if self._read else await self._receive()


async def _chat_of(scope: Scope, early: _Early) -> str:
    """Return what is the same for all requests of one chat."""
    call, *rest = path_of(scope).partition(_GRADIO)[2].split("/")
    if call in _IN_PATH and rest:
        return str(rest[0])
    if call == "call":
        # It answers with the name of an event, by which the asker comes back; nothing in that name
        # says where it was made. So all that one address does this way is one worker's.
        return address(scope)
    if found := parse_qs(scope["query_string"].decode("latin-1")).get("session_hash"):
        return str(found[0])
    length = header(scope, "content-length")
    if scope["method"] == "POST" and length.isdecimal() and int(length) <= BODY_BYTES:
        return _session(await early.body()) or address(scope)
    return address(scope)


def _session(body: bytes) -> str:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    session = told.get("session_hash") if isinstance(told, dict) else None
    # A lone surrogate has no UTF-8; Gradio would take it, and it is the same wherever it goes.
    return session.encode("utf-8", "replace").decode() if isinstance(session, str) else ""


async def _passed_on(scope: Scope, receive: Receive, send: Send, door: Path) -> None:
    try:
        reader, writer = await open_unix_connection(door)
    except OSError:
        await _away(scope)(scope, receive, send)
        return
    line = _Line(scope, reader, writer)
    up = create_task(line.send_up(receive))
    try:
        if not await line.bring_down(send):
            await _away(scope)(scope, receive, send)
    finally:
        up.cancel()
        writer.close()


class _Line:
    """One request on its way to another worker, and its response on the way back."""

    def __init__(self, scope: Scope, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        target = (scope.get("raw_path") or scope["path"].encode()) + query
        self._request = h11.Request(method=scope["method"], target=target, headers=_headers(scope))
        self._left = False

    async def send_up(self, receive: Receive) -> None:
        """Send the request; break the line when the asker leaves."""
        with suppress(OSError, h11.LocalProtocolError):
            await self._write(self._request)
            more = True
            while (message := await receive())["type"] == "http.request":
                if body := message.get("body", b""):
                    await self._write(h11.Data(data=body))
                if more and not message.get("more_body", False):
                    more = False
                    await self._write(h11.EndOfMessage())
        self._left = True
        self._writer.close()

    async def bring_down(self, send: Send) -> bool:
        """Send the response on; say whether there was any, or nobody to send it to."""
        begun = False
        with suppress(OSError, h11.RemoteProtocolError):
            while not isinstance(event := await self._event(), h11.EndOfMessage):
                if isinstance(event, h11.Response):
                    begun = True
                    await send(_start(event))
                elif isinstance(event, h11.Data):
                    await send(_piece(bytes(event.data), more=True))
                elif isinstance(event, h11.ConnectionClosed):
                    return begun or self._left
            await send(_piece(b"", more=False))
        return begun or self._left

    async def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_PIECE_BYTES))
        return event


def _start(response: h11.Response) -> Message:
    headers = [(name, value) for name, value in response.headers if name not in _OF_THE_LINE]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers as they came, but for who asks, which is as this worker knows it."""
    # How a body is divided stays as it was told: it is passed on in the same measure.
    kept = _without(scope, (_OF_THE_LINE - {b"transfer-encoding"}) | {_CLIENT})
    host, port = scope.get("client") or ("unknown", 0)
    named = [] if header(scope, "host") else [(b"host", b"localhost")]
    return [*named, *kept, (_CLIENT, f"{port} {host}".encode())]


def _without(scope: Scope, names: frozenset[bytes] | set[bytes]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name not in names]


def _away(scope: Scope) -> ASGIApp:
    line = "the process that held this chat is being replaced; please reload the page"
    return partial(said(scope, 503, line, {"retry-after": "5", "cache-control": "no-store"}))
