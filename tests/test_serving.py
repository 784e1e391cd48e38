"""A server that is stopped finishes what it has begun, lets go of what waits, and says so."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import until
from model_fakes import QUESTIONS, TRUTHS
from server_process import Running, running

from eval.scripted import Pause, Provider, Step
from rag import Mentor

ASKED = {"question": QUESTIONS["zh"]}


@pytest.fixture
def index(shelf: Mentor) -> Path:
    return shelf._settings.index_dir


@pytest.fixture
def model() -> Iterator[dict[str, Any]]:
    """A model that takes about three seconds for an answer, as settings."""
    steps: list[Step] = []
    for truth in TRUTHS["zh"]:
        steps += [truth, Pause(1)]
    with Provider(lambda _: steps) as provider:
        yield {"model": "openai:scripted", "model_url": provider.openai_url}


@pytest.fixture
def slow() -> Iterator[dict[str, Any]]:
    """A model that would take a minute."""
    with Provider(lambda _: [TRUTHS["zh"][0], Pause(60), "…"]) as provider:
        yield {
            "model": "openai:scripted",
            "model_url": provider.openai_url,
            "model_timeout_s": 90,
            "model_deadline_s": 90,
        }


class Asker(threading.Thread):
    """Reads a stream to its end, however that comes."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.text, self.error = url, "", ""
        self.start()

    def run(self) -> None:
        try:
            with httpx.stream("POST", f"{self.url}/api/chat", json=ASKED, timeout=60) as response:
                for part in response.iter_text():
                    self.text += part
        except httpx.HTTPError as error:
            self.error = repr(error)


def asking(server: Running) -> Asker:
    """Ask, and return when the answer has begun."""
    asker = Asker(server.url)
    assert until(lambda: "event: meta" in asker.text)
    return asker


def test_an_answer_that_has_begun_is_finished_and_nothing_new_is_taken(
    tmp_path: Path, index: Path, model: dict[str, Any]
) -> None:
    with running(tmp_path, index, **model) as server:
        asker = asking(server)
        server.stop()
        time.sleep(0.5)
        for path, status in (("/readyz", 503), ("/shelf", 503), ("/healthz", 200)):
            assert httpx.get(server.url + path).status_code == status, path
        response = httpx.get(f"{server.url}/readyz", headers={"accept-language": "en"})
        line = "Mentor is being restarted; please try again in a moment."
        assert response.json() == {"error": line}
        assert response.headers["retry-after"] == "5"
        asker.join(20)
        assert asker.error == ""
        assert "event: answer" in asker.text
        assert asker.text.endswith("event: done\ndata: {}\n\n")
        assert server.status() == 0
    assert "Traceback" not in server.written()


def test_an_answer_that_takes_too_long_is_cut_with_a_clean_end(
    tmp_path: Path, index: Path, slow: dict[str, Any]
) -> None:
    with running(tmp_path, index, goodbye_s=4, **slow) as server:
        asker = asking(server)
        start = time.monotonic()
        server.stop()
        asker.join(30)
        assert 3.5 < time.monotonic() - start < 7
        assert asker.error == "", "the line is not broken"
        assert "event: error" in asker.text
        assert asker.text.endswith("event: done\ndata: {}\n\n")
        assert server.status() == 0
        assert time.monotonic() - start < 10
    assert "Traceback" not in server.written()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_it_at_once(
    tmp_path: Path, index: Path, slow: dict[str, Any], sig: int
) -> None:
    with running(tmp_path, index, goodbye_s=60, **slow) as server:
        asker = asking(server)
        server.stop(sig)
        time.sleep(0.5)
        start = time.monotonic()
        server.stop(sig)
        assert server.status() == -sig
        assert time.monotonic() - start < 1
        asker.join(10)
    assert "Traceback" not in server.written()


def test_pages_that_are_open_do_not_hold_it(tmp_path: Path, index: Path) -> None:
    with (
        running(tmp_path, index, goodbye_s=30) as server,
        httpx.Client(base_url=server.url) as idle,
    ):
        assert idle.get("/healthz").status_code == 200  # and its connection stays open
        heartbeat = idle.build_request("GET", "/chat/zh/gradio_api/heartbeat/abc")
        beats = idle.send(heartbeat, stream=True).iter_text()
        assert "ALIVE" in next(beats)
        silent = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        start = time.monotonic()
        server.stop()
        assert server.status() == 0
        assert time.monotonic() - start < 5
        assert list(beats) == [], "it ends, and is not broken off"
        silent.close()


def test_all_who_are_being_answered_are_answered(
    tmp_path: Path, index: Path, model: dict[str, Any]
) -> None:
    with running(tmp_path, index, **model) as server, ThreadPoolExecutor(50) as pool:
        with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=50)) as client:
            asked = [
                pool.submit(client.post, f"{server.url}/api/ask", json=ASKED) for _ in range(50)
            ]
            time.sleep(2.5)
            server.stop()
            answers = [each.result() for each in asked]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["status"] for answer in answers} == {"answered"}
        assert server.status() == 0
