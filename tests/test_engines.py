"""One contract for vector stores outside the process: a Chroma server, and Qdrant's local mode."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fakes import rewrite
from live_server import free_port

from eval import cases
from rag import Mentor, Settings, StaleIndexError, StoreError
from rag.engine import open_engine
from rag.lexical import Words
from rag.vectors import Engine, Vectors, Weighed

TEXTS = ["选课题 靠 兴趣", "hours of practice", "租 显卡 gpu", "写作 practice", "gpu gpu"]
NAME = "mentor-0123456789abcdef"


class Chroma:
    """A real `chroma run`, which can be killed and started again on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self.address = f"chroma://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        command = Path(sys.executable).with_name("chroma")
        where = ["--path", str(self._folder), "--host", "127.0.0.1", "--port", str(self._port)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([str(command), "run", *where], **quiet)  # type: ignore[call-overload]
        for _ in range(600):
            try:
                open_engine(self.address, "").holds("nothing", 0)  # type: ignore[union-attr]
            except StoreError:
                time.sleep(0.1)
            else:
                return
        pytest.fail("chroma run does not answer")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroma]:
    server = Chroma(tmp_path_factory.mktemp("chroma"))
    yield server
    server.kill()


@pytest.fixture(params=["chroma", "qdrant"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an engine is."""
    if request.param == "chroma":
        return str(request.getfixturevalue("chroma").address)
    return f"qdrant://{tmp_path / 'qdrant'}"


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    opened = _open(address)
    yield opened
    opened.remove(NAME)
    _close(address)


def _open(address: str) -> Engine:
    opened = open_engine(address, "")
    assert opened is not None
    return opened


def _close(address: str) -> None:
    """Let go of a folder, as the end of a process does."""
    if address.startswith("qdrant"):
        getattr(_open(address), "close")()  # noqa: B009 - Qdrant's alone
        open_engine.cache_clear()


def _unit(n: int, dim: int = 16, seed: int = 3) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _words(n: int) -> Weighed:
    """The words of TEXTS, on the first rows."""
    return Words.cut(TEXTS).weighed(range(len(TEXTS)), n)


# --- the contract -------------------------------------------------------------------------------


def test_what_is_written_is_found_nearest_first_with_its_cosine(engine: Engine) -> None:
    rows = _unit(700)
    engine.write(NAME, rows, _words(700))
    searcher = engine.open(NAME, 700)
    assert len(searcher) == 700
    for question in _unit(10, seed=4):
        found, similar = searcher.nearest(question, 20)
        wanted = np.argsort(-(rows @ question), kind="stable")[:20]
        assert found.tolist() == wanted.tolist()
        assert similar == pytest.approx(rows[wanted] @ question, abs=1e-5)


def test_rows_that_are_equally_near_come_in_their_order(engine: Engine) -> None:
    rows = np.array([(0, 1), *[(1, 0)] * 12, (0, 1), (0, -1)], np.float32)
    engine.write(NAME, rows, _words(15))
    found, _ = engine.open(NAME, 15).nearest(np.array([0, 1], np.float32), 15)
    assert found.tolist() == [0, 13, *range(1, 13), 14]


def test_zeros_are_near_to_nothing_and_more_than_there_are_gives_all(engine: Engine) -> None:
    engine.write(NAME, np.array([(1, 0), (0, 0), (-1, 0)], np.float32), _words(5))
    found, similar = engine.open(NAME, 3).nearest(np.array([1, 0], np.float32), 50)
    assert found.tolist() == [0, 1, 2]
    assert similar == pytest.approx([1, 0, -1], abs=1e-6)
    none, _ = engine.open(NAME, 3).nearest(np.array([1, 0], np.float32), 0)
    assert none.tolist() == []


def test_another_index_than_the_one_asked_for_is_stale(engine: Engine) -> None:
    with pytest.raises(StaleIndexError, match="mentor index"):
        engine.open(NAME, 7)
    engine.write(NAME, _unit(8), _words(8))
    with pytest.raises(StaleIndexError, match="mentor index"):
        engine.open(NAME, 7)
    assert (engine.holds(NAME, 8), engine.holds(NAME, 7)) == (True, False)


def test_what_is_written_again_replaces_what_was_there(engine: Engine) -> None:
    for count in (8, 6):
        engine.write(NAME, _unit(count), _words(count))
        assert engine.holds(NAME, count)


def test_what_is_removed_is_gone_and_may_be_removed_again(engine: Engine) -> None:
    engine.write(NAME, _unit(8), _words(8))
    searcher = engine.open(NAME, 8)
    for _ in range(2):
        engine.remove(NAME)
        assert not engine.holds(NAME, 8)
    with pytest.raises(StaleIndexError, match="gone"):
        searcher.nearest(_unit(1)[0], 3)


_KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
import numpy as np
from rag.engine import open_engine
from rag.lexical import Words

class Deadly(np.ndarray):
    count = 0
    def __getitem__(self, at):
        Deadly.count += 1
        if Deadly.count == {reads}:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.asarray(super().__getitem__(at))

rows = np.ones((12_000, 4), np.float32).view(Deadly)
open_engine({address!r}, "").write({name!r}, rows, Words.cut(["a"]).weighed([0], 12_000))
"""


@pytest.mark.parametrize("reads", [1, 2, 3])
def test_of_an_upload_that_is_killed_nothing_is_seen_and_the_next_one_clears_it(
    address: str, reads: int
) -> None:
    reads = reads if address.startswith("chroma") else reads * 400  # a batch, or a row of it
    root = str(Path(__file__).resolve().parent.parent)
    code = _KILLED.format(path=[root], address=address, name=NAME, reads=reads)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    engine = _open(address)
    assert not engine.holds(NAME, 12_000)
    with pytest.raises(StaleIndexError):
        engine.open(NAME, 12_000)
    engine.write(NAME, _unit(8), _words(8))
    assert engine.holds(NAME, 8)
    engine.remove(NAME)
    assert _left(engine) == []
    _close(address)


def _left(engine: Engine) -> list[str]:
    """Return the names of all collections of the test."""
    if hasattr(engine, "_client"):
        every = [one.name for one in engine._client.get_collections().collections]
    else:
        with engine._asked() as client:  # type: ignore[attr-defined]
            every = [one.name for one in client.list_collections()]
    return [name for name in every if name.startswith(NAME)]


def test_many_threads_find_the_same(engine: Engine) -> None:
    rows = _unit(300)
    engine.write(NAME, rows, _words(300))
    searcher = engine.open(NAME, 300)

    def nearest(at: int) -> int:
        return int(searcher.nearest(rows[at], 5)[0][0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(nearest, range(120))) == list(range(120))


def test_a_second_client_sees_at_once_what_the_first_one_published(chroma: Chroma) -> None:
    one, code = _open(chroma.address), "import sys; sys.path.insert(0, sys.argv[1]);"
    code += "from rag.engine import open_engine;"
    code += "print(open_engine(sys.argv[2], '').holds(sys.argv[3], int(sys.argv[4])))"
    root = str(Path(__file__).resolve().parent.parent)
    for count in (5, 9):
        one.write(NAME, _unit(count), _words(count))
        told = [sys.executable, "-c", code, root, chroma.address, NAME, str(count)]
        seen = subprocess.run(told, capture_output=True, text=True, check=True).stdout
        assert seen.strip() == "True"
    one.remove(NAME)


def test_rows_that_share_rare_words_are_found_with_the_near_ones(tmp_path: Path) -> None:
    address = f"qdrant://{tmp_path / 'qdrant'}"
    engine, rows = _open(address), _unit(40)
    engine.write(NAME, rows, _words(40))
    searcher = engine.open(NAME, 40)
    found = searcher.alike(rows[30], "gpu 显卡", 6)
    assert found is not None
    assert {30, 2} <= set(found.tolist()[:3])  # the nearest, and the one that has both words
    assert 4 in found
    alone = searcher.alike(rows[30], "!!!", 1)
    assert alone is not None
    assert alone.tolist() == [30]
    _close(address)


# --- Mentor on it -------------------------------------------------------------------------------


def _first(mentor: Mentor, question: str) -> tuple[object, ...]:
    answer = mentor.ask(question)
    cited = answer.sentences[0].citations[0] if answer.sentences else None
    return answer.status, cited and (cited.doc_id, cited.span)


def test_golden_questions_are_answered_as_by_the_embedded_store(
    address: str, tmp_path: Path, shelf: Mentor
) -> None:
    settings = Settings(index_dir=tmp_path / "i", store=address)
    asked = [case.question for case in cases.read("dev")]
    with closing(Mentor.open(settings)) as mentor:
        same = [_first(mentor, question) == _first(shelf, question) for question in asked]
    assert np.mean(same) >= 0.99
    _close(address)


def test_a_shelf_that_changes_is_followed_and_leaves_nothing_behind(
    address: str, corpus: Path, tmp_path: Path
) -> None:
    settings = Settings(corpus_dir=corpus, index_dir=tmp_path / "i", store=address)
    plain = Settings(corpus_dir=corpus, index_dir=tmp_path / "plain")
    counts = []
    words = ["好奇心", "好奇心和运气", "运气", "好奇心"]
    for old, new in pairwise(words):
        rewrite(corpus, old, new)
        Mentor.index(settings)
        with closing(Mentor.open(settings)) as ours, closing(Mentor.open(plain)) as theirs:
            for question in ("怎么选课题?", "How do I choose a topic?"):
                assert _first(ours, question) == _first(theirs, question)
        counts.append(len({folder.name for folder in (tmp_path / "i").glob("seg-*")}))
    assert max(counts) <= 6
    assert not list((tmp_path / "i").rglob("chroma.sqlite3"))
    _close(address)


def test_a_second_index_of_the_same_shelf_uploads_nothing(
    address: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mentor.index(Settings(corpus_dir=corpus, index_dir=tmp_path / "one", store=address))
    monkeypatch.setattr(type(_open(address)), "write", lambda *_: pytest.fail("it was uploaded"))
    other = Settings(corpus_dir=corpus, index_dir=tmp_path / "two", store=address)
    with closing(Mentor.open(other)) as mentor:
        assert mentor.ask("怎么选课题?").sentences
    _close(address)


def test_a_store_that_is_away_is_told_and_answers_again_when_it_is_back(
    corpus: Path, tmp_path: Path
) -> None:
    server = Chroma(tmp_path / "chroma")
    settings = Settings(
        corpus_dir=corpus, index_dir=tmp_path / "i", store=server.address, store_key="hunter2"
    )
    mentor = Mentor.open(settings)
    wanted = _first(mentor, "怎么选课题?")
    server.kill()
    for ask in (lambda: mentor.ask("How do I choose a topic?"), lambda: Mentor.open(settings)):
        with pytest.raises(StoreError, match="does not answer") as caught:
            _call(ask)
        assert server.address in str(caught.value)
        assert "hunter2" not in str(caught.value)
    server.start()
    mentor._near.cache_clear()
    assert _first(mentor, "怎么选课题?") == wanted
    mentor.close()
    server.kill()


def _call(what: Callable[[], object]) -> None:
    what()


def test_an_index_can_move_to_a_store_and_back_without_being_computed_again(
    address: str, corpus: Path, tmp_path: Path
) -> None:
    plain = Settings(corpus_dir=corpus, index_dir=tmp_path / "i")
    outside = plain.model_copy(update={"store": address})
    assert Mentor.index(plain)[1]
    for settings in (outside, plain, outside):
        assert Mentor.index(settings)[1] == 0
        with closing(Mentor.open(settings, rebuild=False)) as mentor:
            assert mentor.ask("怎么选课题?").sentences
    _close(address)


def test_a_folder_of_qdrant_is_one_processs_at_a_time(tmp_path: Path) -> None:
    address = f"qdrant://{tmp_path / 'qdrant'}"
    _open(address)
    root = str(Path(__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from rag.engine import open_engine\n"
    code += f"try: open_engine({address!r}, '')\nexcept Exception as e: print(type(e).__name__, e)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("StoreError")
    _close(address)


@pytest.mark.parametrize(
    "store", ["localhost:8000", "http://x", "chroma://", "qdrant://a b", "chroma://u:p@h:1"]
)
def test_an_address_that_is_none_is_no_setting(store: str) -> None:
    with pytest.raises(ValueError, match="store"):
        Settings(store=store)


@pytest.mark.parametrize("store", ["chroma://h:x", "qdrant://h:1:2", "redis://h:1", "chroma://"])
def test_an_address_that_leads_nowhere_is_told(store: str) -> None:
    with pytest.raises(StoreError, match="chroma://HOST:PORT"):
        open_engine(store, "")
    open_engine.cache_clear()
