"""Unit vectors -> groups of what means the same: leader clustering (Hartigan 1975), in one pass.

Average linkage groups a few hundred questions better, but needs every pair of them: 20 GB for
50,000. The figures of both are in `tests/test_gaps.py`.
"""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

# Cosine from which two questions ask the same: best on the dev half of the golden topics, whose
# Chinese and English questions belong together.
SAME = 0.35
_BLOCK = 512  # rows that are compared with the leaders at one time


def grouped(vectors: Vectors, same: float = SAME) -> list[NDArray[np.int64]]:
    """Return the rows of `vectors` (n, dim) in groups, by first member; none gives [].

    Each row joins the nearest leader from a cosine of `same` on, the earlier one of two equals,
    else it leads a group itself: so the rows that count most come first. Within a group the row
    nearest to its mean stands first, then the others in order. A row of zeros stays alone.
    """
    leader = _leaders(vectors, same)
    order = np.argsort(leader, kind="stable")
    ends = np.flatnonzero(np.diff(leader[order])) + 1
    return [_middle_first(vectors, rows) for rows in np.split(order, ends) if rows.size]


def _leaders(vectors: Vectors, same: float) -> NDArray[np.int64]:
    """Return for each row the number of its group, counted in the order of their leaders."""
    led = np.empty_like(vectors)
    group = np.empty(len(vectors), np.int64)
    count = 0
    for start in range(0, len(vectors), _BLOCK):
        block, before = vectors[start : start + _BLOCK], count
        near = block @ led[:before].T if before else np.zeros((len(block), 1), np.float32)
        known, likeness = near.argmax(axis=1), near.max(axis=1)
        for at, row in enumerate(block):
            best, similar = known[at], likeness[at]
            if count > before:  # leaders that came up within this block
                fresh = led[before:count] @ row
                if fresh.max() > similar:
                    best, similar = before + fresh.argmax(), fresh.max()
            if not count or similar < same:
                led[count], best, count = row, count, count + 1
            group[start + at] = best
    return group


def _middle_first(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    at = int((vectors[rows] @ vectors[rows].sum(axis=0)).argmax())
    return np.concatenate([rows[at : at + 1], np.delete(rows, at)])
