"""The stored index, opened.

    index_dir/lock           one builder at a time
    index_dir/current        a line: the generation in use (replaced atomically)
    index_dir/gen-…/         about.json (segments, checksums), words/ (BM25), silent.npy
    index_dir/seg-…/         what was computed of some essays; generations share them

A reader sees the old generation or the new one, whole. `rag/build.py` writes them.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag.catalog import Passages, Size, Views, catalog
from rag.columns import Columns
from rag.embed import Pieces
from rag.errors import StaleIndexError
from rag.interaction import Interaction
from rag.lexical import Lexical
from rag.ragged import Ragged
from rag.segments import Segment
from rag.shelf import Leaf, Shelf, fingerprint
from rag.vectors import (
    Engine,
    ExactStore,
    JoinedMatrix,
    JoinedStore,
    Rows,
    Searcher,
    Store,
    Vectors,
    fits,
    is_small,
)

_NAME = re.compile(r"gen-[0-9a-f-]{1,80}")
FORM = 2  # of about.json and the folders beside it: raise it when they change
# What no reader of damaged files is spared: theirs, numpy's, json's.
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError)


@dataclass(frozen=True, slots=True)
class Index:
    """An open generation.

    `views[row]` is what row `row` of `store` stands for. `lexical` scores `passages` in their
    order, by shared words; `interaction` scores `views` in theirs, by pieces. `leaves` are what it
    was made from, `generation` names it.
    """

    passages: Passages
    views: Views
    store: Store
    lexical: Lexical
    interaction: Interaction
    leaves: tuple[Leaf, ...] = ()
    generation: str = ""


def read(index_dir: Path, shelf: Shelf, pieces: Pieces, engine: Engine | None = None) -> Index:
    """Open the published generation; `engine` holds its vectors, None where they are beside it.

    Raises:
        StaleIndexError: there is none, it is damaged, or it was made from another shelf.
        StoreError: the engine does not answer.
    """
    name = published(index_dir)
    while True:
        try:
            return _read(index_dir, name, shelf, pieces, engine)
        except StaleIndexError:
            before, name = name, published(index_dir)
            if name == before:
                raise  # else it was replaced, and perhaps removed, while it was read


def _read(index_dir: Path, name: str, shelf: Shelf, pieces: Pieces, engine: Engine | None) -> Index:
    found = opened(index_dir, name, shelf.keys, pieces, engine)
    passages, views = catalog(shelf.leaves, found.columns, found.sizes)
    parts = found.store, found.lexical, found.interaction
    return Index(passages, views, *parts, shelf.leaves, name)


@dataclass(frozen=True, slots=True)
class Generation:
    """What `about.json` says of a generation: what it was made from, and of which files it is.

    `files` gives checksums by names that begin at the index's folder; `previous` is "" for none.
    """

    folder: Path
    fingerprint: str
    previous: str
    segments: tuple[str, ...]
    files: Mapping[str, str]

    @classmethod
    def read(cls, index_dir: Path, name: str) -> "Generation":
        """Open one of them. Raises StaleIndexError, or what damaged files raise (`DAMAGE`)."""
        about = json.loads((index_dir / name / "about.json").read_text(encoding="utf-8"))
        if about.get("form") != FORM:
            msg = "The index was made by another version of Mentor; run `mentor index`."
            raise StaleIndexError(msg)
        said = about["fingerprint"], about["previous"], tuple(about["segments"])
        return cls(index_dir / name, *said, about["files"])

    def check(self, within: str = "") -> None:
        """Raise StaleIndexError where a file, of those in the folder `within`, is damaged."""
        for name, wanted in self.files.items():
            if name.startswith(within) and checksum(self.folder.parent / name) != wanted:
                msg = f"The index is damaged ({name}); run `mentor index`."
                raise StaleIndexError(msg)


def published(index_dir: Path) -> str:
    """Return the name of the generation in use.

    Raises:
        StaleIndexError: there is none.
    """
    try:
        name = (index_dir / "current").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"There is no index in {index_dir}; run `mentor index`."
        raise StaleIndexError(msg) from error
    if not _NAME.fullmatch(name):
        msg = f"The index in {index_dir} is damaged (current); run `mentor index`."
        raise StaleIndexError(msg)
    return name


class Opened(NamedTuple):
    """What a generation holds, in the order of the shelf; `sizes` are those of its leaves."""

    store: Store
    lexical: Lexical
    interaction: Interaction
    columns: Columns
    sizes: Sequence[Size]


def opened(
    index_dir: Path,
    name: str,
    keys: Sequence[str],
    pieces: Pieces,
    engine: Engine | None = None,
) -> Opened:
    """Open a generation, in use or not yet, and check that it is whole and of these leaves.

    Raises:
        StaleIndexError: it is not.
    """
    try:
        generation = Generation.read(index_dir, name)
        if generation.fingerprint != fingerprint(keys):
            msg = "The index was made from other essays or by another model; run `mentor index`."
            raise StaleIndexError(msg)
        generation.check()
        segments = [Segment(index_dir / part) for part in generation.segments]
        silent = np.load(generation.folder / "silent.npy")
        lexical = Lexical.read(generation.folder / "words")
        found = _opened(keys, segments, silent, lexical, pieces, engine)
    except DAMAGE as error:
        msg = f"The index in {index_dir / name} is damaged ({error}); run `mentor index`."
        raise StaleIndexError(msg) from error
    return found


def _opened(
    keys: Sequence[str],
    segments: Sequence[Segment],
    silent: Rows,
    lexical: Lexical,
    pieces: Pieces,
    engine: Engine | None,
) -> Opened:
    columns, cut = _in_order(keys, segments)
    sizes = _sizes(keys, segments)
    wanted = sum(size.passages for size in sizes), sum(size.views for size in sizes)
    if not wanted[0] == len(columns.spans) == len(lexical) or len(columns.kinds) != wanted[1]:
        msg = f"it holds {len(lexical)} passages and not {wanted[0]}"
        raise ValueError(msg)
    interaction = Interaction(pieces, cut)
    numbers = rows_of(keys, segments)
    store = (
        _outside(segments, numbers, silent, engine) if engine else _store(segments, numbers, silent)
    )
    if not wanted[1] == len(store) == len(interaction):
        store.close()
        msg = f"it holds {len(store)} rows and not {wanted[1]}"
        raise ValueError(msg)
    return Opened(store, lexical, interaction, columns, sizes)


def checksum(path: Path) -> str:
    """Return the sha256 of a file, as hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rows_of(keys: Sequence[str], segments: Sequence[Segment]) -> list[Rows]:
    """Return for each segment the shelf's number of each of its rows, -1 where it has none.

    Raises KeyError where a leaf stands in no segment.
    """
    sizes = {size.key: size.views for segment in segments for size in segment.sizes}
    starts = accumulate((sizes[key] for key in keys), initial=0)
    first = dict(zip(keys, starts, strict=False))
    rows = []
    for segment in segments:
        known = [
            np.arange(size.views) + first.pop(size.key)
            if size.key in first
            else np.full(size.views, -1)
            for size in segment.sizes
        ]
        rows.append(np.concatenate([np.empty(0, np.int64), *known]))
    return rows


def _sizes(keys: Sequence[str], segments: Sequence[Segment]) -> list[Size]:
    known = {size.key: size for segment in segments for size in segment.sizes}
    return [known[key] for key in keys]


def _store(segments: Sequence[Segment], numbers: Sequence[Rows], silent: Rows) -> Store:
    """Open the vectors of the leaves that are left, under the numbers of their views."""
    living = [known >= 0 for known in numbers]
    is_whole = is_small(sum(int(here.sum()) for here in living))
    compared = [
        np.flatnonzero(here) if is_whole else segment.searched[here[segment.searched]]
        for segment, here in zip(segments, living, strict=True)
    ]
    if is_whole or fits(sum(map(len, compared))):
        # What is gone need not be compared.
        known_as = [known[rows] for known, rows in zip(numbers, compared, strict=True)]
        searchers: list[Searcher] = [ExactStore(_matrix(segments, compared))]
        known_as = [np.concatenate([np.empty(0, np.int64), *known_as])]
    else:
        searchers = [segment.searcher() for segment in segments]
        known_as = [k[segment.searched] for segment, k in zip(segments, numbers, strict=True)]
    files = JoinedMatrix([segment.file() for segment in segments], numbers)
    return JoinedStore(searchers, known_as, files, silent, is_whole=is_whole)


def _matrix(segments: Sequence[Segment], rows: Sequence[Rows]) -> Vectors:
    """Return some vectors of each segment as one matrix, which is filled part by part: so many
    must not be in memory twice.
    """
    every, end = np.empty((sum(map(len, rows)), 0), np.float32), 0
    for segment, here in zip(segments, rows, strict=True):
        vectors = segment.vectors(here)
        if not every.shape[1]:
            every = np.empty((len(every), vectors.shape[1]), np.float32)
        every[end : end + len(here)] = vectors
        end += len(here)
    return every


def _outside(
    segments: Sequence[Segment], numbers: Sequence[Rows], silent: Rows, engine: Engine
) -> Store:
    """Open the vectors that a store outside the process holds."""
    searchers = [segment.outside(engine) for segment in segments]
    known_as = [k[segment.searched] for segment, k in zip(segments, numbers, strict=True)]
    files = JoinedMatrix([segment.file() for segment in segments], numbers)
    return JoinedStore(searchers, known_as, files, silent, is_whole=False)


def _in_order(keys: Sequence[str], segments: Sequence[Segment]) -> tuple[Columns, Ragged]:
    """Return the columns, and the pieces of every view, in the order of the shelf."""
    if len(segments) == 1 and [size.key for size in segments[0].sizes] == list(keys):
        return segments[0].columns, segments[0].pieces
    parts = {
        key: (segment.columns.part(passages, views), segment.pieces.part(views.start, views.stop))
        for segment in segments
        for key, passages, views in segment.by_leaf()
    }
    columns, pieces = zip(*(parts[key] for key in keys), strict=True) if keys else ((), ())
    return Columns.joined(columns), Ragged.joined(pieces)
