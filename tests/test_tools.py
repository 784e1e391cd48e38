"""Mentor as tools, called by the official client over real HTTP."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from live_server import leave, live, until
from mcp import Client
from model_fakes import QUESTIONS, Desk, says
from web_fakes import FakeMentor

from eval.scripted import Pause
from rag import Mentor, Settings
from ui.api import create_api
from ui.bodies import AnswerBody

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@pytest.fixture(scope="module")
def address(shelf: Mentor) -> Iterator[str]:
    with live(create_api(shelf)) as address:
        yield address


def tried(address: str, work: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> Any:
    """Return what `work` makes of a client that is connected to the tools."""

    async def connected() -> Any:
        async with Client(f"{address}/mcp", mode=mode) as client:
            return await work(client)

    return asyncio.run(connected())


def called(address: str, tool: str, **arguments: Any) -> Any:
    return tried(address, lambda client: client.call_tool(tool, arguments))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_finds_three_tools_that_say_what_they_do(
    address: str, mode: str, shelf: Mentor
) -> None:
    async def look(client: Client) -> Any:
        return (await client.list_tools()).tools, client.instructions

    tools, about = tried(address, look, mode)
    assert [tool.name for tool in tools] == ["ask", "search", "read"]
    for tool in tools:
        assert len(tool.description) > 100
        assert tool.output_schema["type"] == "object"
        assert tool.annotations.read_only_hint is True
        for field in tool.input_schema["properties"].values():
            assert field["description"]
    assert all(id_ in about for id_ in shelf.documents)


def test_ask_gives_the_answer_in_words_and_in_structure(address: str, shelf: Mentor) -> None:
    done = called(address, "ask", question="Is it normal to be frustrated in research?")
    assert not done.is_error
    answer = AnswerBody.model_validate(done.structured_content)
    assert answer.sentences[0].citations[0].quote == "科研中95%的时间是令人沮丧的。"
    assert "](/read/kaiming_he_qa?s=43&e=59" in done.content[0].text
    assert answer.lead == shelf.ask(answer.question).lead


def test_ask_reads_a_question_with_those_before_it(address: str, shelf: Mentor) -> None:
    before = ["怎么选课题?"]
    done = called(address, "ask", question="那没有导师呢?", history=before)
    told = shelf.ask("那没有导师呢?", before)
    assert [s["text"] for s in done.structured_content["sentences"]] == [
        s.text for s in told.sentences
    ]


def test_what_search_finds_can_be_read_where_it_says(address: str, shelf: Mentor) -> None:
    hits = called(address, "search", question="怎么选课题?", k=3).structured_content["hits"]
    assert [hit["quote"] for hit in hits] == [
        hit.passage.text for hit in shelf.retrieve("怎么选课题?", 3)
    ]
    hit = hits[0]
    place = {"doc_id": hit["doc_id"], "start": hit["start"], "end": hit["end"]}
    assert called(address, "read", **place).structured_content["text"] == hit["quote"]


def test_an_essay_is_read_on_to_its_end_letter_for_letter(address: str, shelf: Mentor) -> None:
    for essay in shelf.documents.values():
        text, chars = "", 1
        while len(text) < chars:
            arguments = {"doc_id": essay.id, "start": len(text)}
            part = called(address, "read", **arguments).structured_content
            assert 0 < len(part["text"]) <= 8000
            assert part["end"] == len(text) + len(part["text"])
            text, chars = text + part["text"], part["chars"]
        assert text == essay.text


def test_reading_past_the_end_gives_nothing_and_where_the_end_is(
    address: str, shelf: Mentor
) -> None:
    part = called(address, "read", doc_id="kaiming_he_qa", start=10**6).structured_content
    whole = len(shelf.documents["kaiming_he_qa"].text)
    assert (part["text"], part["start"], part["chars"]) == ("", whole, whole)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {"question": " "}, "问题"),
        ("search", {"question": "???"}, "请用文字提问"),
        ("read", {"doc_id": "../etc/passwd"}, "kaiming_he_qa"),
        ("ask", {}, "question"),
        ("search", {"question": "a", "k": 0}, "k"),
    ],
)
def test_a_call_that_cannot_be_done_says_why(
    address: str, tool: str, arguments: dict[str, Any], said: str
) -> None:
    done = called(address, tool, **arguments)
    assert done.is_error
    assert said in done.content[0].text


def test_trouble_of_ours_is_told_without_its_secrets() -> None:
    with live(create_api(FakeMentor())) as address:
        done = called(address, "ask", question="please break")
    assert done.is_error
    assert "secret" not in done.content[0].text


def test_a_local_mentor_is_deaf_to_other_names_and_other_pages(address: str) -> None:
    def status(**headers: str) -> int:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{address}/mcp", json=LIST, headers=ACCEPT | more).status_code

    assert status() == 200
    assert status(host="evil.example") == 421
    assert status(host="localhost:1") == 200
    assert status(origin="https://evil.example") == 403
    assert status(origin="http://127.0.0.1:9") == 200


def test_a_public_mentor_answers_to_its_name_and_a_listed_site_may_call(tmp_path: Any) -> None:
    listed = Settings(index_dir=tmp_path, origins="https://lab.example")
    behind = Settings(index_dir=tmp_path, proxies="127.0.0.1")
    public = Settings(index_dir=tmp_path, host="0.0.0.0")
    for settings, headers in (
        (listed, {"origin": "https://lab.example"}),
        (behind, {"host": "mentor.example"}),
        (public, {"host": "mentor.example"}),
    ):
        with live(create_api(FakeMentor(), settings)) as address:
            response = httpx.post(f"{address}/mcp", json=LIST, headers=ACCEPT | headers)
            assert response.status_code == 200


def test_a_body_past_the_limit_is_413(address: str) -> None:
    response = httpx.post(f"{address}/mcp", content=b" " * 300_000, headers=ACCEPT)
    assert response.status_code == 413


def test_no_session_is_kept_so_any_replica_may_answer(address: str) -> None:
    response = httpx.post(f"{address}/mcp", json=LIST, headers=ACCEPT)
    assert "mcp-session-id" not in response.headers
    assert len(response.json()["result"]["tools"]) == 3


def test_who_leaves_stops_the_model(shelf: Mentor) -> None:
    desk = Desk(shelf)
    call = {"name": "ask", "arguments": {"question": QUESTIONS["zh"]}}
    body = LIST | {"method": "tools/call", "params": call}
    with (
        live(create_api(desk.mentor)) as address,
        desk.model(says(Pause(60)), timeout_s=60, deadline_s=60) as provider,
    ):
        leave(f"{address}/mcp", body, lambda: provider.prompts, ACCEPT)
        assert until(lambda: provider.abandoned == 1)


def test_an_application_can_be_started_again() -> None:
    app = create_api(FakeMentor())
    for _ in range(2):
        with live(app) as address:
            assert called(address, "search", question="a").structured_content["hits"]


def test_one_answer_in_the_terminal_waits_for_no_face(tmp_path: Any) -> None:
    code = (
        "import sys, ui.cli; from rag import Mentor, Settings\n"
        "with ui.cli.opened(None, None) as mentor: mentor.ask('怎么选课题?')\n"
        "heavy = {'mcp', 'gradio', 'fastapi', 'openai', 'prometheus_client', 'starlette'}\n"
        "import json; print(json.dumps(sorted(heavy & sys.modules.keys())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
