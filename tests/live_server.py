"""A real server for real clients, on a free port of this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

_PATIENCE_S = 30.0


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


def until(true: Any, within_s: float = _PATIENCE_S) -> bool:
    """Wait until something is true; say whether it came to be."""
    deadline = time.monotonic() + within_s
    while not (held := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(held)
