"""Figures of shelves of several sizes -> what each takes for ever and what for each passage.

The model on paper is a line: something fixed, and something a passage (docs/scale.md says what
each is spent on). It is read off two sizes and held against a third, ten times as large, which it
has not seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# From here on a shelf is searched in three steps: `rag/vectors.py` compares 30,000 views at most,
# and a passage has about six.
LARGE = 5_000


class Line(NamedTuple):
    """A quantity by passages: `fixed` and `each`, read off two sizes, in `unit`."""

    name: str
    unit: str
    fixed: float
    each: float
    points: tuple[tuple[int, float], ...]
    """Every size that was measured, with the figure."""

    def at(self, passages: float) -> float:
        """Return what the line gives."""
        return self.fixed + self.each * passages

    @property
    def span(self) -> tuple[int, int]:
        """The sizes between which it is to hold: the first it was read off, and the largest."""
        large = [size for size, _ in self.points if size >= LARGE]
        return large[0], large[-1]


def lines(rows: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return a line a quantity; none where fewer than three large shelves were measured."""
    if sum(row["passages"] >= LARGE for row in rows) < 3:
        return []
    return [
        _line("a question, p50", "ms", rows, [row["ms"]["total"][0] for row in rows]),
        _line("building the index", "s", rows, [row["index_s"] for row in rows]),
        _line("opening it", "s", rows, [row["open_s"] for row in rows]),
        _line("memory of a server", "MB", rows, [row["ask_mb"] for row in rows]),
    ]


def _line(name: str, unit: str, rows: Sequence[Mapping[str, Any]], values: Sequence[float]) -> Line:
    points = sorted((int(row["passages"]), v) for row, v in zip(rows, values, strict=True))
    (small, low), (large, high) = [p for p in points if p[0] >= LARGE][-3:-1]
    each = (high - low) / (large - small)
    return Line(name, unit, low - each * small, each, tuple(points))
