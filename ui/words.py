"""Every word the web faces say themselves, in Chinese and English.

What Mentor says about a question is not here: that comes with the `Answer`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from rag import Lang
from ui.chat_words import CHAT, READER

if TYPE_CHECKING:
    from opencc import OpenCC

Tag = Literal["zh", "zh-TW", "en"]  # a page of the chat
_TRADITIONAL = re.compile("-(?:hant|tw|hk|mo)")


@dataclass(frozen=True, slots=True)
class Words:
    """One language of the interface. Braces are filled by `str.format`."""

    lang: Lang  # that answers come in
    tag: str  # of the page
    title: str
    promise: str
    promise_written: str
    cannot: str
    questions_kept_one: str
    questions_kept: str
    voices: str
    details: str
    essays: str
    author_join: str
    other: Lang  # what `switch` leads to
    switch: str
    shelf: str
    ask_first: str
    placeholder: str
    searching: str
    found_one: str
    found: str
    stopped: str
    failed: str
    says: str
    between: str  # two sentences of running text
    understood: str
    withheld_one: str
    withheld: str
    unproved: str
    ours: str
    sources: str
    nearest: str
    try_asking: str
    ask_next: str
    full_text: str
    original: str
    title_quote: tuple[str, str]
    quote: tuple[str, str]
    reader: Mapping[str, str]
    chat: Mapping[str, str]
    page_missing: str
    passage_missing: str
    page_changed: str
    back: str


_ZH = Words(
    lang="zh",
    tag="zh-CN",
    title="Mentor",
    promise=(
        "做机器学习科研遇到的困惑，Mentor 只用下面 {count} 篇文章的原话回答，每一句都能点开核对；"
        "文章没写到的，它会直说。你的问题不会离开这台机器。"
    ),
    promise_written=(
        "做机器学习科研遇到的困惑，Mentor 让 {model} 用自己的话转述下面 {count} 篇文章来回答；"
        "每一句都先和原文核对，附上能点开的引文，核对不上的不给你看。文章没写到的，它会直说。"
        "你的问题会发给 {model}。"
    ),
    cannot=(
        "它不知道文章以外的事：不讲机器学习的知识，不推荐论文，不替你做决定。"
        "引文是作者个人的看法，可能过时，也可能说错。"
    ),
    questions_kept_one="提问会保留 1 天，用来改进书架；不记姓名，不记地址。",
    questions_kept="提问会保留 {days} 天，用来改进书架；不记姓名，不记地址。",
    voices="说话的有：{names}",
    essays="文章作者：{authors}",
    details="共 {count} 篇，都可以读",
    author_join="、",
    other="en",
    switch="English",
    shelf="到书架上读和搜",
    ask_first="想从哪里问起？",
    placeholder="用自己的话问，中文英文都行",
    searching="正在查找…",
    found_one="找到 1 段，正在读…",
    found="找到 {count} 段，正在读…",
    stopped="回答到这里被你停下了。",
    failed="抱歉，这次没能答上来，问题出在 Mentor 这边。请稍后再问一次。",
    says="**{name}** 说：",
    between="",
    understood="理解为：{question}",
    withheld_one="有 1 句话在文章中找不到依据，已略去",
    withheld="有 {count} 句话在文章中找不到依据，已略去",
    unproved="*下面是模型写的，文章没有这样说，别当真：*",
    ours="本项目译",
    sources="出处",
    nearest="离问题最近的段落（供阅读，不是答案）",
    try_asking="这些问题，文章里有答案",
    ask_next="接着可以问",
    full_text="全文",
    original="原网页",
    title_quote=("《", "》"),
    quote=("「", "」"),
    reader=READER["zh"],
    chat=CHAT["zh"],
    page_missing="没有这篇文章。",
    passage_missing="这个位置不在文章里，下面是全文。",
    page_changed="文章在引用之后改过，引文位置已对不上，所以没有标出。",
    back="去提问",
)

_EN = Words(
    lang="en",
    tag="en",
    title="Mentor",
    promise=(
        "Answers questions about doing machine learning research only in the words of the {count} "
        "essays below, and every quote can be opened and checked. What the essays do not say, it "
        "says so. Your questions stay on this machine."
    ),
    promise_written=(
        "Answers questions about doing machine learning research by letting {model} retell the "
        "{count} essays below. Each sentence is checked against its essay first, with a quote that "
        "you can open; what is not borne out is not shown. What the essays do not say, Mentor says "
        "so. Your questions are sent to {model}."
    ),
    cannot=(
        "It knows nothing but the essays: it does not teach machine learning, recommend papers or "
        "decide for you. A quote is its author's opinion, and may be old or mistaken."
    ),
    questions_kept_one="Questions are kept 1 day to improve the shelf; no name, no address.",
    questions_kept="Questions are kept {days} days to improve the shelf; no name, no address.",
    voices="who speaks: {names}",
    essays="The essays are by {authors}",
    details="all {count} can be read",
    author_join="; ",
    other="zh",
    switch="中文",
    shelf="Read and search them on the shelf",
    ask_first="Where would you like to start?",
    placeholder="Ask in your own words, in English or Chinese",
    searching="Searching the essays…",
    found_one="1 passage found, reading it…",
    found="{count} passages found, reading them…",
    stopped="You stopped the answer here.",
    failed="Sorry, this one failed, and the fault is Mentor's. Please ask again in a moment.",
    says="**{name}**:",
    between=" ",
    understood="Understood as: {question}",
    withheld_one="1 sentence is not borne out by the essays and was left out",
    withheld="{count} sentences are not borne out by the essays and were left out",
    unproved="*The model wrote this; the essays do not say it, so do not rely on it:*",
    ours="our translation",
    sources="Sources",
    nearest="The nearest passages (to read, not an answer)",
    try_asking="Questions these essays do answer",
    ask_next="You could ask next",
    full_text="full text",
    original="original page",
    title_quote=("", ""),
    quote=("“", "”"),
    reader=READER["en"],
    chat=CHAT["en"],
    page_missing="There is no such essay.",
    passage_missing="That place is not in the essay; here is the whole of it.",
    page_changed="The essay has changed since it was quoted, so nothing is marked.",
    back="Ask a question",
)


def own(text: str, tag: str) -> str:
    """Return Mentor's own words as a page in `tag` writes them; never an essay's.

    >>> own("软件里的信息", "zh-TW")
    '軟體裡的資訊'
    """
    return str(_taiwan().convert(text)) if tag == "zh-TW" else text


@cache
def _taiwan() -> "OpenCC":
    from opencc import OpenCC

    return OpenCC("s2twp")


def _as_in_taiwan(words: Words) -> Words:
    """Return the words in traditional characters, with the terms that are usual in Taiwan."""
    said = {field.name: getattr(words, field.name) for field in fields(words)}
    fixed = {"lang", "other", "tag", "switch"}
    told = {name: _mapped(value) for name, value in said.items() if name not in fixed}
    return replace(words, tag="zh-TW", **told)


def _mapped(value: object) -> Any:  # noqa: ANN401  # what a field holds
    if isinstance(value, str):
        return own(value, "zh-TW")
    if isinstance(value, tuple):
        return tuple(map(_mapped, value))
    if isinstance(value, Mapping):
        return {name: _mapped(text) for name, text in value.items()}
    return value


WORDS: Mapping[Lang, Words] = {"zh": _ZH, "en": _EN}


@cache
def words_of(tag: Tag) -> Words:
    """Return the words of a page; those of Taiwan are made when they are first needed."""
    return _as_in_taiwan(_ZH) if tag == "zh-TW" else WORDS[tag]


def answering(words: Words, lang: Lang) -> Words:
    """Return the words around an answer in `lang` on a page with `words`."""
    return words if words.lang == lang else WORDS[lang]


def preferred(accept_language: str) -> Lang:
    """Return the first of our languages in an Accept-Language header; English when none is.

    Any Chinese counts as Chinese ("zh", "zh-TW", "zh-Hans-CN"): a reader of one script is better
    served by the other than by English.

    >>> preferred("fr-CH, fr;q=0.9, zh;q=0.5, en;q=0.4")
    'zh'
    >>> preferred("de")
    'en'
    """
    return words_of(page_tag(accept_language)).lang


def page_tag(accept_language: str) -> Tag:
    """Return the page for an Accept-Language header, as `preferred`; Taiwan's for traditional
    characters.

    >>> page_tag("zh-HK,zh;q=0.9"), page_tag("zh-Hans-TW"), page_tag("zh-TW;q=0.5,en")
    ('zh-TW', 'zh', 'en')
    """
    for _, tag in sorted(_weighted(accept_language), key=lambda pair: -pair[0]):
        if tag.startswith("zh"):
            return "zh-TW" if _TRADITIONAL.search(tag) and "hans" not in tag else "zh"
        if tag.startswith("en"):
            return "en"
    return "en"


def _weighted(accept_language: str) -> list[tuple[float, str]]:
    """Return (weight, lower-case tag) pairs in the header's order; a weight that is none is 0."""
    pairs = []
    for part in accept_language.replace(" ", "").split(","):
        tag, _, weight = part.partition(";q=")
        try:
            pairs.append((float(weight) if weight else 1.0, tag.lower()))
        except ValueError:
            pairs.append((0.0, tag.lower()))
    return pairs
