"""Mentor as tools for assistants, over the Model Context Protocol at /mcp.

The only file that knows the protocol's SDK. Stateless: any replica may answer any call.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import Answer, Lang, Mentor, QuestionError, Settings
from ui.bodies import BODY_BYTES, HISTORY_QUESTIONS, AnswerBody, Given, Offset, SearchBody
from ui.completions import portable
from ui.live import pinned
from ui.origins import parse_origins
from ui.questions import found_json
from ui.render import as_json, as_markdown, credit
from ui.request import LOCAL_NAMES
from ui.stream import streamed
from ui.words import WORDS

_MOST_CHARS = 8000  # of an essay in one reply: about 6000 tokens of Chinese
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

_ABOUT = """Mentor answers beginners' questions about doing machine learning research, in Chinese \
or English, only out of a few essays by people who do it. Every sentence of an answer is proved by \
a quote that stands in an essay letter for letter; where the essays do not say, it says so. When \
you retell an answer, name who said it, keep the quotes as they are, and add nothing to them.
The essays:
"""

Question = Annotated[
    str,
    Field(
        description="The question in the student's own words, Chinese or English.",
        examples=["Do I need a PhD?", "实验总是失败怎么办?"],
    ),
]
History = Annotated[
    list[str] | None,
    Field(description="The student's earlier questions, oldest first.", max_length=50),
]


class ReadBody(Given):
    """A stretch of an essay."""

    doc_id: str
    title: str
    author: str
    lang: str
    start: Offset
    end: Offset
    chars: int = Field(description="Of the whole essay.")
    text: str


class _Door:
    """What stands at /mcp: the protocol, while the application runs."""

    def __init__(self) -> None:
        self.inside: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.inside is None:
            msg = "the application has not been started"
            raise RuntimeError(msg)
        read = asyncio.Event()

        async def listened() -> Message:
            message = await receive()
            if not message.get("more_body"):
                read.set()
            return message

        # The SDK does not notice who leaves before a reply of one piece.
        work = asyncio.ensure_future(_in(self.inside, scope, listened, send))
        gone = asyncio.ensure_future(_gone(read, receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)


async def _in(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _gone(read: asyncio.Event, receive: Receive) -> None:
    """Return once whoever called has left, after their call has been read."""
    await read.wait()
    while (await receive())["type"] != "http.disconnect":
        pass


def add_tools(app: FastAPI, mentor: Mentor, settings: Settings, limiter: CapacityLimiter) -> None:
    """Serve /mcp; answers that grow at one time share the threads of `limiter`."""
    server, door, started = _server(mentor, limiter), _Door(), app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        # One session manager runs once; an application may be started again.
        door.inside = server.streamable_http_app(
            json_response=True,
            stateless_http=True,
            max_request_body_size=BODY_BYTES,
            transport_security=_security(settings),
        )
        async with started(app_) as state, server.session_manager.run():
            yield state or {}

    app.router.lifespan_context = lifespan
    app.router.routes.append(Route("/mcp", door))


def _server(mentor: Mentor, limiter: CapacityLimiter) -> MCPServer:
    essays = mentor.documents.values()
    listed = [f"- {essay.id}: {essay.title} ({essay.author})" for essay in essays]
    server = MCPServer(
        "mentor",
        title="Mentor",
        instructions=_ABOUT + "\n".join(listed),
        log_level="WARNING",  # it sets up logging where nobody has
    )

    @server.tool(title="Ask the essays", annotations=_READS)
    async def ask(
        question: Question, history: History = None
    ) -> Annotated[CallToolResult, AnswerBody]:
        """Answer a question about doing machine learning research: choosing a topic, reading,
        writing, frustration, a PhD, careers, working with an advisor.

        Gives Markdown with numbered quotes, and the same as structured content: sentences with
        who says them and the verbatim quote that proves each. A "refused" status means that the
        essays do not say; then `nearest` passages and `followups` that they do answer are given.
        """
        here = pinned(mentor)
        answer = await _answered(here, question, history or (), limiter)
        text = portable(as_markdown(answer, here.documents, answer.lang), "")
        content = [TextContent(type="text", text=text)]
        return CallToolResult(content=content, structured_content=as_json(answer))

    @server.tool(title="Find passages", annotations=_READS)
    async def search(
        question: Question,
        k: Annotated[int, Field(ge=1, le=50, description="How many at most.")] = 5,
    ) -> SearchBody:
        """Find the passages of the essays that are nearest to a question, best first.

        Each comes with its essay, speaker, verbatim text and offsets; pass `doc_id`, `start` and
        `end` to `read` for what stands around it.
        """
        here = pinned(mentor)
        try:
            hits = await run_in_threadpool(here.retrieve, question, k)
        except QuestionError as error:
            raise ToolError(str(error)) from error
        lang: Lang = "zh" if any("一" <= letter <= "鿿" for letter in question) else "en"
        found = [found_json(hit, here, lang) for hit in hits]
        return SearchBody.model_validate({"question": question, "hits": found})

    @server.tool(title="Read an essay", annotations=_READS)
    def read(
        doc_id: Annotated[str, Field(description="The essay's id, as `search` gives it.")],
        start: Annotated[int, Field(ge=0, description="From which character on.")] = 0,
        end: Annotated[int | None, Field(ge=1, description="Up to which; none: the end.")] = None,
    ) -> ReadBody:
        """Read an essay, or a part of it, letter for letter in its own language.

        At most 8000 characters come at once: read on from `end` while it is less than `chars`.
        """
        documents = mentor.documents
        if doc_id not in documents:
            msg = f"There is no essay {doc_id!r}. There are: {', '.join(documents)}."
            raise ToolError(msg)
        essay = documents[doc_id]
        whole = len(essay.text)
        first = min(start, whole)
        stop = max(first, min(end or whole, first + _MOST_CHARS, whole))
        return ReadBody(
            doc_id=essay.id,
            title=essay.title,
            author=credit(essay, WORDS[essay.lang])[0],
            lang=essay.lang,
            start=first,
            end=stop,
            chars=whole,
            text=essay.text[first:stop],
        )

    return server


async def _answered(
    mentor: Mentor, question: str, history: Sequence[str], limiter: CapacityLimiter
) -> Answer:
    """Return the answer; whoever calls the tool and leaves stops the chat model."""
    earlier = tuple(history)[-HISTORY_QUESTIONS:]
    try:
        async with aclosing(streamed(partial(mentor.stream, question, earlier), limiter)) as parts:
            said = [part async for part in parts if isinstance(part, Answer)]
    except QuestionError as error:
        raise ToolError(str(error)) from error
    return said[-1]


def _security(settings: Settings) -> TransportSecuritySettings:
    """Return whose calls are taken.

    A Mentor that listens on this machine alone, with no proxy before it, answers to this machine's
    names only: else a page whose name was turned to this machine could call it.
    """
    direct = settings.host in {"127.0.0.1", "localhost", "::1"} and not settings.proxies
    names = [name for local in sorted(LOCAL_NAMES) for name in (local, f"{local}:*")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=direct,
        allowed_hosts=names,
        allowed_origins=[
            *(f"http://{name}" for name in names),
            *parse_origins(settings.origins, "MENTOR_ORIGINS"),
        ],
    )
