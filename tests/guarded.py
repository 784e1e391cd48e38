"""A small application behind the real guard, served by a real server on a free port."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from live_server import live

from rag import Settings
from ui.guard import guard
from ui.reading import BOUNDS, Bounds
from ui.running.line import Line

_PATIENCE_S = 20
_LOOK_S = 0.02
READ = threading.Semaphore(0)  # released by who asks "read" and has read an event: then comes more

# httpx reads every certificate of the machine for each call, and none is needed here.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
request = partial(httpx.request, verify=_NO_TLS, timeout=60)
get, post = partial(request, "GET"), partial(request, "POST")


def small_app() -> FastAPI:
    """Paths as Mentor's own, answers that show what came through the guard."""
    app = FastAPI()
    app.state.running = 0
    app.state.most = 0
    app.state.go = threading.Event()

    @app.api_route("/api/ask", methods=["POST", "GET", "PUT"])
    @app.post("/v1/chat/completions")
    @app.api_route("/mcp", methods=["POST", "GET", "DELETE"])
    @app.get("/api/passage")
    @app.get("/metrics")
    @app.get("/healthz")
    @app.get("/v1/models")
    async def echo(request: Request) -> dict[str, Any]:
        assert request.client
        body = (await request.body()).decode()
        return {"client": request.client.host, "scheme": request.url.scheme, "body": body}

    @app.post("/api/slow")
    async def slow(s: float = 0.5) -> dict[str, Any]:
        app.state.running += 1
        app.state.most = max(app.state.most, app.state.running)
        for _ in range(int(s / _LOOK_S)):  # until then, or until it may go
            if app.state.go.is_set():
                break
            await asyncio.sleep(_LOOK_S)
        app.state.running -= 1
        return {}

    @app.post("/api/chat")
    async def chat(request: Request) -> StreamingResponse:
        question = (await request.json()).get("question", "")
        if question == "break":
            raise RuntimeError(question)

        async def parts() -> AsyncIterator[bytes]:
            for event in ["sentence"] if question == "half" else ["sentence", "answer", "done"]:
                yield f"event: {event}\ndata: {{}}\n\n".encode()
                if question == "read":
                    await asyncio.to_thread(READ.acquire, timeout=_PATIENCE_S)
                await asyncio.sleep(0.3 if question == "rest" else 0)

        return StreamingResponse(parts(), media_type="text/event-stream")

    @app.get("/chat/zh/", response_class=HTMLResponse)
    async def page() -> str:
        return "<p>a page</p>"

    @app.get("/read/essay")
    async def read() -> HTMLResponse:
        policy = "default-src 'none'; style-src 'self'; frame-ancestors 'self'"
        return HTMLResponse("essay", headers={"content-security-policy": policy})

    @app.get("/widget.js")
    async def widget() -> JSONResponse:
        return JSONResponse({})

    @app.get("/api/break")
    async def breaks() -> None:
        raise RuntimeError("secret: /home/owner/key")

    return app


def served(app: FastAPI, host: str = "127.0.0.1") -> AbstractContextManager[str]:
    """Serve an application as `mentor serve` does; give its address."""
    return live(app, host=host, log_level="critical", proxy_headers=False, http=Line)


@contextmanager
def guarded(bounds: Bounds = BOUNDS, **settings: Any) -> Iterator[str]:
    """Serve the small application behind the guard with such settings."""
    app = small_app()
    guard(app, Settings(**settings), bounds)
    with served(app) as address:
        yield address
