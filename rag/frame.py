"""Who a text says is speaking: the names in it, and the frame "X says that …" around the rest.

A passage seldom names its own speaker. So names are held against its head, and what is left without
the frame against its words.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from rag.text import words
from rag.types import Lang, Speaker

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
    return bool(word and _bounded(word.casefold()).search(text))


@lru_cache(maxsize=4096)
def _bounded(word: str) -> re.Pattern[str]:
    # Letters and digits are apart: "Ti" stands in "1080Ti".
    before = "[a-z]" if word[:1].isalpha() else r"\d"
    blanks = r"[\s\-_.]*".join(re.escape(char) for char in word if not _BLANK.match(char))
    return re.compile(f"(?<!{before}){blanks}s?(?![a-z0-9])" if word.isascii() else blanks)


def _wholes(speaker: Speaker) -> list[str]:
    described = speaker.name_en[:1].islower() and speaker.name_en.lower() != speaker.name_en
    return [speaker.name, speaker.name_en] if described else [speaker.name]
