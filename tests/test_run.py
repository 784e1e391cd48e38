"""A run of a few questions: the same bytes again, all that went wrong listed, nothing made up."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from eval import trivial
from eval.card import Measured
from eval.cases import Case, read
from eval.reply import Cited, Found, Outcome, Reply, Said
from eval.run import Plan, judged, measured_row, run, scorer, steps, verdict
from eval.score import Checked, Item, Proof
from eval.targets import open_target
from rag import Mentor, Span

PLAN = Plan("dev", seed=7, resamples=20)
UNASKABLE = Case("x1.en", "x1", "en", "?!", (), (), "near", "plain")
OTHER_CONTEXT = "essays, another context"

Run = dict[str, Any]


def _few() -> list[Case]:
    """Return one answerable and one unanswerable topic in both languages, a follow-up, and a
    question that Mentor does not take.
    """
    cases = read("dev")
    whole = [next(case.topic for case in cases if case.answerable == wanted) for wanted in (1, 0)]
    followup = next(case for case in cases if case.history)
    return [*(case for case in cases if case.topic in whole), followup, UNASKABLE]


CASES = _few()


def _run(mentor: Mentor, plan: Plan = PLAN) -> tuple[Run, int]:
    ticks: list[None] = []
    target = open_target("mentor", mentor, mentor.documents)
    found = run(mentor, target, CASES, plan, lambda: ticks.append(None))
    return found, len(ticks)


@pytest.fixture(scope="module")
def found(shelf: Mentor) -> Run:
    return _run(shelf)[0]


def _timeless(run: Run) -> str:
    return json.dumps({name: run[name] for name in run if name != "timings"}, ensure_ascii=False)


def test_the_few_cases_are_of_all_kinds() -> None:
    assert {(case.lang, case.answerable) for case in CASES} == {
        (lang, answerable) for lang in ("zh", "en") for answerable in (True, False)
    }
    assert any(case.history for case in CASES)
    assert any(case.points for case in CASES)


def test_the_same_run_again_gives_the_same_bytes_but_for_timings(shelf: Mentor, found: Run) -> None:
    again, ticks = _run(shelf)
    assert _timeless(again) == _timeless(found)
    assert ticks == steps(CASES) == len(CASES) * (1 + trivial.COUNT)


def test_another_seed_changes_only_what_is_drawn(shelf: Mentor, found: Run) -> None:
    other, _ = _run(shelf, replace(PLAN, seed=8))
    assert other["made"] == found["made"] | {"seed": 8}
    assert [_fixed(figure) for figure in other["figures"]] == [
        _fixed(figure) for figure in found["figures"]
    ]
    for one, two in zip(found["card"], other["card"], strict=True):
        if one["set"] != OTHER_CONTEXT:  # drawn, too
            assert _fixed(one) == _fixed(two)
    assert _but_random(other) == _but_random(found)
    for name in ("version", "card_notes", "curves", "items"):
        assert other[name] == found[name]
    assert _timeless(other) != _timeless(found)


def _fixed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.endswith(("low", "high"))}


def _but_random(run: Run) -> list[Any]:
    return [row for row in run["trivial"] if row["row"] != "a random passage"]


def test_a_run_says_what_it_was_made_with(shelf: Mentor, found: Run) -> None:
    made = found["made"]
    assert (made["target"], made["split"], made["bare"]) == ("mentor", "dev", [])
    assert (made["seed"], made["resamples"]) == (PLAN.seed, PLAN.resamples)
    assert (made["checker"], made["embedder"]) == (shelf.checker.name, shelf.embedder)
    assert len(made["corpus"]) == 12


def test_a_run_is_plain_data_and_only_timings_tell_the_time(found: Run) -> None:
    assert json.loads(json.dumps(found)) == found
    assert set(found) == set(
        "version made figures card card_notes trivial curves items timings".split()
    )
    timed = {case.id for case in CASES} - {UNASKABLE.id}
    assert found["timings"]["items"].keys() == timed
    assert found["timings"]["ms"].keys() == {"p50", "p95", "p99"}
    assert "seconds" not in _timeless(found)


def test_every_case_is_an_item_in_the_order_asked(found: Run) -> None:
    assert [item["id"] for item in found["items"]] == [case.id for case in CASES]
    for item, case in zip(found["items"], CASES, strict=True):
        assert (item["question"], item["history"]) == (case.question, list(case.history))
        assert item["answerable"] == case.answerable
        assert [point["zh"] for point in item["points"]] == [point.zh for point in case.points]
        assert len(item["gold"]) == len(case.gold)


def test_mentors_own_quotes_stand_where_the_run_shows_them(shelf: Mentor, found: Run) -> None:
    cited = [c for item in found["items"] for said in item["said"] for c in said["citations"]]
    assert cited
    for row in cited:
        text = shelf.documents[row["doc_id"]].text
        assert text[row["start"] : row["end"]] == row["shown"] == row["quote"]
        assert row["before"] + row["shown"] + row["after"] in text
        assert text.startswith(row["before"], max(0, row["start"] - 200))
        assert row["grade"] == "exact"
    values = {figure["name"]: figure["value"] for figure in found["figures"]}
    assert values["quotes exact"] == values["citation validity"] == 1.0
    assert values["faithfulness by answer"] == 1.0  # what it says, the essays say


def test_gold_is_shown_as_the_essay_has_it_and_where_it_was_found(
    shelf: Mentor, found: Run
) -> None:
    for item in found["items"]:
        for gold in item["gold"]:
            assert gold["quote"] in shelf.documents[gold["doc_id"]].text
            assert gold["found_at"] is None or 1 <= gold["found_at"] <= 10
        hit = any(gold["found_at"] and gold["found_at"] <= 5 for gold in item["gold"])
        if item["answerable"]:
            assert item["scores"]["hit@5"] == float(hit)


def test_a_question_that_failed_is_listed_and_counts_as_wrong(found: Run) -> None:
    item = found["items"][-1]
    assert (item["outcome"], item["verdict"]) == ("failed", "failed")
    assert item["error"]
    assert item["scores"] == {"answered or refused rightly": 0.0}
    assert (item["said"], item["evidence"]) == ([], None)
    (failed,) = [figure for figure in found["figures"] if figure["name"] == "failed"]
    assert (failed["value"], failed["n"]) == (pytest.approx(1 / len(CASES)), len(CASES))


def test_beside_the_system_stand_the_trivial_ones_by_the_same_figures(found: Run) -> None:
    first, *others = found["trivial"]
    assert first["row"] == "mentor"
    assert len(others) == trivial.COUNT
    values = {figure["name"]: figure["value"] for figure in found["figures"]}
    assert first["figures"] == {name: values[name] for name in first["figures"]}
    for row in found["trivial"]:
        assert row["figures"].keys() == trivial.SHOWN


# --- other systems ------------------------------------------------------------------------------


class Liar:
    """A Target that says the same to everybody, under an essay that does not say it."""

    name = "liar"

    def __init__(self, mentor: Mentor) -> None:
        first, second = list(mentor.documents.values())[:2]
        self.quote, self.essay = first.text[40:60], second.id

    def __call__(self, case: Case) -> Reply:
        cited = Cited(1, self.essay, self.quote), Cited(2, "no_such_essay", "made up")
        return Reply("answered", (Said("This is so.", cited),), (Found("no_such_essay", 0, 9),))


def test_a_quote_that_does_not_stand_is_shown_as_nothing(shelf: Mentor, found: Run) -> None:
    liar = Liar(shelf)
    told = run(shelf, liar, CASES[:1], replace(PLAN, bare=("talk",)), lambda: None)
    assert told["made"] == found["made"] | {"target": "liar", "bare": ["talk"]}
    (item,) = told["items"]
    (said,) = item["said"]
    assert [row["grade"] for row in said["citations"]] == ["elsewhere", "nowhere"]
    for row in said["citations"]:
        assert (row["start"], row["end"]) == (None, None)
        assert (row["before"], row["shown"], row["after"]) == ("", "", "")
    assert (said["supported"], said["support"]) == (False, 0.0)
    assert said["why"] == ["[1] its quote is elsewhere", "[2] its quote is nowhere"]
    # what is no essay is not listed as one
    assert item["essays"] == sorted({liar.essay, *(id_ for id_, _ in CASES[0].gold)})


def test_cases_are_judged_one_by_one_in_their_order(shelf: Mentor) -> None:
    ticks: list[None] = []
    items = judged(Liar(shelf), CASES, scorer(shelf), lambda: ticks.append(None))
    assert [item.case for item in items] == CASES
    assert len(ticks) == len(CASES)


# --- verdicts -----------------------------------------------------------------------------------


def _item(
    outcome: Outcome, *said: tuple[bool, bool], gold: bool = True, held: tuple[bool, ...] = ()
) -> Item:
    """Return an item of sentences, each (supported, whether its citation is gold)."""
    case = Case("q.zh", "q", "zh", "?", (("essay", "…"),) if gold else ())
    cited = Cited(1, "essay", "…")
    sentences = tuple(
        Checked(
            Said("…", (cited,)),
            float(supported),
            supported,
            (Proof(cited, "exact", Span(0, 1), wanted, supported, without=False),),
        )
        for supported, wanted in said
    )
    return Item(case, Reply(outcome), (), (), sentences, held, frozenset(), "q")


@pytest.mark.parametrize(
    ("item", "word"),
    [
        (_item("failed"), "failed"),
        (_item("failed", gold=False), "failed"),
        (_item("refused", gold=False), "refused rightly"),
        (_item("answered", (True, False), gold=False), "answered wrongly"),
        (_item("refused"), "refused wrongly"),
        (_item("answered", (True, True)), "good"),
        (_item("answered", (True, False), (True, True)), "good"),
        (_item("answered", (True, True), (False, False)), "partly"),  # gold, and something else
        (_item("answered", (True, False), held=(False, True)), "partly"),
        (_item("answered", (True, False), held=(False,)), "wrong"),
        (_item("answered", held=()), "wrong"),
    ],
)
def test_a_verdict_is_what_a_reader_would_say(item: Item, word: str) -> None:
    assert verdict(item) == word


def test_a_row_of_the_card_is_plain_even_without_a_value() -> None:
    row = Measured("set", "", 0, None, None, None, None, 0.5)
    assert json.loads(json.dumps(measured_row(row))) == {
        **dict.fromkeys("auc auc_low auc_high balanced balanced_low balanced_high".split()),
        "set": "set",
        "pair": "",
        "n": 0,
        "threshold": 0.5,
    }
