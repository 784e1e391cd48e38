"""Vectors <-> disk. The only file that knows Chroma.

A store is written once, in a folder of its own, and then only read: Chroma has no lock between
processes, and a reader never sees what another process adds. Several of them stand side by side as
one where essays were added later. Publishing is the index's business.
"""

import sqlite3
import weakref
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexWriteError, StaleIndexError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import QueryResult


class _Graph(NamedTuple):
    construction: int
    search: int
    neighbors: int


_NAME, _MATRIX = "views", "matrix.npy"
# Up to here one exact product is quicker than Chroma's graph for the thousands of rows that a
# question asks for (17 ms to 45 at 100,000 rows of 256), and a process need not load Chroma, which
# takes 0.6 s, to answer one question.
_EXACT = 200_000
# Recall falls with n at Chroma's defaults (M 16, ef 100); with these it is 0.98 for 100,000 random
# rows. A graph that the matrix stands in for is not asked, and costs a fifth of the time.
_GRAPH = _Graph(construction=200, search=400, neighbors=32)
_NO_GRAPH = _Graph(construction=10, search=10, neighbors=4)


Found = tuple[NDArray[np.int64], NDArray[np.float64]]


class Store(Protocol):
    """What the retriever needs: similarities of a question to the stored rows."""

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Let go of the files; further calls are errors."""


class ExactStore:
    """Rows as one matrix: exact, and ready without loading Chroma."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self._rows = rows

    @classmethod
    def write(cls, folder: Path, vectors: NDArray[np.float32]) -> None:
        """Write all rows of `vectors` (n, dim) into `folder`, which is made if need be."""
        folder.mkdir(exist_ok=True)
        np.save(folder / _MATRIX, vectors)

    @classmethod
    def open(cls, folder: Path) -> "ExactStore":
        """Open what `write` wrote. Raises OSError or ValueError where that cannot be read."""
        return cls(read_vectors(folder))

    def only(self, rows: NDArray[np.bool_]) -> "ExactStore":
        """Return a store of some of its rows."""
        return self if rows.all() else ExactStore(self._rows[rows])

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""
        return _first(np.arange(len(self._rows)), self.near(vector), k)

    def near(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the cosine similarity of every row."""
        return np.asarray(self._rows @ vector.astype(np.float32), np.float64)

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of the matrix; further calls are errors."""
        del self._rows


class JoinedStore:
    """Several stores as one, under row numbers of its own.

    `rows[at]` gives the numbers under which the rows of `stores[at]` are known here, below 0 for
    those that are not. Rows that are `silent` are near to nothing.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        rows: Sequence[NDArray[np.int64]],
        silent: NDArray[np.int64],
    ) -> None:
        self._stores, self._rows, self._silent = stores, rows, silent
        self._gone = [int((known < 0).sum()) for known in rows]

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
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
        return _first(every, np.where(np.isin(every, self._silent), 0.0, similar), k)

    def __len__(self) -> int:
        return sum(map(len, self._rows)) - sum(self._gone)

    def close(self) -> None:
        """Let go of all of them; further calls are errors."""
        for store in self._stores:
            store.close()


class ChromaStore:
    """An embedded Chroma collection of unit vectors, one a view, under the row's number."""

    def __init__(self, client: "Client", collection: "Collection") -> None:
        self._collection = collection
        # Chroma keeps every client that is not closed, its files open, for as long as it runs.
        self._close = weakref.finalize(self, client.close)
        self._count = collection.count()  # a segment that is gone is missed only when it is asked

    @classmethod
    def write(cls, folder: Path, vectors: NDArray[np.float32]) -> None:
        """Write all rows of `vectors` (n, dim) into the empty `folder`, and close it.

        Raises:
            IndexWriteError: Chroma could not write; the folder is to be thrown away.
        """
        client = None
        try:
            client = _client(folder)
            exact = len(vectors) <= _EXACT
            graph = _NO_GRAPH if exact else _GRAPH
            collection = client.create_collection(
                _NAME,
                embedding_function=None,
                configuration={
                    "hnsw": {
                        "space": "cosine",
                        "ef_construction": graph.construction,
                        "ef_search": graph.search,
                        "max_neighbors": graph.neighbors,
                        # A threshold under n makes Chroma write its graph at once.
                        "sync_threshold": max(3, len(vectors) - 1),
                    }
                },
            )
            step = client.get_max_batch_size()
            for start in range(0, len(vectors), step):
                rows = vectors[start : start + step]
                ids = [str(row) for row in range(start, start + len(rows))]
                collection.add(ids=ids, embeddings=rows)
            ExactStore.write(folder, vectors)
        except Exception as error:  # Chroma raises its own, sqlite's and plain ones
            msg = f"The vectors could not be written to {folder} ({error}); is the disk full?"
            raise IndexWriteError(msg) from error
        finally:
            if client is not None:
                client.close()

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open what `write` wrote: as a matrix up to 200,000 rows, else in Chroma.

        Raises:
            StaleIndexError: the files are missing or damaged; the index must be built again.
        """
        try:
            _check(folder / "chroma.sqlite3")
            if len(np.load(folder / _MATRIX, mmap_mode="r")) <= _EXACT:
                return ExactStore.open(folder)
            client = _client(folder)
            collection = client.get_collection(_NAME, embedding_function=None)
            return cls(client, collection)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Chroma's Rust part panics outside of Exception
            msg = f"The vectors in {folder} cannot be read ({error}); run `mentor index`."
            raise StaleIndexError(msg) from error

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row.

        Raises:
            StaleIndexError: its files went away or were damaged while it was open.
        """
        k = min(k, len(self))
        if not k:
            return np.empty(0, np.int64), np.empty(0)
        found = self._asked(vector, k)
        distances = (found["distances"] or [[]])[0]
        rows = np.array([int(row) for row in found["ids"][0]], np.int64)
        return _first(rows, 1.0 - np.asarray(distances, np.float64), k)

    def _asked(self, vector: NDArray[np.float32], k: int) -> "QueryResult":
        rows = np.asarray([vector], np.float32)
        try:
            return self._collection.query(query_embeddings=rows, n_results=k, include=["distances"])
        except Exception as error:  # Chroma raises its own, sqlite's and plain ones
            msg = f"The index cannot be read any more ({error}); run `mentor index`."
            raise StaleIndexError(msg) from error

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Let go of the files; further calls are errors."""
        self._close()


def read_vectors(folder: Path) -> NDArray[np.float32]:
    """Return the rows that a store was written from. Raises OSError or ValueError."""
    rows: NDArray[np.float32] = np.load(folder / _MATRIX)
    return rows


def _first(rows: NDArray[np.int64], near: NDArray[np.float64], k: int) -> Found:
    """Return the `k` nearest of some rows, nearest first; ties by row.

    What differs past the sixth digit is alike: it depends on how many rows are compared at once.
    """
    near = near.round(6)
    if 0 < k < len(rows):  # sorting all of them takes longer than comparing them did
        kept = near >= np.partition(near, len(near) - k)[len(near) - k]
        rows, near = rows[kept], near[kept]
    best = np.lexsort((rows, -near))[: max(0, k)]
    return rows[best], near[best]


def _check(database: Path) -> None:
    """Raise sqlite3.Error where Chroma would make an empty database, panic, or answer wrongly.

    A folder that Chroma failed to open cannot be opened again in the same process.
    """
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as opened:
        found = opened.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        opened.execute("SELECT count(*) FROM collections").fetchone()


def _client(folder: Path) -> "Client":
    from chromadb.api.client import Client
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings

    folder.mkdir(parents=True, exist_ok=True)
    # What `chromadb.PersistentClient` does; that function hides `close` from the type checker.
    settings = Settings(
        is_persistent=True, persist_directory=str(folder), anonymized_telemetry=False
    )
    return Client(tenant=DEFAULT_TENANT, database=DEFAULT_DATABASE, settings=settings)


def stored_files(folder: Path) -> Sequence[Path]:
    """Return the files that reading never changes, and whose checksums therefore hold.

    Chroma writes to its sqlite file at every opening, so that one is left out.
    """
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and ".sqlite3" not in p.name]
