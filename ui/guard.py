"""What stands between the open internet and Mentor: origins, budgets, sizes, keys, headers.

    headers > proxies > sizes > origins > keys > reading > budgets > places > the application

Each is plain ASGI and passes responses on as they come, so that streams are not held back. They are
wrapped around the whole application, Gradio's and the server's own errors included: a route that is
added later is behind them, too.
"""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from rag import Settings
from ui.budgets import Budgets, Counter, open_store
from ui.headers import Headers
from ui.keys import Keys
from ui.origins import Origins, parse_origins, parse_proxies
from ui.reading import BOUNDS, Bounds, Places, Reading, Sizes
from ui.request import header

logger = logging.getLogger(__name__)


def guard(app: FastAPI, settings: Settings, bounds: Bounds = BOUNDS) -> None:
    """Put every route of `app`, Gradio's among them, behind the owner's limits; call it last.

    Raises:
        MentorError: a setting names something that is none; the message says which and why.
    """
    origins = parse_origins(settings.origins, "MENTOR_ORIGINS")
    framed_by = parse_origins(settings.framed_by, "MENTOR_FRAMED_BY")
    proxies = parse_proxies(settings.proxies)
    counter = Counter(open_store(settings.budget_store.get_secret_value()))
    classes: list[object] = [middleware.cls for middleware in app.user_middleware]
    if CORSMiddleware not in classes:
        # Gradio looks for this very class there, and else answers every origin, with credentials.
        app.add_middleware(CORSMiddleware)
    bare = app.build_middleware_stack()
    stack: ASGIApp = Places(bare, settings.asks_at_once, bounds)
    stack = Budgets(stack, settings, counter)
    stack = Reading(stack, _answering(app), bounds)
    stack = Keys(stack, settings, origins, counter)
    stack = Origins(stack, origins)
    stack = Sizes(stack, bounds)
    stack = Headers(_behind(proxies, stack), framed_by)
    app.middleware_stack = _HttpOnly(stack, bare)


def _behind(proxies: Sequence[str], app: ASGIApp) -> ASGIApp:
    if proxies:
        return ProxyHeadersMiddleware(app, list(proxies))  # type: ignore[arg-type,return-value]
    return _Unproxied(app)


class _Unproxied:
    """Tells the owner, once, that a proxy seems to stand in front which no setting names."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._told = app, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as it is."""
        if not self._told and header(scope, "x-forwarded-for"):
            self._told = True
            logger.warning(
                "A request came with X-Forwarded-For, and MENTOR_PROXIES names no proxy: if there "
                "is one in front, all of its visitors share the budget of one address"
            )
        await self._app(scope, receive, send)


class _HttpOnly:
    """Lets HTTP through the guard and the server's start and stop past it; WebSockets end here."""

    def __init__(self, guarded: ASGIApp, bare: ASGIApp) -> None:
        self._guarded, self._bare = guarded, bare

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the scope to where it belongs."""
        if scope["type"] == "http":
            await self._guarded(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._bare(scope, receive, send)


def _answering(app: FastAPI) -> dict[str, AbstractSet[int]]:
    """Return, for each of Gradio's applications, the numbers of its functions that only draw.

    An answer grows while it is shown, so a function that answers is a generator.
    """
    found: dict[str, AbstractSet[int]] = {}
    for route in app.routes:
        blocks = getattr(getattr(route, "app", None), "get_blocks", None)
        if isinstance(route, Mount) and blocks is not None:
            functions = blocks().fns.items()
            found[route.path] = {number for number, fn in functions if not fn.types_generator}
    return found
