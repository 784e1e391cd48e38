"""A chat's requests reach the worker that holds the chat, whoever took the connection."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from live_server import live, until

from ui.running.forward import Forward, Received
from ui.running.line import Line

CHAT = "/chat/zh/gradio_api"


def echo(number: int) -> FastAPI:
    """An application that tells which worker it is, and what reached it."""
    app = FastAPI()
    app.state.left, app.state.go = threading.Event(), threading.Event()

    @app.get(f"{CHAT}/slow")
    async def slow() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"first "
                while not app.state.go.is_set():
                    await asyncio.sleep(0.02)
                yield b"second"
            except asyncio.CancelledError:
                app.state.left.set()
                raise

        return StreamingResponse(parts(), media_type="text/event-stream")

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def told(request: Request) -> dict[str, Any]:
        body = await request.body()
        assert request.client
        return {
            "worker": number,
            "client": request.client.host,
            "headers": dict(request.headers),
            "query": request.url.query,
            "body": body.decode(),
        }

    return app


@contextmanager
def private(app: Any, door: Path) -> Iterator[None]:
    """Serve an application at a private socket, until the block ends."""
    config = uvicorn.Config(app, http=Line, log_level="critical", proxy_headers=False)
    server = uvicorn.Server(config)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(door))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert until(lambda: server.started)
            yield
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join(30)


class Pair:
    """Two workers, with a door of its own each."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.doors = [folder / f"{number}.sock" for number in range(2)]
        self.apps = [echo(number) for number in range(2)]
        self.urls = [
            stack.enter_context(live(Forward(app, n, self.doors), http=Line, proxy_headers=False))
            for n, app in enumerate(self.apps)
        ]
        self._ends = [stack.enter_context(ExitStack()) for _ in self.apps]
        for end, app, door in zip(self._ends, self.apps, self.doors, strict=True):
            end.enter_context(private(Received(app), door))

    def lose(self, number: int) -> None:
        """Let a worker be gone."""
        self._ends[number].close()

    def owner(self, session: str) -> int:
        return int(httpx.get(f"{self.urls[0]}{CHAT}/heartbeat/{session}").json()["worker"])

    def session(self, owner: int) -> str:
        """Return a chat that this worker holds."""
        return next(name for name in map(str, range(99)) if self.owner(name) == owner)


@pytest.fixture
def pair() -> Iterator[Pair]:
    # A socket's path has about a hundred characters: pytest's own folders may be too deep.
    with TemporaryDirectory() as folder, ExitStack() as stack:
        yield Pair(stack, Path(folder))


def test_all_requests_of_a_chat_reach_one_worker_and_chats_are_spread(pair: Pair) -> None:
    owners = set()
    for session in ("3sgpwkf9x1a", "jtz3s9wjlh", "選", "\ud800", *map(str, range(12))):
        named = httpx.QueryParams({"session_hash": session.encode("utf-8", "replace").decode()})
        found = set()
        for url in pair.urls:
            body = {"data": [], "fn_index": 2, "session_hash": session}
            text = json.dumps(body)
            for call in ("queue/join", "cancel", "run/predict"):
                found.add(httpx.post(f"{url}{CHAT}/{call}", content=text).json()["worker"])
            found.add(httpx.get(f"{url}{CHAT}/queue/data?{named}").json()["worker"])
            path = next(iter(named.values()))
            found.add(httpx.get(f"{url}{CHAT}/heartbeat/{path}").json()["worker"])
        assert len(found) == 1, session
        owners |= found
    assert owners == {0, 1}


def test_all_that_one_address_calls_by_name_is_one_workers(pair: Pair) -> None:
    found = {
        httpx.post(f"{url}{CHAT}/call/chat", json={"data": []}).json()["worker"]
        for url in pair.urls
        for _ in range(3)
    }
    found |= {httpx.get(f"{url}{CHAT}/call/chat/abc").json()["worker"] for url in pair.urls}
    assert len(found) == 1


def test_what_is_no_chat_stays_where_it_came(pair: Pair) -> None:
    for number, url in enumerate(pair.urls):
        response = httpx.post(f"{url}/api/ask?session_hash=a", json={"session_hash": "a"})
        assert response.json()["worker"] == number


def test_who_asks_is_known_and_cannot_be_pretended(pair: Pair) -> None:
    session = pair.session(owner=1)
    headers = {"x-mentor-client": "1 203.0.113.9", "x-forwarded-for": "203.0.113.7", "x-a": "b"}
    for url in pair.urls:  # passed on, and not
        response = httpx.get(
            f"{url}{CHAT}/queue/data?session_hash={session}&a=%20b", headers=headers
        )
        told = response.json()
        assert (told["worker"], told["client"]) == (1, "127.0.0.1")
        assert told["query"] == f"session_hash={session}&a=%20b"
        assert told["headers"]["x-forwarded-for"] == "203.0.113.7"
        assert told["headers"]["x-a"] == "b"
    told = httpx.get(f"{pair.urls[0]}{CHAT}/heartbeat/{session}", headers=headers).json()
    assert "x-mentor-client" not in told["headers"]


def test_a_body_arrives_whole_however_it_is_sent(pair: Pair) -> None:
    session = pair.session(owner=1)
    url = f"{pair.urls[0]}{CHAT}/queue/join?session_hash={session}"
    body = "选" * 300_000
    told = httpx.post(url, content=body.encode()).json()
    assert (told["worker"], told["body"]) == (1, body)

    def parts() -> Iterator[bytes]:
        for _ in range(30):
            yield ("选" * 1000).encode()

    told = httpx.post(url, content=parts()).json()
    assert (told["worker"], told["body"]) == (1, "选" * 30_000)


def test_a_stream_comes_as_it_is_told(pair: Pair) -> None:
    session = pair.session(owner=1)
    with httpx.stream("GET", f"{pair.urls[0]}{CHAT}/slow?session_hash={session}") as response:
        parts = response.iter_text()
        assert next(parts) == "first ", "the second is not there yet"
        pair.apps[1].state.go.set()
        assert "".join(parts) == "second"


def test_who_leaves_is_known_to_have_left(pair: Pair) -> None:
    session = pair.session(owner=1)
    with httpx.stream("GET", f"{pair.urls[0]}{CHAT}/slow?session_hash={session}") as response:
        parts = response.iter_text()  # closed with the answer once nobody holds it
        next(parts)
        assert not pair.apps[1].state.left.is_set()
    assert pair.apps[1].state.left.wait(30)


def test_where_the_worker_is_gone_one_line_says_so(pair: Pair) -> None:
    session = pair.session(owner=1)
    pair.lose(1)
    response = httpx.get(f"{pair.urls[0]}{CHAT}/queue/data?session_hash={session}")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "please reload the page" in response.json()["error"]


def test_where_it_goes_in_the_middle_of_an_answer_the_line_breaks(pair: Pair) -> None:
    session = pair.session(owner=1)
    url = f"{pair.urls[0]}{CHAT}/slow?session_hash={session}"
    with httpx.stream("GET", url, timeout=60) as response:
        parts = response.iter_text()
        assert next(parts) == "first "
        pair.lose(1)
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
