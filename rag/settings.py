"""Every knob, read once at the door; the stages get plain values.

Each is also an environment variable: `MENTOR_` and the name in capitals.
"""

from pathlib import Path

from pydantic import Field, SecretStr
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
    model: str = Field(
        "",
        description="The chat model that words the answers, as PROVIDER:NAME (openai, ollama, "
        "anthropic, google_genai, …). Empty: answers are the essays' own sentences.",
    )
    model_url: str = Field(
        "", description="Address of an OpenAI-compatible or Ollama server. Empty: the provider's."
    )
    model_key: SecretStr = Field(
        SecretStr(""),
        description="Key of the provider. Empty: the provider's own variable, such as "
        "OPENAI_API_KEY; with an address of your own, none is sent.",
    )
    model_temperature: float = Field(
        0.2, ge=0.0, le=2.0, description="How freely the model words its answers."
    )
    model_timeout_s: float = Field(
        15.0, gt=0.0, le=600.0, description="Seconds of silence after which the model is given up."
    )
    model_deadline_s: float = Field(
        60.0, gt=0.0, le=3600.0, description="Seconds that the model has for a whole answer."
    )
    model_retries: int = Field(
        1, ge=0, le=5, description="How often a model that has said nothing is asked again."
    )
    model_cache: int = Field(
        0, ge=0, le=100_000, description="Written answers kept in memory for the same question."
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
