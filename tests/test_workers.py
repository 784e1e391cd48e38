"""Three workers on one port are one server: chats are kept, counts common, the dead replaced."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psutil
import pytest
from limits import RateLimitItemPerHour
from live_server import until
from server_process import Running, is_ready, running, started

from eval.protocols import Prompt
from eval.scripted import Pause, Provider, Step
from rag import Mentor, MentorError
from ui.budgets import Counter, Tally, open_store

ASKED = {"question": "怎么选课题?"}
CHAT = "/chat/zh/gradio_api"


def test_processes_that_share_a_file_count_together(tmp_path: Path) -> None:
    budget = RateLimitItemPerHour(3)

    async def told() -> None:
        one, two = (Counter(open_store(f"sqlite://{tmp_path / 'counts'}")) for _ in range(2))
        spent = [await counter.spend(budget, "a") == 0 for counter in (one, two, one, two, one)]
        assert spent == [True, True, True, False, False]
        assert await two.spend(budget, "b") == 0
        await one.note(budget, "guesses")
        await two.note(budget, "guesses")
        await one.note(budget, "guesses")
        assert await two.wait(budget, "guesses") > 0

    asyncio.run(told())


def test_what_a_file_has_counted_is_forgotten_when_its_time_is_over(tmp_path: Path) -> None:
    async def told() -> None:
        tally = Tally(str(tmp_path / "counts"))
        assert await tally.incr("a", 3) == 1
        assert await tally.incr("a", 3, 2) == 3
        assert await tally.decr("a") == 2
        await asyncio.sleep(3.1)
        assert await tally.get("a") == 0
        assert await tally.incr("a", 9) == 1

    asyncio.run(told())


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(MentorError, match="cannot be used as a file of SQLite"):
        open_store(f"sqlite://{tmp_path}")


@pytest.fixture(scope="module")
def server(shelf: Mentor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    with running(folder, shelf._settings.index_dir, workers=3, log="json") as server:
        yield server


def workers(server: Running) -> list[int]:
    """Return the processes that answer."""
    children = psutil.Process(server.process.pid).children()
    return sorted(child.pid for child in children if "resource_tracker" not in _line(child))


def _line(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def counted(server: Running) -> float:
    """Return how many questions have been answered, as /metrics tells it."""
    name = 'mentor_questions_total{lang="zh",status="answered"} '
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def conversation(server: Running, session: str, question: int) -> str:
    """Ask as Gradio's page does, with a new connection for each request; return what came."""
    join = {"data": [ASKED["question"]], "fn_index": question, "session_hash": session}
    told = httpx.post(f"{server.url}{CHAT}/queue/join", json=join, timeout=60)
    assert told.status_code == 200, told.text
    url = f"{server.url}{CHAT}/queue/data?session_hash={session}"
    with httpx.stream("GET", url, timeout=60) as response:
        return "".join(response.iter_text())


def the_question(server: Running) -> int:
    """Return the number by which Gradio knows the function that answers programs."""
    config = httpx.get(f"{server.url}/chat/zh/config").json()
    return next(one["id"] for one in config["dependencies"] if one["api_name"] == "chat")


def test_of_two_hundred_conversations_none_is_lost(server: Running) -> None:
    number, before = the_question(server), counted(server)
    sessions = [f"session{n}" for n in range(200)]
    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(lambda session: conversation(server, session, number), sessions))
    assert [text for text in told if '"msg":"process_completed"' not in text] == []
    assert [text for text in told if "#cite-" not in text] == []
    assert counted(server) - before == 200
    lines = [json.loads(line) for line in server.written().splitlines()]
    joined = [line for line in lines if line.get("path") == f"{CHAT}/queue/join"]
    assert len(joined) == 200, "each request has one line, passed on or not"
    assert {line["worker"] for line in joined} == {1, 2, 3}


def test_gradios_own_client_is_answered(server: Running) -> None:
    from gradio_client import Client

    client = Client(f"{server.url}/chat/zh/", verbose=False, analytics_enabled=False)
    for _ in range(3):
        assert "#cite-" in str(client.predict(ASKED["question"], api_name="/chat"))
    client.close()


def test_any_worker_tells_the_sum_and_each_processs_own_memory(server: Running) -> None:
    before = counted(server)
    for _ in range(6):
        assert httpx.post(f"{server.url}/api/ask", json=ASKED, timeout=60).status_code == 200
    assert {counted(server) for _ in range(6)} == {before + 6}
    told = httpx.get(f"{server.url}/metrics").text
    for worker in "123":
        assert f'process_resident_memory_bytes{{worker="{worker}"}}' in told


def test_a_worker_that_dies_is_replaced_and_the_others_go_on(server: Running) -> None:
    before, old = counted(server), workers(server)
    os.kill(old[1], signal.SIGKILL)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert httpx.get(f"{server.url}/readyz", timeout=30).status_code == 200
    assert until(lambda: len(set(workers(server)) - set(old)) == 1, 60)
    assert set(old) - set(workers(server)) == {old[1]}
    assert until(lambda: server.written().count("Application startup complete") == 4, 60)
    assert counted(server) == before, "what the dead had counted stays"
    number = the_question(server)
    told = [conversation(server, f"after{n}", number) for n in range(9)]
    assert all('"msg":"process_completed"' in text for text in told)
    replaced = [line for line in server.written().splitlines() if "is replaced" in line]
    assert "Worker" in json.loads(replaced[0])["message"]


def test_a_hangup_stops_nobody(server: Running) -> None:
    old = workers(server)
    server.stop(signal.SIGHUP)
    time.sleep(2)
    assert workers(server) == old
    assert is_ready(server.url)


def _asks(provider: Provider) -> dict[str, Any]:
    """Return the settings of two workers that ask a model, and have time for it."""
    times = {"model_timeout_s": 150, "model_deadline_s": 150, "goodbye_s": 120, "workers": 2}
    return {"model": "openai:scripted", "model_url": provider.openai_url, **times}


def test_a_terminals_interrupt_ends_all_in_peace(shelf: Mentor, tmp_path: Path) -> None:
    go = Event()

    def script(_: Prompt) -> Iterator[Step]:
        yield "选择课题最重要的标准是好奇心。[1]"
        while not go.is_set():
            yield Pause(0.05)

    with (
        Provider(script) as provider,
        running(tmp_path, shelf._settings.index_dir, **_asks(provider)) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        children = workers(server)
        asked = [
            pool.submit(httpx.post, f"{server.url}/api/ask", json=ASKED, timeout=60)
            for _ in range(8)
        ]
        assert until(lambda: len(provider.prompts) == 8)
        for process in (*children, server.process.pid):  # as Ctrl-C does
            os.kill(process, signal.SIGINT)
        time.sleep(1)  # nobody ends before the answers do
        go.set()
        assert {each.result().status_code for each in asked} == {200}
        assert server.status() == 0
        assert not any(psutil.pid_exists(child) for child in children)
    assert "Traceback" not in server.written()


@pytest.mark.parametrize("after_s", [0.3, 0.8, 1.5])
def test_an_interrupt_while_workers_start_is_no_stack_trace(
    shelf: Mentor, tmp_path: Path, after_s: float
) -> None:
    server = started(tmp_path, shelf._settings.index_dir, workers=2)
    everybody = psutil.Process(server.process.pid)
    assert until(lambda: len(everybody.children()) > 2)  # the workers, and who tracks them
    time.sleep(after_s)
    for process in (*everybody.children(), everybody):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
    server.status()
    assert "Traceback" not in server.written()
    assert not everybody.is_running()


def test_a_second_signal_ends_all_at_once_and_leaves_nothing_behind(
    shelf: Mentor, tmp_path: Path
) -> None:
    with (
        Provider(lambda _: ["选择课题", Pause(150)]) as provider,
        running(tmp_path, shelf._settings.index_dir, **_asks(provider)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        mapped = psutil.Process(workers(server)[0]).memory_maps()
        folder = next(
            path.parents[1]
            for path in (Path(one.path) for one in mapped)
            if path.parent.name == "figures"
        )
        pool.submit(httpx.post, f"{server.url}/api/ask", json=ASKED, timeout=60)
        assert until(lambda: provider.prompts)
        server.stop(signal.SIGINT)
        assert until(lambda: not is_ready(server.url))
        server.stop(signal.SIGINT)
        assert server.status(within_s=60) == -signal.SIGINT
        assert not folder.exists()


def test_workers_whose_parent_is_gone_go_too(shelf: Mentor, tmp_path: Path) -> None:
    with running(tmp_path, shelf._settings.index_dir, workers=2) as server:
        children = workers(server)
        mapped = [Path(one.path) for one in psutil.Process(children[0]).memory_maps()]
        folder = next(path.parents[1] for path in mapped if path.parent.name == "figures")
        assert folder.stat().st_mode & 0o777 == 0o700
        server.process.kill()
        assert server.status() == -signal.SIGKILL
        assert until(lambda: not any(psutil.pid_exists(child) for child in children))
        assert until(lambda: not folder.exists())


def test_workers_that_cannot_start_end_all_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError), running(tmp_path, tmp_path / "none", workers=2):
        pass
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert lines[-1].startswith("A worker could not start 3 times in a row: ")
    assert "mentor index" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_a_budget_is_one_for_all_workers(shelf: Mentor, tmp_path: Path) -> None:
    budget: dict[str, Any] = {"asks_per_minute": 30}
    with (
        running(tmp_path, shelf._settings.index_dir, workers=3, **budget) as server,
        ThreadPoolExecutor(6) as pool,
    ):
        left_s = 60 - time.time() % 60
        time.sleep(left_s + 0.1 if left_s < 30 else 0)

        def ask(_: int) -> int:
            return httpx.post(f"{server.url}/api/ask", json=ASKED, timeout=60).status_code

        statuses = list(pool.map(ask, range(90)))
    assert 29 <= statuses.count(200) <= 31
    assert statuses.count(429) == 90 - statuses.count(200)
