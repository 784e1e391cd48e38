"""A model's sentence is proved by whole sentences of the essay, or not at all: no number, name or
speaker slips in, in whatever letters it is written.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Checker, Document, Lang, Mentor, Passage, Span, Speaker, sentences
from rag.proof import (
    Told,
    denies_alone,
    misattributed,
    nearest,
    odd,
    plain,
    too_little,
    vetoed,
    weighed,
)

HE = Speaker("何恺明", "Kaiming He")
HOST = Speaker("西风", "Xifeng (西风)")
MACK = Speaker("David Mack", "David Mack")
TEXT = """# 谈话 2024-2-27

何恺明:好奇心最重要。我读了六年博士,每周读三篇论文。不要怕失败。

- 读论文
- 写代码

David Mack:Do it twice a week. It takes time. 🔥 is café talk.
"""
SENTENCES = {
    "好奇心最重要。": "Curiosity matters most.",
    "我读了六年博士,每周读三篇论文。": "I did my PhD in six years and read three papers a week.",
    "不要怕失败。": "Do not be afraid of failure.",
    "读论文": "Read papers",
}


def at(text: str) -> Span:
    start = TEXT.index(text)
    return Span(start, start + len(text))


DOCUMENT = Document(
    id="talk",
    title="谈话 2024-2-27",
    author="西风",
    author_en="Xifeng",
    site="QbitAI",
    site_en="QbitAI",
    url="https://talk.example",
    date="2024-02-27",
    lang="zh",
    licence="CC0",
    note="",
    sha256="",
    text=TEXT,
    speakers=(HOST, HE, MACK),
    english={at(said).end: english for said, english in SENTENCES.items()},
    chinese={at("It takes time.").end: "这要花时间。"},
)
SPEAKERS = DOCUMENT.speakers


def passage(text: str, speaker: Speaker, *heading: str, asked: str = "") -> Passage:
    return Passage("talk", at(text), text, heading, speaker.name, asked)


SAID = passage("好奇心最重要。我读了六年博士,每周读三篇论文。不要怕失败。", HE, "谈话 2024-2-27")
LIST = passage("- 读论文\n- 写代码", HE)
ENGLISH = passage("Do it twice a week. It takes time. 🔥 is café talk.", MACK)


class Yes:
    """A Checker that supports everything it is asked, and remembers it."""

    name, threshold, sure = "yes", 0.5, 0.5

    def __init__(self, *supports: float) -> None:
        self.supports, self.asked = supports, list[tuple[str, str]]()

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.asked += pairs
        return list(self.supports[: len(pairs)]) or [1.0] * len(pairs)


def weigh(
    text: str, where: Passage, lang: Lang = "zh", checker: Checker | None = None
) -> tuple[Span, float] | None:
    return weighed(text, where, DOCUMENT, lang, SPEAKERS, checker or Yes())


def cited(text: str, where: Passage, lang: Lang = "zh") -> str:
    """Return what of an essay proves a text; "" for nothing."""
    found = weigh(text, where, lang)
    return found[0].of(TEXT) if found else ""


# --- a passage as it is told --------------------------------------------------------------------


def test_a_passage_is_told_sentence_by_sentence_in_the_askers_language() -> None:
    told = Told.of(SAID, DOCUMENT, "en")
    assert told.parts == tuple(SENTENCES.values())[:3]
    assert [span.of(TEXT) for span in told.spans] == list(SENTENCES)[:3]
    assert Told.of(SAID, DOCUMENT, "zh").parts == tuple(SENTENCES)[:3]


def test_what_nobody_translated_is_told_as_it_stands() -> None:
    assert Told.of(LIST, DOCUMENT, "en").parts == ("Read papers", "写代码")
    assert Told.of(LIST, DOCUMENT, "zh").parts == ("读论文", "写代码")
    chinese = Told.of(ENGLISH, DOCUMENT, "zh").parts
    assert chinese == ("Do it twice a week.", "这要花时间。", "🔥 is café talk.")
    bare = replace(DOCUMENT, english={}, chinese={})
    assert Told.of(SAID, bare, "en").parts == tuple(SENTENCES)[:3]


def test_the_head_says_who_speaks_as_the_reader_knows_them() -> None:
    assert Told.of(SAID, DOCUMENT, "en").head == "Kaiming He: "
    assert Told.of(SAID, DOCUMENT, "zh").head == "何恺明(Kaiming He):"
    stranger = replace(SAID, speaker="路人")
    assert Told.of(stranger, DOCUMENT, "en").head == "路人: "
    assert Told.of(stranger, DOCUMENT, "zh").head == "路人(路人):"


def test_parts_are_told_behind_the_head_with_the_blanks_of_their_language() -> None:
    assert Told.of(SAID, DOCUMENT, "zh").text(0, 1) == (
        "何恺明(Kaiming He):好奇心最重要。我读了六年博士,每周读三篇论文。"
    )
    english = Told.of(SAID, DOCUMENT, "en").text(1, 2)
    assert english == f"Kaiming He: {' '.join(list(SENTENCES.values())[1:3])}"


def test_a_passage_without_a_sentence_has_no_parts_and_proves_nothing() -> None:
    empty = Passage("talk", at("- "), "- ", (), "何恺明")
    assert Told.of(empty, DOCUMENT, "zh").parts == ()
    assert weigh("好奇心最重要。", empty) is None


# --- the nearest sentences ----------------------------------------------------------------------

PARTS = (
    "The red house stands on a hill.",
    "Curiosity matters most when you choose a topic.",
    "Write code every morning.",
    "Read three papers every week.",
)


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("Curiosity matters most.", (1, 1)),
        ("Read three papers every week.", (3, 3)),
        # neighbours, as far as they add to what is said
        ("Write code and read three papers every week.", (2, 3)),
        ("Curiosity matters; write code; read papers.", (1, 3)),
        # a part that is no neighbour does not, even where it says the other half
        ("The red house stands on a hill; read three papers every week.", (0, 0)),
        ("", (0, 0)),
        ("。", (0, 0)),
    ],
)
def test_the_nearest_parts_say_most_of_a_claim_together(claim: str, found: tuple[int, int]) -> None:
    assert nearest(claim, PARTS) == found


def test_the_earlier_of_two_equal_parts_is_nearest() -> None:
    assert nearest("Read papers.", ["Write.", "Read papers.", "Read papers."]) == (1, 1)
    assert nearest("xylophone", ["Read papers.", "Write code."]) == (0, 0)


def test_the_order_of_the_words_of_a_claim_does_not_matter() -> None:
    one = nearest("Read three papers every week, write code.", PARTS)
    assert one == nearest("Write code, read three papers every week.", PARTS) == (2, 3)


def test_no_more_than_three_parts_are_quoted() -> None:
    parts = ["Read papers.", "Write code.", "Choose topics.", "Give talks.", "Meet people."]
    first, last = nearest(" ".join(parts), parts)
    assert last - first == 2


def test_a_part_without_a_word_is_never_nearest() -> None:
    assert nearest("Read papers.", ["。", "!", "Read papers."]) == (2, 2)


@given(claim=st.text(max_size=30), parts=st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_claim_has_nearest_parts(claim: str, parts: list[str]) -> None:
    first, last = nearest(claim, parts)
    assert 0 <= first <= last < len(parts)
    assert last - first < 3


# --- what proves a text -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lang", "where", "quote"),
    [
        ("好奇心最重要。", "zh", SAID, "好奇心最重要。"),
        ("最重要的是好奇心", "zh", SAID, "好奇心最重要。"),
        ("What matters most is curiosity.", "en", SAID, "好奇心最重要。"),
        (
            "He did his PhD in six years, and do not be afraid of failure.",
            "en",
            SAID,
            "我读了六年博士,每周读三篇论文。不要怕失败。",
        ),
        ("何恺明说,不要怕失败。", "zh", SAID, "不要怕失败。"),
        ("要写代码。", "zh", LIST, "写代码"),
        ("Do it twice a week.", "en", ENGLISH, "Do it twice a week."),
        ("这要花时间。", "zh", ENGLISH, "It takes time."),
    ],
)
def test_a_text_is_proved_by_whole_sentences_of_the_essay_as_they_stand(
    text: str, lang: Lang, where: Passage, quote: str
) -> None:
    assert cited(text, where, lang) == quote


def test_a_checker_is_asked_about_the_quoted_words_and_their_passage_without_the_frame() -> None:
    yes = Yes(0.9, 0.5)
    found = weigh("何恺明认为,好奇心最重要。", SAID, checker=yes)
    told = Told.of(SAID, DOCUMENT, "zh")
    assert yes.asked == [(told.text(0, 0), "好奇心最重要。"), (told.text(0, 2), "好奇心最重要。")]
    assert found is not None
    assert found[1] == pytest.approx(0.7)


def test_a_passage_that_is_quoted_whole_is_asked_about_once() -> None:
    yes, one = Yes(0.6), passage("不要怕失败。", HE)
    found = weigh("不要怕失败。", one, checker=yes)
    assert len(yes.asked) == 1
    assert found == (at("不要怕失败。"), 0.6)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Curiosity matters most.", "zh"),
        ("好奇心最重要。", "en"),
        ("La curiosité est la clé.", "en"),
        ("好奇心はとてもたいせつです。", "zh"),
        ("7", "zh"),
        ("🔥", "en"),
        ("", "zh"),
    ],
)
def test_a_text_in_another_language_than_the_askers_is_not_weighed(text: str, lang: Lang) -> None:
    yes = Yes()
    assert weigh(text, SAID, lang, yes) is None
    assert yes.asked == []


def test_a_name_in_chinese_does_not_make_an_english_sentence_chinese() -> None:
    speaker = Speaker("信息门上飞二哈", "信息门上飞二哈")
    document = replace(DOCUMENT, speakers=(*DOCUMENT.speakers, speaker))
    where = replace(SAID, speaker=speaker.name)
    text = "信息门上飞二哈 says curiosity matters most."
    found = weighed(text, where, document, "en", document.speakers, Yes())
    assert found == (at("好奇心最重要。"), 1.0)


def test_a_number_in_the_name_of_who_speaks_is_no_number_of_the_claim() -> None:
    speaker = Speaker("飞二哈", "飞二哈")
    document = replace(DOCUMENT, speakers=(*DOCUMENT.speakers, speaker))
    where = replace(SAID, speaker=speaker.name)
    assert weighed("飞二哈说好奇心最重要。", where, document, "zh", document.speakers, Yes())


# --- what no checker may pass -------------------------------------------------------------------


def test_what_the_passage_says_passes_every_rule() -> None:
    for text, lang in [
        ("何恺明读了6年博士,每周读三篇论文。", "zh"),
        ("何恺明讀了六年博士。", "zh"),  # traditional characters
        ("凯明觉得好奇心最重要。", "zh"),  # misspelt, but who speaks
        ("Kaiming took 6 years for his PhD.", "en"),
        ("kaiming he reads ３ papers a week.", "en"),
        ("Don’t be afraid of failure.", "en"),
        ("In machine‑learning, curiosity matters most.", "en"),  # a hyphen that does not break
    ]:
        assert weigh(text, SAID, lang), text
    assert weigh("It is café talk, 🔥.", ENGLISH, "en")


NUMBERS = [
    ("他读了五年博士。", "zh"),
    ("他读了５年博士。", "zh"),
    ("他读了伍年博士。", "zh"),
    ("他读了廿年博士。", "zh"),
    ("他读了𝟓年博士。", "zh"),
    ("他读了⑤年博士。", "zh"),
    ("他读了五 十年博士。", "zh"),
    ("他读了一年博士。", "zh"),  # one, where six are counted
    ("他每周读27篇论文。", "zh"),  # the title's date
    ("He took five years.", "en"),
    ("He took ５ years.", "en"),
    ("He took 𝟓 years.", "en"),
    ("He took 5O years.", "en"),
    ("He took ½ of the years.", "en"),
    ("He took Ⅴ0 years.", "en"),
    ("He took one year.", "en"),
    ("He took 1 year.", "en"),
    ("He read 2024 papers.", "en"),
]
NAMES = [
    # people of the shelf who do not speak here
    ("西风觉得好奇心最重要。", "zh"),
    ("西風覺得好奇心最重要。", "zh"),
    ("西风和何恺明都说好奇心最重要。", "zh"),
    ("大卫·麦克觉得好奇心最重要。", "zh"),
    ("麦克认为好奇心最重要。", "zh"),
    ("mack说好奇心最重要。", "zh"),
    ("Xifeng thinks curiosity matters.", "en"),
    ("DavidMack thinks curiosity matters.", "en"),
    ("david mack thinks curiosity matters.", "en"),
    ("Kaiming and Mack think curiosity matters.", "en"),
    # people of no shelf
    ("杨立昆说好奇心最重要。", "zh"),
    ("楊立昆說好奇心最重要。", "zh"),
    ("辛顿认为好奇心最重要。", "zh"),
    ("杰弗里·辛顿认为好奇心最重要。", "zh"),
    ("图灵认为好奇心最重要。", "zh"),
    ("张晓雨认为好奇心最重要。", "zh"),
    ("hinton认为好奇心最重要。", "zh"),
    ("Ｈinton认为好奇心最重要。", "zh"),
    ("hinton says curiosity matters.", "en"),
    ("Hinton says curiosity matters.", "en"),
    ("Wang says curiosity matters.", "en"),
    ("Curiosity matters, as K. Wang has it.", "en"),
    ("Curiosity matters, as H i n t o n has it.", "en"),
    ("Hin\u200bton says curiosity matters.", "en"),
    ("H\u0456nton says curiosity matters.", "en"),  # a Cyrillic i
    ("Hínton says curiosity matters.", "en"),
    ("Curiosity matters at OpenAI.", "en"),
    ("Curiosity matters at openai.", "en"),
]
SIGNS = [
    ("好奇心最重要😂。", "zh"),
    ("好奇心最重要🚫", "zh"),
    ("好奇心\u200d最重要。", "zh"),
    ("好奇心≠最重要。", "zh"),
    ("好奇心 != 最重要。", "zh"),
    ("好奇心カ最重要。", "zh"),
    ("\U000233b4要好奇心。", "zh"),  # a rare form of 不
    ("Curiosity m\u0430tters most.", "en"),  # a Cyrillic a
    ("Curiosity \u202etsom srettam.", "en"),
    ("Curiosity matters\u0336 most.", "en"),
    ("Curiosity matters most (see curiosity.example).", "en"),
    ("Curiosity matters most: https://x.", "en"),
    ("Curi0sity matters most.", "en"),
]
DENIALS = [
    ("好奇心不重要。", "zh"),
    ("好奇心没 有最重要的。", "zh"),
    ("Curiosity does not matter most.", "en"),
    ("Curiosity doesnt matter most.", "en"),
    ("Curiosity does n o t matter most.", "en"),
    ("Curiosity does nót matter most.", "en"),
    ("Curiosity doesn`t matter most.", "en"),
    ("Curiosity does ｎｏｔ matter most.", "en"),
]


@pytest.mark.parametrize(("text", "lang"), [*NUMBERS, *NAMES, *SIGNS, *DENIALS])
def test_a_lie_by_form_is_stopped_before_a_checker_is_asked(text: str, lang: Lang) -> None:
    yes = Yes()
    assert weigh(text, SAID, lang, yes) is None
    assert yes.asked == []


def test_a_word_of_the_passage_may_hold_what_no_other_may() -> None:
    assert list(odd("🔥 café", ENGLISH.text)) == []
    assert list(odd("🔥", SAID.text)) == ["🔥"]
    assert list(odd("a 2nd, 90s, 10k, 3D", "")) == ["3D"]
    assert list(odd("3d at a.example", "A 3D at A.example")) == []


def test_headings_and_questions_may_be_counted_but_titles_may_not() -> None:
    asked = replace(SAID, asked="未来五年呢?", heading=("谈话 2024-2-27", "未来九年"))
    told = Told.of(asked, DOCUMENT, "zh")
    for text, stands in {"五年。": True, "九年。": True, "27年。": False, "八年。": False}.items():
        assert vetoed(text, asked, [], told) != stands, text


def test_without_what_was_told_only_numbers_and_speakers_of_the_shelf_are_held_against() -> None:
    assert vetoed("他读了五年博士。", SAID, SPEAKERS)
    assert vetoed("西风说好奇心最重要。", SAID, SPEAKERS)
    assert not vetoed("西风说好奇心最重要。", SAID, [])
    assert not vetoed("Hinton读了6年博士😂。", SAID, SPEAKERS)


@pytest.mark.parametrize(
    ("text", "mentioned", "wrong"),
    [
        ("西风问过他。", "", True),
        ("西风问过他。", "西风问过我。", False),
        ("西风问过他。", "Xifeng asked me.", False),
        ("西风和David问过他。", "西风问过我。", True),
        ("Kaiming, not Xifeng, says so.", "", True),
        ("Kaiming says so.", "", False),
        ("麦克问过他。", "David Mack asked me.", False),
        ("Turing says so.", "", False),  # of no shelf: that is for another rule
    ],
)
def test_whoever_of_the_shelf_is_named_speaks_here_or_is_mentioned(
    text: str, mentioned: str, wrong: bool
) -> None:
    where = replace(SAID, text=mentioned or "好奇心最重要。")
    assert misattributed(text, where, SPEAKERS) == wrong
    assert not misattributed(text, where, [])


@pytest.mark.parametrize(
    ("claim", "quoted", "besides", "alone"),
    [
        ("不要读论文。", "读论文。", "", True),
        ("不要读论文。", "别读论文。", "", False),
        ("不要读论文。", "读论文。", "没有论文", False),
        ("读论文。", "不要读论文。", "", False),  # that is for the checker
        ("大小不一样。", "大小不同。", "", False),
        ("不仅读论文。", "读论文。", "", False),
        ("Do not read.", "Read.", "", True),
        ("Do not read.", "Read, never write.", "", False),
        ("Do not read.", "读论文。", "", False),  # across languages
    ],
)
def test_a_denial_needs_one_in_what_is_quoted_for_it(
    claim: str, quoted: str, besides: str, alone: bool
) -> None:
    assert denies_alone(claim, quoted, besides) == alone


@pytest.mark.parametrize(
    ("claim", "little"),
    [
        ("有很多。", True),
        ("Kaiming over.", True),
        ("You can do it.", True),  # no word of it means anything here
        ("他也可以这样做。", True),
        ("多读论文。", False),
        ("Read papers daily.", False),
        ("", True),
        ("🤖🤖🤖🤖", True),
    ],
)
def test_what_says_next_to_nothing_is_too_little(claim: str, little: bool) -> None:
    assert too_little(claim) == little


# --- plain letters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ｎｏｔ５％", "not5%"),
        ("nót", "not"),
        ("n o t", "not"),
        ("n.o.t", "not"),
        ("I do. A plan B.", "I do. A plan B."),
        ("dont, isnt", "don't, isn't"),
        ("doesn´t", "doesn't"),
        ("伍佰篇,队伍,廿年", "五百篇,队伍,二十年"),
        ("不 要 看", "不要看"),
        ("讀論文", "读论文"),
        ("state‑of‑the‑art", "state-of-the-art"),
        ("杰弗里・辛顿", "杰弗里·辛顿"),
        ("\u2f00\uf967", "一不"),  # a radical, and a character of another block
        ("≠ 🔥 а", "≠ 🔥 а"),  # what has no plain form stays
        ("", ""),
    ],
)
def test_a_text_is_read_as_it_is_seen(text: str, seen: str) -> None:
    assert plain(text) == seen
    assert plain(seen) == seen


def test_letters_that_the_passage_uses_stay_as_they_are() -> None:
    assert plain("a naïve café", "café") == "a naive café"


WHERE: list[tuple[Passage, Lang]] = [(SAID, "zh"), (ENGLISH, "en")]


@given(text=st.text(max_size=60))
def test_any_text_can_be_read_twice_alike_and_weighed(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    for where, lang in WHERE:
        found = weigh(text, where, lang)
        assert found is None or found[1] == 1.0


# --- the real shelf -----------------------------------------------------------------------------


def _spans(where: Passage) -> tuple[set[int], set[int]]:
    spans = [span.shift(where.span.start) for span in sentences(where.text)]
    return {span.start for span in spans}, {span.end for span in spans}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_sentence_of_the_shelf_is_proved_by_itself_in_both_languages(
    shelf: Mentor, lang: Lang
) -> None:
    speakers = [s for document in shelf.documents.values() for s in document.speakers]
    proved = weighed_ = 0
    for where in shelf.passages[::5]:
        document = shelf.documents[where.doc_id]
        told = Told.of(where, document, lang)
        starts, ends = _spans(where)
        for text in told.parts:
            found = weighed(text, where, document, lang, speakers, Yes())
            if found is None:
                continue
            weighed_ += 1
            span = found[0]
            assert span.start in starts
            assert span.end in ends
            assert span.of(document.text) in where.text
            first = told.spans[told.parts.index(text)]
            proved += first.overlap(span) == len(first)
    assert weighed_ > 40
    assert proved >= 0.98 * weighed_


RETOLD: list[tuple[Lang, str, str, str]] = [
    (
        "en",
        "kaiming_he_qa",
        "好奇心和热情才应该是我们研究生涯的重心。",
        "For Kaiming He, curiosity and passion should be at the center of a research career.",
    ),
    (
        "zh",
        "kaiming_he_qa",
        "好奇心和热情才应该是我们研究生涯的重心。",
        "何恺明认为，好奇心和热情应该是研究生涯的重心。",
    ),
    (
        "en",
        "one_year_off",
        "任何聪明、勤奋的人都可以走这条路。",
        "David Mack says that any smart, hard-working person can take this path.",
    ),
    (
        "zh",
        "one_year_off",
        "任何聪明、勤奋的人都可以走这条路。",
        "David Mack说，聪明又勤奋的人都可以走这条路。",
    ),
    (
        "zh",
        "dl_research_notes",
        "So I'm a believer on the high-level, in this 10,000 hours concept",
        "卡帕西相信一万小时的说法。",
    ),
]


@pytest.mark.parametrize(("lang", "doc_id", "quote", "text"), RETOLD)
def test_a_true_retelling_is_proved_by_the_sentence_that_it_retells(
    shelf: Mentor, lang: Lang, doc_id: str, quote: str, text: str
) -> None:
    document, checker = shelf.documents[doc_id], shelf.retold_checker
    start = document.text.index(quote)
    [where] = shelf.passages_at(doc_id, Span(start, start + len(quote)))
    found = weighed(text, where, document, lang, document.speakers, checker)
    assert found is not None
    assert quote in found[0].of(document.text)
    assert found[1] >= checker.threshold


@pytest.mark.parametrize(("lang", "doc_id", "quote", "text"), RETOLD)
def test_a_retelling_is_not_proved_by_a_passage_about_something_else(
    shelf: Mentor, lang: Lang, doc_id: str, quote: str, text: str
) -> None:
    checker = shelf.retold_checker
    speakers = [s for document in shelf.documents.values() for s in document.speakers]
    others = [p for p in shelf.passages if p.doc_id != doc_id][::4]
    for where in others:
        found = weighed(text, where, shelf.documents[where.doc_id], lang, speakers, checker)
        assert found is None or found[1] < checker.sure, where.text
