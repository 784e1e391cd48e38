"""Which sites' pages may call: none but Mentor's own, until a setting names them.

This stops browsers on other sites, and so what a page could do in a visitor's name. It stops no
program: those write what they like into Origin.
"""

from collections.abc import Collection
from ipaddress import ip_network
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import MentorError
from ui.refusal import refusal
from ui.request import SAFE, WIDGET, header, path_of

_METHODS = ("GET", "HEAD", "POST", "DELETE")
_ALLOWED = (
    "authorization", "content-type", "last-event-id", "mcp-protocol-version", "mcp-session-id",
)  # fmt: skip
_SHOWN = ("retry-after", "mcp-session-id")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """Answers 403, readable by the page that asked, where its site is not allowed."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._cors = CORSMiddleware(
            app,
            allow_origins=self._allowed,
            allow_methods=_METHODS,
            allow_headers=_ALLOWED,
            expose_headers=_SHOWN,
            allow_credentials=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what a page of ours, an allowed one or no page at all has sent."""
        origin = header(scope, "origin")
        if origin in self._allowed:
            await self._cors(scope, receive, send)
        elif scope["method"] in SAFE and path_of(scope).startswith(WIDGET):
            # It tells a site that is not allowed why: it must load to be able to.
            await self._app(scope, receive, _readable(send, "*"))
        elif is_own(scope) or not _of_a_page(scope):
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and header(scope, "access-control-request-method"):
            # Were the preflight refused, the page would never learn why.
            await Response(status_code=204, headers=_preflight(scope))(scope, receive, send)
        else:
            response = refusal(scope, 403, "origin", origin=origin or "?")
            await response(scope, receive, _readable(send, origin))


def is_own(scope: Scope) -> bool:
    """Say whether a browser tells that a page of Mentor's own sent the request.

    Sec-Fetch-Site is set by the browser, which knows the address even where a proxy rewrites Host.
    """
    if header(scope, "sec-fetch-site") == "same-origin":
        return True
    origin = urlsplit(header(scope, "origin"))
    return bool(origin.netloc) and origin.netloc == header(scope, "host").lower()


def parse_origins(text: str, variable: str) -> tuple[str, ...]:
    """Return origins as browsers write them: small letters, no default port, ASCII.

    >>> parse_origins("https://Lab.Example:443, http://localhost:8000", "MENTOR_ORIGINS")
    ('https://lab.example', 'http://localhost:8000')

    Raises:
        MentorError: one of them is none; the message names the variable and what is wrong.
    """
    return tuple(dict.fromkeys(_origin(part, variable) for part in listed(text)))


def parse_proxies(text: str) -> tuple[str, ...]:
    """Return addresses and networks. Raises MentorError, naming what is none."""
    for part in listed(text):
        try:
            ip_network(part)
        except ValueError as error:
            msg = (
                f"MENTOR_PROXIES: {part!r} is no address of a proxy or its network, such as "
                "10.0.0.7 or 10.0.0.0/8."
            )
            raise MentorError(msg) from error
    return tuple(listed(text))


def listed(text: str) -> list[str]:
    """Return what a setting lists between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _origin(text: str, variable: str) -> str:
    wrong = (
        f"{variable}: {text!r} is no origin; write each as its pages have it, such as "
        "https://lab.example or http://localhost:8000, without a path and never '*'."
    )
    try:
        parts = urlsplit(text.lower())
        port, host = parts.port, (parts.hostname or "").encode("idna").decode()
    except ValueError as error:
        raise MentorError(wrong) from error
    rest = parts.path or parts.query or parts.fragment or "@" in parts.netloc or "?" in text
    if parts.scheme not in _DEFAULT_PORTS or rest or "#" in text or not _plain(host):
        raise MentorError(wrong)
    host = f"[{host}]" if ":" in host else host
    default = port in {None, _DEFAULT_PORTS[parts.scheme]}
    return f"{parts.scheme}://{host}" if default else f"{parts.scheme}://{host}:{port}"


def _plain(host: str) -> bool:
    return bool(host) and all(sign.isalnum() or sign in "-._:" for sign in host)


def _of_a_page(scope: Scope) -> bool:
    """Say whether a page of another site sent this: a link that was followed is no such thing."""
    if header(scope, "origin"):
        return True
    elsewhere = header(scope, "sec-fetch-site") in {"cross-site", "same-site"}
    return elsewhere and scope["method"] not in SAFE


def _preflight(scope: Scope) -> dict[str, str]:
    return {
        "access-control-allow-origin": header(scope, "origin"),
        "access-control-allow-methods": ", ".join(_METHODS),
        "access-control-allow-headers": ", ".join(_ALLOWED),
        "vary": "Origin",
    }


def _readable(send: Send, by: str) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and by:
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = by
            headers.add_vary_header("Origin")
        await send(message)

    return sent
