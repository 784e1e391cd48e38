"""Shelf -> the stored index: written aside, verified, then published by one atomic step.

Only the essays that are new or changed are computed; they stand in a segment of their own until a
larger one is written anyway. The generation before is kept.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rag.embed import Embedder, Pieces
from rag.errors import IndexLockedError, IndexWriteError, StaleIndexError
from rag.index import DAMAGE, FORM, Generation, checksum, opened, published, rows_of
from rag.lexical import Lexical, Words
from rag.segments import Content, Segment, computed, joined, write
from rag.shelf import Leaf, Shelf, fingerprint
from rag.store import stored_files
from rag.vectors import Rows, fits

_log = logging.getLogger(__name__)
_FOLDERS = ("gen-*", "seg-*", "build-*")  # the last were made by earlier versions
_SAME = 0.85  # similarity from which a decoy and a beginner question ask the same
_SPARE_BYTES = 40_000_000  # what sqlite and Chroma need beside the vectors

Progress = Callable[[str, float], None]


def build(
    index_dir: Path,
    shelf: Shelf,
    embedder: Embedder,
    pieces: Pieces,
    *,
    progress: Progress,
    wait_s: float = 0.0,
) -> int:
    """Build a generation and publish it; the one in use stays until the last step.

    Returns how many essays were computed: those that the generation in use does not hold.

    Raises:
        IndexLockedError: another process builds, for longer than `wait_s` seconds.
        IndexWriteError: no room or no right to write; nothing in use was touched.
    """
    with _builder(index_dir, wait_s):
        keys = shelf.keys
        if _is_whole(index_dir, keys, pieces):
            return 0  # the process that held the lock has just built it
        plan = _planned(shelf, _segments(index_dir))
        _need_room(index_dir, plan.rows)
        name = f"{time.time_ns():x}-{fingerprint(keys)[:12]}"
        made = [index_dir / f"seg-{name}", index_dir / f"gen-{name}"]
        try:
            _write(made, plan, keys, embedder, pieces, progress)
            progress("verifying", 0.9)
            _verify(index_dir, made, keys)
            _publish(index_dir, made[1])
        except (OSError, StaleIndexError) as error:
            msg = f"The index could not be written to {index_dir} ({error}); is the disk full?"
            raise IndexWriteError(msg) from error
        finally:
            _clear(index_dir)
    return sum(1 for leaf in plan.new if leaf.passages)


@contextmanager
def _builder(index_dir: Path, wait_s: float) -> Iterator[None]:
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(index_dir / "lock", timeout=wait_s):
            _clear(index_dir)  # of what a builder left that was killed
            yield
    except Timeout as error:
        msg = f"Another process is building the index in {index_dir}; wait for it, then try again."
        raise IndexLockedError(msg) from error
    except OSError as error:
        msg = f"The folder {index_dir} cannot be written ({error.strerror}); set MENTOR_INDEX_DIR."
        raise IndexWriteError(msg) from error


def _is_whole(index_dir: Path, keys: Sequence[str], pieces: Pieces) -> bool:
    try:
        opened(index_dir, published(index_dir), keys, pieces)[0].close()
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
                segment = Segment(index_dir / name)
                segment.store(whole=fits(len(segment))).close()
                whole.append(segment)
    return whole


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of each segment in use, and which leaves have to be computed."""

    kept: Sequence[Segment]  # they serve the next generation as they are
    moved: Sequence[Segment]  # their leaves, if any is left, are written anew beside the new ones
    new: Sequence[Leaf]
    rows: int  # views that are written
    every: int  # views of the shelf


def _planned(shelf: Shelf, segments: Sequence[Segment]) -> _Plan:
    """Plan the least work now that keeps segments few: one that is no larger than what is written
    beside it is written with it, and so is one of which less than half is left. Each view is so
    written anew about as often as the shelf doubles (Bentley and Saxe, 1980).
    """
    keys = set(shelf.keys)
    known = {size.key for segment in segments for size in segment.sizes}
    new = [leaf for leaf in shelf.leaves if leaf.key not in known]
    rows = sum(len(leaf.views) for leaf in new)
    every = rows + sum(segment.views(keys) for segment in segments)
    kept: list[Segment] = []
    moved: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.views(keys)):
        living = segment.views(keys)
        if living <= rows or 2 * living < len(segment):
            rows += living
            moved.append(segment)
        else:
            kept.append(segment)
    return _Plan(kept, moved, new, rows, every)


def _need_room(index_dir: Path, views: int) -> None:
    needed = _SPARE_BYTES + views * 12_000  # measured: 4 to 6 kB a row of 256 numbers, doubled
    free = shutil.disk_usage(index_dir).free
    if free < needed:
        msg = (
            f"{index_dir} has {free // 1_000_000} MB free and the index needs "
            f"{needed // 1_000_000} MB; free some space or set MENTOR_INDEX_DIR."
        )
        raise IndexWriteError(msg)


def _write(
    made: Sequence[Path],
    plan: _Plan,
    keys: Sequence[str],
    embedder: Embedder,
    pieces: Pieces,
    progress: Progress,
) -> None:
    """Write a segment of what is new or moved, if there is any, and the generation."""
    folder, generation = made
    segments = list(plan.kept)
    written = [leaf for segment in plan.moved for leaf in _living(segment, set(keys))]
    if plan.new:
        shown = lambda share: progress("embedding", 0.4 * share)  # noqa: E731
        written.append(computed(plan.new, embedder, pieces, shown))
    if written:
        progress("storing vectors", 0.4)
        write(folder, joined(written), chroma=2 * plan.rows > plan.every)
        segments.append(Segment(folder))
    progress("indexing words", 0.8)
    contents = [segment.content for segment in segments]
    words = {key: part.words for content in contents for key, part in content.leaves()}
    generation.mkdir()
    Lexical.of(Words.joined([words[key] for key in keys])).write(generation / "words")
    np.save(generation / "silent.npy", _silent(contents, rows_of(keys, segments)))
    _describe(generation, segments, keys, embedder.name)


def _living(segment: Segment, keys: set[str]) -> list[Content]:
    return [part for key, part in segment.content.leaves() if key in keys]


def _silent(contents: Sequence[Content], rows: Sequence[Rows]) -> Rows:
    """Return the decoys that say what a beginner question says, and are to be near to nothing.

    So an essay may be added that answers a decoy, and no question that Mentor offers is refused.
    """
    found: dict[str, tuple[list[NDArray[np.float32]], list[Rows]]] = {}
    for kind in ("question", "decoy"):
        vectors, places = found.setdefault(kind, ([], []))
        for content, known in zip(contents, rows, strict=True):
            at = content.of_kind(kind)
            at = at[known[at] >= 0]
            vectors.append(content.vectors[at])
            places.append(known[at])
    asked, decoys = (np.concatenate(found[kind][0]) for kind in ("question", "decoy"))
    if not len(asked) or not len(decoys):
        return np.empty(0, np.int64)
    return np.sort(np.concatenate(found["decoy"][1])[(decoys @ asked.T).max(axis=1) >= _SAME])


def _verify(index_dir: Path, made: Sequence[Path], keys: Sequence[str]) -> None:
    """Raise StaleIndexError where what was written does not read back as it should."""
    try:
        generation = Generation.read(index_dir, made[1].name)
        for folder in made:
            generation.check(within=f"{folder.name}/")
        segments = [Segment(index_dir / name) for name in generation.segments]
        for segment in segments:
            if segment.folder in made:
                segment.store(whole=fits(len(segment))).close()
        rows_of(keys, segments)
        Lexical.read(made[1] / "words")
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
    _flush(index_dir)
    pointer.replace(index_dir / "current")
    _flush(index_dir)


def _sync(path: Path) -> None:
    """Wait until a file, or all that a folder holds, has reached the disk."""
    if path.is_dir():
        for inner in path.iterdir():
            _sync(inner)
    _flush(path)


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _clear(index_dir: Path) -> None:
    """Remove what neither the generation in use nor the one before it needs."""
    needed = {_in_use(index_dir)}
    with suppress(StaleIndexError, *DAMAGE):
        used = Generation.read(index_dir, published(index_dir))
        needed |= {used.previous, *used.segments}
        needed |= {*Generation.read(index_dir, used.previous).segments}
    for folder in [path for kind in _FOLDERS for path in index_dir.glob(kind)]:
        if folder.name not in needed:
            shutil.rmtree(folder, ignore_errors=True)
