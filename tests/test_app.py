import logging
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from web_fakes import FakeMentor

from ui.app import create_app
from ui.words import WORDS, preferred


@pytest.fixture(scope="module")
def mentor() -> FakeMentor:
    return FakeMentor()


@pytest.fixture(scope="module")
def client(mentor: FakeMentor) -> Iterator[TestClient]:
    with TestClient(create_app(mentor)) as client:
        yield client


def replies(mentor: FakeMentor, question: str, history: list[dict] | None = None) -> list[dict]:
    from ui.chat import replies

    return list(replies(mentor, question, history or [], WORDS["zh"]))


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
        assert response.headers["location"] == f"/chat/{lang}/"


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


def test_the_chat_lets_no_other_origin_in(client: TestClient) -> None:
    for host in ("testserver", "mentor.example"):
        headers = {"origin": "https://evil.example", "host": host}
        response = client.get("/chat/zh/config", headers=headers)
        assert "access-control-allow-origin" not in response.headers
    assert "default-src 'self'" in client.get("/chat/zh/").headers["content-security-policy"]


def test_the_chat_takes_no_files(client: TestClient) -> None:
    files = {"files": ("a.txt", b"more than a byte")}
    assert client.post("/chat/zh/gradio_api/upload", files=files).status_code == 413


def test_the_status_line_comes_first_and_the_answer_last(mentor: FakeMentor) -> None:
    messages = replies(mentor, "怎么选课题?")
    assert messages[0]["content"] == "*正在查找…*"
    assert len(messages) == 1 + 3 + 1
    assert all("正在查找" in message["content"] for message in messages[:-1])
    assert all(message["options"] == [] for message in messages[:-1])
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
    assert last == WORDS["zh"].failed
    assert "secret" in caplog.text
    assert "please break" not in caplog.text
