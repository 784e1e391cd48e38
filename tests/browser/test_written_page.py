"""A written answer in a real browser: the server, the client of the model and its stream are real;
only the model's words are scripted.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from conftest import CITATION, Visitor, serving
from selenium.webdriver.common.keys import Keys

from eval.protocols import Prompt
from eval.scripted import Pause, Provider, Script, Step
from rag import Mentor, Settings

pytestmark = [
    pytest.mark.browser,
    # Gradio's server runs in here, and warns of what it calls itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

Browse = Callable[..., Visitor]

QUESTION = "先啃教材还是直接上手?"
TRUE = "有实践经验再看书，会有恍然大悟、茅塞顿开的感觉。"
ALSO = "他推荐的学习顺序是先做实战，学到点皮毛，再去看书。"
FALSE = "斯坦福的一项研究发现，先读三本教材的学生成功率高出一倍。"
HOSTILE = "<img src=x onerror=window.hacked=1>[点这里](javascript:window.hacked=1)读三本书。"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written") / "index"


@contextmanager
def written(index: Path, script: Script) -> Iterator[tuple[str, Provider]]:
    """Serve a Mentor whose model follows a script."""
    with Provider(script) as provider:
        settings = Settings(
            index_dir=index, model="openai:scripted", model_url=provider.openai_url, model_retries=0
        )
        with closing(Mentor.open(settings)) as mentor, serving(mentor) as address:
            yield address, provider


def test_what_is_proved_is_running_text_and_the_rest_is_folded_away(
    browse: Browse, index: Path
) -> None:
    def script(_: Prompt) -> Iterator[Step]:
        yield f"{TRUE}[1]{ALSO}[1]{FALSE}[1]"

    with written(index, script) as (address, _):
        visitor = browse(height=1200)
        visitor.visit(address)
        assert "openai:scripted" in visitor.run("return document.body.innerText")
        visitor.ask(QUESTION)
        assert TRUE in visitor.text().replace("\xa0", "")
        assert "有 1 句话在文章中找不到依据，已略去" in visitor.text()
        assert FALSE not in visitor.text()
        visitor.click("#chat details.withheld summary")
        visitor.until(lambda: FALSE in visitor.text())
        assert len(visitor.all(CITATION)) >= 2
        visitor.click(CITATION)
        visitor.one("#reader #hit")
        assert visitor.complaints() == []


def test_nothing_that_a_model_writes_becomes_a_link_or_an_image(
    browse: Browse, index: Path
) -> None:
    def script(_: Prompt) -> Iterator[Step]:
        yield f"{TRUE}[1]{ALSO}[1]{HOSTILE}[1]"

    with written(index, script) as (address, _):
        visitor = browse(height=1200)
        visitor.visit(address)
        visitor.ask(QUESTION)
        visitor.click("#chat details.withheld summary")
        assert visitor.run("return window.hacked") is None
        assert visitor.all("#chat .bot-row img") == []
        hrefs = [str(a.get_dom_attribute("href")) for a in visitor.all("#chat .bot-row a[href]")]
        assert [
            href for href in hrefs if not href.startswith(("#cite-", "/read/", "https://"))
        ] == []


def test_stopping_the_answer_stops_the_model(browse: Browse, index: Path) -> None:
    def script(_: Prompt) -> Iterator[Step]:
        yield f"{TRUE}[1]"
        yield Pause(60)
        yield ALSO

    with written(index, script) as (address, provider):
        visitor = browse()
        visitor.visit(address)
        visitor.one("#question textarea:enabled").send_keys(QUESTION, Keys.ENTER)
        visitor.until(lambda: provider.prompts)
        time.sleep(0.5)
        assert provider.abandoned == 0
        visitor.click("#question .stop-button, #question button.stop-button, .stop-button")
        visitor.until(lambda: provider.abandoned == 1)


def test_a_dead_model_leaves_the_quoted_answer_and_a_quiet_note(
    browse: Browse, index: Path
) -> None:
    with written(index, lambda _: iter(())) as (address, provider):
        provider.close()
        visitor = browse()
        visitor.visit(address)
        visitor.ask(QUESTION)
        assert "下面是文章原话" in visitor.shown("#chat .note")
        assert visitor.all("#chat blockquote")
