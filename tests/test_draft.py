"""How a stream of a model's text becomes sentences, whatever the model writes and however it comes.

Chunks may be cut anywhere; an empty one says that nothing has come for a moment.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, cycle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pace import LINEAR, growth

from rag.draft import Draft, drafts

Told = list[tuple[str, tuple[int, ...]]]


def told(chunks: Iterable[str]) -> Told:
    return [(draft.text, draft.numbers) for draft in drafts(chunks)]


def texts_of(text: str) -> list[str]:
    return [draft.text for draft in drafts([text])]


def pieces(text: str, sizes: Iterable[int]) -> list[str]:
    """Cut a text into pieces of these sizes, over and over."""
    found, start = [], 0
    for size in cycle(sizes):
        if start >= len(text):
            return found
        found.append(text[start : start + size])
        start += size
    return found


def paused(chunks: Iterable[str]) -> list[str]:
    return list(chain.from_iterable((chunk, "") for chunk in chunks))


def arrivals(chunks: Iterable[str]) -> list[tuple[str, int]]:
    """Return each sentence with how many characters had come when it was given."""
    come = 0

    def stream() -> Iterator[str]:
        nonlocal come
        for chunk in chunks:
            come += len(chunk)
            yield chunk

    return [(draft.text, come) for draft in drafts(stream())]


# --- marks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "numbers"),
    [
        ("[1]", (1,)),
        ("[12]", (12,)),
        ("[007]", (7,)),
        ("[1][2]", (1, 2)),
        ("[1] [2]", (1, 2)),
        ("[1], [2]", (1, 2)),
        ("[1]、[2]", (1, 2)),
        ("[1, 2]", (1, 2)),
        ("[1,2]", (1, 2)),
        ("[1，2]", (1, 2)),
        ("[1、2]", (1, 2)),
        ("[1; 2]", (1, 2)),
        ("[2 and 1]", (2, 1)),
        ("[1-3]", (1, 2, 3)),
        ("[1–3]", (1, 2, 3)),
        ("[1 - 3, 5]", (1, 2, 3, 5)),
        ("[3-1]", (3, 1)),
        ("[1-200]", (1, 200)),
        ("[2][2][1, 2]", (2, 1)),
        ("[ 1 ]", (1,)),
        ("【1】", (1,)),
        ("【1】【2】", (1, 2)),
        ("【1†L3-L9】", (1,)),
        ("\uff3b1\uff3d", (1,)),
        ("[１]", (1,)),
        ("【１，２】", (1, 2)),
        ("[^1]", (1,)),
        ("[^1][^2]", (1, 2)),
        ("[段落1]", (1,)),
        ("[段落 1、段落 3]", (1, 3)),
        ("[来源：2]", (2,)),
        ("[passage 1]", (1,)),
        ("[Passages 1-2]", (1, 2)),
        ("[Source 1, Source 2]", (1, 2)),
        ("[[1]]", (1,)),
        ("[[1], [2]]", (1, 2)),
        ("([1])", (1,)),
        ("（【1】）", (1,)),
        ("**[1]**", (1,)),
        ("[**1**]", (1,)),
        ("`[1]`", (1,)),
        ("\\[1\\]", (1,)),
        ("<sup>[1]</sup>", (1,)),
        ('[1](#cite-x-0-1 "t. T")', (1,)),
        ("[1](https://a.b/c?d=e.f#[2])", (1,)),
        ("[1](#a)[2](#b)", (1, 2)),
        ("[1\u200b]", (1,)),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "去做。{}再睡。",
        "去做。 {} 再睡。",
        "去做{}。再睡。",
        "去做 {} 。再睡。",
        "“去做。”{}再睡。",
    ],
)
def test_a_mark_is_read_and_taken_out_before_and_behind_a_full_stop(
    mark: str, numbers: tuple[int, ...], form: str
) -> None:
    first = "“去做。”" if "“" in form else "去做。"
    assert told([form.format(mark)]) == [(first, numbers), ("再睡。", ())]


@pytest.mark.parametrize(
    "text",
    [
        *("Go on.[1] He left.", "Go on. [1] He left.", "Go on[1]. He left.", "Go on [1]. He left."),
        "Go [1] on. He left.",
        "Go[1]on. He left.",
        "Go on. [1]\nHe left.",
        "Go on.\t[1]He left.",
    ],
)
def test_english_marks_leave_single_blanks_and_no_word_is_glued_to_another(text: str) -> None:
    assert told([text]) == [("Go on.", (1,)), ("He left.", ())]


@pytest.mark.parametrize(
    "words", ["[2019]", "[sic]", "[1.5]", "[0, 1]", "[-1, 1]", "[a1]", "[]", "[1", "1]", "x[i][j]"]
)
def test_what_is_no_mark_stays(words: str) -> None:
    assert told([f"He wrote {words} there. [1] Fine."]) == [
        (f"He wrote {words} there.", (1,)),
        ("Fine.", ()),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1] 去做。", [("去做。", ())]),
        ("去做。\n[1]\n再睡。[2]", [("去做。", ()), ("再睡。", (2,))]),
        ("去做。[1]\n\n[2]", [("去做。", (1,))]),
        ("- [3] 去做。[1]", [("去做。", (1,))]),
        ("[1][2], [3]", []),
        ("。[1]", []),
    ],
)
def test_a_mark_without_a_sentence_before_it_is_dropped(text: str, expected: Told) -> None:
    assert told([text]) == expected


def test_numbers_that_no_passage_has_are_left_for_the_reader_of_drafts_to_judge() -> None:
    assert told(["去做。[0][99][999]"]) == [("去做。", (0, 99, 999))]


# --- sentences ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("学习率取3.5。再试。", ["学习率取3.5。", "再试。"]),
        ("It costs 3.5 dollars. Pay.", ["It costs 3.5 dollars.", "Pay."]),
        ("Use a tool, e.g. Git, daily. Rest.", ["Use a tool, e.g. Git, daily.", "Rest."]),
        ("Ask Dr. Li first. Rest.", ["Ask Dr. Li first.", "Rest."]),
        ("Well... maybe not. Rest.", ["Well... maybe not.", "Rest."]),
        ("等等……再说。好。", ["等等……", "再说。", "好。"]),
        ("他说“先跑。再改。”然后走了。好。", ["他说“先跑。再改。”", "然后走了。", "好。"]),
        ("她写道「先跑。『再改。』」。好。", ["她写道「先跑。『再改。』」。", "好。"]),
        ('He said "Go. Now." and left. Rest.', ['He said "Go. Now." and left.', "Rest."]),
        ("先跑😀。好😀[1]", ["先跑😀。", "好😀"]),
        ("好。😀[1] 行。", ["好。😀", "行。"]),
        ("没有句号", ["没有句号"]),
        ("甲。\r\n乙。\r丙。\n丁", ["甲。", "乙。", "丙。", "丁"]),
        ("答案 A 是 2 * 3*4，snake_case。", ["答案 A 是 2 * 3*4，snake_case。"]),
        ("", []),
        (" \t\u3000\n\r\n \u200b\ufeff", []),
        ("...？！😀——", []),
    ],
)
def test_a_text_is_cut_into_plain_sentences(text: str, expected: list[str]) -> None:
    assert texts_of(text) == expected


def test_marks_behind_emoji_belong_to_the_sentence_before() -> None:
    assert told(["好。😀 [1] 行。"]) == [("好。😀", (1,)), ("行。", ())]


def test_no_chunk_and_nothing_but_pauses_give_nothing() -> None:
    assert told([]) == told(["", ""]) == []


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\u202e", "\u2066", "\ufeff", "\x00", "\x1b", "\ud800"]
)
def test_what_cannot_be_seen_is_left_out_and_hides_no_mark(unseen: str) -> None:
    text = f"{unseen}去{unseen}做。{unseen}[{unseen}1{unseen}]再睡。"
    assert told([text]) == [("去做。", (1,)), ("再睡。", ())]


def test_emoji_stay_whole() -> None:
    assert texts_of("好👩\u200d💻。") == ["好👩\u200d💻。"]


# --- Markdown ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 去做。[1]\n* 再睡。[2]\n+ 好。", [("去做。", (1,)), ("再睡。", (2,)), ("好。", ())]),
        ("1. 去做。[1]\n2) 再睡。[2]\n3、好。", [("去做。", (1,)), ("再睡。", (2,)), ("好。", ())]),
        ("有两点。1. 去做。 2. 再睡。", [("有两点。", ()), ("去做。", ()), ("再睡。", ())]),
        ("## 题目\n> 引文。[1]\n> > - 再引。", [("题目", ()), ("引文。", (1,)), ("再引。", ())]),
        ("**去做。**[1] 再睡。", [("去做。", (1,)), ("再睡。", ())]),
        ("**Go.** [1] *He* __left__. ~~No.~~", [("Go.", (1,)), ("He left.", ()), ("No.", ())]),
        ("**Go [1].** He left.", [("Go.", (1,)), ("He left.", ())]),
        ("***重要***：用 `git log` 看。", [("重要：用 git log 看。", ())]),
        ("*斜*体，_low_ line.", [("斜体，low line.", ())]),
        ("NO_ANSWER", [("NO_ANSWER", ())]),
        ("**NO\\_ANSWER**", [("NO_ANSWER", ())]),
        (
            "| 甲 | 乙 |\n|---|:-:|\n| 去做。[1] | 3.5 |",
            [("甲 乙", ()), ("去做。", (1,)), ("3.5", ())],
        ),
        ("P(x|y) 很小。", [("P(x|y) 很小。", ())]),
    ],
)
def test_markdown_is_undone(text: str, expected: Told) -> None:
    assert told([text]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("甲。\n```python\nx = 1. Go.[1]\n```\n乙。", ["甲。", "乙。"]),
        ("甲。\n~~~\nx\n```\ny\n~~~\n乙。", ["甲。", "乙。"]),
        ("甲。\n````\n```\nx\n````\n乙。", ["甲。", "乙。"]),
        ("甲。\n  ```\nx\n  ```  \n乙。", ["甲。", "乙。"]),
        ("> ```\n> x\n> ```\n乙。", ["乙。"]),
        ("甲。\r\n```\r\nx\r\n```\r\n乙。", ["甲。", "乙。"]),
        ("甲。\n```\n\n[1] x.\n\n", ["甲。"]),
        ("甲。\n```", ["甲。"]),
        ("甲。\n```py", ["甲。"]),
        ("```x``` 是代码。", ["x 是代码。"]),
        ("``x`` 是 ~代码~。", ["x 是 ~代码~。"]),
        ("甲。\n```\n" + "x" * 5000 + "```\n```\n乙。", ["甲。", "乙。"]),
    ],
)
def test_code_blocks_are_left_out_closed_or_not_and_inline_code_stays(
    text: str, expected: list[str]
) -> None:
    assert texts_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("见[他的文](https://a.b/c?d.e)。好。", ["见他的文。", "好。"]),
        ("See [his essay](https://a.b/c_(d)?e=[1].f! 'T. T'). Fine.", ["See his essay.", "Fine."]),
        ("See [it](<https://a.b/c d>). Fine.", ["See [it](<https://a.b/c d>).", "Fine."]),
        (
            "See [it][ref] and [them][]. Fine.\n\n[ref]: https://a.b 'T'",
            ["See it and them.", "Fine."],
        ),
        ("See <https://a.b/c?d.e> now. Fine.", ["See now.", "Fine."]),
        ("See [it](as he says. Then go).", ["See [it](as he says. Then go)."]),
        ("甲。![图。图](https://a.b/c?d.e)乙。", ["甲。", "乙。"]),
        ("甲。![图][id] ![](a.png)乙。", ["甲。", "乙。"]),
        ("[![图。](a.png)](https://a.b)甲。", ["甲。"]),
        ("甲。[乙](https://a.b/c?d", ["甲。", "[乙]"]),
        ("甲。[乙](https://a.b/c?d\n丙。", ["甲。", "[乙]", "丙。"]),
        ("甲。![图](https://a.b/c?d", ["甲。"]),
        ("甲。![图。图", ["甲。"]),
        ("甲[1](乙)。丙[2](丁", ["甲(乙)。", "丙(丁"]),
        ("甲。[1](#cite-x", ["甲。"]),
        ("甲。[1](https://a.b/c?d\n丙。", ["甲。", "丙。"]),
    ],
)
def test_links_keep_their_words_and_images_go_finished_or_not(
    text: str, expected: list[str]
) -> None:
    assert texts_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>去做。</b>[1]再睡。", ["去做。", "再睡。"]),
        ("<p>去做</p><ul><li>再睡</li><li>好</li></ul>", ["去做", "再睡", "好"]),
        ("one<br>two<BR/>three", ["one", "two", "three"]),
        ('<a href="x?y. Z" title="a > b">去做。</a>好。', ["去做。", "好。"]),
        ("<!-- 去做。 -->好。", ["好。"]),
        ("<script>alert(1)</script>", ["alert(1)"]),
        (
            "loss < 0.1 and x > 2, a<b and c>d. Fine.",
            ["loss < 0.1 and x > 2, a<b and c>d.", "Fine."],
        ),
        ("去做。<b", ["去做。"]),
        ('去做。<a href="x. Y', ["去做。"]),
        ("去做。</", ["去做。"]),
        ("去做。<", ["去做。"]),
        ('去做。<img src="a.png" \n再睡。', ["去做。", "再睡。"]),
    ],
)
def test_tags_are_taken_out_finished_or_not_and_comparisons_are_none(
    text: str, expected: list[str]
) -> None:
    assert texts_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>嗯。[1]\n```\n</think>\n\n去做。", ["去做。"]),
        ("\n <think>\nhm. < </thin\n</think>去做。", ["去做。"]),
        ("<think></think>去做。", ["去做。"]),
        ("<think>\n\n</think>\n\n```\nx\n```\n去做。", ["去做。"]),
        ("<THINK>嗯。</Think>去做。", ["去做。"]),
        ("\ufeff<think>嗯。</think>去做。", ["去做。"]),
        ("<think>嗯。</think><think>哦。</think>去做。", ["去做。"]),
        ("去做。\n<think>嗯。</think>\n好。", ["去做。", "好。"]),
        ("<think>嗯。去做。", []),
        ("<think", []),
        ("<thinker 去做。", ["<thinker 去做。"]),
        ("用 <think> 想。好。", ["用 想。", "好。"]),
    ],
)
def test_thoughts_are_left_out_split_unclosed_or_empty(text: str, expected: list[str]) -> None:
    assert texts_of(text) == expected
    assert [draft.text for draft in drafts(paused(text))] == expected


# --- however it comes --------------------------------------------------------------------------

# What decides something somewhere in rag/draft.py, and words.
SIGNS = [
    *"[]()【】［］<>!*_`~|#-+.。！？!?…;；,，、:：\"'“”「」『』‘’（）《》\\^†/=&1230０１",
    *" \n\r\t\u3000\x85\u2028\u200b\u202e\ufeff\u200d😀",
    *("[1]", "[2]", "[1, 2]", "[1-3]", "【1】", "[^1]", "[段落1]", "[2019]", "[sic]"),
    *("word", "Word", "字", "好的", "3.5", "e.g. ", "Dr. ", " The ", ". ", "。", "x[0]"),
    *("```", "~~~", "**", "__", "- ", "1. ", "## ", "> ", "](", "![", "http://a.b/c?d"),
    *("<think>", "</think>", "<b>", "</b>", "<br>", '<a href="', '">', '[1](#cite-x-0-1 "t")'),
]
texts = st.lists(st.sampled_from(SIGNS), max_size=60).map("".join) | st.text()
sizes = st.lists(st.integers(1, 7), min_size=1, max_size=8)
long_texts = st.lists(st.sampled_from(SIGNS), min_size=200, max_size=400).map(
    lambda found: "".join(found) * 4
)

ANSWER = """<think>
Hm. [1]
</think>
**甲要先跑。**[1] 乙说“先跑。再改。”【2】 See [it](https://a.b/c?d "T. T") [1, 3]! ![图](x.png)
- Go on, e.g. now. [1](#cite-x-0-1 "t") Then 3.5<br>rest[2].
```py
x = [1]
```
| Go. [1] | Me |
loss < 2. [段落1] He said "Go. Now." [^2]"""


def test_an_answer_is_read_the_same_wherever_it_is_cut_in_two() -> None:
    whole = told([ANSWER])
    assert whole == [
        ("甲要先跑。", (1,)),
        ("乙说“先跑。再改。”", (2,)),
        ("See it!", (1, 3)),
        ("Go on, e.g. now.", (1,)),
        ("Then 3.5", ()),
        ("rest.", (2,)),
        ("Go.", (1,)),
        ("Me", ()),
        ("loss < 2.", (1,)),
        ('He said "Go. Now."', (2,)),
    ]
    for at in range(1, len(ANSWER)):
        assert told([ANSWER[:at], ANSWER[at:]]) == whole


@given(texts, sizes)
@example("Go.[1](#c) He", [7])
@example("```\nx\n```\nGo.", [1])
@example("a\r\nb", [2])
@example("e.g. x. A b", [1])
def test_the_chunks_that_a_text_comes_in_change_nothing(text: str, sizes: list[int]) -> None:
    assert told(pieces(text, sizes)) == told([text])


@settings(max_examples=25)
@given(long_texts, sizes)
def test_the_chunks_that_a_long_text_comes_in_change_nothing(text: str, sizes: list[int]) -> None:
    assert told(pieces(text, sizes)) == told([text])


@given(texts, sizes)
@example("[[1]1]a", [9])
@example("[1*]a", [1])
@example("[<b>1]a", [1])
@example("a\u2028b\x85c\x1cd", [1])
def test_no_sentence_holds_a_mark_a_line_end_or_what_cannot_be_seen(
    text: str, sizes: list[int]
) -> None:
    for chunks in ([text], paused(pieces(text, sizes))):
        for said, numbers in told(chunks):
            assert not re.search(r"\[\d{1,3}\]", said)
            assert said == " ".join(said.split())
            assert {unicodedata.category(char) for char in said}.isdisjoint(
                {"Cc", "Cs", "Zl", "Zp"}
            )
            assert any(map(str.isalnum, said))
            assert len(set(numbers)) == len(numbers)


def letters(chunks: Iterable[str]) -> str:
    return "".join(filter(str.isalpha, "".join(said for said, _ in told(chunks))))


@given(texts, sizes)
@example("Go.[1][2] He", [6])
@example("甲。[1] 2. 乙", [5])
@example("foo_bar_ baz", [4])
@example("<think>a", [3])
def test_pauses_change_no_word_and_invent_no_number(text: str, sizes: list[int]) -> None:
    # The address of a link that never ends is words to who does not know yet that it is a link.
    text = text.replace("](", "] (")
    chunks = paused(pieces(text, sizes))
    assert letters(chunks) == letters([text])
    known = {number for _, numbers in told([text]) for number in numbers}
    assert {number for _, numbers in told(chunks) for number in numbers} <= known


PROSE = [
    *'*_.。！？!?…;；,，:："“”「」‘’（）()\\-+#> \n\r\t\u3000\u200b😀',
    *("[1]", "【2】", "[3, 4]"),
]


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1) | st.sampled_from(PROSE)))
@example(["a", "[1]", "b", " ", "[1]", "c"])
@example(["a"] * 4000)
@example(["a", "\n", "(", "b", ".", " ", "C"])
def test_every_letter_that_is_said_comes_out_once_and_in_order(parts: list[str]) -> None:
    # A letter that joins the mark before it is another letter in NFC, and Markdown hides no letter.
    said = unicodedata.normalize("NFD", "".join(parts))
    expected = [char for char in said if char.isalpha()]
    found = unicodedata.normalize("NFD", letters(parts))
    assert [char for char in found if char.isalpha()] == expected


WORD = "§"  # stands for a word that must come out, another for one that must not
HIDDEN = "¤"
SHAPES = [
    f"**{WORD}.** [1]",
    f"*{WORD}*",
    f"__{WORD}__",
    f"`{WORD}`",
    f"“{WORD}。{WORD}”",
    f"({WORD}. {WORD})",
    f"[{WORD}](https://{HIDDEN}.{HIDDEN}/?{HIDDEN})",
    f'[{WORD}. {WORD}](#{HIDDEN} "{HIDDEN}. {HIDDEN}")',
    f"![{HIDDEN}. {HIDDEN}]({HIDDEN}.png)",
    f"<b>{WORD}.</b>",
    f'<a href="{HIDDEN}. {HIDDEN}">{WORD}</a>',
    f"{WORD}.[1]",
    f"{WORD}[2]。",
    f"{WORD} [1, 2]! ",
    f'{WORD}.[1](#{HIDDEN} "{HIDDEN}")',
    f"{WORD}",
    *(f"\n- {WORD}", f"\n## {WORD}\n", f"\n1. {WORD}", f"\n| {WORD}. | {WORD} |\n", f"\n> {WORD}"),
    f"\n```{HIDDEN}\n{HIDDEN}\n```\n",
    f"\n<think>{HIDDEN}. {HIDDEN}</think>\n",
    f"{WORD}<br>{WORD}",
    *(". ", "。", "? ", "… ", "\n", "\r\n", "3.5", "e.g. ", "Dr. ", "; ", "：", "😀", "\u200b"),
]


@given(st.lists(st.sampled_from(SHAPES), max_size=25), sizes)
def test_every_word_outside_code_images_tags_addresses_and_thoughts_comes_out_once(
    shapes: list[str], sizes: list[int]
) -> None:
    text, said = "".join(shapes), []
    while WORD in text:
        said.append(f"w{'abcdefghij'[len(said) // 10 % 10]}{'abcdefghij'[len(said) % 10]}w")
        text = text.replace(WORD, said[-1], 1)
    text = text.replace(HIDDEN, "hidden")
    for chunks in ([text], paused(pieces(text, sizes))):
        found = " ".join(sentence for sentence, _ in told(chunks))
        assert "hidden" not in found
        assert re.findall("w[a-j][a-j]w", found) == said


# --- when it comes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentence",
    [
        "先跑小实验。[2]",
        "先跑小实验[2]。",
        "先跑小实验。【2】",
        "先跑小实验 [2] 。",
        "先跑吗？[2]",
        "Get it running.[2]",
        "Get it running. [2]",
        "Get it running [2].",
        "Get it running! [2]",
        *("**Get it running.** [2]", "**Get it running [2].", "He says “Go. Now.” [2]"),
        "他说“先跑。再改。”[2]",
        "只要3.5小时。[2]",
        "Use e.g. Adam or Dr. Li. [12]",
        "一是快；[2]",
        "Go. [passage 2]",
        "- 先跑。[段落2]",
        "1. Go on. [^2]",
        "> Go on. [1, 2]",
        "See [it](a?b. C). [2]",
    ],
)
def test_a_sentence_comes_with_the_chunk_that_completes_its_full_stop_and_its_mark(
    sentence: str,
) -> None:
    for before in ("", "Before it. ", "之前。[1]", "A line.\n"):
        text = f"{before}{sentence} 然后 he goes on, and on"
        whole = [said for said, _ in told([text])]
        for size in range(1, len(sentence) + 3):
            came = arrivals(paused(pieces(text, [size])))
            assert [said for said, _ in came] == whole
            due = len(before) + len(sentence)
            assert came[-2][1] <= -(-due // size) * size


@pytest.mark.parametrize(
    "text", ["Go on. H", "Go on.[1] H", "去做。再", "去做[1]。再", "Go on.\n", "去做。\r"]
)
def test_without_a_pause_a_sentence_comes_when_another_begins(text: str) -> None:
    for before in range(len(text)):
        came = arrivals([text[:before], text[before:], "e went. And so on"])
        assert came[0][1] == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "Go on.",
        "Go on. [",
        "Go on.[1",
        "去做。",
        "去做[1]",
        "Use e.g.[1]",
        "见“去做。[1]",
        "loss 3.[1",
    ],
)
def test_what_may_still_change_is_held_back_at_a_pause(text: str) -> None:
    came = arrivals([text, "", "", "\n"])
    assert came
    assert all(at > len(text) for _, at in came)


@pytest.mark.parametrize("size", range(1, 60, 4))
def test_pauses_make_the_sentences_of_an_answer_come_earlier_and_none_later(size: int) -> None:
    late = arrivals(pieces(ANSWER, [size]))
    early = arrivals(paused(pieces(ANSWER, [size])))
    assert [said for said, _ in early] == [said for said, _ in late]
    assert all(soon <= then for (_, soon), (_, then) in zip(early, late, strict=True))
    assert size > 5 or sum(at for _, at in early) < sum(at for _, at in late)


def test_a_further_mark_behind_a_pause_belongs_to_no_sentence() -> None:
    assert told(["去做。[1]", "", "[2]再睡。"]) == [("去做。", (1,)), ("再睡。", ())]
    assert told(["去做。[1]", "", '(#cite-x-0-1 "t") 再睡。']) == [("去做。", (1,)), ("再睡。", ())]
    assert told(["去做。[1]", "", "![图](a.png)再[b](c)睡。"]) == [
        ("去做。", (1,)),
        ("再b睡。", ()),
    ]
    assert told(["去做。[1]", "", "[sic] 再睡。"]) == [("去做。", (1,)), ("[sic] 再睡。", ())]
    assert told(["去做。[1]", "", "(先睡) 再做。"]) == [("去做。", (1,)), ("(先睡) 再做。", ())]
    assert told(["去做[1]。", "", "”）。 再睡。"]) == [("去做。", (1,)), ("再睡。", ())]


def test_a_pause_ends_no_sentence_that_has_no_mark() -> None:
    assert told(["See Fig.", "", " 3 of it.", "", " It is 3.", "", "5 m."]) == [
        ("See Fig. 3 of it.", ()),
        ("It is 3.5 m.", ()),
    ]


def test_nothing_is_read_ahead() -> None:
    stream = iter(["去做。[1]", "", "再", "睡。"])
    assert next(drafts(stream)) == Draft("去做。", (1,))
    assert list(stream) == ["再", "睡。"]


# --- how much there is -------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["word ", "字", "字，", "x", "“a. ", "(a. ", "[a. ", "e.g. "])
def test_a_text_without_an_end_comes_in_parts_and_is_not_held_for_ever(word: str) -> None:
    text = word * (10_000 // len(word))
    came = arrivals(pieces(text, [50]))
    assert came[0][1] <= 1600
    assert all(len(said) <= 1500 for said, _ in came)
    assert letters([text]) == "".join(filter(str.isalpha, text))


def test_a_text_without_an_end_is_cut_between_words() -> None:
    assert {word for said in texts_of("word " * 2000) for word in said.split()} == {"word"}


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "]",
        "([",
        "](",
        "[1](",
        "![",
        "[a](b",
        "[[1]1]",
        "([1][1][1]",
        "[1],",
        "<a x=",
        "“a. ",
        *(" ", "😀", "*", "a_", "e.g. ", ".a", "。字", "\n", "```a\n", "<think>", "</think"),
    ],
)
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    assert growth(lambda size: told([piece * (size // len(piece))]), 50_000) < LINEAR


def test_nested_brackets_are_read_in_time_that_grows_with_their_number() -> None:
    assert growth(lambda size: told(["[" * size + "1]" * (size // 2)]), 100_000) < LINEAR
