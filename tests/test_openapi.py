"""The API keeps to its description, and the description is whole."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from live_server import live
from pydantic import BaseModel, TypeAdapter

from rag import Mentor, Settings
from ui import bodies, completions, samples
from ui.api import create_api

HERE = Path(__file__).parent
QUOTE = {"doc": "kaiming_he_qa", "s": 43, "e": 59, "h": "aa4ed8df"}


@pytest.fixture(scope="module")
def client(shelf: Mentor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_api(shelf, Settings(index_dir=tmp_path_factory.mktemp("index")))
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def test_schemathesis_finds_nothing_that_the_description_does_not_say(
    shelf: Mentor, tmp_path: Path
) -> None:
    """The tool itself, over HTTP: examples, the edges of fields, chance, and chains of calls."""
    program = Path(sys.executable).with_name("schemathesis")
    with live(create_api(shelf, Settings(index_dir=tmp_path))) as address:
        command = [program, f"--config-file={HERE / 'schemathesis.toml'}", "run"]
        done = subprocess.run(
            [*command, f"{address}/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Tested: 13" in done.stdout


def calls(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (verb, path, call)
        for path, verbs in described["paths"].items()
        for verb, call in verbs.items()
    ]


def test_all_endpoints_are_described(described: dict[str, Any]) -> None:
    assert {f"{verb} {path}" for verb, path, _ in calls(described)} == {
        "post /api/ask",
        "post /api/chat",
        "post /api/search",
        "get /api/essays",
        "get /api/passage",
        "post /api/feedback",
        "get /read/{doc_id}",
        "post /v1/chat/completions",
        "get /v1/models",
        "get /v1/models/{model}",
        "get /healthz",
        "get /readyz",
        "get /metrics",
    }


def test_every_endpoint_says_what_it_does_what_it_gives_and_how_it_fails(
    described: dict[str, Any],
) -> None:
    for verb, path, call in calls(described):
        where = f"{verb} {path}"
        assert call["summary"], where
        assert len(call["description"]) > 20, where
        assert call["tags"], where
        content = next(iter(call["responses"]["200"]["content"].values()))
        assert "example" in content or path == "/read/{doc_id}", where
        failures = set(call["responses"]) - {"200"}
        assert {"500"} <= failures, where
        if verb == "post":
            assert {"413", "415", "429", "503"} <= failures, where
            body = call["requestBody"]["content"]["application/json"]["schema"]
            model = described["components"]["schemas"][body["$ref"].rpartition("/")[2]]
            assert model["examples"], where
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_every_example_of_a_body_is_taken(client: TestClient, described: dict[str, Any]) -> None:
    for verb, path, call in calls(described):
        if verb == "post":
            body = call["requestBody"]["content"]["application/json"]["schema"]
            model = described["components"]["schemas"][body["$ref"].rpartition("/")[2]]
            for example in model["examples"]:
                assert client.post(path, json=example).status_code == 200, path


@pytest.mark.parametrize(
    ("model", "sample"),
    [
        (bodies.AnswerBody, samples.ANSWER),
        (bodies.SearchBody, samples.FOUND),
        (bodies.EssaysBody, samples.ESSAYS),
        (bodies.PlaceBody, samples.PLACE),
        (completions.CompletionBody, samples.COMPLETION),
    ],
)
def test_every_example_of_an_answer_fits_its_description(
    model: type[BaseModel], sample: dict[str, Any]
) -> None:
    model.model_validate(sample, strict=True)


def test_the_examples_are_what_the_shelf_says(client: TestClient, shelf: Mentor) -> None:
    answer = client.post("/api/ask", json={"question": samples.ANSWER["question"]}).json()
    for name in ("lead", "sentences", "status", "answerer", "understood", "note"):
        assert answer[name] == samples.ANSWER[name], name
    essays = client.get("/api/essays", headers={"accept-language": "en"}).json()
    assert samples.ESSAYS["essays"][0] in essays["essays"]
    place = client.get("/api/passage", params=QUOTE, headers={"accept-language": "en"}).json()
    assert place.keys() == samples.PLACE.keys()
    assert (place["hit"], place["translation"]) == (
        samples.PLACE["hit"],
        samples.PLACE["translation"],
    )


def test_real_answers_fit_the_description_to_the_letter(client: TestClient) -> None:
    answer = TypeAdapter(bodies.AnswerBody)
    for question in (
        "怎么选课题?",
        "Do I need a PhD?",
        "What year did Karpathy leave Tesla?",
        "hi",
    ):
        response = client.post("/api/ask", json={"question": question})
        answer.validate_json(response.content, strict=True)


def test_the_page_tells_every_endpoint_and_loads_nothing_from_elsewhere(
    client: TestClient, described: dict[str, Any]
) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    for verb, path, call in calls(described):
        heading = f"<code>{verb.upper()} {path}</code> {call['summary']}"
        assert heading in unescape(page.text)
    assert "<script" not in page.text
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert loaded
    assert all(link.startswith(("/", "#")) for link in loaded)
    assert client.get("/static/docs.css").status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/redoc").status_code == 404


def test_the_guide_tells_every_endpoint(described: dict[str, Any]) -> None:
    guide = (HERE.parent / "docs" / "api.md").read_text(encoding="utf-8")
    for verb, path, _ in calls(described):
        assert f"`{verb.upper()} {path}`" in guide, path
    for tool in ("ask", "search", "read"):
        assert f"`{tool}`" in guide


def test_what_the_guide_shows_is_what_is_answered(client: TestClient) -> None:
    """Each `curl` of the guide that is followed by JSON is run again; times are let differ."""
    guide = (HERE.parent / "docs" / "api.md").read_text(encoding="utf-8")
    shown = re.findall(
        r"```sh\ncurl -s \$M(\S+)(?: --json '([^\n]*)')?\n```\n+```json\n(.*?)```",
        guide,
        re.DOTALL,
    )
    assert len(shown) == 10
    for path, body, answer in shown:
        if body:
            response = client.post(path.strip("'\""), json=json.loads(body))
        else:
            response = client.get(path.strip("'\""))
        assert _fits(json.loads(answer), response.json()), (path, response.text[:500])


def _fits(shown: Any, told: Any) -> bool:
    """Say whether what is shown is told; "…" stands for anything, and a list may be cut short."""
    if shown == "…" or isinstance(shown, float):
        return True
    if isinstance(shown, dict):
        return "…" in shown or (
            shown.keys() == told.keys()
            and all(_fits(value, told[name]) for name, value in shown.items())
        )
    if isinstance(shown, list):
        cut = "…" in shown
        rows = [row for row in shown if row != "…"]
        return (cut or len(rows) == len(told)) and all(map(_fits, rows, told))
    if isinstance(shown, str) and shown.endswith("…"):
        return str(told).startswith(shown[:-1])
    return bool(shown == told) or (isinstance(shown, int) and shown > 10**9)
