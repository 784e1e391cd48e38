"""Errors over HTTP: one line for a person, never a trace.

`{"error": line}` everywhere, but under /v1 in the form that OpenAI's clients read.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from rag import MentorError, QuestionError
from ui.stream import LeftError

logger = logging.getLogger(__name__)

OURS = "something went wrong here; please try again"
_SOON = {"retry-after": "5"}
# A mistake of the asker is 422; everything else is ours, and may pass.
_STATUS: Mapping[type[MentorError], int] = {QuestionError: 422, MentorError: 503}
_KINDS = {401: "authentication_error", 429: "rate_limit_error"}
_MEANING = {
    400: "Something in the request is wrong; the line names it.",
    404: "There is no such thing.",
    413: "The body is too long.",
    415: "The body is not JSON.",
    422: "Something in the request is wrong; the line names it.",
    429: "Too many questions; ask again after `Retry-After` seconds.",
    500: "Something went wrong on this side.",
    503: "Not now; ask again after `Retry-After` seconds.",
    507: "There is no room left.",
}


class ErrorBody(BaseModel):
    """What every error says."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="One line for a person.", examples=["question: Field required"])


class OpenAIError(BaseModel):
    """An error as OpenAI words it."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(examples=["messages: there is no question of a user"])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = None
    code: str | None = None


class OpenAIErrorBody(BaseModel):
    """What every error under /v1 says."""

    model_config = ConfigDict(extra="forbid")

    error: OpenAIError


def responses(*statuses: int, model: type[BaseModel] = ErrorBody) -> dict[int | str, Any]:
    """Return how a route's page lists these statuses.

    "4XX" stands for all others of the asker's; without it FastAPI adds a 422 of a form of its own.
    """
    told: dict[int | str, Any] = {
        status: {"model": model, "description": _MEANING[status]} for status in statuses
    }
    if 422 not in statuses:
        told["4XX"] = {"model": model, "description": "Something in the request is wrong."}
    return told


def responses_beside(*statuses: int) -> dict[int | str, Any]:
    """Return the same for a route that gives something else than JSON; its errors are JSON."""
    said = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}}
    return {
        status: {"description": told["description"], "content": said}
        for status, told in responses(*statuses).items()
    }


def status_of(error: MentorError) -> int:
    """Return the HTTP status of an error of Mentor's."""
    return next(_STATUS[kind] for kind in type(error).mro() if kind in _STATUS)


def add_errors(app: FastAPI) -> None:
    """Say every error of `app` as one line."""

    @app.exception_handler(MentorError)
    def of_mentor(request: Request, error: MentorError) -> JSONResponse:
        status = status_of(error)
        return said(request.scope, status, str(error), _SOON if status == 503 else None)

    @app.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> JSONResponse:
        return said(request.scope, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def of_request(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where, *field = first["loc"]
        name = ".".join(map(str, field)) or where
        return said(request.scope, 422, f"{name}: {first['msg']}")

    @app.exception_handler(LeftError)
    def of_nobody(request: Request, _: LeftError) -> JSONResponse:
        return said(request.scope, 499, "who asked has left")

    @app.exception_handler(Exception)
    def of_ours(request: Request, _: Exception) -> JSONResponse:
        # The server logs the trace itself once this response is out.
        return said(request.scope, 500, OURS)


def said(
    scope: Scope, status: int, line: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error in the form that its path speaks."""
    if str(scope["path"]).startswith("/v1/"):
        status = 400 if status == 422 else status
        return JSONResponse(as_openai(status, line), status, headers)
    return JSONResponse({"error": line}, status, headers)


def as_openai(status: int, line: str) -> dict[str, Any]:
    """Return an error as OpenAI words it."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": line, "type": kind, "param": None, "code": None}}
