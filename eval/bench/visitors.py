"""The users of `python -m eval bench users`, for locust, in whose process this file runs.

Each asks once in MENTOR_EVERY seconds, however long the answer takes; 0: again at once.
"""

import json
import os
import random
import time

from locust import FastHttpUser, constant_pacing, task
from typing_extensions import override

from eval.cases import read

_EVERY_S = float(os.environ.get("MENTOR_EVERY", "5"))  # noqa: TID251 - from who starts locust
_QUESTIONS = [case.question for case in (*read("dev"), *read("tuning"))]
_CHANCE = random.Random()


class _Visitor(FastHttpUser):
    """Somebody who waits between questions, and at first for a part of that time."""

    abstract = True
    wait_time = constant_pacing(_EVERY_S)
    network_timeout = connection_timeout = 60.0

    @override
    def on_start(self) -> None:
        """Come at any time, not all at once."""
        time.sleep(_CHANCE.uniform(0, _EVERY_S))

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
        self.client.post("/api/ask", json={"question": _CHANCE.choice(_QUESTIONS)}, name="api")


class Reader(_Visitor):
    """Somebody on a page with the widget, who opens it and asks."""

    weight = 1.0

    @task
    def visit(self) -> None:
        """Load what the page loads, then ask."""
        for path in ("/widget.js", "/api/widget"):
            self.client.get(path, name="widget")
        self.stream()
