"""The nouns. A stage turns one into the next; all are frozen and import nothing of ours.

Offsets are half-open, in code points of `Document.text`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Lang = Literal["zh", "en"]
Kind = Literal["quote", "translation", "generated"]
Status = Literal["answered", "refused"]
ViewKind = Literal["text", "sentence", "asked", "question", "decoy"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of code points; never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            msg = f"a span needs 0 <= start < end, not {self.start}, {self.end}"
            raise ValueError(msg)

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, at: int) -> bool:
        """Say whether the span covers an offset."""
        return self.start <= at < self.end

    def of(self, text: str) -> str:
        """Return the slice of `text` that this span covers."""
        return text[self.start : self.end]

    def shift(self, by: int) -> "Span":
        """Return the span moved by `by` code points."""
        return Span(self.start + by, self.end + by)

    def overlap(self, other: "Span") -> int:
        """Return how many code points both spans cover; 0 when they are apart."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class Speaker:
    """Someone who speaks in an essay. `labels` hand over the floor and are not quotable ("Q:");
    `opens` hand it over and are part of what is said. `asks` marks who asks rather than tells.
    """

    name: str
    name_en: str
    url: str = ""
    labels: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A beginner's question, written by the project, that the essay answers at `span`.

    A `starter` may be offered to someone who does not know what to ask.
    """

    text: str
    lang: Lang
    span: Span
    starter: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """An essay. `text` is canonical (NFC, LF, no BOM); `speakers[0]` is the default voice.

    `english` and `chinese` give the project's own translation of a sentence by the offset where it
    ends; a sentence in that language already, and an essay without a translation, has none.
    `questions` are the project's too. Neither is ever quoted as the author's words.
    """

    id: str
    title: str
    author: str
    author_en: str
    site: str
    site_en: str
    url: str
    date: str
    lang: Lang
    licence: str
    note: str
    sha256: str
    text: str
    speakers: tuple[Speaker, ...]
    english: Mapping[int, str] = field(default_factory=dict)
    chinese: Mapping[int, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A verbatim slice of one essay, under one heading, by one speaker.

    `asked` is the question this passage replies to ("" when it replies to none).
    """

    doc_id: str
    span: Span
    text: str
    heading: tuple[str, ...]
    speaker: str
    asked: str = ""

    @property
    def id(self) -> str:
        """`doc:start-end`, the same after every rebuild."""
        return f"{self.doc_id}:{self.span.start}-{self.span.end}"


@dataclass(frozen=True, slots=True)
class View:
    """A text under which a passage is found, and the part of the essay that it stands for.

    "text": the passage with its headings; "sentence": one sentence, or its translation; "asked":
    the question it replies to; "question": a beginner's question that it answers. A "decoy" is a
    question that no essay answers: it belongs to no passage, and has no span.
    """

    passage_id: str
    kind: ViewKind
    lang: Lang
    text: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Match:
    """A view that a question came near to, by cosine similarity, and its place in the essay."""

    kind: ViewKind
    span: Span
    similarity: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage; higher score is better.

    `ranks` says by what it was found ("words", "meaning"), from 1; `matches` gives its views that
    came near, nearest first.
    """

    passage: Passage
    score: float
    ranks: Mapping[str, int]
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence proposed for an answer, unchecked: the passages and the words said to prove it."""

    text: str
    passage_ids: tuple[str, ...]
    kind: Kind
    quote: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A proof: `span.of(document.text) == quote`. `n` counts from 1 within an answer."""

    n: int
    doc_id: str
    title: str
    author: str
    url: str
    span: Span
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked claim. `support` in [0, 1]: 1 for a verbatim quote."""

    text: str
    lang: Lang
    kind: Kind
    speaker: str
    citations: tuple[Citation, ...]
    support: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What Mentor says. `lead`, `note` and `asks` are its own frame around the proof: no claims
    about research.

    Small talk is `answered` with a `lead` alone. A refusal has no sentences, but `nearest`
    passages to read and `followups` that the essays do answer. `dropped` is what a chat model
    wrote and no essay bears out. `understood` is a follow-up as the model read it; `note` says why
    quotes stand where it was to write; `asks` is a question back, whose `branches` are the
    question told both ways. `tokens` counts what the model read and wrote, where it says so.
    """

    question: str
    lang: Lang
    status: Status
    lead: str
    sentences: tuple[Sentence, ...] = ()
    dropped: tuple[Claim, ...] = ()
    nearest: tuple[Passage, ...] = ()
    followups: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    answerer: str = "quotes"
    understood: str = ""
    note: str = ""
    asks: str = ""
    branches: tuple[str, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
