"""Questions -> the same as hurried or distant people type them: is the passage still found?"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from eval.cases import Case
from eval.metrics import hit_at
from eval.run import Figure, of_flags, ranked
from rag import Mentor

_WORD = re.compile(r"[A-Za-z]{6,}")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def misspelt(text: str, seed: int = 0) -> str:
    """Return a text in which the longest Latin word has two neighbouring letters exchanged.

    Texts without a word of six letters stay; the first letter is never moved.
    """
    found = max(_WORD.finditer(text), key=lambda word: len(word.group()), default=None)
    if not found:
        return text
    at = found.start() + random.Random(f"{seed}{text}").randrange(1, len(found.group()) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def wide(text: str) -> str:
    """Return a text with its Latin letters, digits and marks in full width."""
    return text.translate(_WIDE)


def traditional(text: str) -> str:
    """Return a text in the characters and words of Taiwan."""
    from opencc import OpenCC

    return str(OpenCC("s2twp").convert(text))


SLIPS: dict[str, tuple[str, Callable[[str], str]]] = {
    "as written, zh": ("zh", str),
    "traditional characters": ("zh", traditional),
    "as written, en": ("en", str),
    "two letters exchanged": ("en", misspelt),
    "full width": ("en", wide),
}


def figures(mentor: Mentor, cases: Sequence[Case]) -> list[Figure]:
    """Return hit@5 of the answerable cases of a language, asked with each slip."""
    return [
        of_flags(
            f"hit@5 {name}", [_found(mentor, case, slip) for case in cases if _fits(case, lang)]
        )
        for name, (lang, slip) in SLIPS.items()
    ]


def _fits(case: Case, lang: str) -> bool:
    return case.answerable and case.lang == lang


def _found(mentor: Mentor, case: Case, slip: Callable[[str], str]) -> float:
    return hit_at(5, ranked(mentor, replace(case, question=slip(case.question))))
