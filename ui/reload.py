"""A server that notices a newly published index and answers from it, without a pause."""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import FastAPI

from rag import MentorError

if TYPE_CHECKING:
    from ui.chat import Chat

logger = logging.getLogger(__name__)

_EVERY_S = 1.0  # how often one small file is looked at
_AGAIN_S = 10.0  # after which an index that did not fit the essays is tried again


@contextmanager
def watching(app: FastAPI, every_s: float = _EVERY_S) -> Iterator[threading.Event]:
    """Renew what `app` answers from whenever another index is published, until the block ends.

    SIGHUP, where there is such a signal, or setting the event that is given, has it look at once.
    """
    wake, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=_watch, args=(app, wake, stop, every_s), daemon=True)
    with suppress(AttributeError, ValueError):  # no such signal; not in the main thread
        signal.signal(signal.SIGHUP, lambda *_: wake.set())
    thread.start()
    try:
        yield wake
    finally:
        stop.set()
        wake.set()
        thread.join()


def renew(app: FastAPI) -> None:
    """Read essays and index anew, and show on every page what is there now.

    Raises:
        MentorError: they do not fit each other; all stays as it was.
    """
    app.state.mentor.renew()
    asyncio.run(_say_so(app.state.chats))  # outside of a loop, Gradio leaves one open
    logger.info("%d essays are answered from now", len(app.state.mentor.documents))


async def _say_so(chats: "Sequence[Chat]") -> None:
    for chat in chats:
        chat.renew()


def _watch(app: FastAPI, wake: threading.Event, stop: threading.Event, every_s: float) -> None:
    quiet = 0.0
    while not stop.is_set():
        asked = wake.wait(every_s)
        wake.clear()
        quiet = 0.0 if asked else max(0.0, quiet - every_s)
        if stop.is_set() or quiet:
            continue
        try:
            if asked or app.state.mentor.is_outdated():
                renew(app)
        except MentorError as error:
            logger.warning("The new index is not used yet: %s", error)
            quiet = _AGAIN_S
        except Exception:
            logger.exception("The new index could not be read")
            quiet = _AGAIN_S
