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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import TracebackType
from typing import Any, Protocol, Self, assert_never

from typing_extensions import override

MODEL = "scripted"  # the one that is listed; every name is answered
_HOST = "127.0.0.1"
_LARGEST = 10_000_000  # bytes of a request
_LOOK_S = 0.02  # how often a pause looks whether the client is still there
_POLL_S = 0.02  # how long closing waits for who takes connections
_PATIENCE_S = 1.0  # of closing with a script that does not end
_JSON = "application/json"
# In JSON these may stand bare, yet some clients end a line at them; providers escape them.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request to speak: messages as (role, text), names of headers in small letters.

    `number` counts from 1, over both protocols.
    """

    model: str
    messages: tuple[tuple[str, str], ...]
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    number: int

    @property
    def system(self) -> str:
        """What the instructions say, a line break between two messages."""
        return self._said("system", "developer")

    @property
    def user(self) -> str:
        """What the user says, a line break between two messages."""
        return self._said("user")

    def _said(self, *roles: str) -> str:
        return "\n".join(text for role, text in self.messages if role in roles)


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
        messages = _messages(body.get("messages"))
        with self.lock:
            prompt = Prompt(model, messages, body, headers, len(self.prompts) + 1)
            self.prompts.append(prompt)
        return prompt

    def failed(self, error: BaseException) -> None:
        with self.lock:
            self.failures.append(error)

    def left(self) -> None:
        """Count a client that went away; those that closing sends away are not counted."""
        with self.lock:
            self.abandoned += not self.closed.is_set()


def _messages(found: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        msg = "messages: must be a list of objects."
        raise ValueError(msg)
    return tuple((str(one.get("role", "")), _text(one.get("content"))) for one in found)


def _text(content: object) -> str:
    """Return the text of a message: OpenAI's clients may send it in parts, or none."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


# --- the two protocols -------------------------------------------------------------------------


class _Wire(Protocol):
    """How a protocol writes an answer; `said` is the whole of its text."""

    mime: str
    streamed: bool

    def opening(self) -> bytes: ...
    def chunk(self, text: str) -> bytes: ...
    def ending(self, said: str) -> bytes: ...
    def whole(self, said: str) -> bytes: ...


class _OpenAI:
    mime = "text/event-stream"

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.streamed = bool(prompt.body.get("stream", False))
        options = prompt.body.get("stream_options")
        self._counted = isinstance(options, dict) and bool(options.get("include_usage"))

    def opening(self) -> bytes:
        return self._delta({"role": "assistant", "content": ""})

    def chunk(self, text: str) -> bytes:
        return self._delta({"content": text})

    def ending(self, said: str) -> bytes:
        end = self._delta({}, "stop")
        if self._counted:
            end += self._event([], self._usage(said))
        return end + b"data: [DONE]\n\n"

    def whole(self, said: str) -> bytes:
        message = {"role": "assistant", "content": said, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return _bytes(self._row("chat.completion", [choice]) | {"usage": self._usage(said)})

    def _delta(self, delta: Mapping[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._event([choice], None)

    def _event(self, choices: Sequence[object], usage: Mapping[str, int] | None) -> bytes:
        row = self._row("chat.completion.chunk", choices)
        return b"data: %b\n\n" % _bytes(row | ({"usage": usage} if self._counted else {}))

    def _row(self, kind: str, choices: Sequence[object]) -> dict[str, object]:
        return {
            "id": f"chatcmpl-{self._prompt.number}",
            "object": kind,
            "created": int(time.time()),
            "model": self._prompt.model,
            "choices": choices,
        }

    def _usage(self, said: str) -> dict[str, int]:
        asked, spoken = _tokens(self._prompt, said)
        return {
            "prompt_tokens": asked,
            "completion_tokens": spoken,
            "total_tokens": asked + spoken,
        }


class _Ollama:
    mime = "application/x-ndjson"

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.streamed = bool(prompt.body.get("stream", True))

    def opening(self) -> bytes:
        return b""

    def chunk(self, text: str) -> bytes:
        return _bytes(self._row(text) | {"done": False}) + b"\n"

    def ending(self, said: str) -> bytes:
        return _bytes(self._row("") | self._done(said)) + b"\n"

    def whole(self, said: str) -> bytes:
        return _bytes(self._row(said) | self._done(said))

    def _row(self, text: str) -> dict[str, object]:
        return {
            "model": self._prompt.model,
            "created_at": _now(),
            "message": {"role": "assistant", "content": text},
        }

    def _done(self, said: str) -> dict[str, object]:
        asked, spoken = _tokens(self._prompt, said)
        return {
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": asked,
            "eval_count": spoken,
        }


def _tokens(prompt: Prompt, said: str) -> tuple[int, int]:
    """Return (tokens asked, tokens said), four characters to one: no tokenizer is meant."""
    return sum(len(text) for _, text in prompt.messages) // 4 + 1, len(said) // 4 + 1


def _bytes(row: Mapping[str, object]) -> bytes:
    """Return a row as JSON on one line; half of a surrogate pair becomes its escape."""
    text = json.dumps(row, ensure_ascii=False).translate(_LINE_ENDS)
    return text.encode("utf-8", "backslashreplace")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


_SPOKEN: Mapping[str, Callable[[Prompt], _Wire]] = {
    "/v1/chat/completions": _OpenAI,
    "/api/chat": _Ollama,
}


def _models(path: str) -> Mapping[str, object] | None:
    """Return the list of models at `path`, or None where there is none."""
    if path == "/v1/models":
        row = {"id": MODEL, "object": "model", "created": 0, "owned_by": "scripted"}
        return {"object": "list", "data": [row]}
    if path == "/api/tags":
        name = f"{MODEL}:latest"
        return {"models": [{"name": name, "model": name, "modified_at": _now(), "size": 0}]}
    return None


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
        found = _models(self._path())
        if found is None:
            self._refuse(404, "no such path")
        else:
            self.send_whole(200, _bytes(found))

    def do_POST(self) -> None:
        wire = _SPOKEN.get(self._path())
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

    def _answer(self, prompt: Prompt, wire: _Wire) -> None:
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
            self.send_whole(code, _bytes(error), {"Connection": "close"})

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

    def __init__(self, handler: _Handler, wire: _Wire) -> None:
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

    def __init__(self, handler: _Handler, wire: _Wire) -> None:
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
