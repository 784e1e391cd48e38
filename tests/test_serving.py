"""A server that is stopped finishes what it has begun, lets go of what waits, and says so."""

import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import until
from model_fakes import QUESTIONS, TRUTHS
from server_process import Running, is_ready, running

from eval.protocols import Prompt
from eval.scripted import Pause, Provider, Step
from rag import Mentor
from ui.running.serving import config_of

ASKED = {"question": QUESTIONS["zh"]}


@pytest.fixture
def index(shelf: Mentor) -> Path:
    return shelf._settings.index_dir


class Model(Provider):
    """Says its first sentence, and the others when it may `go`: for two minutes, not by itself."""

    def __init__(self) -> None:
        self.go = threading.Event()
        super().__init__(self._script)

    def _script(self, _: Prompt) -> Iterator[Step]:
        first, *others = TRUTHS["zh"]
        yield first
        for _ in range(2400):
            if self.go.is_set():
                break
            yield Pause(0.05)
        yield from others

    def settings(self, goodbye_s: float) -> dict[str, Any]:
        """Return the settings of a server that asks it."""
        limits = {"model_timeout_s": 150, "model_deadline_s": 150, "goodbye_s": goodbye_s}
        return {"model": "openai:scripted", "model_url": self.openai_url, **limits}


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


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
    tmp_path: Path, index: Path, model: Model
) -> None:
    with running(tmp_path, index, **model.settings(goodbye_s=90)) as server:
        asker = asking(server)
        server.stop()
        assert until(lambda: not is_ready(server.url))
        for path, status in (("/readyz", 503), ("/shelf", 503), ("/healthz", 200)):
            assert httpx.get(server.url + path).status_code == status, path
        response = httpx.get(f"{server.url}/readyz", headers={"accept-language": "en"})
        line = "Mentor is being restarted; please try again in a moment."
        assert response.json() == {"error": line}
        assert response.headers["retry-after"] == "5"
        model.go.set()
        asker.join(60)
        assert asker.error == ""
        assert "event: answer" in asker.text
        assert asker.text.endswith("event: done\ndata: {}\n\n")
        assert server.status() == 0
    assert "Traceback" not in server.written()


def test_an_answer_that_takes_too_long_is_cut_with_a_clean_end(
    tmp_path: Path, index: Path, model: Model
) -> None:
    with running(tmp_path, index, **model.settings(goodbye_s=4)) as server:
        asker = asking(server)
        start = time.monotonic()
        server.stop()
        asker.join(60)
        assert 3.5 < time.monotonic() - start < 60
        assert asker.error == "", "the line is not broken"
        assert "event: error" in asker.text
        assert asker.text.endswith("event: done\ndata: {}\n\n")
        assert server.status() == 0
        assert time.monotonic() - start < 90  # the model is still not done
    assert "Traceback" not in server.written()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_it_at_once(
    tmp_path: Path, index: Path, model: Model, sig: int
) -> None:
    with running(tmp_path, index, **model.settings(goodbye_s=120)) as server:
        asker = asking(server)
        server.stop(sig)
        assert until(lambda: not is_ready(server.url))
        server.stop(sig)
        assert server.status(within_s=60) == -sig, "half of what it might have waited"
        asker.join(60)
    assert "Traceback" not in server.written()


def test_pages_that_are_open_do_not_hold_it(tmp_path: Path, index: Path) -> None:
    with (
        running(tmp_path, index, goodbye_s=90) as server,
        httpx.Client(base_url=server.url) as idle,
    ):
        assert idle.get("/healthz").status_code == 200  # and its connection stays open
        heartbeat = idle.build_request("GET", "/chat/zh/gradio_api/heartbeat/abc")
        beats = idle.send(heartbeat, stream=True).iter_text()
        assert "ALIVE" in next(beats)
        silent = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        server.stop()
        assert server.status(within_s=45) == 0
        assert list(beats) == [], "it ends, and is not broken off"
        silent.close()


def test_who_asks_hangs_up_first(tmp_path: Path, index: Path) -> None:
    proxies = 60  # s that nginx and Caddy keep an idle line; deploy/ has nothing longer
    assert config_of(_nothing).timeout_keep_alive > proxies
    with running(tmp_path, index) as server:
        line = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)
        line.request("GET", "/healthz")
        line.getresponse().read()
        time.sleep(6)  # uvicorn's own patience is 5 s
        assert not select.select([line.sock], [], [], 0)[0], "nothing was said, not even goodbye"
        line.request("GET", "/healthz")
        assert line.getresponse().status == 200
        line.close()


async def _nothing(*_: object) -> None: ...


def test_all_who_are_being_answered_are_answered(tmp_path: Path, index: Path, model: Model) -> None:
    settings = model.settings(goodbye_s=90)
    with running(tmp_path, index, **settings) as server, ThreadPoolExecutor(50) as pool:
        with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=50)) as client:
            asked = [
                pool.submit(client.post, f"{server.url}/api/ask", json=ASKED) for _ in range(50)
            ]
            assert until(lambda: len(model.prompts) >= 50)
            server.stop()
            assert until(lambda: not is_ready(server.url))
            model.go.set()
            answers = [each.result() for each in asked]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["status"] for answer in answers} == {"answered"}
        assert server.status() == 0
