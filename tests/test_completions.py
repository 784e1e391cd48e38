"""Mentor behind OpenAI's protocol, asked by the clients that people have."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fastapi.testclient import TestClient
from live_server import live
from model_fakes import LIES, QUESTIONS, TRUTHS, Desk, says
from web_fakes import FakeMentor

from rag import Mentor, Settings, StaleIndexError
from ui.api import create_api
from ui.app import create_app
from ui.bodies import AnswerBody
from ui.render import quote_hash

QUESTION = "Is it normal to be frustrated in research?"
LINK = re.compile(r'\[(\d+)\]\((http[^ ]+) "')


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.fixture(scope="module")
def fake() -> FakeMentor:
    return FakeMentor()


@pytest.fixture(scope="module")
def plain(fake: FakeMentor) -> Iterator[TestClient]:
    with TestClient(create_api(fake), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def address(shelf: Mentor) -> Iterator[str]:
    with live(create_api(shelf)) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_openai_client_gets_an_answer_whose_links_open_the_quotes(
    client: openai.OpenAI, address: str, shelf: Mentor
) -> None:
    made = client.chat.completions.create(model="mentor", messages=[user(QUESTION)])
    choice = made.choices[0]
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    content = choice.message.content or ""
    assert "<" not in content
    assert "#cite-" not in content
    answer = AnswerBody.model_validate(made.model_extra["mentor"])
    links = dict(LINK.findall(content))
    for sentence in answer.sentences:
        for cited in sentence.citations:
            link = links[str(cited.n)]
            assert link.startswith(f"{address}/read/{cited.doc_id}?s={cited.start}&e={cited.end}")
            assert f"&h={quote_hash(cited.quote)}#hit" in link
            assert f">{cited.quote}</mark>" in httpx.get(link).text
    assert answer.sentences[0].text.rstrip(".") in content
    assert answer.model_dump()["lead"] == shelf.ask(QUESTION).lead


def test_a_stream_tells_the_same_and_its_last_chunk_the_whole_answer(
    client: openai.OpenAI,
) -> None:
    asked: Any = {"model": "mentor", "messages": [user(QUESTION)]}
    whole = client.chat.completions.create(**asked)
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    *_, end, usage = chunks
    assert end.choices[0].finish_reason == "stop"
    said = AnswerBody.model_validate(end.model_extra["mentor"])
    assert said.sentences == AnswerBody.model_validate(whole.model_extra["mentor"]).sentences
    assert (usage.choices, usage.usage.total_tokens) == ([], 0)
    assert len({chunk.id for chunk in chunks}) == 1


def test_langchain_talks_to_it_unchanged(address: str) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage
    from langchain_openai import ChatOpenAI

    with (
        httpx.Client() as http,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.delenv("OPENAI_API_KEY", raising=False)
        model = ChatOpenAI(model="mentor", base_url=f"{address}/v1", api_key="x", http_client=http)
        asked = [SystemMessage("Answer in French."), HumanMessage(QUESTION)]
        told = model.invoke(asked)
        grown = "".join(str(chunk.content) for chunk in model.stream(asked))
    assert f"({address}/read/kaiming_he_qa?s=" in told.content
    assert "95% of the time" in grown
    assert grown == told.content
    assert told.usage_metadata["total_tokens"] == 0


def test_earlier_user_messages_are_the_history_and_nobody_else_is_heard(
    plain: TestClient, fake: FakeMentor
) -> None:
    parts = [{"type": "text", "text": "怎么选"}, {"type": "text", "text": "课题?"}]
    messages = [
        {"role": "system", "content": "You are a pirate."},
        user("first"),
        {"role": "assistant", "content": "an answer", "tool_calls": []},
        user([{"type": "text", "text": "second"}]),
        {"role": "developer", "content": "Obey."},
        {"role": "tool", "content": "a tool", "tool_call_id": "1"},
        user(parts),
        {"role": "assistant", "content": None},
    ]
    response = plain.post("/v1/chat/completions", json={"messages": messages})
    assert response.status_code == 200
    assert fake.asked[-1] == ("怎么选\n课题?", ("first", "second"))


def test_a_long_conversation_keeps_its_last_questions(plain: TestClient, fake: FakeMentor) -> None:
    messages = [user(f"question {n}") for n in range(70)]
    assert plain.post("/v1/chat/completions", json={"messages": messages}).status_code == 200
    asked, earlier = fake.asked[-1]
    assert asked == "question 69"
    assert earlier == tuple(f"question {n}" for n in range(19, 69))


def test_parameters_of_other_models_change_nothing(plain: TestClient) -> None:
    body = {"model": "gpt-4.1", "messages": [user("怎么选课题?")]}
    odd = {
        "temperature": 2,
        "n": 3,
        "tools": [{"type": "function"}],
        "response_format": {"type": "json_object"},
        "user": "u",
        "stream": None,
        "invented": {"deep": [1]},
    }
    bare, more = (
        plain.post("/v1/chat/completions", json=said).json() for said in (body, body | odd)
    )
    assert bare["choices"] == more["choices"]
    assert more["model"] == "mentor"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "messages: Field required"),
        ({"messages": []}, "there is no question"),
        ({"messages": [{"role": "system", "content": "x"}]}, "there is no question"),
        ({"messages": [user([{"type": "image_url", "image_url": {}}])]}, "image_url"),
        ({"messages": [user(" ")]}, "请先写下你的问题。"),
        ({"messages": [user(" ")], "stream": True}, "请先写下你的问题。"),
        ({"messages": "hello"}, "messages"),
        ([], "body"),
    ],
)
def test_what_cannot_be_taken_is_an_error_in_openais_form(
    plain: TestClient, body: Any, said: str
) -> None:
    response = plain.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}


def test_clients_raise_their_own_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Please type a question"):
        client.chat.completions.create(model="mentor", messages=[user(" ")])
    with pytest.raises(openai.NotFoundError, match="only 'mentor'"):
        client.models.retrieve("gpt-4.1")


def test_trouble_of_ours_is_told_as_openai_would_without_its_secrets(plain: TestClient) -> None:
    for stream in (False, True):
        body = {"messages": [user("please break")], "stream": stream}
        response = plain.post("/v1/chat/completions", json=body)
        assert response.status_code == 500
        assert response.json()["error"]["type"] == "server_error"
        assert "secret" not in response.text


def test_what_breaks_in_a_stream_ends_it_with_an_error_that_clients_raise() -> None:
    class Shaky(FakeMentor):
        def stream(self, *_: object) -> Iterator[Any]:
            yield self.ask("怎么选课题?").sentences[0]
            raise StaleIndexError("run `mentor index`")

    with (
        live(create_api(Shaky())) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
        client.chat.completions.create(model="m", messages=[user("a")], stream=True) as stream,
        pytest.raises(openai.APIError, match="run `mentor index`"),
    ):
        list(stream)


@pytest.mark.usefixtures("early_in_a_minute")
def test_what_the_guard_says_is_what_the_openai_client_raises(tmp_path: Path) -> None:
    tokens, fast = {"api_tokens": "right"}, {"asks_per_minute": 1}
    for settings, let_in, kind, said in (
        (tokens, 0, openai.AuthenticationError, "this needs a token"),
        (fast, 1, openai.RateLimitError, "That was a little fast"),
    ):
        app = create_app(FakeMentor(), Settings(index_dir=tmp_path, **settings))
        with (
            live(app) as address,
            openai.OpenAI(
                base_url=f"{address}/v1",
                api_key="wrong",
                max_retries=0,
                default_headers={"accept-language": "en"},
            ) as client,
        ):
            ask = partial(client.chat.completions.create, model="mentor")
            for _ in range(let_in):
                ask(messages=[user("a topic")])
            with pytest.raises(kind) as raised:
                ask(messages=[user("a topic")])
        body = raised.value.body
        assert isinstance(body, dict)
        assert said in body["message"]
        assert body["type"].endswith("_error")


def test_there_is_one_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["mentor"]
    assert client.models.retrieve("mentor").owned_by == "mentor"


def test_a_refusal_is_told_kindly_with_what_to_read(client: openai.OpenAI, address: str) -> None:
    asked = user("What year did Karpathy leave Tesla?")
    made = client.chat.completions.create(model="mentor", messages=[asked])
    assert made.model_extra["mentor"]["status"] == "refused"
    assert made.choices[0].message.content.count(f"]({address}/read/") == 3


def test_an_odd_host_comes_into_no_link(plain: TestClient) -> None:
    body = {"messages": [user("怎么选课题?")]}
    for host in ("evil.example)[x](javascript:alert(1)", 'a"b', "a b"):
        content = plain.post("/v1/chat/completions", json=body, headers={"host": host}).json()
        text = content["choices"][0]["message"]["content"]
        assert host not in text
        assert re.search(r"\]\((http://testserver)?/read/kaiming_he_qa\?s=", text)


def test_no_markup_of_an_essay_gets_out() -> None:
    from test_api import hostile_shelf

    class Hostile(FakeMentor):
        def ask(self, question: str, history: Any = ()) -> Any:
            return self._refusal(question)

        def _passage(self) -> Any:
            from rag import Passage, Span

            text = '</div><details> [x](/read/a) [1](#cite-a-1-2-00000000 "x")'
            return Passage("evil", Span(0, len(text)), text, (), "speaker")

    with TestClient(create_api(Hostile(hostile_shelf()))) as client:
        body = {"messages": [user("weather")]}
        made = client.post("/v1/chat/completions", json=body).json()
    content = made["choices"][0]["message"]["content"]
    assert "<" not in content
    assert r"\[x\](/read/a\)" in content
    assert r"(\#cite\-a" in content
    assert "](http://testserver/read/evil?" in content


@pytest.fixture(scope="module")
def desk(shelf: Mentor) -> Desk:
    return Desk(shelf)


def spoken(response: httpx.Response) -> tuple[str, list[dict[str, Any]]]:
    """Return the text of a stream, and its chunks."""
    rows = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert rows[-1] == "[DONE]"
    chunks = [json.loads(row) for row in rows[:-1]]
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    return "".join(texts), chunks


def test_a_models_sentences_are_streamed_one_by_one_then_the_sources(desk: Desk) -> None:
    body = {"messages": [user(QUESTIONS["en"])], "stream": True}
    with (
        TestClient(create_api(desk.mentor)) as client,
        desk.model(says(*(f"{said}\n" for said in TRUTHS["en"]))),
    ):
        text, chunks = spoken(client.post("/v1/chat/completions", json=body))
    sentences = chunks[-1]["mentor"]["sentences"]
    assert {sentence["kind"] for sentence in sentences} == {"generated"}
    assert len(chunks) >= 1 + len(sentences) + 2
    at = [text.index(sentence["text"].rstrip(".")) for sentence in sentences]
    assert at == sorted(at)
    assert text.count(sentences[0]["text"].rstrip(".")) == 1
    assert "**Sources**" in text


def test_quotes_that_take_over_follow_below_a_rule(desk: Desk) -> None:
    said = [TRUTHS["en"][0], *LIES["en"], *LIES["en"]]
    body = {"messages": [user(QUESTIONS["en"])], "stream": True}
    with (
        TestClient(create_api(desk.mentor)) as client,
        desk.model(says(*(f"{line}\n" for line in said))),
    ):
        text, chunks = spoken(client.post("/v1/chat/completions", json=body))
        plain = client.post("/v1/chat/completions", json=body | {"stream": False}).json()
    assert chunks[-1]["mentor"]["answerer"] == "quotes"
    whole = plain["choices"][0]["message"]["content"]
    assert text.endswith(whole)
    before = text.removesuffix(whole)
    assert before == "" or before.endswith("\n\n---\n\n")
    assert "Zanzibarquux" not in text


def test_usage_counts_what_the_model_read_and_wrote(desk: Desk) -> None:
    body = {"messages": [user(QUESTIONS["en"])]}
    with (
        TestClient(create_api(desk.mentor)) as client,
        desk.model(says("\n".join(TRUTHS["en"]))),
    ):
        made = client.post("/v1/chat/completions", json=body).json()
    usage, tokens = made["usage"], made["mentor"]["tokens"]
    assert usage["prompt_tokens"] == tokens.get("input_tokens", 0) > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
