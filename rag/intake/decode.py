"""Bytes -> text, whatever encoding they are in. Chinese is told by the characters it gives.

A page's own word for its encoding is believed only where the bytes do not contradict it.
"""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product

from rag.errors import IntakeError

MOST_CHARACTERS = 30_000_000
TOO_LONG = "holds more than 30 million characters; give a part of it."
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What pages call these is often only a part of what they hold.
_WIDER = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030",
    "iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252",
    "us-ascii": "cp1252", "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "x-user-defined": "cp1252",
    "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "unicode": "utf-16",
}  # fmt: skip
_CHINESE = ("gb18030", "big5hkscs", "cp950")
_OTHERS = [
    "cp932", "euc_jp", "cp949", "big5hkscs", "gb18030", "cp1252", "cp1250", "cp1251", "koi8_r",
    "latin_1", "latin_2",
]  # fmt: skip
_FREQUENT = frozenset(
    "的一是不了在人有我他这個个们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能"
    "而子那得于於着著下自之年过過发發后後作里裡用道行所然家种種事成方多经經么麼去法学學如都同"
    "现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日军者"
    "意无無力它与與长長把机機十民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问"
    "問很最重并物手应應战戰向头頭文体體政美相见見被利什二等产產或新己制身果加西斯月话話合回特"
    "代内內信表化老给給世位次度门門任常先海通教儿兒原东東声聲提立及比员員解水名真论論处處走义"
    "義各入几幾口认認条條平系气氣题題活尔爾更别別打女变變四神总總何电電数數安少报報才结結反受"
    "目太量再感建务務做接必场場件计計管期市直德资資命山金指克许許统統区區保至队隊形社便空决決"
    "治展马馬科司五基眼书書非则則听聽白却卻界达達光放强強即像难難且权權思王象完设設式色路记記"
    "南品住告类類求据據程北边邊死张張该該交规規万萬取拉格望觉覺术術领領共确確传傳师師观觀清今"
    "切院让讓识識候带帶导導争爭运運，。、？！：；“”「」（）《》…—"
)
_PLAIN = 4000  # characters that are looked at to judge a guess
_GOOD = 0.8  # mean worth of the characters of a Chinese text; a wrong encoding gives below 0.5
_SHORT = 100  # characters
_SPOILT = 0.02  # share of characters that no text holds: more than a few damaged bytes
_LOST = 0.005  # likewise, where the page named its encoding
_UNSEEN = dict.fromkeys(
    code for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc" and code not in (9, 10)
)


def decoded(data: bytes, declared: str = "") -> str:
    """Return the text of `data` in NFC with LF line ends; b"" gives "".

    `declared` is the encoding that the document names. Control characters are dropped. A few
    damaged bytes become U+FFFD each.

    Raises:
        IntakeError: this is no text in any encoding known here.
    """
    text = next(_readings(data, declared.strip().lower()), None)
    if text is None or _spoilt(text) > _SPOILT:
        msg = "is not text in any encoding that is known; save it as UTF-8."
        raise IntakeError(msg)
    return _clean(text)


def whole_text(data: bytes) -> str:
    """Return the text of a file that is nothing but text, likewise.

    Raises:
        IntakeError: it is no text, or more than 30 million characters.
    """
    text = decoded(data)
    if len(text) > MOST_CHARACTERS:
        raise IntakeError(TOO_LONG)
    return text


def _clean(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    seen = lines.translate(_UNSEEN).removeprefix("\ufeff")
    return unicodedata.normalize("NFC", seen.encode("utf-8", "replace").decode())


def _readings(data: bytes, declared: str) -> Iterator[str]:
    """Yield what `data` may say, the surest first."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            yield data[len(bom) :].decode(name, "replace")
            return
    if b"\0" in data:
        yield from _wide(data)
    if not data.isascii():
        yield from _strict(data, "utf-8")
        yield from _strict(data, "utf-8", _cut(data))
    yield from _declared(data, declared)
    yield from _strict(data, "utf-8")
    yield from _chinese(data)
    yield from _wide(data)
    yield from _mended(data)
    yield from _guessed(data)


def _strict(data: bytes, name: str, end: int | None = None) -> Iterator[str]:
    try:
        text = data[:end].decode(name)
    except (UnicodeDecodeError, LookupError):
        return
    yield text


def _cut(data: bytes) -> int:
    """Return where the last whole character of UTF-8 ends: a download may stop within one."""
    tail = re.search(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z", data[-4:])
    return len(data) - len(tail.group()) if tail and len(data) > 64 else len(data)


def _wide(data: bytes) -> Iterator[str]:
    """Yield UTF-16 without a mark, in the order of bytes that gives everyday characters."""
    if len(data) % 2:
        return
    found = [data.decode(name, "replace") for name in ("utf-16-le", "utf-16-be")]
    best = max(found, key=_everyday)
    if _everyday(best) >= _GOOD:
        yield best


def _everyday(text: str) -> float:
    """Return the mean worth of the characters of a text that may be of any writing."""
    worths = [1.0 if _is_plain(char) else _points(char) for char in text[:_PLAIN]]
    return sum(worths) / len(worths) if worths else 0.0


def _is_plain(char: str) -> bool:
    return " " <= char <= "~" or char in "\n\r\t"


def _declared(data: bytes, declared: str) -> Iterator[str]:
    name = _WIDER.get(declared, declared)
    try:
        if not name or not codecs.lookup(name)._is_text_encoding:  # noqa: SLF001 - as open() asks
            return
        text = data.decode(name, "replace")
    except (LookupError, ValueError, UnicodeError):
        return
    if text.count("\ufffd") <= max(1, _LOST * len(text)) and _spoilt(text) <= _SPOILT:
        yield text


def _chinese(data: bytes) -> Iterator[str]:
    """Yield the better of the two families of Chinese encodings, if it gives everyday Chinese."""
    found = [text for name in _CHINESE for text in _strict_or_cut(data, name)]
    best = max(found, key=_worth, default="")
    if best and _worth(best) >= _GOOD:
        yield best


def _strict_or_cut(data: bytes, name: str) -> Iterator[str]:
    """Yield one reading at most: the last byte may be half a character."""
    whole = next(_strict(data, name), None)
    if whole is not None:
        yield whole
    elif len(data) > 64:
        yield from _strict(data, name, -1)


def _mended(data: bytes) -> Iterator[str]:
    """Yield a reading with a few damaged bytes in it."""
    for name, share, worth in (
        ("utf-8", 0.1, 0.0),
        ("gb18030", 0.05, _GOOD),
        ("big5", 0.05, _GOOD),
    ):
        text = data.decode(name, "replace")
        lost, wide = text.count("\ufffd"), sum(char > "\x7f" for char in text)
        if wide and lost <= share * wide and _worth(text) >= worth:
            yield text


def _guessed(data: bytes) -> Iterator[str]:
    from charset_normalizer import from_bytes

    high = sum(byte > 0x7F for byte in data[:100_000]) / min(len(data), 100_000)
    if high < 0.2:  # Latin letters with a few accents or curly quotes
        yield from (text for text in _strict(data, "cp1252") if not _spoilt(text))
    best = from_bytes(data[:100_000], cp_isolation=_OTHERS).best()
    if best is not None:
        text = data.decode(best.encoding, "replace")
        if text.count("\ufffd") <= max(1, _LOST * len(text)):
            yield text


def _worth(text: str) -> float:
    """Return how everyday the characters beyond ASCII are: about 1 for Chinese; 0.0 for none.

    Two points for what every text is full of, half a point for what a school teaches, none for
    rare ones, and minus two for what no text holds.
    """
    beyond = [char for char in text[: 20 * _PLAIN] if char > "\x7f"][:_PLAIN]
    return sum(map(_points, beyond)) / len(beyond) if beyond else 0.0


def _points(char: str) -> float:
    if char in _FREQUENT:
        return 2.0
    if char in _taught():
        return 0.5
    return -2.0 if _strange(char) else -0.5


@cache
def _taught() -> frozenset[str]:
    """Return the everyday characters: level 1 of GB 2312 and of Big5, and their punctuation."""
    rows = (("gb2312", (0xA1, 0xA3, *range(0xB0, 0xD8))), ("big5", (0xA1, *range(0xA4, 0xC7))))
    return frozenset(
        char
        for name, leads in rows
        for lead, trail in product(leads, range(0x40, 0xFF))
        for char in bytes((lead, trail)).decode(name, "ignore")
        if char > "\x7f"
    )


def _strange(char: str) -> bool:
    if char == "\ufffd" or "\x80" <= char < "\x85":
        return True
    if char < " " and char not in "\t\n\r\f\v\x1a\x1b\0":
        return True
    return unicodedata.category(char) in {"Co", "Cn", "Cs"}


def _spoilt(text: str) -> float:
    """Return the share of characters that no text holds, of its beginning, middle and end."""
    middle = len(text) // 2
    parts = (text[:_PLAIN], text[middle : middle + _PLAIN], text[-_PLAIN:])
    some = text if len(text) <= 3 * _PLAIN else "".join(parts)
    bad = sum(times for char, times in Counter(some).items() if _strange(char))
    nul = some.count("\0")
    return (bad + max(0, nul - 1)) / max(len(some), _SHORT)  # a short text may hold two
