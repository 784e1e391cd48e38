"""Text in, text or spans out: canonical form, sentences, words, language. Pure functions."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from rag.types import Span

HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HAN = re.compile(f"[{HAN}]")
_START = re.compile(r"\A[\s\ufeff]+")


def canonical(text: str) -> str:
    """Return `text` in NFC with LF line ends, no BOM, no trailing blanks, one final newline.

    Only whitespace and composition change; "" stays "". Applying it twice changes nothing.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line.rstrip() for line in _START.sub("", text).split("\n")]
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n")
    return joined + "\n" * bool(joined)


_UNSEEN = frozenset({"Cc", "Cf", "Cs"})  # controls, marks of format, lone surrogates
_JOINERS = "\u200c\u200d"  # of the same kind, but they hold emoji and some scripts together


def cleaned(question: str) -> str:
    """Return a question as one line that can be read: nothing unseen, NFC, single blanks.

    What holds nothing else gives "".
    """
    seen = (
        " " if char.isspace() else char
        for char in question
        if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _UNSEEN
    )
    return " ".join(unicodedata.normalize("NFC", "".join(seen)).split())


# --- sentences ---------------------------------------------------------------------------------

_MARK = "。！？!?；;…."
_CLOSERS = "」』”’\"')）】\\]\uff3d"  # not those of titles: what ends a title ends no sentence
_MARKS = re.compile(
    rf"(?P<marks>[{_MARK}](?:[{_MARK}{_CLOSERS}]| \.(?=\s|$))*)"
    r"(?:[\[\uff3b]\d[\d,， –-]{,11}[\]\uff3d]|[¹²³⁰-⁹])*"  # citations
    "[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]*"
)
_LIST_MARK = re.compile(
    r"(?:\s*[-*+](?=\s)|[-*+]|#{1,6}|\d{1,3}[.、)](?=\s|[\u3400-\u9fff]))\s*|\s*"
)
_PAIRS = re.compile(
    "|".join(
        f"{opening}[^{opening}{closing}\\n]{{1,200}}{closing}"
        for opening, closing in (
            *("「」", "『』", "“”", "‘’", "（）", "【】", "\uff3b\uff3d", "《》", "〈〉"),
            *((r"\(", r"\)"), (r"\[", r"\]"), ('"', '"')),
        )
    )
)
_BRACKETS = frozenset("（【\uff3b([")
_BLANKS = re.compile(r"\s*")
_FOLLOWS = re.compile(r"\s*(\S)")
_WORD = 24  # letters that are looked at before a full stop
_BEFORE_WORD = re.compile(r"[\s(\[“‘\"\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]")
_GOES_ON = set("，,、：:；;）)%")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st vs e.g i.e cf al fig figs eq eqs sec pp vol approx inc ltd co jr sr ph.d "
    "m.s b.s u.s dept est resp".split()
)
_NUMBERED = frozenset("no nos ch jan feb mar apr jun jul aug sep sept oct nov dec".split())
_NO_INITIALS = frozenset({"i", "a.m", "p.m"})  # these end more sentences than they begin names


def sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order, as spans without surrounding blanks or list marks.

    A line never shares a sentence with the next. Quoted or bracketed text up to 200 characters is
    kept whole; decimals, initials, abbreviations, file names and addresses do not end one.
    A citation stays with the sentence before it. Spans without a letter or digit are left out;
    "" gives [].
    """
    spans: list[Span] = []
    start = 0
    for line in text.split("\n"):
        spans.extend(span.shift(start) for span in _in_line(line))
        start += len(line) + 1
    return spans


def _in_line(line: str) -> Iterator[Span]:
    start = _past(_LIST_MARK, line, 0)
    kept_whole = [(m.start(), m.end()) for m in _PAIRS.finditer(line)]
    brackets = {end: opened for opened, end in kept_whole if line[opened] in _BRACKETS}
    for found in _MARKS.finditer(line, start):
        # Pairs come in order and apart from each other: only the last one begun can hold a mark.
        at = bisect_left(kept_whole, (found.end(), 0)) - 1
        inside = at >= 0 and found.end() < kept_whole[at][1]
        # Brackets that hold a whole sentence stand at the start of one; others are an aside.
        aside = brackets.get(found.end("marks"), start) > start
        if not (inside or aside) and _ends(line, found):
            yield from _trimmed(line, start, found.end())
            start = _past(_BLANKS, line, found.end())
    yield from _trimmed(line, start, len(line))


def _past(pattern: re.Pattern[str], line: str, start: int) -> int:
    found = pattern.match(line, start)
    return found.end() if found else start


def _trimmed(line: str, start: int, end: int) -> Iterator[Span]:
    piece = line[start:end]
    if any(map(str.isalnum, piece)):
        left = start + len(piece) - len(piece.lstrip())
        yield Span(left, left + len(piece.strip()))


def _ends(line: str, found: re.Match[str]) -> bool:
    """Say whether the marks at `found` end a sentence rather than sit inside one."""
    marks, before = found["marks"], line[found.start() - 1 : found.start()]
    after = line[found.end() : found.end() + 1]
    if not before or after in _GOES_ON:
        return not after
    follows = _FOLLOWS.match(line, found.end())
    if follows and follows[1].islower() and _may_go_on(marks, after):
        return False
    if any(mark in marks for mark in "。！？；…"):
        return True
    if not after or _is_han(after) or _is_han(before):
        return not (found.group() == "." and after.isalnum() and not _is_han(after))
    if ";" in marks or not (after.isspace() or found.group() != marks):
        return False
    return marks[0] != "." or _dot_ends(line, found.start(), follows[1] if follows else "")


def _may_go_on(marks: str, after: str) -> bool:
    """Say whether the sentence goes on behind `marks` where a lower-case letter follows them."""
    quoted = marks[-1] not in _MARK  # "Why?" she asked
    return "…" in marks or (after.isspace() and (quoted or marks == "!"))  # Yahoo! said


def _dot_ends(line: str, at: int, follows: str) -> bool:
    word = _BEFORE_WORD.split(line[max(0, at - _WORD) : at])[-1].lower().lstrip("'")
    initials = word not in _NO_INITIALS and all(
        len(part) == 1 and part.isalpha() for part in word.split(".")
    )
    numbered = word in _NUMBERED and follows.isdigit()
    abbreviated = _HAN.split(word)[-1] in _ABBREVIATIONS
    return not (follows.islower() or initials or numbered or abbreviated)


def _is_han(letter: str) -> bool:
    return bool(_HAN.match(letter))


# --- words -------------------------------------------------------------------------------------

_TOKEN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:[.'+#-][^\W_{HAN}]+)*(?:\+\+|#)?")


def words(text: str) -> list[str]:
    """Return search words in order: jieba words and character bigrams for Han text, lower-cased
    NFKC words for the rest; "" gives [].
    """
    found: list[str] = []
    for token in _TOKEN.findall(_folded(text)):
        if _is_han(token):
            cut = han_words(token)
            found.extend(cut)
            found.extend(a + b for a, b in pairwise(token) if a + b not in cut)
        else:
            found.append(token)
    return found


def terms(text: str) -> list[str]:
    """Return the distinct words of `text` that carry meaning, in order: no bigrams, no function
    words of either language, no single Han character.
    """
    found: dict[str, None] = {}
    for token in _TOKEN.findall(_folded(text)):
        cut = han_words(token) if _is_han(token) else [token]
        found.update(dict.fromkeys(w for w in cut if len(w) > 1 and w not in _FUNCTION_WORDS))
    return list(found)


def is_function_word(word: str) -> bool:
    """Say whether a lower-cased word of either language carries no meaning of its own."""
    return word in _FUNCTION_WORDS


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower().replace("’", "'")


def han_words(run: str) -> list[str]:
    """Cut a run of Han characters into words with jieba's dictionary."""
    import rjieba  # jieba's algorithm and dictionary in Rust: ready in 0.1 s rather than 0.6 s

    return list(rjieba.cut(run))


_FUNCTION_WORDS = frozenset(
    """
    tell more example examples explain detail details elaborate
    a about all also am an and any anyone are as at be been but by can could did do does doing
    don't even ever for from get gets getting had has have he her his how i i'd i'm i've if in
    into is it it's its just know like make makes many me much my no not of on one or other our
    out over really say says she should so some someone something than that the their them then
    there these they think this those to too up us was we well were what what's when where which
    while who why will with without would you your yours myself still want wants need feel way
    thing things keep

    怎么 怎样 怎么办 如何 什么 为什么 为何 哪里 哪些 哪个 谁 吗 呢 吧 啊 了 的 我 你 他 她 它
    我们 你们 他们 是 不是 有 没有 在 和 与 跟 或者 还是 但是 可是 如果 因为 所以 这 那 这个 那个
    这样 那样 这些 那些 一个 一下 一点 一些 可以 能 能不能 可不可以 需要 应该 要 想 想要 会 不会
    可能 是否 有没有 要不要 该不该 自己 大家 别人 觉得 感觉 知道 到底 究竟 真的 现在 还 也 都 就
    才 又 很 太 最 更 比较 非常 总是 一直 已经 请问 然后 具体 例子 举 举个 举例 详细 展开
    继续 告诉 问 说 做 让 被 把 给 对 从 到 向 于 为 而 及 并 等 时候 东西 事情 问题 怎么样
    多少 几个 不 没 每天 每次 那么 这么 只 只能 只是 其实
    好 多 少 大 小 看 用 去 来
    """.split()
)


# --- language ----------------------------------------------------------------------------------

_LATIN_WORD = re.compile(r"[^\W\d_\u0370-\u1cff\u3040-\ud7ff]+(?:'[^\W\d_]+)?")
_ENGLISH = frozenset(
    "the a an i my me you we is are am do does did how what why when where who which should can "
    "could would will to of and or in on for with it this that be have has not no if from".split()
)
# Frequent words of French, Spanish, Portuguese, German and Italian that are not English ones.
_FOREIGN = frozenset(
    "le la les des une est que qui dans pour sur avec pas je comment faire mon ma mes puis-je quel "
    "el los las una por para con como qué cómo es mi puedo hacer un de del "
    "der die das und ist nicht wie ich ein eine mit für auf zu kann mein den dem "
    "il che di sono non come posso fare della o os uma não eu fazer em do da "
    "où être suis du aux et y en".split()
)


# A little kana or Hangul makes a text Japanese or Korean; a Greek letter makes none Greek.
_KANA = re.compile("[\u3040-\u30ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_OTHER_SCRIPT = re.compile("[\u0370-\u1cff]")


def language(text: str) -> Literal["zh", "en", "other"]:
    """Tell the language of a question: Chinese, English, or "other" for one Mentor does not speak.

    Mixed text counts as English when its Latin words outnumber its Han characters or carry an
    English sentence; text without letters counts as "other".
    """
    latin = _LATIN_WORD.findall(_folded(_HAN.sub(" ", text)))
    han, letters = len(_HAN.findall(text)), sum(map(len, latin))
    foreign_letters = 3 * len(_KANA.findall(text)), 2 * len(_OTHER_SCRIPT.findall(text))
    if max(foreign_letters) > han + letters:
        return "other"
    english = sum(word in _ENGLISH for word in latin)
    if han and not (len(latin) > han or (english >= 2 and len(latin) * 2 >= han)):
        return "zh"
    if not latin:
        return "other"
    foreign = sum(word in _FOREIGN and word not in _ENGLISH for word in latin)
    accented = sum(not word.isascii() for word in latin)
    return "other" if 2 * foreign + accented > 2 * english + 2 else "en"
