"""Questions of one meaning fall together, and what the shelf lacks is told plainly."""

import json
import re
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pace import LINEAR, growth
from typer import Typer
from typer.testing import CliRunner

from eval.cases import Case, read
from rag import Mentor, MentorError
from rag.alike import SAME, grouped
from ui.asked import Asked
from ui.asked_file import AskedFile
from ui.commands import gaps as face
from ui.commands import gaps_plots
from ui.commands.gaps import gaps
from ui.commands.gaps_page import as_page, write

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7*7 }} @refused@'
app = Typer()
app.command("gaps")(face.show)

# Asked in both languages, answered by no essay.
RENT = ("在学校附近租房贵吗?", "How expensive is it to rent a flat near the university?")
VISA = ("签证被拒了怎么办?", "What can I do when my visa is refused?")


def one(question: str, **fields: Any) -> Asked:
    lang = "zh" if re.search("[一-鿿]", question) else "en"
    told: dict[str, Any] = {
        "id": secrets.token_hex(6),
        "at": NOW,
        "question": question,
        "lang": lang,
        "status": "refused",
        "answerer": "quotes",
        "cited": (),
        "nearest": (),
        "timings_ms": {"total": 5.0},
    }
    return Asked(**told | fields)


# --- grouping ----------------------------------------------------------------------------------


def plainly(vectors: Any, same: float) -> list[set[int]]:
    """Leader clustering as a book has it."""
    leaders: list[int] = []
    groups: list[set[int]] = []
    for row in range(len(vectors)):
        near = [float(vectors[leader] @ vectors[row]) for leader in leaders]
        if near and max(near) >= same:
            groups[int(np.argmax(near))].add(row)
        else:
            leaders.append(row)
            groups.append({row})
    return groups


@pytest.mark.parametrize("rows", [1, 2, 40, 513, 1300])
@pytest.mark.parametrize("same", [0.1, 0.5, 0.9])
def test_groups_are_those_of_one_row_after_another(rows: int, same: float) -> None:
    vectors = np.random.default_rng(rows).standard_normal((rows, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = grouped(vectors, same)
    assert [set(group.tolist()) for group in found] == plainly(vectors, same)


def test_the_one_in_the_middle_of_its_group_stands_first_and_the_others_in_order() -> None:
    angles = np.array([0.0, 0.4, 0.2, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert [group.tolist() for group in grouped(vectors, 0.8)] == [[2, 0, 1], [3]]


def test_what_the_model_does_not_know_stays_alone_and_nothing_gives_nothing() -> None:
    assert [group.tolist() for group in grouped(np.zeros((2, 4), np.float32))] == [[0], [1]]
    assert grouped(np.zeros((0, 4), np.float32)) == []


def bcubed(groups: Sequence[Sequence[int]], topics: Sequence[str]) -> tuple[float, float]:
    """Return B-cubed precision and recall (Bagga and Baldwin 1998)."""
    label = {row: at for at, group in enumerate(groups) for row in group}
    mine = np.array([label[row] for row in range(len(topics))])
    gold = np.unique(topics, return_inverse=True)[1]
    together, belong = mine[:, None] == mine, gold[:, None] == gold
    both = (together & belong).sum(axis=1)
    return float((both / together.sum(axis=1)).mean()), float((both / belong.sum(axis=1)).mean())


def f1(shelf: Mentor, cases: Sequence[Case], same: float = SAME) -> float:
    vectors = shelf._embedder.passages([case.question for case in cases])  # type: ignore[attr-defined]
    precision, recall = bcubed(grouped(vectors, same), [case.topic for case in cases])
    return 2 * precision * recall / (precision + recall)


def alone(cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if not case.history]


def test_the_threshold_is_the_best_of_the_dev_half(shelf: Mentor) -> None:
    cases = alone(read("dev"))
    tried = {round(0.2 + step / 20, 2): f1(shelf, cases, 0.2 + step / 20) for step in range(10)}
    assert max(tried, key=lambda same: tried[same]) == SAME


@pytest.mark.parametrize(
    ("chosen", "least"), [(lambda case: not case.answerable, 0.93), (lambda case: True, 0.87)]
)
def test_both_languages_of_a_topic_fall_together_on_the_test_half(
    shelf: Mentor, chosen: Callable[[Case], bool], least: float
) -> None:
    """Measured: 0.952 on the 137 questions that no essay answers, 0.896 on all 264; average linkage
    gives 0.952 and 0.904.
    """
    assert f1(shelf, [case for case in alone(read("test")) if chosen(case)]) >= least


def test_traditional_and_simplified_characters_ask_the_same(shelf: Mentor) -> None:
    assert shelf.alike(["签证被拒了怎么办?", "簽證被拒了怎麼辦?"]) in ([(0, 1)], [(1, 0)])
    assert shelf.alike([]) == []


def test_questions_on_many_topics_are_grouped_in_time_that_grows_with_their_number() -> None:
    rng = np.random.default_rng(7)
    centres = rng.standard_normal((300, 256))
    noise = rng.standard_normal((50_000, 256))
    vectors = (centres[rng.integers(0, 300, 50_000)] + 0.9 * noise).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert len(grouped(vectors)) >= 300
    assert growth(lambda size: grouped(vectors[:size]), 50_000) < LINEAR


# --- gaps --------------------------------------------------------------------------------------


def test_open_questions_of_one_meaning_are_counted_together_in_both_languages(
    shelf: Mentor,
) -> None:
    week = NOW - timedelta(days=7)
    rows = [one(VISA[0], at=week), *[one(text) for text in (*RENT, RENT[0], RENT[1].upper())]]
    rent, visa = gaps(shelf, rows, 9)
    assert (rent.asked, rent.refused, rent.languages) == (4, 4, {"zh": 2, "en": 2})
    assert {rent.question, *rent.examples} == set(RENT)
    assert (visa.asked, visa.since, visa.examples) == (1, week, ())
    assert len(rent.nearest) == 3
    near = rent.nearest[0]
    assert near.similarity is None or -1 <= near.similarity <= 1
    assert near.title in {essay.title for essay in shelf.documents.values()}
    assert rent.lacks.startswith("No essay answers this; the nearest is ")


def test_only_what_was_left_open_counts_and_a_bad_thumb_leaves_open(shelf: Mentor) -> None:
    rows = [
        one("怎么选课题?", status="answered"),
        one("要读多少论文?", status="answered", verdict="up"),
        one("怎么写论文?", status="answered", verdict="wrong_evidence"),
        one("怎么写论文?", status="answered", verdict="down"),
    ]
    (gap,) = gaps(shelf, rows, 9)
    assert (gap.question, gap.asked, gap.refused) == ("怎么写论文?", 2, 0)
    assert "readers call it unhelpful" in gap.lacks


def test_the_most_asked_come_first_then_the_oldest_and_no_more_than_wanted(shelf: Mentor) -> None:
    rows = [one(RENT[0]), one(VISA[0], at=NOW - timedelta(days=2)), one("今天股票涨了吗?")]
    assert [gap.question for gap in gaps(shelf, rows, 1)] == [VISA[0]]
    assert gaps(shelf, [*rows, one(RENT[1])], 2)[0].asked == 2
    assert gaps(shelf, [], 5) == []


def test_a_question_that_can_no_longer_be_asked_has_no_nearest_passage(shelf: Mentor) -> None:
    (gap,) = gaps(shelf, [one("…?!")], 5)
    assert gap.nearest == ()
    assert gap.lacks == "No essay answers this, and none comes near."


# --- the command -------------------------------------------------------------------------------


def run(corpus: Path, *words: str) -> Any:
    index = corpus.parent / "index"
    return CliRunner().invoke(app, [*words, "--corpus", str(corpus), "--index", str(index)])


def test_the_command_prints_a_table_or_json(corpus: Path) -> None:
    file = AskedFile(corpus.parent / "index")
    file.add([one(VISA[0], id="1"), one("[bold]x[/bold] rent", id="2")])
    told = run(corpus)
    assert told.exit_code == 0
    assert VISA[0][:4] in told.stdout
    assert "[bold]" in told.stdout
    (first, _) = json.loads(run(corpus, "--json").stdout)
    assert set(first) >= {"question", "asked", "since", "languages", "nearest", "lacks"}
    assert first["since"] == NOW.date().isoformat()


def test_the_command_looks_back_only_as_far_as_it_is_told(corpus: Path) -> None:
    file = AskedFile(corpus.parent / "index")
    file.add([one(VISA[0], at=NOW - timedelta(days=5))])
    assert "Of 0 questions none was left open." in run(corpus, "--days", "3").stdout
    assert len(json.loads(run(corpus, "--days", "9", "--json").stdout)) == 1


def test_where_nothing_is_kept_one_line_says_how_to_begin(corpus: Path) -> None:
    error = run(corpus).exception
    assert isinstance(error, MentorError)
    assert "questions.sqlite3: no question is kept; set MENTOR_QUESTION_LOG=true" in str(error)
    wrong = run(corpus, "--lang", "fr").exception
    assert str(wrong) == "--lang is en or zh, not fr."


def test_the_command_writes_a_page_in_either_language(corpus: Path, tmp_path: Path) -> None:
    AskedFile(corpus.parent / "index").add([one(VISA[0])])
    for lang, title in (("en", "What the shelf lacks"), ("zh", "书架上缺什么")):
        page = tmp_path / f"{lang}.html"
        assert run(corpus, "--html", str(page), "--lang", lang).exit_code == 0
        assert title in page.read_text(encoding="utf-8")
    lost = run(corpus, "--html", str(tmp_path / "no" / "page.html")).exception
    assert "page.html: cannot be written (No such file or directory)" in str(lost)


# --- the page ----------------------------------------------------------------------------------


def test_hostile_questions_are_text_on_the_page_and_in_no_drawing(shelf: Mentor) -> None:
    rows = [one(HOSTILE), one(f"{HOSTILE} again"), one(RENT[0], status="answered", verdict="down")]
    page = as_page(gaps(shelf, rows, 9), rows, "en")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page
    assert "@refused@" not in "".join(re.findall("<svg.*?</svg>", page, re.DOTALL))
    assert not re.findall(r"""(?:src|href)=["'](?!data:,|#)""", page)


def test_the_drawings_count_every_day_and_every_group(shelf: Mentor) -> None:
    rows = [one(RENT[0], at=NOW - timedelta(days=n)) for n in range(40)]
    words = {"answered": "answered & said", "refused": "<refused>"}
    drawing = gaps_plots.per_day(rows, "a name", words)
    assert "answered &amp; said" in drawing
    assert "&lt;refused&gt;" in drawing
    assert 'role="img" aria-label="a name"' in drawing
    assert re.findall("#0[1-5]0[1-5]0[1-5]", drawing) == []  # the page's own colours
    numbers = re.findall(r">(\d+)</text>", gaps_plots.groups([7, 5], "groups"))
    assert sorted(numbers) == ["1", "2", "5", "7"]
    assert (gaps_plots.per_day([], "a", words), gaps_plots.groups([], "b")) == ("", "")


def test_without_matplotlib_the_page_says_how_to_have_drawings(
    shelf: Mentor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = as_page(gaps(shelf, [one(RENT[0])], 9), [one(RENT[0])], "en")
    assert "<svg" not in page
    assert "pip install matplotlib" in page
    assert RENT[0] in page


def test_an_empty_page_says_so(tmp_path: Path) -> None:
    write(tmp_path / "page.html", [], [], "zh")
    assert "没有答不上来的问题。" in (tmp_path / "page.html").read_text(encoding="utf-8")
