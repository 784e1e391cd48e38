"""Mentor's front door: everything that faces and judges use."""

from importlib import import_module
from typing import TYPE_CHECKING

from rag import doctor
from rag.errors import (
    CorpusError,
    GenerationError,
    IndexLockedError,
    IndexWriteError,
    MentorError,
    MissingModelError,
    QuestionError,
    StaleIndexError,
    StoreError,
)
from rag.ground import translated
from rag.mentor import Mentor
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

if TYPE_CHECKING:
    from rag.check import Checker, open_checker, reasons
    from rag.proof import vetoed, weighed
    from rag.quote import Grade, grade, locate, quoted

# What judges use and a quoted answer does not: loaded when it is first asked for, since it takes
# longer than the answer.
_LATER = {
    **dict.fromkeys(("Checker", "open_checker", "reasons"), "rag.check"),
    **dict.fromkeys(("vetoed", "weighed"), "rag.proof"),
    **dict.fromkeys(("Grade", "grade", "locate", "quoted"), "rag.quote"),
}

__all__ = [
    "Answer",
    "Checker",
    "Citation",
    "Claim",
    "CorpusError",
    "Document",
    "GenerationError",
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
    "StoreError",
    "doctor",
    "grade",
    "locate",
    "open_checker",
    "quoted",
    "reasons",
    "sentences",
    "translated",
    "vetoed",
    "weighed",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        msg = f"module 'rag' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(_LATER[name]), name)
