"""The chat beyond the 36 points: how a question is asked, mended and asked again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import CITATION, Visitor, serving
from selenium.webdriver.common.keys import Keys
from web_fakes import FakeMentor

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

TOPIC = "怎么选课题?"


@pytest.fixture(scope="module")
def mentor() -> FakeMentor:
    return FakeMentor()


@pytest.fixture(scope="module")
def place(mentor: FakeMentor) -> Iterator[str]:
    with serving(mentor) as address:
        yield address


def test_a_starter_question_asks_itself(browse: Browse, place: str) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.click("#chat .example")
    visitor.answered(0)
    assert len(visitor.all("#chat .user-row")) == 1
    visitor.one("#question textarea:enabled")


def test_an_empty_box_sends_nothing(browse: Browse, place: str) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.one("#question textarea").send_keys("  ", Keys.ENTER)
    visitor.one("#question .submit-button").click()
    visitor.quiet()
    assert visitor.all("#chat .message-row") == []
    assert visitor.box("#busy")["height"] == 0


def test_retry_asks_the_same_question_as_it_was_typed(
    browse: Browse, place: str, mentor: FakeMentor
) -> None:
    visitor = browse()
    visitor.visit(place)
    before = len(mentor.asked)
    visitor.ask("1. *选题* <b>?")
    visitor.click("#chat .tools.last .retry")
    visitor.until(lambda: len(mentor.asked) == before + 2)
    visitor.answered(0)
    visitor.ask("还有吗?")
    asked = [question for question, _ in mentor.asked[before:]]
    assert asked == ["1. *选题* <b>?", "1. *选题* <b>?", "还有吗?"]
    assert mentor.asked[-1][1] == ("1. *选题* <b>?",)


def test_the_last_question_comes_back_into_the_box_to_be_changed(
    browse: Browse, place: str, mentor: FakeMentor
) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.ask(TOPIC)
    visitor.ask("3.5 个 *课题* 呢")
    visitor.click("#chat .tools.last .edit")
    box = visitor.one("#question textarea")
    visitor.until(lambda: box.get_property("value") == "3.5 个 *课题* 呢")
    assert len(visitor.all("#chat .user-row")) == 1
    box.send_keys("?", Keys.ENTER)
    visitor.answered(1)
    assert mentor.asked[-1] == ("3.5 个 *课题* 呢?", (TOPIC,))


def test_the_focus_comes_back_to_the_box_after_an_answer(browse: Browse, place: str) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.ask(TOPIC)
    visitor.until(lambda: visitor.focused("data-testid") == "textbox")
    assert visitor.one("#question textarea").get_attribute("placeholder")


def test_a_copied_citation_link_opens_its_passage(browse: Browse, place: str) -> None:
    visitor = browse()
    visitor.visit(place)
    visitor.ask(TOPIC)
    href = str(visitor.all(CITATION)[0].get_dom_attribute("href"))
    visitor.driver.get("about:blank")
    visitor.visit(f"{place}/chat/zh/{href}")
    visitor.one("#reader #hit")
    assert visitor.shown("#hit").startswith("我认为选择课题")


def test_the_conversation_is_saved_as_markdown_and_as_json(
    browse: Browse, place: str, tmp_path: Path
) -> None:
    visitor = browse("en-US")
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    visitor.driver.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    visitor.visit(place)
    visitor.ask("a *topic* [x](y)")
    visitor.ask("the weather")
    visitor.one("#keeping .save-markdown").click()
    visitor.one("#keeping .save-json").click()
    markdown, kept = tmp_path / "mentor.md", tmp_path / "mentor.json"
    visitor.until(lambda: markdown.exists() and kept.exists())
    visitor.until(lambda: markdown.stat().st_size and kept.stat().st_size)
    text = markdown.read_text(encoding="utf-8")
    assert text.startswith("# Mentor\n\n## a \\*topic\\* \\[x\\](y)\n")
    assert "- [3] “阅读大量的论文,看看他们遇到了什么问题。”" in text
    assert "<https://example.org/a>" in text
    assert "#cite-" not in text
    turns = json.loads(kept.read_text(encoding="utf-8"))["turns"]
    assert [turn["question"] for turn in turns] == ["a *topic* [x](y)", "the weather"]
    assert [turn["status"] for turn in turns] == ["answered", "refused"]
    quotes = [quote for source in turns[0]["sources"] for quote in source["quotes"]]
    assert [quote["n"] for quote in quotes] == [1, 2, 3]
    assert len(quotes[0]["hash"]) == 8


def test_a_message_that_cannot_be_read_back_is_forgotten(browse: Browse, place: str) -> None:
    visitor = browse("en-US")
    visitor.visit(place)
    visitor.run("sessionStorage.setItem('mentor_conversation', 'no conversation')")
    visitor.driver.refresh()
    visitor.one("#chat .example")
    visitor.ask("a topic")
    assert len(visitor.all("#chat .user-row")) == 1
