"""What the owner sees of the use: counts, by whatever face a question came, and no words."""

from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from live_server import leave, live, until
from model_fakes import LIES, QUESTIONS, TRUTHS, Desk, says
from prometheus_client.parser import text_string_to_metric_families
from web_fakes import FakeMentor

from eval.scripted import Pause, Status
from rag import Mentor
from ui.api import create_api
from ui.metrics import Metrics, counting

Labels = Mapping[str, str]


def figures(client: TestClient | httpx.Client) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return every sample that is not 0 by its name and the values of its labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }


def questions(client: TestClient | httpx.Client) -> dict[tuple[str, ...], float]:
    return {
        labels: value
        for (name, labels), value in figures(client).items()
        if name == "mentor_questions_total"
    }


def ask(client: TestClient, question: str, path: str = "/api/ask") -> None:
    client.post(path, json={"question": question})


def test_questions_are_counted_by_language_and_by_what_became_of_them() -> None:
    app = create_api(FakeMentor())
    with TestClient(app, raise_server_exceptions=False) as client:
        assert questions(client) == {}
        for question in ("怎么选课题?", "怎么选课题?", "How?", "天气", " ", "please break"):
            ask(client, question)
        assert questions(client) == {
            ("zh", "answered"): 2,
            ("en", "answered"): 1,
            ("zh", "refused"): 1,
            ("none", "invalid"): 1,
            ("none", "failed"): 1,
        }
        assert figures(client)["mentor_refusals_total", ("zh",)] == 1


def test_every_face_counts_a_question_once() -> None:
    app: FastAPI = create_api(FakeMentor())
    with TestClient(app) as client:
        ask(client, "怎么选课题?")
        ask(client, "怎么选课题?", "/api/chat")
        message = {"role": "user", "content": "怎么选课题?"}
        for stream in (False, True):
            body = {"messages": [message], "stream": stream}
            assert client.post("/v1/chat/completions", json=body).status_code == 200
        list(app.state.mentor.stream("怎么选课题?"))  # as the chat does
        assert app.state.mentor.ask("怎么选课题?").status == "answered"
        assert questions(client) == {("zh", "answered"): 6}


def test_each_stage_is_timed_from_the_question(shelf: Mentor) -> None:
    with TestClient(create_api(shelf)) as client:
        ask(client, "怎么选课题?")
        seen = figures(client)
    for stage in ("retrieve", "first_sentence", "total"):
        assert seen["mentor_stage_seconds_count", (stage,)] == 1
    total = seen["mentor_stage_seconds_sum", ("total",)]
    assert 0 < seen["mentor_stage_seconds_sum", ("retrieve",)] <= total < 60


def test_no_word_of_a_question_or_its_asker_is_told() -> None:
    with TestClient(create_api(FakeMentor())) as client:
        client.post(
            "/api/ask",
            json={"question": "怎么选 Zanzibarquux 课题?"},
            headers={"x-forwarded-for": "203.0.113.9", "user-agent": "Quuxbrowser"},
        )
        shown = client.get("/metrics")
    assert shown.headers["content-type"].startswith("text/plain")
    for secret in ("Zanzibarquux", "课题", "203.0.113.9", "Quuxbrowser"):
        assert secret not in shown.text
    assert "process_resident_memory_bytes" in shown.text


def test_two_applications_count_for_themselves() -> None:
    first, second = (TestClient(create_api(FakeMentor())) for _ in range(2))
    ask(first, "怎么选课题?")
    assert questions(first) == {("zh", "answered"): 1}
    assert questions(second) == {}


@pytest.fixture(scope="module")
def desk(shelf: Mentor) -> Desk:
    return Desk(shelf)


def test_withheld_sentences_and_models_that_fail_are_counted(desk: Desk) -> None:
    with TestClient(create_api(desk.mentor)) as client:
        with desk.model(says("\n".join(TRUTHS["zh"]))):
            ask(client, QUESTIONS["zh"])
        assert ("mentor_model_failures_total", ()) not in figures(client)
        with desk.model(says("\n".join(LIES["zh"]))):
            ask(client, QUESTIONS["zh"])
        assert figures(client)["mentor_withheld_sentences_total", ()] == len(LIES["zh"])
        with desk.model(says(Status(500))):
            ask(client, QUESTIONS["zh"])
        assert figures(client)["mentor_model_failures_total", ()] == 2


def test_who_did_not_wait_is_counted_as_that(desk: Desk) -> None:
    with (
        live(create_api(desk.mentor)) as address,
        desk.model(says(Pause(60)), timeout_s=60, deadline_s=60) as provider,
        httpx.Client(base_url=address) as client,
    ):
        leave(f"{address}/api/ask", {"question": QUESTIONS["zh"]}, lambda: provider.prompts)
        assert until(lambda: questions(client) == {("none", "left"): 1})


def test_everything_else_of_a_mentor_is_passed_on() -> None:
    mentor = FakeMentor()
    counted = counting(mentor, Metrics())
    assert counted.documents is mentor.documents
    assert counted.starters("zh", 2) == mentor.starters("zh", 2)
    assert counted.speaker("kaiming_he_qa", 0, "zh") == "何恺明"
