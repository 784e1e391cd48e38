"""What arrives, bounded before anything of Mentor's sees it: sizes, time, connections, crowds."""

from asyncio import Semaphore, timeout
from collections import Counter
from dataclasses import dataclass
from math import ceil

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.refusal import refusal
from ui.request import Answering, address, asks, header

BODY_BYTES = 1024 * 1024  # a long conversation in Gradio's page, which sends all of it each time
_URL_BYTES = 8 * 1024
_HEADERS, _HEADER_BYTES = 100, 32 * 1024
_ASKS = "mentor.asks"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no owner has to choose; tests are less patient."""

    body_s: float = 20.0  # in which a body has to arrive: a megabyte over a poor line
    place_s: float = 5.0  # that a question waits for a place among those that are answered
    held: int = 500  # requests of one address at one time: a class of a hundred behind one router


BOUNDS = Bounds()


class Sizes:
    """Answers 414 and 431 to what is too long to be read, 429 to an address that holds too much."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app, self._most, self._held = app, bounds.held, Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it is of ordinary size."""
        headers = scope["headers"]
        who = address(scope)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _URL_BYTES:
            response = refusal(scope, 414, "url", limit=_URL_BYTES)
        elif len(headers) > _HEADERS or sum(len(k) + len(v) for k, v in headers) > _HEADER_BYTES:
            response = refusal(scope, 431, "headers")
        elif self._held[who] >= self._most:
            response = refusal(scope, 429, "crowd", headers={"retry-after": "10"})
        else:
            await self._held_open(who, scope, receive, send)
            return
        await response(scope, receive, send)

    async def _held_open(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._held[who] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]


class Reading:
    """Reads a body whole, up to a size and within a time, and says whether it puts a question."""

    def __init__(self, app: ASGIApp, answering: Answering, bounds: Bounds) -> None:
        self._app, self._answering, self._body_s = app, answering, bounds.body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body at hand; 413 or 408 where that cannot be."""
        body = b""
        if header(scope, "transfer-encoding") or header(scope, "content-length") not in {"", "0"}:
            try:
                async with timeout(self._body_s):
                    body = await _read(scope, receive)
            except TimeoutError:
                response = refusal(scope, 408, "slow", limit=self._body_s, headers=_CLOSE)
                await response(scope, receive, send)
                return
            except ClientDisconnect:
                return
            except _TooLongError:
                response = refusal(scope, 413, "length", limit=BODY_BYTES, headers=_CLOSE)
                await response(scope, receive, send)
                return
        scope[_ASKS] = asks(scope, body, self._answering)
        await self._app(scope, _again(body, receive), send)


class Places:
    """Answers 503 to a question for which there is no place, soon; it never waits for long."""

    def __init__(self, app: ASGIApp, at_once: int, bounds: Bounds) -> None:
        self._app, self._most, self._wait_s = app, at_once, bounds.place_s
        self._places, self._waiting = Semaphore(at_once), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a question on when its turn comes, everything else at once."""
        if not puts_a_question(scope):
            await self._app(scope, receive, send)
        elif await self._has_place():
            try:
                await self._app(scope, receive, send)
            finally:
                self._places.release()
        else:
            await refusal(scope, 503, "busy", wait_s=ceil(self._wait_s))(scope, receive, send)

    async def _has_place(self) -> bool:
        if self._waiting >= self._most:
            return False
        self._waiting += 1
        try:
            async with timeout(self._wait_s):
                return await self._places.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1


def puts_a_question(scope: Scope) -> bool:
    """Return what `Reading` found out about a request."""
    return bool(scope[_ASKS])


_CLOSE = {"connection": "close"}


class _TooLongError(Exception):
    """A body is longer than is read."""


async def _read(scope: Scope, receive: Receive) -> bytes:
    length = header(scope, "content-length")
    if length.isdecimal() and int(length) > BODY_BYTES:
        raise _TooLongError
    body = bytearray()
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise _TooLongError
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body in one piece, then whatever comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
