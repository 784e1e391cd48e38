"""Mentor judged on other shelves: essays without their views, and any passages as essays."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from math import log2
from pathlib import Path

import pytest
from fakes import write
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from eval import shelves
from eval.__main__ import app
from eval.figures import Figure
from eval.metrics import auc, wilson
from eval.retrieval import Query, figures, questions, read
from rag import CorpusError, Document, Hit, Mentor, Passage, Span

ROOT = Path(__file__).resolve().parent.parent

# --- essays without their views -----------------------------------------------------------------


@pytest.fixture
def chosen(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Choose the three tiny essays, of which "notes" alone has questions and a translation."""
    monkeypatch.setenv("MENTOR_CORPUS_DIR", str(corpus))
    monkeypatch.setenv("MENTOR_INDEX_DIR", str(tmp_path / "index"))
    return corpus


def _files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _written(mentor: Mentor) -> dict[str, tuple[bool, bool]]:
    """Say of each essay whether it has questions, and whether it has a translation."""
    return {
        id_: (bool(document.questions), bool(document.english))
        for id_, document in mentor.documents.items()
    }


def _has_decoys(mentor: Mentor) -> bool:
    return any(view.kind == "decoy" for view in mentor._index.views)


NOTHING = {"talk": (False, False), "answers": (False, False)}
WHOLE = {"notes": (True, True), **NOTHING}
BARE = {"notes": (False, False), **NOTHING}


@pytest.mark.parametrize(
    ("bare", "written"),
    [
        (None, WHOLE),
        ([], BARE),
        (["notes"], BARE),
        (["talk"], WHOLE),
        (["talk", "notes"], BARE),
        (iter(["notes", "talk"]), BARE),
    ],
)
def test_essays_are_opened_without_what_was_written_about_them(
    chosen: Path, bare: Iterable[str] | None, written: dict[str, tuple[bool, bool]]
) -> None:
    before = _files(chosen)
    with shelves.opened(bare) as mentor:
        assert _written(mentor) == written
        assert _has_decoys(mentor)
        assert mentor.retrieve("怎么选课题?", 1)[0].passage.doc_id == "notes"
    assert _files(chosen) == before


@pytest.mark.parametrize("kind", ["questions", "translations"])
@pytest.mark.parametrize("bare", [[], ["notes"], ["talk"]])
def test_essays_that_never_had_views_can_be_stripped_of_them(
    chosen: Path, kind: str, bare: list[str]
) -> None:
    shutil.rmtree(chosen / kind)  # both folders are optional
    with shelves.opened(bare) as mentor:
        assert mentor.retrieve("怎么选课题?", 1)[0].passage.doc_id == "notes"


def test_the_texts_of_bare_essays_stay_the_same(chosen: Path) -> None:
    with shelves.opened(None) as whole, shelves.opened([]) as bare:
        assert list(bare.documents) == list(whole.documents)
        for id_, document in whole.documents.items():
            assert bare.documents[id_].text == document.text


def test_the_index_of_a_bare_shelf_does_not_replace_the_one_in_use(
    chosen: Path, tmp_path: Path
) -> None:
    with shelves.opened([]):
        assert not (tmp_path / "index").exists()
    with shelves.opened(None):
        before = _files(tmp_path / "index")
        with shelves.opened(["notes"]):
            assert _files(tmp_path / "index") == before


def test_one_real_essay_is_stripped_and_the_others_keep_their_views(shelf: Mentor) -> None:
    before = _files(ROOT / "corpus")
    with shelves.opened(["kaiming_he_qa"]) as mentor:
        written = _written(mentor)
        assert written.pop("kaiming_he_qa") == (False, False)
        assert len(written) == 4
        for id_ in written:
            assert mentor.documents[id_].questions == shelf.documents[id_].questions != ()
            assert mentor.documents[id_].english == shelf.documents[id_].english != {}
    assert _files(ROOT / "corpus") == before


def test_an_essay_that_is_not_there_cannot_be_stripped(chosen: Path) -> None:
    with (
        pytest.raises(CorpusError, match="no essay is called diary"),
        shelves.opened(["notes", "diary"]),
    ):
        pass


# --- any passages -------------------------------------------------------------------------------

PASSAGES = {
    "cat/1": "猫在沙发上睡觉,一天要睡十几个小时。",
    "net 2": "Deep networks are trained by gradient descent.\n\nMomentum makes it quicker.",
    "卡3": "显卡很贵,学生可以按小时租用。",
}
ASKED = {"GPU 太贵怎么办?": ["卡3"], "How is a neural network trained?": ["net 2"]}


def _jsonl(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def _texts(passages: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"id": id_, "text": text} for id_, text in passages.items()]


def _set(
    folder: Path, name: str, passages: Mapping[str, str], asked: Mapping[str, list[str]]
) -> tuple[Path, Path]:
    """Write a set; return its passages and its queries."""
    queries = [
        {"id": str(at), "text": text, "positive_ids": gold}
        for at, (text, gold) in enumerate(asked.items())
    ]
    return (
        _jsonl(folder / f"{name}.passages.jsonl", _texts(passages)),
        _jsonl(folder / f"{name}.queries.jsonl", queries),
    )


def _beir(folder: Path, passages: Mapping[str, str], asked: Mapping[str, list[str]]) -> Path:
    """Write the same as a BEIR folder, with one judgement of 0 and one question without any."""
    (folder / "qrels").mkdir(parents=True)
    _jsonl(folder / "corpus.jsonl", [{"_id": i, "text": t} for i, t in passages.items()])
    ids = {f"q{at}": text for at, text in enumerate(asked)}
    rows = [{"_id": id_, "text": text} for id_, text in ids.items()]
    _jsonl(folder / "queries.jsonl", [*rows, {"_id": "unjudged", "text": "Is this judged?"}])
    judged = [f"{id_}\t{gold}\t1" for id_, text in ids.items() for gold in asked[text]]
    zero = f"q0\t{next(id_ for id_ in passages if id_ not in next(iter(asked.values())))}\t0"
    lines = ["query-id\tcorpus-id\tscore", *judged, zero]
    write(folder / "qrels" / "test.tsv", "\n".join(lines) + "\n")
    return folder


def test_a_question_finds_its_text_in_either_language() -> None:
    with shelves.of_texts(_texts(PASSAGES)) as mentor:
        assert list(mentor.documents) == [shelves.name(id_) for id_ in PASSAGES]
        for question, gold in ASKED.items():
            hits = mentor.retrieve(question, 3)
            assert len(hits) == 3
            assert [hits[0].passage.doc_id] == [shelves.name(id_) for id_ in gold]


def test_a_text_is_one_passage_without_views_of_its_own() -> None:
    passages = PASSAGES | {"long": "显卡的价格每个月都在变。" * 150}
    with shelves.of_texts(_texts(passages)) as mentor:
        hits = mentor.retrieve("显卡", 9)
        assert len(hits) == len(passages)
        assert {hit.passage.doc_id: hit.passage.text for hit in hits} == {
            shelves.name(id_): " ".join(text.split()) for id_, text in passages.items()
        }
        assert set(_written(mentor).values()) == {(False, False)}
        assert not _has_decoys(mentor)


@pytest.mark.parametrize("text", ["# One of many", "- One of many", "1. One of many", "> One"])
def test_a_text_that_begins_with_a_mark_is_no_heading(text: str) -> None:
    with shelves.of_texts(_texts({"marked": text, "cat": "A cat sleeps."})) as mentor:
        found = {hit.passage.doc_id for hit in mentor.retrieve("One of many", 9)}
        assert shelves.name("marked") in found


def test_queries_come_in_file_order_with_the_essays_of_their_gold(tmp_path: Path) -> None:
    asked = {"zwei?": ["b", "a"], "eins\u2028?": [], "drei?": ["c"]}
    _, path = _set(tmp_path, "tiny", {}, asked)
    assert questions(path) == [
        Query("zwei?", (shelves.name("b"), shelves.name("a"))),
        Query("eins\u2028?", ()),
        Query("drei?", (shelves.name("c"),)),
    ]


def test_a_beir_folder_is_read_as_the_same_set(tmp_path: Path) -> None:
    texts, queries = _set(tmp_path, "tiny", PASSAGES, ASKED)
    folder = _beir(tmp_path / "beir", PASSAGES, ASKED)
    assert read(None, None, folder) == read(texts, queries, None)


@pytest.mark.parametrize(
    ("title", "text"),
    [("Cats", "Cats. They sleep."), ("", "They sleep."), (None, "They sleep.")],
)
def test_a_title_of_a_beir_text_is_its_first_sentence(
    tmp_path: Path, title: str | None, text: str
) -> None:
    folder = _beir(tmp_path / "beir", PASSAGES, ASKED)
    row = {"_id": "cat/1", "text": "They sleep."} | ({} if title is None else {"title": title})
    _jsonl(folder / "corpus.jsonl", [row, row | {"_id": "2", "title": title}])
    assert [row["text"] for row in read(None, None, folder)[0]] == [text, text]


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("qrels/test.tsv", "q1\tcat/1", "line 5: needs query-id, corpus-id and score"),
        ("qrels/test.tsv", "q1\tcat/1\tyes", "line 5: needs query-id, corpus-id and score"),
        ("corpus.jsonl", '{"_id": "x"}', "line 4: needs text"),
        ("corpus.jsonl", '{"id": "x"}', "line 4: needs _id, text"),
        ("queries.jsonl", "q1", "line 4: is no JSON object"),
    ],
)
def test_a_wrong_line_of_a_beir_folder_is_named(
    tmp_path: Path, file: str, line: str, says: str
) -> None:
    folder = _beir(tmp_path / "beir", PASSAGES, ASKED)
    path = folder / file
    write(path, path.read_text(encoding="utf-8") + line + "\n")
    with pytest.raises(ValueError, match=says) as caught:
        read(None, None, folder)
    assert str(caught.value).startswith(str(path))


def test_judgements_without_their_header_are_named(tmp_path: Path) -> None:
    folder = _beir(tmp_path / "beir", PASSAGES, ASKED)
    write(folder / "qrels" / "test.tsv", "q1\tcat/1\t1\nq1\tcat/1\t1\n")
    with pytest.raises(ValueError, match=r"test\.tsv, line 2: needs query-id"):
        read(None, None, folder)


@pytest.mark.parametrize("given", [(True, False), (False, True), (False, False)])
def test_half_a_set_is_not_enough(tmp_path: Path, given: tuple[bool, bool]) -> None:
    texts, queries = _set(tmp_path, "tiny", PASSAGES, ASKED)
    with pytest.raises(ValueError, match="Give --passages and --queries, or --beir"):
        read(texts if given[0] else None, queries if given[1] else None, None)


@given(ids=st.lists(st.text(), unique=True))
def test_every_id_gives_a_file_name_of_its_own(ids: list[str]) -> None:
    names = [shelves.name(id_) for id_ in ids]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.isalnum() and name.islower() for name in names)


# --- figures ------------------------------------------------------------------------------------


class Told:
    """A Mentor whose hits and evidence are known beforehand."""

    def __init__(
        self, hits: Mapping[str, Sequence[Hit]], evidence: Mapping[str, float], essays: int
    ) -> None:
        self.documents: Mapping[str, Document | None] = dict.fromkeys(map(str, range(essays)))
        self._hits, self._evidence = hits, evidence

    def retrieve(self, question: str, k: int, history: Sequence[str] = ()) -> list[Hit]:
        return list(self._hits[question][:k])

    def weigh(
        self, question: str, history: Sequence[str] = ()
    ) -> tuple[float, Mapping[str, float]]:
        return self._evidence[question], {}


def _hit(essay: str, **ranks: int) -> Hit:
    return Hit(Passage(essay, Span(0, 3), "…", (), "?"), 1.0, ranks)


HITS = {
    # fused finds "a" first, meaning sixth, words first
    "one": [
        _hit("a", meaning=6, words=1),
        *[_hit(essay, meaning=rank) for rank, essay in enumerate("bcdef", start=1)],
    ],
    # five passages of "a" stand before the one of "b", the second essay; no word is shared
    "two": [*[_hit("a", meaning=rank) for rank in (2, 3, 4, 5, 6)], _hit("b", meaning=1)],
    # two essays are gold; meaning has "d" second, words neither
    "three": [_hit("d", meaning=2), _hit("e", meaning=1, words=1), _hit("c", meaning=3)],
}
QUERIES = [Query("one", ("a",)), Query("two", ("b",)), Query("three", ("c", "d"))]
OTHERS = [Query("four", ()), Query("five", ())]
EVIDENCE = {"one": 0.9, "two": 0.6, "three": 0.4, "four": 0.6, "five": 0.1}
LOG3, LOG7 = log2(3), log2(7)
BY_HAND = {
    # the only one first; the only one second; the first of two first, the other third
    "hit@1 fused": 2 / 3,
    "hit@5 fused": 1.0,
    "hit@10 fused": 1.0,
    "MRR@10 fused": (1 + 1 / 2 + 1) / 3,
    "nDCG@10 fused": (1 + 1 / LOG3 + (1 + 1 / 2) / (1 + 1 / LOG3)) / 3,
    # first, not at all, not at all
    "hit@1 words": 1 / 3,
    "hit@5 words": 1 / 3,
    "hit@10 words": 1 / 3,
    "MRR@10 words": 1 / 3,
    "nDCG@10 words": 1 / 3,
    # sixth, first, second and third
    "hit@1 meaning": 1 / 3,
    "hit@5 meaning": 2 / 3,
    "hit@10 meaning": 1.0,
    "MRR@10 meaning": (1 / 6 + 1 + 1 / 2) / 3,
    "nDCG@10 meaning": (1 / LOG7 + 1 + (1 / LOG3 + 1 / 2) / (1 + 1 / LOG3)) / 3,
}
AUC = "AUC of evidence, answerable or not"


def _figures(queries: Sequence[Query]) -> list[Figure]:
    mentor: object = Told(HITS, EVIDENCE, essays=6)
    return figures(mentor, queries)  # type: ignore[arg-type]


def test_figures_are_those_computed_by_hand() -> None:
    found = _figures(QUERIES)
    assert [figure.name for figure in found] == list(BY_HAND)
    for figure in found:
        assert figure.value == pytest.approx(BY_HAND[figure.name]), figure.name
        assert figure.n == 3
        share = figure.name.startswith("hit")
        assert figure.interval == (wilson(round(3 * BY_HAND[figure.name]), 3) if share else None)


def test_questions_without_an_answer_add_only_how_well_evidence_tells_them_apart() -> None:
    *found, last = _figures([*QUERIES[:1], *OTHERS, *QUERIES[1:]])
    assert found == _figures(QUERIES)
    # 0.9 wins twice, 0.6 once and ties once, 0.4 wins once: 4.5 of 6
    assert (last.name, last.value, last.n) == (AUC, pytest.approx(0.75), 5)
    assert last.interval == pytest.approx((0.28148, 1.0), abs=1e-4)


def test_figures_without_a_sample_have_no_value() -> None:
    assert _figures([]) == [Figure("", name, None, None, 0) for name in BY_HAND]
    assert _figures(OTHERS) == _figures([])


def test_figures_of_a_real_shelf_are_the_same_by_either_format(tmp_path: Path) -> None:
    texts, queries = _set(tmp_path, "tiny", PASSAGES, ASKED)
    folder = _beir(tmp_path / "beir", PASSAGES, ASKED)
    for read_from in ((texts, queries, None), (None, None, folder)):
        passages, asked = read(*read_from)
        with shelves.of_texts(passages) as mentor:
            found = {figure.name: figure for figure in figures(mentor, asked)}
        assert found.keys() == BY_HAND.keys()
        for way in ("fused", "meaning"):
            for name in ("hit@1", "MRR@10", "nDCG@10"):
                figure = found[f"{name} {way}"]
                assert (figure.value, figure.n) == (1.0, 2), figure.name


def test_what_mentor_takes_for_no_question_finds_nothing_and_has_no_evidence() -> None:
    gold = (shelves.name("卡3"),)
    asked = [Query("?!", gold), Query("GPU 太贵怎么办?", gold), Query("…", ())]
    with shelves.of_texts(_texts(PASSAGES)) as mentor:
        found = {figure.name: figure for figure in figures(mentor, asked)}
    assert (found["hit@10 fused"].value, found["hit@10 fused"].n) == (0.5, 2)
    # the one wins, the other is as little of a question as the one without an answer
    assert (found[AUC].value, found[AUC].n) == (0.75, 3)


# --- the area under the curve -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("positives", "negatives", "wanted"),
    [
        ([1.0], [0.0], 1.0),
        ([0.0], [1.0], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.6, 0.4], [0.6, 0.1], 0.75),
        ([0.2, 0.8], [0.5, 0.5, 0.9], 1 / 3),
    ],
)
def test_the_area_is_the_share_of_pairs_in_order_ties_half(
    positives: list[float], negatives: list[float], wanted: float
) -> None:
    assert auc(positives, negatives)[0] == pytest.approx(wanted)


def test_the_interval_is_that_of_hanley_and_mcneil() -> None:
    # A 0.75, n 3, m 2: Q1 = 0.75 / 1.25 = 0.6; Q2 = 2 * 0.5625 / 1.75 = 0.64286
    # A (1 - A) + 2 (Q1 - A²) + 1 (Q2 - A²) = 0.1875 + 0.075 + 0.08036 = 0.34286
    # 1.96 * sqrt(0.34286 / 6) = 0.46852, and no area lies above 1
    assert auc([0.9, 0.6, 0.4], [0.6, 0.1])[1] == pytest.approx((0.28148, 1.0), abs=1e-4)
    # ten times as many: Q1 and Q2 as above, n 30, m 20:
    # 0.1875 + 29 * 0.0375 + 19 * 0.08036 = 2.80179; 1.96 * sqrt(2.80179 / 600) = 0.13394
    more = auc([0.9, 0.6, 0.4] * 10, [0.6, 0.1] * 10)
    assert more[0] == pytest.approx(0.75)
    assert more[1] == pytest.approx((0.61606, 0.88394), abs=1e-4)


@pytest.mark.parametrize(("positives", "negatives"), [([], []), ([0.5], []), ([], [0.5, 0.7])])
def test_an_empty_side_has_no_area(positives: list[float], negatives: list[float]) -> None:
    assert auc(positives, negatives) == (None, None)


SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(positives=SCORES, negatives=SCORES)
def test_the_area_lies_within_its_interval_and_turns_round_with_its_sides(
    positives: list[float], negatives: list[float]
) -> None:
    area, interval = auc(positives, negatives)
    assert area is not None
    assert interval is not None
    assert 0 <= interval[0] <= area <= interval[1] <= 1
    assert auc(negatives, positives)[0] == pytest.approx(1 - area)


# --- the command --------------------------------------------------------------------------------


def _eval(*args: str) -> Result:
    return CliRunner().invoke(app, args, env={"COLUMNS": "120"})


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder of two public sets, one of them with a question that has no answer."""
    folder = tmp_path / "sets"
    folder.mkdir()
    _set(folder, "tiny_zh", PASSAGES, {**ASKED, "明天天气怎么样?": []})
    _set(folder, "other_en", PASSAGES, ASKED)
    return folder


@pytest.mark.parametrize(
    ("only", "shown", "areas"),
    [
        ([], ["other_en", "tiny_zh"], 1),
        (["--only", "tiny"], ["tiny_zh"], 1),
        (["--only", "_en"], ["other_en"], 0),
    ],
)
def test_the_report_is_a_table_for_each_set_that_is_chosen(
    sets: Path, only: list[str], shown: list[str], areas: int
) -> None:
    done = _eval("public", str(sets), *only)
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.stdout.split("\n")]
    assert [line for line in lines if line in {"other_en", "tiny_zh"}] == shown
    for name in BY_HAND:
        assert done.stdout.count(name) == len(shown), name
    assert done.stdout.count(AUC) == areas
    assert [line for line in lines if "hit@1 fused" in line and "1.000" in line]


@pytest.mark.parametrize("only", [[], ["--only", "nothing"]])
def test_a_folder_without_such_sets_is_one_line(tmp_path: Path, only: list[str]) -> None:
    if only:
        _set(tmp_path, "tiny", PASSAGES, ASKED)
    done = _eval("public", str(tmp_path), *only)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(tmp_path) in done.stderr
    assert f"{''.join(only[1:])}*.passages.jsonl" in done.stderr


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = _eval("public", str(tmp_path / "missing"))
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "missing" in done.stderr
