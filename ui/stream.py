"""A blocking stream of Mentor as an asynchronous one, which a reader may leave at any time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from threading import Event
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from rag import Mentor

T = TypeVar("T")
Told = Callable[[Callable[[], bool]], Iterator[T]]  # what is told until `stopped()` is true

_AT_ONCE_S = 0.5  # in which a question that cannot be taken, or a broken index, is known


_QUOTING = 4  # a quoted answer only takes processor time: more threads stand in each other's way


def threads(mentor: Mentor, most: int) -> int:
    """Return how many answers are worked on at one time; those of a model mostly wait for it."""
    return most if mentor.model else min(most, _QUOTING)


class LeftError(Exception):
    """Who asked has left: there is nobody to answer."""


async def streamed(told: Told[T], limiter: CapacityLimiter) -> AsyncIterator[T]:
    """Yield what `told(stopped)` yields, each step in a thread of `limiter`.

    A slow model may keep the next thing from coming: so the wait for it can be left, and whoever
    waits is told by `stopped`.
    """
    stop = Event()
    found = told(stop.is_set)
    try:
        while part := await _next(found, limiter):
            yield part
    finally:
        stop.set()


@asynccontextmanager
async def begun(told: Told[T], limiter: CapacityLimiter) -> AsyncIterator[AsyncIterator[T]]:
    """Give what `streamed` yields, its first part already looked for.

    What `told` raises at once is raised here, while a status can still be sent.
    """
    stop = Event()
    found = told(stop.is_set)
    first = asyncio.ensure_future(_next(found, limiter))
    first.add_done_callback(_seen)
    try:
        done, _ = await asyncio.wait({first}, timeout=_AT_ONCE_S)
        if done:
            first.result()
        yield _from(first, found, limiter)
    finally:
        stop.set()
        first.cancel()


async def last(told: Told[T], limiter: CapacityLimiter, left: Awaitable[object]) -> T:
    """Return the last thing that `told(stopped)` yields.

    Raises:
        LeftError: `left` came to its end before.
    """
    stop = Event()
    whole = partial(_last, told, stop.is_set)
    said = asyncio.ensure_future(to_thread.run_sync(whole, abandon_on_cancel=True, limiter=limiter))
    said.add_done_callback(_seen)
    gone = asyncio.ensure_future(left)
    try:
        await asyncio.wait({said, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not said.done():
            raise LeftError
        return said.result()
    finally:
        stop.set()
        said.cancel()
        gone.cancel()


async def _from(
    first: "asyncio.Future[T | None]", found: Iterator[T], limiter: CapacityLimiter
) -> AsyncIterator[T]:
    part = await first
    while part:
        yield part
        part = await _next(found, limiter)


async def _next(found: Iterator[T], limiter: CapacityLimiter) -> T | None:
    """Return the next thing, None at the end; who waits may leave."""
    step = partial(next, found, None)
    return await to_thread.run_sync(step, abandon_on_cancel=True, limiter=limiter)


def _last(told: Told[T], stopped: Callable[[], bool]) -> T:
    return deque(told(stopped), maxlen=1)[-1]


def _seen(done: "asyncio.Future[T]") -> None:
    """Look at an error that nobody waits for any more, so that it is not reported as forgotten."""
    if not done.cancelled():
        done.exception()
