"""`python -m eval load`: users at once, their waits and errors, the memory of the server."""

import json
import re
from urllib.parse import urlsplit

import pytest
from guarded import guarded
from typer.testing import CliRunner

from eval import load
from eval.__main__ import app
from eval.cases import Case


def port(address: str) -> int:
    return int(urlsplit(address).port or 0)


def cases(*questions: str) -> list[Case]:
    return [Case(f"{n}", "", "zh", question, ()) for n, question in enumerate(questions)]


def test_a_real_server_is_started_asked_by_several_and_stopped() -> None:
    done = CliRunner().invoke(app, ["load", "--users", "3", "--questions", "12", "--json"])
    assert done.exit_code == 0, done.output
    figures = {name: value for name, value, _ in json.loads(done.stdout)}
    assert figures["errors"] == "0"
    assert float(figures["first page"].removesuffix(" s")) > 0.5
    assert float(figures["whole answer, 95 in 100"].removesuffix(" s")) >= 0
    memory = [value for name, value in figures.items() if name.startswith("memory")]
    assert len(memory) == 2
    assert all(re.fullmatch(r"\d{3,} MB|-", value) for value in memory)


@pytest.mark.usefixtures("early_in_a_minute")
def test_every_question_is_put_once_and_each_wrong_answer_is_counted() -> None:
    with guarded(asks_per_minute=4) as address:
        ticks: list[int] = []
        questions = cases("whole", "break", "half", "whole", "late", "late")
        asked = load.put(port(address), 1, questions, lambda: ticks.append(1))
    errors = ["", "status 500", "no answer", "", "status 429", "status 429"]
    assert [one.error for one in asked] == errors
    assert len(ticks) == 6
    assert all(0 < one.first_s <= one.whole_s for one in asked)


def test_waits_are_those_of_the_asker() -> None:
    with guarded() as address:
        asked = load.put(port(address), 2, cases("rest", "rest"))
    assert [one.error for one in asked] == ["", ""]
    assert all(one.whole_s - one.first_s > 0.5 for one in asked)


def test_a_server_that_is_gone_is_an_error_and_no_crash() -> None:
    with guarded() as address:
        gone = port(address)
    assert [one.error for one in load.put(gone, 1, cases("a"))] == ["ConnectionRefusedError"]


@pytest.mark.parametrize(
    ("share", "waits"), [(0.5, 2.0), (0.75, 3.0), (0.95, 4.0), (1.0, 4.0), (0.0, 1.0)]
)
def test_a_share_of_the_waits_is_read_off_by_nearest_rank(share: float, waits: float) -> None:
    asked = tuple(load.Asked(n / 10, float(n)) for n in (4, 2, 3, 1))
    failed = load.Asked(0.0, 99.0, "status 500")
    found = load.Load(2, 1.0, 2.0, (*asked, failed), (1.0, None, 2.0), (3.0, 4.0), (0.5, 1.0))
    assert found.whole_s(share) == waits
    assert found.first_s(share) == waits / 10
    assert found.errors == {"status 500": 1}
    shown = {name: value for name, value, _ in load.rows(found)}
    assert shown["errors"] == "1 status 500"
    assert shown["an answer, processor time"] == "0.200 s"
    assert shown["memory after 5"] in {"2 MB", "-"}
