"""What people think of an answer, as lines of JSON in one file: no address, no name, no cookie."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from filelock import FileLock, Timeout

from ui.bodies import Feedback, JsonRoute, KeptBody, given
from ui.errors import responses
from ui.recording import Log

FILE = "feedback.jsonl"
_MOST_BYTES = 20_000_000
_WAIT_S = 5.0  # for another process that writes


class FullError(Exception):
    """The file has reached its size."""


class Box:
    """Where feedback goes. Safe to use from several threads and processes."""

    def __init__(self, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
        self.path = folder / FILE
        self._most = most_bytes

    def keep(self, told: Feedback) -> None:
        """Append one line, whole or not at all.

        Raises:
            FullError: there is no room for it.
            Timeout: somebody else has been writing for too long.
            OSError: the disk does not take it.
        """
        line = _line(told.model_dump())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A lock of its own for each line: one object is one holder, and threads are several.
        with FileLock(f"{self.path}.lock", timeout=_WAIT_S), self.path.open("ab") as file:
            size = file.tell()
            if size + len(line) > self._most:
                raise FullError
            try:
                file.write(line)
                file.flush()
            except OSError:
                os.ftruncate(file.fileno(), size)
                raise


def add_feedback(app: FastAPI, box: Box, log: Log | None = None) -> None:
    """Serve /api/feedback; where questions are logged, the thumb is noted at its question, too."""
    router = APIRouter(route_class=JsonRoute, tags=["Feedback"])

    @router.post(
        "/api/feedback",
        summary="Say what you think of an answer",
        response_model=None,
        responses=given(KeptBody, {"status": "kept"})
        | responses(413, 415, 422, 429, 500, 503, 507),
    )
    def feedback(body: Feedback) -> dict[str, Any]:
        """Keep a thumb or "wrong evidence", with a note if there is one, for the owner to read.

        What is kept is this body and the time, in `feedback.jsonl` beside the index; nothing says
        whose it is.
        """
        try:
            box.keep(body)
        except FullError as error:
            line = "the box for feedback is full; its owner has to empty it"
            raise HTTPException(507, line) from error
        except (Timeout, OSError) as error:
            line = "feedback cannot be kept just now"
            raise HTTPException(503, line, {"retry-after": "5"}) from error
        if log:
            log.judge(body)
        return {"status": "kept"}

    app.include_router(router)


def _line(told: dict[str, Any]) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return (json.dumps({"at": at} | told, ensure_ascii=False) + "\n").encode()
