"""Vectors <-> disk. The only file that knows Chroma.

A store is written once, in a folder of its own, and then only read: Chroma has no lock between
processes, and a reader never sees what another process adds. Publishing is the index's business.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexWriteError, StaleIndexError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

_NAME, _MATRIX = "views", "matrix.npy"
# Up to here the exact product takes under a millisecond (0.1 ms at 10,000 rows of 256, Chroma's
# graph 1 to 3), and a process need not load Chroma, which takes 0.6 s, to answer one question.
_EXACT = 20_000


Found = tuple[NDArray[np.int64], NDArray[np.float64]]


class Store(Protocol):
    """What the retriever needs: similarities of a question to the stored rows."""

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Let go of the files; further calls are errors."""


class ExactStore:
    """The same rows as one matrix, for small shelves: exact, and ready without loading Chroma."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self._rows = rows

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""
        near = self._rows @ vector.astype(np.float32)
        best = np.argsort(-near, kind="stable")[:k]
        return best, near[best].astype(np.float64)

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of the matrix; further calls are errors."""
        del self._rows


class ChromaStore:
    """An embedded Chroma collection of unit vectors, one a view, under the row's number."""

    def __init__(self, client: "Client", collection: "Collection") -> None:
        self._client, self._collection = client, collection

    @classmethod
    def write(cls, folder: Path, vectors: NDArray[np.float32]) -> None:
        """Write all rows of `vectors` (n, dim) into the empty `folder`, and close it.

        Raises:
            IndexWriteError: Chroma could not write; the folder is to be thrown away.
        """
        client = None
        try:
            client = _client(folder)
            # Recall falls with n at Chroma's defaults (M 16, ef 100); these keep it at 0.98 for
            # 100,000 random rows. A threshold under n makes Chroma write its graph at once.
            collection = client.create_collection(
                _NAME,
                embedding_function=None,
                configuration={
                    "hnsw": {
                        "space": "cosine",
                        "ef_construction": 200,
                        "ef_search": 400,
                        "max_neighbors": 32,
                        "sync_threshold": max(3, len(vectors) - 1),
                    }
                },
            )
            step = client.get_max_batch_size()
            for start in range(0, len(vectors), step):
                rows = vectors[start : start + step]
                ids = [str(row) for row in range(start, start + len(rows))]
                collection.add(ids=ids, embeddings=rows)
            if len(vectors) <= _EXACT:
                np.save(folder / _MATRIX, vectors)
        except Exception as error:  # Chroma raises its own, sqlite's and plain ones
            msg = f"The vectors could not be written to {folder} ({error}); is the disk full?"
            raise IndexWriteError(msg) from error
        finally:
            if client is not None:
                client.close()

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open what `write` wrote: by its matrix where there is one, else in Chroma.

        Raises:
            StaleIndexError: the files are missing or damaged; the index must be built again.
        """
        try:
            _check(folder / "chroma.sqlite3")
            if (folder / _MATRIX).is_file():
                return ExactStore(np.load(folder / _MATRIX))
            client = _client(folder)
            collection = client.get_collection(_NAME, embedding_function=None)
            collection.count()  # a segment that is gone is missed only when it is asked
            return cls(client, collection)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Chroma's Rust part panics outside of Exception
            msg = f"The vectors in {folder} cannot be read ({error}); run `mentor index`."
            raise StaleIndexError(msg) from error

    def nearest(self, vector: NDArray[np.float32], k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row."""
        k = min(k, len(self))
        if not k:
            return np.empty(0, np.int64), np.empty(0)
        found = self._collection.query(
            query_embeddings=np.asarray([vector], np.float32), n_results=k, include=["distances"]
        )
        distances = (found["distances"] or [[]])[0]
        rows = np.array([int(row) for row in found["ids"][0]], np.int64)
        near = 1.0 - np.asarray(distances, np.float64)
        best = np.lexsort((rows, -near))
        return rows[best], near[best]

    def __len__(self) -> int:
        return self._collection.count()

    def close(self) -> None:
        """Let go of the files; further calls are errors."""
        self._client.close()


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
