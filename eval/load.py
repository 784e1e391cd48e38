"""Many users at once -> seconds, errors and memory: `mentor serve` under load, on this machine.

The server is a process of its own, asked over HTTP as browsers ask it; its budgets are lifted, and
no model is asked. The users share its cores: on a busy machine the figures are those of the rest,
too, so the load stands beside them.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from typing import IO

from eval.cases import Case, read

_EARLY = 200  # questions after which everything that loads late has been loaded
_PATIENCE_S = 60
_POLL_S = 0.02
_LIFTED = {
    "MENTOR_ASKS_PER_MINUTE": "0",
    "MENTOR_ASKS_PER_DAY": "0",
    "MENTOR_ASKS_PER_DAY_IN_ALL": "0",
    "MENTOR_READS_PER_MINUTE": "0",
    "MENTOR_MODEL": "",
    "MENTOR_LOGIN": "",
    "MENTOR_API_TOKENS": "",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question put: seconds to the first event and to the end, "" or what went wrong."""

    first_s: float
    whole_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of users found; memory in MB at the start, early and at the end, if it is known.

    `spent_s` is the processor time of the server until the first page and until the last answer,
    which a busy machine hardly changes; `busy` is the machine's load average before and after.
    """

    users: int
    ready_s: float
    took_s: float
    asked: tuple[Asked, ...]
    memory: tuple[float | None, float | None, float | None]
    spent_s: tuple[float | None, float | None]
    busy: tuple[float, float]

    @property
    def errors(self) -> Counter[str]:
        """Count what went wrong, by what it was."""
        return Counter(one.error for one in self.asked if one.error)

    def whole_s(self, share: float) -> float:
        """Return the seconds within which this share of the answers was whole; 0 without any."""
        return _within(sorted(one.whole_s for one in self.asked if not one.error), share)

    def first_s(self, share: float) -> float:
        """Return the seconds within which this share of the answers had begun; 0 without any."""
        return _within(sorted(one.first_s for one in self.asked if not one.error), share)


def measure(users: int, questions: int, tick: Callable[[], None] = lambda: None) -> Load:
    """Start `mentor serve`, have `users` put `questions` as fast as they are answered, stop it.

    Raises:
        OSError: the server did not start; the message has its last words.
    """
    cases = list(islice(cycle([*read("dev"), *read("tuning")]), questions))
    before = os.getloadavg()[0]
    with served() as (port, pid, ready_s):
        bare, until_page_s = memory_mb(pid), _spent_s(pid)
        start = time.monotonic()
        asked = put(port, users, cases[:_EARLY], tick)
        early = memory_mb(pid)
        asked += put(port, users, cases[_EARLY:], tick)
        took_s = time.monotonic() - start
        memory, spent_s = (bare, early, memory_mb(pid)), (until_page_s, _spent_s(pid))
    busy = before, os.getloadavg()[0]
    return Load(users, ready_s, took_s, tuple(asked), memory, spent_s, busy)


def rows(load: Load) -> list[tuple[str, str, str]]:
    """Return each figure with its value and what is promised of it."""
    errors = ", ".join(f"{count} {error}" for error, count in load.errors.most_common())
    bare, early, late = (_text(size, "{:.0f} MB") for size in load.memory)
    many = len(load.asked) > _EARLY
    until_page_s, in_all_s = load.spent_s
    each_s = None
    if until_page_s is not None and in_all_s is not None:
        each_s = (in_all_s - until_page_s) / len(load.asked)
    return [
        ("first page", f"{load.ready_s:.1f} s", "5 s"),
        ("first page, processor time", _text(until_page_s, "{:.1f} s"), ""),
        ("an answer, processor time", _text(each_s, "{:.3f} s"), ""),
        ("first event, half of the questions", f"{load.first_s(0.5):.2f} s", ""),
        ("whole answer, half of the questions", f"{load.whole_s(0.5):.2f} s", ""),
        ("whole answer, 95 in 100", f"{load.whole_s(0.95):.2f} s", "1.5 s"),
        ("whole answer, all", f"{load.whole_s(1.0):.2f} s", ""),
        ("answers a second", f"{len(load.asked) / load.took_s:.0f}", ""),
        ("errors", errors or "0", "0"),
        ("memory before the first question", bare, ""),
        *([(f"memory after {_EARLY}", early, "")] if many else []),
        (f"memory after {len(load.asked)}", late, "steady"),
        ("cores; load before, after", f"{os.cpu_count()}; {_pair(load.busy)}", ""),
    ]


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _pair(busy: tuple[float, float]) -> str:
    return f"{busy[0]:.1f}, {busy[1]:.1f}"


def put(
    port: int, users: int, cases: Sequence[Case], tick: Callable[[], None] = lambda: None
) -> list[Asked]:
    """Put every question, `users` at one time, each user on a connection of their own."""
    waiting: SimpleQueue[Case] = SimpleQueue()
    for case in cases:
        waiting.put(case)

    def user() -> list[Asked]:
        found = []
        line = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        try:
            while True:
                found.append(_ask(line, waiting.get_nowait()))
                tick()
        except Empty:
            return found
        finally:
            line.close()

    with ThreadPoolExecutor(users) as pool:
        return [one for done in [pool.submit(user) for _ in range(users)] for one in done.result()]


def _ask(line: HTTPConnection, case: Case) -> Asked:
    body = json.dumps({"question": case.question, "history": case.history})
    start = time.monotonic()
    try:
        line.request("POST", "/api/chat", body, {"content-type": "application/json"})
        response = line.getresponse()
        response.readline()
        first_s = time.monotonic() - start
        events = response.read().decode()
    except (OSError, HTTPException) as lost:
        line.close()
        return Asked(0.0, 0.0, type(lost).__name__)
    error = "" if response.status == 200 else f"status {response.status}"
    if not error and not ("event: answer\n" in events and "event: done\n" in events):
        error = "no answer"
    if error:
        line.close()  # the server may have ended it, too
    return Asked(first_s, time.monotonic() - start, error)


@contextmanager
def served(settings: Mapping[str, str] | None = None) -> Iterator[tuple[int, int, float]]:
    """Yield port, process and seconds from its start to the first page; the index is there.

    `settings` are further variables for it.
    """
    mentor = str(Path(sys.executable).with_name("mentor"))
    given = {**os.environ, **_LIFTED, **(settings or {})}  # noqa: TID251 - handed on, not read
    with TemporaryFile() as said, socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
        found.close()
        if subprocess.run([mentor, "index"], env=given, stderr=said, check=False).returncode:  # noqa: S603 - ours
            raise _failed(said)
        start = time.monotonic()
        server = subprocess.Popen(  # noqa: S603 - ours
            [mentor, "serve", "--host", "127.0.0.1", "--port", str(port)], env=given, stderr=said
        )
        try:
            while not _shows_a_page(port):
                if server.poll() is not None or time.monotonic() - start > _PATIENCE_S:
                    raise _failed(said)
                time.sleep(_POLL_S)
            yield port, server.pid, time.monotonic() - start
        finally:
            server.terminate()
            server.wait(_PATIENCE_S)


def _failed(said: IO[bytes]) -> OSError:
    """Return an error that tells a server's last words."""
    said.seek(0)
    return OSError(said.read().decode(errors="replace")[-500:] or "no answer")


def _shows_a_page(port: int) -> bool:
    line = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        line.request("GET", "/chat/en/")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def memory_mb(pid: int) -> float | None:
    """Return the MB that a process holds; None where the machine has no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    # One that has died is listed until it is waited for, and holds nothing.
    kib = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return next((held / 1024 for held in kib), None)


def _spent_s(pid: int) -> float | None:
    """Return the seconds of processor time that a process has taken; None without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # The name of the process, in brackets, may hold blanks; its times are the 12th and 13th after.
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _within(ordered: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not pass (nearest rank).

    >>> _within([1.0, 2.0, 3.0, 4.0], 0.5), _within([], 0.5)
    (2.0, 0.0)
    """
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)] if ordered else 0.0
