"""Points 1 to 15: from a number to the words that prove it. The table stands in test_points.py."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from conftest import CITATION, Visitor, arrive, serving
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys
from web_fakes import FakeMentor, Streaming, shelf

from rag import Document

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

TOPIC = "怎么选课题?"
IN_TEXT = f"#chat .bot-row .message-content :not(.sources) > p > {CITATION}"
IN_SOURCES = f"#chat .sources {CITATION}"
CITE = re.compile(r"#cite-([a-z0-9_]+)-(\d+)-(\d+)-[0-9a-f]{8}")


@pytest.fixture(scope="module")
def mentor() -> FakeMentor:
    return FakeMentor()


@pytest.fixture(scope="module")
def page(browsers: Callable[[str], Chrome], mentor: FakeMentor) -> Iterator[Visitor]:
    """Somebody who has asked, and has an answer with three quotes out of two essays."""
    with serving(mentor) as address:
        visitor = arrive(browsers("zh-CN"))
        visitor.visit(address)
        visitor.ask(TOPIC)
        yield visitor
        visitor.driver.get("about:blank")


def hrefs(visitor: Visitor, selector: str) -> list[str]:
    return [str(link.get_dom_attribute("href")) for link in visitor.all(selector)]


def quote_at(essays: Mapping[str, Document], href: str) -> str:
    found = CITE.fullmatch(href)
    assert found
    return essays[found[1]].text[int(found[2]) : int(found[3])]


def test_01_every_number_leads_to_a_source_of_its_answer(page: Visitor) -> None:
    numbered = hrefs(page, IN_TEXT)
    assert len(numbered) == 3
    assert set(numbered) == set(hrefs(page, IN_SOURCES))


def test_02_every_quote_stands_in_its_essay_letter_for_letter(
    browse: Browse, address: str, essays: Mapping[str, Document]
) -> None:
    visitor = browse("en-US")
    visitor.visit(address)
    for asked in ("科研让人沮丧怎么办?", "Do I need a PhD?", "先看书还是先动手?"):
        visitor.ask(asked)
    links = visitor.all(IN_SOURCES)
    assert len(links) >= 3
    for link in links:
        quote = quote_at(essays, str(link.get_dom_attribute("href")))
        shown = visitor.run("return arguments[0].closest('li').textContent", link)
        words = re.sub(r"\s", "", shown).removeprefix("1")
        assert words[1:-1] == re.sub(r"\s", "", quote)


def test_03_a_number_ends_the_sentence_that_it_proves(page: Visitor) -> None:
    for paragraph in page.all("#chat .bot-row blockquote p"):
        text = str(paragraph.get_property("textContent"))
        assert re.fullmatch(r"[^\d]+[。！？.!?]\u00a0\d( \d){0,2}", text)


def test_04_numbers_count_from_one_and_a_passage_keeps_its_number(page: Visitor) -> None:
    numbers = [int(link.text) for link in page.all(IN_TEXT)]
    first = list(dict.fromkeys(numbers))
    assert first == list(range(1, len(first) + 1))
    places = {
        (link.text, link.get_dom_attribute("href"))
        for link in page.all(IN_TEXT) + page.all(IN_SOURCES)
    }
    assert len(places) == len(first)


def test_05_hovering_and_focusing_show_title_and_quote(page: Visitor) -> None:
    link = page.all(IN_TEXT)[1]
    ActionChains(page.driver).move_to_element(link).perform()
    page.until(lambda: page.box("#peek")["height"] > 0)
    assert page.shown("#peek") == "何恺明问答: 好奇心是关键。"
    ActionChains(page.driver).move_to_element(page.one("h1")).perform()
    page.until(lambda: page.box("#peek")["height"] == 0)
    # By the keyboard alone: from the number before it.
    page.run("arguments[0].focus()", page.all(IN_TEXT)[0])
    page.press(Keys.TAB)
    page.until(lambda: page.shown("#peek") == "何恺明问答: 好奇心是关键。")
    assert page.focused("aria-describedby") == "peek"
    assert page.focused("aria-label") == "打开原文，引文 2"
    page.press(Keys.ESCAPE)
    page.until(lambda: page.box("#peek")["height"] == 0)


_CLICK = """
const done = arguments[1], from = performance.now();
const seen = new MutationObserver(() => {
  if (!document.querySelector('#reader #hit')) return;
  seen.disconnect();
  requestAnimationFrame(() => done(performance.now() - from));
});
seen.observe(document.body, {subtree: true, childList: true});
arguments[0].click();
"""


def test_06_a_click_shows_the_passage_in_its_essay_soon(page: Visitor) -> None:
    waits = []
    for _ in range(3):
        link = page.all(IN_TEXT)[0]
        waits.append(page.driver.execute_async_script(_CLICK, link))
        assert page.shown("#reader-title") == "何恺明问答"
        assert page.shown("#hit") == "我认为选择课题最重要的标准是你对问题的好奇心和热情。"
        page.close_reader()
    print(f"click to highlight: {', '.join(f'{wait:.0f}' for wait in waits)} ms")
    assert min(waits) < 10_000  # it takes some, on a machine that does nothing else


def test_07_the_highlight_is_centred_and_the_page_does_not_scroll(
    browse: Browse, address: str
) -> None:
    visitor = browse("en-US")
    visitor.visit(address)
    visitor.ask("Do I need a PhD?")
    before = visitor.run("return document.querySelector('#chat .panel-wrap').scrollTop")
    visitor.open_citation()
    hit, body = visitor.box("#hit"), visitor.box("#reader .reader-body")
    middle = body["top"] + body["height"] / 2
    assert abs(hit["top"] + hit["height"] / 2 - middle) < 4
    assert visitor.run("return [scrollX, scrollY, location.hash]") == [0, 0, ""]
    assert visitor.run("return document.querySelector('#chat .panel-wrap').scrollTop") == before


def test_08_another_citation_takes_over_the_highlight_and_the_mark(page: Visitor) -> None:
    for n, quote in enumerate(("我认为选择课题", "好奇心是关键。", "阅读大量的论文")):
        href = hrefs(page, IN_TEXT)[n]
        page.click(IN_TEXT, n)
        page.until(lambda quote=quote: page.shown("#hit").startswith(quote))
        active = {str(link.get_dom_attribute("href")) for link in page.all("a.cite-active")}
        assert active == {href}
        assert [one.get_dom_attribute("aria-current") for one in page.all("a.cite-active")] == [
            "true",
            "true",
        ]
    assert len(page.all("#reader")) == len(page.all("#hit")) == 1
    marked, other = (page.all(IN_TEXT)[n].value_of_css_property("background-color") for n in (2, 0))
    assert marked != other
    page.close_reader()
    assert page.all("a.cite-active") == []


def test_09_a_slow_press_opens_the_essay_while_the_answer_streams(browse: Browse) -> None:
    mentor = Streaming(rounds=100)
    with serving(mentor) as address:
        visitor = browse("en-US")
        visitor.visit(address)
        visitor.say("a topic")
        visitor.one(f"#chat .growing {CITATION}")
        visitor.hold(f"#chat .growing {CITATION}", 0.2)
        visitor.one("#reader #hit")
        assert visitor.all("#chat .growing")
        assert visitor.shown("#hit").startswith("我认为选择课题")
        mentor.hurry.set()
        # Drawn anew since, and still marked.
        visitor.until(lambda: not visitor.all("#chat .growing"))
        visitor.until(lambda: len(visitor.all("a.cite-active")) >= 2)


def test_10_an_essay_that_has_changed_opens_unmarked_and_says_so(browse: Browse) -> None:
    mentor = FakeMentor()
    with serving(mentor) as address:
        visitor = browse("en-US")
        visitor.visit(address)
        visitor.ask("a topic")
        essay = mentor.documents["kaiming_he_qa"]
        object.__setattr__(essay, "text", essay.text.replace("好奇心", "好奇"))
        visitor.click(CITATION)
        notice = visitor.one("#reader .reader-notice")
        visitor.until(lambda: "has changed" in notice.text)
        assert visitor.all("#reader mark") == []
        assert "第39段" in visitor.shown("#reader article")


def test_11_the_reader_says_where_by_whom_and_from_where(page: Visitor) -> None:
    page.click(IN_TEXT, 1)
    page.until(lambda: page.shown("#hit") == "好奇心是关键。")
    about = page.shown("#reader header")
    assert "说话人：何恺明" in about
    assert "第 2 处引文，共 3 处" in about
    assert re.search(r"第 \d 段，共 \d\d 段", about)
    page.one("#reader .reader-next").click()
    page.until(lambda: page.shown("#hit") == "阅读大量的论文,看看他们遇到了什么问题。")
    assert page.focused("class") == "reader-next"
    about = page.shown("#reader header")
    assert "David Mack · 量子位 · 2024-02-27" in about
    original = page.all('#reader a[href="https://example.org/a"]')
    assert [link.text for link in original] == ["原网页"]
    assert "The text belongs to its author." in page.shown("#reader .reader-licence")
    assert page.one("#reader .reader-next").get_attribute("aria-disabled") == "true"
    page.one("#reader .reader-previous").click()
    page.until(lambda: page.shown("#hit") == "好奇心是关键。")
    page.close_reader()


def test_11_an_english_page_shows_the_translation_under_the_original(browse: Browse) -> None:
    documents = shelf()
    essay = documents["kaiming_he_qa"]
    end = essay.text.index("好奇心是关键。") + len("好奇心是关键。")
    he = replace(essay.speakers[0], labels=("何恺明:",))
    documents["kaiming_he_qa"] = replace(
        essay, english={end: "Curiosity is the key."}, speakers=(he,)
    )
    with serving(FakeMentor(documents)) as address:
        visitor = browse("en-US")
        visitor.visit(address)
        visitor.ask("a topic")
        visitor.open_citation(1)
        assert visitor.shown("#hit") == "好奇心是关键。"
        ours = visitor.one("#reader .reader-ours")
        assert ours.text == "Curiosity is the key. our translation"
        assert visitor.box("#reader .reader-ours")["top"] > visitor.box("#hit")["bottom"] - 1
        assert visitor.shown("#reader article .turn b") == "何恺明:"


def test_12_a_middle_click_opens_the_same_passage_on_a_page_without_scripts(
    page: Visitor, mentor: FakeMentor
) -> None:
    quote = quote_at(mentor.documents, hrefs(page, IN_TEXT)[0])
    chat = page.driver.current_window_handle
    page.run("document.activeElement.blur()")  # the tooltip of the link below would lie over it
    page.until(lambda: not page.one("#peek").is_displayed())
    page.hold(IN_TEXT, 0, "middle")
    page.until(lambda: len(page.driver.window_handles) == 2)
    (new,) = set(page.driver.window_handles) - {chat}
    page.driver.switch_to.window(new)
    page.one("#hit")
    assert "/read/kaiming_he_qa?" in page.driver.current_url
    assert page.run("return document.scripts.length") == 0
    assert page.shown("#hit") == quote
    page.driver.close()
    page.driver.switch_to.window(chat)
    page.press(Keys.SHIFT)
    assert len(hrefs(page, IN_TEXT)) == 3  # the link is what it was
    assert page.all("#reader") == []


def test_13_the_sources_show_every_quote_without_a_click(page: Visitor) -> None:
    numbers = [int(link.text) for link in page.all(IN_SOURCES)]
    assert numbers == [1, 2, 3]
    quotes = page.all("#chat .sources ul ul li")
    assert [quote.text.split(maxsplit=1)[1] for quote in quotes] == [
        "「我认为选择课题最重要的标准是你对问题的好奇心和热情。」",
        "「好奇心是关键。」",
        "「阅读大量的论文,看看他们遇到了什么问题。」",
    ]
    titles = [one.text for one in page.all("#chat .sources > ul > li > strong")]
    assert titles == ["《何恺明问答》", "《一年》"]


def test_14_an_essay_cited_twice_stands_once_with_two_passages(page: Visitor) -> None:
    essays = page.all("#chat .sources > ul > li")
    assert [len(essay.find_elements("css selector", "ul > li")) for essay in essays] == [2, 1]


def test_15_a_copied_answer_is_clean_text_with_its_sources(page: Visitor) -> None:
    page.driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    page.click("#chat .tools .copy")
    page.until(lambda: page.shown("#chat .tools-said") == "已复制")
    read = "navigator.clipboard.readText().then(arguments[0], () => arguments[0](''))"
    text = page.driver.execute_async_script(read)
    assert text == (
        "关于选题,文章里这样说。\n"
        "何恺明 说：\n"
        "我认为选择课题最重要的标准是你对问题的好奇心和热情。 [1]\n"
        "好奇心是关键。 [2]\n"
        "David Mack 说：\n"
        "阅读大量的论文,看看他们遇到了什么问题。 [3]\n"
        "\n"
        "出处\n"
        "[1] 「我认为选择课题最重要的标准是你对问题的好奇心和热情。」\n"
        "[2] 「好奇心是关键。」\n"
        "    《何恺明问答》 · 何恺明 · 量子位 · 2024-02-27\n"
        "[3] 「阅读大量的论文,看看他们遇到了什么问题。」\n"
        "    《一年》 · David Mack · 量子位 · 2024-02-27 · https://example.org/a"
    )
