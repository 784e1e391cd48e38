"""Systems under test, each behind one call: Mentor, a chat endpoint, a function, a file of answers.

What a system says is untrusted: it is read within limits, never obeyed, and a reply that cannot be
read is a failed one.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from eval.cases import Case
from eval.prose import LONGEST, SOURCES, Essays, failed, of_text, printable
from eval.reply import Cited, Found, Reply, Said, Target, of_answer
from rag import Document, Mentor, MentorError, Sentence

if TYPE_CHECKING:
    from types import ModuleType

    from openai.types.chat import ChatCompletionMessageParam

_LARGEST = 4_000_000  # bytes of a whole reply, with its sources
_DEPTH = 10  # passages that a ranking is judged by; an answer is chosen from fewer
_LEFT_OUT = "(answer left out)"
_FORMS = "mentor, openai:http://host/v1#model or python:module:function"


class _UnreadableError(Exception):
    """What a system sent is no reply; the text says why, and names the field."""


@dataclass(frozen=True, slots=True)
class _System:
    """A Target: `reply` may raise whatever it likes."""

    name: str
    reply: Callable[[Case], Reply]

    def __call__(self, case: Case) -> Reply:
        try:
            return self.reply(case)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a foreign system can raise anything
            return failed(_told(error))


def open_target(
    spec: str,
    mentor: Mentor,
    documents: Mapping[str, Document],
    *,
    key: str = "none",
    timeout_s: float = 60.0,
    retries: int = 1,
) -> Target:
    """Return the system that `spec` names; docs/answers-format.md says how each is read.

    "mentor": the Mentor given. "openai:ADDRESS#MODEL": a chat endpoint, asked with `key`; after
    `timeout_s` seconds of silence it is asked again, `retries` times. "python:MODULE:FUNCTION":
    `function(question, history)`, which returns an Answer as JSON, or a text.

    Raises:
        ValueError: there is no such system, or what it needs is not installed.
    """
    kind, _, rest = spec.partition(":")
    if spec == "mentor":
        return _System(spec, lambda case: of_mentor(mentor, case))
    if kind == "openai":
        return _System(spec, _endpoint(rest, Essays(documents), key, timeout_s, retries))
    if kind == "python":
        return _System(spec, _function(rest, Essays(documents)))
    msg = f"'{spec}' names no system; give {_FORMS}."
    raise ValueError(msg)


def recorded(path: Path, cases: Sequence[Case], documents: Mapping[str, Document]) -> Target:
    """Return a system that replies from a JSON lines file, one row for the id of each case.

    Rows for other ids are read and left alone; a case without a row gets a failed reply.

    Raises:
        OSError: the file cannot be read.
        ValueError: a row is wrong (the text names file, line and field), an id comes twice, or no
            row is for any of the cases.
    """
    essays = Essays(documents)
    replies: dict[str, Reply] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            id_, reply = _row(line, essays)
        except _UnreadableError as error:
            msg = f"{path}: line {number}: {error}"
            raise ValueError(msg) from error
        if id_ in replies:
            msg = f"{path}: line {number}: id: '{id_}' has come before."
            raise ValueError(msg)
        replies[id_] = reply
    if cases and not any(case.id in replies for case in cases):
        msg = f"{path}: id: no row is for any of the {len(cases)} questions ('{cases[0].id}', …)."
        raise ValueError(msg)
    return _System(
        str(path), lambda case: replies.get(case.id) or failed(f"no answer with the id {case.id}")
    )


# --- Mentor ------------------------------------------------------------------------------------


def of_mentor(mentor: Mentor, case: Case) -> Reply:
    """Return Mentor's reply to a case, with the milliseconds that its answer took.

    Raises:
        MentorError: as `Mentor.ask`.
    """
    started = time.perf_counter()
    answer = mentor.ask(case.question, case.history)
    ms = _ms(started)
    evidence, _ = mentor.weigh(case.question, case.history)
    passages = [hit.passage for hit in mentor.retrieve(case.question, _DEPTH, case.history)]
    found = tuple(Found(p.doc_id, p.span.start, p.span.end) for p in passages)
    return Reply(answer.status, tuple(map(_said, answer.sentences)), found, evidence, ms)


def _said(sentence: Sentence) -> Said:
    cited = (Cited(c.n, c.doc_id, c.quote, c.span.start, c.span.end) for c in sentence.citations)
    return Said(sentence.text, tuple(cited))


# --- a chat endpoint ---------------------------------------------------------------------------


def _endpoint(
    address: str, essays: Essays, key: str, timeout_s: float, retries: int
) -> Callable[[Case], Reply]:
    """Return how to ask an OpenAI-compatible endpoint; no model named means "default"."""
    url, _, model = address.partition("#")
    if not url.startswith(("http://", "https://")):
        msg = f"'{url}' is no address of a chat endpoint: openai:http://host/v1#model."
        raise ValueError(msg)
    library = _openai()

    def reply(case: Case) -> Reply:
        # A client for each question: a Target is never closed, and nothing is left open.
        with library.OpenAI(
            base_url=url, api_key=key, timeout=timeout_s, max_retries=retries
        ) as client:
            started = time.perf_counter()
            with client.chat.completions.with_streaming_response.create(
                model=model or "default", messages=_messages(case)
            ) as response:
                body = _body(response.iter_bytes(), timeout_s)
            ms = _ms(started)
        text, sources = _content(_parsed(body.decode("utf-8", "replace")))
        return of_text(text, sources, essays, ms)

    return reply


def _openai() -> "ModuleType":
    try:
        return import_module("openai")
    except ModuleNotFoundError as error:
        msg = 'A chat endpoint is asked through the openai library: pip install -e ".[eval]"'
        raise ValueError(msg) from error


def _messages(case: Case) -> "list[ChatCompletionMessageParam]":
    """Return the conversation. What was answered before is not known, and it must not be empty:
    many endpoints want questions and answers in turn.
    """
    told: list[ChatCompletionMessageParam] = []
    for question in case.history:
        told.append({"role": "user", "content": question})
        told.append({"role": "assistant", "content": _LEFT_OUT})
    return [*told, {"role": "user", "content": case.question}]


def _body(chunks: Iterable[bytes], timeout_s: float) -> bytes:
    """Return a reply that is neither too large nor too slow; the client bounds silence alone."""
    read, until = bytearray(), time.monotonic() + timeout_s
    for chunk in chunks:
        read += chunk
        if len(read) > _LARGEST:
            msg = "answer too long"
            raise _UnreadableError(msg)
        if time.monotonic() > until:
            msg = "timed out"
            raise _UnreadableError(msg)
    return bytes(read)


class _Message(BaseModel, strict=True, extra="allow"):
    content: str | None


class _Choice(BaseModel, strict=True):
    message: _Message


class _Completion(BaseModel, strict=True, extra="allow"):
    choices: Annotated[list[_Choice], Field(min_length=1)]


def _content(body: object) -> tuple[str, list[object]]:
    """Return the text of a chat completion, and the first list of sources that came with it."""
    whole = _valid(_Completion, body)
    message = whole.choices[0].message
    extras = (whole.model_extra or {}, message.model_extra or {})
    lists = (extra.get(name) for extra in extras for name in SOURCES)
    return message.content or "", next((r for r in lists if isinstance(r, list) and r), [])


# --- a function --------------------------------------------------------------------------------


def _function(named: str, essays: Essays) -> Callable[[Case], Reply]:
    module, _, name = named.partition(":")
    try:
        known = {id_: what for id_, what in vars(import_module(module)).items() if callable(what)}
    except (Exception, SystemExit) as error:  # a foreign module can raise anything
        msg = f"python:{named}: '{module}' cannot be imported ({printable(_told(error))})."
        raise ValueError(msg) from error
    if name not in known:
        msg = f"python:{named}: '{module}' has no function '{name}'."
        raise ValueError(msg)
    function = known[name]

    def reply(case: Case) -> Reply:
        started = time.perf_counter()
        told = function(case.question, list(case.history))
        ms = _ms(started)
        return _of_json(_plain(told), essays, ms)

    return reply


# --- a file of answers -------------------------------------------------------------------------


def _lines(path: Path) -> list[str]:
    try:
        # Not `splitlines`: that also cuts at marks which JSON allows inside a text.
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        msg = f"{path}: cannot be read as UTF-8 text ({error})."
        raise ValueError(msg) from error


def _row(line: str, essays: Essays) -> tuple[str, Reply]:
    row = _parsed(line)
    if not isinstance(row, dict):
        msg = "not an object"
        raise _UnreadableError(msg)
    id_ = row.get("id")
    if isinstance(id_, bool) or not isinstance(id_, str | int):
        msg = "id: missing, or neither a text nor a whole number"
        raise _UnreadableError(msg)
    return str(id_), _of_json(row, essays)


# --- JSON -> Reply -----------------------------------------------------------------------------


class _Citation(BaseModel, strict=True):
    n: int = 0
    doc_id: str = ""
    quote: str = ""
    start: int = -1
    end: int = -1


class _Sentence(BaseModel, strict=True):
    text: str
    citations: list[_Citation] = []


class _Hit(BaseModel, strict=True):
    doc_id: str
    start: int
    end: int


class _Answer(BaseModel, strict=True):
    """What is read of an Answer as `mentor ask --json` prints it."""

    status: Literal["answered", "refused"]
    sentences: list[_Sentence] = []
    hits: list[_Hit] = []
    timings_ms: dict[str, float] = {}


class _Text(BaseModel, strict=True):
    text: str
    sources: list[str | dict[str, Any]] = []


class _Failure(BaseModel, strict=True):
    error: str


_Row = TypeVar("_Row", bound=BaseModel)


def _of_json(value: object, essays: Essays, ms: float | None = None) -> Reply:
    """Return a text, or an object with "status", "text" or "error", as a reply."""
    if isinstance(value, str):
        return of_text(value, [], essays, ms)
    if not isinstance(value, dict):
        msg = f"neither a text nor an object, but {type(value).__name__}"
        raise _UnreadableError(msg)
    if value.get("error"):
        return failed(_valid(_Failure, value).error)
    if "text" in value and "status" not in value:
        told = _valid(_Text, value)
        return of_text(told.text, told.sources, essays, ms)
    answer = _valid(_Answer, value)
    if sum(len(sentence.text) for sentence in answer.sentences) > LONGEST:
        return failed("answer too long")
    return of_answer(value, ms)


def _valid(kind: type[_Row], value: object) -> _Row:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        msg = f"{where}: {first['msg']}"
        raise _UnreadableError(msg) from error


def _parsed(text: str) -> object:
    try:
        return _plain(json.loads(text))
    except (ValueError, RecursionError) as error:
        msg = f"not JSON ({error})"
        raise _UnreadableError(msg) from error


def _plain(value: object) -> object:
    """Return a value as JSON gives it back: plain types, no lone surrogates, not too large."""
    try:
        written = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"not JSON ({error})"
        raise _UnreadableError(msg) from error
    if len(written) > _LARGEST:
        msg = "answer too long"
        raise _UnreadableError(msg)
    return json.loads(written)


# --- small things ------------------------------------------------------------------------------


def _told(error: BaseException) -> str:
    """Return an error as a line: our own speak for themselves, others need their name."""
    if isinstance(error, MentorError | _UnreadableError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
