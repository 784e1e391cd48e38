"""No text comes alive: in an essay's page, on the shelf, in the chat, its reader, the widget."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import CITATION, Visitor, serving
from hostile import HostileMentor, armed, came_alive, line, payloads
from live_server import live

from rag import Settings
from rag.text import canonical
from ui.api import create_api
from ui.shelf import add_shelf

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]


@pytest.fixture(scope="module")
def evil() -> Iterator[str]:
    with serving(HostileMentor()) as address:
        yield address


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_comes_alive_in_the_page_of_an_essay(browse: Browse, evil: str, lang: str) -> None:
    visitor = armed(browse("en-US"))
    visitor.driver.get(f"{evil}/read/all_of_them?lang={lang}&s=2&e=9000#hit")
    shown = visitor.run("return document.querySelector('article').textContent")
    assert came_alive(visitor) == []
    for text in payloads():
        for part in canonical(text).split("\n"):
            assert part.lstrip("#->* ").strip() in shown
    assert visitor.run("return document.title").startswith(line(payloads()[0]))


def test_nothing_comes_alive_on_the_shelf(browse: Browse, evil: str) -> None:
    visitor = armed(browse("en-US"))
    visitor.driver.get(f"{evil}/shelf?lang=en")
    assert came_alive(visitor) == []
    titles = visitor.run("return [...document.querySelectorAll('h3')].map((h) => h.textContent)")
    assert titles == [line(payloads()[0]), *map(line, payloads())]


def test_nothing_comes_alive_in_what_is_sought(browse: Browse) -> None:
    app = create_api(HostileMentor(essays=8), Settings())
    add_shelf(app, app.state.mentor)
    visitor = armed(browse("en-US"))
    # Many pages in frames of one, without the policy that would stop what gets through.
    visitor.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    with live(app) as address:
        for start in range(0, len(payloads()), _FRAMES):
            some = payloads()[start : start + _FRAMES]
            visitor.driver.get(f"{address}/shelf")
            visitor.run(_FRAME, [f"/shelf?{urlencode({'q': text})}" for text in some])
            visitor.until(lambda some=some: visitor.run(_FIELDS).count(None) == 0)
            assert visitor.run(_FIELDS) == [text.replace("\n", "") for text in some]
            assert came_alive(visitor) == []


def test_nothing_comes_alive_in_the_chat_nor_in_its_reader(browse: Browse, evil: str) -> None:
    visitor = armed(browse("en-US", height=1200))
    visitor.visit(f"{evil}/chat/en/")
    for question in ("\n".join(payloads()), "refuse, please"):
        before = len(visitor.all("#chat .bot-row"))
        visitor.run(_TYPE, question)
        visitor.click("#question .submit-button")
        visitor.answered(before)
        assert came_alive(visitor, scripts=False) == []
    assert "hacked(1000)" in visitor.run("return document.querySelector('#chat').innerText")
    visitor.run("arguments[0].click()", visitor.all(CITATION)[30])  # as a key would: it is far down
    visitor.one("#reader #hit")
    assert visitor.shown("#hit") == canonical(payloads()[30]).rstrip("\n")
    assert came_alive(visitor, scripts=False) == []
    hrefs = [str(link.get_dom_attribute("href")) for link in visitor.all("#chat a[href]")]
    assert len(visitor.all(CITATION)) > len(payloads())
    assert [h for h in hrefs if not h.startswith(("#cite-", "/read/", "/chat/", "/shelf"))] == []


def test_nothing_comes_alive_when_a_conversation_comes_back(browse: Browse, evil: str) -> None:
    visitor = armed(browse("en-US", height=1200))
    visitor.visit(f"{evil}/chat/en/")
    before = len(visitor.all("#chat .bot-row"))
    visitor.run(_TYPE, "\n".join(payloads()[:60]))
    visitor.click("#question .submit-button")
    visitor.answered(before)
    visitor.driver.refresh()
    visitor.come_in()
    visitor.until(lambda: visitor.all("#chat .bot-row"))
    visitor.quiet()
    assert came_alive(visitor, scripts=False) == []


def test_nothing_comes_alive_in_the_widget(browse: Browse, evil: str) -> None:
    visitor = armed(browse("en-US", height=1200))
    visitor.driver.get(f"{evil}/widget/demo/inline.html")
    visitor.until(lambda: visitor.run("return !!window.Mentor"))
    for question, shown in (("\n".join(payloads()[:20]), 200), ("refuse, please", 20)):
        visitor.run("Mentor.ask(arguments[0])", question)
        visitor.until(lambda shown=shown: visitor.run(_IN_WIDGET).count("hacked(") > shown)
        assert came_alive(visitor) == []


def test_nothing_comes_alive_in_a_note_and_it_is_kept_as_it_was(
    browse: Browse, tmp_path: Path
) -> None:
    with serving(HostileMentor(), index_dir=tmp_path) as address:
        visitor = armed(browse("en-US", height=1200))
        visitor.visit(f"{address}/chat/en/")
        visitor.ask("refuse, please")
        notes = [line(text)[:1000] for text in payloads()[::9]]
        for note in notes:
            visitor.run("arguments[0].click()", visitor.one("#chat .tools .down"))
            visitor.one("#chat .tools form")
            visitor.run(_NOTE, note)
            visitor.until(lambda: not visitor.all("#chat .tools form"))
            assert came_alive(visitor, scripts=False) == []
    kept = (tmp_path / "feedback.jsonl").read_text(encoding="utf-8").splitlines()
    assert [told["note"] for told in map(json.loads, kept) if told.get("note")] == [
        note.strip() for note in notes
    ]


_NOTE = """
const form = document.querySelector('#chat .tools form');
form.querySelector('input').value = arguments[0];
form.requestSubmit();
"""
_FRAMES = 40
_FRAME = """
document.body.replaceChildren(...arguments[0].map((src) =>
  Object.assign(document.createElement('iframe'), { src })));
"""
_FIELDS = """
return [...document.querySelectorAll('iframe')].map((one) =>
  one.contentDocument?.readyState === 'complete'
    ? one.contentDocument.querySelector('#q')?.value ?? null : null);
"""
_TYPE = """
const box = document.querySelector('#question textarea');
Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, arguments[0]);
box.dispatchEvent(new Event('input', { bubbles: true }));
"""
_IN_WIDGET = """
const host = [...document.querySelectorAll('*')].find((one) => one.shadowRoot);
return host ? host.shadowRoot.textContent : '';
"""
