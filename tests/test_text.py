"""Canonical form, sentences, words and language, for every text that anyone may paste."""

import re
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pace import LINEAR, growth

from rag.text import canonical, cleaned, language, sentences, terms, words
from rag.types import Span

# What decides something somewhere in rag/text.py, and text of all planes.
PIECES = [
    *"aZ1é好字の𠮷。！？；…!?.;,，、：:%（）()[]「」『』“”\"'’-*#+ \t\n\r\u3000\u0301\u0085",
    *"\u2028\x0b\ufeff\u200d\ufe0f😀",
    *("1. ", "2、", "- ", "## ", "Dr. ", "3.14", "C++", "https://a.b/c?d"),
]
texts = st.text() | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def cut(text: str) -> list[str]:
    return [span.of(text) for span in sentences(text)]


# --- canonical ---------------------------------------------------------------------------------


@given(texts)
@example("\n\ufeffa")
@example("\x0b\ufeff\x0b\ufeffa")
@example("\ufeff\n\ufeff")
@example("a\u2028\n\n\nb")
@example(" \u0301")
def test_canonical_form_of_every_text_is_its_own_canonical_form(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@given(texts)
@example("\r\n\r\r\na")
@example("\ufeff\u3000a \n\u3000")
def test_every_canonical_text_has_one_form_of_composition_line_ends_and_blanks(text: str) -> None:
    form = canonical(text)
    assert unicodedata.is_normalized("NFC", form)
    assert "\r" not in form
    assert "\n\n\n" not in form
    assert not form.startswith(("\ufeff", "\n", " "))
    assert not form or (form.endswith("\n") and not form.endswith("\n\n"))
    assert all(line == line.rstrip() for line in form.split("\n"))


@given(texts)
def test_canonical_form_loses_and_invents_no_character_but_whitespace_and_marks_of_order(
    text: str,
) -> None:
    def visible(of: str) -> Counter[str]:
        plain = unicodedata.normalize("NFD", of)
        return Counter(char for char in plain if not char.isspace() and char != "\ufeff")

    assert visible(canonical(text)) == visible(text)


def test_canonical_form_is_what_it_says() -> None:
    assert canonical("") == canonical(" \n\ufeff\r\n") == ""
    assert canonical("\ufeffa \r\ne\u0301\r\r\n\n\n\nb") == "a\né\n\nb\n"
    assert canonical("a\rb\n\n\nc") == "a\nb\n\nc\n"
    assert canonical("a\n  b\n") == "a\n  b\n"


def test_canonical_form_of_a_long_run_of_marks_is_found() -> None:
    assert canonical("\x0b\ufeff" * 5000 + "a") == "a\n"


# --- cleaned -----------------------------------------------------------------------------------


@given(texts | st.text(st.characters()))
@example("\ud800a\udfff")
@example("e\u200b\u0301")
def test_every_cleaned_question_is_one_readable_line(text: str) -> None:
    line = cleaned(text)
    assert cleaned(line) == line
    assert line == " ".join(line.split())
    assert unicodedata.is_normalized("NFC", line)
    assert {unicodedata.category(char) for char in line}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})


@given(texts)
def test_a_cleaned_question_keeps_every_letter(text: str) -> None:
    letters = [char for char in unicodedata.normalize("NFC", text) if char.isalnum()]
    assert [char for char in cleaned(text) if char.isalnum()] == letters


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("怎么选题?\r\n谢谢\t!", "怎么选题? 谢谢 !"),
        ("\u3000a\u00a0b\x00", "a b"),
        ("\ufeff选题", "选题"),
        ("a\u202eb", "ab"),
        ("re\u200bsearch", "research"),
        ("机器\u200b学习\u2060", "机器学习"),
        ("re\u00adsearch", "research"),
        ("\U000e0041\U000e0042", ""),
        ("\ufeff\u200b\x00\ud800", ""),
        ("e\u0301 𠮷 🔥", "é 𠮷 🔥"),
        ("", ""),
    ],
)
def test_cleaning_takes_out_what_cannot_be_seen_and_breaks_no_word(
    question: str, line: str
) -> None:
    assert cleaned(question) == line


# --- sentences ---------------------------------------------------------------------------------

CUT = [
    # Chinese marks, alone and in rows
    ("你好。世界！好吗？对；是……完", ["你好。", "世界！", "好吗？", "对；", "是……", "完"]),
    ("什么???就连他?!真的!!", ["什么???", "就连他?!", "真的!!"]),
    ("你好 。世界", ["你好 。", "世界"]),
    ("你好!世界?对;错", ["你好!", "世界?", "对;", "错"]),
    ("……他走了", ["……他走了"]),
    ("对。,错", ["对。,错"]),
    # quotes and brackets are kept whole, and what closes them goes with them
    ("他说「你好。再见。」然后走了。", ["他说「你好。再见。」", "然后走了。"]),
    ("他问:“好吗?行。”她走了。", ["他问:“好吗?行。”", "她走了。"]),
    ("“『一。二。』三。”四。", ["“『一。二。』三。”", "四。"]),
    ("“一。”“二。”", ["“一。”", "“二。”"]),
    ("(注:一。二)三。", ["(注:一。二)三。"]),
    ("(see A. B! C) then. Next", ["(see A. B! C) then.", "Next"]),
    ("（一。二！三）四。", ["（一。二！三）四。"]),
    ("“Hi. There.” He left. Why?", ["“Hi. There.”", "He left.", "Why?"]),
    ('She said "Hi. There." He left.', ['She said "Hi. There."', "He left."]),
    ("他说“好。”、“行!”,走了。", ["他说“好。”、“行!”,走了。"]),
    ("【一。二】三。四", ["【一。二】三。", "四"]),
    ("[One. Two] three. Four", ["[One. Two] three.", "Four"]),
    ("没有关上「一。二。", ["没有关上「一。", "二。"]),
    ("「" + "长" * 250 + "。短。」完", ["「" + "长" * 250 + "。", "短。」", "完"]),
    # list marks
    ("1. 第一点。第二句。", ["第一点。", "第二句。"]),
    ("12) One. Two", ["One.", "Two"]),
    ("- One\n* 二\n+ Three", ["One", "二", "Three"]),
    ("## 标题。副题", ["标题。", "副题"]),
    ("1.第一点。", ["第一点。"]),
    ("1.5 is a number. It is.", ["1.5 is a number.", "It is."]),
    ("-5度。", ["5度。"]),
    # dots that end nothing
    ("Dr. Smith met J. Doe at 3.14. He left.", ["Dr. Smith met J. Doe at 3.14.", "He left."]),
    ("See e.g. Fig. 3, i.e. this. Fine.", ["See e.g. Fig. 3, i.e. this.", "Fine."]),
    ("No. 5 is next. Go", ["No. 5 is next.", "Go"]),
    ("No. That is wrong.", ["No.", "That is wrong."]),
    ("Ph.D. students vs. M.S. students. Go", ["Ph.D. students vs. M.S. students.", "Go"]),
    ("GPT-3.5和v1.2.3都行。对", ["GPT-3.5和v1.2.3都行。", "对"]),
    ("约3.5%的人。", ["约3.5%的人。"]),
    ("文件a.py。b.txt是", ["文件a.py。", "b.txt是"]),
    ("用node.js写。", ["用node.js写。"]),
    ("See https://a.bc/d?e=f!g. Then go.", ["See https://a.bc/d?e=f!g.", "Then go."]),
    ("见https://a.bc/d?e=f。然后", ["见https://a.bc/d?e=f。", "然后"]),
    ("Wait... what? Wait... What", ["Wait... what?", "Wait...", "What"]),
    ("So…what? 对…错", ["So…what?", "对…", "错"]),
    ("I like C++. You?", ["I like C++.", "You?"]),
    # English and mixed text
    ("Really?! Yes. (Sure.) Well", ["Really?!", "Yes.", "(Sure.)", "Well"]),
    ("one; two; three", ["one; two; three"]),
    ("我用PyTorch.然后跑。OK!", ["我用PyTorch.", "然后跑。", "OK!"]),
    ("Hello world.你好", ["Hello world.", "你好"]),
    # what follows a mark belongs to it
    ("你好!🎉然后。再见🔥吧。", ["你好!🎉", "然后。", "再见🔥吧。"]),
    ("好。👨\u200d👩\u200d👧❤\ufe0f走", ["好。👨\u200d👩\u200d👧❤\ufe0f", "走"]),
    # astral and combining characters
    ("𠮷野家。𠮷", ["𠮷野家。", "𠮷"]),
    ("Cafe\u0301. X\u0301.", ["Cafe\u0301.", "X\u0301."]),
    # lines
    ("一\n二。\n\n 三 ", ["一", "二。", "三"]),
    ("a\r\nb", ["a", "b"]),
    # nothing to say
    *((text, []) for text in ("", "\n", "。。。", "...", "---", "😀", "「」。", "# ", "\ufeff")),
]


@pytest.mark.parametrize(("text", "expected"), CUT)
def test_a_text_is_cut_where_a_reader_would_cut_it(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@given(texts)
def test_every_sentence_is_trimmed_on_one_line_and_holds_a_letter(text: str) -> None:
    for sentence in cut(text):
        assert sentence == sentence.strip()
        assert "\n" not in sentence
        assert any(map(str.isalnum, sentence))


@given(texts)
def test_no_two_sentences_overlap_and_all_stand_in_reading_order(text: str) -> None:
    assert all(one.end <= two.start for one, two in pairwise(sentences(text)))


@given(texts)
@example("1. 1. 一")
def test_every_letter_is_in_a_sentence_but_the_number_of_a_list_item(text: str) -> None:
    said = {at for span in sentences(text) for at in range(span.start, span.end)}
    marks = {
        at
        for number in re.finditer(r"^\d{1,3}[.、)]", text, re.MULTILINE)
        for at in range(number.start(), number.end())
    }
    letters = {at for at, char in enumerate(text) if char.isalnum()}
    assert letters - said <= marks


@given(texts)
def test_every_line_is_cut_by_itself(text: str) -> None:
    assert cut(text) == [sentence for line in text.split("\n") for sentence in cut(line)]


@given(texts)
def test_every_sentence_is_one_sentence_when_it_stands_alone(text: str) -> None:
    for sentence in cut(text):
        if not re.match(r"[-*+#]|\d", sentence):  # a mark inside a line begins a list when alone
            assert sentences(sentence) == [Span(0, len(sentence))]


@pytest.mark.parametrize("text", ["（甲。）", "“甲。”乙。", "Hello there. ", "「" * 8, "甲" * 8])
def test_a_paragraph_is_cut_in_time_that_grows_with_its_length(text: str) -> None:
    assert growth(lambda size: sentences(text * (size // len(text))), 30_000) < LINEAR


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("深度学习", ["深度", "学习", "度学"]),
        ("Hello世界", ["hello", "世界"]),
        ("C++ and C#, C++20", ["c++", "and", "c#", "c++", "20"]),
        ("GPT-4o at 3.14 on 2024-02-27", ["gpt-4o", "at", "3.14", "on", "2024-02-27"]),
        ("state-of-the-art O'Reilly", ["state-of-the-art", "o'reilly"]),
        ("ＧＰＴ４ ﬁne", ["gpt4", "fine"]),
        ("my_var", ["my", "var"]),
        ("R语言", ["r", "语言"]),
        ("Cafe\u0301", ["café"]),
        ("𠮷", ["𠮷"]),
        ("", []),
        ("🔥 ……!? \n_", []),
    ],
)
def test_words_are_what_a_search_needs(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(texts)
def test_every_word_is_lower_case_without_blanks(text: str) -> None:
    for word in words(text):
        assert word
        assert word == word.lower()
        assert not any(map(str.isspace, word))


@given(texts)
def test_words_do_not_depend_on_composition_or_width(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))
    assert words(unicodedata.normalize("NFKC", text)) == words(text)


def test_words_and_terms_do_not_depend_on_the_form_of_an_apostrophe() -> None:
    assert words("What’s O’Reilly?") == words("What's O'Reilly?")
    assert terms("I’m sure I don’t") == terms("I'm sure I don't") == ["sure"]


@given(texts)
def test_terms_are_distinct_words_of_two_letters_or_more(text: str) -> None:
    found = terms(text)
    assert len(found) == len(set(found))
    assert all(len(term) > 1 for term in found)
    assert set(found) <= set(words(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("怎么选择研究方向?", ["选择", "研究", "方向"]),
        ("How do I choose a topic, and what is a topic?", ["choose", "topic"]),
        ("我的 ResNet 为什么不 work?", ["resnet", "work"]),
        ("为什么?", []),
        ("why is it so?", []),
        ("", []),
    ],
)
def test_terms_leave_out_what_carries_no_meaning(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


# --- language ----------------------------------------------------------------------------------

LANGUAGES = {
    "zh": [
        "怎么选课题?",
        "为什么",
        "我的ResNet为什么不work?",
        "PyTorch 和 TensorFlow 怎么选",
        "推荐 paper",
        "how 选题",
        "何恺明 ResNet",
        "Kaiming He 何恺明",
        "鼎の轻重是什么意思",
        "学习率α是什么",
        "α和β怎么选",
        "機器學習怎麼入門",
        "𠮷",
    ],
    "en": [
        "How do I choose a topic?",
        "why?",
        "ResNet",
        "ＧＰＴ",
        "AI research tips",
        "AI safety?",
        "Any career advice for AI?",
        "per epoch accuracy",
        "what is λ?",
        "naïve Bayes?",
        "Al Gore and de novo design",
        "What about Yann LeCun en général?",
        "how to choose 课题",
        "what is 残差",
        "Can I use 残差 in my model?",
        "I’m stuck, what’s next?",
    ],
    "other": [
        "Comment choisir un sujet de recherche ?",
        "comment choisir mon sujet",
        "Comment rester motivé ?",
        "Wie finde ich ein gutes Forschungsthema?",
        "wie lerne ich machine learning",
        "Ich bin müde",
        "¿Cómo elijo un tema de investigación?",
        "como elegir un tema",
        "Como escolher um tema de pesquisa?",
        "Qual è il modo migliore di imparare?",
        "研究テーマの選び方",
        "深層学習とは何ですか",
        "どうやって論文を読む?",
        "연구 주제는 어떻게 고르나요?",
        "Как выбрать тему?",
        "Πώς διαλέγω θέμα;",
        "ما هو التعلم العميق",
        "मशीन लर्निंग क्या है",
        "Tôi nên chọn chủ đề nào",
        "🎉🎉",
        "123 + 4?",
        "?",
        "",
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"), [(text, lang) for lang, all_ in LANGUAGES.items() for text in all_]
)
def test_the_language_of_a_question_is_told(text: str, expected: str) -> None:
    assert language(text) == expected


@given(texts)
def test_every_text_has_a_language(text: str) -> None:
    assert language(text) in ("zh", "en", "other")


@given(st.text("的一是在不了有和人这中大为上个国𠮷", min_size=1), st.text("?。🔥 3\n"))
def test_every_text_in_han_alone_counts_as_chinese(text: str, marks: str) -> None:
    assert language(text + marks) == "zh"
