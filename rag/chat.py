"""Chat models behind one call. Alone in the house knows LangChain.

Whatever a provider does, a caller sees text, a pause, or a GenerationError. Errors are logged by
their kind and status alone: a provider's message may repeat the question or the key.
"""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag import prompts
from rag.errors import GenerationError, MissingModelError, Reason

if TYPE_CHECKING:
    from httpx import Request
    from langchain_core.language_models import BaseChatModel

_log = logging.getLogger(__name__)
_PAUSE_S = 0.01  # without a token for so long, what has come may be read as it stands
_POLL_S = 0.1  # how often a stream that is silent looks whether it is still wanted
_TOKENS = 4000  # an answer has five sentences, but what a model thinks before it counts, too
_LONGEST = 40_000  # characters; a stream that goes on is not an answer
_FAILURES, _REST_S = 3, 30.0  # failures in a row after which a provider is left alone, and how long
_JUDGE_TIMEOUT_S, _JUDGE_RETRIES = 30.0, 2
_SECRET = 8  # characters of a key from which it is hidden wherever it would be shown
# Nothing stays open between answers, so there is nothing to close: LangChain shares clients between
# models, and closing those of one would break the others.
_HEADERS = {"Connection": "close"}
_FIXED = re.compile(r"openai:o\d")  # models that answer a temperature with an error
_YES = re.compile(r"\W*(?:yes\b|是(?![否不])|支持)", re.IGNORECASE)
_NO = re.compile(r"\W*(?:not?\b|不|否)", re.IGNORECASE)


def open_chat(
    name: str, *, key: str, url: str, temperature: float, timeout_s: float, retries: int
) -> "Chat":
    """Return a chat model by "provider:name", as LangChain's init_chat_model takes it.

    Raises:
        MissingModelError: the provider is unknown, not installed, or lacks its key; or the key or
            the address cannot be one.
    """
    key, url = key.strip(), url.strip()
    options = _options(name, key, url, temperature, timeout_s, retries=0)
    model = _opened(f"MENTOR_MODEL: {name}", name, key, url, options)
    return Chat(model, name, timeout_s=timeout_s, retries=retries)


def open_judge(name: str) -> "ChatJudge":
    """Return a judge by "provider:model".

    Raises:
        MissingModelError: the provider is unknown, not installed, or lacks its key.
    """
    options = _options(name, "", "", 0.0, _JUDGE_TIMEOUT_S, _JUDGE_RETRIES)
    return ChatJudge(_opened(f"MENTOR_CHECKER: chat:{name}", name, "", "", options), name)


def _opened(
    setting: str, name: str, key: str, url: str, options: Mapping[str, Any]
) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    wrong = _wrong(name, key, url)
    if not wrong:
        try:
            model: BaseChatModel = init_chat_model(name, **options)
        except Exception as error:  # noqa: BLE001 - providers have their own for keys and names
            wrong = _told(error)
        else:
            if not _lacks_key(model):
                return model
            wrong = f"cannot be opened: it needs a key ({', '.join(model.lc_secrets.values())})"
    # What is shorter is a stand-in for a key, and may be part of a word.
    msg = f"{setting} {wrong.replace(key, '…') if len(key) >= _SECRET else wrong}"
    raise MissingModelError(msg)


def _wrong(name: str, key: str, url: str) -> str:
    """Return what is wrong with a setting before anything is opened, "" for nothing."""
    provider, _, model = name.partition(":")
    if not provider.strip() or not model.strip():
        return "is not PROVIDER:NAME"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "cannot be opened: its key has blanks or signs that no key has"
    if url and not _is_address(url if "://" in url or provider != "ollama" else f"http://{url}"):
        return f"cannot be opened: its address is not http://… or https://…: {url}"
    return ""


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half an IPv6 address
        return False


def _told(error: Exception) -> str:
    """Return on one line what an error says, without what was given to it: that holds the key."""
    from pydantic import ValidationError

    said = str(error)
    if isinstance(error, ValidationError):
        said = "; ".join(fault["msg"] for fault in error.errors())
    missing = isinstance(error, ImportError)
    what = "needs a package that is not installed" if missing else "cannot be opened"
    return f"{what}: {' '.join(said.split())}"


def _lacks_key(model: "BaseChatModel") -> bool:
    """Say whether a model was opened without a key, as some do that fail later."""
    from pydantic import SecretStr

    secrets = [getattr(model, field, None) for field in model.lc_secrets]
    return any(isinstance(one, SecretStr) and not one.get_secret_value() for one in secrets)


def _options(
    name: str, key: str, url: str, temperature: float, timeout_s: float, retries: int
) -> dict[str, Any]:
    """Return what a provider's class calls key, address, timeout, length and how often to retry.

    A key of the environment is never sent to an address that is set here: it is not the address
    that the key was made for.
    """
    provider = name.partition(":")[0]
    key = key or ("none" if url else "")
    options: dict[str, Any] = ({"api_key": key} if key else {}) | ({"base_url": url} if url else {})
    if not _FIXED.match(name):
        options["temperature"] = temperature
    if provider == "ollama":
        options.pop("api_key", None)
        signed = {"auth": _bearer(key)} if key else {}
        options["client_kwargs"] = {"timeout": timeout_s, "headers": _HEADERS} | signed
        return options | {"num_predict": _TOKENS}
    if provider == "google_genai":
        options["max_output_tokens"] = _TOKENS
        return options | {"timeout": timeout_s, "max_retries": retries}
    if provider in {"openai", "anthropic"}:
        options |= {"max_tokens": _TOKENS, "timeout": timeout_s, "max_retries": retries}
        options["default_headers"] = _HEADERS
    if provider == "openai":
        # Its own limit of silence is two minutes, whatever ours is, and it can miss a cancellation.
        options |= {"stream_usage": True, "stream_chunk_timeout": None}
    return options


def _bearer(key: str) -> "Callable[[Request], Request]":
    """Return what puts a key on each request: as a header it would stand in the model's repr."""

    def signed(request: "Request") -> "Request":
        request.headers["Authorization"] = f"Bearer {key}"
        return request

    return signed


class Chat:
    """A chat model. Safe to use from several threads."""

    def __init__(
        self,
        model: "BaseChatModel",
        name: str,
        *,
        timeout_s: float,
        retries: int,
        rest_s: float = _REST_S,
    ) -> None:
        self.name = name
        self._model, self._timeout_s, self._retries = model, timeout_s, retries
        self._breaker = _Breaker(rest_s)

    def say(
        self, messages: Sequence[prompts.Message], deadline: float, stopped: Callable[[], bool]
    ) -> "Speech":
        """Return what the model says to messages, as it comes; nothing is asked before it is read.

        `deadline` is a time of `time.monotonic`; once `stopped()` is true the stream just ends.
        """
        return Speech(self, messages, deadline, stopped)

    def chunks(self, speech: "Speech") -> Iterator[str]:
        """Yield text as it comes, "" at each pause. Leaving it early stops the model.

        Raises:
            GenerationError: there is no text to be had, or no more of it.
        """
        if not self._breaker.lets():
            raise GenerationError("paused")
        try:
            yield from self._heard(speech)
        finally:
            # Who left before a word came has learnt nothing of the provider.
            if speech.failed or speech.said:
                self._breaker.learn(well=not speech.failed)

    def _heard(self, speech: "Speech") -> Iterator[str]:
        if speech.stopped():
            return
        heard: SimpleQueue[str | None] = SimpleQueue()
        asked = asyncio.run_coroutine_threadsafe(self._ask(speech, heard.put), _loop())
        wait = _PAUSE_S
        try:
            while not speech.stopped():
                try:
                    part = heard.get(timeout=wait)
                except Empty:
                    if wait == _PAUSE_S:
                        wait = _POLL_S
                        yield ""
                    continue
                if speech.failed:  # at once: what came before it waits in vain
                    raise GenerationError(speech.failed)
                if part is None:
                    return
                wait = _PAUSE_S
                yield part
        finally:
            asked.cancel()

    async def _ask(self, speech: "Speech", put: Callable[[str | None], None]) -> None:
        """Put each piece of text, and None at the end, before which `speech` knows what failed."""
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt
        from tenacity import wait_random_exponential as growing

        def again(error: BaseException) -> bool:
            return not speech.said and isinstance(error, Exception) and _reason(error) in _PASSING

        tries = AsyncRetrying(
            stop=stop_after_attempt(self._retries + 1),
            wait=growing(multiplier=0.3, max=3),
            retry=retry_if_exception(again),
            reraise=True,
        )
        try:
            async with asyncio.timeout(speech.deadline - time.monotonic()):
                async for attempt in tries:
                    with attempt:
                        await self._listen(speech, put)
        except Exception as error:  # noqa: BLE001 - providers raise what they like
            speech.failed = _reason(error)
            what = f"{type(error).__name__} {_status(error) or ''}".strip()
            _log.warning("%s: %s (%s)", self.name, speech.failed, what)
        finally:
            put(None)

    async def _listen(self, speech: "Speech", put: Callable[[str | None], None]) -> None:
        stream = aiter(self._model.astream(speech.messages))
        try:
            while True:
                try:
                    # Not asyncio.wait_for: before Python 3.12 it forgets that it was cancelled
                    # where the next chunk is there already, and a flood would never end.
                    async with asyncio.timeout(self._timeout_s):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
                speech.count(chunk.usage_metadata or {})
                if text := str(chunk.text):
                    speech.said += len(text)
                    put(text)
                if speech.said > _LONGEST:
                    raise OverflowError
                await asyncio.sleep(0)  # a flood that is here already must not hide the clock
        finally:
            await stream.aclose()  # type: ignore[attr-defined]


class Speech:
    """What a model says to one prompt: text by iterating once, and the tokens that it took.

    `said` counts the characters that have come, `failed` is why no more will.
    """

    def __init__(
        self,
        chat: Chat,
        messages: Sequence[prompts.Message],
        deadline: float,
        stopped: Callable[[], bool],
    ) -> None:
        self._chat, self.messages = chat, list(messages)
        self.deadline, self.stopped = deadline, stopped
        self.tokens: dict[str, int] = {}
        self.said = 0
        self.failed: Reason | None = None

    def __iter__(self) -> Iterator[str]:
        """Yield text as it comes, as `Chat.chunks`."""
        return self._chat.chunks(self)

    def count(self, usage: Mapping[str, Any]) -> None:
        """Add the tokens of a chunk; most chunks tell none."""
        for name in ("input_tokens", "output_tokens"):
            if usage.get(name):
                self.tokens[name] = self.tokens.get(name, 0) + int(usage[name])


class _Breaker:
    """Leaves a provider alone after failures in a row; each rest over, one call may try it."""

    def __init__(self, rest_s: float) -> None:
        self._rest_s, self._lock = rest_s, threading.Lock()
        self._failures, self._until = 0, 0.0

    def lets(self) -> bool:
        """Say whether the provider may be asked now."""
        with self._lock:
            now = time.monotonic()
            rests = self._failures >= _FAILURES
            if rests and now < self._until:
                return False
            self._until = now + self._rest_s  # the others wait for what this one learns
            return True

    def learn(self, *, well: bool) -> None:
        """Note how a call went."""
        with self._lock:
            self._failures = 0 if well else self._failures + 1
            self._until = time.monotonic() + self._rest_s


_starting = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    """Return the one loop that all models are asked in: their clients outlive no other."""
    with _starting:  # two threads that come first would start two
        return _started()


@cache
def _started() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="chat models", daemon=True).start()
    return loop


_PASSING = {"rate limit", "unavailable"}
_BY_STATUS: Mapping[int, Reason] = {
    401: "key",
    403: "key",
    404: "unavailable",  # no such model, or no such path
    408: "timeout",
    429: "rate limit",
}
# What names of errors tell, the first that fits.
_BY_NAME: Sequence[tuple[Reason, re.Pattern[str]]] = (
    ("rate limit", re.compile(r"rate_?limit|quota", re.IGNORECASE)),
    ("key", re.compile(r"authentication|permission_?denied", re.IGNORECASE)),
    ("timeout", re.compile(r"timeout", re.IGNORECASE)),
    (
        "unavailable",
        re.compile(
            r"connect|network|protocol|transport|readerror|server_?error|overloaded", re.IGNORECASE
        ),
    ),
)


def _status(error: BaseException) -> int:
    """Return the HTTP status that an error tells, 0 where it tells none."""
    told = [str(getattr(error, name, "")) for name in ("status_code", "code")]
    return next((int(one) for one in told if re.fullmatch(r"[1-5]\d\d", one)), 0)


def _reason(error: BaseException) -> Reason:
    """Return in a word why a provider failed: its status first, else the kind of its error."""
    status = _status(error)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return "unavailable"
    # Within a stream that began well, errors are told apart by "type" and "code" alone.
    told = [str(getattr(error, name, "")) for name in ("type", "code")]
    names = " ".join([kind.__name__ for kind in type(error).__mro__] + told)
    return next((reason for reason, name in _BY_NAME if name.search(names)), "malformed")


class ChatJudge:
    """Asks a chat model about each claim. What it does not answer counts as not supported."""

    threshold = sure = 0.5

    def __init__(self, model: "BaseChatModel", name: str) -> None:
        self._model = model
        self.name = f"chat:{name}"

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return 1.0 or 0.0 for each (context, claim), in order; blank ones are not asked about."""
        replies = iter(
            self._model.batch(
                [list(prompts.judge(*pair)) for pair in pairs if _says(pair)],
                return_exceptions=True,
            )
        )
        return [self._verdict(next(replies)) if _says(pair) else 0.0 for pair in pairs]

    def _verdict(self, reply: object) -> float:
        said = str(getattr(reply, "text", ""))  # without what a model thought before it spoke
        if not _YES.match(said) and not _NO.match(said):
            _log.warning("%s gave no verdict: %s", self.name, type(reply).__name__)
        return float(bool(_YES.match(said)))


def _says(pair: tuple[str, str]) -> bool:
    return all(map(str.strip, pair))
