"""A real server on a free port, a real Chromium, and the moves of somebody who uses the page."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from rag import Document, Mentor
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
def serving(mentor: Any) -> Iterator[str]:
    """Serve a Mentor, real or fake, on a free port of this machine; yield its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(mentor),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + _PATIENCE_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)


@pytest.fixture(scope="session")
def address(shelf: Mentor) -> Iterator[str]:
    with serving(shelf) as address:
        yield address


@pytest.fixture
def essays(shelf: Mentor) -> Mapping[str, Document]:
    return shelf.documents


@dataclass
class Visitor:
    """Somebody at the page; every wait has an end."""

    driver: Chrome

    def visit(self, url: str) -> None:
        self.driver.get(url)
        if "/read/" not in url:
            self.one("#question textarea")
            self.until(lambda: self.run("return !!document.querySelector('#chat .example')"))

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

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is whole."""
        before = len(self.all("#chat .bot-row"))
        self.one("#question textarea:enabled").send_keys(question, Keys.ENTER)
        self.answered(before)

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
        return str(self.one(selector).get_property("textContent"))

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


_PAGE = "return document.querySelector('#chat').innerHTML + !!document.querySelector(':disabled')"
_SETTLED = """
const text = [...document.querySelectorAll('#chat .bot-row')].at(-1).innerText.trim();
return text && !/正在查找|Searching the essays/.test(text);
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


@pytest.fixture
def browse(browsers: Callable[[str], Chrome]) -> Iterator[Callable[..., Visitor]]:
    """Give a function that comes to an empty page: language, size, dark or light."""
    drivers: list[Chrome] = []

    def come(
        lang: str = "zh-CN", width: int = 1280, height: int = 800, *, dark: bool = False
    ) -> Visitor:
        driver = browsers(lang)
        drivers.append(driver)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 720}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        visitor = Visitor(driver)
        visitor.complaints(), visitor.requests()  # of the visitor before
        return visitor

    yield come
    for driver in drivers:
        driver.get("about:blank")  # lets go of the server
