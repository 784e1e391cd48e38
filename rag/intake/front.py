"""The front matter of a Markdown file -> what the document says of itself, and the rest of it."""

import datetime
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from rag.intake.blocks import About
from rag.intake.letters import one_line

_YAML = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_MOST = 10_000  # characters: more are no front matter
_KEYS = {
    "title": ("title",),
    "author": ("author", "authors", "creator", "by"),
    "date": ("date", "published", "pubdate", "created"),
    "site": ("site", "sitename", "site_name", "publication"),
    "url": ("url", "source", "canonical_url", "canonical", "link", "original"),
    "lang": ("lang", "language", "locale"),
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def fronted(text: str) -> tuple[About, str]:
    """Return what the front matter of a text says, and the text behind it.

    Text without front matter, or with one that is not YAML (TOML between "+++"), is returned
    whole: it may be an essay that begins with a line.
    """
    found = _YAML.match(text[:_MOST]) or _TOML.match(text[:_MOST])
    told = _told(found.group(1), yaml=text.startswith("---")) if found else None
    if found is None or told is None:
        return About(), text
    return _about(told), text[found.end() :]


def _told(text: str, *, yaml: bool) -> Mapping[str, Any] | None:
    """Return the fields by their names in lower case; None where there are none."""
    try:
        told = _yaml(text) if yaml else tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not told:
        return None
    return {key.lower(): value for key, value in told.items() if isinstance(key, str)}


def _yaml(text: str) -> object:
    import yaml  # type: ignore[import-untyped]

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError from error


def _about(told: Mapping[str, Any]) -> About:
    found = {
        field: next((text for key in keys if (text := _line(told.get(key)))), "")
        for field, keys in _KEYS.items()
    }
    date = _DATE.match(found["date"])
    found["date"] = date.group() if date else ""
    found["lang"] = found["lang"].lower().replace("_", "-")
    found["url"] = found["url"] if re.fullmatch(r"https?://\S{1,2000}", found["url"]) else ""
    return About(**found)


def _line(value: object) -> str:
    """Return a value as one line, names joined by commas; "" for anything that is no line."""
    several = value if isinstance(value, list) else [value]
    return ", ".join(filter(None, map(_name, several[:20])))


def _name(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("name")
    return one_line(str(value))[:500] if isinstance(value, str | int | datetime.date) else ""
