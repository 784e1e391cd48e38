"""Mentor as a model behind OpenAI's protocol: /v1/chat/completions and /v1/models.

Clients of that protocol work unchanged. Citations are Markdown links to the pages of the essays,
and the whole Answer stands in the extra field "mentor".
"""

import json
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from rag import Answer, Document, Lang, Mentor, MentorError, Sentence
from ui.bodies import JsonRoute, given
from ui.errors import OURS, OpenAIErrorBody, as_openai, responses, status_of
from ui.essays import base_of
from ui.live import pinned
from ui.openai_bodies import MODEL, Completion, CompletionBody, ModelBody, ModelsBody
from ui.questions import left
from ui.render import as_json, as_markdown, said
from ui.samples import COMPLETION, COMPLETION_STREAM
from ui.stream import Parts, begun, last
from ui.words import WORDS

logger = logging.getLogger(__name__)

_STARTED = int(time.time())
_WRONG = responses(400, 413, 415, 429, 500, 503, model=OpenAIErrorBody)
# What the chat's Markdown has for the chat alone. All words of others are escaped in it, so none
# of these can stand there but where the renderer put it.
_BOX = re.compile(r'^(?:<div class="\w+">|</div>)\n{0,2}', re.MULTILINE)
_WITHHELD = re.compile(
    r'<details class="withheld"><summary>(.*?)</summary>.*?</details>', re.DOTALL
)
_CITE = re.compile(r"(?<!\\)\]\(#cite-([a-z0-9_]+)-(\d+)-(\d+)-([0-9a-f]{8}) ")
_READ = re.compile(r"(?<!\\)\]\(/read/")


_COMPLETED: dict[int | str, Any] = {
    200: {
        "model": CompletionBody,
        "content": {
            "application/json": {"example": COMPLETION},
            "text/event-stream": {"example": COMPLETION_STREAM},
        },
    }
}


def add_completions(app: FastAPI, mentor: Mentor, limiter: CapacityLimiter) -> None:
    """Serve them; answers that grow at one time share the threads of `limiter`."""
    router = APIRouter(route_class=JsonRoute, tags=["OpenAI's protocol"])

    async def begin(body: Completion) -> AsyncIterator[tuple[Mentor, Parts | None]]:
        """Give who answers, and the answer as it grows; none where it is asked for in one piece."""
        here = pinned(mentor)
        if not body.stream:
            yield here, None
            return
        async with begun(partial(here.stream, *body.asked()), limiter) as parts:
            yield here, parts

    @router.post(
        "/v1/chat/completions",
        summary="Ask, as OpenAI's clients do",
        response_model=None,
        responses=_COMPLETED | _WRONG,
    )
    async def complete(
        body: Completion,
        request: Request,
        begun_by: Annotated[tuple[Mentor, Parts | None], Depends(begin)],
    ) -> dict[str, Any] | StreamingResponse:
        """Answer the last message of a user. Earlier ones are the history; system messages and
        all others are passed over, for nobody's instructions change what the essays say.

        `content` is Markdown whose citations are links to the pages of the essays. The whole
        answer, as /api/ask gives it, stands in the extra field `mentor`: of the object, or of the
        last chunk with a choice. A stream ends with `data: [DONE]`; where quotes had to take over
        from a chat model, they follow what was said, below a rule.
        """
        base, (here, parts) = base_of(request), begun_by
        if parts is None:
            answer = await last(partial(here.stream, *body.asked()), limiter, left(request))
            return _whole(answer, here, base) if isinstance(answer, Answer) else {}
        usage = bool(body.stream_options and body.stream_options.include_usage)
        rows = _rows(parts, here, base, usage=usage)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(rows, media_type="text/event-stream", headers=headers)

    @router.get(
        "/v1/models",
        summary="List the models",
        response_model=None,
        responses=given(ModelsBody, {"object": "list", "data": [_model()]})
        | responses(429, 500, model=OpenAIErrorBody),
    )
    def models() -> dict[str, Any]:
        """Give the one model there is."""
        return {"object": "list", "data": [_model()]}

    @router.get(
        "/v1/models/{model}",
        summary="Describe a model",
        response_model=None,
        responses=given(ModelBody, _model()) | responses(404, 429, 500, model=OpenAIErrorBody),
    )
    def model(model: str) -> dict[str, Any]:
        """Describe `mentor`; there is no other."""
        if model != MODEL:
            raise HTTPException(404, f"there is no model {model!r}, only {MODEL!r}")
        return _model()

    app.include_router(router)


def portable(markdown: str, base: str) -> str:
    """Return the chat's Markdown for any reader of Markdown: no HTML, and links to whole addresses.

    >>> portable('[1](#cite-a-0-9-0123abcd "A: a quote")', "https://mentor.example")
    '[1](https://mentor.example/read/a?s=0&e=9&h=0123abcd#hit "A: a quote")'
    """
    bare = _BOX.sub("", _WITHHELD.sub(r"*\1*", markdown))
    cited = _CITE.sub(rf"]({base}/read/\1?s=\2&e=\3&h=\4#hit ", bare)
    return _READ.sub(f"]({base}/read/", cited).strip()


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": _STARTED, "owned_by": "mentor"}


def _head(kind: str) -> dict[str, Any]:
    name = f"chatcmpl-{uuid4().hex}"
    return {"id": name, "object": kind, "created": int(time.time()), "model": MODEL}


def _usage(answer: Answer) -> dict[str, int]:
    read, written = (answer.tokens.get(name, 0) for name in ("input_tokens", "output_tokens"))
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def _whole(answer: Answer, mentor: Mentor, base: str) -> dict[str, Any]:
    content = portable(as_markdown(answer, mentor.documents, answer.lang), base)
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    more = {"choices": [choice], "usage": _usage(answer), "mentor": as_json(answer)}
    return _head("chat.completion") | more


async def _rows(parts: Parts, mentor: Mentor, base: str, *, usage: bool) -> AsyncIterator[str]:
    """Yield the rows of a stream. What was sent cannot be taken back, so what replaces it in the
    chat follows it here.
    """
    head = _head("chat.completion.chunk")
    yield _row(head, {"role": "assistant", "content": ""})
    sent, ready = "", list[Sentence]()
    try:
        async for part in parts:
            if isinstance(part, Answer):
                rest = _rest(part, sent, mentor.documents, base)
                yield _row(head, {"content": rest})
                yield _row(head, {}, "stop", mentor=as_json(part))
                if usage:
                    yield _data(head | {"choices": [], "usage": _usage(part)})
                break
            if not mentor.model:
                continue  # the answer is there at once, and better told with its lead
            ready.append(part)
            grown = _told(ready, base)
            yield _row(head, {"content": grown.removeprefix(sent)})
            sent = grown
    except MentorError as error:
        yield _data(as_openai(status_of(error), str(error)))
    except Exception:
        logger.exception("A question could not be answered")
        yield _data(as_openai(500, OURS))
    yield "data: [DONE]\n\n"


def _told(ready: Sequence[Sentence], base: str) -> str:
    lang: Lang = ready[-1].lang
    return portable(said(ready, WORDS[lang]), base)


def _rest(answer: Answer, sent: str, documents: Mapping[str, Document], base: str) -> str:
    """Return what is still to be said once `sent` has been."""
    whole = portable(as_markdown(answer, documents, answer.lang), base)
    if not sent:
        return whole
    _, found, after = whole.partition(sent)
    return after if found else f"\n\n---\n\n{whole}"


def _row(
    head: Mapping[str, Any], delta: Mapping[str, str], end: str | None = None, **more: object
) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": end, "logprobs": None}
    return _data({**head, "choices": [choice], **more})


def _data(row: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(row, ensure_ascii=False)}\n\n"
