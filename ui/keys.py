"""Who must show a key: programs a token, browsers a login, readers of /metrics either nothing here.

A page of an allowed site shows none: a secret in a page is none. So a token keeps out programs that
say what they are; one that pretends to be such a page still stands under the budgets.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Collection, Sequence
from secrets import compare_digest

from limits import RateLimitItemPerMinute
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag import MentorError, Settings
from ui.budgets import Counter
from ui.origins import is_own, listed, parse_origins, parse_proxies
from ui.refusal import refusal
from ui.request import address, header, is_local, is_open, path_of

_GUESSES = RateLimitItemPerMinute(10)
_WHO = "guesses/{}"


def check_settings(settings: Settings) -> None:
    """Read what the owner says of who may come.

    Raises:
        MentorError: a setting names something that is none; the message says which and why.
    """
    parse_origins(settings.origins, "MENTOR_ORIGINS")
    parse_origins(settings.framed_by, "MENTOR_FRAMED_BY")
    parse_proxies(settings.proxies)
    parse_login(settings.login.get_secret_value())


class Keys:
    """Answers 401 where a key is needed and not shown, 429 to who guesses, 403 to who may not."""

    def __init__(
        self, app: ASGIApp, settings: Settings, allowed: Collection[str], counter: Counter
    ) -> None:
        self._app, self._counter, self._allowed = app, counter, frozenset(allowed)
        self._tokens = _tokens(settings.api_tokens.get_secret_value())
        self._login = parse_login(settings.login.get_secret_value())
        self._metrics = _tokens(settings.metrics_token.get_secret_value())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it needs no key, or shows one."""
        response = await self._refused(scope)
        await (response or self._app)(scope, receive, send)

    async def _refused(self, scope: Scope) -> Response | None:
        path = path_of(scope)
        metrics = path == "/metrics" or path.startswith("/metrics/")
        if metrics and is_local(scope):
            return None
        if metrics and not self._metrics:
            return refusal(scope, 403, "metrics")
        if not metrics and (is_open(path) or self._needs_none(scope, path)):
            return None
        keys = self._metrics if metrics else (*self._tokens, *self._login)
        if not header(scope, "authorization"):
            return self._challenge(scope, path)
        return await self._checked(scope, keys, path)

    def _needs_none(self, scope: Scope, path: str) -> bool:
        if not self._tokens and not self._login:
            return True
        if not _is_program(path):
            return not self._login
        if not path.startswith("/api/"):
            return False
        # The widget and the chat's reader call /api, and nothing else of it.
        allowed = header(scope, "origin") in self._allowed
        return allowed or (not self._login and is_own(scope))

    async def _checked(self, scope: Scope, keys: Sequence[bytes], path: str) -> Response | None:
        who = _WHO.format(address(scope))
        if wait_s := await self._counter.wait(_GUESSES, who):
            return refusal(scope, 429, "guesses", wait_s=wait_s)
        if _is_one_of(header(scope, "authorization"), keys):
            return None
        await self._counter.note(_GUESSES, who)
        return self._challenge(scope, path)

    def _challenge(self, scope: Scope, path: str) -> Response:
        if self._login and path != "/metrics":
            realm = {"www-authenticate": 'Basic realm="Mentor", charset="UTF-8"'}
            return refusal(scope, 401, "login", headers=realm)
        return refusal(scope, 401, "token", headers={"www-authenticate": "Bearer"})


def _is_program(path: str) -> bool:
    return path.startswith(("/api/", "/v1/", "/mcp/")) or path in {"/api", "/v1", "/mcp"}


def _tokens(text: str) -> tuple[bytes, ...]:
    """Return the headers that show each token; several, so that one can be replaced in peace."""
    return tuple(b"bearer " + token.encode() for token in listed(text))


def parse_login(text: str) -> tuple[bytes, ...]:
    """Return the headers that show a login. Raises MentorError where the setting is none."""
    if not text:
        return ()
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise MentorError("MENTOR_LOGIN is not of the form USER:PASSWORD.")
    return (b"basic " + text.encode(),)


def _is_one_of(authorization: str, keys: Sequence[bytes]) -> bool:
    """Say whether a header shows a key; it takes as long whichever it is, and if it is none."""
    kind, _, shown = authorization.partition(" ")
    given = shown.strip().encode("latin-1")
    if kind.lower() == "basic":
        try:
            given = b64decode(given, validate=True)
        except (Base64Error, ValueError):
            given = b""
    given = kind.lower().encode("latin-1") + b" " + given
    return any([compare_digest(given, key) for key in keys])  # noqa: C419 - each is compared
