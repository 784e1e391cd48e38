"""Rows of unit vectors -> which of them a question is near to, by comparing or by asking others.

Of a small shelf every row is compared with the question. Of a large one only the rows that are
`searched` are, and the rest is read from the disk for the passages that were found by them.
"""

import os
import weakref
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import StaleIndexError

# Up to here one exact product is quicker than a graph for the thousands of rows that a question
# asks for (17 ms to Chroma's 45 at 100,000 rows of 256), and a process need not load Chroma, which
# takes 0.6 s, to answer one question.
_EXACT = 200_000
# What differs past these is alike: it depends on how many rows are compared at once.
_DIGITS = 6

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]
Found = tuple[Rows, NDArray[np.float64]]


def fits(rows: int) -> bool:
    """Say whether so many rows are best compared one by one."""
    return rows <= _EXACT


class Searcher(Protocol):
    """Finds, among rows that are numbered from 0, those that a question is near to."""

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row.

        Raises:
            StaleIndexError: what it reads from went away or was damaged.
        """

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Let go of the files; further calls are errors."""


class Store(Searcher, Protocol):
    """What the retriever needs: similarities of a question to the stored rows."""

    @property
    def is_whole(self) -> bool:
        """Whether `nearest` looks at every row, and not at those alone that are searched."""

    def similar(self, vector: Vectors, rows: Rows) -> NDArray[np.float64]:
        """Return the cosine similarities of some rows, in their order.

        Raises:
            StaleIndexError: the file that they stand in was cut short.
        """


class ExactStore:
    """Rows as one matrix: exact, and ready without loading Chroma."""

    is_whole = True

    def __init__(self, rows: Vectors) -> None:
        self._rows = rows

    def only(self, rows: NDArray[np.bool_]) -> "ExactStore":
        """Return a store of some of its rows."""
        return self if rows.all() else ExactStore(self._rows[rows])

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""
        return first(np.arange(len(self._rows)), self.near(vector), k)

    def similar(self, vector: Vectors, rows: Rows) -> NDArray[np.float64]:
        """Return the cosine similarities of some rows, in their order."""
        return _cosines(self._rows[rows], vector).round(_DIGITS)

    def near(self, vector: Vectors) -> NDArray[np.float64]:
        """Return the cosine similarity of every row."""
        return _cosines(self._rows, vector)

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of the matrix; further calls are errors."""
        del self._rows


class PartStore:
    """Rows on the disk, of which some are searched: those that `places` names, ascending."""

    is_whole = False

    def __init__(self, searched: Searcher, places: Rows, rows: "RowFile") -> None:
        self._searched, self._places, self._rows = searched, places, rows

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` of the searched rows, nearest first; ties by row."""
        rows, near = self._searched.nearest(vector, k)
        return self._places[rows], near

    def similar(self, vector: Vectors, rows: Rows) -> NDArray[np.float64]:
        """Return the cosine similarities of any rows. Raises StaleIndexError."""
        return _cosines(self._rows.take(rows), vector).round(_DIGITS)

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of the files; further calls are errors."""
        self._searched.close()
        self._rows.close()


class JoinedStore:
    """Several stores as one, under row numbers of its own.

    `rows[at]` gives the numbers under which the rows of `stores[at]` are known here, below 0 for
    those that are not. Rows that are `silent` are near to nothing.
    """

    def __init__(self, stores: Sequence[Store], rows: Sequence[Rows], silent: Rows) -> None:
        self._stores, self._rows, self._silent = stores, rows, silent
        self._gone = [int((known < 0).sum()) for known in rows]
        self._size = sum(map(len, stores)) - sum(self._gone)
        self._owner = np.full(self._size, -1, np.int32)
        self._place = np.zeros(self._size, np.int64)
        for at, known in enumerate(rows):
            here = known >= 0
            self._owner[known[here]], self._place[known[here]] = at, np.flatnonzero(here)

    @property
    def is_whole(self) -> bool:
        """Whether `nearest` looks at every row."""
        return all(store.is_whole for store in self._stores)

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""
        rows, near = [np.empty(0, np.int64)], [np.empty(0)]
        spare = len(self._silent)  # they may come first before they are silenced
        for store, known, gone in zip(self._stores, self._rows, self._gone, strict=True):
            if isinstance(store, ExactStore):  # equals come in our order, not in its own
                here, similar = known, store.near(vector)
            else:
                found, similar = store.nearest(vector, k + gone + spare)
                here = known[found]
            rows.append(here[here >= 0])
            near.append(similar[here >= 0])
        every, similar = np.concatenate(rows), np.concatenate(near)
        return first(every, self._heard(every, similar), k)

    def similar(self, vector: Vectors, rows: Rows) -> NDArray[np.float64]:
        """Return the cosine similarities of some rows, in their order. Raises StaleIndexError."""
        similar = np.zeros(len(rows))
        for at, store in enumerate(self._stores):
            here = self._owner[rows] == at
            similar[here] = store.similar(vector, self._place[rows[here]])
        return self._heard(rows, similar)

    def _heard(self, rows: Rows, similar: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.isin(rows, self._silent), 0.0, similar)

    def __len__(self) -> int:
        return self._size

    def close(self) -> None:
        """Let go of all of them; further calls are errors."""
        for store in self._stores:
            store.close()


class RowFile:
    """The rows of a matrix on the disk, read when they are asked for.

    Mapped into memory instead, a file that somebody cuts short would end the process.
    """

    def __init__(self, path: Path) -> None:
        """Open a file that numpy wrote. Raises OSError or ValueError where that cannot be read."""
        self._path, self._file = path, path.open("rb", buffering=0)
        self._close = weakref.finalize(self, self._file.close)
        np.lib.format.read_magic(self._file)
        shape, by_column, kind = np.lib.format.read_array_header_1_0(self._file)
        self._start, (self._count, self._width) = self._file.tell(), shape
        size = self._start + 4 * self._count * self._width
        if by_column or kind != np.float32 or path.stat().st_size != size:
            msg = f"{path.name} holds no rows of vectors, or not all of them"
            raise ValueError(msg)

    def take(self, rows: Rows) -> Vectors:
        """Return some rows as a matrix, in their order; neighbours are read at once.

        Raises:
            StaleIndexError: the file was cut short.
        """
        order = np.argsort(rows, kind="stable")
        sorted_ = rows[order]
        found = np.empty((len(rows), self._width), np.float32)
        seams = [0, *(np.flatnonzero(np.diff(sorted_) != 1) + 1).tolist(), len(rows)]
        for start, end in pairwise(seams):
            if start < end:
                self._read(int(sorted_[start]), found[start:end])
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return found[back]

    def _read(self, row: int, into: Vectors) -> None:
        at = self._start + 4 * self._width * row
        if os.preadv(self._file.fileno(), [into.data.cast("B")], at) != into.nbytes:
            msg = f"The index is damaged ({self._path.name} was cut short); run `mentor index`."
            raise StaleIndexError(msg)

    def __len__(self) -> int:
        return int(self._count)

    def close(self) -> None:
        """Let go of the file; further calls are errors."""
        self._close()


def first(rows: Rows, near: NDArray[np.float64], k: int) -> Found:
    """Return the `k` nearest of some rows, nearest first; ties by row."""
    near = near.round(_DIGITS)
    best = top(near, k, rows)
    return rows[best], near[best]


def top(scores: NDArray[np.float64], k: int, rows: Rows | None = None) -> Rows:
    """Return the places of the `k` highest scores, highest first; ties by `rows`, None for their
    order.
    """
    places = np.arange(len(scores))
    if 0 < k < len(scores):  # sorting all of them takes longer than it took to compute them
        places = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    ties = places if rows is None else rows[places]
    return places[np.lexsort((ties, -scores[places]))[: max(0, k)]]


def _cosines(rows: Vectors, vector: Vectors) -> NDArray[np.float64]:
    return np.asarray(rows @ vector.astype(np.float32), np.float64)
