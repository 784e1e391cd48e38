"""What a system under test said, in one form for all: Mentor, any other bot, a trivial row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eval.cases import Case

Outcome = Literal["answered", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation as the system gave it: nothing of it has been checked.

    `start` and `end` are offsets into the essay where the system gave them, else -1.
    """

    n: int
    doc_id: str
    quote: str
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of an answer with its citations, in order."""

    text: str
    citations: tuple[Cited, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that the system found, as a stretch of an essay."""

    doc_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one case. `found` is ranked, best first; empty where a system does not tell.

    `evidence` is what the system's refusal was decided by, where it tells. A `failed` reply says
    why in `error`, and counts as a wrong one everywhere.
    """

    outcome: Outcome
    said: tuple[Said, ...] = ()
    found: tuple[Found, ...] = ()
    evidence: float | None = None
    ms: float | None = None
    error: str = ""


class Target(Protocol):
    """A system under test."""

    @property
    def name(self) -> str:
        """Say what is judged."""

    def __call__(self, case: Case) -> Reply:
        """Reply to a case; what goes wrong is a failed reply, never an exception."""


def of_answer(answer: Mapping[str, Any], ms: float | None = None) -> Reply:
    """Return the Answer JSON of `mentor ask --json`, from any system, as a reply.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or of another kind.
    """
    if answer["status"] not in {"answered", "refused"}:
        msg = f"status: '{answer['status']}' is neither answered nor refused."
        raise ValueError(msg)
    said = tuple(
        Said(str(row["text"]), tuple(_cited(c) for c in row.get("citations", ())))
        for row in answer.get("sentences", ())
    )
    return Reply(
        outcome=answer["status"],
        said=said,
        found=tuple(_found(answer.get("hits", ()))),
        ms=ms if ms is not None else (answer.get("timings_ms") or {}).get("total"),
    )


def _cited(row: Mapping[str, Any]) -> Cited:
    return Cited(
        int(row.get("n", 0)),
        str(row.get("doc_id", "")),
        str(row.get("quote", "")),
        int(row.get("start", -1)),
        int(row.get("end", -1)),
    )


def _found(rows: Sequence[Mapping[str, Any]]) -> list[Found]:
    return [Found(str(row["doc_id"]), int(row["start"]), int(row["end"])) for row in rows]
