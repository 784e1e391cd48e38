"""Question (+ earlier questions) -> Hit[]: meaning and words, joined.

Meaning asks how near the question is to a passage's views, words how many of its rare words a
passage holds. Knows nothing of answers: what to say, if anything, is decided elsewhere.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rag.embed import Embedder
from rag.index import Index
from rag.ragged import spread
from rag.types import Hit, Match, ViewKind
from rag.vectors import top

# Similarities are asked for this many views; a view past them counts like the last of them.
_NEAREST = 3000
# Where a shelf is too large to compare every view with a question, so many are asked for that
# stand for whole passages. Of so many passages, the first of those, and of so many that share the
# most rare words with the question, all views are compared. Of 100,000 passages, 0.93 of the first
# ten are those of comparing everything, 0.97 of the first ones; without words 0.83 and 0.88.
_NEAREST_WHOLE, _BY_MEANING, _BY_WORDS = 1000, 400, 300
# A passage's own text, its nearest sentence and its words count alike, what beginners ask of it
# eight times: their words are the asker's, the essay's are not. Chosen on the dev questions.
_QUESTIONS = 8.0
_BEST_QUESTIONS = 2  # one near question may be luck
# A passage that nobody wrote questions for counts as if it had some, and the nearer, the nearer
# its own text is; a higher base would push it before passages that are asked about.
_UNASKED, _PER_TEXT = 0.1, 0.5
# An earlier question counts half as much as the one after it; three of them are remembered.
_FADING, _REMEMBERED = 0.5, 3
_MATCHES = 12
_SAMPLE = 32  # sentences that tell how near a shelf is to itself; 0.3 s, once, where it is needed
_NAMED = 0.9  # "what does X say about …" is about X's passages before what is said about X

Scores = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Nearness:
    """What a question comes near to.

    `rows` of views, nearest first, and how `similar` they are: the mean of the cosine of the two
    texts and of how much of the question the view says piece by piece. `texts`, `questions`,
    `words`: a score for each passage, by its own text and nearest sentence, by the beginner
    questions it answers, by the rare words it shares. `asked`, `decoys`: similarities to beginner
    questions, and to questions that no essay answers, nearest first. `is_asked` says which passages
    have beginner questions of their own, `best_is_asked` whether the best one has. Where it has
    none, `strange` says what share of the question nothing on the shelf is near to, and `home` how
    near the question is to all the shelf's sentences, 1 for as near as they are to each other.
    """

    rows: Rows
    similar: Scores
    texts: Scores
    questions: Scores
    words: Scores
    asked: Scores
    decoys: Scores
    is_asked: NDArray[np.bool_]
    best_is_asked: bool
    strange: float
    home: float

    @property
    def meaning(self) -> Scores:
        """Return how near each passage is in meaning."""
        return self.texts + _QUESTIONS * self.questions

    @property
    def total(self) -> Scores:
        """Return meaning and words as one score a passage.

        Words count by the share of the question that they cover. Divided by the best passage's
        score instead, as ranks are, one chance word in common would outweigh all meaning. Where a
        passage's text stands in for questions, its words do, too.
        """
        alike = np.where(self.is_asked, 1.0, 1.0 + _QUESTIONS * _PER_TEXT)
        return self.meaning + self.words * alike


class Retriever:
    """Finds passages in one open index."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        self._index, self._embedder = index, embedder
        order = {passage.id: at for at, passage in enumerate(index.passages)}
        self._owners = np.array([order.get(view.passage_id, -1) for view in index.views], np.int64)
        self._kinds = np.array([view.kind for view in index.views], np.str_)
        # The views of passage `at` are `by_owner[starts[at]:starts[at + 1]]`.
        self._by_owner = np.argsort(self._owners, kind="stable")
        passages = np.arange(len(index.passages) + 1)
        self._starts = np.searchsorted(self._owners[self._by_owner], passages)
        asked = self._owners[self._kinds == "question"]
        self._asked = np.isin(np.arange(len(index.passages)), asked)
        speakers: dict[str, list[int]] = {}
        for at, passage in enumerate(index.passages):
            speakers.setdefault(passage.speaker, []).append(at)
        self._by_speaker = {name: np.array(at, np.int64) for name, at in speakers.items()}

    def __call__(self, question: str, k: int, history: Sequence[str] = ()) -> list[Hit]:
        """Return up to `k` hits, best first, ties in shelf order.

        `history` holds earlier questions, oldest first; each weighs half of the next.
        """
        return self.hits(self.near(question), k, self.remembered(history))

    def remembered(self, history: Sequence[str]) -> list[Nearness]:
        """Return what the last few earlier questions came near to, oldest first."""
        return [self.near(question) for question in history[-_REMEMBERED:]]

    def hits(
        self,
        near: Nearness,
        k: int,
        earlier: Sequence[Nearness] = (),
        named: Collection[str] = (),
    ) -> list[Hit]:
        """Return up to `k` hits for what `near` found, weighed with `earlier` ones.

        Passages by speakers who are `named` in the question come first among equals.
        """
        total = near.total
        for name in self._by_speaker.keys() & set(named):
            total[self._by_speaker[name]] += _NAMED
        for age, before in enumerate(reversed(earlier), start=1):
            total = total + _FADING**age * before.total
        best = top(total, k).tolist()
        by = {"meaning": near.meaning, "words": near.words}
        ranks = {name: _ranks(scores, best) for name, scores in by.items()}
        matches = self._matches(near, best)
        return [
            Hit(
                self._index.passages[at],
                round(float(total[at]), 4),
                {name: rank[at] for name, rank in ranks.items() if at in rank},
                tuple(matches[at]),
            )
            for at in best
        ]

    def near(self, question: str) -> Nearness:
        """Return how near every passage is to one question."""
        words = self._index.lexical.coverage(question)
        rows, similar, floor = self._views(question, words)
        kinds, owners = self._kinds[rows], self._owners[rows]

        def best(kind: ViewKind, count: int) -> Scores:
            chosen = kinds == kind
            passages = len(self._index.passages)
            return _best(owners[chosen], similar[chosen], passages, count, floor)

        texts = best("text", 1) + best("sentence", 1)
        unasked = _UNASKED + _PER_TEXT * texts
        questions = np.where(self._asked, best("question", _BEST_QUESTIONS), unasked)
        near = Nearness(
            rows=rows,
            similar=similar,
            texts=texts,
            questions=questions,
            words=words,
            is_asked=self._asked,
            asked=similar[kinds == "question"],
            decoys=similar[kinds == "decoy"],
            best_is_asked=True,
            strange=0.0,
            home=1.0,
        )
        if len(texts) and self._asked[near.total.argmax()]:
            return near
        # Where the sentences of a shelf have little in common, being as near to them says all.
        home = min(1.0, self._at_large(rows, similar) / (self._own_home or 1.0))
        strange = self._index.interaction.strange(question)
        return replace(near, best_is_asked=False, strange=strange, home=home)

    def _at_large(self, rows: Rows, similar: Scores) -> float:
        sentences = similar[self._kinds[rows] == "sentence"]
        return float(sentences.mean()) if len(sentences) else 0.0

    @cached_property
    def _own_home(self) -> float:
        """Return how near some of the shelf's sentences, all over it, are to all of them."""
        sentences = np.flatnonzero(self._kinds == "sentence")
        some = sentences[:: max(1, len(sentences) // _SAMPLE)]
        texts = [self._index.views[row].text for row in some.tolist()]
        near = [self._views(text, self._index.lexical.coverage(text))[:2] for text in texts]
        return float(np.mean([self._at_large(*found) for found in near])) if near else 0.0

    def _views(self, question: str, words: Scores) -> tuple[Rows, Scores, float]:
        """Return the nearest views, nearest first, and what the others count."""
        vector = self._embedder.question(question)
        if self._index.store.is_whole:
            rows, cosine = self._index.store.nearest(vector, _NEAREST)
        else:
            found, _ = self._index.store.nearest(vector, _NEAREST_WHOLE)
            rows = self._widened(found, words)
            cosine = self._index.store.similar(vector, rows)
        similar = (cosine + self._index.interaction.scores(question, rows)) / 2
        order = np.lexsort((rows, -similar))
        all_of_them = len(rows) == len(self._index.views)
        floor = 0.0 if all_of_them else float(similar.min(initial=0.0))
        return rows[order], similar[order], floor

    def _widened(self, found: Rows, words: Scores) -> Rows:
        """Return all views of the passages that come first in meaning or words, and the decoys."""
        owners = self._owners[found]
        near, places = np.unique(owners[owners >= 0], return_index=True)
        near = near[np.argsort(places)][:_BY_MEANING]
        passages = np.union1d(near, top(words, _BY_WORDS))
        at, _ = spread(self._starts[passages], self._starts[passages + 1])
        return np.concatenate([self._by_owner[at], found[owners < 0]])

    def _matches(self, near: Nearness, passages: Sequence[int]) -> Mapping[int, list[Match]]:
        """Return the views that come nearest, of each of some passages, nearest first."""
        matches: Mapping[int, list[Match]] = {at: [] for at in passages}
        owners = self._owners[near.rows]
        for place in np.flatnonzero(np.isin(owners, passages)).tolist():
            view, found = self._index.views[near.rows[place]], matches[int(owners[place])]
            if view.span and len(found) < _MATCHES:
                found.append(Match(view.kind, view.span, float(near.similar[place])))
        return matches


def _best(owners: Rows, similar: Scores, passages: int, count: int, floor: float) -> Scores:
    """Return the mean of each passage's `count` best similarities, which come best first.

    `floor` stands for those that were not found.
    """
    by_owner = np.argsort(owners, kind="stable")
    owner = owners[by_owner]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    kept = place < count
    scores = np.full(passages, floor)
    np.add.at(scores, owner[kept], (similar[by_owner][kept] - floor) / count)
    return scores


def _ranks(scores: Scores, places: Sequence[int]) -> dict[int, int]:
    """Return, of some places, the ranks of those that score above zero, from 1; ties in order."""
    return {
        at: 1 + int((scores > scores[at]).sum() + (scores[:at] == scores[at]).sum())
        for at in places
        if scores[at] > 0
    }
