"""No claim passes but one whose quote stands in an essay; every way to cheat is tried."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import (
    Checker,
    Citation,
    Claim,
    Document,
    Kind,
    Lang,
    Mentor,
    Passage,
    Sentence,
    Span,
    Speaker,
    open_checker,
    sentences,
    vetoed,
)
from rag.frame import named
from rag.ground import checked as checked_all
from rag.ground import ground, translated, voice
from rag.proof import misattributed

HE = Speaker("何恺明", "Kaiming He", url="https://talk.example", labels=("何恺明:",))
HOST = Speaker("西风", "Xifeng")
NOTES = """# 题

不要先看论文。看了两个小时(大约),写了“三行”代码!他说「用 C++ 写。」然后走了。

何恺明:“发表不是终点。”好奇心才是。

- 读论文
- 写代码

𠮷野家的 cafe\u0301 🔥很好。Don’t compare it to 3.14 (or $5).
""".replace("e\u0301", "é")
OTHER = "# Other\n\n看了两个小时(大约),先看论文。Do it twice.\n"


def essay(id_: str, text: str, *speakers: Speaker) -> Document:
    return Document(
        id=id_,
        title=f"题 {id_}",
        author="西风",
        author_en="Xifeng",
        site="",
        site_en="",
        url=f"https://{id_}.example",
        date="",
        lang="zh" if id_ == "notes" else "en",
        licence="CC0",
        note="",
        sha256="",
        text=text,
        speakers=speakers,
    )


def passage(document: Document, first: str, last: str, speaker: Speaker) -> Passage:
    start = document.text.index(first)
    span = Span(start, document.text.index(last, start) + len(last))
    return Passage(document.id, span, span.of(document.text), ("题",), speaker.name)


def english(text: str, **said: str) -> dict[int, str]:
    """Return translations by the offset at which their sentence ends."""
    return {text.index(sentence) + len(sentence): to for sentence, to in said.items()}


DOCUMENTS = {
    "notes": replace(
        essay("notes", NOTES, HOST, HE),
        english=english(
            NOTES,
            **{
                "不要先看论文。": "Do not read papers first.",
                "看了两个小时(大约),写了“三行”代码!": "I read for two hours.",
                "“发表不是终点。”": "“Publication is not the end.”",
                "好奇心才是。": "Curiosity is.",
                "读论文": "Read papers",
                "写代码": "Write code",
            },
        ),
    ),
    "other": essay("other", OTHER, HOST),
}
FIRST = passage(DOCUMENTS["notes"], "不要", "然后走了。", HOST)
SAID = passage(DOCUMENTS["notes"], "“发表", "才是。", HE)
LIST = passage(DOCUMENTS["notes"], "- 读", "写代码", HE)
LAST = passage(DOCUMENTS["notes"], "𠮷", "$5).", HE)
ELSEWHERE = passage(DOCUMENTS["other"], "看了", "twice.", HOST)
PASSAGES = {p.id: p for p in (FIRST, SAID, LIST, LAST, ELSEWHERE)}


class Marks:
    """A Checker with marks for contexts and claims, that remembers what it was asked."""

    name, threshold, sure = "marks", 0.5, 0.9

    def __init__(self, marks: dict[str, float] | None = None, otherwise: float = 0.0) -> None:
        self.marks, self.otherwise = marks or {}, otherwise
        self.asked: list[tuple[str, str]] = []

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.asked += pairs
        return [
            self.marks.get(context, self.marks.get(claim, self.otherwise))
            for context, claim in pairs
        ]


def unopened() -> Checker:
    """Stand for a checker that is not on this machine."""
    msg = "nothing here needs a checker"
    raise AssertionError(msg)


def checked(claim: Claim, lang: Lang = "zh", number: int = 1) -> Sentence | None:
    return ground(claim, PASSAGES, DOCUMENTS, lang, lambda *_: number, Marks)


def one(_passage: Passage, _span: Span) -> int:
    return 1


def quoted(quote: str, *where: Passage) -> Claim:
    return Claim(quote, tuple(p.id for p in where), "quote", quote)


def told(text: str, quote: str, *where: Passage, kind: Kind = "translation") -> Claim:
    return Claim(text, tuple(p.id for p in where), kind, quote)


# --- what stands -------------------------------------------------------------------------------

STANDS = [
    ("不要先看论文。", FIRST),
    ("看了两个小时(大约),写了“三行”代码!", FIRST),
    ("不要先看论文。看了两个小时(大约),写了“三行”代码!", FIRST),
    ("他说「用 C++ 写。」", FIRST),
    ("“发表不是终点。”", SAID),
    ("“发表不是终点。”好奇心才是。", SAID),
    ("读论文\n- 写代码", LIST),
    ("𠮷野家的 café 🔥很好。", LAST),
    ("Don’t compare it to 3.14 (or $5).", LAST),
]


@pytest.mark.parametrize(("quote", "where"), STANDS)
def test_a_quote_that_stands_is_cited_at_its_place(quote: str, where: Passage) -> None:
    start = NOTES.index(quote)
    sentence = checked(quoted(quote, where), number=7)
    assert sentence is not None
    citation = Citation(
        n=7,
        doc_id="notes",
        title="题 notes",
        author="西风",
        url="https://notes.example" if where is FIRST else "https://talk.example",
        span=Span(start, start + len(quote)),
        quote=quote,
    )
    assert sentence == Sentence(quote, "zh", "quote", voice_of(where), (citation,), 1.0)


def voice_of(where: Passage) -> str:
    return "西风" if where is FIRST else "何恺明"


def test_an_asker_in_english_is_given_english_names_and_an_essay_its_own_language() -> None:
    sentence = checked(quoted("好奇心才是。", SAID), "en")
    assert sentence is not None
    assert (sentence.speaker, sentence.lang) == ("Kaiming He", "zh")
    assert sentence.citations[0].author == "Xifeng"
    other = checked(quoted("Do it twice.", ELSEWHERE), "zh")
    assert other is not None
    assert (other.speaker, other.lang) == ("西风", "en")


def test_the_first_passage_named_that_holds_the_quote_is_cited() -> None:
    quote = "先看论文。"
    again = essay("other", f"# Other\n\n{quote}\n", HOST)
    here = passage(again, quote, quote, HOST)
    claim = Claim(quote, ("gone:0-1", SAID.id, here.id, ELSEWHERE.id), "quote", quote)
    passages, documents = {**PASSAGES, here.id: here}, {**DOCUMENTS, "other": again}
    sentence = ground(claim, passages, documents, "zh", one, unopened)
    assert sentence is not None
    assert sentence.citations[0].span == here.span


def test_a_translation_that_the_project_wrote_stands_beside_its_sentence() -> None:
    sentence = checked(told("Do not read papers first.", "不要先看论文。", FIRST), "en")
    assert sentence is not None
    assert (sentence.text, sentence.lang) == ("Do not read papers first.", "en")
    assert (sentence.kind, sentence.speaker) == ("translation", "Xifeng")
    assert sentence.citations[0].quote == "不要先看论文。"


# --- what falls --------------------------------------------------------------------------------

FALLS: list[tuple[str, Claim]] = [
    # other words than the essay's
    ("an invented quote", quoted("要多读论文。", FIRST)),
    ("a negation taken out", quoted("先看论文。看了两个小时(大约),写了“三行”代码!", SAID)),
    ("a negation cut off at the start", quoted("先看论文。", FIRST)),
    ("a negation put in", quoted("好奇心才不是。", SAID)),
    ("a swapped number", quoted("看了三个小时(大约),写了“三行”代码!", FIRST)),
    ("a number of another kind", quoted("看了2个小时(大约),写了“三行”代码!", FIRST)),
    ("a quote cut off at the end", quoted("看了两个小时", FIRST)),
    ("a part of a number", quoted("Don’t compare it to 3", LAST)),
    ("another mark at the end", quoted("不要先看论文!", FIRST)),
    ("a blank too many", quoted("不要先看 论文。", FIRST)),
    ("a blank at the end", quoted("好奇心才是。 ", SAID)),
    ("a line end for a blank", quoted("𠮷野家的\ncafé 🔥很好。", LAST)),
    ("two sentences that are not neighbours", quoted("不要先看论文。他说「用 C++ 写。」", FIRST)),
    ("two sentences in another order", quoted("好奇心才是。“发表不是终点。”", SAID)),
    ("dots for what is left out", quoted("不要先看论文。……然后走了。", FIRST)),
    # marks that look alike
    ("straight quotes for curly ones", quoted('"发表不是终点。"', SAID)),
    ("corner quotes for curly ones", quoted("「发表不是终点。」", SAID)),
    ("curly quotes for corner ones", quoted("他说“用 C++ 写。”", FIRST)),
    ("a straight apostrophe", quoted("Don't compare it to 3.14 (or $5).", LAST)),
    ("full-width brackets", quoted("看了两个小时（大约）,写了“三行”代码!", FIRST)),
    ("no brackets", quoted("看了两个小时大约,写了“三行”代码!", FIRST)),
    ("another composition", quoted("𠮷野家的 cafe\u0301 🔥很好。", LAST)),
    ("another width", quoted("他说「用 Ｃ++ 写。」", FIRST)),
    ("another case", quoted("他说「用 c++ 写。」", FIRST)),
    ("a pattern", quoted("他说「用 .* 写。」", FIRST)),
    ("half of C++", quoted("他说「用 C+ 写。」", FIRST)),
    ("a mark that cannot be seen", quoted("好奇心\u200b才是。", SAID)),
    ("another character that looks the same", quoted("吉野家的 café 🔥很好。", LAST)),
    # other places than the one that is named
    ("a quote of another passage", quoted("好奇心才是。", FIRST)),
    ("a quote over two passages", quoted("“发表不是终点。”好奇心才是。\n\n- 读论文", SAID, LIST)),
    ("a quote of another essay", quoted("Do it twice.", FIRST, SAID)),
    ("words of this essay said to stand in another", quoted("不要先看论文。", ELSEWHERE)),
    ("a label that is no part of what is said", quoted("何恺明:“发表不是终点。”", SAID)),
    ("a heading", quoted("题", FIRST)),
    ("no passage", quoted("不要先看论文。")),
    ("a passage that is not there", Claim("题", ("notes:2-3",), "quote", "题")),
    ("a passage of no essay", Claim("题", ("",), "quote", "题")),
    # nothing at all
    ("an empty quote", quoted("", FIRST)),
    ("a blank quote", quoted(" \n", FIRST)),
    ("marks alone", quoted("」", FIRST)),
    ("an empty text over a quote", told("", "不要先看论文。", FIRST, kind="quote")),
    # a text that its quote does not prove
    ("another text over a true quote", told("先看论文。", "不要先看论文。", FIRST, kind="quote")),
    ("more than the quote", told("不要先看论文。真的。", "不要先看论文。", FIRST, kind="quote")),
    ("less than the quote", told("不要先看论文", "不要先看论文。", FIRST, kind="quote")),
    ("a translation as a quote", told("Curiosity is.", "好奇心才是。", SAID, kind="quote")),
    (
        "a translation as a text of its own",
        told("Curiosity is.", "好奇心才是。", SAID, kind="generated"),
    ),
    # texts of their own, with a checker that supports nothing
    ("a text of its own", told("好奇心才是。", "好奇心才是。", SAID, kind="generated")),
    ("a text of its own over no quote", told("好奇心才是。", "", SAID, kind="generated")),
    # translations
    ("a translation that says otherwise", told("Read papers first.", "不要先看论文。", FIRST)),
    (
        "a translation with another number",
        told("I read for ten hours.", "看了两个小时(大约),写了“三行”代码!", FIRST),
    ),
    ("a translation of the next one", told("Curiosity is.", "“发表不是终点。”", SAID)),
    ("half of a translation", told("Read papers", "读论文\n- 写代码", LIST)),
    ("a translation of more", told("Read papers\n- Write code", "读论文", LIST)),
    (
        "a translation of a sentence cut short",
        told("Do not read papers first.", "先看论文。", FIRST),
    ),
    ("a translation in another case", told("curiosity is.", "好奇心才是。", SAID)),
    ("a translation that nobody wrote", told("It is good.", "𠮷野家的 café 🔥很好。", LAST)),
    ("no words where nobody translated", told("", "𠮷野家的 café 🔥很好。", LAST)),
    ("no words over marks alone", told("", "🔥", LAST)),
    ("the quote as its own translation", told("好奇心才是。", "好奇心才是。", SAID)),
    ("a translation without its quote", told("Curiosity is.", "", SAID)),
]


@pytest.mark.parametrize("claim", [claim for _, claim in FALLS], ids=[name for name, _ in FALLS])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_claim_that_its_quote_does_not_prove_is_no_sentence(claim: Claim, lang: Lang) -> None:
    assert checked(claim, lang) is None


def test_a_passage_that_its_essay_no_longer_holds_proves_nothing() -> None:
    claim = quoted("好奇心才是。", SAID)
    moved = {"notes": replace(DOCUMENTS["notes"], text="新" + NOTES)}
    assert ground(claim, PASSAGES, moved, "zh", one, unopened) is None
    assert ground(claim, PASSAGES, {}, "zh", one, unopened) is None
    assert ground(claim, {}, DOCUMENTS, "zh", one, unopened) is None


@given(
    st.text()
    | st.integers(0, len(NOTES)).flatmap(
        lambda start: st.integers(start, len(NOTES)).map(lambda end: NOTES[start:end])
    ),
    st.sampled_from(["quote", "translation", "generated"]),
)
def test_no_sentence_has_a_quote_that_does_not_stand_in_its_essay(quote: str, kind: Kind) -> None:
    claim = Claim(quote, tuple(PASSAGES), kind, quote)
    sentence = ground(claim, PASSAGES, DOCUMENTS, "zh", one, lambda: Marks(otherwise=1.0))
    if sentence:
        (citation,) = sentence.citations
        assert citation.span.of(DOCUMENTS[citation.doc_id].text) == citation.quote
        assert any(map(str.isalnum, citation.quote))
        assert sentence.text == quote
        if kind != "generated":
            assert citation.quote == quote


# --- generated claims --------------------------------------------------------------------------


def generated(text: str, *where: Passage) -> Claim:
    return told(text, "", *where, kind="generated")


def supported(claim: Claim, support: float = 1.0, lang: Lang = "zh") -> Sentence | None:
    marks = Marks(otherwise=support)
    return ground(claim, PASSAGES, DOCUMENTS, lang, one, lambda: marks)


@pytest.mark.parametrize("claim", [quoted("好奇心才是。", SAID), quoted("没有这句话。", SAID)])
def test_a_checker_is_not_opened_for_quotes_and_translations(claim: Claim) -> None:
    ground(claim, PASSAGES, DOCUMENTS, "zh", one, unopened)
    translation = told("Curiosity is.", claim.quote, SAID)
    ground(translation, PASSAGES, DOCUMENTS, "en", one, unopened)


@pytest.mark.parametrize(
    ("text", "lang", "where", "cited"),
    [
        ("先不要看论文。", "zh", FIRST, "不要先看论文。"),
        ("He read for two hours.", "en", FIRST, "看了两个小时(大约),写了“三行”代码!"),
        ("好奇心才是。", "zh", SAID, "好奇心才是。"),
        ("写代码吧。", "zh", LIST, "写代码"),
    ],
)
def test_a_generated_claim_is_cited_to_the_whole_sentences_that_say_most_of_it(
    text: str, lang: Lang, where: Passage, cited: str
) -> None:
    sentence = supported(generated(text, where), 0.75, lang)
    assert sentence is not None
    [citation] = sentence.citations
    start = NOTES.index(cited)
    assert (citation.quote, citation.span) == (cited, Span(start, start + len(cited)))
    assert (sentence.text, sentence.kind, sentence.lang) == (text, "generated", lang)
    assert sentence.support == 0.75


@pytest.mark.parametrize(("support", "stands"), [(0.0, False), (0.49, False), (0.5, True)])
def test_a_generated_claim_stands_from_the_threshold_of_its_checker(
    support: float, stands: bool
) -> None:
    assert (supported(generated("好奇心很要紧。", SAID), support) is not None) == stands


@pytest.mark.parametrize(("support", "stands"), [(0.5, False), (0.89, False), (0.9, True)])
def test_a_passage_that_was_not_named_must_prove_a_claim_beyond_doubt(
    support: float, stands: bool
) -> None:
    marks = Marks(otherwise=support)
    claim = generated("好奇心很要紧。")
    found = ground(claim, PASSAGES, DOCUMENTS, "zh", one, lambda: marks, [SAID])
    assert (found is not None) == stands


def test_no_checker_passes_a_number_that_the_passage_does_not_say() -> None:
    assert supported(generated("He read for two hours.", FIRST), 1.0, "en") is not None
    assert supported(generated("He read for five hours.", FIRST), 1.0, "en") is None
    assert vetoed("他看了五个小时。", FIRST, [])
    assert not vetoed("他看了2个小时。", FIRST, [])


@pytest.mark.parametrize(("text", "lang"), [("Curiosity matters.", "zh"), ("好奇心很要紧。", "en")])
def test_a_sentence_in_another_language_than_the_askers_is_none(text: str, lang: Lang) -> None:
    assert supported(generated(text, SAID), 1.0, lang) is None


def test_a_generated_claim_is_cited_to_the_first_of_its_passages_that_supports_it() -> None:
    elsewhere = passage(DOCUMENTS["other"], "看了", "先看论文。", HOST)
    passages = {SAID.id: SAID, elsewhere.id: elsewhere}
    claim = generated("先看论文。", SAID, elsewhere)

    class Second(Marks):
        def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
            return [float("看了两个小时" in context) for context, _ in pairs]

    sentence = ground(claim, passages, DOCUMENTS, "zh", one, Second)
    assert sentence is not None
    assert sentence.citations[0].doc_id == "other"


def test_one_place_has_one_number_and_what_is_dropped_takes_none() -> None:
    marks = Marks({"看论文吧。": 0.0}, otherwise=1.0)
    claims = [
        generated("看论文吧。", SAID),
        generated("先不要看论文。", FIRST),
        generated("好奇心才是。", SAID),
        quoted("然后走了。", FIRST),
        generated("好奇心是。", SAID),
    ]
    found = list(checked_all(claims, PASSAGES, DOCUMENTS, "zh", lambda: marks))
    assert [claim for claim, _ in found] == claims
    numbers = [sentence.citations[0].n if sentence else 0 for _, sentence in found]
    assert numbers == [0, 1, 2, 3, 2]


class By(Marks):
    """A Checker with a support for each context that holds a word, 0 for others."""

    def __init__(self, **supports: float) -> None:
        super().__init__()
        self.supports = supports

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.asked += pairs
        return [
            max((s for word, s in self.supports.items() if word in context), default=0.0)
            for context, _ in pairs
        ]


def proved(checker: Marks, cited: Sequence[Passage], others: Sequence[Passage]) -> str:
    """Return the words that prove a claim about both; "" for none."""
    claim = generated("好奇心,写代码。", *cited)
    found = ground(claim, PASSAGES, DOCUMENTS, "zh", one, lambda: checker, others)
    return found.citations[0].quote if found else ""


def test_a_passage_that_was_named_goes_before_a_surer_one_that_was_not() -> None:
    assert "好奇心" in proved(By(好奇心=0.6, 写代码=1.0), [SAID], [LIST, SAID])
    assert "代码" in proved(By(好奇心=0.4, 写代码=1.0), [SAID], [LIST, SAID])
    assert proved(By(好奇心=0.4, 写代码=0.8), [SAID], [LIST, SAID]) == ""


def test_passages_are_tried_in_order_and_each_once() -> None:
    checker = By(好奇心=0.95, 写代码=1.0)
    assert "好奇心" in proved(checker, [], [SAID, LIST])
    assert "代码" in proved(By(好奇心=0.95, 写代码=1.0), [], [LIST, SAID])
    seldom = By()
    assert proved(seldom, [SAID, SAID], [SAID]) == ""
    assert len(seldom.asked) == len(set(seldom.asked))


def test_a_generated_claim_about_a_passage_of_no_essay_stands_on_nothing() -> None:
    claim = generated("好奇心才是。", SAID)
    assert ground(claim, PASSAGES, {}, "zh", one, unopened, [SAID, LIST]) is None
    assert ground(claim, {}, DOCUMENTS, "zh", one, unopened) is None
    assert ground(generated("好奇心才是。"), PASSAGES, DOCUMENTS, "zh", one, unopened) is None


def test_places_of_one_passage_have_numbers_of_their_own_and_keep_them() -> None:
    claims = [
        generated("发表不是终点。", SAID),
        generated("好奇心才是。", SAID),
        quoted("“发表不是终点。”", SAID),
    ]
    found = checked_all(claims, PASSAGES, DOCUMENTS, "zh", lambda: Marks(otherwise=1.0))
    numbers = [sentence.citations[0].n for _, sentence in found if sentence]
    assert numbers == [1, 2, 1]


@given(
    words=st.lists(st.sampled_from(NOTES.split() + list(NOTES)), max_size=12),
    others=st.lists(st.sampled_from([FIRST, SAID, LIST, LAST, ELSEWHERE]), max_size=3),
    lang=st.sampled_from(["zh", "en"]),
)
def test_whatever_is_generated_is_cited_to_whole_sentences_as_they_stand(
    words: list[str], others: list[Passage], lang: Lang
) -> None:
    claim = generated("".join(words), *others[:1])
    yes = Marks(otherwise=1.0)
    sentence = ground(claim, PASSAGES, DOCUMENTS, lang, one, lambda: yes, others)
    if sentence is None:
        return
    [citation] = sentence.citations
    text = DOCUMENTS[citation.doc_id].text
    assert citation.span.of(text) == citation.quote
    spans = [span.shift(p.span.start) for p in others for span in sentences(p.text)]
    assert citation.span.start in {span.start for span in spans}
    assert citation.span.end in {span.end for span in spans}
    assert sentence.text == claim.text


# --- who says so -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("好奇心很要紧。", True),
        ("何恺明说,好奇心才是。", True),
        ("Kaiming 说,好奇心才是。", True),
        ("西风说,好奇心才是。", False),
        ("XIFENG 说,好奇心才是。", False),
        ("他说,好奇心才是。", True),
    ],
)
def test_a_claim_may_not_give_the_words_of_one_to_another(text: str, stands: bool) -> None:
    assert (supported(generated(text, SAID)) is not None) == stands


def test_a_checker_is_not_asked_about_a_claim_that_names_the_wrong_speaker() -> None:
    marks = Marks(otherwise=1.0)
    claim = generated("Xifeng says so.", SAID)
    assert ground(claim, PASSAGES, DOCUMENTS, "en", one, lambda: marks) is None
    assert marks.asked == []


def test_whoever_the_passage_itself_mentions_may_be_named() -> None:
    speakers = [HE, HOST]
    mentions = replace(SAID, text="西风问过我这件事。")
    assert misattributed("Xifeng asked him.", SAID, speakers)
    assert not misattributed("Xifeng asked him.", mentions, speakers)
    assert not misattributed("西风问过他。", replace(SAID, text="Xifeng asked me."), speakers)


def test_people_who_are_not_of_the_shelf_are_nobody_that_a_claim_may_confuse() -> None:
    assert not misattributed("Turing says so.", SAID, [HE, HOST])
    assert not misattributed("Turing says so.", SAID, [])


def test_people_are_named_wholly_or_in_part_in_either_language() -> None:
    mack, howard = Speaker("David Mack", "David Mack"), Speaker("霍华德", "Howard (霍华德)")
    speakers = [HE, HOST, mack, howard, Speaker("笔者", "the author of (many) notes")]
    for text, names in {
        "Kaiming says so.": {"何恺明"},
        "KAIMING HE says so.": {"何恺明"},
        "何恺明说": {"何恺明"},
        "He says so.": set(),
        "Mack and Xifeng disagree.": {"David Mack", "西风"},
        "David's advice": {"David Mack"},
        "Kaiming’s advice": {"何恺明"},
        "Howard said so.": {"霍华德"},
        "霍华德说": {"霍华德"},
        "a davidian mackerel": set(),
        "the author of many notes": set(),
        "笔者认为": {"笔者"},
        "": set(),
    }.items():
        assert named(text, speakers) == names, text


# --- the shipped checker -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("好奇心才是。", True),
        ("发表不是终点。", True),
        ("今天的天气很好。", False),
        ("The stock market fell in October.", False),
    ],
)
def test_the_shipped_checker_keeps_what_a_passage_says(text: str, stands: bool) -> None:
    checker = open_checker("", offline=True, retold=True)
    sentence = ground(generated(text, SAID), PASSAGES, DOCUMENTS, "zh", one, lambda: checker)
    assert (sentence is not None) == stands


# --- translated and voice ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("不要先看论文。", "Do not read papers first."),
        (
            "不要先看论文。看了两个小时(大约),写了“三行”代码!",
            "Do not read papers first. I read for two hours.",
        ),
        ("“发表不是终点。”好奇心才是。", "“Publication is not the end.” Curiosity is."),
        ("读论文\n- 写代码", "Read papers\n- Write code"),
        ("写了“三行”代码!他说「用 C++ 写。」", ""),
        ("他说「用 C++ 写。」", ""),
        ("🔥", ""),
    ],
)
def test_a_slice_has_english_where_each_of_its_sentences_has(quote: str, expected: str) -> None:
    start = NOTES.index(quote)
    assert translated(DOCUMENTS["notes"], Span(start, start + len(quote))) == expected


def test_a_voice_has_a_name_in_each_language_and_a_stranger_keeps_his_own() -> None:
    notes = DOCUMENTS["notes"]
    assert (voice(notes, SAID, "zh"), voice(notes, SAID, "en")) == ("何恺明", "Kaiming He")
    assert voice(notes, replace(SAID, speaker="路人"), "en") == "路人"


# --- the real shelf ----------------------------------------------------------------------------


def test_every_person_of_the_shelf_is_told_from_every_other(shelf: Mentor) -> None:
    people = {
        speaker.name: speaker.name_en.partition(" (")[0]
        for document in shelf.documents.values()
        for speaker in document.speakers
        if speaker.name_en[0].isupper()
    }
    assert len(people) >= 6
    speakers = [s for document in shelf.documents.values() for s in document.speakers]
    told = {passage.speaker: passage for passage in shelf.passages if passage.speaker in people}
    for name, where in told.items():
        alone = replace(where, text="Nobody is named here.")
        for other, english in people.items():
            assert misattributed(f"{english}'s view is clear.", alone, speakers) == (other != name)
            assert misattributed(f"{other}说得很清楚。", alone, speakers) == (other != name)


@pytest.mark.parametrize(
    "question",
    [
        "怎么选择研究课题?",
        "How do I choose a research topic?",
        "做科研很沮丧怎么办?",
        "Is deep learning dead?",
        "要不要辞职做研究?",
        "How do I read papers?",
        "10000 hours",
    ],
)
def test_every_sentence_of_a_real_answer_stands_in_its_essay(shelf: Mentor, question: str) -> None:
    answer = shelf.ask(question)
    assert answer.dropped == ()
    for sentence in answer.sentences:
        (citation,) = sentence.citations
        document = shelf.documents[citation.doc_id]
        assert citation.span.of(document.text) == citation.quote
        expected = citation.quote
        if sentence.kind == "translation":
            expected = translated(document, citation.span)
        assert sentence.text == expected
