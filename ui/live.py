"""The Mentor that answers now. Another takes its place while the server runs, and nothing is lost:
whoever began to answer goes on with the one that was there, with its essays and its index.
"""

from collections.abc import Callable
from typing import cast

from rag import Mentor


class Live:
    """Stands for the Mentor in use; everything asked of it goes to that one."""

    def __init__(self, mentor: Mentor, wrapped: Callable[[Mentor], Mentor]) -> None:
        """Take the first; `wrapped` gives each what every face needs of it, such as counting."""
        self._bare, self._wrapped = mentor, wrapped
        self._now = wrapped(mentor)

    def __getattr__(self, name: str) -> object:
        return getattr(self._now, name)

    def pinned(self) -> Mentor:
        """Return the one that answers now, which does not change."""
        return self._now

    def renew(self) -> None:
        """Read essays and index again, and answer from them from now on.

        The one before is closed by whoever holds it last, when it is thrown away.

        Raises:
            MentorError: they do not fit each other; all stays as it was.
        """
        self._bare = self._bare.renewed()
        self._now = self._wrapped(self._bare)


def live(mentor: Mentor, wrapped: Callable[[Mentor], Mentor]) -> Mentor:
    """Return a Mentor that can be renewed: see `renew` and `pinned`."""
    return cast("Mentor", Live(mentor, wrapped))  # everything else is passed on as it is


def pinned(mentor: Mentor) -> Mentor:
    """Return the Mentor that answers now; an answer and what is said about it come from one."""
    return mentor.pinned() if isinstance(mentor, Live) else mentor
