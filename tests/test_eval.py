"""The judges: cases that can be found, figures that can be computed by hand.

A failure names cases by id: the test questions are not to be read while anything is tuned.
"""

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from fakes import write

from eval import calibrate
from eval.cases import Case, Split, is_gold, locate, read, read_texts
from eval.run import Figure, Row, ask_all, curves, figures
from rag import Answer, Citation, Document, Hit, Lang, Mentor, Passage, Sentence, Span, Speaker
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
    grams = [_grams(text) for text in known]
    near = []
    for case in read("test"):
        asked = _grams(case.question)
        nearest = max(len(asked & other) / len(asked | other) for other in grams)
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
    assert is_gold(passage, [("other", span), ("essay", Span(2, 10))]) == gold
    assert not is_gold(passage, [("other", Span(2, 10))])
    assert not is_gold(passage, [])


# --- figures ------------------------------------------------------------------------------------

WANTED = "好奇心和热情才最重要"
FURNITURE = "觉得还不错? 一键收藏"
HIT = Hit(Passage("essay", Span(0, 3), "一段话", (), "作者"), 1.0, {})


def _row(
    lang: Lang,
    *,
    gold: bool,
    quotes: Sequence[str] = (),
    ranking: Sequence[bool] = (),
    ms: float = 1.0,
    exact: Sequence[bool] = (),
    in_gold: Sequence[bool] = (),
    evidence: float = 0.5,
) -> Row:
    """Return what Mentor made of a case: `quotes` from "essay", none of them a refusal."""
    wanted = (("essay", WANTED),) if gold else ()
    kind, style = ("single", "plain" if lang == "zh" else "short") if gold else ("near", "plain")
    case = Case("id", "topic", lang, "?", wanted, (), kind, style)
    cited = [
        Citation(n, "essay", "Title", "作者", "", Span(0, len(quote)), quote)
        for n, quote in enumerate(quotes, start=1)
    ]
    answer = Answer(
        "?",
        lang,
        "answered" if quotes else "refused",
        "lead",
        tuple(Sentence(c.quote, "zh", "quote", "作者", (c,), 1.0) for c in cited),
        hits=(HIT,) * len(ranking),
        timings_ms={"total": ms},
    )
    whole, found = tuple(exact) or (True,) * len(quotes), tuple(in_gold) or (True,) * len(quotes)
    return Row(case, answer, tuple(ranking), whole, found, evidence)


ROWS = [
    _row("zh", gold=True, quotes=[f"因为{WANTED}。"], ranking=[True, False], ms=10),
    _row(
        "zh", gold=True, quotes=[f"写作\n{FURNITURE}"], ranking=[False, True], ms=20, exact=[False]
    ),
    _row("zh", gold=True, ranking=[False] * 4 + [True], ms=30),
    _row(
        "zh", gold=True, quotes=[WANTED, "写作"], ranking=[False] * 10, ms=40, in_gold=[True, False]
    ),
    _row("zh", gold=False, ms=50),
    _row("zh", gold=False, quotes=["天气"], ms=60),
    _row("en", gold=True, quotes=[WANTED[:9]], ranking=[False, False, True], ms=70),
    _row("en", gold=False, ms=80),
]
BY_HAND = {
    "hit@1 zh": (1 / 4, 4),
    "hit@5 zh": (3 / 4, 4),
    "MRR@10 zh": ((1 + 1 / 2 + 1 / 5 + 0) / 4, 4),
    "hit@1 en": (0.0, 1),
    "hit@5 en": (1.0, 1),
    "MRR@10 en": (1 / 3, 1),
    "hit@5 plain": (3 / 4, 4),
    "hit@5 short": (1.0, 1),
    "refused when unanswerable": (2 / 3, 3),
    "refused when unanswerable zh": (1 / 2, 2),
    "refused when unanswerable en": (1.0, 1),
    "refused when unanswerable, near": (2 / 3, 3),
    "refused when answerable": (1 / 5, 5),
    "refused when answerable zh": (1 / 4, 4),
    "refused when answerable en": (0.0, 1),
    # the first and the fourth; the third is a refusal
    "gold quote cited zh": (2 / 4, 4),
    "gold quote cited en": (1.0, 1),
    # of the answerable: 1, 1, 2 and 1 citations, all but one in a gold passage
    "citations in a gold passage": (4 / 5, 5),
    "sentences an answer": ((1 + 1 + 2 + 1) / 4, 4),
    "quotes exact": (5 / 6, 6),
    "quotes free of page furniture": (5 / 6, 6),
    "median milliseconds an answer": (40.0, 8),
}


def test_figures_are_those_computed_by_hand() -> None:
    found = figures(ROWS, [FURNITURE, "扫码支付 钱包余额"])
    assert {figure.name for figure in found} == BY_HAND.keys()
    for figure in found:
        value, n = BY_HAND[figure.name]
        assert figure.value == pytest.approx(value), figure.name
        assert figure.n == n, figure.name


def test_intervals_hold_their_value_and_stay_within_nothing_and_one() -> None:
    for figure in figures(ROWS, []):
        if figure.interval:
            low, high = figure.interval
            assert figure.value is not None
            assert -1e-9 <= low <= figure.value <= high <= 1 + 1e-9, figure.name
        else:
            assert figure.name.startswith(("MRR", "median", "sentences")), figure.name


def test_figures_of_nothing_have_no_value() -> None:
    for figure in [*figures([], [FURNITURE]), *curves([])]:
        assert figure == Figure(figure.name, None, None, 0)


def test_curves_are_those_computed_by_hand() -> None:
    rows = [
        _row("zh", gold=True, ranking=[True], evidence=0.9),
        _row("zh", gold=False, evidence=0.7),
        _row("zh", gold=True, ranking=[True], evidence=0.8),
        _row("zh", gold=True, ranking=[False] * 9, evidence=0.2),
        _row("zh", gold=False, evidence=0.1),
    ]
    found = {figure.name: (figure.value, figure.n) for figure in curves(rows)}
    assert found["answerable where evidence is 0.10"] == (0.0, 1)
    assert found["answerable where evidence is 0.90"] == (1.0, 1)
    # by falling evidence: right, right, unanswerable, missed, unanswerable
    risks = [0, 0, 1 / 3, 2 / 4, 3 / 5]
    for part, risk in enumerate(risks, start=1):
        assert found[f"risk at coverage {part / 5:.1f}"] == (pytest.approx(risk), part)
    assert found["AURC"] == (pytest.approx(sum(risks) / 5), 5)


def test_a_row_is_what_mentor_found_and_said(shelf: Mentor) -> None:
    cases = [case for case in read("dev") if case.answerable][:6]
    for case, row in zip(cases, ask_all(shelf, cases), strict=True):
        assert row.case == case
        assert len(row.ranking) == 10
        assert row.answer.question == case.question
        assert len(row.exact) == len(row.answer.sentences)
        assert all(row.exact)


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
    cases = [*read("dev"), *read("tuning")]
    refused = {
        case.id: shelf.ask(case.question, case.history).status == "refused" for case in cases
    }
    inside = [refused[case.id] for case in cases if case.answerable]
    outside = [refused[case.id] for case in cases if not case.answerable]
    assert sum(inside) / len(inside) < 0.1
    assert sum(outside) / len(outside) > 0.6


# --- the command --------------------------------------------------------------------------------


def _eval(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MENTOR_")}
    return subprocess.run(
        [sys.executable, "-m", "eval", *args],
        cwd=ROOT,
        env=kept | {"MENTOR_INDEX_DIR": str(tmp_path / "index"), "COLUMNS": "120"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_report_is_a_table_or_json(tmp_path: Path) -> None:
    shown = _eval(tmp_path, "run", "--split", "dev")
    assert shown.returncode == 0, shown.stderr
    for name in ("hit@5 zh", "gold quote cited en", "quotes exact", "AURC", "median milliseconds"):
        assert name in shown.stdout
    printed = _eval(tmp_path, "run", "--split", "dev", "--json")
    assert printed.returncode == 0, printed.stderr
    found = {row["name"]: row for row in json.loads(printed.stdout)}
    for name in ("quotes exact", "quotes free of page furniture"):
        assert found[name]["value"] == 1.0
    assert found["hit@5 zh"]["n"] + found["hit@5 en"]["n"] >= 140
    assert len(found["hit@5 zh"]["interval"]) == 2


def test_a_split_that_is_none_is_one_line(tmp_path: Path) -> None:
    done = _eval(tmp_path, "run", "--split", "train")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "dev, test, tuning" in done.stderr


def test_strangers_counts_refusals_of_any_set_of_questions(tmp_path: Path) -> None:
    path = tmp_path / "weather.jsonl"
    rows = [{"text": "Will it rain tomorrow in Shanghai?"}, {"question": "今天晚饭吃什么?"}]
    write(path, "".join(json.dumps(row) + "\n" for row in rows))
    done = _eval(tmp_path, "strangers", str(path))
    assert done.returncode == 0, done.stderr
    assert "weather.jsonl" in done.stdout
    assert "1.000" in done.stdout
