"""Names across scripts: "Karpathy" and "卡帕西", "Kaiming" and "恺明" sound alike.

Both are reduced to classes of consonants, as translators hear them, and compared by an edit
distance in which what transcription drops (r, h, a final d) is cheap.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from rag.text import HAN, is_function_word
from rag.types import Span

_ALIKE = 0.7  # from here on two names are taken for one; chosen on the training texts
_LONGEST, _SHORTEST = 6, 2  # Han characters of a transcribed name
_NATIVE = 3  # Han characters of a Chinese name, or of a part of one
_LETTERS = 4  # of a romanised name: "He" and "Li" are too many other things

# The characters that translators write foreign names with.
_CHARACTERS = frozenset(
    "丁万三丘东丝中丰丹丽久乌乔云亚亨京什伊伍休伦伯佐何佛佩佳依侯俄保修儒克兰兴兹内冈"
    "农冯凡凯切列利加努劳勃勋勒包华卓南博卜卡卢卫厄古可史叶合吉吕君吴哈哥哲唐因图土圣"
    "圭坎坦埃基塔塞墨士夏多大天夫夸奇奈奎契奥女妮姆姚威娄娅娜嫩子孔孟宁安宗宾密富寿尔"
    "尚尤尼居屈屯山巴布希帕席平年库底庞康延弗张弥强当彭彼得德怀思恩恰惠意戈戴所扎托扬"
    "拉拜提摩撒文斯方施日旺昂昆昌明易普智曼曾朔朗木本朱李杜来杨杰松林查柯根格桑梅森欣"
    "欧歇武比毕毛永汉江汤沃沙治法波泰泼泽洛津洪洲派济海温满滨潘灵热爱牛特狄玛珀班理琳"
    "琴琼瑟瓜瓦甘生申登白皮盖真石福科穆立简米索约纳纽绍维缅缪罗美翁翰考耶肖肯胡能脱腾"
    "舍舒良艾芒芝芬苏若英范茹荣莉莎莫莱菲萨葛蒂蒙蓬蕾西詹让许诗诺谢豪贝贡费贾赖赛赫路"
    "辛边达迈连迪逊道邓邦郭都里金钦锡门阵阿陶隆雅雪雷霍露青韦顿香马高魏鲁鲍麦黎黑默齐"
    "龙"
)
_RUN = re.compile(f"[{HAN}]+")
_NAME = re.compile(r"[A-Z][a-zà-öø-ÿ]{2,}")
_INITIAL = re.compile("zh|ch|sh|[bpdtgkhfwjqxzcsrlmny]")
_CLASSES = {
    **dict.fromkeys("bp", "B"),
    **dict.fromkeys("dt", "D"),
    **dict.fromkeys("gkq", "G"),
    **dict.fromkeys("vw", "W"),
    **dict.fromkeys("jszx", "S"),
    **dict.fromkeys("lr", "L"),
    **{letter: letter.upper() for letter in "fhmn"},
}
_PINYIN = {"q": "S", "c": "S", "r": "L", "y": "Y", "zh": "S", "ch": "S", "sh": "S"}
_TWO = {
    **dict.fromkeys(("ch", "sh", "tz", "ts", "cz"), "S"),
    **dict.fromkeys(("ck", "qu", "kh"), "G"),
    "th": "T",  # heard as 斯 or as 特
    "ph": "F",
    "gh": "",
    "wr": "L",
}
_DROP = {
    "L": 0.4,
    "H": 0.3,
    "Y": 0.3,
    "A": 0.3,
    "W": 0.6,
    "D": 0.6,
    "T": 0.6,
    "G": 0.7,
    "S": 0.7,
    "N": 0.6,
    "F": 0.8,
    "B": 0.9,
    "M": 0.9,
}
_SWAP = {
    frozenset(pair): cost
    for pair, cost in {
        "NM": 0.3, "WF": 0.2, "WH": 0.4, "HF": 0.5, "YS": 0.3, "GS": 0.5, "DS": 0.6, "WB": 0.5,
        "TS": 0.2, "TD": 0.2,
        "AY": 0.2, "AW": 0.3, "AH": 0.3, "HG": 0.5, "LN": 0.8,
    }.items()
}  # fmt: skip
_OTHER = 1.2


def shared_names(latin: str, han: str) -> Iterator[tuple[Span, Span, float]]:
    """Yield the names that stand in both texts: place in `latin`, place in `han`, likeness to 1.

    Of transcriptions only the most alike are given; a romanised Chinese name is found wherever
    its syllables stand.
    """
    windows, native = _windows(han), _romanised(han)
    for match in _NAME.finditer(latin):
        name = match.group().lower()
        if is_function_word(name):
            continue
        here = Span(match.start(), match.end())
        found = [(span, _likeness(name, said)) for span, said in windows]
        best = max((score for _, score in found), default=0.0)
        yield from ((here, span, score) for span, score in found if score >= max(_ALIKE, best))
        if len(name) >= _LETTERS:
            yield from ((here, span, 1.0) for span in native.get(name, ()))


@lru_cache(maxsize=512)
def _windows(text: str) -> list[tuple[Span, str]]:
    """Return every stretch of a text that may be a transcribed name, as consonant classes."""
    found = []
    for run in _RUN.finditer(text):
        letters = run.group()
        for at in range(len(letters)):
            end = at
            while end < min(at + _LONGEST, len(letters)) and letters[end] in _CHARACTERS:
                end += 1
                if end - at >= _SHORTEST:
                    span = Span(run.start() + at, run.start() + end)
                    found.append((span, _squeezed("".join(map(_of_han, letters[at:end])))))
    return found


@lru_cache(maxsize=512)
def _romanised(text: str) -> dict[str, list[Span]]:
    """Return the places of every short stretch of Han by its pinyin, without tones."""
    found: dict[str, list[Span]] = {}
    for run in _RUN.finditer(text):
        letters = run.group()
        for at in range(len(letters)):
            for size in range(1, min(_NATIVE, len(letters) - at) + 1):
                said = "".join(map(_pinyin, letters[at : at + size]))
                span = Span(run.start() + at, run.start() + at + size)
                found.setdefault(said, []).append(span)
    return found


@lru_cache(maxsize=8192)
def _pinyin(letter: str) -> str:
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(letter)[0])


@lru_cache(maxsize=8192)
def _of_han(letter: str) -> str:
    """Return the consonant classes of one character: 曼 is MN."""
    said = _pinyin(letter)
    if said == "er":
        return "L"
    initial = _INITIAL.match(said)
    head = initial.group() if initial else ""
    classes = _PINYIN.get(head) or _CLASSES.get(head, "")
    tail = "N" if said[len(head) :].endswith(("n", "ng")) else ""
    return classes + tail or "A"


@lru_cache(maxsize=8192)
def _of_latin(name: str) -> str:
    """Return the consonant classes of a lower-cased name, as it is roughly spoken."""
    name, said, at = re.sub("ng(?=$|[^aeiouy])", "n", name), "", 0
    while at < len(name):
        two = name[at : at + 2]
        if two in _TWO:
            said, at = said + _TWO[two], at + 2
            continue
        said += _letter(name, at)
        at += 1
    return _squeezed(said)


def _letter(name: str, at: int) -> str:
    letter, following = name[at], name[at + 1 : at + 2]
    if letter == "c":
        return "S" if following and following in "eiy" else "G"
    if letter == "x":
        return "GS"
    if letter == "y":
        return "" if at else "Y"
    return _CLASSES.get(letter, "" if at else "A")


def _squeezed(classes: str) -> str:
    return re.sub(r"(.)\1+", r"\1", classes)


@lru_cache(maxsize=65536)
def _likeness(name: str, classes: str) -> float:
    """Return 1 for the same sounds, falling to 0 with the cost of turning one into the other."""
    mine = _of_latin(name)
    if not mine or not classes:
        return 0.0
    size = max(sum(_DROP[c] for c in mine), sum(_DROP[c] for c in classes))
    return max(
        0.0, 1 - _cost(mine, classes) / max(size, 1.6 if min(len(mine), len(classes)) < 2 else 0.0)
    )


def _cost(one: str, other: str) -> float:
    """Return the weighted edit distance (Wagner and Fischer, 1974)."""
    row = [0.0]
    for letter in other:
        row.append(row[-1] + _DROP[letter])
    for mine in one:
        above, row = row, [row[0] + _DROP[mine]]
        for at, theirs in enumerate(other):
            swap = 0.0 if mine == theirs else _SWAP.get(frozenset((mine, theirs)), _OTHER)
            row.append(min(above[at] + swap, above[at + 1] + _DROP[mine], row[at] + _DROP[theirs]))
    return row[-1]
