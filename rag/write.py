"""Answers in a chat model's words: what it is shown, and its sentences as claims.

Nothing that it writes is shown from here: every claim still goes through `rag/ground.py`.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag import prompts
from rag.chat import Chat, Speech
from rag.draft import Draft, drafts
from rag.drift import unsaid_names
from rag.errors import DeclinedError, GenerationError
from rag.facts import unsaid
from rag.ground import translated, voice
from rag.text import language, terms, words
from rag.types import Claim, Document, Hit, Lang, Passage

_SHOWN, _WORTH = 6, 0.5  # passages a model is shown, and what the last is worth beside the first
_MOST = 8  # sentences of an answer; a model that goes on is not listened to
_CONDENSE_S = 8.0  # a follow-up that cannot be condensed by then is read as it stands
_EARLIER, _CONDENSED = 8, 400  # questions that a model is told, and characters of what it makes
_NEW, _STEM = 1 / 3, 4  # words of it that nobody asked, and letters that tell a word
_ENDS = re.compile(r"[。！？!?.…；;~]\W*\Z")
# However a model's Markdown, or its carelessness, writes it.
_CANNOT = re.compile(r"[\W_]*".join(prompts.CANNOT.split("_")))


@dataclass(frozen=True, slots=True)
class Writing:
    """A written answer in the making: claims by iterating once, and what they took."""

    sources: Sequence[Passage]
    speech: Speech
    ahead: Callable[[], None]  # what may be done while the model is silent

    @property
    def tokens(self) -> Mapping[str, int]:
        """Return the "input_tokens" and "output_tokens" that the provider has told so far."""
        return self.speech.tokens

    def __iter__(self) -> Iterator[Claim]:
        """Yield each sentence as a claim, as soon as it is whole; what is said again, once.

        Raises:
            DeclinedError: the model says that the passages do not answer.
            GenerationError: it fails, or says nothing.
        """
        said: list[str] = []
        for draft in _finished(drafts(self._heard())):
            if _CANNOT.search(draft.text):
                if not said:
                    raise DeclinedError
                continue
            if draft.text.endswith((":", "：")):
                continue  # it only leads over to the next
            if draft.text not in said:
                yield Claim(draft.text, self._cited(draft), "generated", "")
            said.append(draft.text)
            if len(said) == _MOST:
                return
        if not said:
            raise GenerationError("empty")

    def _heard(self) -> Iterator[str]:
        ahead = self.ahead
        for text in self.speech:
            if not text:
                ahead()
                ahead = _nothing
            yield text

    def _cited(self, draft: Draft) -> tuple[str, ...]:
        shown = [n for n in draft.numbers if 0 < n <= len(self.sources)]
        return tuple(self.sources[n - 1].id for n in shown)


def _nothing() -> None:
    """Once is enough."""


def _finished(found: Iterable[Draft]) -> Iterator[Draft]:
    """Leave out a last sentence that was cut off: it has neither an end nor a number."""
    held: list[Draft] = []
    for draft in found:
        yield from held
        ends = draft.numbers or _ENDS.search(draft.text) or _CANNOT.search(draft.text)
        held = [] if ends else [draft]
        if not held:
            yield draft


class Writer:
    """Words answers and condenses follow-ups by a chat model."""

    def __init__(self, chat: Chat, deadline_s: float) -> None:
        self.name = chat.name
        self._chat, self._deadline_s = chat, deadline_s

    def write(
        self,
        question: str,
        lang: Lang,
        hits: Sequence[Hit],
        documents: Mapping[str, Document],
        stopped: Callable[[], bool],
    ) -> Writing:
        """Return an answer out of the best hits; the model is asked when it is read."""
        sources = [hit.passage for hit in hits[:_SHOWN] if hit.score >= _WORTH * hits[0].score]
        shown = [_source(passage, documents[passage.doc_id], lang) for passage in sources]
        deadline = time.monotonic() + self._deadline_s
        speech = self._chat.say(prompts.draft(question, lang, shown), deadline, stopped)

        def ahead() -> None:
            from rag.proof import read_ahead  # an answer of quotes alone does not wait for it

            for passage in sources:
                read_ahead(passage, documents[passage.doc_id], lang)

        return Writing(sources, speech, ahead)

    def condense(self, question: str, earlier: Sequence[str], stopped: Callable[[], bool]) -> str:
        """Return the question so that it can be read without earlier ones; "" where it fails.

        In the question's language, and made of hardly anything but what was asked; "" too where
        it is no other than the question.
        """
        spoken = language(question)
        lang: Lang = "zh" if spoken == "zh" else "en"
        asked = prompts.condense(question, earlier[-_EARLIER:], lang)
        deadline = time.monotonic() + min(_CONDENSE_S, self._deadline_s)
        said = ""
        try:
            for draft in drafts(self._chat.say(asked, deadline, stopped)):
                said = f"{said} {draft.text}".strip()
                if len(said) > _CONDENSED:
                    return ""
        except GenerationError:
            return ""
        other = language(said) == spoken and words(said) != words(question)
        return said if other and _adds_nothing(said, "\n".join((*earlier, question))) else ""


def _adds_nothing(said: str, asked: str) -> bool:
    """Say whether a text has no number, no name and few words that what was asked has not.

    Some are new where a question is told in full: of a word that is inflected the beginning counts,
    of a Chinese one any character.
    """
    if unsaid(said, asked) or unsaid_names(said, asked):
        return False
    plain, meant = asked.casefold(), terms(said)
    known = [w for w in meant if (w[:_STEM] in plain if w.isascii() else set(w) & set(plain))]
    return len(meant) - len(known) <= _NEW * len(meant)


def _source(passage: Passage, document: Document, lang: Lang) -> prompts.Source:
    """Return a passage as a model is shown it: in the asker's language, where we translated it."""
    ours = translated(document, passage.span, lang)
    speaker = voice(document, passage, lang)
    return prompts.Source(speaker, document.title, document.date, ours or passage.text)
