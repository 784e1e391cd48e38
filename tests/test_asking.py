"""What people asked is listed, counted, taken out, removed, and becomes a case or a question."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fakes import NOTES, write
from typer import Typer
from typer.testing import CliRunner

from eval.cases import Case, locate, read
from rag import CorpusError, MentorError, Span, doctor
from rag.enrich import enrich
from rag.keeping.adopting import adopted, anchor, place
from rag.load import load
from ui.asked import Asked
from ui.asked_file import AskedFile
from ui.commands import stats as stats_face
from ui.commands.asking import app
from ui.commands.stats import stats
from ui.masking import MARKS

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
RENT, TOPIC, WHY = "在学校附近租房贵吗?", "How do I pick a topic?", "写作有什么用?"
CURIOUS = "选课题最重要的标准是好奇心。"
counting = Typer()
counting.command("stats")(stats_face.show)

Run = Callable[..., Result]


def one(id_: str, question: str, **fields: Any) -> Asked:
    lang = "en" if question.isascii() else "zh"
    told: dict[str, Any] = {
        "at": NOW,
        "question": question,
        "lang": lang,
        "status": "answered",
        "answerer": "quotes",
        "cited": (),
        "nearest": (),
        "timings_ms": {},
    }
    return Asked(id=id_, **told | fields)


@pytest.fixture
def file(corpus: Path) -> AskedFile:
    """Three questions beside the index of the tiny shelf."""
    file = AskedFile(corpus.parent / "index")
    file.add(
        [
            one("a1", RENT, status="refused", at=NOW - timedelta(days=40)),
            one("b2", TOPIC, cited=("notes:20-30",), verdict="up", timings_ms={"total": 4.0}),
            one("c3", WHY, cited=("notes:90-99", "notes:20-30"), timings_ms={"total": 8.0}),
        ]
    )
    return file


@pytest.fixture
def run(corpus: Path) -> Iterator[Run]:
    """Give a function that runs `mentor questions …` on the tiny shelf."""

    def ran(*words: str, of: Typer = app, shelf: bool = False, **options: Any) -> Result:
        where = ["--index", str(corpus.parent / "index")]
        where += ["--corpus", str(corpus)] if shelf else []
        return CliRunner().invoke(of, [*words, *where], **options)

    return ran  # type: ignore[return-value]


def refusal(result: Result) -> str:
    """Return the one line of an error that the command line would show."""
    assert isinstance(result.exception, MentorError), result.exception
    assert "\n" not in str(result.exception)
    return str(result.exception)


# --- list, export, delete -----------------------------------------------------------------------


@pytest.mark.usefixtures("file")
def test_questions_are_listed_oldest_first_or_only_some(run: Run) -> None:
    rows = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a1", "b2", "c3"]
    assert rows[1]["at"] == f"{NOW:%Y-%m-%dT%H:00Z}"
    assert (rows[1]["cited"], rows[1]["verdict"], rows[1]["total_ms"]) == (["notes:20-30"], "up", 4)
    table = run("list", "--days", "3", "--matching", "TOPIC").stdout
    assert "b2" in table
    assert "a1" not in table
    assert "c3" not in table


def test_a_question_is_no_markup_of_the_terminal(file: AskedFile, run: Run) -> None:
    file.add([one("d4", "[red]x[/red]")])
    assert "[red]x[/red]" in run("list", env={"COLUMNS": "120"}).stdout


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_holds_every_question_letter_for_letter(
    file: AskedFile, run: Run, tmp_path: Path, form: str
) -> None:
    file.add([one("d4", 'a, "b"; c\u2028d')])
    goal = tmp_path / f"out.{form}"
    assert run("export", str(goal)).exit_code == 0
    if form == "csv":
        with goal.open(encoding="utf-8-sig", newline="") as opened:
            rows: list[dict[str, Any]] = list(csv.DictReader(opened))
    else:
        rows = [json.loads(line) for line in goal.read_text(encoding="utf-8").split("\n") if line]
    assert [row["question"] for row in rows] == [row.question for row in file.rows()]
    assert [path.name for path in tmp_path.glob(".*")] == []
    assert goal.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＠", " =", "\u3000-"])
def test_no_cell_of_an_export_is_a_formula(
    file: AskedFile, run: Run, tmp_path: Path, start: str
) -> None:
    hostile = f'{start}HYPERLINK("https://x.example","click")'
    file.add([one("d4", hostile)])
    run("export", str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as opened:
        assert list(csv.DictReader(opened))[-1]["question"] == f"'{hostile}"
    run("export", str(tmp_path / "out.jsonl"))
    last = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last)["question"] == hostile


@pytest.mark.usefixtures("file")
def test_an_export_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    assert "ends in .csv or .jsonl" in refusal(run("export", "out.xls"))
    assert "cannot be written" in refusal(run("export", str(tmp_path / "no" / "out.csv")))


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (["--all"], []),
        (["--matching", "PICK a"], ["a1", "c3"]),
        (["--before", f"{NOW - timedelta(days=2):%Y-%m-%d}"], ["b2", "c3"]),
        (["--before", "2020-01-01"], ["a1", "b2", "c3"]),
    ],
)
def test_what_is_deleted_is_gone_and_the_rest_stays(
    file: AskedFile, run: Run, which: list[str], left: list[str]
) -> None:
    done = run("delete", *which, "--yes")
    assert done.exit_code == 0
    assert f"Removed: {3 - len(left)} questions." in done.output
    assert [row.id for row in file.rows()] == left
    raw = b"".join(path.read_bytes() for path in file.path.parent.iterdir())
    assert [
        id_ for id_, text in (("a1", RENT), ("b2", TOPIC), ("c3", WHY)) if text.encode() in raw
    ] == left


def test_nothing_is_deleted_that_nobody_agreed_to(file: AskedFile, run: Run) -> None:
    assert refusal(run("delete", "--all")).startswith("Nobody can be asked here: add --yes")
    for wrong in ([], ["--all", "--matching", "x"]):
        assert "one of --all, --before DATE" in refusal(run("delete", *wrong, "--yes"))
    assert "is no day" in refusal(run("delete", "--before", "soon", "--yes"))
    assert len(file.rows()) == 3


def test_whoever_deletes_hears_of_backups_that_may_hold_the_words(
    file: AskedFile, run: Run
) -> None:
    (file.path.parent / "before-20260101.tar.gz").write_bytes(b"")
    done = run("delete", "--all", "--yes")
    assert "before-20260101.tar.gz: a backup" in " ".join(done.output.split())


def test_more_days_than_there_are_is_no_stack_trace(run: Run) -> None:
    assert run("list", "--days", "99999999").exit_code == 2


def test_whoever_deletes_hears_of_the_file_of_thumbs(file: AskedFile, run: Run) -> None:
    assert "feedback.jsonl" not in run("delete", "--matching", "x", "--yes").output
    (file.path.parent / "feedback.jsonl").write_text("{}\n")
    assert "feedback.jsonl beside it" in run("delete", "--all", "--yes").output


# --- stats -------------------------------------------------------------------------------------


def test_stats_are_those_counted_by_hand(file: AskedFile) -> None:
    found = stats(file.rows(), ["notes", "talk", "answers"])
    assert (found.questions, found.languages, found.thumbs) == (3, {"zh": 2, "en": 1}, {"up": 1})
    assert found.answered_share == pytest.approx(2 / 3)
    assert found.refused_share == pytest.approx(1 / 3)
    assert (found.p50_ms, found.p95_ms) == (6.0, 7.8)
    assert found.passages == {"notes:20-30": 2, "notes:90-99": 1}
    assert (found.essays, found.never_cited) == ({"notes": 2}, ("talk", "answers"))


def test_stats_of_nothing_are_no_numbers() -> None:
    found = stats([], ["notes"])
    assert (found.questions, found.answered_share, found.p50_ms) == (0, None, None)
    assert found.never_cited == ("notes",)
    assert stats([one("a", WHY, timings_ms={"total": 3.0})], []).p95_ms == 3.0


@pytest.mark.usefixtures("file")
def test_the_command_prints_stats_or_json(run: Run) -> None:
    told = run(of=counting, shelf=True).stdout
    for line in ("Questions: 3", "Answered 66.7%, refused 33.3%", "Most cited essays: 读研随笔 2"):
        assert line in told
    found = json.loads(run("--json", "--days", "9", of=counting, shelf=True).stdout)
    assert (found["questions"], found["refused_share"]) == (2, 0.0)


# --- a question becomes a case -------------------------------------------------------------------


def cases(folder: Path) -> list[Case]:
    return read("dev", folder)


def at(quote: str) -> str:
    start = NOTES.index(quote)
    return f"notes:{start}-{start + len(quote)}"


@pytest.mark.usefixtures("file")
def test_a_question_becomes_a_case_that_the_judge_reads(
    run: Run, tmp_path: Path, corpus: Path
) -> None:
    goal = tmp_path / "cases" / "own.jsonl"
    goal.parent.mkdir()
    told = ("--file", str(goal))
    more = ("--passage", at(CURIOUS), "--passage", at("发表不是终点。"))
    assert run("to-case", "b2", *more, *told, shelf=True).exit_code == 0
    assert run("to-case", "a1", "--refused", *told, shelf=True).exit_code == 0
    answered, refused = cases(goal.parent)
    assert (answered.question, answered.lang, answered.kind) == (TOPIC, "en", "several")
    assert answered.gold == (("notes", CURIOUS), ("notes", "发表不是终点。"))
    notes = next(essay for essay in load(corpus) if essay.id == "notes")
    assert locate(notes, answered.gold[0][1]).of(notes.text) == CURIOUS
    assert (refused.question, refused.answerable, refused.lang) == (RENT, False, "zh")


def test_a_case_can_be_put_in_other_words_and_a_masked_one_has_to_be(
    file: AskedFile, run: Run, tmp_path: Path
) -> None:
    goal = tmp_path / "own.jsonl"
    told = ("--refused", "--file", str(goal))
    file.add([one("d4", f"我的电话是{MARKS[-1]},导师不回我")])
    assert "was masked; put it in your words with --as" in refusal(
        run("to-case", "d4", *told, shelf=True)
    )
    assert not goal.exists()
    run("to-case", "d4", *told, "--as", "My advisor  does not answer me", shelf=True)
    (case,) = cases(tmp_path)
    assert (case.question, case.lang) == ("My advisor does not answer me", "en")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["b2"], "--passage DOC:START-END, once or more, or --refused"),
        (["b2", "--refused", "--passage", "notes:1-5"], "or --refused"),
        (["zz", "--refused"], "No kept question has the id 'zz'"),
        (["b2", "--passage", "notes"], "notes: is no place of an essay"),
        (["b2", "--passage", "nobody:1-5"], "no essay has the id 'nobody'"),
        (["b2", "--passage", "notes:1-99999"], "notes.md: has no stretch 1-99999"),
        (["b2", "--passage", "notes:5-5"], "notes.md: has no stretch 5-5"),
        (["b2", "--refused", "--split", "train"], "--split is one of dev, test, tuning"),
        (["b2", "--refused", "--as", "?!"], "--as: holds no words"),
    ],
)
def test_what_can_be_no_case_is_refused_in_one_line(
    run: Run, tmp_path: Path, words: list[str], line: str
) -> None:
    goal = tmp_path / "own.jsonl"
    assert line in refusal(run("to-case", *words, "--file", str(goal), shelf=True))
    assert not goal.exists()


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("there", ["no json\n", "[1]\n", '{"name": 1}\n'])
def test_a_file_that_holds_no_cases_stays_as_it_is(run: Run, tmp_path: Path, there: str) -> None:
    goal = tmp_path / "own.jsonl"
    write(goal, there)
    line = refusal(run("to-case", "b2", "--refused", "--file", str(goal), shelf=True))
    assert "own.jsonl: holds no cases" in line
    assert goal.read_text(encoding="utf-8") == there


@pytest.mark.usefixtures("file")
def test_a_case_is_added_once_and_what_is_there_stays(run: Run, tmp_path: Path) -> None:
    goal = tmp_path / "own.jsonl"
    write(goal, '{"id": "mine"}')  # without a newline at its end
    told = ("b2", "--refused", "--file", str(goal))
    run("to-case", *told, shelf=True)
    assert "own.jsonl: holds own-b2 already" in refusal(run("to-case", *told, shelf=True))
    first, second = goal.read_text(encoding="utf-8").splitlines()
    assert first == '{"id": "mine"}'
    assert json.loads(second)["id"] == "own-b2"


# --- a question becomes one of an essay's -------------------------------------------------------


def asked_of(corpus: Path, id_: str) -> list[tuple[str, str, str]]:
    essay = next(enrich(one, corpus) for one in load(corpus) if one.id == id_)
    return [(q.text, q.lang, q.span.of(essay.text)) for q in essay.questions]


@pytest.mark.usefixtures("file")
def test_a_question_joins_the_group_of_its_place(run: Run, corpus: Path) -> None:
    path = corpus / "questions" / "notes.toml"
    write(path, "# Ours\n" + path.read_text(encoding="utf-8"))
    done = run("to-passage", "b2", at(CURIOUS), shelf=True)
    assert done.exit_code == 0
    assert "Added to questions/notes.toml. Run `mentor index`" in done.output
    assert (TOPIC, "en", CURIOUS) in asked_of(corpus, "notes")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Ours\n")
    assert text.count("[[group]]") == 2
    assert f'en = ["How do I choose a topic?", "{TOPIC}"]' in text
    assert list(doctor.problems(corpus)) == []


@pytest.mark.usefixtures("file")
def test_a_place_that_has_no_question_yet_gets_a_group(run: Run, corpus: Path) -> None:
    assert run("to-passage", "c3", at("发表不是终点。"), shelf=True).exit_code == 0
    assert asked_of(corpus, "notes")[-1] == (WHY, "zh", "发表不是终点。")
    text = (corpus / "questions" / "notes.toml").read_text(encoding="utf-8")
    assert text.endswith(f'\n\n[[group]]\nanchor = "发表不是终点。"\nzh = [\n  "{WHY}",\n]\n')
    assert run("to-passage", "b2", "talk:2-10", shelf=True).exit_code == 0  # none had any
    assert asked_of(corpus, "talk") == [(TOPIC, "en", "A talk w")]
    assert list(doctor.problems(corpus)) == []


def test_a_place_that_stands_twice_is_widened_until_it_stands_once(corpus: Path) -> None:
    essay, span = place(corpus, "notes", NOTES.index("多"), NOTES.index("多") + 1)
    assert NOTES.count("多") > 1
    adopted(corpus, "读什么?", "zh", essay, span)
    quote = asked_of(corpus, "notes")[-1][2]
    assert NOTES.count(quote) == 1
    assert NOTES.index(quote) <= span.start < NOTES.index(quote) + len(quote)
    assert anchor("aaaa", Span(1, 2)) == "aaa"


def test_a_question_with_every_awkward_letter_is_read_as_it_was_asked(corpus: Path) -> None:
    awkward = 'Why "x" \\n \'\'\' """ ]]] # = 𠮷 ?'
    essay, span = place(corpus, "notes", 0, 5)
    adopted(corpus, awkward, "en", essay, span)
    assert asked_of(corpus, "notes")[-1][0] == awkward


@pytest.mark.usefixtures("file")
def test_what_cannot_be_an_essays_question_is_refused_and_nothing_changes(
    run: Run, corpus: Path
) -> None:
    path = corpus / "questions" / "notes.toml"
    run("to-passage", "b2", at(CURIOUS), shelf=True)
    before = path.read_bytes()
    again = ("to-passage", "b2", at("发表不是终点。"))
    assert refusal(run(*again, shelf=True)) == "questions/notes.toml: asks this already."
    assert "no essay has the id" in refusal(run("to-passage", "c3", "nobody:1-3", shelf=True))
    assert path.read_bytes() == before
    write(corpus / "questions" / "talk.toml", "broken")
    line = refusal(run("to-passage", "c3", at(CURIOUS), shelf=True))
    assert line.startswith("The shelf is not in order, so nothing was added: questions/talk.toml")
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_replaced_leaves_the_old_one(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    essay, span = place(corpus, "notes", 0, 5)
    before = (corpus / "questions" / "notes.toml").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rag.journal.flush", full)
    with pytest.raises(CorpusError, match="No space left"):
        adopted(corpus, TOPIC, "en", essay, span)
    assert (corpus / "questions" / "notes.toml").read_bytes() == before
    assert list(doctor.problems(corpus)) == []
