"""Leaves <-> disk: what was computed of some essays, written once and then only read.

    seg-…/about.json   which leaves it holds, how many passages and views of each
    seg-…/columns/     its passages and views, without their words
    seg-…/vectors/     a unit vector of each view as a matrix, those of passages also in Chroma
    seg-…/pieces/      the pieces of each view
    seg-…/words/       the words of each passage

The essays that are changed later stand in further segments, which are joined where it is cheap; a
shelf of many essays stands in several from the start, each of which fits into memory.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag.catalog import Size
from rag.columns import Columns
from rag.embed import Embedder, Pieces
from rag.lexical import Words
from rag.ragged import Ragged
from rag.shelf import Leaf
from rag.store import (
    ChromaStore,
    check_database,
    read_vectors,
    rows_of,
    write_graph,
    write_vectors,
)
from rag.types import Passage, View
from rag.vectors import Engine, ExactStore, RowFile, Rows, Searcher, Vectors

LARGEST = 250_000  # views of a segment, if no single essay has more; about 1 GB while it is made
_AT_ONCE = 10_000  # views that are embedded at one time, between two signs of progress
_EMBEDDING = 0.75  # the share of embedding in what is computed; the rest is cutting into words
_SEARCHED_ELSEWHERE = ("sentence", "decoy")


class Made(NamedTuple):
    """A leaf that was cut into passages and views."""

    key: str
    passages: Sequence[Passage]
    views: Sequence[View]


@dataclass(frozen=True, slots=True)
class Content:
    """What some leaves are found by: rows of views in `vectors`, `columns` and `pieces`, texts of
    passages in `words`, leaf after leaf.
    """

    sizes: tuple[Size, ...]
    columns: Columns
    vectors: Vectors
    pieces: Ragged
    words: Words

    def __len__(self) -> int:
        """Return how many views there are."""
        return len(self.vectors)

    def only(self, keys: set[str]) -> list["Content"]:
        """Return what is of the leaves that `keys` name, each by itself."""
        return [
            Content(
                (size,),
                self.columns.part(passages, views),
                self.vectors[views],
                self.pieces.part(views.start, views.stop),
                self.words.part(passages.start, passages.stop),
            )
            for size, passages, views in _places(self.sizes)
            if size.key in keys
        ]


def _places(sizes: Sequence[Size]) -> Iterator[tuple[Size, slice, slice]]:
    """Yield each leaf with the places of its passages and of its views."""
    passages = views = 0
    for size in sizes:
        ends = passages + size.passages, views + size.views
        yield size, slice(passages, ends[0]), slice(views, ends[1])
        passages, views = ends


def joined(contents: Sequence[Content]) -> Content:
    """Return what is in all of `contents`, in their order; there must be one at least."""
    if len(contents) == 1:
        return contents[0]
    return Content(
        tuple(size for content in contents for size in content.sizes),
        Columns.joined([content.columns for content in contents]),
        np.concatenate([content.vectors for content in contents]),
        Ragged.joined([content.pieces for content in contents]),
        Words.joined([content.words for content in contents]),
    )


def cut(leaves: Sequence[Leaf]) -> Iterator[list[Made]]:
    """Yield the leaves cut into passages and views, as many at a time as make a segment; no leaf
    gives nothing.
    """
    group, views = list[Made](), 0
    for leaf in leaves:
        made = Made(leaf.key, *leaf.parts())
        if group and views + len(made.views) > LARGEST:
            yield group
            group, views = [], 0
        group.append(made)
        views += len(made.views)
    if group:
        yield group


def computed(
    leaves: Sequence[Made], embedder: Embedder, pieces: Pieces, progress: Callable[[float], None]
) -> Content:
    """Embed the views of `leaves` and cut them; `progress` is told the share that is done."""
    texts = [view.text for leaf in leaves for view in leaf.views]
    vectors, ids = [], []
    for start in range(0, len(texts) or 1, _AT_ONCE):
        progress(_EMBEDDING * start / (len(texts) or 1))
        some = texts[start : start + _AT_ONCE]
        vectors.append(embedder.passages(some))
        ids.append(Ragged.of(pieces.cut(some)))
    progress(_EMBEDDING)
    return Content(
        tuple(Size(leaf.key, len(leaf.passages), len(leaf.views)) for leaf in leaves),
        Columns.joined([Columns.of(leaf.passages, leaf.views) for leaf in leaves]),
        np.concatenate(vectors),
        Ragged.joined(ids),
        Words.cut([text for leaf in leaves for text in _wording(leaf)]),
    )


def _wording(leaf: Made) -> list[str]:
    """Return the words under which BM25 finds each passage: what it says, what is asked of it."""
    texts = {passage.id: list(passage.heading) for passage in leaf.passages}
    for view in leaf.views:
        # Sentences stand in the whole text already; decoys belong to nobody.
        if view.kind not in _SEARCHED_ELSEWHERE:
            texts[view.passage_id].append(view.text)
    return ["\n".join(parts) for parts in texts.values()]


def write(folder: Path, content: Content) -> None:
    """Write `content` into `folder`, which is made.

    Raises:
        OSError: it could not; the folder is to be thrown away.
    """
    folder.mkdir()
    write_vectors(folder / "vectors", content.vectors)
    content.columns.write(folder / "columns")
    content.pieces.write(folder / "pieces")
    content.words.write(folder / "words")
    _describe(folder, content.sizes, chroma=False)


def _describe(folder: Path, sizes: Sequence[Size], *, chroma: bool) -> None:
    leaves = [[size.key, size.passages, size.views] for size in sizes]
    about = json.dumps({"chroma": chroma, "leaves": leaves})
    (folder / "about.json").write_text(about, encoding="utf-8")


class Segment:
    """A segment on disk, of which nothing is read before it is asked for.

    Its methods raise OSError, ValueError, KeyError or TypeError where its files are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        self.chroma = bool(about["chroma"])
        self.sizes = tuple(Size(*size) for size in about["leaves"])

    def with_graph(self, *, asked: bool) -> "Segment":
        """Write the rows that are searched into Chroma, too; `asked` says whether it is ever asked
        for them. Return the segment as it is then.

        Raises:
            OSError, IndexWriteError: it could not; the folder is to be thrown away.
        """
        vectors = read_vectors(self.folder / "vectors")[self.searched]
        write_graph(self.folder / "vectors", vectors, asked=asked)
        _describe(self.folder, self.sizes, chroma=True)
        return Segment(self.folder)

    @cached_property
    def name(self) -> str:
        """What a store outside the process knows it by: the same for the same leaves."""
        keys = "\n".join(size.key for size in self.sizes)
        return f"mentor-{hashlib.sha256(keys.encode()).hexdigest()[:32]}"

    def publish(self, engine: Engine) -> None:
        """See to it that a store outside the process holds the rows that are searched, and the
        words of each passage with the first of its texts.
        """
        if engine.holds(self.name, len(self.searched)):
            return
        texts = self.columns.of_kind("text")
        _, firsts = np.unique(self.columns.owners[texts], return_index=True)
        places = np.searchsorted(self.searched, texts[firsts]).tolist()
        words = self.words.weighed(places, len(self.searched))
        engine.write(self.name, self.rows(self.searched), words)

    def outside(self, engine: Engine) -> Searcher:
        """Open what searches its rows in a store outside the process."""
        return engine.open(self.name, len(self.searched))

    def searcher(self) -> Searcher:
        """Open what searches its rows: Chroma, or where they are not in it, their matrix.

        Raises StaleIndexError as well.
        """
        if not self.chroma:
            return ExactStore(self.vectors(self.searched))
        return ChromaStore.open(self.folder / "vectors", len(self.searched))

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of some views, of which most are read. Raises StaleIndexError as well
        where what Chroma holds of it is damaged.
        """
        if self.chroma:  # it has no checksum
            check_database(self.folder / "vectors")
        return read_vectors(self.folder / "vectors")[rows]

    def file(self) -> RowFile:
        """Open the file of its vectors, to be read one by one."""
        return rows_of(self.folder / "vectors")

    def rows(self, at: Rows) -> Vectors:
        """Return the vectors of some views, of which few are read."""
        with closing(self.file()) as file:
            return file.take(at)

    @cached_property
    def searched(self) -> Rows:
        """The rows that are searched where there are too many: a passage's, not a sentence's."""
        return self.columns.others("sentence")

    @cached_property
    def columns(self) -> Columns:
        """Its passages and views without their words."""
        return Columns.read(self.folder / "columns")

    @cached_property
    def pieces(self) -> Ragged:
        """The pieces of each view."""
        return Ragged.read(self.folder / "pieces")

    @cached_property
    def words(self) -> Words:
        """The words of each passage."""
        return Words.read(self.folder / "words")

    @property
    def content(self) -> Content:
        """All that it holds."""
        vectors = read_vectors(self.folder / "vectors")
        return Content(self.sizes, self.columns, vectors, self.pieces, self.words)

    def __len__(self) -> int:
        """Return how many views it holds."""
        return sum(size.views for size in self.sizes)

    def by_leaf(self) -> Iterator[tuple[str, slice, slice]]:
        """Yield each leaf's key, with the places of its passages and of its views."""
        for size, passages, views in _places(self.sizes):
            yield size.key, passages, views

    def views(self, keys: set[str]) -> int:
        """Return how many views are of the leaves that `keys` name."""
        return sum(size.views for size in self.sizes if size.key in keys)
