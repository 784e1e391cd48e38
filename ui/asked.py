"""An answer -> what is kept of the question: masked, without who asked it."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from unicodedata import normalize

from rag import Answer, Lang, Status
from ui.masking import masked

_CHARS = 1000  # of a question: what is longer tells more about its asker than about the shelf


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked, masked, and what became of it.

    `id` is of chance. `at` is the hour it was asked in (UTC): no use of it needs more, and a finer
    time could be laid beside a proxy's log of addresses. `cited` and `nearest` are ids of passages;
    `verdict` is the last thumb, "" for none.
    """

    id: str
    at: datetime
    question: str
    lang: Lang
    status: Status
    answerer: str
    cited: tuple[str, ...]
    nearest: tuple[str, ...]
    timings_ms: dict[str, float]
    verdict: str = ""

    @property
    def failed(self) -> bool:
        """Say whether the shelf, or what was made of it, was not enough."""
        return self.status == "refused" or self.verdict in {"down", "wrong_evidence"}


def asked(answer: Answer, at: datetime) -> Asked:
    """Return what is kept of an answer that was given at a time."""
    quotes = [c for sentence in answer.sentences for c in sentence.citations]
    cited = dict.fromkeys(f"{c.doc_id}:{c.span.start}-{c.span.end}" for c in quotes)
    return Asked(
        id=secrets.token_hex(6),
        at=at.astimezone(UTC).replace(minute=0, second=0, microsecond=0),
        question=kept_text(answer.question),
        lang=answer.lang,
        status=answer.status,
        answerer=answer.answerer,
        cited=tuple(cited),
        nearest=tuple(passage.id for passage in answer.nearest),
        timings_ms=dict(answer.timings_ms),
    )


def kept_text(question: str) -> str:
    """Return a question as it is kept: masked, in one line, of at most 1,000 characters."""
    seen = "".join(c if c.isprintable() else " " for c in normalize("NFC", question))
    # A cut inside a number would leave its first half unmasked: so the cut comes last.
    return masked(" ".join(seen.split()))[:_CHARS]
