"""Rows of unit vectors -> which of them a question is near to, by comparing or by asking others.

Of a small shelf every row is compared with the question. Of a large one only the rows of whole
passages are, and the rest is read from the disk for the passages that were found by them.
"""

import os
import weakref
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import StaleIndexError

# Up to here every view of a shelf is compared with a question, and the nearest of them by their
# pieces, too. Of 5,000 passages that finds .97 of what comparing all by their pieces finds; what is
# done with larger shelves finds .99 of it, and takes 10 ms longer, however many there are.
_WHOLE = 30_000
# Up to here the rows of passages are compared one by one: 40 ms for a million of 256 numbers on one
# core, and nothing is missed. Of 100,000 Chroma gives the thousand nearest as soon (6 ms), but .93
# of them, and a process need not load Chroma, which takes 0.6 s, to answer one question.
_EXACT = 1_200_000
# What differs past these is alike: it depends on how many rows are compared at once.
_DIGITS = 6
_ALIKE = np.float32(2e-6)  # more than rounding to these digits moves a number

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]
Found = tuple[Rows, NDArray[np.float64]]


def is_small(views: int) -> bool:
    """Say whether of so many views each is best compared with a question."""
    return views <= _WHOLE


def fits(rows: int) -> bool:
    """Say whether so many rows of passages are best compared one by one."""
    return rows <= _EXACT


class Searcher(Protocol):
    """Finds, among rows that are numbered from 0, those that a question is near to."""

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row.

        Raises:
            StaleIndexError: what it reads from went away or was damaged.
            StoreError: it stands outside the process, and does not answer.
        """

    def alike(self, vector: Vectors, question: str, k: int) -> Rows | None:
        """Return up to `k` rows that are near or share rare words, the likeliest first; None where
        words are not known here. Raises like `nearest`.
        """

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Let go of the files; further calls are errors."""


class Weighed(NamedTuple):
    """The words of some rows, end to end: row `at` has `words[starts[at]:starts[at + 1]]`, and what
    each counts there before its rarity.
    """

    starts: NDArray[np.int64]
    words: Sequence[str]
    weights: NDArray[np.float32]


class Engine(Protocol):
    """A vector database outside the process. What it holds under a name is whole, or not there.

    Every method raises StoreError where it does not answer.
    """

    def holds(self, name: str, count: int) -> bool:
        """Say whether so many rows were published under a name."""

    def write(self, name: str, rows: Vectors, words: Weighed) -> None:
        """Publish rows under a name, which is free: all of them at once, or none."""

    def open(self, name: str, count: int) -> Searcher:
        """Return what searches the rows of a name. Raises StaleIndexError where they are others."""

    def remove(self, name: str) -> None:
        """Remove the rows of a name, if there are any."""


class Matrix(Protocol):
    """Rows that are numbered from 0, in memory or on the disk."""

    def take(self, rows: Rows) -> Vectors:
        """Return some rows, in their order.

        Raises:
            StaleIndexError: the file that they stand in was cut short.
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

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""
        return first(np.arange(len(self._rows)), self.near(vector), k)

    def alike(self, vector: Vectors, question: str, k: int) -> None:
        """Return None: words are not known here."""

    def similar(self, vector: Vectors, rows: Rows) -> NDArray[np.float64]:
        """Return the cosine similarities of some rows, in their order."""
        return _rounded(_cosines(self._rows[rows], vector))

    def near(self, vector: Vectors) -> Vectors:
        """Return the cosine similarity of every row."""
        return _cosines(self._rows, vector)

    def take(self, rows: Rows) -> Vectors:
        """Return some rows, in their order."""
        return self._rows[rows]

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of the matrix; further calls are errors."""
        del self._rows


class JoinedStore:
    """Several searchers and the rows that they search, as one store under numbers of its own.

    `numbers[at]` gives the numbers under which the rows of `searchers[at]` are known here, below 0
    for those that are not. Rows that are `silent` are near to nothing. `is_whole` says whether the
    searchers look at every row.
    """

    def __init__(
        self,
        searchers: Sequence[Searcher],
        numbers: Sequence[Rows],
        rows: Matrix,
        silent: Rows,
        *,
        is_whole: bool,
    ) -> None:
        self._searchers, self._numbers, self._rows = searchers, numbers, rows
        self._silent, self.is_whole = silent, is_whole
        self._gone = [int((known < 0).sum()) for known in numbers]

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` of the rows that are searched, nearest first; ties by row."""
        rows, near = [np.empty(0, np.int64)], [np.empty(0)]
        spare = len(self._silent)  # they may come first before they are silenced
        for searcher, known, gone in zip(self._searchers, self._numbers, self._gone, strict=True):
            wanted = k + gone + spare
            if isinstance(searcher, ExactStore):  # equals come in our order, not in its own
                here, similar = _likely(known, searcher.near(vector), wanted)
            else:
                found, similar = searcher.nearest(vector, wanted)
                here = known[found]
            rows.append(here[here >= 0])
            near.append(similar[here >= 0])
        every, similar = np.concatenate(rows), np.concatenate(near)
        return first(every, self._heard(every, similar), k)

    def alike(self, vector: Vectors, question: str, k: int) -> Rows | None:
        """Return up to `k` rows that are near or share rare words: the first of each searcher, then
        the second of each; None where one of them does not know words.
        """
        rows, places = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for searcher, known in zip(self._searchers, self._numbers, strict=True):
            found = searcher.alike(vector, question, k)
            if found is None:
                return None
            here = known[found]
            here = here[(here >= 0) & ~np.isin(here, self._silent)]
            rows.append(here)
            places.append(np.arange(len(here)))
        every = np.concatenate(rows)
        return every[np.lexsort((every, np.concatenate(places)))][:k]

    def similar(self, vector: Vectors, rows: Rows) -> NDArray[np.float64]:
        """Return the cosine similarities of any rows, in their order. Raises StaleIndexError."""
        if not len(rows):
            return np.zeros(0)
        return self._heard(rows, _rounded(_cosines(self._rows.take(rows), vector)))

    def _heard(self, rows: Rows, similar: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.isin(rows, self._silent), 0.0, similar) if len(self._silent) else similar

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of all of them; further calls are errors."""
        for searcher in self._searchers:
            searcher.close()
        self._rows.close()


class JoinedMatrix:
    """Rows of several matrices under one row of numbers, given as in `JoinedStore`."""

    def __init__(self, parts: Sequence[Matrix], numbers: Sequence[Rows]) -> None:
        self._parts = parts
        self._size = sum(int((known >= 0).sum()) for known in numbers)
        self._owner = np.full(self._size, -1, np.int32)
        self._place = np.zeros(self._size, np.int32)
        for at, known in enumerate(numbers):
            here = known >= 0
            self._owner[known[here]], self._place[known[here]] = at, np.flatnonzero(here)

    def take(self, rows: Rows) -> Vectors:
        """Return some rows, in their order. Raises StaleIndexError."""
        owners = self._owner[rows]
        order = np.argsort(owners, kind="stable")
        taken = [
            self._parts[at].take(self._place[rows[owners == at]].astype(np.int64))
            for at in np.unique(owners).tolist()
        ]
        found = np.empty((len(rows), taken[0].shape[1] if taken else 0), np.float32)
        found[order] = np.concatenate([found[:0], *taken])
        return found

    def __len__(self) -> int:
        return self._size

    def close(self) -> None:
        """Let go of all of them; further calls are errors."""
        for part in self._parts:
            part.close()


class RowFile:
    """The rows of a matrix on the disk, read when they are asked for.

    Mapped into memory instead, a file that somebody cuts short would end the process.
    """

    def __init__(self, path: Path) -> None:
        """Open a file that numpy wrote. Raises OSError or ValueError where that cannot be read."""
        self._path, self._file = path, path.open("rb", buffering=0)
        self._close = weakref.finalize(self, self._file.close)
        np.lib.format.read_magic(self._file)
        shape, by_column, self._kind = np.lib.format.read_array_header_1_0(self._file)
        self._start, (self._count, self._width) = self._file.tell(), shape
        self._bytes = self._kind.itemsize * self._width  # of a row
        size = self._start + self._bytes * self._count
        if by_column or self._kind.kind != "f" or path.stat().st_size != size:
            msg = f"{path.name} holds no rows of vectors, or not all of them"
            raise ValueError(msg)

    def take(self, rows: Rows) -> Vectors:
        """Return some rows as a matrix, in their order; neighbours are read at once.

        Raises:
            StaleIndexError: the file was cut short.
        """
        order = np.argsort(rows, kind="stable")
        sorted_ = rows[order]
        found = np.empty((len(rows), self._width), self._kind)
        seams = [0, *(np.flatnonzero(np.diff(sorted_) != 1) + 1).tolist(), len(rows)]
        for start, end in pairwise(seams):
            if start < end:
                self._read(int(sorted_[start]), found[start:end])
        back = np.empty((len(rows), self._width), np.float32)
        back[order] = found
        return back

    def _read(self, row: int, into: NDArray[np.floating]) -> None:
        at = self._start + self._bytes * row
        if os.preadv(self._file.fileno(), [into.data.cast("B")], at) != into.nbytes:
            msg = f"The index is damaged ({self._path.name} was cut short); run `mentor index`."
            raise StaleIndexError(msg)

    def __len__(self) -> int:
        return int(self._count)

    def close(self) -> None:
        """Let go of the file; further calls are errors."""
        self._close()


def first(rows: Rows, near: NDArray[np.floating], k: int) -> Found:
    """Return the `k` nearest of some rows, nearest first; ties by row."""
    rows, rounded = _likely(rows, near, k)
    best = top(rounded, k, rows)
    return rows[best], rounded[best]


def _likely(rows: Rows, near: NDArray[np.floating], k: int) -> Found:
    """Return the `k` nearest of some rows, in their order, with what may be as near as the last."""
    if 0 < k < len(near):  # so that no more than needed is rounded
        least = np.partition(near, len(near) - k)[len(near) - k] - _ALIKE
        kept = np.flatnonzero(near >= least)
        rows, near = rows[kept], near[kept]
    return rows, _rounded(near)


def top(scores: NDArray[np.floating], k: int, rows: Rows | None = None) -> Rows:
    """Return the places of the `k` highest scores, highest first; ties by `rows`, None for their
    order.
    """
    places = np.arange(len(scores))
    if 0 < k < len(scores):  # sorting all of them takes longer than it took to compute them
        places = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    ties = places if rows is None else rows[places]
    return places[np.lexsort((ties, -scores[places]))[: max(0, k)]]


def _cosines(rows: Vectors, vector: Vectors) -> Vectors:
    return np.asarray(rows @ vector.astype(np.float32), np.float32)


def _rounded(near: NDArray[np.floating]) -> NDArray[np.float64]:
    return near.astype(np.float64).round(_DIGITS)
