"""The index is whole or not there: through damage, full disks, rivals and sudden death."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import HashEmbedder, WordPieces, rewrite, tiny, write_corpus

from rag import IndexLockedError, IndexWriteError, Mentor, Settings, StaleIndexError
from rag.build import build
from rag.index import Index, read
from rag.shelf import Shelf

QUESTION = "怎么选课题?"
BUILDER = Path(__file__).with_name("builder.py")


def _build(index_dir: Path, shelf: Shelf, model: str = "hash", wait_s: float = 0.0) -> None:
    embedder = HashEmbedder(model)
    quiet = lambda what, share: None  # noqa: E731
    build(index_dir, shelf, embedder, WordPieces(), progress=quiet, wait_s=wait_s)


def _command(*args: object) -> list[str]:
    return [sys.executable, str(BUILDER), *map(str, args)]


def _builder(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*args), capture_output=True, text=True, check=False)


def _generations(index_dir: Path) -> list[str]:
    return sorted(path.name for path in index_dir.glob("gen-*"))


def _about(index_dir: Path, generation: str) -> dict[str, Any]:
    about = (index_dir / generation / "about.json").read_text(encoding="utf-8")
    return dict(json.loads(about))


def _current(index_dir: Path) -> str:
    return (index_dir / "current").read_text(encoding="utf-8").strip()


def _found(opened: Index) -> list[tuple[int, float]]:
    rows, similar = opened.store.nearest(HashEmbedder().question(QUESTION), len(opened.views))
    return list(zip(rows.tolist(), similar.tolist(), strict=True))


def _assert_whole(index_dir: Path, shelf: Shelf) -> None:
    opened = read(index_dir, shelf, WordPieces())
    with closing(opened.store):
        nearest = [opened.views[row].text for row, _ in _found(opened)]
        assert nearest[0] == QUESTION
        assert len(nearest) == len(shelf.views)
        assert len(opened.lexical.scores(QUESTION)) == len(shelf.passages)


def _assert_nothing_is_left_over(index_dir: Path) -> None:
    names = {path.name for path in index_dir.iterdir()} - {"lock", "current"}
    generations = _generations(index_dir)
    used = [name for one in generations for name in _about(index_dir, one)["segments"]]
    assert names == {*generations, *used}
    assert len(generations) <= 2


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Shelf]:
    """An index to copy, and its shelf; building one takes longer than a test."""
    folder = tmp_path_factory.mktemp("pattern")
    shelf = tiny(write_corpus(folder / "corpus"))
    _build(folder / "index", shelf)
    return folder / "index", shelf


@pytest.fixture
def built(pattern: tuple[Path, Shelf], index_dir: Path) -> Shelf:
    """The shelf of the index that stands in `index_dir`."""
    shutil.copytree(pattern[0], index_dir)
    return pattern[1]


# --- built and read -----------------------------------------------------------------------------


def test_what_is_built_reads_back_whole(corpus: Path, index_dir: Path) -> None:
    shelf = tiny(corpus)
    _build(index_dir, shelf)
    opened = read(index_dir, shelf, WordPieces())
    with closing(opened.store):
        assert (opened.passages[:], opened.views[:]) == (shelf.passages, shelf.views)
        vectors = HashEmbedder().passages([view.text for view in shelf.views])
        similar = vectors @ HashEmbedder().question(QUESTION)
        assert dict(_found(opened)) == pytest.approx(dict(enumerate(similar.tolist())), abs=1e-5)
        scores = opened.lexical.scores("compare hours")
        assert shelf.passages[int(scores.argmax())].text.startswith("You need ten thousand hours")
    _assert_nothing_is_left_over(index_dir)


def test_a_passage_is_found_by_words_of_its_heading_and_its_questions_but_not_of_decoys(
    corpus: Path, index_dir: Path
) -> None:
    shelf = tiny(corpus)
    _build(index_dir, shelf)
    opened = read(index_dir, shelf, WordPieces())
    with closing(opened.store):
        for word in ("选题", "定", "beginner"):
            assert opened.lexical.scores(word).any(), word
        assert not opened.lexical.scores("天气 flat").any()


def test_progress_goes_from_nothing_to_nearly_all(corpus: Path, index_dir: Path) -> None:
    shares: list[float] = []
    build(
        index_dir,
        tiny(corpus),
        HashEmbedder(),
        WordPieces(),
        progress=lambda what, share: shares.append(share),
    )
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] < 1.0


def test_the_same_index_is_not_built_twice(corpus: Path, index_dir: Path) -> None:
    for _ in range(2):
        _build(index_dir, tiny(corpus))
    assert len(_generations(index_dir)) == 1


# --- fingerprint --------------------------------------------------------------------------------


def test_the_same_essays_give_the_same_fingerprint(corpus: Path) -> None:
    assert tiny(corpus).fingerprint == tiny(corpus).fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("好奇心", "好胜心", id="a sentence"),
        pytest.param("## 写作", "## 寫作", id="a heading"),
        pytest.param("读研随笔", "读博随笔", id="a title"),
        pytest.param("curiosity", "wonder", id="a translation"),
        pytest.param("课题怎么定", "课题如何定", id="a question"),
        pytest.param("Where can I rent", "How can I rent", id="a decoy"),
        pytest.param("没有显卡怎么办", "没有显卡咋么办", id="what a reply replies to"),
    ],
)
def test_a_changed_word_makes_the_index_stale(
    corpus: Path, index_dir: Path, old: str, new: str
) -> None:
    before = tiny(corpus)
    _build(index_dir, before)
    rewrite(corpus, old, new)
    after = tiny(corpus)
    assert after.fingerprint != before.fingerprint
    with pytest.raises(StaleIndexError, match="mentor index"):
        read(index_dir, after, WordPieces())


def test_another_model_or_passage_length_makes_the_index_stale(
    corpus: Path, index_dir: Path
) -> None:
    _build(index_dir, tiny(corpus))
    for other in (tiny(corpus, "other"), tiny(corpus, passage_chars=120)):
        with pytest.raises(StaleIndexError, match="other essays or by another model"):
            read(index_dir, other, WordPieces())


# --- damage -------------------------------------------------------------------------------------

WATCHED = [
    "current",
    "gen-*/about.json",
    "gen-*/silent.npy",
    "gen-*/words/*.npy",
    "gen-*/words/*.json",
    "seg-*/about.json",
    "seg-*/columns/kinds.npy",
    "seg-*/pieces/*.npy",
    "seg-*/words/*.npy",
    "seg-*/words/*.json",
    "seg-*/vectors/matrix.npy",
    "seg-*/vectors/*/data_level0.bin",
    "seg-*/vectors/*/header.bin",
    "seg-*/vectors/*/index_metadata.pickle",
    "seg-*/vectors/*/length.bin",
    "seg-*/vectors/*/link_lists.bin",
]


def _noisy(data: bytes) -> bytes:
    return data[: len(data) // 2] + b"\xff\x00" + data[len(data) // 2 + 2 :]


def _damaged(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        changed = {"empty": b"", "truncated": data[: len(data) // 2], "noisy": _noisy(data)}[how]
        assert changed != data
        path.write_bytes(changed)


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "noisy"])
@pytest.mark.parametrize("watched", WATCHED)
def test_a_damaged_file_makes_the_index_stale(
    built: Shelf, index_dir: Path, watched: str, how: str
) -> None:
    paths = sorted(index_dir.glob(watched))
    assert paths
    _damaged(paths[0], how)
    with pytest.raises(StaleIndexError, match="mentor index") as caught:
        read(index_dir, built, WordPieces())
    assert "\n" not in str(caught.value)


def test_every_file_of_a_generation_is_watched(built: Shelf, index_dir: Path) -> None:
    paths = [path for path in index_dir.glob("*-*/**/*") if path.is_file()]
    assert len(paths) > len(WATCHED)
    for path in paths:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(StaleIndexError):
            read(index_dir, built, WordPieces())
        path.write_bytes(data)


def test_an_index_that_was_put_back_reads_again(built: Shelf, index_dir: Path) -> None:
    [database] = index_dir.rglob("chroma.sqlite3")
    data = database.read_bytes()
    for damage in (data[:5000], b"", _noisy(data)):
        database.write_bytes(damage)
        with pytest.raises(StaleIndexError):
            read(index_dir, built, WordPieces())
        database.write_bytes(data)
        _assert_whole(index_dir, built)


@pytest.mark.parametrize("pointer", ["", "gen-gone", ".", "\x00", "x" * 5000, "gen-*"])
def test_a_pointer_to_nowhere_makes_the_index_stale(
    built: Shelf, index_dir: Path, pointer: str
) -> None:
    (index_dir / "current").write_text(pointer, encoding="utf-8")
    with pytest.raises(StaleIndexError, match="mentor index"):
        read(index_dir, built, WordPieces())


@pytest.mark.parametrize("about", ["null", "[]", "{}", '{"fingerprint": "%s"}', "3", '"text"'])
def test_a_record_of_another_form_makes_the_index_stale(
    built: Shelf, index_dir: Path, about: str
) -> None:
    record = about.replace("%s", built.fingerprint)
    (index_dir / _current(index_dir) / "about.json").write_text(record, encoding="utf-8")
    with pytest.raises(StaleIndexError, match="mentor index"):
        read(index_dir, built, WordPieces())
    _build(index_dir, built)
    _assert_whole(index_dir, built)


@pytest.mark.parametrize("size", [4096, 24])
def test_noise_in_any_page_of_the_database_is_harmless_or_makes_the_index_stale(
    built: Shelf, index_dir: Path, tmp_path: Path, size: int
) -> None:
    opened = read(index_dir, built, WordPieces())
    with closing(opened.store):
        wanted = _found(opened)
    [database] = index_dir.rglob("chroma.sqlite3")
    noise = np.random.default_rng(2).bytes(size)
    for page_end in range(4096, database.stat().st_size + 1, 4096):
        copied = tmp_path / f"noisy-{page_end}"
        shutil.copytree(index_dir, copied)
        with (copied / database.relative_to(index_dir)).open("r+b") as file:
            file.seek(page_end - size - (8 if size < 4096 else 0))
            file.write(noise)
        try:
            opened = read(copied, built, WordPieces())
        except StaleIndexError:
            continue
        with closing(opened.store):
            assert _found(opened) == wanted, f"page {page_end // 4096}"


def test_no_index_at_all_says_what_to_run_and_makes_nothing(corpus: Path, index_dir: Path) -> None:
    with pytest.raises(StaleIndexError, match="mentor index"):
        read(index_dir, tiny(corpus), WordPieces())
    assert not index_dir.exists()


@pytest.mark.parametrize(
    ("damaged", "how"),
    [
        ("current", "missing"),
        ("gen-*/about.json", "truncated"),
        ("seg-*/vectors/chroma.sqlite3", "missing"),
        ("seg-*/vectors/chroma.sqlite3", "truncated"),
        ("seg-*/vectors/*/data_level0.bin", "noisy"),
        ("gen-*/words/about.json", "truncated"),
    ],
)
def test_opening_mentor_mends_a_damaged_index(
    corpus: Path, index_dir: Path, damaged: str, how: str
) -> None:
    settings = Settings(corpus_dir=corpus, index_dir=index_dir)
    Mentor.open(settings).close()
    _damaged(next(index_dir.glob(damaged)), how)
    with pytest.raises(StaleIndexError, match="mentor index"):
        Mentor.open(settings, rebuild=False)
    with closing(Mentor.open(settings)) as mentor:
        assert mentor.ask(QUESTION).status == "answered"
    with closing(Mentor.open(settings, rebuild=False)) as mentor:
        assert mentor.ask(QUESTION).status == "answered"


# --- generations --------------------------------------------------------------------------------


def test_the_generation_before_is_kept_and_older_ones_are_removed(
    corpus: Path, index_dir: Path
) -> None:
    published = []
    for model in ("one", "two", "three", "four"):
        _build(index_dir, tiny(corpus, model), model)
        published.append(_current(index_dir))
        assert _generations(index_dir) == sorted(published[-2:])
        _assert_nothing_is_left_over(index_dir)


def test_a_reader_keeps_its_generation_while_the_next_is_built(
    corpus: Path, index_dir: Path
) -> None:
    shelf = tiny(corpus)
    _build(index_dir, shelf)
    opened = read(index_dir, shelf, WordPieces())
    with closing(opened.store):
        before = _found(opened)
        _build(index_dir, tiny(corpus, "next"), "next")
        assert _found(opened) == before
        assert opened.lexical.scores(QUESTION).any()


# --- rivals -------------------------------------------------------------------------------------


@pytest.fixture
def rival(corpus: Path, index_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock in the middle of building, until it is told to go on."""
    with subprocess.Popen(
        _command(corpus, index_dir, "hash", "--hold"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield process
        process.kill()


def test_a_second_builder_that_may_not_wait_is_told_so(
    corpus: Path, index_dir: Path, rival: subprocess.Popen[str]
) -> None:
    for wait_s in (0.0, 0.2):
        with pytest.raises(IndexLockedError, match="wait for it") as caught:
            _build(index_dir, tiny(corpus), wait_s=wait_s)
        assert "\n" not in str(caught.value)
    rival.communicate("go on\n")
    assert rival.returncode == 0
    _assert_whole(index_dir, tiny(corpus))
    _assert_nothing_is_left_over(index_dir)


def test_a_second_builder_that_waits_finds_the_index_built(
    corpus: Path, index_dir: Path, rival: subprocess.Popen[str]
) -> None:
    waiting = subprocess.Popen(_command(corpus, index_dir, "hash", "--wait", 60))
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=2)
    rival.communicate("go on\n")
    assert (rival.returncode, waiting.wait(timeout=60)) == (0, 0)
    assert len(_generations(index_dir)) == 1
    _assert_whole(index_dir, tiny(corpus))


def test_a_killed_holder_of_the_lock_blocks_nobody(
    corpus: Path, index_dir: Path, rival: subprocess.Popen[str]
) -> None:
    rival.kill()
    rival.wait()
    _build(index_dir, tiny(corpus))
    _assert_whole(index_dir, tiny(corpus))
    _assert_nothing_is_left_over(index_dir)


def test_two_processes_that_open_mentor_at_once_both_answer(corpus: Path, index_dir: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom rag import Mentor, Settings\n"
        "settings = Settings(corpus_dir=Path(sys.argv[1]), index_dir=Path(sys.argv[2]))\n"
        f"print(Mentor.open(settings).ask({QUESTION!r}).status)"
    )
    command = [sys.executable, "-c", program, str(corpus), str(index_dir)]
    running = [
        subprocess.Popen(command, cwd=BUILDER.parent.parent, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["answered"] * 2
    assert len(_generations(index_dir)) == 1
    _assert_nothing_is_left_over(index_dir)


def test_threads_that_build_at_once_build_one_whole_index(corpus: Path, index_dir: Path) -> None:
    shelf = tiny(corpus)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            _build(index_dir, shelf, wait_s=60)
        except BaseException as error:  # noqa: BLE001 - the test shows it
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(_generations(index_dir)) == 1
    _assert_whole(index_dir, shelf)


# --- sudden death -------------------------------------------------------------------------------

BEFORE_PUBLISHING = [
    "embedding",
    "storing vectors",
    "indexing words",
    "verifying",
    "os.rename current.new",
]


def _killed(corpus: Path, index_dir: Path, moment: str) -> None:
    done = _builder(corpus, index_dir, "new", "--die", moment)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.parametrize("moment", BEFORE_PUBLISHING)
def test_a_builder_killed_before_publishing_leaves_the_old_index_in_use(
    corpus: Path, index_dir: Path, moment: str
) -> None:
    old, new = tiny(corpus), tiny(corpus, "new")
    _build(index_dir, old)
    published = _current(index_dir)
    _killed(corpus, index_dir, moment)
    assert _current(index_dir) == published
    _assert_whole(index_dir, old)
    _build(index_dir, new, "new")
    _assert_nothing_is_left_over(index_dir)
    assert _generations(index_dir) == sorted([published, _current(index_dir)])


@pytest.mark.parametrize("moment", BEFORE_PUBLISHING)
def test_a_first_builder_that_is_killed_leaves_room_for_the_next(
    corpus: Path, index_dir: Path, moment: str
) -> None:
    _killed(corpus, index_dir, moment)
    with pytest.raises(StaleIndexError, match="mentor index"):
        read(index_dir, tiny(corpus, "new"), WordPieces())
    _build(index_dir, tiny(corpus, "new"), "new")
    _assert_nothing_is_left_over(index_dir)
    assert _current(index_dir) in _generations(index_dir)


def test_a_builder_killed_after_publishing_leaves_the_new_index_in_use(
    corpus: Path, index_dir: Path
) -> None:
    for model in ("one", "two"):
        _build(index_dir, tiny(corpus, model), model)
    second = _current(index_dir)
    _killed(corpus, index_dir, "shutil.rmtree gen-")
    third = _current(index_dir)
    assert third != second
    read(index_dir, tiny(corpus, "new"), WordPieces()).store.close()
    _build(index_dir, tiny(corpus, "fourth"), "fourth")
    assert _generations(index_dir) == sorted([third, _current(index_dir)])
    _assert_nothing_is_left_over(index_dir)


# --- nowhere to write ---------------------------------------------------------------------------


def _mount(folder: Path, options: str) -> None:
    """Mount a file system of its own at `folder`, or skip where nobody may."""
    folder.mkdir(exist_ok=True)
    if not (shutil.which("mount") and os.geteuid() == 0):
        pytest.skip("only root can mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to, not even root where root may mount."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() == 0:
        _mount(folder, "ro")
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    folder = tmp_path / "small"
    _mount(folder, "size=8m")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _assert_one_clear_line(message: str, folder: Path) -> None:
    assert "\n" not in message
    assert str(folder) in message


def test_a_read_only_folder_is_one_clear_line(corpus: Path, read_only: Path) -> None:
    for index_dir in (read_only, read_only / "inside"):
        with pytest.raises(IndexWriteError, match="MENTOR_INDEX_DIR") as caught:
            _build(index_dir, tiny(corpus))
        _assert_one_clear_line(str(caught.value), index_dir)


def test_a_file_where_the_folder_should_be_is_one_clear_line(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    for index_dir in (tmp_path / "file", tmp_path / "file" / "index"):
        with pytest.raises(IndexWriteError, match="MENTOR_INDEX_DIR") as caught:
            _build(index_dir, tiny(corpus))
        _assert_one_clear_line(str(caught.value), index_dir)


def test_too_little_space_is_told_before_anything_is_written(
    corpus: Path, small_disk: Path
) -> None:
    with pytest.raises(IndexWriteError, match="free some space") as caught:
        _build(small_disk / "index", tiny(corpus))
    _assert_one_clear_line(str(caught.value), small_disk / "index")
    assert not [path for path in small_disk.glob("index/*") if path.name != "lock"]


@pytest.mark.parametrize("largest", [0, 3000, 20_000, 100_000, 190_000])
def test_a_disk_that_fills_while_building_is_one_clear_line_and_harms_nothing(
    corpus: Path, index_dir: Path, largest: int
) -> None:
    _build(index_dir, tiny(corpus))
    published = _generations(index_dir)
    done = _builder(corpus, index_dir, "new", "--largest", largest)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("IndexWriteError: ")
    _assert_one_clear_line(done.stdout.strip(), index_dir)
    _assert_whole(index_dir, tiny(corpus))
    assert _generations(index_dir) == published
    _assert_nothing_is_left_over(index_dir)
