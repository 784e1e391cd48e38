"""Origins, headers and proxies, as a browser and a proxy meet them over real HTTP."""

import logging
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from guarded import READ, get, guarded, post, small_app
from starlette.middleware.cors import CORSMiddleware

from rag import MentorError, Settings
from ui.guard import guard
from ui.origins import parse_origins, parse_proxies

LAB, EVIL = "https://lab.example", "https://evil.example"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with guarded(origins=LAB) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    # Shorter than the server keeps an idle line, so that the two never meet.
    with httpx.Client(base_url=address, limits=httpx.Limits(keepalive_expiry=1)) as client:
        yield client


# ---- origins ----


@pytest.mark.parametrize("origin", [EVIL, "null", "http://lab.example", "https://lab.example:444"])
def test_a_page_of_another_site_is_refused_and_can_read_why(
    client: httpx.Client, origin: str
) -> None:
    for method, path in (("POST", "/api/ask"), ("GET", "/api/passage"), ("POST", "/nowhere")):
        response = client.request(method, path, headers={"origin": origin})
        assert response.status_code == 403
        assert f"MENTOR_ORIGINS={origin}" in response.json()["error"]
        assert response.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in response.headers
        assert "Origin" in response.headers["vary"]


def test_its_preflight_is_answered_so_that_the_cause_is_not_hidden(client: httpx.Client) -> None:
    asked = {
        "origin": EVIL,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    response = client.options("/api/chat", headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == EVIL
    assert "content-type" in response.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in response.headers


def test_a_page_of_an_allowed_site_may_ask_and_read_the_answer(client: httpx.Client) -> None:
    asked = {
        "origin": LAB,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization,mcp-session-id",
    }
    assert client.options("/api/ask", headers=asked).status_code == 200
    response = client.post("/api/ask", json={}, headers={"origin": LAB})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == LAB
    assert "access-control-allow-credentials" not in response.headers
    assert "retry-after" in response.headers["access-control-expose-headers"].lower()


def test_errors_can_be_read_by_an_allowed_site_too(client: httpx.Client) -> None:
    for path, status in (("/api/break", 500), ("/nowhere", 404)):
        response = client.get(path, headers={"origin": LAB})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == LAB


def test_mentors_own_pages_and_programs_are_let_in(client: httpx.Client, address: str) -> None:
    host = urlsplit(address).netloc
    for headers in (
        {},
        {"origin": address},
        {"origin": f"https://{host}"},  # a proxy in front speaks TLS
        {"origin": "https://mentor.example", "sec-fetch-site": "same-origin"},  # and rewrites Host
        {"sec-fetch-site": "none"},
    ):
        response = client.post("/api/ask", json={}, headers=headers)
        assert response.status_code == 200
        assert "access-control-allow-origin" not in response.headers


def test_a_form_of_another_site_changes_nothing_even_without_an_origin(
    client: httpx.Client,
) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site}
        assert client.post("/api/ask", headers=headers).status_code == 403
        assert client.get("/chat/zh/", headers=headers).status_code == 200, "a link may be followed"


def test_the_widgets_file_loads_anywhere_so_that_it_can_say_why_nothing_else_does(
    client: httpx.Client,
) -> None:
    response = client.get("/widget.js", headers={"origin": EVIL})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"


def test_without_the_setting_every_other_site_is_refused() -> None:
    with guarded() as address:
        for origin in (LAB, EVIL, "null"):
            assert post(f"{address}/api/ask", headers={"origin": origin}).status_code == 403


def test_gradio_finds_the_class_for_which_it_keeps_its_own_lax_one_away() -> None:
    bare, has_one = small_app(), small_app()
    has_one.add_middleware(CORSMiddleware, allow_origins=[])
    for app in (bare, has_one):
        guard(app, Settings())
        assert [middleware.cls for middleware in app.user_middleware] == [CORSMiddleware]


def test_refusals_speak_the_three_languages_of_the_pages(client: httpx.Client) -> None:
    said = {}
    for lang in ("zh-CN", "zh-TW", "en", "de"):
        headers = {"origin": EVIL, "accept-language": lang}
        said[lang] = client.post("/api/ask", headers=headers).json()["error"]
    assert "网页" in said["zh-CN"]
    assert "網頁" in said["zh-TW"]
    assert said["en"] == said["de"]


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "https://*.example",
        "lab.example",
        "https://lab.example/",
        "https://lab.example/page",
        "https://lab.example?",
        "https://lab.example#a",
        "https://me@lab.example",
        "https://lab.example:port",
        "https://",
        "ftp://lab.example",
        "null",
        "https://a.example https://b.example",
        "https://lab.example, *",
    ],
)
def test_what_is_no_origin_is_refused_at_the_start_in_one_line(wrong: str) -> None:
    for setting in ("origins", "framed_by"):
        with pytest.raises(MentorError, match=f"MENTOR_{setting.upper()}: ") as caught:
            guard(small_app(), Settings(**{setting: wrong}))
        assert "\n" not in str(caught.value)
        assert "https://lab.example" in str(caught.value)


def test_an_origin_may_be_written_as_people_write_it() -> None:
    written = (
        "HTTPS://Lab.Example, http://localhost:8000,https://bücher.example:443,, http://[::1]:9"
    )
    assert parse_origins(written, "X") == (
        "https://lab.example",
        "http://localhost:8000",
        "https://xn--bcher-kva.example",
        "http://[::1]:9",
    )
    assert parse_origins(" ", "X") == ()


# ---- headers ----


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/zh/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/read/essay", 200),
        ("GET", "/nowhere", 404),
        ("PATCH", "/api/ask", 405),
        ("GET", "/api/break", 500),
        ("GET", "/healthz?" + "a" * 9000, 414),
    ],
)
def test_every_response_carries_the_security_headers(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    headers = response.headers
    assert response.status_code == status
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "camera=()" in headers["permissions-policy"]
    policy = headers["content-security-policy"]
    assert policy.count("frame-ancestors 'self'") == 1
    assert "unsafe-eval" not in policy
    assert "default-src" in policy
    assert len(headers.get_list("content-security-policy")) == 1


def test_a_line_that_ends_after_an_error_is_said_to_end(client: httpx.Client) -> None:
    for _ in range(20):
        assert client.get("/api/break").headers["connection"] == "close"
        assert "connection" not in client.get("/healthz").headers


def test_a_refusal_carries_them_too(client: httpx.Client) -> None:
    response = client.post("/api/ask", headers={"origin": EVIL})
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_what_is_no_page_may_load_nothing(client: httpx.Client) -> None:
    assert "default-src 'none'" in client.get("/healthz").headers["content-security-policy"]
    page = client.get("/chat/zh/").headers["content-security-policy"]
    assert "connect-src 'self'" in page
    own = client.get("/read/essay").headers["content-security-policy"]
    assert own == "default-src 'none'; style-src 'self'; frame-ancestors 'self'"


def test_the_owner_says_who_may_frame_every_page() -> None:
    with guarded(framed_by=f"{LAB},http://localhost:8000") as address:
        for path in ("/chat/zh/", "/read/essay"):
            headers = get(address + path).headers
            policy = headers["content-security-policy"]
            assert policy.endswith(f"frame-ancestors 'self' {LAB} http://localhost:8000")
            assert policy.count("frame-ancestors") == 1
            assert "x-frame-options" not in headers


def test_a_stream_is_passed_on_as_it_comes(client: httpx.Client) -> None:
    sizes = []
    with client.stream("POST", "/api/chat", json={"question": "read"}) as response:
        for part in response.iter_text():
            sizes.append(part.count("event:"))
            READ.release()
    assert sizes == [1, 1, 1]


def test_a_websocket_is_not_opened(address: str) -> None:
    parts = urlsplit(address)
    request = (
        f"GET /chat/zh/ HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60) as line:
        line.sendall(request.encode())
        status = line.recv(200).split(b"\r\n")[0]
    assert not re.search(rb" 101 ", status), status


# ---- proxies ----


def seen(address: str, **headers: str) -> tuple[str, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = post(f"{address}/api/ask", headers=sent).json()
    return body["client"], body["scheme"]


def test_what_a_proxy_says_is_believed_only_of_a_named_one(address: str) -> None:
    told = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https"}
    assert seen(address, **told) == ("127.0.0.1", "http")
    with guarded(proxies="10.0.0.0/8, 127.0.0.1") as behind:
        assert seen(behind, **told) == ("203.0.113.9", "https")
        forged = "198.51.100.1, 203.0.113.9, 10.1.2.3"
        assert seen(behind, x_forwarded_for=forged)[0] == "203.0.113.9", "the last not ours"


def test_a_proxy_that_no_setting_names_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), guarded() as address:
        seen(address)
        assert caplog.records == []
        for _ in range(3):
            seen(address, x_forwarded_for="203.0.113.9")
    assert [record.name for record in caplog.records] == ["ui.guard"]
    assert "MENTOR_PROXIES" in caplog.text


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/8, *"])
def test_what_is_no_proxy_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(MentorError, match="MENTOR_PROXIES: "):
        parse_proxies(wrong)
