import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from live_server import leave, live, until
from model_fakes import Desk, says
from web_fakes import FakeMentor

from eval.scripted import Pause
from rag import Mentor, Settings
from ui.app import create_app
from ui.words import WORDS, preferred


@pytest.fixture(scope="module")
def mentor() -> FakeMentor:
    return FakeMentor()


@pytest.fixture(scope="module")
def client(mentor: FakeMentor) -> Iterator[TestClient]:
    with TestClient(create_app(mentor)) as client:
        yield client


def test_a_page_of_another_site_gets_nothing_but_the_reason(client: TestClient) -> None:
    place = "/api/passage?doc=kaiming_he_qa&s=0&e=1&h=00000000"
    for path in (place, "/api/essays", "/read/one_year_off", "/chat/zh/config"):
        for host in ("testserver", "mentor.example"):
            headers = {"origin": "https://evil.example", "host": host}
            response = client.get(path, headers=headers)
            assert response.status_code == 403
            assert set(response.json()) == {"error"}
            assert response.headers.get("access-control-allow-credentials") != "true"
    body = {"question": "怎么选课题?"}
    response = client.post("/api/ask", json=body, headers={"origin": "https://evil.example"})
    assert response.status_code == 403


def test_every_response_carries_the_security_headers(client: TestClient) -> None:
    for path in (
        "/healthz",
        "/static/reader.js",
        "/docs",
        "/nothing",
        "/read/one_year_off",
        "/favicon.ico",
    ):
        headers = client.get(path).headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def replies(mentor: FakeMentor, question: str, history: list[dict] | None = None) -> list[dict]:
    from ui.chat import replies

    return list(replies(mentor, question, history or [], words=WORDS["zh"]))


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh", "zh"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-CN", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.3,en;q=0.7", "en"),
        ("fr", "en"),
        ("", "en"),
        ("*;q=x, ;q=,,", "en"),
        ("en;q=0, zh;q=0.1", "zh"),
    ],
)
def test_the_interface_follows_the_browser(client: TestClient, header: str, lang: str) -> None:
    assert preferred(header) == lang
    for door in ("/", "/chat", "/chat/"):
        response = client.get(door, headers={"accept-language": header}, follow_redirects=False)
        page = "zh-tw" if header.startswith("zh-TW") else lang
        assert response.headers["location"] == f"/chat/{page}/"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_chat_page_speaks_its_language(client: TestClient, lang: str) -> None:
    page = client.get(f"/chat/{lang}/")
    assert page.status_code == 200
    config = client.get(f"/chat/{lang}/config").text
    words = WORDS[lang]
    assert words.placeholder in config
    assert FakeMentor().starters(lang)[0] in config
    assert config.count(words.promise.format(count=2)) >= 1
    assert "David Mack" in config


def test_the_chat_takes_no_files(client: TestClient) -> None:
    files = {"files": ("a.txt", b"more than a byte")}
    assert client.post("/chat/zh/gradio_api/upload", files=files).status_code == 413


def test_the_status_line_comes_first_and_the_answer_last(mentor: FakeMentor) -> None:
    messages = replies(mentor, "怎么选课题?")
    assert "*正在查找…*" in messages[0]["content"]
    *growing, last = messages
    assert all(message["options"] == [] for message in growing)
    for sentence in mentor.ask("怎么选课题?").sentences:
        assert any(sentence.text in message["content"] for message in growing)
    assert "正在查找" not in last["content"]
    assert "出处" in messages[-1]["content"]
    assert [option["value"] for option in messages[-1]["options"]] == list(
        mentor.starters("zh")[:2]
    )


def test_no_streamed_message_holds_half_a_link(mentor: FakeMentor) -> None:
    for message in replies(mentor, "怎么选课题?"):
        assert message["content"].count("[") == message["content"].count("](")


def test_the_answer_is_framed_in_the_language_of_the_question(mentor: FakeMentor) -> None:
    assert "Sources" in replies(mentor, "How do I choose a topic?")[-1]["content"]


def test_earlier_questions_reach_mentor_as_they_were_typed(mentor: FakeMentor) -> None:
    from ui.render import escaped

    typed = "1. *why* <b>\n    code"
    history = [
        {"role": "user", "content": [{"type": "text", "text": escaped(typed)}]},
        {"role": "assistant", "content": "an answer"},
        {"role": "user", "content": escaped("二")},
    ]
    replies(mentor, "怎么选课题?", history)
    assert mentor.asked[-1] == ("怎么选课题?", (typed, "二"))


def test_a_question_that_cannot_be_taken_is_answered_calmly(mentor: FakeMentor) -> None:
    assert replies(mentor, " ")[-1]["content"] == "请先写下你的问题。"


def test_trouble_is_logged_and_never_shown(
    mentor: FakeMentor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        last = replies(mentor, "please break")[-1]["content"]
    assert WORDS["zh"].failed in last
    assert "secret" in caplog.text
    assert "please break" not in caplog.text


@pytest.fixture(scope="module")
def address(shelf: Mentor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(index_dir=tmp_path_factory.mktemp("index"))
    with live(create_app(shelf, settings)) as address:
        yield address


def test_every_face_stands_on_one_address(address: str) -> None:
    for path in ("/shelf", "/widget.js", "/docs", "/openapi.json", "/v1/models", "/readyz"):
        assert httpx.get(f"{address}{path}").status_code == 200, path


def test_gradios_own_client_asks_the_chat_and_is_counted_with_the_rest(
    address: str, shelf: Mentor
) -> None:
    question = "Is it normal to be frustrated in research?"
    from gradio_client import Client

    client = Client(f"{address}/chat/en/", verbose=False, analytics_enabled=False)
    said = client.predict(question, api_name="/chat")
    client.close()
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    assert "95% of the time is frustrating" in text
    assert "#cite-kaiming_he_qa-43-59-" in text
    assert httpx.post(f"{address}/api/ask", json={"question": question}).status_code == 200
    counted = httpx.get(f"{address}/metrics").text
    assert 'mentor_questions_total{lang="en",status="answered"} 2.0' in counted


def test_tools_answer_behind_the_guard(address: str) -> None:
    import asyncio

    from mcp import Client

    async def asked() -> object:
        async with Client(f"{address}/mcp") as client:
            done = await client.call_tool("ask", {"question": "怎么选课题?"})
            return done.structured_content["status"]

    assert asyncio.run(asked()) == "answered"


def test_who_leaves_stops_the_model_behind_the_guard(shelf: Mentor, tmp_path: Path) -> None:
    desk = Desk(shelf)
    with (
        desk.model(says(Pause(60)), timeout_s=60, deadline_s=60) as provider,
        live(create_app(desk.mentor, Settings(index_dir=tmp_path))) as address,
    ):
        for count, path in enumerate(("/api/ask", "/api/chat"), 1):
            question = {"question": "怎么选课题?"}
            leave(address + path, question, lambda count=count: len(provider.prompts) == count)
            assert until(lambda count=count: provider.abandoned == count)
        assert len(provider.prompts) == 2
