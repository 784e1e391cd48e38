"""Hits -> what is said: the model's sentences that are proved, else the essays' own.

A written answer is never worse than a quoted one. The rules:

1. Where the evidence is too weak nobody is asked to compose: no model can lift a refusal.
2. A model that says that the passages do not answer is believed where the evidence is not `direct`;
   where it is, the quotes are given.
3. A model that fails, whatever the reason, or of whose sentences fewer than two thirds are proved
   by the passages that they name, is replaced by the quotes: who is wrong so often cannot be
   trusted where the proof is close.
4. Else its proved sentences are the answer; the others are withheld and counted.

A sentence that is proved beyond doubt is shown at once. One that is proved more closely waits until
rule 3 speaks for its writer.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag import wording
from rag.answer import Answerer
from rag.errors import DeclinedError, GenerationError
from rag.ground import checked
from rag.types import Claim, Document, Hit, Lang, Passage, Sentence

if TYPE_CHECKING:
    from rag.check import Checker
    from rag.write import Writer, Writing

_log = logging.getLogger(__name__)
# The share of a model's sentences that must be proved, and how many of them speak for the rest.
_PROVED, _FEW = 2 / 3, 3


@dataclass(frozen=True, slots=True)
class Said:
    """What is said. `note` tells quietly why quotes stand where a model was to write.

    `recited` counts the sentences that another passage proved than the one they named. `first` is
    the time of `time.perf_counter` at which the first sentence was ready, 0 for none.
    """

    sentences: tuple[Sentence, ...] = ()
    dropped: tuple[Claim, ...] = ()
    answerer: str = ""
    note: str = ""
    tokens: Mapping[str, int] = field(default_factory=dict)
    recited: int = 0
    first: float = 0.0

    def timings(self, started: float) -> dict[str, float]:
        """Return the milliseconds from `started` to the first proved sentence, if there is one."""
        taken = round((self.first - started) * 1000, 2)
        return {"first_sentence": taken} if self.first else {}


class Composer:
    """Composes answers out of hits, by a writer where there is one."""

    def __init__(
        self,
        documents: Mapping[str, Document],
        passages: Mapping[str, Passage],
        quoter: Answerer,
        writer: "Writer | None",
        checker: "Callable[[], Checker]",
    ) -> None:
        self._documents, self._passages = documents, passages
        self._quoter, self._writer, self._checker = quoter, writer, checker

    @property
    def name(self) -> str:
        """Tell who answers, where nothing goes wrong."""
        return self._writer.name if self._writer else self._quoter.name

    def compose(
        self,
        question: str,
        lang: Lang,
        hits: Sequence[Hit],
        *,
        direct: bool,
        stopped: Callable[[], bool],
    ) -> Generator[Sentence, None, Said]:
        """Yield each sentence once it is proved; return what is said in the end.

        Where quotes replace a written answer what is returned differs from what was yielded, and
        is what counts. Once `stopped()` is true nothing more comes, and nothing is returned.
        """
        composing = self._composed(question, lang, hits, direct=direct, stopped=stopped)
        with closing(composing):
            while not stopped():
                try:
                    sentence = next(composing)
                except StopIteration as end:
                    said: Said = end.value
                    return said
                if not stopped():  # it may have taken a while to prove
                    yield sentence
        return Said()

    def _composed(
        self,
        question: str,
        lang: Lang,
        hits: Sequence[Hit],
        *,
        direct: bool,
        stopped: Callable[[], bool],
    ) -> Generator[Sentence, None, Said]:
        written = Said()
        if self._writer and hits:
            writing = self._writer.write(question, lang, hits, self._documents, stopped)
            written = yield from self._written(writing, self._writer.name, lang)
            if written.sentences or (written.answerer and not direct):
                return written
            if stopped():
                return Said()
            _log.info("%s: the quoted answer is given instead", self._writer.name)
        quoted = yield from self._quoted(question, lang, hits)
        dropped = written.dropped + quoted.dropped
        note = wording.overruled(lang) if written.answerer else written.note
        return replace(quoted, dropped=dropped, note=note, tokens=written.tokens)

    def _written(
        self, writing: "Writing", name: str, lang: Lang
    ) -> Generator[Sentence, None, Said]:
        """Yield what is proved; return a written answer, or what a quoted one has to tell of it.

        Only an answer has sentences, and only an answer or "it is not there" has an answerer.
        """
        said, waiting, first = Said(answerer=name), list[Sentence](), 0.0
        try:
            for claim, sentence in self._checked(writing, lang, writing.sources):
                if sentence is None:
                    said = replace(said, dropped=(*said.dropped, claim))
                    continue
                recited = said.recited + self._recited(claim, sentence)
                said = replace(said, sentences=(*said.sentences, sentence), recited=recited)
                waiting.append(sentence)
                trusted = _count(said) >= _FEW and _holds(said)
                if trusted or (len(waiting) == 1 and sentence.support >= self._checker().sure):
                    first = first or time.perf_counter()
                    yield from waiting
                    waiting = []
        except DeclinedError:
            return Said(answerer=name, note=wording.declined(lang), tokens=writing.tokens)
        except GenerationError as error:
            return Said(note=wording.failed(lang, error.reason), tokens=writing.tokens)
        if not _holds(said):
            return Said(dropped=said.dropped, note=wording.unproved(lang), tokens=writing.tokens)
        first = first or time.perf_counter()
        yield from waiting
        return replace(said, tokens=writing.tokens, first=first)

    def _quoted(
        self, question: str, lang: Lang, hits: Sequence[Hit]
    ) -> Generator[Sentence, None, Said]:
        said = Said(answerer=self._quoter.name)
        claims = self._quoter(question, lang, hits, self._documents)
        for claim, sentence in self._checked(claims, lang, ()):
            if sentence is None:
                said = replace(said, dropped=(*said.dropped, claim))
                continue
            first = said.first or time.perf_counter()
            said = replace(said, sentences=(*said.sentences, sentence), first=first)
            yield sentence
        return said

    def _recited(self, claim: Claim, sentence: Sentence) -> bool:
        """Say whether a claim named passages, and another one proves it."""
        named = [self._passages[id_] for id_ in claim.passage_ids if id_ in self._passages]
        return bool(named) and not any(
            passage.doc_id == cited.doc_id and passage.span.overlap(cited.span)
            for passage in named
            for cited in sentence.citations
        )

    def _checked(
        self, claims: Iterable[Claim], lang: Lang, others: Sequence[Passage]
    ) -> Iterator[tuple[Claim, Sentence | None]]:
        return checked(claims, self._passages, self._documents, lang, self._checker, others)


def _count(said: Said) -> int:
    return len(said.sentences) + len(said.dropped)


def _holds(said: Said) -> bool:
    """Say whether enough of what was written so far is proved, by the passages that it named."""
    proved = len(said.sentences) - said.recited
    return bool(said.sentences) and proved >= _PROVED * _count(said)
