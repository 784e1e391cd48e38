"""Who a text says is speaking: the names in it, and the frame "X says that …" around the rest.

A passage seldom names its own speaker. So names are held against its head, and what is left without
the frame against its words.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate, chain
from pathlib import Path

from rag.drift import han_names, latin_names
from rag.sounds import shared_names
from rag.text import HAN, han_words, is_function_word, words
from rag.types import Lang, Speaker

NAMES = Path(__file__).resolve().parent / "model" / "names.txt"

_QUOTES = str.maketrans("", "", "“”‘’\"'《》「」『』")
_BLANK = re.compile(r"[\s\-_.]")
_LEFT = 4  # characters that must be left of a claim; a frame around nothing is no frame

SAYS: dict[Lang, str] = {
    # "说不定" is a maybe, and "说服" is no saying.
    "zh": "说过?(?!不[定上清准出]|服|明|谎|到底|来话长)|认为|觉得|表示|提到|建议|指出|强调|提醒"
    "|坦言|承认|相信|发现|写道|回忆|主张|感叹|解释|透露|鼓励|看来|看到|补充|告诉你?"
    "|的(?:看法|建议|经验|意思|观点|做法|体会)是",
    "en": "says?|said|thinks?|thought|believes?|believed|finds?|found|suggests?|advises?|notes?"
    "|argues?|feels?|felt|points? out|recommends?|admits?|recalls?|warns?|writes?|wrote|holds?"
    "|considers?|reckons?|adds?|explains?|tells? (?:us|you)|remarks?|stresses|insists?|agrees?",
}
_WHO: dict[Lang, str] = {
    "zh": "他们?|她|作者|博主|答主|讲者|笔者",
    "en": "he|she|they|the (?:author|speaker|blogger|writer|answerer|poster)",
}


def unframed(claim: str, names: Iterable[str], lang: Lang) -> str:
    """Return a claim without "X says that", where X is one of `names`, a pronoun or "the author".

    Only verbs of plain saying and thinking: "X doubts that" stays. The claim itself comes back
    where next to nothing would be left.
    """
    said = claim
    for frame in _frames(frozenset(name for name in names if name), lang):
        said = frame.sub("", said)
    return said if len(said.strip()) >= _LEFT else claim


@lru_cache(maxsize=256)
def _frames(names: frozenset[str], lang: Lang) -> tuple[re.Pattern[str], ...]:
    listed = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    who, says = f"(?:{'|'.join(part for part in (listed, _WHO[lang]) if part)})", SAYS[lang]
    frames: tuple[str, ...]
    if lang == "zh":
        frames = (
            rf"^(?:(?:不过|但|而|另外|同样|对此)[，,]?)?{who}\s*(?:还|也|则|曾|就|都|倒)*(?:{says})[，,：:]?",
            rf"^(?:在{who}看来|按{who}的说法|据{who}(?:所)?说|照{who}的说法|用{who}的话说)[，,：:]",
            rf"[，,]{who}(?:还|也)?(?:说|认为|觉得|(?:这样|是这么|这么)说的?)(?=[。！]?$)",
        )
    else:
        tail = rf"(?:{who} (?:{says})|(?:{says}) {who})"
        frames = (
            (
                r"^(?:(?:but|and|yet|still|yes|no|also)[,:]? )?"
                rf"{who}(?: also| still| even| then| now)? (?:{says})(?: that\b|:|,)? ?"
            ),
            rf"^(?:according to|in|for) {who}(?:['’]s (?:view|opinion|experience|words))?, ",
            rf",? {tail}(?=[.!]?$)",
            rf", {tail},",
        )
    return tuple(re.compile(frame, re.IGNORECASE) for frame in frames)


def named(text: str, speakers: Iterable[Speaker]) -> set[str]:
    """Return the names of the speakers whom a text names, in either language, wholly or in part.

    Blanks, hyphens and quote marks do not count: "DavidMack", "Kai-ming". A description names
    somebody where it says a name: "the Zhihu asker", but not "the author".
    """
    said = text.translate(_QUOTES).casefold()
    parts = {word.removesuffix("'s").replace("-", "") for word in words(text)}
    return {
        speaker.name
        for speaker in speakers
        if parts & name_parts(speaker)
        or any(whole_word(form.translate(_QUOTES), said) for form in _wholes(speaker))
    }


def name_parts(speaker: Speaker) -> set[str]:
    """Return the words that name a person: "kaiming" of "Kaiming He"; none of a description.

    What stands in brackets behind a name is another way to write it.
    """
    parts = speaker.name_en.partition(" (")[0].split()
    if not all(word[0].isupper() for word in parts):
        return set()
    return {word.casefold() for word in (*parts, "".join(parts)) if len(word) > 2}


def whole_word(word: str, text: str) -> bool:
    """Say whether a case-folded text says a word by itself: "Ann" and "Ann's", but not "plan"."""
    return bool(_bounded(word.casefold()).search(text))


@lru_cache(maxsize=4096)
def _bounded(word: str) -> re.Pattern[str]:
    # Letters and digits are apart: "Ti" stands in "1080Ti".
    before = "[a-z]" if word[:1].isalpha() else r"\d"
    blanks = r"[\s\-_.]*".join(re.escape(char) for char in word if not _BLANK.match(char))
    return re.compile(f"(?<!{before}){blanks}s?(?![a-z0-9])" if word.isascii() else blanks)


def _wholes(speaker: Speaker) -> list[str]:
    described = speaker.name_en[:1].islower() and speaker.name_en.lower() != speaker.name_en
    return [speaker.name, speaker.name_en] if described else [speaker.name]


# --- names that nobody told --------------------------------------------------------------------

_HAN = re.compile(f"[{HAN}]")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # an essay may write "AndrewJefferson"
_DOTTED = re.compile(f"[{HAN}]·[{HAN}]")  # "杰弗里·辛顿"
_BEGINS = re.compile(
    r"(?:^|[.!?:“\"] ?)(?:(?i:and|but|yet|still|as|so|also|here|then),? )?([A-Z][\w-]+)"
    rf"(?=['’]s\b|(?: (?i:also|still|even|then|now|once|has|had))* (?i:{SAYS['en']})\b)"
)
_NO_NAMES = frozenset({"ai", "ml", "phd", "phds", "ok"})
_ANYBODY = frozenset(
    "people researchers scientists students beginners experts authors reviewers readers others "
    "nobody everybody somebody anybody everyone someone anyone many most few some research science "
    "today yesterday tomorrow life let".split()
)


def strangers(claim: str, lang: Lang, names: Iterable[str], told: str) -> Iterator[str]:
    """Yield the names of a claim that are not `told`; `names` are those of who speaks.

    In Latin letters: words with a capital within a sentence, or at the start of one that "says",
    and every word of a Chinese text. In Chinese: what jieba takes for a name, and what is dotted
    like a foreign one. In both, however they are written, the names of `model/names.txt`.
    """
    low = _HUMP.sub(" ", told).casefold()
    found = latin_names(claim)
    if lang == "en":
        found += [at[1] for at in _BEGINS.finditer(claim) if at[1].lower() not in _ANYBODY]
        found = [name for name in found if not is_function_word(name.lower())]
    names_ = (name for name in found if name.lower() not in _NO_NAMES)
    yield from (name for name in names_ if not whole_word(name, low))
    yield from _han_strangers(claim, sorted(names, key=len, reverse=True), told)
    yield from _dropped(claim.casefold(), low)


def _han_strangers(claim: str, names: list[str], told: str) -> Iterator[str]:
    if not _HAN.search(claim):
        return
    for name in names:
        claim = claim.replace(name, "，")  # jieba would join a name that it does not know to a verb
    found = [*han_names(claim), *_DOTTED.findall(claim)]
    spoken = [at.of(claim) for _, at, _ in shared_names("\n".join(names), claim)] if found else []
    yield from (name for name in found if name not in told and not _same(name, spoken))


def _same(name: str, spoken: Iterable[str]) -> bool:
    """Say whether a name is one of those heard in the same text, or a part of it, as jieba cuts."""
    return any(heard in name or name.strip("·") in heard for heard in spoken)


def _dropped(claim: str, told: str) -> Iterator[str]:
    """Yield the well-known names of a claim that are not told in any form; both case-folded."""
    # "图灵" begins a word in "图灵机", but not in "试图灵活".
    begins = {0, *accumulate(map(len, han_words(claim)))}
    for forms in _well_known():
        latin = (form for form in forms if form.isascii() and whole_word(form, claim))
        han = (
            form
            for form in forms
            if not form.isascii() and any(at.start() in begins for at in re.finditer(form, claim))
        )
        said = next(chain(latin, han), "")
        if said and not any(whole_word(form, told) for form in forms):
            yield said


@cache
def _well_known() -> list[list[str]]:
    lines = NAMES.read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line.strip() and line[0] != "#")
    return [[form.replace("_", " ") for form in row] for row in rows]


def heard(text: str, speakers: Iterable[Speaker]) -> set[str]:
    """Return the names of speakers whose Latin name a text writes in Chinese, by its sound."""
    latin = [speaker for speaker in speakers if speaker.name.isascii() and name_parts(speaker)]
    if not latin or not _HAN.search(text):
        return set()
    found = han_names(text)
    return {
        speaker.name
        for speaker in latin
        for _, at, _ in shared_names(speaker.name, text)
        if any(_same(name, [at.of(text)]) for name in found)
    }
