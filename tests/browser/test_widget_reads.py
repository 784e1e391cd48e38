"""Citations in the widget, and the essay that each of them opens."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from web_fakes import CHOOSE, FakeMentor, Waiting, cited, quoted
from widget_host import LISTEN, TOPIC, Browse, Guest, Place, placed

from rag import Answer
from ui.render import quote_hash

pytestmark = pytest.mark.browser

SECOND = "好奇心是关键。"


class Quoting(FakeMentor):
    """Quotes of every length around the ends of a hash's blocks, with letters beyond the BMP."""

    def ask(self, question: str, history: object = ()) -> Answer:
        text = self.documents["kaiming_he_qa"].text
        whole = [text[at : at + n] for at, n in [(60, 18), (61, 19), (62, 21), (40, 64), (0, 300)]]
        english = self.documents["english"].text
        whole += [english[:n] for n in range(53, 67)]
        cites = [
            cited(self.documents, n, "english" if quote.isascii() else "kaiming_he_qa", quote)
            for n, quote in enumerate(whole, 1)
        ]
        sentences = tuple(quoted(citation, "Ann") for citation in cites)
        return Answer(question, "en", "answered", "So:", sentences)

    def __init__(self) -> None:
        super().__init__()
        essay = self.documents["one_year_off"]
        text = "Reading a paper twice is worth more than reading two papers once. " * 3
        english = type(essay)(**{name: getattr(essay, name) for name in essay.__slots__})
        object.__setattr__(english, "text", text)
        object.__setattr__(english, "id", "english")
        self.documents = {**self.documents, "english": english}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(FakeMentor(), tmp_path_factory.mktemp("index")) as place:
        yield place


@pytest.fixture
def guest(browse: Browse, place: Place) -> Guest:
    tall = "<p style='height:3000px'>A long page</p>"
    guest = Guest(browse("en")).visit(place.put("/", LISTEN + tall)).open()
    guest.ask(TOPIC)
    return guest


def reading(guest: Guest, quote: str) -> None:
    guest.until(lambda: guest.all("#hit") and guest.text("#hit") == quote)


def test_a_click_on_a_number_shows_the_quote_centred_in_its_essay(guest: Guest) -> None:
    guest.run("""
        window.took = 0;
        const from = {};
        root.addEventListener("click", () => { from.at = performance.now(); }, true);
        new MutationObserver(() => {
          if (!took && root.getElementById("hit")) took = performance.now() - from.at;
        }).observe(root, {childList: true, subtree: true});
    """)
    guest.click(".n", 2)
    reading(guest, "阅读大量的论文,看看他们遇到了什么问题。")
    guest.press(Keys.ESCAPE)
    guest.click(".n")
    reading(guest, CHOOSE)
    assert guest.focused() == "hit"
    hit, frame = guest.box("#hit"), guest.box(".essay")
    assert frame["top"] <= hit["top"]
    assert hit["bottom"] <= frame["bottom"]
    assert guest.visitor.run("return [scrollY, location.hash]") == [0, ""]
    assert guest.visitor.run("return took") < 10_000  # milliseconds, of which it takes some
    facts = guest.text(".about")
    assert "QbitAI" in facts
    assert "2024-02-27" in facts
    assert "Paragraph 4 / " in facts
    assert guest.text(".essay > .soft") == "The text belongs to its author."
    assert guest.text("article").startswith("选题")  # the title stands above, once


def test_a_passage_deep_in_an_essay_is_scrolled_to_the_middle(guest: Guest) -> None:
    guest.ask("What about the weather?")
    guest.click(".refused .sources a")
    reading(guest, "第3段。科研中95%的时间是令人沮丧的。")
    hit, frame = guest.box("#hit"), guest.box(".essay")
    middle = (hit["top"] + hit["bottom"]) / 2
    assert abs(middle - (frame["top"] + frame["bottom"]) / 2) < 40


def test_escape_returns_to_the_number_and_the_active_one_is_marked(guest: Guest) -> None:
    guest.run("root.querySelectorAll('.n')[1].focus()")
    guest.press(Keys.ENTER)
    reading(guest, SECOND)
    guest.press(Keys.ESCAPE)
    assert guest.all(".reader:not([hidden])") == []
    assert guest.run("return root.activeElement === root.querySelectorAll('.n')[1]")
    assert {number.text for number in guest.all(".n.on")} == {"2"}
    guest.press(Keys.ENTER)
    reading(guest, SECOND)
    guest.click(".back")
    assert guest.run("return root.activeElement === root.querySelectorAll('.n')[1]")


def test_the_steps_lead_from_quote_to_quote(guest: Guest) -> None:
    guest.click(".n")
    reading(guest, CHOOSE)
    back, on = guest.shown(".steps button")
    assert not back.is_enabled()
    on.click()
    reading(guest, SECOND)
    guest.until(lambda: guest.run("return root.activeElement.closest('.steps') !== null"))
    guest.press(Keys.ENTER)  # the focus stayed on the step
    reading(guest, "阅读大量的论文,看看他们遇到了什么问题。")
    assert guest.text("#essay") == "一年"
    assert "3 / 3" in guest.text(".steps")
    assert {number.text for number in guest.all(".n.on")} == {"3"}
    assert not guest.shown(".steps button")[1].is_enabled()
    guest.press(Keys.ESCAPE)


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_a_number_tells_its_essay_and_its_quote_before_it_is_opened(guest: Guest, by: str) -> None:
    number = guest.shown(".n")[0]
    if by == "pointer":
        ActionChains(guest.visitor.driver).move_to_element(number).perform()
    else:
        guest.run("root.querySelector('.log').focus()")
        guest.press(Keys.TAB)
    told = "return getComputedStyle(root.querySelector('.n'), '::after').content"
    guest.until(lambda: "何恺明问答" in guest.run(told))
    assert CHOOSE in guest.run(told)
    assert CHOOSE in str(number.get_dom_attribute("aria-label"))
    guest.press(Keys.ESCAPE)  # takes the hint away, and only that
    assert guest.run(told) == "none"
    assert guest.shown(".card")


def test_every_number_leads_to_a_plain_page_that_knows_its_quote(
    browse: Browse, tmp_path: Path
) -> None:
    mentor = Quoting()
    with placed(mentor, tmp_path) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        guest.ask(TOPIC)
        hrefs = list(dict.fromkeys(n.get_dom_attribute("href") for n in guest.all(".n")))
        assert len(hrefs) == 19
        for href in map(str, hrefs):
            parts = urlsplit(href)
            query = {name: value[0] for name, value in parse_qs(parts.query).items()}
            text = mentor.documents[parts.path.rpartition("/")[2]].text
            assert query["h"] == quote_hash(text[int(query["s"]) : int(query["e"])])
        with urlopen(str(hrefs[0]).partition("#")[0]) as page:
            assert re.search('<mark id="hit"', page.read().decode())


def test_a_click_with_a_key_held_is_the_browsers_own(guest: Guest) -> None:
    number = guest.shown(".n")[0]
    keys = ActionChains(guest.visitor.driver)
    keys.key_down(Keys.CONTROL).click(number).key_up(Keys.CONTROL).perform()
    driver = guest.visitor.driver
    guest.until(lambda: len(driver.window_handles) == 2)
    assert guest.all(".reader:not([hidden])") == []
    home = driver.current_window_handle
    other = next(handle for handle in driver.window_handles if handle != home)
    driver.switch_to.window(other)
    driver.close()
    driver.switch_to.window(home)


def test_a_slow_press_counts_though_the_answer_grows_meanwhile(
    browse: Browse, tmp_path: Path
) -> None:
    mentor = Waiting()
    with placed(mentor, tmp_path) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        guest.one("textarea").send_keys(TOPIC, Keys.ENTER)
        number = guest.one(".n")
        ActionChains(guest.visitor.driver).click_and_hold(number).perform()
        mentor.go.set()
        guest.until(lambda: len(guest.all(".n")) >= 3)
        ActionChains(guest.visitor.driver).release().perform()
        reading(guest, CHOOSE)
        guest.answered()
        guest.press(Keys.ESCAPE)
        assert guest.run("return root.activeElement.textContent") == "1"


def test_a_changed_essay_opens_unmarked_and_says_why(browse: Browse, tmp_path: Path) -> None:
    mentor = FakeMentor()
    with placed(mentor, tmp_path) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        guest.ask(TOPIC)
        essay = mentor.documents["kaiming_he_qa"]
        object.__setattr__(essay, "text", essay.text.replace("好奇心", "好奇"))
        guest.click(".n")
        assert "has changed" in guest.one(".essay .notice").text
        assert guest.all("mark") == []
        assert "第39段" in guest.text("article")


def test_an_essay_that_cannot_be_opened_can_be_tried_again(browse: Browse, tmp_path: Path) -> None:
    broken = threading.Event()

    def failing(app: ASGIApp) -> ASGIApp:
        async def called(scope: Scope, receive: Receive, send: Send) -> None:
            wrong = broken.is_set() and scope.get("path") == "/api/passage"
            reply = Response('{"error": "no"}', 503, media_type="application/json")
            await (reply if wrong else app)(scope, receive, send)

        return called

    with placed(FakeMentor(), tmp_path, failing) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        guest.ask(TOPIC)
        broken.set()
        guest.click(".n")
        assert "busy" in guest.one(".essay .notice").text
        assert guest.focused() == "button"
        broken.clear()
        guest.press(Keys.ENTER)
        reading(guest, CHOOSE)
