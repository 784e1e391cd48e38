"""The checker's card: figures by hand for a scripted checker, controls that leave it nothing to
read, and the project's own labelled claims.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import write

from eval import card
from eval.cases import rows, script
from eval.metrics import Interval
from rag import Mentor, Span

CLAIMS = rows(card.ESSAYS)
HOWS = {
    "supported": {"paraphrase", "condensed", "translated", "attributed", "close"},
    "contradicted": set(
        "negation, quantifier, direction, number, name, speaker, splice, advice reversed".split(
            ", "
        )
    ),
    "absent": {"plausible", "overreach", "other topic"},
}


class Scripted:
    """A Checker that says of each pair what it was told to."""

    name, threshold = "scripted", 0.5

    def __init__(self, say: Callable[[str, str], float]) -> None:
        self._say = say

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [self._say(context, claim) for context, claim in pairs]


def _file(path: Path, *rows_: Mapping[str, Any]) -> Path:
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows_))
    return path


def _row(context: str, claim: str, label: str) -> dict[str, str]:
    return {"context": context, "claim": claim, "label": label}


# --- a labelled file ----------------------------------------------------------------------------

# (context, claim, label, what the scripted checker says with the context)
LABELLED = [
    ("one", "a", "supported", 0.9),
    ("one", "b", "contradicted", 0.6),
    ("two", "c", "supported", 0.6),
    ("two", "d", "absent", 0.1),
    ("three", "e", "supported", 0.4),
    ("三号文章", "丁", "supported", 0.7),
    ("三号文章", "戊", "absent", 0.2),
]
SURE = {(context, claim): sure for context, claim, _, sure in LABELLED}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    found = [_row(context, claim, label) for context, claim, label, _ in LABELLED]
    return _file(tmp_path / "tiny.claims.jsonl", *found)


def _known(context: str, claim: str) -> float:
    return SURE.get((context, claim), 0.3)


def _measured(path: Path, seed: int = 7) -> dict[tuple[str, str], card.Measured]:
    found = card.of_file(Scripted(_known), path, seed, 50)
    return {(row.name, row.pair): row for row in found}


def test_a_card_is_the_one_computed_by_hand(labelled: Path) -> None:
    found = _measured(labelled)
    whole, english, chinese = (found["tiny", pair] for pair in ("", "en-en", "zh-zh"))
    assert (whole.n, english.n, chinese.n) == (7, 5, 2)
    # of the pairs of a true and a false claim 0.9 wins three, 0.7 three, 0.6 two and half, 0.4 two
    assert whole.auc == pytest.approx((3 + 3 + 2.5 + 2) / 12)
    assert english.auc == pytest.approx((2 + 1.5 + 1) / 6)
    assert chinese.auc == 1.0
    # from 0.5 on: three of four that are true, and not two of three that are false
    assert whole.balanced == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert english.balanced == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert {row.threshold for row in found.values()} == {0.5}


def test_without_its_context_no_claim_is_told_from_another(labelled: Path) -> None:
    found = _measured(labelled)
    for pair in ("", "en-en", "zh-zh"):
        row = found["tiny, context withheld", pair]
        assert (row.auc, row.balanced, row.n) == (0.5, 0.5, found["tiny", pair].n)


def test_a_checker_that_reads_the_style_is_found_out_by_the_controls(labelled: Path) -> None:
    stylist = Scripted(lambda _, claim: float(claim in {"a", "c", "e", "丁"}))
    for row in card.of_file(stylist, labelled, 7, 50):
        assert row.auc == 1.0, row.name


def test_another_context_is_never_the_own_where_a_language_has_several(labelled: Path) -> None:
    asked: list[tuple[str, str]] = []

    def listen(context: str, claim: str) -> float:
        asked.append((context, claim))
        return 0.5

    card.of_file(Scripted(listen), labelled, 7, 50)
    with_own, without, with_other = asked[:7], asked[7:14], asked[14:]
    assert with_own == list(SURE)
    assert {context for context, _ in without} == {""}
    assert [claim for _, claim in with_other] == [claim for _, claim in with_own]
    for (own, _), (other, _) in zip(with_own, with_other, strict=True):
        assert script(own) == script(other)
        assert (own == other) == (own == "三号文章")  # the only Chinese one


def test_intervals_hold_their_value(labelled: Path) -> None:
    for row in _measured(labelled).values():
        assert _within(row.auc_interval, row.auc)
        assert _within(row.balanced_interval, row.balanced)


def _within(interval: Interval | None, value: float | None) -> bool:
    assert interval is not None
    assert value is not None
    return 0 <= interval[0] <= value <= interval[1] <= 1


def test_a_side_that_is_empty_has_no_value(tmp_path: Path) -> None:
    path = _file(tmp_path / "one.jsonl", _row("one", "a", "supported"))
    for row in card.of_file(Scripted(_known), path, 7, 50):
        assert (row.auc, row.auc_interval) == (None, None)
        assert (row.balanced, row.balanced_interval) == (None, None)
    assert card.of_file(Scripted(_known), _file(tmp_path / "none.jsonl"), 7, 50) == []


def test_claims_that_claim_nothing_are_left_out_and_answers_are_claims(tmp_path: Path) -> None:
    path = _file(
        tmp_path / "mixed.jsonl",
        _row("one", "Hello.", "generic"),
        {"context": "一号文章", "response": "An answer.", "label": "supported"},
        _row("one", "Made up.", "baseless"),
    )
    found = card.read(path)
    assert [(c.claim, c.supported, c.pair) for c in found] == [
        ("An answer.", True, "en-zh"),
        ("Made up.", False, "en-en"),
    ]
    assert len({c.cluster for c in found}) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"claim": "a", "label": "supported"}', "needs context"),
        ('{"context": "one", "claim": "a"}', "needs label"),
        ('{"context": "one", "claim": "a", "label": 1}', "needs label"),
        ('{"claim": "a"}', "needs context, label"),
        ('{"context": "one", "label": "supported"}', "needs claim or response"),
        ('["context", "claim", "label"]', "is no JSON object"),
        ('{"context": ', "is no JSON object"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_and_line(tmp_path: Path, line: str, says: str) -> None:
    good = json.dumps(_row("one", "a", "supported"))
    path = tmp_path / "wrong.jsonl"
    write(path, f"{good}\n\n{good}\n{line}\n")
    with pytest.raises(ValueError, match=rf"wrong\.jsonl, line 4: {says}"):
        card.read(path)


# --- attribution --------------------------------------------------------------------------------


def _answer(*sure: float, support: Sequence[int]) -> dict[str, Any]:
    """Return a row whose sentences say how sure the scripted checker is of them."""
    sentences = [str(value) for value in sure]
    return {"response": "r", "context_sentences": sentences, "support_sentences": list(support)}


READS = Scripted(lambda context, claim: float(claim) if context == "r" else 0.0)


def test_the_threshold_is_chosen_on_one_half_and_judged_on_the_other(tmp_path: Path) -> None:
    path = _file(
        tmp_path / "a.jsonl",
        _answer(0.9, 0.2, support=[0]),
        _answer(0.7, 0.8, support=[0]),
        # the second half: from 0.7 on it finds the first, the second and the fourth
        _answer(0.9, 0.7, 0.1, support=[0, 2]),
        _answer(0.8, 0.3, support=[0]),
    )
    found = card.attribution(READS, path)
    # 0.7 lets 0.9, 0.8 and 0.7 through, two of them right: F1 4/5; 0.9 alone has 2/3
    assert found == card.Attribution(
        pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 5, 0.7
    )


def test_of_equal_thresholds_the_lowest_is_taken(tmp_path: Path) -> None:
    half = [_answer(0.4, 0.3, 0.2, support=[0, 2])]  # all three: 4/5; two: 1/2; one: 2/3
    path = _file(tmp_path / "a.jsonl", *half, *half)
    assert card.attribution(READS, path).threshold == 0.2


def test_a_single_row_leaves_nothing_to_choose_on(tmp_path: Path) -> None:
    found = card.attribution(READS, _file(tmp_path / "a.jsonl", _answer(0.4, support=[])))
    assert found == card.Attribution(None, None, None, 1, 0.5)


def test_a_row_that_lacks_its_sentences_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.jsonl", _answer(0.4, support=[]), {"response": "r"})
    with pytest.raises(ValueError, match=r"a\.jsonl, line 2: needs context_sentences, support_"):
        card.attribution(READS, path)


# --- the claims about the essays ----------------------------------------------------------------


def test_every_context_stands_in_its_essay_word_for_word(shelf: Mentor) -> None:
    texts = {id_: document.text for id_, document in shelf.documents.items()}
    assert [row["id"] for row in CLAIMS if row["context"] not in texts[row["doc_id"]]] == []


def test_no_context_of_the_test_is_one_of_those_that_are_tuned_on(shelf: Mentor) -> None:
    spans: dict[str, set[tuple[str, Span]]] = {"dev": set(), "test": set()}
    for row in CLAIMS:
        at = shelf.documents[row["doc_id"]].text.index(row["context"])
        spans[row["split"]].add((row["doc_id"], Span(at, at + len(row["context"]))))
    shared = [
        (one, other)
        for doc_id, one in spans["dev"]
        for essay, other in spans["test"]
        if doc_id == essay and one.overlap(other)
    ]
    assert shared == []


def test_there_are_claims_of_every_label_in_both_languages_and_splits() -> None:
    assert len(CLAIMS) >= 200
    assert len({row["id"] for row in CLAIMS}) == len(CLAIMS)
    count = Counter((row["split"], row["lang"], row["label"]) for row in CLAIMS)
    for split in ("dev", "test"):
        for lang in ("zh", "en"):
            for label in HOWS:
                assert count[split, lang, label] >= 10, (split, lang, label)
    assert {row["doc_id"] for row in CLAIMS if row["split"] == "test"} == {
        row["doc_id"] for row in CLAIMS
    }


def test_how_a_claim_was_made_goes_with_its_label() -> None:
    assert {row["label"] for row in CLAIMS} == HOWS.keys()
    astray = [row["id"] for row in CLAIMS if row["how"] not in HOWS[row["label"]]]
    assert astray == []


def test_a_claim_is_in_its_language_and_no_copy_of_its_context() -> None:
    wrong = [
        row["id"]
        for row in CLAIMS
        if script(row["claim"]) != row["lang"] or row["claim"] in row["context"]
    ]
    assert wrong == []


def test_a_claim_stands_once_for_each_context() -> None:
    count = Counter((row["context"], row["claim"]) for row in CLAIMS)
    assert [pair for pair, n in count.items() if n > 1] == []


@pytest.fixture(scope="module")
def of_essays(shelf: Mentor) -> dict[tuple[str, str], card.Measured]:
    return {(row.name, row.pair): row for row in card.of_essays(shelf, 7, 20)}


def test_the_card_of_the_essays_has_its_controls_in_every_pair(
    of_essays: Mapping[tuple[str, str], card.Measured],
) -> None:
    pairs = ("", "en-en", "en-zh", "zh-en", "zh-zh")
    names = ("essays", "essays, context withheld", "essays, another context")
    assert list(of_essays) == [(name, pair) for name in names for pair in pairs]
    test = sum(row["split"] == "test" for row in CLAIMS)
    for name in names:
        assert of_essays[name, ""].n == sum(of_essays[name, p].n for p in pairs[1:]) == test


def test_without_its_context_the_shipped_checker_knows_exactly_nothing(
    of_essays: Mapping[tuple[str, str], card.Measured],
) -> None:
    for (name, _), row in of_essays.items():
        if name.endswith("withheld"):
            assert (row.auc, row.balanced) == (0.5, 0.5)


def test_the_shipped_threshold_is_that_of_the_dev_claims(shelf: Mentor) -> None:
    assert card.fitted_threshold(shelf) == pytest.approx(shelf.checker.threshold, abs=0.02)


def test_with_its_context_the_shipped_checker_knows_more_than_with_another(
    of_essays: Mapping[tuple[str, str], card.Measured],
) -> None:
    own, other = (of_essays[name, ""].auc for name in ("essays", "essays, another context"))
    assert own is not None
    assert other is not None
    assert own > other + 0.1
