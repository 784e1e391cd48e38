"""What the tests share: three tiny essays, an embedder without weights, and the real shelf."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from fakes import HashEmbedder, write_corpus

from rag import Mentor, Settings

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)


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
