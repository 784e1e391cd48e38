"""Mentor's front door: everything that faces and judges use."""

from rag import doctor
from rag.check import Checker, open_checker, reasons
from rag.errors import (
    CorpusError,
    IndexLockedError,
    IndexWriteError,
    MentorError,
    MissingModelError,
    QuestionError,
    StaleIndexError,
)
from rag.ground import translated, vetoed
from rag.mentor import Mentor
from rag.quote import Grade, grade, locate, quoted
from rag.settings import Settings
from rag.text import sentences
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
    "Checker",
    "Citation",
    "Claim",
    "CorpusError",
    "Document",
    "Grade",
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
    "grade",
    "locate",
    "open_checker",
    "quoted",
    "reasons",
    "sentences",
    "translated",
    "vetoed",
]
