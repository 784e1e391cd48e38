"""The settings as text: those in force, and docs/settings.md, which is written from the code."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from rag import Settings
from ui.commands.command import settings_of

_HEAD = """\
# Settings

Every setting is an environment variable, and is read once, when Mentor starts: `MENTOR_PORT=8000 \
mentor serve`. An empty variable is one that is not set. A value that cannot be is told in one \
line that names the variable. `mentor doctor` shows which ones are in force, and which variables \
begin with `MENTOR_` and are none.

This page is made by `mentor settings --markdown`; a test compares it with the code.

| Variable | Type | Range | Default | What it does |
| --- | --- | --- | --- | --- |
"""
_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_HOME = Path(__file__).resolve().parent.parent.parent


def settings_page(
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print docs/settings.md: every setting there is.")
    ] = False,
) -> None:
    """Print the settings that are not at their default, without secrets."""
    if markdown:
        sys.stdout.write(page())
        return
    for line in in_force(settings_of(None, None)):
        sys.stdout.write(f"{line}\n")


def page() -> str:
    """Return docs/settings.md, in the order of the class."""
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in _rows())


def variable(name: str) -> str:
    """Return what the environment calls a setting.

    >>> variable("top_k")
    'MENTOR_TOP_K'
    """
    return f"MENTOR_{name.upper()}"


def in_force(settings: Settings) -> Iterator[str]:
    """Yield a line VARIABLE=VALUE for each setting that is not at its default, in their order.

    Of a secret it says that it is set; of an address with a password in it, not that either.
    """
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value != field.default:
            yield f"{variable(name)}={_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set; not shown)"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = re.sub(r"(?<=://).*@", "…@", text)
    return " ".join(text.split()) if _is_plain(text) else "(set; not shown)"


def _is_plain(text: str) -> bool:
    """Say whether a value has no query, in which an address may carry a key."""
    try:
        return not ("://" in text and urlsplit(text).query)
    except ValueError:
        return False


def _rows() -> Iterator[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        told = (field.description or "").replace("|", "\\|")
        yield f"`{variable(name)}`", _type(field), _range(field), _default(field), told


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is not None and type(None) in get_args(kind):
        kind = get_args(kind)[0]
    if kind is SecretStr:
        return "text, secret"
    if kind is Path:
        return "folder"
    choices = [choice for choice in get_args(kind) if choice]
    return ", ".join(f"`{choice}`" for choice in choices) or _TYPES[kind]


def _range(field: FieldInfo) -> str:
    signs = {"Ge": "from {ge}", "Gt": "above {gt}", "Le": "to {le}", "Lt": "below {lt}"}
    rules = [(signs.get(type(rule).__name__, ""), rule) for rule in field.metadata]
    return " ".join(sign.format(**_bound(rule)) for sign, rule in rules if sign)


def _bound(rule: Any) -> dict[str, str]:  # noqa: ANN401 - annotated_types has a class for each
    named = {name: getattr(rule, name, None) for name in ("ge", "gt", "le", "lt")}
    return {name: f"{bound:g}" if bound < 1 else f"{bound:,}" for name, bound in named.items()
            if bound is not None}  # fmt: skip


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, Path):
        return f"`{value.relative_to(_HOME)}` of the checkout"
    if isinstance(value, SecretStr) or value in {"", None}:
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
