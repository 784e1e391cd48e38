"""A stub of a chat provider, for judges and tests: the HTTP is real, the words are scripted.

It stands for the providers that cannot be had offline. It speaks as OpenAI and as Ollama do, on a
port of this machine; no model is asked, and nothing about the quality of one can be read from it.
"""

import json
import random
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import TracebackType
from typing import Any, Self, assert_never

from typing_extensions import override

from eval.protocols import SPOKEN, Prompt, Wire, as_bytes, messages, models

_HOST = "127.0.0.1"
_LARGEST = 10_000_000  # bytes of a request
_LOOK_S = 0.02  # how often a pause looks whether the client is still there
_POLL_S = 0.02  # how long closing waits for who takes connections
_PATIENCE_S = 1.0  # of closing with a script that does not end
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence. Before the first text or Raw not even the status line has gone out."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """An answer with this HTTP status and nothing else; only pauses may come before it."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"error": {"message": "scripted", "type": "scripted"}}'


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends in the middle of the answer; before any text, without an answer."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that go out as they are; unstreamed, they are the body."""

    data: bytes


Step = str | Pause | Status | Cut | Raw  # a text is one chunk; "" opens the stream, says nothing
Script = Callable[[Prompt], Iterable[Step]]


def in_chunks(text: str, size: int = 4, seed: int | None = None) -> list[str]:
    """Return the pieces of a text: of `size` characters, or with a seed of 1 to 2 * size.

    Raises:
        ValueError: `size` is below 1.

    >>> in_chunks("abcdef")
    ['abcd', 'ef']
    >>> in_chunks("abcdef", 2, seed=1)
    ['ab', 'c', 'def']
    """
    if size < 1:
        msg = f"size: must be at least 1, is {size}."
        raise ValueError(msg)
    if seed is None:
        return [text[at : at + size] for at in range(0, len(text), size)]
    chance = random.Random(seed)
    ends = [0]
    while ends[-1] < len(text):
        ends.append(ends[-1] + chance.randint(1, 2 * size))
    return [text[start:end] for start, end in pairwise(ends)]


class Provider:
    """Answers as `script` says, until it is closed. It never prints.

    Several requests may be in `script` at once. It waits by Pause: a script that sleeps notices
    neither a client that left nor the closing.
    """

    def __init__(self, script: Script) -> None:
        self._stage = _Stage(script)
        self._server = _Server(self._stage)
        self._thread = threading.Thread(
            target=partial(self._server.serve_forever, _POLL_S), name="scripted", daemon=True
        )
        self._thread.start()
        self.ollama_url = f"http://{_HOST}:{self._server.server_port}"
        self.openai_url = f"{self.ollama_url}/v1"

    @property
    def prompts(self) -> list[Prompt]:
        """Every request to speak, as they came."""
        return self._stage.prompts

    @property
    def abandoned(self) -> int:
        """How many answers lost their client, streamed or not, before the script ended."""
        return self._stage.abandoned

    @property
    def failures(self) -> list[BaseException]:
        """What scripts raised: the client got a 500, or a cut where it had got something."""
        return self._stage.failures

    def close(self) -> None:
        """End every answer where it stands, and every thread; a second time does nothing."""
        self._stage.closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


# --- what the threads share --------------------------------------------------------------------


@dataclass(slots=True)
class _Stage:
    """The script, and what happened. Safe to use from several threads."""

    script: Script
    prompts: list[Prompt] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    abandoned: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def heard(self, body: object, headers: Mapping[str, str]) -> Prompt:
        """Return a request, numbered and kept.

        Raises:
            ValueError: it names no model, or its messages are none.
        """
        if not isinstance(body, dict) or not isinstance(model := body.get("model"), str):
            msg = "model: must be a text."
            raise ValueError(msg)  # noqa: TRY004 - a request is wrong, not a call
        asked = messages(body.get("messages"))
        with self.lock:
            prompt = Prompt(model, asked, body, headers, len(self.prompts) + 1)
            self.prompts.append(prompt)
        return prompt

    def failed(self, error: BaseException) -> None:
        with self.lock:
            self.failures.append(error)

    def left(self) -> None:
        """Count a client that went away; those that closing sends away are not counted."""
        with self.lock:
            self.abandoned += not self.closed.is_set()


# --- HTTP --------------------------------------------------------------------------------------


class _GoneError(Exception):
    """Nobody listens any more: the client went away, or the provider is closed."""


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that closing ends them and their threads."""

    request_queue_size = 128  # with the 5 of the library, a crowd of clients waits for a second

    def __init__(self, stage: _Stage) -> None:
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        super().__init__((_HOST, 0), partial(_Handler, stage))

    @override
    def server_bind(self) -> None:
        # Not HTTPServer's own: that asks a name server what this machine is called.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._process, args=(request, client_address), name="scripted", daemon=True
        )
        with self._lock:
            self._open[thread] = request
        thread.start()

    def _process(self, request: socket.socket, client_address: object) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what goes wrong here is a client that went away."""

    @override
    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            left = dict(self._open)
        for connection in left.values():
            with suppress(OSError):  # it has just ended by itself
                connection.shutdown(socket.SHUT_RDWR)
        until = time.monotonic() + _PATIENCE_S
        for thread in left:
            thread.join(max(0.0, until - time.monotonic()))


class _Handler(BaseHTTPRequestHandler):
    """One connection, with any number of requests on it."""

    protocol_version = "HTTP/1.1"
    server_version = "Scripted"
    disable_nagle_algorithm = True

    def __init__(
        self, stage: _Stage, request: socket.socket, client_address: object, server: _Server
    ) -> None:
        self._stage = stage
        super().__init__(request, client_address, server)  # which answers until the client leaves

    def do_GET(self) -> None:
        found = models(self._path())
        if found is None:
            self._refuse(404, "no such path")
        else:
            self.send_whole(200, as_bytes(found))

    def do_POST(self) -> None:
        wire = SPOKEN.get(self._path())
        if wire is None:
            self._refuse(404, "no such path")
        elif (body := self._body()) is not None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                prompt = self._stage.heard(json.loads(body), headers)
            except (ValueError, RecursionError) as error:
                self._refuse(400, str(error))
            else:
                self._answer(prompt, wire(prompt))

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _body(self) -> bytes | None:
        """Return the body of the request, or None where it was refused or never came."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(411, "Content-Length: must be a number")
            return None
        if len(length) > len(str(_LARGEST)) or int(length) > _LARGEST:
            self._refuse(413, f"more than {_LARGEST} bytes")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _answer(self, prompt: Prompt, wire: Wire) -> None:
        out = _Streamed(self, wire) if wire.streamed else _Whole(self, wire)
        try:
            self._play(prompt, out)
        except _GoneError:
            self._stage.left()
            self.close_connection = True
        except BaseException as error:  # noqa: BLE001 - a script can raise anything, pytest.fail too
            self._stage.failed(error)
            if out.begun:
                self._cut(out)
            else:
                self._refuse(500, f"the script raised {error!r}")

    def _play(self, prompt: Prompt, out: "_Out") -> None:
        for step in self._steps(prompt):
            match step:
                case str():
                    out.say(step)
                case Raw():
                    out.raw(step.data)
                case Pause():
                    self._silence(step.seconds)
                case Cut():
                    return self._cut(out)
                case Status():
                    return self._status(step, out)
                case _:
                    assert_never(step)
        with suppress(_GoneError):  # the script has ended: who leaves now abandons nothing
            out.end()
        return None

    def _steps(self, prompt: Prompt) -> Iterator[Step]:
        """Yield what the script says while somebody listens.

        Raises:
            _GoneError: nobody does.
        """
        steps = iter(self._stage.script(prompt))
        try:
            for step in steps:
                self._look()
                yield step
        finally:
            self._end(steps)

    def _end(self, steps: Iterator[Step]) -> None:
        """Close a script that is a generator; the answer has been given, whatever that raises."""
        try:
            getattr(steps, "close", lambda: None)()
        except BaseException as error:  # noqa: BLE001 - as above
            self._stage.failed(error)

    def _silence(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._look()
        while (left := until - time.monotonic()) > 0:
            self._stage.closed.wait(min(left, _LOOK_S))
            self._look()

    def _look(self) -> None:
        if self._stage.closed.is_set():
            raise _GoneError
        try:
            read = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return  # there, and silent
        except OSError as error:
            raise _GoneError from error
        if not read:
            raise _GoneError

    def _cut(self, out: "_Out") -> None:
        self.close_connection = True
        with suppress(_GoneError):
            out.cut()

    def _status(self, status: Status, out: "_Out") -> None:
        if out.begun:
            msg = "A Status must come before any text."
            raise ValueError(msg)
        self.send_whole(status.code, status.body.encode(), status.headers)

    def _refuse(self, code: int, why: str) -> None:
        """Answer with an error; its request may not have been read, so nothing can follow it."""
        error = {"error": {"message": why, "type": "scripted"}}
        self.close_connection = True
        with suppress(_GoneError):
            self.send_whole(code, as_bytes(error), {"Connection": "close"})

    def send_whole(
        self,
        code: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        part: int | None = None,
    ) -> None:
        """Send an answer, or only the first `part` bytes of the body that it announces.

        Raises:
            _GoneError: the client went away.
        """
        length = {"Content-Length": str(len(body))}
        self.send_head(code, {"Content-Type": _JSON} | length | dict(headers or {}))
        self.send(body[:part])

    def send_head(self, code: int, headers: Mapping[str, str]) -> None:
        """Send the head of an answer.

        Raises:
            _GoneError: the client went away.
        """
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        with _heard():
            self.end_headers()

    def send(self, data: bytes) -> None:
        """Send bytes at once.

        Raises:
            _GoneError: the client went away.
        """
        with _heard():
            self.wfile.write(data)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def _heard() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _GoneError from error


class _Streamed:
    """Sends every step as one HTTP chunk, at once."""

    def __init__(self, handler: _Handler, wire: Wire) -> None:
        self._handler, self._wire = handler, wire
        self._said: list[str] = []
        self.begun = False

    def say(self, text: str) -> None:
        self._begin()
        if not self._said:
            self._chunk(self._wire.opening())
        self._said.append(text)
        if text:
            self._chunk(self._wire.chunk(text))

    def raw(self, data: bytes) -> None:
        self._begin()
        self._chunk(data)

    def end(self) -> None:
        if not self._said:
            self.say("")
        ending = self._wire.ending("".join(self._said))
        # In one piece, so that a client that reads no further can use the connection again.
        self._handler.send(_framed(ending) + b"0\r\n\r\n")

    def cut(self) -> None:
        """Leave the body without the chunk that would end it."""

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            kind = {"Content-Type": self._wire.mime, "Transfer-Encoding": "chunked"}
            self._handler.send_head(200, kind)

    def _chunk(self, data: bytes) -> None:
        if data:  # a chunk of nothing would end the body
            self._handler.send(_framed(data))


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Whole:
    """Gathers every step, and sends them in one body."""

    def __init__(self, handler: _Handler, wire: Wire) -> None:
        self._handler, self._wire = handler, wire
        self._said: list[str] = []
        self._raw: list[bytes] = []
        self.begun = False

    def say(self, text: str) -> None:
        self.begun = True
        self._said.append(text)

    def raw(self, data: bytes) -> None:
        self.begun = True
        self._raw.append(data)

    def end(self) -> None:
        self._handler.send_whole(200, self._body())

    def cut(self) -> None:
        """Send half of the body that was announced, where there is any."""
        if self.begun:
            body = self._body()
            self._handler.send_whole(200, body, part=len(body) // 2)

    def _body(self) -> bytes:
        return b"".join(self._raw) if self._raw else self._wire.whole("".join(self._said))


_Out = _Streamed | _Whole  # where the steps of one answer go; `begun` once there was text or Raw
