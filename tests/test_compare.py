"""Two runs side by side: what changed is found by hand, and chance does not close the gate."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import write

from eval.compare import Run, baseline, compared, gate, load
from eval.stats import sign_test

MADE = {"target": "mentor", "split": "test", "seed": 7}


def _item(id_: str, *, cluster: str = "", verdict: str = "good", **scores: float) -> dict[str, Any]:
    return {
        "id": id_,
        "cluster": cluster or id_,
        "question": f"What of {id_}?",
        "outcome": "failed" if verdict == "failed" else "answered",
        "verdict": verdict,
        "scores": {name.replace("_", " "): value for name, value in scores.items()},
        "said": [{"text": f"Said of {id_}.", "citations": [{"n": 1}, {"n": 2}]}],
    }


def _run(items: Sequence[Mapping[str, Any]], **made: object) -> Run:
    return {"version": 1, "made": MADE | made, "items": list(items), "timings": {"seconds": 1}}


def _flags(flags: Sequence[float]) -> Run:
    """Return a run of questions about a passage each, with one score."""
    return _run([_item(f"q{at:02}", key_points=flag) for at, flag in enumerate(flags)])


# --- differences --------------------------------------------------------------------------------


def test_a_difference_is_the_one_computed_by_hand() -> None:
    before = _run([_item("a", hits=1.0), _item("b", hits=0.5), _item("c", hits=0.0)])
    after = _run([_item("c", hits=1.0), _item("b", hits=0.25), _item("a", hits=1.0)])
    found = compared(before, after).scores["hits"]
    assert found.value == pytest.approx((0 - 0.25 + 1) / 3)
    assert (found.wins, found.losses, found.n) == (1, 1, 3)
    assert found.p == sign_test(1, 1) == 1.0


def test_questions_about_one_passage_flip_together() -> None:
    ids = "abcd"
    before = _run([_item(id_, cluster="p1", hits=1.0) for id_ in ids])
    after = _run([_item(id_, cluster="p1", hits=0.0) for id_ in ids])
    found = compared(before, after).scores["hits"]
    assert (found.wins, found.losses, found.n) == (0, 1, 4)


def test_a_score_is_compared_where_both_runs_have_it() -> None:
    before = _run([_item("a", hits=1.0, faithful=1.0), _item("b", hits=1.0), _item("c", old=1.0)])
    after = _run([_item("a", hits=0.0), _item("b", hits=1.0, faithful=0.0), _item("c", new=1.0)])
    assert {name: d.n for name, d in compared(before, after).scores.items()} == {"hits": 2}


def test_questions_of_one_run_only_are_listed() -> None:
    found = compared(_run([_item("a"), _item("b")]), _run([_item("b"), _item("d"), _item("c")]))
    assert (found.only_before, found.only_after) == (["a"], ["c", "d"])


def test_a_flip_shows_both_answers() -> None:
    before = _run([_item("b"), _item("a", verdict="wrong"), _item("c")])
    after = _run([_item("a", verdict="good"), _item("b"), _item("c", verdict="failed")])
    after["items"][2]["said"] = []
    first, second = compared(before, after).flips
    assert (first.id, first.question) == ("a", "What of a?")
    assert (first.before, first.after) == ("wrong", "good")
    assert first.said_before == first.said_after == "Said of a. [1] [2]"
    assert (second.id, second.before, second.after) == ("c", "good", "failed")
    assert second.said_after == "(failed)"


def test_a_run_beside_itself_has_no_difference() -> None:
    run = _flags([1, 0, 1, 1])
    found = compared(run, run)
    assert found.flips == []
    difference = found.scores["key points"]
    assert (difference.value, difference.wins, difference.losses) == (0.0, 0, 0)


def test_runs_of_other_questions_cannot_be_compared() -> None:
    for compare in (compared, gate):
        with pytest.raises(ValueError, match="no question in common"):
            compare(_run([_item("a")]), _run([_item("b")]))


# --- the gate -----------------------------------------------------------------------------------


def test_a_run_passes_its_own_gate() -> None:
    run = _flags([1, 0] * 20)
    assert gate(run, run) == gate(baseline(run), run) == []


def test_a_fall_beyond_chance_closes_the_gate() -> None:
    (line,) = gate(_flags([1] * 40), _flags([0] * 12 + [1] * 28))
    assert line.startswith("key points: fell by 0.300 [")
    assert "12 down, 0 up" in line
    assert f"p = {sign_test(0, 12):.3f}" in line


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([0, 0, 1, 1, 1, *[1] * 35], [1, 1, 0, 0, 0, *[1] * 35]),  # two up, three down
        ([1] * 40, [*[0] * 5, *[1] * 35]),  # five down: a coin does so one time in sixteen
        ([0] * 40, [*[1] * 12, *[0] * 28]),  # better
    ],
)
def test_noise_and_a_rise_leave_the_gate_open(
    before: Sequence[float], after: Sequence[float]
) -> None:
    assert gate(_flags(before), _flags(after)) == []


def test_many_falls_in_one_passage_are_one_witness() -> None:
    before = _run([_item(f"q{at}", cluster=f"p{at // 12}", hits=1.0) for at in range(40)])
    after = _run([_item(f"q{at}", cluster=f"p{at // 12}", hits=float(at > 11)) for at in range(40)])
    assert gate(before, after) == []


def test_a_single_quote_that_is_not_exact_closes_the_gate() -> None:
    before = _run([_item("a", quotes_exact=1.0), _item("b", quotes_exact=1.0), _item("c")])
    after = _run([_item("a", quotes_exact=1.0), _item("b", quotes_exact=0.5), _item("c")])
    assert gate(before, after) == ["quotes that are not exact: b"]
    assert gate(after, after) == ["quotes that are not exact: b"]  # it was no better before


def test_a_single_failure_closes_the_gate() -> None:
    after = _run([_item("a"), _item("b", verdict="failed"), _item("c", verdict="failed")])
    assert gate(after, after) == ["failed: b, c"]


def test_a_question_that_was_not_asked_closes_the_gate() -> None:
    assert gate(_run([_item("a"), _item("b")]), _run([_item("b")])) == ["not asked: a"]
    assert gate(_run([_item("b")]), _run([_item("a"), _item("b")])) == []


def test_every_reason_has_a_line() -> None:
    before, after = _flags([1] * 40), _flags([0] * 12 + [1] * 27)
    after["items"][0]["scores"]["quotes exact"] = 0.0
    after["items"][1]["outcome"] = "failed"
    lines = gate(before, after)
    assert [line.split(":")[0] for line in lines] == [
        *("key points", "quotes that are not exact", "failed", "not asked"),
    ]


# --- files --------------------------------------------------------------------------------------


def test_a_baseline_keeps_what_a_gate_needs_and_no_text(tmp_path: Path) -> None:
    run = _flags([1, 0, 1])
    kept = baseline(run)
    assert kept.keys() == {"version", "made", "items"}
    assert "Said" not in json.dumps(kept)
    path = tmp_path / "baseline.json"
    write(path, json.dumps(kept))
    assert gate(load(path), _flags([1, 0, 1])) == []
    flipped = _run([_item(f"q{at:02}", verdict="wrong") for at in range(3)])
    assert {flip.said_before for flip in compared(load(path), flipped).flips} == {
        "(a baseline keeps no answers)"
    }


def _without(name: str) -> str:
    item = _item("a")
    del item[name]
    return json.dumps(_run([item]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '"run"',
        '{"items": 3}',
        '{"items": ["a"]}',
        '{"made": {"seed": 7}, "items": {}}',
        json.dumps({"version": 1, "items": [_item("a")]}),
        json.dumps({"version": 1, "made": {}, "items": [_item("a")]}),
        json.dumps({"made": MADE, "items": [_item("a")]}),
        *map(_without, ("id", "cluster", "scores", "verdict", "outcome")),
    ],
)
def test_a_file_that_is_no_run_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    write(path, text)
    with pytest.raises(ValueError, match=r"other\.json is no run") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_run_that_holds_a_question_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    write(path, json.dumps(_run([_item("a"), _item("a")])))
    with pytest.raises(ValueError, match=r"twice\.json: an id stands twice"):
        load(path)
