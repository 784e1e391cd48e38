"""Points 16 to 25: what an answer can be, and what can go wrong. The table is in test_points.py."""

import asyncio
import json
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from conftest import CITATION, Visitor, serving
from live_server import live
from selenium.webdriver.common.keys import Keys
from web_fakes import FakeMentor, Waiting

from rag import Answer, Claim, Mentor, Sentence, Settings
from ui.api import create_api

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

LIE = "A study at Stanford found that <b>three</b> books double the success."
TROUBLE = "#trouble-line"


class Moody(Waiting):
    """Waits in the middle of an answer about "slow", and drops a claim about "lies"."""

    def parts(self, question: str, history: Sequence[str]) -> Sequence[Sentence | Answer]:
        answer = self.ask(question, history)
        if "lies" in question:
            claim = Claim(LIE, (), "generated", "")
            answer = replace(answer, dropped=(claim,))
        return (answer.sentences[0], answer) if "slow" in question else (answer,)


@pytest.fixture(scope="module")
def mentor() -> Moody:
    return Moody()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("box")


@pytest.fixture(scope="module")
def place(mentor: Moody, box: Path) -> Iterator[str]:
    with serving(mentor, index_dir=box) as address:
        yield address


@pytest.fixture
def visitor(browse: Browse, place: str, mentor: Moody) -> Visitor:
    mentor.go.clear()
    visitor = browse("en-US")
    visitor.visit(place)
    return visitor


_WATCH = """
window.times = {};
window.addEventListener('keydown', () => { window.times.sent ??= performance.now(); }, true);
new MutationObserver(() => {
  const busy = document.querySelector('#busy');
  if (!busy.hidden && /Searching/.test(busy.innerText)) window.times.seen ??= performance.now();
  if (document.querySelector('#chat .growing')) window.times.growing ??= performance.now();
}).observe(document.body, {subtree: true, childList: true, attributes: true});
"""


def test_16_a_status_line_stands_before_anything_is_found_and_then_says_what_was(
    visitor: Visitor, mentor: Moody
) -> None:
    visitor.run(_WATCH)
    visitor.one("#question textarea").send_keys("a slow topic")
    visitor.press(Keys.ENTER)
    visitor.until(lambda: "1 passage found" in visitor.shown("#chat .growing"))
    times = visitor.run("return window.times")
    waits = {name: times[name] - times["sent"] for name in ("seen", "growing")}
    print(f"status line after {waits} ms")
    assert waits["seen"] < waits["growing"]
    mentor.go.set()
    visitor.answered(0)


def test_17_a_stopped_answer_stays_and_says_that_it_was_stopped(
    visitor: Visitor, mentor: Moody
) -> None:
    visitor.say("a slow topic")
    visitor.one(f"#chat .growing {CITATION}")
    visitor.click("#question .stop-button")
    stopped = visitor.one("#chat .stopped")
    assert "You stopped the answer here." in stopped.text
    assert "我认为选择课题" in stopped.text
    assert visitor.all("#chat .growing") == []
    visitor.one("#question textarea:enabled")
    mentor.go.set()
    visitor.click("#chat .tools.last .retry")
    visitor.until(lambda: visitor.all("#chat .sources"))
    assert len(visitor.all("#chat .user-row")) == 1


def test_18_a_refusal_looks_different_and_offers_reading_and_questions(
    visitor: Visitor,
) -> None:
    visitor.ask("What is the weather?")
    refusal = visitor.one("#chat .refused")
    assert "The essays do not say." in refusal.text
    assert refusal.value_of_css_property("border-style") == "dashed"
    assert visitor.all(CITATION) == []
    assert visitor.all('#chat .refused a[href^="/read/"]')
    assert len(visitor.all("#chat .options .option")) >= 2
    visitor.click('#chat .refused a[href^="/read/"]')
    visitor.one("#reader #hit")
    visitor.close_reader()
    visitor.click("#chat .options .option")
    visitor.answered(1)
    assert visitor.all(CITATION)


def test_19_weak_evidence_is_said_in_words_and_shows_the_nearest_passage(
    browse: Browse, address: str
) -> None:
    visitor = browse("en-US")
    visitor.visit(address)
    visitor.ask("怎么选研究课题?")
    lead = visitor.one("#chat .bot-row p").text
    assert "没有直接" in lead
    assert "最接近" in lead
    assert not re.search(r"[%％\d]", lead)
    assert visitor.all(CITATION)
    visitor.ask("要读多少论文?")
    assert "没有直接" not in visitor.text()


def test_20_what_the_essays_do_not_bear_out_is_folded_away_and_marked(visitor: Visitor) -> None:
    visitor.ask("a topic with lies")
    assert LIE not in visitor.text()
    assert "1 sentence is not borne out" in visitor.text()
    visitor.click("#chat details.withheld summary")
    visitor.until(lambda: LIE in visitor.text())
    assert "the essays do not say it" in visitor.text()
    line = visitor.one("#chat details.withheld li")
    assert "wavy" in line.value_of_css_property("text-decoration")


def test_21_without_a_network_the_question_is_kept_and_can_be_asked_again(
    visitor: Visitor,
) -> None:
    line = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    visitor.driver.execute_cdp_cmd("Network.enable", {})
    off = {"offline": True, **line}
    visitor.driver.execute_cdp_cmd("Network.emulateNetworkConditions", off)
    visitor.say("a topic")
    visitor.until(lambda: "cannot be reached" in visitor.shown(TROUBLE))
    assert visitor.one("#trouble").get_attribute("role") == "alert"
    on = {"offline": False, **line}
    visitor.driver.execute_cdp_cmd("Network.emulateNetworkConditions", on)
    visitor.one("#trouble button").click()
    visitor.answered(0)
    assert visitor.all("#trouble") == []
    assert visitor.one("#chat .user-row").text == "a topic"
    visitor.complaints()  # the browser's own word on a network that is away


@pytest.mark.usefixtures("early_in_a_minute")
def test_21_who_asks_too_fast_is_told_how_long_to_wait(browse: Browse) -> None:
    with serving(FakeMentor(), asks_per_minute=1) as address:
        visitor = browse("en-US")
        visitor.visit(address)
        visitor.ask("a topic")
        visitor.say("another topic")
        visitor.until(lambda: "a little fast" in visitor.shown(TROUBLE))
        assert re.search(r"wait \d+ s", visitor.shown(TROUBLE))
        assert "Your question is kept." in visitor.shown(TROUBLE)
        assert visitor.box("#busy")["height"] == 0
        assert visitor.shown("#trouble button") == "Try again"
        kept = visitor.run("return sessionStorage.getItem('mentor_question')")
        assert kept == "another topic"


def test_21_who_has_asked_enough_for_a_day_is_told_so_in_the_language_of_the_page(
    browse: Browse,
) -> None:
    with serving(FakeMentor(), asks_per_day=1) as address:
        visitor = browse("en-US")
        visitor.visit(f"{address}/chat/zh-tw/")
        visitor.ask("怎么选课题?")
        visitor.say("怎么选课题呢?")
        visitor.until(lambda: "今天的次數已經用完了" in visitor.shown(TROUBLE))
        assert re.search(r"請過 \d+ (分鐘|小時)再來", visitor.shown(TROUBLE))


@pytest.mark.usefixtures("early_in_a_minute")
def test_21_a_starter_that_is_clicked_is_one_question(browse: Browse) -> None:
    with serving(FakeMentor(), asks_per_minute=1) as address:
        visitor = browse("en-US")
        visitor.visit(address)
        visitor.click("#chat .example")
        visitor.answered(0)
        assert visitor.all("#trouble") == []


def test_21_a_fault_of_the_server_is_said_calmly_and_can_be_asked_again(
    visitor: Visitor, mentor: Moody
) -> None:
    visitor.ask("please break")
    assert "the fault is Mentor's" in visitor.text()
    assert "/home/owner" not in visitor.driver.page_source
    asked = len(mentor.asked)
    visitor.click("#chat .tools.last .retry")
    visitor.until(lambda: len(mentor.asked) > asked)
    visitor.answered(0)
    assert len(visitor.all("#chat .user-row")) == 1
    assert [button.text for button in visitor.all("#chat .tools button") if button.text] == [
        "Answer again",
        "Change the question and ask again",
    ]


# httpx reads every certificate of the machine for each client, and none is needed here.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def narrow(mentor: Moody, tmp_path: Path) -> Iterator[str]:
    """A chat that answers one question at a time and lets one more wait; one is being answered."""
    mentor.go.clear()
    app = create_api(mentor, Settings(index_dir=tmp_path))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _mounted(app, mentor)).result()
    with live(app) as address:
        _ask_from_elsewhere(address)
        yield address
        mentor.go.set()


async def _mounted(app: object, mentor: Moody) -> None:
    from ui.chat import mount

    mount(app, mentor, "en", "/chat/en", at_once=1, waiting=1)


def _ask_from_elsewhere(address: str) -> None:
    where = f"{address}/chat/en/gradio_api/call/chat"
    httpx.post(where, json={"data": ["a slow topic"]}, verify=_NO_TLS).raise_for_status()


def test_21_and_23_a_long_queue_says_so_and_a_full_one_keeps_the_question(
    browse: Browse, narrow: str, mentor: Moody
) -> None:
    visitor = browse("en-US")
    visitor.visit(f"{narrow}/chat/en/")
    _ask_from_elsewhere(narrow)
    visitor.say("a topic")
    visitor.until(lambda: "Too many people" in visitor.shown(TROUBLE))
    mentor.go.set()
    visitor.until(lambda: visitor.one("#trouble button").click() or _went_in(visitor))
    visitor.answered(0)
    assert visitor.one("#chat .user-row").text == "a topic"


def _went_in(visitor: Visitor) -> bool:
    visitor.until(lambda: visitor.all("#trouble") or visitor.all("#chat .bot-row"))
    return not visitor.all("#trouble")


def test_23_who_waits_in_the_queue_is_told_so(browse: Browse, narrow: str, mentor: Moody) -> None:
    visitor = browse("en-US")
    visitor.visit(f"{narrow}/chat/en/")
    visitor.say("a topic")
    visitor.until(lambda: "in the queue" in visitor.shown("#busy"))
    assert visitor.box("#busy")["height"] > 0
    mentor.go.set()
    visitor.answered(0)
    assert visitor.box("#busy")["height"] == 0


def test_24_two_or_three_follow_ups_and_each_is_answered(
    browse: Browse, address: str, shelf: Mentor
) -> None:
    visitor = browse("en-US")
    visitor.visit(address)
    visitor.ask("Do I need a PhD?")
    offered = [option.text for option in visitor.all("#chat .options .option")]
    assert 2 <= len(offered) <= 3
    assert {shelf.ask(question).status for question in offered} == {"answered"}
    visitor.click("#chat .options .option")
    visitor.answered(1)
    assert visitor.all("#chat .user-row")[1].text == offered[0]
    assert visitor.all("#chat .refused") == []


def test_25_a_thumb_keeps_question_answer_and_passages_and_no_free_text(
    visitor: Visitor, box: Path
) -> None:
    visitor.ask("a topic")
    visitor.click("#chat .tools .up")
    visitor.until(lambda: "noted" in visitor.shown("#chat .tools-said"))
    assert visitor.one("#chat .tools .up").get_attribute("aria-pressed") == "true"
    visitor.click("#chat .tools .wrong_evidence")
    visitor.until(lambda: len(_rows(box)) == 2)
    note = visitor.one("#chat .tools input")
    note.send_keys("The quote is about <i>readers</i>.", Keys.ENTER)
    visitor.until(lambda: len(_rows(box)) == 3)
    up, wrong, noted = _rows(box)
    assert [row["verdict"] for row in (up, wrong, noted)] == [
        "up",
        "wrong_evidence",
        "wrong_evidence",
    ]
    assert {row["question"] for row in (up, wrong, noted)} == {"a topic"}
    assert {row["status"] for row in (up, wrong, noted)} == {"answered"}
    assert [row["note"] for row in (up, wrong, noted)] == [
        "",
        "",
        "The quote is about <i>readers</i>.",
    ]
    assert len(up["passage_ids"]) == 3
    assert re.fullmatch(r"kaiming_he_qa:\d+-\d+", up["passage_ids"][0])


def _rows(box: Path) -> list[dict[str, object]]:
    file = box / "feedback.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]
