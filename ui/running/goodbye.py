"""How a server leaves: what it has begun is finished for a while, what only waits is let go.

    leave -> nothing new is taken, idle streams end -> answers end by themselves, or are cut

Until the last answer is out the door stays open and says 503, so that a load balancer turns away
on a word instead of a closed port.
"""

import json
import logging
from asyncio import CancelledError, Task, current_task, sleep
from collections.abc import Callable
from time import monotonic
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.errors import said
from ui.request import header, path_of
from ui.words import page_tag

logger = logging.getLogger(__name__)

_LOOK_S = 0.02
_LEAVING = {
    "zh": "Mentor 正在重启，请稍后再试。",
    "en": "Mentor is being restarted; please try again in a moment.",
}
_NOT_NOW = {"retry-after": "5", "cache-control": "no-store", "connection": "close"}


class Presence:
    """Whether a server takes requests, and those that it is answering."""

    def __init__(self, is_up: Callable[[], bool] = lambda: True) -> None:
        self.is_up, self.is_leaving = is_up, False
        self._held: set[_Held] = set()

    def leave(self) -> None:
        """Take nothing new, and end the streams that carry no answer."""
        self.is_leaving = True
        for held in self._held:
            if held.only_waits:
                held.cut()

    async def finish(self, within_s: float) -> None:
        """Return when all answers are out; those that take longer are cut, with a clean end."""
        deadline = monotonic() + within_s
        while self._held and monotonic() < deadline:
            await sleep(_LOOK_S)
        if self._held:
            logger.warning("%d answers are cut: they took too long", len(self._held))
        for held in self._held:
            held.cut()

    def hold(self, held: "_Held") -> None:
        """Count a request among those that are answered."""
        self._held.add(held)

    def let_go(self, held: "_Held") -> None:
        """Count it no more."""
        self._held.discard(held)


class Goodbye:
    """Turns away what comes while its server leaves or is not up yet; ends what is cut.

    It stands outside of the guard. /healthz is answered to the end: the process is alive.
    """

    def __init__(self, app: ASGIApp, presence: Presence) -> None:
        self._app, self._presence = app, presence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, if there is time for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_refused(path_of(scope)):
            await _refusal(scope)(scope, receive, send)
        else:
            await self._held(scope, receive, send)

    def _is_refused(self, path: str) -> bool:
        if self._presence.is_leaving:
            return path != "/healthz"
        return path == "/readyz" and not self._presence.is_up()

    async def _held(self, scope: Scope, receive: Receive, send: Send) -> None:
        held, response = _Held(scope), _Response(scope, send)
        self._presence.hold(held)
        try:
            await self._app(scope, receive, response.send)
        except CancelledError:
            if not held.is_cut:
                raise
            held.task.uncancel()
        finally:
            self._presence.let_go(held)
        if held.is_cut:
            await response.end(receive)


class _Held:
    """A request that is being answered, by the task that runs."""

    def __init__(self, scope: Scope) -> None:
        self.task, self.is_cut, self.only_waits = _running(), False, _only_waits(scope)

    def cut(self) -> None:
        if not self.is_cut:
            self.is_cut = True
            self.task.cancel()


class _Response:
    """How far a response has come."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._status, self._whole, self._sized = 0, False, False

    async def send(self, message: Message) -> None:
        """Pass a part of it on."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._sized = any(name.lower() == b"content-length" for name, _ in message["headers"])
        elif message["type"] == "http.response.body":
            self._whole = not message.get("more_body", False)
        await self._send(message)

    async def end(self, receive: Receive) -> None:
        """Bring it to its end, so that the asker sees an answer that stops, not a broken line.

        One whose length was told cannot be shortened: there the server breaks the line.
        """
        if not self._status:
            await _refusal(self._scope)(self._scope, receive, self._send)
        elif not self._whole and not self._sized:
            words = _last_words(self._scope)
            await self._send({"type": "http.response.body", "body": words, "more_body": False})


def _running() -> "Task[Any]":
    task = current_task()
    if task is None:
        raise RuntimeError("a request is answered by a task")
    return task


def _only_waits(scope: Scope) -> bool:
    """Say whether a request is one that Gradio's page, or a tool's client, holds open for hours."""
    path = path_of(scope)
    return "/gradio_api/heartbeat/" in path or (path == "/mcp" and scope["method"] == "GET")


def _refusal(scope: Scope) -> JSONResponse:
    return said(scope, 503, _line(scope), _NOT_NOW)


def _line(scope: Scope) -> str:
    lang = "en" if page_tag(header(scope, "accept-language")) == "en" else "zh"
    return _LEAVING[lang]


def _last_words(scope: Scope) -> bytes:
    """Return the events that end a stream of ours; other streams only stop."""
    if path_of(scope) != "/api/chat":
        return b""
    error = json.dumps({"status": 503, "error": _line(scope)}, ensure_ascii=False)
    return f"event: error\ndata: {error}\n\nevent: done\ndata: {{}}\n\n".encode()
