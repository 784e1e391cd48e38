"""A checker tells what a context supports; the shipped one keeps to its signs, always and alike."""

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fakes import WITHOUT_TORCH, WordPieces, cross_encoder
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag import Checker, MissingModelError, open_checker, reasons
from rag.align import Read
from rag.check import WEIGHTS, Retellings, Shipped, _Windowed, windows
from rag.drift import DRIFT
from rag.embed import open_entailment, open_pieces
from rag.signs import SIGNS, signs
from rag.text import sentences
from rag.trees import Trees

ROOT = Path(__file__).resolve().parent.parent

PHD = (
    "I spent six years on my PhD. In the first two years I read about 350 papers. My advisor met "
    "me every week. Most of my experiments failed. I moved to Boston in 2014."
)
PHD_ZH = (
    "我读博读了六年。头两年我读了大约350篇论文。导师每周都和我见面。我的大部分实验都失败了。"
    "我在2014年搬到了波士顿。"
)
RIVER = (
    "The river floods every spring. Farmers move their animals to the hills and wait for the water "
    "to fall."
)
RIVER_ZH = "这条河每年春天都会泛滥。农民把牲口赶到山上,等水退去。"


def read(text: str) -> Read:
    return Read.of(text, open_pieces())


def read_words(text: str) -> Read:
    return Read.of(text, WordPieces())


@pytest.fixture(scope="session")
def shipped() -> Checker:
    return open_checker("", offline=True)


# --- the shipped checker ------------------------------------------------------------------------

SAID = [
    ("In the first two years I read about 350 papers.", "350", "900"),
    ("I moved to Boston in 2014.", "2014", "2019"),
    ("I spent six years on my PhD.", "six", "nine"),
    ("头两年我读了大约350篇论文。", "350", "900"),
    ("我在2014年搬到了波士顿。", "2014", "2019"),
    ("我读博读了六年。", "六", "九"),
]


@pytest.mark.parametrize(("claim", "number", "other"), SAID)
@pytest.mark.parametrize("context", [PHD, PHD_ZH], ids=["English", "Chinese"])
def test_a_sentence_is_supported_more_than_with_another_number(
    shipped: Checker, context: str, claim: str, number: str, other: str
) -> None:
    true, false = shipped([(context, claim), (context, claim.replace(number, other))])
    assert true > false + 0.1


@pytest.mark.parametrize("claim", [claim for claim, _, _ in SAID])
def test_a_sentence_is_supported_by_its_text_and_not_by_another(
    shipped: Checker, claim: str
) -> None:
    own = PHD if claim.isascii() else PHD_ZH
    across = PHD_ZH if claim.isascii() else PHD
    texts = (own, across, RIVER, RIVER_ZH)
    said, told, *elsewhere = shipped([(text, claim) for text in texts])
    assert said > shipped.threshold
    assert told > max(elsewhere) + 0.3
    assert max(elsewhere) < shipped.threshold


@pytest.mark.parametrize(
    ("context", "question", "answer", "wrong"),
    [
        (PHD, "Q: How many papers did I read? A: {}", "350", "900"),
        (PHD, "Question: Where did I move? Answer: {}", "Boston", "London"),
        (PHD_ZH, "问:我读了多少篇论文? 答:{}", "350篇", "20篇"),
        (PHD_ZH, "问题:我哪一年搬家? 答案:{}", "2014年", "2019年"),
    ],
)
def test_an_answered_question_is_supported_more_than_with_another_answer(
    shipped: Checker, context: str, question: str, answer: str, wrong: str
) -> None:
    claims = [question.format(answer), question.format(wrong)]
    right, false = shipped([(context, claim) for claim in claims])
    assert right > shipped.threshold
    assert right > false + 0.1


@pytest.mark.parametrize("text", ["", " ", "\n\t", "!?。", "🔥🔥"])
def test_a_side_that_says_nothing_gives_no_support(shipped: Checker, text: str) -> None:
    assert shipped([(text, "I read."), ("I read.", text), (text, text)]) == [0.0, 0.0, 0.0]


def test_support_is_the_same_one_by_one_in_a_batch_and_again(shipped: Checker) -> None:
    claims = [claim for claim, _, _ in SAID]
    pairs = [(context, claim) for context in (PHD, PHD_ZH, RIVER, "") for claim in claims]
    found = shipped(pairs)
    assert shipped(pairs) == found
    assert [shipped([pair])[0] for pair in pairs] == found
    assert shipped(pairs[::-1]) == found[::-1]
    assert Shipped()(pairs) == found
    assert shipped([]) == []


def test_the_shipped_checker_has_a_name_of_its_weights_and_a_threshold(shipped: Checker) -> None:
    assert shipped.name == f"shipped-{json.loads(WEIGHTS.read_text(encoding='utf-8'))['stamp']}"
    assert 0.0 < shipped.threshold < 1.0


ODD = [
    "🔥" * 300,
    "!" * 10_000,
    "a" * 10_000,
    "论文" * 3000,
    "\ud800",
    "I read \udfff papers.\ud800",
    "\x00I\x00read\x00",
    "Q:" + " " * 10_000,
    "Q: A:",
    "问:" * 2000,
    "e\u0301" * 500,
    "\u202eabc\ufeff",
    "1," * 500,
    "(" * 5000,
    "「" * 5000,
]


@pytest.mark.parametrize("text", ODD, ids=[f"{text[:4]!r} {len(text)}" for text in ODD])
def test_odd_texts_are_judged_like_any_other(shipped: Checker, text: str) -> None:
    found = shipped([(text, "I read 350 papers."), (PHD, text), (text, text)])
    assert all(0.0 <= support <= 1.0 for support in found)


@given(context=st.text(st.characters(), max_size=80), claim=st.text(st.characters(), max_size=40))
def test_every_pair_of_texts_has_a_support(shipped: Checker, context: str, claim: str) -> None:
    [support] = shipped([(context, claim)])
    assert 0.0 <= support <= 1.0


FILLER = {
    "en": "The {} house stands on hill {}. ",
    "zh": "第{1}座山上有一间{0}房子。",
}


@pytest.mark.parametrize(("lang", "claim"), [("en", SAID[0][0]), ("zh", SAID[3][0])])
@pytest.mark.parametrize(("place", "size"), [(0, 400), (200, 400), (400, 400), (5000, 5000)])
def test_what_is_said_anywhere_in_a_long_text_is_found(
    shipped: Checker, lang: str, claim: str, place: int, size: int
) -> None:
    filler = [FILLER[lang].format("red blue green".split()[n % 3], n + 1000) for n in range(size)]
    long = "".join([*filler[:place], claim, " ", *filler[place:]])
    without, alone, found = shipped([("".join(filler), claim), (claim, claim), (long, claim)])
    assert found > shipped.threshold
    assert found > without + 0.3
    assert found > alone - 0.2


# --- signs --------------------------------------------------------------------------------------

PAIRS = [
    ("I read 350 papers.", PHD),
    ("我读了350篇论文。", PHD),
    ("Q: How many papers? A: 350", PHD_ZH),
    ("Kaiming did not say so.", RIVER_ZH),
    ("7", "8"),
    ("of the", "the"),
    ("🔥 x", "\x00 y"),
]


@pytest.mark.parametrize("cut", [read, read_words], ids=["shipped", "fake"])
@pytest.mark.parametrize(("claim", "context"), PAIRS)
def test_a_pair_has_exactly_the_known_signs_in_order(
    claim: str, context: str, cut: type[Read]
) -> None:
    found = signs(claim, context, cut)
    assert list(found) == list(SIGNS)
    assert all(type(value) is float and np.isfinite(value) for value in found.values())


@pytest.mark.parametrize(("claim", "context"), [("", PHD), (PHD, ""), ("", ""), (" ", "\n")])
def test_there_are_no_signs_where_a_side_says_nothing(claim: str, context: str) -> None:
    assert signs(claim, context, read) == {}


def test_every_sign_moves_the_answer_up_down_or_either_way() -> None:
    assert set(SIGNS.values()) == {-1, 0, 1}


def test_what_the_context_says_word_for_word_is_wholly_covered() -> None:
    found = signs("My advisor met me every week.", PHD, read)
    for name in ("covered", "covered_by_one", "weakest", "words", "words_of_one"):
        assert found[name] == pytest.approx(1.0)
    for name in ("unsaid", "rarest_unsaid", "numbers_missing", "denial_differs", "opposed"):
        assert found[name] == 0.0


@pytest.mark.parametrize(
    ("claim", "context", "sign"),
    [
        ("I read 900 papers.", PHD, "numbers_missing"),
        ("I did not read 350 papers.", "I read 350 papers.", "denial_differs"),
        ("我没有读350篇论文。", "我读了350篇论文。", "denies_alone"),
        ("Sales increased.", "Sales fell.", "opposed"),
        ("Hinton read papers.", "LeCun read papers.", "names_missing"),
        ("The gradient exploded.", "The river floods.", "unsaid"),
        ("论文", "paper", "crosses"),
        ("Q: Who? A: Ann", "Ann came.", "answers"),
    ],
)
def test_a_sign_shows_what_it_is_named_after(claim: str, context: str, sign: str) -> None:
    assert signs(claim, context, read)[sign] > 0.0
    assert signs(context, context, read)[sign] == 0.0


def test_an_answer_without_a_question_is_no_answered_question() -> None:
    for claim in ("A: 350", "Q: A: 350", "Q: How many? A:", "In DNA: 3", "Q: is RNA: 3"):
        assert signs(claim, PHD, read)["answers"] == 0.0


# --- windows ------------------------------------------------------------------------------------


def test_a_short_text_or_a_single_sentence_is_one_window() -> None:
    for text in (PHD, "word " * 1000, ""):
        assert list(windows(read(text))) == [text]


@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=40),
    size=st.integers(5, 40),
    chinese=st.booleans(),
)
def test_windows_hold_whole_sentences_cover_the_text_and_overlap(
    counts: list[int], size: int, chinese: bool
) -> None:
    said = [
        ("论文 " * n + f"第{at}。") if chinese else ("Paper " * n + f"ends {at}. ")
        for at, n in enumerate(counts)
    ]
    context = read("".join(said))
    spans = [span.of(context.text) for span in context.spans]
    found = list(windows(context, size))
    if len(context.ids) <= size:
        assert found == [context.text]
        return
    held = [[at for at, sentence in enumerate(spans) if sentence in window] for window in found]
    assert sorted({at for row in held for at in row}) == list(range(len(spans)))
    for window, row in zip(found, held, strict=True):
        assert row == list(range(row[0], row[-1] + 1))
        assert window.startswith(spans[row[0]])
        assert window.endswith(spans[row[-1]])
        assert len(row) == 1 or len(read(window).ids) <= size
    for before, after in pairwise(held):
        assert before[0] < after[0] <= before[-1] + 1
        assert after[0] <= before[-1] or len(before) == 1


# --- trees --------------------------------------------------------------------------------------


def _odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def _file(folder: Path, **changes: object) -> Path:
    """Write two trees: a stump on the first sign, and a tree of two levels on the next two."""
    kept = {
        "signs": list(SIGNS),
        "feature": [[0, -1, -1, -1, -1], [1, -1, 2, -1, -1]],
        "split": [[0.5, 0, 0, 0, 0], [0.3, 0, 0.7, 0, 0]],
        "left": [[1, 0, 0, 0, 0], [1, 0, 3, 0, 0]],
        "right": [[2, 0, 0, 0, 0], [2, 0, 4, 0, 0]],
        "value": [[0, -1.0, 2.0, 0, 0], [0, 0.25, 0, -0.5, 1.5]],
        "base": 0.125,
        "depth": 2,
        "threshold": 0.4,
        "stamp": "handmade",
    }
    path = folder / "checker.json"
    path.write_text(json.dumps(kept | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("first", "second", "third", "odds"),
    [
        (0.0, 0.0, 0.0, 0.125 - 1.0 + 0.25),
        (0.5, 0.3, 0.9, 0.125 - 1.0 + 0.25),  # what is just at the split goes left
        (0.6, 0.0, 0.0, 0.125 + 2.0 + 0.25),
        (0.0, 0.4, 0.7, 0.125 - 1.0 - 0.5),
        (1.0, 1.0, 1.0, 0.125 + 2.0 + 1.5),
    ],
)
def test_trees_add_up_the_leaves_that_a_row_falls_into(
    tmp_path: Path, first: float, second: float, third: float, odds: float
) -> None:
    trees = Trees.read(_file(tmp_path))
    row = np.zeros((1, len(SIGNS)))
    row[0, :3] = first, second, third
    [probability] = trees(row)
    assert _odds(probability) == pytest.approx(odds)


def test_rows_are_judged_each_for_itself(tmp_path: Path) -> None:
    trees = Trees.read(_file(tmp_path))
    rows = np.random.default_rng(7).random((50, len(SIGNS)))
    together = trees(rows)
    assert together.shape == (50,)
    assert [trees(row[None, :])[0] for row in rows] == together.tolist()
    assert len(set(together.tolist())) > 3


def test_a_checker_takes_its_name_and_threshold_from_its_file(tmp_path: Path) -> None:
    checker = Shipped(_file(tmp_path))
    assert (checker.name, checker.threshold) == ("shipped-handmade", 0.4)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", '"signs"', "\ufeff{}", json.dumps({"signs": list(SIGNS)}), "\x00"],
)
def test_a_damaged_file_is_one_line_that_says_to_check_it_out_again(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "checker.json").write_text(text, encoding="utf-8")
    with pytest.raises(MissingModelError, match="check it out again") as caught:
        Trees.read(tmp_path / "checker.json")
    assert str(tmp_path / "checker.json") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"feature": [[0, -1], [0]]}, {"split": [0.5]}, {"value": None}, {"left": [["a"]]}]
)
def test_trees_of_a_wrong_form_are_damaged(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(MissingModelError, match="check it out again"):
        Trees.read(_file(tmp_path, **changes))


def test_a_missing_or_cut_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match=r"nowhere\.json"):
        Trees.read(tmp_path / "nowhere.json")
    path = _file(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(MissingModelError, match="check it out again"):
        Trees.read(path)


@pytest.mark.parametrize("signs_", [[], list(SIGNS)[1:], list(SIGNS)[::-1], [*SIGNS, "mood"]])
def test_a_file_for_other_signs_says_to_fit_it_again(tmp_path: Path, signs_: list[str]) -> None:
    with pytest.raises(MissingModelError, match="fit it again") as caught:
        Trees.read(_file(tmp_path, signs=signs_))
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="session")
def trees() -> Trees:
    return Trees.read(WEIGHTS)


@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from([n for n in SIGNS if SIGNS[n]]))
def test_a_sign_never_moves_the_support_against_its_way(trees: Trees, seed: int, name: str) -> None:
    chance = np.random.default_rng(seed)
    rows = chance.random((36, len(SIGNS))) * chance.integers(0, 2, (36, len(SIGNS)))
    raised = rows.copy()
    raised[:, list(SIGNS).index(name)] += chance.random(36)
    moved = (trees(raised) - trees(rows)) * SIGNS[name]
    assert moved.min() >= -1e-5  # the leaves are written with six digits


def test_the_best_of_all_rows_is_supported_and_the_worst_is_not(trees: Trees) -> None:
    ways = np.array(list(SIGNS.values()))
    best, worst = trees(np.stack([ways > 0, ways < 0]).astype(float))
    assert worst < 0.1 < trees.threshold < 0.6 < best


@pytest.mark.parametrize(
    "changes",
    [
        {"feature": [[10**6, -1, -1, -1, -1], [1, -1, 2, -1, -1]]},
        {"left": [[9, 0, 0, 0, 0], [1, 0, 3, 0, 0]]},
        {"right": [[-1, 0, 0, 0, 0], [2, 0, 4, 0, 0]]},
        {"left": [[10**30, 0, 0, 0, 0], [1, 0, 3, 0, 0]]},
        {"base": "a lot"},
        {"base": None},
        {"depth": "deep\ndeeper"},
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"threshold": "half"},
    ],
)
def test_trees_that_lead_nowhere_are_damaged_and_not_found_out_in_an_answer(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(MissingModelError, match="check it out again") as caught:
        Trees.read(_file(tmp_path, **changes))
    assert "\n" not in str(caught.value)


# --- the checker of retellings ------------------------------------------------------------------

DRIFTED = [*SIGNS, *DRIFT]


def _retold(folder: Path, **changes: object) -> Path:
    """Write a checker that says 1/4 within a language, 3/4 across, whatever the signs."""
    leaf = {
        "signs": DRIFTED,
        "feature": [[-1]],
        "split": [[0]],
        "left": [[0]],
        "right": [[0]],
        "depth": 0,
        "threshold": 0.5,
        "value": [[0]],
    }
    kept = {
        "within": leaf | {"base": float(np.log(1 / 3)), "stamp": "one"},
        "across": leaf | {"base": float(np.log(3)), "stamp": "two"},
        "threshold": 0.2,
        "sure": 0.7,
    }
    path = folder / "retold.json"
    path.write_text(json.dumps(kept | changes), encoding="utf-8")
    return path


def test_a_retelling_is_judged_by_the_trees_of_its_language_or_across(tmp_path: Path) -> None:
    checker = Retellings(_retold(tmp_path))
    said, said_zh = SAID[0][0], SAID[3][0]
    pairs = [(PHD, said), (PHD_ZH, said_zh), (PHD_ZH, said), (PHD, said_zh)]
    assert checker(pairs) == pytest.approx([0.25, 0.25, 0.75, 0.75])
    assert checker(pairs[::-1]) == checker(pairs)[::-1]
    assert checker([]) == []


def test_a_checker_of_retellings_has_its_thresholds_and_a_name_of_its_trees(
    tmp_path: Path,
) -> None:
    checker = Retellings(_retold(tmp_path))
    assert (checker.name, checker.threshold, checker.sure) == ("retellings-one", 0.2, 0.7)


@pytest.mark.parametrize("text", ["", " ", "。", "🔥"])
def test_a_side_that_says_nothing_is_no_retelling(tmp_path: Path, text: str) -> None:
    checker = Retellings(_retold(tmp_path))
    assert checker([(text, "I read."), (PHD, text)]) == [0.0, 0.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"within": None},
        {"within": []},
        {"across": {}},
        {"across": "trees"},
        {"threshold": None},
        {"threshold": "half"},
        {"sure": "n\no"},
        {"sure": 2},
        {"threshold": float("nan")},
    ],
)
def test_a_damaged_checker_of_retellings_is_one_line_that_says_to_check_it_out_again(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = _retold(tmp_path, **changes)
    with pytest.raises(MissingModelError, match="check it out again") as caught:
        Retellings(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["within", "across", "threshold", "sure"])
def test_a_checker_of_retellings_that_lacks_a_part_is_damaged(tmp_path: Path, name: str) -> None:
    path = _retold(tmp_path)
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({k: v for k, v in kept.items() if k != name}), encoding="utf-8")
    with pytest.raises(MissingModelError, match="check it out again"):
        Retellings(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "7", "\x00"])
def test_a_file_that_holds_no_checker_of_retellings_is_told_in_one_line(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "retold.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MissingModelError, match="check it out again") as caught:
        Retellings(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(MissingModelError, match=r"nowhere\.json"):
        Retellings(tmp_path / "nowhere.json")


@pytest.mark.parametrize("signs_", [list(SIGNS), [*DRIFTED, "mood"], DRIFTED[::-1]])
def test_a_checker_of_retellings_for_other_signs_says_to_fit_it_again(
    tmp_path: Path, signs_: list[str]
) -> None:
    path = _retold(tmp_path)
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["across"]["signs"] = signs_
    path.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(MissingModelError, match="fit it again"):
        Retellings(path)


def test_the_shipped_checker_of_retellings_is_opened_once_and_is_another(
    shipped: Checker,
) -> None:
    checker = open_checker("", offline=True, retold=True)
    assert checker is open_checker("", offline=False, retold=True)
    assert checker.name != shipped.name
    assert 0.0 < checker.threshold < checker.sure < 1.0
    assert shipped.sure == shipped.threshold


@pytest.mark.parametrize(
    ("context", "claim", "lies"),
    [
        (
            PHD,
            "The first two years went into reading about 350 papers.",
            ["The river floods every spring.", "Nobody should ever read a single paper."],
        ),
        (
            PHD_ZH,
            "头两年读了大约350篇论文。",
            ["这条河每年春天都会泛滥。", "谁都绝对不要读任何论文。"],
        ),
    ],
)
def test_a_true_retelling_is_supported_and_what_nobody_said_is_not(
    context: str, claim: str, lies: list[str]
) -> None:
    checker = open_checker("", offline=True, retold=True)
    true, *false = checker([(context, text) for text in (claim, *lies)])
    assert true >= checker.sure
    assert max(false) < checker.threshold


@given(context=st.text(max_size=80), claim=st.text(max_size=40))
def test_every_retelling_of_any_text_has_a_support(context: str, claim: str) -> None:
    [support] = open_checker("", offline=True, retold=True)([(context, claim)])
    assert 0.0 <= support <= 1.0


# --- reasons ------------------------------------------------------------------------------------


def test_a_supported_claim_has_nothing_against_it() -> None:
    assert reasons("I read 350 papers.", "I read 350 papers.") == []


def test_reasons_name_the_words_numbers_and_negations_that_speak_against_a_claim() -> None:
    said = " ".join(reasons("I read 350 papers.", "I never read 900 violins."))
    assert "violin" in said
    assert "900" in said
    assert "350" not in said
    assert "denies" in said


@pytest.mark.parametrize(("context", "claim"), [("", "a"), ("a", ""), ("!", "?"), ("\ud800", "x")])
def test_what_says_nothing_is_a_reason(context: str, claim: str) -> None:
    assert len(reasons(context, claim)) == 1


@given(context=st.text(max_size=40), claim=st.text(max_size=40))
def test_every_pair_has_reasons_of_one_line(context: str, claim: str) -> None:
    assert all(isinstance(reason, str) and reason for reason in reasons(context, claim))


# --- long contexts of a cross-encoder -----------------------------------------------------------


class Reader:
    """An Entailment that reads forty characters, and finds what stands in them."""

    name = "reader"
    _LIMIT = 40

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def fits(self, context: str, claim: str) -> bool:
        return len(context) + len(claim) <= self._LIMIT

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.seen += pairs
        return [float(claim in context) for context, claim in pairs]


STORY = "One is red. Two is blue. Three is green. Four is black. Five is white."


def test_a_context_that_fits_is_read_as_it_is() -> None:
    reader = Reader()
    assert _Windowed(reader)([("One is red.", "red"), ("Two is blue.", "red")]) == [1.0, 0.0]
    assert reader.seen == [("One is red.", "red"), ("Two is blue.", "red")]


@pytest.mark.parametrize("claim", ["red", "blue", "green", "black", "white", "is white."])
def test_a_long_context_is_read_in_overlapping_stretches_of_whole_sentences(claim: str) -> None:
    reader = Reader()
    assert _Windowed(reader)([(STORY, claim)]) == [1.0]
    parts = [context for context, _ in reader.seen]
    told = [span.of(STORY) for span in sentences(STORY)]
    assert len(parts) > 1
    assert all(reader.fits(part, claim) for part in parts)
    held = [[at for at, sentence in enumerate(told) if sentence in part] for part in parts]
    assert {at for row in held for at in row} == set(range(5))
    assert all(part.startswith(told[row[0]]) for part, row in zip(parts, held, strict=True))
    assert all(set(before) & set(after) for before, after in pairwise(held))


def test_scores_come_back_to_their_pairs_however_many_parts_each_has() -> None:
    pairs = [(STORY, "white"), ("", "x"), ("One is red.", "red"), (STORY, "pink"), ("a", " ")]
    assert _Windowed(Reader())(pairs) == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert _Windowed(Reader())([]) == []


@pytest.mark.parametrize("context", ["x" * 500 + "red", "red" + "x" * 500, "。" * 90 + "red"])
def test_a_sentence_that_is_too_long_is_cut_rather_than_read_in_part(context: str) -> None:
    reader = Reader()
    assert _Windowed(reader)([(context, "red")]) == [1.0]
    assert all(reader.fits(*pair) for pair in reader.seen)


def test_a_claim_that_leaves_no_room_is_not_supported_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = Reader()
    assert _Windowed(reader)([("x" * 50, "x" * 40), ("One is red.", "red")]) == [0.0, 1.0]
    assert "cannot read a claim of 40 characters" in caplog.text
    assert reader.seen == [("One is red.", "red")]


# --- real cross-encoders ------------------------------------------------------------------------

CONTEXTS = ["choose a topic", "read a paper 写作", "topic", "课题 论文"]


@pytest.fixture(scope="session")
def scoring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cross_encoder(tmp_path_factory.mktemp("one"), ["LABEL_0"])


@pytest.fixture(scope="session")
def inferring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = ["contradiction", "entailment", "neutral"]
    return cross_encoder(tmp_path_factory.mktemp("three"), labels)


def _raw(model: Path, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    from sentence_transformers import CrossEncoder
    from torch import nn

    encoder = CrossEncoder(str(model), device="cpu", local_files_only=True)
    return np.asarray(encoder.predict(list(pairs), activation_fn=nn.Identity()))


def test_a_cross_encoder_with_one_score_gives_a_probability(scoring: Path) -> None:
    pairs = [(context, "read a paper") for context in CONTEXTS]
    checker = open_checker(f"cross-encoder:{scoring}", offline=True)
    wanted = 1 / (1 + np.exp(-_raw(scoring, pairs)))
    assert checker(pairs) == pytest.approx(wanted.tolist(), abs=1e-5)
    assert checker.name == f"cross-encoder:{scoring}"
    assert checker.threshold == 0.5


def test_a_score_that_its_model_leaves_raw_becomes_a_probability_too(tmp_path: Path) -> None:
    model = cross_encoder(tmp_path, ["LABEL_0"], raw=True)
    pairs = [(context, "read a paper") for context in CONTEXTS]
    found = open_checker(f"cross-encoder:{model}", offline=True)(pairs)
    assert found == pytest.approx((1 / (1 + np.exp(-_raw(model, pairs)))).tolist(), abs=1e-5)


def test_the_label_that_means_entailment_is_found_by_its_name(inferring: Path) -> None:
    pairs = [(context, "read a paper") for context in CONTEXTS]
    shares = np.exp(_raw(inferring, pairs))
    wanted = (shares / shares.sum(axis=1, keepdims=True))[:, 1]
    found = open_checker(f"cross-encoder:{inferring}", offline=True)(pairs)
    assert found == pytest.approx(wanted.tolist(), abs=1e-5)
    assert len(set(found)) == len(CONTEXTS)


@pytest.mark.parametrize(
    ("labels", "at"),
    [
        (["not_entailment", "entailment"], 1),
        (["Supported", "Unsupported"], 0),
        (["factually inconsistent", "factually consistent"], 1),
        (["REFUTES", "NOT ENOUGH INFO", "SUPPORTS"], 2),
        (["no entailment", "ENTAILMENT"], 1),
    ],
)
def test_a_label_that_denies_entailment_is_told_apart(
    tmp_path: Path, labels: list[str], at: int
) -> None:
    model = cross_encoder(tmp_path, labels)
    pairs = [(context, "read a paper") for context in CONTEXTS]
    shares = np.exp(_raw(model, pairs))
    wanted = (shares / shares.sum(axis=1, keepdims=True))[:, at]
    found = open_checker(f"cross-encoder:{model}", offline=True)(pairs)
    assert found == pytest.approx(wanted.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    "labels", [["LABEL_0", "LABEL_1", "LABEL_2"], ["good", "bad"], ["entails", "supports"]]
)
def test_labels_that_do_not_say_which_means_entailment_are_refused(
    tmp_path: Path, labels: list[str]
) -> None:
    message = _refused(f"cross-encoder:{cross_encoder(tmp_path, labels)}")
    assert "MENTOR_CHECKER" in message
    for label in labels:
        assert label in message


def test_an_encoder_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    message = _refused(f"cross-encoder:{cross_encoder(tmp_path, [])}")
    assert "MENTOR_CHECKER needs a cross-encoder" in message


@pytest.mark.parametrize("context", ["Read a paper. Choose a topic. " * 60, "topic " * 400])
def test_a_real_cross_encoder_reads_a_long_context_to_its_end(
    inferring: Path, context: str
) -> None:
    model = open_entailment(str(inferring), offline=True)
    checker = _Windowed(model)
    parts = list(checker._parts(context, "choose a paper"))
    assert len(parts) > 3
    assert all(model.fits(part, "choose a paper") for part in parts)
    assert not model.fits(context, "choose a paper")
    assert context.strip().startswith(parts[0])
    assert context.strip().endswith(parts[-1].strip())
    [score] = checker([(context, "choose a paper")])
    assert score == max(model([(part, "choose a paper") for part in parts]))


def test_odd_texts_are_judged_by_a_cross_encoder_like_any_other(inferring: Path) -> None:
    checker = open_checker(f"cross-encoder:{inferring}", offline=True)
    odd = ["\ud800", "🔥" * 100, "\x00", "!?", "a \udfff b"]
    found = checker([(text, "read") for text in odd] + [("read", text) for text in odd])
    assert all(0.0 <= support <= 1.0 for support in found)
    assert checker([]) == []
    assert checker([("", "read"), ("read", "")]) == [0.0, 0.0]


# --- opening ------------------------------------------------------------------------------------


def _refused(name: str) -> str:
    with pytest.raises(MissingModelError) as caught:
        open_checker(name, offline=True)
    message = str(caught.value)
    assert "\n" not in message
    assert name.removeprefix("cross-encoder:") in message
    return message


def test_the_shipped_checker_is_opened_once(shipped: Checker) -> None:
    assert open_checker("", offline=False) is shipped


@pytest.mark.parametrize("name", ["shipped", "cross-encoder", "cross-encoder:", "chat:", "gpt:x"])
def test_a_name_of_no_kind_is_told_which_kinds_there_are(name: str) -> None:
    message = _refused(name)
    for part in ("MENTOR_CHECKER", "cross-encoder:MODEL", "chat:PROVIDER:MODEL"):
        assert part in message


@pytest.mark.parametrize("name", ["nobody/no-such-model", "/no/such/folder"])
def test_a_cross_encoder_that_is_not_here_is_refused_with_the_next_step(name: str) -> None:
    message = _refused(f"cross-encoder:{name}")
    assert "MENTOR_OFFLINE=false" in message
    assert "MENTOR_CHECKER" in message


def test_the_light_install_checks_with_the_shipped_checker_alone() -> None:
    program = (
        f"{WITHOUT_TORCH}from rag import MissingModelError, open_checker\n"
        "checker = open_checker('', offline=True)\n"
        "[support] = checker([('I read a paper.', 'I read a paper.')])\n"
        "assert support > checker.threshold\n"
        "try:\n"
        "    open_checker('cross-encoder:some/model', offline=True)\n"
        "except MissingModelError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    for part in ("some/model", "make install", "MENTOR_CHECKER"):
        assert part in done.stdout


def test_next_to_no_support_is_none(shipped: Checker) -> None:
    texts = [PHD, PHD_ZH, RIVER, RIVER_ZH]
    found = shipped([(text, claim) for text in texts for claim, _, _ in SAID])
    assert 0.0 in found
    assert [score for score in found if 0.0 < score < 0.03] == []
