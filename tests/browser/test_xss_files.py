"""What sees a payload come alive sees each of them; and none does in the page of a run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Visitor
from hostile import armed, came_alive, careless, line, lively, numbers, payloads
from report_runs import item, run, said

from eval.report import write

pytestmark = pytest.mark.browser

Browse = Callable[..., Visitor]


def test_there_are_enough_payloads_and_no_two_are_the_same() -> None:
    bare = [text.replace(str(1000 + n), "§") for n, text in enumerate(payloads())]
    assert len(set(bare)) == len(bare) >= 200


def test_every_lively_payload_comes_alive_in_a_page_that_lets_it(
    browse: Browse, tmp_path: Path
) -> None:
    page = tmp_path / "careless.html"
    page.write_text(careless(), encoding="utf-8")
    visitor = armed(browse("en-US"))
    visitor.driver.get(page.as_uri())
    alive = came_alive(visitor)
    missed = {n for n, _ in lively()} - numbers(alive)
    assert [payloads()[n] for n in sorted(missed)] == []
    assert len(visitor.run("return top.hackedBy")) > len(missed) + 100
    assert any(said.startswith("http://127.0.0.1:9/") for said in alive)


def test_nothing_comes_alive_in_a_report(browse: Browse, tmp_path: Path) -> None:
    items = [
        item(f"x{n}.en", text, said=[said(text, why=[text])], essays=[text], error=text)
        for n, text in enumerate(payloads())
    ]
    page = write(run() | {"items": items}, tmp_path)[-1]
    visitor = armed(browse("en-US"))
    visitor.driver.get(page.as_uri())
    visitor.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert came_alive(visitor) == []
    shown = visitor.run("return document.body.textContent")
    assert all(line(text)[:40] in " ".join(shown.split()) for text in payloads())
