"""One contract for every store: exact ones in memory and on the disk, and Chroma."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fakes import MemoryStore, Vectors

from rag import IndexWriteError, StaleIndexError
from rag.store import ChromaStore, open_vectors, stored_files, write_vectors
from rag.vectors import Found, JoinedStore, Rows, Store

Opener = Callable[[Vectors], Store]


@pytest.fixture(params=["memory", "matrix", "part", "chroma", "joined"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opener]:
    """Give what opens rows as a store: as a matrix, as rows on the disk all of which are searched,
    in memory or by Chroma's graph, or as two of these, in turn.
    """
    stores: list[Store] = []
    if request.param == "chroma":  # as if the shelf were too large for a matrix
        monkeypatch.setattr("rag.vectors._EXACT", -1)

    def stored(vectors: Vectors, name: str) -> Store:
        every, chroma = np.arange(len(vectors)), request.param == "chroma"
        write_vectors(tmp_path / name, vectors, every, chroma=chroma)
        searched = None if request.param == "matrix" else every
        return open_vectors(tmp_path / name, searched, chroma=chroma)

    def joined(vectors: Vectors) -> Store:
        rows = np.arange(len(vectors))
        parts = rows[::2], rows[1::2]
        stores = [stored(vectors[part], f"part {at}") for at, part in enumerate(parts)]
        return JoinedStore(stores, parts, np.empty(0, np.int64))

    def opener(vectors: Vectors) -> Store:
        if request.param == "memory":
            stores.append(MemoryStore(vectors))
        else:
            make = joined if request.param == "joined" else partial(stored, name="all")
            stores.append(make(vectors))
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


def test_chroma_finds_what_comparing_with_every_row_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.vectors._EXACT", 0)
    vectors = _unit(700, 24)
    exact = MemoryStore(vectors)
    ChromaStore.write(tmp_path / "vectors", vectors)
    with closing(ChromaStore.open(tmp_path / "vectors")) as store:
        assert len(store) == 700
        for question in _unit(20, 24, seed=4):
            found, wanted = _pairs(store.nearest(question, 30)), _pairs(exact.nearest(question, 30))
            assert [row for row, _ in found] == [row for row, _ in wanted]
            assert [s for _, s in found] == pytest.approx([s for _, s in wanted], abs=1e-5)


def test_more_rows_than_one_batch_are_all_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.vectors._EXACT", 0)  # so that the graph is one to be asked
    vectors = _unit(6000, 8)  # Chroma takes 5461 at once
    ChromaStore.write(tmp_path / "vectors", vectors)
    with closing(ChromaStore.open(tmp_path / "vectors")) as store:
        assert len(store) == 6000
        for row in (0, 5460, 5461, 5999):
            assert _pairs(store.nearest(vectors[row], 1))[0][0] == row


def test_reading_leaves_the_stored_files_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    ChromaStore.write(folder, _unit(40, 8))
    before = {path: path.read_bytes() for path in stored_files(folder)}
    assert before
    for _ in range(2):
        with closing(ChromaStore.open(folder)) as store:
            store.nearest(_unit(1, 8)[0], 5)
    assert {path: path.read_bytes() for path in stored_files(folder)} == before


def test_two_readers_of_one_folder_close_apart(tmp_path: Path) -> None:
    vectors = _unit(40, 8)
    ChromaStore.write(tmp_path / "vectors", vectors)
    one, other = (ChromaStore.open(tmp_path / "vectors") for _ in range(2))
    one.close()
    with closing(other):
        assert _pairs(other.nearest(vectors[7], 1))[0][0] == 7


def test_only_rows_that_are_searched_are_found_and_any_is_compared(tmp_path: Path) -> None:
    vectors, searched = _unit(50, 8), np.arange(1, 50, 3)
    write_vectors(tmp_path / "vectors", vectors, searched, chroma=True)
    with closing(open_vectors(tmp_path / "vectors", searched, chroma=True)) as store:
        assert (store.is_whole, len(store)) == (False, 50)
        found, similar = store.nearest(vectors[0], 50)
        assert sorted(found.tolist()) == searched.tolist()
        assert similar == pytest.approx(store.similar(vectors[0], found))
        assert store.similar(vectors[0], np.array([0])) == pytest.approx([1.0], abs=2e-6)


def test_what_is_read_after_the_file_was_cut_short_is_stale(tmp_path: Path) -> None:
    vectors, searched = _unit(50, 8), np.arange(5)
    write_vectors(tmp_path / "vectors", vectors, searched, chroma=False)
    with closing(open_vectors(tmp_path / "vectors", searched, chroma=False)) as store:
        os.truncate(tmp_path / "vectors" / "matrix.npy", 600)
        with pytest.raises(StaleIndexError, match="cut short"):
            store.similar(vectors[0], np.array([3, 40]))


@pytest.mark.parametrize("kept", [0, 5, 600])
def test_a_file_that_was_cut_short_before_is_not_opened(tmp_path: Path, kept: int) -> None:
    write_vectors(tmp_path / "vectors", _unit(50, 8), np.arange(5), chroma=False)
    os.truncate(tmp_path / "vectors" / "matrix.npy", kept)
    for searched in (None, np.arange(5)):
        with pytest.raises((ValueError, OSError, EOFError)):
            open_vectors(tmp_path / "vectors", searched, chroma=False)


def test_a_missing_folder_is_stale_and_stays_missing(tmp_path: Path) -> None:
    with pytest.raises(StaleIndexError, match="mentor index"):
        ChromaStore.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kept", [0, 100, 4096, 50_000])
def test_a_database_that_was_cut_off_is_stale(tmp_path: Path, kept: int) -> None:
    folder = tmp_path / "vectors"
    ChromaStore.write(folder, _unit(40, 8))
    database = folder / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[:kept])
    with pytest.raises(StaleIndexError, match="mentor index"):
        ChromaStore.open(folder)


def test_a_database_of_noise_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(np.random.default_rng(1).bytes(50_000))
    with pytest.raises(StaleIndexError, match="mentor index"):
        ChromaStore.open(folder)


def test_a_folder_that_cannot_be_written_is_an_index_write_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(IndexWriteError) as caught:
        ChromaStore.write(tmp_path / "file" / "vectors", _unit(3, 8))
    assert "\n" not in str(caught.value)
