"""A cross-encoder orders the first hits anew; it loses none, and opens only if it can judge."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fakes import WITHOUT_TORCH
from hypothesis import given
from hypothesis import strategies as st

from rag import Hit, Mentor, MissingModelError, Passage, Settings, Span
from rag.embed import Judge, open_judge
from rag.rerank import FIRST, reranked

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "怎么选课题?"


class Marks:
    """A Judge that knows its marks beforehand, and remembers what it was asked."""

    def __init__(self, marks: Mapping[str, float]) -> None:
        self.marks = marks
        self.asked: list[tuple[str, list[str]]] = []

    def __call__(self, question: str, passages: Sequence[str]) -> list[float]:
        self.asked.append((question, list(passages)))
        return [self.marks.get(passage, 0.0) for passage in passages]


def _hits(n: int) -> list[Hit]:
    """Return hits with the texts "0", "1", … and falling scores."""
    return [
        Hit(
            Passage("essay", Span(at, at + 1), str(at), ("Essay",), "someone"),
            10.0 - at / 10,
            {"meaning": at + 1},
        )
        for at in range(n)
    ]


def _texts(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in hits]


# --- the order ----------------------------------------------------------------------------------


def test_the_first_hits_come_in_the_order_of_the_judge() -> None:
    found = reranked("asked", _hits(4), Marks({"0": 0.1, "1": -3.0, "2": 8.0, "3": 0.2}))
    assert _texts(found) == ["2", "3", "0", "1"]


def test_hits_that_are_judged_alike_keep_their_order() -> None:
    found = reranked("asked", _hits(6), Marks({"1": 1.0, "4": 1.0, "5": 2.0}))
    assert _texts(found) == ["5", "1", "4", "0", "2", "3"]
    assert _texts(reranked("asked", _hits(30), Marks({}))) == _texts(_hits(30))


def test_ranks_gain_the_reranker_and_scores_stay_with_the_places() -> None:
    found = reranked("asked", _hits(3), Marks({"2": 1.0}))
    assert [hit.ranks for hit in found] == [
        {"meaning": 3, "reranker": 1},
        {"meaning": 1, "reranker": 2},
        {"meaning": 2, "reranker": 3},
    ]
    assert [hit.score for hit in found] == [10.0, 9.9, 9.8]


def test_hits_past_the_first_are_neither_read_nor_moved() -> None:
    hits = _hits(FIRST + 5)
    best_of_all = {str(at): float(at) for at in range(FIRST + 5)}
    judge = Marks(best_of_all)
    found = reranked("asked", hits, judge)
    assert judge.asked == [("asked", _texts(hits[:FIRST]))]
    assert _texts(found[:FIRST]) == _texts(hits[:FIRST])[::-1]
    assert found[FIRST:] == hits[FIRST:]


def test_the_hits_that_were_given_are_left_as_they_are() -> None:
    hits = _hits(5)
    reranked("asked", hits, Marks({"4": 1.0}))
    assert hits == _hits(5)


def test_no_hits_give_none() -> None:
    assert reranked("asked", [], Marks({})) == []


@given(marks=st.lists(st.floats(allow_nan=False), max_size=FIRST + 10))
def test_every_hit_is_kept_once_and_scores_fall_as_before(marks: list[float]) -> None:
    hits = _hits(len(marks))
    found = reranked("asked", hits, Marks({str(at): mark for at, mark in enumerate(marks)}))
    assert sorted(map(int, _texts(found))) == list(range(len(hits)))
    assert [hit.score for hit in found] == [hit.score for hit in hits]
    judged = [marks[int(text)] for text in _texts(found[:FIRST])]
    assert judged == sorted(judged, reverse=True)
    assert [hit.ranks.get("reranker") for hit in found[:FIRST]] == [*range(1, len(judged) + 1)]


# --- a real cross-encoder -----------------------------------------------------------------------


def _cross_encoder(folder: Path, labels: int) -> Path:
    """Save a BERT of one layer and a few words, with weights of chance."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    known = "[PAD] [UNK] [CLS] [SEP] [MASK] choose a topic paper read 选 课 题 写 作 论 文".split()
    config = BertConfig(
        vocab_size=len(known),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=0.5,  # far enough apart that no two passages are judged alike
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        BertForSequenceClassification(config).save_pretrained(folder / "bert")
    vocabulary = {word: at for at, word in enumerate(known)}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder / "bert")
    CrossEncoder(str(folder / "bert"), device="cpu", local_files_only=True).save(
        str(folder / "model")
    )
    return folder / "model"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _cross_encoder(tmp_path_factory.mktemp("one label"), 1)


@pytest.fixture(scope="session")
def judge(model: Path) -> Judge:
    opened = open_judge(str(model), offline=True)
    assert opened
    return opened


PASSAGES = ["read a paper", "写作", "", "choose a topic", "unknown words only", "topic " * 500]


def test_a_cross_encoder_gives_one_number_a_passage_in_their_order(judge: Judge) -> None:
    found = judge("choose a topic", PASSAGES)
    assert len(found) == len(PASSAGES)
    assert all(type(score) is float for score in found)
    assert len(set(found)) > 3
    assert judge("choose a topic", PASSAGES[::-1]) == pytest.approx(found[::-1], abs=1e-5)
    alone = [judge("choose a topic", [passage])[0] for passage in PASSAGES]
    assert alone == pytest.approx(found, abs=1e-5)


def test_a_cross_encoder_reads_the_question(judge: Judge) -> None:
    assert judge("choose a topic", PASSAGES) != pytest.approx(judge("写作", PASSAGES), abs=1e-3)


def test_a_cross_encoder_gives_no_numbers_for_no_passages(judge: Judge) -> None:
    assert judge("choose a topic", []) == []


def test_a_cross_encoder_gives_what_sentence_transformers_gives(judge: Judge, model: Path) -> None:
    from sentence_transformers import CrossEncoder

    encoder = CrossEncoder(str(model), device="cpu", local_files_only=True)
    wanted = encoder.predict([("choose a topic", passage) for passage in PASSAGES])
    assert judge("choose a topic", PASSAGES) == pytest.approx(wanted.tolist(), abs=1e-5)


# --- Mentor -------------------------------------------------------------------------------------


@pytest.fixture
def settings(corpus: Path, tmp_path: Path) -> Settings:
    return Settings(corpus_dir=corpus, index_dir=tmp_path / "index", refuse_below=0.0)


@pytest.fixture
def plain(settings: Settings) -> Iterator[Mentor]:
    """Mentor on the tiny essays, with no reranker."""
    with closing(Mentor.open(settings)) as mentor:
        yield mentor


@pytest.fixture
def judged(plain: Mentor, settings: Settings, model: Path) -> Iterator[Mentor]:
    """The same with one."""
    chosen = settings.model_copy(update={"reranker": str(model)})
    with closing(Mentor.open(chosen, rebuild=False)) as mentor:
        yield mentor


def test_mentor_gives_the_hits_in_the_order_of_the_reranker(
    plain: Mentor, judged: Mentor, judge: Judge
) -> None:
    before, after = plain.retrieve(QUESTION, 20), judged.retrieve(QUESTION, 20)
    marks = judge(QUESTION, _texts(before))
    wanted = sorted(zip(marks, _texts(before), strict=True), key=lambda pair: -pair[0])
    assert _texts(after) == [text for _, text in wanted] != _texts(before)
    assert [hit.ranks["reranker"] for hit in after] == list(range(1, len(before) + 1))
    assert [hit.score for hit in after] == [hit.score for hit in before]
    assert not any("reranker" in hit.ranks for hit in before)


@pytest.mark.parametrize("k", [0, 1, 3])
def test_the_reranker_reads_more_hits_than_are_asked_for(judged: Mentor, k: int) -> None:
    assert judged.retrieve(QUESTION, k) == judged.retrieve(QUESTION, 20)[:k]


@pytest.mark.parametrize("question", [QUESTION, "How do I choose a topic?", "我沒有顯示卡怎麼辦"])
def test_mentor_answers_out_of_the_hits_that_the_reranker_ordered(
    judged: Mentor, question: str
) -> None:
    answer = judged.ask(question)
    assert answer.status == "answered"
    assert answer.sentences
    assert [hit.ranks["reranker"] for hit in answer.hits] == list(range(1, len(answer.hits) + 1))


def test_the_reranker_does_not_decide_whether_mentor_answers(plain: Mentor, judged: Mentor) -> None:
    for question in (QUESTION, "明天天气怎么样?", "显卡"):
        assert judged.weigh(question) == plain.weigh(question)


# --- what cannot judge --------------------------------------------------------------------------


def test_no_name_is_no_judge() -> None:
    assert open_judge("", offline=True) is None


def _refused(name: str) -> str:
    with pytest.raises(MissingModelError) as caught:
        open_judge(name, offline=True)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


def test_a_cross_encoder_with_two_labels_is_refused(tmp_path: Path) -> None:
    message = _refused(str(_cross_encoder(tmp_path, 2)))
    assert "MENTOR_RERANKER" in message
    assert "2 numbers" in message


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no such model", "/no/such/folder"])
def test_a_reranker_that_is_not_here_is_refused_with_the_next_step(name: str) -> None:
    assert "MENTOR_OFFLINE=false" in _refused(name)


def test_an_empty_folder_is_refused_as_a_reranker(tmp_path: Path) -> None:
    _refused(str(tmp_path))


def test_mentor_does_not_open_with_a_reranker_that_is_not_here(
    settings: Settings, tmp_path: Path
) -> None:
    missing = settings.model_copy(update={"reranker": str(tmp_path / "missing")})
    with pytest.raises(MissingModelError, match="missing"):
        Mentor.open(missing)


def test_a_reranker_without_its_library_names_the_next_step(model: Path) -> None:
    program = (
        f"{WITHOUT_TORCH}from rag import MissingModelError\n"
        "from rag.embed import open_judge\n"
        "assert open_judge('', offline=True) is None\n"
        "try:\n"
        f"    open_judge({str(model)!r}, offline=True)\n"
        "except MissingModelError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    for part in (str(model), "sentence-transformers", "make install", "MENTOR_RERANKER"):
        assert part in done.stdout
