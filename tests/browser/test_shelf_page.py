"""The shelf and the page of an essay in a real browser, with the real essays."""

import re
from collections.abc import Callable

import pytest
from conftest import AUDIT, Visitor, axe
from selenium.webdriver.common.keys import Keys

from rag import Document

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

QUOTE = "/read/kaiming_he_qa?s=2963&e=2988"
PAGES = ("/shelf", "/shelf?q=choosing+a+topic", "/shelf?q=zxqv", "/read/one_year_off", QUOTE)
SIDEWAYS = "return document.documentElement.scrollWidth - innerWidth"


@pytest.mark.parametrize(("lang", "dark"), [("zh-CN", False), ("en-US", True)])
def test_nobody_is_kept_out_by_these_pages(
    browse: Browse, address: str, lang: str, dark: bool
) -> None:
    visitor = browse(lang, 390, dark=dark)
    for page in PAGES:
        visitor.driver.get(f"{address}{page}")
        assert visitor.complaints() == []
        visitor.run(axe())
        assert visitor.driver.execute_async_script(AUDIT) == []
        visitor.complaints()


def test_no_page_asks_for_anything_from_elsewhere_or_runs_a_script(
    browse: Browse, address: str
) -> None:
    visitor = browse("en-US")
    for page in PAGES:
        visitor.driver.get(f"{address}{page}")
        assert visitor.all("script, style, [style]") == []
        assert all(url.startswith(address) for url in visitor.requests())
        assert visitor.complaints() == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_has_to_be_pushed_sideways_on_the_narrowest_screen(
    browse: Browse, address: str, page: str
) -> None:
    visitor = browse("en-US", 320, 640)
    visitor.driver.get(f"{address}{page}")
    assert visitor.run(SIDEWAYS) <= 0


def test_a_search_leads_to_the_passage_in_its_essay(browse: Browse, address: str) -> None:
    visitor = browse("en-US", dark=True)
    visitor.driver.get(f"{address}/shelf")
    visitor.one("#q").send_keys("choosing a topic", Keys.ENTER)
    visitor.until(lambda: visitor.all(".results li"))
    words = {mark.text.lower() for mark in visitor.all(".results mark")}
    assert {"choosing", "topic"} <= words
    visitor.click(".results li a")
    visitor.one("#hit")
    box = visitor.box("#hit")
    assert 0 <= box["top"] < 800
    assert visitor.run("return location.hash") == "#hit"


def test_all_of_it_works_without_javascript(
    browse: Browse, address: str, essays: dict[str, Document]
) -> None:
    visitor = browse("en-US")
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visitor.driver.get(f"{address}/shelf")
        assert len(visitor.all(".cards article")) == len(essays)
        visitor.one("#q").send_keys("PhD", Keys.ENTER)
        visitor.click(".results li a")
        assert visitor.one("#hit").text
        visitor.click(".contents a", 3)
        assert re.search(r"#s\d+$", visitor.driver.current_url)
        visitor.click(".neighbours a")
        assert visitor.one("main > article").text
    finally:
        visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_on_paper_there_is_the_essay_and_nothing_to_click(browse: Browse, address: str) -> None:
    visitor = browse("en-US", dark=True)
    visitor.driver.get(f"{address}/read/losing_faith_in_dl")
    visitor.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = (".bar", ".contents", ".neighbours", ".answers")
    assert [name for name in hidden if visitor.one(name).is_displayed()] == []
    assert visitor.one("main > article").is_displayed()
    ground, ink = visitor.run(
        "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]"
    )
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    link = "return getComputedStyle(document.querySelector('.original'), '::after').content"
    assert "zhihu.com" in visitor.run(link)


def test_the_reader_of_english_has_a_translation_under_what_is_quoted(
    browse: Browse, address: str
) -> None:
    visitor = browse("en-US")
    visitor.driver.get(f"{address}{QUOTE}#hit")
    told = visitor.one(".told").text
    assert "curiosity" in told
    assert visitor.run("return document.querySelector('.told').closest('[lang]').lang") == "en"
    assert visitor.run("return document.querySelector('#hit').closest('[lang]').lang") == "zh"
    below = visitor.box(".told")["top"] - visitor.box("#hit")["bottom"]
    assert 0 <= below < 40


def test_the_other_language_is_a_click_away_and_keeps_the_place(
    browse: Browse, address: str
) -> None:
    visitor = browse("en-US")
    visitor.driver.get(f"{address}{QUOTE}#hit")
    marked = visitor.shown("#hit")
    visitor.click(".switch")
    visitor.until(lambda: visitor.run("return document.documentElement.lang") == "zh-CN")
    assert visitor.shown("#hit") == marked
    assert visitor.all(".told") == []
