"""The stub of a provider, heard by the real clients: what is scripted is what they get."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from typing import Any

import httpx
import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from eval.protocols import Prompt
from eval.scripted import Cut, Pause, Provider, Raw, Script, Status, Step, in_chunks

# U+0085 and U+2028 end a line for some readers; the emoji is four bytes; a lone surrogate is none.
PIECES = ["科研 is ", "hard\n", "\u0085and\u2028", '🔥 \\n "fun" \x00', " ", "结束。"]
ASKED = [("system", "Be brief."), ("user", "怎么选课题?")]
TOKENS = (15 // 4 + 1, 32 // 4 + 1)  # of ASKED and PIECES
LONG = Pause(60.0)
QUICK: dict[str, Any] = {"verify": False}  # a client that reads no certificates opens in no time
Open = Callable[..., AbstractContextManager[BaseChatModel]]


def _says(*steps: Step) -> Script:
    return lambda _: steps


@contextmanager
def _openai(provider: Provider, **options: Any) -> Iterator[openai.OpenAI]:
    settings: dict[str, Any] = {"api_key": "none", "max_retries": 0, "timeout": 30.0} | options
    settings["http_client"] = openai.DefaultHttpxClient(**QUICK)
    with openai.OpenAI(base_url=provider.openai_url, **settings) as client:
        yield client


@contextmanager
def _chat_openai(provider: Provider, timeout: float = 30.0) -> Iterator[BaseChatModel]:
    # Clients of their own: the default ones are shared by address, and never closed.
    with openai.DefaultHttpxClient(timeout=timeout, **QUICK) as client:
        yield ChatOpenAI(
            model="gpt-test",
            base_url=provider.openai_url,
            api_key="none",
            max_retries=0,
            timeout=timeout,
            stream_usage=True,
            http_client=client,
        )


@contextmanager
def _chat_ollama(provider: Provider, timeout: float = 30.0) -> Iterator[BaseChatModel]:
    model = ChatOllama(
        model="llama-test", base_url=provider.ollama_url, client_kwargs={"timeout": timeout} | QUICK
    )
    with closing(model._client):
        yield model


@pytest.fixture(params=[_chat_openai, _chat_ollama], ids=["openai", "ollama"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Opens a LangChain model on a provider, by either protocol."""
    found: Open = request.param
    return found


@asynccontextmanager
async def _asynchronous(provider: Provider, kind: Open) -> AsyncIterator[BaseChatModel]:
    if kind is _chat_openai:
        async with openai.DefaultAsyncHttpxClient(**QUICK) as client:
            yield ChatOpenAI(
                model="gpt-test",
                base_url=provider.openai_url,
                api_key="none",
                max_retries=0,
                http_async_client=client,
            )
    else:
        model = ChatOllama(model="llama-test", base_url=provider.ollama_url, client_kwargs=QUICK)
        with closing(model._client):
            yield model
        await model._async_client.close()


def _texts(chunks: Iterable[Any]) -> list[str]:
    return [chunk.text for chunk in chunks if chunk.text]


def _heard(model: BaseChatModel, error: type[BaseException] | tuple[type, ...]) -> list[str]:
    """Return the texts that came before the stream failed with `error`."""
    found = []

    def listen() -> None:
        for chunk in model.stream(ASKED):
            found.append(chunk.text)  # noqa: PERF401 - what came before an error is wanted

    with pytest.raises(error):
        listen()
    return [text for text in found if text]


def _soon(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.005)
    return true()


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "scripted"}


# --- what is said arrives -----------------------------------------------------------------------


def test_a_stream_arrives_whole_and_in_the_chunks_scripted(opened: Open) -> None:
    with Provider(_says(*PIECES)) as provider, opened(provider) as model:
        chunks = list(model.stream(ASKED))
    assert _texts(chunks) == PIECES
    [usage] = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert (usage["input_tokens"], usage["output_tokens"]) == TOKENS


def test_an_answer_arrives_in_one_piece_where_it_is_not_streamed(opened: Open) -> None:
    with Provider(_says(*PIECES)) as provider, opened(provider) as model:
        reply = model.invoke(ASKED)
    assert isinstance(reply.content, str)
    assert reply.content == "".join(PIECES)
    assert reply.usage_metadata
    assert reply.usage_metadata["input_tokens"] == TOKENS[0]
    assert reply.usage_metadata["output_tokens"] == TOKENS[1]


def test_asynchronous_clients_hear_the_same(opened: Open) -> None:
    async def listen(provider: Provider) -> list[str]:
        async with _asynchronous(provider, opened) as model:
            return _texts([chunk async for chunk in model.astream(ASKED)])

    with Provider(_says(*PIECES)) as provider:
        assert asyncio.run(listen(provider)) == PIECES


def test_a_script_may_say_nothing(opened: Open) -> None:
    with Provider(_says()) as provider, opened(provider) as model:
        assert _texts(model.stream(ASKED)) == []
        assert model.invoke(ASKED).text == ""
        assert provider.abandoned == 0


def test_half_of_a_surrogate_pair_does_not_break_an_answer() -> None:
    with Provider(_says("a\ud83d")) as provider, _chat_ollama(provider) as model:
        assert _texts(model.stream("hi")) == ["a\ud83d"]


def test_a_script_reads_the_prompt_and_can_echo_it(opened: Open) -> None:
    def echo(prompt: Prompt) -> Iterator[Step]:
        yield f"{prompt.number}:{prompt.system}|{prompt.user}|{prompt.model}"

    with Provider(echo) as provider, opened(provider) as model:
        said = [model.invoke(ASKED).text for _ in range(2)]
        first, second = provider.prompts
    assert said == [f"{n}:Be brief.|怎么选课题?|{first.model}" for n in (1, 2)]
    assert first.messages == second.messages == tuple(ASKED)
    assert (first.number, second.number) == (1, 2)
    assert first.body["model"] == first.model
    assert first.headers["content-type"] == "application/json"


# --- as OpenAI speaks ---------------------------------------------------------------------------


def test_openai_streams_role_texts_finish_usage_in_this_order() -> None:
    with Provider(_says("ab", "cd")) as provider, _openai(provider) as client:
        chunks = list(
            client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "hi"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    assert [c.choices[0].delta.role for c in chunks[:-1]] == ["assistant", None, None, None]
    assert [c.choices[0].delta.content for c in chunks[:-1]] == ["", "ab", "cd", None]
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None, None, None, "stop"]
    assert [c.usage for c in chunks[:-1]] == [None] * 4
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (1, 2)
    assert {(c.id, c.model, c.object) for c in chunks} == {
        ("chatcmpl-1", "m", "chat.completion.chunk")
    }


def test_openai_streams_usage_only_where_it_is_asked_for() -> None:
    with Provider(_says("ab")) as provider, _openai(provider) as client:
        chunks = list(
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hi"}], stream=True
            )
        )
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_openai_takes_a_text_in_parts_and_instructions_of_a_developer() -> None:
    parts = [{"type": "text", "text": "科"}, {"type": "text", "text": "研"}]
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "why?"},
    ]
    with Provider(_says("ab")) as provider, _openai(provider, api_key="secret") as client:
        reply = client.chat.completions.create(model="m", messages=messages)
        [prompt] = provider.prompts
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("ab", "stop")
    assert (prompt.system, prompt.user) == ("Be brief.", "科研\nwhy?")
    assert prompt.messages[2] == ("assistant", "")
    assert prompt.headers["authorization"] == "Bearer secret"


def test_each_protocol_lists_its_models() -> None:
    with Provider(_says()) as provider:
        with _openai(provider) as client:
            assert [model.id for model in client.models.list()] == ["scripted"]
        with ollama.Client(provider.ollama_url) as there:
            assert [model.model for model in there.list().models] == ["scripted:latest"]
        model = ChatOllama(
            model="scripted", base_url=provider.ollama_url, validate_model_on_init=True
        )
        model._client.close()
        assert provider.prompts == []


# --- as Ollama speaks ---------------------------------------------------------------------------


def test_ollama_streams_texts_then_the_counts() -> None:
    messages = [{"role": "user", "content": "hi"}]
    with Provider(_says("ab", "cd")) as provider, ollama.Client(provider.ollama_url) as client:
        rows = list(client.chat("m", messages, stream=True))
        whole = client.chat("m", messages)
    assert [(row.message.content, row.done) for row in rows] == [
        ("ab", False),
        ("cd", False),
        ("", True),
    ]
    assert (whole.message.content, whole.done) == ("abcd", True)
    for last in (rows[-1], whole):
        assert (last.done_reason, last.prompt_eval_count, last.eval_count) == ("stop", 1, 2)


def test_ollama_streams_where_nothing_is_said_of_it() -> None:
    body = {"model": "m", "messages": []}
    with Provider(_says("ab", "cd")) as provider:
        reply = httpx.post(f"{provider.ollama_url}/api/chat", json=body)
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["done"] for line in reply.text.splitlines()] == [False, False, True]


# --- silence ------------------------------------------------------------------------------------


def test_a_pause_holds_back_what_follows_and_not_what_came(opened: Open) -> None:
    heard: list[str] = []

    def script(_: Prompt) -> Iterator[Step]:
        yield "a"
        for _ in range(1000):
            yield Pause(0.03)
            if heard:
                break
        yield "b" if heard else "it was held back "

    with Provider(script) as provider, opened(provider) as model:
        for chunk in model.stream(ASKED):
            heard += [chunk.text] if chunk.text else []
    assert heard == ["a", "b"]


def test_a_pause_is_as_long_as_it_says(opened: Open) -> None:
    with Provider(_says("a", Pause(0.3), "b")) as provider, opened(provider) as model:
        started = time.monotonic()
        assert _texts(model.stream(ASKED)) == ["a", "b"]
        assert time.monotonic() - started >= 0.3


def test_a_client_that_loses_patience_says_so_and_is_counted(opened: Open) -> None:
    timeouts = (openai.APITimeoutError, httpx.ReadTimeout)
    with Provider(_says("a", LONG)) as provider, opened(provider, timeout=1.0) as model:
        assert _heard(model, timeouts) == ["a"]
        with pytest.raises(timeouts):
            model.invoke(ASKED)
        assert _soon(lambda: provider.abandoned == 2)


def test_before_the_first_text_not_even_a_status_has_come() -> None:
    body = {"model": "m", "messages": []}
    with Provider(_says(LONG)) as provider:
        url = f"{provider.ollama_url}/api/chat"
        with pytest.raises(httpx.ReadTimeout), httpx.stream("POST", url, json=body, timeout=0.2):
            pytest.fail("a status has come")
    with (
        Provider(_says("", LONG)) as provider,
        httpx.stream("POST", f"{provider.ollama_url}/api/chat", json=body) as reply,
    ):
        assert reply.status_code == 200


# --- failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),  # not in the standard, but there are providers
    ],
)
def test_a_status_raises_what_the_client_makes_of_it(
    opened: Open, code: int, error: type[openai.APIStatusError]
) -> None:
    script = _says(Pause(0.01), Status(code, {"Retry-After": "7"}), "never")
    with Provider(script) as provider, opened(provider) as model:
        assert _heard(model, (error, ollama.ResponseError)) == []
        with pytest.raises((error, ollama.ResponseError)) as caught:
            model.invoke(ASKED)
    assert caught.value.status_code == code
    assert "scripted" in str(caught.value)
    if isinstance(caught.value, openai.APIStatusError):
        assert caught.value.response.headers["retry-after"] == "7"


def test_a_client_that_tries_again_gets_the_next_answer() -> None:
    def script(prompt: Prompt) -> Sequence[Step]:
        return [Status(429, {"retry-after-ms": "10"})] if prompt.number == 1 else ["ab"]

    with Provider(script) as provider, _openai(provider, max_retries=1) as client:
        reply = client.chat.completions.create(model="m", messages=[])
        assert reply.choices[0].message.content == "ab"
        assert len(provider.prompts) == 2


@pytest.mark.parametrize("pieces", [[], ["ab"], ["ab", "cd"]])
def test_a_cut_raises_behind_the_chunks_that_came(opened: Open, pieces: list[str]) -> None:
    errors = (openai.APIConnectionError, httpx.RemoteProtocolError)
    with Provider(_says(*pieces, Cut(), "never")) as provider, opened(provider) as model:
        assert _heard(model, errors) == pieces
        with pytest.raises(errors):
            model.invoke(ASKED)
        assert (provider.abandoned, provider.failures) == (0, [])


def test_garbage_goes_out_as_it_is(opened: Open) -> None:
    garbage = Raw(b"data: {no json\n\n")
    with Provider(_says("ab", Raw(b""), garbage)) as provider, opened(provider) as model:
        assert _heard(model, json.JSONDecodeError) == ["ab"]
        with pytest.raises(json.JSONDecodeError):
            model.invoke(ASKED)
    body = {"model": "m", "messages": [], "stream": True}
    with Provider(_says(Raw(b"\xff\xfe"), Raw(b"<html>"), Cut())) as provider:
        address = f"{provider.openai_url}/chat/completions"
        with httpx.stream("POST", address, json=body) as reply:
            assert next(reply.iter_bytes(8)) == b"\xff\xfe<html>"


def test_an_error_in_the_middle_of_a_stream_is_the_clients_own(opened: Open) -> None:
    told: dict[Open, bytes] = {
        _chat_openai: b'data: {"error": {"message": "overloaded"}}\n\n',
        _chat_ollama: b'{"error": "overloaded"}\n',
    }
    with Provider(_says("ab", Raw(told[opened]))) as provider, opened(provider) as model:
        assert _heard(model, (openai.APIError, ollama.ResponseError)) == ["ab"]


def test_a_script_that_raises_is_a_500_and_once_it_has_spoken_a_cut(opened: Open) -> None:
    def breaks(prompt: Prompt) -> Iterator[Step]:
        if prompt.number > 2:
            yield "ab"
        raise OSError("no words")

    statuses = (openai.InternalServerError, ollama.ResponseError)
    with Provider(breaks) as provider, opened(provider) as model:
        assert _heard(model, statuses) == []
        with pytest.raises(statuses, match="no words"):
            model.invoke(ASKED)
        errors = (openai.APIConnectionError, httpx.RemoteProtocolError)
        assert _heard(model, errors) == ["ab"]
        with pytest.raises(errors):
            model.invoke(ASKED)
        assert list(map(str, provider.failures)) == ["no words"] * 4
        assert provider.abandoned == 0


@pytest.mark.parametrize("step", [Status(429), 3, None, b"ab"])
def test_a_step_that_cannot_be_taken_is_a_failure_of_the_script(opened: Open, step: Any) -> None:
    errors = (openai.APIConnectionError, httpx.RemoteProtocolError)
    with Provider(_says("ab", step)) as provider, opened(provider) as model:
        assert _heard(model, errors) == ["ab"]
        with pytest.raises(errors):
            model.invoke(ASKED)
        assert len(provider.failures) == 2


def test_a_script_is_told_that_it_is_over(opened: Open) -> None:
    ends = []

    def tidy(_: Prompt) -> Iterator[Step]:
        try:
            yield "ab"
            yield Cut()
        finally:
            ends.append(1)
            raise ValueError("not tidy")

    errors = (openai.APIConnectionError, httpx.RemoteProtocolError)
    with Provider(tidy) as provider, opened(provider) as model:
        assert _heard(model, errors) == ["ab"]
        assert _soon(lambda: list(map(str, provider.failures)) == ["not tidy"])
    assert ends == [1]


# --- a client that leaves -----------------------------------------------------------------------


def test_leaving_a_stream_is_counted_soon(opened: Open) -> None:
    with Provider(_says("ab", LONG, "never")) as provider, opened(provider) as model:
        stream = model.stream(ASKED)
        assert next(chunk.text for chunk in stream if chunk.text) == "ab"
        assert provider.abandoned == 0
        stream.close()  # type: ignore[attr-defined]
        assert _soon(lambda: provider.abandoned == 1)


def test_leaving_a_stream_that_never_pauses_is_counted_too(opened: Open) -> None:
    def babbles(_: Prompt) -> Iterator[Step]:
        while True:
            yield "la"

    with Provider(babbles) as provider, opened(provider) as model:
        stream = model.stream(ASKED)
        assert next(chunk.text for chunk in stream if chunk.text) == "la"
        stream.close()  # type: ignore[attr-defined]
        assert _soon(lambda: provider.abandoned == 1)


def test_cancelling_an_asynchronous_stream_is_counted_soon(opened: Open) -> None:
    async def leave(provider: Provider) -> bool:
        async with _asynchronous(provider, opened) as model:
            came = asyncio.Event()

            async def listen() -> None:
                async for chunk in model.astream(ASKED):
                    if chunk.text:
                        came.set()

            task = asyncio.create_task(listen())
            await came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await asyncio.to_thread(_soon, lambda: provider.abandoned == 1)

    with Provider(_says("ab", LONG)) as provider:
        assert asyncio.run(leave(provider))


def test_a_stream_heard_to_its_end_is_not_abandoned(opened: Open) -> None:
    with Provider(_says(*in_chunks("a" * 400, 4))) as provider, opened(provider) as model:
        for _ in range(20):
            assert len(_texts(model.stream(ASKED))) == 100
    assert provider.abandoned == 0


# --- several at once, and the end ---------------------------------------------------------------


def test_several_clients_are_answered_at_once(opened: Open) -> None:
    together = threading.Barrier(12)

    def echo(prompt: Prompt) -> Iterator[Step]:
        yield "echo "
        together.wait(5)
        yield from in_chunks(prompt.user, 2)

    with Provider(echo) as provider, opened(provider) as model:

        def listen(n: int) -> str:
            return "".join(_texts(model.stream([("user", f"client {n}")])))

        with ThreadPoolExecutor(12) as pool:
            said = list(pool.map(listen, range(12)))
        assert said == [f"echo client {n}" for n in range(12)]
        assert sorted(prompt.number for prompt in provider.prompts) == list(range(1, 13))
        assert provider.abandoned == 0


def test_closing_is_quick_ends_every_answer_and_leaves_no_thread(opened: Open) -> None:
    others, spoken = _threads(), []

    def script(prompt: Prompt) -> Iterator[Step]:
        yield "ab"
        spoken.append(prompt.number)
        yield LONG

    errors = (openai.APIConnectionError, httpx.RemoteProtocolError)
    with Provider(script) as provider, opened(provider) as model:
        idle = socket.create_connection(_address(provider))
        with idle, ThreadPoolExecutor(4) as pool:
            listeners = [pool.submit(_heard, model, errors) for _ in range(4)]
            assert _soon(lambda: len(spoken) == 4 and len(_threads() - others) == 6)
            started = time.monotonic()
            provider.close()
            assert time.monotonic() - started < 30  # half as long as the answers would take
            assert _threads() <= others
            assert [listener.result(30) for listener in listeners] == [["ab"]] * 4
            assert idle.recv(1) == b""
        provider.close()
        assert (provider.abandoned, provider.failures) == (0, [])
        with pytest.raises((openai.APIConnectionError, httpx.ConnectError, ConnectionError)):
            model.invoke(ASKED)


def test_closing_does_not_wait_for_ever_for_a_script_that_sleeps() -> None:
    others, awake = _threads(), threading.Event()

    def sleeps(_: Prompt) -> Iterator[Step]:
        awake.wait(60)
        yield "late"

    provider = Provider(sleeps)
    with ThreadPoolExecutor(1) as pool, _chat_ollama(provider) as model:
        listener = pool.submit(_heard, model, httpx.RemoteProtocolError)
        assert _soon(lambda: len(provider.prompts) == 1)
        started = time.monotonic()
        provider.close()
        assert time.monotonic() - started < 30
        assert not awake.is_set()
        assert listener.result(30) == []
    awake.set()
    assert _soon(lambda: _threads() <= others)


def test_nothing_is_printed(opened: Open, capfd: pytest.CaptureFixture[str]) -> None:
    def breaks(prompt: Prompt) -> Iterator[Step]:
        yield "ab"
        if prompt.number == 1:
            raise ValueError("no words")
        yield LONG

    with Provider(breaks) as provider, opened(provider) as model:
        _heard(model, (openai.APIConnectionError, httpx.RemoteProtocolError))
        stream = model.stream(ASKED)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        with socket.create_connection(_address(provider)) as rude:
            rude.sendall(b"NONSENSE\r\n\r\n")
            rude.recv(100)
        assert _soon(lambda: provider.abandoned == 1)
    assert capfd.readouterr() == ("", "")


# --- HTTP ---------------------------------------------------------------------------------------


def _address(provider: Provider) -> tuple[str, int]:
    return "127.0.0.1", int(provider.ollama_url.rpartition(":")[2])


def _posted(provider: Provider, path: str, body: bytes, **headers: str) -> tuple[int, str]:
    """Return status and text; `Content_Length` may lie, or be left out by being empty."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"Content-Length": str(len(body))} | named
    with closing(http.client.HTTPConnection(*_address(provider), timeout=30)) as connection:
        connection.putrequest("POST", path)
        for name, value in named.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


def test_a_connection_serves_one_request_after_another() -> None:
    body = json.dumps({"model": "m", "messages": []})
    with Provider(_says("ab", "cd")) as provider:
        with closing(http.client.HTTPConnection(*_address(provider), timeout=30)) as connection:
            ports = []
            for path in ["/api/chat", "/v1/chat/completions", "/api/chat"]:
                connection.request("POST", path, body)
                assert connection.getresponse().read()
                ports.append(connection.sock.getsockname())
            assert len(set(ports)) == 1
        assert len(provider.prompts) == 3


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/completions", "/api/generate", "/api/chat/"])
def test_an_unknown_path_is_404(path: str) -> None:
    with Provider(_says("ab")) as provider:
        assert httpx.get(provider.ollama_url + path).status_code == 404
        assert _posted(provider, path, b"{}")[0] == 404
        assert httpx.get(f"{provider.openai_url}/models?limit=2").status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", {"Content_Length": "10000001"}, 413),
        (b"", {"Content_Length": "9" * 5000}, 413),
        (b"", {"Content_Length": ""}, 411),
        (b"", {"Content_Length": "-1"}, 411),
        (b"", {"Content_Length": "", "Transfer_Encoding": "chunked"}, 411),
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"\xff", {}, 400),
        (b"[" * 200_000, {}, 400),
        (b"[]", {}, 400),
        (b'{"messages": []}', {}, 400),
        (b'{"model": "m"}', {}, 400),
        (b'{"model": "m", "messages": ["hi"]}', {}, 400),
    ],
)
def test_a_request_that_is_none_is_refused_unread(
    body: bytes, headers: dict[str, str], code: int
) -> None:
    with Provider(_says("ab")) as provider:
        for path in ["/api/chat", "/v1/chat/completions"]:
            status, text = _posted(provider, path, body, **headers)
            assert status == code
            assert json.loads(text)["error"]["message"]
        assert provider.prompts == []


# --- pieces of a text ---------------------------------------------------------------------------


@given(st.text(), st.integers(1, 9), st.none() | st.integers(0, 99))
def test_pieces_make_up_the_text(text: str, size: int, seed: int | None) -> None:
    pieces = in_chunks(text, size, seed)
    assert "".join(pieces) == text
    assert pieces == in_chunks(text, size, seed)
    assert all(1 <= len(piece) <= (size if seed is None else 2 * size) for piece in pieces)


def test_pieces_of_no_size_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        in_chunks("abc", 0)
