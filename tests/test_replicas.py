"""Two Mentors on one index and one budget behind a real nginx, of which one is killed."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from live_server import until
from server_process import Running, running
from test_deploy import HOST, _client, behind_nginx, real_nginx

from rag import Mentor, Settings

pytestmark = real_nginx
ASKING = 6
QUESTION = {"question": "怎么选课题?"}
Asker = Callable[[httpx.Client, str], str]


@dataclass
class Pair:
    """Two replicas and the address of the proxy before them."""

    address: str
    replicas: list[Running]


@contextmanager
def _paired(folder: Path, **settings: object) -> Iterator[Pair]:
    Mentor.index(Settings(index_dir=folder / "index"))
    shared = {"budget_store": f"sqlite://{folder / 'budgets'}", "proxies": HOST} | settings
    with ExitStack() as stack:
        replicas = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            replicas.append(stack.enter_context(running(folder / name, folder / "index", **shared)))
        (folder / "nginx").mkdir()
        one, two = (replica.url for replica in replicas)
        yield Pair(stack.enter_context(behind_nginx(one, folder / "nginx", two)), replicas)


def _whole(client: httpx.Client, address: str) -> str:
    """Ask for a whole answer; return "" or what went wrong."""
    reply = client.post(f"{address}/api/ask", json=QUESTION)
    return "" if reply.status_code == 200 else f"status {reply.status_code}"


def _streamed(client: httpx.Client, address: str) -> str:
    """Ask as the widget does; return "" or what went wrong."""
    reply = client.post(f"{address}/api/chat", json=QUESTION)
    if reply.status_code != 200:
        return f"status {reply.status_code}"
    return "" if "event: answer" in reply.text and "event: done" in reply.text else "cut"


class Load:
    """Several users who ask again and again; remembers when each question began, and its fault."""

    def __init__(self, address: str, asker: Asker) -> None:
        self._address, self._asker = address, asker
        self._stopped = threading.Event()
        self.asked: list[tuple[float, str]] = []
        self._pool = ThreadPoolExecutor(ASKING)
        self._users = [self._pool.submit(self._user) for _ in range(ASKING)]

    def _user(self) -> None:
        with _client() as client:
            while not self._stopped.is_set():
                began = time.monotonic()
                try:
                    fault = self._asker(client, self._address)
                except httpx.HTTPError as error:
                    fault = type(error).__name__
                self.asked.append((began, fault))

    def stop(self) -> None:
        self._stopped.set()
        for user in self._users:
            user.result()
        self._pool.shutdown()


@pytest.mark.parametrize("asker", [_whole, _streamed], ids=["api", "stream"])
def test_of_a_replica_that_is_killed_only_what_it_was_answering_is_lost(
    tmp_path: Path, asker: Asker
) -> None:
    with _paired(tmp_path) as pair:
        load = Load(pair.address, asker)
        assert until(lambda: len(load.asked) >= 60)
        one, other = pair.replicas
        one.stop(signal.SIGKILL)
        one.status()
        killed, before = time.monotonic(), len(load.asked)
        assert until(lambda: len(load.asked) >= before + 120)
        load.stop()
        faults = [(began, fault) for began, fault in load.asked if fault]
        assert len(faults) <= ASKING, faults
        assert all(began <= killed for began, _ in faults), faults
        assert other.process.poll() is None
        # It is started again, and the other one goes: now it answers alone.
        port = int(one.url.rpartition(":")[2])
        (tmp_path / "again").mkdir()
        with running(tmp_path / "again", tmp_path / "index", port=port, proxies=HOST):
            other.stop(signal.SIGKILL)
            other.status()
            with _client() as client:
                assert until(lambda: asker(client, pair.address) == "")
                assert [asker(client, pair.address) for _ in range(20)] == [""] * 20


def test_both_count_a_visitors_questions_together(tmp_path: Path) -> None:
    with _paired(tmp_path, ASKS_PER_MINUTE=5) as pair, _client("127.0.0.9") as client:
        statuses = [
            client.post(f"{pair.address}/api/ask", json=QUESTION).status_code for _ in range(12)
        ]
        assert sorted(statuses) == [200] * 5 + [429] * 7
        answering = [_served(replica) for replica in pair.replicas]
        assert all(answering), "both were asked"


def _served(replica: Running) -> float:
    """Return how many questions a replica took, as its figures tell this machine."""
    told = httpx.get(f"{replica.url}/metrics").text.splitlines()
    taken = [line for line in told if line.startswith("mentor_questions_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in taken)


def test_sentences_come_through_the_proxy_as_they_are_checked(tmp_path: Path) -> None:
    with (
        _paired(tmp_path) as pair,
        _client() as client,
        client.stream("POST", f"{pair.address}/api/chat", json=QUESTION) as reply,
    ):
        events = [line for line in reply.iter_lines() if line.startswith("event:")]
        assert events[0] == "event: meta"
        assert events[-2:] == ["event: answer", "event: done"]
        assert reply.headers["content-type"].startswith("text/event-stream")
