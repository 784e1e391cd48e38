"""HTTP for programs and for plain pages: ask, passage, read, health.

Knows status codes and headers; what is said comes from Mentor, how it looks from render and page.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from rag import Answer, Document, Lang, Mentor, MentorError, QuestionError, Span
from ui.page import as_page
from ui.render import as_json, credit, quote_hash, sentence_json
from ui.stream import streamed
from ui.words import WORDS, preferred

logger = logging.getLogger(__name__)
STATIC = Path(__file__).resolve().parent / "static"

_BODY_BYTES = 256 * 1024
_HISTORY_QUESTIONS = 50
_STREAMS = 64  # answers that grow at one time; the next wait
_OURS = "something went wrong here; please try again"
_CSP = (
    # Gradio's own page needs inline scripts and styles; nothing may leave this server.
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_PAGE_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
# A mistake of the asker is 422; everything else is ours, and may pass.
_STATUS: Mapping[type[MentorError], int] = {QuestionError: 422, MentorError: 503}


class Ask(BaseModel):
    """The body of POST /api/ask."""

    model_config = ConfigDict(extra="forbid", strict=True)

    question: str
    history: list[str] = Field(default_factory=list, max_length=_HISTORY_QUESTIONS)


class Guard:
    """Adds the security headers to every response that has not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the response back with its headers."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def create_api(mentor: Mentor) -> FastAPI:
    """Return the application without the chat: no origin but its own may read it."""
    app = FastAPI(title="Mentor", docs_url=None, redoc_url=None, openapi_url=None)
    # An empty list denies, and Starlette's middleware on the parent keeps Gradio's lax one away.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(Guard)
    _add_errors(app)
    _add_questions(app, mentor)
    _add_essays(app, mentor)
    _add_files(app, len(mentor.documents))
    return app


def _add_questions(app: FastAPI, mentor: Mentor) -> None:
    @app.post("/api/ask")
    async def ask(request: Request) -> dict[str, Any]:
        body = await _ask_body(request)
        answer = await run_in_threadpool(mentor.ask, body.question, tuple(body.history))
        return as_json(answer)

    limiter = CapacityLimiter(_STREAMS)

    @app.post("/api/chat", response_class=EventSourceResponse)
    async def chat(body: Annotated[Ask, Depends(_ask_body)]) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(event="meta", data={"v": 1})
        try:
            said = partial(mentor.stream, body.question, tuple(body.history))
            async for part in streamed(said, limiter):
                if isinstance(part, Answer):
                    yield ServerSentEvent(event="answer", data=as_json(part))
                else:
                    yield ServerSentEvent(event="sentence", data=sentence_json(part))
        except MentorError as error:
            yield ServerSentEvent(
                event="error", data={"status": _status(error), "error": str(error)}
            )
        except Exception:
            logger.exception("A question could not be answered")
            yield ServerSentEvent(event="error", data={"status": 500, "error": _OURS})
        yield ServerSentEvent(event="done", data={})


def _add_essays(app: FastAPI, mentor: Mentor) -> None:
    documents = mentor.documents

    @app.get("/api/passage")
    def passage(
        doc: str,
        s: Annotated[int, Query(ge=0)],
        e: Annotated[int, Query(ge=1)],
        h: Annotated[str, Query(pattern="^[0-9a-f]{8}$")],
        request: Request,
    ) -> dict[str, Any]:
        if doc not in documents:
            raise HTTPException(404, f"there is no essay {doc!r}")
        if e <= s:
            raise HTTPException(422, "e must be greater than s")
        found = _passage(documents[doc], Span(s, e), h, request)
        speaker = "" if found["changed"] else mentor.speaker(doc, s, WORDS[_lang(request)].lang)
        return found | {"speaker": speaker}

    @app.get("/read/{doc_id}", response_class=HTMLResponse)
    def read(doc_id: str, request: Request, s: str = "", e: str = "", h: str = "") -> Response:
        words = WORDS[_lang(request)]
        document = documents.get(doc_id)
        span = _span_or_none(s, e, document.text) if document else None
        if document and span and h and quote_hash(span.of(document.text)) != h:
            span, notice = None, words.page_changed
        else:
            notice = words.passage_missing if (s or e) and span is None else ""
        page = as_page(document, span, words, notice)
        status = 200 if document else 404
        return HTMLResponse(page, status, headers={"content-security-policy": _PAGE_CSP})


def _add_files(app: FastAPI, essays: int) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"status": "ok", "essays": essays}

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> Response:
        icon = (STATIC / "favicon.ico").read_bytes()
        return Response(icon, media_type="image/x-icon", headers={"cache-control": "max-age=3600"})

    @app.get("/manifest.json", include_in_schema=False)
    def manifest() -> dict[str, Any]:
        icon = {"src": "/static/favicon.svg", "sizes": "any", "type": "image/svg+xml"}
        return {"name": "Mentor", "start_url": "/chat", "display": "browser", "icons": [icon]}

    app.mount("/static", _Static(directory=STATIC), name="static")


class _Static(StaticFiles):
    """Files that a browser asks about each time, so that an update shows at once."""

    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def _add_errors(app: FastAPI) -> None:
    """Say every error as `{"error": one line}`, never as a trace."""

    @app.exception_handler(MentorError)
    def of_mentor(_: Request, error: MentorError) -> JSONResponse:
        return _error(_status(error), error)

    @app.exception_handler(StarletteHTTPException)
    def of_http(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return _error(error.status_code, error.detail)

    @app.exception_handler(RequestValidationError)
    def of_query(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return _error(422, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(Exception)
    def of_ours(_: Request, __: Exception) -> JSONResponse:
        # The server logs the trace itself once this response is out.
        return _error(500, _OURS)


def _status(error: MentorError) -> int:
    return next(_STATUS[kind] for kind in type(error).mro() if kind in _STATUS)


def _error(status: int, error: object) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status)


async def _ask_body(request: Request) -> Ask:
    """Read at most `_BODY_BYTES` of JSON; anything else is refused before it is parsed."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send the question as application/json")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _BODY_BYTES:
            raise HTTPException(413, f"the body is longer than {_BODY_BYTES} bytes")
    try:
        return Ask.model_validate_json(bytes(raw))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise HTTPException(422, f"{where}: {first['msg']}") from error


def _lang(request: Request) -> Lang:
    """Return the language of the page that asks, else the first of ours that its browser names."""
    asked = request.query_params.get("lang", "")
    return preferred(asked or request.headers.get("accept-language", ""))


def _span_or_none(s: str, e: str, text: str) -> Span | None:
    """Return the span if both offsets are numbers and lie inside the text."""
    if not (s.isdecimal() and e.isdecimal() and len(s) < 10 and len(e) < 10):
        return None
    start, end = int(s), int(e)
    return Span(start, end) if start < end <= len(text) else None


def _passage(document: Document, span: Span, digest: str, request: Request) -> dict[str, Any]:
    """Return the essay around a quote; the whole of it unmarked when the quote is not there."""
    text = document.text
    changed = span.end > len(text) or quote_hash(span.of(text)) != digest
    before, hit, after = (
        (text, "", "") if changed else (text[: span.start], span.of(text), text[span.end :])
    )
    author, site = credit(document, WORDS[_lang(request)])
    return {
        "title": document.title,
        "author": author,
        "site": site,
        "date": document.date,
        "url": document.url,
        "licence": document.licence,
        "lang": document.lang,
        "before": before,
        "hit": hit,
        "after": after,
        "changed": changed,
    }
