"""What the judges ask: questions, gold and key points that can be found, and a fit on them.

A failure names cases by id: the test questions are not to be read while anything is tuned.
"""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from fakes import write
from hypothesis import given
from hypothesis import strategies as st

from eval import calibrate
from eval.card import ESSAYS
from eval.cases import (
    POINTS,
    QUESTIONS,
    Split,
    covers,
    is_gold,
    locate,
    numbered,
    read,
    read_texts,
    rows,
    script,
)
from rag import Document, Mentor, Passage, Span, Speaker
from rag import locate as stands
from rag.evidence import Model, Weights
from rag.split import split

ROOT = Path(__file__).resolve().parent.parent
SORT = {"kind": "single", "style": "plain"}
SPLITS: tuple[Split, ...] = get_args(Split)


def _document(text: str, doc_id: str = "essay") -> Document:
    return Document(
        *(doc_id, "Title", "作者", "the author", "", "", "", "", "zh", "CC0", "", "0" * 64),
        text=text,
        speakers=(Speaker("作者", "the author"),),
    )


# --- cases --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n"), [("dev", 250), ("test", 250), ("tuning", 150)])
def test_every_split_has_its_cases_in_both_languages(name: Split, n: int) -> None:
    cases = read(name)
    assert len({case.id for case in cases}) == len(cases) >= n
    assert {case.lang for case in cases} == {"zh", "en"}
    assert {case.answerable for case in cases} == {True, False}


@pytest.mark.parametrize("name", SPLITS)
def test_every_gold_quote_stands_in_its_essay(shelf: Mentor, name: Split) -> None:
    lost = []
    for case in read(name):
        for doc_id, quote in case.gold:
            try:
                span = locate(shelf.documents[doc_id], quote)
            except (KeyError, ValueError):
                lost.append(case.id)
                continue
            found = span.of(shelf.documents[doc_id].text)
            if "".join(found.split()) != "".join(quote.split()):
                lost.append(case.id)
    assert lost == []


@pytest.mark.parametrize("name", SPLITS)
def test_every_answerable_case_has_a_gold_passage(shelf: Mentor, name: Split) -> None:
    passages = [p for document in shelf.documents.values() for p in split(document, 400)]
    without = []
    for case in read(name):
        gold = [(id_, locate(shelf.documents[id_], quote)) for id_, quote in case.gold]
        if gold and not any(is_gold(passage, gold) for passage in passages):
            without.append(case.id)
    assert without == []


def test_no_question_stands_in_two_splits_or_among_the_essays_own(shelf: Mentor) -> None:
    known = {q.text for document in shelf.documents.values() for q in document.questions}
    known |= set((ROOT / "corpus/questions/unanswered.txt").read_text("utf-8").splitlines())
    doubled = []
    for name in SPLITS:
        cases = read(name)
        doubled += [case.id for case in cases if case.question in known]
        known |= {case.question for case in cases}
    assert doubled == []


def test_the_two_languages_of_a_golden_topic_share_split_and_gold() -> None:
    topics: dict[str, set[tuple[str, object]]] = {}
    for name in ("dev", "test"):
        for case in read(name):
            topics.setdefault(case.topic, set()).add((name, case.gold))
    assert len(topics) >= 250
    assert [topic for topic, found in topics.items() if len(found) != 1] == []


def test_the_page_about_the_questions_counts_them_rightly() -> None:
    page = (QUESTIONS / "README.md").read_text(encoding="utf-8")
    golden, claims = rows(QUESTIONS / "golden.jsonl"), rows(ESSAYS)
    answered = {row["topic"] for row in golden if row["gold"]}
    topics = {row["topic"] for row in golden}
    labels = Counter(row["label"] for row in claims)
    for text in (
        f"{len(golden)} rows, {len(topics)} topics",
        f"{len(answered)} topics are answered by the essays; the other {len(topics - answered)}",
        f"{len(rows(QUESTIONS / 'tuning.jsonl'))} rows more",
        f"`dev` ({len(read('dev'))} rows)",
        f"`test` ({len(read('test'))} rows)",
        f"each of the {len(answered)} answered golden topics",
        f"{len(claims)} claims about {len({row['context'] for row in claims})} stretches",
        *(f"`{label}` ({n})" for label, n in labels.items()),
    ):
        assert text in page, text
    words = {row[name] for row in golden for name in ("kind", "style")}
    words |= {row["how"] for row in claims} | {name for row in golden for name in row}
    assert [word for word in words if f"`{word}`" not in page] == []


def test_every_answerable_golden_topic_has_two_to_five_key_points() -> None:
    answerable = {c.topic for name in SPLITS[:2] for c in read(name) if c.answerable}
    listed = [row["topic"] for row in rows(POINTS)]
    assert len(listed) == len(set(listed))
    assert set(listed) == answerable
    assert [row["topic"] for row in rows(POINTS) if not 2 <= len(row["points"]) <= 5] == []


def test_the_words_that_prove_a_key_point_stand_in_the_gold_of_its_topic() -> None:
    lost, n = [], 0
    for case in (case for name in SPLITS for case in read(name)):
        for point in case.points:
            n += 1
            if not any(stands(point.quote, quote) for _, quote in case.gold):
                lost.append(case.id)
    assert n > 300
    assert lost == []


def test_a_key_point_is_told_in_both_languages_and_once() -> None:
    wrong = []
    for case in (case for name in SPLITS for case in read(name)):
        told = {text for point in case.points for text in (point.zh, point.en)}
        if len(told) < 2 * len(case.points) or any(
            script(point.en) == "zh" or not re.search("[\u4e00-\u9fff]", point.zh)
            for point in case.points
        ):
            wrong.append(case.id)
    assert wrong == []


def test_only_a_golden_case_that_is_answerable_has_key_points() -> None:
    for name in SPLITS:
        for case in read(name):
            assert bool(case.points) == (case.answerable and name != "tuning"), case.id


def test_no_passage_is_gold_for_tuning_and_for_the_test(shelf: Mentor) -> None:
    passages = [p for document in shelf.documents.values() for p in split(document, 400)]
    gold = {
        name: {
            passage.id
            for case in read(name)
            for passage in passages
            if is_gold(passage, [(id_, locate(shelf.documents[id_], q)) for id_, q in case.gold])
        }
        for name in SPLITS
    }
    assert gold["test"] & (gold["dev"] | gold["tuning"]) == set()
    assert len(gold["test"]) >= 35


def test_no_test_question_is_nearly_one_of_the_essays_own(shelf: Mentor) -> None:
    known = [q.text for document in shelf.documents.values() for q in document.questions]
    known += (ROOT / "corpus/questions/unanswered.txt").read_text("utf-8").splitlines()
    sizes = [len(_grams(text)) for text in known]
    holding: dict[str, list[int]] = {}
    for at, text in enumerate(known):
        for gram in _grams(text):
            holding.setdefault(gram, []).append(at)
    near = []
    for case in read("test"):
        asked = _grams(case.question)
        shared = Counter(at for gram in asked for at in holding.get(gram, ()))
        # both less what is common: the size of the union
        nearest = max((n / (len(asked) + sizes[at] - n) for at, n in shared.items()), default=0.0)
        # a follow-up is short, and read with the question before it
        if nearest >= 0.5 and not case.history:
            near.append(case.id)
    assert near == []


def _grams(text: str) -> set[str]:
    """Return runs of three Latin letters or two Chinese ones."""
    flat = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())
    size = 3 if flat[:1] < "\u3000" else 2
    return {flat[at : at + size] for at in range(len(flat) - size + 1)} or {flat}


def test_cases_are_read_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    row = {"topic": "t", "lang": "en", "question": "a\u2028b", "gold": []} | SORT
    splits = {"1": "dev", "2": "test", "3": "dev"}
    rows = [row | {"id": id_, "split": name} for id_, name in splits.items()]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    write(tmp_path / "b.jsonl", "\n".join(lines) + "\n\n")
    write(tmp_path / "a.jsonl", json.dumps(row | {"id": "0", "split": "dev"}))
    assert [case.id for case in read("dev", tmp_path)] == ["0", "1", "3"]
    assert [case.id for case in read("tuning", tmp_path)] == []
    assert not read("dev", tmp_path)[0].answerable


def test_a_case_without_a_list_of_gold_is_named(tmp_path: Path) -> None:
    row = {"id": "g1", "topic": "t", "lang": "en", "split": "dev", "question": "?", "gold": "none"}
    row |= SORT
    write(tmp_path / "a.jsonl", json.dumps(row))
    with pytest.raises(TypeError, match="g1"):
        read("dev", tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"id": 1}', "line 3: needs text"),
        ("{}", "line 3: needs id, text"),
        ("[1, 2]", "line 3: is no JSON object"),
        ("null", "line 3: is no JSON object"),
        ('{"id": ', "line 3: is no JSON object"),
    ],
)
def test_a_line_that_is_no_row_is_named_with_its_file(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "rows.jsonl"
    write(path, f'{{"id": 1, "text": "a"}}\n\n{line}\n')
    with pytest.raises(ValueError, match=says) as caught:
        rows(path, "id", "text")
    assert str(caught.value).startswith(str(path))


def test_a_file_in_another_encoding_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"text": "好"}\n'.encode("gb18030"))
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 1"):
        rows(path)


def test_rows_come_with_their_lines_and_are_cut_at_line_feeds_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"text": "a\u2028\x85b"}\r\n \n{"text": "c"}'.encode())
    found = list(numbered(path))
    assert found == [(1, {"text": "a\u2028\x85b"}), (3, {"text": "c"})]
    assert rows(path) == [row for _, row in found]


def test_texts_of_public_sets_are_read_by_either_name(tmp_path: Path) -> None:
    rows = [{"text": "one"}, {"question": "two"}, {"id": 3}, {"text": "", "question": "four"}]
    write(tmp_path / "q.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert read_texts(tmp_path / "q.jsonl") == ["one", "two", "four"]


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("好奇心 最重要。", "好奇心最重要。"),
        ("第一行。\n第二行", "第一行。\n\n- 第二行"),
        ("a\u00a0b", "a  b"),
        ("𠮷野家", "𠮷野家"),
    ],
)
def test_a_quote_is_located_whatever_its_blanks(quote: str, found: str) -> None:
    text = f"开头。{found}结尾。".replace("- ", "")
    document = _document(text)
    assert locate(document, quote).of(text) == found.replace("- ", "")


@pytest.mark.parametrize("quote", ["不在这里", "", " \n"])
def test_a_quote_that_stands_nowhere_is_an_error(quote: str) -> None:
    with pytest.raises(ValueError, match="essay"):
        locate(_document("开头。结尾。"), quote)


@pytest.mark.parametrize(
    ("span", "gold"),
    [
        (Span(0, 10), True),  # all of it
        (Span(0, 6), True),  # four of eight
        (Span(0, 5), False),  # three of eight
        (Span(10, 20), False),  # it ends where the passage begins
    ],
)
def test_a_passage_is_gold_that_holds_half_of_a_gold_quote(span: Span, gold: bool) -> None:
    passage = Passage("essay", span, "…", (), "作者")
    assert covers(span, Span(2, 10)) == gold
    assert is_gold(passage, [("other", span), ("essay", Span(2, 10))]) == gold
    assert not is_gold(passage, [("other", Span(2, 10))])
    assert not is_gold(passage, [])


# --- calibration --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(shelf: Mentor) -> Weights:
    cases = [*read("dev"), *read("tuning")]
    return Weights(**calibrate.fit(shelf, cases, calibrate.ASKED))


def test_the_shipped_weights_are_those_that_calibration_gives(fitted: Weights) -> None:
    shipped = Model.read().asked
    assert fitted.weight == pytest.approx(dict(shipped.weight), abs=0.02)
    assert fitted.mean == pytest.approx(dict(shipped.mean), abs=0.01)
    assert fitted.constant == pytest.approx(shipped.constant, abs=0.05)
    assert fitted.below == pytest.approx(shipped.below, abs=0.02)
    assert fitted.direct == pytest.approx(shipped.direct, abs=0.02)


def test_few_answerable_questions_are_refused_and_most_others_are(shelf: Mentor) -> None:
    cases = [*read("dev"), *read("tuning")][::3]
    refused = {
        case.id: shelf.ask(case.question, case.history).status == "refused" for case in cases
    }
    inside = [refused[case.id] for case in cases if case.answerable]
    outside = [refused[case.id] for case in cases if not case.answerable]
    assert sum(inside) / len(inside) < 0.1
    assert sum(outside) / len(outside) > 0.6


@given(
    true=st.lists(st.floats(0, 1), min_size=1, max_size=60),
    false=st.lists(st.floats(0, 1), min_size=1, max_size=60),
)
def test_the_checker_may_withhold_few_truths_and_be_sure_of_next_to_no_lie(
    true: list[float], false: list[float]
) -> None:
    truths = [True] * len(true) + [False] * len(false)
    found = calibrate.retold_thresholds([*true, *false], truths)
    slack = 1e-4  # they are rounded
    withheld = sum(support < found["threshold"] - slack for support in true)
    sure = sum(support > found["sure"] + slack for support in false)
    assert withheld <= calibrate._WITHHELD * len(true) + 1
    assert sure <= calibrate._FALSELY_SURE * len(false) + 1
    assert 0.0 <= found["threshold"] <= found["sure"] <= 1.0


def test_thresholds_of_retellings_are_quantiles_of_both_sides() -> None:
    true, false = [n / 100 for n in range(101)], [n / 200 for n in range(101)]
    truths = [True, False] * 101
    supports = [s for pair in zip(true, false, strict=True) for s in pair]
    found = calibrate.retold_thresholds(supports, truths)
    few = pytest.approx(calibrate._WITHHELD)
    assert found == {"threshold": few, "sure": pytest.approx(0.495)}
    better = [s if truth else 0.0 for s, truth in zip(supports, truths, strict=True)]
    assert calibrate.retold_thresholds(better, truths) == {"threshold": few, "sure": few}


@pytest.mark.parametrize("truths", [[], [True], [False, False]])
def test_thresholds_need_true_retellings_and_false_ones(truths: list[bool]) -> None:
    with pytest.raises(ValueError, match="true retellings and false ones"):
        calibrate.retold_thresholds([0.5] * len(truths), truths)
