"""Replies with known faults: what is right and wrong in each is told, and nothing is believed."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from fakes import write_corpus

from eval.cases import Case, Point
from eval.reply import Cited, Found, Reply, Said
from eval.score import Item, Judge, Proof, Scorer
from rag import Grade, Mentor, Settings

CURIOSITY = "选课题最重要的标准是好奇心。"
ENGLISH = "The most important standard for choosing a topic is curiosity."
BESIDE = "发表不是终点。"  # the sentence behind it, in the same passage
WRITING = "写作是整理想法的办法。"
HOURS = "You need ten thousand hours of practice."
THRESHOLD = 0.6
GOLD = (("notes", CURIOSITY), ("notes", "多读论文"), ("talk", HOURS))
CASE = Case("q1.zh", "q1", "zh", "怎么选课题?", GOLD)


@pytest.fixture(scope="module")
def mentor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mentor]:
    """The three tiny essays, with the shipped model."""
    folder = tmp_path_factory.mktemp("score")
    corpus = write_corpus(folder / "corpus")
    with closing(Mentor.open(Settings(corpus_dir=corpus, index_dir=folder / "index"))) as opened:
        yield opened


def never(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """A judge that must not be asked."""
    raise AssertionError(pairs)


def supporting(*contexts: Sequence[str]) -> Judge:
    """Return a judge that is just sure enough where a context holds all the texts of one row."""

    def judge(pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [
            THRESHOLD
            if any(all(text in context for text in row) for row in contexts)
            else THRESHOLD - 0.001
            for context, _ in pairs
        ]

    return judge


def claiming(*claims: str) -> Judge:
    """Return a judge that supports these claims, whatever the context."""
    return lambda pairs: [float(claim in claims) for _, claim in pairs]


def _score(mentor: Mentor, judge: Judge, *said: Said, case: Case = CASE) -> Item:
    return Scorer(mentor, judge, THRESHOLD)(case, Reply("answered", said))


def _proof(mentor: Mentor, cited: Cited) -> Proof:
    (sentence,) = _score(mentor, supporting(), Said("说了什么。", (cited,))).sentences
    return sentence.proofs[0]


# --- quotes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cited", "grade"),
    [
        (Cited(1, "notes", CURIOSITY), "exact"),
        (Cited(1, "notes", "最重要的标准"), "exact"),
        (Cited(1, "notes", CURIOSITY, 3, 9), "exact"),  # its offsets are not believed
        (Cited(1, "notes", CURIOSITY, -5, 900), "exact"),
        (Cited(1, "notes", "选课题最重要的标准是 好奇心。"), "equal"),
        (Cited(1, "talk", "you need ten  thousand hours of practice。"), "equal"),
        (Cited(1, "notes", HOURS), "elsewhere"),
        (Cited(1, "answers", CURIOSITY), "elsewhere"),
        (Cited(1, "no_such_essay", CURIOSITY), "elsewhere"),
        (Cited(1, "notes", "选课题最重要的标准是运气。"), "nowhere"),
        (Cited(1, "notes", "选课题最重要的…好奇心。"), "nowhere"),
        (Cited(1, "no_such_essay", "选课题最重要的标准是运气。"), "nowhere"),
        (Cited(7, "", ""), "nowhere"),
        (Cited(1, "notes", ""), "nowhere"),
    ],
)
def test_a_quote_is_graded_by_where_it_stands(mentor: Mentor, cited: Cited, grade: Grade) -> None:
    proof = _proof(mentor, cited)
    assert proof.grade == grade
    assert (proof.span is not None) == (grade in {"exact", "equal"})


def test_a_quote_stands_where_its_offsets_say_if_they_are_right(mentor: Mentor) -> None:
    text = mentor.documents["talk"].text
    first, last = text.index("Ben:"), text.rindex("Ben:")
    assert first < last
    for at in (last, first):
        span = _proof(mentor, Cited(1, "talk", "Ben:", at, at + 4)).span
        assert span is not None
        assert (span.start, span.end) == (at, at + 4)


def test_half_a_word_is_no_quote_wherever_its_offsets_point(mentor: Mentor) -> None:
    at = mentor.documents["talk"].text.index("hours of practice")
    proof = _proof(mentor, Cited(1, "talk", "our", at + 1, at + 4))
    assert (proof.grade, proof.span) == ("nowhere", None)


@pytest.mark.parametrize(
    ("cited", "gold"),
    [
        (Cited(1, "notes", CURIOSITY), True),
        (Cited(1, "notes", CURIOSITY + BESIDE), True),  # all of it, and more
        (Cited(1, "notes", "最重要"), True),  # a part of it
        (Cited(1, "talk", HOURS), True),
        (Cited(1, "notes", BESIDE), False),
        (Cited(1, "notes", "好奇心。" + BESIDE), False),  # too little of both
        (Cited(1, "answers", CURIOSITY), False),  # of another essay, it is said
    ],
)
def test_a_quote_is_gold_that_shares_half_with_a_gold_one(
    mentor: Mentor, cited: Cited, gold: bool
) -> None:
    assert _proof(mentor, cited).gold == gold


# --- sentences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        (CURIOSITY, Cited(1, "notes", CURIOSITY)),
        ("选课题最重要的标准是 好奇心", Cited(1, "notes", CURIOSITY)),  # equal after normalising
        (BESIDE, Cited(1, "notes", CURIOSITY)),  # the passage says it, the quote does not
        (ENGLISH, Cited(1, "notes", CURIOSITY)),  # the project's own translation
        (HOURS, Cited(1, "talk", HOURS)),
    ],
)
def test_words_of_a_cited_passage_and_our_translation_need_no_checker(
    mentor: Mentor, text: str, cited: Cited
) -> None:
    (sentence,) = _score(mentor, never, Said(text, (cited,))).sentences
    assert (sentence.support, sentence.supported) == (1.0, True)
    assert sentence.proofs[0].alone
    assert not sentence.proofs[0].without


@pytest.mark.parametrize(
    "said",
    [
        Said(CURIOSITY),  # true, and cites nothing
        Said(CURIOSITY, (Cited(7, "", ""),)),
        Said(CURIOSITY, (Cited(1, "notes", "选课题最重要的标准是运气。"),)),
        Said(CURIOSITY, (Cited(1, "talk", CURIOSITY),)),  # under the wrong essay
    ],
)
def test_a_sentence_without_a_standing_quote_is_not_supported(mentor: Mentor, said: Said) -> None:
    item = _score(mentor, never, said)
    assert (item.sentences[0].support, item.sentences[0].supported) == (0.0, False)
    assert item.cited == frozenset()


@pytest.mark.parametrize(
    "said",
    [
        Said(WRITING, (Cited(1, "notes", CURIOSITY),)),  # words of another passage
        Said(ENGLISH, (Cited(1, "notes", BESIDE),)),  # the translation of another quote
        Said("好奇心不重要。", (Cited(1, "notes", CURIOSITY),)),
    ],
)
def test_what_is_said_in_other_words_is_the_checkers_to_judge(mentor: Mentor, said: Said) -> None:
    for known, supported in ((BESIDE, True), (HOURS, False)):
        (sentence,) = _score(mentor, supporting([known]), said).sentences
        assert sentence.supported is supported
        assert sentence.support == (THRESHOLD if supported else THRESHOLD - 0.001)


def test_citations_are_weighed_together_alone_and_without_each(mentor: Mentor) -> None:
    cited = (
        Cited(1, "notes", CURIOSITY),
        Cited(2, "notes", WRITING),
        Cited(3, "talk", HOURS),
        Cited(4, "talk", "nobody said so"),
    )
    judge = supporting([CURIOSITY, WRITING])
    (sentence,) = _score(mentor, judge, Said("又好奇又写作。", cited)).sentences
    assert sentence.supported
    assert [proof.alone for proof in sentence.proofs] == [False] * 4
    # the third and the fourth can go: ALCE calls them no proof
    assert [proof.without for proof in sentence.proofs] == [False, False, True, True]


def test_the_same_quote_twice_is_enough_without_either(mentor: Mentor) -> None:
    twice = (Cited(1, "notes", CURIOSITY), Cited(1, "notes", CURIOSITY))
    (sentence,) = _score(mentor, never, Said(CURIOSITY, twice)).sentences
    assert [(p.alone, p.without) for p in sentence.proofs] == [(True, True)] * 2


def test_an_item_names_the_passages_that_its_quotes_stand_in(mentor: Mentor) -> None:
    text = mentor.documents["notes"].text
    both = text[text.index("多和人交谈") : text.index("写作是整理") + len(WRITING)]
    item = _score(mentor, supporting(), Said("?", (Cited(1, "notes", both),)))
    assert len(item.cited) == 2
    assert all(id_.startswith("notes:") for id_ in item.cited)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(CURIOSITY), "cites nothing"),
        (Said(CURIOSITY, (Cited(4, "talk", CURIOSITY),)), "[4] its quote is elsewhere"),
        (Said(CURIOSITY, (Cited(2, "notes", "?"),)), "[2] its quote is nowhere"),
        (Said(ENGLISH, (Cited(1, "notes", CURIOSITY),)), "or it is our translation"),
        (Said("要 42 分。", (Cited(1, "notes", CURIOSITY),)), "0.60 are needed"),
        (Said("要 42 分。", (Cited(1, "notes", CURIOSITY),)), "other numbers than the passage: 42"),
    ],
)
def test_every_verdict_has_its_reason(mentor: Mentor, said: Said, why: str) -> None:
    score = Scorer(mentor, supporting(), THRESHOLD)
    (sentence,) = score(CASE, Reply("answered", (said,))).sentences
    assert why in "; ".join(score.why(sentence))


# --- rankings -----------------------------------------------------------------------------------


def _found(mentor: Mentor, doc_id: str, text: str) -> Found:
    at = mentor.documents[doc_id].text.index(text)
    return Found(doc_id, at, at + len(text))


def test_a_ranking_says_which_gold_quotes_each_passage_holds(mentor: Mentor) -> None:
    found = (
        _found(mentor, "notes", WRITING),
        _found(mentor, "notes", CURIOSITY + BESIDE + "\n\n- 多读论文"),
        Found("no_such_essay", 0, 900),
        _found(mentor, "notes", "的标准是好奇心。"),  # more than half of it
        _found(mentor, "talk", HOURS),
    )
    item = Scorer(mentor, never, THRESHOLD)(CASE, Reply("refused", found=found))
    assert item.ranking == tuple(map(frozenset, (set(), {0, 1}, set(), {0}, {2})))


@pytest.mark.parametrize(("start", "end"), [(-1, -1), (9, 9), (20, 5), (-5, 900)])
def test_a_passage_with_offsets_of_nothing_holds_nothing(
    mentor: Mentor, start: int, end: int
) -> None:
    reply = Reply("refused", found=(Found("notes", start, end),))
    assert Scorer(mentor, never, THRESHOLD)(CASE, reply).ranking == (frozenset(),)


def test_only_the_first_ten_of_a_ranking_are_read(mentor: Mentor) -> None:
    found = (*[_found(mentor, "notes", WRITING)] * 10, _found(mentor, "talk", HOURS))
    item = Scorer(mentor, never, THRESHOLD)(CASE, Reply("refused", found=found))
    assert item.ranking == (frozenset(),) * 10


# --- key points ---------------------------------------------------------------------------------

POINTS = (
    Point("好奇心最重要", "Curiosity matters most", CURIOSITY),
    Point("要练一万小时", "It takes ten thousand hours", HOURS),
)
ASKED = Case("q1.zh", "q1", "zh", "怎么选课题?", GOLD, points=POINTS)


@pytest.mark.parametrize(
    ("quote", "held"),
    [
        (Cited(1, "notes", CURIOSITY), (True, False)),
        (Cited(1, "notes", CURIOSITY + BESIDE), (True, False)),  # holds the words that prove it
        (Cited(1, "notes", "好奇心。"), (True, False)),  # some of them
        (Cited(1, "talk", HOURS), (False, True)),
        (Cited(1, "notes", BESIDE), (False, False)),
        (Cited(1, "talk", CURIOSITY), (False, False)),  # it does not stand there
    ],
)
def test_a_point_is_held_by_a_quote_that_proves_it(
    mentor: Mentor, quote: Cited, held: tuple[bool, ...]
) -> None:
    item = _score(mentor, claiming(), Said("?", (quote,)), case=ASKED)
    assert item.held == held


@pytest.mark.parametrize(
    ("claims", "held"),
    [
        (["好奇心最重要"], (True, False)),
        (["Curiosity matters most"], (True, False)),  # in either language
        (["It takes ten thousand hours", "好奇心最重要"], (True, True)),
        ([], (False, False)),
    ],
)
def test_a_point_is_held_by_an_answer_that_says_it(
    mentor: Mentor, claims: list[str], held: tuple[bool, ...]
) -> None:
    assert _score(mentor, claiming(*claims), Said("Whatever."), case=ASKED).held == held


def test_the_sentences_of_an_answer_make_a_point_together(mentor: Mentor) -> None:
    judge = supporting(["Be curious.", "And write."])
    assert _score(mentor, judge, Said("Be curious."), case=ASKED).held == (False, False)
    both = _score(mentor, judge, Said("Be curious."), Said("And write."), case=ASKED)
    assert both.held == (True, True)


# --- what there is nothing of -------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply", [Reply("failed", error="timed out"), Reply("refused"), Reply("answered")]
)
def test_who_says_nothing_has_nothing_right(mentor: Mentor, reply: Reply) -> None:
    item = Scorer(mentor, never, THRESHOLD)(ASKED, reply)
    assert (item.sentences, item.ranking, item.cited) == ((), (), frozenset())
    assert item.held == (False, False)


def _clustered(mentor: Mentor, *gold: tuple[str, str]) -> str:
    case = Case("q1.zh", "q1", "zh", "?", gold)
    return Scorer(mentor, never, THRESHOLD)(case, Reply("refused")).cluster


def test_questions_about_one_passage_are_one_cluster(mentor: Mentor) -> None:
    first = _clustered(mentor, ("notes", CURIOSITY))
    assert first in {passage.id for passage in mentor.passages}
    assert _clustered(mentor, ("notes", BESIDE)) == first
    assert _clustered(mentor, ("talk", HOURS), ("notes", "多读论文")) == first
    assert _clustered(mentor, ("notes", WRITING)) != first


def test_a_question_without_gold_goes_with_its_topic(mentor: Mentor) -> None:
    assert _clustered(mentor) == "q1"


@pytest.mark.parametrize(
    ("gold", "says"),
    [
        (("no_such_essay", CURIOSITY), "q1.zh: the shelf has no essay no_such_essay"),
        (("notes", "不在这里"), "not in notes"),
    ],
)
def test_gold_that_is_not_on_the_shelf_is_named(
    mentor: Mentor, gold: tuple[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        _clustered(mentor, gold)
