"""Labelled quotes -> how many verdicts of the quote check are right. A conformance, not a score."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.cases import numbered
from eval.figures import Figure, of_flags
from rag import locate

_LABELS = {"exact": True, "equal_after_normalising": False, "altered": None, "absent": None}


def figures(path: Path) -> list[Figure]:
    """Return the share of right verdicts, of the whole file and of each kind of quote.

    Rows hold "context", "quote", "kind" and "label": exact, equal_after_normalising, altered or
    absent.

    Raises:
        ValueError: a row lacks a field, or has another label; it is named with its line.
    """
    labelled = list(_labelled(path))
    kinds = sorted({row["kind"] for row in labelled})
    name = path.name.split(".")[0]
    return [
        of_flags(name, _right(labelled)),
        *(of_flags(f"{name} {k}", _right([r for r in labelled if r["kind"] == k])) for k in kinds),
    ]


def _labelled(path: Path) -> Iterator[Mapping[str, Any]]:
    for at, row in numbered(path, "context", "quote", "kind", "label"):
        if row["label"] not in _LABELS:
            msg = f"{path}, line {at}: label: '{row['label']}' is none of {', '.join(_LABELS)}."
            raise ValueError(msg)
        yield row


def _right(labelled: Sequence[Mapping[str, Any]]) -> list[bool]:
    flags = []
    for row in labelled:
        found = locate(row["quote"], row["context"])
        flags.append((found[1] if found else None) == _LABELS[row["label"]])
    return flags
