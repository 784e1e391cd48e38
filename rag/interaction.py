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

from rag.embed import Pieces, Vectors
from rag.ragged import Ragged, spread

# Similarities below this say nothing. Chosen on the dev questions, as is the power of 1.5 to which
# they are raised: above 1 it prefers one good partner to many fair ones (docs/decisions.md).
_FLOOR = 0.2
_KIN = 0.55  # from here on two pieces are of one meaning, or nearly

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
        self._flat, self._vectors = place[texts.values], pieces.vectors(known)
        # A question is compared once for its scores and once for what is strange in it.
        self._compared = lru_cache(maxsize=4)(self._compare)

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
        found = np.zeros(len(rows))
        starts, ends = self._starts[rows], self._starts[rows + 1]
        filled = ends > starts
        near, shares = self._compared(question)
        if not len(shares) or not filled.any():
            return found
        at, seams = spread(starts[filled], ends[filled])
        best = np.maximum.reduceat(near.take(self._flat[at], axis=0), seams, axis=0)
        best[best < _FLOOR] = 0.0
        # To the power of 1.5, seven times as fast as by `**`.
        found[filled] = np.clip((best * np.sqrt(best)) @ shares, 0.0, 1.0)
        return found

    def strange(self, question: str) -> float:
        """Return the share of the question, by weight, that no text has a piece near to.

        From 0 to 1; 1 where the question or the texts have no known piece.
        """
        near, shares = self._compared(question)
        return float(shares[near.max(axis=0) < _KIN].sum()) if near.size else 1.0

    def _compare(self, question: str) -> tuple[Vectors, Vectors]:
        """Return how near each piece of the texts is to each of the question, and the share that
        each piece of the question has in it.
        """
        (asked,) = self._pieces.cut([question])
        weights = self._pieces.weights(asked)
        return self._vectors @ self._pieces.vectors(asked).T, weights / weights.sum()
