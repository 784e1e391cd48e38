"""What the tests share: three tiny essays, an embedder without weights, and the real shelf."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from fakes import HashEmbedder, write_corpus

from rag import Mentor, Settings

# What httpx waits where a test says nothing: five seconds are few while much else is going on.
for _what in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _what, 60.0)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)


_MINUTE_S, _TEST_S = 60, 15


@pytest.fixture
def early_in_a_minute() -> None:
    """Wait where the minute that budgets are counted in would end within a test."""
    left_s = _MINUTE_S - time.time() % _MINUTE_S
    if left_s < _TEST_S:
        time.sleep(left_s + 0.01)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three tiny essays: Chinese with a translation, an English dialogue, questions and answers."""
    return write_corpus(tmp_path / "corpus")


@pytest.fixture(scope="session")
def hash_embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mentor]:
    """The real essays, with the shipped model."""
    mentor = Mentor.open(Settings(index_dir=tmp_path_factory.mktemp("shelf") / "index"))
    yield mentor
    mentor.close()
