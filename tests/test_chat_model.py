"""A chat model over real HTTP: text as it comes, in time, or one word for what went wrong."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from eval.protocols import Prompt
from eval.scripted import Cut, Pause, Provider, Raw, Script, Status, Step, in_chunks
from rag import MissingModelError, Settings
from rag.chat import Chat, open_chat, open_judge
from rag.errors import GenerationError

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "怎么选课题? (question 71f3)"
ASKED = [("system", "Be brief."), ("user", QUESTION)]
PIECES = ["科研 is ", "hard\n", "\u0085and\u2028", '🔥 \\n "fun"', " ", "结束。"]
KEY = "sk-5ecret-0123456789abcdef"
LATE_S = 30.0  # how late a stream may end on a busy machine
LONG = Pause(90.0)
KINDS = ["openai", "ollama"]
Open = Callable[..., Chat]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have keys and addresses of their own."""
    for name in os.environ:
        if name.startswith(
            ("OPENAI_", "OLLAMA_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "LANGSMITH_")
        ):
            monkeypatch.delenv(name)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The provider whose protocol is spoken."""
    return str(request.param)


@pytest.fixture
def opened(kind: str) -> Open:
    """Opens a model on a provider, by either protocol."""

    def opens(provider: Provider, **options: Any) -> Chat:
        return _opened(kind, provider, **options)

    return opens


def _opened(kind: str, provider: Provider, *, rest_s: float | None = None, **options: Any) -> Chat:
    url = provider.openai_url if kind == "openai" else provider.ollama_url
    given = {"key": "", "url": url, "temperature": 0.2, "timeout_s": 30.0, "retries": 0} | options
    chat = open_chat(f"{kind}:test", **given)
    if rest_s is None:
        return chat
    times = {"timeout_s": given["timeout_s"], "retries": given["retries"]}
    return Chat(chat._model, chat.name, rest_s=rest_s, **times)


def _says(*steps: Step) -> Script:
    return lambda _: steps


def _in_turn(*answers: Iterable[Step]) -> Script:
    """Answer each request with the next of `answers`, and with the last from then on."""
    return lambda prompt: answers[min(prompt.number, len(answers)) - 1]


def _never() -> bool:
    return False


def _heard(
    chat: Chat, seconds: float = 60.0, stopped: Callable[[], bool] = _never
) -> tuple[list[str], str]:
    """Return the texts that came, and in a word why no more did, "" where all was said."""
    found = []
    try:
        for text in chat.say(ASKED, time.monotonic() + seconds, stopped):
            found.append(text)  # noqa: PERF402 - what came before an error is wanted
    except GenerationError as error:
        return [text for text in found if text], error.reason
    return [text for text in found if text], ""


def _ended(chat: Chat, seconds: float, due_s: float, slow_s: float = 0.0) -> str:
    """Return why a stream ended, read by one who takes `slow_s` for each text; it must be in time.

    What it would wait for otherwise takes far longer than `LATE_S`.
    """
    started, reason = time.monotonic(), ""
    try:
        for _ in chat.say(ASKED, started + seconds, _never):
            time.sleep(slow_s)
    except GenerationError as error:
        reason = error.reason
    assert 0 <= time.monotonic() - started - due_s < LATE_S
    return reason


def _rested(chat: Chat) -> None:
    """Let the rest of a provider that failed be over."""
    chat._breaker._until = time.monotonic()


def _soon(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.005)
    return true()


# --- what is said -------------------------------------------------------------------------------


def test_text_arrives_whole(opened: Open) -> None:
    with Provider(_says(*PIECES)) as provider:
        assert _heard(opened(provider)) == (PIECES, "")


def test_text_arrives_as_it_comes(opened: Open) -> None:
    heard: list[str] = []

    def script(_: Prompt) -> Iterator[Step]:
        for before, text in enumerate("abc"):
            for _ in range(1000):
                if len(heard) == before:
                    break
                yield Pause(0.03)
            yield text if len(heard) == before else f"{text} before it was read "

    with Provider(script) as provider:
        for text in opened(provider).say(ASKED, time.monotonic() + 120, _never):
            heard += [text] if text else []
    assert heard == ["a", "b", "c"]


def test_a_pause_is_told_once_however_long_it_is(opened: Open) -> None:
    with Provider(_says("one", Pause(0.4), "two", Pause(0.4), "three")) as provider:
        texts = list(opened(provider).say(ASKED, time.monotonic() + 60, _never))
    assert texts[texts.index("one") :] == ["one", "", "two", "", "three"]
    assert texts[: texts.index("one")] in ([], [""])


def test_nothing_is_asked_before_it_is_read(opened: Open) -> None:
    with Provider(_says("a")) as provider:
        speech = opened(provider).say(ASKED, time.monotonic() + 60, _never)
        time.sleep(0.1)
        assert provider.prompts == []
        assert "".join(speech) == "a"
        assert len(provider.prompts) == 1


def test_the_provider_tells_the_tokens(opened: Open) -> None:
    with Provider(_says(*PIECES)) as provider:
        speech = opened(provider).say(ASKED, time.monotonic() + 60, _never)
        assert speech.tokens == {}
        said = "".join(speech)
    asked = sum(len(text) for _, text in ASKED)
    assert speech.tokens == {"input_tokens": asked // 4 + 1, "output_tokens": len(said) // 4 + 1}


def test_the_model_is_told_what_was_meant_for_it_and_how_long_to_be(opened: Open) -> None:
    with Provider(_says("a")) as provider:
        _heard(opened(provider, temperature=0.7))
        [prompt] = provider.prompts
    assert prompt.messages == tuple(ASKED)
    assert prompt.model == "test"
    settings = prompt.body | prompt.body.get("options", {})
    assert settings["stream"] is True
    assert settings["temperature"] == 0.7
    # One name for the limit: some servers refuse a request that has it under two.
    [limit] = {"max_tokens", "max_completion_tokens", "num_predict"} & settings.keys()
    assert 800 <= settings[limit] <= 8000


@pytest.mark.parametrize(("name", "sent"), [("openai:o3", False), ("openai:olmo", True)])
def test_a_model_that_takes_no_temperature_is_sent_none(name: str, sent: bool) -> None:
    with Provider(_says("a")) as provider:
        url = provider.openai_url
        chat = open_chat(name, key="", url=url, temperature=0.2, timeout_s=5.0, retries=0)
        assert _heard(chat) == (["a"], "")
        [prompt] = provider.prompts
    assert ("temperature" in prompt.body) == sent


@pytest.mark.parametrize(("name", "sent"), [("openai:o3", False), ("openai:olmo", True)])
def test_a_judge_that_takes_no_temperature_is_sent_none(
    monkeypatch: pytest.MonkeyPatch, name: str, sent: bool
) -> None:
    with Provider(_says("Yes")) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        assert open_judge(name)([("The sky is blue.", "The sky is blue.")]) == [1.0]
        [prompt] = provider.prompts
    assert ("temperature" in prompt.body) == sent


def test_several_threads_each_hear_their_own_text(opened: Open) -> None:
    def echo(prompt: Prompt) -> Iterator[Step]:
        for piece in in_chunks(f"{prompt.user} {prompt.user}", 7):
            yield piece
            yield Pause(0.01)

    def ask(chat: Chat, question: str) -> tuple[str, dict[str, int]]:
        speech = chat.say([("user", question)], time.monotonic() + 60, _never)
        return "".join(speech), speech.tokens

    questions = [f"question {n} {'x' * n}" for n in range(10)]
    with Provider(echo) as provider, ThreadPoolExecutor(len(questions)) as threads:
        chat = opened(provider)
        answers = list(threads.map(lambda question: ask(chat, question), questions))
    assert [said for said, _ in answers] == [f"{question} {question}" for question in questions]
    assert [tokens["input_tokens"] for _, tokens in answers] == [len(q) // 4 + 1 for q in questions]


def test_threads_that_come_first_together_share_one_loop() -> None:
    program = """
import sys, threading
from rag.chat import _loop
sys.setswitchinterval(1e-6)
start = threading.Barrier(30)
found = []
def first():
    start.wait()
    found.append(_loop())
threads = [threading.Thread(target=first) for _ in range(30)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(set(map(id, found))), sum(t.name == "chat models" for t in threading.enumerate()))
"""
    assert _run(program).stdout.split() == ["1", "1"]


def _run(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program from the root, without the keys and warnings of this environment."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


# --- in time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[], ["a ", "b "]], ids=["before any text", "after some"])
def test_a_silence_that_is_too_long_ends_the_stream(opened: Open, before: list[Step]) -> None:
    with Provider(_says(*before, LONG)) as provider:
        assert _ended(opened(provider, timeout_s=0.4), 60, due_s=0.4) == "timeout"
        assert _soon(lambda: provider.abandoned == len(provider.prompts))


def test_only_the_setting_says_how_long_a_silence_may_be(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_OPENAI_STREAM_CHUNK_TIMEOUT_S", "0.1")  # 120 where it is not set
    with Provider(_says("a", Pause(0.4), "b")) as provider:
        assert _heard(opened(provider)) == (["a", "b"], "")


def test_what_trickles_is_ended_by_the_deadline(opened: Open) -> None:
    with Provider(_says(*chain.from_iterable(repeat(("a ", Pause(0.05)), 2000)))) as provider:
        assert _ended(opened(provider), 0.4, due_s=0.4) == "timeout"
        assert _soon(lambda: provider.abandoned == len(provider.prompts))


@pytest.mark.parametrize("slow_s", [0.0, 0.005], ids=["read at once", "read slowly"])
def test_a_flood_is_ended_by_the_deadline(opened: Open, slow_s: float) -> None:
    with Provider(lambda _: repeat("好 ")) as provider:
        assert _ended(opened(provider), 0.4, due_s=0.4, slow_s=slow_s) == "timeout"
        assert _soon(lambda: provider.abandoned == len(provider.prompts))


def test_a_stream_that_outgrows_every_answer_is_given_up(opened: Open) -> None:
    with Provider(lambda _: repeat("x" * 1000)) as provider:
        texts, reason = _heard(opened(provider), 30)
        assert _soon(lambda: provider.abandoned == 1)
    assert reason == "malformed"
    assert len(texts) <= 50


def test_nothing_is_heard_after_a_deadline_that_has_passed(opened: Open) -> None:
    with Provider(_says("a")) as provider:
        assert _heard(opened(provider), -1.0) == ([], "timeout")


def test_no_retry_outlives_the_deadline(opened: Open) -> None:
    with Provider(_says(Status(503))) as provider:
        assert _ended(opened(provider, retries=50), 0.5, due_s=0.5) == "timeout"


# --- trying again -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [Status(429), Status(500), Status(503, body="<html>busy</html>"), Cut()],
    ids=["429", "500", "503", "cut"],
)
def test_what_passes_is_tried_again(opened: Open, trouble: Step) -> None:
    with Provider(_in_turn([trouble], PIECES)) as provider:
        assert _heard(opened(provider, retries=1)) == (PIECES, "")
        assert len(provider.prompts) == 2


@pytest.mark.parametrize("retries", [0, 2])
def test_a_provider_is_tried_as_often_as_the_setting_says(opened: Open, retries: int) -> None:
    with Provider(_says(Status(503))) as provider:
        assert _heard(opened(provider, retries=retries)) == ([], "unavailable")
        assert len(provider.prompts) == 1 + retries


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Status(400), "malformed"),
        (Status(401), "key"),
        (Status(403), "key"),
        (Status(408), "timeout"),
        (LONG, "timeout"),
        (Raw(b"data: {no\n\n{no\n"), "malformed"),
    ],
    ids=["400", "401", "403", "408", "silence", "no JSON"],
)
def test_what_does_not_pass_is_not_tried_again(opened: Open, trouble: Step, reason: str) -> None:
    with Provider(_says(trouble)) as provider:
        patience_s = 0.3 if trouble is LONG else 30.0
        assert _heard(opened(provider, retries=3, timeout_s=patience_s)) == ([], reason)
        assert len(provider.prompts) == 1


def test_a_connection_that_is_refused_is_tried_again(kind: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))  # refused as long as nobody listens
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        chat = open_chat(
            f"{kind}:test", key="", url=url, temperature=0.2, timeout_s=30.0, retries=50
        )
        listening = threading.Timer(0.1, _answer_one, (server, _WHOLE[kind]))
        listening.start()
        assert _heard(chat) == (["hi"], "")
        listening.join()


def test_a_connection_that_stays_refused_is_unavailable(kind: str) -> None:
    with Provider(_says()) as provider:
        chat = _opened(kind, provider, retries=1)
    assert _heard(chat) == ([], "unavailable")


def test_a_cut_after_some_text_is_an_error_and_is_not_tried_again(opened: Open) -> None:
    with Provider(_says("Read ", "papers", Pause(0.1), Cut())) as provider:
        assert _heard(opened(provider, retries=3)) == (["Read ", "papers"], "unavailable")
        assert len(provider.prompts) == 1


_WHOLE = {
    "openai": b'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "test",'
    b' "choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\ndata: [DONE]\n\n',
    "ollama": b'{"message": {"role": "assistant", "content": "hi"}, "done": true}\n',
}


def _answer_one(server: socket.socket, body: bytes, code: int = 200) -> bytes:
    """Give the first who comes an answer, and return what was asked."""
    server.settimeout(20)
    server.listen()
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as asked:
        connection.settimeout(20)
        head = b"".join(iter(asked.readline, b"\r\n"))
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        said = head + asked.read(length)
        answer = f"HTTP/1.1 {code} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(answer.encode() + body)
    return said


# --- one word for what went wrong ---------------------------------------------------------------


def _event(row: object) -> bytes:
    return b"data: %b\n\n" % json.dumps(row).encode()


def _line(row: object) -> bytes:
    return b"%b\n" % json.dumps(row).encode()


_EITHER: dict[str, tuple[Step, str]] = {
    "page": (Status(200, {"Content-Type": "text/html"}, "<html>hello</html>"), "malformed"),
    "nothing": (Status(200, body=""), "malformed"),
    "204": (Status(204, body=""), "malformed"),
    "400": (Status(400), "malformed"),
    "401": (Status(401), "key"),
    "403": (Status(403), "key"),
    "404": (Status(404), "unavailable"),
    "408": (Status(408), "timeout"),
    "429": (Status(429), "rate limit"),
    "500": (Status(500), "unavailable"),
    "502 page": (Status(502, body="<html>bad gateway</html>"), "unavailable"),
    "529": (Status(529), "unavailable"),
    "cut": (Cut(), "unavailable"),
    "silence": (LONG, "timeout"),
}
_OPENAI: dict[str, tuple[Step, str]] = {
    "half an event": (Raw(b'data: {"id": "1", "cho\n\n'), "malformed"),
    "no object": (Raw(_event([1, 2])), "malformed"),
    "null": (Raw(_event(None)), "malformed"),
    "not UTF-8": (Raw(b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n'), "malformed"),
    "done at once": (Status(200, body="data: [DONE]\n\n"), "malformed"),
    "error": (Raw(_event({"error": {"message": QUESTION, "type": "invalid"}})), "malformed"),
    "error 502": (Raw(_event({"error": {"message": QUESTION, "code": 502}})), "unavailable"),
    "server error": (Raw(_event({"error": {"type": "server_error"}})), "unavailable"),
    "overloaded": (Raw(_event({"error": {"type": "overloaded_error"}})), "unavailable"),
    "too often": (Raw(_event({"error": {"code": "rate_limit_exceeded"}})), "rate limit"),
    "quota": (Raw(_event({"error": {"code": "insufficient_quota"}})), "rate limit"),
}
_OLLAMA: dict[str, tuple[Step, str]] = {
    "half a line": (Raw(b'{"model": "test", "mes\n'), "malformed"),
    "no object": (Raw(_line([1, 2])), "malformed"),
    "null": (Raw(_line(None)), "malformed"),
    "no message": (Raw(_line({"done": True})), "malformed"),
    "error": (Raw(_line({"error": QUESTION})), "malformed"),
    "not found": (Status(404, body=_line({"error": "model not found"}).decode()), "unavailable"),
}
_TROUBLES = [
    pytest.param(kind, step, reason, id=f"{kind}-{name}")
    for kind, own in (("openai", _OPENAI), ("ollama", _OLLAMA))
    for name, (step, reason) in (_EITHER | own).items()
]


@pytest.mark.parametrize(("kind", "trouble", "reason"), _TROUBLES)
def test_every_trouble_has_its_word_and_one_line_in_the_log(
    kind: str, trouble: Step, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Provider(_says(trouble)) as provider:
        patience_s = 0.3 if trouble is LONG else 30.0
        assert _heard(_opened(kind, provider, timeout_s=patience_s)) == ([], reason)
    [line] = [record.getMessage() for record in caplog.records if record.name == "rag.chat"]
    assert line.startswith(f"{kind}:test: {reason} (")
    assert "71f3" not in caplog.text


def test_the_log_names_the_status(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with Provider(_says(Status(404))) as provider:
        _heard(_opened(kind, provider))
    assert " 404)" in caplog.text


def test_a_stream_that_says_nothing_is_no_error_here(opened: Open) -> None:
    with Provider(_says()) as provider:
        assert _heard(opened(provider)) == ([], "")


def test_events_without_choices_say_nothing() -> None:
    empty = _event({"id": "1", "object": "chat.completion.chunk", "created": 1, "choices": []})
    with Provider(_says(Raw(empty), "hi", Raw(empty))) as provider:
        assert _heard(_opened("openai", provider)) == (["hi"], "")


def test_one_broken_letter_does_not_end_an_answer_of_ollama() -> None:
    broken = _line({"message": {"role": "assistant", "content": "?"}}).replace(b"?", b"\xff")
    with Provider(_says("a", Raw(broken), "b")) as provider:
        assert _heard(_opened("ollama", provider)) == (["a", "\ufffd", "b"], "")


# --- a provider that fails is left alone --------------------------------------------------------

BAD = [Status(500)]


def test_after_three_failures_in_a_row_nobody_is_asked(opened: Open) -> None:
    with Provider(_says(*BAD)) as provider:
        chat = opened(provider)
        reasons = [_heard(chat)[1] for _ in range(5)]
        assert len(provider.prompts) == 3
    assert reasons == ["unavailable"] * 3 + ["paused"] * 2


def test_any_failure_counts_a_cut_in_the_middle_too(opened: Open) -> None:
    script = _in_turn(["a", Cut()], [Status(401)], [Raw(b"{no\n"), Raw(b"data: {no\n\n")], ["a"])
    with Provider(script) as provider:
        chat = opened(provider)
        reasons = [_heard(chat)[1] for _ in range(4)]
    assert reasons == ["unavailable", "key", "malformed", "paused"]


def test_after_its_rest_one_request_goes_through_and_heals(opened: Open) -> None:
    with Provider(_in_turn(BAD, BAD, BAD, ["well"])) as provider:
        chat = opened(provider)
        assert [_heard(chat)[1] for _ in range(4)][-1] == "paused"
        _rested(chat)
        assert [_heard(chat) for _ in range(4)] == [(["well"], "")] * 4
        assert len(provider.prompts) == 7


def test_a_rest_ends_by_itself(opened: Open) -> None:
    with Provider(_in_turn(BAD, BAD, BAD, ["well"])) as provider:
        chat = opened(provider, rest_s=0.3)
        assert [_heard(chat)[1] for _ in range(3)] == ["unavailable"] * 3
        assert _soon(lambda: _heard(chat) == (["well"], ""))


def test_after_its_rest_only_one_of_a_crowd_tries_it() -> None:
    with (
        Provider(_in_turn(BAD, BAD, BAD, [Pause(0.2), "well"])) as provider,
        ThreadPoolExecutor(10) as threads,
    ):
        chat = _opened("ollama", provider)
        assert {_heard(chat)[1] for _ in range(3)} == {"unavailable"}
        _rested(chat)
        reasons = list(threads.map(lambda _: _heard(chat)[1], range(10)))
        assert len(provider.prompts) == 4
    assert sorted(reasons) == [""] + ["paused"] * 9


def test_a_provider_that_fails_again_rests_again(opened: Open) -> None:
    with Provider(_says(*BAD)) as provider:
        chat = opened(provider)
        assert [_heard(chat)[1] for _ in range(4)][-1] == "paused"
        _rested(chat)
        assert [_heard(chat)[1] for _ in range(3)] == ["unavailable", "paused", "paused"]
        assert len(provider.prompts) == 4


def test_failures_that_are_not_in_a_row_are_forgiven(opened: Open) -> None:
    with Provider(_in_turn(BAD, BAD, ["well"], BAD, BAD, ["well"])) as provider:
        chat = opened(provider)
        reasons = [_heard(chat)[1] for _ in range(6)]
    assert reasons == ["unavailable", "unavailable", ""] * 2


def test_a_retry_that_succeeds_is_no_failure(opened: Open) -> None:
    with Provider(lambda prompt: BAD if prompt.number % 2 else ["well"]) as provider:
        chat = opened(provider, retries=1)
        assert [_heard(chat)[1] for _ in range(4)] == [""] * 4


def test_readers_who_leave_are_no_failures_and_forgive_none(opened: Open) -> None:
    with Provider(_in_turn(BAD, BAD, [LONG], [LONG], [LONG], BAD, ["well"])) as provider:
        chat = opened(provider)
        assert [_heard(chat)[1] for _ in range(2)] == ["unavailable"] * 2
        for asked in (3, 4, 5):  # all of them in silence
            with closing(chat.say(ASKED, time.monotonic() + 60, _never).__iter__()) as texts:
                assert next(texts) == ""
                assert _soon(lambda: len(provider.prompts) == asked)  # noqa: B023 - at once
        assert [_heard(chat)[1] for _ in range(2)] == ["unavailable", "paused"]


def test_a_reader_who_has_heard_enough_shows_that_the_provider_is_well(opened: Open) -> None:
    with Provider(_in_turn(BAD, BAD, ["a", LONG], BAD, BAD, ["well"])) as provider:
        chat = opened(provider)
        reasons = [_heard(chat)[1] for _ in range(2)]
        with closing(chat.say(ASKED, time.monotonic() + 60, _never).__iter__()) as texts:
            assert "a" in (next(texts), next(texts))
        reasons += [_heard(chat)[1] for _ in range(3)]
    assert reasons == ["unavailable"] * 4 + [""]


# --- leaving ------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", ["a", ""], ids=["after some text", "in silence"])
def test_leaving_early_closes_the_connection(
    opened: Open, until: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Provider(_says(*(["a"] if until else []), LONG)) as provider:
        with closing(opened(provider).say(ASKED, time.monotonic() + 60, _never).__iter__()) as said:
            assert until in (next(said), next(said) if until else "")
            assert _soon(lambda: len(provider.prompts) == 1)
        assert _soon(lambda: provider.abandoned == 1)
    assert caplog.messages == []


def test_a_stream_that_is_forgotten_closes_its_connection(opened: Open) -> None:
    with Provider(_says("a", LONG)) as provider:
        said = iter(opened(provider).say(ASKED, time.monotonic() + 60, _never))
        assert "a" in (next(said), next(said))
        del said
        assert _soon(lambda: provider.abandoned == 1)


@pytest.mark.parametrize(
    "script",
    [_says(LONG), _says("a", LONG), lambda _: chain.from_iterable(repeat(("b ", Pause(0.005))))],
    ids=["in silence", "after some text", "while text comes"],
)
def test_a_reader_who_stops_ends_the_stream_without_an_error(
    opened: Open, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    with Provider(script) as provider, ThreadPoolExecutor(1) as thread:
        listening = thread.submit(_heard, opened(provider), 60.0, stop.is_set)
        assert _soon(lambda: len(provider.prompts) == 1)
        time.sleep(0.1)
        stop.set()
        assert listening.result(30)[1] == ""
        assert _soon(lambda: provider.abandoned == 1)
    assert caplog.messages == []


def test_who_has_stopped_before_it_began_asks_nobody(opened: Open) -> None:
    with Provider(_says("a")) as provider:
        assert _heard(opened(provider), stopped=lambda: True) == ([], "")
        time.sleep(0.1)
        assert provider.prompts == []


def test_no_connection_stays_open_between_answers(opened: Open) -> None:
    with Provider(_says("a")) as provider:
        chat = opened(provider)
        for _ in range(3):
            assert _heard(chat) == (["a"], "")
        assert _soon(lambda: not provider._server._open)


def test_a_program_can_end_while_streams_are_open() -> None:
    with Provider(_says("a", LONG)) as provider:
        program = f"""
import time
from rag.chat import open_chat
streams = []
for name, url in ("openai:m", "{provider.openai_url}"), ("ollama:m", "{provider.ollama_url}"):
    chat = open_chat(name, key="", url=url, temperature=0, timeout_s=90, retries=0)
    said = iter(chat.say([("user", "hi")], time.monotonic() + 90, lambda: False))
    while not (text := next(said)): pass
    streams.append(said)
print(text, time.time())
"""
        done = _run(program)
        text, at = done.stdout.split()
        assert text == "a"
        assert time.time() - float(at) < 45  # half as long as the streams would take
        assert done.stderr == ""
        assert _soon(lambda: provider.abandoned == 2)


# --- secrets ------------------------------------------------------------------------------------


def test_the_key_is_sent(opened: Open) -> None:
    with Provider(_says("a")) as provider:
        _heard(opened(provider, key=f" {KEY}\n"))  # as files and forms hand it over
        [prompt] = provider.prompts
    assert prompt.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("code", [400, 401, 429, 500])
def test_a_key_that_a_provider_repeats_shows_nowhere(
    opened: Open, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(prompt: Prompt) -> list[Step]:
        said = json.dumps({"error": {"message": prompt.headers["authorization"]}})
        return [Status(code, body=said)]

    with Provider(echo) as provider:
        _assert_hidden(opened(provider, key=KEY, retries=1), caplog)
        assert KEY in provider.prompts[0].headers["authorization"]


def test_a_key_that_stands_in_the_stream_of_an_error_shows_nowhere(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broken = f'data: {{"error": {{"message": "{KEY}"}}}}\n\n{{"error": "{KEY}"}}\n'
    with Provider(_says("a", Raw(broken.encode()))) as provider:
        _assert_hidden(opened(provider, key=KEY), caplog)


def _assert_hidden(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(GenerationError) as caught:
        list(chat.say(ASKED, time.monotonic() + 60, _never))
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + caplog.text + str(error) + repr(error)
    shown += repr(chat) + repr(chat._model) + str(chat._model)
    for record in caplog.records:
        shown += (
            f"{record.__dict__}{record.exc_info and traceback.format_exception(*record.exc_info)}"
        )
    assert shown.count("GenerationError") > 0
    assert KEY not in shown
    assert error.__cause__ is None
    assert error.__context__ is None


def test_the_settings_do_not_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTOR_MODEL_KEY", KEY)
    settings = Settings()
    assert settings.model_key.get_secret_value() == KEY
    for shown in (repr(settings), str(settings), str(settings.model_dump())):
        assert KEY not in shown
    assert KEY not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("provider", "package", "variable"),
    [
        ("openai", "langchain_openai", "OPENAI_API_KEY"),
        ("ollama", "langchain_ollama", "OLLAMA_API_KEY"),
        ("anthropic", "langchain_anthropic", "ANTHROPIC_API_KEY"),
        ("anthropic", "langchain_anthropic", "ANTHROPIC_AUTH_TOKEN"),
    ],
)
def test_a_key_of_the_environment_is_not_sent_to_an_address_of_ones_own(
    provider: str, package: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(package)
    monkeypatch.setenv(variable, KEY)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(_answer_one, server, b"{}", 500)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        chat = open_chat(
            f"{provider}:test", key="", url=url, temperature=0.2, timeout_s=5.0, retries=0
        )
        assert _heard(chat) == ([], "unavailable")
        said = asked.result(5)
    assert said.startswith(b"POST ")
    assert KEY.encode() not in said


# --- what cannot be opened ----------------------------------------------------------------------


def _refused(name: str, key: str = "", url: str = "") -> str:
    """Return the one line that says why a model cannot be opened; it never holds the key."""
    with pytest.raises(MissingModelError) as caught:
        open_chat(name, key=key, url=url, temperature=0.2, timeout_s=5.0, retries=0)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    message = str(error)
    assert "\n" not in message
    assert message.startswith(f"MENTOR_MODEL: {name} ")
    assert KEY not in message
    return message


@pytest.mark.parametrize("name", ["", ":", "openai", "openai:", ":gpt", "openai: ", "gpt-4o"])
def test_a_name_without_a_provider_or_a_model_is_told_its_form(name: str) -> None:
    assert "is not PROVIDER:NAME" in _refused(name, key=KEY)


@pytest.mark.parametrize("name", ["nobody:model", "OpenAI:gpt", "🔥:🔥", "http://x:y"])
def test_a_provider_that_is_unknown_is_told_which_are_known(name: str) -> None:
    message = _refused(name, key=KEY)
    assert "openai" in message
    assert "ollama" in message


@pytest.mark.parametrize(
    ("name", "package", "variable"),
    [
        ("openai:gpt", "langchain_openai", "OPENAI_API_KEY"),
        ("anthropic:claude", "langchain_anthropic", "ANTHROPIC_API_KEY"),
        ("google_genai:gemini", "langchain_google_genai", "GOOGLE_API_KEY"),
    ],
)
def test_a_key_that_is_missing_is_named(name: str, package: str, variable: str) -> None:
    pytest.importorskip(package)
    assert variable in _refused(name)


def test_a_package_that_is_missing_is_named_with_what_installs_it() -> None:
    program = """
import sys
providers = {'langchain_' + name for name in 'openai ollama anthropic google_genai'.split()}
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in providers:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Blocked())
from rag import MissingModelError
from rag.chat import open_chat, open_judge
for name in ('openai:m', 'ollama:m', 'anthropic:m', 'google_genai:m'):
    try:
        open_chat(name, key='sk-123456', url='', temperature=0, timeout_s=1, retries=0)
    except MissingModelError as error:
        print(error)
try:
    open_judge('anthropic:m')
except MissingModelError as error:
    print(error)
"""
    lines = _run(program).stdout.splitlines()
    packages = ["openai", "ollama", "anthropic", "google-genai", "anthropic"]
    for line, package in zip(lines, packages, strict=True):
        assert "needs a package that is not installed" in line
        assert f"pip install langchain-{package}`" in line


@pytest.mark.parametrize(
    "key",
    [
        "sk 5ecret-0123456789",
        "密钥sk-5ecret-0123456789",
        "sk-5ecret-\n0123456789",
        "sk-\x00-5ecret",
    ],
)
def test_a_key_that_cannot_be_one_is_told_without_showing_it(kind: str, key: str) -> None:
    message = _refused(f"{kind}:m", key=key)
    assert "its key has" in message
    assert "5ecret" not in message


@pytest.mark.parametrize(
    "url",
    [
        "localhost",
        "example.com/v1",
        "ftp://example.com",
        "http://",
        "http://x:99999",
        "http://[::1",
    ],
)
def test_an_address_that_cannot_be_one_is_told(url: str) -> None:
    assert url in _refused("openai:gpt", key=KEY, url=url)


def test_an_address_that_holds_the_key_is_told_without_it() -> None:
    assert "…@example.com" in _refused("openai:gpt", key=KEY, url=f"ftp://{KEY}@example.com")


def test_a_stand_in_for_a_key_does_not_break_the_words_it_stands_in() -> None:
    assert "langchain-cohere" in _refused("cohere:command", key="lang")


def test_an_address_of_ollama_needs_no_scheme() -> None:
    with Provider(_says("a")) as provider:
        url = provider.ollama_url.removeprefix("http://")
        chat = open_chat("ollama:m", key="", url=url, temperature=0, timeout_s=5.0, retries=0)
        assert _heard(chat) == (["a"], "")
    assert "http://…" in _refused("ollama:m", url="localhost:99999")


def test_what_a_provider_says_of_its_settings_does_not_show_the_key() -> None:
    pytest.importorskip("langchain_google_genai")
    with pytest.raises(MissingModelError, match="temperature") as caught:
        open_chat("google_genai:m", key=KEY, url="", temperature=9.0, timeout_s=5.0, retries=0)
    message = str(caught.value)
    assert not any(KEY[at : at + 5] in message for at in range(len(KEY) - 4))


# --- other providers, and the judge -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("openai:gpt", "langchain_openai"),
        ("ollama:qwen3:8b", "langchain_ollama"),
        ("anthropic:claude", "langchain_anthropic"),
        ("google_genai:gemini", "langchain_google_genai"),
    ],
)
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/v1"], ids=["own address", "an address"])
@pytest.mark.usefixtures("socket_disabled")
def test_a_provider_is_opened_without_a_network(name: str, package: str, url: str) -> None:
    pytest.importorskip(package)
    chat = open_chat(name, key=KEY, url=url, temperature=0.2, timeout_s=7.0, retries=3)
    model: Any = chat._model
    assert chat.name == name
    assert KEY not in repr(model)
    assert model.temperature == 0.2
    assert (getattr(model, "model_name", "") or model.model).endswith(name.partition(":")[2])
    # Whoever retries below would wait longer than the settings say.
    assert getattr(model, "max_retries", 0) == 0


def test_a_judge_tries_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with Provider(_in_turn(BAD, ["yes"])) as provider:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
        assert open_judge("openai:m")([("He read papers.", "He read papers.")]) == [1.0]
        assert len(provider.prompts) == 2
