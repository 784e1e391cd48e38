"""The judge of imports counts letters as a person would, and the shipped sources come out whole."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.intake import (
    TOOLS,
    Page,
    Row,
    _aligned,
    figures,
    letters,
    measured,
    pages_in,
    run,
    sources_of,
)

GOLD = "# Title\n\nThe first line of the text.\n\n- The second line.\n"
FOUND = "Menu\n\nTitle\n\nThe first line of the text.\n\nQQQQQQ\n\nThe second line.\n"


def page(tmp_path: Path, text: str = FOUND, neutral: tuple[str, ...] = ()) -> Page:
    path = tmp_path / "page.txt"
    path.write_text(text, encoding="utf-8")
    return Page("group", "name", path, GOLD, neutral)


def row(tmp_path: Path, out: str, neutral: tuple[str, ...] = ()) -> Row:
    [found] = measured([page(tmp_path, neutral=neutral)], {"tool": lambda path: out})
    return found


def test_marks_blanks_and_numbers_of_lists_are_no_letters() -> None:
    assert letters("## 1. One\n\n> *two*\n3) three\n| a | b |") == "Onetwothreeab"


def test_what_comes_out_whole_is_kept_and_nothing_of_it_is_furniture(tmp_path: Path) -> None:
    # Title 5, first line 22 letters with the stop, second 14; "Menu" and "QQQQQQ" are 10.
    assert row(tmp_path, GOLD) == Row("group", "name", "tool", 41, 41, 0, 10)


def test_a_lost_line_is_not_kept_and_a_spare_one_intrudes(tmp_path: Path) -> None:
    out = "Title\n\nThe first line of the text.\n\nQQQQQQ\n"
    assert row(tmp_path, out) == Row("group", "name", "tool", 27, 41, 6, 10)


def test_a_tool_that_gives_nothing_keeps_nothing_and_removes_everything(tmp_path: Path) -> None:
    assert row(tmp_path, "") == Row("group", "name", "tool", 0, 41, 0, 10)


def test_a_neutral_line_counts_on_no_side(tmp_path: Path) -> None:
    assert row(tmp_path, FOUND, ("Menu",)) == Row("group", "name", "tool", 41, 41, 6, 6)
    assert row(tmp_path, GOLD, ("The second line.",)).gold == 27


def test_shares_of_a_group_are_of_its_letters() -> None:
    rows = [Row("g", "a", "tool", 90, 100, 0, 10), Row("g", "b", "tool", 0, 300, 30, 30)]
    found = {(figure.group, figure.name): figure.value for figure in figures(rows)}
    assert found["g", "tool kept"] == pytest.approx(90 / 400)
    assert found["g", "tool removed"] == pytest.approx(10 / 40)
    assert found["g: a", "tool kept"] == pytest.approx(0.9)


def test_a_page_without_furniture_has_no_share_of_it() -> None:
    [_, removed, *_] = figures([Row("g", "a", "tool", 10, 10, 0, 0)])
    assert (removed.value, removed.interval, removed.n) == (None, None, 0)


_TEXTS = st.lists(st.text("abcde", min_size=1, max_size=20), max_size=8)


@given(_TEXTS, _TEXTS)
def test_every_alignment_is_of_equal_letters_in_order(a: list[str], b: list[str]) -> None:
    whole_a, whole_b = "".join(a), "".join(b)
    end_a = end_b = 0
    for start_a, start_b, length in _aligned(a, b):
        assert start_a >= end_a
        assert start_b >= end_b
        end_a, end_b = start_a + length, start_b + length
        assert whole_a[start_a:end_a] == whole_b[start_b:end_b]


def test_a_text_is_found_whole_in_itself_with_other_lines_between() -> None:
    chance = random.Random(7)
    lines = ["".join(chance.choices("abcdefgh", k=30)) for _ in range(50)]
    mixed = [part for line in lines for part in (line, "spare words of the page")]
    assert sum(length for *_, length in _aligned(lines, mixed)) == 50 * 30


def test_a_folder_that_lacks_an_essay_is_named(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "page.html").write_text("<p>a</p>", encoding="utf-8")
    with pytest.raises(ValueError, match=r"one: needs one page.*essay.md"):
        pages_in(tmp_path, "dev")


def test_pages_are_read_with_their_neutral_lines(tmp_path: Path) -> None:
    home = tmp_path / "one"
    home.mkdir()
    (home / "page.txt").write_text(FOUND, encoding="utf-8")
    (home / "essay.md").write_text(GOLD, encoding="utf-8")
    (home / "about.toml").write_text('neutral = ["Menu"]\n', encoding="utf-8")
    [found] = pages_in(tmp_path, "dev")
    assert (found.group, found.name, found.neutral) == ("dev", "one", ("Menu",))


def test_every_tool_reads_a_page_and_a_text(tmp_path: Path) -> None:
    text = tmp_path / "page.txt"
    text.write_text("\n\n".join(["A line of the text, long enough to be one." * 3] * 6), "utf-8")
    html = tmp_path / "page.html"
    html.write_text(f"<html><body><p>{text.read_text('utf-8')}</p></body></html>", "utf-8")
    for path in (text, html):
        for name, tool in TOOLS.items():
            assert "long enough" in tool(path), name


def test_the_shipped_sources_come_out_whole_and_clean() -> None:
    rows = measured(sources_of(Path("corpus")), {"mentor": TOOLS["mentor"]})
    assert len(rows) == 5
    assert sum(row.kept for row in rows) >= 0.995 * sum(row.gold for row in rows)
    furniture = sum(row.furniture for row in rows)
    assert sum(row.intruded for row in rows) <= 0.03 * furniture


def test_without_a_folder_only_the_shelf_is_measured() -> None:
    assert {row.group for row in run(None)} == {"sources"}
