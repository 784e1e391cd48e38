"""docs/settings.md says what the code says, and no secret is ever shown."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rag import Settings
from ui.commands.settings_page import in_force, page, settings_page, variable

ROOT = Path(__file__).resolve().parent.parent
commands = typer.Typer()
commands.command()(settings_page)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_the_page_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == page(), "run: mentor settings --markdown > docs/settings.md"


def test_the_command_prints_the_page() -> None:
    assert CliRunner().invoke(commands, ["--markdown"]).stdout == page()


def test_every_setting_has_a_row_with_five_cells() -> None:
    rows = {row.split("`")[1]: row for row in page().splitlines() if row.startswith("| `MENTOR_")}
    assert list(rows) == [variable(name) for name in Settings.model_fields]
    for row in rows.values():
        cells = row.replace("\\|", "").strip("|").split("|")
        assert len(cells) == 5
        assert cells[1].strip()
        assert cells[3].strip()
        assert cells[4].strip()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("port", ["whole number", "from 1 to 65,535", "`7860`"]),
        ("model_timeout_s", ["above 0 to 600", "`15.0`"]),
        ("refuse_below", ["| number |", "from 0 to 1", "empty"]),
        ("offline", ["true or false", "`true`"]),
        ("model_key", ["text, secret", "empty"]),
        ("log", ["`text`, `json`"]),
        ("corpus_dir", ["folder", "`corpus`"]),
    ],
)
def test_a_row_tells_type_range_and_default(name: str, parts: list[str]) -> None:
    (row,) = [row for row in page().splitlines() if row.startswith(f"| `{variable(name)}`")]
    for part in parts:
        assert part in row


def test_only_what_differs_is_in_force() -> None:
    assert list(in_force(Settings())) == []
    changed = Settings(port=8000, offline=False, corpus_dir=Path("/srv/shelf"))
    assert set(in_force(changed)) == {
        "MENTOR_PORT=8000",
        "MENTOR_OFFLINE=false",
        "MENTOR_CORPUS_DIR=/srv/shelf",
    }


SECRETS: list[dict[str, Any]] = [
    {"model_key": "hunter2"},
    {"budget_store": "redis://:hunter2@store:6379"},
    {"login": "me:hunter2"},
    {"api_tokens": "hunter2,hunter2b"},
    {"metrics_token": "hunter2"},
    {"model_url": "https://me:hunter2@models.example/v1"},
    {"model_url": "https://me:a/hunter2@models.example/v1"},
    {"model_url": "https://models.example/v1?key=hunter2"},
    {"model_url": "https://[hunter2"},
]


@pytest.mark.parametrize("given", SECRETS)
def test_no_secret_is_shown(given: dict[str, Any]) -> None:
    (line,) = in_force(Settings(**given))
    assert line.startswith(variable(next(iter(given))))
    assert "hunter2" not in line


def test_a_value_stays_on_its_line() -> None:
    (line,) = in_force(Settings(embedder="a\nMENTOR_PORT=1"))
    assert "\n" not in line
