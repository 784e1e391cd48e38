"""Every word the web faces say themselves, in Chinese and English.

What Mentor says about a question is not here: that comes with the `Answer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rag import Lang


@dataclass(frozen=True, slots=True)
class Words:
    """One language of the interface. Braces are filled by `str.format`."""

    lang: Lang
    tag: str
    title: str
    promise: str
    promise_written: str
    essays: str
    author_join: str
    other: Lang  # what `switch` leads to
    switch: str
    ask_first: str
    placeholder: str
    searching: str
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
    essays="文章作者：{authors}",
    author_join="、",
    other="en",
    switch="English",
    ask_first="想从哪里问起？",
    placeholder="用自己的话问，中文英文都行",
    searching="正在查找…",
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
    reader={
        "lang": "zh-CN",
        "region": "原文",
        "close": "关闭原文",
        "full": "在单独页面打开",
        "original": "原网页",
        "loading": "正在打开原文…",
        "failed": "原文没能打开，请再点一次。",
        "changed": "文章在这次回答之后改过，引文位置已对不上，所以没有标出。",
        "says": "说话人：",
        "open": "打开原文，引文 ",
    },
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
    essays="The essays are by {authors}",
    author_join="; ",
    other="zh",
    switch="中文",
    ask_first="Where would you like to start?",
    placeholder="Ask in your own words, in English or Chinese",
    searching="Searching the essays…",
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
    reader={
        "lang": "en",
        "region": "The essay",
        "close": "Close the essay",
        "full": "Open on its own page",
        "original": "Original page",
        "loading": "Opening the essay…",
        "failed": "The essay could not be opened. Please click again.",
        "changed": "The essay has changed since this answer, so nothing is highlighted.",
        "says": "Speaker: ",
        "open": "Open the essay at quote ",
    },
    page_missing="There is no such essay.",
    passage_missing="That place is not in the essay; here is the whole of it.",
    page_changed="The essay has changed since it was quoted, so nothing is marked.",
    back="Ask a question",
)

WORDS: Mapping[Lang, Words] = {"zh": _ZH, "en": _EN}


def preferred(accept_language: str) -> Lang:
    """Return the first of our languages in an Accept-Language header; English when none is.

    Any Chinese counts as Chinese ("zh", "zh-TW", "zh-Hans-CN"): a reader of one script is better
    served by the other than by English.

    >>> preferred("fr-CH, fr;q=0.9, zh;q=0.5, en;q=0.4")
    'zh'
    >>> preferred("de")
    'en'
    """
    for _, tag in sorted(_weighted(accept_language), key=lambda pair: -pair[0]):
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "en"


def _weighted(accept_language: str) -> list[tuple[float, str]]:
    """Return (weight, lower-case tag) pairs in the header's order; a weight that is none is 0."""
    pairs = []
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";q=")
        try:
            pairs.append((float(weight) if weight else 1.0, tag.strip().lower()))
        except ValueError:
            pairs.append((0.0, tag.strip().lower()))
    return pairs
