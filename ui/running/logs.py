"""What `mentor serve` writes of itself: text, or one JSON object a line; a line for each request.

Never a question, an address, a query or a header: a line may be kept where its reader should not
know who asked what.
"""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from time import perf_counter
from types import TracebackType
from typing import Any, Literal
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from rag import MentorError
from ui.request import header

_TEXT = "%(levelname)s %(name)s: %(message)s"
# Libraries may write what they send, questions among it, at a lower level than WARNING.
_OURS = ("rag", "ui", "uvicorn")
_FRAMES = 20  # the innermost of a trace: a line stays short enough to be written in one piece
_PATH_CHARS = 200
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Whoever knows what follows may read along in somebody's chat.
_KEYS = re.compile(r"(/gradio_api/(?:heartbeat|stream|call/[^/]+)/).+")
_request: ContextVar[str] = ContextVar("request", default="")

logger = logging.getLogger(__name__)


def set_up(form: Literal["text", "json"], level: str, worker: int = 0) -> None:
    """Write the log of this process to stderr; worker 0 is one that is alone.

    `level` holds for Mentor and its server, "" being warning in text and info in JSON; of other
    libraries come warnings and what is worse.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(worker) if form == "json" else TextLines(_TEXT))
    chosen = (level or ("info" if form == "json" else "warning")).upper()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR if chosen == "ERROR" else logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(chosen)
    if form == "json":
        logging.captureWarnings(capture=True)
        sys.excepthook = _fallen
        threading.excepthook = _fallen_thread


class TextLines(logging.Formatter):
    """Writes a record as text; of an error what `JsonLines` would tell, and no more."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        plain = copy(record)  # a trace that another handler has written stands in the record
        plain.exc_text = None
        return super().format(plain)

    @override
    def formatException(self, ei: Any) -> str:
        return "\n".join(_told(_exception(ei[1]))) if ei[1] else ""


class JsonLines(logging.Formatter):
    """Makes of a record one line of ASCII that is a JSON object, whatever was written in it."""

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker

    @override
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "worker": self._worker,
        }
        if request := _request.get():
            told["request"] = request
        told |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            told["exception"] = _exception(record.exc_info[1])
        return json.dumps(told, default=str)


class Access:
    """Gives every request a name, and writes one line when it has been answered.

    A sane X-Request-Id is kept, so that a proxy's log and this one can be laid side by side.
    """

    def __init__(self, app: ASGIApp, *, tells: bool = True) -> None:
        self._app, self._tells = app, tells

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its response back with its name."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _named(scope)
        _request.set(name)  # each request is a task of its own
        seen = _Seen(name, send)
        try:
            await self._app(_renamed(scope, name), receive, seen.send)
        except Exception:
            seen.status = seen.status or 500  # which the server makes of it
            raise
        finally:
            if self._tells and logger.isEnabledFor(logging.INFO):
                seen.tell(scope)


class _Seen:
    """What is told of a response."""

    def __init__(self, name: str, send: Send) -> None:
        self._name, self._send, self._start = name, send, perf_counter()
        self.status, self._bytes = 0, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["x-request-id"] = self._name
        elif message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    def tell(self, scope: Scope) -> None:
        fields = {
            "method": scope["method"],
            "path": _shown(scope),
            "status": self.status or 499,  # who asked had left
            "ms": round((perf_counter() - self._start) * 1000, 1),
            "bytes": self._bytes,
        }
        logger.info("%(method)s %(path)s %(status)d", fields, extra={"fields": fields})


def _named(scope: Scope) -> str:
    given = header(scope, "x-request-id")
    return given if _SANE.fullmatch(given) else uuid4().hex


def _renamed(scope: Scope, name: str) -> Scope:
    rest = [(key, value) for key, value in scope["headers"] if key != b"x-request-id"]
    return {**scope, "headers": [*rest, (b"x-request-id", name.encode())]}


def _shown(scope: Scope) -> str:
    """Return the path as it was sent, in ASCII and short, without what opens a chat."""
    path = (scope.get("raw_path") or scope["path"].encode("utf-8", "replace")).decode("latin-1")
    shown = ascii(_KEYS.sub(r"\1*", path))[1:-1]
    return shown if len(shown) <= _PATH_CHARS else f"{shown[:_PATH_CHARS]}…"


def _exception(error: BaseException) -> dict[str, Any]:
    """Return an error as an object: its kind, where it came from, and its words if they are ours.

    Another library's words may hold what was asked.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told: dict[str, Any] = {
        "type": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, MentorError | OSError):
        told["message"] = str(error)
    if error.__cause__:
        told["cause"] = _exception(error.__cause__)
    return told


def _told(error: dict[str, Any]) -> Iterator[str]:
    """Yield an error's lines as Python would, the outermost call first, without foreign words."""
    if cause := error.get("cause"):
        yield from _told(cause)
        yield "which led to"
    yield from (f"  {place}" for place in error["at"])
    yield f"{error['type']}: {error['message']}" if "message" in error else error["type"]


def _fallen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.critical("Mentor has fallen over", exc_info=(kind, error, trace))


def _fallen_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value:
        _fallen(args.exc_type, args.exc_value, args.exc_traceback)
