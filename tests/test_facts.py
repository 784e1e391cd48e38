"""Numbers, negations and opposites mean the same in both languages; look-alikes mean nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pace import LINEAR, growth

from rag.facts import Quantity, negations, opposed, quantities, unsaid
from rag.types import Span


def _said(text: str) -> list[tuple[float, str]]:
    return [(round(number.value, 4), number.unit) for number in quantities(text)]


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("3.14", 3.14),
        (".5", 0.5),
        ("1,234,567", 1_234_567),
        ("5th", 5),
        ("１２", 12),
        ("\u017f\u0131x", 6),
        ("SIX", 6),
        ("10k", 10_000),
        ("1.4bn", 1.4e9),
        ("seven", 7),
        ("twelve", 12),
        ("twenty-one", 21),
        ("one hundred and twenty-one thousand", 121_000),
        ("two thousand five hundred", 2500),
        ("two dozen", 24),
        ("a million", 1e6),
        ("3.5 million", 3.5e6),
        ("two and a half", 2.5),
        ("third", 3),
        ("twenty-first", 21),
        ("thirteenth", 13),
        ("twice", 2),
        ("nineteen eighty-four", 1984),
        ("twenty twenty", 2020),
        ("七", 7),
        ("十", 10),
        ("十八", 18),
        ("三百零八", 308),
        ("一百二十", 120),
        ("一百二", 120),
        ("一万零五百", 10_500),
        ("两万五", 25_000),
        ("一千零五", 1005),
        ("350万", 3.5e6),
        ("3.5亿", 3.5e8),
        ("1万2千", 12_000),
        ("1亿3000万", 1.3e8),
        ("一亿三千万", 1.3e8),
        ("两万亿", 2e12),
        ("一九〇三", 1903),
        ("二零二四", 2024),
        ("三点五", 3.5),
        ("零点五", 0.5),
        ("三点五万", 35_000),
    ],
)
def test_a_number_has_its_value_however_it_is_written(text: str, value: float) -> None:
    [number] = quantities(text)
    assert number.value == pytest.approx(value)
    assert number.span == Span(0, len(text)) or text.startswith("a ")


SAME = [
    ("3.5 million", "350万"),
    ("three and a half million", "3.5 million"),
    ("三百五十万", "350万"),
    ("30%", "三成"),
    ("30 percent", "百分之三十"),
    ("thirty per cent", "百分之30"),
    ("百分之三点五", "3.5 %"),
    ("百分百", "100%"),
    ("two thirds", "三分之二"),
    ("a quarter of them", "其中四分之一"),
    ("nine tenths", "九成"),
    ("10,000 hours", "一万个小时"),
    ("ten minutes", "十分钟"),
    ("March 2019", "2019年3月"),
    ("in Sept 2019", "二零一九年九月"),
    ("the twenty-first century", "21世纪"),
    ("the third time", "第三次"),
    ("two decades", "二十年"),
    ("two and a half years", "两年半"),
    ("3.5 months", "三个半月"),
    ("5 km", "五千米"),
    ("3 kg", "三千克"),
    ("$5", "5美元"),
    ("¥5", "五块钱"),
    ("60 seconds", "六十秒"),
    ("a 30-second video", "30秒"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_both_languages_say_one_quantity(one: str, other: str) -> None:
    mine, theirs = quantities(one), quantities(other)
    assert len(mine) == len(theirs) > 0
    for number in mine:  # a month may stand before its year or behind it
        [partner] = [other for other in theirs if number.same(other)]
        assert partner.same(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("five years", [(5, "year")]),
        ("二十多年", [(20, "")]),
        ("四月四日", [(4, "month"), (4, "day")]),
        ("3-5 years", [(3, ""), (5, "year")]),
        ("the first two years", [(1, ""), (2, "year")]),
        ("between one and two years", [(1, ""), (2, "year")]),
        ("two one-hour sessions", [(2, ""), (1, "hour")]),
        ("三天两夜", [(3, "day"), (2, "")]),
        ("三点五十分", [(3, ""), (50, "")]),
        ("GPT-4 has 1.8 trillion", [(4, ""), (1.8e12, "")]),
        ("两周三次", [(2, "week"), (3, "time")]),
        ("cut it by 5 m", [(5, "m")]),
        ("at 10:30 in May", [(10, ""), (30, ""), (5, "month")]),
    ],
)
def test_numbers_come_in_order_with_what_they_count(
    text: str, expected: list[tuple[float, str]]
) -> None:
    assert _said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "没有数", "no number here", "!?"),
        *("一起去", "十分重要", "万一失败", "统一", "有一点难", "之一", "千万不要", "成千上万的人"),
        *("四处看看", "三明治", "百度", "一半", "两者都好"),
        *("星期三", "周五见", "礼拜二"),
        *("May I ask?", "march on", "we may", "they march"),
        *("ones", "someone", "often", "tent", "weight"),
    ],
)
def test_words_that_look_like_numbers_are_none(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *("两三天", "五六个", "二三十人", "三四百", "十七八岁"),
        *("几十个", "数百人", "上千次", "十几个"),
        *("hundreds of people", "thousands", "dozens of times", "several hundred", "few thousand"),
    ],
)
def test_what_says_only_about_how_many_is_no_single_number(text: str) -> None:
    assert quantities(text) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("308", "309"),
        ("30%", "三十天"),
        ("3 years", "3 months"),
        ("三成", "三十次"),
        ("three years", "三十年"),
        ("一亿", "一万"),
        ("in May", "in June"),
    ],
)
def test_another_value_or_another_unit_is_another_quantity(one: str, other: str) -> None:
    [mine], [theirs] = quantities(one), quantities(other)
    assert not mine.same(theirs)
    assert not theirs.same(mine)


def test_a_quantity_without_a_unit_agrees_with_any_unit() -> None:
    bare, years = Quantity(3, "", Span(0, 1)), Quantity(3, "year", Span(5, 6))
    assert bare.same(years)
    assert years.same(bare)


@given(value=st.integers(1, 10**12))
def test_every_whole_number_is_read_in_digits_and_with_commas(value: int) -> None:
    assert _said(str(value)) == _said(f"{value:,}") == [(value, "")]


_DIGITS = "零一二三四五六七八九"


def _han(value: int) -> str:
    """Return a whole number below 10,000 as it is read aloud in Chinese."""
    said = ""
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // scale % 10
        if digit:
            said += _DIGITS[digit] + name
        elif said and value % scale:
            said += "零"
    return said.replace("零零", "零")


@given(myriads=st.integers(0, 9999), rest=st.integers(1, 9999))
def test_every_han_numeral_has_the_value_that_it_says(myriads: int, rest: int) -> None:
    linked = "零" if myriads and rest < 1000 else ""
    said = f"{_han(myriads)}万{linked}{_han(rest)}" if myriads else _han(rest)
    assert _said(said) == [(myriads * 10**4 + rest, "")]


@given(
    text=st.text("一两十百千万亿点分之成半个月年1290.,%$ -andhlftwohundredMay几数第", max_size=40)
)
def test_quantities_stand_in_order_and_apart_in_any_text(text: str) -> None:
    spans = [number.span for number in quantities(text)]
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert all(span.end <= len(text) for span in spans)


@pytest.mark.parametrize("end", ["", "x"])
@pytest.mark.parametrize(
    "piece",
    ["一", "1", "1,", "亿", "百分之", "hundred ", "three hundred ", " ", "twenty-"],
)
def test_a_run_of_numerals_is_read_in_time_that_grows_with_its_length(piece: str, end: str) -> None:
    def read(size: int) -> None:
        text = f"1{piece * (size // len(piece))}{end}"
        quantities(text)
        negations(text)

    assert growth(read, 20_000) < LINEAR


# --- negations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("It does not work.", "It doesn't work.", "It doesn’t work.", "He cannot come."),
        *("Nobody came.", "without a GPU", "It never ends.", "She refused.", "hardly any"),
        *("不要先看论文。", "我没去。", "没有显卡", "做得不好", "并非如此", "无法复现", "别去。"),
        *("他拒绝了。", "缺乏经验", "未发表", "请勿打扰"),
    ],
)
def test_a_negation_counts_once(text: str) -> None:
    assert negations(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("", "It works.", "a knot", "a black note", "notice", "nowhere near Norway", "No. 5"),
        *("not only good but cheap", "not just a tool", "another"),
        *("非常好", "非洲", "除非下雨", "特别重要", "分别来看", "别人", "级别", "识别"),
        *("不仅有趣", "不但快", "不断学习", "不同的方法", "不久以后", "不管怎样", "不得不去"),
        *("差不多", "不错", "是不是", "有没有", "好不好", "无论如何", "无数", "毫无疑问"),
        *("未来", "未必", "淹没", "没收"),
    ],
)
def test_what_looks_like_a_negation_denies_nothing(text: str) -> None:
    assert negations(text) == 0


def test_two_negations_count_as_two() -> None:
    assert negations("Never say never.") == negations("不可能不知道") == 2


# --- opposites ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "context"),
    [
        ("Sales increased.", "Sales fell."),
        ("销量增加了。", "销量减少了。"),
        ("The paper was accepted.", "The paper was rejected."),
        ("论文被录用。", "论文被拒稿。"),
        ("before the talk", "after the talk"),
        ("超过一百人", "不到一百人"),
        ("We won.", "我们输了。"),
        ("It is easy.", "这很难。"),
        ("北方", "the south"),
    ],
)
def test_two_sides_of_one_thing_are_opposed_both_ways(claim: str, context: str) -> None:
    assert opposed(claim, context) >= 1
    assert opposed(context, claim) >= 1


@pytest.mark.parametrize(
    ("claim", "context"),
    [
        ("", ""),
        ("Sales increased.", "Sales rose."),
        ("Sales increased.", "The weather was fine."),
        ("Sales increased.", "Sales rose in May and fell in June."),
        ("We won't go.", "We lost."),
        ("东西很多", "西边有山,东边有海"),
        ("all of it", "small"),
    ],
)
def test_texts_that_take_the_same_side_or_both_are_not_opposed(claim: str, context: str) -> None:
    assert opposed(claim, context) == 0


@given(text=st.text(max_size=60))
def test_no_text_is_opposed_to_itself(text: str) -> None:
    assert opposed(text, text) == 0


# --- numbers that a passage does not say --------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "context", "missing"),
    [
        ("He trained for 3 weeks.", "训练了三周。", []),
        ("He trained for 4 weeks.", "训练了三周。", ["4"]),
        ("它花了350万美元。", "It cost 3.5 million dollars.", []),
        ("一个人做,用了两年。", "I worked alone for two years.", []),
        ("One of them took 12 days.", "Some took ten days.", ["12"]),
        ("Nothing is counted.", "", []),
        ("", "In 1903.", []),
    ],
)
def test_numbers_that_a_context_does_not_say_are_told_as_the_claim_writes_them(
    claim: str, context: str, missing: list[str]
) -> None:
    assert unsaid(claim, context) == missing
