"""One contract for every store: exact ones in memory and on the disk, and Chroma."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import MemoryStore, Vectors

from rag import IndexWriteError, StaleIndexError
from rag.store import (
    ChromaStore,
    check_database,
    read_vectors,
    rows_of,
    stored_files,
    write_graph,
    write_vectors,
)
from rag.vectors import ExactStore, Found, JoinedMatrix, JoinedStore, Rows, Searcher, Store

Opener = Callable[[Vectors], Store]


NONE = np.empty(0, np.int64)


def _stored(
    folder: Path,
    vectors: Vectors,
    parts: Sequence[Rows],
    *,
    chroma: bool = False,
    searched: Rows | None = None,
) -> Store:
    """Write some parts of `vectors` and open them as one store, of which all rows are searched."""
    searchers: list[Searcher] = []
    files, known = [], []
    for at, part in enumerate(parts):
        rows = np.arange(len(part)) if searched is None else searched
        write_vectors(folder / f"part {at}", vectors[part])
        if chroma:
            write_graph(folder / f"part {at}", vectors[part][rows], asked=True)
        searchers.append(
            ChromaStore.open(folder / f"part {at}", len(rows))
            if chroma
            else ExactStore(vectors[part][rows])
        )
        files.append(rows_of(folder / f"part {at}"))
        known.append(part[rows])
    return JoinedStore(searchers, known, JoinedMatrix(files, parts), NONE, is_whole=False)


@pytest.fixture(params=["memory", "matrix", "part", "two parts", "chroma", "two in chroma"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Give what opens rows as a store: as a matrix, as rows on the disk all of which are searched,
    by comparing or by Chroma's graph, or as two of these, in turn.
    """
    stores: list[Store] = []
    chroma = request.param in {"chroma", "two in chroma"}

    def parted(vectors: Vectors, count: int) -> Store:
        parts = [np.arange(len(vectors))[at::count] for at in range(count)]
        return _stored(tmp_path, vectors, parts, chroma=chroma)

    def opener(vectors: Vectors) -> Store:
        if request.param in {"memory", "matrix"}:
            stores.append((MemoryStore if request.param == "memory" else ExactStore)(vectors))
        else:
            stores.append(parted(vectors, 2 if "two" in request.param else 1))
        return stores[-1]

    yield opener
    for store in stores:
        store.close()


def _unit(n: int, dim: int, seed: int = 3) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _pairs(found: Found) -> list[tuple[int, float]]:
    rows, similar = found
    return list(zip(rows.tolist(), similar.tolist(), strict=True))


def _rows(*rows: tuple[float, ...]) -> Vectors:
    return np.array(rows, np.float32)


def test_it_gives_the_nearest_rows_first_with_their_cosine(opened: Opener) -> None:
    store = opened(_rows((1, 0), (0.6, 0.8), (0, 1), (-1, 0)))
    found = _pairs(store.nearest(np.array([1, 0], np.float32), 3))
    assert [row for row, _ in found] == [0, 1, 2]
    assert [similarity for _, similarity in found] == pytest.approx([1.0, 0.6, 0.0], abs=1e-6)


def test_more_than_there_are_gives_all(opened: Opener) -> None:
    store = opened(_rows((1, 0), (0, 1), (-1, 0)))
    found = _pairs(store.nearest(np.array([0, 1], np.float32), 50))
    assert [row for row, _ in found] == [1, 0, 2]
    assert len(store) == 3


def test_none_asked_for_gives_none(opened: Opener) -> None:
    store = opened(_rows((1, 0), (0, 1)))
    assert _pairs(store.nearest(np.array([0, 1], np.float32), 0)) == []


def test_rows_that_are_equally_near_come_in_their_order(opened: Opener) -> None:
    store = opened(_rows((0, 1), *[(1, 0)] * 12, (0, 1), (0, -1)))
    found = _pairs(store.nearest(np.array([0, 1], np.float32), 15))
    assert [row for row, _ in found] == [0, 13, *range(1, 13), 14]


def test_zeros_are_near_to_nothing(opened: Opener) -> None:
    store = opened(_rows((1, 0), (0, 0), (-1, 0)))
    found = _pairs(store.nearest(np.array([1, 0], np.float32), 3))
    assert [row for row, _ in found] == [0, 1, 2]
    assert [similarity for _, similarity in found] == pytest.approx([1.0, 0.0, -1.0], abs=1e-6)
    nothing = _pairs(store.nearest(np.zeros(2, np.float32), 3))
    assert [row for row, _ in nothing] == [0, 1, 2]
    assert [similarity for _, similarity in nothing] == pytest.approx([0.0] * 3, abs=1e-6)


def test_the_similarities_of_some_rows_come_in_the_order_asked(opened: Opener) -> None:
    vectors = _unit(30, 8)
    store = opened(vectors)
    for rows in ([], [4], [29, 0, 7, 6, 5, 7], list(range(30))):
        here: Rows = np.array(rows, np.int64)
        similar = store.similar(vectors[3], here)
        assert similar == pytest.approx(vectors[here] @ vectors[3], abs=2e-6)


def test_a_store_of_one_row_works(opened: Opener) -> None:
    store = opened(_rows((1, 0)))
    [(row, similarity)] = _pairs(store.nearest(np.array([1, 0], np.float32), 5))
    assert (row, round(similarity, 5)) == (0, 1.0)


def test_a_store_without_rows_finds_none(opened: Opener) -> None:
    store = opened(np.zeros((0, 2), np.float32))
    assert len(store) == 0
    assert _pairs(store.nearest(np.array([1, 0], np.float32), 5)) == []


def test_chroma_finds_what_comparing_with_every_row_finds(tmp_path: Path) -> None:
    vectors = _unit(700, 24)
    exact = MemoryStore(vectors)
    write_graph(tmp_path / "vectors", vectors, asked=True)
    with closing(ChromaStore.open(tmp_path / "vectors", 700)) as store:
        assert len(store) == 700
        for question in _unit(20, 24, seed=4):
            found, wanted = _pairs(store.nearest(question, 30)), _pairs(exact.nearest(question, 30))
            assert [row for row, _ in found] == [row for row, _ in wanted]
            assert [s for _, s in found] == pytest.approx([s for _, s in wanted], abs=1e-5)


def test_more_rows_than_one_batch_are_all_written(tmp_path: Path) -> None:
    vectors = _unit(6000, 8)  # Chroma takes 5461 at once
    write_graph(tmp_path / "vectors", vectors, asked=True)
    with closing(ChromaStore.open(tmp_path / "vectors", 6000)) as store:
        assert len(store) == 6000
        for row in (0, 5460, 5461, 5999):
            assert _pairs(store.nearest(vectors[row], 1))[0][0] == row


def test_reading_leaves_the_stored_files_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    write_graph(folder, _unit(40, 8), asked=True)
    before = {path: path.read_bytes() for path in stored_files(folder)}
    assert before
    for _ in range(2):
        with closing(ChromaStore.open(folder, 40)) as store:
            store.nearest(_unit(1, 8)[0], 5)
    assert {path: path.read_bytes() for path in stored_files(folder)} == before


def test_two_readers_of_one_folder_close_apart(tmp_path: Path) -> None:
    vectors = _unit(40, 8)
    write_graph(tmp_path / "vectors", vectors, asked=True)
    one, other = (ChromaStore.open(tmp_path / "vectors", 40) for _ in range(2))
    one.close()
    with closing(other):
        assert _pairs(other.nearest(vectors[7], 1))[0][0] == 7


def test_rows_of_a_matrix_of_halves_come_back_as_they_were(tmp_path: Path) -> None:
    whole, halves = _unit(50, 8), _unit(50, 8).astype(np.float16).astype(np.float32)
    sizes = []
    for name, vectors in (("whole", whole), ("halves", halves), ("large", whole * 1e5)):
        write_vectors(tmp_path / name, vectors)
        assert (read_vectors(tmp_path / name) == vectors).all()
        rows = np.array([49, 0, 7, 8])
        with closing(rows_of(tmp_path / name)) as file:
            assert (file.take(rows) == vectors[rows]).all()
        sizes.append((tmp_path / name / "matrix.npy").stat().st_size)
    assert sizes[0] == sizes[2] > 1.5 * sizes[1]


@pytest.mark.parametrize("chroma", [False, True])
def test_only_rows_that_are_searched_are_found_and_any_is_compared(
    tmp_path: Path, *, chroma: bool
) -> None:
    vectors, searched = _unit(50, 8), np.arange(1, 50, 3)
    parts = [np.arange(50)]
    with closing(_stored(tmp_path, vectors, parts, chroma=chroma, searched=searched)) as store:
        assert (store.is_whole, len(store)) == (False, 50)
        found, similar = store.nearest(vectors[0], 50)
        assert sorted(found.tolist()) == searched.tolist()
        assert similar == pytest.approx(store.similar(vectors[0], found), abs=2e-6)
        assert store.similar(vectors[0], np.array([0])) == pytest.approx([1.0], abs=2e-6)


def test_what_is_read_after_the_file_was_cut_short_is_stale(tmp_path: Path) -> None:
    vectors = _unit(50, 8)
    with closing(_stored(tmp_path, vectors, [np.arange(50)], searched=np.arange(5))) as store:
        os.truncate(tmp_path / "part 0" / "matrix.npy", 600)
        with pytest.raises(StaleIndexError, match="cut short"):
            store.similar(vectors[0], np.array([3, 40]))


@pytest.mark.parametrize("kept", [0, 5, 600])
def test_a_file_that_was_cut_short_before_is_not_opened(tmp_path: Path, kept: int) -> None:
    write_vectors(tmp_path / "vectors", _unit(50, 8))
    os.truncate(tmp_path / "vectors" / "matrix.npy", kept)
    with pytest.raises((ValueError, OSError, EOFError)):
        rows_of(tmp_path / "vectors")


def test_a_missing_folder_is_stale_and_stays_missing(tmp_path: Path) -> None:
    with pytest.raises(StaleIndexError, match="mentor index"):
        ChromaStore.open(tmp_path / "nowhere", 3)
    assert not (tmp_path / "nowhere").exists()


def test_a_database_of_fewer_rows_than_were_written_is_stale(tmp_path: Path) -> None:
    write_graph(tmp_path / "vectors", _unit(40, 8), asked=True)
    with pytest.raises(StaleIndexError, match="40 rows and not 41"):
        ChromaStore.open(tmp_path / "vectors", 41)
    ChromaStore.open(tmp_path / "vectors", 40).close()


@pytest.mark.parametrize("kept", [0, 100, 4096, 50_000])
def test_a_database_that_was_cut_off_is_stale(tmp_path: Path, kept: int) -> None:
    folder = tmp_path / "vectors"
    write_graph(folder, _unit(40, 8), asked=True)
    database = folder / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[:kept])
    with pytest.raises(StaleIndexError, match="mentor index"):
        check_database(folder)


def test_a_database_of_noise_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(np.random.default_rng(1).bytes(50_000))
    with pytest.raises(StaleIndexError, match="mentor index"):
        check_database(folder)


def test_a_folder_that_cannot_be_written_is_an_index_write_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(IndexWriteError) as caught:
        write_graph(tmp_path / "file" / "vectors", _unit(3, 8), asked=True)
    assert "\n" not in str(caught.value)
