"""Many users at once: what they wait for, what goes wrong, what it takes, and where it is full.

The users are locust's, in a process of their own: chats over SSE (6 of 10), programs that want
whole answers (3), and pages with the widget (1). They share the machine with the server, so the
processor time of both stands beside the figures.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from eval.load import served
from eval.protocols import Prompt
from eval.scripted import Pause, Provider, Step, in_chunks

_FULL_USERS = 16  # that ask again at once: enough to keep two processes busy
_STREAM_S, _MINUTE_S = 2.0, 60
_BLOCK = "[1]"


def measure(
    users: Sequence[int], seconds: int, every: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the figures of each number of users, by 1 and 2 processes, without and with a model
    that streams for two seconds; of as many questions as a server can answer; and of the largest
    number of users, all of whom ask at the same moment.

    Raises:
        OSError: the server does not start, or locust fails; the message says why.
    """
    rows, full, crowd = [], [], []
    for workers in (1, 2):
        with served({"MENTOR_WORKERS": str(workers)}) as (port, pid, _):
            _visited(port, pid, _FULL_USERS, 10, 0.0)  # what loads late has been loaded
            say(f"{workers} workers, as many questions as they can")
            full.append({"workers": workers, **_visited(port, pid, _FULL_USERS, seconds, 0.0)})
            for count in users:
                say(f"{workers} workers, {count} users")
                rows.append({"workers": workers, **_visited(port, pid, count, seconds, every)})
            say(f"{workers} workers, {max(users)} users at once")
            found = _visited(port, pid, max(users), seconds, every, at_once=True)
            crowd.append({"workers": workers, **found})
    with streaming() as settings, served({**settings, "MENTOR_WORKERS": "2"}) as (port, pid, _):
        for count in users:
            say(f"with a model, {count} users")
            found = _visited(port, pid, count, seconds, every)
            rows.append({"workers": 2, "model": True, **found})
    return {"every_s": every, "seconds": seconds, "full": full, "crowd": crowd, "rows": rows}


def soak(
    users: int, minutes: int, every: float, say: Callable[[str], None], *, model: bool = False
) -> dict[str, Any]:
    """Return the MB of a server after each minute in which it was asked, and what went wrong;
    `model`: with one that streams for two seconds.

    Raises like `measure`.
    """
    held, errors, answers = list[float](), 0, 0
    with ExitStack() as stack:
        settings = stack.enter_context(streaming()) if model else {}
        port, pid, _ = stack.enter_context(served({**settings, "MENTOR_WORKERS": "1"}))
        for minute in range(minutes):
            found = _visited(port, pid, users, _MINUTE_S, every)
            held.append(found["memory_mb"][1])
            errors, answers = errors + found["errors"], answers + found["answers"]
            say(f"minute {minute + 1}: {held[-1]:.0f} MB")
    told = {"users": users, "every_s": every, "model": model}
    return {**told, "mb": held, "errors": errors, "answers": answers}


@contextmanager
def streaming() -> Iterator[Mapping[str, str]]:
    """Give the settings of a scripted model that says a sentence of its first passage in 2 s."""
    with Provider(_script) as provider:
        yield {
            "MENTOR_MODEL": "openai:scripted",
            "MENTOR_MODEL_URL": provider.openai_url,
            "MENTOR_MODEL_KEY": "none",
        }


def _script(prompt: Prompt) -> Iterator[Step]:
    block = prompt.user.partition(_BLOCK)[2].strip().partition("\n\n")[0]
    text = f"{block.splitlines()[-1][:80] if block else 'Nothing.'} {_BLOCK}"
    pieces = in_chunks(text)
    for piece in pieces:
        yield Pause(_STREAM_S / len(pieces))
        yield piece


def _visited(
    port: int, pid: int, users: int, seconds: int, every: float, *, at_once: bool = False
) -> dict[str, Any]:
    """Let users come; return what they found and what the server and they took."""
    before, start = _held(pid), time.monotonic()
    own = os.times()
    stats = _locust(port, users, seconds, every, at_once=at_once)
    took_s, after, mine = time.monotonic() - start, _held(pid), os.times()
    asked = [row for row in stats if row["name"] in {"chat", "api"}]
    done = sum(row["num_requests"] for row in asked)
    busy = [row for row in stats if row["name"] == "busy"]
    return {
        "users": users,
        "answers": done,
        "busy": sum(row["num_requests"] for row in busy),
        "busy_most_ms": max((row["max_response_time"] for row in busy), default=0.0),
        "errors": sum(row["num_failures"] for row in stats),
        "answers_s": done / seconds,
        "p50_ms": _within(asked, 0.5),
        "p95_ms": _within(asked, 0.95),
        "most_ms": max((row["max_response_time"] for row in asked), default=0.0),
        "server_s": after[0] - before[0],
        "users_s": mine.children_user
        + mine.children_system
        - own.children_user
        - own.children_system,
        "took_s": took_s,
        "memory_mb": (before[1], after[1]),
    }


def _locust(
    port: int, users: int, seconds: int, every: float, *, at_once: bool
) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "stats")
        wanted = {"MENTOR_EVERY": str(every), "MENTOR_AT_ONCE": "1" if at_once else ""}
        done = subprocess.run(  # noqa: S603 - ours
            [
                *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
                *("-f", str(Path(__file__).with_name("visitors.py"))),
                *("--host", f"http://127.0.0.1:{port}"),
                *("-u", str(users), "-r", str(users), "-t", f"{seconds}s", "--stop-timeout", "30"),
                *("--json-file", str(told)),
            ],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **wanted},  # noqa: TID251 - handed on
        )
        path = told.with_suffix(".json")
        if not path.is_file():
            raise OSError(done.stderr.strip()[-500:] or "locust failed")
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return found


def _within(stats: Sequence[Mapping[str, Any]], share: float) -> float:
    """Return the milliseconds in which this share of the answers came, as locust rounds them."""
    times: dict[float, int] = {}
    for row in stats:
        for ms, count in row["response_times"].items():
            times[float(ms)] = times.get(float(ms), 0) + count
    wanted, seen = share * sum(times.values()), 0
    for ms in sorted(times):
        seen += times[ms]
        if seen >= wanted:
            return ms
    return 0.0


def _held(pid: int) -> tuple[float, float]:
    """Return processor seconds and MB of a server with its workers."""
    import psutil  # type: ignore[import-untyped]

    every = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    spent = [one.cpu_times() for one in every]
    return (
        sum(one.user + one.system for one in spent),
        sum(one.memory_info().rss for one in every) / 2**20,
    )
