"""Draw the pictures of the README: the real essays, a real server, a real browser.

python -m tests.screenshots [FOLDER]      or: make screenshots
"""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from browser.conftest import Visitor

_HERE = Path(__file__).resolve().parent
_DOCS = _HERE.parent / "docs"
_MOST_BYTES = 250_000
_COLOURS = 255
_QUESTION = "实验总是失败,我是不是不适合做科研?"
_ENGLISH = "How do I choose a research topic?"
_REFUSED = "What year did Karpathy leave Tesla?"
_CHROMIUM, _DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
_SWITCHES = """--headless=new --no-sandbox --disable-gpu --disable-background-networking
    --disable-component-update --disable-sync --no-first-run --disable-dev-shm-usage
    --hide-scrollbars --force-color-profile=srgb""".split()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _DOCS
    with TemporaryDirectory() as scratch:
        report = _report(Path(scratch))
        with _address(Path(scratch)) as address:
            for name, draw in _PICTURES.items():
                picture = _small(draw(address, report, Path(scratch)))
                (folder / f"{name}.png").write_bytes(picture)
                print(f"{folder / name}.png  {len(picture) / 1000:.0f} KB", flush=True)


def _chat(address: str, _: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "zh-CN", 1280, 860) as visitor:
        visitor.visit(f"{address}/chat/zh/")
        visitor.ask(_QUESTION)
        visitor.open_citation()
        return _drawn(visitor)


def _phone(address: str, _: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "en-US", 390, 844) as visitor:
        visitor.visit(f"{address}/chat/en/")
        visitor.ask(_ENGLISH)
        return _drawn(visitor)


def _refusal(address: str, _: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "en-US", 1080, 760) as visitor:
        visitor.visit(f"{address}/chat/en/")
        visitor.ask(_REFUSED)
        return _drawn(visitor)


def _widget(address: str, _: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "en-US", 1080, 800) as visitor:
        visitor.driver.get(f"{address}/widget/demo/plain.html")
        visitor.until(lambda: visitor.run("return !!window.Mentor"))
        visitor.run("Mentor.open(); return Mentor.ask(arguments[0])", _ENGLISH)
        visitor.until(lambda: visitor.run(_WIDGET_ANSWERED))
        return _drawn(visitor)


def _shelf(address: str, _: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "en-US", 1080, 900) as visitor:
        visitor.driver.get(f"{address}/shelf?q=choosing+a+topic")
        return _drawn(visitor)


def _read(address: str, _: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "en-US", 1080, 900, dark=True) as visitor:
        visitor.driver.get(f"{address}/shelf?q=choosing+a+topic")
        visitor.click(".results li a", 1)
        visitor.one("#hit")
        return _drawn(visitor)


def _page_of_report(_: str, report: Path, scratch: Path) -> bytes:
    with _visitor(scratch, "en-US", 1080, 900) as visitor:
        visitor.driver.get(report.as_uri())
        return _drawn(visitor)


_PICTURES: dict[str, Callable[[str, Path, Path], bytes]] = {
    "chat": _chat,
    "phone": _phone,
    "refusal": _refusal,
    "widget": _widget,
    "shelf": _shelf,
    "read": _read,
    "report": _page_of_report,
}
_WIDGET_ANSWERED = """
const host = [...document.querySelectorAll('*')].find((one) => one.shadowRoot);
return host.shadowRoot.querySelectorAll('.card button, .card a').length > 8;
"""


def _report(scratch: Path) -> Path:
    """Judge the dev questions, and return the page that tells how it went."""
    command = [sys.executable, "-m", "eval", "run", "--split", "dev", "--out", str(scratch / "run")]
    subprocess.run(command, cwd=_HERE.parent, check=True, stdout=subprocess.DEVNULL)
    return scratch / "run" / "report.html"


@contextmanager
def _address(scratch: Path) -> Iterator[str]:
    from live_server import live

    from rag import Mentor, Settings
    from ui.app import create_app

    settings = Settings(index_dir=scratch / "index")
    with (
        closing(Mentor.open(settings)) as mentor,
        # Always the same port: the widget shows it.
        live(create_app(mentor, settings), settings.port) as address,
    ):
        yield address


@contextmanager
def _visitor(
    scratch: Path, lang: str, width: int, height: int, *, dark: bool = False
) -> Iterator["Visitor"]:
    """Start a browser that has never been here, as large as the picture."""
    from browser.conftest import arrive
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    for switch in [*_SWITCHES, f"--user-data-dir={mkdtemp(dir=scratch)}", f"--lang={lang}"]:
        options.add_argument(switch)
    options.add_experimental_option("prefs", {"intl.accept_languages": lang})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(_DRIVER))
    try:
        yield arrive(driver, width, height, dark=dark)
        driver.get("about:blank")  # lets go of the server
    finally:
        driver.quit()


def _drawn(visitor: "Visitor") -> bytes:
    """Return the window once it stands still; nothing blinks in it."""
    visitor.run(
        "const still = new CSSStyleSheet();"
        "still.replaceSync('*{animation:none!important;transition:none!important;"
        "caret-color:transparent!important}');"
        "document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];"
        "return document.fonts.ready.then(() => new Promise(requestAnimationFrame))"
    )
    return bytes(visitor.driver.get_screenshot_as_png())


def _small(png: bytes) -> bytes:
    """Return the picture with as few colours as look the same.

    Raises:
        ValueError: it is still too large for a README.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    few.save(packed, "PNG", optimize=True)
    if len(packed.getvalue()) > _MOST_BYTES:
        msg = f"a picture of {picture.size} has {len(packed.getvalue())} bytes"
        raise ValueError(msg)
    return packed.getvalue()


if __name__ == "__main__":
    sys.path.insert(0, str(_HERE))
    main()
