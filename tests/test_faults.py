"""Whatever a provider does, the asker gets the quoted answer, and is told in a word why."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_server import until
from model_fakes import CANARY, LIES, QUESTIONS, TRUTHS, Desk, Protocol, page, says

from eval.protocols import Prompt
from eval.scripted import Cut, Pause, Script, Status, Step, in_chunks
from rag import Answer, Lang, Mentor, wording
from rag.errors import Reason

NEVER = Pause(60.0)
Why = Reason | Literal["unproved"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What a provider does, in either language; `why` is what is told, where there is one way."""

    name: str
    steps: Mapping[Lang, Sequence[Step]] | Sequence[Step]
    why: Why | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    forever: bool = False

    def script(self, lang: Lang) -> Script:
        """Return it as a script; `forever` says the last steps again and again."""
        steps = self.steps[lang] if isinstance(self.steps, Mapping) else self.steps
        return (lambda _: _again(steps)) if self.forever else says(*steps)


def _again(steps: Sequence[Step]) -> Iterator[Step]:
    while True:
        yield from steps


def _each(*steps: str | Step, of: Mapping[Lang, Sequence[str]]) -> dict[Lang, Sequence[Step]]:
    """Return steps in both languages, where "{0}" stands for the first sentence of `of`."""
    return {
        lang: [step.format(*said) if isinstance(step, str) else step for step in steps]
        for lang, said in of.items()
    }


def _body(text: str, mime: str = "text/event-stream", **headers: str) -> Sequence[Step]:
    return [Status(200, {"Content-Type": mime} | headers, text)]


def _refusal(code: int, **headers: str) -> Sequence[Step]:
    """Return an error whose message repeats what was asked, as providers' do."""
    said = " | ".join([CANARY, *QUESTIONS.values()])
    return [Status(code, headers, json.dumps({"error": {"message": said}}, ensure_ascii=False))]


_REASONS: Mapping[int, Reason | None] = {
    **dict.fromkeys((400, 404, 408, 409, 413, 422)),
    401: "key",
    403: "key",
    429: "rate limit",
    **dict.fromkeys((500, 502, 503, 504, 529), "unavailable"),
}
SHORT, SOON = {"timeout_s": 0.25}, {"deadline_s": 0.5}
BOTH = [
    *(Fault(f"status {code}", _refusal(code), reason) for code, reason in _REASONS.items()),
    Fault("too busy for an hour", _refusal(429, **{"Retry-After": "3600"}), "rate limit"),
    Fault("sent elsewhere", [Status(302, {"Location": "/v2"}, "")]),
    # --- cut off
    Fault("cut before any text", [Cut()], "unavailable"),
    Fault("cut in a sentence", _each("{0:.12}", Cut(), of=TRUTHS), "unavailable"),
    Fault("cut after a good sentence", _each("{0}", Cut(), of=TRUTHS), "unavailable"),
    Fault("cut after three", _each("{0}\n{1}\n{2}\n", Cut(), of=TRUTHS), "unavailable"),
    Fault("cut after a lie", _each("{0}", Cut(), of=LIES), "unavailable"),
    # --- silent
    Fault("silent", [NEVER], "timeout", SHORT),
    Fault("silent once it has begun", ["", NEVER], "timeout", SHORT),
    Fault("silent in a sentence", _each("{0:.12}", NEVER, of=TRUTHS), "timeout", SHORT),
    Fault("silent after a good sentence", _each("{0}\n", NEVER, of=TRUTHS), "timeout", SHORT),
    Fault("a trickle", ["好", Pause(0.05)], "timeout", SOON, forever=True),
    Fault("a trickle of blanks", [" ", Pause(0.05)], "timeout", SOON, forever=True),
    Fault("thinks for ever", ["<think>", CANARY, Pause(0.01)], "timeout", SOON, forever=True),
    # --- not to be read
    Fault("a page of HTML", _body(f"<html><h1>{CANARY}</h1></html>", "text/html")),
    Fault("an empty body", _body("")),
    Fault("half a row", _body(f'data: {{"choices": [{{"delta": {{"content": "{CANARY}')),
    Fault("no JSON", _body(f"data: {{{CANARY}}}\n\n")),
    Fault("null", _body("data: null\n\nnull\n")),
    Fault("a list", _body(f'data: ["{CANARY}"]\n\n["{CANARY}"]\n')),
    Fault("a number", _body("data: 42\n\n42\n")),
    Fault("no gzip", _body(CANARY, **{"Content-Encoding": "gzip"})),
    # --- nothing said
    Fault("says nothing", [], "empty"),
    Fault("only a beginning", [""], "empty"),
    Fault("only blanks", [" ", "\n\n", "\u3000\t", "\n"], "empty"),
    Fault("only numbers of passages", ["[1]", "[2]"], "empty"),
    Fault("only marks", ["……", "!!! —— ???", "🔥\u200d🔥"], "empty"),
    Fault(
        "only a lead-in", {"zh": [f"{CANARY}这样说："], "en": [f"In {CANARY} they say:"]}, "empty"
    ),
    Fault("only a block of code", [f"```python\nprint('{CANARY}')\n```\n"], "empty"),
    Fault("a block of code without an end", ["~~~\n", *[f"{CANARY} is code. [1]\n"] * 3], "empty"),
    Fault("only a picture", [f"![{CANARY}](https://evil.example/{CANARY}.png)[1]"], "empty"),
    Fault("only a thought", [f"<think>{CANARY}. [1]</think>\n"], "empty"),
    Fault("a thought without an end", [f"<think>\n{CANARY} is a thought. [1]\n" * 9], "empty"),
    Fault("only controls", ["\x00\x01\x02", "\x1b\x07", "\u202e\u200b\ufeff"], "empty"),
    Fault("only halves of letters", ["\ud83d", "\udc00\ud800"], "empty"),
    # --- too much
    Fault("one lie for ever", _each("{0}\n", of=LIES), "unproved", forever=True),
    Fault("no full stop for ever", [f"{CANARY} and "], forever=True),
    Fault("a megabyte of one letter", ["好" * 1_000_000]),
    Fault("a megabyte of brackets", in_chunks("[" * 500_000 + "]" * 500_000, 100_000)),
    # --- not borne out
    Fault("the other language", {"zh": TRUTHS["en"], "en": TRUTHS["zh"]}, "unproved"),
    Fault(
        "a third language", ["Le sujet doit venir de la curiosité, dit-il. [1]\n" * 3], "unproved"
    ),
    Fault("lies", LIES, "unproved"),
    Fault("lies on one line", _each("{0} {1} {2}", of=LIES), "unproved"),
    Fault(
        "lies without numbers", {lang: [s[:-3] for s in LIES[lang]] for lang in LIES}, "unproved"
    ),
    Fault(
        "lies with numbers of no passage",
        {k: [s[:-3] + "[99]" for s in LIES[k]] for k in LIES},
        "unproved",
    ),
    Fault(
        "an object of JSON",
        [json.dumps({"answer": f"{CANARY} says so.", "sources": [1, 2]})],
        "unproved",
    ),
    Fault(
        "halves of letters in lies", {k: [f"\ud83d{LIES[k][0]}\udc00"] for k in LIES}, "unproved"
    ),
    Fault("NUL in lies", {k: [LIES[k][0].replace("a", "\x00a")] for k in LIES}, "unproved"),
]


def _event(delta: object = None, reason: str | None = None, **more: object) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    row = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps(row | {'choices': [choice]} | more, ensure_ascii=False)}\n\n"


_CALL = {"index": 0, "id": "c1", "type": "function"}
_OPEN = {"name": "open_url", "arguments": json.dumps({"url": f"https://evil.example/{CANARY}"})}
_DONE = "data: [DONE]\n\n"
_HALF = {lang: said[0][:12] for lang, said in TRUTHS.items()}
OPENAI = [
    Fault("only the end", _body(_DONE)),
    Fault("only comments", _body(f": {CANARY}\n\n" * 3 + _DONE)),
    Fault("lines of no event", _body(f"evnt: {CANARY}\nid\n\n{CANARY}\n\n" + _DONE)),
    Fault("no choices", _body(_event(choices=[]) + _DONE)),
    Fault("choices of null", _body(_event(choices=None) + _DONE)),
    Fault("choices of no kind", _body(_event(choices=CANARY) + _DONE)),
    Fault("a delta of null", _body(_event(None, "stop") + _DONE)),
    Fault("content of null", _body(_event({"role": "assistant", "content": None}, "stop") + _DONE)),
    Fault("content of a number", _body(_event({"role": "assistant", "content": 42}) + _DONE)),
    Fault("only a role", _body(_event({"role": "assistant"}) + _DONE), "empty"),
    Fault("a refusal", _body(_event({"refusal": CANARY}, "stop") + _DONE)),
    Fault("calls a tool", _body(_event({"tool_calls": [_CALL | {"function": _OPEN}]}) + _DONE)),
    Fault("calls a function", _body(_event({"function_call": _OPEN}, "function_call") + _DONE)),
    Fault(
        "out of tokens",
        {k: _body(_event({"content": said}, "length") + _DONE) for k, said in _HALF.items()},
        "empty",
    ),
    Fault("filtered", _body(_event({"content": ""}, "content_filter") + _DONE)),
    Fault("an error in the stream", _body('data: {"error": {"message": "' + CANARY + '"}}\n\n')),
    Fault(
        "an error after a good sentence",
        {
            lang: _body(
                _event({"content": said[0] + "\n"})
                + 'event: error\ndata: {"error": {"message": "overloaded", "code": 529}}\n\n'
            )
            for lang, said in TRUTHS.items()
        },
    ),
    Fault("tokens that are no number", _body(_event({}, "stop", usage=CANARY) + _DONE)),
]


def _line(message: object, **more: object) -> str:
    row = {"model": "m", "created_at": "2024-01-01T00:00:00Z", "message": message, "done": False}
    return json.dumps(row | more, ensure_ascii=False) + "\n"


_NDJSON = "application/x-ndjson"
_TOOL = {"function": {"name": "open_url", "arguments": {"url": f"https://evil.example/{CANARY}"}}}
OLLAMA = [
    Fault("an error in a line", _body(json.dumps({"error": CANARY}) + "\n", _NDJSON)),
    Fault(
        "an error after a good sentence",
        {
            lang: _body(
                _line({"role": "assistant", "content": said[0] + "\n"})
                + json.dumps({"error": "out of memory"}),
                _NDJSON,
            )
            for lang, said in TRUTHS.items()
        },
    ),
    Fault("a message of null", _body(_line(None, done=True), _NDJSON)),
    Fault(
        "content of null",
        _body(
            _line({"role": "assistant", "content": None}, done=True, done_reason="stop"), _NDJSON
        ),
    ),
    Fault("no message", _body('{"done": true}\n', _NDJSON)),
    Fault(
        "only loaded",
        _body(_line({"role": "assistant", "content": ""}, done=True, done_reason="load"), _NDJSON),
    ),
    Fault(
        "calls a tool",
        _body(
            _line({"role": "assistant", "content": "", "tool_calls": [_TOOL]}, done=True), _NDJSON
        ),
    ),
    Fault(
        "only thinks",
        _body(_line({"role": "assistant", "content": "", "thinking": CANARY}, done=True), _NDJSON),
    ),
    Fault(
        "out of tokens",
        {
            lang: _body(
                _line({"role": "assistant", "content": said}, done=True, done_reason="length"),
                _NDJSON,
            )
            for lang, said in _HALF.items()
        },
        "empty",
    ),
]
# Each protocol is asked in one of the languages.
LANGS: Mapping[Protocol, Lang] = {"openai": "zh", "ollama": "en"}
MATRIX = [
    pytest.param(fault, protocol, id=f"{protocol}: {fault.name}")
    for protocol, faults in (("openai", BOTH + OPENAI), ("ollama", BOTH + OLLAMA))
    for fault in faults
]


@pytest.fixture(scope="module")
def desk(shelf: Mentor) -> Desk:
    return Desk(shelf)


@pytest.fixture(scope="module")
def quoted(shelf: Mentor) -> Mapping[Lang, Answer]:
    """What is answered without a model."""
    return {lang: shelf.ask(question) for lang, question in QUESTIONS.items()}


def _notes(lang: Lang, why: Why | None) -> set[str]:
    """Return what may be said of a failure: where it may be told in several ways, all."""
    if why == "unproved":
        return {wording.unproved(lang)}
    failed = {wording.failed(lang, reason) for reason in ([why] if why else get_args(Reason))}
    return failed if why else failed | {wording.unproved(lang)}


def _assert_quoted(answer: Answer, plain: Answer) -> None:
    """The answer is the one that is given without a model."""
    for name in ("status", "lead", "sentences", "nearest", "followups", "hits", "answerer"):
        assert getattr(answer, name) == getattr(plain, name), name


@pytest.mark.parametrize(("fault", "protocol"), MATRIX)
def test_a_model_that_fails_leaves_the_quoted_answer_and_a_note(
    fault: Fault,
    protocol: Protocol,
    desk: Desk,
    quoted: Mapping[Lang, Answer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    lang = LANGS[protocol]
    caplog.set_level(logging.INFO)
    with desk.model(fault.script(lang), protocol, **fault.limits) as provider:
        answer = desk.mentor.ask(QUESTIONS[lang])
        assert provider.failures == []
        assert len(provider.prompts) == 1
    _assert_quoted(answer, quoted[lang])
    assert answer.note in _notes(lang, fault.why)
    shown = page(answer, desk.mentor.documents)
    for told in (CANARY, *(said[:-3] for said in TRUTHS[lang]), "evil.example"):
        assert told not in shown
    assert answer.note in shown.replace("\\", "")
    for asked in (*QUESTIONS.values(), CANARY):
        assert asked not in caplog.text


@pytest.mark.parametrize("protocol", LANGS)
def test_a_provider_that_is_not_there_leaves_the_quoted_answer(
    protocol: Protocol, desk: Desk, quoted: Mapping[Lang, Answer]
) -> None:
    lang = LANGS[protocol]
    with desk.model(says(*TRUTHS[lang]), protocol) as provider:
        provider.close()
        answer = desk.mentor.ask(QUESTIONS[lang])
    _assert_quoted(answer, quoted[lang])
    assert answer.note == wording.failed(lang, "unavailable")


@pytest.mark.parametrize("protocol", LANGS)
def test_after_three_failures_the_model_is_left_alone(
    protocol: Protocol, desk: Desk, quoted: Mapping[Lang, Answer]
) -> None:
    lang = LANGS[protocol]
    with desk.model(says(Status(500)), protocol) as provider:
        answers = [desk.mentor.ask(QUESTIONS[lang]) for _ in range(5)]
        assert len(provider.prompts) == 3
    for answer in answers:
        _assert_quoted(answer, quoted[lang])
    reasons: list[Reason] = ["unavailable"] * 3 + ["paused"] * 2
    assert [answer.note for answer in answers] == [wording.failed(lang, one) for one in reasons]


def test_a_model_that_lies_is_asked_again_all_the_same(
    desk: Desk, quoted: Mapping[Lang, Answer]
) -> None:
    with desk.model(says("\n".join(LIES["zh"]))) as provider:
        for count in range(1, 5):
            _assert_quoted(desk.mentor.ask(QUESTIONS["zh"]), quoted["zh"])
            assert len(provider.prompts) == count


def test_a_model_that_answers_again_is_heard_again(desk: Desk) -> None:
    def script(prompt: Prompt) -> Sequence[Step]:
        return [Status(503)] if prompt.number in {1, 2} else ["\n".join(TRUTHS["zh"])]

    with desk.model(script):
        answers = [desk.mentor.ask(QUESTIONS["zh"]).answerer for _ in range(3)]
    assert answers == ["quotes", "quotes", "openai:scripted"]


def test_a_model_that_fails_once_is_asked_once_more_where_a_setting_says_so(desk: Desk) -> None:
    def script(prompt: Prompt) -> Sequence[Step]:
        return [Status(503)] if prompt.number == 1 else ["\n".join(TRUTHS["zh"])]

    with desk.model(script, retries=1) as provider:
        assert desk.mentor.ask(QUESTIONS["zh"]).answerer == "openai:scripted"
        assert len(provider.prompts) == 2


def test_a_model_without_an_end_is_let_go(desk: Desk) -> None:
    for said in (LIES["zh"][0] + "\n", CANARY * 10 + " ", "<think>"):
        with desk.model(lambda _, said=said: _again([said]), deadline_s=1.0) as provider:
            desk.mentor.ask(QUESTIONS["zh"])
            assert until(lambda provider=provider: provider.abandoned == 1)


def test_a_follow_up_is_answered_as_without_a_model_where_it_fails_throughout(
    desk: Desk, shelf: Mentor
) -> None:
    before, question = ["怎么选课题?"], "那没有导师呢?"
    for steps in (_refusal(503), [Cut()], _body("<html>", "text/html"), [""]):
        with desk.model(says(*steps)):
            answer = desk.mentor.ask(question, before)
        _assert_quoted(answer, shelf.ask(question, before))
        assert answer.understood == ""
        assert answer.note


def test_many_who_ask_at_once_of_a_model_that_fails_get_their_quotes(
    desk: Desk, quoted: Mapping[Lang, Answer]
) -> None:
    langs: list[Lang] = ["zh", "en"] * 6
    with (
        desk.model(says(*_each("{0:.12}", Cut(), of=TRUTHS)["zh"])),
        ThreadPoolExecutor(len(langs)) as pool,
    ):
        answers = list(pool.map(desk.mentor.ask, [QUESTIONS[lang] for lang in langs]))
    for lang, answer in zip(langs, answers, strict=True):
        _assert_quoted(answer, quoted[lang])
        assert answer.note in _notes(lang, None)


PIECES = [
    *(said[:-3] for lang in ("zh", "en") for said in TRUTHS[lang]),
    *(LIES["zh"][0][:-3], "NO_ANSWER", "[1]", "[1][2]", "[99]", "[", "]", "(", ")", "![x](y)"),
    *("<think>", "</think>", "```", "|", "**", "_", "> ", "- ", "1. ", "# ", "\n", "\n\n", " "),
    *("\x00", "\ud83d", "\u202e", "。", ".", "!?", ":", "“", "”", "&lt;", "<b>", "$x$", "何恺明"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.integers(1, 9))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_model_writes_there_is_an_answer_and_it_is_proved(
    desk: Desk, quoted: Mapping[Lang, Answer], text: str, size: int
) -> None:
    with desk.model(says(*in_chunks(text, size, seed=1))) as provider:
        answer = desk.mentor.ask(QUESTIONS["zh"])
        assert provider.failures == []
    if answer.answerer == "quotes":
        _assert_quoted(answer, quoted["zh"])
        assert answer.note
    for sentence in answer.sentences:
        for cited in sentence.citations:
            assert cited.span.of(desk.mentor.documents[cited.doc_id].text) == cited.quote
    assert CANARY not in page(answer, desk.mentor.documents)
