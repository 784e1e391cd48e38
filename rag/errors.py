"""What can go wrong, named after what the reader can do next.

    MentorError
    ├── QuestionError      ask again, as the message says
    ├── CorpusError        mend the file and field it names
    ├── StaleIndexError    run `mentor index`
    ├── IndexLockedError   wait for the other builder, or stop it
    ├── IndexWriteError    free space or permissions, then run `mentor index`
    ├── MissingModelError  install or name another model
    ├── GenerationError    nothing: the quoted answer is given instead
    └── DeclinedError      nothing: quotes or a refusal, as the evidence is

"The essays do not say" is not here: refusing is an answer, a value.
"""

from typing import Literal


class MentorError(Exception):
    """The root: its text is one line for a person, with the next step."""


class QuestionError(MentorError):
    """The question cannot be taken as it stands: empty, too long, or without a word in it."""


class CorpusError(MentorError):
    """A file of the corpus is wrong; the message names file and field."""


class StaleIndexError(MentorError):
    """The index is missing, damaged, or made from other essays or by another model."""


class IndexLockedError(MentorError):
    """Another process is building the index."""


class IndexWriteError(MentorError):
    """The index could not be written; the one in use is untouched."""


class MissingModelError(MentorError):
    """A model that a setting names, or the library that runs it, is not on this machine."""


Reason = Literal["timeout", "rate limit", "unavailable", "key", "malformed", "empty", "paused"]


class GenerationError(MentorError):
    """A chat model gave no answer that can be used; `reason` says why in a word."""

    def __init__(self, reason: Reason, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason: Reason = reason


class DeclinedError(MentorError):
    """A chat model says that the passages do not answer the question."""
