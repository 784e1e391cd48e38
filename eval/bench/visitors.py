"""The users of `python -m eval bench users`, for locust, in whose process this file runs.

Each asks once in MENTOR_EVERY seconds, however long the answer takes; 0: again at once. Where
MENTOR_AT_ONCE is set, all of them ask at the same moment. What is answered by 503 and told when to
come back was answered in time: it counts as "busy", and not as an error.
"""

import json
import os
import random
import time

from locust import FastHttpUser, task
from locust.contrib.fasthttp import ResponseContextManager
from typing_extensions import override

from eval.cases import read

_EVERY_S = float(os.environ.get("MENTOR_EVERY", "5"))  # noqa: TID251 - from who starts locust
_AT_ONCE = bool(os.environ.get("MENTOR_AT_ONCE"))  # noqa: TID251 - likewise
_QUESTIONS = [case.question for case in (*read("dev"), *read("tuning"))]
_CHANCE = random.Random()


class _Visitor(FastHttpUser):
    """Somebody who waits between questions, and at first for a part of that time."""

    abstract = True
    network_timeout = connection_timeout = 60.0

    @override
    def on_start(self) -> None:
        """Come at any time, and all at once only where that is wanted."""
        first_s = 0.0 if _AT_ONCE else _CHANCE.uniform(0, _EVERY_S)
        self._due = time.monotonic() + first_s
        time.sleep(first_s)

    @override
    def wait_time(self) -> float:
        """Return seconds until the next question is due; locust's own pacing forgets the first
        wait, and has everybody ask at one moment.
        """
        now = time.monotonic()
        self._due = max(now, self._due + _EVERY_S)
        return self._due - now

    def stream(self) -> None:
        """Ask, and read the answer as it grows; only a whole one counts."""
        asked = json.dumps({"question": _CHANCE.choice(_QUESTIONS)})
        headers = {"content-type": "application/json"}
        with self.client.post(
            "/api/chat", data=asked, headers=headers, name="chat", catch_response=True
        ) as response:
            whole = "event: answer" in (response.text or "") and "event: done" in response.text
            if response.status_code == 200 and not whole:
                response.failure("no answer")
            _excused(response)


class Chatting(_Visitor):
    """Somebody in a chat."""

    weight = 6.0

    @task
    def ask(self) -> None:
        """Ask in the chat."""
        self.stream()


class Program(_Visitor):
    """A program that wants whole answers."""

    weight = 3.0

    @task
    def ask(self) -> None:
        """Ask for a whole answer."""
        asked = {"question": _CHANCE.choice(_QUESTIONS)}
        with self.client.post("/api/ask", json=asked, name="api", catch_response=True) as response:
            _excused(response)


class Reader(_Visitor):
    """Somebody on a page with the widget, who opens it and asks."""

    weight = 1.0

    @task
    def visit(self) -> None:
        """Load what the page loads, then ask."""
        for path in ("/widget.js", "/api/widget"):
            self.client.get(path, name="widget")
        self.stream()


def _excused(response: ResponseContextManager) -> None:
    """Count a 503 that says when to come back as what it is."""
    if response.status_code == 503 and response.headers and "retry-after" in response.headers:
        response.request_meta["name"] = "busy"
        response.success()  # type: ignore[no-untyped-call]
