"""How OpenAI and Ollama put a chat on the wire: what `eval/scripted.py` reads and writes."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

MODEL = "scripted"  # the one that is listed; every name is answered
# In JSON these may stand bare, yet some clients end a line at them; providers escape them.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request to speak: messages as (role, text), names of headers in small letters.

    `number` counts from 1, over both protocols.
    """

    model: str
    messages: tuple[tuple[str, str], ...]
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    number: int

    @property
    def system(self) -> str:
        """What the instructions say, a line break between two messages."""
        return self._said("system", "developer")

    @property
    def user(self) -> str:
        """What the user says, a line break between two messages."""
        return self._said("user")

    def _said(self, *roles: str) -> str:
        return "\n".join(text for role, text in self.messages if role in roles)


def messages(found: object) -> tuple[tuple[str, str], ...]:
    """Return the messages of a request as (role, text). Raises ValueError where they are none."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        msg = "messages: must be a list of objects."
        raise ValueError(msg)
    return tuple((str(one.get("role", "")), _text(one.get("content"))) for one in found)


def _text(content: object) -> str:
    """Return the text of a message: OpenAI's clients may send it in parts, or none."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


class Wire(Protocol):
    """How a protocol writes an answer; `said` is the whole of its text."""

    mime: str
    streamed: bool

    def opening(self) -> bytes:
        """Return what comes before any text."""
        ...

    def chunk(self, text: str) -> bytes:
        """Return a piece of text."""
        ...

    def ending(self, said: str) -> bytes:
        """Return what comes behind the last piece."""
        ...

    def whole(self, said: str) -> bytes:
        """Return an answer that is not streamed."""
        ...


class _OpenAI:
    mime = "text/event-stream"

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.streamed = bool(prompt.body.get("stream", False))
        options = prompt.body.get("stream_options")
        self._counted = isinstance(options, dict) and bool(options.get("include_usage"))

    def opening(self) -> bytes:
        return self._delta({"role": "assistant", "content": ""})

    def chunk(self, text: str) -> bytes:
        return self._delta({"content": text})

    def ending(self, said: str) -> bytes:
        end = self._delta({}, "stop")
        if self._counted:
            end += self._event([], self._usage(said))
        return end + b"data: [DONE]\n\n"

    def whole(self, said: str) -> bytes:
        message = {"role": "assistant", "content": said, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return as_bytes(self._row("chat.completion", [choice]) | {"usage": self._usage(said)})

    def _delta(self, delta: Mapping[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._event([choice], None)

    def _event(self, choices: Sequence[object], usage: Mapping[str, int] | None) -> bytes:
        row = self._row("chat.completion.chunk", choices)
        return b"data: %b\n\n" % as_bytes(row | ({"usage": usage} if self._counted else {}))

    def _row(self, kind: str, choices: Sequence[object]) -> dict[str, object]:
        return {
            "id": f"chatcmpl-{self._prompt.number}",
            "object": kind,
            "created": int(time.time()),
            "model": self._prompt.model,
            "choices": choices,
        }

    def _usage(self, said: str) -> dict[str, int]:
        asked, spoken = _tokens(self._prompt, said)
        return {
            "prompt_tokens": asked,
            "completion_tokens": spoken,
            "total_tokens": asked + spoken,
        }


class _Ollama:
    mime = "application/x-ndjson"

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.streamed = bool(prompt.body.get("stream", True))

    def opening(self) -> bytes:
        return b""

    def chunk(self, text: str) -> bytes:
        return as_bytes(self._row(text) | {"done": False}) + b"\n"

    def ending(self, said: str) -> bytes:
        return as_bytes(self._row("") | self._done(said)) + b"\n"

    def whole(self, said: str) -> bytes:
        return as_bytes(self._row(said) | self._done(said))

    def _row(self, text: str) -> dict[str, object]:
        return {
            "model": self._prompt.model,
            "created_at": _now(),
            "message": {"role": "assistant", "content": text},
        }

    def _done(self, said: str) -> dict[str, object]:
        asked, spoken = _tokens(self._prompt, said)
        return {
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": asked,
            "eval_count": spoken,
        }


def _tokens(prompt: Prompt, said: str) -> tuple[int, int]:
    """Return (tokens asked, tokens said), four characters to one: no tokenizer is meant."""
    return sum(len(text) for _, text in prompt.messages) // 4 + 1, len(said) // 4 + 1


def as_bytes(row: Mapping[str, object]) -> bytes:
    """Return a row as JSON on one line; half of a surrogate pair becomes its escape."""
    text = json.dumps(row, ensure_ascii=False).translate(_LINE_ENDS)
    return text.encode("utf-8", "backslashreplace")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


SPOKEN: Mapping[str, Callable[[Prompt], Wire]] = {
    "/v1/chat/completions": _OpenAI,
    "/api/chat": _Ollama,
}


def models(path: str) -> Mapping[str, object] | None:
    """Return the list of models at `path`, or None where there is none."""
    if path == "/v1/models":
        row = {"id": MODEL, "object": "model", "created": 0, "owned_by": "scripted"}
        return {"object": "list", "data": [row]}
    if path == "/api/tags":
        name = f"{MODEL}:latest"
        return {"models": [{"name": name, "model": name, "modified_at": _now(), "size": 0}]}
    return None
