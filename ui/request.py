"""What a request says of itself: headers, sender, and whether it puts a question.

Reads ASGI scopes and nothing else; every part of the guard looks through it.
"""

import json
from collections.abc import Container, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What other sites' pages load: nobody's secret.
WIDGET = ("/widget.js", "/widget/")
# Files that every page loads, and what a load balancer asks: never locked.
OPEN = (*WIDGET, "/static/", "/healthz", "/readyz", "/favicon.ico")
_OPEN_TOO = frozenset({"/manifest.json"})
_ASSETS = ("assets/", "static/", "svelte/", "theme.css", "manifest.json", "favicon.ico")
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via", "cf-connecting-ip")
_GRADIO = "gradio_api/"
# What Gradio's page sends besides questions: to leave one, and to draw.
_GRADIO_READS = ("cancel", "reset")

Answering = Mapping[str, Container[int]]


def path_of(scope: Scope) -> str:
    """Return the path as the routes see it, without the prefix that a server may put before it."""
    return str(scope["path"]).removeprefix(str(scope.get("root_path", ""))) or "/"


def header(scope: Scope, name: str) -> str:
    """Return the first header of a name in small letters; "" when there is none."""
    wanted = name.encode()
    found = (value.decode("latin-1") for key, value in scope["headers"] if key == wanted)
    return next(found, "")


def is_open(path: str) -> bool:
    """Say whether a path is one that nothing has to be shown for."""
    return path.startswith(OPEN) or path in _OPEN_TOO


def is_asset(path: str) -> bool:
    """Say whether a path is a file of a page, Gradio's among them."""
    _, _, rest = path.removeprefix("/").partition("/")  # chat, then "zh/assets/…"
    in_chat = path.startswith("/chat/") and rest.partition("/")[2].startswith(_ASSETS)
    return in_chat or (is_open(path) and path != "/readyz")  # which looks something up


def address(scope: Scope) -> str:
    """Return who is counted: an IPv4 address, or the /64 that one household's IPv6 comes from."""
    host = str((scope.get("client") or ("",))[0])
    try:
        ip: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64] or "unknown"
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if isinstance(ip, IPv6Address):
        return f"{IPv6Address(int(ip) >> 64 << 64)}/64"
    return str(ip)


def is_local(scope: Scope) -> bool:
    """Say whether a request was made on this machine, by no proxy and for no other name.

    A page of another site whose name was turned to this machine keeps its own Host.
    """
    try:
        here = ip_address(str((scope.get("client") or ("",))[0])).is_loopback
    except ValueError:
        return False
    # nginx speaks HTTP/1.0 to what is behind it unless it is told otherwise, and says no more.
    direct = scope.get("http_version") != "1.0"
    forwarded = any(header(scope, name) for name in _FORWARDED)
    return here and direct and not forwarded and _name(header(scope, "host")) in LOCAL_NAMES


def asks(scope: Scope, body: bytes, answering: Answering) -> bool:
    """Say whether a request may put a question: all that changes something, unless it is known.

    `answering` maps the path of each chat to the numbers of its functions that do not answer.
    """
    if scope["method"] in SAFE:
        return False
    path = path_of(scope)
    if path == "/api/search":
        return False
    if path == "/mcp" or path.startswith("/mcp/"):
        return scope["method"] == "POST" and _calls_a_tool(body)
    mount = next((name for name in answering if path.startswith(f"{name}/{_GRADIO}")), None)
    if mount is None:
        return True
    call = path.removeprefix(f"{mount}/{_GRADIO}").strip("/")
    if call in _GRADIO_READS:
        return False
    return not (call in {"queue/join", "run/predict"} and _number(body) in answering[mount])


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _calls_a_tool(body: bytes) -> bool:
    """Say whether an MCP message may do more than greet and list; an odd one may."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return True
    messages = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(message, dict) for message in messages):
        return True
    return any(message.get("method") in {"tools/call", None} for message in messages)


def _number(body: bytes) -> int:
    """Return the number of the function that Gradio's page calls; -1 when it is not plain."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return -1
    number = parsed.get("fn_index") if isinstance(parsed, dict) else None
    return number if type(number) is int else -1
