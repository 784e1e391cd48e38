import re
from html import unescape

from web_fakes import document, shelf

from rag import Speaker
from ui.intro import intro
from ui.words import words_of


def test_the_introduction_says_what_mentor_can_and_cannot_and_whose_essays_these_are() -> None:
    page = intro(shelf(), "", words_of("en"))
    for line in ("2 essays", "does not teach", "Mentor is an AI program", "Kaiming He; David Mack"):
        assert line in page
    assert page.count('<li><a href="/read/') == 2
    assert page.count('href="/shelf"') == 1
    assert 'href="/read/kaiming_he_qa"' in page


def test_a_model_is_named_with_what_is_sent_to_it() -> None:
    page = intro(shelf(), "openai:x<y", words_of("zh"))
    assert "你的问题会发给 openai:x&lt;y" in page


def test_who_speaks_in_an_essay_of_somebody_else_is_named_and_who_only_asks_is_not() -> None:
    essay = shelf()["kaiming_he_qa"]
    author = document("x", "标题", "# 标题\n\n字。\n", Speaker("西风", "Xifeng"))
    speakers = (*author.speakers, Speaker("听众", "the audience", asks=True), *essay.speakers)
    object.__setattr__(author, "speakers", speakers)
    assert "说话的有：何恺明</li>" in intro({"x": author}, "", words_of("zh"))


def test_nothing_of_an_essay_becomes_markup() -> None:
    name = "<img src=x onerror=alert(1)>"
    essay = document("x", name, "# x\n\nx\n", Speaker(name, name), site=name, date=name)
    page = intro({"x": essay}, "", words_of("en"))
    made = set(re.findall(r"<(\w+)", page))
    assert made == {"p", "details", "summary", "ul", "li", "a", "br"}
    assert name in unescape(page)
