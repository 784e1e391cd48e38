"""A real server for real clients, on a free port of this machine."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import uvicorn

_PATIENCE_S = 30.0
_JSON = {"content-type": "application/json"}


@contextmanager
def live(app: Any, port: int = 0, host: str = "127.0.0.1", **options: Any) -> Iterator[str]:
    """Serve an application until the block ends; yield its address. `options` are uvicorn's."""
    given = {"log_level": "warning", "timeout_graceful_shutdown": 1, **options}
    server = uvicorn.Server(uvicorn.Config(app, **given))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as door:
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive())
            name = f"[{host}]" if ":" in host else host
            yield f"http://{name}:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_PATIENCE_S)


def leave(
    url: str, body: object, once: Callable[[], object], headers: Mapping[str, str] | None = None
) -> None:
    """Ask, and leave without having read anything, once something is true."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_S)) as line:
        line.request("POST", parts.path, json.dumps(body), _JSON | dict(headers or {}))
        assert until(once)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port


def until(true: Any, within_s: float = _PATIENCE_S) -> bool:
    """Wait until something is true; say whether it came to be."""
    deadline = time.monotonic() + within_s
    while not (held := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(held)
