"""A real server on a free port, a real Chromium, and the moves of somebody who uses the page."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from live_server import live
from selenium import webdriver
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from rag import Document, Mentor, Settings
from ui.app import create_app

CITATION = 'a[href^="#cite-"]'
_CHROMIUM, _DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
_SWITCHES = """--headless=new --no-sandbox --disable-gpu --disable-background-networking
    --disable-component-update --disable-sync --no-first-run --disable-dev-shm-usage""".split()
# Chromium's word for a page that focuses one box while another has the focus.
_HARMLESS = ("Autofocus processing was blocked",)
_PATIENCE_S = 30
_STILL = 6  # looks in a row, a twentieth of a second apart


@contextmanager
def serving(mentor: Any, **settings: Any) -> Iterator[str]:
    """Serve a Mentor, real or fake, on a free port of this machine; yield its address.

    Nobody is counted unless the settings say so: a whole suite comes from one address.
    """
    with TemporaryDirectory() as folder:
        free: dict[str, Any] = {name: 0 for name in Settings.model_fields if "_per_" in name}
        known = Settings(**{"index_dir": Path(folder), **free, **settings})
        with live(create_app(mentor, known)) as address:
            yield address


@pytest.fixture(scope="session")
def address(shelf: Mentor) -> Iterator[str]:
    with serving(shelf) as address:
        yield address


@pytest.fixture
def essays(shelf: Mentor) -> Mapping[str, Document]:
    return shelf.documents


AUDIT = """
const done = arguments[arguments.length - 1];
axe.run({ resultTypes: ['violations'] }).then(
  (found) => done(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`)));
"""


@cache
def axe() -> str:
    """Return the script that looks for what keeps people out of a page."""
    found = find_spec("axe_playwright_python")
    assert found
    assert found.submodule_search_locations
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


@dataclass
class Visitor:
    """Somebody at the page; every wait has an end."""

    driver: Chrome

    def visit(self, url: str) -> None:
        self.driver.get(url)
        if "/read/" not in url:
            self.come_in()

    def come_in(self) -> None:
        """Wait until the page is there, empty or with its conversation."""
        self.one("#question textarea")
        self.one("#chat :is(.example, .message-row)")
        self.one("#keeping")

    def until(self, true: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, _PATIENCE_S, 0.05).until(lambda _: true())

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.until(lambda: next(iter(self.all(selector)), None))

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def say(self, question: str) -> None:
        """Ask, and wait for nothing."""
        self.one("#question textarea:enabled").send_keys(question, Keys.ENTER)

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is whole."""
        before = len(self.all("#chat .bot-row"))
        self.say(question)
        self.answered(before)

    def open_citation(self, n: int = 0) -> str:
        """Click the nth citation, wait for its passage, and return its address in the page."""
        href = str(self.all(CITATION)[n].get_dom_attribute("href"))
        self.click(CITATION, n)
        self.one("#reader #hit")
        self.until(lambda: self.focused("id") == "hit")
        return href

    def hold(self, selector: str, seconds: float, button: str = "left") -> None:
        """Press a button of the mouse on the first such element, and let go after some time."""
        where = self.run(_MIDDLE, selector)
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "button": button, "clickCount": 1, **where}
            self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)
            time.sleep(seconds if kind == "mousePressed" else 0)

    def close_reader(self) -> None:
        self.press(Keys.ESCAPE)
        self.until(lambda: not self.all("#reader"))

    def answered(self, before: int) -> None:
        self.until(lambda: len(self.all("#chat .bot-row")) > before)
        self.until(lambda: self.run(_SETTLED))
        self.quiet()

    def quiet(self) -> None:
        """Wait until the conversation has stood still: Gradio draws an answer more than once."""
        seen = [""] * _STILL
        self.until(lambda: seen.append(self.run(_PAGE)) or len(set(seen[-_STILL:])) == 1)

    def click(self, selector: str, n: int = 0) -> None:
        """Click the nth such element, scrolled into the middle."""
        element = self.until(lambda: self.all(selector)[n:])[0]
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def text(self) -> str:
        return str(
            self.run("return [...document.querySelectorAll('#chat .bot-row')].at(-1).innerText")
        )

    def shown(self, selector: str) -> str:
        """Return the text of an element as the page holds it, blanks and all."""
        # In one step: what is found may be drawn anew before it is asked.
        found = "const one = document.querySelector(arguments[0]); return one && [one.textContent]"
        return str(self.until(lambda: self.run(found, selector))[0])

    def focused(self, attribute: str) -> str | None:
        return self.run("return document.activeElement.getAttribute(arguments[0])", attribute)

    def box(self, selector: str) -> Mapping[str, float]:
        return self.run(
            "return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector
        )

    def complaints(self) -> list[str]:
        """Return what the console says, blocked requests and errors included."""
        entries = [entry["message"] for entry in self.driver.get_log("browser")]
        return [said for said in entries if not any(harmless in said for harmless in _HARMLESS)]

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for over the network since the last call."""
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        urls = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("data:", "blob:", "chrome"))]


_MIDDLE = """
const link = document.querySelector(arguments[0]);
link.scrollIntoView({block: 'center'});
const box = link.getBoundingClientRect();
return {x: box.x + box.width / 2, y: box.y + box.height / 2};
"""
_PAGE = "return document.querySelector('#chat').innerHTML + !!document.querySelector(':disabled')"
_SETTLED = """
const row = [...document.querySelectorAll('#chat .message-row')].at(-1);
return row.matches('.bot-row') && !row.querySelector('.growing') && row.innerText.trim();
"""


@pytest.fixture(scope="session")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Chrome]]:
    """Give a function that starts one Chromium for each language, with a profile of its own."""
    started: dict[str, Chrome] = {}

    def start(lang: str) -> Chrome:
        options = ChromeOptions()
        options.binary_location = _CHROMIUM
        profile = tmp_path_factory.mktemp("profile")
        for switch in [*_SWITCHES, f"--user-data-dir={profile}", f"--lang={lang}"]:
            options.add_argument(switch)
        options.add_experimental_option("prefs", {"intl.accept_languages": lang})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        return webdriver.Chrome(options, ChromeService(_DRIVER))

    def browser(lang: str) -> Chrome:
        if lang not in started:
            started[lang] = start(lang)
        return started[lang]

    yield browser
    for driver in started.values():
        driver.quit()


def arrive(driver: Chrome, width: int = 1280, height: int = 800, *, dark: bool = False) -> Visitor:
    """Come in a new tab, which remembers nothing of those before."""
    old = driver.current_window_handle
    driver.switch_to.new_window("tab")
    new = driver.current_window_handle
    driver.switch_to.window(old)
    driver.close()
    driver.switch_to.window(new)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 720}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    visitor = Visitor(driver)
    visitor.complaints(), visitor.requests()  # of the visitor before
    return visitor


@pytest.fixture
def browse(browsers: Callable[[str], Chrome]) -> Iterator[Callable[..., Visitor]]:
    """Give a function that comes to an empty page: language, size, dark or light."""
    drivers: list[Chrome] = []

    def come(
        lang: str = "zh-CN", width: int = 1280, height: int = 800, *, dark: bool = False
    ) -> Visitor:
        driver = browsers(lang)
        drivers.append(driver)
        return arrive(driver, width, height, dark=dark)

    yield come
    for driver in drivers:
        driver.get("about:blank")  # lets go of the server
