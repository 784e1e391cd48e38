"""The page of gaps, opened as the file that it is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import AUDIT, Visitor, axe

from rag import Lang, Mentor
from ui.asked import Asked
from ui.commands.gaps import gaps
from ui.commands.gaps_page import write

pytestmark = pytest.mark.browser

Browse = Callable[..., Visitor]
Come = Callable[..., Visitor]

HOSTILE = '<script>window.hacked = 1</script>"><img src=x onerror="window.hacked = 1">'
SIDEWAYS = "return document.documentElement.scrollWidth - innerWidth"


def rows() -> list[Asked]:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    texts = (
        "在学校附近租房贵吗?",
        "How expensive is it to rent a flat near the university?",
        "签证被拒了怎么办?",
        HOSTILE,
        "\u202etext that runs the other way",
        "w" * 400,
    )
    kept = [
        Asked(
            f"{n}",
            now - timedelta(days=n % 9),
            text,
            "zh" if n % 3 == 0 else "en",
            "refused",
            "quotes",
            (),
            (),
            {},
        )
        for n, text in enumerate(texts * 4)
    ]
    answered: Any = {"status": "answered", "verdict": "down"}
    return [
        *kept,
        Asked(
            "x",
            now,
            "怎么写论文?",
            "zh",
            answerer="quotes",
            cited=(),
            nearest=(),
            timings_ms={},
            **answered,
        ),
    ]


@pytest.fixture
def come(browse: Browse, shelf: Mentor, tmp_path: Path) -> Come:
    """Give a function that opens the page of some questions, or of none."""

    def opened(lang: Lang = "en", *, empty: bool = False, **size: Any) -> Visitor:
        asked, page = [] if empty else rows(), tmp_path / "gaps.html"
        write(page, gaps(shelf, asked, 9), asked, lang)
        visitor = browse("en-US", **size)
        visitor.driver.get(page.as_uri())
        return visitor

    return opened


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    come: Come, lang: Lang, width: int, dark: bool
) -> None:
    for empty in (False, True):
        visitor = come(lang, empty=empty, width=width, dark=dark)
        visitor.run(axe())
        assert visitor.driver.execute_async_script(AUDIT) == []
        assert visitor.run(SIDEWAYS) <= 0


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_one_request_in_the_readers_colours(come: Come, dark: bool) -> None:
    visitor = come(dark=dark)
    assert visitor.requests() == [visitor.driver.current_url]
    assert visitor.complaints() == []
    background = visitor.run("return getComputedStyle(document.body).backgroundColor")
    ink = visitor.run("return getComputedStyle(document.querySelector('svg text')).fill")
    light = [int(re.findall(r"\d+", colour)[0]) > 127 for colour in (background, ink)]
    assert light == [not dark, dark]


def test_hostile_questions_run_nothing_and_show_as_they_are(come: Come) -> None:
    visitor = come()
    assert visitor.run("return window.hacked") is None
    assert visitor.all("script, article img, form") == []
    assert any(HOSTILE in heading.text for heading in visitor.all("h2"))
    assert visitor.complaints() == []


def test_every_group_stands_in_the_drawing_with_its_number(come: Come) -> None:
    visitor = come()
    days, groups = visitor.all("svg")
    assert days.get_dom_attribute("aria-label") == "Questions a day"
    assert groups.is_displayed()
    numbers = re.findall(r"\d+", groups.text)
    assert {str(n) for n in range(1, len(visitor.all("article")) + 1)} <= set(numbers)
