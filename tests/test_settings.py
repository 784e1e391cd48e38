"""Settings are read once, from variables of their names, and a key is never shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from rag import Settings

KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MENTOR_{name.upper()}", raising=False)


def test_without_variables_no_model_is_asked() -> None:
    settings = Settings()
    assert (settings.model, settings.model_url, settings.checker) == ("", "", "")
    assert settings.model_key.get_secret_value() == ""


@pytest.mark.parametrize(
    ("variable", "value", "name", "read"),
    [
        ("MENTOR_MODEL", "ollama:qwen3:8b", "model", "ollama:qwen3:8b"),
        ("MENTOR_MODEL_URL", "http://localhost:11434", "model_url", "http://localhost:11434"),
        ("MENTOR_MODEL_TEMPERATURE", "0", "model_temperature", 0.0),
        ("MENTOR_MODEL_TIMEOUT_S", "2.5", "model_timeout_s", 2.5),
        ("MENTOR_MODEL_DEADLINE_S", "90", "model_deadline_s", 90.0),
        ("MENTOR_MODEL_RETRIES", "3", "model_retries", 3),
        ("MENTOR_MODEL_CACHE", "500", "model_cache", 500),
        ("MENTOR_CHECKER", "chat:openai:gpt", "checker", "chat:openai:gpt"),
        ("MENTOR_INDEX_DIR", "there", "index_dir", Path("there")),
        ("MENTOR_OFFLINE", "false", "offline", False),
        ("MENTOR_ORIGINS", "https://lab.example", "origins", "https://lab.example"),
        ("MENTOR_FRAMED_BY", "https://lab.example", "framed_by", "https://lab.example"),
        ("MENTOR_PROXIES", "10.0.0.0/8", "proxies", "10.0.0.0/8"),
        ("MENTOR_ASKS_PER_MINUTE", "3", "asks_per_minute", 3),
        ("MENTOR_ASKS_PER_DAY", "0", "asks_per_day", 0),
        ("MENTOR_ASKS_PER_DAY_IN_ALL", "5", "asks_per_day_in_all", 5),
        ("MENTOR_READS_PER_MINUTE", "7", "reads_per_minute", 7),
        ("MENTOR_ASKS_AT_ONCE", "9", "asks_at_once", 9),
    ],
)
def test_a_setting_is_a_variable_of_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str, read: object
) -> None:
    before = getattr(Settings(), name)
    assert before != read
    monkeypatch.setenv(variable, value)
    assert getattr(Settings(), name) == read
    monkeypatch.setenv(variable, "")
    assert getattr(Settings(), name) == before


@pytest.mark.parametrize(
    ("name", "low", "high", "outside"),
    [
        ("model_temperature", 0.0, 2.0, (-0.1, 2.1)),
        ("model_timeout_s", 0.001, 600.0, (0.0, -1.0, 600.1)),
        ("model_deadline_s", 0.001, 3600.0, (0.0, -1.0, 3601.0)),
        ("model_retries", 0, 5, (-1, 6, 0.5)),
        ("model_cache", 0, 100_000, (-1, 100_001)),
        ("asks_per_minute", 0, 1_000_000, (-1, 1_000_001)),
        ("asks_per_day", 0, 100_000_000, (-1, 100_000_001)),
        ("asks_per_day_in_all", 0, 1_000_000_000, (-1, 1_000_000_001)),
        ("reads_per_minute", 0, 1_000_000, (-1, 1_000_001)),
        ("asks_at_once", 1, 10_000, (0, -1, 10_001)),
    ],
)
def test_a_number_has_bounds(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    low: float,
    high: float,
    outside: tuple[float, ...],
) -> None:
    variable = f"MENTOR_{name.upper()}"
    for value in (low, high):
        monkeypatch.setenv(variable, str(value))
        assert getattr(Settings(), name) == value
    for wrong in (*outside, "nan", "many"):
        monkeypatch.setenv(variable, str(wrong))
        with pytest.raises(ValidationError, match=name):
            Settings()


@pytest.mark.parametrize(
    "name", ["model_key", "budget_store", "api_tokens", "login", "metrics_token"]
)
def test_a_key_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"MENTOR_{name.upper()}", KEY)
    settings = Settings()
    assert getattr(settings, name).get_secret_value() == KEY
    dumped = (settings.model_dump(), settings.model_dump_json(), settings.model_copy())
    for shown in (repr(settings), str(settings), f"{getattr(settings, name)}", *map(str, dumped)):
        assert KEY not in shown


def test_a_key_is_not_shown_where_another_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MENTOR_MODEL_KEY", KEY)
    monkeypatch.setenv("MENTOR_PORT", "0")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "port" in str(caught.value)
    assert KEY not in str(caught.value)


def test_without_variables_nobody_elses_page_may_call_and_budgets_are_set() -> None:
    settings = Settings()
    assert (settings.origins, settings.framed_by, settings.proxies) == ("", "", "")
    assert 0 < settings.asks_per_minute < settings.asks_per_day < settings.asks_per_day_in_all
    assert settings.asks_per_minute < settings.reads_per_minute
    for key in (settings.api_tokens, settings.login, settings.metrics_token):
        assert key.get_secret_value() == ""


def test_settings_stay_as_they_were_read_and_none_is_made_up() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 80  # type: ignore[misc]
    with pytest.raises(ValidationError, match="no_such_setting"):
        Settings(no_such_setting="a")  # type: ignore[call-arg]
