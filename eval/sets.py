"""Public questions + Mentor on a shelf of public passages -> figures, without any views.

Beside the fused ranking stand both of its sides alone, "words" (BM25) and "meaning".
"""

from collections.abc import Sequence

from eval.metrics import auc
from eval.run import Figure, of_flags
from eval.shelves import Query
from rag import Hit, Mentor, QuestionError

_AT = (1, 5)
_ALL = 1_000_000  # passages: each side's own first five may stand anywhere in the fused ranking


def figures(mentor: Mentor, queries: Sequence[Query]) -> list[Figure]:
    """Return recall at 1 and 5 by each way of ranking, and how well evidence tells answerable ones.

    A hit counts for its essay: a long text may be several passages.
    """
    ranked = [(query, _hits(mentor, query)) for query in queries if query.gold]
    found = [
        of_flags(f"recall@{k} {way}", [_found(query, _by(way, hits), k) for query, hits in ranked])
        for way in ("fused", "words", "meaning")
        for k in _AT
    ]
    return found + _answerable(mentor, queries)


def _hits(mentor: Mentor, query: Query) -> list[Hit]:
    """Return all passages, best first; none for what Mentor takes for no question."""
    try:
        return mentor.retrieve(query.text, _ALL)
    except QuestionError:
        return []


def _by(way: str, hits: Sequence[Hit]) -> list[str]:
    """Return essay ids by the ranks of one way; fused is the order of the hits."""
    chosen = (
        hits
        if way == "fused"
        else sorted((hit for hit in hits if way in hit.ranks), key=lambda hit: hit.ranks[way])
    )
    return list(dict.fromkeys(hit.passage.doc_id for hit in chosen))


def _found(query: Query, ranking: Sequence[str], k: int) -> bool:
    return any(doc_id in query.gold for doc_id in ranking[:k])


def _answerable(mentor: Mentor, queries: Sequence[Query]) -> list[Figure]:
    if all(query.gold for query in queries):
        return []
    sure = [(mentor.weigh(query.text)[0], bool(query.gold)) for query in queries]
    yes, no = ([evidence for evidence, flag in sure if flag == wanted] for wanted in (True, False))
    return [Figure("AUC of evidence, answerable or not", *auc(yes, no), len(sure))] if no else []
