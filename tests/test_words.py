import re
from dataclasses import fields

import pytest

from ui.words import Tag, Words, own, page_tag, preferred, words_of


def texts(words: Words) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in fields(words):
        value = getattr(words, field.name)
        if isinstance(value, str):
            found[field.name] = value
        elif hasattr(value, "items"):
            found |= {f"{field.name}.{name}": text for name, text in value.items()}
    return found


@pytest.mark.parametrize("tag", ["en", "zh-TW"])
def test_every_language_says_the_same_things_with_the_same_blanks(tag: Tag) -> None:
    zh, other = texts(words_of("zh")), texts(words_of(tag))
    assert zh.keys() == other.keys()
    for name in zh:
        blanks = [sorted(set(re.findall(r"{\w+}", words[name]))) for words in (zh, other)]
        assert blanks[0] == blanks[1], name
        assert bool(zh[name]) == bool(other[name]) or name == "between"


def test_the_words_of_taiwan_are_traditional_and_keep_their_addresses() -> None:
    words = words_of("zh-TW")
    assert (words.lang, words.tag, words.other, words.switch) == ("zh", "zh-TW", "en", "English")
    assert words.sources == "出處"
    assert words.chat["offline"].startswith("連不上 Mentor")
    assert words.reader["close"] == "關閉原文"


def test_only_a_page_of_taiwan_changes_what_mentor_says() -> None:
    assert own("网络里的信息", "zh-TW") == "網路裡的資訊"
    assert own("网络里的信息", "zh-CN") == "网络里的信息"


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("zh-TW", "zh-TW"),
        ("zh-Hant-HK, en", "zh-TW"),
        ("zh-Hans-TW", "zh"),
        ("zh-CN,zh;q=0.9", "zh"),
        ("en;q=0.1, zh-tw;q=0.5", "zh-TW"),
        ("zh; q=0.5, en ; q=0.9", "en"),
        ("zh-TW;q=x, en", "en"),
        ("", "en"),
    ],
)
def test_the_page_follows_the_browser(accepted: str, tag: Tag) -> None:
    assert page_tag(accepted) == tag
    assert preferred(accepted) == words_of(tag).lang
