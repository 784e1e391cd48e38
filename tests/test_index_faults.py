"""Whatever befalls a builder, its disk or its clock: the old index or the new one, whole."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes import HashEmbedder, WordPieces, rewrite, tiny, write_corpus

from rag import Mentor, Settings, StaleIndexError
from rag.build import build
from rag.index import read
from rag.shelf import Shelf

QUESTION = "怎么选课题?"
KILLS = 200


def _build(index_dir: Path, shelf: Shelf) -> None:
    quiet = lambda what, share: None  # noqa: E731
    build(index_dir, shelf, HashEmbedder(), WordPieces(), progress=quiet, wait_s=60.0)


def _is_of(index_dir: Path, shelf: Shelf) -> bool:
    """Say whether the index is of this shelf; if so, it must be whole."""
    try:
        opened = read(index_dir, shelf, WordPieces())
    except StaleIndexError:
        return False
    with closing(opened.store):
        rows, _ = opened.store.nearest(HashEmbedder().question(QUESTION), 1000)
        assert sorted(rows.tolist()) == list(range(len(shelf.views)))
        assert opened.views[:] == shelf.views
        assert opened.lexical.scores(QUESTION).any()
    return True


@pytest.fixture
def shelves(tmp_path: Path) -> tuple[Path, Path]:
    """Two corpora that differ in one essay."""
    one, other = write_corpus(tmp_path / "one"), write_corpus(tmp_path / "other")
    rewrite(other, "好奇心", "好胜心")
    return one, other


def test_builders_that_are_killed_at_any_moment_leave_a_whole_index(
    shelves: tuple[Path, Path], tmp_path: Path
) -> None:
    killer = Path(__file__).with_name("killer.py")
    command = [sys.executable, str(killer), *map(str, shelves), str(tmp_path / "i"), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["killed"] == KILLS
    assert told["whole"] == told["rounds"]
    assert told["turned"] > 0  # some came as far as to publish
    _build(tmp_path / "i", tiny(shelves[1]))
    assert _is_of(tmp_path / "i", tiny(shelves[1]))


# --- power cut ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """Something that a builder did to the disk. A folder that is synced keeps its names."""

    what: str  # "sync" or "replace"
    path: Path
    content: bytes | None = None
    names: tuple[str, ...] = ()


class Disk:
    """Writes down what reached the disk, in order, while a builder works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self._fsync, self._replace = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", self._synced)
        monkeypatch.setattr(Path, "replace", lambda *args: self._replaced(*args))  # noqa: PLW0108 - bound to the path

    def _synced(self, file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        if path.is_dir():
            self.events.append(Event("sync", path, names=tuple(p.name for p in path.iterdir())))
        else:
            self.events.append(Event("sync", path, path.read_bytes()))
        self._fsync(file)

    def _replaced(self, path: Path, to: Path) -> Path:
        synced = [event.content for event in self.events if event.path == path]
        self.events.append(Event("replace", to, synced[-1] if synced else b""))
        return self._replace(path, to)


def _after_a_cut(before: Path, events: Sequence[Event], root: Path, into: Path, kept: bool) -> None:
    """Make `into` what is left of the folder `root` when the power is cut after `events`.

    What was never synced is lost: files are not there. Names that are not synced yet are there
    already if `kept`, and else not: file systems do both.
    """
    shutil.copytree(before, into)
    for at, event in enumerate(events):
        if event.content is None or not (kept or _is_named(event.path, events[at:], root)):
            continue
        place = into / event.path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(event.content)


def _is_named(path: Path, later: Sequence[Event], root: Path) -> bool:
    """Say whether all folders down to a file were synced after it came to be."""
    synced = {event.path / name for event in later for name in event.names}
    inner = [path, *path.parents][: len(path.relative_to(root).parts)]
    return all(one in synced for one in inner)


@pytest.mark.parametrize("kept", [True, False])
def test_a_power_cut_between_any_two_steps_of_publishing_leaves_a_whole_index(
    shelves: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: bool,
) -> None:
    old, new = map(tiny, shelves)
    _build(tmp_path / "i", old)
    before = tmp_path / "before"
    shutil.copytree(tmp_path / "i", before)
    disk = Disk(monkeypatch)
    _build(tmp_path / "i", new)
    monkeypatch.undo()
    within = [event for event in disk.events if event.path.is_relative_to(tmp_path / "i")]
    assert [event.what for event in within].count("replace") == 1
    ends = []
    for count in range(1, len(within) + 1):
        left = tmp_path / f"cut-{count}"
        _after_a_cut(before, within[:count], tmp_path / "i", left, kept)
        assert _is_of(left, old) != _is_of(left, new), f"after step {count}"
        ends.append(_is_of(left, new))
        _build(left, new)
        assert _is_of(left, new)
    assert ends == sorted(ends)
    assert ends[-1]


# --- rivals, clocks, versions -------------------------------------------------------------------


def test_ten_readers_see_the_old_index_or_the_new_one_while_a_builder_works(
    shelves: tuple[Path, Path], tmp_path: Path
) -> None:
    both = [tiny(corpus) for corpus in shelves]
    _build(tmp_path / "i", both[0])
    stop, torn, seen = threading.Event(), [], {0: 0, 1: 0}

    def look() -> None:
        while not stop.is_set():
            for _ in range(20):  # it may turn between the two looks
                found = [at for at, shelf in enumerate(both) if _is_of(tmp_path / "i", shelf)]
                if found:
                    break
            else:
                torn.append("no whole index")
            for at in found:
                seen[at] += 1

    readers = [threading.Thread(target=look) for _ in range(10)]
    for reader in readers:
        reader.start()
    for turn in range(12):
        _build(tmp_path / "i", both[(turn + 1) % 2])
    stop.set()
    for reader in readers:
        reader.join()
    assert not torn
    assert min(seen.values()) > 10


def test_a_clock_that_goes_back_harms_nothing(
    shelves: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: Iterator[int] = iter([*range(9_000, 0, -1_000), *[500] * 10])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    for turn in range(6):
        shelf = tiny(shelves[turn % 2])
        _build(tmp_path / "i", shelf)
        assert _is_of(tmp_path / "i", shelf)
        assert not _is_of(tmp_path / "i", tiny(shelves[(turn + 1) % 2]))


def _as_before_segments(index_dir: Path) -> None:
    """Make an index as the version before this form left it."""
    folder = index_dir / "gen-1790000000000000000-0123456789ab"
    (folder / "vectors").mkdir(parents=True)
    (folder / "vectors" / "chroma.sqlite3").write_bytes(b"SQLite format 3\0")
    about = {"fingerprint": "0" * 64, "model": "x", "passages": 1, "views": 1, "files": {}}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    (index_dir / "current").write_text(folder.name + "\n", encoding="utf-8")


def _of_the_future(index_dir: Path) -> None:
    _as_before_segments(index_dir)
    [about] = index_dir.glob("gen-*/about.json")
    about.write_text(json.dumps({"form": 99, "anything": []}), encoding="utf-8")


@pytest.mark.parametrize("made", [_as_before_segments, _of_the_future])
def test_an_index_of_another_version_is_said_to_be_one_and_built_anew(
    corpus: Path, tmp_path: Path, made: Callable[[Path], None]
) -> None:
    made(tmp_path / "i")
    with pytest.raises(StaleIndexError, match="another version") as caught:
        read(tmp_path / "i", tiny(corpus), WordPieces())
    assert "mentor index" in str(caught.value)
    _build(tmp_path / "i", tiny(corpus))
    assert _is_of(tmp_path / "i", tiny(corpus))
    for generations in (2, 2):  # it stays as the one before, and goes when there is another
        assert len(list((tmp_path / "i").glob("gen-*"))) == generations
        _build(tmp_path / "i", tiny(corpus, "other"))


# --- under a running Mentor ---------------------------------------------------------------------


@pytest.mark.parametrize("largest", [200_000, -1], ids=["matrix", "chroma"])
@pytest.mark.parametrize("how", ["deleted", "emptied", "noise"])
def test_files_that_go_bad_under_a_running_mentor_cost_it_no_wrong_answer(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, largest: int
) -> None:
    monkeypatch.setattr("rag.vectors._WHOLE", largest)
    monkeypatch.setattr("rag.vectors._EXACT", largest)
    settings = Settings(corpus_dir=corpus, index_dir=tmp_path / "i")
    mentor = Mentor.open(settings)
    wanted = mentor.ask(QUESTION).sentences
    for path in [path for path in (tmp_path / "i").rglob("*") if path.is_file()]:
        if how == "deleted":
            path.unlink()
        else:
            path.write_bytes(b"" if how == "emptied" else os.urandom(path.stat().st_size))
    for question in (QUESTION, "How do I choose a topic?", "没有显卡怎么办?"):
        try:
            answer = mentor.ask(question)
        except StaleIndexError:
            assert largest < 0  # only where Chroma reads from its files
            continue
        if question == QUESTION:
            assert [s.text for s in answer.sentences] == [s.text for s in wanted]
    mentor.close()
    with closing(Mentor.open(settings)) as again:
        assert [s.text for s in again.ask(QUESTION).sentences] == [s.text for s in wanted]


def test_an_index_on_a_disk_that_may_only_be_read_is_read(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "i"
    Mentor.open(Settings(corpus_dir=corpus, index_dir=folder)).close()
    if os.geteuid() == 0:
        pytest.importorskip("resource")
        command = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        remount = ["mount", "-o", "remount,ro,bind", str(folder)]
        if done.returncode or subprocess.run(remount, capture_output=True, check=False).returncode:
            pytest.skip("nothing may be mounted here")
    else:
        folder.chmod(0o500)
    try:
        settings = Settings(corpus_dir=corpus, index_dir=folder)
        with closing(Mentor.open(settings, rebuild=False)) as mentor:
            assert mentor.ask(QUESTION).status == "answered"
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            folder.chmod(0o700)
