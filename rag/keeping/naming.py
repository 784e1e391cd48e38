"""The title of an essay -> its id: Latin words, the sound of Chinese ones, else the file's name."""

import re
import unicodedata
from collections.abc import Collection

from rag.text import HAN

_LONGEST = 48  # characters of an id, less a number behind it; load takes 64
_HAN = re.compile(f"[{HAN}]")
_WORD = re.compile(r"[a-z0-9]+")
_RESERVED = frozenset({"unanswered"})  # a file of this name among the questions is no essay's
_NONE = "essay"


def named(title: str, file_name: str, taken: Collection[str]) -> str:
    """Return an id that is not in `taken`: letters a to z, digits and "_", at most 64 of them.

    A title gives its Latin words and the sounds of its Chinese characters; one that has neither
    leaves it to the name of the file. What is taken gets a number from 2 on.

    >>> named("How to Choose a Topic?", "page.html", {"how_to_choose_a_topic"})
    'how_to_choose_a_topic_2'
    """
    stem = _joined(_words(title)) or _joined(_words(file_name.rpartition(".")[0])) or _NONE
    wanted, number = stem, 1
    while wanted in taken or wanted in _RESERVED:
        number += 1
        wanted = f"{stem}_{number}"
    return wanted


def _words(text: str) -> list[str]:
    return _latin(_sounds(text) if _HAN.search(text) else text)


def _latin(text: str) -> list[str]:
    """Return the words in Latin letters and digits, without the letters' accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _WORD.findall(plain.lower().replace("'", ""))


def _sounds(text: str) -> str:
    from pypinyin import lazy_pinyin

    return " ".join(lazy_pinyin(text))


def _joined(words: list[str]) -> str:
    """Join as many words as there is room for; a first word that is too long is cut."""
    whole = "_".join(words)
    if len(whole) <= _LONGEST:
        return whole
    return whole[: _LONGEST + 1].rpartition("_")[0] or whole[:_LONGEST]
