"""A question -> the same as it is looked for: in simplified characters, with misspelt words mended.

Only what is searched changes; the question itself is shown and logged as it was asked. The only
file that knows OpenCC. Full-width letters are folded where words are cut (`rag.text`).
"""

import difflib
import re
from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING

from rag.text import HAN, terms

if TYPE_CHECKING:
    from opencc import OpenCC

_HAN = re.compile(f"[{HAN}]")
# Whole words, with nothing but "'s" after an apostrophe: what is left of "doesn't" is no word.
_LETTER = rf"[^\W_{HAN}]"
_LATIN = re.compile(
    rf"(?<!{_LETTER})(?<!['’])[A-Za-z]{{7,}}(?!{_LETTER})(?!['’](?!s(?!{_LETTER})))"
)  # seven letters: "steak" is no slip for "streak", short words are too near to each other
LONG = 6  # letters of a word that may have been meant
_ALIKE = 0.87  # difflib's ratio: "Karpaty" and "karpathy" 0.93, "stipend" and "spend" 0.83
_FEW_TERMS = 2  # a question with fewer words of meaning says little by itself
_POINTS_BACK = re.compile(
    r"[这那它她他]|(?<![尤极与])其(?!实)|上面|前面|刚才|后来|之后|呢\W*$"
    r"|^(?:如果|要是|但是?|所以|然后)"
    r"|\b(?:it|its|that|this|those|these|they|them|their|he|she|his|her|him|above|one)\b"
    r"|(?<!\bis )(?<!\bare )\bthere\b|\bafterwards?\b"
    r"|^(?:and|but|so|or|then|what if|what about|how about)\b",
    re.IGNORECASE,
)
_FIRST = 1  # letters at the start that a slip leaves alone


def simplified(question: str) -> str:
    """Return a question in simplified characters and the mainland's words for things.

    A question that is in simplified characters already stays as it is: "程序" means one thing in
    Taiwan and another on the mainland.
    """
    if not _HAN.search(question) or _converter("t2s").convert(question) == question:
        return question
    return str(_converter("tw2sp").convert(question))


def mended(question: str, spelt: Collection[str], known: Callable[[str], bool]) -> str:
    """Return a question with each misspelt Latin word replaced by its nearest of the `spelt`.

    Misspelt is a whole word of seven letters or more that is not `known`; its nearest begins as it
    does, and where there is none it stays. Words are compared in lower case.
    """

    def mend(found: re.Match[str]) -> str:
        word = found.group().lower()
        if known(word):
            return found.group()
        near = [other for other in spelt if other[:_FIRST] == word[:_FIRST]]
        return next(iter(difflib.get_close_matches(word, near, 1, _ALIKE)), found.group())

    return _LATIN.sub(mend, question)


def leans(question: str) -> bool:
    """Say whether a question may need the one before it: it points back, or says very little."""
    return bool(_POINTS_BACK.search(question)) or len(terms(question)) < _FEW_TERMS


@cache
def _converter(name: str) -> "OpenCC":
    from opencc import OpenCC  # 0.02 s, which a question in English need not wait for

    return OpenCC(name)
