"""The first answer as somebody at a browser sees it: a real Chromium, which is open already."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_PATIENCE_S, _POLL_S = 30, 0.02
_SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
_QUESTION = "How do I choose a research topic?"
_CITED = '#chat .bot-row a[href^="#cite-"]'


@contextmanager
def browsing() -> Iterator[Callable[[int], float] | None]:
    """Give what asks in the chat of a server and returns the seconds until a citation is shown, by
    the port; None where this machine has no Chromium, or no selenium.
    """
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs) or not find_spec("selenium"):
        yield None
        return
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0] or ""
    for switch in _SWITCHES:
        options.add_argument(switch)
    service = webdriver.ChromeService(executable_path=programs[1])
    with webdriver.Chrome(options=options, service=service) as driver:

        def ask(port: int) -> float:
            start = time.perf_counter()
            waiting = WebDriverWait(driver, _PATIENCE_S, _POLL_S)
            driver.get(f"http://127.0.0.1:{port}/chat/en/")
            box = "#question textarea:enabled"
            waiting.until(lambda page: page.find_elements(By.CSS_SELECTOR, "#chat .example"))
            waiting.until(lambda page: page.find_elements(By.CSS_SELECTOR, box))
            driver.find_element(By.CSS_SELECTOR, box).send_keys(_QUESTION, Keys.ENTER)
            waiting.until(lambda page: page.find_elements(By.CSS_SELECTOR, _CITED))
            return time.perf_counter() - start

        yield ask
