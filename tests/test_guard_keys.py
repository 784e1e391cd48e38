"""Tokens, the login and /metrics: who gets in with what, over real HTTP."""

from base64 import b64encode
from collections.abc import Iterator

import pytest
from guarded import get, guarded, post, request, small_app

from rag import MentorError, Settings
from ui.guard import guard

pytestmark = pytest.mark.usefixtures("early_in_a_minute")

LAB = "https://lab.example"
PROGRAMS = [
    ("POST", "/api/ask"), ("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("POST", "/mcp"),
    ("GET", "/api/passage"),
]  # fmt: skip
PAGES = [("GET", "/chat/zh/"), ("GET", "/read/essay"), ("GET", "/"), ("GET", "/openapi.json")]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def basic(login: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(login.encode()).decode()}"}


def statuses(address: str, requests: list[tuple[str, str]], **headers: str) -> set[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {request(method, address + path, headers=named).status_code for method, path in requests}


# ---- tokens ----


@pytest.fixture(scope="module")
def locked() -> Iterator[str]:
    with guarded(api_tokens="old-token, new-tökén", origins=LAB) as address:
        yield address


def test_a_program_needs_a_token_and_any_of_them_will_do(locked: str) -> None:
    assert statuses(locked, PROGRAMS) == {401}
    response = post(f"{locked}/api/ask")
    assert response.headers["www-authenticate"] == "Bearer"
    assert set(response.json()) == {"error"}
    assert statuses(locked, PROGRAMS, authorization="Bearer old-token") == {200}
    assert statuses(locked, PROGRAMS, authorization="bearer  old-token") == {200}
    utf8 = {"authorization": "Bearer new-tökén".encode()}
    assert post(f"{locked}/api/ask", headers=utf8).status_code == 200


@pytest.mark.parametrize(
    "shown",
    ["Bearer", "Bearer old", "old-token", "Basic old-token", "Bearer old-token,"],
)
def test_what_is_no_token_opens_nothing(shown: str) -> None:
    with guarded(api_tokens="old-token") as address:
        assert statuses(address, PROGRAMS[:1], authorization=shown) == {401}


def test_pages_need_no_token_and_their_scripts_need_none_for_what_they_call(locked: str) -> None:
    assert statuses(locked, PAGES[:2]) == {200}
    for headers in ({"origin": LAB}, {"sec-fetch-site": "same-origin"}):
        called = post(f"{locked}/api/ask", headers=headers).status_code
        assert called == 200
        for path in ("/v1/chat/completions", "/mcp"):
            assert post(locked + path, headers=headers).status_code == 401


def test_an_allowed_site_can_read_that_a_token_is_missing(locked: str) -> None:
    response = post(f"{locked}/mcp", headers={"origin": LAB})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == LAB


def test_who_guesses_is_stopped_for_a_while_even_with_the_right_one() -> None:
    with guarded(api_tokens="token", proxies="127.0.0.1") as address:
        url, here = f"{address}/api/ask", {"x-forwarded-for": "203.0.113.9"}
        wrong = [post(url, headers=here | bearer(f"{n}")).status_code for n in range(12)]
        assert wrong == [401] * 10 + [429] * 2
        stopped = post(url, headers=here | bearer("token"))
        assert stopped.status_code == 429
        assert 1 <= int(stopped.headers["retry-after"]) <= 60
        there = {"x-forwarded-for": "203.0.113.10"}
        assert post(url, headers=there | bearer("token")).status_code == 200


# ---- login ----


@pytest.fixture(scope="module")
def private() -> Iterator[str]:
    with guarded(login="lab:schlüssel:1", origins=LAB) as address:
        yield address


def test_a_login_stands_before_every_page_and_the_api(private: str) -> None:
    assert statuses(private, [*PAGES, *PROGRAMS]) == {401}
    asked = get(f"{private}/chat/zh/").headers["www-authenticate"]
    assert asked == 'Basic realm="Mentor", charset="UTF-8"'
    assert statuses(private, [*PAGES[:2], *PROGRAMS], **basic("lab:schlüssel:1")) == {200}


@pytest.mark.parametrize("wrong", ["lab:", "lab:schlüssel", ":schlüssel:1", "lab:schlüssel:11"])
def test_a_wrong_login_opens_nothing(private: str, wrong: str) -> None:
    assert statuses(private, PAGES[:1], **basic(wrong)) == {401}
    assert statuses(private, PAGES[:1], authorization="Basic ???") in ({401}, {429})


def test_a_load_balancer_needs_no_login_and_the_widget_on_allowed_sites_none(private: str) -> None:
    assert statuses(private, [("GET", "/healthz"), ("GET", "/widget.js")]) == {200}
    assert post(f"{private}/api/ask", headers={"origin": LAB}).status_code == 200
    own = {"sec-fetch-site": "same-origin"}
    assert post(f"{private}/api/ask", headers=own).status_code == 401


def test_either_key_opens_where_both_are_set() -> None:
    with guarded(login="a:b", api_tokens="t") as address:
        for headers in (basic("a:b"), bearer("t")):
            assert statuses(address, [*PROGRAMS, PAGES[0]], **headers) == {200}
        assert statuses(address, [*PROGRAMS, PAGES[0]], **basic("a:c")) == {401}


@pytest.mark.parametrize("wrong", ["user", "user:", ":password"])
def test_what_is_no_login_is_refused_at_the_start_and_not_repeated(wrong: str) -> None:
    with pytest.raises(MentorError, match="MENTOR_LOGIN is not of the form") as caught:
        guard(small_app(), Settings(login=wrong))  # type: ignore[arg-type]
    assert wrong not in str(caught.value).replace("USER:PASSWORD", "")


# ---- metrics ----


def test_metrics_are_read_on_this_machine_and_nowhere_else_by_default() -> None:
    with guarded(proxies="127.0.0.2") as address:
        assert get(f"{address}/metrics").status_code == 200
        for headers in ({"host": "mentor.example"}, {"x-forwarded-for": "127.0.0.1"}):
            response = get(f"{address}/metrics", headers=headers)
            assert response.status_code == 403
            assert "MENTOR_METRICS_TOKEN" in response.json()["error"]
    with guarded(proxies="127.0.0.1") as address:
        told = {"x-forwarded-for": "203.0.113.9"}
        assert get(f"{address}/metrics", headers=told).status_code == 403


def test_a_token_opens_metrics_from_elsewhere_and_nothing_but_metrics() -> None:
    with guarded(metrics_token="m", api_tokens="t") as address:
        there = {"host": "mentor.example"}
        assert get(f"{address}/metrics", headers=there).status_code == 401
        assert get(f"{address}/metrics", headers=there | bearer("t")).status_code == 401
        assert get(f"{address}/metrics", headers=there | bearer("m")).status_code == 200
        assert post(f"{address}/api/ask", headers=bearer("m")).status_code == 401
