"""Shelf -> the stored index: written aside, verified, then published by one atomic step.

Only the essays that are new or changed are computed; they stand in a segment of their own until a
larger one is written anyway. The generation before is kept.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rag.embed import Embedder, Pieces
from rag.errors import IndexLockedError, IndexWriteError, StaleIndexError
from rag.index import DAMAGE, FORM, Generation, checksum, opened, published, rows_of
from rag.journal import flush
from rag.lexical import Lexical, Words
from rag.segments import LARGEST, Content, Segment, computed, cut, joined, write
from rag.shelf import Leaf, Shelf, fingerprint
from rag.store import stored_files
from rag.types import ViewKind
from rag.vectors import Engine, Rows, fits

_log = logging.getLogger(__name__)
_FOLDERS = ("gen-*", "seg-*", "build-*")  # the last were made by earlier versions
_SAME = 0.85  # similarity from which a decoy and a beginner question ask the same
_SPARE_BYTES = 40_000_000  # what sqlite and Chroma need beside the vectors
# Measured: 1.1 kB a view, or 20 bytes a character, and Chroma as much again; doubled.
_PER_VIEW, _PER_CHARACTER = 4_000, 80

Progress = Callable[[str, float], None]


def build(
    index_dir: Path,
    shelf: Shelf,
    embedder: Embedder,
    pieces: Pieces,
    *,
    progress: Progress,
    wait_s: float = 0.0,
    engine: Engine | None = None,
) -> int:
    """Build a generation and publish it; the one in use stays until the last step. What is searched
    is written into `engine`, None for Chroma beside the index.

    Returns how many essays were computed: those that the generation in use does not hold.

    Raises:
        IndexLockedError: another process builds, for longer than `wait_s` seconds.
        IndexWriteError: no room or no right to write; nothing in use was touched.
        StoreError: the engine does not answer; nothing in use was touched.
    """
    with _builder(index_dir, wait_s, engine):
        keys = shelf.keys
        if _is_whole(index_dir, keys, pieces, engine):
            return 0  # the process that held the lock has just built it
        before = _segments(index_dir)
        known = {size.key for segment in before for size in segment.sizes}
        new = [leaf for leaf in shelf.leaves if leaf.key not in known]
        _need_room(index_dir, _PER_CHARACTER * sum(len(leaf.text) for leaf in new))
        name = f"{time.time_ns():x}-{fingerprint(keys)[:12]}"
        try:
            made = _Made(index_dir, name, embedder, pieces, progress, engine)
            segments = made.segments(before, new, keys)
            generation = made.generation(segments, keys)
            progress("verifying", 0.9)
            _verify(index_dir, [*made.folders, generation], keys)
            _publish(index_dir, generation)
        except (OSError, StaleIndexError) as error:
            msg = f"The index could not be written to {index_dir} ({error}); is the disk full?"
            raise IndexWriteError(msg) from error
        finally:
            _clear(index_dir, engine)
    return sum(1 for leaf in new if leaf.doc_id)


@contextmanager
def _builder(index_dir: Path, wait_s: float, engine: Engine | None) -> Iterator[None]:
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(index_dir / "lock", timeout=wait_s):
            _clear(index_dir, engine)  # of what a builder left that was killed
            yield
    except Timeout as error:
        msg = f"Another process is building the index in {index_dir}; wait for it, then try again."
        raise IndexLockedError(msg) from error
    except OSError as error:
        msg = f"The folder {index_dir} cannot be written ({error.strerror}); set MENTOR_INDEX_DIR."
        raise IndexWriteError(msg) from error


def _is_whole(index_dir: Path, keys: Sequence[str], pieces: Pieces, engine: Engine | None) -> bool:
    try:
        opened(index_dir, published(index_dir), keys, pieces, engine).store.close()
    except StaleIndexError as error:
        _log.info("%s", error)
        return False
    return True


def _segments(index_dir: Path) -> list[Segment]:
    """Return the segments in use that are whole."""
    whole = []
    with suppress(StaleIndexError, *DAMAGE):
        generation = Generation.read(index_dir, published(index_dir))
        for name in generation.segments:
            with suppress(StaleIndexError, *DAMAGE):
                generation.check(within=f"{name}/")
                whole.append(_readable(Segment(index_dir / name)))
    return whole


def _readable(segment: Segment) -> Segment:
    """Return the segment if its vectors can be opened. Raises StaleIndexError or `DAMAGE`."""
    if segment.chroma and not fits(len(segment.searched)):
        segment.searcher().close()
    segment.vectors(segment.searched[:1])
    return segment


def _sorted_out(
    segments: Sequence[Segment], keys: set[str], rows: int
) -> tuple[list[Segment], list[Segment]]:
    """Return which segments serve the next generation as they are, and which are written anew,
    beside `rows` new views: what is left of their leaves.

    That is the least work now that keeps segments few: one that is no larger than what is written
    beside it is written with it, and so is one of which less than half is left. Each view is so
    written anew about as often as the shelf doubles (Bentley and Saxe, 1980).
    """
    kept: list[Segment] = []
    moved: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.views(keys)):
        living = segment.views(keys)
        if living <= rows <= LARGEST - living or 2 * living < len(segment):
            rows += living
            moved.append(segment)
        else:
            kept.append(segment)
    return kept, moved


def _need_room(index_dir: Path, needed: int) -> None:
    """Raise IndexWriteError where the disk has no room for so many bytes and for the databases."""
    free, needed = shutil.disk_usage(index_dir).free, needed + _SPARE_BYTES
    if free < needed:
        msg = (
            f"{index_dir} has {free // 1_000_000} MB free and the index needs "
            f"{needed // 1_000_000} MB; free some space or set MENTOR_INDEX_DIR."
        )
        raise IndexWriteError(msg)


class _Made:
    """The folders of a generation that is being written."""

    def __init__(
        self,
        index_dir: Path,
        name: str,
        embedder: Embedder,
        pieces: Pieces,
        progress: Progress,
        engine: Engine | None,
    ) -> None:
        self._index_dir, self._name, self._engine = index_dir, name, engine
        self._embedder, self._pieces, self._progress = embedder, pieces, progress
        self.folders: list[Path] = []

    def segments(
        self, before: Sequence[Segment], new: Sequence[Leaf], keys: Sequence[str]
    ) -> list[Segment]:
        """Compute and write what is new, joined with what is written anew; return all segments.

        What is too much for one segment is written as it is computed, so that memory does not grow
        with the shelf.
        """
        fresh, last = list[Segment](), list[Content]()
        for content in self._computed(new):
            fresh += [self._written(one) for one in last]
            last = [content]
        kept, moved = _sorted_out(before, set(keys), sum(map(len, last)))
        last += [part for segment in moved for part in segment.content.only(set(keys))]
        fresh += [self._written(joined(parts)) for parts in _packed(last)]
        self._progress("storing vectors", 0.6)
        if self._engine:
            for segment in (*kept, *fresh):
                segment.publish(self._engine)
            return [*kept, *fresh]
        return [*kept, *self._in_chroma(kept, fresh, set(keys))]

    def _computed(self, new: Sequence[Leaf]) -> Iterator[Content]:
        every, done = sum(len(leaf.text) for leaf in new) or 1, 0
        sizes = {leaf.key: len(leaf.text) for leaf in new}
        for leaves in cut(new):
            here = sum(sizes[leaf.key] for leaf in leaves)

            def shown(share: float, done: int = done, here: int = here) -> None:
                self._progress("embedding", 0.6 * (done + share * here) / every)

            yield computed(leaves, self._embedder, self._pieces, shown)
            done += here

    def _written(self, content: Content) -> Segment:
        _need_room(self._index_dir, _PER_VIEW * len(content))
        folder = self._index_dir / f"seg-{self._name}-{len(self.folders)}"
        self.folders.append(folder)
        write(folder, content)
        return Segment(folder)

    def _in_chroma(
        self, kept: Sequence[Segment], fresh: Sequence[Segment], keys: set[str]
    ) -> list[Segment]:
        """Return the `fresh` segments, in Chroma what Chroma is asked for, or is most of it."""
        every = [*kept, *fresh]
        asked = not fits(sum(len(segment.searched) for segment in every))
        half = sum(segment.views(keys) for segment in every) / 2
        return [
            segment.with_graph(asked=asked) if asked or len(segment) > half else segment
            for segment in fresh
        ]

    def generation(self, segments: Sequence[Segment], keys: Sequence[str]) -> Path:
        """Write the generation that these segments are; return its folder."""
        self._progress("indexing words", 0.8)
        folder = self._index_dir / f"gen-{self._name}"
        folder.mkdir()
        words = {
            key: segment.words.part(passages.start, passages.stop)
            for segment in segments
            for key, passages, _ in segment.by_leaf()
        }
        Lexical.of(Words.joined([words[key] for key in keys])).write(folder / "words")
        np.save(folder / "silent.npy", _silent(segments, rows_of(keys, segments)))
        _describe(folder, segments, keys, self._embedder.name)
        return folder


def _packed(contents: Sequence[Content]) -> Iterator[list[Content]]:
    """Yield `contents` in lists that each make a segment."""
    together: list[Content] = []
    for content in contents:
        if together and sum(map(len, together)) + len(content) > LARGEST:
            yield together
            together = []
        together.append(content)
    if together:
        yield together


def _silent(segments: Sequence[Segment], numbers: Sequence[Rows]) -> Rows:
    """Return the decoys that say what a beginner question says, and are to be near to nothing.

    So an essay may be added that answers a decoy, and no question that Mentor offers is refused.
    """
    found: dict[str, tuple[list[NDArray[np.float32]], list[Rows]]] = {}
    kinds: tuple[ViewKind, ...] = ("question", "decoy")
    for kind in kinds:
        vectors, places = found.setdefault(kind, ([], []))
        for segment, known in zip(segments, numbers, strict=True):
            at = segment.columns.of_kind(kind)
            at = at[known[at] >= 0]
            vectors.append(segment.rows(at))
            places.append(known[at])
    asked, decoys = (np.concatenate(found[kind][0]) for kind in ("question", "decoy"))
    if not len(asked) or not len(decoys):
        return np.empty(0, np.int64)
    return np.sort(np.concatenate(found["decoy"][1])[(decoys @ asked.T).max(axis=1) >= _SAME])


def _verify(index_dir: Path, made: Sequence[Path], keys: Sequence[str]) -> None:
    """Raise StaleIndexError where what was written does not read back as it should; the generation
    is the last of what was.
    """
    try:
        generation = Generation.read(index_dir, made[-1].name)
        for folder in made:
            generation.check(within=f"{folder.name}/")
        segments = [Segment(index_dir / name) for name in generation.segments]
        for segment in segments:
            if segment.folder in made:
                _readable(segment)
        rows_of(keys, segments)
        Lexical.read(made[-1] / "words")
    except DAMAGE as error:
        msg = f"what was written cannot be read back ({error})"
        raise StaleIndexError(msg) from error


def _describe(
    generation: Path, segments: Sequence[Segment], keys: Sequence[str], model: str
) -> None:
    index_dir = generation.parent
    folders = [generation, *(segment.folder for segment in segments)]
    known = _checksums(index_dir)
    names = [
        path.relative_to(index_dir).as_posix()
        for folder in folders
        for path in stored_files(folder)
    ]
    about = {
        "form": FORM,
        "fingerprint": fingerprint(keys),
        "model": model,
        "previous": _in_use(index_dir),
        "segments": [segment.folder.name for segment in segments],
        "files": {name: known.get(name) or checksum(index_dir / name) for name in names},
    }
    (generation / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def _checksums(index_dir: Path) -> Mapping[str, str]:
    """Return those of the generation in use; what it shares with the next has been checked."""
    with suppress(StaleIndexError, *DAMAGE):
        return Generation.read(index_dir, published(index_dir)).files
    return {}


def _in_use(index_dir: Path) -> str:
    """Return the name of the generation in use, "" for none."""
    try:
        return published(index_dir)
    except StaleIndexError:
        return ""


def _publish(index_dir: Path, generation: Path) -> None:
    """Replace the pointer: the rename of one small file is the commit.

    All that it leads to is on the disk by then, so that a power cut leaves one or the other.
    """
    for name in Generation.read(index_dir, generation.name).segments:
        _sync(index_dir / name)
    _sync(generation)
    pointer = index_dir / "current.new"
    pointer.write_text(generation.name + "\n", encoding="utf-8")
    _sync(pointer)
    flush(index_dir)
    pointer.replace(index_dir / "current")
    flush(index_dir)


def _sync(path: Path) -> None:
    """Wait until a file, or all that a folder holds, has reached the disk."""
    if path.is_dir():
        for inner in path.iterdir():
            _sync(inner)
    flush(path)


def _clear(index_dir: Path, engine: Engine | None) -> None:
    """Remove what neither the generation in use nor the one before it needs.

    Of a store outside, what was this index's own: others may keep theirs in it.
    """
    needed = {_in_use(index_dir)}
    with suppress(StaleIndexError, *DAMAGE):
        used = Generation.read(index_dir, published(index_dir))
        needed |= {used.previous, *used.segments}
        needed |= {*Generation.read(index_dir, used.previous).segments}
    unneeded = [
        path for kind in _FOLDERS for path in index_dir.glob(kind) if path.name not in needed
    ]
    for folder in unneeded:
        if engine and folder.name.startswith("seg-"):
            _withdraw(folder, needed, engine)
        shutil.rmtree(folder, ignore_errors=True)


def _withdraw(folder: Path, needed: Collection[str], engine: Engine) -> None:
    """Remove a segment's rows from a store outside, unless another one is of the same leaves."""
    with suppress(*DAMAGE):
        name = Segment(folder).name
        kept = [folder.with_name(other) for other in needed if other.startswith("seg-")]
        if name not in {Segment(other).name for other in kept}:
            engine.remove(name)
