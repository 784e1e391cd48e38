"""The API told to people: one plain page made of its OpenAPI description, without a script."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from ui.essays import base_of
from ui.page import template

ABOUT: dict[str, Any] = {
    "title": "Mentor",
    "version": "1",
    "description": (
        "Answers questions about doing machine learning research, in Chinese or English, out of a "
        "few essays, and proves every sentence with a quote. Bodies are JSON in UTF-8 of at most "
        '256 KiB; nothing unknown is let pass in them. Every error is `{"error": one line}`, '
        "under /v1 in OpenAI's form. Offsets count code points. Assistants find the same as tools "
        "at /mcp (Model Context Protocol, streamable HTTP)."
    ),
    "openapi_url": "/openapi.json",
    "docs_url": None,  # FastAPI's own pages load scripts from another server
    "redoc_url": None,
}
_CSP = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_VERBS = ("get", "post")


def add_description(app: FastAPI) -> None:
    """Serve /docs."""

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        base = base_of(request)
        described = app.openapi()
        page = template("docs.html").render(
            info=described["info"], groups=_groups(described, base), base=base
        )
        return HTMLResponse(page, headers={"content-security-policy": _CSP})


def _groups(described: Mapping[str, Any], base: str) -> dict[str, list[dict[str, Any]]]:
    """Return what can be called, by what it is about, in the order of the description."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, verbs in described["paths"].items():
        for verb in _VERBS:
            if verb in verbs:
                told = _told(described, base, path, verb)
                groups.setdefault(verbs[verb].get("tags", ["Pages"])[0], []).append(told)
    return groups


def _told(described: Mapping[str, Any], base: str, path: str, verb: str) -> dict[str, Any]:
    call = described["paths"][path][verb]
    parameters = [
        (one["name"], one["in"], one["required"], one.get("description", ""))
        for one in call.get("parameters", ())
    ]
    body = _schema(described, call.get("requestBody", {}))
    example = next(iter(body.get("examples", ())), None)
    return {
        "verb": verb.upper(),
        "path": path,
        "summary": call.get("summary", path),
        "about": [part.strip() for part in call.get("description", "").split("\n\n")],
        "parameters": parameters,
        "fields": list(_fields(body)),
        "curl": _curl(base, path, verb, example),
        "answers": [
            (status, answer["description"], _example(answer))
            for status, answer in call["responses"].items()
        ],
    }


def _schema(described: Mapping[str, Any], body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the JSON of a request must look like; {} for no body."""
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = described["components"]["schemas"][name] if name else schema
    return found


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """Yield (name, whether it must be there, what it is)."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        limits = [
            f"{key} {field[key]}"
            for key in ("type", "enum", "minimum", "maximum", "maxLength", "maxItems")
            if key in field
        ]
        yield name, name in required, "; ".join([*limits, field.get("description", "")]).strip("; ")


def _curl(base: str, path: str, verb: str, example: object) -> str:
    if verb == "get":
        return f"curl {base}{path}"
    said = json.dumps(example, ensure_ascii=False)
    return f"curl {base}{path} -H 'content-type: application/json' \\\n  -d '{said}'"


def _example(answer: Mapping[str, Any]) -> str:
    for content in answer.get("content", {}).values():
        example = content.get("example")
        if example is not None:
            text = isinstance(example, str)
            return example if text else json.dumps(example, ensure_ascii=False, indent=2)
    return ""
