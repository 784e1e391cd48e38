"""The quoting answerer: whole sentences, few of them, from several essays, that stand alone."""

import re
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import read
from rag import Answer, Citation, Claim, Document, Hit, Lang, Mentor, Passage, Span, Speaker
from rag.answer import Quoter
from rag.text import sentences
from rag.types import Match

ASKED = "怎么选课题?"


def _document(text: str, doc_id: str = "essay", **english: str) -> Document:
    """An essay of one passage; `english` translates a sentence by its first word."""
    spans = {span.of(text): span.end for span in sentences(text)}
    return Document(
        id=doc_id,
        title=doc_id,
        author="笔者",
        author_en="the author",
        site="",
        site_en="",
        url="",
        date="",
        lang="zh",
        licence="CC0",
        note="",
        sha256="0" * 64,
        text=text,
        speakers=(Speaker("笔者", "the author"),),
        english={
            end: said
            for word, said in english.items()
            for sentence, end in spans.items()
            if sentence.startswith(word)
        },
    )


def _hit(document: Document, near: Mapping[str, float], score: float = 1.0) -> Hit:
    """Return the essay as one hit; `near` says how near beginner questions about a place came."""
    text = document.text
    matches = [
        Match("question", Span(text.index(place), text.index(place) + len(place)), similarity)
        for place, similarity in near.items()
    ]
    passage = Passage(document.id, Span(0, len(text)), text, (document.title,), "笔者")
    nearest = sorted(matches, key=lambda match: -match.similarity)
    return Hit(passage, score, {"meaning": 1}, tuple(nearest))


def _claims(hits: Sequence[Hit], documents: Sequence[Document], lang: Lang = "zh") -> list[Claim]:
    return Quoter()(ASKED, lang, hits, {document.id: document for document in documents})


def _quotes(text: str, near: Mapping[str, float]) -> list[str]:
    document = _document(text)
    return [claim.quote for claim in _claims([_hit(document, near)], [document])]


def test_no_hits_give_no_claims() -> None:
    assert _claims([], []) == []


def test_a_whole_sentence_is_quoted_where_half_of_it_was_found() -> None:
    text = "先把基础打牢靠了再说别的事。选课题最重要的标准,是好奇心和热情本身。写作要趁早开始才行。"
    [quote] = _quotes(text, {"好奇心和热情": 0.9})
    assert "选课题最重要的标准,是好奇心和热情本身。" in quote
    assert set(quote.split("。")) <= set(text.split("。"))


def test_a_claim_names_its_passage_and_says_its_quote() -> None:
    document = _document("选课题最重要的标准是好奇心和热情。")
    [claim] = _claims([_hit(document, {})], [document])
    assert claim == Claim(document.text, (f"essay:0-{len(document.text)}",), "quote", document.text)


def test_a_question_is_not_given_as_an_answer() -> None:
    text = "大家常常问,到底应该怎样选课题呢?选课题最重要的标准是好奇心和热情。"
    [quote] = _quotes(text, {"大家常常问,到底应该怎样选课题呢?": 0.99})
    assert quote.endswith("选课题最重要的标准是好奇心和热情。")


@pytest.mark.parametrize("mark", ["?", "？", "?”", "？」", "??"])
def test_a_passage_of_nothing_but_questions_gives_no_claim(mark: str) -> None:
    text = f"到底应该怎样选课题呢{mark}难道真的要听导师的话吗{mark}"
    assert _quotes(text, {"到底应该怎样选课题呢": 0.99}) == []


@pytest.mark.parametrize(
    "text",
    [
        "So the。。。",
        "好。",
        "详见 https://example.org/paper 这个链接里面的原文。",
        "选课题的标准有这么几个:",
        "!!!",
        "图一,",
    ],
)
def test_a_fragment_or_an_address_gives_no_claim(text: str) -> None:
    assert _quotes(text, {text[:2]: 0.99}) == []


LIST = "选课题有下面这些办法:\n\n- 多读几篇近年的好论文\n- 多和不同领域的人交谈\n- 听自己的\n"


@pytest.mark.parametrize(
    "near", ["- 多读几篇近年的好论文", "- 多和不同领域的人交谈", "选课题有下面"]
)
def test_an_item_of_a_list_is_quoted_with_what_leads_to_it(near: str) -> None:
    [quote] = _quotes(LIST, {near: 0.9})
    assert quote.startswith("选课题有下面这些办法:\n\n- 多读几篇近年的好论文")
    assert near.removeprefix("- ") in quote
    assert quote in LIST


@pytest.mark.parametrize("length", [180, 260, 600])
def test_a_lead_in_is_never_quoted_without_what_it_leads_to(length: int) -> None:
    text = f"选课题的办法有{'很' * length}多:\n\n- {'读' * 200}论文\n"
    assert not [quote for quote in _quotes(text, {"选课题的办法": 0.9}) if quote.endswith(":")]


@pytest.mark.parametrize("leaning", ["但是", "所以", "这", "然后", "不过", "因此", "它", "而且"])
def test_a_sentence_that_leans_on_the_one_before_takes_it_along(leaning: str) -> None:
    before = "研究里面充满了挫折和失败的时刻。"
    after = f"{leaning}值得每一个人坚持到最后的那一天。"
    leans = _document(f"写作最好每天都练习一会儿才行呢。{before}{after}", "leans")
    other = _document("好奇心和热情才应该是我们研究生涯的重心所在。", "other")
    hits = [_hit(other, {other.text: 0.9}), _hit(leans, {after: 0.9})]
    assert [claim.quote for claim in _claims(hits, [leans, other])][1] == f"{before}{after}"


def test_a_leaning_sentence_with_nothing_before_it_stands_alone() -> None:
    text = "But you should never compare yourself to all of the others around you."
    assert _quotes(text, {"never compare": 0.9}) == [text]


def test_a_short_sentence_is_not_quoted_alone() -> None:
    [quote] = _quotes("不一定。大模型的训练成本其实是非常非常高的。", {"不一定。": 0.9})
    assert quote.endswith("大模型的训练成本其实是非常非常高的。")


def test_at_most_four_quotes_are_given() -> None:
    documents = [_document(f"这是第{n}篇文章里面关于选课题的一句话。", f"e{n}") for n in range(8)]
    hits = [_hit(document, {document.text.strip(): 0.9}) for document in documents]
    claims = _claims(hits, documents)
    assert [claim.passage_ids[0].split(":")[0] for claim in claims] == ["e0", "e1", "e2", "e3"]


def _passages(doc_id: str, n: int) -> tuple[Document, list[Passage]]:
    """An essay of `n` passages of one sentence."""
    lines = [f"文章{doc_id}第{at}段说选课题要看好奇心。\n" for at in range(n)]
    document, at = _document("".join(lines), doc_id), 0
    passages = []
    for line in lines:
        span = Span(at, at + len(line) - 1)
        passages.append(Passage(doc_id, span, span.of(document.text), (doc_id,), "笔者"))
        at += len(line)
    return document, passages


def _found(passage: Passage, score: float) -> Hit:
    return Hit(passage, score, {"meaning": 1}, (Match("question", passage.span, 0.9),))


def test_another_essay_is_preferred_to_more_of_the_same() -> None:
    one, first = _passages("a", 4)
    other, second = _passages("b", 1)
    hits = [_found(passage, 1.0 - at / 100) for at, passage in enumerate([*first, *second])]
    essays = [claim.passage_ids[0].split(":")[0] for claim in _claims(hits, [one, other])]
    assert set(essays) == {"a", "b"}
    assert len(essays) <= 4


def test_the_best_essay_comes_first_and_each_in_reading_order() -> None:
    one, first = _passages("a", 3)
    other, second = _passages("b", 2)
    hits = [_found(p, 1.0) for p in (second[1], first[2], first[0], second[0])]
    ids = [claim.passage_ids[0] for claim in _claims(hits, [one, other])]
    assert ids == [second[0].id, second[1].id, first[0].id, first[2].id]


def test_a_passage_far_worse_than_the_best_is_not_quoted() -> None:
    one, first = _passages("a", 1)
    other, second = _passages("b", 1)
    claims = _claims([_found(first[0], 1.0), _found(second[0], 0.3)], [one, other])
    assert [claim.passage_ids for claim in claims] == [(first[0].id,)]


def test_an_english_answer_takes_the_translation_and_keeps_the_quote() -> None:
    document = _document("好奇心最重要。发表不是终点。", 好奇心="Curiosity first.", 发表="No end.")
    [claim] = _claims([_hit(document, {"好奇心最重要。发表不是终点。": 0.9})], [document], "en")
    assert claim.kind == "translation"
    assert (claim.text, claim.quote) == ("Curiosity first. No end.", document.text)


def test_an_english_answer_quotes_what_has_no_translation() -> None:
    document = _document("好奇心最重要。发表不是终点。", 好奇心="Curiosity first.")
    [claim] = _claims([_hit(document, {"好奇心最重要。发表不是终点。": 0.9})], [document], "en")
    assert (claim.kind, claim.text) == ("quote", claim.quote)


PIECES = """好奇心最重要。|怎么办?|但是要坚持下去。|办法如下:
|- 多读论文
|

|So the。。。|Read more papers. |Why? |🔥|𠮷野家|“引用的话。”|1. 第一步先读书
|e\u0301|深度学习"""


@given(st.lists(st.sampled_from(PIECES.split("|")), min_size=1, max_size=12), st.data())
def test_every_claim_is_whole_sentences_of_its_passage(
    pieces: list[str], near: st.DataObject
) -> None:
    text = "".join(pieces)
    spans = sentences(text)
    if not spans:
        return
    about = near.draw(st.sampled_from(spans))
    document = _document(text)
    for claim in _claims([_hit(document, {about.of(text): 0.9})], [document]):
        assert claim.quote in text
        assert claim.quote.strip() == claim.quote
        assert not re.search(r"[?？:：]$|。。$", claim.quote)
        inner = [span.of(claim.quote) for span in sentences(claim.quote)]
        whole = [span.of(text) for span in spans]
        assert all(sentence in whole for sentence in inner)


# --- the real shelf -----------------------------------------------------------------------------

# What stands in the essays and says nothing by itself: captions, bylines, thanks, broken ends.
EMPTY = (
    "计算规模(归功于OpenAI)",
    "机器学习研究中花费在增加",
    "作者:",
    "视频链接",
    "https://",
    "谢谢你们俩",
    "感谢所有帮助我走上这条道路的人",
    "So the。",
    "钱志云 计算机教授",
    "## ",
)
BARE = re.compile(r"[\w)）”’」』%]$")


@pytest.fixture(scope="module")
def answers(shelf: Mentor) -> list[Answer]:
    cases = [*read("dev"), *read("tuning")]
    return [shelf.ask(case.question) for case in cases]


def _cited(answers: Sequence[Answer]) -> Iterator[Citation]:
    return (c for answer in answers for s in answer.sentences for c in s.citations)


def test_every_quote_on_the_real_shelf_is_exact(shelf: Mentor, answers: list[Answer]) -> None:
    cited = list(_cited(answers))
    assert len(cited) > 100
    for citation in cited:
        assert citation.span.of(shelf.documents[citation.doc_id].text) == citation.quote


def test_every_quote_on_the_real_shelf_is_whole_sentences(
    shelf: Mentor, answers: list[Answer]
) -> None:
    for citation in _cited(answers):
        document = shelf.documents[citation.doc_id]
        spans = sentences(document.text)
        before = document.text[: citation.span.start]
        labels = tuple(label for speaker in document.speakers for label in speaker.labels)
        starts = citation.span.start in {span.start for span in spans}
        assert starts or before.rstrip(" ").endswith(labels), citation.quote
        assert citation.span.end in {span.end for span in spans}, citation.quote


def test_every_quote_on_the_real_shelf_says_something_by_itself(
    shelf: Mentor, answers: list[Answer]
) -> None:
    for citation in _cited(answers):
        quote, text = citation.quote, shelf.documents[citation.doc_id].text
        assert len(quote) >= 12
        assert not [words for words in EMPTY if words in quote], quote
        assert not re.search(r"[?？][”」]?$|[:：,，、]$", quote), quote
        if BARE.search(quote):  # without a full stop it must close its paragraph
            assert text[citation.span.end : citation.span.end + 1] in ("", "\n"), quote


def test_no_answer_on_the_real_shelf_repeats_a_question(
    shelf: Mentor, answers: list[Answer]
) -> None:
    asked = {hit.passage.asked for answer in answers for hit in answer.hits} - {""}
    assert asked
    for citation in _cited(answers):
        assert citation.quote not in asked
        assert not any(citation.quote in question for question in asked)


def test_every_answer_on_the_real_shelf_is_one_to_four_quotes(answers: list[Answer]) -> None:
    for answer in answers:
        assert len(answer.sentences) <= 4
        assert bool(answer.sentences) == (answer.status == "answered")
        assert not answer.dropped
        quotes = [s.citations[0].span for s in answer.sentences]
        ids = [s.citations[0].doc_id for s in answer.sentences]
        for at, span in enumerate(quotes):
            for other, same in zip(quotes[:at], ids[:at], strict=True):
                assert not (same == ids[at] and span.overlap(other)), answer.question


def test_answers_on_the_real_shelf_come_from_several_essays(answers: list[Answer]) -> None:
    essays = [{s.citations[0].doc_id for s in a.sentences} for a in answers if a.sentences]
    assert sum(len(found) > 1 for found in essays) > 10
    assert len(set().union(*essays)) == 5


def test_every_english_answer_on_the_real_shelf_is_in_english(answers: list[Answer]) -> None:
    shown = [s for answer in answers if answer.lang == "en" for s in answer.sentences]
    assert len(shown) > 50
    for sentence in shown:
        han = re.findall(r"[\u4e00-\u9fff]", sentence.text)
        assert len(han) * 4 < len(sentence.text), sentence.text
        if sentence.kind == "translation":
            assert sentence.text != sentence.citations[0].quote
