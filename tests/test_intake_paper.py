"""A PDF gives its text in paragraphs, without what runs from page to page; a scan is refused."""

import pytest
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from typing_extensions import override

from rag.errors import IntakeError
from rag.intake.paper import printed
from rag.intake.sheets import Line, set_blocks

SENTENCES = "Research is slow and the results of most days are small. Notes help a beginner. " * 4
PARAGRAPHS = 40


def put(paper: FPDF, height: int, text: str) -> None:
    """Set text in lines of this height, and go on below it."""
    paper.multi_cell(0, height, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


class Paper(FPDF):
    """A paper with a running head and numbered pages."""

    @override
    def header(self) -> None:
        self.set_font("helvetica", size=8)
        put(self, 10, "Journal of Beginnings")

    @override
    def footer(self) -> None:
        self.set_y(-15)
        self.cell(0, 10, f"Page {self.page_no()} of 9", align="C")


def english() -> bytes:
    paper = Paper()
    paper.set_title("On Starting")
    paper.set_author("Jane Doe")
    paper.add_page()
    paper.set_font("helvetica", "B", 20)
    put(paper, 10, "On Starting")
    for number in range(PARAGRAPHS):
        if number % 20 == 0:
            paper.set_font("helvetica", "B", 14)
            put(paper, 8, f"Part {number // 20 + 1}")
        paper.set_font("helvetica", size=11)
        put(paper, 5, f"{SENTENCES}End {number}.")
        paper.ln(4)
    return bytes(paper.output())


def drawn(*pages: str) -> bytes:
    """Return pages with a drawing each, and the words that are given for it, if any."""
    paper = FPDF()
    paper.set_font("helvetica", size=12)
    for words in pages:
        paper.add_page()
        paper.rect(10, 10, 50, 50)
        if words:
            paper.cell(0, 10, words)
    return bytes(paper.output())


def chinese(*lines: tuple[int, int, int, str]) -> bytes:
    """Return a page of lines, each (left, base, size, text), in a font that every reader knows."""
    drawn = "\n".join(
        f"BT /F {size} Tf 1 0 0 1 {left} {base} Tm <{text.encode('utf-16-be').hex()}> Tj ET"
        for left, base, size, text in lines
    )
    font = "/Type /Font /BaseFont /STSong-Light"
    fonts = "/Resources << /Font << /F 4 0 R >> >>"
    letters = "/Registry (Adobe) /Ordering (GB1) /Supplement 4"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 6 0 R {fonts} >>",
        f"<< {font} /Subtype /Type0 /Encoding /UniGB-UCS2-H /DescendantFonts [5 0 R] >>",
        f"<< {font} /Subtype /CIDFontType0 /DW 1000 /CIDSystemInfo << {letters} >> >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
    ]
    body = "".join(f"{at} 0 obj\n{text}\nendobj\n" for at, text in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}trailer << /Root 1 0 R /Size 7 >>\n%%EOF".encode()


def test_paragraphs_and_headings_are_whole_over_lines_and_pages() -> None:
    blocks, about, _ = printed(english())
    told = [block for block in blocks if block.kind == "paragraph"]
    whole = [f"{SENTENCES}End {number}." for number in range(PARAGRAPHS)]
    assert [block.text for block in told] == whole
    assert [(block.level, block.text) for block in blocks if block.kind == "heading"] == [
        (1, "On Starting"),
        (2, "Part 1"),
        (2, "Part 2"),
    ]
    assert (about.title, about.author) == ("On Starting", "Jane Doe")
    assert sorted({block.page for block in blocks}) == list(range(1, told[-1].page + 1))


def test_running_lines_and_page_numbers_are_left_out_and_said_so() -> None:
    blocks, _, notes = printed(english())
    shown = " ".join(block.text for block in blocks)
    assert "Journal" not in shown
    assert "Page 1" not in shown
    pages = blocks[-1].page
    assert f"left out: page numbers on {pages} of {pages} pages" in notes
    running = f"left out: a running line (Journal of Beginnings) on {pages} of {pages} pages"
    assert running in notes


def test_chinese_is_joined_without_blanks_and_a_larger_line_is_a_heading() -> None:
    line = "做研究的头一年多半是在学会怎样失败每天记下猜测再看"
    data = chinese(
        (50, 700, 24, "科研入门"),
        (74, 660, 12, line[2:]),
        (50, 644, 12, line),
        (50, 628, 12, "结果。"),
        (74, 612, 12, "第二段。"),
    )
    blocks, _, _ = printed(data)
    assert [(block.kind, block.text) for block in blocks] == [
        ("heading", "科研入门"),
        ("paragraph", f"{line[2:]}{line}结果。"),
        ("paragraph", "第二段。"),
    ]


def test_vertical_punctuation_becomes_ordinary_and_wide_letters_stay() -> None:
    blocks, _, notes = printed(chinese((50, 700, 12, "\ufe3d书\ufe3e\uff21\uff11\ufe12")))
    assert blocks[0].text == "《书》\uff21\uff11。"
    assert notes == ("vertical punctuation was written as ordinary punctuation",)


def test_a_scan_is_refused_and_a_page_without_text_is_noted() -> None:
    with pytest.raises(IntakeError, match="run OCR"):
        printed(drawn(""))
    blocks, _, notes = printed(drawn("", "Words."))
    assert (blocks[0].text, blocks[0].page) == ("Words.", 2)
    assert notes == ("without text, perhaps pictures: 1 pages (1)",)


def test_a_password_and_damage_are_told_apart() -> None:
    paper = FPDF()
    paper.set_encryption("owner", "user")
    paper.add_page()
    paper.set_font("helvetica", size=12)
    paper.cell(0, 10, "Words.")
    with pytest.raises(IntakeError, match="is protected by a password"):
        printed(bytes(paper.output()))
    with pytest.raises(IntakeError, match="is damaged"):
        printed(b"%PDF-1.7\nnothing")


def test_a_paragraph_with_divided_words_is_one() -> None:
    paper = FPDF()
    paper.add_page()
    paper.set_font("helvetica", size=12)
    for line in (
        "An experiment is never one experi-",
        "ment alone, and a self-",
        "made one is two.",
    ):
        put(paper, 5, line)
    assert [block.text for block in printed(bytes(paper.output()))[0]] == [
        "An experiment is never one experiment alone, and a self-made one is two."
    ]


# --- lines -------------------------------------------------------------------------------------


def set_in(column: int, *texts: str, width: float = 200) -> list[Line]:
    left = 50.0 + 250 * column
    return [Line(text, 1, left, left + width, 700 - 14 * at, 11) for at, text in enumerate(texts)]


def test_a_sentence_goes_on_in_the_next_column() -> None:
    lines = set_in(0, "One sentence that", "goes") + set_in(1, "on there", "and ends.")
    assert [block.text for block in set_blocks(lines)[0]] == [
        "One sentence that goes on there and ends."
    ]


def test_a_word_divided_over_lines_is_whole_where_the_text_has_it_whole() -> None:
    lines = set_in(0, "An experi\ufffe", "ment is an experiment of a self\ufffe", "made kind.")
    [block] = set_blocks(lines)[0]
    assert block.text == "An experiment is an experiment of a self-made kind."


def test_ligatures_are_letters_and_no_lines_give_no_blocks() -> None:
    assert set_blocks(set_in(0, "a \ufb01ne e\ufb00ort"))[0][0].text == "a fine effort"
    assert set_blocks([]) == ([], ())


def test_a_line_that_stands_on_a_few_pages_by_chance_is_kept() -> None:
    lines = [
        Line(f"Figure {page * page}. A plot.", page, 50, 250, 100 + 31 * page, 11)
        for page in range(1, 9)
    ]
    assert len(set_blocks(lines)[0]) == 8
