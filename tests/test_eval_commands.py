"""`python -m eval`: what it prints and writes, how it ends, and one line for what goes wrong.

A real run is asked the tuning questions: they are the fewest.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes import write
from typer.testing import CliRunner, Result

from eval import trivial
from eval.__main__ import app
from eval.cases import read
from eval.compare import load
from rag import Mentor

ROOT = Path(__file__).resolve().parent.parent
CASES = read("tuning")
REFUSED = [{"id": case.id, "status": "refused"} for case in CASES]


def _eval(*args: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, args)), env={"COLUMNS": "160"})


def _jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def _fails(done: Result, *says: str) -> None:
    """Assert that a command ended with 2 and one line that says this."""
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    for text in says:
        assert text in done.stderr


# --- run ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """A system that refuses everything, as tables; and one that has no answer to the last question,
    as JSON, into a folder, at a gate that it cannot pass.
    """

    out: Path
    as_json: Result
    as_tables: Result


def _floor(*ids: str) -> dict[str, Any]:
    """Return a baseline in which these questions got nothing right: nothing can be worse."""
    items = [
        {"id": id_, "cluster": id_, "scores": {}, "verdict": "wrong", "outcome": "answered"}
        for id_ in ids
    ]
    return {"version": 1, "made": {"seed": 7}, "items": items}


@pytest.fixture(scope="module")
def ran(shelf: Mentor, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("commands")
    low, high = folder / "low.json", folder / "high.json"
    write(low, json.dumps(_floor(CASES[0].id)))
    write(high, json.dumps(_floor(CASES[0].id, "g99.zh")))
    whole, lacking = folder / "whole.jsonl", folder / "lacking.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MENTOR_INDEX_DIR", str(shelf._settings.index_dir))  # it is built already
        given, out = ["run", "--split", "tuning", "--answers"], folder / "new" / "out"
        as_tables = _eval(*given, _jsonl(whole, REFUSED), "--gate", low)
        asked = [*given, _jsonl(lacking, REFUSED[:-1]), "--out", out, "--gate", high]
        as_json = _eval(*asked, "--json", "--seed", "3")
    return Ran(out, as_json, as_tables)


def test_a_run_that_passes_its_gate_ends_with_0_and_prints_tables(ran: Ran) -> None:
    done = ran.as_tables
    assert (done.exit_code, done.stderr) == (0, "")
    for name in ("whole.jsonl, split tuning, seed", "hit@5 zh", "quotes exact", "AURC"):
        assert name in done.stdout
    assert "checker shipped-" in done.stdout
    assert "essays, context withheld" in done.stdout
    assert "beside trivial systems" in done.stdout
    assert "failed:" not in done.stdout


def test_a_run_that_does_not_pass_ends_with_1_and_says_why(ran: Ran) -> None:
    done = ran.as_json
    assert done.exit_code == 1
    assert f"failed: {CASES[-1].id}\n" in done.stderr
    assert "not asked: g99.zh\n" in done.stderr


def test_json_on_the_output_is_what_the_folder_holds(ran: Ran) -> None:
    printed = json.loads(ran.as_json.stdout)
    assert printed == json.loads((ran.out / "run.json").read_text(encoding="utf-8"))
    names = ["run.json", "items.csv", "summary.md", "report.html"]
    assert {path.name for path in ran.out.iterdir()} == set(names)
    assert re.findall(r"wrote .*/(\S+)\n", ran.as_json.stderr) == names
    assert (printed["made"]["split"], printed["made"]["seed"]) == ("tuning", 3)


def test_answers_that_were_written_down_are_judged_like_any_system(ran: Ran) -> None:
    run = json.loads(ran.as_json.stdout)
    values = {figure["name"]: (figure["value"], figure["n"]) for figure in run["figures"]}
    answerable = sum(case.answerable for case in CASES)
    others = len(CASES) - answerable
    failed = CASES[-1]
    assert values["refused when answerable"] == (1.0, answerable)
    # the one without an answer is no refusal
    right = (others - (not failed.answerable)) / others
    assert values["refused when unanswerable"] == (pytest.approx(right), others)
    assert values["failed"] == (pytest.approx(1 / len(CASES)), len(CASES))
    assert values["quotes exact"] == (None, 0)
    assert [item["error"] for item in run["items"] if item["error"]] == [
        f"no answer with the id {failed.id}"
    ]
    assert len(run["trivial"]) == 1 + trivial.COUNT


# --- baseline, compare --------------------------------------------------------------------------


def test_a_baseline_is_made_of_a_run(ran: Ran, tmp_path: Path) -> None:
    out = tmp_path / "baseline.json"
    done = _eval("baseline", ran.out / "run.json", "--out", out)
    assert (done.exit_code, done.stdout) == (0, f"wrote {out}\n")
    assert [item["id"] for item in load(out)["items"]] == [case.id for case in CASES]
    assert out.stat().st_size < (ran.out / "run.json").stat().st_size


def test_two_runs_are_compared_as_a_table_or_json(ran: Ran, tmp_path: Path) -> None:
    before = ran.out / "run.json"
    run = json.loads(before.read_text(encoding="utf-8"))
    run["items"][0] |= {
        "verdict": "good",
        "said": [{"text": "[bold]Yes.[/bold]", "citations": [{"n": 1}]}],
        "scores": run["items"][0]["scores"] | {"answered or refused rightly": 1.0},
    }
    after = tmp_path / "after.json"
    write(after, json.dumps(run))
    old = json.loads(before.read_text(encoding="utf-8"))["items"][0]
    shown = _eval("compare", before, after)
    assert shown.exit_code == 0, shown.output
    assert "answered or refused rightly" in shown.stdout
    assert f"{old['id']}: {old['verdict']} -> good" in shown.stdout
    assert "before: (refused)" in shown.stdout
    assert "after: [bold]Yes.[/bold] [1]" in shown.stdout  # it is text, not markup
    printed = json.loads(_eval("compare", before, after, "--json").stdout)
    assert [flip["id"] for flip in printed["flips"]] == [old["id"]]
    moved = 1.0 - old["scores"]["answered or refused rightly"]
    value = printed["scores"]["answered or refused rightly"]["value"]
    assert value == pytest.approx(moved / len(CASES))


@pytest.mark.parametrize("command", ["baseline", "compare", "run"])
def test_a_file_that_is_no_run_is_one_line(tmp_path: Path, command: str) -> None:
    path = tmp_path / "other.json"
    write(path, '{"items": [{"id": "a"}]}')
    given: dict[str, list[str | Path]] = {
        "baseline": [path, "--out", tmp_path / "out.json"],
        "compare": [path, path],
        "run": ["--gate", path],  # before any question is asked
    }
    _fails(_eval(command, *given[command]), f"{path} is no run")
    _fails(_eval(command, *[tmp_path / "no" if g == path else g for g in given[command]]), "no")


def test_runs_of_other_questions_are_one_line(ran: Ran, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write(other, json.dumps(_floor("g99.zh")))
    _fails(_eval("compare", ran.out / "run.json", other), "no question in common")


def test_a_baseline_that_cannot_be_written_is_one_line(ran: Ran, tmp_path: Path) -> None:
    out = tmp_path / "no" / "baseline.json"
    _fails(_eval("baseline", ran.out / "run.json", "--out", out), str(out))


# --- what is asked for wrongly ------------------------------------------------------------------


def test_a_split_that_is_none_is_one_line() -> None:
    _fails(_eval("run", "--split", "train"), "--split: 'train' is none of dev, test, tuning.")


@pytest.fixture
def tiny(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Choose the three tiny essays."""
    monkeypatch.setenv("MENTOR_CORPUS_DIR", str(corpus))
    monkeypatch.setenv("MENTOR_INDEX_DIR", str(tmp_path / "index"))
    return corpus


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--target", "nobody"], "'nobody' names no system"),
        (["--target", "python:no_such_module:answer"], "cannot be imported"),
        (["--answers", "no_such_file.jsonl"], "no_such_file.jsonl"),
        (["--bare", "diary"], "no essay is called diary"),
        ([], "the shelf has no essay"),  # whose quotes would be gold
    ],
)
def test_a_run_that_cannot_begin_is_one_line(tiny: Path, args: list[str], says: str) -> None:
    _fails(_eval("run", "--split", "dev", *args), says)


def test_a_shelf_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTOR_CORPUS_DIR", str(tmp_path / "missing"))
    _fails(_eval("run"), "manifest.toml")


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    write(taken, "a file")
    _fails(_eval("run", "--out", taken / "out"), str(taken))  # before any question is asked


# --- checker, quotes ----------------------------------------------------------------------------

CLAIMS = [
    {"context": "选课题要凭好奇心。", "claim": "选课题要凭好奇心。", "label": "supported"},
    {"context": "选课题要凭好奇心。", "claim": "训练要用一万张显卡。", "label": "absent"},
    {"context": "Write every day.", "claim": "Write every day.", "label": "supported"},
    {"context": "Write every day.", "claim": "Buy 300 cards in May.", "label": "absent"},
]
ATTRIBUTION = {
    "response": "Write every day.",
    "context_sentences": ["Write every day.", "Cards are dear."],
    "support_sentences": [0],
}


def test_a_checker_is_held_against_labelled_files(tmp_path: Path) -> None:
    claims = _jsonl(tmp_path / "tiny.claims.jsonl", CLAIMS)
    answers = _jsonl(tmp_path / "tiny.attribution.jsonl", [ATTRIBUTION] * 2)
    given = ["checker", "--data", claims, "--data", answers, "--resamples", "20"]
    shown = _eval(*given)
    assert shown.exit_code == 0, shown.output
    for text in ("checker shipped-", "tiny, context withheld", "en-en", "zh-zh", "0.500"):
        assert text in shown.stdout
    assert "tiny.attribution.jsonl: precision 1.000, recall 1.000, f1 1.000, n 2" in shown.stdout
    printed = json.loads(_eval(*given, "--json").stdout)
    assert printed["checker"].startswith("shipped-")
    rows = {(row["name"], row["pair"]): row for row in printed["rows"]}
    assert rows["tiny", ""]["auc"] == 1.0
    assert rows["tiny, context withheld", ""]["auc"] == 0.5
    assert printed["attribution"]["tiny.attribution.jsonl"]["n"] == 2


def test_an_attribution_that_finds_nothing_is_printed_without_a_value(tmp_path: Path) -> None:
    row = ATTRIBUTION | {"context_sentences": ["显卡很贵。"], "support_sentences": []}
    path = _jsonl(tmp_path / "none.attribution.jsonl", [row])
    done = _eval("checker", "--data", path)
    assert done.exit_code == 0, done.output
    assert "recall -, " in done.stdout


QUOTES = [
    {"kind": "same", "quote": "好奇心", "label": "exact"},
    {"kind": "marks", "quote": "要凭 好奇心", "label": "equal_after_normalising"},
    {"kind": "word", "quote": "要凭运气", "label": "altered"},
    {"kind": "word", "quote": "凭好奇心", "label": "altered"},  # wrongly labelled
]


def test_quote_verdicts_are_counted_by_kind(tmp_path: Path) -> None:
    rows = [{"context": "选课题要凭好奇心。"} | row for row in QUOTES]
    done = _eval("quotes", "--data", _jsonl(tmp_path / "tiny.quotes.jsonl", rows))
    assert done.exit_code == 0, done.output
    values = {name.strip(): value for name, value in re.findall(r"│ (\D+)│ ([\d.]+)", done.stdout)}
    assert values == {"tiny": "0.750", "tiny marks": "1.000", "tiny same": "1.000"} | {
        "tiny word": "0.500"
    }


@pytest.mark.parametrize(
    ("command", "name", "line", "says"),
    [
        ("checker", "a.claims.jsonl", '{"context": "a"}', "line 2: needs label"),
        ("checker", "a.attribution.jsonl", "{}", "line 2: needs response, context_sentences"),
        ("checker", "a.jsonl", "not JSON", "line 2: is no JSON object"),
        ("quotes", "a.jsonl", "[]", "line 2: is no JSON object"),
        ("quotes", "a.jsonl", '{"quote": "a"}', "line 2: needs context, kind, label"),
        (
            "quotes",
            "a.jsonl",
            '{"quote": "a", "context": "a", "kind": "a", "label": "fine"}',
            "line 2: label: 'fine' is none of exact",
        ),
    ],
)
def test_a_wrong_row_is_one_line_with_its_place(
    tmp_path: Path, command: str, name: str, line: str, says: str
) -> None:
    path = tmp_path / name
    write(path, f"\n{line}\n")
    _fails(_eval(command, "--data", path), f"{path}, {says}")
    _fails(_eval(command, "--data", tmp_path / "missing.jsonl"), "missing.jsonl")


# --- retrieval ----------------------------------------------------------------------------------


def test_any_passages_and_questions_give_a_table_or_json(tmp_path: Path) -> None:
    passages = _jsonl(
        tmp_path / "p.jsonl",
        [{"id": "卡", "text": "显卡很贵,可以按小时租用。"}, {"id": "cat", "text": "A cat sleeps."}],
    )
    asked = _jsonl(
        tmp_path / "q.jsonl",
        [{"id": "1", "text": "GPU 太贵怎么办?", "positive_ids": ["卡"]}],
    )
    given = ["retrieval", "--passages", passages, "--queries", asked]
    shown = _eval(*given)
    assert shown.exit_code == 0, shown.output
    assert "nDCG@10 meaning" in shown.stdout
    figures = {row["name"]: row for row in json.loads(_eval(*given, "--json").stdout)}
    assert (figures["hit@1 fused"]["value"], figures["hit@1 fused"]["n"]) == (1.0, 1)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "Give --passages and --queries, or --beir."),
        (["--passages", "p.jsonl"], "Give --passages and --queries, or --beir."),
        (["--passages", "no_p.jsonl", "--queries", "no_q.jsonl"], "no_p.jsonl"),
        (["--beir", "no_such_folder"], "no_such_folder"),
    ],
)
def test_passages_that_cannot_be_read_are_one_line(args: list[str], says: str) -> None:
    _fails(_eval("retrieval", *args), says)


# --- strangers, help ----------------------------------------------------------------------------


def test_strangers_counts_refusals_of_any_set_of_questions(
    shelf: Mentor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTOR_INDEX_DIR", str(shelf._settings.index_dir))
    path = tmp_path / "weather.jsonl"
    _jsonl(path, [{"text": "Will it rain tomorrow in Shanghai?"}, {"question": "今天晚饭吃什么?"}])
    done = _eval("strangers", path)
    assert done.exit_code == 0, done.output
    assert "weather.jsonl" in done.stdout
    assert "1.000" in done.stdout


def test_it_is_a_program_whose_help_names_every_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eval", "--help"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for (
        name
    ) in "run baseline compare checker quotes retrieval public strangers written calibrate".split():
        assert re.search(rf"\b{name}\b", done.stdout), name
