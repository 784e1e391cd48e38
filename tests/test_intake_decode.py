"""Every encoding that Chinese and English text comes in is read, or refused as no text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import IntakeError
from rag.intake.decode import decoded, whole_text

SIMPLIFIED = "做研究的头一年，多半是在学会怎样失败。"
TRADITIONAL = "做研究的頭一年，多半是在學會怎樣失敗。"
ENGLISH = "It’s a “useful” failure – naïve, but mine."


@pytest.mark.parametrize("times", [1, 200])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "gb2312"),
        (SIMPLIFIED, "gbk"),
        (SIMPLIFIED, "gb18030"),
        (TRADITIONAL, "gbk"),
        (TRADITIONAL, "big5"),
        (SIMPLIFIED, "utf-8"),
        (SIMPLIFIED, "utf-8-sig"),
        (SIMPLIFIED, "utf-16"),
        (SIMPLIFIED, "utf-16-le"),
        (TRADITIONAL, "utf-16-be"),
        (SIMPLIFIED, "utf-32"),
        (ENGLISH, "cp1252"),
        (ENGLISH, "utf-16-le"),
        ("研究は難しいですが、とても面白いです。", "cp932"),
    ],
)
def test_a_sentence_and_a_long_text_are_read_in_every_encoding_without_being_told_it(
    text: str, encoding: str, times: int
) -> None:
    assert decoded((text * times).encode(encoding)) == text * times


@pytest.mark.parametrize("declared", ["gb2312", "GBK", "utf-8", "no-such-thing", "rot13", "hex"])
def test_what_a_page_names_is_believed_only_where_the_bytes_agree(declared: str) -> None:
    assert decoded(SIMPLIFIED.encode("gb18030"), declared) == SIMPLIFIED
    assert decoded(SIMPLIFIED.encode(), declared) == SIMPLIFIED


def test_a_download_that_stopped_within_a_character_and_a_damaged_byte_cost_only_these() -> None:
    text = SIMPLIFIED * 20
    assert decoded(text.encode()[:-1]) == text[:-1]
    data = bytearray(text.encode())
    data[300] = 0xFF
    assert sum(a != b for a, b in zip(decoded(bytes(data)), text, strict=False)) > 0
    assert decoded(bytes(data)).startswith(text[:99])
    assert decoded(bytes(data)).endswith(text[110:])


def test_a_text_is_composed_and_holds_no_controls_or_line_ends_of_other_systems() -> None:
    assert decoded("e\u0301\r\na\rb\x00c\x07\td\x85e".encode()) == "é\na\nbc\td\ne"
    assert decoded("a\ufeff".encode("utf-8-sig")) == "a\ufeff"
    assert decoded(b"") == ""


def test_lone_surrogates_become_characters_that_can_be_written() -> None:
    assert "\ufffd" in decoded(b"\xff\xfe" + "ab".encode("utf-16-le") + b"\x00\xd8c\x00")


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 9, b"\x00\x01\x02\x03" * 99, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"]
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(IntakeError, match="save it as UTF-8"):
        decoded(data)


def test_more_text_than_a_shelf_can_hold_is_refused() -> None:
    with pytest.raises(IntakeError, match="30 million"):
        whole_text(b"a" * 30_000_001)


@given(st.binary(max_size=400), st.sampled_from(["", "gbk", "big5", "utf-8", "latin-1", "utf-7"]))
def test_every_run_of_bytes_is_text_that_can_be_written_or_is_refused(
    data: bytes, declared: str
) -> None:
    try:
        text = decoded(data, declared)
    except IntakeError:
        return
    assert text.encode().decode() == text
    assert unicodedata.is_normalized("NFC", text)
    assert not {"\r", "\0", "\x1b"} & set(text)


@given(st.text(min_size=1))
def test_every_text_in_utf_8_is_read_as_it_is_but_for_controls(text: str) -> None:
    shown = [char for char in text if unicodedata.category(char) not in {"Cc", "Cs"}]
    try:
        read = decoded("".join(shown).encode())
    except IntakeError:  # mostly characters that no text holds
        return
    assert read == unicodedata.normalize("NFC", "".join(shown).removeprefix("\ufeff"))
