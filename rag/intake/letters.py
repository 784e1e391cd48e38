"""Raw text -> the text of a block: single blanks, nothing that cannot be seen, NFC."""

import re
import unicodedata

WIDE = "\u2e80-\u303f\u3041-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\U00020000-\U000323af"


def _is_control(char: str) -> bool:
    return unicodedata.category(char) == "Cc" and not char.isspace()


# Without a width: soft hyphens, marks of direction, and marks that only break lines. Joiners hold
# emoji and some scripts together, and stay. Lone surrogates cannot be written.
_NOTHING: dict[int, str | None] = {
    **dict.fromkeys((0xAD, 0x200B, 0x200E, 0x200F, 0xFEFF)),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x206A))),
    **dict.fromkeys(code for code in range(0xA0) if _is_control(chr(code))),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
_BROKEN = re.compile(rf"(?<=[{WIDE}])[^\S\n]*\n\s*(?=[{WIDE}])")


def one_line(text: str) -> str:
    r"""Return text as a block holds it: NFC, single blanks, none where Chinese was broken.

    >>> one_line(" 深度 \n 学习\u00a0 a\n b ")
    '深度学习 a b'
    """
    seen = _BROKEN.sub("", text.translate(_NOTHING))
    return unicodedata.normalize("NFC", " ".join(seen.split()))


def code_lines(text: str) -> str:
    """Return code as a block holds it: its lines and blanks, without empty lines around it."""
    lines = text.translate(_NOTHING).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    kept = "\n".join(line.rstrip() for line in lines.split("\n")).strip("\n")
    return unicodedata.normalize("NFC", kept) if kept.strip() else ""
