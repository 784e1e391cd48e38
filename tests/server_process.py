"""`mentor serve` as a process of its own, to be asked, stopped and killed by tests.

python tests/server_process.py        serves as the environment says
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from live_server import free_port, until

_START_S = 180  # several workers on a busy machine
_HOST = "127.0.0.1"
_KEY = "sk-scripted-7f3a"


@dataclass
class Running:
    """A server that runs, and what it writes."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path
    key: str = _KEY

    def stop(self, sig: int = signal.SIGTERM) -> None:
        self.process.send_signal(sig)

    def status(self, within_s: float = 60) -> int:
        """Wait until it has ended; return its exit status."""
        return self.process.wait(within_s)

    def written(self) -> str:
        return self.log.read_text(encoding="utf-8")


def started(folder: Path, index: Path, **settings: Any) -> Running:
    """Start a server with such settings, and return it before it is ready."""
    given = {"index_dir": index, "host": _HOST, "port": free_port(), "model_key": _KEY, **settings}
    free = dict.fromkeys(["ASKS_PER_MINUTE", "ASKS_PER_DAY", "ASKS_PER_DAY_IN_ALL"], "0")
    mentor = {f"MENTOR_{name}": value for name, value in ({"READS_PER_MINUTE": "0"} | free).items()}
    mentor |= {f"MENTOR_{name.upper()}": str(value) for name, value in given.items()}
    log = folder / "log"
    with log.open("wb") as file:
        command = [sys.executable, str(Path(__file__).resolve())]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **mentor}
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    return Running(f"http://{_HOST}:{given['port']}", process, log)


@contextmanager
def running(folder: Path, index: Path, **settings: Any) -> Iterator[Running]:
    """Start a server with such settings; yield it once it is ready, and end it with the block."""
    server = started(folder, index, **settings)
    process = server.process
    try:
        until(lambda: process.poll() is not None or is_ready(server.url), _START_S)
        assert process.poll() is None, server.written()
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def is_ready(url: str) -> bool:
    """Say whether a server answers that it can be asked."""
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def _main() -> None:
    from rag import Mentor, MentorError, Settings

    settings = Settings()
    try:
        if settings.workers > 1:
            from ui.running.workers import serve_together

            serve_together(settings, settings.host, settings.port)
            return
        from ui.running.serving import serve

        with_index = Mentor.open(settings)
        serve(with_index, settings, settings.host, settings.port)
        with_index.close()
    except MentorError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    _main()
