"""Everything on one address: the plain routes of api and the chat of chat, served by uvicorn."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse

from rag import Lang, Mentor
from ui.api import create_api
from ui.words import preferred

# Read by Gradio when it is imported and when it builds a page: nothing may be sent or kept.
_GRADIO = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}
_GOODBYE_S = 3  # an open chat page keeps its connection, and would keep the server from stopping


def create_app(mentor: Mentor) -> FastAPI:
    """Return the whole application; `uvicorn.run(create_app(mentor))` serves it.

    The chat stands at /chat/zh/ and /chat/en/; /chat leads to the reader's language.
    """
    os.environ.update(_GRADIO)
    app = create_api(mentor)
    _add_doors(app)
    # Outside a running event loop, Gradio opens a loop for every lock it makes and closes none.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _add_chats(app, mentor)).result()
    return app


def serve(mentor: Mentor, host: str, port: int) -> None:
    """Serve until stopped. One process: the index is read in it, and answers take milliseconds."""
    import uvicorn

    uvicorn.run(
        create_app(mentor),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GOODBYE_S,
    )


async def _add_chats(app: FastAPI, mentor: Mentor) -> None:
    from ui.chat import mount

    for lang in get_args(Lang):
        mount(app, mentor, lang, f"/chat/{lang}")


def _add_doors(app: FastAPI) -> None:
    @app.api_route("/", methods=["GET", "HEAD"])
    @app.api_route("/chat", methods=["GET", "HEAD"])
    @app.api_route("/chat/", methods=["GET", "HEAD"])
    def door(request: Request) -> RedirectResponse:
        lang = preferred(request.headers.get("accept-language", ""))
        headers = {"vary": "accept-language", "cache-control": "no-store"}
        return RedirectResponse(f"/chat/{lang}/", 307, headers=headers)
