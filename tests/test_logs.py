"""What is written is whole lines: what happened, and nothing of what was asked or by whom."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from live_server import live, until
from web_fakes import FakeMentor

from rag import MentorError
from ui.api import create_api
from ui.running.goodbye import Goodbye, Presence
from ui.running.logs import Access, JsonLines, TextLines

MARK = "Zanzibarquux"
HOSTILE = [
    f'\n{{"level": "{MARK}"}}',
    f"\r\n\x1b[2J\x1b[31m{MARK}",
    f"{MARK}\ud800\udfff",
    f"{MARK}\x00\x85\u2028\u2029\ufeff",
    f"%s %(levelname)s {{0}} {MARK}",
]


class Lines:
    """A log, as its reader finds it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(JsonLines(worker=2))

    def told(self) -> list[dict[str, Any]]:
        """Return every line as an object; one that is none fails."""
        text = self.stream.getvalue()
        assert text.isascii()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines, root = Lines(), logging.getLogger()
    root.addHandler(lines.handler)
    before = {name: logging.getLogger(name).level for name in ("ui", "rag", "uvicorn")}
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    server = logging.getLogger("uvicorn")
    kept = server.propagate
    server.propagate = True  # a server of another test may have had uvicorn's own set-up
    yield lines
    server.propagate = kept
    root.removeHandler(lines.handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def app() -> FastAPI:
    app = create_api(FakeMentor())

    @app.get("/breaks")
    def breaks(q: str = "") -> None:
        raise RuntimeError(q)

    @app.get("/essay-is-gone")
    def gone() -> None:
        raise RuntimeError(MARK) from MentorError("essays/a.md: cannot be read.")

    return app


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    with live(Access(Goodbye(app, Presence())), log_config=None, access_log=False) as url:
        yield url


def access(lines: Lines, count: int) -> list[dict[str, Any]]:
    """Return the lines of so many requests; the last is written when its asker has gone on."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines.told() if line["logger"] == "ui.running.logs"]

    assert until(lambda: len(found()) >= count)
    return found()


def broken(lines: Lines, count: int) -> list[dict[str, Any]]:
    """Return the lines of so many errors, which the server writes after all else."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines.told() if "exception" in line]

    assert until(lambda: len(found()) >= count)
    return found()


def test_each_request_has_one_line_that_says_what_came_of_it(url: str, lines: Lines) -> None:
    response = httpx.get(f"{url}/api/essays?lang=zh&token={MARK}")
    (line,) = access(lines, 1)
    assert line["method"] == "GET"
    assert line["path"] == "/api/essays"
    assert line["status"] == 200
    assert line["bytes"] == len(response.content)
    assert 0 < line["ms"] < 30_000
    assert line["worker"] == 2
    assert line["level"] == "info"
    assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    assert line["request"] == response.headers["x-request-id"]
    assert "127.0.0.1" not in lines.stream.getvalue()


@pytest.mark.parametrize(
    ("given_id", "kept"),
    [
        ("abc-1.2_Z", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("a b", False),
        ('"}', False),
        ("", False),
    ],
)
def test_a_request_keeps_a_name_that_is_sane(
    url: str, lines: Lines, given_id: str, kept: bool
) -> None:
    headers = {"x-request-id": given_id}
    name = httpx.get(f"{url}/healthz", headers=headers).headers["x-request-id"]
    assert (name == given_id) is kept
    assert access(lines, 1)[-1]["request"] == name


def test_five_hundred_hostile_questions_leave_no_word_and_break_no_line(
    url: str, lines: Lines
) -> None:
    with httpx.Client(base_url=url) as client:
        for n in range(125):
            question = f"{HOSTILE[n % len(HOSTILE)]} 选题 {n}"
            for path in ("/api/ask", "/api/chat", "/api/search", "/v1/chat/completions"):
                body = {"question": question, "messages": [{"role": "user", "content": question}]}
                headers = {"content-type": "application/json", "x-request-id": f"{MARK} {n}"}
                client.post(f"{path}?q={MARK}", content=json.dumps(body), headers=headers)
    assert len(access(lines, 500)) == 500
    assert MARK not in lines.stream.getvalue()
    assert "选题" not in lines.stream.getvalue()
    assert "\\u9009" not in lines.stream.getvalue()


def test_what_breaks_on_a_question_does_not_repeat_it(url: str, lines: Lines) -> None:
    assert httpx.post(f"{url}/api/ask", json={"question": "please break"}).status_code == 500
    assert httpx.get(f"{url}/breaks?q={MARK}").status_code == 500
    errors = [line["exception"] for line in broken(lines, 2)]
    assert {error["type"] for error in errors} == {"RuntimeError"}
    assert any("breaks" in place for place in errors[-1]["at"])
    assert [line["status"] for line in access(lines, 2)] == [500, 500]
    assert "please break" not in lines.stream.getvalue()
    assert MARK not in lines.stream.getvalue()


def test_text_tells_no_more_of_an_error_than_json_does() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines("%(levelname)s: %(message)s"))
    error = MentorError("essays/a.md: cannot be read.")
    try:
        int(MARK)
    except ValueError as cause:
        error.__cause__ = cause
    record = logging.LogRecord("a", logging.ERROR, "", 0, "Something broke", (), None)
    record.exc_info = type(error), error, None
    handler.handle(record)
    told = stream.getvalue()
    assert MARK not in told
    assert told.startswith("ERROR: Something broke\n")
    assert "ValueError\n" in told
    assert told.endswith("MentorError: essays/a.md: cannot be read.\n")
    assert "test_logs.py" in told


def test_an_error_of_ours_is_told_in_its_words(url: str, lines: Lines) -> None:
    httpx.get(f"{url}/essay-is-gone")
    (error,) = broken(lines, 1)
    assert "message" not in error["exception"]
    assert error["exception"]["cause"]["message"] == "essays/a.md: cannot be read."
    assert error["request"] == access(lines, 1)[-1]["request"]


def test_a_path_is_told_in_letters_that_harm_no_terminal(url: str, lines: Lines) -> None:
    for path in ("/%0a%1b[31m", "/" + "a" * 1000, "/%ff%fe"):
        httpx.get(url + path)
    first, long, odd = (line["path"] for line in access(lines, 3))
    assert first in {"/%0a%1b[31m", "/%0A%1B[31m"}
    assert len(long) < 250
    assert odd.lower() == "/%ff%fe"


@pytest.mark.parametrize("path", ["heartbeat/{}", "call/chat/{}", "stream/{}/1/2/playlist.m3u8"])
def test_what_would_open_a_chat_is_not_told(url: str, lines: Lines, path: str) -> None:
    httpx.get(f"{url}/chat/zh/gradio_api/{path.format(MARK)}")
    assert MARK not in lines.stream.getvalue()


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_is_one_line_of_json(message: str, name: str) -> None:
    record = logging.LogRecord(name, logging.INFO, "a", 1, "%s", (message,), None)
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == message


@pytest.mark.parametrize(
    ("form", "level", "written"),
    [
        ("text", "", {"warned"}),
        ("json", "", {"informed", "warned"}),
        ("json", "debug", {"details", "informed", "warned"}),
        ("text", "error", set()),
    ],
)
def test_a_level_is_for_mentor_and_other_libraries_stay_quiet(
    form: str, level: str, written: set[str]
) -> None:
    script = f"""
import logging
from ui.running.logs import set_up
set_up({form!r}, {level!r})
ours, theirs = logging.getLogger("ui.x"), logging.getLogger("httpx")
ours.debug("details"); ours.info("informed"); ours.warning("warned")
theirs.debug("asked what"); theirs.info("asked whom")
"""
    command = [sys.executable, "-c", script]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    said = [
        json.loads(line)["message"] if form == "json" else line.split(": ")[-1]
        for line in text.splitlines()
    ]
    assert set(said) == written


def test_what_falls_over_is_one_object() -> None:
    script = """
import threading
from ui.running.logs import set_up
set_up("json", "")
def fall(): raise OSError(28, "No space left")
thread = threading.Thread(target=fall); thread.start(); thread.join()
raise KeyError("what was asked")
"""
    command = [sys.executable, "-c", script]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    first, second = (json.loads(line) for line in text.splitlines())
    assert first["exception"]["message"] == "[Errno 28] No space left"
    assert second["exception"]["type"] == "KeyError"
    assert "what was asked" not in text
