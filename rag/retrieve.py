"""Question (+ earlier questions) -> Hit[]: meaning and words, joined.

Meaning asks how near the question is to a passage's views, words how many of its rare words a
passage holds. Knows nothing of answers: what to say, if anything, is decided elsewhere.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from rag.embed import Embedder
from rag.index import Index
from rag.ragged import spread
from rag.types import Hit, Match, ViewKind
from rag.vectors import Vectors, top

# Similarities are asked for this many views; a view past them counts like the last of them.
_NEAREST = 3000
# Where a shelf is too large to compare every view with a question, so many views of whole passages
# are asked for, and so many passages that share the most rare words with it. Of these so many by
# both, and of those so many by what their texts say piece by piece, too, are compared by all views.
# Of 100,000 passages, .98 of the first ten are then those of comparing everything (docs/decisions).
_BY_MEANING, _BY_WORDS, _LIKELY, _COMPARED = 3000, 1000, 2000, 200
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
    texts and of how much of the question the view says piece by piece. `passages`: those that were
    compared with it, ascending; of a small shelf all. `texts`, `questions`, `words`: a score for
    each of them, by its own text and nearest sentence, by the beginner questions it answers, by the
    rare words it shares; `floor` is what a view counts that was not compared. `asked`, `decoys`:
    similarities to beginner questions, and to questions that no essay answers, nearest first.
    `is_asked` says which passages have beginner questions of their own, `best_is_asked` whether the
    best one has. Where it has none, `strange` says what share of the question nothing on the shelf
    is near to, and `home` how near the question is to all the shelf's sentences, 1 for as near as
    they are to each other.
    """

    rows: Rows
    similar: Scores
    floor: float
    passages: Rows
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
        self._owners = index.views.owners
        # The views of passage `at` are `by_owner[starts[at]:starts[at + 1]]`.
        self._by_owner = np.argsort(self._owners, kind="stable")
        self._every = np.arange(len(index.passages))
        ends = np.arange(len(index.passages) + 1)
        self._starts = np.searchsorted(self._owners[self._by_owner], ends)
        self._asked = np.zeros(len(index.passages), np.bool_)
        self._asked[self._owners[index.views.of_kind("question")]] = True

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
        spoken = [self._index.passages.by(name) for name in named]
        of_others = [*spoken, *(before.passages for before in earlier)]
        passages = reduce(np.union1d, of_others, near.passages)
        total = self._totals(near, passages)
        for theirs in spoken:
            total[np.searchsorted(passages, theirs)] += _NAMED
        for age, before in enumerate(reversed(earlier), start=1):
            total = total + _FADING**age * self._totals(before, passages)
        places = top(total, k)
        best = passages[places].tolist()
        by = {"meaning": near.meaning, "words": near.words}
        ranks = {name: _ranks(near.passages, scores, best) for name, scores in by.items()}
        matches = self._matches(near, best)
        return [
            Hit(
                self._index.passages[at],
                round(score, 4),
                {name: rank[at] for name, rank in ranks.items() if at in rank},
                tuple(matches[at]),
            )
            for at, score in zip(best, total[places].tolist(), strict=True)
        ]

    def _totals(self, near: Nearness, passages: Rows) -> Scores:
        """Return the scores of some passages, ascending, compared or not."""
        if len(passages) == len(near.passages):
            return near.total
        texts = 2 * near.floor
        unasked = texts + _QUESTIONS * (_UNASKED + _PER_TEXT * texts)
        scores = np.where(self._asked[passages], texts + _QUESTIONS * near.floor, unasked)
        scores[np.searchsorted(passages, near.passages)] = near.total
        return scores

    def near(
        self, question: str, *, exact: bool = False, among: Nearness | None = None
    ) -> Nearness:
        """Return how near the passages are to one question. `exact` compares every view of the
        shelf, however long that takes: what finding fewer is judged by. `among` compares what
        another question was compared with, and looks for nothing.
        """
        found = self._every_view(question) if exact else self._views(question, among)
        rows, similar, passages, floor = found
        are, owners = self._index.views.are, self._owners[rows]
        everything = len(passages) == len(self._every)
        places = owners if everything else np.searchsorted(passages, owners)

        def best(kind: ViewKind, count: int) -> Scores:
            chosen = are(kind, rows)
            return _best(places[chosen], similar[chosen], len(passages), count, floor)

        words = self._index.lexical.coverage(question, None if everything else passages)
        texts = best("text", 1) + best("sentence", 1)
        is_asked, unasked = self._asked[passages], _UNASKED + _PER_TEXT * texts
        near = Nearness(
            rows=rows,
            similar=similar,
            floor=floor,
            passages=passages,
            texts=texts,
            questions=np.where(is_asked, best("question", _BEST_QUESTIONS), unasked),
            words=words,
            is_asked=is_asked,
            asked=similar[are("question", rows)],
            decoys=similar[are("decoy", rows)],
            best_is_asked=True,
            strange=0.0,
            home=1.0,
        )
        if len(texts) and is_asked[near.total.argmax()]:
            return near
        # Where the sentences of a shelf have little in common, being as near to them says all.
        home = min(1.0, self._at_large(rows, similar) / (self._own_home or 1.0))
        strange = self._index.interaction.strange(question)
        return replace(near, best_is_asked=False, strange=strange, home=home)

    def _at_large(self, rows: Rows, similar: Scores) -> float:
        sentences = similar[self._index.views.are("sentence", rows)]
        return float(sentences.mean()) if len(sentences) else 0.0

    @cached_property
    def _own_home(self) -> float:
        """Return how near some of the shelf's sentences, all over it, are to all of them."""
        sentences = self._index.views.of_kind("sentence")
        some = sentences[:: max(1, len(sentences) // _SAMPLE)]
        texts = [self._index.views[row].text for row in some.tolist()]
        near = [self._views(text)[:2] for text in texts]
        return float(np.mean([self._at_large(*found) for found in near])) if near else 0.0

    def _views(
        self, question: str, among: Nearness | None = None
    ) -> tuple[Rows, Scores, Rows, float]:
        """Return the views that are nearest, nearest first; the passages that were compared; and
        what the other views count.
        """
        vector = self._embedder.question(question)
        if self._index.store.is_whole:
            rows, cosine = self._index.store.nearest(vector, _NEAREST)
            passages = self._every
        else:
            found = (among.rows, among.passages) if among else self._candidates(vector, question)
            passages, rows = found[1], self._with_decoys(*found)
            cosine = self._index.store.similar(vector, rows)
            nearest = top(cosine, _NEAREST, rows)
            rows, cosine = rows[nearest], cosine[nearest]
        return self._compared(question, rows, cosine, passages)

    def _every_view(self, question: str) -> tuple[Rows, Scores, Rows, float]:
        rows = np.arange(len(self._index.views))
        cosine = self._index.store.similar(self._embedder.question(question), rows)
        return self._compared(question, rows, cosine, self._every)

    def _compared(
        self, question: str, rows: Rows, cosine: Scores, passages: Rows
    ) -> tuple[Rows, Scores, Rows, float]:
        similar = (cosine + self._index.interaction.scores(question, rows)) / 2
        order = np.lexsort((rows, -similar))
        all_of_them = len(rows) == len(self._index.views)
        floor = 0.0 if all_of_them else float(similar.min(initial=0.0))
        return rows[order], similar[order], passages, floor

    def _candidates(self, vector: Vectors, question: str) -> tuple[Rows, Rows]:
        """Return the views that were found, and the passages worth comparing, ascending."""
        found, passages, near = self._found(vector, question)
        words = self._index.lexical.coverage(question, passages)
        likely = np.sort(top(near + words, _LIKELY))
        passages, near = passages[likely], (near + words)[likely]
        texts = self._views_of(passages)
        texts = texts[self._index.views.are("text", texts)]
        said = self._index.interaction.roughly(question, texts)
        np.add.at(near, np.searchsorted(passages, self._owners[texts]), said)
        return found, passages[np.sort(top(near, _COMPARED))]

    def _found(self, vector: Vectors, question: str) -> tuple[Rows, Rows, Scores]:
        """Return the views that were found, the passages found by meaning or words, ascending, and
        how near these are; one that was found by words counts like the last by meaning.
        """
        store = self._index.store
        found = store.alike(vector, question, _BY_MEANING)
        if found is None:
            found, similar = store.nearest(vector, _BY_MEANING)
            by_words = self._index.lexical.top(question, _BY_WORDS)
        else:
            similar, by_words = store.similar(vector, found), found[:0]
        owned = self._owners[found] >= 0
        owners = self._owners[found][owned]
        passages = np.union1d(owners, by_words).astype(np.int64)
        near = np.full(len(passages), similar.min(initial=1.0))
        np.maximum.at(near, np.searchsorted(passages, owners), similar[owned])
        return found, passages, near

    def _with_decoys(self, found: Rows, passages: Rows) -> Rows:
        """Return all views of some passages, and the decoys among the views that were found."""
        return np.concatenate([self._views_of(passages), found[self._owners[found] < 0]])

    def _views_of(self, passages: Rows) -> Rows:
        at, _ = spread(self._starts[passages], self._starts[passages + 1])
        return self._by_owner[at]

    def _matches(self, near: Nearness, passages: Sequence[int]) -> Mapping[int, list[Match]]:
        """Return the views that come nearest, of each of some passages, nearest first."""
        matches: Mapping[int, list[Match]] = {at: [] for at in passages}
        owners = self._owners[near.rows]
        for place in np.flatnonzero(np.isin(owners, passages)).tolist():
            found = matches[int(owners[place])]
            if len(found) < _MATCHES:
                row, similarity = int(near.rows[place]), float(near.similar[place])
                found += filter(None, [self._index.views.match(row, similarity)])
        return matches


def _best(
    owners: NDArray[np.integer], similar: Scores, passages: int, count: int, floor: float
) -> Scores:
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


def _ranks(passages: Rows, scores: Scores, wanted: Sequence[int]) -> dict[int, int]:
    """Return, of some passages, the ranks of those that score above zero, from 1; ties in order.

    `passages`, ascending, are those that have `scores`.
    """
    places = np.searchsorted(passages, wanted).tolist()
    return {
        passage: 1 + int((scores > scores[at]).sum() + (scores[:at] == scores[at]).sum())
        for passage, at in zip(wanted, places, strict=True)
        if at < len(passages) and passages[at] == passage and scores[at] > 0
    }
