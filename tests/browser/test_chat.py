import re
import time
from collections.abc import Callable, Mapping

import pytest
from conftest import CITATION, Visitor, serving
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from web_fakes import FakeMentor, cited, document, quoted, shelf

from rag import Answer, Document

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

TOPIC = "怎么选研究课题?"
HOSTILE = (
    "<script>window.hacked=1</script><img src=http://127.0.0.1:9/x onerror=window.hacked=1> "
    "[x](javascript:window.hacked=1) ![i](http://127.0.0.1:9/i.png) ${window.hacked=1} {{x}} "
    "<svg><a href='javascript:window.hacked=1'>svg</a></svg> *a* _b_ `c` $$\\frac{1}{2}$$ "
    "http://127.0.0.1:9/bare <form action=http://127.0.0.1:9/><button>go</button></form>"
)


def quote_of(essays: Mapping[str, Document], href: str) -> str:
    found = re.fullmatch(r"#cite-([a-z0-9_]+)-(\d+)-(\d+)-[0-9a-f]{8}", href)
    assert found
    return essays[found[1]].text[int(found[2]) : int(found[3])]


def opened(visitor: Visitor) -> None:
    visitor.one("#reader #hit")
    visitor.until(lambda: visitor.focused("id") == "hit")


def assert_inside(inner: Mapping[str, float], outer: Mapping[str, float]) -> None:
    assert inner["top"] >= outer["top"]
    assert inner["bottom"] <= outer["bottom"]
    assert inner["left"] >= outer["left"]
    assert inner["right"] <= outer["right"] + 1


def test_a_click_on_a_citation_shows_the_quote_in_its_essay(
    browse: Browse, address: str, essays: Mapping[str, Document]
) -> None:
    visitor = browse()
    visitor.visit(address)
    visitor.ask(TOPIC)
    href = str(visitor.one(CITATION).get_dom_attribute("href"))
    visitor.click(CITATION)
    opened(visitor)
    assert visitor.shown("#hit") == quote_of(essays, href)
    assert_inside(visitor.box("#hit"), visitor.box("#reader .reader-body"))
    assert "cite-active" in visitor.all(CITATION)[0].get_attribute("class").split()
    assert visitor.run("return [scrollX, scrollY, location.hash]") == [0, 0, ""]
    # The chat makes room: nothing of it lies under the panel.
    assert visitor.box("#chat")["right"] <= visitor.box("#reader")["left"]


def test_every_citation_of_an_answer_leads_to_its_own_quote(
    browse: Browse, address: str, essays: Mapping[str, Document]
) -> None:
    visitor = browse(height=1400)
    visitor.visit(address)
    visitor.ask("科研让人沮丧怎么办?")
    hrefs = [str(link.get_dom_attribute("href")) for link in visitor.all(CITATION)]
    for n, href in enumerate(hrefs):
        visitor.click(CITATION, n)
        quote = quote_of(essays, href)
        visitor.until(lambda quote=quote: visitor.shown("#hit") == quote)
        top = visitor.box("#hit")["top"]
        assert visitor.box("#reader .reader-body")["top"] <= top
        assert top < visitor.box("#reader .reader-body")["bottom"]
    assert len(visitor.all("#reader")) == 1


def test_the_keyboard_opens_a_citation_and_escape_returns_to_it(
    browse: Browse, address: str, essays: Mapping[str, Document]
) -> None:
    visitor = browse()
    visitor.visit(address)
    visitor.ask(TOPIC)
    href = str(visitor.all(CITATION)[0].get_dom_attribute("href"))
    visitor.run("arguments[0].focus()", visitor.all(CITATION)[0])
    visitor.press(Keys.ENTER)
    opened(visitor)
    assert visitor.shown("#hit") == quote_of(essays, href)
    visitor.press(Keys.ESCAPE)
    assert visitor.all("#reader") == []
    assert visitor.focused("href") == href
    visitor.press(Keys.ENTER)
    opened(visitor)
    visitor.one("#reader .reader-close").click()
    assert visitor.focused("href") == href


def test_a_slow_press_counts_though_the_answer_is_drawn_anew(browse: Browse, address: str) -> None:
    visitor = browse()
    visitor.visit(address)
    visitor.ask(TOPIC)
    link = visitor.all(CITATION)[0]
    ActionChains(visitor.driver).click_and_hold(link).perform()
    visitor.run("const p = arguments[0].closest('p'); p.replaceWith(p.cloneNode(true))", link)
    ActionChains(visitor.driver).release().perform()
    opened(visitor)


def test_a_refusal_looks_different_and_offers_reading_and_questions(
    browse: Browse, address: str
) -> None:
    visitor = browse()
    visitor.visit(address)
    visitor.ask("今天北京天气怎么样?")
    refusal = visitor.one("#chat .refused")
    assert refusal.value_of_css_property("border-style") == "dashed"
    assert visitor.all(CITATION) == []
    nearest = visitor.all('#chat .refused a[href^="/read/"]')
    assert len(nearest) >= 2
    assert len(visitor.all("#chat .options .option")) >= 2
    nearest[0].click()
    opened(visitor)
    visitor.press(Keys.ESCAPE)
    visitor.click("#chat .options .option")
    visitor.answered(1)
    assert len(visitor.all(CITATION)) >= 1


@pytest.mark.parametrize(
    ("lang", "placeholder", "page"),
    [
        ("en-US", "Ask in your own words, in English or Chinese", "en"),
        ("zh-CN", "用自己的话问，中文英文都行", "zh-CN"),
        ("zh-TW", "用自己的话问，中文英文都行", "zh-CN"),
        ("zh", "用自己的话问，中文英文都行", "zh-CN"),
        ("de", "Ask in your own words, in English or Chinese", "en"),
    ],
)
def test_the_interface_speaks_the_language_of_the_browser(
    browse: Browse, address: str, lang: str, placeholder: str, page: str
) -> None:
    visitor = browse(lang)
    visitor.visit(address)
    assert visitor.one("#question textarea").get_attribute("placeholder") == placeholder
    assert visitor.run("return document.documentElement.lang") == page


def test_the_answer_follows_the_question_and_the_other_language_is_one_click_away(
    browse: Browse, address: str
) -> None:
    visitor = browse("zh-CN")
    visitor.visit(address)
    visitor.ask("How do I pick a research topic?")
    assert "Sources" in visitor.text()
    visitor.one(".switch a").click()
    visitor.until(lambda: visitor.driver.current_url.endswith("/chat/en/"))
    assert len(visitor.driver.window_handles) == 1


def test_a_starter_question_asks_itself(browse: Browse, address: str) -> None:
    visitor = browse()
    visitor.visit(address)
    visitor.click("#chat .example")
    visitor.answered(0)
    assert len(visitor.all("#chat .user-row")) == 1
    visitor.until(lambda: visitor.all("#question textarea:enabled"))


def test_on_a_phone_the_reader_is_a_sheet_and_nothing_scrolls_sideways(
    browse: Browse, address: str
) -> None:
    visitor = browse(width=390, height=844)
    visitor.visit(address)
    sideways = "return document.documentElement.scrollWidth - innerWidth"
    assert visitor.run(sideways) <= 0
    visitor.ask(TOPIC)
    assert visitor.run(sideways) <= 0
    visitor.click(CITATION)
    opened(visitor)
    sheet = visitor.box("#reader")
    assert (sheet["left"], sheet["right"], sheet["bottom"]) == (0, 390, 844)
    assert_inside(visitor.box("#hit"), visitor.box("#reader .reader-body"))
    close = visitor.box("#reader .reader-close")
    assert_inside(close, sheet)
    assert min(close["width"], close["height"]) >= 44
    assert visitor.run(sideways) <= 0
    visitor.one("#reader .reader-close").click()
    assert visitor.all("#reader") == []
    size = visitor.one("#question textarea").value_of_css_property("font-size")
    assert float(size.removesuffix("px")) >= 16


@pytest.mark.parametrize("dark", [False, True])
def test_a_whole_visit_stays_on_this_server_and_the_console_stays_silent(
    browse: Browse, address: str, dark: bool
) -> None:
    visitor = browse(dark=dark)
    visitor.visit(address)
    visitor.ask(TOPIC)
    visitor.click(CITATION)
    opened(visitor)
    visitor.press(Keys.ESCAPE)
    visitor.ask("今天北京天气怎么样?")
    requests = visitor.requests()
    assert len(requests) > 20
    assert [url for url in requests if not url.startswith(f"{address}/")] == []
    assert visitor.complaints() == []
    background = visitor.run("return getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", background)[0])
    assert (red < 60) == dark


def test_the_plain_page_shows_the_passage_without_javascript(
    browse: Browse, address: str, essays: Mapping[str, Document]
) -> None:
    visitor = browse()
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    visitor.driver.get(f"{address}/read/kaiming_he_qa?s=2963&e=2988#hit")
    visitor.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert visitor.run("return document.scripts.length") == 0
    assert visitor.shown("#hit") == essays["kaiming_he_qa"].text[2963:2988]
    box = visitor.box("#hit")
    assert 0 <= box["top"] < 800
    assert visitor.complaints() == []


def test_a_copied_citation_link_opens_its_passage(
    browse: Browse, address: str, essays: Mapping[str, Document]
) -> None:
    visitor = browse()
    visitor.visit(address)
    visitor.ask(TOPIC)
    href = str(visitor.all(CITATION)[0].get_dom_attribute("href"))
    visitor.driver.get("about:blank")
    visitor.visit(f"{address}/chat/zh/{href}")
    opened(visitor)
    assert visitor.shown("#hit") == quote_of(essays, href)


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

    def starters(self, lang: str, n: int = 4) -> tuple[str, ...]:
        return (HOSTILE,)


def test_hostile_text_shows_as_text_everywhere(browse: Browse) -> None:
    with serving(Hostile()) as address:
        visitor = browse()
        visitor.visit(address)
        visitor.ask(HOSTILE)
        assert visitor.run(
            "return document.querySelector('#chat .user-row').innerText"
        ).strip() == (HOSTILE)
        lead = visitor.run("return document.querySelector('#chat .bot-row p').innerText")
        assert lead.strip() == HOSTILE
        quote = visitor.run("return document.querySelector('#chat blockquote').innerText")
        assert quote.replace("\xa0", " ").strip() == f"{HOSTILE} 1"
        made = "#chat .message-row :is(script, img, svg a, form, input, code, em, .katex)"
        assert visitor.all(made) == []
        hrefs = [str(a.get_dom_attribute("href")) for a in visitor.all("#chat .message-row a")]
        assert all(href.startswith(("#cite-evil-", "/read/evil?")) for href in hrefs)
        visitor.click(CITATION)
        opened(visitor)
        assert visitor.shown("#hit") == HOSTILE
        assert visitor.all("#reader :is(script, img, form, svg)") == []
        assert visitor.all('#reader a[href^="javascript"]') == []
        visitor.press(Keys.ESCAPE)
        visitor.click("#chat .options .option")
        visitor.answered(1)
        assert (
            visitor.run(
                "return [...document.querySelectorAll('#chat .user-row')].at(-1).innerText"
            ).strip()
            == HOSTILE
        )
        visitor.driver.get(f"{address}/read/evil?s=5&e={5 + len(HOSTILE)}")
        assert visitor.shown("#hit") == HOSTILE
        assert visitor.run("return window.hacked") is None
        assert [u for u in visitor.requests() if not u.startswith(f"{address}/")] == []
        assert visitor.complaints() == []


def test_a_changed_essay_opens_unmarked_with_a_notice(browse: Browse) -> None:
    mentor = FakeMentor()
    with serving(mentor) as address:
        visitor = browse()
        visitor.visit(address)
        visitor.ask(TOPIC)
        essay = mentor.documents["kaiming_he_qa"]
        object.__setattr__(essay, "text", essay.text.replace("好奇心", "好奇"))
        visitor.click(CITATION)
        notice = visitor.one("#reader .reader-notice")
        visitor.until(lambda: "改过" in notice.text)
        assert visitor.all("#reader mark") == []
        assert "第39段" in visitor.shown("#reader article")


class Slow(FakeMentor):
    """Takes its time, and cannot answer everything."""

    def ask(self, question: str, history: object = ()) -> Answer:
        time.sleep(1)
        return super().ask(question, ())


def test_the_status_line_shows_at_once_and_trouble_is_said_calmly(browse: Browse) -> None:
    with serving(Slow()) as address:
        visitor = browse()
        visitor.visit(address)
        visitor.one("#question textarea").send_keys("please break", Keys.ENTER)
        visitor.until(lambda: visitor.all("#chat .bot-row") and "正在查找" in visitor.text())
        visitor.until(lambda: "抱歉" in visitor.text())
        assert "/home/owner" not in visitor.driver.page_source
        assert visitor.all(".toast-body") == []
        visitor.until(lambda: visitor.focused("data-testid") == "textbox")
        visitor.press(Keys.ENTER)
        time.sleep(0.5)
        assert len(visitor.all("#chat .user-row")) == 1


def test_retry_asks_the_same_question_as_it_was_typed(browse: Browse) -> None:
    mentor = FakeMentor()
    with serving(mentor) as address:
        visitor = browse()
        visitor.visit(address)
        visitor.ask("1. *选题* <b>?")
        visitor.one('#chat .message-buttons button[aria-label="重试"]').click()
        visitor.until(lambda: len(mentor.asked) == 2)
        visitor.ask("还有吗?")
        asked = [question for question, _ in mentor.asked]
        assert asked == ["1. *选题* <b>?", "1. *选题* <b>?", "还有吗?"]
        assert mentor.asked[-1][1] == ("1. *选题* <b>?",)
