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
def live(app: Any) -> Iterator[str]:
    """Serve an application until the block ends; yield its address."""
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive())
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_PATIENCE_S)


def until(true: Any, within_s: float = _PATIENCE_S) -> bool:
    """Wait until something is true; say whether it came to be."""
    deadline = time.monotonic() + within_s
    while not (held := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(held)
