"""Vectors <-> disk, or a Chroma server. The only file that knows Chroma.

A store is written once, in a folder of its own, and then only read: Chroma has no lock between
processes, and a reader never sees what another process adds. Several of them stand side by side as
one where essays were added later. Publishing is the index's business.
"""

import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from rag.errors import IndexWriteError, StaleIndexError, StoreError
from rag.vectors import Found, RowFile, Searcher, Vectors, Weighed, first

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import QueryResult


class _Graph(NamedTuple):
    construction: int
    search: int
    neighbors: int


_NAME, _MATRIX = "views", "matrix.npy"
# Recall falls with n at Chroma's defaults (M 16, ef 100); with these it is 0.98 for 100,000 random
# rows. A graph that the matrix stands in for is not asked, and costs a fifth of the time.
_GRAPH = _Graph(construction=200, search=1000, neighbors=32)
_TIMEOUT_S = 10.0
_NO_GRAPH = _Graph(construction=10, search=10, neighbors=4)


def write_vectors(folder: Path, vectors: Vectors) -> None:
    """Write `vectors` (n, dim) into `folder`, which is made: in half the bytes, where these say all
    of them, as they do of the shipped model's.

    Raises:
        OSError: it could not; the folder is to be thrown away.
    """
    folder.mkdir()
    with np.errstate(over="ignore"):
        short = vectors.astype(np.float16)
    np.save(folder / _MATRIX, short if np.array_equal(short, vectors) else vectors)


def read_vectors(folder: Path) -> Vectors:
    """Return the rows that were written. Raises OSError or ValueError."""
    rows: Vectors = np.load(folder / _MATRIX).astype(np.float32)
    return rows


def write_graph(folder: Path, vectors: Vectors, *, asked: bool) -> None:
    """Write `vectors` (n, dim) into Chroma in `folder`, under their numbers, `asked` or not.

    Raises:
        IndexWriteError: it could not; the folder is to be thrown away.
    """
    ChromaStore.write(folder, vectors, _GRAPH if asked else _NO_GRAPH)


def rows_of(folder: Path) -> RowFile:
    """Open the rows that were written, to be read one by one. Raises OSError or ValueError."""
    return RowFile(folder / _MATRIX)


class ChromaStore:
    """An embedded Chroma collection of unit vectors under the numbers of their rows."""

    def __init__(self, client: "Client", collection: "Collection") -> None:
        self._collection = collection
        # Chroma keeps every client that is not closed, its files open, for as long as it runs.
        self._close = weakref.finalize(self, client.close)
        self._count = collection.count()  # a segment that is gone is missed only when it is asked

    @classmethod
    def write(cls, folder: Path, vectors: Vectors, graph: _Graph) -> None:
        """Write all rows of `vectors` (n, dim) into `folder`, and close it.

        Raises:
            IndexWriteError: Chroma could not write; the folder is to be thrown away.
        """
        client = None
        try:
            client = _client(folder)
            _collected(client, _NAME, vectors, graph)
        except Exception as error:  # Chroma raises its own, sqlite's and plain ones
            msg = f"The vectors could not be written to {folder} ({error}); is the disk full?"
            raise IndexWriteError(msg) from error
        finally:
            if client is not None:
                client.close()

    @classmethod
    def open(cls, folder: Path, count: int) -> "ChromaStore":
        """Open what `write` wrote: so many rows.

        Raises:
            StaleIndexError: the files are missing or damaged, or hold others; the index must be
                built again.
        """
        check_database(folder)
        try:
            client = _client(folder)
            collection = client.get_collection(_NAME, embedding_function=None)
            opened = cls(client, collection)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Chroma's Rust part panics outside of Exception
            raise _unreadable(folder, error) from error
        if len(opened) != count:
            opened.close()
            raise _unreadable(folder, ValueError(f"{len(opened)} rows and not {count}"))
        return opened

    def nearest(self, vector: Vectors, k: int) -> Found:
        """Return up to `k` rows and their cosine similarities, nearest first; ties by row.

        Raises:
            StaleIndexError: its files went away or were damaged while it was open.
        """
        k = min(k, len(self))
        if not k:
            return np.empty(0, np.int64), np.empty(0)
        return _found(self._asked(vector, k), k)

    def alike(self, vector: Vectors, question: str, k: int) -> None:
        """Return None: Chroma knows no words."""

    def _asked(self, vector: Vectors, k: int) -> "QueryResult":
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


def _collected(client: "Client", name: str, vectors: Vectors, graph: _Graph) -> "Collection":
    """Make a collection of all rows, under their numbers."""
    collection = client.create_collection(
        name,
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
    return collection


def _found(found: "QueryResult", k: int) -> Found:
    distances = (found["distances"] or [[]])[0]
    rows = np.array([int(row) for row in found["ids"][0]], np.int64)
    return first(rows, 1.0 - np.asarray(distances, np.float64), k)


class ChromaServer:
    """An Engine: `chroma run` on this machine or another. Words it does not know.

    Rows are added to a collection of a name that nobody opens, which is renamed when it is whole.
    """

    def __init__(self, host: str, port: int, key: str = "", *, secure: bool = False) -> None:
        """Take where it listens; nothing is asked of it yet."""
        self._host, self._port, self._key, self._secure = host, port, key, secure
        self._told = f"chroma://{host}:{port}"
        self._known: Client | None = None

    @contextmanager
    def _asked(self) -> "Iterator[Client]":
        """Give the client, which is made as soon as the server answers; say what goes wrong."""
        try:
            if self._known is None:
                self._known = _remote(self._host, self._port, self._key, secure=self._secure)
            yield self._known
        except (StaleIndexError, StoreError):
            raise
        except Exception as error:  # Chroma raises its own, httpx's and plain ones
            msg = f"The vector store {self._told} does not answer ({error}); see MENTOR_STORE."
            raise StoreError(msg) from error

    def holds(self, name: str, count: int) -> bool:
        """Say whether so many rows were published under a name."""
        with self._asked() as client:
            found = self.collection(client, name)
            return found is not None and found.count() == count

    def collection(self, client: "Client", name: str) -> "Collection | None":
        """Return the collection of a name, None where there is none."""
        from chromadb.errors import NotFoundError

        try:
            return client.get_collection(name, embedding_function=None)
        except NotFoundError:
            return None

    def write(self, name: str, rows: Vectors, words: Weighed) -> None:  # noqa: ARG002 - of the port
        """Publish rows under a name: all of them at once, or none."""
        aside = f"{name}-aside"
        with self._asked() as client:
            for left in (aside, name):
                if self.collection(client, left):
                    client.delete_collection(left)
            made = _collected(client, aside, rows, _GRAPH)
            if made.count() != len(rows):
                msg = f"The vector store {self._told} lost rows of an upload; index again."
                raise StoreError(msg)
            made.modify(name=name)

    def open(self, name: str, count: int) -> Searcher:
        """Return what searches the rows of a name. Raises StaleIndexError where they are others."""
        if not self.holds(name, count):
            msg = f"The vector store {self._told} does not hold this index; run `mentor index`."
            raise StaleIndexError(msg)
        return _Remote(self, name, count)

    def remove(self, name: str) -> None:
        """Remove the rows of a name, if there are any, and what was left of writing them."""
        with self._asked() as client:
            for left in (name, f"{name}-aside"):
                if self.collection(client, left):
                    client.delete_collection(left)

    def query(self, name: str, vector: Vectors, k: int) -> "QueryResult":
        """Return what is found under a name. Raises StaleIndexError where that is gone."""
        with self._asked() as client:
            found = self.collection(client, name)
            if found is None:
                msg = "The index is gone from the vector store; run `mentor index`."
                raise StaleIndexError(msg)
            rows = np.asarray([vector], np.float32)
            return found.query(query_embeddings=rows, n_results=k, include=["distances"])


class _Remote:
    """A Searcher of the rows under one name."""

    def __init__(self, server: ChromaServer, name: str, count: int) -> None:
        self._server, self._name, self._count = server, name, count

    def nearest(self, vector: Vectors, k: int) -> Found:
        k = min(k, self._count)
        if not k:
            return np.empty(0, np.int64), np.empty(0)
        return _found(self._server.query(self._name, vector, k), k)

    def alike(self, vector: Vectors, question: str, k: int) -> None:
        """Return None: Chroma knows no words."""

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Keep the connection: others search by it."""


def _remote(host: str, port: int, key: str, *, secure: bool) -> "Client":
    """Connect to a Chroma server, which must answer."""
    import chromadb
    from chromadb.config import Settings

    headers = {"Authorization": f"Bearer {key}"} if key else None
    settings = Settings(anonymized_telemetry=False)
    opened = chromadb.HttpClient(host, port, secure, headers=headers, settings=settings)
    client = cast("Client", opened)
    # It would wait for ever, and has no setting for that.
    client._server._session.timeout = _TIMEOUT_S  # type: ignore[attr-defined]  # noqa: SLF001
    return client


def _unreadable(folder: Path, error: BaseException) -> StaleIndexError:
    return StaleIndexError(f"The vectors in {folder} cannot be read ({error}); run `mentor index`.")


def check_database(folder: Path) -> None:
    """Raise StaleIndexError where Chroma would make an empty database, panic, or answer wrongly.

    A folder that Chroma failed to open cannot be opened again in the same process.
    """
    address = f"{(folder / 'chroma.sqlite3').resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as opened:
            found = opened.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            opened.execute("SELECT count(*) FROM collections").fetchone()
    except sqlite3.Error as error:
        raise _unreadable(folder, error) from error


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
