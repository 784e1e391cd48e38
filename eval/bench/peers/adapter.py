"""An adapter as a process: one answer of it, or a conversation. What it says is checked here."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any

_TOLD = 200  # characters of a process's last words
_PATIENCE_S = 600.0  # for anything that one process is asked to do


class AdapterError(Exception):
    """A peer crashed, was silent or said what is no answer; the text is one line."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to start one: the words before its command, and its variables."""

    command: tuple[str, ...]
    variables: Mapping[str, str]
    patience_s: float = _PATIENCE_S

    def build(self, essays: Path, index: Path) -> dict[str, Any]:
        """Make an index; return "seconds", "mb" and "lengths". Raises AdapterError."""
        return _with(self._once("build", str(essays), str(index)), "seconds", "mb", "lengths")

    def cold(self, index: Path, question: str) -> float:
        """Return the seconds from the start of a process to its end, with one reply."""
        started = time.monotonic()
        said = self._once("once", str(index), question)
        seconds = time.monotonic() - started
        _reply(said)
        return seconds

    @contextmanager
    def serving(self, index: Path) -> Iterator["Server"]:
        """Start one that answers until it is left; it is stopped whatever happens."""
        with TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 - ours
                [*self.command, "serve", str(index)],
                env=dict(self.variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            try:
                server = Server(process, errors, self.patience_s)
                _with(server.line(), "ready")
                yield server
            finally:
                process.kill()
                process.communicate()

    def _once(self, *words: str) -> dict[str, Any]:
        try:
            done = subprocess.run(  # noqa: S603 - ours
                [*self.command, *words],
                env=dict(self.variables),
                capture_output=True,
                timeout=self.patience_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            msg = f"was not ready after {self.patience_s:g} s"
            raise AdapterError(msg) from error
        except OSError as error:
            raise AdapterError(_short(str(error))) from error
        if done.returncode:
            raise AdapterError(_last_words(done.stderr))
        return _parsed(done.stdout)


class Server:
    """One that has been started; its questions are asked one after the other."""

    def __init__(
        self, process: subprocess.Popen[bytes], errors: IO[bytes], patience_s: float
    ) -> None:
        self._process, self._errors, self._patience_s = process, errors, patience_s

    def ask(self, question: str) -> dict[str, Any]:
        """Return the reply to a question. Raises AdapterError."""
        self._put(json.dumps({"question": question}).encode() + b"\n")
        return _reply(self.line())

    def peak_mb(self) -> float:
        """End it, and return the most memory that it held. Raises AdapterError."""
        self._put(b"")
        assert self._process.stdin is not None  # noqa: S101 - for mypy: it was opened as a pipe
        self._process.stdin.close()
        peak = _with(self.line(), "peak_mb")["peak_mb"]
        self._process.stdin = None  # `communicate` would flush it
        return float(peak)

    def line(self) -> dict[str, Any]:
        """Return the next line that it says; one that is silent too long is stopped."""
        assert self._process.stdout is not None  # noqa: S101 - likewise
        late = Timer(self._patience_s, self._process.kill)
        late.start()
        try:
            said = self._process.stdout.readline()
        finally:
            late.cancel()
        if not said:
            self._errors.seek(0)
            raise AdapterError(_last_words(self._errors.read()))
        return _parsed(said)

    def _put(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - likewise
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as error:
            self._errors.seek(0)
            raise AdapterError(_last_words(self._errors.read())) from error


def _parsed(said: bytes) -> dict[str, Any]:
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AdapterError(_short(f"said what is no JSON object: {said[:60]!r}"))
    return found


def _reply(said: dict[str, Any]) -> dict[str, Any]:
    found = _with(said, "passages", "seconds", "near", "refused", "quotes")
    parts = (*found["passages"], *found["quotes"])
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        raise AdapterError("said passages without a text")
    return found


def _with(said: dict[str, Any], *names: str) -> dict[str, Any]:
    if missing := [name for name in names if name not in said]:
        raise AdapterError(_short(f"said nothing of {', '.join(missing)}"))
    return said


def _last_words(said: bytes) -> str:
    lines = said.decode(errors="replace").split("\n")
    return _short(next((line for line in reversed(lines) if line.strip()), "ended without a word"))


def _short(text: str) -> str:
    return " ".join(text.split())[:_TOLD]


def command(python: Path, adapter: Path, way: str, model: str) -> Sequence[str]:
    """Return how the adapter of a peer is started in its environment."""
    return [str(python), str(adapter), "--way", way, "--model", model]
