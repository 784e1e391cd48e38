"""The whole application behind the guard: Gradio's own endpoints, and what leaves the machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from guarded import get, post, request, served
from web_fakes import FakeMentor

from rag import Settings
from ui.app import create_app

pytestmark = pytest.mark.usefixtures("early_in_a_minute")

EVIL = {"origin": "https://evil.example"}
API = "/chat/zh/gradio_api"


@pytest.fixture(scope="module")
def app() -> Any:
    settings = Settings(asks_per_minute=4, proxies="127.0.0.1", reads_per_minute=0)
    return create_app(FakeMentor(), settings)


@pytest.fixture(scope="module")
def address(app: Any) -> Iterator[str]:
    with served(app) as address:
        yield address


def functions(address: str) -> tuple[int, int]:
    """Return the number of a function that answers and of one that only draws."""
    found = get(f"{address}/chat/zh/config").json()["dependencies"]
    answers = next(fn["id"] for fn in found if fn["types"]["generator"])
    draws = next(fn["id"] for fn in found if not fn["types"]["generator"] and fn["backend_fn"])
    return answers, draws


WAYS = ["call/chat", "call/v2/chat", "run/chat", "api/chat", "queue/join"]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_into_gradio_leads_round_the_budget(address: str, way: str) -> None:
    answers, _ = functions(address)
    body = {"data": ["怎么选课题?"], "fn_index": answers, "session_hash": "abc"}
    client = {"x-forwarded-for": f"203.0.113.{WAYS.index(way)}", "accept-language": "zh"}
    found = [post(f"{address}{API}/{way}", json=body, headers=client) for _ in range(5)]
    assert 429 not in [response.status_code for response in found[:4]]
    assert found[4].status_code == 429
    assert found[4].json()["error"].startswith("你问得有点快"), "Gradio's page shows this text"
    assert int(found[4].headers["retry-after"]) >= 1


def test_what_the_page_does_besides_asking_costs_no_question(address: str) -> None:
    _, draws = functions(address)
    client = {"x-forwarded-for": "203.0.113.200"}
    body = {"data": [], "fn_index": draws, "session_hash": "abc"}
    for _ in range(8):
        response = post(f"{address}{API}/queue/join", json=body, headers=client)
        assert response.status_code != 429
        assert get(f"{address}/chat/zh/", headers=client).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/chat/zh/"),
        ("GET", "/chat/zh/config"),
        ("GET", f"{API}/info"),
        ("GET", f"{API}/nowhere"),
        ("POST", f"{API}/call/chat"),
        ("POST", f"{API}/queue/join"),
        ("POST", f"{API}/upload"),
        ("GET", f"{API}/file=/etc/passwd"),
    ],
)
def test_gradio_answers_no_page_of_another_site_and_carries_our_headers(
    address: str, method: str, path: str
) -> None:
    for host in ("localhost", "mentor.example"):
        response = request(method, address + path, headers=EVIL | {"host": host})
        assert response.status_code == 403
        assert "access-control-allow-credentials" not in response.headers
    response = request(method, address + path, headers={"x-forwarded-for": "203.0.113.77"})
    assert response.status_code != 403 or "file=" in path
    assert "frame-ancestors 'self'" in response.headers["content-security-policy"]
    assert "access-control-allow-origin" not in response.headers


def test_a_login_closes_gradio_too(app: Any) -> None:
    closed = create_app(FakeMentor(), Settings(login="a:b"))  # type: ignore[arg-type]
    with served(closed) as address:
        for path in ("/chat/zh/", "/chat/zh/config", f"{API}/info", "/read/one_year_off"):
            assert get(address + path).status_code == 401
        assert post(f"{address}{API}/call/chat", json={"data": ["a"]}).status_code == 401
        assert get(f"{address}/chat/zh/", auth=("a", "b")).status_code == 200


# ---- nothing leaves ----

# uvloop's sockets are made outside of Python, where the hook does not see them.
_WATCHED = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "uvloop":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
log = open(sys.argv.pop(1), "a", buffering=1)
def watch(event, args):
    if event in ("socket.connect", "socket.sendto"):
        print(event, args[1], file=log)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        print(event, args[0], file=log)
sys.addaudithook(watch)
import socket
with socket.socket() as seen:
    seen.connect_ex(("127.0.0.1", 9))
from ui.cli import main
main()
"""
_OPT_OUTS = ("GRADIO_", "HF_", "MENTOR_", "DO_NOT_TRACK", "ANONYMIZED", "LANG", "OTEL", "CHROMA")


def test_a_server_that_answers_connects_to_nothing(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(_OPT_OUTS)}
    with socket.create_server(("127.0.0.1", 0)) as found:
        log, port = tmp_path / "log", found.getsockname()[1]
    command = [sys.executable, "-c", _WATCHED, str(log), "serve", "--port", str(port)]
    root = Path(__file__).resolve().parent.parent
    command += ["--index", str(tmp_path / "index")]
    server = subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.DEVNULL)
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 90
        while not _answers(address) and time.monotonic() < deadline:
            time.sleep(0.2)
        asked = post(f"{address}/api/ask", json={"question": "怎么选课题?"}, timeout=30)
        assert asked.json()["status"] == "answered"
        assert get(f"{address}/chat/zh/", timeout=30).status_code == 200
        called = post(f"{address}{API}/call/chat", json={"data": ["怎么选课题?"]}, timeout=30)
        told = get(f"{address}{API}/call/chat/{called.json()['event_id']}", timeout=30)
        assert "event: complete" in told.text
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
    seen = log.read_text(encoding="utf-8").splitlines()
    assert seen[0] == "socket.connect ('127.0.0.1', 9)", "the watch itself works"
    # uvicorn looks its own address up, and an event loop wakes itself through a pair of sockets.
    assert [line for line in seen[1:] if "127.0.0.1" not in line and "None" not in line] == []


def _answers(address: str) -> bool:
    try:
        return get(f"{address}/healthz").status_code == 200
    except httpx.TransportError:
        return False
