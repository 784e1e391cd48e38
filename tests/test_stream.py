"""What becomes of a blocking stream whose reader leaves: it is closed, whoever has it last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from threading import Event

import pytest
from anyio import CapacityLimiter

from ui.stream import begun, streamed


class Story:
    """Tells numbers; after the first it waits until it may `go`. Knows whether it was closed."""

    def __init__(self) -> None:
        self.go, self.waits, self.closed = Event(), Event(), Event()
        self.told = 0
        self.kept: list[object] = []

    def __call__(self, stopped: Callable[[], bool]) -> Generator[int, None, None]:
        telling = self._tell()
        self.kept.append(telling)  # so that no garbage collector closes it
        return telling

    def _tell(self) -> Generator[int, None, None]:
        try:
            for self.told in range(1, 4):
                yield self.told
                self.waits.set()
                self.go.wait(60)
        finally:
            self.closed.set()


async def _streamed(story: Story, then: Callable[[AsyncIterator[int]], Awaitable[None]]) -> None:
    parts = streamed(story, CapacityLimiter(1))
    try:
        await then(parts)
    finally:
        await parts.aclose()  # type: ignore[attr-defined]


async def _begun(story: Story, then: Callable[[AsyncIterator[int]], Awaitable[None]]) -> None:
    async with begun(story, CapacityLimiter(1)) as parts:
        await then(parts)


@pytest.mark.parametrize("read", [_streamed, _begun])
def test_a_stream_that_is_left_between_two_parts_is_closed_at_once(
    read: Callable[..., Awaitable[None]],
) -> None:
    story = Story()

    async def once(parts: AsyncIterator[int]) -> None:
        assert await anext(parts) == 1

    asyncio.run(read(story, once))
    assert story.closed.is_set()
    assert story.told == 1


@pytest.mark.parametrize("read", [_streamed, _begun])
def test_a_stream_that_is_left_while_it_works_is_closed_by_the_step_it_takes(
    read: Callable[..., Awaitable[None]],
) -> None:
    story = Story()

    async def impatient(parts: AsyncIterator[int]) -> None:
        await anext(parts)
        step = asyncio.ensure_future(anext(parts))
        assert await asyncio.to_thread(story.waits.wait, 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(step, 0.2)
        assert not story.closed.is_set()

    async def leave() -> None:
        await read(story, impatient)
        story.go.set()

    asyncio.run(leave())
    assert story.closed.wait(30)
    assert story.told == 2


@pytest.mark.parametrize("read", [_streamed, _begun])
def test_a_stream_that_is_read_gives_all_of_it(read: Callable[..., Awaitable[None]]) -> None:
    story, seen = Story(), list[int]()
    story.go.set()

    async def whole(parts: AsyncIterator[int]) -> None:
        seen.extend([part async for part in parts])

    asyncio.run(read(story, whole))
    assert seen == [1, 2, 3]
    assert story.closed.is_set()
