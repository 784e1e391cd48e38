"""Quotes against texts, in both languages and all the shapes in which people copy them."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pace import LINEAR, growth

from rag.quote import _folded, grade, locate, normalised, quoted
from rag.types import Span

HE = "他说：“不要怕失败。”我问了3,500人，其中30%同意。Deep Learning 很难，但是值得做。"
MACK = (
    "It’s a part of the readers’ job — nothing more. We ran 300 trials, and 3.5 of 10 failed. "
    "He can’t give up: a non-trivial result takes 12:30 hours of state-of-the-art work."
)


def place(quote: str, text: str) -> tuple[str, bool] | None:
    found = locate(quote, text)
    return found and (found[0].of(text), found[1])


# --- where a quote stands ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("不要怕失败。", HE),
        ("“不要怕失败。”我问了3,500人", HE),
        ("Deep Learning 很难", HE),
        ("30%", HE),
        ("a part of the readers’ job", MACK),
        ("We ran 300 trials, and 3.5 of 10 failed. He can’t give up", MACK),
        ("nothing more", MACK),
        ("12:30 hours of state-of-the-art work.", MACK),
        ("2016年退役", "他2010年排名第3，2016年退役。"),
        ("书中写道：《论语》", "书中写道：《论语》是本好书。"),
        ("他说「你好」", "那天，他说「你好」。"),
        ("做研究🔥", "一起做研究🔥吧"),
        ("results", "Our results¹ hold."),
        ("research", "This is research—and life."),
        ("A … B", "It reads A … B there."),
        ("A [...] B", "It reads A [...] B there."),
        ("part", "apart, in part"),
    ],
)
def test_a_quote_that_stands_letter_for_letter_is_exact(quote: str, text: str) -> None:
    assert place(quote, text) == (quote, True)
    assert grade(quote, text, ()) == "exact"


@pytest.mark.parametrize(
    ("quote", "text", "there"),
    [
        ('"不要怕失败."', HE, "“不要怕失败。”"),
        ("我问了3,500人,其中30%同意.", HE, "我问了3,500人，其中30%同意。"),
        ("我问了３，５００人", HE, "我问了3,500人"),
        ("不要\n怕 失败", HE, "不要怕失败"),
        ("deep learning很难", HE, "Deep Learning 很难"),
        ("Deep  Learning\n很难", HE, "Deep Learning 很难"),
        (
            "It's a part of the readers' job - nothing",
            MACK,
            "It’s a part of the readers’ job — nothing",
        ),
        ("WE RAN 300 TRIALS", MACK, "We ran 300 trials"),
        ("state‑of‑the‑art", MACK, "state-of-the-art"),
        ("他说“你好”", "他说「你好」。", "他说「你好」"),
        ("他说『你好』", "他说“你好”。", "他说“你好”"),
        ("他说:“所谓‘好题’,很少”", "他说：「所谓『好题』，很少」。", None),
        (
            '他说:“所谓"好题",很少”',
            "他说：「所谓『好题』，很少」。",
            "他说：「所谓『好题』，很少」",
        ),
        ("选题、读论文", "选题，读论文", "选题，读论文"),
        ("选题——很难", "选题--很难", "选题--很难"),
        ("A...B", "It reads A…B there.", "A…B"),
        ("wait...", "Please wait… Thanks.", "wait…"),
        ("the first finding", "On the ﬁrst ﬁnding.", "the ﬁrst ﬁnding"),
        ("a café", "In a cafe\u0301 there.", "a cafe\u0301"),
        ("a cafe\u0301", "In a café there.", "a café"),
        ("5 kg", "It weighs 5 ㎏.", "5 ㎏"),
        ("istanbul", "in Istanbul", "Istanbul"),
        ("i\u0307stanbul", "in İstanbul", "İstanbul"),
        ("research", "our re\u00adsearch\u200b, then", "re\u00adsearch"),
        ("机器学习", "论机\u200b器学\u2060习。", "机\u200b器学\u2060习"),
        ("机\ufeff器学习", "论机器学习。", "机器学习"),
        ("한국어", unicodedata.normalize("NFD", "한국어"), unicodedata.normalize("NFD", "한국어")),
        ("ガス", "その ｶﾞｽ。", "ｶﾞｽ"),
        ("ΟΔΟΣ", "η οδος", "οδος"),
        ("I love it ❤", "i love it ❤\ufe0f", "i love it ❤"),
        ("Art", "part of art", "art"),
        ("well-known", "a well-\nknown fact", "well-\nknown"),
        (" nothing more ", "There’s nothing more.", "nothing more"),
    ],
)
def test_a_quote_that_differs_in_form_alone_is_equal_and_shows_the_text_s_own_characters(
    quote: str, text: str, there: str | None
) -> None:
    assert place(quote, text) == (there and (there, False))
    assert grade(quote, text, ()) == ("equal" if there else "nowhere")


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("我问了3,600人", HE),
        ("不要失败。", HE),
        ("不要怕失敗。", HE),
        ("不要怕成功。", HE),
        ("We ran 301 trials", MACK),
        ("a part of the job", MACK),
        ("nothing more. 3.5 of 10 failed", MACK),
        ("nothing more … He can’t give up", MACK),
        ("nothing more... He can’t give up", MACK),
        ("nothing more [...] He can’t give up", MACK),
        ("nothing more […] He can’t give up", MACK),
        ("不要怕失败……但是值得做", HE),
        ("naïve", "a naive view"),
        ("102 steps", "10² steps"),
        ("10² steps", "102 steps"),
        ("他说《你好》", "他说“你好”。"),
    ],
)
def test_a_quote_that_was_changed_or_spliced_stands_nowhere(quote: str, text: str) -> None:
    assert locate(quote, text) is None
    assert grade(quote, text, ()) == "nowhere"


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("art", "a part"),
        ("par", "a part"),
        ("30", "300 trials"),
        ("00 trials", "300 trials"),
        ("3", "3.5 of 10"),
        ("5 of 10", "3.5 of 10"),
        ("500", "3,500 people"),
        ("3", "3,500 people"),
        ("30 hours", "12:30 hours"),
        ("He can", "He can’t give up"),
        ("He can", "He can't give up"),
        ("trivial", "a non-trivial result"),
        ("a caf", "a café"),
        ("a cafe", "a cafe\u0301"),
        ("re", "re\u00adsearch"),
        ("igure", "a ﬁgure"),
        ("wait.", "wait…"),
        ("10", "10² steps"),
        ("GPT", "用GPT3做"),
        ("ART", "a part"),
    ],
)
def test_a_quote_proves_nothing_with_half_a_word_or_number(quote: str, text: str) -> None:
    assert locate(quote, text) is None


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("they live apart now", "They live a part now."),
        ("they live a part now", "They live apart now."),
        ("we saw 3 00 of them", "We saw 300 of them."),
        ("we saw 300 of them", "We saw 3 00 of them."),
        ("we saw 3,500 of them", "We saw 3, 500 of them."),
        ("we saw 3. 5 of them", "We saw 3.5 of them."),
        ("用DeepLearning做研究很难", "用Deep Learning做研究很难。"),
        ("他在1980年得了12分", "他在1980年得了1 2分。"),
    ],
)
def test_blanks_that_tell_words_or_numbers_apart_must_agree(quote: str, text: str) -> None:
    assert locate(quote, text) is None


@pytest.mark.parametrize(
    "quote", ["于19 80年就读于哈佛大学，得了8 ,700分", "于 1980 年就读于哈佛大学，得了8,7 00分"]
)
def test_a_stray_blank_inside_a_number_of_a_chinese_quote_is_forgiven(quote: str) -> None:
    text = "他于1980年就读于哈佛大学，得了8,700分。"
    assert place(quote, text) == ("于1980年就读于哈佛大学，得了8,700分", False)


@pytest.mark.parametrize("quote", ["", " ", "……", "。", "🔥", "“”", "\u200b", "—"])
def test_a_quote_without_a_letter_or_digit_stands_nowhere(quote: str) -> None:
    assert locate(quote, f"a{quote}b {quote} c") is None


def test_the_letter_for_letter_place_goes_before_an_equal_one() -> None:
    assert locate("part", "Part by part") == (Span(8, 12), True)


def test_a_quote_from_another_text_is_told_apart() -> None:
    others = ["别的。", HE]
    assert grade("不要怕失败.", MACK, others) == "elsewhere"
    assert grade("不要怕失败.", HE, [MACK]) == "equal"
    assert grade("不要怕成功。", MACK, others) == "nowhere"
    assert grade("art", "a part", ["modern art"]) == "elsewhere"


# --- the normal form ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", ""),
        ('“„‟«»「」『』＂"', '"' * 11),
        ("‘’‚‛`´'", "'" * 7),
        ("‐‑‒–—―−－-", "-" * 9),
        ("。，、", ".,,"),
        ("《Ａ　ｂ》", "《ab》"),
        ("a\u200b\u00ad\ufeff\u2060\u0000 \n\tb", "ab"),
        ("ﬁ㎏…İ", "fikg...i\u0307"),
        ("體体", "體体"),
        ("x\u200d\u0301\u0323", "x\u0323\u0301"),
    ],
)
def test_the_normal_form_is_what_it_says(text: str, form: str) -> None:
    assert normalised(text).form == form


PIECES = [
    *"aZ1é好字。，、…；.,:/^'-—’‘“”\"「」『』²Ⅳ½´`ςΣİﬁ㎏ｶﾞ한¨",
    *" \t\n\u3000\u0301\u0323\u0344\u1161\u11a8\u200b\u200d\ufe0f\u00ad\x00\u1ffd",
    *("a part", "apart", "3,500", "3.5", "can't", "不要", "😀"),
]
texts = st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@given(texts)
def test_composed_and_decomposed_text_have_one_normal_form(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert normalised(composed).form == normalised(decomposed).form == normalised(text).form


@given(texts)
def test_every_character_of_a_normal_form_has_its_place_in_the_text(text: str) -> None:
    normal = normalised(text)
    places = list(zip(normal.starts, normal.ends, strict=True))
    assert len(places) == len(normal.form)
    assert places == sorted(places)
    whole = [Span(*place).of(text) for place in dict.fromkeys(places)]
    assert "".join(normalised(cluster).form for cluster in whole) == normal.form


@given(texts, st.data())
def test_a_found_place_has_the_normal_form_of_the_quote(text: str, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    part = text[start:end]
    quote = data.draw(st.sampled_from([part, part.upper(), part.swapcase(), f" {part}\n"]))
    found = locate(quote, text)
    if found:
        span, exact = found
        assert normalised(span.of(text)).form == normalised(quote).form
        assert exact == (quote in text and span.of(text) == quote)


ATOMS = ["a ", "part ", "apart ", "3,500 ", "can’t ", "ﬁne ", "cafe\u0301 ", "3.5% ", "(B) ", "🔥"]
ATOMS += ["选题", "不要", "怕", "，", "。", "“", "”", "—", "\n", "Deep Learning 的", "12年"]


@given(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=30), st.data())
def test_whole_words_of_a_text_are_found_letter_for_letter(
    atoms: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(atoms) - 1))
    end = data.draw(st.integers(start + 1, len(atoms)))
    text, quote = "".join(atoms), "".join(atoms[start:end])
    assume(any(map(str.isalnum, quote)))
    assert place(quote, text) == (quote, True)


# --- quoted stretches --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("他说：“不要怕。”然后走了。", ["不要怕。"]),
        ("他说「不要怕」，又说『去做』。", ["不要怕", "去做"]),
        ("他说｢不要怕｣。", ["不要怕"]),
        ('He says "do it", then "stop".', ["do it", "stop"]),
        ('他说"去做"，又说"停下"。', ["去做", "停下"]),
        ("他说＂去做＂。", ["去做"]),
        ("He says «do it».", ["do it"]),
        ("He calls it ‘a craft’.", ["a craft"]),
        ("《论语》说得好", []),
        ("《论语》说“学而时习之”", ["学而时习之"]),
        ("他说“所谓‘好题’很少”。", ["所谓‘好题’很少"]),
        ("他说「所谓『好题』很少」。", ["所谓『好题』很少"]),
        ("“a “b” c”", ["a “b” c"]),
        ("‘A “B” C’", ["A “B” C"]),
        ("It’s the readers’ job, not ’em.", []),
        ("It's the readers' job, not 'em.", []),
        ("He said 'no'.", []),
        ("‘It’s the readers’ job’, he said.", ["It’s the readers’ job"]),
        ("‘cats’ and the dogs’ food", ["cats"]),
        ("‘cats’ and ‘dogs’", ["cats", "dogs"]),
        ("Get ‘em while the readers’ job lasts", []),
        ("The ‘90s were the writers’ years", []),
        ("‘你好’OK", ["你好"]),
        ("“It’s fine”", ["It’s fine"]),
        ("“no end", []),
        ("no start”", []),
        ("”wrong way“", []),
        ("“a 「b” c」", ["a 「b"]),
        ("“open, 「closed」", ["closed"]),
        ("“first “second”", ["second"]),
        ('a 5" disk and "a quote"', ["a quote"]),
        ('one " alone', []),
        ("“”「」", []),
        ("", []),
    ],
)
def test_quoted_stretches_are_what_stands_between_quote_marks(text: str, inside: list[str]) -> None:
    assert [said for _, said in quoted(text)] == inside


@given(
    st.lists(st.sampled_from([*'“”「」『』«»‘’"《》as好 ,', "’s ", "s’ "]), max_size=40).map(
        "".join
    )
)
def test_quoted_stretches_are_slices_in_order_that_never_overlap(text: str) -> None:
    found = quoted(text)
    assert all(span.of(text) == said for span, said in found)
    assert all(a.end < b.start for (a, _), (b, _) in pairwise(found))


# --- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "marks", ["“", "”", '"', "‘", "’", "s’ ", "“”", "“「", "「”", '“"', "‘s’ "]
)
def test_quote_marks_are_paired_in_time_that_grows_with_their_number(marks: str) -> None:
    assert growth(lambda size: quoted(marks * (size // len(marks))), 100_000) < LINEAR


@pytest.mark.parametrize(
    ("quote", "piece"),
    [
        ("b" + "a" * 300, "a"),
        ("a" * 300 + "b", "a"),
        ("a" * 300, "a "),
        ("a " * 150 + "b", "a "),
        ("b", "\u0301\u0323"),
    ],
)
def test_a_text_that_repeats_itself_is_searched_in_time_that_grows_with_its_length(
    quote: str, piece: str
) -> None:
    def searched(size: int) -> None:
        normalised.cache_clear()
        _folded.cache_clear()
        assert locate(quote, "a" + piece * (size // len(piece))) is None

    assert growth(searched, 100_000) < LINEAR


def test_a_text_that_was_normalised_is_not_normalised_again() -> None:
    text = (HE + MACK) * 50
    grade("不要怕", text, ())
    before = normalised.cache_info().misses
    for n in range(50):
        assert grade(f"不要怕失败。{n} " + MACK, text, ()) == "nowhere"
    assert normalised.cache_info().misses - before == 50, "each quote, and no text"
