"""A sentence in a model's words + a passage -> the sentences of the essay that prove it, or none.

Two things must hold. No rule may speak against it: a number or name that the passage does not say,
words put into another's mouth. And a checker must find it borne out by the very sentences that are
quoted. What is compared is the text that its writer was shown: for an answer in English the
project's translation, where there is one.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rag.align import Read, Scores, likeness, read
from rag.drift import heard, negated, sounded, strangers, unnamed
from rag.facts import missing, negations, quantities, unsaid
from rag.frame import name_parts, named, unframed, whole_word
from rag.query import simplified
from rag.text import HAN, han_words, language, sentences, terms
from rag.types import Document, Lang, Passage, Span, Speaker

if TYPE_CHECKING:
    from rag.check import Checker

_MOST, _GAIN = 3, 0.06  # sentences of a quote, and what a further one must add to what is said
_LEAST_ZH, _LEAST_EN = 4, 3  # characters or words of a claim


@dataclass(frozen=True, slots=True)
class Told:
    """A passage as a reader of one language is told it. `head` says who speaks, `names` how else
    the speaker may be called.

    `parts` are its sentences as they are compared, `spans` where they stand in the essay, `under`
    its headings but the title, which may hold a date. `words` is what may be counted: these, its
    words in both languages, the head and the question; `whole` what may be named: also where the
    essay is from.
    """

    lang: Lang
    head: str
    names: frozenset[str]
    parts: tuple[str, ...]
    spans: tuple[Span, ...]
    under: str
    words: str
    whole: str

    @classmethod
    def of(cls, passage: Passage, document: Document, lang: Lang) -> "Told":
        """Return the passage as it is told; one without sentences has no parts."""
        spans = [span.shift(passage.span.start) for span in sentences(passage.text)]
        ours = document.english if lang == "en" else document.chinese
        parts = [ours.get(span.end) or span.of(document.text) for span in spans]
        who = _speaker(passage, document)
        head = f"{who.name_en}: " if lang == "en" else f"{who.name}({who.name_en}):"
        under = "\n".join(line for line in passage.heading if line != document.title)
        words = "\n".join([head, passage.text, *parts, under, passage.asked])
        known = (who.name, document.title, document.author, document.author_en, document.site)
        return cls(
            lang,
            head,
            frozenset({who.name, who.name_en, *name_parts(who)} - {""}),
            tuple(parts),
            tuple(spans),
            under,
            words,
            "\n".join([simplified(words), *known]).translate(_SHAPES),
        )

    def text(self, first: int, last: int) -> str:
        """Return who speaks and what is said from one sentence to another."""
        return self.head + ("" if self.lang == "zh" else " ").join(self.parts[first : last + 1])


def read_ahead(passage: Passage, document: Document, lang: Lang) -> None:
    """Cut a passage into pieces before a claim about it comes; it is remembered for `weighed`."""
    told = Told.of(passage, document, lang)
    for text in (*told.parts, told.text(0, len(told.parts) - 1)):
        read(text)


def weighed(
    text: str,
    passage: Passage,
    document: Document,
    lang: Lang,
    speakers: Sequence[Speaker],
    checker: "Checker",
) -> tuple[Span, float] | None:
    """Return the sentences that say most of a text and the support, from 0 to 1, that they and
    their passage give it; None where a rule speaks against it.
    """
    told = Told.of(passage, document, lang)
    claim = plain(text, told.whole)
    if language(unnamed(claim, told.names)) != lang or not told.parts:
        return None
    said = unframed(claim, told.names | sounded(claim, told.names), lang)
    if too_little(said) or vetoed(claim, passage, speakers, told):
        return None
    first, last = nearest(said, told.parts)
    span, quoted = Span(told.spans[first].start, told.spans[last].end), told.text(first, last)
    beside = told.text(max(0, first - 1), last + 1)
    if denies_alone(said, quoted, f"{beside}\n{span.of(document.text)}\n{told.under}"):
        return None
    # By the words that are quoted, and by the passage that they stand in.
    contexts = dict.fromkeys([quoted, told.text(0, len(told.parts) - 1)])
    supports = checker([(context, said) for context in contexts])
    return span, sum(supports) / len(supports)


def nearest(claim: str, parts: Sequence[str]) -> tuple[int, int]:
    """Return the first and the last of the neighbouring parts that say most of a claim.

    The one that says most, and a neighbour as long as it adds to that; the earlier of equals.
    """
    said = read(claim)
    if not len(said.ids):
        return 0, 0
    each = [_best(said, read(part)) for part in parts]
    weights = said.weights / (said.weights.sum() or 1.0)
    first = last = int(np.argmax([float(best @ weights) for best in each]))
    held = each[first]
    while last - first + 1 < _MOST:
        grown = {
            at: float(np.maximum(held, each[at]) @ weights)
            for at in (first - 1, last + 1)
            if 0 <= at < len(parts)
        }
        at = max(grown, key=grown.__getitem__, default=-1)
        if at < 0 or grown[at] - float(held @ weights) < _GAIN:
            break
        held, first, last = np.maximum(held, each[at]), min(first, at), max(last, at)
    return first, last


def _best(claim: Read, part: Read) -> Scores:
    """Return how well a part says each piece of a claim."""
    if not len(part.ids):
        return np.zeros(len(claim.ids), np.float32)
    return np.asarray(likeness(claim, part).max(axis=1))


# --- what a reader sees ------------------------------------------------------------------------

# What both languages are written with. "=" and the like are formulas, and no prose.
_PROSE = re.compile(
    r"[ -;?-\[\]_`a-z~\u4e00-\u9fff“”‘’「」『』《》〈〉【】（）；：，。！？、…—–·•￥¥€£°]"
)
_SHAPES = str.maketrans("\u2010\u2011\u2212\u30fb\u2027\u201e\u201f", "---··““")
_APOSTROPHE = re.compile(r"(?<=[A-Za-z])[`\u00b4\u02b9\u02bc\u2032\uff07](?=[A-Za-z])")
_UNJOINED = re.compile(
    r"\b(do|does|did|is|are|was|were|has|have|had|could|should|would)nt\b", re.IGNORECASE
)
_SPACED = re.compile(r"\b(?:[A-Za-z][ .·-]){2,}[A-Za-z]\b")  # "n o t"
_BETWEEN_HAN = re.compile(rf"(?<=[{HAN}]) +(?=[{HAN}])")
_HAN_RUN = re.compile(f"[{HAN}]+")
# The numerals of cheques, at the start of a word and before what they count: not in "队伍".
_CHEQUE = dict(zip("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千", strict=True))
_CHEQUE |= {"廿": "二十", "卅": "三十"}
_NUMERAL = re.compile(
    rf"[{''.join(_CHEQUE)}一二三四五六七八九万亿]+"
    r"(?=$|[个年月周天日时小分秒次回遍篇页本章人位名倍块元岁])"
)


@lru_cache(maxsize=256)
def plain(text: str, told: str = "") -> str:
    """Return a text as a reader sees it, in plain letters and simplified characters.

    "nót" and "n o t" are "not", full-width letters and digits are narrow, "伍个" is "五个". What
    has no plain form stays, and what is `told` in the same letters, as "é" where that says "café".
    """
    text = _APOSTROPHE.sub("'", unicodedata.normalize("NFC", text)).translate(_SHAPES)
    text = "".join(char if char in told else _letter(char) for char in text)
    text = _SPACED.sub(lambda found: re.sub(r"[ .·-]", "", found[0]), text)
    text = _UNJOINED.sub(r"\1n't", _BETWEEN_HAN.sub("", text))
    return _HAN_RUN.sub(_counted, simplified(text))


def _letter(char: str) -> str:
    if _PROSE.match(char):
        return char
    parts = unicodedata.normalize("NFKD", char)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare if bare and all(map(_PROSE.match, bare)) else char


def _counted(run: re.Match[str]) -> str:
    """Return a run of Han characters with the numerals of cheques as everyday ones."""
    if not _CHEQUE.keys() & set(run[0]):
        return run[0]
    heads = ((_NUMERAL.match(word), word) for word in han_words(run[0]))
    return "".join(
        "".join(_CHEQUE.get(c, c) for c in head[0]) + word[head.end() :] if head else word
        for head, word in heads
    )


# --- vetoes ------------------------------------------------------------------------------------

_WORD = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")
_ADDRESS = re.compile(r"://|\bwww\.|\b[\w-]{2,}\.[a-z]{2,}\b", re.IGNORECASE)
_MIXED = re.compile(r"(?a:\b(?=\w*\d)(?=\w*[a-z])\w+)", re.IGNORECASE)
_COUNTS = re.compile(r"\d+(?:st|nd|rd|th|s|k|m|bn)", re.IGNORECASE)


def vetoed(
    claim: str, passage: Passage, speakers: Iterable[Speaker], told: Told | None = None
) -> bool:
    """Say whether no checker may pass a claim: it has a number that the passage does not say, or
    puts the passage's words into the mouth of somebody else.

    With `told`, where the claim's writer was shown nothing else: nor may it name anybody whom that
    does not name, or hold what neither language is written with.
    """
    known = list(speakers)
    if unsaid(claim, told.words if told else passage.text) or misattributed(claim, passage, known):
        return True
    if told is None:
        return False
    found = (odd(claim, told.whole), strangers(claim, told.lang, told.names, told.whole))
    return any(map(any, found)) or _one_for_many(claim, told.words)


def too_little(claim: str) -> bool:
    """Say whether a claim says next to nothing: "Start small.", "有很多。" Two words stand
    everywhere, and prove nothing.
    """
    least = _LEAST_ZH if language(claim) == "zh" else _LEAST_EN
    return len(_WORD.findall(claim)) < least or not terms(claim)


def misattributed(claim: str, passage: Passage, speakers: Iterable[Speaker]) -> bool:
    """Say whether a claim names people of the shelf who neither speak in the passage nor are
    mentioned there: "X says that Y told him …".
    """
    known = list(speakers)
    others = (named(claim, known) | heard(claim, known)) - {passage.speaker}
    return bool(others and others - named(passage.text, known))


def denies_alone(claim: str, quoted: str, besides: str = "") -> bool:
    """Say whether a claim denies something, and what is quoted for it, in its language, nothing:
    nor does what stands `besides`: the sentence before and the one behind, the essay's own words
    and the headings.

    Across languages it would say less: they deny in different ways.
    """
    said = claim.replace("不一样", "不同")
    if not (negations(said) and negated(said)) or language(quoted) != language(claim):
        return False
    return not negations(f"{quoted}\n{besides}")


def odd(claim: str, told: str) -> Iterator[str]:
    """Yield what neither language is written with and a passage does not say: other scripts, signs,
    emoji, addresses, letters among digits.
    """
    low = told.casefold()
    yield from (char for char in claim if not _PROSE.match(char) and char not in told)
    yield from (at[0] for at in _ADDRESS.finditer(claim) if at[0].casefold() not in low)
    mixed = (at[0] for at in _MIXED.finditer(claim) if not _COUNTS.fullmatch(at[0]))
    yield from (word for word in mixed if not whole_word(word, low))


def _one_for_many(claim: str, told: str) -> bool:
    """Say whether a claim says one of what a passage counts otherwise: "one year" for six.

    `rag/facts.py` does not count "one", which is mostly an article.
    """
    ones = [number for number in quantities(claim) if number.value == 1]
    theirs = quantities(told) if ones else []
    units = {number.unit for number in theirs} - {""}
    meant = (one for one in ones if one.unit in units or one.span.of(claim).isdigit())
    return bool(missing(meant, theirs))


def _speaker(passage: Passage, document: Document) -> Speaker:
    """Return who speaks in a passage, as far as it is known."""
    found = (s for s in document.speakers if s.name == passage.speaker)
    return next(found, Speaker(passage.speaker, passage.speaker))
