"""How surely the shelf answers: a logistic model over features that can be computed by hand."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import read
from rag import Mentor, MissingModelError
from rag.evidence import Evidence, Weights, features
from rag.lexical import Lexical
from rag.retrieve import Nearness

LEXICAL = Lexical.build(["reading papers", "renting gpus", "papers"])


def _near(
    questions: Sequence[float] = (),
    texts: Sequence[float] = (),
    words: Sequence[float] = (),
    decoys: Sequence[float] = (),
    asked: float = 0.0,
) -> Nearness:
    return Nearness(
        views=(),
        texts=np.array(texts, np.float64),
        questions=np.array(questions, np.float64),
        words=np.array(words, np.float64),
        decoys=decoys,
        asked=asked,
    )


def _weights(**weight: float) -> Weights:
    names = weight.keys()
    return Weights(dict.fromkeys(names, 0.5), dict.fromkeys(names, 2.0), weight, 0.25, 0.8)


def test_features_are_what_they_say() -> None:
    near = _near([0.2, 0.9, 0.5], [0.3, 0.7, 0.1], [0.0, 1.2, 0.4], [0.6, 0.4], 0.95)
    found = features("renting quasars", near, LEXICAL)
    assert found["questions"] == pytest.approx(0.9)
    assert found["texts"] == pytest.approx(0.7)
    assert found["margin"] == pytest.approx(0.95 - 0.6)
    assert found["gap"] == pytest.approx(0.9 - 0.2)
    # three texts: "renting" stands in one, ln(1 + 2.5 / 1.5); "quasars" in none, ln(1 + 3.5 / 0.5)
    renting, quasars = math.log(1 + 2.5 / 1.5), math.log(8)
    assert found["covered"] == pytest.approx(1.2 / (renting + quasars))
    assert found["unseen"] == pytest.approx(quasars / (renting + quasars))


def test_the_gap_is_measured_to_the_tenth_passage() -> None:
    falling = [1.0 - at / 20 for at in range(20)]
    found = features("papers", _near(falling, falling, falling), LEXICAL)
    assert found["gap"] == pytest.approx(0.45)  # 1.0 less the tenth, 1 - 9/20


def test_words_that_all_stand_on_the_shelf_are_not_unseen() -> None:
    assert features("renting papers", _near([0.1], [0.1], [0.1]), LEXICAL)["unseen"] == 0.0


@pytest.mark.parametrize("question", ["", "?", "the", "的", "🔥", "quasars"])
def test_features_of_an_empty_shelf_are_finite(question: str) -> None:
    found = features(question, _near(), Lexical.build([]))
    assert all(map(math.isfinite, found.values()))


def test_evidence_follows_the_formula() -> None:
    evidence = Evidence(LEXICAL, _weights(questions=3.0, texts=-1.0))
    # 0.25 + 3 * (0.9 - 0.5) / 2 - 1 * (0.7 - 0.5) / 2 = 0.75; 1 / (1 + e^-0.75) = 0.6792
    found = evidence("papers", _near([0.9], [0.7], [0.1]))
    assert found == pytest.approx(0.6792, abs=1e-4)


def test_more_of_what_speaks_for_an_answer_is_more_evidence() -> None:
    evidence = Evidence(LEXICAL, _weights(questions=3.0))
    rising = [evidence("papers", _near([near], [0.0], [0.0])) for near in (-1, 0, 0.5, 0.9, 1)]
    assert rising == sorted(set(rising))


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5),
    weight=st.floats(-1e6, 1e6),
)
def test_evidence_is_always_between_nothing_and_one(values: list[float], weight: float) -> None:
    evidence = Evidence(LEXICAL, _weights(questions=weight, texts=weight, margin=weight))
    near = _near(values, values, np.abs(values).tolist(), values, values[0])
    assert 0.0 <= evidence("papers", near) <= 1.0


def test_an_answer_is_direct_from_its_threshold_on() -> None:
    evidence = Evidence(LEXICAL, _weights(questions=1.0))
    assert [evidence.direct(value) for value in (0.0, 0.79, 0.8, 1.0)] == [False, False, True, True]


def test_weights_read_back_as_they_were_written(tmp_path: Path) -> None:
    weights = _weights(questions=1.5, gap=-2.0)
    record = {name: getattr(weights, name) for name in Weights.__slots__}
    (tmp_path / "evidence.json").write_text(json.dumps(record), encoding="utf-8")
    assert Weights.read(tmp_path / "evidence.json") == weights


@pytest.mark.parametrize("text", ["{", "{}", "[]", "null", "", None])
def test_weights_that_cannot_be_read_say_what_to_mend(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "evidence.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(MissingModelError, match=r"evidence\.json") as caught:
        Weights.read(path)
    assert "\n" not in str(caught.value)


def test_the_shipped_weights_belong_to_the_features() -> None:
    weights = Weights.read()
    names = features("papers", _near([0.1], [0.1], [0.1]), LEXICAL).keys()
    assert weights.mean.keys() == weights.scale.keys() == weights.weight.keys()
    assert weights.weight.keys() <= names
    assert all(scale > 0 for scale in weights.scale.values())
    assert 0.5 <= weights.direct < 1.0


def test_a_question_near_to_a_decoy_has_less_evidence_than_without_it() -> None:
    evidence = Evidence(LEXICAL)
    apart = _near([0.8] * 10, [0.8] * 10, [0.5] * 10, [0.1], 0.9)
    beside = _near([0.8] * 10, [0.8] * 10, [0.5] * 10, [0.95], 0.9)
    assert evidence("papers", beside) < evidence("papers", apart)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_essays_own_questions_have_more_evidence_than_others(shelf: Mentor, lang: str) -> None:
    cases = [case for case in (*read("dev"), *read("tuning")) if case.lang == lang]
    inside = [shelf.weigh(case.question)[0] for case in cases if case.answerable]
    outside = [shelf.weigh(case.question)[0] for case in cases if not case.answerable]
    better = sum(one > other for one in inside for other in outside)
    assert better / (len(inside) * len(outside)) > 0.8  # the area under the ROC curve
