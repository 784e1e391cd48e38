"""What is kept of what was asked, by whom it is written, and how it goes away again."""

import json
import logging
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from live_server import until
from pace import LINEAR, growth
from web_fakes import FakeMentor

from rag import Answer, Settings
from ui.api import create_api
from ui.app import create_app
from ui.asked import Asked, asked, kept_text
from ui.asked_file import FILE, AskedError, AskedFile
from ui.masking import masked
from ui.recording import Log, notice, open_log, recording
from ui.words import words_of

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime.now(UTC)
CHOOSE, WEATHER = "怎么选课题?", "How is the weather?"


def answer(question: str = CHOOSE, **fields: Any) -> Answer:
    return replace(FakeMentor().ask(question), **fields)


def row(question: str = CHOOSE, at: datetime = NOW) -> Asked:
    return asked(answer(question), at)


def said(folder: Path) -> list[str]:
    return [one.question for one in AskedFile(folder).rows()]


def words_in(folder: Path, *words: str) -> list[str]:
    """Return those of the words that stand in any file of a folder, whatever the file is."""
    raw = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return [word for word in words if word.encode() in raw]


def log_of(app: Any) -> Log:
    found = app.state.mentor.pinned()._mentor.log
    assert isinstance(found, Log)
    return found


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(AskedFile(tmp_path), 30)
    yield log
    log.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_api(FakeMentor(), Settings(index_dir=tmp_path, question_log=True))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    log_of(app).close()


# --- what is kept ------------------------------------------------------------------------------


def test_off_by_default_nothing_at_all_is_written_and_nothing_said(tmp_path: Path) -> None:
    app = create_api(FakeMentor(), Settings(index_dir=tmp_path / "index"))
    with TestClient(app) as client:
        assert client.post("/api/ask", json={"question": CHOOSE}).status_code == 200
        assert "kept" not in client.get("/openapi.json").json()["info"]["description"]
    assert not (tmp_path / "index").exists()
    mentor: Any = FakeMentor()
    assert recording(mentor, open_log(Settings(index_dir=tmp_path))) is mentor


def test_what_was_kept_goes_in_its_time_though_nothing_more_is_kept(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    now = datetime.now(UTC)
    file.add([row(CHOOSE, now - timedelta(days=400)), row(WEATHER, now)])
    assert open_log(Settings(index_dir=tmp_path)) is None
    assert until(lambda: said(tmp_path) == [WEATHER])


def test_a_question_is_kept_with_what_became_of_it(client: TestClient, tmp_path: Path) -> None:
    for question in (CHOOSE, WEATHER):
        client.post("/api/ask", json={"question": question})
    log_of(client.app).settle()
    answered, refused = AskedFile(tmp_path).rows()
    assert (answered.question, answered.lang, answered.status) == (CHOOSE, "zh", "answered")
    assert (answered.answerer, answered.timings_ms) == ("quotes", {"retrieve": 1.0})
    assert [id_.split(":")[0] for id_ in answered.cited] == ["kaiming_he_qa"] * 2 + ["one_year_off"]
    assert (refused.question, refused.status, refused.cited) == (WEATHER, "refused", ())
    assert refused.nearest == (FakeMentor()._passage().id,)
    assert refused.failed
    assert not answered.failed


def test_nothing_says_who_asked_or_in_which_minute(client: TestClient, tmp_path: Path) -> None:
    headers = {
        "user-agent": "agent-of-mine",
        "x-forwarded-for": "203.0.113.9",
        "cookie": "session=biscuit",
        "referer": "https://lab.example/me",
        "accept-language": "gsw",
    }
    client.post("/api/ask", json={"question": CHOOSE}, headers=headers)
    log_of(client.app).settle()
    told = ("agent-of-mine", "203.0.113.9", "biscuit", "lab.example", "gsw", "testclient")
    assert words_in(tmp_path, CHOOSE, *told) == [CHOOSE]
    (kept,) = AskedFile(tmp_path).rows()
    assert (kept.at.minute, kept.at.second) == (0, 0)
    assert NOW - timedelta(hours=1) < kept.at <= datetime.now(UTC)


def test_every_way_of_asking_is_kept_once(client: TestClient, tmp_path: Path) -> None:
    client.post("/api/ask", json={"question": f"{CHOOSE} 1"})
    client.post("/api/chat", json={"question": f"{CHOOSE} 2"})
    message = {"role": "user", "content": f"{CHOOSE} 3"}
    client.post("/v1/chat/completions", json={"model": "mentor", "messages": [message]})
    log_of(client.app).settle()
    assert said(tmp_path) == [f"{CHOOSE} {n}" for n in (1, 2, 3)]


def test_what_cannot_be_answered_by_anybody_is_not_kept(client: TestClient, tmp_path: Path) -> None:
    for question in (" ", "break"):
        client.post("/api/ask", json={"question": question})
    log_of(client.app).settle()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("answerer", ["care", "small talk"])
def test_a_cry_for_help_and_a_greeting_are_nobodys_to_read(
    log: Log, tmp_path: Path, answerer: str
) -> None:
    log.ended(answer(answerer=answerer))
    log.settle()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("邮箱zhang.san+a@mail.example.com谢谢", "邮箱[e-mail]谢谢"),
        ("请写到 张三@公司.中国", "请写到 [e-mail]"),
        ("write to a.b＠x.example please", "write to [e-mail] please"),
        ("电话13800138000吗", "电话[id]吗"),
        ("打 +86 (138) 0013-8000", "打 [number]"),
        ("call 020 7946 0958.", "call [number]."),
        ("我是 11010519491231002X", "我是 [number]"),
        ("我是 １３８００１３８０００", "我是 [number]"),
        ("学号：2021ab77", "学号：[id]"),
        ("加我微信号 wxid_9a8b", "加我微信号 [id]"),
        ("my QQ is 12345", "my QQ is [id]"),
        ("see https://x.example/r?token=s3cret#me，对吗", "see [link]，对吗"),
        ("www.example.com/me 是我", "[link] 是我"),
        ("key sk-proj-abcDEF1234567890xyz leaked", "key [key] leaked"),
        ("ssh 203.0.113.9 and 2001:db8:0:1::9", "ssh [address] and [address]"),
    ],
)
def test_what_looks_like_somebodys_own_is_masked(told: str, kept: str) -> None:
    assert masked(told) == kept


@pytest.mark.parametrize(
    "told",
    [
        "从 2016 年到 2024 年,为什么 95% 的时间令人沮丧?",
        "Is 10,000 hours enough? What about 1e-4, 3.14 and GPT-4 with 175B?",
        "微信群里的人都比我强",
        "should I line up a QQ plot of residuals",
        "Std::vector at 12:30:45, or Fig::a",
        "internationalization-of-everything",
    ],
)
def test_ordinary_questions_stay_as_they_are(told: str) -> None:
    assert masked(told) == told


def test_a_question_is_kept_in_one_printable_line_cut_after_it_is_masked() -> None:
    assert kept_text("a\x1b[31m\u202eb\n c") == "a [31m b c"
    assert kept_text("字" * 995 + "13800138000") == "字" * 995 + "[numb"
    assert len(kept_text("a b " * 5000)) == 1000
    assert kept_text("") == ""


@pytest.mark.parametrize("pair", ["1 ", "a.", "a@", "-_", "微信"])
def test_a_question_is_masked_in_time_that_grows_with_its_length(pair: str) -> None:
    assert growth(lambda size: kept_text(pair * (size // 2)), 20_000) < LINEAR


# --- thumbs ------------------------------------------------------------------------------------


def test_a_thumb_is_noted_at_its_question(client: TestClient, tmp_path: Path) -> None:
    for question in (CHOOSE, WEATHER, CHOOSE):
        client.post("/api/ask", json={"question": question})
    for verdict in ("up", "wrong_evidence"):
        body = {"verdict": verdict, "question": CHOOSE, "note": "a note of mine"}
        assert client.post("/api/feedback", json=body).status_code == 200
    log_of(client.app).settle()
    verdicts = [one.verdict for one in AskedFile(tmp_path).rows()]
    assert verdicts == ["wrong_evidence", "", "up"]
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        assert "a note of mine" not in "\n".join(file.iterdump())


def test_a_second_thought_takes_the_place_of_the_first(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row()])
    assert file.judge(CHOOSE, "answered", "up", NOW)
    assert file.judge(CHOOSE, "answered", "down", NOW)
    assert [one.verdict for one in file.rows()] == ["down"]


def test_a_thumb_for_what_was_not_asked_lately_is_noted_nowhere(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    assert not file.judge(CHOOSE, "answered", "up", NOW)
    assert not file.path.exists()
    file.add([row(at=NOW - timedelta(days=3))])
    assert not file.judge(CHOOSE, "answered", "up", NOW)
    file.add([row()])
    assert not file.judge(CHOOSE, "refused", "up", NOW)
    assert not file.judge("something else", "answered", "up", NOW)
    assert [one.verdict for one in file.rows()] == ["", ""]


# --- an answer waits for nothing, and nothing fails ---------------------------------------------


def test_no_answer_waits_for_a_locked_file_and_it_is_written_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.asked_file._BUSY_S", 60.0)
    AskedFile(tmp_path).add([row()])
    app = create_api(FakeMentor(), Settings(index_dir=tmp_path, question_log=True))
    with TestClient(app) as client, closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        for _ in range(20):
            assert client.post("/api/ask", json={"question": WEATHER}).status_code == 200
        assert time.monotonic() - started < 30  # the first alone would wait a minute
        other.rollback()
        log_of(app).settle()
    assert said(tmp_path) == [CHOOSE] + [WEATHER] * 20
    log_of(app).close()


def test_a_folder_that_cannot_be_written_is_one_warning_without_the_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "index").write_text("a file where a folder should be")
    log = Log(AskedFile(tmp_path / "index"), 30)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            log.ended(answer())
            log.settle()
    log.close()
    (record,) = caplog.records
    assert str(tmp_path) in record.getMessage()
    assert CHOOSE not in caplog.text


def test_what_comes_faster_than_it_is_written_is_dropped_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = AskedFile(tmp_path)
    file.add([row()])
    log = Log(file, 30, waiting=3)
    log.settle()
    with closing(sqlite3.connect(file.path)) as other, caplog.at_level(logging.WARNING):
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(50):
            log.ended(answer(WEATHER))
        other.rollback()
        log.settle()
    log.close()
    assert 1 < len(file.rows()) < 50
    assert len(caplog.records) == 1


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(log: Log, tmp_path: Path) -> None:
    damaged = b"this is no file of SQLite" * 400
    (tmp_path / FILE).write_bytes(damaged)
    log.ended(answer())
    log.settle()
    assert said(tmp_path) == [CHOOSE]
    (aside,) = tmp_path.glob(f"{FILE}.damaged-*")
    assert aside.read_bytes() == damaged


def test_a_file_damaged_in_its_middle_is_set_aside_too(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row(f"{CHOOSE} {n}") for n in range(500)])
    raw = bytearray(file.path.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    file.path.write_bytes(raw)
    file.add([row(WEATHER)])
    assert said(tmp_path) == [WEATHER]


def test_what_people_ask_is_for_the_owner_alone(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row()])
    assert file.path.stat().st_mode & 0o077 == 0


def test_whoever_reads_a_damaged_file_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 500)
    with pytest.raises(AskedError, match=r"is damaged .*`mentor questions delete --all` removes"):
        AskedFile(tmp_path).rows()


def test_a_file_whose_index_alone_is_damaged_is_set_aside(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row(f"{CHOOSE} {n}") for n in range(5)])
    with closing(sqlite3.connect(file.path)) as other:
        page = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'asked_at'")
        at = page.fetchone()[0] - 1
    raw = bytearray(file.path.read_bytes())
    raw[at * 4096 : (at + 1) * 4096] = b"\xff" * 4096
    file.path.write_bytes(raw)
    file.add([row(WEATHER)])
    assert said(tmp_path) == [WEATHER]


def test_what_somebody_else_wrote_into_the_file_is_one_line(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row()])
    with closing(sqlite3.connect(file.path)) as other, other:
        other.execute("UPDATE asked SET at = 'soon'")
    with pytest.raises(AskedError, match=r"questions\.sqlite3: holds what Mentor did not write"):
        file.rows()


def test_a_file_of_a_newer_mentor_is_left_alone(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row()])
    with closing(sqlite3.connect(file.path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(AskedError, match=r"questions\.sqlite3: was written by a newer Mentor"):
        file.add([row(WEATHER)])
    assert not list(tmp_path.glob(f"{FILE}.damaged-*"))


# The program of a process that writes: FOLDER, a word, how many questions ("inf": until killed).
_WRITER = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from datetime import UTC, datetime
from pathlib import Path
from dataclasses import replace
from live_server import until
from web_fakes import FakeMentor
from ui.asked import asked; from ui.asked_file import AskedFile
file, kept = AskedFile(Path(sys.argv[1])), FakeMentor().ask("topic")
n = 0
while n < float(sys.argv[3]):
    file.add([asked(replace(kept, question=f"{{sys.argv[2]}} {{n}} {{part}}"), datetime.now(UTC))
              for part in "ab"])
    n += 1
    print(n, flush=True)
"""


def writer(folder: Path, word: str, count: str, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _WRITER, str(folder), word, count]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("before", [b"", b"this is no file of SQLite" * 400])
def test_several_processes_write_one_file_and_nothing_is_lost(
    tmp_path: Path, before: bytes
) -> None:
    if before:
        (tmp_path / FILE).write_bytes(before)
    others = [writer(tmp_path, word, "60") for word in ("one", "two", "three")]
    for other in others:
        other.communicate(timeout=120)
        assert other.returncode == 0
    kept = AskedFile(tmp_path).rows()
    expected = {f"{w} {n} {p}" for w in ("one", "two", "three") for n in range(60) for p in "ab"}
    assert {one.question for one in kept} == expected
    assert len({one.id for one in kept}) == len(kept) == len(expected)
    assert [path.read_bytes() for path in tmp_path.glob(f"{FILE}.damaged-*")] == [before] * bool(
        before
    )


def test_whoever_is_killed_leaves_a_file_that_can_be_read_and_written(tmp_path: Path) -> None:
    for round_ in range(4):
        with writer(tmp_path, f"round{round_}", "inf") as other:
            assert other.stdout
            written = 0
            while written < 5 + round_:
                written = int(other.stdout.readline())
            other.send_signal(signal.SIGKILL)
        mine = [text for text in said(tmp_path) if text.startswith(f"round{round_} ")]
        assert len(mine) >= 2 * written  # what was written stays
        assert len(mine) % 2 == 0  # and nothing is there by half
    AskedFile(tmp_path).add([row()])
    assert CHOOSE in said(tmp_path)


def test_a_full_disk_loses_what_is_new_and_nothing_else(tmp_path: Path) -> None:
    limited = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    )
    program = limited + _WRITER.replace("print(n, flush=True)", "").replace(
        "    n += 1", "    n += 1; print(n, flush=True)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), "full", "inf"]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert "AskedError" in ended.stderr.rstrip().split("\n")[-1]
    written = int(ended.stdout.split()[-1])
    kept = said(tmp_path)
    assert written > 10
    assert kept[: 2 * written] == [f"full {n} {p}" for n in range(written) for p in "ab"]
    AskedFile(tmp_path).add([row(at=datetime.now(UTC))])  # there is room again
    assert said(tmp_path)[-1] == CHOOSE


def test_what_is_told_last_is_written_when_the_process_ends(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from pathlib import Path; from web_fakes import FakeMentor\n"
        "from ui.asked_file import AskedFile; from ui.recording import Log\n"
        "log = Log(AskedFile(Path(sys.argv[1])), 30)\n"
        "for n in range(300): log.ended(FakeMentor().ask('topic'))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)
    assert len(said(tmp_path)) == 300


# --- how it goes away ---------------------------------------------------------------------------

SECRET = "unforgettable-words-of-somebody"


def test_what_is_older_than_so_many_days_goes_when_the_server_starts(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    old = [row(f"{SECRET} {n}", NOW - timedelta(days=8)) for n in range(300)]
    file.add([*old, row(CHOOSE, NOW - timedelta(days=6))])
    assert words_in(tmp_path, SECRET)
    log = Log(file, 7)
    assert until(lambda: not words_in(tmp_path, SECRET))
    log.close()
    assert words_in(tmp_path, SECRET) == []
    assert said(tmp_path) == [CHOOSE]


def test_what_grows_old_while_the_server_runs_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.recording._SWEPT_EVERY_S", 0.1)
    log = Log(AskedFile(tmp_path), 7)
    AskedFile(tmp_path).add([row(SECRET, NOW - timedelta(days=8))])
    assert until(lambda: not words_in(tmp_path, SECRET))
    log.close()
    assert words_in(tmp_path, SECRET) == []


def test_a_damaged_file_that_was_set_aside_goes_after_as_many_days(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.damaged-0").write_text(SECRET)
    file = AskedFile(tmp_path)
    file.sweep(30, NOW + timedelta(days=29))
    assert words_in(tmp_path, SECRET)
    file.sweep(30, NOW + timedelta(days=31))
    assert not list(tmp_path.iterdir())


def test_after_all_is_removed_no_word_of_it_is_in_any_file(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    file.add([row(f"{SECRET} {n} " + "more " * 150) for n in range(200)])
    (tmp_path / f"{FILE}.damaged-0").write_text(SECRET)
    with closing(sqlite3.connect(file.path)) as other:  # so that the WAL stays
        other.execute("SELECT count(*) FROM asked").fetchone()
        file.add([row(SECRET)])
        assert words_in(tmp_path, SECRET)
        assert file.remove_all() == 201
        assert words_in(tmp_path, SECRET, "kaiming_he_qa") == []
    assert file.rows() == []
    assert words_in(tmp_path, SECRET, "more") == []


def test_one_question_is_removed_with_its_words_and_the_others_stay(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    secret = row(SECRET)
    file.add([row(), secret, row(WEATHER)])
    assert file.remove([secret.id, "unknown"]) == 1
    assert said(tmp_path) == [CHOOSE, WEATHER]
    assert words_in(tmp_path, SECRET, CHOOSE) == [CHOOSE]


def test_words_that_somebody_still_reads_are_told_not_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.asked_file._BUSY_S", 0.2)
    file = AskedFile(tmp_path)
    file.add([row(SECRET)])
    with closing(sqlite3.connect(file.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM asked").fetchone()
        with pytest.raises(AskedError, match=r"is read elsewhere|locked"):
            file.remove_all()
    file.remove_all()
    assert words_in(tmp_path, SECRET) == []


def test_a_damaged_file_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(SECRET * 100)
    assert AskedFile(tmp_path).remove_all() == 0
    assert words_in(tmp_path, SECRET) == []


def test_without_a_file_there_is_nothing_to_read_or_remove(tmp_path: Path) -> None:
    file = AskedFile(tmp_path / "index")
    assert (file.rows(), file.remove(["a"]), file.sweep(30, NOW)) == ([], 0, 0)
    assert file.remove_all() == 0
    assert not (tmp_path / "index").exists()


def test_rows_come_oldest_first_and_since_a_time(tmp_path: Path) -> None:
    file = AskedFile(tmp_path)
    days = [NOW - timedelta(days=n) for n in (2, 9, 0)]
    file.add([row(f"{n}", at) for n, at in enumerate(days)])
    assert [one.question for one in file.rows()] == ["1", "0", "2"]
    assert [one.question for one in file.rows(NOW - timedelta(days=5))] == ["0", "2"]


def test_a_text_that_is_no_unicode_is_kept_as_far_as_it_is(tmp_path: Path) -> None:
    AskedFile(tmp_path).add([row("topic \ud800!")])
    assert said(tmp_path) == ["topic !"]


# --- what is said about it ----------------------------------------------------------------------

SAYS = {
    "zh": "提问会保留 30 天，用来改进书架；不记姓名，不记地址。",
    "zh-TW": "提問會保留 30 天，用來改進書架；不記姓名，不記地址。",
    "en": "Questions are kept 30 days to improve the shelf; no name, no address.",
}


class Shelf(FakeMentor):
    passages = ()


@pytest.mark.parametrize("on", [True, False])
def test_every_page_says_it_where_questions_are_kept_and_only_there(
    tmp_path: Path, on: bool
) -> None:
    app = create_app(Shelf(), Settings(index_dir=tmp_path, question_log=on))
    with TestClient(app) as client:
        for tag, line in SAYS.items():
            chat = client.get(f"/chat/{tag.lower()}/config").json()
            widget = client.get(f"/api/widget?lang={tag}").json()
            pages = [json.dumps(told, ensure_ascii=False) for told in (chat, widget)]
            pages.append(client.get(f"/shelf?lang={tag}").text)
            assert [line in page for page in pages] == [on] * 3
        assert (SAYS["en"] in client.get("/docs").text) == on
    if on:
        log_of(app).close()


def test_a_single_day_is_no_plural(tmp_path: Path) -> None:
    settings = Settings(index_dir=tmp_path, question_log=True, question_log_days=1)
    log = open_log(settings)
    assert log
    mentor: Any = FakeMentor()
    assert "kept 1 day to" in notice(recording(mentor, log), words_of("en"))
    log.close()
