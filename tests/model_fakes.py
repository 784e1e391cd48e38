"""A seat for scripted chat models: one Mentor, for which each test lets another model write."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from typing_extensions import override

from eval.scripted import Provider, Script, Step
from rag import Answer, Document, Hit, Lang, Mentor
from rag.chat import open_chat
from rag.embed import open_embedder
from rag.write import Writer, Writing
from ui.render import as_markdown

Protocol = Literal["openai", "ollama"]
# The first end ends it: what is withheld may not end it sooner.
_WITHHELD = re.compile(r"<details class=\"withheld\">.*?</details>", re.DOTALL)

# What the essays answer; further down what they say to it, and what no essay says.
QUESTIONS: Mapping[Lang, str] = {"zh": "怎么选课题?", "en": "How do I choose a research topic?"}
# It stands on the page if anything of a lie does.
CANARY = "Zanzibarquux"
LIES: Mapping[Lang, Sequence[str]] = {
    "zh": (
        f"先去{CANARY}买一个现成的课题。[1]",
        f"课题要由{CANARY}的算命先生来定。[2]",
        f"凡是{CANARY}没有批准的课题都不能做。[1]",
    ),
    "en": (
        f"Buy a finished topic in {CANARY} first. [1]",
        f"Your topic has to be drawn by a fortune teller of {CANARY}. [2]",
        f"Whatever {CANARY} has not approved must not be worked on. [1]",
    ),
}
TRUTHS: Mapping[Lang, Sequence[str]] = {
    "zh": (
        "选择课题最重要的标准是你对问题的好奇心和热情。[1]",
        "他说好奇心和热情才应该是我们研究生涯的重心。[1]",
        "发表应该是研究成果的起点,但它不是终点。[1]",
    ),
    "en": (
        "The most important criterion for choosing a topic is your curiosity and passion. [1]",
        "Curiosity and passion are, he says, what should be at the center of our careers. [1]",
        "Publication should be the starting point of a research result, but it is not the end. [1]",
    ),
}


def says(*steps: Step) -> Script:
    """Return a script that says the same to every prompt."""
    return lambda _: steps


@contextmanager
def talking(
    script: Script,
    protocol: Protocol = "openai",
    *,
    name: str = "scripted",
    timeout_s: float = 30.0,
    deadline_s: float = 60.0,
    retries: int = 0,
) -> Iterator[tuple[Provider, Writer]]:
    """Yield a provider that talks as it is scripted, and a writer who asks it."""
    with Provider(script) as provider:
        url = provider.openai_url if protocol == "openai" else provider.ollama_url
        with pytest.MonkeyPatch.context() as environment:
            # To read the certificates of the world takes longer than most tests; none is needed.
            environment.setenv("SSL_CERT_DIR", str(Path(__file__).parent))
            chat = open_chat(
                f"{protocol}:{name}",
                key="",
                url=url,
                temperature=0.0,
                timeout_s=timeout_s,
                retries=retries,
            )
        yield provider, Writer(chat, deadline_s)


class Seat(Writer):
    """A Writer who leaves the writing to whoever sits here."""

    def __init__(self) -> None:
        self.by: Writer | None = None

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.by.name if self.by else "empty seat"

    @override
    def write(
        self,
        question: str,
        lang: Lang,
        hits: Sequence[Hit],
        documents: Mapping[str, Document],
        stopped: Callable[[], bool],
    ) -> Writing:
        return self._taken().write(question, lang, hits, documents, stopped)

    @override
    def condense(self, question: str, earlier: Sequence[str], stopped: Callable[[], bool]) -> str:
        return self._taken().condense(question, earlier, stopped)

    def _taken(self) -> Writer:
        assert self.by, "no model sits here"
        return self.by


class Desk:
    """A shelf with a seat. What its Mentor remembers is kept from model to model.

    `documents` stand in the place of the shelf's own, which must read the same.
    """

    def __init__(self, shelf: Mentor, documents: Sequence[Document] = ()) -> None:
        self._seat = Seat()
        self.mentor = Mentor(
            documents or list(shelf.documents.values()),
            shelf._index,
            open_embedder("", offline=True),
            shelf._pieces,
            shelf._settings,
            writer=self._seat,
        )

    @contextmanager
    def model(
        self, script: Script, protocol: Protocol = "openai", **options: Any
    ) -> Iterator[Provider]:
        """Let a model write, fresh from its provider; `options` are those of `talking`."""
        with talking(script, protocol, **options) as (provider, self._seat.by):
            yield provider


def page(answer: Answer, documents: Mapping[str, Document]) -> str:
    """Return an answer as a page shows it, without what it says to have withheld."""
    return _WITHHELD.sub("", as_markdown(answer, documents, answer.lang))
