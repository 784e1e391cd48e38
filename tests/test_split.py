"""Every passage is a verbatim slice that one person says under one heading, and nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Document, Passage, Settings, Span, Speaker
from rag.load import load
from rag.split import split
from rag.text import canonical, sentences

HOST, ASKER, ANN, BOB = (
    Speaker("笔者", "the author"),
    Speaker("问者", "the asker", labels=("Q:", "问:"), asks=True),
    Speaker("Ann", "Ann", labels=("Ann:",), opens=("In my view",)),
    Speaker("老王", "Old Wang", labels=("答:",)),
)
ESSAYS = load(Settings().corpus_dir)


def essay(text: str, *speakers: Speaker) -> Document:
    return Document(
        id="essay",
        title="题",
        author="笔者",
        author_en="the author",
        site="",
        site_en="",
        url="",
        date="",
        lang="zh",
        licence="CC0",
        note="",
        sha256="",
        text=text,
        speakers=speakers or (HOST, ASKER, ANN, BOB),
    )


def cut(text: str, *speakers: Speaker, limit: int = 400) -> list[Passage]:
    """Return the passages of a text, each checked to be a slice of it."""
    passages = split(essay(text, *speakers), limit)
    assert [passage.span.of(text) for passage in passages] == [p.text for p in passages]
    return passages


def texts(passages: Sequence[Passage]) -> list[str]:
    return [passage.text for passage in passages]


def letters(text: str, span: Span) -> set[int]:
    return {at for at in range(span.start, span.end) if text[at].isalnum()}


# --- generated essays --------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A turn as the generator wrote it: what stands where, who says it, and in reply to what."""

    span: Span
    heading: tuple[str, ...]
    speaker: Speaker
    asked: str


@dataclass(frozen=True)
class Written:
    document: Document
    said: tuple[Said, ...]


PHRASES = [
    *(
        "先读论文。",
        "发表不是终点!",
        "He said “Hi. There.” 然后走了。",
        "Use C++ 3.14 and e.g. this.",
    ),
    *(
        "𠮷野家很好吃;",
        "e\u0301tude 🔥👨\u200d👩\u200d👧。",
        "没有标点的一句",
        "长" * 130 + "。",
        "word " * 60,
    ),
    *("例如:", "see https://a.b/c.d!", "……", "(注:一。二。)", "\u3000空格\u00a0。", "1. 2. 3."),
]
wild = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)
sayings = st.lists(st.sampled_from(PHRASES) | wild, max_size=8).map("".join)


@st.composite
def bodies(draw: st.DrawFn, *, asks: bool) -> str:
    """A turn: paragraphs and lists; one that asks holds a question mark, others may."""
    lines: list[str] = []
    for plain in draw(st.lists(sayings, min_size=1, max_size=5)):
        mark = draw(st.sampled_from(["", "", "- ", "1. "]))
        said = canonical(f"一{plain}").removesuffix("\n")
        lines.append((mark if lines else "") + said)
    if asks:
        lines[-1] += "吗?"
    gaps = draw(st.lists(st.sampled_from(["\n", "\n\n"]), min_size=len(lines)))
    return "".join(gap + line for gap, line in zip(gaps, lines, strict=False)).strip("\n")


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Sections with a title; in each the host speaks first, then people with labels."""
    text, said = "# 题\n\n", list[Said]()

    def say(speaker: Speaker, label: str, heading: tuple[str, ...], asked: str) -> str:
        nonlocal text
        body = draw(bodies(asks=speaker.asks))
        start = len(text) + len(label)
        text += f"{label}{body}\n\n"
        said.append(Said(Span(start, start + len(body)), heading, speaker, asked))
        return body

    for number in range(draw(st.integers(0, 3))):
        heading, asked = ("题", f"第{number}节?"), ""
        text += f"## {heading[1]}\n\n"
        if draw(st.booleans()):
            say(HOST, "", heading, "")
        for speaker in draw(st.lists(st.sampled_from([ASKER, ANN, BOB]), max_size=4)):
            label = draw(st.sampled_from(speaker.labels)) + draw(st.sampled_from(["", " ", "\n\n"]))
            body = say(speaker, label, heading, "" if speaker.asks else asked)
            asked = body if speaker.asks else asked
    document = essay(canonical(text))
    assert document.text == text.removesuffix("\n"), "the generator writes canonical text"
    return Written(document, tuple(said))


limits = st.integers(20, 600)


@given(written(), limits)
def test_every_passage_is_a_verbatim_slice_in_reading_order(essay: Written, limit: int) -> None:
    passages = split(essay.document, limit)
    for passage in passages:
        assert passage.span.of(essay.document.text) == passage.text
        assert passage.doc_id == "essay"
        assert any(map(str.isalnum, passage.text))
    assert all(one.span.end <= two.span.start for one, two in pairwise(passages))


@given(written(), limits)
def test_no_passage_is_longer_than_the_limit(essay: Written, limit: int) -> None:
    assert max((len(p.text) for p in split(essay.document, limit)), default=0) <= limit


@given(written(), limits)
def test_no_passage_crosses_a_heading_or_a_speaker_or_holds_a_label(
    essay: Written, limit: int
) -> None:
    for passage in split(essay.document, limit):
        (turn,) = [said for said in essay.said if said.span.overlap(passage.span)]
        assert turn.span.start <= passage.span.start
        assert passage.span.end <= turn.span.end
        assert (passage.heading, passage.speaker) == (turn.heading, turn.speaker.name)


@given(written(), limits)
def test_no_letter_of_anyone_who_tells_is_lost(essay: Written, limit: int) -> None:
    text = essay.document.text
    kept = [letters(text, passage.span) for passage in split(essay.document, limit)]
    told = [letters(text, said.span) for said in essay.said if not said.speaker.asks]
    assert set[int]().union(*kept) == set[int]().union(*told)


@given(written(), limits)
def test_every_reply_and_nothing_else_knows_the_question_before_it(
    essay: Written, limit: int
) -> None:
    for passage in split(essay.document, limit):
        (turn,) = [said for said in essay.said if said.span.overlap(passage.span)]
        assert passage.asked == turn.asked


@given(written(), limits)
def test_every_essay_is_split_the_same_way_again(essay: Written, limit: int) -> None:
    assert split(essay.document, limit) == split(essay.document, limit)


# --- headings and speakers ---------------------------------------------------------------------


def test_a_passage_knows_its_headings_and_holds_none() -> None:
    passages = cut(
        "# 题\n\n甲。\n\n## 一\n\n乙。\n\n### 细\n\n丙。\n\n## 二\n\n丁。\n\n#没有标题\n"
    )
    assert [(p.heading, p.text) for p in passages] == [
        (("题",), "甲。"),
        (("题", "一"), "乙。"),
        (("题", "一", "细"), "丙。"),
        (("题", "二"), "丁。\n\n#没有标题"),
    ]


def test_the_floor_goes_back_at_a_heading_of_the_same_or_a_higher_level() -> None:
    passages = cut(
        "# 题\n\n甲。\n\n## 一\n\n答:乙。\n\n### 细\n\n丙。\n\n"
        "## 二\n\n丁。\n\n### 细\n\nAnn: E.\n\n### 粗\n\n戊。\n"
    )
    assert [(p.text, p.speaker) for p in passages] == [
        ("甲。", "笔者"),
        ("乙。", "老王"),
        ("丙。", "老王"),
        ("丁。", "笔者"),
        ("E.", "Ann"),
        ("戊。", "笔者"),
    ]


def test_a_label_is_not_said_and_an_opening_is() -> None:
    passages = cut("# 题\n\n甲。\n\n答:\n\n乙。\n\nIn my view it is so.\n\n答: 丙。\n")
    assert [(p.text, p.speaker) for p in passages] == [
        ("甲。", "笔者"),
        ("乙。", "老王"),
        ("In my view it is so.", "Ann"),
        ("丙。", "老王"),
    ]


def test_a_label_inside_a_paragraph_gives_nobody_the_floor() -> None:
    (passage,) = cut("# 题\n\n他说,答:甲。\n\n Ann: 乙。\n")
    assert passage.speaker == "笔者"


# --- questions ---------------------------------------------------------------------------------


def test_a_question_of_several_paragraphs_stands_whole_in_every_reply() -> None:
    question = "为什么?\n\n请说说。\n\n- 一\n- 二"
    passages = cut(f"# 题\n\nQ:{question}\n\n答:因为。\n\nAnn: Well.\n\n问:还有呢?\n\n答:没有。\n")
    assert [(p.text, p.asked) for p in passages] == [
        ("因为。", question),
        ("Well.", question),
        ("没有。", "还有呢?"),
    ]


def test_what_an_asker_says_without_a_question_is_a_passage_and_no_question() -> None:
    passages = cut("# 题\n\nQ:为什么?\n\n答:因为。\n\nQ:谢谢,说得好。\n\n答:不客气。\n")
    assert [(p.text, p.speaker, p.asked) for p in passages] == [
        ("因为。", "老王", "为什么?"),
        ("谢谢,说得好。", "问者", ""),
        ("不客气。", "老王", "为什么?"),
    ]


def test_the_host_replies_to_nobody_and_ends_the_question() -> None:
    host = Speaker("笔者", "the author", opens=("话说",))
    passages = cut("# 题\n\nQ:为什么?\n\n话说回来。\n\n答:因为。\n", host, ASKER, BOB)
    assert [(p.text, p.asked) for p in passages] == [("话说回来。", ""), ("因为。", "")]


def test_a_question_of_the_whole_essay_is_asked_of_every_answer_below_it() -> None:
    asker = Speaker("问者", "the asker", asks=True)
    passages = cut("# 题\n\n值得吗?\n\n## 一\n\n答:值。\n\n## 二\n\nAnn: No.\n", asker, ANN, BOB)
    assert [(p.text, p.asked) for p in passages] == [("值。", "值得吗?"), ("No.", "值得吗?")]


def test_a_question_is_not_carried_into_another_section() -> None:
    passages = cut("# 题\n\n## 一\n\nQ:为什么?\n\n答:因为。\n\n## 二\n\n答:另外。\n")
    assert [(p.text, p.asked) for p in passages] == [("因为。", "为什么?"), ("另外。", "")]


# --- sizes -------------------------------------------------------------------------------------


def test_short_paragraphs_of_one_speaker_are_joined_and_long_ones_stand_alone() -> None:
    short, long = "短" * 19 + "。", "长" * 199 + "。"
    passages = cut(f"# 题\n\n{short}\n\n{short}\n\n{long}\n\n{long}\n\n{short}\n\n答:{short}\n")
    joined = f"{short}\n\n{short}\n\n{long}"
    assert texts(passages) == [joined, f"{long}\n\n{short}", short]


def test_a_list_stays_with_its_lead_in() -> None:
    items = "\n".join(f"- {'长' * 30}{n}" for n in range(8))
    before, lead = "前" * 199 + "。", "要做这些:"
    assert texts(cut(f"# 题\n\n{before}\n\n{lead}\n\n{items}\n")) == [before, f"{lead}\n\n{items}"]


def test_a_list_that_is_too_long_is_cut_between_items() -> None:
    items = [f"{n}. {'长' * 60}。{'完' * 20}" for n in range(1, 13)]
    passages = cut("# 题\n\n要做:\n\n" + "\n".join(items) + "\n")
    lines = [line for passage in passages for line in passage.text.split("\n") if line]
    assert lines == ["要做:", *items]
    assert len(passages) > 1


def test_a_paragraph_that_is_too_long_is_cut_between_sentences_into_even_parts() -> None:
    parts = [f"第{n}句话说了一些关于研究的事情,后面还有。" for n in range(10, 60)]
    passages = cut("# 题\n\n" + "".join(parts) + "\n")
    assert [span.of(p.text) for p in passages for span in sentences(p.text)] == parts
    assert min(len(p.text) for p in passages) > max(len(p.text) for p in passages) / 2


@pytest.mark.parametrize("start", ["要点如下:\n\n", "- 短的\n- ", "1. 短的\n2. "])
def test_a_long_paragraph_or_item_beside_another_is_cut_between_its_sentences(start: str) -> None:
    parts = [f"第{n}句话说了一些关于研究的事情,后面还有。" for n in range(10, 60)]
    passages = cut("# 题\n\n" + start + "".join(parts) + "\n")
    found = [span.of(p.text) for p in passages for span in sentences(p.text)]
    assert found[-len(parts) :] == parts


@pytest.mark.parametrize("length", [401, 802, 1201])
def test_a_sentence_that_is_too_long_is_cut_by_force_into_even_parts(length: int) -> None:
    passages = cut("# 题\n\n" + "长" * length + "\n")
    assert "".join(texts(passages)) == "长" * length
    assert min(len(p.text) for p in passages) >= 200


@pytest.mark.parametrize(
    "text", ["", "\n", "# 题\n", "# 题\n\n……\n\n🔥\n", "# 题\n\n答:\n", "Q:?\n"]
)
def test_an_essay_in_which_nobody_tells_anything_has_no_passages(text: str) -> None:
    assert cut(text) == []


def test_an_essay_of_half_a_million_characters_is_split() -> None:
    text = "# 题\n\n" + ("研究很难。" * 40 + "\n\n") * 2500
    passages = cut(text)
    assert sum(len(passage.text) for passage in passages) == 2500 * 200


# --- the real essays ---------------------------------------------------------------------------

real = pytest.mark.parametrize("document", ESSAYS, ids=[document.id for document in ESSAYS])


@real
@pytest.mark.parametrize("limit", [120, 400, 4000])
def test_every_passage_of_the_real_essays_is_a_slice_under_the_limit(
    document: Document, limit: int
) -> None:
    passages = split(document, limit)
    assert all(p.span.of(document.text) == p.text and len(p.text) <= limit for p in passages)
    assert all(one.span.end <= two.span.start for one, two in pairwise(passages))
    assert len({passage.id for passage in passages}) == len(passages)


@real
@pytest.mark.parametrize("limit", [120, 400, 4000])
def test_no_letter_of_the_real_essays_is_lost_but_headings_labels_and_questions(
    document: Document, limit: int
) -> None:
    passages = split(document, limit)
    labels = tuple(label for who in document.speakers for label in who.labels)
    asked = {passage.asked for passage in passages} - {""}
    edges = [0, *(at for p in passages for at in (p.span.start, p.span.end)), len(document.text)]
    left = "".join(document.text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
    for question in sorted(asked, key=len, reverse=True):
        left = left.replace(question, "")
    lines = {line.strip() for line in left.split("\n") if not line.startswith("#")}
    assert {line for line in lines - set(labels) if any(map(str.isalnum, line))} == set()


@real
def test_every_passage_of_the_real_essays_ends_where_a_sentence_ends(document: Document) -> None:
    ends = {span.end for span in sentences(document.text)}
    for passage in split(document, 400):
        inner = [span.shift(passage.span.start) for span in sentences(passage.text)]
        assert {span.end for span in inner} <= ends


@real
def test_most_passages_of_the_real_essays_have_the_size_that_is_aimed_at(
    document: Document,
) -> None:
    sizes = [len(passage.text) for passage in split(document, 400)]
    assert sum(80 <= size <= 260 for size in sizes) > len(sizes) / 2


def test_the_real_essays_are_said_by_those_who_said_them() -> None:
    said = {
        (passage.doc_id, passage.speaker): passage.text
        for document in ESSAYS
        for passage in split(document, 400)
    }
    asking = {(d.id, who.name) for d in ESSAYS for who in d.speakers if who.asks}
    assert said.keys() - asking == {
        (document.id, who.name) for document in ESSAYS for who in document.speakers if not who.asks
    }
    assert ("kaiming_he_qa", "提问者") not in said


@pytest.mark.parametrize(
    ("quote", "speaker", "asked"),
    [
        (
            "我认为选择课题最重要的标准是你对问题的好奇心和热情",
            "何恺明",
            "如何找到一个好的研究课题",
        ),
        ("科研中95%的时间是令人沮丧的。", "何恺明", ""),
        ("什么???就连何恺明都觉得科研很煎熬?", "西风", ""),
        ("有人表示提前一个小时去都抢不到位置", "西风", ""),
        ("越做越自闭", "", ""),
        ("早就有些碎碎念了", "霍华德", "难道深度学习真的变成一门炼金术了吗?"),
        ("本文作者DavidMack", "AI开发者", ""),
        ("最近,我发现我的生活需要一个新的挑战。", "David Mack", ""),
    ],
)
def test_a_known_sentence_is_said_by_its_author_in_reply_to_its_question(
    quote: str, speaker: str, asked: str
) -> None:
    passages = [p for document in ESSAYS for p in split(document, 400) if quote in p.text]
    assert [(p.speaker, asked in p.asked and bool(asked) == bool(p.asked)) for p in passages] == (
        [(speaker, True)] if speaker else []
    )
