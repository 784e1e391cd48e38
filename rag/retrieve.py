"""Question (+ earlier questions) -> Hit[]: meaning and words, joined.

Meaning asks how near the question is to a passage's views; words ask which rare words they share.
Knows nothing of answers: what to say, or whether to say anything, is decided elsewhere.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.embed import Embedder
from rag.index import ASKED, Index
from rag.types import Hit, Match

# Similarities are asked for this many views; a view past them counts like the last of them.
_NEAREST = 1000
# Chosen on the dev and tuning questions (docs/decisions.md): a passage is as near as its nearest
# whole text and sentence, and as the mean of its three nearest beginner questions.
_TEXT, _QUESTIONS, _WORDS = 0.25, 2.0, 0.6
# What the words shared with a beginner question add to its similarity, for the one that shares
# most: "怎么做研究" is near to many questions, "显卡" stands in few.
_SHARED = 0.15
_BEST_QUESTIONS = 3
# An earlier question counts half as much as the one after it; three of them are remembered.
_FADING, _REMEMBERED = 0.5, 3
_MATCHES = 12
_NAMED = 0.6  # "what does X say about …" is about X's passages before what is said about X

Scores = NDArray[np.float64]
_ByKind = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Nearness:
    """What a question comes near to.

    `views`: (row, similarity), nearest first, questions with what shared words add. `texts`,
    `questions`, `words`: a score for each passage, by its own text, by the beginner questions it
    answers, by BM25. `decoys`: similarities to questions that no essay answers, nearest first;
    `asked` is the nearest beginner question's.
    """

    views: Sequence[tuple[int, float]]
    texts: Scores
    questions: Scores
    words: Scores
    decoys: Sequence[float]
    asked: float

    @property
    def meaning(self) -> Scores:
        """Return how near each passage is in meaning."""
        return _TEXT * self.texts + _QUESTIONS * self.questions

    @property
    def total(self) -> Scores:
        """Return meaning and words as one score a passage; words only where any is shared."""
        best = float(self.words.max(initial=0.0))
        return self.meaning + (_WORDS * self.words / best if best else 0.0)


class Retriever:
    """Finds passages in one open index."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        self._index, self._embedder = index, embedder
        self._order = {passage.id: at for at, passage in enumerate(index.passages)}
        self._asked = [row for row, view in enumerate(index.views) if view.kind in ASKED]

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
        total = near.total + [_NAMED * (p.speaker in named) for p in self._index.passages]
        for age, before in enumerate(reversed(earlier), start=1):
            total = total + _FADING**age * before.total
        ranks = {"meaning": _ranks(near.meaning), "words": _ranks(near.words)}
        matches = self._matches(near.views)
        return [
            Hit(
                self._index.passages[at],
                round(float(total[at]), 4),
                {name: rank[at] for name, rank in ranks.items() if at in rank},
                tuple(matches[self._index.passages[at].id][:_MATCHES]),
            )
            for at in np.argsort(-total, kind="stable")[:k].tolist()
        ]

    def near(self, question: str) -> Nearness:
        """Return how near every passage is to one question."""
        views, floor = self._views(question)
        best = self._by_kind(views)
        sides = (self._mean(best[kind], floor, 1) for kind in ("text", "sentence"))
        return Nearness(
            views=views,
            texts=sum(sides, np.zeros(len(self._order))),
            questions=self._mean(best["question"], floor, _BEST_QUESTIONS),
            words=self._index.lexical.scores(question).astype(np.float64),
            decoys=best["decoy"].get("", []),
            asked=max((found[0] for found in best["question"].values()), default=0.0),
        )

    def _views(self, question: str) -> tuple[list[tuple[int, float]], float]:
        """Return the nearest views, by meaning and shared words, and what the others count."""
        found = self._index.store.nearest(self._embedder.question(question), _NEAREST)
        floor = found[-1][1] if 0 < len(found) < len(self._index.views) else 0.0
        similarity = np.full(len(self._index.views), floor)
        for row, near in found:
            similarity[row] = near
        words = self._index.asked.scores(question)
        if words.max(initial=0.0) > 0:
            similarity[self._asked] += _SHARED * words / words.max()
        rows = np.argsort(-similarity, kind="stable")[:_NEAREST].tolist()
        return [(row, float(similarity[row])) for row in rows], floor

    def _by_kind(self, views: Sequence[tuple[int, float]]) -> _ByKind:
        """Return similarities, nearest first, by kind of view and passage id."""
        found: _ByKind = defaultdict(lambda: defaultdict(list))
        for row, similarity in views:
            view = self._index.views[row]
            found[view.kind][view.passage_id].append(similarity)
        return found

    def _mean(self, found: Mapping[str, list[float]], floor: float, best: int) -> Scores:
        """Return the mean of each passage's `best` similarities; `floor` for those not found."""
        scores = np.full(len(self._order), floor)
        for passage_id, similarities in found.items():
            padded = [*similarities, *[floor] * best][:best]
            scores[self._order[passage_id]] = sum(padded) / best
        return scores

    def _matches(self, views: Sequence[tuple[int, float]]) -> Mapping[str, list[Match]]:
        matches: Mapping[str, list[Match]] = defaultdict(list)
        for row, similarity in views:
            view = self._index.views[row]
            if view.span:
                matches[view.passage_id].append(Match(view.kind, view.span, similarity))
        return matches


def _ranks(scores: Scores) -> dict[int, int]:
    """Return the rank of each passage with a score above zero, from 1; ties in shelf order."""
    order = np.argsort(-scores, kind="stable").tolist()
    return {at: rank for rank, at in enumerate(order, start=1) if scores[at] > 0}
