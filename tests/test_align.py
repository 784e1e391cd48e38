"""Words of two texts are alike by meaning, sound or value, and nearness fades with the distance."""

import numpy as np
import pytest
from fakes import WordPieces
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rag.align import Read, likeness, on_line, spread
from rag.embed import Pieces, open_pieces
from rag.types import Span


def read(text: str) -> Read:
    return Read.of(text, open_pieces())


@pytest.fixture(scope="session", params=["fake", "shipped"])
def pieces(request: pytest.FixtureRequest) -> Pieces:
    return WordPieces() if request.param == "fake" else open_pieces()


def alike(claim: str, context: str) -> float:
    """Return the best likeness between two words."""
    return float(likeness(read(claim), read(context)).max(initial=0.0))


# --- reading ------------------------------------------------------------------------------------

TEXT = "They read 350 papers. 他们读了很多论文。Nothing more!"


def test_a_text_is_cut_into_pieces_with_place_weight_number_and_sentence(pieces: Pieces) -> None:
    told = Read.of(TEXT, pieces)
    size = len(told.ids)
    assert size > 8
    assert told.ends.shape == (size, 2)
    assert len(told.vectors) == len(told.weights) == len(told.counts) == len(told.sentence) == size
    assert (told.weights > 0).all()
    assert [span.of(TEXT) for span in told.spans] == [
        "They read 350 papers.",
        "他们读了很多论文。",
        "Nothing more!",
    ]
    [number] = told.numbers
    counted = [word for word, at in zip(told.words(), told.counts, strict=True) if at == 0]
    assert "".join(counted) == number.span.of(TEXT) == "350"
    for word, at in zip(told.words(), told.sentence, strict=True):
        assert word in told.spans[at].of(TEXT)


def test_a_text_that_says_nothing_has_no_pieces(pieces: Pieces) -> None:
    for text in ("", " \n"):
        told = Read.of(text, pieces)
        assert len(told.ids) == len(told.places) == len(told.words()) == 0


def test_sentences_stand_some_way_apart_on_the_line(pieces: Pieces) -> None:
    told = Read.of("One two. Three four.", pieces)
    gaps = np.diff(told.places).tolist()
    assert gaps[0] == gaps[2] == 1
    assert gaps[1] > 5


def test_a_stretch_of_the_text_touches_the_pieces_that_it_overlaps() -> None:
    told = read("choose a topic")
    assert told.within(Span(7, 14)).tolist() == [False, True, True]
    assert told.within(Span(5, 6)).tolist() == [True, False, False]
    assert not told.within(Span(6, 7)).any()


def test_an_unknown_word_weighs_as_much_as_a_middling_one() -> None:
    told = read("topic 𠮷 paper gradient")
    known = told.weights[told.ids > 0]
    assert told.weights[told.ids == 0] == pytest.approx(np.median(known))


# --- likeness -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["paper", "论文", "𠮷", "Karpathy", "42", "the"])
def test_the_same_word_is_wholly_alike(word: str) -> None:
    assert alike(word, word) == 1.0
    assert likeness(read(word), read(f"some {word} here")).max(axis=1) == pytest.approx(
        np.ones(len(read(word).ids))
    )


@pytest.mark.parametrize(
    ("claim", "context"),
    [
        ("350万", "3.5 million"),
        ("三成", "30%"),
        ("twenty-one", "21"),
        ("三个月", "three months"),
        ("十分钟", "10 minutes"),
    ],
)
def test_numbers_of_one_value_are_wholly_alike(claim: str, context: str) -> None:
    said = read(claim)
    found = likeness(said, read(context)).max(axis=1)
    assert found[said.counts >= 0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("claim", "context"),
    [
        ("308", "309"),
        ("三成", "40%"),
        ("3 years", "30 years"),
        ("308", "many papers"),
        ("二", "三"),
    ],
)
def test_another_number_is_not_alike_at_all(claim: str, context: str) -> None:
    said = read(claim)
    found = likeness(said, read(context))[said.counts >= 0]
    assert found.max(initial=0.0) == 0.0


def test_no_word_is_like_a_number_of_the_claim() -> None:
    assert alike("7", "seven-eighths of all hours") == 0.0
    assert alike("7", "seven hours") == 1.0


@pytest.mark.parametrize(
    ("claim", "near", "far"),
    [
        ("graphics card", "显卡", "天气"),
        ("paper", "论文", "音乐"),
        ("happy", "glad", "table"),
        ("Karpathy", "卡帕西", "米勒"),
        ("Kaiming", "恺明", "西风"),
        ("Miller", "米勒先生", "史密斯先生"),
    ],
)
def test_what_means_or_sounds_the_same_is_more_alike_than_what_does_not(
    claim: str, near: str, far: str
) -> None:
    def covered(context: str) -> float:
        return float(likeness(read(claim), read(context)).max(axis=1).mean())

    assert covered(f"这里说的是{near}。") > covered(f"这里说的是{far}。") + 0.2


def test_an_unknown_word_is_like_itself_alone() -> None:
    assert alike("𠮷", "𠮷野") == 1.0
    assert alike("𠮷", "𡈽") == 0.0


@pytest.mark.parametrize("faint", [False, True])
@given(
    claim=st.text("the paper 论文显卡 12万三成 Miller米勒.。", max_size=30),
    context=st.text("the paper 论文显卡 12万三成 Miller米勒.。", max_size=30),
)
def test_likeness_is_between_nothing_and_one(faint: bool, claim: str, context: str) -> None:
    said, told = read(claim), read(context)
    found = likeness(said, told, faint=faint)
    assert found.shape == (len(said.ids), len(told.ids))
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()


def test_faint_likeness_is_kept_where_it_is_asked_for() -> None:
    said, told = read("paper topic gradient"), read("天气很好。我们去吃饭。")
    assert (likeness(said, told, faint=True) > 0).sum() >= (likeness(said, told) > 0).sum()


# --- nearness -----------------------------------------------------------------------------------


def test_columns_move_to_their_places_and_nothing_stands_between() -> None:
    told = read("One two. Three four.")
    values = np.arange(1, 2 * len(told.ids) + 1, dtype=np.float32).reshape(2, -1)
    line = on_line(values, told)
    assert line.shape == (2, told.places[-1] + 1)
    assert (line[:, told.places] == values).all()
    assert line.sum() == values.sum()


def test_a_context_without_pieces_is_a_line_of_one_empty_place() -> None:
    assert on_line(np.zeros((3, 0), np.float32), read("")).tolist() == [[0.0]] * 3


@given(
    line=arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 60)),
        elements={
            "min_value": 0.0,
            "max_value": 1.0,
        },
    ),
    reach=st.sampled_from([1.0, 3.0, 8.0, 25.0]),
)
def test_each_place_takes_the_best_around_it_faded_by_distance(
    line: np.ndarray[tuple[int, int], np.dtype[np.float32]], reach: float
) -> None:
    at = np.arange(line.shape[1])
    fade = np.exp(-np.abs(at[:, None] - at[None, :]) / reach)
    wanted = (line[:, None, :] * fade[None, :, :]).max(axis=2)
    found = spread(line, reach)
    assert found == pytest.approx(wanted, abs=2e-3)  # what is fainter than a thousandth may go
    assert (found >= line).all()


def test_nearness_fades_to_a_third_within_its_reach() -> None:
    line = np.zeros((1, 41), np.float32)
    line[0, 20] = 1.0
    found = spread(line, 8.0)[0]
    assert found[20] == 1.0
    assert found[12] == found[28] == pytest.approx(np.exp(-1), abs=1e-4)
    assert (np.diff(found[:21]) > 0).all()
    assert (np.diff(found[20:]) < 0).all()


def test_a_line_is_left_as_it_was() -> None:
    line = np.array([[0.0, 1.0, 0.0]], np.float32)
    spread(line, 3.0)
    assert line.tolist() == [[0.0, 1.0, 0.0]]
