"""Vectors and words <-> Qdrant, a database outside the process. The only file that knows it.

Rows are uploaded into a collection of a name that nobody opens, and an alias publishes it: what is
found under an alias is whole. Dense vectors and our own words, which Qdrant weighs by rarity as
BM25 does, are asked for in one query.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import MissingModelError, StaleIndexError, StoreError
from rag.text import words as words_of
from rag.vectors import Found, Rows, Searcher, Vectors, Weighed, first

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

_MEANING, _WORDS = "meaning", "words"
_AT_ONCE = 500  # points of an upload
_TIMEOUT_S = 10


class Qdrant:
    """An Engine: a Qdrant server or cluster, or a folder that this process alone may have open."""

    def __init__(self, address: str, key: str = "", *, folder: str = "") -> None:
        """Take the http(s) address of a server, or a folder. Raises StoreError or, without the
        library, MissingModelError.
        """
        try:
            import qdrant_client
        except ImportError as error:
            msg = "MENTOR_STORE needs the library of Qdrant; run `pip install 'mentor[qdrant]'`."
            raise MissingModelError(msg) from error
        self._told = folder or address
        # Its local mode is no database: no two threads may be in it.
        self._one = Lock() if folder else None
        self._models = qdrant_client.models
        with self._asked():
            self._client: QdrantClient = (
                qdrant_client.QdrantClient(path=folder, force_disable_check_same_thread=True)
                if folder
                else qdrant_client.QdrantClient(
                    address, api_key=key or None, timeout=_TIMEOUT_S, check_compatibility=False
                )
            )

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Let one thread at a time into a folder; say what goes wrong in our words."""
        if self._one:
            self._one.acquire()
        try:
            yield
        except (StaleIndexError, StoreError):
            raise
        except Exception as error:  # its own, httpx's, plain ones
            msg = f"The vector store {self._told} does not answer ({error}); see MENTOR_STORE."
            raise StoreError(msg) from error
        finally:
            if self._one:
                self._one.release()

    def holds(self, name: str, count: int) -> bool:
        """Say whether so many rows were published under a name."""
        with self._asked():
            return self._published(name) and self._client.count(name).count == count

    def _published(self, name: str) -> bool:
        return any(alias.alias_name == name for alias in self._client.get_aliases().aliases)

    def write(self, name: str, rows: Vectors, words: Weighed) -> None:
        """Publish rows under a name: all of them at once, or none."""
        aside = f"{name}-{uuid.uuid4().hex[:8]}"
        with self._asked():
            self._drop(name)
            self._client.create_collection(
                aside,
                vectors_config={
                    _MEANING: self._models.VectorParams(
                        size=rows.shape[1], distance=self._models.Distance.DOT
                    )
                },
                sparse_vectors_config={
                    _WORDS: self._models.SparseVectorParams(modifier=self._models.Modifier.IDF)
                },
            )
        for start in range(0, len(rows), _AT_ONCE):
            with self._asked():
                points = self._points(rows, words, start)
                self._client.upsert(aside, points, wait=True)
        with self._asked():
            if self._client.count(aside).count != len(rows):
                msg = f"The vector store {self._told} lost rows of an upload; index again."
                raise StoreError(msg)
            made = self._models.CreateAlias(collection_name=aside, alias_name=name)
            self._client.update_collection_aliases(
                [self._models.CreateAliasOperation(create_alias=made)]
            )

    def _points(self, rows: Vectors, words: Weighed, start: int) -> list[Any]:
        points = []
        for at in range(start, min(start + _AT_ONCE, len(rows))):
            here = slice(int(words.starts[at]), int(words.starts[at + 1]))
            vector: dict[str, Any] = {_MEANING: rows[at].tolist()}
            if here.stop > here.start:
                counts = dict(
                    zip(_numbers(words.words[here]), words.weights[here].tolist(), strict=True)
                )
                vector[_WORDS] = self._sparse(counts)
            points.append(self._models.PointStruct(id=at, vector=vector))
        return points

    def _sparse(self, counts: dict[int, float]) -> Any:  # noqa: ANN401 - a model of theirs
        return self._models.SparseVector(indices=[*counts], values=[*counts.values()])

    def open(self, name: str, count: int) -> Searcher:
        """Return what searches the rows of a name. Raises StaleIndexError where they are others."""
        if not self.holds(name, count):
            msg = f"The vector store {self._told} does not hold this index; run `mentor index`."
            raise StaleIndexError(msg)
        return _Collection(self, name, count)

    def remove(self, name: str) -> None:
        """Remove the rows of a name, if there are any, and what was left of writing them."""
        with self._asked():
            self._drop(name)

    def _drop(self, name: str) -> None:
        gone = self._models.DeleteAlias(alias_name=name)
        if self._published(name):
            self._client.update_collection_aliases(
                [self._models.DeleteAliasOperation(delete_alias=gone)]
            )
        for collection in self._client.get_collections().collections:
            if collection.name.startswith(f"{name}-"):
                self._client.delete_collection(collection.name)

    def query(self, name: str, **asked: Any) -> list[Any]:  # noqa: ANN401 - as their client takes it
        """Return the points that were found. Raises StaleIndexError where the name is gone."""
        with self._asked():
            try:
                return list(self._client.query_points(name, with_payload=False, **asked).points)
            except Exception:
                if not self._published(name):
                    msg = "The index is gone from the vector store; run `mentor index`."
                    raise StaleIndexError(msg) from None
                raise

    def prefetched(self, vector: Vectors, question: str, k: int) -> list[Any]:
        """Return the two queries whose results are to be joined."""
        asked = Counter(words_of(question))
        counts = dict(zip(_numbers([*asked]), map(float, asked.values()), strict=True))
        near = self._models.Prefetch(query=vector.tolist(), using=_MEANING, limit=k)
        shared = self._models.Prefetch(query=self._sparse(counts), using=_WORDS, limit=k)
        return [near, shared] if counts else [near]

    def joined(self) -> Any:  # noqa: ANN401 - a model of theirs
        """Return how the results of several queries are joined: by their ranks."""
        return self._models.FusionQuery(fusion=self._models.Fusion.RRF)

    def close(self) -> None:
        """Let go of the folder or the connections; further calls are errors."""
        self._client.close()


class _Collection:
    """A Searcher of the rows under one name, which knows their words."""

    def __init__(self, engine: Qdrant, name: str, count: int) -> None:
        self._engine, self._name, self._count = engine, name, count

    def nearest(self, vector: Vectors, k: int) -> Found:
        if not min(k, self._count):
            return np.empty(0, np.int64), np.empty(0)
        points = self._engine.query(self._name, query=vector.tolist(), using=_MEANING, limit=k)
        near = np.array([point.score for point in points], np.float64)
        return first(np.array([point.id for point in points], np.int64), near, k)

    def alike(self, vector: Vectors, question: str, k: int) -> Rows:
        prefetched = self._engine.prefetched(vector, question, k)
        joined = self._engine.joined()
        points = self._engine.query(self._name, prefetch=prefetched, query=joined, limit=k)
        return np.array([point.id for point in points], np.int64)

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Keep the engine: others search in it."""


def _numbers(words: Sequence[str]) -> list[int]:
    """Return words as numbers of 32 bits, the same in every process."""
    seals = (hashlib.blake2b(word.encode(errors="replace"), digest_size=4) for word in words)
    return [int.from_bytes(seal.digest()) for seal in seals]
