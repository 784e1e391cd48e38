"""Text -> the facts that an edit can falsify: quantities, negations, directions. Pure functions.

Both languages give the same values: "3.5 million", "350万" and "三百五十万" are one number.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.text import HAN
from rag.types import Span


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with what it counts; `unit` is "" where it says nothing that we know."""

    value: float
    unit: str
    span: Span

    def same(self, other: "Quantity") -> bool:
        """Say whether two quantities have one value and no two different units."""
        units = {self.unit, other.unit} - {""}
        return math.isclose(self.value, other.value, rel_tol=1e-9) and len(units) < 2


# --- numbers -----------------------------------------------------------------------------------


def _counted(words: str, first: int, step: int = 1) -> dict[str, int]:
    return {word: first + step * at for at, word in enumerate(words.split())}


def _any(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


_HAN_DIGITS = _counted("零 一 二 三 四 五 六 七 八 九", 0) | {"\u3007": 0, "两": 2}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_ONES = _counted("zero one two three four five six seven eight nine", 0)
_TEENS = _counted(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10
)
_TENS = _counted("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
_ORDINALS = (
    {f"{word}th": value for word, value in (_ONES | _TEENS).items()}
    | {f"{word[:-1]}ieth": value for word, value in _TENS.items()}
    | _counted("first second third", 1)
    | {"fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}
)
_TIMES = _counted("once twice thrice", 1)
_SCALES = _counted("dozen", 12) | {
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_LETTERS = {"k": 10**3, "m": 10**6, "bn": 10**9}
_VALUES = _ONES | _TEENS | _TENS | _ORDINALS | _TIMES | _SCALES
_PARTS = {word: value for word, value in _ORDINALS.items() if value > 2} | {"quarter": 4}
_MONTHS = _counted(
    "january february march april may june july august september october november december", 1
)
_SHORT_MONTHS = _counted("jan feb mar apr may jun jul aug sep oct nov dec", 1)

_BEGIN, _END = "(?<![a-z])", "(?![a-z])"
_HAN = "".join(_HAN_DIGITS)
_DECIMALS = _HAN.replace("两", "")
_HAN_NUMBER = rf"(?:[{_HAN}十百万亿]|千(?!克))+"
_HAN_PARTS = rf"{_HAN_NUMBER}|\d+"
_DIGITS = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<![\w.])\.\d+)"
_TO_99 = rf"(?:{_any(_TENS)}(?:[\s-]+{_any(_ONES)}{_END})?|{_any(_TEENS)}|{_any(_ONES)}){_END}"
_SCALED = rf"{_any(_SCALES)}s?{_END}(?:\s+and(?=\s+{_TO_99}))?(?:[\s-]+{_TO_99})?"
# Letters that match "s" and "i" where case is ignored, and are not their capitals.
_ALIKE = str.maketrans("\u017f\u0131\u0130", "sii")
# The first that fits is read, by the function `_from_` of its name.
_FORMS = {
    "fraction": (
        # "百分之三点五", "三分之二", "百分百"; "two thirds", "a quarter of"
        rf"(?:(?:{_HAN_PARTS})分之|百分(?=百))(?:{_HAN_NUMBER}(?:点[{_DECIMALS}]+)?|\d+(?:\.\d+)?)"
        rf"|{_BEGIN}(?:one[\s-]|an?\s(?=[a-z]+\sof{_END})){_any(_PARTS)}(?!-?[a-z])"
        rf"|{_BEGIN}{_any(_ONES)}[\s-]{_any(_PARTS)}s{_END}"
    ),
    # "1亿3000万", "三百零八", "三点五万", but "三点五十分" is a time of day
    "han": (
        rf"(?:{_DIGITS}\s?(?:[百万亿]|千(?![米克]))+)+"
        rf"|{_HAN_NUMBER}(?:点[{_DECIMALS}]++(?![十百千分])[万亿]?)?"
    ),
    "century": (
        rf"{_BEGIN}(?:{_any(w for w, n in _TEENS.items() if n > 12)}|twenty)[\s-]+"
        rf"(?:{_any(_TENS)}(?:[\s-]+{_any(_ONES)})?|{_any(_TEENS)}){_END}"
    ),
    "ordinal": rf"{_BEGIN}(?:(?:{_any(_TENS)}[\s-]+)?{_any(_ORDINALS)}|{_any(_TIMES)}){_END}",
    "words": (
        rf"(?:{_DIGITS}[\s-]*{_SCALED}|{_BEGIN}(?:{_TO_99}|{_SCALED})(?:\s+and\s+a\s+half{_END})?)"
        rf"(?:[\s-]+{_SCALED})*"
    ),
    "digits": rf"{_DIGITS}(?:(?:bn|k|m)(?![a-z\d])|(?:st|nd|rd|th){_END})?",
    "month": rf"{_BEGIN}(?:{_any(_MONTHS)}{_END}|(?:{_any(_SHORT_MONTHS)}|sept)\.?(?=\s\d))",
}
_NUMBER = re.compile("|".join(f"(?P<{n}>{form})" for n, form in _FORMS.items()), re.IGNORECASE)
# "一起", "万一", "十分": a Han numeral inside a word counts nothing.
_NO_NUMBER = re.compile(
    "统一|唯一|万一|一起|一样|一般|一直|一定|一切|一旦|一些|一下|一点|一边|一方|一致|一律|一度|之一|一半|第一时间|进一步|"
    "十分(?![钟之])|千万(?=别|不|要)|百度|万物|百姓|百科|百货|万能|万岁|成千上万|三明|三角|四处|四周|四川|五官|两者|一来|"
    "一面|一贯|一向|一时|一会|一体|一经|一再|一番|一并|一举|一个个"
)
_MANY = ("several ", "few ", "many ")
_WEEKDAY = ("星期", "礼拜", "周")
_DATED = re.compile(
    r"(?:\b(?:in|since|of|by|until|till|from|to|and|last|next|this|early|late|mid)|\d(?:st|nd|rd|th)?)"
    r"[\s,-]+$",
    re.IGNORECASE,
)
_UNITS: dict[str, str] = {
    form.replace("_", " "): unit
    for unit, forms in {
        "%": "% \uff05 percent per-cent per_cent 百分点",
        "year": "year years 年 岁 载 yr yrs",
        "month": "month months 月 个月 月份",
        "week": "week weeks 周 星期 个星期 礼拜",
        "day": "day days 天 日 号",
        "hour": "hour hours 小时 个小时 钟头 个钟头",
        "minute": "minute minutes 分钟 min",
        "second": "second seconds 秒",
        "time": "time times 次 回 遍",
        "person": "people persons person 人 名 位 students researchers 个人",
        "km": "km kilometre kilometres kilometer kilometers 公里 千米",
        "mile": "mile miles 英里",
        "m": "metre metres meter meters m 米",
        "kg": "kg kilogram kilograms 公斤 千克",
        "ton": "ton tons tonne tonnes 吨",
        "dollar": "dollar dollars 美元 美金",
        "yuan": "yuan 元 块 人民币",
        "euro": "euro euros 欧元",
        "page": "page pages 页",
        "paper": "paper papers 篇",
        "decade": "decade decades",
        "century": "century centuries 世纪",
        "degree": "degree degrees 度 摄氏度 °c",
    }.items()
    for form in forms.split()
}
_UNIT = re.compile(
    rf"\s?-?(?P<before>个半)?(?P<unit>{_any(map(re.escape, _UNITS))})(?![a-z])"
    "(?P<behind>半(?![夜途路数]))?",
    re.IGNORECASE,
)
_MULTIPLES = {"km": ("m", 1000), "decade": ("year", 10)}
_CURRENCIES = {"$": "dollar", "¥": "yuan", "￥": "yuan", "€": "euro"}
_TENTHS = re.compile("成(?![为功员立本绩果就分都效])")


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text in order, in digits or words of either language.

    A month counts as its number; "三成", "百分之三十" and "three tenths" are 30 %. "两三天",
    "数百" and "thousands" say no one number. "" gives [].
    """
    found: list[Quantity] = []
    text, at = text.translate(_ALIKE), 0
    while match := _NUMBER.search(text, at):
        quantity, at = _measured(text, match)
        found += [quantity] if quantity else []
    return found


def _measured(text: str, match: re.Match[str]) -> tuple[Quantity | None, int]:
    """Return the quantity that begins at a number, if it is one, and where to read on."""
    form, said, span = match.lastgroup or "", match.group().lower(), Span(*match.span())
    before, after = text[max(0, span.start - 12) : span.start], text[span.end : span.end + 16]
    value = _READERS[form](said)
    if value is None or not math.isfinite(value) or _counts_nothing(text, form, span, before):
        return None, span.end
    if form in {"fraction", "month"}:
        return Quantity(value, "%" if form == "fraction" else "month", span), span.end
    if value <= 10 and _TENTHS.match(after):
        return Quantity(value * 10, "%", span), span.end
    if unit := _CURRENCIES.get(before[-1:]):
        return Quantity(value, unit, span), span.end
    found = _UNIT.match(after)
    if not found:
        weekday = form == "han" and len(said) == 1 and before.endswith(_WEEKDAY)
        return None if weekday else Quantity(value, "", span), span.end
    value += 0.5 * bool(found["before"] or found["behind"])
    unit = _UNITS[found["unit"].lower()]
    unit, times = _MULTIPLES.get(unit, (unit, 1))
    return Quantity(value * times, unit, span), span.end + found.end()


def _counts_nothing(text: str, form: str, span: Span, before: str) -> bool:
    """Say whether what looks like a number is part of a word, or only says that there are many."""
    said = span.of(text)
    if form == "month":  # "May I", "march on"
        dated = _DATED.search(before) or re.match(r"\s+(?:\d|of\b)", text[span.end :])
        return not said[0].isupper() or (said.lower() in {"may", "march"} and not dated)
    if form == "words":
        return said.lower() in _SCALES and before.lower().endswith(_MANY)
    if form != "han":
        return False
    if said[0] in _HAN_SCALES and before[-1:] in {"几", "数", "上"}:
        return True
    if said[-1] in _HAN_SCALES and text[span.end : span.end + 1] == "几":
        return True
    start = max(0, span.start - 3)
    words = (word.span() for word in _NO_NUMBER.finditer(text, start, span.end + 3))
    return any(first <= span.start and span.end <= last for first, last in words)


def _from_fraction(said: str) -> float | None:
    if "分" in said:
        whole, part = map(_from_han, re.split("分之?", said))
    else:
        few, word = re.split(r"[\s-]", said)
        whole = _PARTS.get(word) or _PARTS[word.removesuffix("s")]
        part = _ONES.get(few, 1)
    return 100 * part / whole if whole and part is not None else None


def _from_digits(said: str) -> float:
    digits = said.rstrip("abcdefghijklmnopqrstuvwxyz")
    return float(digits.replace(",", "")) * _LETTERS.get(said[len(digits) :], 1)


def _from_ordinal(said: str) -> float:
    return float(sum(_VALUES[word] for word in re.split(r"[\s-]+", said)))


def _from_century(said: str) -> float:
    century, *rest = re.split(r"[\s-]+", said)
    return _VALUES[century] * 100.0 + sum(_VALUES[word] for word in rest)


def _from_month(said: str) -> float:
    return float(_SHORT_MONTHS[said[:3]])


def _from_words(said: str) -> float | None:
    """Return the value of "3.5 million" or "two and a half"; None for "thousands" alone."""
    if said.removesuffix("s") in _SCALES and said.endswith("s"):
        return None
    said = re.sub(r"(?<=\d)[\s-]*(?=[a-z])", " ", said)
    total = current = 0.0
    for spelt in re.split(r"[\s-]+(?:and[\s-]+(?:a\s+)?)?", said):
        word = spelt if spelt in _VALUES else spelt.removesuffix("s")
        if word in _SCALES:
            current = (current or 1.0) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0.0
        elif word == "half":
            current += 0.5
        else:
            current += _VALUES[word] if word in _VALUES else float(word.replace(",", ""))
    return total + current


def _from_han(said: str) -> float | None:
    """Return the value of a Han numeral, None where it says two ("两三", "二三十").

    By places ("三百零八", "1亿3000万"), digit by digit ("一九〇三"), or in decimals ("三点五万").
    """
    if "点" in said:
        whole, part = said.split("点")
        times = _HAN_SCALES.get(part[-1], 1)
        digits = "".join(str(_HAN_DIGITS[c]) for c in part if c in _HAN_DIGITS)
        value = _from_han(whole)
        return None if value is None else (value + float(f"0.{digits}")) * times
    if all(c in _HAN_DIGITS for c in said):
        digits = "".join(str(_HAN_DIGITS[c]) for c in said)
        return float(digits) if len(digits) != 2 or "0" in digits else None
    return _by_places(re.findall(r"[\d.,]+|\S", said))


def _by_places(parts: Sequence[str]) -> float | None:
    total = section = digit = 0.0
    last = 1  # the scale just before; "两万五" goes on with the one below
    for part in parts:
        if part in _HAN_DIGITS or part not in _HAN_SCALES:
            if digit and part in _HAN_DIGITS:
                return None
            value = _HAN_DIGITS[part] if part in _HAN_DIGITS else float(part.replace(",", ""))
            digit, last = float(value), last if value else 1
            continue
        last = _HAN_SCALES[part]
        if last < 10**4:
            section += (digit or 1) * last
        elif last == 10**4:
            total += (section + digit or 1) * last
            section = 0.0
        else:
            total, section = (total + section + digit or 1) * last, 0.0
        digit = 0.0
    return total + section + digit * (last / 10 if last > 10 else 1)


_READERS: dict[str, Callable[[str], float | None]] = {
    "fraction": _from_fraction,
    "han": _from_han,
    "digits": _from_digits,
    "century": _from_century,
    "ordinal": _from_ordinal,
    "words": _from_words,
    "month": _from_month,
}


def counted(numbers: Iterable[Quantity]) -> list[Quantity]:
    """Return the numbers that count: "one" and "一" are mostly articles."""
    return [number for number in numbers if number.value != 1]


def missing(numbers: Iterable[Quantity], told: Sequence[Quantity]) -> list[Quantity]:
    """Return the numbers that are none of those `told`, in order."""
    return [number for number in numbers if not any(number.same(other) for other in told)]


@lru_cache(maxsize=512)
def _told(context: str) -> tuple[Quantity, ...]:
    """Return the numbers of a text that many claims are held against."""
    return tuple(quantities(context))


def unsaid(claim: str, context: str) -> list[str]:
    """Return the numbers of a claim, as it writes them, that a context does not say."""
    lost = missing(counted(quantities(claim)), _told(context))
    return [number.span.of(claim) for number in lost]


# --- negation and direction ---------------------------------------------------------------------

_NEGATIONS = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|without|neither|nor|cannot|hardly|rarely|seldom|unable"
    r"|fail(?:s|ed)? to|refus\w+|reject\w*|lack\w*|wrong)\b|n['’]t\b|[不没無无非未别勿]"
    r"|拒绝|否认|缺乏",
    re.IGNORECASE,
)
# "not only", "No. 5", "是不是", "特别": what only looks like a negation.
_DENIES_NOTHING = re.compile(
    rf"\bnot (?:only|just|merely)\b|\bno\.(?=\s?\d)|([{HAN}])[不没]\1|不得不|差不多"
    "|不[仅但过断同少久管论止光只错禁妨愧]|[淹沉埋吞]没|没收|无[论数比疑非限穷线]|无人机"
    "|[除是莫]非|非[常洲凡]|未[来必]|[特分区类级个性识判辨告派鉴差]别|别[人的墅名致扭处]",
    re.IGNORECASE,
)
_OPPOSITES = [
    (re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE))
    for one, other in (
        (r"\bmore\b|\bmost\b|更多|多于|最多", r"\bless\b|\bfewer\b|\bleast\b|更少|少于|最少"),
        (
            r"\bincreas|\brose\b|\bgrow|\bgrew\b|增加|上升|增长|提高",
            r"decreas|\bfell\b|\bfallen\b|declin|shr[aiu]nk|减少|下降|降低",
        ),
        (r"\bbefore\b|earlier|\bprior\b|之前|以前|早于", r"\bafter\b|\blater\b|之后|以后|晚于"),
        (r"higher|highest|更高|最高", r"\blower|lowest|更低|最低"),
        (r"larger|largest|bigger|biggest|更大|最大", r"smaller|smallest|更小|最小"),
        (r"\bfirst\b|最初|首先|最早", r"\blast\b|\bfinally\b|最后|最终|最晚"),
        (r"\balways\b|总是|一直|永远", r"\bnever\b|seldom|rarely|\bsometimes\b|从不|很少|有时"),
        (r"\ball\b|\bevery|全部|所有|每一?个", r"\bsome\b|\bfew\b|部分|一些|少数"),
        (r"\bbeg[aiu]n|\bstart|开始", r"\bend(?:s|ed)?\b|finish|\bstop|结束|停止"),
        (r"\beas(?:y|ier)\b|容易|简单", r"\bhard(?:er)?\b|difficult|困难|很难|更难"),
        (r"\bgood\b|better|\bbest\b|很好|更好|最好", r"\bbad\b|\bworse|\bworst|更差|最差|糟"),
        (r"\bw[io]n\b(?!['’]t)|赢|获胜|战胜", r"\blos[et]\b|输|败给"),
        (r"\bnorth|北", r"\bsouth|南"),
        (r"\beast|东", r"\bwest|西"),
        (r"\bold(?:er|est)?\b|年长|最老", r"\byoung|\bnew(?:er|est)?\b|年轻|最新"),
        (r"\blong(?:er|est)?\b|更长|最长", r"\bshort|更短|最短"),
        (r"support|支持|赞成", r"oppos|against|反对"),
        (r"accept|接受|录用", r"reject|refus|拒绝|拒稿"),
        (r"\bmany\b|\bmuch\b|许多|很多", r"\bfew\b|\blittle\b|很少"),
        (r"\bfast|quick|更快|最快", r"\bslow|更慢|最慢"),
        (r"\bmore than\b|\bover\b|超过", r"\bless than\b|\bunder\b|不到|不足"),
        (r"\bmust\b|必须|一定要", r"\boptional|不必|可以不|可选"),
    )
]


def negations(text: str) -> int:
    """Return how many words of a text deny, in both languages."""
    return len(_NEGATIONS.findall(_DENIES_NOTHING.sub(" ", text)))


def opposed(claim: str, context: str) -> int:
    """Return in how many ways a claim says one side of an opposition and the context the other."""
    return sum(
        _one_sided(one, other, claim, context) or _one_sided(other, one, claim, context)
        for one, other in _OPPOSITES
    )


def _one_sided(here: re.Pattern[str], there: re.Pattern[str], claim: str, context: str) -> bool:
    return bool(
        here.search(claim)
        and not there.search(claim)
        and there.search(context)
        and not here.search(context)
    )
