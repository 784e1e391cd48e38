"""How much one address, and everybody together, may ask: counted by the library `limits`.

Nothing is kept but how often an address came; questions are not.
"""

import logging
import sqlite3
import time
from asyncio import timeout
from collections.abc import Iterator
from importlib.util import find_spec
from math import ceil

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from rag import MentorError, Settings
from ui.reading import puts_a_question
from ui.refusal import Why, refusal
from ui.request import address, is_asset, path_of

logger = logging.getLogger(__name__)

_PATIENCE_S = 1.0  # with a store that does not answer
_AWAY_S = 30.0  # before it is tried again
_FILE = "sqlite://"
_BUSY_S = 0.2  # that another process may hold the file
_SWEPT_EVERY = 1000
# scheme -> (the module that speaks it, its package, what `limits` is told besides)
_CLIENTS = {
    "redis": ("redis", {"implementation": "redispy"}),
    "rediss": ("redis", {"implementation": "redispy"}),
    "valkey": ("valkey", {}),
    "valkeys": ("valkey", {}),
    "memcached": ("memcachio", {}),
}


class Tally(MemoryStorage):
    """A memory that the processes of one machine share: a file of SQLite.

    What is not kept there is how it counts: that is the library's. Raises sqlite3.Error where the
    file cannot be used.
    """

    STORAGE_SCHEME: list[str] = []  # noqa: RUF012 - the library's; it is not found by address

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")  # it does not outlive the machine
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INT, until REAL)"
        )
        self._written = 0

    @override
    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        self._sweep(now)
        self._file.execute("DELETE FROM counts WHERE key = ? AND until <= ?", (key, now))
        row = self._file.execute(
            "INSERT INTO counts VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET count = count + excluded.count RETURNING count",
            (key, amount, now + expiry),
        )
        return int(row.fetchone()[0])

    @override
    async def decr(self, key: str, amount: int = 1) -> int:
        self._file.execute(
            "UPDATE counts SET count = max(count - ?, 0) WHERE key = ?", (amount, key)
        )
        return await self.get(key)

    @override
    async def get(self, key: str) -> int:
        found = self._file.execute(
            "SELECT count FROM counts WHERE key = ? AND until > ?", (key, time.time())
        )
        row = found.fetchone()
        return int(row[0]) if row else 0

    def _sweep(self, now: float) -> None:
        self._written += 1
        if self._written % _SWEPT_EVERY == 0:
            self._file.execute("DELETE FROM counts WHERE until <= ?", (now,))


class Counter:
    """Spends budgets in a store; while that is away, in this process's own memory.

    So a broken store never closes Mentor and never opens it: each replica then counts alone.
    """

    def __init__(self, store: Storage | None = None, away_s: float = _AWAY_S) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = SlidingWindowCounterRateLimiter(store) if store else self._own
        # Who guesses at a key is counted on this machine, whatever happens on another.
        self._near = self._shared if isinstance(store, Tally) else self._own
        self._away_s, self._away_until = away_s, 0.0

    async def spend(self, budget: RateLimitItem, who: str) -> int:
        """Take one from a budget; return 0, or the seconds until there is one to take."""
        if self._shared is not self._own and time.monotonic() >= self._away_until:
            try:
                async with timeout(_PATIENCE_S):
                    wait_s = await _spent(self._shared, budget, who)
            except Exception as error:  # noqa: BLE001 - every client library has its own
                self._miss(error)
            else:
                self._away_until = 0.0
                return wait_s
        return await _spent(self._own, budget, who)

    async def wait(self, budget: RateLimitItem, who: str) -> int:
        """Return the seconds until a budget of this machine has one to take, taking none."""
        return 0 if await self._near.test(budget, who) else await _wait(self._near, budget, who)

    async def note(self, budget: RateLimitItem, who: str) -> None:
        """Take one from a budget of this machine, whatever is left of it."""
        await self._near.hit(budget, who)

    def _miss(self, error: Exception) -> None:
        if not self._away_until:
            logger.warning(
                "The store of MENTOR_BUDGET_STORE does not answer (%s): until it does, this "
                "process counts alone, and looks again every %.0f seconds",
                type(error).__name__,
                self._away_s,
            )
        self._away_until = time.monotonic() + self._away_s


class Budgets:
    """Answers 429, with the time to wait, to whoever has asked too much."""

    def __init__(self, app: ASGIApp, settings: Settings, counter: Counter) -> None:
        self._app, self._counter = app, counter
        self._asks: list[tuple[Why, RateLimitItem, bool]] = [
            ("minute", RateLimitItemPerMinute(settings.asks_per_minute), False),
            ("day", RateLimitItemPerDay(settings.asks_per_day), False),
            ("all", RateLimitItemPerDay(settings.asks_per_day_in_all), True),
        ]
        self._reads: list[tuple[Why, RateLimitItem, bool]] = [
            ("reads", RateLimitItemPerMinute(settings.reads_per_minute), False)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while there is budget for it."""
        for why, budget, who in self._due(scope):
            if wait_s := await self._counter.spend(budget, who):
                await refusal(scope, 429, why, wait_s=wait_s)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _due(self, scope: Scope) -> Iterator[tuple[Why, RateLimitItem, str]]:
        if puts_a_question(scope):
            kind, due = "asks", self._asks
        elif is_asset(path_of(scope)):
            return
        else:
            kind, due = "reads", self._reads
        for why, budget, everybody in due:
            if budget.amount:
                yield why, budget, f"{kind}/{'all' if everybody else address(scope)}"


def open_store(uri: str) -> Storage | None:
    """Return the store that a setting names; None for this process's memory.

    Raises:
        MentorError: no such store is known, or the library for it is missing.
    """
    scheme, known, _ = uri.partition("://")
    if uri in {"", "memory://"}:
        return None
    if uri.startswith(_FILE):
        return _open_file(uri.removeprefix(_FILE))
    if not known or scheme not in _CLIENTS:
        msg = (
            "MENTOR_BUDGET_STORE is no address of a store: it begins with redis://, valkey:// or "
            "memcached://, or is sqlite:// and a path."
        )
        raise MentorError(msg)
    package, options = _CLIENTS[scheme]
    if find_spec(package) is None:
        msg = f"MENTOR_BUDGET_STORE needs a library: .venv/bin/pip install {package}"
        raise MentorError(msg)
    try:
        store = storage_from_string(f"async+{uri}", **options)
    except (ConfigurationError, ValueError) as error:
        msg = f"MENTOR_BUDGET_STORE names a store that cannot be opened ({type(error).__name__})."
        raise MentorError(msg) from error
    if not isinstance(store, Storage):
        raise TypeError(type(store))
    return store


def _open_file(path: str) -> Tally:
    try:
        return Tally(path)
    except sqlite3.Error as error:
        msg = f"MENTOR_BUDGET_STORE: {path} cannot be used as a file of SQLite ({error})."
        raise MentorError(msg) from error


async def _spent(strategy: SlidingWindowCounterRateLimiter, budget: RateLimitItem, who: str) -> int:
    if await strategy.hit(budget, who):
        return 0
    return await _wait(strategy, budget, who)


async def _wait(strategy: SlidingWindowCounterRateLimiter, budget: RateLimitItem, who: str) -> int:
    stats = await strategy.get_window_stats(budget, who)
    return max(1, ceil(stats.reset_time - time.time()))
