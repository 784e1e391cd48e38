"""A shelf too large to compare every view with a question, tried on the real one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import rewrite

from eval import cases
from rag import Mentor, Settings
from rag.ragged import spread
from rag.situation import SITUATIONS


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mentor]:
    """The shipped shelf, searched as if it held a million passages: in Chroma, and in words."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rag.vectors._WHOLE", -1)
        patched.setattr("rag.vectors._EXACT", -1)
        patched.setattr("rag.retrieve._BY_MEANING", 600)
        patched.setattr("rag.retrieve._BY_WORDS", 60)
        patched.setattr("rag.retrieve._LIKELY", 60)
        patched.setattr("rag.retrieve._COMPARED", 40)
        mentor = Mentor.open(Settings(index_dir=tmp_path_factory.mktemp("parts")))
        yield mentor
        mentor.close()


def test_most_questions_find_what_comparing_every_view_finds(
    in_parts: Mentor, shelf: Mentor
) -> None:
    asked = [case.question for case in cases.read("dev")][:60]
    pairs = [(in_parts.retrieve(q, 5), shelf.retrieve(q, 5)) for q in asked]
    same = [found[0].passage == wanted[0].passage for found, wanted in pairs]
    assert np.mean(same) >= 0.95
    shared = [len({h.passage.id for h in f} & {h.passage.id for h in w}) / 5 for f, w in pairs]
    assert np.mean(shared) >= 0.9


def test_what_is_answered_and_refused_stays(in_parts: Mentor, shelf: Mentor) -> None:
    asked = [case.question for case in cases.read("dev")][:60]
    same = [in_parts.ask(q).status == shelf.ask(q).status for q in asked]
    assert np.mean(same) >= 0.95


def test_what_is_asked_back_stays(in_parts: Mentor, shelf: Mentor) -> None:
    hinging = ["做深度学习研究需要多少算力?", "How much hardware do I need?"]
    every = hinging + [case.question for case in cases.read("dev")]
    asked = [q for q in every if any(s.concerns.search(q) for s in SITUATIONS)]
    back = [(in_parts.ask(q).asks, shelf.ask(q).asks) for q in asked]
    assert all(ours == theirs != "" for ours, theirs in back[:2])
    assert np.mean([ours == theirs for ours, theirs in back]) >= 0.95


def test_a_question_may_be_compared_with_what_another_found(in_parts: Mentor) -> None:
    retriever = in_parts._retriever
    first, other = retriever.near("没有显卡怎么做研究?"), retriever.near("天气怎么样?")
    again = retriever.near("没有显卡怎么做研究?", among=first)
    assert retriever.hits(again, 10) == retriever.hits(first, 10)
    elsewhere = retriever.near("没有显卡怎么做研究?", among=other)
    assert elsewhere.passages.tolist() == other.passages.tolist() != first.passages.tolist()


def test_the_shelf_grows_by_an_essay_and_shrinks_again_in_parts(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.vectors._WHOLE", -1)
    monkeypatch.setattr("rag.vectors._EXACT", -1)
    settings = Settings(corpus_dir=corpus, index_dir=tmp_path / "grown")
    Mentor.index(settings)
    for old, new in (("好奇心", "好奇心和运气"), ("好奇心和运气", "好奇心")):
        rewrite(corpus, old, new)
        Mentor.index(settings)
        grown, fresh = Mentor.open(settings), Mentor.open(_elsewhere(settings, tmp_path / new))
        for question in ("怎么选课题?", "How do I choose a topic?"):
            ours, theirs = grown.retrieve(question, 5), fresh.retrieve(question, 5)
            assert [hit.passage for hit in ours] == [hit.passage for hit in theirs]
        grown.close()
        fresh.close()


def _elsewhere(settings: Settings, index_dir: Path) -> Settings:
    return settings.model_copy(update={"index_dir": index_dir})


def test_ranges_are_laid_end_to_end() -> None:
    at, seams = spread(np.array([3, 0, 7]), np.array([5, 0, 8]))
    assert (at.tolist(), seams.tolist()) == ([3, 4, 7], [0, 2, 2])
