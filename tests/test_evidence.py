"""How surely the shelf answers: a logistic model over features that can be computed by hand."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import read
from rag import Mentor, MissingModelError
from rag.evidence import Evidence, Model, Weights, features
from rag.lexical import Lexical
from rag.retrieve import Nearness

LEXICAL = Lexical.build(["reading papers", "renting gpus", "papers"])


def _near(
    questions: Sequence[float] = (),
    texts: Sequence[float] = (),
    words: Sequence[float] = (),
    decoys: Sequence[float] = (),
    asked: Sequence[float] = (),
    *,
    strange: float = 0.0,
    best_is_asked: bool = True,
    home: float = 1.0,
) -> Nearness:
    return Nearness(
        rows=np.arange(0),
        similar=np.zeros(0),
        floor=0.0,
        passages=np.arange(len(texts)),
        texts=np.array(texts, np.float64),
        questions=np.array(questions, np.float64),
        words=np.array(words, np.float64),
        asked=np.array(asked, np.float64),
        decoys=np.array(decoys, np.float64),
        is_asked=np.full(len(texts), best_is_asked),
        strange=strange,
        best_is_asked=best_is_asked,
        home=home,
    )


def _weights(**weight: float) -> Weights:
    names = weight.keys()
    return Weights(dict.fromkeys(names, 0.5), dict.fromkeys(names, 2.0), weight, 0.25, 0.4, 0.8)


def _model(**weight: float) -> Model:
    return Model(_weights(**weight), _weights(texts=0.0))


def test_features_are_what_they_say() -> None:
    asked, decoys = [0.95, 0.85, 0.6, 0.5, 0.4, 0.0], [0.6, 0.4, 0.2]
    near = _near(
        [0.2, 0.9, 0.5], [0.3, 0.7, 0.1], [0.0, 0.6, 0.4], decoys, asked, strange=0.3, home=0.7
    )
    found = features("renting quasars", near, LEXICAL)
    assert (found["strange"], found["home"]) == (0.3, 0.7)
    assert found["texts"] == pytest.approx(0.7)
    assert found["few"] == pytest.approx(0.9 - 0.5)  # the means of the first two
    assert found["more"] == pytest.approx(0.66 - 0.4)  # of the first five, or of all there are
    # nine vote: six beginner questions and three decoys, each by e^((similarity - 0.95) / 0.05)
    weight = [math.exp((similarity - 0.95) / 0.05) for similarity in asked + decoys]
    assert found["vote"] == pytest.approx(sum(weight[:6]) / sum(weight))
    assert found["covered"] == pytest.approx(0.6)
    # three texts: "renting" stands in one, ln(1 + 2.5 / 1.5); "quasars" in none, ln(1 + 3.5 / 0.5)
    renting, quasars = math.log(1 + 2.5 / 1.5), math.log(8)
    assert found["unseen"] == pytest.approx(quasars / (renting + quasars))


def test_what_cannot_be_told_counts_as_the_mean() -> None:
    evidence = Evidence(LEXICAL, _model(decoys=3.0))
    assert "decoys" not in features("papers", _near([0.1], [0.1], [0.1]), LEXICAL)
    alone, mean = (evidence("papers", _near([0.1], [0.1], [0.1], d)) for d in ([], [0.5]))
    assert alone == mean == pytest.approx(1 / (1 + math.exp(-0.25)))


def test_without_questions_and_decoys_nobody_votes() -> None:
    assert features("papers", _near([0.1], [0.1], [0.1]), LEXICAL)["vote"] == 0.0
    assert features("papers", _near(asked=[0.5]), LEXICAL)["vote"] == 1.0
    assert features("papers", _near(decoys=[0.5]), LEXICAL)["vote"] == 0.0


def test_words_that_all_stand_on_the_shelf_are_not_unseen() -> None:
    assert features("renting papers", _near([0.1], [0.1], [0.1]), LEXICAL)["unseen"] == 0.0


@pytest.mark.parametrize("question", ["", "?", "the", "的", "🔥", "quasars"])
def test_features_of_an_empty_shelf_are_finite(question: str) -> None:
    found = features(question, _near(), Lexical.build([]))
    assert all(map(math.isfinite, found.values()))


def test_evidence_follows_the_formula() -> None:
    evidence = Evidence(LEXICAL, _model(covered=3.0, texts=-1.0))
    # 0.25 + 3 * (0.9 - 0.5) / 2 - 1 * (0.7 - 0.5) / 2 = 0.75; 1 / (1 + e^-0.75) = 0.6792
    found = evidence("papers", _near([0.1], [0.7], [0.9]))
    assert found == pytest.approx(0.6792, abs=1e-4)


def test_more_of_what_speaks_for_an_answer_is_more_evidence() -> None:
    evidence = Evidence(LEXICAL, _model(texts=3.0))
    rising = [evidence("papers", _near([0.0], [near], [0.0])) for near in (-1, 0, 0.5, 0.9, 1)]
    assert rising == sorted(set(rising))


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5),
    weight=st.floats(-1e6, 1e6),
)
def test_evidence_is_always_between_nothing_and_one(values: list[float], weight: float) -> None:
    evidence = Evidence(LEXICAL, _model(covered=weight, texts=weight, few=weight))
    near = _near(values, values, np.abs(values).tolist(), values, values)
    assert 0.0 <= evidence("papers", near) <= 1.0


def test_a_question_in_the_words_of_a_beginner_question_is_as_sure_as_they_are_alike() -> None:
    evidence = Evidence(LEXICAL, _model(texts=0.0))
    assert evidence("papers", _near([0.1], [0.1], [0.1], asked=[0.97])) == pytest.approx(0.97)
    assert evidence("papers", _near([0.1], [0.1], [0.1], asked=[0.94])) < 0.6


def test_an_answer_is_direct_from_its_threshold_on() -> None:
    evidence = Evidence(LEXICAL, _model(texts=1.0))
    direct = [evidence.direct(_near(), value) for value in (0.0, 0.79, 0.8, 1.0)]
    assert direct == [False, False, True, True]


def test_a_best_passage_without_beginner_questions_has_weights_of_its_own() -> None:
    evidence = Evidence(LEXICAL, Model(_weights(covered=3.0), _weights(texts=5.0)))
    asked = _near([0.1], [0.7], [0.9])
    told = _near([0.1], [0.7], [0.9], best_is_asked=False)
    assert evidence("papers", asked) == pytest.approx(1 / (1 + math.exp(-0.85)))
    assert evidence("papers", told) == pytest.approx(1 / (1 + math.exp(-0.75)))


def test_weights_read_back_as_they_were_written(tmp_path: Path) -> None:
    model = Model(_weights(vote=1.5, home=-2.0), _weights(texts=1.0))
    (tmp_path / "evidence.json").write_text(json.dumps(asdict(model)), encoding="utf-8")
    assert Model.read(tmp_path / "evidence.json") == model


@pytest.mark.parametrize("text", ["{", "{}", "[]", "null", '{"asked": {}}', "", None])
def test_weights_that_cannot_be_read_say_what_to_mend(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "evidence.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(MissingModelError, match=r"evidence\.json") as caught:
        Model.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("which", ["asked", "told"])
def test_the_shipped_weights_belong_to_the_features(which: str) -> None:
    weights = getattr(Model.read(), which)
    names = features("papers", _near([0.1], [0.1], [0.1], [0.1]), LEXICAL).keys()
    assert weights.mean.keys() == weights.scale.keys() == weights.weight.keys()
    assert weights.weight.keys() <= names
    assert all(scale > 0 for scale in weights.scale.values())
    assert 0.0 < weights.below < weights.direct < 1.0


def test_a_question_near_to_a_decoy_has_less_evidence_than_without_it() -> None:
    evidence = Evidence(LEXICAL)
    apart = _near([0.8] * 10, [0.8] * 10, [0.5] * 10, [0.1], [0.9])
    beside = _near([0.8] * 10, [0.8] * 10, [0.5] * 10, [0.95], [0.9])
    assert evidence("papers", beside) < evidence("papers", apart)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_essays_own_questions_have_more_evidence_than_others(shelf: Mentor, lang: str) -> None:
    cases = [case for case in (*read("dev"), *read("tuning")) if case.lang == lang]
    inside = [shelf.weigh(case.question, case.history)[0] for case in cases if case.answerable]
    outside = [shelf.weigh(case.question, case.history)[0] for case in cases if not case.answerable]
    better = sum(one > other for one in inside for other in outside)
    assert better / (len(inside) * len(outside)) > 0.8  # the area under the ROC curve
