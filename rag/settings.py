"""Every knob, read once at the door; the stages get plain values.

Each is also an environment variable: `MENTOR_` and the name in capitals.
"""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_HOME = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What an owner may choose; README's table is tested against this class."""

    model_config = SettingsConfigDict(
        env_prefix="MENTOR_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    corpus_dir: Path = Field(_HOME / "corpus", description="The shelf: manifest.toml and essays.")
    index_dir: Path = Field(_HOME / ".mentor", description="Where the index is kept.")
    embedder: str = Field(
        "",
        description="A sentence-transformers model: folder or hub name. Empty: the shipped one.",
    )
    reranker: str = Field(
        "",
        description="A sentence-transformers cross-encoder, folder or hub name, that puts the "
        "first 20 passages in order. Empty: none.",
    )
    checker: str = Field(
        "",
        description="What judges whether a passage supports a sentence: cross-encoder:MODEL (a "
        "sentence-transformers model for entailment) or chat:PROVIDER:MODEL. Empty: the shipped "
        "one.",
    )
    offline: bool = Field(
        default=True, description="Never look a model up on a hub; only what is on disk."
    )
    passage_chars: int = Field(
        400, ge=120, le=4000, description="A passage is cut at a sentence past this length."
    )
    top_k: int = Field(8, ge=1, le=50, description="Passages an answer is chosen from.")
    question_chars: int = Field(
        2000, ge=50, le=20_000, description="Longest question taken, in characters."
    )
    refuse_below: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Evidence (0 to 1) under which Mentor refuses. Empty: as it was fitted.",
    )
    host: str = Field("127.0.0.1", description="Where `mentor serve` listens.")
    port: int = Field(7860, ge=1, le=65_535, description="The port of `mentor serve`.")
