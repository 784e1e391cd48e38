"""Question and texts -> how much of the question each text says, piece by piece.

Every piece of the question looks for its nearest piece in a text, and the weighted mean of those
similarities is the score: late interaction, or MaxSim (Khattab and Zaharia, ColBERT, 2020), here
over the static vectors of the shipped model. So "显卡" finds "graphics card" in a text of any
length, where one vector a text blurs both; no dictionary is needed between Chinese and English.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.embed import Ids, Pieces, Vectors
from rag.ragged import Ragged, spread

# Similarities below this say nothing. Chosen on the dev questions, as is the power of 1.5 to which
# they are raised: above 1 it prefers one good partner to many fair ones (docs/decisions.md).
_FLOOR = 0.2
_KIN = 0.55  # from here on two pieces are of one meaning, or nearly
_TELLING = 0.02  # the share of a question from which on a piece decides what is worth comparing
_MANY = 2  # so many times the pieces there are: then most of them stand in the texts

Rows = NDArray[np.int64]


class Interaction:
    """The pieces of many texts, ready to be compared with a question's."""

    def __init__(self, pieces: Pieces, texts: Ragged) -> None:
        """Take the pieces of each text, as `Pieces.cut` gives them."""
        self._pieces, self._starts = pieces, texts.starts
        # What stands in the texts is looked up once; a question then costs one small product.
        known = np.flatnonzero(np.bincount(texts.values)).astype(np.int32)
        place = np.zeros(int(known[-1]) + 1 if len(known) else 0, np.int32)
        place[known] = np.arange(len(known))
        self._flat, self._known, self._vectors = place[texts.values], known, pieces.vectors(known)
        self._asked = lru_cache(maxsize=4)(self._cut)

    @classmethod
    def build(cls, texts: Sequence[str], pieces: Pieces) -> "Interaction":
        """Cut `texts`, whose order gives the order of `scores`."""
        return cls(pieces, Ragged.of(pieces.cut(texts)))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def scores(self, question: str, rows: Rows | None = None) -> NDArray[np.float64]:
        """Return a score from 0 to 1 for each text, or for the texts of `rows`, in that order.

        A text without a known piece scores 0, and so does every text where the question has none.
        """
        rows = np.arange(len(self)) if rows is None else rows
        return self._scores(rows, *self._asked(question)[1:])

    def roughly(self, question: str, rows: Rows) -> NDArray[np.float64]:
        """Return the scores of some texts by the pieces that tell most, which takes half as long:
        enough to say which texts are worth comparing.
        """
        _, vectors, shares = self._asked(question)
        telling = shares >= _TELLING
        return self._scores(rows, vectors[telling], shares[telling])

    def _scores(self, rows: Rows, vectors: Vectors, shares: Vectors) -> NDArray[np.float64]:
        at, seams = spread(self._starts[rows], self._starts[rows + 1])
        if not len(shares) or not len(at):
            return np.zeros(len(rows))
        near, pieces = self._near(self._flat[at], vectors)
        # Most pieces are near to nothing that was asked: one in four goes on, and of what it is
        # near to, one in ten counts.
        telling = near.max(axis=0) >= _FLOOR
        near = near[:, telling]
        near[near < _FLOOR] = 0.0
        near *= np.sqrt(near)  # to the power of 1.5, seven times as fast as by `**`
        kept = np.flatnonzero(telling[pieces])
        place = np.cumsum(telling) - 1
        said = near.take(place[pieces[kept]], axis=1).ravel()
        counts = np.flatnonzero(said > 0)
        asked, here = np.divmod(counts, max(1, len(kept)))
        texts = (np.searchsorted(seams, kept, side="right") - 1)[here]
        best = np.zeros((len(shares), len(rows)), np.float32)
        np.maximum.at(best.reshape(-1), asked * len(rows) + texts, said[counts])
        return np.asarray(np.clip(shares @ best, 0.0, 1.0), np.float64)

    def _near(self, pieces: Ids, vectors: Vectors) -> tuple[Vectors, Ids]:
        """Return similarities to the question's pieces, and in which column those of each are.

        Where the texts hold few of all pieces, only those are compared.
        """
        if len(pieces) > _MANY * len(self._known):
            return vectors @ self._vectors.T, pieces
        seen = np.zeros(len(self._known), np.bool_)
        seen[pieces] = True
        used = np.flatnonzero(seen)
        place = np.zeros(len(self._known), np.int32)
        place[used] = np.arange(len(used))
        return vectors @ self._vectors[used].T, place[pieces]

    def strange(self, question: str) -> float:
        """Return the share of the question, by weight, that no text has a piece near to.

        From 0 to 1; 1 where the question or the texts have no known piece.
        """
        asked, vectors, shares = self._asked(question)
        if not len(shares) or not len(self._known):
            return 1.0
        at = np.minimum(np.searchsorted(self._known, asked), len(self._known) - 1)
        new = self._known[at] != asked  # what stands in a text is near to itself
        near = self._vectors @ vectors[new].T
        return float(shares[new][near.max(axis=0) < _KIN].sum()) if new.any() else 0.0

    def _cut(self, question: str) -> tuple[Ids, Vectors, Vectors]:
        """Return the pieces of a question, their vectors, and the share that each has in it."""
        (asked,) = self._pieces.cut([question])
        weights = self._pieces.weights(asked)
        return asked, self._pieces.vectors(asked), weights / (weights.sum() or 1.0)
