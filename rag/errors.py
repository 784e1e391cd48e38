"""What can go wrong, named after what the reader can do next.

    MentorError
    ├── QuestionError      ask again, as the message says
    ├── CorpusError        mend the file and field it names
    ├── IntakeError        give another file, or the same in another form
    ├── StaleIndexError    run `mentor index`
    ├── StoreError         start the vector store that MENTOR_STORE names, or look why it is away
    ├── IndexLockedError   wait for the other builder, or stop it
    ├── IndexWriteError    free space or permissions, then run `mentor index`
    ├── MissingModelError  install or name another model
    ├── GenerationError    nothing: the quoted answer is given instead
    └── DeclinedError      nothing: quotes or a refusal, as the evidence is

"The essays do not say" is not here: refusing is an answer, a value.
"""

from typing import Literal


class MentorError(Exception):
    r"""The root: its text is one line for a person, with the next step.

    >>> str(MentorError("a name of theirs,\n\x1b[2Jis wrong."))
    'a name of theirs, ?[2Jis wrong.'
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message))


def one_line(text: str) -> str:
    """Return a message as one line of what can be seen: it may quote a file of anybody's.

    Spaces within a line stay as they are: they may be those of a name.
    """
    lines = " ".join(line for part in text.splitlines() if (line := part.strip()))
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in lines)


class QuestionError(MentorError):
    """The question cannot be taken as it stands: empty, too long, or without a word in it."""


class CorpusError(MentorError):
    """A file of the corpus is wrong; the message names file and field."""


class IntakeError(MentorError):
    """A document cannot be taken in; the message names it. Nothing was written."""


class StaleIndexError(MentorError):
    """The index is missing, damaged, or made from other essays or by another model."""


class StoreError(MentorError):
    """The vector store outside the process does not answer, or does not do what it is asked."""


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
