"""A Mentor with somebody listening: whoever counts or keeps what is asked hears of each question
once, wherever it was asked.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import cast

from rag import Answer, Mentor, Sentence

# How a question ended: with an answer, with an error, or None: the asker did not wait for it.
Ending = Answer | Exception | None


class Heard:
    """Answers like the Mentor that it is given, and tells `ended` how each question ended.

    An answer is told before the asker has it. All else that is asked of a Mentor is passed on.
    """

    def __init__(self, mentor: Mentor, ended: Callable[[Ending], None]) -> None:
        self._mentor, self._ended = mentor, ended

    def __getattr__(self, name: str) -> object:
        return getattr(self._mentor, name)

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """Answer like `Mentor.ask`."""
        return cast("Answer", list(self.stream(question, history))[-1])

    def stream(
        self,
        question: str,
        history: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Sentence | Answer, None, None]:
        """Answer like `Mentor.stream`."""
        told = False
        try:
            with closing(self._mentor.stream(question, history, stopped)) as parts:
                for part in parts:
                    if isinstance(part, Answer):
                        told = True
                        self._ended(part)
                    yield part
        except Exception as error:
            told = True
            self._ended(error)
            raise
        finally:
            if not told:
                self._ended(None)
