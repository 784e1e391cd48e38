"""Points 26 to 31: the first minute, and in which language. The table is in test_points.py."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import CITATION, Visitor, serving
from live_server import live
from selenium.webdriver.common.keys import Keys
from web_fakes import FakeMentor

from rag import Mentor, Settings
from ui.api import create_api

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    with serving(FakeMentor()) as address:
        yield address


def test_26_an_empty_page_says_what_it_can_and_cannot_and_offers_questions(
    browse: Browse, address: str, shelf: Mentor
) -> None:
    visitor = browse()
    visitor.visit(address)
    about = visitor.run("return document.querySelector('gradio-app').innerText")
    assert "只用下面 5 篇文章的原话回答" in about
    assert "不推荐论文" in about
    starters = [starter.text for starter in visitor.all("#chat .example")]
    assert 3 <= len(starters) <= 6
    assert {shelf.ask(question).status for question in starters} == {"answered"}
    # All of it on one screen, the box included.
    assert visitor.box("#keeping")["bottom"] <= 800


def test_27_who_wrote_the_essays_and_that_this_is_ai_stand_there_before_the_first_question(
    browse: Browse, address: str
) -> None:
    visitor = browse()
    visitor.visit(address)
    heading = visitor.one("details.essays summary")
    assert heading.is_displayed()
    for author in ("西风", "David Mack", "霍华德"):
        assert author in heading.text
    assert visitor.one("#keeping .ai").text.startswith("Mentor 是 AI 程序")
    heading.click()
    essays = visitor.until(lambda: visitor.all('details.essays li:has(a[href^="/read/"])'))
    assert len(essays) == 5
    visitor.until(essays[0].is_displayed)
    assert "何恺明" in next(essay.text for essay in essays if "西风" in essay.text)
    assert visitor.all('details.essays a[href="/shelf"]')


@contextmanager
def english_chat(folder: Path, port: int = 0) -> Iterator[str]:
    app = create_api(mentor := FakeMentor(), Settings(index_dir=folder))

    async def mounted() -> None:
        from ui.chat import mount

        mount(app, mentor, "en", "/chat/en")

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, mounted()).result()
    with live(app, port) as address:
        yield address


def test_28_the_conversation_outlives_a_reload_and_a_restart_of_the_server(
    browse: Browse, tmp_path: Path
) -> None:
    visitor = browse("en-US")
    with english_chat(tmp_path) as address:
        visitor.visit(f"{address}/chat/en/")
        visitor.ask("a topic")
        visitor.driver.refresh()
        visitor.come_in()
        visitor.one("#chat .bot-row")
    with english_chat(tmp_path, int(address.rpartition(":")[2])):
        visitor.driver.get(f"{address}/chat/en/")
        visitor.come_in()
        visitor.one("#chat .bot-row")
        visitor.quiet()
        assert visitor.one("#chat .user-row").text == "a topic"
        visitor.open_citation()
        assert visitor.shown("#hit").startswith("我认为选择课题")
        visitor.close_reader()
        visitor.ask("another topic")
        assert len(visitor.all("#chat .user-row")) == 2


def test_28_it_is_kept_in_the_tab_alone_and_can_be_cleared_and_the_page_says_so(
    browse: Browse, place: str
) -> None:
    visitor = browse("en-US")
    visitor.visit(place)
    visitor.ask("a secret topic")
    assert "kept in this tab only" in visitor.shown("#keeping")
    everywhere = "return JSON.stringify([{...localStorage}, document.cookie])"
    assert "secret" not in visitor.run(everywhere)
    assert "mentor_conversation" not in visitor.run(everywhere)
    assert visitor.run("return Object.keys(sessionStorage)") == ["mentor_conversation"]
    first = visitor.driver.current_window_handle
    visitor.driver.switch_to.new_window("tab")
    visitor.visit(f"{place}/chat/en/")
    visitor.one("#chat .example")
    assert visitor.all("#chat .message-row") == []
    visitor.driver.close()
    visitor.driver.switch_to.window(first)
    visitor.one("#keeping .clear-all").click()
    visitor.until(lambda: not visitor.all("#chat .message-row"))
    kept = "return sessionStorage.getItem('mentor_conversation')?.length ?? 0"
    visitor.until(lambda: visitor.run(kept) < 100)
    visitor.driver.refresh()
    visitor.one("#chat .example")
    assert visitor.all("#chat .message-row") == []


def test_29_enter_chooses_a_word_of_an_input_method_and_sends_nothing(
    browse: Browse, place: str
) -> None:
    visitor = browse()
    visitor.visit(place)
    box = visitor.one("#question textarea")
    box.click()
    cdp = visitor.driver.execute_cdp_cmd
    cdp("Input.imeSetComposition", {"text": "xuan ke ti", "selectionStart": 10, "selectionEnd": 10})
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    cdp("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
    cdp("Input.dispatchKeyEvent", {"type": "keyUp", **key, "windowsVirtualKeyCode": 13})
    cdp("Input.insertText", {"text": "选课题"})
    visitor.quiet()
    assert visitor.all("#chat .message-row") == []
    assert box.get_property("value") == "选课题"
    assert visitor.box("#busy")["height"] == 0
    visitor.press(Keys.ENTER)
    visitor.answered(0)
    assert visitor.one("#chat .user-row").text == "选课题"


_LEADING = """
return [...document.querySelectorAll(arguments[0])].map(one => {
  const style = getComputedStyle(one);
  return parseFloat(style.lineHeight) / parseFloat(style.fontSize);
});
"""
_SLANT = """
return [...document.querySelectorAll(arguments[0])].map(one => getComputedStyle(one).fontStyle);
"""
_AROUND = """
const {previousSibling, nextSibling} = arguments[0];
return [previousSibling.textContent, nextSibling?.textContent];
"""


def test_30_chinese_is_set_with_room_upright_and_with_its_own_quotes(
    browse: Browse, place: str
) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.ask("怎么选课题?")
    visitor.open_citation()
    running = "#chat .message-row p, #chat .sources li, #reader article p"
    leading = visitor.run(_LEADING, running)
    assert len(leading) > 20
    assert min(leading) >= 1.69
    quoted = "#chat em, #chat blockquote p, #reader article *"
    assert set(visitor.run(_SLANT, quoted)) == {"normal"}
    assert "「好奇心是关键。」" in visitor.text()
    # A number is tied to the words before it, and nothing dangles after it.
    for link in visitor.all(f"#chat blockquote {CITATION}"):
        before, after = visitor.run(_AROUND, link)
        assert before.endswith("\u00a0")
        assert not after or not re.match(r"\s*[，。！？；、,.!?;]", after)


@pytest.mark.parametrize(
    ("accepted", "placeholder", "page"),
    [
        ("en-US", "Ask in your own words, in English or Chinese", "en"),
        ("zh-CN", "用自己的话问，中文英文都行", "zh-CN"),
        ("zh-TW", "用自己的話問，中文英文都行", "zh-TW"),
        ("zh", "用自己的话问，中文英文都行", "zh-CN"),
        ("de", "Ask in your own words, in English or Chinese", "en"),
    ],
)
def test_31_the_interface_speaks_the_language_of_the_browser(
    browse: Browse, place: str, accepted: str, placeholder: str, page: str
) -> None:
    visitor = browse()
    agent = visitor.run("return navigator.userAgent")
    visitor.driver.execute_cdp_cmd(
        "Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": accepted}
    )
    visitor.visit(place)
    visitor.until(lambda: visitor.run("return document.documentElement.lang") == page)
    visitor.come_in()
    assert visitor.one("#question textarea").get_attribute("placeholder") == placeholder
    if page == "zh-TW":
        assert visitor.all("#chat .example")[0].text == "怎麼選課題?"
        visitor.click("#chat .example")
        visitor.answered(0)
        assert "出處" in visitor.text()
        assert "我认为选择课题最重要的标准" in visitor.text()  # the essay stays as it is
        assert "複製回答和出處" in visitor.shown("#chat .tools")


def test_31_an_answer_follows_its_question_and_the_other_language_is_one_click_away(
    browse: Browse, place: str
) -> None:
    visitor = browse("zh-CN")
    visitor.visit(place)
    visitor.ask("How do I pick a topic?")
    assert "Sources" in visitor.text()
    visitor.one(".switch a").click()
    visitor.until(lambda: visitor.driver.current_url.endswith("/chat/en/"))
    visitor.come_in()
    assert len(visitor.driver.window_handles) == 1
    visitor.one("#chat .bot-row")  # the conversation comes along
