"""A canonical essay -> who speaks in it, by the labels that its paragraphs begin with.

What comes out satisfies the checks that a manifest's speakers have to pass when it is loaded.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rag.intake.blocks import About
from rag.load import LABEL

_ASKER = re.compile(
    r"(?:q|question|asker|interviewer|host|moderator|audience|问|提问|提问者|主持人|主持|记者|采访者|观众|听众)"
    r"\d{0,2}",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"(?:a|answer|答|回答|回答者)\d{0,2}", re.IGNORECASE)
_LETTER_OF_ASKER = re.compile(r"(?:q|question|问|提问)\d*", re.IGNORECASE)
_LETTERED = re.compile(r"(?:Q|A|问|答|question|answer)\d{0,2} ?[:：]\s*(?=\S)", re.IGNORECASE)
_SIGNED = re.compile(r"(?:作者|答主|回答者|楼主|网友)[:：|丨] ?\S.{0,24}")
_NO_NAMES = frozenset(
    "注 注意 例如 比如 结论 总结 备注 提示 说明 链接 视频链接 来源 作者 标题 摘要 关键词 时间 地点 "
    "编者按 译者注 编者注 其一 其二 首先 其次 最后 问题 答案 方法 目标 结果 原因 优点 缺点 优势 "
    "劣势 第一 第二 第三 附 附注 参考 背景 动机 现象 建议 目的 思路 步骤 缺陷 好处 坏处 输入 输出 "
    "Note Notes Example Examples Warning Tip Tips Summary Conclusion Abstract Keywords Source Step "
    "Edit Update PS TLDR Disclaimer Background Motivation Result Results Method Methods Pros Cons "
    "Problem Solution Input Output Goal".split()
)
_ALONE = re.compile(r"[A-Z][\w'’-]*\.?(?: [A-Z][\w.'’-]*){0,2}(?<!\.)|[\u4e00-\u9fff]{2,4}")
_HEADING = re.compile(r"#{1,6}\s")


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who speaks in an essay, as the manifest's [[essay.speaker]] has it."""

    name: str
    labels: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    asks: bool = False


def voices(text: str, about: About) -> tuple[Voice, ...]:
    """Return who speaks in an essay, the author first, then the others as they begin to speak.

    A label counts where it begins two paragraphs, or where questions and answers are marked; of
    a dialogue with a label that nobody can be told by, only the author is named.
    """
    lines = [line for line in text.split("\n") if line and not _HEADING.match(line)]
    zh = about.lang.startswith("zh")
    author = Voice(about.author or ("作者" if zh else "the author"))
    names = [*about.author.split("、"), *_repeated(lines)]
    signed = _signed(lines) or _posting(lines, list(dict.fromkeys(names)))
    if signed:
        return author, *signed
    spoken = _turns(lines)
    return (author, *_speakers(lines, spoken, zh=zh)) if spoken else (author,)


def _signed(lines: Sequence[str]) -> list[Voice]:
    """Return who wrote each of several parts: lines such as "作者:霍华德", two or more."""
    names = list(dict.fromkeys(line for line in lines if _SIGNED.fullmatch(line)))
    alone = [line for line in names if not any(o != line and o.startswith(line) for o in lines)]
    if len(alone) < 2:
        return []
    return [Voice(re.split(r"[:：|丨]", line, maxsplit=1)[1].strip(), (line,)) for line in alone]


def _repeated(lines: Sequence[str]) -> list[str]:
    """Return the lines that look like a name alone and come again, as in a transcript."""
    counts = Counter(line for line in lines if _ALONE.fullmatch(line))
    return [line for line, n in counts.items() if n > 1 and line not in _NO_NAMES]


def _posting(lines: Sequence[str], names: Sequence[str]) -> list[Voice]:
    """Return who says each of several parts, by lines that are nothing but a name."""
    own = [name for name in names if name and name in lines]
    clear = [name for name in own if all(o == name or not o.startswith(name) for o in lines)]
    asked = [bool(_ASKER.fullmatch(name)) for name in clear]
    voices = [Voice(name, (name,), asks=asks) for name, asks in zip(clear, asked, strict=True)]
    return voices if len(voices) > 1 else []


def _turns(lines: Sequence[str]) -> Counter[str]:
    """Return how many paragraphs each label begins; empty where it is no dialogue."""
    counts: Counter[str] = Counter(label for line in lines if (label := _label(line)))
    lettered = {label for label in counts if _is_lettered(label)}
    named = {label for label, n in counts.items() if n >= 2 and _name(label) not in _NO_NAMES}
    spoken = named | (lettered if len(lettered) > 1 or named else set())
    talk = len(spoken) > 1 or (len(spoken) == 1 and counts[next(iter(spoken))] >= 3)
    return (
        Counter({label: counts[label] for label in counts if label in spoken})
        if talk
        else Counter()
    )


def _is_lettered(label: str) -> bool:
    """Say whether a label is "Q:", "答:" or such."""
    name = _name(label)
    return bool(_ASKER.fullmatch(name) or _ANSWER.fullmatch(name))


def _label(line: str) -> str:
    found = _LETTERED.match(line) or LABEL.match(line)
    return found.group().rstrip() if found else ""


def _name(label: str) -> str:
    return label.rstrip(":： ")


def _speakers(lines: Sequence[str], spoken: Counter[str], *, zh: bool) -> list[Voice]:
    """Return a voice for each label; none where a line looks like a label and can be nobody's."""
    strays = _strays(lines, tuple(spoken))
    if strays is None:
        return []
    asked = _asking(lines, tuple(spoken))
    return [
        Voice(
            _called(label, zh=zh),
            (label, *strays.get(label, ())),
            asks=bool(_ASKER.fullmatch(_name(label))) or label in asked,
        )
        for label in spoken
    ]


def _called(label: str, *, zh: bool) -> str:
    """Return the name of whoever a label stands for: of "Q:" and "A:" what he does."""
    name = _name(label)
    if _ANSWER.fullmatch(name):
        return "回答者" if zh else "the one who answers"
    if _LETTER_OF_ASKER.fullmatch(name):
        return "提问者" if zh else "the one who asks"
    return name


def _strays(lines: Sequence[str], labels: tuple[str, ...]) -> dict[str, list[str]] | None:
    """Return lines' beginnings that only look like labels, by the label in whose turns they stand.

    The loader takes "例如:" at the head of a paragraph for a speaker. As one more label of whoever
    is speaking it changes nobody's words. None where it stands in the turns of several.
    """
    holders: dict[str, set[str]] = defaultdict(set)
    floor = ""
    for line in lines:
        mine = next((label for label in labels if line.startswith(label)), "")
        floor = mine or floor
        found = None if mine else LABEL.match(line)
        if found:
            holders[found.group()].add(floor)
    if any(len(floors) > 1 or "" in floors for floors in holders.values()):
        return None
    by_floor: dict[str, list[str]] = defaultdict(list)
    for stray, floors in holders.items():
        by_floor[next(iter(floors))].append(stray)
    return by_floor


def _asking(lines: Sequence[str], labels: tuple[str, ...]) -> set[str]:
    """Return the labels whose paragraphs nearly all end in a question, where others' do not."""
    turns = {label: [line for line in lines if line.startswith(label)] for label in labels}
    shares = {
        label: sum(line.rstrip("”\"'’ ").endswith(("?", "？")) for line in said) / len(said)
        for label, said in turns.items()
    }
    return {label for label, share in shares.items() if share >= 0.6 and min(shares.values()) < 0.4}
