"""Models that play a part: who is honest is shown, who lies is not, and what came of it is counted.

Parts are played over dev questions, on the real shelf, by a real server of this machine.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from eval import written
from eval.__main__ import app
from eval.cases import Case, read
from eval.drafts import Draft
from eval.drafts import read as read_drafts
from eval.protocols import Prompt
from eval.run import figure_row
from eval.scripted import Pause
from eval.tables import show
from eval.written import PARTS, Part, Player, Shown, figures, judged, play, waits
from rag import Answer, Citation, Claim, Kind, Mentor, Sentence, Span

TOPICS = ("g04", "g05", "g07")
CASES = [case for case in read("dev") if case.topic in TOPICS]
DRAFTS = [draft for draft in read_drafts("dev") if draft.topic in TOPICS]
BY_ID = {draft.id: draft for draft in DRAFTS}


# --- a player -----------------------------------------------------------------------------------

FOLLOW_UP = next(case for case in read("dev") if case.history and case.answerable)


def _draft(id_: str, *, supported: bool = True, **given: Any) -> Draft:
    text = f"Sentence {id_}."
    one = Draft(id_, "dev", "t", "en", supported, "draft", "essay", "Quote.", text, "")
    return replace(one, **given)


def _case(lang: str = "en", topic: str = "t", question: str = "Why?") -> Case:
    return Case(f"{topic}.{lang}", topic, lang, question, (("essay", "Quote."),))


def _prompt(model: str, user: str) -> Prompt:
    return Prompt(model, (("system", "Answer."), ("user", user)), {}, {}, 1)


def _asking(case: Case, *passages: str) -> str:
    """Return what a model is shown for a question."""
    shown = "\n\n".join(f"[{n}] Somebody | Title\n{text}" for n, text in enumerate(passages, 1))
    return (
        f"<passages>\n{shown}\n</passages>\n\n<question>\n{case.question}\n</question>\n\nAnswer."
    )


def _said(player: Player, model: Part, user: str) -> str:
    return "".join(step for step in player(_prompt(model, user)) if isinstance(step, str))


@pytest.fixture
def player(shelf: Mentor) -> Player:
    found = Player(DRAFTS, [*CASES, FOLLOW_UP])
    found.documents = shelf.documents
    return found


def _quotes(case: Case, *, supported: bool) -> list[str]:
    """Return the quotes that the drafts of a question rest on."""
    return list(
        dict.fromkeys(
            d.quote
            for d in DRAFTS
            if (d.topic, d.lang, d.supported) == (case.topic, case.lang, supported)
        )
    )


def test_an_honest_player_says_each_truth_with_the_number_of_its_passage(player: Player) -> None:
    case = CASES[0]
    quotes = _quotes(case, supported=True)
    said = _said(player, "honest", _asking(case, "Nothing.", *quotes))
    assert [draft.supported for draft in player.written] == [True] * len(player.written)
    assert len(player.written) >= 2
    for draft in player.written:
        assert f"{draft.text}[{2 + quotes.index(draft.quote)}]" in said
    assert player.first_sent > 0.0


def test_an_honest_player_leaves_out_what_it_was_not_shown(player: Player) -> None:
    case = CASES[0]
    first, *_ = _quotes(case, supported=True)
    _said(player, "honest", _asking(case, first))
    assert {draft.quote for draft in player.written} == {first}
    assert _said(player, "honest", _asking(case, "Nothing.")) == "NO_ANSWER"
    assert player.written == []


def test_a_lying_player_says_lies_alone_and_gives_each_a_number(player: Player) -> None:
    case = CASES[0]
    said = _said(player, "lying", _asking(case, "Nothing."))
    assert [draft.supported for draft in player.written] == [False] * 5
    assert all(f"{draft.text}[1]" in said for draft in player.written)


def test_a_half_lying_player_says_two_lies_among_the_truths_and_the_same_again(
    player: Player,
) -> None:
    case = CASES[0]
    user = _asking(case, *_quotes(case, supported=True))
    said = _said(player, "half-lying", user)
    assert sum(not draft.supported for draft in player.written) == 2
    assert sum(draft.supported for draft in player.written) >= 2
    assert _said(player, "half-lying", user) == said


@pytest.mark.parametrize("part", PARTS)
def test_a_player_refuses_a_question_that_is_none_of_its_own(player: Player, part: Part) -> None:
    assert _said(player, part, _asking(_case(question="Where?"), "Quote.")) == "NO_ANSWER"
    # nor does it take a passage for the question
    assert _said(player, part, _asking(_case(question="Where?"), CASES[0].question)) == "NO_ANSWER"


def test_a_refusing_player_never_answers(player: Player) -> None:
    case = CASES[0]
    user = _asking(case, *_quotes(case, supported=True))
    assert _said(player, "refusing", user) == "NO_ANSWER"
    assert player.written == []


def test_a_player_condenses_a_follow_up_by_the_question_before_it(player: Player) -> None:
    asked = f"<earlier>\n- {FOLLOW_UP.history[-1]}\n</earlier>\n\n<question>\n{FOLLOW_UP.question}"
    said = _said(player, "honest", asked)
    assert said == f"{FOLLOW_UP.history[-1]} {FOLLOW_UP.question}"


def test_only_the_part_whose_waits_are_measured_takes_its_time(player: Player) -> None:
    case = CASES[0]
    user = _asking(case, *_quotes(case, supported=True))
    paused = {
        part: any(isinstance(step, Pause) for step in player(_prompt(part, user))) for part in PARTS
    }
    assert paused == dict.fromkeys(PARTS, False) | {"honest": True}


# --- playing on the real shelf ------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(shelf: Mentor) -> Mapping[str, Sequence[Shown]]:
    """Every part, played over six questions."""
    ticks: list[None] = []
    found = {
        part: play(part, shelf._settings, DRAFTS, CASES, lambda: ticks.append(None))
        for part in PARTS
    }
    assert len(ticks) == len(PARTS) * len(CASES)
    return found


def _drafts(found: Sequence[Shown], *, supported: bool) -> Iterator[tuple[Shown, str]]:
    for one in found:
        for draft in one.written:
            if draft.supported == supported:
                yield one, draft.id


def test_every_question_is_asked_once_in_its_order(
    played: Mapping[str, Sequence[Shown]],
) -> None:
    for found in played.values():
        assert [one.case for one in found] == CASES
        assert [one.answer.question for one in found] == [case.question for case in CASES]


def test_what_an_honest_model_writes_is_mostly_shown(
    played: Mapping[str, Sequence[Shown]],
) -> None:
    written_ = list(_drafts(played["honest"], supported=True))
    assert len(written_) >= 12
    assert sum(id_ in one.shown for one, id_ in written_) >= 0.6 * len(written_)
    assert list(_drafts(played["honest"], supported=False)) == []


def test_what_a_lying_model_writes_is_withheld(played: Mapping[str, Sequence[Shown]]) -> None:
    lies = list(_drafts(played["lying"], supported=False))
    assert len(lies) == 5 * len(CASES)
    assert sum(id_ in one.shown for one, id_ in lies) <= 0.1 * len(lies)
    assert sum(id_ in one.withheld | one.moved for one, id_ in lies) >= 0.6 * len(lies)
    for one in played["lying"]:
        assert one.answer.status == "answered"
        quoted = {sentence.kind for sentence in one.answer.sentences} <= {"quote", "translation"}
        assert quoted or one.shown | one.moved


def test_of_a_model_that_half_lies_truths_are_shown_and_lies_are_not(
    played: Mapping[str, Sequence[Shown]],
) -> None:
    lies = list(_drafts(played["half-lying"], supported=False))
    truths = list(_drafts(played["half-lying"], supported=True))
    assert len(lies) == 2 * len(CASES)
    shown = [sum(id_ in one.shown for one, id_ in side) for side in (lies, truths)]
    assert shown[0] <= 0.2 * len(lies)
    assert shown[1] >= 0.3 * len(truths)


def test_a_model_that_refuses_leaves_quotes_or_a_refusal(
    played: Mapping[str, Sequence[Shown]],
) -> None:
    for one in played["refusing"]:
        assert (one.written, one.shown, one.first_s) == ((), frozenset(), None)
        assert {sentence.kind for sentence in one.answer.sentences} <= {"quote", "translation"}
        assert one.answer.sentences or (one.answer.status, bool(one.answer.note)) == (
            "refused",
            True,
        )


def test_what_stands_at_the_end_was_seen_and_what_is_withheld_is_not_shown(
    played: Mapping[str, Sequence[Shown]],
) -> None:
    for one in (one for found in played.values() for one in found):
        assert one.shown <= one.seen <= {draft.id for draft in one.written}
        assert not one.shown & one.withheld
        assert not one.moved & (one.shown | one.seen | one.withheld)
        texts = {BY_ID[id_].text for id_ in one.shown | one.moved}
        generated = [s for s in one.answer.sentences if s.kind == "generated"]
        assert all(any(s.text in text for text in texts) for s in generated)


def test_a_sentence_waits_for_no_more_than_the_answer_takes(
    played: Mapping[str, Sequence[Shown]],
) -> None:
    waited = [one.first_s for one in played["honest"] if one.shown]
    assert waited
    assert all(first is not None and -0.1 < first < 60.0 for first in waited)


# --- what became of a draft ---------------------------------------------------------------------


def _sentence(text: str, doc_id: str = "essay", kind: Kind = "generated") -> Sentence:
    citation = Citation(1, doc_id, "Title", "Author", "", Span(0, 6), "Quote.")
    return Sentence(text, "en", kind, "Somebody", (citation,), 0.9)


def _answer(*sentences: Sentence, dropped: Sequence[str] = ()) -> Answer:
    claims = tuple(Claim(text, (), "generated", "") for text in dropped)
    return Answer("Why?", "en", "answered", "", sentences, claims)


def test_what_stands_in_the_answer_is_shown_and_what_was_dropped_is_withheld() -> None:
    drafts = [_draft("a"), _draft("b", supported=False), _draft("c", supported=False)]
    answer = _answer(_sentence("Sentence a."), dropped=["Sentence b."])
    one = judged(_case(), drafts, [_sentence("Sentence a."), _sentence("Sentence c.")], answer, 0.5)
    assert (one.shown, one.seen, one.withheld, one.moved) == (
        frozenset("a"),
        frozenset("ac"),
        frozenset("b"),
        frozenset(),
    )
    assert (one.written, one.first_s) == (tuple(drafts), 0.5)


def test_a_quote_shows_no_draft_even_in_the_same_words() -> None:
    answer = _answer(_sentence("Sentence a.", kind="quote"))
    assert judged(_case(), [_draft("a")], [], answer, None).shown == frozenset()


@pytest.mark.parametrize("at_the_end", [True, False])
def test_what_another_essay_says_is_no_lie_where_it_is_cited_to_that_one(at_the_end: bool) -> None:
    draft = _draft("a", supported=False, how="elsewhere", elsewhere="talk")
    rightly, wrongly = _sentence(draft.text, "talk"), _sentence(draft.text, "essay")

    def becomes(sentence: Sentence) -> Shown:
        answer = _answer(sentence) if at_the_end else _answer()
        return judged(_case(), [draft], [sentence], answer, None)

    assert (becomes(rightly).seen, becomes(rightly).moved) == (frozenset(), {"a"})
    assert (becomes(wrongly).seen, becomes(wrongly).moved) == ({"a"}, frozenset())
    assert bool(becomes(wrongly).shown) == at_the_end
    assert becomes(rightly).shown == frozenset()


def test_a_lie_that_no_essay_says_is_one_wherever_it_is_cited_to() -> None:
    draft = _draft("a", supported=False, how="negated")
    for doc_id in ("essay", "talk"):
        assert judged(_case(), [draft], [], _answer(_sentence(draft.text, doc_id)), None).shown


# --- figures ------------------------------------------------------------------------------------


def _shown(case: Case, drafts: str, **given: Any) -> Shown:
    """Return a question to which drafts were written: "Tab Lc" are two truths and a lie."""
    rows = [_draft(id_, supported=word[0] == "T") for word in drafts.split() for id_ in word[1:]]
    none: dict[str, Any] = dict.fromkeys(("shown", "seen", "withheld", "moved"), frozenset())
    one = Shown(case=case, written=tuple(rows), answer=_answer(), first_s=None, **none)
    changed = {name: frozenset(v) if isinstance(v, str) else v for name, v in given.items()}
    return replace(one, **changed)


def _values(part: Part, found: Sequence[Shown]) -> dict[str, tuple[float | None, int]]:
    rows = list(figures(part, found, seed=1, resamples=50))
    for row in rows:
        assert row.better == "lower"
        assert (row.interval is None) == (row.n == 0) == (row.value is None)
        if row.interval and row.value is not None:
            low, high = row.interval
            assert 0.0 <= low <= row.value <= high <= 1.0
    return {f"{row.group}: {row.name}": (row.value, row.n) for row in rows}


def test_lies_and_truths_are_counted_apart_in_each_language() -> None:
    found = [
        _shown(_case(), "Tab Lcd", shown="ac", seen="acd", withheld="b"),
        _shown(_case(topic="u"), "Te Lf", shown="e", seen="e", withheld="f"),
        _shown(_case("zh"), "Tg Lh", withheld="gh"),
    ]
    assert _values("half-lying", found) == {
        "half-lying, zh: lies shown": (0.0, 1),
        "half-lying, zh: lies seen for a moment": (0.0, 1),
        "half-lying, zh: lies that pass the check": (0.0, 1),
        "half-lying, zh: truths withheld": (1.0, 1),
        "half-lying, zh: truths that fail the check": (1.0, 1),
        "half-lying, en: lies shown": (pytest.approx(1 / 3), 3),
        "half-lying, en: lies seen for a moment": (pytest.approx(2 / 3), 3),
        "half-lying, en: lies that pass the check": (pytest.approx(2 / 3), 3),
        "half-lying, en: truths withheld": (pytest.approx(1 / 3), 3),
        "half-lying, en: truths that fail the check": (pytest.approx(1 / 3), 3),
    }


def test_what_is_moved_to_its_own_essay_passes_no_check_as_a_lie() -> None:
    [one] = [_shown(_case(), "Labc", withheld="a", moved="b")]
    values = _values("lying", [one])
    assert values["lying, en: lies that pass the check"] == (pytest.approx(1 / 3), 3)
    assert values["lying, en: lies shown"] == (0.0, 3)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("honest", ["truths withheld", "truths that fail the check"]),
        ("lying", ["lies shown", "lies seen for a moment", "lies that pass the check"]),
    ],
)
def test_a_part_is_counted_by_what_it_writes(part: Part, names: list[str]) -> None:
    values = _values(part, [_shown(_case(), "Ta Lb")])
    assert [name for name in values if ", en:" in name] == [f"{part}, en: {name}" for name in names]
    assert all(values[f"{part}, zh: {name}"] == (None, 0) for name in names)


def test_a_refusing_model_is_counted_by_whether_quotes_stand_all_the_same() -> None:
    quoted = _answer(_sentence("Quote.", kind="quote"))
    found = [_shown(_case(), "", answer=quoted), _shown(_case(topic="u"), "")]
    assert _values("refusing", found) == {
        "refusing, zh: quotes all the same": (None, 0),
        "refusing, en: quotes all the same": (0.5, 2),
    }


def test_waits_are_those_of_the_paced_part_in_milliseconds() -> None:
    found = [_shown(_case(), "Ta", first_s=n / 1000) for n in range(100)]
    found.append(_shown(_case(), "Ta"))  # nothing stood on the page before the end
    rows = {row.name: row for row in waits("honest", found)}
    assert {name: (row.value, row.n) for name, row in rows.items()} == {
        "first sentence, median": (pytest.approx(49.0), 100),
        "first sentence, 95th percentile": (pytest.approx(94.0), 100),
    }
    assert [row.value for row in waits("honest", [])] == [None, None]
    assert list(waits("lying", found)) == []


def test_figures_of_real_answers_have_intervals_and_can_be_printed_as_table_and_json(
    played: Mapping[str, Sequence[Shown]], capsys: pytest.CaptureFixture[str]
) -> None:
    for part in PARTS:
        rows = [*figures(part, played[part], 7, 50), *waits(part, played[part])]
        printed = json.loads(json.dumps([figure_row(row) for row in rows]))
        assert [(row["group"], row["n"]) for row in printed] == [(row.group, row.n) for row in rows]
        show(f"written answers, {part}", rows)
        table = capsys.readouterr().out
        for row in rows:
            assert row.group in table
            assert f" {row.n} " in table
            assert row.n > 0
            assert row.value is not None
            assert row.interval is not None or row.group == "waits, ms"


# --- what is asked for wrongly ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--part", "nonsense"], "--part: 'nonsense' is none of honest, lying, half-lying"),
        (["--split", "tuning"], "no drafts for these questions"),
        (["--split", "train"], "--split: 'train' is none of dev, test, tuning."),
    ],
)
def test_a_part_or_split_that_is_none_is_one_line(args: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["written", *args], env={"COLUMNS": "160"})
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    assert says in done.stderr


def test_what_a_player_fails_at_is_no_figure(shelf: Mentor) -> None:
    lost = [replace(draft, doc_id="no-such-essay") for draft in DRAFTS]
    with pytest.raises(KeyError, match="no-such-essay"):
        play("lying", shelf._settings, lost, CASES[:1])


def test_the_marker_that_a_player_refuses_with_is_that_of_the_prompts() -> None:
    from rag.prompts import CANNOT

    assert written._REFUSES == CANNOT
