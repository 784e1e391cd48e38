"""A blocking stream of Mentor as an asynchronous one, which a reader may leave at any time."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from threading import Event
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")


async def streamed(
    told: Callable[[Callable[[], bool]], Iterator[T]], limiter: CapacityLimiter
) -> AsyncIterator[T]:
    """Yield what `told(stopped)` yields, each step in a thread of `limiter`.

    A slow model may keep the next thing from coming: so the wait for it can be left, and whoever
    waits is told by `stopped`.
    """
    stop = Event()
    found = told(stop.is_set)
    try:
        while part := await to_thread.run_sync(
            partial(next, found, None), abandon_on_cancel=True, limiter=limiter
        ):
            yield part
    finally:
        stop.set()
