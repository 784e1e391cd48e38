"""A retelling and what it retells, aligned -> the signs that it drifted: what it turned round, made
larger, or put in.

A lie that is worth telling says nearly all that its passage says. So these signs look at what is
left when the words agree: who is denied, which side of an opposition is taken, what holds for all
and no longer for some, which clause has no ground, and which names nobody named.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate, chain
from pathlib import Path

import numpy as np

from rag.align import Flags, Read, Scores
from rag.frame import SAYS, name_parts, whole_word
from rag.sounds import shared_names
from rag.text import HAN, han_words, is_function_word, language
from rag.types import Lang, Span, Speaker

OPPOSITES = Path(__file__).resolve().parent / "model" / "opposites.txt"
NAMES = OPPOSITES.with_name("names.txt")

# Every sign and which way it may move the answer, as in `rag/signs.py`.
DRIFT: dict[str, int] = {
    "turned": -1,
    "turned_share": -1,
    "opposite": -1,
    "opposite_near": -1,
    "universal": -1,
    "unhedged": -1,
    "linked": -1,
    "weakest_clause": 1,
    "weakest_clause_here": 1,
    "clauses": 0,
    "names_unsaid": -1,
}

_STRONG = 0.55  # likeness from which a word of the claim is that word of the context
_SCOPE = 12  # characters that a Chinese negation reaches, and an English one twice as many
_CLAUSE = re.compile(r"[，,；;：:。！？!?.…\n—]+")
_NEGATOR = re.compile(
    r"不是|没有|并非|并不|从不|从未|无法|不能|不会|不要|不必|别再|未必|[不没無无非未别勿]"
    r"|\b(?:not|no|never|none|nobody|nothing|without|neither|nor|cannot|hardly|rarely|unable|lack\w*"
    r"|instead of|rather than|fail(?:s|ed)? to)\b|n['’]t\b|失败|拒绝|避免|缺乏",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"not (?:only|just|merely)|不仅|不但|不过|不断|不同|不少|不论|不管|不禁|差不多|不得不"
    r"|没[什甚]么|是不是|能不能|有没有|会不会|要不要|无论|非常|特别|别人|区别|个别|类别|未来|分别"
    r"|级别|识别|除非|no matter|no\. ?\d",
    re.IGNORECASE,
)
_TURNS = re.compile(r"而是|但|却|反而|\bbut\b|\byet\b|\bhowever\b|\bthough\b", re.IGNORECASE)
_UNIVERSAL = re.compile(
    r"所有|任何|一切|全都|全部|每一?[个次种位]|凡是|总是|总能|永远|从不|从来|一律|绝对|必须|必然|必定|一定能?|完全|只要"
    r"|无论|不管|唯一|只能|只有|谁都|人人|根本|彻底|肯定|注定|保证|\b(?:all|every\w*|any(?:one|thing|body)?|always|never"
    r"|must|whenever|wherever|whatever|whoever|nobody|none|only|entirely|completely|absolutely"
    r"|guarante\w*|certainly|definitely|impossible|no one|inevitabl\w*)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"可能|也许|似乎|大概|或许|通常|一般|往往|有时|偶尔|多半|大多|部分|一些|有些|某些|几乎|比较|相对|未必|不一定|倾向|看起来"
    r"|好像|多少|算是|\b(?:may|might|perhaps|maybe|probabl\w+|seem\w*|appear\w*|usual\w*|often|sometimes"
    r"|occasional\w*|some|many|most\w*|tend\w*|likely|general\w*|could|part\w*|relative\w*|almost"
    r"|few|fairly|rather)\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"因为|由于|所以|因此|导致|使得|才(?:能|会|有)|以便|从而|为了|靠|之后|以后|之前|以前|直到|先|再|比|优于|胜过"
    r"|\b(?:because|since|so that|therefore|hence|thus|led|leads|due|thanks to|in order|after"
    r"|before|until|once|first|then|than|by|so)\b",
    re.IGNORECASE,
)
_HAN_RUN = re.compile(f"[{HAN}]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9.+'’-]*[A-Za-z0-9+]")
_SPACES = re.compile(r"[\s\-_.]")


def drift(claim: Read, context: Read, alike: Scores, here: Flags, one: Flags) -> dict[str, float]:
    """Return every sign of `DRIFT`. `alike` (claim pieces, context pieces); `here` marks the
    densest place of the context, `one` its sentence that says most of the claim.
    """
    said, near = claim.text, _around(context, here | one)
    total = float(claim.weights.sum()) or 1.0
    turned = _turned(claim, context, alike)
    clauses = _clauses(claim)
    best, close = alike.max(axis=1), alike[:, here | one].max(axis=1, initial=0.0)
    return {
        "turned": float(min(turned.sum(), 4)),
        "turned_share": float((claim.weights * turned).sum() / total),
        "opposite": float(min(opposites(said, context.text), 3)),
        "opposite_near": float(min(opposites(said, near), 3)),
        "universal": float(min(_added(_UNIVERSAL, said, context.text), 2)),
        "unhedged": float(bool(_HEDGE.search(near)) and not _HEDGE.search(said)),
        "linked": float(min(_added(_LINK, said, near), 2)),
        "weakest_clause": _weakest(claim, clauses, best),
        "weakest_clause_here": _weakest(claim, clauses, close),
        "clauses": float(min(len(clauses), 4)),
        "names_unsaid": float(min(len(unsaid_names(said, context.text)), 3)),
    }


def _around(context: Read, chosen: Flags) -> str:
    """Return the text from the first chosen piece to the last, and its clauses whole."""
    at = np.flatnonzero(chosen)
    if not len(at):
        return context.text
    return context.text[int(context.ends[at[0], 0]) : int(context.ends[at[-1], 1])]


# --- what is denied ----------------------------------------------------------------------------


def _turned(claim: Read, context: Read, alike: Scores) -> Flags:
    """Say which words of the claim are denied where the context's same word is not, or the other
    way round. A word that the context says both ways is not turned.
    """
    mine, theirs = _denied(claim), _denied(context)
    same = alike >= _STRONG
    known = same.any(axis=1) & claim.heavy & ~_function(claim)
    differs = (same & (mine[:, None] == theirs[None, :])).sum(axis=1) == 0
    return np.asarray(known & differs)


def _function(read: Read) -> Flags:
    return np.array([is_function_word(word.lower()) for word in read.words()], bool)


def _denied(read: Read) -> Flags:
    """Say which pieces stand behind an odd number of negations of their own clause."""
    spans = negated(read.text)
    count = np.zeros(len(read.ids), np.int64)
    for span in spans:
        count += (read.ends[:, 0] >= span.start) & (read.ends[:, 0] < span.end)
    return np.asarray(count % 2 == 1)


def negated(text: str) -> list[Span]:
    """Return what each negation of a text reaches: to the end of its clause, to a "but", or a
    dozen characters on.
    """
    plain = _HARMLESS.sub(lambda found: " " * len(found[0]), text)
    spans = []
    for found in _NEGATOR.finditer(plain):
        reach = _SCOPE * (1 if re.match(f"[{HAN}]", found[0]) else 2)
        rest = plain[found.end() : found.end() + reach]
        ends = [m.start() for m in (_CLAUSE.search(rest), _TURNS.search(rest)) if m]
        size = min(ends, default=len(rest))
        if size > 0:
            spans.append(Span(found.end(), found.end() + size))
    return spans


# --- opposites ---------------------------------------------------------------------------------


def opposites(claim: str, context: str) -> int:
    """Return in how many oppositions the claim takes one side, and the context only the other."""
    mine, theirs = _sides(claim), _sides(context)
    return sum(
        (mine[at] == {0} and theirs[at] == {1}) or (mine[at] == {1} and theirs[at] == {0})
        for at in mine.keys() & theirs.keys()
    )


@lru_cache(maxsize=2048)
def _sides(text: str) -> dict[int, set[int]]:
    """Return which sides of which oppositions a text says."""
    words, pattern = _opposed_words()
    said = {found[1].lower() for found in pattern.finditer(text)}
    said |= {word for word in han_words("".join(_HAN_RUN.findall(text))) if len(word) == 1}
    sides: dict[int, set[int]] = {}
    for word in said & words.keys():
        for at, side in words[word]:
            sides.setdefault(at, set()).add(side)
    return sides


@cache
def _opposed_words() -> tuple[dict[str, list[tuple[int, int]]], re.Pattern[str]]:
    """Return each word with its oppositions and sides, and a pattern that finds the words.

    The longest word that begins at a place counts; a single Han character only as a jieba word.
    """
    lines = OPPOSITES.read_text(encoding="utf-8").splitlines()
    words: dict[str, list[tuple[int, int]]] = {}
    for at, line in enumerate(line for line in lines if line.strip() and line[0] != "#"):
        for side, listed in enumerate(line.split("|")):
            for word in listed.split():
                words.setdefault(word.replace("_", " "), []).append((at, side))
    found = sorted((word for word in words if len(word) > 1), key=len, reverse=True)
    # One \b for all that begin a word: one for each takes four times as long.
    latin = "|".join(re.escape(word) for word in found if word.isascii())
    han = "|".join(re.escape(word) for word in found if not word.isascii())
    return words, re.compile(rf"(?=(\b(?:{latin})|{han}))", re.IGNORECASE)


# --- what is put in ----------------------------------------------------------------------------


def _added(pattern: re.Pattern[str], claim: str, context: str) -> int:
    """Return how many different words of a kind the claim says and the context does not."""
    said = {found.lower() for found in pattern.findall(claim)}
    return len(said - {found.lower() for found in pattern.findall(context)})


def _clauses(claim: Read) -> list[Flags]:
    """Return which pieces belong to each clause that says something."""
    marks = [found.start() for found in _CLAUSE.finditer(claim.text)]
    at = np.searchsorted(marks, claim.ends[:, 0]) if marks else np.zeros(len(claim.ids), int)
    content = ~_function(claim)
    chosen = [np.asarray((at == clause) & content) for clause in np.unique(at)]
    return [flags for flags in chosen if flags.sum() > 1]


def _weakest(claim: Read, clauses: Iterable[Flags], best: Scores) -> float:
    means = [
        float((best * claim.weights * flags).sum() / ((claim.weights * flags).sum() or 1.0))
        for flags in clauses
    ]
    return min(means, default=1.0)


# --- names -------------------------------------------------------------------------------------


def unsaid_names(claim: str, context: str) -> list[str]:
    """Return the names of a claim, as it writes them, that a context does not say.

    In Latin letters: words with a capital within a sentence, and every one in a Chinese text. In
    Chinese: what jieba takes for a person, place or institution. Case, blanks and dashes do not
    count, nor does a plural.
    """
    told = _SPACES.sub("", context.casefold())
    found = [*latin_names(claim), *han_names(claim)]
    return [name for name in dict.fromkeys(found) if not _told(name, told)]


def _told(name: str, told: str) -> bool:
    plain = _SPACES.sub("", name.casefold())
    return plain in told or plain.removesuffix("s") in told


def latin_names(text: str) -> list[str]:
    """Return the names in Latin letters: in a Chinese text every word of more than one letter."""
    chinese = language(text) == "zh"
    names = []
    for found in _LATIN.finditer(text):
        word = re.sub(r"['’]s$", "", found[0])
        before = text[: found.start()].rstrip()
        first = not before or before[-1] in '.!?:“"'
        shaped = any(letter.isupper() for letter in (word[1:] if first else word))
        if chinese or (shaped and word.rstrip("'’") != "I" and not word.startswith(("I'", "I’"))):
            names.append(word)
    return names


def han_names(text: str) -> list[str]:
    """Return what jieba takes for the name of a person, a place or an institution."""
    import rjieba

    return [
        word
        for word, tag in rjieba.tag(text)
        if tag in _NAME_TAGS and len(word) > 1 and not word.isascii() and word not in _NO_NAMES
    ]


_NAME_TAGS = {"nr", "nrt", "nrfg", "nt", "ns"}
_NO_NAMES = {"深度", "东西"}  # jieba knows them as places


# --- names, by a stricter rule -----------------------------------------------------------------

_INITIALS = re.compile(r"\b(?:[A-Z]\. ?)+[A-Z][a-z]+\b")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # an essay may write "AndrewJefferson"
_DOTTED = re.compile(f"[{HAN}]·[{HAN}]")  # "杰弗里·辛顿"
_BEGINS = re.compile(
    r"(?:^|[.!?:“\"] ?)(?:(?i:and|but|yet|still|as|so|also|here|then),? )?([A-Z][\w-]+)"
    rf"(?=['’]s\b|(?: (?i:also|still|even|then|now|once|has|had))* (?i:{SAYS['en']})\b)"
)
_ABBREVIATIONS = frozenset({"ai", "ml", "phd", "phds", "ok"})
_ANYBODY = frozenset(
    "people researchers scientists students beginners experts authors reviewers readers others "
    "nobody everybody somebody anybody everyone someone anyone many most few some research science "
    "today yesterday tomorrow life let here".split()
)


def strangers(claim: str, lang: Lang, names: Iterable[str], told: str) -> Iterator[str]:
    """Yield the names of a claim that are not `told`; `names` are those of who speaks.

    A rule of `rag/proof.py`, and no sign: it may become stricter without a new fit.

    In Latin letters: words with a capital within a sentence, or at the start of one that "says",
    initials with their name, and every word of a Chinese text. In Chinese: what jieba takes for a
    name, and what is dotted like a foreign one. In both, however they are written, the names of
    `model/names.txt`.
    """
    low, spoken = _HUMP.sub(" ", told).casefold(), sounded(claim, names)
    claim = unnamed(claim, names)
    found = latin_names(claim)
    if lang == "en":
        found += [at[1] for at in _BEGINS.finditer(claim) if at[1].lower() not in _ANYBODY]
        found = [name for name in found if not is_function_word(name.lower())]
        found += _INITIALS.findall(claim)
    meant = (name for name in found if name.lower() not in _ABBREVIATIONS)
    yield from (name for name in meant if not whole_word(name, low))
    yield from _dropped(claim.casefold(), low)
    for name in (*_likely(claim), *_DOTTED.findall(claim)):
        if name not in told and not any(_shared(name, sound) for sound in spoken):
            yield name


def unnamed(text: str, names: Iterable[str]) -> str:
    """Return a text without names in Chinese: they tell nothing of its language, and jieba would
    join one that it does not know to the next word.
    """
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "，") if _HAN_RUN.search(name) else text
    return text


def sounded(text: str, names: Iterable[str]) -> set[str]:
    """Return how a Chinese text writes Latin names by their sound: "卡帕西" for Karpathy."""
    found = _likely(text)
    spans = shared_names("\n".join(names), text) if found else ()
    sounds = {at.of(text) for _, at, _ in spans}
    last = {sound for sound in sounds if any(_shared(name, sound) for name in found)}
    # With what is dotted to it: "安德烈·卡帕西".
    whole = (re.findall(f"[{HAN}]{{1,3}}·{sound}", text) for sound in last)
    return last.union(*whole)


def _shared(name: str, sound: str) -> bool:
    """Say whether what jieba takes for a name is a part of what sounds like one, or the reverse."""
    return sound in name or any(part in sound for part in name.split("·") if part)


def _dropped(claim: str, told: str) -> Iterator[str]:
    """Yield the well-known names of a claim that are not told in any form; both case-folded."""
    # "图灵" begins a word in "图灵机", but not in "试图灵活".
    begins = {0, *accumulate(map(len, han_words(claim)))}
    for forms in _listed()[0]:
        latin = (form for form in forms if form.isascii() and whole_word(form, claim))
        han = (
            form
            for form in forms
            if not form.isascii() and any(at.start() in begins for at in re.finditer(form, claim))
        )
        said = next(chain(latin, han), "")
        if said and not any(whole_word(form, told) for form in forms):
            yield said


def _likely(text: str) -> list[str]:
    """Return what jieba takes for names, but for common words."""
    found = han_names(text) if _HAN_RUN.search(text) else []
    return [name for name in found if name not in _listed()[1]]


@cache
def _listed() -> tuple[list[list[str]], frozenset[str]]:
    """Return well-known names in all their forms, and words that are none."""
    lines = NAMES.read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line.strip() and line[0] != "#"]
    known = [[form.replace("_", " ") for form in row] for row in rows if row[0] != "-"]
    return known, frozenset(word for row in rows if row[0] == "-" for word in row[1:])


def heard(text: str, speakers: Iterable[Speaker]) -> set[str]:
    """Return the names of speakers whose Latin name a text writes in Chinese, by its sound."""
    latin = (speaker for speaker in speakers if speaker.name.isascii() and name_parts(speaker))
    return {speaker.name for speaker in latin if sounded(text, [speaker.name])}
