"""From the start of a process to its first answer, and what it holds at rest.

Every start is a process of its own. The first is not counted: it reads from the disk what the
others find in memory.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.bench.browser import browsing
from eval.cases import read
from eval.load import memory_mb, put, served

_REST_S = 3.0  # after which a server that was asked once has come to rest


def measure(starts: int, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Return seconds and MB of `starts` starts of `mentor ask` and of `mentor serve`, the latter
    in a browser, too, where there is one.

    Raises:
        OSError: Mentor does not start; the message says why.
    """
    found: dict[str, list[float]] = {}
    with browsing() as browse:
        for _ in range(starts + 1):
            found.setdefault("ask_s", []).append(_ask_s())
            tick()
        for _ in range(starts + 1):
            for key, value in {**_serve(), **(_browse(browse) if browse else {})}.items():
                found.setdefault(key, []).append(value)
            tick()
    return {key: values[1:] for key, values in found.items()}


def _ask_s() -> float:
    mentor = str(Path(sys.executable).with_name("mentor"))
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - ours
        [mentor, "ask", "怎么选题?"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(done.stderr.strip() or "mentor ask failed")
    return time.perf_counter() - start


def _serve() -> dict[str, float]:
    """Return seconds to the first page and to the first answer, and MB at rest thereafter."""
    with served() as (port, pid, page_s):
        start = time.perf_counter()
        (asked,) = put(port, 1, read("dev")[:1])
        if asked.error:
            raise OSError(asked.error)
        answer_s = page_s + time.perf_counter() - start
        time.sleep(_REST_S)
        return {"page_s": page_s, "answer_s": answer_s, "rest_mb": memory_mb(pid) or 0.0}


def _browse(ask: Callable[[int], float]) -> dict[str, float]:
    """Return seconds to the first citation in a browser, of a server that nobody asked before."""
    with served() as (port, _, page_s):
        return {"browser_s": page_s + ask(port)}
