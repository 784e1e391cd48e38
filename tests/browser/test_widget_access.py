"""The widget by keyboard, for assistive technology, small, large, dark, and in three languages."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import axe
from selenium.webdriver.common.keys import Keys
from web_fakes import CHOOSE, FakeMentor
from widget_host import LISTEN, REFUSED, TOPIC, Browse, Guest, Place, placed

pytestmark = pytest.mark.browser

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = """
const [rules, done] = arguments;
axe.run("mentor-widget", {runOnly: {type: "tag", values: rules}}).then((found) =>
  done(found.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => String(n.target))])));
"""
SIDEWAYS = """
return [...root.querySelectorAll(".card, .log, .essay, .main, .reader")]
  .filter((box) => box.offsetParent !== null || getComputedStyle(box).position === "fixed")
  .map((box) => box.scrollWidth - box.clientWidth)
  .concat(document.documentElement.scrollWidth - innerWidth);
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(FakeMentor(), tmp_path_factory.mktemp("index")) as place:
        yield place


def violations(guest: Guest) -> Any:
    return guest.visitor.driver.execute_async_script(_AXE, _RULES)


def read(guest: Guest) -> None:
    guest.click(".n")
    guest.until(lambda: guest.all("#hit"))


def test_the_whole_way_goes_by_keyboard(browse: Browse, place: Place) -> None:
    guest = Guest(browse("en")).visit(place.put("/", LISTEN))
    assert guest.one(".launcher").get_dom_attribute("aria-expanded") == "false"
    guest.press(Keys.TAB)
    assert guest.focused() == "launcher"
    guest.press(Keys.ENTER)
    assert guest.focused() == "textarea"
    assert guest.one(".launcher").get_dom_attribute("aria-expanded") == "true"
    guest.press(TOPIC, Keys.ENTER)
    guest.answered()
    assert guest.focused() == "textarea"
    for _ in range(20):
        guest.press(Keys.SHIFT, Keys.TAB, Keys.NULL)
        if guest.focused() == "n":
            break
    number = guest.run("return root.activeElement.textContent")
    guest.press(Keys.ENTER)
    guest.until(lambda: guest.focused() == "hit")
    guest.press(Keys.ESCAPE)
    assert guest.focused() == "n"
    assert guest.run("return root.activeElement.textContent") == number
    guest.press(Keys.ESCAPE)
    assert guest.shown(".card") == []
    assert guest.focused() == "launcher"
    assert guest.one(".launcher").get_dom_attribute("aria-expanded") == "false"


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_in_any_state(browse: Browse, place: Place, dark: bool) -> None:
    guest = Guest(browse("en", dark=dark)).visit(place.put("/", "<h1>A page</h1>"))
    guest.visitor.run(axe())
    found = {"closed": violations(guest)}
    guest.open()
    found["open"] = violations(guest)
    guest.ask(TOPIC)
    found["answered"] = violations(guest)
    guest.run("root.querySelector('.n').focus()")
    found["hint"] = violations(guest)
    read(guest)
    found["reading beside"] = violations(guest)
    size = {"width": 700, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    guest.visitor.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    found["reading above"] = violations(guest)
    guest.press(Keys.ESCAPE)
    guest.ask(REFUSED)
    found["refused"] = violations(guest)
    guest.ask("break")
    found["trouble"] = violations(guest)
    assert guest.shown(".notice")
    assert {state: wrong for state, wrong in found.items() if wrong} == {}
    red = re.findall(r"\d+", guest.style(".card", "background-color"))[0]
    assert (int(red) < 60) == dark


@pytest.mark.parametrize(
    ("width", "height"), [(320, 640), (390, 844), (640, 400), (1280, 800)]
)  # the third is 1280 by 800 at 200 %
def test_nothing_scrolls_sideways_and_every_target_is_large_enough(
    browse: Browse, place: Place, width: int, height: int
) -> None:
    guest = Guest(browse("en", width=width, height=height)).visit(place.put("/", "<p>A page</p>"))
    guest.open().ask(TOPIC)
    assert max(guest.run(SIDEWAYS)) <= 0
    for target in guest.shown("button, a, textarea"):
        assert min(target.size.values()) >= 24, target.text
    for part in (".send", "textarea", ".bar .x"):
        box = guest.box(part)
        assert box["left"] >= 0
        assert box["top"] >= 0
        assert box["right"] <= width
        assert box["bottom"] <= height
    read(guest)
    assert max(guest.run(SIDEWAYS)) <= 0
    assert guest.box(".back")["height"] >= 24


def test_on_a_phone_it_covers_the_page_and_keeps_the_focus(browse: Browse, place: Place) -> None:
    guest = Guest(browse("en", width=390, height=844)).visit(place.put("/", "<a href=#>a</a>"))
    guest.open()
    card = guest.box(".card")
    assert (card["left"], card["top"], card["right"], card["bottom"]) == (0, 0, 390, 844)
    assert guest.one(".card").get_dom_attribute("aria-modal") == "true"
    assert guest.style("textarea", "font-size") == "16px"
    guest.ask(TOPIC)
    seen = set()
    for _ in range(30):
        guest.press(Keys.TAB)
        seen.add(guest.focused())
    assert "" not in seen
    assert {"x", "textarea", "n"} <= seen
    read(guest)
    assert guest.run("return root.querySelector('.main').inert")
    assert guest.box(".reader")["height"] > 800
    guest.click(".back")
    guest.click(".bar .x:last-child")
    assert guest.shown(".card") == []
    assert guest.one(".launcher").get_dom_attribute("aria-expanded") == "false"


def test_on_a_wide_page_the_essay_stands_beside_the_answer(browse: Browse, place: Place) -> None:
    guest = Guest(browse("en")).visit(place.put("/", "")).open()
    guest.ask(TOPIC)
    read(guest)
    assert guest.box(".main")["right"] <= guest.box(".reader")["left"]
    assert not guest.run("return root.querySelector('.main').inert")
    assert guest.one(".card").get_dom_attribute("aria-modal") is None


def _light(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_light(one), _light(other)))
    return (light + 0.05) / (dark + 0.05)


def test_words_stay_readable_whatever_the_accent(browse: Browse, place: Place) -> None:
    for color in ("#ffffff", "#000000", "#ffd400", "#7f7f7f", "#0a58ff", "#E4002B", "red"):
        for dark in (False, True):
            script = place.script(f'data-color="{color}"')
            html = f"<!doctype html><html><head>{script}</head></html>"
            guest = Guest(browse("en", dark=dark)).visit(place.put_whole("/colour", html))
            accent = guest.style(".launcher", "background-color")
            wanted = color if color.startswith("#") else "#0f5c5c"
            assert accent == "rgb({}, {}, {})".format(*bytes.fromhex(wanted[1:]))
            assert _contrast(guest.style(".launcher", "color"), accent) >= 4.5, (color, dark)
            link = guest.style(".launcher", "border-top-color")
            for paper in ("--paper", "--tint"):
                under = bytes.fromhex(guest.style(".all", paper).strip()[1:])
                on = "rgb({}, {}, {})".format(*under)
                assert _contrast(link, on) >= 4.5, (color, dark, paper)


def test_forced_colours_are_honoured_and_nothing_moves(browse: Browse, place: Place) -> None:
    guest = Guest(browse("en")).visit(place.put("/", "")).open()
    guest.ask(TOPIC)
    read(guest)
    assert guest.run("return root.getAnimations({subtree: true}).length") == 0
    assert guest.style("#hit", "border-top-style") == "none"
    features = [{"name": "forced-colors", "value": "active"}]
    guest.visitor.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    assert guest.style("#hit", "border-top-style") == "solid"


@pytest.mark.parametrize(
    ("browser", "page", "attribute", "words"),
    [
        ("en", "zh-CN", "", "问 Mentor"),
        ("en", "zh-Hant-HK", "", "問 Mentor"),
        ("zh-CN", "en-GB", "", "Ask Mentor"),
        ("zh-CN", "fr", "", "问 Mentor"),
        ("zh-CN", "en", "zh-TW", "問 Mentor"),
        ("en", "zh", "auto", "问 Mentor"),
    ],
)
def test_it_speaks_as_it_is_told_else_as_the_page_else_as_the_browser(
    browse: Browse, place: Place, browser: str, page: str, attribute: str, words: str
) -> None:
    script = place.script(f'data-lang="{attribute}"')
    html = f'<!doctype html><html lang="{page}"><head>{script}</head><body></body></html>'
    guest = Guest(browse(browser)).visit(place.put_whole("/tongue", html))
    assert guest.one(".launcher").text == words


def test_the_owner_chooses_the_words_the_corner_and_the_questions(
    browse: Browse, place: Place
) -> None:
    attributes = (
        'data-title="Prof &lt;b&gt;" data-greeting="Welcome to the lab" data-placeholder="Go on" '
        'data-questions="How do I choose a topic? | Why write?" data-position="left" data-open'
    )
    guest = Guest(browse("en")).visit(place.put("/own", "<input autofocus>", attributes))
    guest.until(lambda: guest.shown(".intro .next button"))
    assert guest.one(".launcher").text == "Ask Prof <b>"
    assert guest.one(".intro .lead").text == "Welcome to the lab"
    assert guest.one("textarea").get_dom_attribute("placeholder") == "Go on"
    asks = [button.text for button in guest.shown(".intro .next button")]
    assert asks == ["How do I choose a topic?", "Why write?"]
    assert guest.box(".card")["left"] == 20
    assert guest.visitor.run("return document.activeElement.localName") == "input"
    guest.click(".intro .next button")
    guest.answered()
    assert CHOOSE in guest.text(".turn")


def test_chinese_is_set_with_room_between_its_lines(browse: Browse, place: Place) -> None:
    guest = Guest(browse("en")).visit(place.put("/zh", "", 'data-lang="zh-CN"')).open()
    guest.ask("怎么选课题?")
    assert guest.text(".who").endswith("说：")
    line = float(guest.style("blockquote", "line-height").removesuffix("px"))
    assert line / float(guest.style("blockquote", "font-size").removesuffix("px")) >= 1.7
    read(guest)
    assert guest.style("article", "line-height") == "32.3px"
    assert guest.style("#hit", "font-style") == "normal"
