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

import numpy as np

from rag.embed import Pieces
from rag.errors import StaleIndexError
from rag.interaction import Interaction
from rag.lexical import Lexical
from rag.ragged import Ragged
from rag.segments import Segment
from rag.shelf import Leaf, Shelf, fingerprint
from rag.types import Passage, View
from rag.vectors import ExactStore, JoinedStore, Rows, Store, fits

_NAME = re.compile(r"gen-[0-9a-f-]{1,80}")
FORM = 1  # of about.json and the folders beside it: raise it when they change
# What no reader of damaged files is spared: theirs, numpy's, json's.
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError)


@dataclass(frozen=True, slots=True)
class Index:
    """An open generation.

    `views[row]` is what row `row` of `store` stands for. `lexical` scores `passages` in their
    order, by shared words; `interaction` scores `views` in theirs, by pieces. `leaves` are what it
    was made from, `generation` names it.
    """

    passages: tuple[Passage, ...]
    views: tuple[View, ...]
    store: Store
    lexical: Lexical
    interaction: Interaction
    leaves: tuple[Leaf, ...] = ()
    generation: str = ""


def read(index_dir: Path, shelf: Shelf, pieces: Pieces) -> Index:
    """Open the published generation.

    Raises:
        StaleIndexError: there is none, it is damaged, or it was made from another shelf.
    """
    name = published(index_dir)
    while True:
        try:
            return _read(index_dir, name, shelf, pieces)
        except StaleIndexError:
            before, name = name, published(index_dir)
            if name == before:
                raise  # else it was replaced, and perhaps removed, while it was read


def _read(index_dir: Path, name: str, shelf: Shelf, pieces: Pieces) -> Index:
    keys = [leaf.key for leaf in shelf.leaves]
    store, lexical, interaction = opened(index_dir, name, keys, pieces)
    counts = len(store), len(interaction), len(lexical)
    wanted = len(shelf.views), len(shelf.views), len(shelf.passages)
    if counts != wanted:
        store.close()
        msg = f"The index holds {counts} rows and not {wanted}; run `mentor index`."
        raise StaleIndexError(msg)
    return Index(shelf.passages, shelf.views, store, lexical, interaction, shelf.leaves, name)


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


def opened(
    index_dir: Path, name: str, keys: Sequence[str], pieces: Pieces
) -> tuple[Store, Lexical, Interaction]:
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
        store = _store(segments, rows_of(keys, segments), silent)
        interaction = Interaction(pieces, _pieces(keys, segments))
        return store, Lexical.read(generation.folder / "words"), interaction
    except DAMAGE as error:
        msg = f"The index in {index_dir / name} is damaged ({error}); run `mentor index`."
        raise StaleIndexError(msg) from error


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


def _store(segments: Sequence[Segment], rows: Sequence[Rows], silent: Rows) -> Store:
    living = sum(int((known >= 0).sum()) for known in rows)
    stores = [segment.store(whole=fits(living)) for segment in segments]
    if len(stores) == 1 and not len(silent) and (np.diff(rows[0], prepend=-1) == 1).all():
        return stores[0]
    rows = list(rows)
    for at, store in enumerate(stores):
        if isinstance(store, ExactStore):  # what is gone need not be compared
            stores[at], rows[at] = store.only(rows[at] >= 0), rows[at][rows[at] >= 0]
    return JoinedStore(stores, rows, silent)


def _pieces(keys: Sequence[str], segments: Sequence[Segment]) -> Ragged:
    """Return the pieces of every view, in the order of the shelf."""
    if len(segments) == 1 and [size.key for size in segments[0].sizes] == list(keys):
        return segments[0].pieces
    found = {key: part for segment in segments for key, part in segment.pieces_by_leaf()}
    return Ragged.joined([found[key] for key in keys])
