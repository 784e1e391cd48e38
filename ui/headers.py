"""What every response tells the browser: run nothing strange, frame nothing, send nothing on.

It stands outermost, so that errors of the server itself have it, too.
"""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.request import WIDGET, path_of

_PAGE = (
    # Gradio's own page needs inline scripts and styles; nothing may leave this server.
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'"
)
_NO_PAGE = "default-src 'none'; base-uri 'none'; form-action 'none'"
_DENIED = "accelerometer camera geolocation gyroscope magnetometer microphone payment usb".split()
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": ", ".join(f"{feature}=()" for feature in _DENIED),
    "cross-origin-opener-policy": "same-origin",
    "x-permitted-cross-domain-policies": "none",
}


class Headers:
    """Adds the security headers to every response; a page may set a stricter policy of its own."""

    def __init__(self, app: ASGIApp, framed_by: Sequence[str]) -> None:
        self._app = app
        self._ancestors = " ".join(["frame-ancestors 'self'", *framed_by])
        # The old header knows no list; a browser that knows the new one does not read it.
        self._frames = {} if framed_by else {"x-frame-options": "SAMEORIGIN"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the response back with its headers."""
        public = path_of(scope).startswith(WIDGET)
        policy = "cross-origin" if public else "same-origin"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                self._add(headers)
                if message["status"] == 500:
                    # uvicorn hangs up after an error of ours: whoever keeps the line should know.
                    headers["connection"] = "close"
                headers.setdefault("cross-origin-resource-policy", policy)
            await send(message)

        await self._app(scope, receive, guarded)

    def _add(self, headers: MutableHeaders) -> None:
        for name, value in (_ALWAYS | self._frames).items():
            headers.setdefault(name, value)
        page = headers.get("content-type", "").startswith("text/html")
        own = headers.get("content-security-policy") or (_PAGE if page else _NO_PAGE)
        headers["content-security-policy"] = f"{_without_ancestors(own)}; {self._ancestors}"


def _without_ancestors(policy: str) -> str:
    """Return a policy without its word on frames: the owner's setting decides that for all.

    >>> _without_ancestors("default-src 'none'; frame-ancestors 'self'")
    "default-src 'none'"
    """
    parts = (part.strip() for part in policy.split(";"))
    return "; ".join(part for part in parts if part and not part.startswith("frame-ancestors"))
