"""Everything on one address: the plain routes of api and the chat of chat."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, get_args

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse

from rag import Lang, Mentor, Settings
from ui.api import create_api
from ui.embed import add_widget
from ui.guard import guard
from ui.shelf import add_shelf
from ui.sparing import without_spare_apps, without_stubs
from ui.words import page_tag

if TYPE_CHECKING:
    from ui.chat import Chat

# Read by Gradio when it is imported and when it builds a page: nothing may be sent or kept.
_GRADIO = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}


def create_app(mentor: Mentor, settings: Settings | None = None) -> FastAPI:
    """Return the whole application; `uvicorn.run(create_app(mentor))` serves it.

    The chat stands at /chat/zh/, /chat/zh-tw/ and /chat/en/; /chat leads to the reader's one.
    """
    os.environ.update(_GRADIO)
    settings = settings or Settings()
    app = create_api(mentor, settings)
    mentor = app.state.mentor  # it counts what every face asks
    add_shelf(app, mentor)
    add_widget(app)
    _add_doors(app)
    # Outside a running event loop, Gradio opens a loop for every lock it makes and closes none.
    with ThreadPoolExecutor(1) as thread:
        app.state.chats = thread.submit(asyncio.run, _add_chats(app, mentor, settings)).result()
    guard(app, settings)
    return app


async def _add_chats(app: FastAPI, mentor: Mentor, settings: Settings) -> "list[Chat]":
    with without_stubs():
        from ui.chat import mount

    most = settings.asks_at_once
    with without_spare_apps():
        chats = [
            mount(app, mentor, lang, f"/chat/{lang}", at_once=most, waiting=most)
            for lang in get_args(Lang)
        ]
    return [chat for pages in chats for chat in pages]


def _add_doors(app: FastAPI) -> None:
    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/chat", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/chat/", methods=["GET", "HEAD"], include_in_schema=False)
    def door(request: Request) -> RedirectResponse:
        page = page_tag(request.headers.get("accept-language", "")).lower()
        headers = {"vary": "accept-language", "cache-control": "no-store"}
        return RedirectResponse(f"/chat/{page}/", 307, headers=headers)
