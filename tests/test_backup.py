"""Backup and restore: the same bytes come back, or nothing is touched."""

import gzip
import io
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import typer
from fakes import NOTES, write, write_corpus
from typer.testing import CliRunner

from rag import CorpusError, Mentor, MentorError, Settings, doctor
from rag.journal import changing
from rag.keeping.archive import FORM, pack, unpack
from rag.keeping.backup import ASIDE, FEEDBACK, QUESTIONS, back_up
from rag.keeping.restore import restore
from rag.load import load
from ui.commands.keeping import back_up as back_up_command
from ui.commands.keeping import restore as restore_command

LINE = b'{"at": "2026-01-01T00:00:00+00:00", "verdict": "up"}\n'
SETTINGS = "MENTOR_PORT=8000\n"
KILLS = 60


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder with what people left: two lines of feedback and three questions."""
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / FEEDBACK).write_bytes(2 * LINE)
    with closing(sqlite3.connect(folder / QUESTIONS)) as log, log:
        log.execute("PRAGMA journal_mode = WAL")
        log.execute("CREATE TABLE asked (question TEXT)")
        log.executemany("INSERT INTO asked VALUES (?)", [("怎么选题?",), ("why?",), ("how?",)])
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _asked(index: Path) -> list[str]:
    with closing(sqlite3.connect(index / QUESTIONS)) as log:
        return [question for (question,) in log.execute("SELECT question FROM asked")]


def _changed(corpus: Path) -> Path:
    """Take an essay off a shelf, and put a file beside it."""
    (corpus / "essays" / "notes.md").write_text("lost", encoding="utf-8")
    write(corpus / "translations" / "gone.en.md", "of no essay")
    return corpus


# ---- the round trip ----


def test_what_is_backed_up_comes_back_byte_for_byte(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    write(corpus / "README.md", "whose these are")
    before = _files(corpus)
    back_up(tmp_path / "b.tar.gz", corpus, index, SETTINGS)
    _changed(corpus)
    write(corpus / "README.md", "another")
    (index / FEEDBACK).write_bytes(LINE)
    with closing(sqlite3.connect(index / QUESTIONS)) as log, log:
        log.execute("DELETE FROM asked")
    restore(tmp_path / "b.tar.gz", corpus, index)
    assert _files(corpus) == before
    assert (index / FEEDBACK).read_bytes() == 2 * LINE
    assert _asked(index) == ["怎么选题?", "why?", "how?"]
    assert not (index / ASIDE).exists()


def test_the_real_shelf_on_another_machine_answers_as_before(shelf: Mentor, tmp_path: Path) -> None:
    settings = Settings()
    back_up(tmp_path / "b.tar.gz", settings.corpus_dir, tmp_path / "none", "")
    there = Settings(corpus_dir=tmp_path / "new" / "corpus", index_dir=tmp_path / "new" / "index")
    restore(tmp_path / "b.tar.gz", there.corpus_dir, there.index_dir)
    assert _files(there.corpus_dir) == _files(settings.corpus_dir)
    assert list(doctor.problems(there.corpus_dir)) == []
    with closing(Mentor.open(there)) as moved:
        for question in ("怎么选课题?", "Do I need a PhD?", "What is the capital of France?"):
            ours, theirs = shelf.ask(question), moved.ask(question)
            assert ours.sentences == theirs.sentences
            assert (ours.status, ours.lead, ours.nearest) == (
                theirs.status,
                theirs.lead,
                theirs.nearest,
            )


def test_an_index_that_is_included_need_not_be_built_again(shelf: Mentor, tmp_path: Path) -> None:
    settings = Settings(index_dir=tmp_path / "index")
    Mentor.index(settings)
    back_up(tmp_path / "b.tar.gz", settings.corpus_dir, settings.index_dir, "", with_index=True)
    there = Settings(corpus_dir=tmp_path / "corpus", index_dir=tmp_path / "other")
    restore(tmp_path / "b.tar.gz", there.corpus_dir, there.index_dir)
    with closing(Mentor.open(there, rebuild=False)) as moved:
        assert moved.ask("怎么选课题?").sentences == shelf.ask("怎么选课题?").sentences


def test_an_index_that_is_not_there_cannot_be_included(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    with pytest.raises(MentorError, match="mentor index"):
        back_up(tmp_path / "b.tar.gz", corpus, index, "", with_index=True)
    assert list(tmp_path.glob("*b.tar.gz*")) == []


def test_what_is_hidden_stays_behind_but_not_the_trash(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    for name in (".git/config", ".trash/1-notes/essays/notes.md", ".lock", "essays/.swp"):
        (corpus / name).parent.mkdir(parents=True, exist_ok=True)
        write(corpus / name, "x")
    names = back_up(tmp_path / "b.tar.gz", corpus, index, "").files
    assert {name for name in names if "/." in name} == {"shelf/.trash/1-notes/essays/notes.md"}


def test_a_backup_is_for_its_owner_alone(corpus: Path, index: Path, tmp_path: Path) -> None:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


# ---- while others work ----


def test_a_server_may_write_questions_and_feedback_meanwhile(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    done = threading.Event()

    def written() -> None:
        with closing(sqlite3.connect(index / QUESTIONS, timeout=20)) as log:
            while not done.is_set():
                with log:
                    log.execute("INSERT INTO asked VALUES ('again')")
                with (index / FEEDBACK).open("ab") as file:
                    file.write(LINE)

    server = threading.Thread(target=written)
    server.start()
    try:
        for number in range(5):
            back_up(tmp_path / f"{number}.tar.gz", corpus, index, "")
    finally:
        done.set()
        server.join()
    for number in range(5):
        folder = tmp_path / f"index-{number}"
        restore(tmp_path / f"{number}.tar.gz", tmp_path / f"corpus-{number}", folder)
        assert len(_asked(folder)) >= 3
        assert set((folder / FEEDBACK).read_bytes().splitlines(keepends=True)) == {LINE}


def test_a_restore_reaches_a_server_that_has_the_questions_open(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    with closing(sqlite3.connect(index / QUESTIONS)) as server:
        with server:
            server.execute("DELETE FROM asked")
        restore(tmp_path / "b.tar.gz", corpus, index)
        assert len(server.execute("SELECT * FROM asked").fetchall()) == 3


def test_a_backup_waits_for_an_import(corpus: Path, index: Path, tmp_path: Path) -> None:
    backup = threading.Thread(target=back_up, args=(tmp_path / "b.tar.gz", corpus, index, ""))
    with changing(corpus) as journal:
        backup.start()
        time.sleep(0.3)
        assert not (tmp_path / "b.tar.gz").exists()
        journal.put("sources/new.txt", NOTES.encode())
    backup.join()
    contents = unpacked(tmp_path / "b.tar.gz", tmp_path / "look")
    assert "shelf/sources/new.txt" in contents


def test_a_shelf_that_cannot_be_written_is_backed_up(
    corpus: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    assert not (corpus / ".lock").exists()


# ---- archives that are damaged, or hostile ----


def unpacked(archive: Path, into: Path) -> set[str]:
    into.mkdir()
    return set(unpack(archive, into).files)


def _state(corpus: Path, index: Path) -> list[dict[str, bytes]]:
    return [_files(corpus), _files(index)]


@pytest.fixture
def archive(corpus: Path, index: Path, tmp_path: Path) -> Path:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    _changed(corpus)
    return tmp_path / "b.tar.gz"


def _refused(archive: Path, corpus: Path, index: Path) -> str:
    """Restore, and return the line that says why not; nothing may be touched."""
    (index / "lock").touch()
    before = _state(corpus, index)
    with pytest.raises(MentorError) as caught:
        restore(archive, corpus, index)
    assert _state(corpus, index) == before
    assert not (index / ASIDE).exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_truncated_archive_touches_nothing(
    archive: Path, corpus: Path, index: Path, kept: float
) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * kept)])
    assert archive.name in _refused(archive, corpus, index)


def test_no_single_wrong_byte_goes_unseen(archive: Path, corpus: Path, index: Path) -> None:
    data, chance = archive.read_bytes(), random.Random(3)
    told = set()
    for _ in range(60):
        damaged = bytearray(data)
        # Beyond the head of gzip, whose time and system nobody reads.
        damaged[chance.randrange(10 + len(archive.name), len(data) - 8)] ^= 1 << chance.randrange(8)
        archive.write_bytes(bytes(damaged))
        told.add(_refused(archive, corpus, index))
    assert told


def _tar(members: list[tuple[tarfile.TarInfo, bytes]], listed: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        text = json.dumps(listed).encode()
        head = tarfile.TarInfo("contents.json")
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(made.getvalue())


def _listed(files: dict[str, bytes]) -> dict[str, Any]:
    entries = {n: {"bytes": len(d), "sha256": sha256(d).hexdigest()} for n, d in files.items()}
    return {"form": FORM, "about": {}, "files": entries}


def _info(name: str, size: int, type_: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, type_, link
    return info


SHELF = {"shelf/manifest.toml": b"[[essay]]\n"}


def _with(name: str) -> bytes:
    files = {**SHELF, name: b"evil"}
    return _tar([(_info(n, len(d)), d) for n, d in files.items()], _listed(files))


def _linked(type_: bytes) -> bytes:
    files = {**SHELF, "shelf/essays/x.md": b""}
    members = [(_info("shelf/manifest.toml", 10), SHELF["shelf/manifest.toml"])]
    return _tar([*members, (_info("shelf/essays/x.md", 0, type_, "/etc/passwd"), b"")],
                _listed(files))  # fmt: skip


HOSTILE: dict[str, Callable[[], bytes]] = {
    "out": lambda: _with("shelf/../../evil"),
    "absolute": lambda: _with("/tmp/evil"),
    "bare": lambda: _with("evil"),
    "backslash": lambda: _with("shelf\\..\\evil"),
    "line": lambda: _with("shelf/a\nb"),
    "hook": lambda: _with("shelf/.git/hooks/post-checkout"),
    "journal": lambda: _with("shelf/.shelving/plan.json"),
    "start": lambda: _with("state/.bashrc"),
    "index": lambda: _with("index/lock"),
    "elsewhere": lambda: _with("home/x"),
    "link": lambda: _linked(tarfile.SYMTYPE),
    "hard link": lambda: _linked(tarfile.LNKTYPE),
    "device": lambda: _linked(tarfile.CHRTYPE),
    "pipe": lambda: _linked(tarfile.FIFOTYPE),
    "folder": lambda: _linked(tarfile.DIRTYPE),
    "twice": lambda: _tar([(_info(n, len(d)), d) for n, d in [*SHELF.items()] * 2], _listed(SHELF)),
    "more": lambda: _tar([(_info("shelf/b", 1), b"b")], _listed(SHELF)),
    "fewer": lambda: _tar([], _listed(SHELF)),
    "no shelf": lambda: _tar([(_info("settings.txt", 1), b"x")], _listed({"settings.txt": b"x"})),
    "form": lambda: _tar([], {**_listed(SHELF), "form": 99}),
    "no list": lambda: gzip.compress(b"\0" * 10240),
    "list of lists": lambda: _tar([], {"form": FORM, "about": [], "files": []}),
    "deep list": lambda: _tar([], {**_listed({}), "files": {"shelf/a": [[]]}}),
    "below nothing": lambda: _tar(
        [], {**_listed({}), "files": {"shelf/a": {"bytes": -1, "sha256": ""}}}
    ),
    "no room": lambda: _tar(
        [], {**_listed({}), "files": {"shelf/a": {"bytes": 1 << 60, "sha256": ""}}}
    ),
    "huge header": lambda: gzip.compress(
        _info("x", 1 << 40, tarfile.XHDTYPE).tobuf() + b"\0" * 4096
    ),
    "no gzip": lambda: b"PK\3\4 not a tar",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_touches_nothing(
    corpus: Path, index: Path, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "evil.tar.gz").write_bytes(HOSTILE[kind]())
    _refused(tmp_path / "evil.tar.gz", corpus, index)
    assert not list(tmp_path.rglob("evil"))


def test_a_bomb_is_given_up_before_it_is_unpacked(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    head = _tar([(_info("shelf/manifest.toml", 10), b"[[essay]]\n")], _listed(SHELF))
    blocks = gzip.decompress(head)[: 4 * 512]  # the list and a file, without what ends them
    huge = blocks + _info("shelf/bomb", 2_000_000_000).tobuf()
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", compresslevel=1) as file:
        file.write(huge)
        file.write(bytes(1_000_000))
    said = _refused(tmp_path / "bomb.tar.gz", corpus, index)
    assert "'shelf/bomb' is not as it is listed" in said, "who reads on finds that it ends too soon"


def test_a_link_out_of_the_shelf_is_not_followed(corpus: Path, index: Path, tmp_path: Path) -> None:
    (corpus / "notes").mkdir()
    write(corpus / "notes" / "mine.txt", "mine")
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    shutil.rmtree(corpus / "notes")
    (tmp_path / "outside").mkdir()
    (corpus / "notes").symlink_to(tmp_path / "outside")
    with pytest.raises(MentorError, match="leads out"):
        restore(tmp_path / "b.tar.gz", corpus, index)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_name_that_cannot_be_kept_is_told(corpus: Path, index: Path, tmp_path: Path) -> None:
    write(corpus / "a\\b.md", "x")
    with pytest.raises(MentorError, match="rename"):
        back_up(tmp_path / "b.tar.gz", corpus, index, "")


def test_a_file_that_changes_while_it_is_packed_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a", "one")
    write(tmp_path / "b", "two")

    class Changing(dict[str, Path]):
        """Changes a file after all of them were listed."""

        def items(self) -> Any:
            found = list(super().items())
            if self.pop("listed", None):
                write(tmp_path / "b", "2")
            self["listed"] = tmp_path
            return found

    with pytest.raises(MentorError, match="was changed"):
        pack(tmp_path / "x.tar.gz", Changing({"shelf/b": tmp_path / "b"}), {})


# ---- interruptions ----


def _child(work: Callable[[], object]) -> int:
    if pid := os.fork():
        return pid
    try:
        work()
    finally:
        os._exit(0)


def _until_killed(work: Callable[[], object], after_s: float) -> bool:
    """Run `work` in a child, kill it after a while; say whether it was still at work."""
    pid = _child(work)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_killed_at_any_moment_a_restore_leaves_the_old_shelf_or_the_new(tmp_path: Path) -> None:
    old, new = write_corpus(tmp_path / "old"), write_corpus(tmp_path / "new")
    for number in range(150):
        write(new / "translations" / f"talk.{number}.set-aside", "x" * number)
    index, archives = tmp_path / "index", [tmp_path / "old.tar.gz", tmp_path / "new.tar.gz"]
    for folder, archive in zip((old, new), archives, strict=True):
        back_up(archive, folder, tmp_path / "none", "")
    wanted, corpus = [_files(old), _files(new)], tmp_path / "corpus"
    started = time.perf_counter()
    restore(archives[0], corpus, index)
    restore(archives[1], corpus, index)
    took, chance, killed = time.perf_counter() - started, random.Random(5), 0
    seen = [0, 0]
    for turn in range(5 * KILLS):
        aim = archives[turn % 2]
        killed += _until_killed(lambda a=aim: restore(a, corpus, index), chance.uniform(0, took))
        load(corpus)  # carries out what was committed
        shown = {n: d for n, d in _files(corpus).items() if not n.startswith(".shelving-draft")}
        assert shown in wanted
        seen[wanted.index(shown)] += 1
        if killed >= KILLS and all(seen):
            break
        took *= 1.0 if seen[1] else 1.1  # a busy machine takes longer than it did before
    assert killed >= KILLS
    assert all(seen)
    restore(archives[1], corpus, index)
    assert _files(corpus) == wanted[1]
    assert not (index / ASIDE).exists()


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_killed_at_any_moment_a_backup_leaves_the_one_before(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "b.tar.gz"
    target.parent.mkdir()
    back_up(target, corpus, index, "")
    (corpus / "sources").mkdir(exist_ok=True)
    (corpus / "sources" / "big.bin").write_bytes(random.Random(1).randbytes(2_000_000))
    started = time.perf_counter()
    back_up(tmp_path / "x.tar.gz", corpus, index, "")
    took, chance = time.perf_counter() - started, random.Random(9)
    for number in range(20):
        _until_killed(lambda: back_up(target, corpus, index, ""), chance.uniform(0, took))
        assert "shelf/manifest.toml" in unpacked(target, tmp_path / f"look-{number}")
    back_up(target, corpus, index, "")
    assert [*target.parent.iterdir()] == [target], "what was killed leaves nothing for ever"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB, where the tests may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_keeps_the_backup_before(corpus: Path, index: Path, small_disk: Path) -> None:
    target = small_disk / "b.tar.gz"
    back_up(target, corpus, index, "")
    before = target.read_bytes()
    (corpus / "sources").mkdir(exist_ok=True)
    (corpus / "sources" / "big.bin").write_bytes(random.Random(1).randbytes(500_000))
    with pytest.raises(MentorError, match="No space left"):
        back_up(target, corpus, index, "")
    assert [*small_disk.iterdir()] == [target]
    assert target.read_bytes() == before


def test_a_full_disk_keeps_the_shelf_before(
    corpus: Path, index: Path, tmp_path: Path, small_disk: Path
) -> None:
    target = small_disk / "corpus"
    restore_from = tmp_path / "small.tar.gz"
    back_up(restore_from, corpus, tmp_path / "none", "")
    restore(restore_from, target, small_disk / "index")
    before = _files(target)
    (corpus / "sources").mkdir(exist_ok=True)
    (corpus / "sources" / "big.bin").write_bytes(random.Random(1).randbytes(300_000))
    back_up(tmp_path / "big.tar.gz", corpus, tmp_path / "none", "")
    with pytest.raises(MentorError, match="free"):
        restore(tmp_path / "big.tar.gz", target, small_disk / "index")
    with pytest.raises((MentorError, CorpusError), match="nothing was changed"):
        restore(tmp_path / "big.tar.gz", target, tmp_path / "roomy")  # the shelf's disk is full
    assert _files(target) == before


def test_a_file_that_may_not_grow_keeps_the_backup_before(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    before = (tmp_path / "b.tar.gz").read_bytes()
    (corpus / "sources").mkdir(exist_ok=True)
    (corpus / "sources" / "big.bin").write_bytes(random.Random(1).randbytes(500_000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(MentorError, match="no backup was written"):
            back_up(tmp_path / "b.tar.gz", corpus, index, "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "b.tar.gz").read_bytes() == before


# ---- the commands ----

commands = typer.Typer()
commands.command(name="backup")(back_up_command)
commands.command(name="restore")(restore_command)


def _run(*args: str | Path) -> Any:
    return CliRunner().invoke(commands, [*map(str, args)])


def test_the_commands_make_a_round_trip_and_keep_no_secret(
    corpus: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTOR_MODEL_KEY", "sk-very-secret")
    monkeypatch.setenv("MENTOR_BUDGET_STORE", "redis://:hunter2@store:6379")
    monkeypatch.setenv("MENTOR_PORT", "8123")
    done = _run("backup", tmp_path / "b.tar.gz", "--corpus", corpus, "--index", index)
    assert done.exit_code == 0, done.output
    unpacked(tmp_path / "b.tar.gz", tmp_path / "look")
    settings = (tmp_path / "look" / "settings.txt").read_text(encoding="utf-8")
    assert "MENTOR_PORT=8123\n" in settings
    assert "MENTOR_MODEL_KEY=(set; not shown)\n" in settings
    everything = b"".join(_files(tmp_path / "look").values())
    assert b"sk-very-secret" not in everything
    assert b"hunter2" not in everything
    done = _run("restore", tmp_path / "b.tar.gz", "--into", tmp_path / "there")
    assert done.exit_code == 0, done.output
    assert _files(tmp_path / "there" / "corpus") == _files(corpus)


def test_nothing_is_replaced_without_yes_and_then_it_is_kept(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    before = _files(corpus)
    _changed(corpus)
    changed = _files(corpus)
    where = ["--corpus", corpus, "--index", index]
    done = _run("restore", tmp_path / "b.tar.gz", *where)
    assert isinstance(done.exception, MentorError)
    assert "--yes" in str(done.exception)
    assert _files(corpus) == changed
    assert _run("restore", tmp_path / "b.tar.gz", "--yes", *where).exit_code == 0
    assert _files(corpus) == before
    (kept,) = index.glob("before-*.tar.gz")
    restore(kept, corpus, index)
    assert _files(corpus) == changed


def test_what_people_left_is_not_replaced_where_no_shelf_is_there_to_keep_it_with(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    before = _files(index)
    where = ["--corpus", tmp_path / "none", "--index", index]
    done = _run("restore", tmp_path / "b.tar.gz", "--yes", *where)
    assert "move it away" in str(done.exception)
    assert _files(index) == before


def test_a_wrong_archive_is_told_before_anything_is_written(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"no archive")
    for name, why in (("none.tar.gz", "no such file"), ("b.tar.gz", "nothing was changed")):
        done = _run("restore", tmp_path / name, "--yes", "--corpus", corpus, "--index", index)
        assert why in str(done.exception)
        assert list(index.glob("before-*")) == []


def test_questions_that_come_back_are_for_the_owner_alone(
    corpus: Path, index: Path, tmp_path: Path
) -> None:
    back_up(tmp_path / "b.tar.gz", corpus, index, "")
    restore(tmp_path / "b.tar.gz", tmp_path / "there", tmp_path / "there" / "index")
    assert (tmp_path / "there" / "index" / QUESTIONS).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["b.zip", "b", "b.tar.zst"])
def test_a_backup_has_a_name_that_says_what_it_is(corpus: Path, tmp_path: Path, name: str) -> None:
    done = _run("backup", tmp_path / name, "--corpus", corpus)
    assert ".tar.gz" in str(done.exception)
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_no_shelf_is_told(tmp_path: Path) -> None:
    with pytest.raises(MentorError, match="--corpus"):
        back_up(tmp_path / "b.tar.gz", tmp_path, tmp_path, "")


def test_loading_the_commands_takes_no_library_of_the_answers() -> None:
    heavy = "{'chromadb', 'gradio', 'torch'}"
    code = f"import sys, ui.commands.keeping; print(*{heavy} & {{*sys.modules}})"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == ""
