"""The page of a run, opened as the file that it is."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import AUDIT, Visitor, axe
from report_runs import HOSTILE, empty, many, run
from selenium.webdriver.common.keys import Keys

from eval.report import write

pytestmark = pytest.mark.browser

Browse = Callable[..., Visitor]
Come = Callable[..., Visitor]

SIDEWAYS = "return document.documentElement.scrollWidth - innerWidth"
SHOWN = "return [...document.querySelectorAll('.item')].filter((i) => !i.hidden).map((i) => i.id)"
NAMED = {"button", "combobox", "DisclosureTriangle", "image", "link", "region", "searchbox"}


@pytest.fixture
def come(browse: Browse, tmp_path: Path) -> Come:
    """Give a function that opens the page of a run: of the dozen items, or of another run."""

    def opened(of: dict[str, Any] | None = None, **size: Any) -> Visitor:
        page = write(of or run(), tmp_path)[-1]
        visitor = browse("en-US", **size)
        visitor.driver.get(page.as_uri())
        return visitor

    return opened


def choose(visitor: Visitor, name: str, value: str) -> None:
    visitor.run(
        "const box = document.querySelector(`[name=${arguments[0]}]`); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input', { bubbles: true }))",
        name,
        value,
    )


def counted(visitor: Visitor, expected: str) -> None:
    """Wait for the count; it must be what is to be seen."""
    visitor.until(lambda: visitor.shown("#count") == expected)
    assert len(visitor.run(SHOWN)) == int(expected.split(" ", maxsplit=1)[0])


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_one_request_and_the_console_stays_silent(come: Come, dark: bool) -> None:
    visitor = come(dark=dark)
    choose(visitor, "lang", "zh")
    visitor.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert visitor.requests() == [visitor.driver.current_url]
    assert visitor.complaints() == []
    background = visitor.run("return getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", background)[0]) < 60) == dark


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_whatever_is_open(come: Come, width: int, dark: bool) -> None:
    for of in (run(), empty()):
        visitor = come(of, width=width, dark=dark)
        visitor.run(axe())
        assert visitor.driver.execute_async_script(AUDIT) == []
        visitor.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert visitor.driver.execute_async_script(AUDIT) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("lang", "zh", "5 of 12"),
        ("kind", "single", "7 of 12"),
        ("essay", "dl_research_notes", "3 of 12"),
        ("essay", HOSTILE, "1 of 12"),
        ("result", "verdict:partly", "2 of 12"),
        ("result", "outcome:refused", "3 of 12"),
        ("search", "10,000 HOURS leterally", "2 of 12"),
        ("search", "沮丧", "2 of 12"),
        ("search", "ＰｈＤ", "1 of 12"),
        ("search", "nobody wrote this", "0 of 12"),
    ],
)
def test_a_filter_leaves_what_fits_and_counts_it(
    come: Come, name: str, value: str, expected: str
) -> None:
    visitor = come()
    counted(visitor, "12 of 12")
    choose(visitor, name, value)
    counted(visitor, expected)
    assert visitor.one("#none").is_displayed() == expected.startswith("0")


def test_filters_narrow_one_another_and_one_button_takes_them_back(come: Come) -> None:
    visitor = come()
    choose(visitor, "lang", "en")
    choose(visitor, "kind", "single")
    counted(visitor, "5 of 12")
    choose(visitor, "search", "phd")
    counted(visitor, "1 of 12")
    visitor.click("#filters button")
    counted(visitor, "12 of 12")


def test_a_verdict_of_the_summary_chooses_its_items(come: Come) -> None:
    visitor = come()
    choose(visitor, "lang", "zh")
    visitor.click('a[data-result="verdict:wrong"]')
    counted(visitor, "1 of 12")
    assert visitor.run(SHOWN) == ["item-g03.en"]


def test_the_count_is_told_to_those_who_do_not_see_it(come: Come) -> None:
    visitor = come()
    assert visitor.one("#count").get_dom_attribute("aria-live") == "polite"


def test_the_address_of_an_item_opens_it(come: Come) -> None:
    visitor = come()
    visitor.run("location.hash = 'item-g03.en'")
    visitor.until(lambda: visitor.run("return document.getElementById('item-g03.en').open"))
    top = visitor.run("return document.getElementById('item-g03.en').getBoundingClientRect().top")
    # Not under the filters, which stay in sight.
    assert visitor.box("#filters")["bottom"] <= top < 800


def test_the_keyboard_reaches_the_filters_and_opens_an_item(come: Come) -> None:
    visitor = come()
    visitor.press("/")
    assert visitor.focused("name") == "search"
    visitor.press("a/b")
    assert visitor.run("return document.activeElement.value") == "a/b"
    visitor.press(Keys.ESCAPE)
    counted(visitor, "12 of 12")
    visitor.press(*[Keys.TAB] * 6)
    first = "return document.activeElement === document.querySelector('.item summary')"
    assert visitor.run(first)
    style = visitor.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"
    visitor.press(Keys.ENTER)
    assert visitor.run("return document.querySelector('.item').open")
    assert "科研中95%的时间是令人沮丧的。" in visitor.shown(".item mark")
    visitor.press(Keys.SPACE)
    assert not visitor.run("return document.querySelector('.item').open")


def test_a_sentence_says_in_words_whether_it_is_supported(come: Come) -> None:
    visitor = come()
    visitor.run("document.getElementById('item-g01.en').open = true")
    passed, failed = visitor.all("[id='item-g01.en'] .said > li")
    assert "✓ supported" in passed.text
    assert "✗ not supported" in failed.text
    assert "“Ninety-five” stands in no cited quote" in failed.text
    styles = [li.value_of_css_property("border-left-style") for li in (passed, failed)]
    assert styles == ["solid", "dashed"]
    beside = visitor.one("[id='item-g01.en'] .beside").text
    assert all(word in beside for word in ("held", "missed", "found, rank 2", "not found"))


def test_hostile_text_runs_nothing_asks_for_nothing_and_shows_as_it_is(come: Come) -> None:
    visitor = come()
    visitor.run("document.getElementById('item-g09.en').open = true")
    assert visitor.run("return window.hacked") is None
    here = "[id='item-g09.en']"
    assert visitor.all(f"{here} :is(script, img, a, svg, form, style)") == []
    assert visitor.shown(f"{here} .asked") == f"={HOSTILE}"
    assert visitor.shown(f"{here} mark") == HOSTILE
    assert visitor.shown(f"{here} .why li") == HOSTILE
    assert visitor.requests() == [visitor.driver.current_url]
    assert visitor.complaints() == []


def test_the_policy_stops_a_script_that_somehow_got_in(come: Come) -> None:
    visitor = come()
    visitor.run(
        "const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
        "document.body.append(s)"
    )
    assert visitor.run("return window.hacked") is None
    assert any("Content Security Policy" in said for said in visitor.complaints())


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_scrolls_sideways_even_with_everything_open(come: Come, width: int) -> None:
    visitor = come(width=width)
    assert visitor.run(SIDEWAYS) <= 0
    visitor.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert visitor.run(SIDEWAYS) <= 0
    for box in visitor.all("#filters :is(input, select, button)"):
        assert box.rect["height"] >= 40
    size = visitor.one("#filters input").value_of_css_property("font-size")
    assert float(size.removesuffix("px")) >= 16


def test_without_javascript_every_item_is_there_and_no_dead_filter(
    browse: Browse, tmp_path: Path
) -> None:
    page = write(run(), tmp_path)[-1]
    visitor = browse("en-US")
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    visitor.driver.get(page.as_uri())
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert all(item.is_displayed() for item in visitor.all(".item"))
    assert not visitor.one("#filters").is_displayed()
    assert "every item is shown" in visitor.one("noscript").text
    visitor.click(".item summary")
    assert visitor.one(".item mark").is_displayed()


def test_an_empty_run_has_no_filters_and_no_complaints(come: Come) -> None:
    visitor = come(empty())
    assert not visitor.one("#filters").is_displayed()
    assert visitor.complaints() == []


def test_on_paper_closed_items_stay_closed_and_the_page_is_light(come: Come) -> None:
    visitor = come(dark=True)
    choose(visitor, "lang", "zh")
    counted(visitor, "5 of 12")
    visitor.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not visitor.one("#filters").is_displayed()
    assert not visitor.one(".item .body").is_displayed()
    assert visitor.one(".item summary").is_displayed()
    ink = visitor.run("return getComputedStyle(document.body).color")
    assert max(map(int, re.findall(r"\d+", ink))) < 60
    visitor.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_everything_to_act_on_has_a_name_and_headings_go_down_step_by_step(come: Come) -> None:
    visitor = come()
    visitor.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    tree = visitor.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [node for node in tree if not node["ignored"]]
    named = [n for n in nodes if n["role"]["value"] in NAMED]
    assert {n["role"]["value"] for n in named} == NAMED
    assert [n for n in named if not n.get("name", {}).get("value", "").strip()] == []
    levels = [
        next(p["value"]["value"] for p in node["properties"] if p["name"] == "level")
        for node in nodes
        if node["role"]["value"] == "heading"
    ]
    assert levels.count(1) == 1
    assert all(next_ <= level + 1 for level, next_ in itertools.pairwise(levels))


def test_three_hundred_items_load_and_filter_soon(come: Come) -> None:
    visitor = come(many(300))
    counted(visitor, "300 of 300")
    loaded = visitor.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert loaded < 30_000  # milliseconds, of which it takes some hundred
    for name, value in (("search", "hours"), ("lang", "zh"), ("search", "")):
        assert visitor.driver.execute_async_script(_FILTERED, name, value) < 10_000


# Milliseconds from a choice until the page is laid out anew.
_FILTERED = """
const [name, value, done] = arguments;
const began = performance.now();
const box = document.querySelector("#filters").elements[name];
box.value = value;
box.dispatchEvent(new Event("input", { bubbles: true }));
requestAnimationFrame(() => {
  document.body.getBoundingClientRect();
  done(performance.now() - began);
});
"""


def test_a_very_long_answer_is_shown_whole(come: Come) -> None:
    visitor = come(width=320)
    visitor.run("document.getElementById('item-g10.en').open = true")
    assert len(visitor.shown("[id='item-g10.en'] .said")) > 10_000
    assert visitor.one("[id='item-g10.en'] .said .text").rect["height"] > 2_000
    assert visitor.run(SIDEWAYS) <= 0
