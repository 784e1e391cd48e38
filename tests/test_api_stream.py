"""Answers as they grow, over a real server: what comes when, and what happens to who leaves."""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import leave, live, until
from model_fakes import LIES, QUESTIONS, TRUTHS, Desk, says
from web_fakes import FakeMentor

from eval.scripted import Pause, Step
from rag import Answer, Mentor, Sentence, Settings, StaleIndexError
from ui.api import create_api
from ui.render import as_json, sentence_json

Event = tuple[str, Any]


class Shaky(FakeMentor):
    """Breaks after its first sentence, in the way it is told to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def stream(
        self,
        question: str,
        history: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Sentence | Answer, None, None]:
        yield self.ask(question, history).sentences[0]
        raise self._error


def events(text: str) -> list[Event]:
    """Return (event, data) of a stream of server-sent events."""
    told = []
    for block in filter(str.strip, text.split("\n\n")):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        told.append((fields["event"], json.loads(fields["data"])))
    return told


def ask(address: str, question: str, path: str = "/api/chat") -> httpx.Response:
    return httpx.post(f"{address}{path}", json={"question": question}, timeout=30)


@pytest.fixture(scope="module")
def fake() -> Iterator[str]:
    with live(create_api(FakeMentor())) as address:
        yield address


@pytest.fixture(scope="module")
def desk(shelf: Mentor) -> Desk:
    return Desk(shelf)


@pytest.fixture(scope="module")
def written(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Mentor whose words are a model's."""
    settings = Settings(index_dir=tmp_path_factory.mktemp("index"))
    with live(create_api(desk.mentor, settings)) as address:
        yield address


def test_a_stream_tells_the_version_the_sentences_the_answer_and_its_end(fake: str) -> None:
    response = ask(fake, "怎么选课题?")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "no-" in response.headers["cache-control"]
    answer = FakeMentor().ask("怎么选课题?")
    assert events(response.text) == [
        ("meta", {"v": 1}),
        *(("sentence", sentence_json(sentence)) for sentence in answer.sentences),
        ("answer", as_json(answer)),
        ("done", {}),
    ]
    assert "何恺明" in response.text  # not escaped, which would double it


def test_a_refusal_is_an_answer_with_what_to_read_and_to_ask(fake: str) -> None:
    told = dict(events(ask(fake, "今天天气怎么样?").text))
    assert told["answer"]["status"] == "refused"
    assert told["answer"]["nearest"]
    assert told["answer"]["followups"]
    assert "sentence" not in told


@pytest.mark.parametrize("path", ["/api/chat", "/api/ask"])
def test_what_can_be_known_first_is_a_status(fake: str, path: str) -> None:
    for question, status in ((" ", 422), ("please break", 500)):
        response = ask(fake, question, path)
        assert response.status_code == status
        assert set(response.json()) == {"error"}
        assert "secret" not in response.text
    assert httpx.post(f"{fake}{path}", data={"question": "a"}).status_code == 415
    assert ask(fake, "a" * 300_000, path).status_code == 413


def test_what_goes_wrong_later_is_an_event_without_secrets() -> None:
    for error, told in (
        (StaleIndexError("run `mentor index`"), {"status": 503, "error": "run `mentor index`"}),
        (RuntimeError("secret"), {"status": 500}),
    ):
        with live(create_api(Shaky(error))) as address:
            response = ask(address, "怎么选课题?")
        assert response.status_code == 200
        names = [name for name, _ in events(response.text)]
        assert names == ["meta", "sentence", "error", "done"]
        assert told.items() <= dict(events(response.text))["error"].items()
        assert "secret" not in response.text


def test_a_checked_sentence_comes_while_the_model_still_writes(desk: Desk, written: str) -> None:
    script = says(TRUTHS["en"][0] + "\n", Pause(60))
    with desk.model(script, timeout_s=60) as provider:
        question = {"question": QUESTIONS["en"]}
        with httpx.stream("POST", f"{written}/api/chat", json=question, timeout=30) as response:
            seen = _until_sentence(response)
            assert "curiosity" in seen
            assert provider.abandoned == 0
        assert until(lambda: provider.abandoned == 1)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/api/chat", {}),
        ("/api/ask", {}),
        ("/v1/chat/completions", {"stream": True}),
        ("/v1/chat/completions", {"stream": False}),
    ],
)
@pytest.mark.parametrize(
    "steps", [(Pause(60),), (TRUTHS["en"][0] + "\n", Pause(60))], ids=["silent", "speaking"]
)
def test_who_leaves_stops_the_model(
    path: str, more: dict[str, Any], steps: Sequence[Step], desk: Desk, written: str
) -> None:
    said = {"messages": [{"role": "user", "content": QUESTIONS["en"]}]} | more
    body = said if path.startswith("/v1") else {"question": QUESTIONS["en"]}
    with desk.model(says(*steps), timeout_s=60, deadline_s=60) as provider:
        leave(f"{written}{path}", body, lambda: provider.prompts)
        assert until(lambda: provider.abandoned == 1)
        assert len(provider.prompts) == 1


def test_quotes_replace_in_the_answer_what_a_lying_model_began(desk: Desk, written: str) -> None:
    with desk.model(says(TRUTHS["en"][0] + "\n", *(f"{lie}\n" for lie in LIES["en"]))):
        told = events(ask(written, QUESTIONS["en"]).text)
    answer = dict(told)["answer"]
    assert answer["answerer"] == "quotes"
    assert {sentence["kind"] for sentence in answer["sentences"]} == {"translation"}
    assert told[-2:] == [("answer", answer), ("done", {})]


def test_many_who_leave_leave_nothing_behind(desk: Desk, written: str) -> None:
    with desk.model(says(Pause(60)), timeout_s=60, deadline_s=60) as provider:
        for count in (1, 2, 3):
            question = {"question": QUESTIONS["zh"]}
            leave(f"{written}/api/chat", question, lambda n=count: len(provider.prompts) == n)
        assert until(lambda: provider.abandoned == len(provider.prompts) == 3)


def _until_sentence(response: httpx.Response) -> str:
    seen = ""
    for chunk in response.iter_text():
        seen += chunk
        if "event: sentence" in seen and seen.endswith("\n\n"):
            break
    return seen


def test_the_files_of_one_server_are_not_anothers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with live(create_api(FakeMentor(), Settings(index_dir=tmp_path / name))) as address:
            told = {"verdict": "up", "question": name}
            assert httpx.post(f"{address}/api/feedback", json=told).status_code == 200
    assert (tmp_path / "a/feedback.jsonl").read_text(encoding="utf-8").count("\n") == 1
