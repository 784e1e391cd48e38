"""Asking in the widget: what is shown, when, and what is kept from it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from web_fakes import CHOOSE, FakeMentor, Waiting, cited, document, quoted, shelf
from widget_host import LISTEN, REFUSED, TOPIC, Browse, Guest, Place, placed

from rag import Answer, Claim, Sentence, Speaker

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror=window.hacked=1> [x](javascript:alert(1)) "
    "${window.hacked=1} {{x}} <svg onload=window.hacked=1> %s % & \u202e</textarea>"
)
STATUS_LOG = """
window.said = [];
const line = root.querySelector("[role=status]");
new MutationObserver(() => said.push(line.textContent))
  .observe(line, {childList: true, characterData: true, subtree: true});
"""


class Retelling(Waiting):
    """Says one sentence, waits for `go`, and then answers with other sentences than it began."""

    model = "a-model"

    def parts(self, question: str, history: Sequence[str]) -> Sequence[Sentence | Answer]:
        self.asked.append((question, tuple(history)))
        one = cited(self.documents, 1, "kaiming_he_qa", CHOOSE)
        two = cited(self.documents, 2, "one_year_off", "阅读大量的论文,看看他们遇到了什么问题。")
        first = Sentence("Curiosity matters most.", "en", "generated", "", (one,), 0.9)
        last = Sentence("Read many papers.", "en", "generated", "", (two,), 0.9)
        ours = Sentence("We translated this.", "en", "translation", "Kaiming He", (one,), 1.0)
        answer = Answer(
            question,
            "en",
            "answered",
            "The essays say:",
            (last, ours),
            dropped=(Claim("A lie that is withheld.", (), "generated", ""),),
            understood="How should I read?",
            note="A quiet note.",
            asks="Are you a student?",
            branches=("How should I read? I am a student.", "How should I read? I am not."),
            followups=("How do I choose a topic?",),
            answerer="a-model",
        )
        return first, answer


class Hostile(FakeMentor):
    """All that it says tries to become something else than text."""

    def __init__(self) -> None:
        speaker = Speaker(HOSTILE, HOSTILE)
        fields = {"site": HOSTILE, "date": HOSTILE, "url": "javascript:window.hacked=1"}
        text = f"# t\n\n{HOSTILE}\n\n- {HOSTILE}\n\n## {HOSTILE}\n"
        super().__init__({"evil": document("evil", HOSTILE, text, speaker, **fields)})

    def ask(self, question: str, history: object = ()) -> Answer:
        sentence = quoted(cited(self.documents, 1, "evil", HOSTILE), HOSTILE)
        more = (HOSTILE,)
        return Answer(
            question, "en", "answered", HOSTILE, (sentence,), followups=more, note=HOSTILE
        )

    def starters(self, lang: str, n: int = 4) -> tuple[str, ...]:
        return (HOSTILE,)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(FakeMentor(), tmp_path_factory.mktemp("index")) as place:
        yield place


@pytest.fixture
def guest(browse: Browse, place: Place) -> Guest:
    return Guest(browse("en")).visit(place.put("/", LISTEN)).open()


def test_an_answer_shows_numbered_quotes_and_each_essay_once(guest: Guest) -> None:
    guest.ask(TOPIC)
    assert [quote.text.split()[-1] for quote in guest.all("blockquote")] == ["1", "2", "3"]
    assert CHOOSE in guest.text(".turn")
    assert [who.text for who in guest.all(".who")] == ["Kaiming He:", "David Mack:"]
    titles = [title.text for title in guest.all(".sources b")]
    assert titles == [essay.title for essay in shelf().values()]
    assert [number.text for number in guest.all(".sources .n")] == ["1", "2", "3"]
    assert guest.text("[role=status]").startswith("On choosing a topic, the essays say:")


def test_the_first_screen_says_what_it_can_and_whose_essays_these_are(guest: Guest) -> None:
    said = guest.text(".intro")
    assert "2 essays" in said
    assert "Kaiming He; David Mack" in said
    assert "does not" in said or "do not say" in said
    guest.click(".intro .next button")
    guest.answered()
    assert guest.text(".q") == TOPIC


def test_a_refusal_looks_different_and_offers_reading_and_questions(guest: Guest) -> None:
    guest.ask(REFUSED)
    assert guest.style(".a", "border-top-style") == "dashed"
    assert guest.all(".turn .n") == []
    guest.click(".refused .sources a")
    guest.until(lambda: guest.all("#hit"))
    assert guest.text("#hit") == "第3段。科研中95%的时间是令人沮丧的。"
    guest.press(Keys.ESCAPE)
    assert guest.run("return root.activeElement === root.querySelector('.refused .sources a')")
    assert len(guest.shown(".refused .next button")) >= 2
    guest.click(".refused .next button")
    guest.answered()
    assert len(guest.all("blockquote")) == 3


def test_an_answer_is_announced_once(guest: Guest) -> None:
    guest.run(STATUS_LOG)
    guest.ask(TOPIC)
    said = guest.visitor.run("return said")
    assert len(said) == 2
    assert said[0].startswith("Searching")
    assert CHOOSE in said[1]
    guest.ask(REFUSED)
    assert len(guest.visitor.run("return said")) == 4


def test_enter_does_not_send_while_a_word_is_being_composed(guest: Guest) -> None:
    driver = guest.visitor.driver
    guest.one("textarea").click()
    composing = {"text": "xuan ti", "selectionStart": 7, "selectionEnd": 7}
    driver.execute_cdp_cmd("Input.imeSetComposition", composing)
    enter = {"key": "Enter", "code": "Enter"}
    for code in (229, 13):  # as most input methods say it, and as Safari does
        down = {"type": "rawKeyDown", "windowsVirtualKeyCode": code, **enter}
        driver.execute_cdp_cmd("Input.dispatchKeyEvent", down)
    assert guest.all(".turn") == []
    driver.execute_cdp_cmd("Input.insertText", {"text": "选题?"})
    assert guest.one("textarea").get_property("value") == "选题?"
    guest.press(Keys.ENTER)
    guest.answered()
    assert guest.text(".q") == "选题?"


def test_shift_enter_begins_a_line_and_an_empty_question_is_not_sent(guest: Guest) -> None:
    box = guest.one("textarea")
    box.send_keys("  ", Keys.ENTER)
    assert guest.all(".turn") == []
    box.clear()
    box.send_keys("a topic", Keys.SHIFT, Keys.ENTER, Keys.NULL, "or two?", Keys.ENTER)
    guest.answered()
    assert guest.text(".q") == "a topic\nor two?"


def test_a_copy_holds_the_numbers_and_the_sources_and_no_markup(guest: Guest) -> None:
    guest.ask(TOPIC)
    copy = guest.shown(".turn button")[0]
    assert copy.text == "Copy with sources"
    copy.click()
    guest.until(lambda: "✓" in guest.shown(".turn button")[0].text)
    guest.one("textarea").send_keys(Keys.CONTROL, "v")
    text = str(guest.one("textarea").get_property("value"))
    assert f"{CHOOSE} [1]" in text
    assert "\nSources\n[1] 何恺明问答 · 何恺明 · “" in text
    assert "/read/kaiming_he_qa?s=" in text
    assert not any(mark in text for mark in ("<", "#", "]("))


def test_hostile_text_stays_text_everywhere(browse: Browse, tmp_path: Path) -> None:
    mentor = Hostile()
    with placed(mentor, tmp_path) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        guest.ask(HOSTILE.replace("\u202e", ""))
        guest.click(".turn .next button")
        guest.answered()
        assert guest.text(".q") == HOSTILE
        assert guest.text(".lead") == HOSTILE
        assert guest.run("return root.querySelector('blockquote').firstChild.data") == HOSTILE
        assert guest.text(".intro, .turn .next button") == HOSTILE
        guest.click(".n")
        guest.until(lambda: guest.all("#hit"))
        assert guest.text("#hit") == HOSTILE
        assert guest.all("script, img, svg, iframe, form") == []
        hrefs = [link.get_dom_attribute("href") for link in guest.all("a")]
        assert all(href.startswith(f"{place.address}/read/evil?") for href in hrefs)
        assert guest.visitor.run("return window.hacked") is None
        assert guest.visitor.complaints() == []


def test_sentences_stand_there_as_they_come_and_the_whole_answer_replaces_them(
    browse: Browse, tmp_path: Path
) -> None:
    mentor = Retelling()
    with placed(mentor, tmp_path) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        assert "a-model" in guest.text(".intro")
        guest.one("textarea").send_keys("And how?", Keys.ENTER)
        guest.until(lambda: "Curiosity matters most." in guest.text(".turn"))
        assert guest.one(".send").text == "Stop"
        mentor.go.set()
        guest.answered()
        said = guest.text(".turn")
        assert "Curiosity" not in said
        assert "Read many papers." in said
        assert "Understood as: How should I read?" in said
        assert "A quiet note." in said
        # Retold: the proof stands in the sources. Translated: beside it, marked as ours.
        assert "阅读大量的论文" in guest.text(".sources")
        assert "We translated this. (our translation)" in said
        assert CHOOSE in guest.text("blockquote")
        # Withheld: counted, never shown.
        assert "A lie" not in guest.run("return root.innerHTML")
        assert "Unproved sentences left out: 1" in said
        labels = [choice.text for choice in guest.shown(".turn .next button")]
        assert labels == ["I am a student.", "I am not.", "How do I choose a topic?"]
        guest.click(".turn .next button")
        guest.answered()
        assert mentor.asked[-1] == ("How should I read? I am a student.", ("And how?",))


def test_stop_keeps_what_was_said_says_so_and_stops_the_model(
    browse: Browse, tmp_path: Path
) -> None:
    mentor = Retelling()
    with placed(mentor, tmp_path) as place:
        guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
        guest.one("textarea").send_keys("And how?", Keys.ENTER)
        guest.until(lambda: "Curiosity matters most." in guest.text(".turn"))
        guest.click(".send")
        guest.answered()
        assert "Stopped" in guest.text(".turn .notice")
        assert "Curiosity matters most." in guest.text(".turn")
        assert mentor.left.wait(30)
        guest.visitor.driver.refresh()
        guest.until(lambda: "Stopped" in guest.text(".turn .notice"))
