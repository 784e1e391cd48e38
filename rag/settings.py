"""Every knob, read once at the door; the stages get plain values.

Each is also an environment variable: `MENTOR_` and the name in capitals.
"""

from pathlib import Path
from typing import Literal

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
    store: str = Field(
        "",
        pattern=r"^$|^(chromas?|qdrants?)://[^/@\s]+/?$|^qdrant:///\S+$",
        description="A vector store outside the process: chroma:// or qdrant://HOST:PORT "
        "(chromas://, qdrants:// by TLS), or qdrant:///FOLDER. Empty: none, Chroma is within.",
    )
    store_key: SecretStr = Field(
        SecretStr(""), description="Key of that store. Empty: none is sent."
    )
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
    origins: str = Field(
        "",
        description="Sites whose pages may call Mentor, as https://lab.example, between commas. "
        "Empty: only its own pages.",
    )
    framed_by: str = Field(
        "",
        description="Sites that may show Mentor in a frame, written likewise. Empty: only itself.",
    )
    proxies: str = Field(
        "",
        description="Addresses or networks of the proxies in front, between commas, whose "
        "X-Forwarded-For and -Proto are believed. Empty: nobody's.",
    )
    asks_per_minute: int = Field(
        120,
        ge=0,
        le=1_000_000,
        description="Questions a minute from one address (IPv6: one /64). 0: no limit.",
    )
    asks_per_day: int = Field(
        2000, ge=0, le=100_000_000, description="Questions a day from one address. 0: no limit."
    )
    asks_per_day_in_all: int = Field(
        20_000,
        ge=0,
        le=1_000_000_000,
        description="Questions a day from everybody: what a model may cost. 0: no limit.",
    )
    reads_per_minute: int = Field(
        1200,
        ge=0,
        le=1_000_000,
        description="Other requests a minute from one address, files of the pages not counted. "
        "0: no limit.",
    )
    asks_at_once: int = Field(
        64,
        ge=1,
        le=10_000,
        description="Questions that are answered at one time; as many again wait for a moment.",
    )
    budget_store: SecretStr = Field(
        SecretStr(""),
        description="Where several Mentors count together: redis://, valkey:// or "
        "memcached://HOST:PORT, or sqlite://PATH on one machine. Empty: each in its own memory, "
        "the workers of one together.",
    )
    api_tokens: SecretStr = Field(
        SecretStr(""),
        description="Bearer tokens, between commas, one of which a program must show to use the "
        "API. Empty: none needed.",
    )
    login: SecretStr = Field(
        SecretStr(""),
        description="USER:PASSWORD that a browser must give before it sees any page. Empty: "
        "none needed.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token for /metrics. Empty: only this machine may read it.",
    )
    workers: int = Field(
        1, ge=1, le=64, description="Processes that answer on the port of `mentor serve`."
    )
    goodbye_s: float = Field(
        10.0,
        ge=0.0,
        le=600.0,
        description="Seconds that a server which is stopped has for the answers it has begun.",
    )
    log: Literal["text", "json"] = Field(
        "text", description="How `mentor serve` writes its log: text, or one JSON object a line."
    )
    log_level: Literal["", "debug", "info", "warning", "error"] = Field(
        "",
        description="From where on it is written: debug, info (a line for each request), warning "
        "or error. Empty: warning, in JSON info.",
    )
    question_log: bool = Field(
        default=False,
        description="Keep what is asked, without who asked it, in questions.sqlite3 beside the "
        "index; the pages say so.",
    )
    question_log_days: int = Field(
        30, ge=1, le=3650, description="Days after which a kept question is removed."
    )
