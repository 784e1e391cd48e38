"""Somebody else's site with Mentor's widget on it: two real servers on two origins, one visitor."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conftest import Visitor
from live_server import live
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag import Settings
from ui.api import create_api
from ui.embed import add_widget
from ui.guard import guard

DEMO = Path(__file__).resolve().parents[2] / "ui" / "widget" / "demo"
Browse = Callable[..., Visitor]

TOPIC = "How do I choose a topic?"
REFUSED = "Will the weather be fine?"
_PATIENCE_S = 30
_ROOT = "const root = document.querySelector('mentor-widget').shadowRoot;"
_SEND = "return root.querySelector('.send').textContent"


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[int]:
    """Serve on this machine; yield the port."""
    with live(app, port, log_level="critical", lifespan="on") as address:
        yield int(address.rpartition(":")[2])


@dataclass
class Site:
    """Pages of somebody else, by path, with the headers of each."""

    pages: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        page = self.pages.get(Request(scope).url.path, ("", {}))
        await HTMLResponse(page[0], headers=page[1])(scope, receive, send)


@dataclass
class Place:
    """Mentor at one address, and a site on another whose pages embed it."""

    address: str
    site: Site
    port: int

    @property
    def home(self) -> str:
        """The site under the name that Mentor's owner has allowed."""
        return f"http://localhost:{self.port}"

    @property
    def stranger(self) -> str:
        """The same site under a name that nobody has allowed."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, attributes: str = "") -> str:
        return f'<script src="{self.address}/widget.js" {attributes} defer></script>'

    def put(self, path: str, body: str, attributes: str = "", **headers: str) -> str:
        """Put up a page with the widget; return its address."""
        viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
        page = (
            f'<!doctype html><html lang="en"><head><title>A page</title>{viewport}'
            f"{self.script(attributes)}</head><body>{body}</body></html>"
        )
        return self.put_whole(path, page, **headers)

    def put_whole(self, path: str, page: str, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.site.pages[path] = (page, named)
        return f"{self.home}{path}"

    def put_demo(self, name: str) -> str:
        """Put up a demo page as it is, but for where the widget comes from."""
        page = (DEMO / f"{name}.html").read_text(encoding="utf-8")
        page = page.replace('src="/widget.js"', f'src="{self.address}/widget.js"')
        page = page.replace("-src 'self'", f"-src {self.address}")
        return self.put_whole(f"/{name}", page)


Wrap = Callable[[ASGIApp], ASGIApp]


def application(mentor: Any, home: str, index: Path, wrap: Wrap = lambda app: app) -> ASGIApp:
    """Return Mentor without its chat, behind its guard; `wrap` stands between the two."""
    settings = Settings(origins=home, index_dir=index)
    app = create_api(mentor, settings)
    add_widget(app)
    app.add_middleware(_Between, wrap=wrap)
    guard(app, settings)
    return app


class _Between:
    def __init__(self, app: ASGIApp, wrap: Wrap) -> None:
        self._app = wrap(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


@contextmanager
def placed(mentor: Any, index: Path, wrap: Wrap = lambda app: app) -> Iterator[Place]:
    """Serve a Mentor, and beside it a site that it allows."""
    site = Site()
    with ExitStack() as servers:
        port = servers.enter_context(served(site))
        home = f"http://localhost:{port}"
        mine = servers.enter_context(served(application(mentor, home, index, wrap)))
        yield Place(f"http://127.0.0.1:{mine}", site, port)


@dataclass
class Guest:
    """Somebody who uses the widget; every wait has an end."""

    visitor: Visitor

    def visit(self, url: str) -> "Guest":
        self.visitor.driver.get(url.rsplit("/", 1)[0] + "/empty")
        self.visitor.run("sessionStorage.clear()")
        self.visitor.driver.get(url)
        self.visitor.until(
            lambda: self.visitor.run("return !!document.querySelector('mentor-widget')")
        )
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script that knows the widget's `root`."""
        return self.visitor.run(_ROOT + script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return list(self.run("return [...root.querySelectorAll(arguments[0])]", selector))

    def shown(self, selector: str) -> list[WebElement]:
        return [element for element in self.all(selector) if element.is_displayed()]

    def one(self, selector: str) -> WebElement:
        return self.until(lambda: next(iter(self.shown(selector)), None))

    def until(self, true: Callable[[], Any]) -> Any:
        return self.visitor.until(true)

    def text(self, selector: str) -> str:
        """Return the text of the last such element as it is held, hidden or not."""
        return str(
            self.run("return [...root.querySelectorAll(arguments[0])].at(-1).textContent", selector)
        )

    def click(self, selector: str, n: int = 0) -> None:
        element = self.until(lambda: self.shown(selector)[n:])[0]
        self.visitor.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def press(self, *keys: str) -> None:
        self.visitor.press(*keys)

    def open(self) -> "Guest":
        self.one(".launcher").click()
        self.one("textarea")
        self.until(lambda: self.all(".intro .soft, .turn"))
        return self

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is whole."""
        self.one("textarea").send_keys(question, Keys.ENTER)
        self.answered()

    def answered(self) -> None:
        self.until(lambda: self.all(".turn") and not self.all(".waiting"))
        self.until(lambda: self.run(_SEND) not in {"Stop", "停止"})

    def focused(self) -> str:
        """Return what has the focus in the widget: its class, id or tag; "" for the page's own."""
        return str(
            self.run(
                "const at = root.activeElement;"
                "return at ? at.id || at.classList[0] || at.localName : ''"
            )
        )

    def box(self, selector: str) -> Mapping[str, float]:
        return self.run(
            "return root.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector
        )

    def style(self, selector: str, name: str) -> str:
        found = "return getComputedStyle(root.querySelector(arguments[0]))[arguments[1]]"
        if name.startswith("--"):
            found = found.replace("[arguments[1]]", ".getPropertyValue(arguments[1])")
        return str(self.run(found, selector, name))

    def heard(self) -> list[list[Any]]:
        """Return the widget's events since the page was told to listen: [[name, detail], …]."""
        return list(self.visitor.run("return window.heard"))


LISTEN = """<script>
window.heard = [];
for (const name of ["ready", "open", "close", "answer", "error"])
  document.addEventListener(`mentor:${name}`, (event) => heard.push([name, event.detail]));
</script>"""
