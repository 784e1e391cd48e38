"""Mentor's front door: everything that faces and judges use."""

from rag import doctor
from rag.errors import (
    CorpusError,
    IndexLockedError,
    IndexWriteError,
    MentorError,
    MissingModelError,
    QuestionError,
    StaleIndexError,
)
from rag.mentor import Mentor
from rag.settings import Settings
from rag.types import (
    Answer,
    Citation,
    Claim,
    Document,
    Hit,
    Kind,
    Lang,
    Passage,
    Question,
    Sentence,
    Span,
    Speaker,
    Status,
)

__all__ = [
    "Answer",
    "Citation",
    "Claim",
    "CorpusError",
    "Document",
    "Hit",
    "IndexLockedError",
    "IndexWriteError",
    "Kind",
    "Lang",
    "Mentor",
    "MentorError",
    "MissingModelError",
    "Passage",
    "Question",
    "QuestionError",
    "Sentence",
    "Settings",
    "Span",
    "Speaker",
    "StaleIndexError",
    "Status",
    "doctor",
]
