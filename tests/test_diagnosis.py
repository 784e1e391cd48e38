"""`mentor doctor`: it says what is so, mends what it may, and nothing it meets makes it fall."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import pytest
import typer
from fakes import NOTES, write
from filelock import FileLock
from guarded import guarded
from live_server import free_port
from typer.testing import CliRunner

from rag import Mentor, MentorError, Settings, doctor
from rag.doctor.diagnosis import Finding, examine, examined
from rag.doctor.inventory import Fact
from rag.doctor.mending import mended
from ui.commands import reach
from ui.commands.diagnosis import check, diagnosed
from ui.commands.settings_page import variable

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk-very-secret"
commands = typer.Typer()
commands.command()(check)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the real shelf."""
    folder = tmp_path_factory.mktemp("built") / "index"
    Mentor.index(Settings(index_dir=folder))
    return folder


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Settings:
    """The real shelf with its index, both in copies."""
    shutil.copytree(built, tmp_path / "index")
    shutil.copytree(ROOT / "corpus", tmp_path / "corpus")
    return Settings(corpus_dir=tmp_path / "corpus", index_dir=tmp_path / "index")


def _found(settings: Settings, group: str = "") -> list[Finding]:
    return [finding for finding in examined(settings) if group in ("", finding.group)]


def _wrong(settings: Settings) -> list[str]:
    return [finding.text for finding in examined(settings) if finding.state == "wrong"]


# ---- what is so ----


def test_nothing_is_wrong_with_what_was_just_set_up(settings: Settings) -> None:
    assert _wrong(settings) == []
    texts = " ".join(finding.text for finding in examined(settings))
    for part in ("Python", "chromadb", "5 essays, in order", "of this shelf and this model"):
        assert part in texts


def test_a_start_without_an_index_is_in_order(settings: Settings) -> None:
    shutil.rmtree(settings.index_dir)
    assert _wrong(settings) == []
    assert "no index yet" in _found(settings, "Index")[0].text
    assert not settings.index_dir.exists()


def test_an_index_of_other_essays_is_noted(settings: Settings) -> None:
    path = settings.corpus_dir / "questions" / "unanswered.txt"
    path.write_text(path.read_text(encoding="utf-8") + "什么时候下雨?\n", encoding="utf-8")
    assert _wrong(settings) == []
    assert "other essays" in _found(settings, "Index")[-1].text


def test_an_index_of_another_version_is_noted(settings: Settings) -> None:
    (about,) = settings.index_dir.glob("gen-*/about.json")
    about.write_text(json.dumps(json.loads(about.read_text()) | {"form": 99}))
    (finding,) = _found(settings, "Index")
    assert finding.state == "note"
    assert "another version" in finding.text
    assert "mentor index" in finding.text, "what is not broken needs no mending"


def test_who_holds_a_lock_is_told(settings: Settings) -> None:
    code = "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]);"
    code += "lock.acquire(); print(1, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(settings.index_dir / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        (finding,) = _found(settings, "Locks")
    assert finding.state == "note"
    assert "builds or restores" in finding.text
    assert f"process {holder.pid} " in finding.text or not Path("/proc/locks").exists()
    assert _found(settings, "Locks")[0].state == "ok"


def test_what_others_could_read_is_noted(settings: Settings) -> None:
    feedback = settings.index_dir / "feedback.jsonl"
    feedback.write_text('{"at": ""}\n')
    feedback.chmod(0o644)
    settings.index_dir.chmod(0o755)
    assert "chmod" in _found(settings, "Kept")[-1].text
    settings.index_dir.chmod(0o700)
    assert [finding.state for finding in _found(settings, "Kept")] == ["ok"]


@pytest.mark.parametrize("name", ["nobody/such-model", "such-model", "../..", "a/b/c", "\0"])
def test_a_model_that_is_not_here_is_told(settings: Settings, name: str) -> None:
    settings = settings.model_copy(update={"embedder": name, "corpus_dir": Path("none")})
    shipped, named = _found(settings, "Models")
    assert shipped.state == "ok"
    assert named.state == "wrong" or Path(name).is_dir()


def test_a_model_that_is_here_is_not_loaded(settings: Settings, tmp_path: Path) -> None:
    """A folder with nothing in it is a model to the doctor, who does not read gigabytes."""
    named = settings.model_copy(update={"reranker": str(tmp_path)})
    assert [finding.state for finding in _found(named, "Models")] == ["ok", "ok"]


def test_an_index_of_another_model_is_not_compared_which_would_load_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.embed._loaded", lambda *_, **__: pytest.fail("it is loaded"))
    named = settings.model_copy(update={"embedder": "nobody/such-model"})
    assert [finding.state for finding in _found(named, "Index")] == ["ok", "note"]


_AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
from rag.doctor.inventory import kept_facts, lock_facts
index, corpus = map(Path, sys.argv[1:])
os.seteuid(65534)
for state, text in [*lock_facts(index, corpus), *kept_facts(index)]:
    print(state, text)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_who_may_not_look_is_told_so_and_nothing_is_called_damaged() -> None:
    with TemporaryDirectory() as place:  # those of pytest are closed to other users
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "lock").touch(mode=0o600)
        with closing(sqlite3.connect(folder / "questions.sqlite3")) as log:
            log.execute("PRAGMA journal_mode = WAL")
            log.execute("CREATE TABLE asked (question TEXT)")
        done = subprocess.run(
            [sys.executable, "-c", _AS_ANOTHER_USER, place, place],
            capture_output=True, text=True, cwd=ROOT, check=True,
        )  # fmt: skip
    assert "you may not look" in done.stdout
    assert "cannot be looked at just now" in done.stdout
    assert "--fix" not in done.stdout


# ---- what is broken ----


def _spoil_segment(folder: Path) -> None:
    path = next(folder.glob("seg-*/columns/kinds.npy"))
    path.write_bytes(b"\0" * 50)


def _spoil_chroma(folder: Path) -> None:
    for path in folder.glob("seg-*/**/*.sqlite3"):
        path.write_bytes(b"no database" * 400)


BROKEN: dict[str, Callable[[Path], object]] = {
    "pointer": lambda folder: (folder / "current").write_text("../../etc"),
    "pointer of nothing": lambda folder: (folder / "current").write_text("gen-0"),
    "bytes": lambda folder: (folder / "current").write_bytes(b"\xff\xfe"),
    "segment": _spoil_segment,
    "chroma": _spoil_chroma,
    "chroma gone": lambda folder: [path.unlink() for path in folder.glob("seg-*/**/*.sqlite3")],
    "about": lambda folder: next(folder.glob("gen-*/about.json")).write_text("[]"),
    "gone": lambda folder: [shutil.rmtree(path) for path in folder.glob("seg-*")],
    "feedback": lambda folder: (folder / "feedback.jsonl").write_bytes(b'{"at":""}\n{"at'),
    "questions": lambda folder: (folder / "questions.sqlite3").write_bytes(b"x" * 5000),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_told_and_mended(settings: Settings, kind: str) -> None:
    BROKEN[kind](settings.index_dir)
    wrong = _wrong(settings)
    assert len(wrong) == 1, wrong
    assert "mentor doctor --fix" in wrong[0]
    assert list(mended(settings))
    assert _wrong(settings) == []
    assert list(mended(settings)) == []
    with closing(Mentor.open(settings, rebuild=False)) as mentor:
        assert mentor.ask("怎么选课题?").sentences


def test_damaged_feedback_is_set_aside_and_its_whole_lines_stay(settings: Settings) -> None:
    data = b'{"at": 1}\n[]\n\xff\n{"at": 2}\n{"at'
    (settings.index_dir / "feedback.jsonl").write_bytes(data)
    list(mended(settings))
    assert (settings.index_dir / "feedback.jsonl").read_bytes() == b'{"at": 1}\n{"at": 2}\n'
    (aside,) = settings.index_dir.glob("feedback.jsonl.damaged-*")
    assert aside.read_bytes() == data


def test_what_interruptions_left_is_removed_and_the_index_stays(settings: Settings) -> None:
    before = {path.name for path in settings.index_dir.iterdir()}
    for name in ("build-1", "seg-dead", ".restoring"):
        (settings.index_dir / name).mkdir()
    (settings.index_dir / "current.new").write_text("gen-x")
    assert "4 left-overs" in " ".join(finding.text for finding in _found(settings, "Index"))
    assert len(list(mended(settings))) == 4
    assert {path.name for path in settings.index_dir.iterdir()} == before


def test_questions_that_somebody_holds_are_not_set_aside(settings: Settings) -> None:
    path = settings.index_dir / "questions.sqlite3"
    with closing(sqlite3.connect(path)) as server:
        server.execute("CREATE TABLE asked (question TEXT)")
        server.execute("BEGIN EXCLUSIVE")
        assert _found(settings, "Kept")[0].state == "note"
        with pytest.raises(MentorError, match="locked"):
            list(mended(settings))
    assert [*settings.index_dir.glob("questions*")] == [path]


def test_the_shelf_is_mended_as_before(settings: Settings) -> None:
    essay = next((settings.corpus_dir / "essays").glob("*.md"))
    essay.write_bytes(essay.read_bytes().replace(b"\n", b"\r\n"))
    assert _wrong(settings)
    list(mended(settings))
    assert list(doctor.problems(settings.corpus_dir)) == []


def test_mending_waits_for_no_builder_for_ever(settings: Settings) -> None:
    with FileLock(settings.index_dir / "lock"), pytest.raises(MentorError, match="wait for it"):
        list(mended(settings))


def _junk(chance: random.Random, folder: Path) -> None:
    """Break a folder at random: wrong bytes, a folder for a file, a link to itself, no rights."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for path in chance.sample(paths, k=min(3, len(paths))):
        kind = chance.randrange(6)
        if kind == 0:
            path.write_bytes(chance.randbytes(200))
            continue
        if kind == 1:
            path.chmod(0)
            continue
        path.unlink()
        if kind == 2:
            path.mkdir()
        elif kind == 3:
            path.symlink_to(path)
        elif kind == 4:
            path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize("seed", range(12))
def test_no_broken_folder_makes_it_fall(settings: Settings, seed: int) -> None:
    chance = random.Random(seed)
    for name in ("feedback.jsonl", "questions.sqlite3"):
        (settings.index_dir / name).write_bytes(b"{}\n")
    _junk(chance, settings.index_dir)
    _junk(chance, settings.corpus_dir)
    found = list(diagnosed(settings, {}, 0.2))
    groups = list(dict.fromkeys(finding.group for finding in found))
    assert groups[1:5] == ["Installation", "Models", "Shelf", "Index"]
    for finding in found:
        assert finding.text.isprintable()
        assert "Traceback" not in finding.text
    done = CliRunner().invoke(commands, [
        "--fix", "--corpus", str(settings.corpus_dir), "--index", str(settings.index_dir)
    ])  # fmt: skip
    assert done.exit_code in (0, 2)
    assert done.exception is None or isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("place", ["/dev/null", "/proc/1", "\0", "x" * 300])
def test_no_strange_folder_makes_it_fall(tmp_path: Path, place: str) -> None:
    found = list(examined(Settings(corpus_dir=tmp_path / place, index_dir=Path(place))))
    assert any(finding.state == "wrong" for finding in found)


def test_an_error_in_one_group_is_a_finding() -> None:
    def falls() -> Iterator[Any]:
        yield "ok", "first"
        raise ZeroDivisionError("a\x1b[31m\nb")

    first, second = examine("Group", falls)
    assert (first.state, second.state) == ("ok", "wrong")
    assert second.text.isprintable()


# ---- settings ----


def test_a_slip_in_a_variable_is_told(settings: Settings) -> None:
    environment = {"MENTOR_PROT": "1", "MENTOR_ZZZZZ": "1", "MENTOR_PORT": "2", "PATH": "x"}
    found = [f for f in diagnosed(settings, environment, 0.2) if "is not a setting" in f.text]
    assert [finding.text.split(";")[0] for finding in found] == [
        "MENTOR_PROT is not a setting",
        "MENTOR_ZZZZZ is not a setting",
    ]
    assert "did you mean MENTOR_PORT?" in found[0].text


def test_a_setting_that_cannot_be_is_a_finding_and_no_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MENTOR_PORT", "many")
    done = CliRunner().invoke(commands, ["--json"])
    assert done.exit_code == 2
    (finding,) = json.loads(done.stdout)
    assert finding["state"] == "wrong"
    assert "MENTOR_PORT" in finding["text"]


def test_json_holds_every_finding_and_no_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTOR_API_TOKENS", KEY)
    monkeypatch.setenv("MENTOR_PORT", str(free_port()))
    where = ["--corpus", str(settings.corpus_dir), "--index", str(settings.index_dir)]
    done = CliRunner().invoke(commands, ["--json", *where])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {frozenset(one) for one in found} == {frozenset({"group", "state", "text"})}
    assert "MENTOR_API_TOKENS=(set; not shown)" in [one["text"] for one in found]
    assert KEY not in done.output


def test_it_is_little_work(settings: Settings) -> None:
    list(diagnosed(settings, {}, 0.2))
    started = time.thread_time()
    list(diagnosed(settings, {}, 0.2))
    assert time.thread_time() - started < 10  # 0.2 where nothing else runs


# ---- beyond this process ----


@contextmanager
def _answering(status: int, body: bytes = b"{}") -> Iterator[tuple[int, list[str]]]:
    """Serve one answer to everything; yield the port and the keys that were sent."""
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers.get("authorization", ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, keys
        server.shutdown()
        thread.join()


def test_another_mentor_on_the_port_is_told_from_another_program() -> None:
    with _answering(200, b'{"status": "ok", "essays": 5}') as (port, _):
        assert next(reach.port(Settings(port=port)))[0] == "note"
    with _answering(200, b"<p>hello") as (port, _):
        state, text = next(reach.port(Settings(port=port)))
    assert (state, "MENTOR_PORT" in text) == ("wrong", True)
    assert next(reach.port(Settings(port=free_port())))[0] == "ok"


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (404, "ok"), (401, "wrong"), (403, "wrong")]
)
def test_a_provider_that_refuses_the_key_is_told(status: int, state: str) -> None:
    with _answering(status) as (port, keys):
        url = f"http://127.0.0.1:{port}/v1"
        (fact,) = reach.provider(Settings(model="openai:m", model_url=url, model_key=KEY), 2)
    assert fact[0] == state
    assert KEY not in fact[1]
    assert keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1", "http://[", "ftp://a", "http://a:99999"])
def test_a_provider_that_does_not_answer_is_told(url: str) -> None:
    settings = Settings(model="ollama:m", model_url=url or f"127.0.0.1:{free_port()}")
    found = list(examine("Chat model", lambda: reach.provider(settings, 1)))
    assert found[-1].state == "wrong"


def test_a_silent_provider_is_not_waited_for() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as door:
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        started = time.monotonic()
        (fact,) = reach.provider(Settings(model="openai:m", model_url=url), 0.5)
    assert fact[0] == "wrong"
    assert time.monotonic() - started < 30  # it would be silent for ever


_LOOKED_UP: dict[str, Callable[[], Fact]] = {
    "provider": lambda: next(
        reach.provider(Settings(model="openai:m", model_url="http://models.example"), 0.5)
    ),
    "store": lambda: reach._near("redis://store.example"),
}


@pytest.mark.parametrize("kind", _LOOKED_UP)
def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, done, found = Event(), Event(), Event()

    def slow(*_: object, **__: object) -> list[Any]:
        asked.set()
        done.wait(60)
        found.set()
        return []

    monkeypatch.setattr("socket.getaddrinfo", slow)
    state, _ = _LOOKED_UP[kind]()
    assert (state, asked.is_set(), found.is_set()) == ("wrong", True, False)
    done.set()


def test_a_provider_behind_a_proxy_is_left_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    settings = Settings(model="openai:m", model_url="http://models.example", model_key=KEY)
    (fact,) = reach.provider(settings, 0.5)
    assert fact[0] == "note"


def test_a_budget_store_that_is_a_file_is_told(tmp_path: Path) -> None:
    def told(path: Path) -> tuple[str, str]:
        return next(reach.store(Settings(budget_store=f"sqlite://{path}")))

    assert told(tmp_path / "counts")[0] == "ok"
    assert not (tmp_path / "counts").exists()
    assert told(tmp_path / "gone" / "counts")[0] == "wrong"


def test_a_budget_store_that_is_gone_is_told_from_one_that_is_there() -> None:
    with _answering(200) as (port, _):
        assert reach._near(f"redis://:{KEY}@127.0.0.1:{port}")[0] == "ok"
    state, text = reach._near(f"redis://:{KEY}@127.0.0.1:{free_port()}")
    assert (state, KEY in text) == ("wrong", False)


@pytest.mark.parametrize("uri", ["nothing", "ftp://store", "redis://store"])
def test_a_budget_store_that_cannot_be_used_is_told(uri: str) -> None:
    """The last needs a library, or somebody of that name who listens."""
    (finding,) = examine("Budgets", lambda: reach.store(Settings(budget_store=uri)))
    assert finding.state == "wrong"


def test_a_database_that_a_server_has_open_is_sound(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.index_dir / "questions.sqlite3")) as server:
        server.execute("PRAGMA journal_mode = WAL")
        server.execute("CREATE TABLE asked (question TEXT)")
        server.execute("BEGIN IMMEDIATE")
        assert _found(settings, "Kept")[0].state == "ok"


def test_an_essay_with_hostile_names_is_told_on_a_plain_line(settings: Settings) -> None:
    write(settings.corpus_dir / "essays" / "a\x1b[31m\nb.md", NOTES)
    for text in _wrong(settings):
        assert text.isprintable()


def test_a_guarded_program_is_no_mentor() -> None:
    with guarded() as address:
        port = int(address.rpartition(":")[2])
        assert next(reach.port(Settings(port=port)))[0] == "wrong"
