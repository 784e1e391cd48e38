"""What Mentor meets beyond its own files: the port, the chat model's provider, the budget store."""

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Literal, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from rag import MentorError, Settings
from ui.door import bound

Fact = tuple[Literal["ok", "note", "wrong"], str]
_Told = TypeVar("_Told")

# Where a provider listens that no MENTOR_MODEL_URL names, and its package where the name differs.
_ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "ollama": "http://127.0.0.1:11434",
    "anthropic": "https://api.anthropic.com/v1",
    "google_genai": "https://generativelanguage.googleapis.com/v1beta",
}
_LISTS = {"ollama": "/api/tags"}  # what is cheap to ask; the others' is /models
_PORTS = {"redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379, "memcached": 11211}
_FILE = "sqlite://"
_REFUSED = (401, 403)
_NEAR_S = 1.0
_MOST_BYTES = 65_536


def port(settings: Settings) -> Iterator[Fact]:
    """Say whether the port is free, or who answers there."""
    host, number = settings.host, settings.port
    try:
        with bound(host, number):
            pass
    except MentorError as error:
        yield _who_answers(host, number, error)
        return
    yield "ok", f"{host}:{number} is free"


def _who_answers(host: str, number: int, why: MentorError) -> Fact:
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    place = f"{host}:{number}"
    try:
        status, body = _got(urlsplit(f"http://{_bracketed(near)}:{number}/healthz"), {}, _NEAR_S)
        essays = json.loads(body)["essays"] if status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        essays = None
    if isinstance(essays, int):
        return "note", f"a Mentor answers on {place}, with {essays} essays"
    return "wrong", str(why)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def provider(settings: Settings, timeout_s: float) -> Iterator[Fact]:
    """Say whether the chat model's provider answers: one request, which costs nothing.

    The key is sent to where answers would send it, and is never told.
    """
    kind = settings.model.partition(":")[0]
    if not kind:
        yield "ok", "no chat model is set: answers are the essays' own sentences"
        return
    package = f"langchain_{kind}"
    if find_spec(package) is None:
        name = package.replace("_", "-")
        yield "wrong", f"MENTOR_MODEL needs a package: .venv/bin/pip install {name}"
    base = settings.model_url or _ADDRESSES.get(kind, "")
    if not base:
        yield "note", f"where {kind} listens is not known here, so it was not asked"
        return
    yield _answering(kind, base if "://" in base else f"http://{base}", settings, timeout_s)


def _answering(kind: str, base: str, settings: Settings, timeout_s: float) -> Fact:
    address = urlsplit(base.rstrip("/") + _LISTS.get(kind, "/models"))
    place = f"{address.scheme}://{address.hostname}"
    key = settings.model_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}"} if key and kind == "openai" else {}
    if address.scheme in getproxies() and not proxy_bypass(address.hostname or ""):
        return "note", f"{place} is reached through a proxy, so it was not asked"
    try:
        status, _ = _within(timeout_s, lambda: _got(address, headers, timeout_s))
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        start = "; start it with `ollama serve`" if kind == "ollama" else ""
        return "wrong", f"{place} does not answer ({why}){start}; quotes are given meanwhile."
    if headers and status in _REFUSED:
        return "wrong", f"{place} refuses the key (status {status}); look at MENTOR_MODEL_KEY."
    return "ok", f"{place} answers (status {status})"


def _got(address: SplitResult, headers: dict[str, str], timeout_s: float) -> tuple[int, bytes]:
    """Return status and beginning of the body; nothing is followed and no proxy is asked.

    Raises OSError, HTTPException, or ValueError where the address is none.
    """
    if address.scheme not in {"http", "https"} or not address.hostname:
        msg = "no address of the web"
        raise ValueError(msg)
    made: http.client.HTTPConnection
    if address.scheme == "https":
        context = ssl.create_default_context()
        made = http.client.HTTPSConnection(
            address.hostname, address.port, timeout=timeout_s, context=context
        )
    else:
        made = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout_s)
    try:
        made.request("GET", address.path, headers=headers)
        response = made.getresponse()
        return response.status, response.read(_MOST_BYTES)
    finally:
        made.close()


def _within(timeout_s: float, ask: Callable[[], _Told]) -> _Told:
    """Return what `ask` returns, or raise what it raises.

    Raises:
        TimeoutError: it takes longer, as looking up a name may, which knows no timeout of its own.
    """
    answer: Future[_Told] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer.result(timeout_s)


def store(settings: Settings) -> Iterator[Fact]:
    """Say whether the store in which several Mentors count together can be reached."""
    uri = settings.budget_store.get_secret_value()
    if not uri:
        yield "ok", "budgets are counted in memory"
        return
    if uri.startswith(_FILE):
        yield _file(Path(uri.removeprefix(_FILE)))
        return
    from ui.budgets import open_store

    open_store(uri)  # raises MentorError where it is no store
    yield _near(uri)


def _near(uri: str) -> Fact:
    """Say whether somebody listens where a store should be; nothing is sent, the password least."""
    parts = urlsplit(uri)
    host, number = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    place = f"{host}:{number}"
    try:
        _within(_NEAR_S, lambda: socket.create_connection((host, number), _NEAR_S).close())
    except OSError as error:
        why = error.strerror or type(error).__name__
        return "wrong", f"the budget store at {place} does not answer ({why}); start it."
    return "ok", f"the budget store at {place} answers"


def _file(path: Path) -> Fact:
    if path.parent.is_dir():
        return "ok", f"budgets are counted in {path}"
    return "wrong", f"MENTOR_BUDGET_STORE: there is no folder {path.parent}; make it."
