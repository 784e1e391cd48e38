"""Budgets, sizes and places over real HTTP, and what happens when the shared store is away."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from guarded import get, guarded, request, served, small_app
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from live_server import until

from rag import MentorError, Settings
from ui.budgets import Counter, open_store
from ui.guard import guard
from ui.reading import Bounds
from ui.request import address as counted_as
from ui.request import asks, is_asset, is_local
from ui.running.line import Line

pytestmark = pytest.mark.usefixtures("early_in_a_minute")

PROXY = {"proxies": "127.0.0.1"}


def post(url: str, ip: str = "", path: str = "/api/ask", **more: Any) -> httpx.Response:
    headers = {"x-forwarded-for": ip} if ip else {}
    return request("POST", url + path, headers=headers | more.pop("headers", {}), **more)


# ---- budgets ----


def test_who_asks_too_fast_is_told_how_long_to_wait_in_their_language() -> None:
    with guarded(asks_per_minute=3, **PROXY) as url:
        assert [post(url, "203.0.113.9").status_code for _ in range(4)] == [200, 200, 200, 429]
        zh = post(url, "203.0.113.9", headers={"accept-language": "zh-CN"})
        en = post(url, "203.0.113.9", headers={"accept-language": "en"})
        assert 1 <= int(en.headers["retry-after"]) <= 120
        assert set(en.json()) == {"error"}
        assert en.json()["error"].startswith("That was a little fast. Please wait ")
        assert zh.json()["error"].startswith("你问得有点快")
        assert en.headers["cache-control"] == "no-store"
        assert post(url, "203.0.113.10").status_code == 200, "another address has its own budget"


def test_every_way_to_ask_spends_the_same_budget() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}
    with guarded(asks_per_minute=5, **PROXY) as url:
        ways = ["/api/ask", "/v1/chat/completions", "/mcp", "/api/chat", "/not/yet/known"]
        for path in ways:
            assert post(url, "203.0.113.1", path, json=call).status_code != 429
        for path in ways:
            assert post(url, "203.0.113.1", path, json=call).status_code == 429


def test_reading_has_a_looser_budget_of_its_own() -> None:
    with guarded(asks_per_minute=1, reads_per_minute=3) as url:
        assert [post(url).status_code for _ in range(2)] == [200, 429]
        read = [get(f"{url}/api/passage").status_code for _ in range(4)]
        assert read == [200, 200, 200, 429]
        assert {get(f"{url}/healthz").status_code for _ in range(5)} == {200}


def test_greeting_an_mcp_server_costs_no_question() -> None:
    with guarded(asks_per_minute=1) as url:
        for method in ("initialize", "tools/list", "notifications/initialized"):
            body = {"jsonrpc": "2.0", "id": 1, "method": method}
            assert post(url, path="/mcp", json=body).status_code == 200
        assert post(url, path="/mcp", json={"method": "tools/call"}).status_code == 200
        assert post(url, path="/mcp", json={"method": "tools/call"}).status_code == 429


def test_a_day_has_a_budget_for_each_address_and_one_for_everybody() -> None:
    with guarded(asks_per_day=2, asks_per_day_in_all=5, **PROXY) as url:
        first = [post(url, "203.0.113.1") for _ in range(3)]
        assert [response.status_code for response in first] == [200, 200, 429]
        assert int(first[-1].headers["retry-after"]) <= 2 * 86_400
        others = [post(url, f"203.0.113.{n}") for n in range(2, 7)]
        assert [response.status_code for response in others] == [200, 200, 200, 429, 429]
        assert "Mentor has answered all it can for today" in others[-1].json()["error"]
        assert get(f"{url}/api/passage").status_code == 200, "reading goes on"


def test_nought_is_no_limit() -> None:
    none = dict.fromkeys(["asks_per_minute", "asks_per_day", "asks_per_day_in_all"], 0)
    with guarded(reads_per_minute=0, **none) as url:
        assert {post(url).status_code for _ in range(30)} == {200}


def test_a_pretended_address_gets_no_budget_of_its_own() -> None:
    with guarded(asks_per_minute=2) as url:
        statuses = [post(url, f"203.0.113.{n}").status_code for n in range(3)]
    assert statuses == [200, 200, 429]


def test_a_wait_that_is_told_is_long_enough() -> None:
    async def told() -> None:
        counter, budget = Counter(), RateLimitItemPerSecond(2, 1)
        for _ in range(3):
            while not (wait_s := await counter.spend(budget, "a")):
                pass
            await asyncio.sleep(wait_s)
            assert await counter.spend(budget, "a") == 0

    asyncio.run(told())


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("x" * 1000, "x" * 64),
        ("", "unknown"),
    ],
)
def test_an_address_is_counted_as_one_household(client: str, counted: str) -> None:
    assert counted_as({"type": "http", "client": (client, 1)}) == counted
    assert counted_as({"type": "http", "client": None}) == "unknown"


def test_an_ipv6_neighbourhood_shares_its_budget_over_http() -> None:
    with guarded(asks_per_minute=1, **PROXY) as url:
        assert post(url, "2001:db8::1").status_code == 200
        assert post(url, "2001:db8::2").status_code == 429
        assert post(url, "2001:db8:0:1::1").status_code == 200


# ---- which requests ask ----


def scope(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], **more}


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("/chat/zh/gradio_api/queue/join", {"fn_index": 1}, False),
        ("/chat/zh/gradio_api/queue/join/", {"fn_index": 1}, False),
        ("/chat/zh/gradio_api/run/predict", {"fn_index": 1}, False),
        ("/chat/zh/gradio_api/cancel", {}, False),
        ("/chat/zh/gradio_api/queue/join", {"fn_index": 3}, True),
        ("/chat/zh/gradio_api/queue/join", {"fn_index": "1"}, True),
        ("/chat/zh/gradio_api/queue/join", {"fn_index": True}, True),
        ("/chat/zh/gradio_api/queue/join", {}, True),
        ("/chat/zh/gradio_api/queue/join", [1], True),
        ("/chat/zh/gradio_api/call/chat", {"fn_index": 1}, True),
        ("/chat/zh/gradio_api/call/v2/chat", {"fn_index": 1}, True),
        ("/chat/zh/gradio_api/run/chat", {"fn_index": 1}, True),
        ("/chat/zh/gradio_api/component_server", {"fn_index": 1}, True),
        ("/chat/fr/gradio_api/queue/join", {"fn_index": 1}, True),
        ("/mcp", {"method": "tools/list"}, False),
        ("/mcp/", [{"method": "tools/list"}, {"method": "tools/call"}], True),
        ("/mcp", {"method": "tools\u002fcall"}, True),
        ("/mcp", {"no": "method"}, True),
        ("/mcp", "words", True),
        ("/api/feedback", {}, True),
        ("/api/search", {}, False),
    ],
)
def test_a_request_asks_unless_it_is_known_to_do_less(path: str, body: Any, asked: bool) -> None:
    raw = json.dumps(body).encode()
    answering = {"/chat/zh": {1}}
    assert asks(scope("POST", path), raw, answering) is asked
    assert not asks(scope("GET", path), b"", answering)


def test_a_body_that_is_no_json_counts_as_a_question() -> None:
    for path in ("/mcp", "/chat/zh/gradio_api/queue/join"):
        for body in (b"", b"{", b"\xff", b"[" * 100_000):
            assert asks(scope("POST", path), body, {"/chat/zh": {1}})


def test_files_of_a_page_are_not_counted() -> None:
    for path in ("/static/chat.css", "/chat/zh/assets/index.js", "/chat/en/theme.css", "/healthz"):
        assert is_asset(path)
    for path in ("/chat/zh/", "/chat/zh/gradio_api/info", "/api/passage", "/read/assets/", "/"):
        assert not is_asset(path)


def test_this_machine_is_told_from_a_proxy_on_it() -> None:
    here: dict[str, Any] = {"client": ("127.0.0.1", 5), "http_version": "1.1"}
    host = [(b"host", b"localhost:7860")]
    assert is_local(scope("GET", "/", **here) | {"headers": host})
    for changed in (
        {"client": ("203.0.113.9", 5)},
        {"client": None},
        {"http_version": "1.0"},
        {"headers": [(b"host", b"mentor.example")]},
        {"headers": [*host, (b"x-forwarded-for", b"203.0.113.9")]},
        {"headers": []},
    ):
        assert not is_local(scope("GET", "/", **here) | {"headers": host} | changed)


# ---- sizes ----


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with guarded(Bounds(body_s=0.6)) as url:
        yield url


def line(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60)


def answered(line: socket.socket) -> bytes:
    with line:
        found = b""
        while part := line.recv(65_536):
            found += part
    return found


def test_a_body_past_the_limit_is_413_also_when_it_hides_its_length(url: str) -> None:
    big = b"a" * (1024 * 1024 + 1)
    assert post(url, content=big).status_code == 413
    assert post(url, content=iter([big[:-1], b"aa"])).status_code == 413
    assert len(post(url, content=big[:-1]).json()["body"]) == 1024 * 1024


def test_too_many_or_too_long_headers_are_431(url: str) -> None:
    many = {f"x-{n}": "a" for n in range(120)}
    assert post(url, headers=many).status_code == 431
    assert post(url, headers={"x-long": "a" * 40_000}).status_code == 431


def test_a_long_address_is_414(url: str) -> None:
    assert get(f"{url}/api/passage?q={'a' * 8192}").status_code == 414
    assert get(f"{url}/api/passage?q={'a' * 8000}").status_code == 200


def test_a_body_that_drips_is_given_up_in_time_and_the_line_is_closed(url: str) -> None:
    sock = line(url)
    sock.sendall(b"POST /api/ask HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.1):
            try:
                sock.sendall(b"a")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    try:
        found = answered(sock)
    finally:
        stop.set()
        thread.join()
    assert b" 408 " in found.split(b"\r\n")[0]
    assert time.monotonic() - start > 0.5


def test_an_asker_who_leaves_in_the_middle_of_a_body_harms_nobody(url: str) -> None:
    sock = line(url)
    sock.sendall(b"POST /api/ask HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
    sock.close()
    assert post(url, content=b"whole").json()["body"] == "whole"


def test_a_head_that_never_ends_is_left_and_one_without_an_end_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Line, "head_s", 0.6)  # a setting of the class, which uvicorn makes itself
    with guarded() as url:
        whole = b"POST /api/ask HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"
        for first, left in ((b"", b""), (whole, b" 200 ")):  # also after a request that was whole
            sock = line(url)
            sock.sendall(first)
            assert left in (sock.recv(65_536) if first else b"")
            start = time.monotonic()
            sock.sendall(b"GET / HTTP/1.1\r\nHo")
            answered(sock)
            assert 0.5 < time.monotonic() - start < 30  # half of what `line` would wait
        with line(url) as sock, pytest.raises(ConnectionError):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 65_000_000)
        assert post(url, path="/api/slow?s=1").status_code == 200, "an answer may take longer"


def test_who_is_turned_away_and_goes_on_sending_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Line, "head_s", 0.6)
    with guarded() as url:
        sock = line(url)
        sock.sendall(
            b"POST /api/ask HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n"
            b"Content-Length: 900000\r\n\r\n"
        )
        assert b" 403 " in sock.recv(65_536)
        sock.sendall(b"x")  # uvicorn waits for what is silent, and no longer for what is not
        start = time.monotonic()
        assert answered(sock) == b""
        assert 0.5 < time.monotonic() - start < 30


# ---- places ----


def test_questions_wait_a_moment_for_a_place_and_are_then_turned_away() -> None:
    app = small_app()
    guard(app, Settings(asks_at_once=2), Bounds(place_s=60))
    with served(app) as url, ThreadPoolExecutor(8) as pool:
        path = "/api/slow?s=60"
        asked = [pool.submit(post, url, path=path) for _ in range(6)]
        assert until(lambda: sum(each.done() for each in asked) == 2)  # there is no room to wait
        app.state.go.set()
        found = [each.result() for each in asked]
        assert sorted(response.status_code for response in found) == [200] * 4 + [503] * 2
        assert app.state.most == 2
        turned = next(response for response in found if response.status_code == 503)
        assert turned.headers["retry-after"] == "60"
        assert "Many people are asking" in turned.json()["error"]
        assert post(url, path=path).status_code == 200, "places are given back"


def test_who_waits_too_long_for_a_place_is_told_so() -> None:
    app = small_app()
    guard(app, Settings(asks_at_once=1), Bounds(place_s=0.4))
    with served(app) as url, ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, url, path="/api/slow?s=60")
        assert until(lambda: app.state.running)
        start = time.monotonic()
        response = post(url, timeout=30)
        assert response.status_code == 503, "while the first is being answered"
        assert response.headers["retry-after"] == "1"
        assert time.monotonic() - start > 0.3
        assert get(f"{url}/api/passage").status_code == 200, "reading needs no place"
        app.state.go.set()
        assert first.result().status_code == 200


def test_one_address_cannot_hold_every_connection() -> None:
    app = small_app()
    guard(app, Settings(), Bounds(held=2))
    with served(app) as url, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(post, url, path="/api/slow?s=60") for _ in range(4)]
        assert until(lambda: sum(each.done() for each in asked) == 2)
        app.state.go.set()
        found = [each.result() for each in asked]
        assert sorted(response.status_code for response in found) == [200, 200, 429, 429]
        assert post(url, path="/api/slow?s=0").status_code == 200


# ---- stores ----


class Flaky(MemoryStorage):
    """A store on another machine, which can be away."""

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self.away, self.tried = False, 0

    async def acquire_sliding_window_entry(self, *args: Any, **kwargs: Any) -> bool:
        self.tried += 1
        if self.away:
            raise ConnectionError("refused")
        return await super().acquire_sliding_window_entry(*args, **kwargs)


async def _spend(counter: Counter, times: int, who: str = "a") -> list[bool]:
    budget = RateLimitItemPerSecond(2, 3600)
    return [await counter.spend(budget, who) == 0 for _ in range(times)]


def test_replicas_that_share_a_store_share_their_budgets() -> None:
    async def told() -> None:
        store = Flaky()
        one, two = Counter(store), Counter(store)
        assert await _spend(one, 1) + await _spend(two, 2) == [True, True, False]

    asyncio.run(told())


def test_while_the_store_is_away_each_counts_alone_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def told() -> None:
        store = Flaky()
        counter = Counter(store)
        store.away = True
        assert await _spend(counter, 4) == [True, True, False, False]
        assert store.tried == 1, "an absent store is not waited for at each request"

    with caplog.at_level(logging.WARNING):
        asyncio.run(told())
    assert len(caplog.records) == 1
    assert "MENTOR_BUDGET_STORE" in caplog.text


def test_a_store_that_is_there_again_is_used_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    async def told() -> None:
        store = Flaky()
        counter = Counter(store, away_s=5)
        for outage in range(1, 3):
            store.away = True
            await _spend(counter, 3, f"away {outage}")
            assert len(caplog.records) == outage
            store.away = False
            now[0] += 6
            assert await _spend(counter, 3, f"there {outage}") == [True, True, False]
            assert store.tried == outage * 4

    clocks = SimpleNamespace(monotonic=lambda: now[0], time=time.time)
    monkeypatch.setattr("ui.budgets.time", clocks)
    with caplog.at_level(logging.WARNING):
        asyncio.run(told())


def test_a_store_that_never_answers_is_not_waited_for_long() -> None:
    class Silent(Flaky):
        STORAGE_SCHEME = None

        async def acquire_sliding_window_entry(self, *args: Any, **kwargs: Any) -> bool:
            await asyncio.sleep(60)
            return True

    start = time.monotonic()
    assert asyncio.run(_spend(Counter(Silent()), 3)) == [True, True, False]
    assert time.monotonic() - start < 30  # half of what one answer would take


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("postgres://host", "redis://, valkey:// or memcached://"),
        ("redis", "redis://, valkey:// or memcached://"),
        ("*", "redis://, valkey:// or memcached://"),
    ],
)
def test_what_is_no_store_is_refused_at_the_start(uri: str, said: str) -> None:
    with pytest.raises(MentorError, match=said):
        open_store(uri)


def test_a_missing_library_is_named_with_its_installation() -> None:
    from importlib.util import find_spec

    for uri, package in (("valkey://h:1", "valkey"), ("memcached://h:1", "memcachio")):
        if find_spec(package) is None:
            with pytest.raises(MentorError, match=f"pip install {package}"):
                open_store(uri)
    assert open_store("") is None
