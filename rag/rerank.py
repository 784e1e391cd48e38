"""Hit[] -> the same in the order of a cross-encoder, which reads question and passage together.

Optional: `MENTOR_RERANKER` names the model. It decides the order, never whether Mentor answers.
"""

from collections.abc import Sequence
from dataclasses import replace

from rag.embed import Judge
from rag.types import Hit

FIRST = 20  # hits that are read again; a cross-encoder takes milliseconds for each on a CPU


def reranked(question: str, hits: Sequence[Hit], judge: Judge) -> list[Hit]:
    """Return all hits: the first `FIRST` as `judge` orders them, ties as before, then the rest.

    Scores stay with the places, so that they fall as before; `ranks` gains "reranker", from 1.
    """
    first = list(hits[:FIRST])
    judged = judge(question, [hit.passage.text for hit in first])
    order = sorted(range(len(first)), key=lambda at: -judged[at])
    return [
        replace(first[at], score=held.score, ranks={**first[at].ranks, "reranker": rank})
        for rank, (at, held) in enumerate(zip(order, first, strict=True), start=1)
    ] + list(hits[FIRST:])
