"""Document[] -> the stored index: built aside, verified, then published by one atomic step.

    index_dir/lock           one builder at a time
    index_dir/current        a line: the generation in use (replaced atomically)
    index_dir/gen-…/         vectors/ (Chroma), words/ (BM25), pieces/, about.json (checksums)

A reader sees the old generation or the new one, whole. The one before is kept.
"""

import hashlib
import json
import logging
import os
import shutil
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rag.embed import Embedder, Pieces
from rag.errors import IndexLockedError, IndexWriteError, StaleIndexError
from rag.interaction import Interaction
from rag.lexical import Lexical
from rag.split import VERSION as SPLITTER
from rag.split import split
from rag.store import ChromaStore, Store, stored_files
from rag.text import language, sentences
from rag.types import Document, Lang, Passage, View

_log = logging.getLogger(__name__)
_FORM = "7"  # raise it when the layout of a generation or the views change
_COMPARED = ("question", "decoy")
_SAME = 0.85  # similarity from which a decoy and a beginner question ask the same
_SPARE_BYTES = 40_000_000  # what sqlite and Chroma need beside the vectors

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Index:
    """An open generation.

    `views[row]` is what row `row` of `store` stands for. `lexical` scores `passages` in their
    order, by shared words; `interaction` scores `views` in theirs, by pieces.
    """

    passages: tuple[Passage, ...]
    views: tuple[View, ...]
    store: Store
    lexical: Lexical
    interaction: Interaction


@dataclass(frozen=True, slots=True)
class Shelf:
    """All passages and views of the essays, and the fingerprint of an index made from them."""

    passages: tuple[Passage, ...]
    views: tuple[View, ...]
    fingerprint: str


def shelve(
    documents: Sequence[Document], decoys: Sequence[str], model: str, passage_chars: int
) -> Shelf:
    """Split every essay and name every view; the same essays always give the same shelf."""
    passages: list[Passage] = []
    views: list[View] = []
    for document in documents:
        parts = split(document, passage_chars)
        passages += parts
        views += [view for passage in parts for view in _views(document, passage)]
        views += _questions(document, parts)
    views += [View("", "decoy", _lang(decoy), decoy, None) for decoy in decoys]
    seal = hashlib.sha256("\n".join([_FORM, SPLITTER, model, str(passage_chars)]).encode())
    for part in (*passages, *views):
        seal.update(f"{part}\n".encode())
    return Shelf(tuple(passages), tuple(views), seal.hexdigest())


def _views(document: Document, passage: Passage) -> Iterator[View]:
    """Yield the texts under which a passage is found; these may be enriched, quotes never."""
    heading = " ".join(passage.heading[1:])
    lang = _lang(passage.text)
    yield View(passage.id, "text", lang, f"{heading}\n{passage.text}", passage.span)
    english = []
    for inner in sentences(passage.text):
        span = inner.shift(passage.span.start)
        yield View(passage.id, "sentence", lang, span.of(document.text), span)
        if span.end in document.english:
            english.append(document.english[span.end])
            yield View(passage.id, "sentence", "en", english[-1], span)
    if english:
        yield View(passage.id, "text", "en", " ".join(english), passage.span)
    if passage.asked:
        yield View(passage.id, "asked", _lang(passage.asked), passage.asked, passage.span)


def _questions(document: Document, passages: Sequence[Passage]) -> Iterator[View]:
    """Yield each beginner question under the passage that holds most of its anchor."""
    starts = [passage.span.start for passage in passages]
    for question in document.questions:
        at = max(0, bisect_right(starts, question.span.start) - 1)
        near = passages[at : at + 2]  # an anchor lies in one passage, or across one seam
        best = max(near, key=lambda passage: question.span.overlap(passage.span), default=None)
        if best and question.span.overlap(best.span):
            yield View(best.id, "question", question.lang, question.text, question.span)


def _lang(text: str) -> Lang:
    return "en" if language(text) == "en" else "zh"


def read(index_dir: Path, shelf: Shelf, pieces: Pieces) -> Index:
    """Open the published generation.

    Raises:
        StaleIndexError: there is none, it is damaged, or it was made from another shelf.
    """
    return _opened(index_dir / _current(index_dir), shelf, pieces)


def _opened(folder: Path, shelf: Shelf, pieces: Pieces) -> Index:
    """Open a generation, published or not yet, and check that it is whole and of this shelf."""
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about["fingerprint"] != shelf.fingerprint:
            msg = "The index was made from other essays or by another model; run `mentor index`."
            raise StaleIndexError(msg)
        _check(folder, about["files"])
        store = ChromaStore.open(folder / "vectors")
        if len(store) != len(shelf.views):
            msg = f"The index holds {len(store)} of {len(shelf.views)} rows; run `mentor index`."
            raise StaleIndexError(msg)
        lexical = Lexical.read(folder / "words")
        interaction = Interaction.read(folder / "pieces", pieces)
        return Index(shelf.passages, shelf.views, store, lexical, interaction)
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"The index in {folder} is damaged ({error}); run `mentor index`."
        raise StaleIndexError(msg) from error


def _current(index_dir: Path) -> str:
    try:
        return (index_dir / "current").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"There is no index in {index_dir} yet; run `mentor index`."
        raise StaleIndexError(msg) from error


def _check(folder: Path, checksums: Mapping[str, str]) -> None:
    for name, checksum in checksums.items():
        if _checksum(folder / name) != checksum:
            msg = f"The index is damaged ({name}); run `mentor index`."
            raise StaleIndexError(msg)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(
    index_dir: Path,
    shelf: Shelf,
    embedder: Embedder,
    pieces: Pieces,
    *,
    progress: Progress,
    wait_s: float = 0.0,
) -> None:
    """Build a generation and publish it; the one in use stays until the last step.

    Raises:
        IndexLockedError: another process builds, for longer than `wait_s` seconds.
        IndexWriteError: no room or no right to write; nothing in use was touched.
    """
    with _builder(index_dir, wait_s):
        try:
            if _published(index_dir) == shelf.fingerprint:
                read(index_dir, shelf, pieces).store.close()
                return  # the process that held the lock has just built it
        except StaleIndexError:
            _log.info("the published index is damaged; building it again")
        _need_room(index_dir, len(shelf.views))
        aside = index_dir / f"build-{os.getpid()}"
        try:
            _write(aside, shelf, embedder, pieces, progress)
            progress("verifying", 0.9)
            _opened(aside, shelf, pieces).store.close()
            _publish(index_dir, aside, shelf.fingerprint)
        except OSError as error:
            msg = f"The index could not be written to {index_dir} ({error.strerror})."
            raise IndexWriteError(msg) from error
        except StaleIndexError as error:
            msg = f"What was written to {index_dir} cannot be read back ({error})"
            raise IndexWriteError(msg) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _builder(index_dir: Path, wait_s: float) -> Iterator[None]:
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(index_dir / "lock", timeout=wait_s):
            for left_over in index_dir.glob("build-*"):  # of a builder that was killed
                shutil.rmtree(left_over, ignore_errors=True)
            yield
    except Timeout as error:
        msg = f"Another process is building the index in {index_dir}; wait for it, then try again."
        raise IndexLockedError(msg) from error
    except OSError as error:
        msg = f"The folder {index_dir} cannot be written ({error.strerror}); set MENTOR_INDEX_DIR."
        raise IndexWriteError(msg) from error


def _published(index_dir: Path) -> str:
    """Return the fingerprint of the published generation, "" where none can be read."""
    try:
        about = (index_dir / _current(index_dir) / "about.json").read_text(encoding="utf-8")
        return str(json.loads(about)["fingerprint"])
    except (StaleIndexError, OSError, ValueError, KeyError, TypeError):
        return ""


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
    folder: Path, shelf: Shelf, embedder: Embedder, pieces: Pieces, progress: Progress
) -> None:
    progress("embedding", 0.0)
    vectors = embedder.passages([view.text for view in shelf.views])
    _silence(vectors, shelf.views)
    progress("storing vectors", 0.4)
    ChromaStore.write(folder / "vectors", vectors)
    progress("indexing words", 0.8)
    Lexical.build(_searched(shelf)).write(folder / "words")
    Interaction.build([view.text for view in shelf.views], pieces).write(folder / "pieces")
    names = [path.relative_to(folder).as_posix() for path in stored_files(folder)]
    about = {
        "fingerprint": shelf.fingerprint,
        "model": embedder.name,
        "passages": len(shelf.passages),
        "views": len(shelf.views),
        "files": {name: _checksum(folder / name) for name in names},
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def _silence(vectors: NDArray[np.float32], views: Sequence[View]) -> None:
    """Make the decoys that say what a beginner question says near to nothing, in place.

    So an essay may be added that answers a decoy, and no question that Mentor offers is refused.
    """
    asked, decoys = (
        [row for row, view in enumerate(views) if view.kind == kind] for kind in _COMPARED
    )
    if asked and decoys:
        nearest = (vectors[decoys] @ vectors[asked].T).max(axis=1)
        vectors[[row for row, near in zip(decoys, nearest, strict=True) if near >= _SAME]] = 0.0


def _searched(shelf: Shelf) -> list[str]:
    """Return the words under which BM25 finds each passage: what it says, what is asked of it."""
    texts = {passage.id: list(passage.heading) for passage in shelf.passages}
    for view in shelf.views:
        # Sentences stand in the whole text already; decoys belong to nobody.
        if view.kind not in ("sentence", "decoy"):
            texts[view.passage_id].append(view.text)
    return ["\n".join(parts) for parts in texts.values()]


def _publish(index_dir: Path, aside: Path, fingerprint: str) -> None:
    """Rename, then replace the pointer: the rename of one small file is the commit."""
    try:
        previous = _current(index_dir)
    except StaleIndexError:
        previous = ""
    generation = index_dir / f"gen-{time.time_ns()}-{fingerprint[:12]}"
    aside.rename(generation)
    pointer = index_dir / "current.new"
    with pointer.open("w", encoding="utf-8") as file:
        file.write(generation.name + "\n")
        file.flush()
        os.fsync(file.fileno())
    pointer.replace(index_dir / "current")
    for old in index_dir.glob("gen-*"):
        if old.name not in (generation.name, previous):
            shutil.rmtree(old, ignore_errors=True)
