"""The text of a manifest, row by row: a change of one row leaves every other letter as it is.

Knows where a row begins and ends, comments included; what its fields mean is `rag/load.py`'s.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from typing_extensions import override

from rag.errors import CorpusError
from rag.journal import MANIFEST

_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*essay[ \t]*\]\]", re.MULTILINE)
_ABOVE = re.compile(r"(?:^[ \t]*#[^\n]*\n)+\Z", re.MULTILINE)

Fields = Mapping[str, Any]


class Manifest:
    """A manifest in the making. A row has its comments with it: those in it, and right above it."""

    def __init__(self, text: str) -> None:
        """Take a manifest apart.

        Raises:
            CorpusError: a row is not written as a table of its own, under [[essay]].
        """
        self._form = "\r\n" if "\r\n" in text else "\n"
        self._head, blocks = _parted(text)
        self._rows = {_id(block): block for block in blocks}
        if len(self._rows) != len(blocks):
            msg = f"{MANIFEST}: an id stands more than once; run `mentor doctor`."
            raise CorpusError(msg)

    @override
    def __str__(self) -> str:
        """Return the whole text."""
        return self._head + "".join(self._rows.values())

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._rows)

    @property
    def ids(self) -> set[str]:
        """The ids of the rows."""
        return {*self._rows}

    def row(self, id_: str) -> str:
        """Return the text of a row."""
        return self._rows[id_]

    def add(self, fields: Fields) -> None:
        """Put a row at the end. A value is a text, a mapping, or a sequence of mappings."""
        before = next(reversed(self._rows.values()), self._head)
        gap = self._form * (bool(before) + (bool(before) and not before.endswith("\n")))
        self._rows[fields["id"]] = gap + _written(fields).replace("\n", self._form)

    def change(self, id_: str, fields: Fields) -> None:
        """Give some fields of a row other values; what else stands in the row stays."""
        import tomlkit  # keeps comments and order

        parsed = tomlkit.parse(self._rows[id_])
        row: Any = parsed["essay"]
        for name, value in fields.items():
            row[0][name] = _item(value)
        self._rows[id_] = tomlkit.dumps(parsed)

    def remove(self, id_: str) -> None:
        """Take a row away."""
        del self._rows[id_]


def _parted(text: str) -> tuple[str, list[str]]:
    """Return what stands before the first row, and each row."""
    starts: list[int] = []
    for found in _HEADER.finditer(text):
        above = _ABOVE.search(text[starts[-1] if starts else 0 : found.start()])
        starts.append(found.start() - (len(above.group()) if above else 0))
    rows = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    return text[: starts[0]] if starts else text, rows


def _id(block: str) -> str:
    try:
        (row,) = tomllib.loads(block)["essay"]
        return str(row["id"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        first = " ".join(block.split())[:40]
        msg = f"{MANIFEST}: '{first}…' is no row with an id that can be told apart; mend it."
        raise CorpusError(msg) from error


def _item(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a row
    """Return a value as TOML holds it: a list of mappings as tables under each other."""
    import tomlkit

    if isinstance(value, Mapping):
        return tomlkit.item(dict(value))
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        tables = tomlkit.aot()
        for one in value:
            table = tomlkit.table()
            table.update(one)
            tables.append(table)
        return tables
    return tomlkit.item(value)


def _written(fields: Fields) -> str:
    """Return a new row: its plain fields first, then its tables."""
    plain = {name: value for name, value in fields.items() if _is_plain(value)}
    lines = ["[[essay]]", *map(_line, plain.items())]
    for name, value in fields.items():
        if isinstance(value, Mapping):
            lines += ["", f"[essay.{name}]", *map(_line, value.items())]
        elif name not in plain:
            for one in value:
                lines += ["", f"[[essay.{name}]]", *map(_line, one.items())]
    return "\n".join([*lines, ""])


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool | int)


def _line(field: tuple[str, Any]) -> str:
    name, value = field
    return f"{name} = {quoted(value)}"


def quoted(value: str | bool | int | Sequence[str]) -> str:  # noqa: FBT001 - a value, no switch
    """Return a value as TOML writes it: JSON is TOML, but for one control that JSON lets stand.

    >>> quoted(["a", "b"])
    '["a", "b"]'
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
