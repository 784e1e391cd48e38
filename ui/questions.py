"""HTTP for programs that ask: /api/ask in one piece, /api/chat as it grows, /api/search."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from rag import Answer, Hit, Lang, Mentor, MentorError, Settings
from ui.bodies import AnswerBody, Ask, JsonRoute, Search, SearchBody, given
from ui.errors import OURS, responses, responses_beside, status_of
from ui.live import pinned
from ui.render import as_json, credit, in_english, read_path, sentence_json, speaker_name
from ui.samples import ANSWER, FOUND, STREAM
from ui.stream import Parts, begun, last
from ui.words import WORDS, preferred

logger = logging.getLogger(__name__)

_WRONG = responses(413, 415, 422, 429, 500, 503)
_IN_PIECES: dict[int | str, Any] = {
    200: {
        "description": "Server-sent events; their `data` is JSON.",
        "content": {"text/event-stream": {"example": STREAM}},
    }
}


def add_questions(
    app: FastAPI, mentor: Mentor, settings: Settings, limiter: CapacityLimiter
) -> None:
    """Serve them; answers that grow at one time share the threads of `limiter`."""
    router = APIRouter(route_class=JsonRoute, tags=["Questions"])

    async def begin(body: Ask) -> AsyncIterator[Parts]:
        here = pinned(mentor)
        async with begun(partial(here.stream, *body.checked(settings)), limiter) as parts:
            yield parts

    @router.post(
        "/api/ask",
        summary="Ask, and get the whole answer",
        response_model=None,
        responses=given(AnswerBody, ANSWER) | _WRONG,
    )
    async def ask(body: Ask, request: Request) -> dict[str, Any]:
        """Give the essays' answer: every sentence with the quote that proves it, or a refusal
        with the nearest passages and questions that the essays do answer.

        Whoever leaves before the answer is there stops the chat model.
        """
        told = partial(mentor.stream, *body.checked(settings))
        answer = await last(told, limiter, left(request))
        return as_json(answer) if isinstance(answer, Answer) else {}

    @router.post(
        "/api/chat",
        summary="Ask, and get the answer as it grows",
        response_class=EventSourceResponse,
        responses=_IN_PIECES | responses_beside(413, 415, 422, 429, 500, 503),
    )
    async def chat(parts: Annotated[Parts, Depends(begin)]) -> AsyncIterator[ServerSentEvent]:
        """Give these events, in this order:

        - `meta` `{"v": 1}`: the version of these events.
        - `sentence`, any number: a checked sentence, as in the answer; it may be shown at once.
        - `answer`: the whole answer, which replaces what was shown. Where quotes had to take over
          from a chat model its sentences are others.
        - `error` `{"status", "error"}`, in place of the answer.
        - `done` `{}`.

        What is known before the first event is an HTTP status. A comment is sent every 15 seconds
        of silence. Closing the connection stops the chat model.
        """
        yield _event("meta", {"v": 1})
        async for event in _events(parts):
            yield event
        yield _event("done", {})

    @router.post(
        "/api/search",
        summary="Find passages",
        response_model=None,
        responses=given(SearchBody, FOUND) | _WRONG,
    )
    async def search(body: Search, request: Request) -> dict[str, Any]:
        """Give the passages that an answer would be chosen from, best first.

        It is a POST so that what is looked for stands in no address and no log. Names are written
        for readers of `?lang=` or Accept-Language.
        """
        asked, earlier = body.checked(settings)
        here, lang = pinned(mentor), lang_of(request)
        hits = await run_in_threadpool(here.retrieve, asked, body.k, earlier)
        return {"question": asked, "hits": [found_json(hit, here, lang) for hit in hits]}

    app.include_router(router)


async def left(request: Request) -> None:
    """Return once whoever asked has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def lang_of(request: Request) -> Lang:
    """Return the language of the page that asks, else the first of ours that its browser names."""
    asked = request.query_params.get("lang", "")
    return preferred(asked or request.headers.get("accept-language", ""))


def found_json(hit: Hit, mentor: Mentor, lang: Lang) -> dict[str, Any]:
    """Return a hit with all that a reader of this language needs to see it."""
    passage, words = hit.passage, WORDS[lang]
    essay, span = mentor.documents[passage.doc_id], passage.span
    return {
        "doc_id": essay.id,
        "title": essay.title,
        "author": credit(essay, words)[0],
        "speaker": speaker_name(essay, passage.speaker, words),
        "heading": list(passage.heading),
        "quote": passage.text,
        "translation": in_english(essay, passage) if lang == "en" else "",
        "start": span.start,
        "end": span.end,
        "score": hit.score,
        "read": read_path(essay.id, span.start, span.end, passage.text),
    }


async def _events(parts: Parts) -> AsyncIterator[ServerSentEvent]:
    try:
        async for part in parts:
            if isinstance(part, Answer):
                yield _event("answer", as_json(part))
            else:
                yield _event("sentence", sentence_json(part))
    except MentorError as error:
        yield _event("error", {"status": status_of(error), "error": str(error)})
    except Exception:
        logger.exception("A question could not be answered")
        yield _event("error", {"status": 500, "error": OURS})


def _event(name: str, told: Mapping[str, Any]) -> ServerSentEvent:
    """Return an event whose letters are not escaped: Chinese would take twice the bytes."""
    return ServerSentEvent(event=name, raw_data=json.dumps(told, ensure_ascii=False))
