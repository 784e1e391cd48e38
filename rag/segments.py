"""Leaves <-> disk: what was computed of some essays, written once and then only read.

    seg-…/about.json   which leaves it holds, how many passages and views of each
    seg-…/vectors/     a unit vector of each view as a matrix, those of passages also in Chroma
    seg-…/kinds.npy    the kind of each view
    seg-…/pieces/      the pieces of each view
    seg-…/words/       the words of each passage

The essays that are changed later stand in further segments, which are joined where it is cheap.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rag.embed import Embedder, Pieces
from rag.lexical import Words
from rag.ragged import Ragged
from rag.shelf import Leaf
from rag.store import open_vectors, read_vectors, write_vectors
from rag.types import ViewKind
from rag.vectors import Rows, Store

_KINDS = {kind: at for at, kind in enumerate(get_args(ViewKind))}
_AT_ONCE = 10_000  # views that are embedded at one time, between two signs of progress
_EMBEDDING = 0.75  # the share of embedding in what is computed; the rest is cutting into words
_SEARCHED_ELSEWHERE = ("sentence", "decoy")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a segment is one leaf's."""

    key: str
    passages: int
    views: int


@dataclass(frozen=True, slots=True)
class Content:
    """What some leaves are found by: rows of views in `vectors`, `kinds` and `pieces`, texts of
    passages in `words`, leaf after leaf.
    """

    sizes: tuple[Size, ...]
    vectors: NDArray[np.float32]
    kinds: NDArray[np.uint8]
    pieces: Ragged
    words: Words

    def of_kind(self, kind: ViewKind) -> Rows:
        """Return the rows of the views of one kind."""
        return np.flatnonzero(self.kinds == _KINDS[kind])

    def leaves(self) -> Iterator[tuple[str, "Content"]]:
        """Yield what is each leaf's, under its key, in their order."""
        passages = views = 0
        for size in self.sizes:
            yield size.key, self._part(size, passages, views)
            passages, views = passages + size.passages, views + size.views

    def _part(self, size: Size, passage: int, view: int) -> "Content":
        return Content(
            (size,),
            self.vectors[view : view + size.views],
            self.kinds[view : view + size.views],
            self.pieces.part(view, view + size.views),
            self.words.part(passage, passage + size.passages),
        )


def joined(contents: Sequence[Content]) -> Content:
    """Return what is in all of `contents`, in their order; there must be one at least."""
    return Content(
        tuple(size for content in contents for size in content.sizes),
        np.concatenate([content.vectors for content in contents]),
        np.concatenate([content.kinds for content in contents]),
        Ragged.joined([content.pieces for content in contents]),
        Words.joined([content.words for content in contents]),
    )


def computed(
    leaves: Sequence[Leaf], embedder: Embedder, pieces: Pieces, progress: Callable[[float], None]
) -> Content:
    """Embed the views of `leaves` and cut them; `progress` is told the share that is done."""
    texts = [view.text for leaf in leaves for view in leaf.views]
    vectors, cut = [], []
    for start in range(0, len(texts) or 1, _AT_ONCE):
        progress(_EMBEDDING * start / (len(texts) or 1))
        some = texts[start : start + _AT_ONCE]
        vectors.append(embedder.passages(some))
        cut.append(Ragged.of(pieces.cut(some)))
    progress(_EMBEDDING)
    kinds = [_KINDS[view.kind] for leaf in leaves for view in leaf.views]
    return Content(
        tuple(Size(leaf.key, len(leaf.passages), len(leaf.views)) for leaf in leaves),
        np.concatenate(vectors),
        np.array(kinds, np.uint8),
        Ragged.joined(cut),
        Words.cut([text for leaf in leaves for text in _wording(leaf)]),
    )


def _searched(kinds: NDArray[np.uint8]) -> Rows:
    """Return the rows that are searched where there are too many: a passage's, not a sentence's."""
    return np.flatnonzero(kinds != _KINDS["sentence"])


def _wording(leaf: Leaf) -> list[str]:
    """Return the words under which BM25 finds each passage: what it says, what is asked of it."""
    texts = {passage.id: list(passage.heading) for passage in leaf.passages}
    for view in leaf.views:
        # Sentences stand in the whole text already; decoys belong to nobody.
        if view.kind not in _SEARCHED_ELSEWHERE:
            texts[view.passage_id].append(view.text)
    return ["\n".join(parts) for parts in texts.values()]


def write(folder: Path, content: Content, *, chroma: bool) -> None:
    """Write `content` into `folder`, which is made, its vectors also into Chroma if that is said.

    Raises:
        OSError, IndexWriteError: it could not; the folder is to be thrown away.
    """
    folder.mkdir()
    write_vectors(folder / "vectors", content.vectors, _searched(content.kinds), chroma=chroma)
    np.save(folder / "kinds.npy", content.kinds)
    content.pieces.write(folder / "pieces")
    content.words.write(folder / "words")
    sizes = [[size.key, size.passages, size.views] for size in content.sizes]
    about = {"chroma": chroma, "leaves": sizes}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


class Segment:
    """A segment on disk, of which nothing is read before it is asked for.

    Its methods raise OSError, ValueError, KeyError or TypeError where its files are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        self.chroma = bool(about["chroma"])
        self.sizes = tuple(Size(*size) for size in about["leaves"])

    def store(self, *, whole: bool) -> Store:
        """Open its vectors for searching, all of them or, on a large shelf, those of passages.

        Raises StaleIndexError as well.
        """
        searched = None if whole else _searched(self._kinds)
        return open_vectors(self.folder / "vectors", searched, chroma=self.chroma)

    @cached_property
    def _kinds(self) -> NDArray[np.uint8]:
        kinds: NDArray[np.uint8] = np.load(self.folder / "kinds.npy")
        return kinds

    @cached_property
    def pieces(self) -> Ragged:
        """The pieces of each view."""
        return Ragged.read(self.folder / "pieces")

    @cached_property
    def content(self) -> Content:
        """All that it holds."""
        return Content(
            self.sizes,
            read_vectors(self.folder / "vectors"),
            self._kinds,
            self.pieces,
            Words.read(self.folder / "words"),
        )

    def __len__(self) -> int:
        """Return how many views it holds."""
        return sum(size.views for size in self.sizes)

    def pieces_by_leaf(self) -> Iterator[tuple[str, Ragged]]:
        """Yield the pieces of each leaf's views, under its key, in their order."""
        first = 0
        for size in self.sizes:
            yield size.key, self.pieces.part(first, first + size.views)
            first += size.views

    def views(self, keys: set[str]) -> int:
        """Return how many views are of the leaves that `keys` name."""
        return sum(size.views for size in self.sizes if size.key in keys)
