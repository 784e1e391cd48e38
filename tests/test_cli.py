"""The command line as a shell meets it: real processes, and one clear line for an error."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes import write_corpus
from live_server import free_port

from ui.words import WORDS

ROOT = Path(__file__).resolve().parent.parent
MENTOR = [sys.executable, "-c", "from ui.cli import main; main()"]
Done = subprocess.CompletedProcess[str]

ANSWER = """
    id question lang status lead sentences dropped nearest followups hits answerer understood note
    asks branches tokens timings_ms
""".split()
SENTENCE = "text lang kind speaker support citations".split()
CITATION = "n doc_id title author url quote start end".split()
PLACE = "doc_id start end text".split()


def _environment(**more: str) -> dict[str, str]:
    """The shell's own, without what an owner may have set for Mentor."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MENTOR_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | more


def _run(*args: str | Path, env: Mapping[str, str] | None = None, **options: Any) -> Done:
    """Run Mentor; whatever happens, nobody sees a stack trace."""
    done = subprocess.run(
        [*MENTOR, *map(str, args)],
        env=_environment(**(env or {})),
        capture_output=True,
        encoding="utf-8",
        check=False,
        **options,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def _assert_one_line(done: Done, *parts: str) -> None:
    """The user or the setup is wrong: status 2, one line that says what, nothing else."""
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.fixture(scope="module")
def shelf_options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A tiny corpus and its index, as options; the index is built by the command itself."""
    folder = tmp_path_factory.mktemp("cli")
    write_corpus(folder / "corpus")
    options = ["--corpus", str(folder / "corpus"), "--index", str(folder / "index")]
    done = _run("index", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "3 essays" in done.stderr
    assert (folder / "index" / "current").is_file()
    return options


def _batch(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "batch.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# --- ask ----------------------------------------------------------------------------------------


def test_ask_prints_the_quote_who_says_it_and_where(shelf_options: list[str]) -> None:
    done = _run("ask", "怎么选课题?", *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("选课题最重要的标准是好奇心。", "[1]", "笔者", "读研随笔", WORDS["zh"].sources):
        assert part in done.stdout
    assert "\x1b" not in done.stdout


def test_ask_answers_in_the_language_of_the_question(shelf_options: list[str]) -> None:
    done = _run("ask", "How do I choose a topic?", *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("curiosity", WORDS["en"].ours, "好奇心", WORDS["en"].sources, "the author"):
        assert part in done.stdout


def test_a_refusal_is_done_and_offers_something_to_read(shelf_options: list[str]) -> None:
    done = _run("ask", "今天天气怎么样?", *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    for part in (WORDS["zh"].nearest, WORDS["zh"].ask_next):
        assert part in done.stdout


@pytest.mark.parametrize(
    ("question", "status"), [("怎么选课题?", "answered"), ("今天天气怎么样?", "refused")]
)
def test_ask_as_json_has_exactly_the_agreed_form(
    shelf_options: list[str], question: str, status: str
) -> None:
    done = _run("ask", question, "--json", *shelf_options)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    answer = json.loads(done.stdout)
    assert sorted(answer) == sorted(ANSWER)
    assert (answer["id"], answer["question"], answer["lang"]) == ("", question, "zh")
    assert (answer["status"], answer["dropped"]) == (status, [])
    assert bool(answer["sentences"]) == (status == "answered")
    assert bool(answer["nearest"]) == (status == "refused")
    for sentence in answer["sentences"]:
        assert sorted(sentence) == sorted(SENTENCE)
        assert sentence["kind"] in ("quote", "translation", "generated")
        for citation in sentence["citations"]:
            assert sorted(citation) == sorted(CITATION)
    for passage in answer["nearest"]:
        assert sorted(passage) == sorted(PLACE)
    for hit in answer["hits"]:
        assert sorted(hit) == sorted([*PLACE, "score", "ranks"])
    assert all(isinstance(question, str) for question in answer["followups"])
    assert all(isinstance(ms, float) for ms in answer["timings_ms"].values())


def test_the_quotes_of_the_json_stand_where_it_says(shelf_options: list[str]) -> None:
    answer = json.loads(_run("ask", "How do I choose a topic?", "--json", *shelf_options).stdout)
    [sentence] = answer["sentences"]
    [citation] = sentence["citations"]
    essay = Path(shelf_options[1], "essays", f"{citation['doc_id']}.md")
    text = essay.read_text(encoding="utf-8")
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert sentence["kind"] == "translation"
    for hit in answer["hits"]:
        text = Path(shelf_options[1], "essays", f"{hit['doc_id']}.md").read_text(encoding="utf-8")
        assert text[hit["start"] : hit["end"]] == hit["text"]


def test_the_shelf_that_comes_with_mentor_answers_without_options(tmp_path: Path) -> None:
    env = {"MENTOR_INDEX_DIR": str(tmp_path / "index")}
    done = _run("ask", "怎么选课题?", "--json", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sentences"]
    assert (tmp_path / "index" / "current").is_file()


@pytest.mark.parametrize(
    ("command", "question", "part"),
    [("ask", "", "Please type"), ("retrieve", "🔥", "words"), ("ask", "长" * 2001, "2001")],
)
def test_a_question_that_cannot_be_taken_is_one_line(
    shelf_options: list[str], command: str, question: str, part: str
) -> None:
    _assert_one_line(_run(command, question, *shelf_options), part)


def test_a_missing_question_is_one_line(shelf_options: list[str]) -> None:
    _assert_one_line(_run("ask", *shelf_options), "Give a question")


def test_bytes_that_are_no_text_are_left_out_of_a_question(shelf_options: list[str]) -> None:
    question = os.fsdecode("怎么选课题?".encode() + b"\xff\xfe")
    done = _run("ask", question, *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "好奇心" in done.stdout


@pytest.mark.parametrize("as_lines", [(), ("--json",)])
def test_a_terminal_that_lacks_letters_still_gets_an_answer(
    shelf_options: list[str], as_lines: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [*MENTOR, "ask", "How do I choose a topic?", *as_lines, *shelf_options],
        env=_environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"curiosity" in done.stdout


# --- ask --batch --------------------------------------------------------------------------------


def test_a_batch_is_answered_in_its_order_with_its_ids(
    shelf_options: list[str], tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "b", "question": "怎么选课题?"},
        {"id": "a", "question": "今天天气怎么样?"},
        {"id": "empty", "question": " "},
        {"id": "long", "question": "长" * 3000},
        {"id": "talk", "question": "hello"},
        {"id": "next", "question": "为什么?", "history": ["怎么选课题?"]},
        {"id": "b", "question": "How do I choose a topic?", "history": []},
        {"id": "broken \ud800", "question": "怎么选课题?\ud800"},
    ]
    done = _run("ask", "--batch", _batch(tmp_path, *rows), "--json", *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in said] == [str(row["id"]) for row in rows]
    assert [sorted(answer) for answer in said[2:4]] == [["error", "id"]] * 2
    assert "3000" in said[3]["error"]
    for answer in (*said[:2], *said[4:]):
        assert sorted(answer) == sorted(ANSWER)
    assert [said[at]["status"] for at in (0, 1, 4, 6)] == ["answered", "refused"] + ["answered"] * 2


def test_history_reaches_the_answers_of_a_batch(shelf_options: list[str], tmp_path: Path) -> None:
    rows = [
        {"id": "1", "question": "怎么办?", "history": ["没有显卡怎么办?"]},
        {"id": "2", "question": "怎么办?", "history": ["为什么要写作?"]},
    ]
    done = _run("retrieve", "--batch", _batch(tmp_path, *rows), *shelf_options)
    first = [json.loads(line)["hits"][0]["text"] for line in done.stdout.splitlines()]
    assert "显卡" in first[0]
    assert "写作" in first[1]


def test_blank_lines_a_mark_and_windows_line_ends_of_a_batch_do_not_matter(
    shelf_options: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "batch.jsonl"
    row = '{"id": "1", "question": "怎么选课题?"}'
    path.write_bytes(f"\ufeff{row}\r\n\r\n  \r\n{row}".encode())
    done = _run("retrieve", "--batch", path, *shelf_options)
    assert (done.returncode, done.stdout.count("\n")) == (0, 2), done.stderr


def test_only_a_line_feed_ends_a_row_of_a_batch(shelf_options: list[str], tmp_path: Path) -> None:
    path = tmp_path / "batch.jsonl"
    row = {"id": "a\u2028b\u2029c\x85d", "question": "怎么\u2028选\x85课题?"}
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    done = _run("ask", "--batch", path, *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["id"] == row["id"]


def test_an_empty_batch_is_done(shelf_options: list[str], tmp_path: Path) -> None:
    done = _run("ask", "--batch", _batch(tmp_path), *shelf_options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"id": "1"}',
        '{"question": "怎么选课题?"}',
        '{"id": "1", "question": 5}',
        '{"id": "1", "question": "a", "history": [1]}',
        '["id", "question"]',
        "[" * 100_000,
    ],
    ids=lambda line: line[:30],
)
def test_a_bad_line_of_a_batch_stops_before_the_first_answer_and_is_named(
    shelf_options: list[str], tmp_path: Path, line: str
) -> None:
    path = tmp_path / "batch.jsonl"
    path.write_text('{"id": "0", "question": "怎么选课题?"}\n' + line, encoding="utf-8")
    _assert_one_line(_run("ask", "--batch", path, *shelf_options), str(path), "line 2")


def test_a_batch_that_cannot_be_read_is_one_line(shelf_options: list[str], tmp_path: Path) -> None:
    (tmp_path / "gbk.jsonl").write_bytes('{"id": "1", "question": "怎么选课题?"}'.encode("gbk"))
    for path in (tmp_path / "gone.jsonl", tmp_path / "gbk.jsonl"):
        _assert_one_line(_run("ask", "--batch", path, *shelf_options), str(path))


# --- retrieve -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 100])
def test_retrieve_gives_at_most_k_passages(shelf_options: list[str], k: int) -> None:
    done = _run("retrieve", "怎么选课题?", "-k", str(k), "--json", *shelf_options)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    found = json.loads(done.stdout)
    assert sorted(found) == ["hits", "id", "question"]
    assert len(found["hits"]) == min(k, 7)
    assert sorted(found["hits"][0]) == sorted([*PLACE, "score", "ranks"])
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("k", ["0", "101", "many"])
def test_an_impossible_k_is_the_users_mistake(k: str) -> None:
    done = _run("retrieve", "怎么选课题?", "-k", k)
    assert (done.returncode, done.stdout) == (2, "")
    assert "-k" in done.stderr


def test_retrieve_shows_passages_and_what_found_them(shelf_options: list[str]) -> None:
    done = _run("retrieve", "怎么选课题?", "-k", "2", *shelf_options)
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("读研随笔", "笔者", "notes:15-52", "words 1", "meaning 1"):
        assert part in done.stdout


def test_retrieve_answers_a_batch_in_its_order(shelf_options: list[str], tmp_path: Path) -> None:
    rows = [{"id": id_, "question": "怎么选课题?"} for id_ in "zyx"]
    rows[1]["question"] = "?"
    done = _run("retrieve", "--batch", _batch(tmp_path, *rows), "-k", "2", "--json", *shelf_options)
    assert done.returncode == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in found] == list("zyx")
    assert [sorted(row) for row in found[:2]] == [["hits", "id", "question"], ["error", "id"]]


# --- index and doctor ---------------------------------------------------------------------------


def test_an_index_that_is_there_is_not_built_again(shelf_options: list[str]) -> None:
    current = Path(shelf_options[3], "current")
    before = current.read_text(encoding="utf-8")
    assert _run("index", *shelf_options).returncode == 0
    assert current.read_text(encoding="utf-8") == before


def test_an_index_that_cannot_be_written_is_one_line(
    shelf_options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    done = _run("index", *shelf_options[:2], "--index", tmp_path / "file")
    _assert_one_line(done, str(tmp_path / "file"), "MENTOR_INDEX_DIR")


def test_doctor_finds_the_shelf_in_order(shelf_options: list[str]) -> None:
    for options in ([], shelf_options[:2]):
        done = _run("doctor", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "essays, in order" in done.stderr
        assert "wrong" not in done.stderr.removesuffix("Nothing is wrong.\n")


def _assert_wrong(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The doctor has found it, and tells it in one line among the others."""
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    wrong = [line for line in done.stderr.splitlines() if line.split()[:1] == ["wrong"]]
    assert any(all(part in line for part in parts) for line in wrong), done.stderr


@pytest.fixture
def broken(shelf_options: list[str], tmp_path: Path) -> Path:
    """A copy of the corpus for a test to break."""
    return shutil.copytree(shelf_options[1], tmp_path / "broken")


def test_doctor_names_the_file_that_was_changed_and_mends_it(broken: Path) -> None:
    essay = broken / "essays" / "talk.md"
    essay.write_text(essay.read_text(encoding="utf-8") + "Goodbye.\n", encoding="utf-8")
    _assert_wrong(_run("doctor", "--corpus", broken), "talk", "sha256", "doctor --fix")
    mended = _run("doctor", "--fix", "--corpus", broken)
    assert mended.returncode == 0, mended.stderr
    assert "sha256 renewed" in mended.stderr
    assert _run("doctor", "--corpus", broken).returncode == 0


@pytest.mark.parametrize("command", [["index"], ["ask", "怎么选课题?"]])
def test_a_broken_shelf_stops_a_command_with_one_line(broken: Path, command: list[str]) -> None:
    (broken / "essays" / "talk.md").unlink()
    _assert_one_line(_run(*command, "--corpus", broken), "essays/talk.md")
    _assert_wrong(_run("doctor", "--corpus", broken), "essays/talk.md")


@pytest.mark.parametrize("command", [["import", "x.txt", "--yes"], ["index"]])
@pytest.mark.parametrize("manifest", ["not toml [", None])
def test_a_manifest_that_cannot_be_read_is_one_line(
    broken: Path, manifest: str | None, command: list[str]
) -> None:
    path = broken / "manifest.toml"
    path.unlink() if manifest is None else path.write_text(manifest, encoding="utf-8")
    (broken.parent / "x.txt").write_text("选题靠兴趣。\n", encoding="utf-8")
    given = [str(broken.parent / word) if word == "x.txt" else word for word in command]
    _assert_one_line(_run(*given, "--corpus", broken), "manifest.toml")
    for fix in ([], ["--fix"]):
        _assert_wrong(_run("doctor", *fix, "--corpus", broken), "manifest.toml")


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MENTOR_PORT", "many"),
        ("MENTOR_PORT", "0"),
        ("MENTOR_PORT", "70000"),
        ("MENTOR_TOP_K", "-1"),
        ("MENTOR_REFUSE_BELOW", "2"),
        ("MENTOR_OFFLINE", "perhaps"),
        ("MENTOR_PASSAGE_CHARS", "1e9"),
    ],
)
def test_a_setting_out_of_range_is_one_line_that_names_it(name: str, value: str) -> None:
    _assert_one_line(_run("serve", env={name: value}), name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("MENTOR_PROXIES", "zz"), ("MENTOR_ORIGINS", "*"), ("MENTOR_LOGIN", "nobody")],
)
def test_who_may_come_is_read_before_anything_is_said_to_listen(name: str, value: str) -> None:
    _assert_one_line(_run("serve", env={name: value}), name)
    _assert_wrong(_run("doctor", env={name: value}), name)


def test_an_empty_variable_counts_as_unset() -> None:
    assert _run("doctor", env={"MENTOR_CORPUS_DIR": ""}).returncode == 0


def test_settings_come_from_the_environment_and_options_win(
    shelf_options: list[str], tmp_path: Path
) -> None:
    env = {"MENTOR_CORPUS_DIR": str(tmp_path), "MENTOR_TOP_K": "2", "MENTOR_REFUSE_BELOW": "1"}
    answer = json.loads(
        _run("ask", "课题应该怎么挑才好?", "--json", *shelf_options, env=env).stdout
    )
    assert (answer["status"], len(answer["hits"])) == ("refused", 2)
    _assert_wrong(_run("doctor", env=env), "manifest.toml")


# --- serve --------------------------------------------------------------------------------------


def test_a_taken_port_is_one_line(shelf_options: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = _run("serve", "--port", port, *shelf_options)
        _assert_one_line(done, f"127.0.0.1:{port}", "--port", "MENTOR_PORT")
        done = _run("serve", *shelf_options, env={"MENTOR_PORT": port})
        _assert_one_line(done, f"127.0.0.1:{port}")


@pytest.mark.parametrize("host", ["no such host", "256.256.256.256", "::zz", "192.0.2.1"])
def test_a_host_that_is_none_is_one_line(host: str) -> None:
    _assert_one_line(_run("serve", "--host", host), host)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_answers_until_it_is_stopped_without_a_trace(
    shelf_options: list[str], how: signal.Signals
) -> None:
    port = free_port()
    with subprocess.Popen(
        [*MENTOR, "serve", "--port", str(port), *shelf_options],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert _healthy(port)
        finally:
            process.send_signal(how)
        said = "".join(process.communicate(timeout=60))
    assert "Traceback" not in said, said
    assert f"http://127.0.0.1:{port}" in said


def _healthy(port: int) -> bool:
    """Say whether the server answers within a minute."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            time.sleep(0.25)
    return False


# --- a shell's own ways -------------------------------------------------------------------------


def test_a_reader_that_goes_away_ends_it_quietly(shelf_options: list[str], tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": "怎么选课题?"} for n in range(400)]
    command = [*MENTOR, "ask", "--batch", str(_batch(tmp_path, *rows)), *shelf_options]
    with subprocess.Popen(
        command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["id"] == "0"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 1)


@pytest.mark.parametrize("args", [["ask", "怎么选课题?"], ["ask", "怎么选课题?", "--json"]])
def test_a_reader_that_never_came_ends_it_quietly(
    shelf_options: list[str], args: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*MENTOR, *args, *shelf_options],
        env=_environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode in (0, 1)


def test_ctrl_c_stops_it_with_one_line(shelf_options: list[str], tmp_path: Path) -> None:
    fifo = tmp_path / "batch.jsonl"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*MENTOR, "ask", "--batch", str(fifo), *shelf_options],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A shell that runs the tests in the background makes its children deaf to Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    with process, fifo.open("w"):  # it is reading now
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert told.count("\n") == 1
    assert "Stopped" in told


@pytest.mark.parametrize("args", [["unknown"], ["ask", "--unknown"], ["serve", "--port", "0"]])
def test_a_wrong_option_is_the_users_mistake(args: list[str]) -> None:
    done = _run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage" in done.stderr


def test_help_names_every_command() -> None:
    done = _run("--help")
    assert done.returncode == 0
    for command in ("ask", "retrieve", "index", "serve", "doctor"):
        assert command in done.stdout
