"""Columns + leaves -> passages and views by number, each made when it is asked for.

So a shelf of a million passages is open at once, and holds of them what was asked about.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from rag.columns import KINDS, Columns
from rag.shelf import Leaf
from rag.types import Match, Passage, Span, View, ViewKind

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Size:
    """How many passages and views are one leaf's."""

    key: str
    passages: int
    views: int


class Passages(Sequence[Passage]):
    """The passages of a shelf, in its order. Like a tuple, but none is made before it is read."""

    def __init__(self, columns: Columns, leaves: Sequence[Leaf], sizes: Sequence[Size]) -> None:
        self._columns, self._leaves = columns, leaves
        self._starts = [*accumulate((size.passages for size in sizes), initial=0)]
        self._leaf = {leaf.doc_id: at for at, leaf in enumerate(leaves) if leaf.doc_id}

    @overload
    def __getitem__(self, at: int) -> Passage: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Passage, ...]: ...
    @override
    def __getitem__(self, at: int | slice) -> Passage | tuple[Passage, ...]:
        if isinstance(at, slice):
            return tuple(self[each] for each in range(*at.indices(len(self))))
        at = range(len(self))[at]
        leaf = self._leaves[bisect_right(self._starts, at) - 1]
        span = Span(*self._columns.spans[at].tolist())
        said = (self._columns.names[name] for name in self._columns.told[at].tolist())
        speaker, heading, asked = said
        path = tuple(heading.split("\n")) if heading else ()
        return Passage(leaf.doc_id, span, span.of(leaf.text), path, speaker, asked)

    @override
    def __len__(self) -> int:
        return len(self._columns.spans)

    def of(self, doc_id: str) -> range:
        """Return the numbers of an essay's passages. Raises KeyError where there is no essay."""
        leaf = self._leaf[doc_id]
        return range(self._starts[leaf], self._starts[leaf + 1])

    def touching(self, doc_id: str, span: Span) -> list[Passage]:
        """Return the passages that a stretch of an essay touches, in order. Raises KeyError."""
        numbers = self.of(doc_id)
        spans = self._columns.spans[numbers.start : numbers.stop]
        here = np.flatnonzero((spans[:, 0] < span.end) & (spans[:, 1] > span.start))
        return [self[numbers[at]] for at in here.tolist()]

    def by(self, speaker: str) -> Rows:
        """Return the numbers of the passages that somebody speaks; none for who does not speak."""
        names = self._columns.names
        if speaker not in names:
            return np.empty(0, np.int64)
        return np.flatnonzero(self._columns.told[:, 0] == names.index(speaker))


class ById(Mapping[str, Passage]):
    """The same passages by their names."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    @override
    def __getitem__(self, id_: str) -> Passage:
        doc_id, _, place = id_.rpartition(":")
        start = place.partition("-")[0]
        if start.isascii() and start.isdigit():
            first = int(start)
            for passage in self._passages.touching(doc_id, Span(first, first + 1)):
                if passage.id == id_:
                    return passage
        raise KeyError(id_)

    @override
    def __iter__(self) -> Iterator[str]:
        return (passage.id for passage in self._passages)

    @override
    def __len__(self) -> int:
        return len(self._passages)


class Views(Sequence[View]):
    """The views of a shelf, in its order; of `kinds` and `owners` as in `Columns`."""

    def __init__(self, columns: Columns, leaves: Sequence[Leaf], sizes: Sequence[Size]) -> None:
        self._columns, self._leaves = columns, leaves
        self._starts = [*accumulate((size.views for size in sizes), initial=0)]
        self.kinds, self.owners = columns.kinds, columns.owners

    @overload
    def __getitem__(self, row: int) -> View: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[View, ...]: ...
    @override
    def __getitem__(self, row: int | slice) -> View | tuple[View, ...]:
        if isinstance(row, slice):
            return tuple(self[each] for each in range(*row.indices(len(self))))
        row = range(len(self))[row]
        leaf = bisect_right(self._starts, row) - 1
        return self._leaves[leaf].views[row - self._starts[leaf]]

    @override
    def __len__(self) -> int:
        return len(self.kinds)

    def of_kind(self, kind: ViewKind) -> Rows:
        """Return the numbers of the views of one kind."""
        return self._columns.of_kind(kind)

    def are(self, kind: ViewKind, rows: Rows) -> NDArray[np.bool_]:
        """Say of each of some views whether it is of this kind."""
        return np.asarray(self.kinds[rows] == KINDS.index(kind))

    def match(self, row: int, similarity: float) -> Match | None:
        """Return a view as what a question came near to, None for one that has no place."""
        start, end = self._columns.places[row].tolist()
        kind = KINDS[self.kinds[row]]
        return Match(kind, Span(start, end), similarity) if end else None


def catalog(
    leaves: Sequence[Leaf], columns: Columns | None = None, sizes: Sequence[Size] = ()
) -> tuple[Passages, Views]:
    """Return the passages and views of leaves; without `columns`, by making all of them."""
    if columns is None:
        columns = Columns.joined([Columns.of(leaf.passages, leaf.views) for leaf in leaves])
        sizes = [Size(leaf.key, len(leaf.passages), len(leaf.views)) for leaf in leaves]
    return Passages(columns, leaves, sizes), Views(columns, leaves, sizes)
