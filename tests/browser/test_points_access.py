"""Points 32 to 36: every hand, eye, ear and screen. The table is in test_points.py."""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest
from conftest import CITATION, Visitor, axe, serving
from selenium.webdriver.common.keys import Keys
from web_fakes import FakeMentor, Streaming, cited, document, quoted, shelf

from rag import Answer

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

TOPIC = "怎么选课题?"
WEATHER = "今天天气怎么样?"
SIDEWAYS = "return document.documentElement.scrollWidth - innerWidth"
HOSTILE = (
    "<script>window.hacked=1</script><img src=http://127.0.0.1:9/x onerror=window.hacked=1> "
    "[x](javascript:window.hacked=1) ![i](http://127.0.0.1:9/i.png) ${window.hacked=1} {{x}} "
    "<svg><a href='javascript:window.hacked=1'>svg</a></svg> *a* _b_ `c` $$\\frac{1}{2}$$ "
    "http://127.0.0.1:9/bare <form action=http://127.0.0.1:9/><button>go</button></form>"
)


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    with serving(Streaming()) as address:
        yield address


def test_32_the_whole_way_goes_by_keyboard_and_back_to_the_citation(
    browse: Browse, place: str
) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.until(lambda: visitor.focused("data-testid") == "textbox")
    visitor.press(TOPIC, Keys.ENTER)
    visitor.answered(0)
    visitor.until(lambda: visitor.focused("data-testid") == "textbox")
    back = Keys.SHIFT + Keys.TAB + Keys.NULL
    for _ in range(40):
        visitor.press(back)
        href = visitor.focused("href") or ""
        if href.startswith("#cite-one_year_off"):
            break
    visitor.press(Keys.ENTER)
    visitor.until(lambda: visitor.focused("id") == "hit")
    assert visitor.shown("#hit") == "阅读大量的论文,看看他们遇到了什么问题。"
    visitor.press(Keys.ESCAPE)
    assert visitor.all("#reader") == []
    assert visitor.focused("href") == href
    visitor.press(Keys.ENTER)
    visitor.until(lambda: visitor.focused("id") == "hit")
    visitor.one("#reader .reader-close").send_keys(Keys.ENTER)
    visitor.until(lambda: visitor.focused("href") == href)


_LISTEN = """
window.said = [];
const heard = document.querySelector('#heard');
new MutationObserver(() => window.said.push(heard.textContent)).observe(
  heard, {subtree: true, childList: true, characterData: true});
"""


def test_33_a_turn_is_announced_twice_searching_and_then_the_whole_answer(
    browse: Browse, place: str
) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.run(_LISTEN)
    visitor.ask(TOPIC)
    visitor.one("#question textarea:enabled")
    said = visitor.run("return window.said")
    assert len(said) == 2
    assert said[0] == "正在查找…"
    assert said[1].startswith("关于选题,文章里这样说。")
    assert said[1].endswith("阅读大量的论文,看看他们遇到了什么问题。")
    assert visitor.one("#heard").get_attribute("role") == "status"
    live = "return [...document.querySelectorAll('[aria-live]')].map(e => e.ariaLive)"
    assert set(visitor.run(live)) <= {"off"}
    # By a starter or a follow-up it is the same.
    visitor.click("#chat .options .option")
    visitor.answered(1)
    assert len(visitor.run("return window.said")) == 4


_AXE = """
const done = arguments[0];
axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(
  ({violations}) => done(violations.map(({id, nodes}) => [id, ...nodes.map(n => `${n.target}`)])),
  error => done([String(error)]));
"""
_STILL = """
return document.getAnimations().every(a => a.playState !== 'running'
  || a.effect.getComputedTiming().endTime === Infinity);
"""
_SMALL = """
return [...document.querySelectorAll('button, textarea, input, summary, a[href^="#cite-"]')]
  .map(e => [e.className || e.id, e.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
  .map(([name, box]) => `${name} ${box.width}x${box.height}`);
"""


def assert_accessible(visitor: Visitor, state: str) -> None:
    visitor.until(lambda: visitor.run(_STILL))  # what is half faded in has too little contrast
    visitor.run(axe())
    violations = visitor.driver.execute_async_script(_AXE)
    assert violations == [], f"{state}: {json.dumps(violations, ensure_ascii=False)}"
    assert visitor.run(_SMALL) == [], state


@pytest.mark.parametrize("dark", [False, True])
def test_34_axe_finds_nothing_in_any_state_and_targets_are_large_enough(
    browse: Browse, place: str, *, dark: bool
) -> None:
    visitor = browse(dark=dark)
    visitor.visit(place)
    assert_accessible(visitor, "empty")
    visitor.ask(TOPIC)
    assert_accessible(visitor, "answered")
    visitor.open_citation()
    assert_accessible(visitor, "reader")
    visitor.close_reader()
    visitor.ask(WEATHER)
    assert_accessible(visitor, "refused")
    background = visitor.run("return getComputedStyle(document.body).backgroundColor")
    assert (int(background.partition("(")[2].partition(",")[0]) < 60) == dark


@pytest.mark.parametrize("width", [640, 320])  # 640 is a screen of 1280 at 200 %
def test_34_nothing_scrolls_sideways_at_200_percent_or_on_320_pixels(
    browse: Browse, place: str, width: int
) -> None:
    visitor = browse(width=width, height=640)
    visitor.visit(place)
    assert visitor.run(SIDEWAYS) <= 0
    visitor.ask(TOPIC)
    assert visitor.run(SIDEWAYS) <= 0
    visitor.open_citation()
    assert visitor.run(SIDEWAYS) <= 0
    assert visitor.box("#reader")["right"] <= width
    visitor.close_reader()
    visitor.ask(WEATHER)
    assert visitor.run(SIDEWAYS) <= 0
    box, footer = visitor.box("#question"), visitor.box("#keeping")
    assert box["bottom"] <= footer["bottom"] <= 640


def test_35_on_a_phone_the_reader_is_a_sheet_with_a_button_to_close_it(
    browse: Browse, place: str
) -> None:
    visitor = browse(width=390, height=844)
    visitor.visit(place)
    visitor.ask(TOPIC)
    visitor.open_citation()
    sheet = visitor.box("#reader")
    assert (sheet["left"], sheet["right"], sheet["bottom"]) == (0, 390, 844)
    assert_inside(visitor.box("#hit"), visitor.box("#reader .reader-body"))
    close = visitor.box("#reader .reader-close")
    assert_inside(close, sheet)
    assert min(close["width"], close["height"]) >= 44
    visitor.one("#reader .reader-close").click()
    visitor.until(lambda: not visitor.all("#reader"))


def test_35_on_a_phone_the_box_is_large_enough_and_stays_above_the_keyboard(
    browse: Browse, place: str
) -> None:
    visitor = browse(width=390, height=844)
    visitor.visit(place)
    size = visitor.one("#question textarea").value_of_css_property("font-size")
    assert float(size.removesuffix("px")) >= 16  # below it, iOS zooms in
    viewport = visitor.one("meta[name=viewport]").get_attribute("content")
    assert "interactive-widget=resizes-content" in viewport
    # What the keyboard leaves of the screen.
    size = {"width": 390, "height": 420, "deviceScaleFactor": 1, "mobile": True}
    visitor.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    visitor.until(lambda: visitor.box("#question")["bottom"] <= 420)
    visitor.ask(TOPIC)
    assert visitor.box("#question")["bottom"] <= 420
    assert visitor.box("#chat .panel-wrap")["height"] > 60


def assert_inside(inner: Mapping[str, float], outer: Mapping[str, float]) -> None:
    assert inner["top"] >= outer["top"]
    assert inner["bottom"] <= outer["bottom"]
    assert inner["left"] >= outer["left"]
    assert inner["right"] <= outer["right"] + 1


@pytest.mark.parametrize("dark", [False, True])
def test_36_a_whole_visit_stays_on_this_server_and_the_console_stays_silent(
    browse: Browse, place: str, *, dark: bool
) -> None:
    visitor = browse(dark=dark)
    visitor.visit(place)
    visitor.ask(TOPIC)
    visitor.open_citation()
    visitor.close_reader()
    visitor.ask(WEATHER)
    visitor.click("#chat .tools .up")
    visitor.until(lambda: visitor.shown("#chat .tools-said"))
    requests = visitor.requests()
    assert len(requests) > 20
    assert [url for url in requests if not url.startswith(f"{place}/")] == []
    assert visitor.complaints() == []


class Hostile(FakeMentor):
    """An essay, an answer and a question that all try to become something else than text."""

    def __init__(self) -> None:
        speaker = shelf()["one_year_off"].speakers[0]
        fields = {"site": HOSTILE, "url": "javascript:window.hacked=1"}
        essay = document("evil", HOSTILE, f"# t\n\n{HOSTILE}\n\n- {HOSTILE}\n", speaker, **fields)
        super().__init__({"evil": essay})

    def ask(self, question: str, history: object = ()) -> Answer:
        sentence = quoted(cited(self.documents, 1, "evil", HOSTILE), HOSTILE)
        return Answer(question, "zh", "answered", HOSTILE, (sentence,), followups=(HOSTILE,))

    def retrieve(self, question: str, k: int, history: object = ()) -> list[object]:
        return []

    def starters(self, lang: str, n: int = 4) -> tuple[str, ...]:
        return (HOSTILE,)


_LAST_ASKED = "return [...document.querySelectorAll('#chat .user-row')].at(-1).innerText.trim()"


def test_36_hostile_text_shows_as_text_everywhere(browse: Browse) -> None:
    with serving(Hostile()) as address:
        visitor = browse()
        visitor.visit(address)
        assert visitor.all("details.essays :is(script, img, form, svg)") == []
        visitor.ask(HOSTILE)
        assert visitor.run(_LAST_ASKED) == HOSTILE
        lead = visitor.run("return document.querySelector('#chat .bot-row p').innerText")
        assert lead.strip() == HOSTILE
        quote = visitor.run("return document.querySelector('#chat blockquote').innerText")
        assert quote.replace("\xa0", " ").strip() == f"{HOSTILE} 1"
        made = (
            "#chat .message-content :is(script, img, svg a, form, input, code, em, .katex),"
            " #peek *, #heard *"
        )
        assert visitor.all(made) == []
        hrefs = [str(a.get_dom_attribute("href")) for a in visitor.all("#chat .message-row a")]
        assert all(href.startswith(("#cite-evil-", "/read/evil?")) for href in hrefs)
        visitor.open_citation()
        assert visitor.shown("#hit") == HOSTILE
        assert visitor.all("#reader :is(script, img, form, svg)") == []
        assert visitor.all('#reader a[href^="javascript"]') == []
        visitor.close_reader()
        visitor.click("#chat .options .option")
        visitor.answered(1)
        assert visitor.run(_LAST_ASKED) == HOSTILE
        visitor.driver.refresh()  # what was kept is no more trusted than what came
        visitor.come_in()
        visitor.until(lambda: len(visitor.all(f"#chat {CITATION}")) == 4)
        assert visitor.all(made) == []
        assert visitor.run("return window.hacked") is None
        assert [u for u in visitor.requests() if not u.startswith(f"{address}/")] == []
        assert visitor.complaints() == []
