import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from web_fakes import FakeMentor

from rag import MissingModelError, StaleIndexError
from ui.api import create_api
from ui.render import quote_hash

QUOTE = "好奇心是关键。"


@pytest.fixture
def mentor() -> FakeMentor:
    return FakeMentor()


@pytest.fixture
def client(mentor: FakeMentor) -> Iterator[TestClient]:
    with TestClient(create_api(mentor), raise_server_exceptions=False) as client:
        yield client


def place(mentor: FakeMentor, quote: str = QUOTE) -> dict[str, Any]:
    start = mentor.documents["kaiming_he_qa"].text.index(quote)
    return {"doc": "kaiming_he_qa", "s": start, "e": start + len(quote), "h": quote_hash(quote)}


def test_ask_gives_the_answer_and_passes_the_history_on(
    client: TestClient, mentor: FakeMentor
) -> None:
    body = {"question": "怎么选课题?", "history": ["你好"]}
    response = client.post("/api/ask", json=body)
    assert response.status_code == 200
    assert response.json()["status"] == "answered"
    assert response.json()["sentences"][0]["citations"][0]["n"] == 1
    assert mentor.asked == [("怎么选课题?", ("你好",))]


def test_a_question_that_cannot_be_taken_is_422_with_its_text(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "  "})
    assert response.status_code == 422
    assert response.json() == {"error": "请先写下你的问题。"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"question": "a", "more": 1}', "more"),
        (b'{"history": []}', "question"),
        (b'{"question": 5}', "question"),
        (b'{"question": "a", "history": "b"}', "history"),
        (b'{"question": "a", "history": [1]}', "history.0"),
        (b'{"question": "\\ud800"}', "body"),
        (b"[]", "body"),
        (b"not json", "body"),
        (b"", "body"),
        (b"\xff\xfe", "body"),
    ],
)
def test_a_wrong_body_is_422_and_names_the_field(
    client: TestClient, body: bytes, named: str
) -> None:
    response = client.post("/api/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["error"].startswith(f"{named}: ")


def test_a_body_past_the_limit_is_413_before_it_is_parsed(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "a" * 300_000})
    assert response.status_code == 413
    assert "262144 bytes" in response.json()["error"]


def test_a_form_is_no_way_to_ask(client: TestClient, mentor: FakeMentor) -> None:
    assert client.post("/api/ask", content='{"question": "a"}').status_code == 415
    assert client.post("/api/ask", data={"question": "a"}).status_code == 415
    assert mentor.asked == []


def test_trouble_of_ours_is_500_without_its_secrets(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "please break"})
    assert response.status_code == 500
    assert set(response.json()) == {"error"}
    assert "secret" not in response.text


@pytest.mark.parametrize("error", [StaleIndexError("run mentor index"), MissingModelError("none")])
def test_what_the_owner_must_mend_is_503(error: Exception) -> None:
    class Broken(FakeMentor):
        def ask(self, *_: object) -> Any:
            raise error

    with TestClient(create_api(Broken())) as client:
        response = client.post("/api/ask", json={"question": "a"})
    assert response.status_code == 503
    assert response.json() == {"error": str(error)}


def test_a_passage_is_cut_in_code_points(client: TestClient, mentor: FakeMentor) -> None:
    for quote in (QUOTE, "😀\n- 另", "第39段"):
        body = client.get("/api/passage", params=place(mentor, quote)).json()
        assert body["hit"] == quote
        assert body["changed"] is False
        text = mentor.documents["kaiming_he_qa"].text
        assert body["before"] + body["hit"] + body["after"] == text


def test_a_passage_says_whose_it_is_in_the_readers_language(
    client: TestClient, mentor: FakeMentor
) -> None:
    body = client.get("/api/passage", params=place(mentor)).json()
    assert body["title"] == "何恺明问答"
    assert (body["author"], body["site"]) == ("Kaiming He", "QbitAI")
    assert body["date"] == "2024-02-27"
    assert body["licence"]
    zh = client.get("/api/passage", params=place(mentor), headers={"accept-language": "zh-TW"})
    assert (zh.json()["author"], zh.json()["site"]) == ("何恺明", "量子位")


@pytest.mark.parametrize("change", [{"h": "00000000"}, {"e": 10_000}, {"s": 9_000, "e": 10_000}])
def test_a_changed_essay_comes_whole_and_unmarked(
    client: TestClient, mentor: FakeMentor, change: dict[str, Any]
) -> None:
    body = client.get("/api/passage", params=place(mentor) | change).json()
    assert body["changed"] is True
    assert body["hit"] == body["after"] == ""
    assert body["before"] == mentor.documents["kaiming_he_qa"].text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"doc": "nothing"}, 404),
        ({"doc": "../rag"}, 404),
        ({"s": -1}, 422),
        ({"s": "x"}, 422),
        ({"s": 5, "e": 5}, 422),
        ({"s": 9, "e": 5}, 422),
        ({"h": "XYZ"}, 422),
        ({"h": ""}, 422),
    ],
)
def test_a_wrong_place_is_refused_in_json(
    client: TestClient, mentor: FakeMentor, change: dict[str, Any], status: int
) -> None:
    response = client.get("/api/passage", params=place(mentor) | change)
    assert response.status_code == status
    assert set(response.json()) == {"error"}


def test_the_plain_page_marks_the_passage_without_a_script(
    client: TestClient, mentor: FakeMentor
) -> None:
    at = place(mentor)
    response = client.get(f"/read/kaiming_he_qa?s={at['s']}&e={at['e']}&h={at['h']}")
    assert response.status_code == 200
    assert f'<mark id="hit" tabindex="-1">{QUOTE}</mark>' in response.text
    assert "<script" not in response.text
    assert '<meta property="og:title" content="何恺明问答">' in response.text
    assert "<h1>何恺明问答</h1>" in response.text
    assert "<h2>选题</h2>" in response.text
    assert "<li>另一项</li>" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("query", ["", "?s=1", "?s=x&e=y", "?s=5&e=2", "?s=0&e=99999", "?s=²&e=9"])
def test_a_plain_page_without_a_right_place_is_the_whole_essay(
    client: TestClient, query: str
) -> None:
    response = client.get(f"/read/kaiming_he_qa{query}")
    assert response.status_code == 200
    assert "<mark" not in response.text
    assert ('class="notice"' in response.text) == bool(query)


def test_a_plain_page_of_a_changed_essay_marks_nothing(
    client: TestClient, mentor: FakeMentor
) -> None:
    at = place(mentor)
    response = client.get(f"/read/kaiming_he_qa?s={at['s']}&e={at['e']}&h=00000000")
    assert "<mark" not in response.text
    assert "has changed" in response.text


def test_a_page_that_is_not_there_is_404_in_the_readers_language(client: TestClient) -> None:
    response = client.get("/read/nothing", headers={"accept-language": "zh"})
    assert response.status_code == 404
    assert "没有这篇文章" in response.text


def test_an_essay_cannot_bring_markup_into_its_page() -> None:
    mentor = FakeMentor(hostile_shelf())
    with TestClient(create_api(mentor)) as client:
        page = client.get("/read/evil?s=2&e=20").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert not re.search(r'href="javascript', page)


def test_no_other_origin_may_read(client: TestClient) -> None:
    for path in ("/api/passage?doc=x&s=0&e=1&h=00000000", "/healthz", "/read/one_year_off"):
        response = client.get(path, headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in response.headers
    preflight = client.options(
        "/api/ask",
        headers={"origin": "https://evil.example", "access-control-request-method": "POST"},
    )
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


def test_every_response_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/healthz", "/static/reader.js", "/nothing", "/read/one_year_off", "/favicon.ico"):
        headers = client.get(path).headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_health_icon_and_manifest_are_there(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "essays": 2}
    assert client.get("/favicon.ico").headers["content-type"] == "image/x-icon"
    icon = client.get("/manifest.json").json()["icons"][0]["src"]
    assert client.get(icon).status_code == 200


def test_the_api_describes_itself_to_nobody(client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        response = client.get(path)
        assert response.status_code == 404
        assert json.loads(response.text) == {"error": "Not Found"}


def hostile_shelf() -> dict[str, Any]:
    from web_fakes import document, shelf

    nasty = (
        "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) ${x} {{x}}"
    )
    speaker = shelf()["one_year_off"].speakers[0]
    essay = document(
        "evil", nasty, f"# {nasty}\n\n{nasty}", speaker, url="javascript:alert(1)", site=nasty
    )
    return {"evil": essay}


def test_the_reader_speaks_the_language_of_its_page_rather_than_the_browsers(
    client: TestClient, mentor: FakeMentor
) -> None:
    asked = place(mentor) | {"lang": "zh"}
    found = client.get("/api/passage", params=asked, headers={"accept-language": "en"}).json()
    assert found["author"] == mentor.documents[asked["doc"]].author
