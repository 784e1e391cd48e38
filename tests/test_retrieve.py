"""Meaning and words find passages, earlier questions weigh, ties keep the order of the shelf."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from fakes import HashEmbedder, MemoryStore, Vectors, WordPieces
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import is_gold, locate, read
from rag import Hit, Mentor, Passage, Span
from rag.catalog import catalog
from rag.index import Index
from rag.interaction import Interaction
from rag.lexical import Lexical
from rag.retrieve import Retriever
from rag.shelf import Leaf
from rag.types import View, ViewKind

# A shelf of ten passages of a word each; view texts are made up by each test.
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
TEXT = " ".join(WORDS)
SPANS = [Span(TEXT.index(word), TEXT.index(word) + len(word)) for word in WORDS]
PASSAGES = tuple(
    Passage("essay", span, word, ("Essay",), speaker=f"speaker {word}")
    for span, word in zip(SPANS, WORDS, strict=True)
)


class Compass:
    """An Embedder of directions: a text is a list of numbers, or an alias of one."""

    name = "compass"

    def __init__(self, directions: Mapping[str, Sequence[float]]) -> None:
        self._directions = directions

    def passages(self, texts: Sequence[str]) -> Vectors:
        return np.array([self.question(text) for text in texts], np.float32)

    def question(self, text: str) -> Vectors:
        return np.asarray(self._directions.get(text, (0.0, 0.0)), np.float32)


def _view(at: int, kind: ViewKind, text: str) -> View:
    return View(PASSAGES[at].id, kind, "en", text, SPANS[at])


def _retriever(
    views: Sequence[View], directions: Mapping[str, Sequence[float]], n: int = 10
) -> Retriever:
    """Open an index of the first `n` passages, found by `views`."""
    embedder = Compass(directions)
    texts = [view.text for view in views]
    leaf = Leaf("essay", lambda: (PASSAGES[:n], tuple(views)), "essay", TEXT)
    index = Index(
        *catalog([leaf]),
        MemoryStore(embedder.passages(texts)),
        Lexical.build([passage.text for passage in PASSAGES[:n]]),
        Interaction.build(texts, WordPieces()),
    )
    return Retriever(index, embedder)


def _at(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in hits]


NORTH, EAST, BETWEEN, SOUTH = (0.0, 1.0), (1.0, 0.0), (0.6, 0.8), (0.0, -1.0)


@pytest.mark.parametrize("kind", ["text", "sentence", "question"])
def test_the_passage_whose_view_is_nearest_comes_first(kind: ViewKind) -> None:
    views = [_view(0, kind, "south"), _view(1, kind, "between"), _view(2, kind, "north")]
    directions = {"south": SOUTH, "between": BETWEEN, "north": NORTH, "asked": NORTH}
    hits = _retriever(views, directions, 3)("asked", 3)
    assert _at(hits) == ["three", "two", "one"]
    assert [hit.ranks.get("meaning") for hit in hits[:2]] == [1, 2]


def test_a_beginner_question_weighs_more_than_the_text() -> None:
    views = [_view(0, "text", "a"), _view(0, "question", "c"), _view(1, "question", "b")]
    hits = _retriever(views, {"a": NORTH, "b": NORTH, "c": EAST, "asked": NORTH}, 2)("asked", 2)
    assert _at(hits) == ["two", "one"]


def test_several_near_questions_weigh_more_than_one() -> None:
    views = [_view(0, "question", "a"), *[_view(1, "question", text) for text in "bcd"]]
    directions = dict.fromkeys("abcd", NORTH) | {"asked": NORTH}
    assert _at(_retriever(views, directions, 2)("asked", 2)) == ["two", "one"]


def test_a_shared_word_decides_between_passages_of_the_same_meaning() -> None:
    views = [_view(at, "text", "same") for at in range(10)]
    hits = _retriever(views, {"same": NORTH, "about six": NORTH})("about six", 10)
    assert _at(hits)[0] == "six"
    assert hits[0].ranks == {"meaning": 6, "words": 1}
    assert all("words" not in hit.ranks for hit in hits[1:])


def test_a_word_shared_with_a_beginner_question_makes_it_nearer() -> None:
    views = [_view(0, "question", "reading papers"), _view(1, "question", "renting gpus")]
    directions = dict.fromkeys(["reading papers", "renting gpus", "cheap gpus"], NORTH)
    assert _at(_retriever(views, directions, 2)("cheap gpus", 2)) == ["two", "one"]


def test_passages_that_are_equally_near_come_in_the_order_of_the_shelf() -> None:
    views = [_view(at, "text", "same") for at in reversed(range(10))]
    retriever = _retriever(views, {"same": NORTH, "asked": NORTH})
    assert _at(retriever("asked", 10)) == WORDS
    assert _at(retriever("unknown", 10)) == WORDS


@pytest.mark.parametrize("k", [0, 1, 3, 10, 99])
def test_at_most_k_passages_are_found_and_each_once(k: int) -> None:
    views = [_view(at % 10, "sentence", "same") for at in range(40)]
    hits = _retriever(views, {"same": NORTH, "asked": NORTH})("asked", k)
    assert len(hits) == min(k, 10)
    assert len({hit.passage.id for hit in hits}) == len(hits)


def test_matches_are_the_views_of_the_passage_nearest_first() -> None:
    views = [
        _view(0, "text", "far"),
        _view(0, "question", "near"),
        _view(1, "sentence", "near"),
        _view(0, "sentence", "middle"),
    ]
    directions = {"near": NORTH, "middle": BETWEEN, "far": EAST, "asked": NORTH}
    hits = _retriever(views, directions, 2)("asked", 2)
    first = next(hit for hit in hits if hit.passage.text == "one")
    assert [match.kind for match in first.matches] == ["question", "sentence", "text"]
    # no word is shared: half of a similarity is its cosine, the other half nothing
    assert [match.similarity for match in first.matches] == pytest.approx([0.5, 0.4, 0], abs=1e-6)
    assert {match.span for match in first.matches} == {SPANS[0]}


def test_a_decoy_is_no_passage_but_tells_how_near_it_is() -> None:
    decoys = [View("", "decoy", "en", text, None) for text in ("decoy", "south")]
    views = [_view(0, "question", "between"), *decoys]
    directions = {"decoy": NORTH, "south": SOUTH, "between": BETWEEN, "asked": NORTH}
    retriever = _retriever(views, directions, 1)
    near = retriever.near("asked")
    assert near.decoys[0] == pytest.approx(0.5)
    assert near.asked[0] == pytest.approx(0.4)
    assert _at(retriever("asked", 5)) == ["one"]


def test_a_question_without_a_known_word_gives_finite_scores() -> None:
    views = [_view(at, "text", "same") for at in range(10)]
    hits = _retriever(views, {"same": NORTH})("🔥", 10)
    assert all(np.isfinite(hit.score) for hit in hits)


def test_an_empty_shelf_finds_nothing() -> None:
    embedder = HashEmbedder()
    empty = MemoryStore(embedder.passages([]))
    index = Index(*catalog([]), empty, Lexical.build([]), Interaction.build([], WordPieces()))
    retriever = Retriever(index, embedder)
    assert retriever("怎么选课题?", 5, ["earlier"]) == []
    assert len(retriever.near("怎么选课题?").decoys) == 0


# --- earlier questions --------------------------------------------------------------------------


@pytest.fixture
def compass() -> Retriever:
    """Passages found by the four directions."""
    views = [_view(at, "text", text) for at, text in enumerate(("north", "east", "south", "west"))]
    directions = {"north": NORTH, "east": EAST, "south": SOUTH, "west": (-1.0, 0.0)}
    return _retriever(views, directions | {"north-east": (0.7071, 0.7071)}, 4)


def test_an_earlier_question_decides_where_the_last_one_does_not(compass: Retriever) -> None:
    assert _at(compass("north-east", 1)) == ["one"]  # the first of two that are equally near
    assert _at(compass("north-east", 1, ["east"])) == ["two"]
    assert _at(compass("north-east", 1, ["north"])) == ["one"]


def test_the_last_question_weighs_more_than_the_one_before(compass: Retriever) -> None:
    assert _at(compass("north", 1, ["east"])) == ["one"]
    assert _at(compass("unknown", 1, ["north", "east"])) == ["two"]
    assert _at(compass("unknown", 1, ["east", "north"])) == ["one"]


def test_the_earliest_questions_of_a_long_talk_are_forgotten(compass: Retriever) -> None:
    recent = ["north", "north", "north"]
    assert compass("north-east", 4, ["east"] * 9 + recent) == compass("north-east", 4, recent)


def test_no_history_is_an_empty_history(compass: Retriever) -> None:
    assert compass("north", 4, []) == compass("north", 4)


# --- whom a question names ----------------------------------------------------------------------


def test_a_speaker_who_is_named_comes_first_among_equals() -> None:
    views = [_view(at, "text", "same") for at in range(10)]
    retriever = _retriever(views, {"same": NORTH, "asked": NORTH})
    near = retriever.near("asked")
    assert _at(retriever.hits(near, 2, named={"speaker four"})) == ["four", "one"]
    assert _at(retriever.hits(near, 2, named={"nobody here"})) == ["one", "two"]


# --- the real shelf -----------------------------------------------------------------------------


def test_every_ranking_falls_and_begins_every_longer_one(shelf: Mentor) -> None:
    for case in read("dev"):
        hits = shelf.retrieve(case.question, 30)
        assert all(one.score >= other.score for one, other in pairwise(hits))
        assert len({hit.passage.id for hit in hits}) == 30
        assert shelf.retrieve(case.question, 5) == hits[:5]


def test_every_match_lies_within_its_passage(shelf: Mentor) -> None:
    for case in read("dev"):
        for hit in shelf.retrieve(case.question, 10):
            similarities = [match.similarity for match in hit.matches]
            assert similarities == sorted(similarities, reverse=True)
            for match in hit.matches:
                assert match.span.overlap(hit.passage.span)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nearly_every_question_finds_a_gold_passage_in_either_language(
    shelf: Mentor, lang: str
) -> None:
    cases = [c for c in (*read("dev"), *read("tuning")) if c.answerable and c.lang == lang]
    found = 0
    for case in cases:
        gold = [(id_, locate(shelf.documents[id_], quote)) for id_, quote in case.gold]
        found += any(is_gold(hit.passage, gold) for hit in shelf.retrieve(case.question, 10))
    assert found >= 0.9 * len(cases) > 0


@given(
    question=st.text(min_size=1, max_size=40), history=st.lists(st.text(max_size=20), max_size=5)
)
def test_every_text_may_be_looked_for(shelf: Mentor, question: str, history: list[str]) -> None:
    hits = shelf.retrieve(f"topic {question}", 5, history)
    assert len(hits) == 5
    assert all(np.isfinite(hit.score) for hit in hits)
