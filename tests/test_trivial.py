"""Systems that do next to nothing stand where they must, or a figure would be worth nothing."""

from collections.abc import Sequence

import pytest

from eval import trivial
from eval.cases import Case, read
from eval.figures import Figure, figures
from eval.reply import Reply, Target
from eval.run import judged
from eval.score import Scorer
from rag import Mentor

UNASKABLE = Case("x1.en", "x1", "en", "?!", ())
NAMES = [
    "copy the top passage",
    "a random passage",
    "the answer without citations",
    "closed book",
    "refuse always",
]


def _few() -> list[Case]:
    """Return two answerable and two unanswerable topics in both languages."""
    cases = read("dev")
    topics = {
        wanted: [c.topic for c in cases if c.answerable == wanted] for wanted in (True, False)
    }
    return [c for c in cases for some in topics.values() if c.topic in (some[0], some[2])]


CASES = _few()


def _said_word_for_word(pairs: Sequence[tuple[str, str]]) -> list[float]:
    return [float(claim in context) for context, claim in pairs]


def _rows(mentor: Mentor, seed: int = 7) -> dict[str, Target]:
    return {row.name: row for row in trivial.rows(mentor, seed)}


def _figures(mentor: Mentor, name: str) -> dict[str, Figure]:
    score = Scorer(mentor, _said_word_for_word, 0.5)
    items = judged(_rows(mentor)[name], CASES, score, lambda: None)
    return {figure.name: figure for figure in figures(items, 7, 20)}


def test_there_are_as_many_as_are_counted(shelf: Mentor) -> None:
    assert list(_rows(shelf)) == NAMES
    assert len(NAMES) == trivial.COUNT


def test_every_figure_shown_beside_them_is_a_figure(shelf: Mentor) -> None:
    assert not trivial.SHOWN - _figures(shelf, "refuse always").keys()


def test_a_copied_passage_is_exact_and_faithful_and_never_refuses(shelf: Mentor) -> None:
    found = _figures(shelf, "copy the top passage")
    for name in ("quotes exact", "faithfulness by answer", "citation recall", "citation precision"):
        assert (found[name].value, found[name].n) == (1.0, len(CASES)), name
    assert found["refused when unanswerable"].value == 0.0
    assert found["refused when answerable"].value == 0.0
    assert found["refusal, balanced accuracy"].value == 0.5


def test_the_top_passage_is_the_one_that_mentor_finds_with_what_was_asked_before(
    shelf: Mentor,
) -> None:
    case = next(case for case in read("dev") if case.history)
    (found,) = _rows(shelf)["copy the top passage"](case).found
    top = shelf.retrieve(case.question, 1, case.history)[0].passage
    assert (found.doc_id, found.start, found.end) == (top.doc_id, top.span.start, top.span.end)


def test_a_random_passage_is_exact_and_the_same_for_the_same_seed(shelf: Mentor) -> None:
    name = "a random passage"
    found = _figures(shelf, name)
    assert found["quotes exact"].value == found["faithfulness by answer"].value == 1.0
    chosen = [_rows(shelf)[name](case) for case in CASES]
    again = _rows(shelf)[name]
    # it depends on the question, not on those before it
    assert [again(case) for case in reversed(CASES)] == chosen[::-1]
    assert [_rows(shelf, seed=8)[name](case) for case in CASES] != chosen
    assert len({reply.found for reply in chosen}) > 1


def test_without_citations_the_answer_stays_and_nothing_proves_it(shelf: Mentor) -> None:
    found = _figures(shelf, "the answer without citations")
    for name in ("citation coverage", "citation recall", "faithfulness by answer"):
        assert found[name].value == 0.0, name
    assert found["quotes exact"].value is None
    row = _rows(shelf)["the answer without citations"]
    for case in CASES:
        answer = shelf.ask(case.question, case.history)
        reply = row(case)
        assert reply.outcome == answer.status
        assert [said.text for said in reply.said] == [s.text for s in answer.sentences]


def test_a_closed_book_cites_nothing_and_makes_no_point(shelf: Mentor) -> None:
    found = _figures(shelf, "closed book")
    assert (found["quotes exact"].value, found["quotes exact"].n) == (None, 0)
    for name in ("citation coverage", "faithfulness by answer", "key point recall"):
        assert found[name].value == 0.0, name
    assert found["key point recall"].n > 0
    assert found["refused when unanswerable"].value == 0.0


def test_who_refuses_always_is_half_right_and_says_nothing(shelf: Mentor) -> None:
    found = _figures(shelf, "refuse always")
    assert found["refused when unanswerable"].value == 1.0
    assert found["refused when answerable"].value == 1.0
    assert found["refusal, balanced accuracy"].value == 0.5
    assert found["key point recall"].value == 0.0
    assert found["faithfulness by answer"].value is None


@pytest.mark.parametrize("name", NAMES)
def test_no_trivial_system_raises_at_a_question_that_mentor_does_not_take(
    shelf: Mentor, name: str
) -> None:
    reply = _rows(shelf)[name](UNASKABLE)
    assert isinstance(reply, Reply)
    assert (reply.outcome == "failed") == bool(reply.error)
