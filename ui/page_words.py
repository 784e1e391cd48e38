"""What the shelf and the page of an essay say themselves, in Chinese and English."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from rag import Lang
from ui.words import Words, own


@dataclass(frozen=True, slots=True)
class PageWords:
    """One language of the pages. Braces are filled by `str.format`."""

    shelf: str
    shelf_about: str
    search_label: str
    search_hint: str
    search: str
    found_one: str
    found: str
    found_none: str
    try_these: str
    all_essays: str
    language: Mapping[str, str]
    passages_one: str
    passages: str
    contents: str
    inside: str
    answers: str
    answers_here: str
    undated: str
    marked: str
    marked_by: str
    go_to_mark: str
    ours: str
    ours_about: str
    rights: str
    about_text: str
    previous: str
    next: str
    between: str


_ZH = PageWords(
    shelf="书架",
    shelf_about="Mentor 只从这 {essays} 篇文章作答，一共 {passages} 段，都可以在这里通读、搜索。",
    search_label="在全部文章里找一句话、一个词或一个问题",
    search_hint="比如：选题、没有 GPU、导师不管我",
    search="搜索",
    found_one="找到 1 段与「{query}」有关的原文",
    found="找到 {count} 段与「{query}」有关的原文，最相近的在前",
    found_none="这些文章里没有找到与「{query}」有关的内容。",
    try_these="不妨看看这些问题，文章里有答案：",
    all_essays="全部文章",
    language={"zh": "中文", "en": "英文"},
    passages_one="1 段",
    passages="{count} 段",
    contents="目录",
    inside="各节",
    answers="比如回答了",
    answers_here="这篇文章回答的问题",
    undated="页面未写日期",
    marked="下面标出了引用的原文。",
    marked_by="下面标出了引用的原文，说话人：{speaker}。",
    go_to_mark="跳到引文",
    ours="本项目译",
    ours_about="原文是外语的句子下面附有中文译文，由本项目翻译，不是作者的话。",
    rights="版权",
    about_text="关于这份文本",
    previous="上一篇",
    next="下一篇",
    between="",
)

_EN = PageWords(
    shelf="The shelf",
    shelf_about=(
        "Mentor answers out of these {essays} essays and nothing else. They make {passages} "
        "passages, and all of them can be read and searched here."
    ),
    search_label="Search every essay for a word, a phrase or a question",
    search_hint="for example: choosing a topic, without a PhD, no GPU",
    search="Search",
    found_one="1 passage about “{query}”",
    found="{count} passages about “{query}”, the nearest first",
    found_none="Nothing about “{query}” was found in these essays.",
    try_these="These questions they do answer:",
    all_essays="All essays",
    language={"zh": "in Chinese", "en": "in English"},
    passages_one="1 passage",
    passages="{count} passages",
    contents="Contents",
    inside="Sections",
    answers="It answers, for example",
    answers_here="Questions that this essay answers",
    undated="the page shows no date",
    marked="The quoted words are marked below.",
    marked_by="The quoted words of {speaker} are marked below.",
    go_to_mark="Go to the quote",
    ours="our translation",
    ours_about=(
        "Under each paragraph stands an English translation. It is this project's own and nobody "
        "has certified it; only the original is the author's words."
    ),
    rights="Rights",
    about_text="About this text",
    previous="Previous essay",
    next="Next essay",
    between=" ",
)

_PAGE_WORDS: Mapping[Lang, PageWords] = {"zh": _ZH, "en": _EN}


def page_words(words: Words) -> PageWords:
    """Return what a page says beside the words that all faces share."""
    return _written(words.lang, words.tag)


@cache
def _written(lang: Lang, tag: str) -> PageWords:
    said = _PAGE_WORDS[lang]
    told: dict[str, Any] = {field.name: getattr(said, field.name) for field in fields(said)}
    language = {of: own(name, tag) for of, name in said.language.items()}
    texts = {name: own(text, tag) for name, text in told.items() if isinstance(text, str)}
    return PageWords(**told | texts | {"language": language})
