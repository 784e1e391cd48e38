"""The whole journey on one page: a question in, an answer out.

question -> retrieve -> Hit[] -> compose (write or quote -> Claim[] -> ground -> Sentence[])
-> Answer
"""

import logging
import re
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from threading import Lock
from typing import TYPE_CHECKING, get_args

from rag import index, query, wording
from rag.alike import grouped
from rag.answer import Answerer, Quoter
from rag.care import care
from rag.catalog import ById
from rag.compose import Composer, Said
from rag.embed import Embedder, Judge, Pieces, open_judge
from rag.errors import QuestionError, StaleIndexError
from rag.evidence import Evidence
from rag.frame import named
from rag.ground import voice
from rag.opening import bring_up_to_date, engine_of, models, open_index, open_writer, stand_of
from rag.rerank import FIRST, reranked
from rag.retrieve import Nearness, Retriever
from rag.settings import Settings
from rag.situation import asked_back
from rag.text import cleaned, language, terms
from rag.types import Answer, Document, Hit, Lang, Passage, Sentence, Span, Speaker

if TYPE_CHECKING:
    from rag.check import Checker
    from rag.write import Writer

_log = logging.getLogger(__name__)
_NEAREST, _FOLLOWUPS = 3, 3
_SAME = 0.75  # similarity from which a question asks the same again
_HANDY: Mapping[Lang, int] = {"zh": 30, "en": 75}  # characters of a question on a button
# What reads well on a button: one sentence, and it asks.
_WELL_PUT = re.compile(r"(?:[^A-Za-z]|[A-Z])[^.。!！?？;；]*[?？]")


class Mentor:
    """Answers questions from one shelf. Safe to use from several threads."""

    def __init__(
        self,
        documents: Sequence[Document],
        opened: index.Index,
        embedder: Embedder,
        pieces: Pieces,
        settings: Settings,
        answerer: Answerer | None = None,
        judge: Judge | None = None,
        writer: "Writer | None" = None,
    ) -> None:
        self.documents: Mapping[str, Document] = {d.id: d for d in documents}
        self._index, self._pieces, self._settings = opened, pieces, settings
        self._spelt = [w for w in opened.lexical.vocabulary if w.isascii() and len(w) >= query.LONG]
        self._retriever = Retriever(opened, embedder)
        # Answering, weighing and retrieving one question look for it once.
        self._near = lru_cache(maxsize=4)(self._retriever.near)
        self._evidence = Evidence(opened.lexical)
        self._judge, self._writer = judge, writer
        self._embedder = embedder
        self._composer = Composer(
            self.documents,
            ById(opened.passages),
            answerer or Quoter(),
            writer,
            lambda: self.retold_checker,
        )
        self._kept: dict[tuple[object, ...], Said] = {}
        self._keeping = Lock()

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        rebuild: bool = True,
        progress: Callable[[str, float], None] | None = None,
    ) -> "Mentor":
        """Open the shelf and its index, which is built first if it is missing or stale.

        Raises:
            StaleIndexError: the index must be built and `rebuild` is False.
            CorpusError, MissingModelError, IndexLockedError, IndexWriteError: as they say.
        """
        stand, opened = open_index(settings, progress, rebuild=rebuild)
        judge = open_judge(settings.reranker, offline=settings.offline)
        writer = open_writer(settings)
        documents, embedder, pieces = stand.documents, stand.embedder, stand.pieces
        return cls(documents, opened, embedder, pieces, settings, judge=judge, writer=writer)

    def renewed(self) -> "Mentor":
        """Return a Mentor of the essays and the index as they are on the disk now, with the same
        models. This one goes on answering from what it has.

        Raises:
            StaleIndexError: the index is not, or not yet, made from the essays.
            CorpusError: an essay is wrong.
        """
        settings, known = self._settings, (self._embedder, self._pieces)
        stand = stand_of(settings, *known, self._index.leaves)
        opened = index.read(settings.index_dir, stand.shelf, stand.pieces, engine_of(settings))
        judge, writer = self._judge, self._writer
        return Mentor(stand.documents, opened, *known, settings, judge=judge, writer=writer)

    def is_outdated(self) -> bool:
        """Say whether another index was published since this one was opened."""
        try:
            return index.published(self._settings.index_dir) != self._index.generation
        except StaleIndexError:
            return False  # it is gone: there is nothing newer to read

    @staticmethod
    def index(
        settings: Settings, *, progress: Callable[[str, float], None] | None = None
    ) -> tuple[int, int]:
        """Bring the index up to date; return how many essays there are and how many were computed.

        Essays that the index holds as they are are not read for it again. Raises like `open`.
        """
        stand = stand_of(settings, *models(settings))
        return len(stand.documents), bring_up_to_date(settings, stand, progress)

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """Answer a question; `history` holds earlier ones, oldest first.

        Raises:
            QuestionError: there is nothing to answer, or too much; the text is for the asker.
        """
        answers = [said for said in self.stream(question, history) if isinstance(said, Answer)]
        return answers[-1]

    def stream(
        self,
        question: str,
        history: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Sentence | Answer, None, None]:
        """Yield each sentence once it is checked, and the whole answer last. Raises like `ask`.

        The answer counts: where quotes had to take over from a chat model, its sentences are others
        than those yielded before. Once `stopped()` is true the stream ends, without an answer.
        """
        started = time.perf_counter()
        asked = self._taken(question)
        lang: Lang = "zh" if language(asked) == "zh" else "en"
        replies = {"care": care(asked, lang), "small talk": wording.small_talk(asked, lang)}
        for name, reply in replies.items():
            if reply:
                yield Answer(asked, lang, "answered", reply, answerer=name)
                return
        turn = self._turn(asked, lang, self._earlier(history), stopped)
        retrieved = _ms(started)
        _log.info("%s: evidence %.2f, %d hits", lang, turn.evidence, len(turn.hits))
        said = yield from self._said(turn, stopped)
        if stopped():
            return
        asks, branches = self._asked_back(turn) if said.sentences else ("", ())
        yield Answer(
            question=asked,
            lang=lang,
            status="answered" if said.sentences else "refused",
            lead=self._lead(turn, said.sentences),
            sentences=said.sentences,
            dropped=said.dropped,
            nearest=() if said.sentences else tuple(hit.passage for hit in turn.hits[:_NEAREST]),
            followups=self._followups(turn.near, lang, said.sentences),
            hits=turn.hits,
            answerer=said.answerer,
            understood=turn.understood,
            note=said.note,
            asks=asks,
            branches=branches,
            tokens=said.tokens,
            timings_ms={"retrieve": retrieved} | said.timings(started) | {"total": _ms(started)},
        )

    def retrieve(
        self, question: str, k: int, history: Sequence[str] = (), *, exact: bool = False
    ) -> list[Hit]:
        """Return up to `k` hits, best first. Raises QuestionError like `ask`.

        `exact` compares the question, without what was asked before it, with every view of the
        shelf: on a large one that takes seconds, and says what finding faster misses.
        """
        asked = self._taken(question)
        if exact:
            return self._retriever.hits(self._retriever.near(self._read(asked, []), exact=True), k)
        return self._found(asked, self._earlier(history), k)[2]

    def weigh(
        self, question: str, history: Sequence[str] = ()
    ) -> tuple[float, Mapping[str, float]]:
        """Return how surely the shelf answers, from 0 to 1, and the features that say so."""
        read = self._read(self._taken(question), self._earlier(history))
        near = self._near(read)
        return self._evidence(read, near), self._evidence.features(read, near)

    def alike(self, questions: Sequence[str]) -> list[tuple[int, ...]]:
        """Return questions in groups of one meaning, whatever their language, as places in
        `questions`: the one that says it best first. Those that count most are to come first.
        """
        vectors = self._embedder.passages([query.simplified(question) for question in questions])
        return [tuple(map(int, rows)) for rows in grouped(vectors)]

    @cached_property
    def checker(self) -> "Checker":
        """What judges whether a passage supports a sentence; opened when it is first needed.

        Raises:
            MissingModelError: the model that the setting names is not on this machine.
        """
        from rag.check import open_checker

        return open_checker(self._settings.checker, offline=self._settings.offline)

    @cached_property
    def retold_checker(self) -> "Checker":
        """What judges a chat model's sentences before they are shown; opened like `checker`."""
        from rag.check import open_checker

        settings = self._settings
        return open_checker(settings.checker, offline=settings.offline, retold=True)

    @property
    def model(self) -> str:
        """The name of the chat model that words the answers; "" where they are quotes alone."""
        return self._writer.name if self._writer else ""

    @property
    def embedder(self) -> str:
        """The name of the model that the index was made by."""
        return self._embedder.name

    @property
    def passages(self) -> Sequence[Passage]:
        """Every passage of the shelf, essay by essay."""
        return self._index.passages

    def passages_at(self, doc_id: str, span: Span) -> list[Passage]:
        """Return the passages that a stretch of an essay touches, in order; KeyError: no essay."""
        return self._index.passages.touching(doc_id, span)

    def count(self, doc_id: str) -> int:
        """Return how many passages an essay has; KeyError: no essay."""
        return len(self._index.passages.of(doc_id))

    def starters(self, lang: Lang, n: int = 4) -> tuple[str, ...]:
        """Return up to `n` questions that the shelf answers, from as many essays as it can."""
        return self._starters[lang][:n]

    def speaker(self, doc_id: str, at: int, lang: Lang) -> str:
        """Return who speaks at an offset of an essay, "" between passages; KeyError: no essay."""
        here = self.passages_at(doc_id, Span(at, at + 1))
        return next((voice(self.documents[doc_id], passage, lang) for passage in here), "")

    def close(self) -> None:
        """Let go of the index and the model; further questions are errors."""
        self._index.store.close()

    def _taken(self, question: str) -> str:
        """Return the question as it can be read, or raise QuestionError."""
        asked = cleaned(question)
        if not asked:
            raise QuestionError(wording.EMPTY)
        limit = self._settings.question_chars
        if len(asked) > limit:
            lang: Lang = "zh" if language(asked) == "zh" else "en"
            raise QuestionError(wording.too_long(lang, len(asked), limit))
        if not any(map(str.isalnum, asked)):
            raise QuestionError(wording.NO_WORDS)
        return asked

    def _earlier(self, history: Sequence[str]) -> list[str]:
        """Return the earlier questions that can weigh; greetings and unreadable ones cannot."""
        limit = self._settings.question_chars
        questions = [cleaned(q)[:limit] for q in history]
        return [
            q for q in questions if any(map(str.isalnum, q)) and not wording.small_talk(q, "en")
        ]

    def _said(self, turn: "_Turn", stopped: Callable[[], bool]) -> Generator[Sentence, None, Said]:
        """Compose what is said, or remember what a model wrote to the same question."""
        if turn.refused:
            return Said(answerer=self._composer.name)
        question, key = turn.understood or turn.asked, (turn.asked, turn.understood, turn.earlier)
        if kept := self._kept.get(key):
            yield from kept.sentences
            return replace(kept, tokens={}, first=time.perf_counter())
        said = yield from self._composer.compose(
            question, turn.lang, turn.hits, direct=turn.direct, stopped=stopped
        )
        if said.answerer == self.model and said.sentences and not stopped():
            self._keep(key, said)
        return said

    def _keep(self, key: tuple[object, ...], said: Said) -> None:
        """Remember a written answer, and forget the oldest. It is one index's and one prompt's,
        since both last as long as this Mentor.
        """
        with self._keeping:
            self._kept[key] = said
            while len(self._kept) > self._settings.model_cache:
                del self._kept[next(iter(self._kept))]

    def _turn(
        self, asked: str, lang: Lang, earlier: list[str], stopped: Callable[[], bool]
    ) -> "_Turn":
        """Return the question with what the shelf has for it; a follow-up is condensed first."""
        understood = ""
        if self._writer and earlier and query.leans(asked):
            understood = self._writer.condense(asked, earlier, stopped)
        read, near, hits = self._found(
            understood or asked, [] if understood else earlier, self._settings.top_k
        )
        known = language(asked) != "other"
        evidence = self._evidence(read, near) if known else 0.0
        return _Turn(
            asked=asked,
            lang=lang,
            earlier=tuple(earlier),
            known=known,
            understood=understood,
            near=near,
            hits=tuple(hits),
            evidence=evidence,
            refused=self._refuses(near, evidence),
            direct=self._evidence.direct(near, evidence),
        )

    def _refuses(self, near: Nearness, evidence: float) -> bool:
        below = self._settings.refuse_below
        return evidence < (self._evidence.below(near) if below is None else below)

    def _place(self, among: Nearness, question: str) -> str | None:
        """Return the passage that answers best, None where the shelf does not answer.

        It is one of those that the question was compared with as it was asked.
        """
        read, near, hits = self._found(question, [], 1, among)
        refused = self._refuses(near, self._evidence(read, near))
        return None if refused or not hits else hits[0].passage.id

    def _asked_back(self, turn: "_Turn") -> tuple[str, tuple[str, ...]]:
        question = turn.understood or turn.asked
        return asked_back(question, turn.earlier, turn.lang, partial(self._place, turn.near))

    def _found(
        self, asked: str, earlier: Sequence[str], k: int, among: Nearness | None = None
    ) -> tuple[str, Nearness, list[Hit]]:
        """Return what was looked for, and what it comes near to, read with the questions before;
        `among` is where to look.
        """
        read = self._read(asked, earlier)
        near = self._retriever.near(read, among=among) if among else self._near(read)
        before = self._retriever.remembered([self._looked_for(question) for question in earlier])
        wanted = max(k, FIRST) if self._judge else k
        hits = self._retriever.hits(near, wanted, before, named(read, self._speakers))
        return read, near, (reranked(read, hits, self._judge) if self._judge else hits)[:k]

    def _read(self, asked: str, earlier: Sequence[str]) -> str:
        """Return what is looked for: "why?" means nothing without the question before it."""
        alone = terms(asked) or not earlier
        return self._looked_for(asked if alone else f"{earlier[-1]} {asked}")

    def _looked_for(self, question: str) -> str:
        return query.mended(query.simplified(question), self._spelt, self._known)

    def _known(self, word: str) -> bool:
        return word in self._index.lexical or self._pieces.knows(word)

    @cached_property
    def _speakers(self) -> list[Speaker]:
        every = (s for document in self.documents.values() for s in document.speakers)
        return list(dict.fromkeys(every))

    @cached_property
    def _starters(self) -> Mapping[Lang, tuple[str, ...]]:
        return {lang: _starting(self.documents.values(), lang) for lang in get_args(Lang)}

    def _lead(self, turn: "_Turn", sentences: Sequence[Sentence]) -> str:
        if not sentences:
            return wording.refused(turn.lang) if turn.known else wording.OTHER_LANGUAGE
        if sentences[0].kind == "generated" and turn.direct:
            return wording.written(turn.lang)
        names = [sentence.speaker for sentence in sentences]
        return wording.lead(turn.lang, names, direct=turn.direct)

    def _followups(
        self, near: Nearness, lang: Lang, sentences: Sequence[Sentence]
    ) -> tuple[str, ...]:
        """Return near questions, but not the same, that other places of the shelf answer.

        Each is one of the project's beginner questions, and is answered: evidence rises to the
        likeness of a question and a beginner question, which here is 1 (`rag/evidence.py`).
        """
        cited = [(c.doc_id, c.span) for sentence in sentences for c in sentence.citations]
        chosen: dict[str, str] = {}
        for row in near.rows[
            self._index.views.are("question", near.rows) & (near.similar <= _SAME)
        ].tolist():
            view = self._index.views[row]
            fits = view.lang == lang and len(view.text) <= _HANDY[lang]
            if not fits or not _WELL_PUT.fullmatch(view.text):
                continue
            passage = self._index.passages[int(self._index.views.owners[row])]
            place = view.span or passage.span
            known = any(passage.doc_id == id_ and span.overlap(place) for id_, span in cited)
            if not known and view.passage_id not in chosen:
                chosen[view.passage_id] = view.text
            if len(chosen) == _FOLLOWUPS:
                break
        return tuple(chosen.values()) or self.starters(lang, _FOLLOWUPS)


def _starting(documents: Iterable[Document], lang: Lang) -> tuple[str, ...]:
    """Return the starters of all essays, then the first question of each."""
    by_essay = [[q for q in document.questions if q.lang == lang] for document in documents]
    chosen = [q.text for questions in by_essay for q in questions if q.starter]
    chosen += [questions[0].text for questions in by_essay if questions]
    return tuple(dict.fromkeys(chosen))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question with what the shelf has for it. `understood` is "" where it was not condensed."""

    asked: str
    lang: Lang
    earlier: tuple[str, ...]
    known: bool  # it is in a language that Mentor answers in
    understood: str
    near: Nearness
    hits: tuple[Hit, ...]
    evidence: float
    refused: bool
    direct: bool


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
