"""A question and a text -> the text in pieces, those that share words with the question marked.

Only for the eye: what is found is decided by Mentor's own retrieval.
"""

import re
from collections.abc import Iterator, Sequence

Pieces = list[tuple[str, bool]]

_LATIN = re.compile(r"[^\W\d_㐀-鿿豈-﫿]{2,}|\d{2,}")
_HAN = re.compile(r"[㐀-鿿豈-﫿]+")
_PLAIN = frozenset(
    """a about all am an and any are as at be been but by can could did do does for from had has
    have he her his how i if in is it its me my no not of on or our should so than that the their
    them there they this to was we were what when where which who why will with would you your
    一个 一些 为什 什么 么样 他们 你们 的是 可以 可能 应该 怎么 我们 是不 不是 是否 有没 没有 能不
    这个 这些 那个 那些 如何 哪些 还是 不能 要不 需要 自己""".split()
)
_PLURAL = re.compile(r"(?<=[a-rt-z]{3})s$")
_PARTICLE = re.compile("[么吗呢了的吧啊]")
_WORDS = 60  # of a question that are looked for


def words_in(question: str) -> list[str]:
    """Return what of a question is worth marking: words, and pairs of Han characters."""
    said = [word for word in _LATIN.findall(question.lower()) if word not in _PLAIN]
    found = [_PLURAL.sub("", word) for word in said]
    for run in _HAN.findall(question):
        pairs = [run[at : at + 2] for at in range(len(run) - 1)]
        found += [pair for pair in pairs if pair not in _PLAIN and not _PARTICLE.search(pair)]
    return list(dict.fromkeys(found))[:_WORDS]


def marked(text: str, wanted: Sequence[str]) -> Pieces:
    """Cut `text` where the words begin and end: (piece, whether it is one); no letter is lost.

    A Latin word is marked with its ending ("topic" in "topics"), never inside another one.

    >>> marked("选课题最重要。", ["课题"])
    [('选', False), ('课题', True), ('最重要。', False)]
    >>> marked("Topics, atopic", ["topic"])
    [('Topics', True), (', atopic', False)]
    """
    if not wanted:
        return [(text, False)]
    pieces: Pieces = []
    end = 0
    for found in re.finditer(_pattern(wanted), text, re.IGNORECASE):
        if found.start() > end:
            pieces.append((text[end : found.start()], False))
        pieces.append((found[0], True))
        end = found.end()
    return [*pieces, (text[end:], False)] if end < len(text) or not pieces else pieces


def _pattern(wanted: Sequence[str]) -> str:
    """Return one pattern; Han pairs that overlap are marked as one run."""
    han = [re.escape(word) for word in wanted if _HAN.match(word)]
    latin = [re.escape(word) for word in wanted if not _HAN.match(word)]
    return "|".join([*_runs(han), *_endings(latin)])


def _runs(han: Sequence[str]) -> Iterator[str]:
    if han:
        # A lookahead takes one character of each pair; the last pair is taken whole.
        one = "|".join(han)
        yield rf"(?:(?={one}).)*(?:{one})"


def _endings(latin: Sequence[str]) -> Iterator[str]:
    if latin:
        yield rf"(?<![a-z\d])(?:{'|'.join(latin)})(?:e?s|ed|ing|'s)?(?![a-z\d])"
