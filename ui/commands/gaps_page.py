"""Gaps -> one HTML file that loads nothing and needs no script; every question in it is text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rag import Lang
from ui.asked import Asked
from ui.commands import gaps_plots
from ui.commands.gaps import Gap
from ui.commands.whole import write_whole
from ui.page import template

_WORDS: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "title": "What the shelf lacks",
        "about": "{rows} questions from {first} to {last}: {answered} answered, {refused} "
        "refused, {thumbs} with a bad thumb.",
        "none": "No question was left open.",
        "days": "Questions a day",
        "answered": "answered",
        "refused": "refused",
        "groups": "The groups asked most, by their number",
        "undrawn": "There are no drawings here, since matplotlib is not installed: run "
        "pip install matplotlib and write the page again.",
        "asked": "asked {asked} times, {refused} refused",
        "since": "since {since}",
        "examples": "Also asked",
        "nearest": "Nearest on the shelf",
        "likeness": "likeness {similarity:.2f}",
        "by_words": "by its words",
        "open": "No essay answers this.",
        "poor": "The shelf gives an answer here, and readers call it unhelpful or badly proved.",
        "zh": "Chinese",
        "en": "English",
        "foot": "Questions were masked and kept without who asked them. This page loads nothing "
        "and sends nothing.",
    },
    "zh": {
        "title": "书架上缺什么",
        "about": "{first} 至 {last} 共 {rows} 次提问：答了 {answered} 次，拒答 {refused} 次，"
        "差评 {thumbs} 次。",
        "none": "没有答不上来的问题。",
        "days": "每天的提问",
        "answered": "已回答",
        "refused": "拒答",
        "groups": "问得最多的几组，按编号",
        "undrawn": "没有装 matplotlib，所以这里没有图：运行 pip install matplotlib 后重新生成。",
        "asked": "问了 {asked} 次，拒答 {refused} 次",
        "since": "自 {since} 起",
        "examples": "也有人这样问",
        "nearest": "书架上最接近的段落",
        "likeness": "相似度 {similarity:.2f}",
        "by_words": "只有字面相近",
        "open": "没有文章回答这个问题。",
        "poor": "书架上有回答，但读者说没帮助，或者引文不对。",
        "zh": "中文",
        "en": "英文",
        "foot": "问题经过遮盖，不记提问者。本页不加载也不发送任何东西。",
    },
}


def write(path: Path, found: Sequence[Gap], rows: Sequence[Asked], lang: Lang) -> None:
    """Write the page, whole or not at all.

    Raises:
        MentorError: it cannot be written there.
    """
    write_whole(path, as_page(found, rows, lang), private=True)


def as_page(found: Sequence[Gap], rows: Sequence[Asked], lang: Lang) -> str:
    """Return the page in one language, with drawings where matplotlib is installed."""
    words = _WORDS[lang]
    drawn = gaps_plots.can_draw()
    return template("gaps.html").render(
        lang="zh-CN" if lang == "zh" else "en",
        words=words,
        about=_about(rows, words) if rows else "",
        gaps=found,
        drawn=drawn,
        per_day=gaps_plots.per_day(rows, words["days"], words) if drawn else "",
        groups=gaps_plots.groups([gap.asked for gap in found], words["groups"]) if drawn else "",
    )


def _about(rows: Sequence[Asked], words: Mapping[str, str]) -> str:
    by_status = Counter(row.status for row in rows)
    days = [row.at.date() for row in rows]
    return words["about"].format(
        rows=len(rows),
        first=min(days),
        last=max(days),
        answered=by_status["answered"],
        refused=by_status["refused"],
        thumbs=sum(row.failed and row.status == "answered" for row in rows),
    )
