"""Is it alive, can it answer: what a supervisor and a load balancer ask."""

import logging
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException

from rag import Mentor
from ui.bodies import HealthBody, ReadyBody, given
from ui.errors import responses

logger = logging.getLogger(__name__)
_PROBE = "怎么选课题?"


def add_health(app: FastAPI, mentor: Mentor) -> None:
    """Serve /healthz and /readyz."""
    router = APIRouter(tags=["Operation"])

    @router.get(
        "/healthz",
        summary="Is it alive?",
        response_model=None,
        responses=given(HealthBody, {"status": "ok", "essays": 5}) | responses(500),
    )
    def healthz() -> dict[str, Any]:
        """Say that the process answers; nothing is looked up."""
        return {"status": "ok", "essays": len(mentor.documents)}

    @router.get(
        "/readyz",
        summary="Can it answer?",
        response_model=None,
        responses=given(ReadyBody, {"status": "ready"}) | responses(500, 503),
    )
    def readyz() -> dict[str, Any]:
        """Look something up in the index; 503 where that fails."""
        try:
            found = bool(mentor.retrieve(_PROBE, 1))
        except Exception:
            logger.exception("The index cannot be read")
            found = False
        if not found:
            raise HTTPException(503, "the index cannot be read", {"retry-after": "5"})
        return {"status": "ready"}

    app.include_router(router)
