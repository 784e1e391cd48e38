"""A blocking stream of Mentor as an asynchronous one, which a reader may leave at any time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from functools import partial
from threading import Event, Lock
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

from rag import Answer, Mentor, Sentence

T = TypeVar("T")
# What is told until `stopped()` is true.
Told = Callable[[Callable[[], bool]], Generator[T, None, None]]
Parts = AsyncIterator[Sentence | Answer]

_AT_ONCE_S = 0.5  # in which a question that cannot be taken, or a broken index, is known


_QUOTING = 4  # a quoted answer only takes processor time: more threads stand in each other's way


def threads(mentor: Mentor, most: int) -> int:
    """Return how many answers are worked on at one time; those of a model mostly wait for it."""
    return most if mentor.model else min(most, _QUOTING)


class LeftError(Exception):
    """Who asked has left: there is nobody to answer."""


async def streamed(told: Told[T], limiter: CapacityLimiter) -> AsyncGenerator[T, None]:
    """Yield what `told(stopped)` yields, each step in a thread of `limiter`.

    A slow model may keep the next thing from coming: so the wait for it can be left, and whoever
    waits is told by `stopped`.
    """
    telling = _Telling(told, limiter)
    try:
        while part := await telling.next():
            yield part
    finally:
        telling.leave()


@asynccontextmanager
async def begun(told: Told[T], limiter: CapacityLimiter) -> AsyncIterator[AsyncIterator[T]]:
    """Give what `streamed` yields, its first part already looked for.

    What `told` raises at once is raised here, while a status can still be sent.
    """
    telling = _Telling(told, limiter)
    first = asyncio.ensure_future(telling.next())
    first.add_done_callback(_seen)
    try:
        done, _ = await asyncio.wait({first}, timeout=_AT_ONCE_S)
        if done:
            first.result()
        yield _from(first, telling)
    finally:
        telling.leave()
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


class _Telling(Generic[T]):
    """What is told, step by step. Once it is left it is closed, by whoever has it last.

    To be told to stop is not enough: between two steps nobody looks, and a chat model would go on
    until the garbage collector comes by.
    """

    def __init__(self, told: Told[T], limiter: CapacityLimiter) -> None:
        self._stop, self._taken, self._limiter = Event(), Lock(), limiter
        self._found = told(self._stop.is_set)

    async def next(self) -> T | None:
        """Return the next thing, None at the end; who waits may leave."""
        return await to_thread.run_sync(self._step, abandon_on_cancel=True, limiter=self._limiter)

    def leave(self) -> None:
        """Let nothing more be told; a step that is being taken ends by itself."""
        self._stop.set()
        self._close()

    def _step(self) -> T | None:
        try:
            with self._taken:
                return next(self._found, None)
        finally:
            if self._stop.is_set():
                self._close()

    def _close(self) -> None:
        if self._taken.acquire(blocking=False):  # else a step is being taken, which closes it
            try:
                self._found.close()
            finally:
                self._taken.release()


async def _from(first: "asyncio.Future[T | None]", telling: _Telling[T]) -> AsyncIterator[T]:
    part = await first
    while part:
        yield part
        part = await telling.next()


def _last(told: Told[T], stopped: Callable[[], bool]) -> T:
    return deque(told(stopped), maxlen=1)[-1]


def _seen(done: "asyncio.Future[T]") -> None:
    """Look at an error that nobody waits for any more, so that it is not reported as forgotten."""
    if not done.cancelled():
        done.exception()
