"""Any passages and questions + Mentor on a shelf of them -> figures, without any views.

Beside the fused ranking stand both of its sides alone, "words" (BM25) and "meaning".
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.cases import rows
from eval.figures import Figure, of_flags
from eval.metrics import auc, hit_at, ndcg, reciprocal_rank, share
from eval.shelves import name
from rag import Hit, Mentor, QuestionError

_WAYS = ("fused", "words", "meaning")
_AT, _DEPTH = (1, 5, 10), 10
_ALL = 1_000_000  # passages: each side's own first ten may stand anywhere in the fused ranking


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and the essays that answer it; none for one that has no answer."""

    text: str
    gold: tuple[str, ...]


def read(
    passages: Path | None, queries: Path | None, beir: Path | None
) -> tuple[list[dict[str, Any]], list[Query]]:
    """Return texts {"id", "text"} and the questions about them, from two files or a BEIR folder.

    Raises:
        ValueError: neither is given whole, or a row lacks a field; the file and line are named.
        OSError: a file cannot be read.
    """
    if beir:
        return _beir(beir)
    if not passages or not queries:
        msg = "Give --passages and --queries, or --beir."
        raise ValueError(msg)
    texts = [{"id": row["id"], "text": row["text"]} for row in rows(passages, "id", "text")]
    return texts, questions(queries)


def questions(path: Path) -> list[Query]:
    """Return the questions of {"text", "positive_ids"} rows, in file order."""
    return [
        Query(str(row["text"]), tuple(name(str(id_)) for id_ in row["positive_ids"]))
        for row in rows(path, "text", "positive_ids")
    ]


def _beir(folder: Path) -> tuple[list[dict[str, Any]], list[Query]]:
    """Read corpus.jsonl, queries.jsonl and qrels/test.tsv; questions without a judgement stay out.

    The format of Thakur et al. (2021): a judgement above 0 is gold.
    """
    texts = [
        {"id": row["_id"], "text": f"{row.get('title') or ''}. {row['text']}".lstrip(". ")}
        for row in rows(folder / "corpus.jsonl", "_id", "text")
    ]
    gold: dict[str, list[str]] = {}
    path = folder / "qrels" / "test.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        for at, row in enumerate(csv.DictReader(file, delimiter="\t"), start=2):
            try:
                if int(row["score"]) > 0:
                    gold.setdefault(row["query-id"], []).append(name(row["corpus-id"]))
            except (KeyError, TypeError, ValueError) as error:
                msg = f"{path}, line {at}: needs query-id, corpus-id and score."
                raise ValueError(msg) from error
    asked = rows(folder / "queries.jsonl", "_id", "text")
    return texts, [Query(q["text"], tuple(gold[q["_id"]])) for q in asked if q["_id"] in gold]


def figures(mentor: Mentor, queries: Sequence[Query]) -> list[Figure]:
    """Return hit@k, MRR@10 and nDCG@10 by each way of ranking, and how well evidence tells
    answerable questions.

    A hit counts for its essay: a long text may be several passages.
    """
    ranked = [(query, _hits(mentor, query)) for query in queries if query.gold]
    found = [figure for way in _WAYS for figure in _of_way(way, ranked)]
    return found + _answerable(mentor, queries)


def _of_way(way: str, ranked: Sequence[tuple[Query, Sequence[Hit]]]) -> list[Figure]:
    flags = [
        ([doc_id in query.gold for doc_id in _by(way, hits)[:_DEPTH]], len(set(query.gold)))
        for query, hits in ranked
    ]
    ranks = [reciprocal_rank(gold, _DEPTH) for gold, _ in flags]
    gains = [gain for gold, count in flags if (gain := ndcg(gold, count, _DEPTH)) is not None]
    return [
        *(of_flags(f"hit@{k} {way}", [hit_at(k, gold) for gold, _ in flags]) for k in _AT),
        Figure("", f"MRR@{_DEPTH} {way}", share(ranks), None, len(ranks)),
        Figure("", f"nDCG@{_DEPTH} {way}", share(gains), None, len(gains)),
    ]


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


def _answerable(mentor: Mentor, queries: Sequence[Query]) -> list[Figure]:
    if all(query.gold for query in queries):
        return []
    sure = [(_evidence(mentor, query), bool(query.gold)) for query in queries]
    yes, no = ([evidence for evidence, flag in sure if flag == wanted] for wanted in (True, False))
    area, interval = auc(yes, no)
    if area is None:
        return []
    return [Figure("", "AUC of evidence, answerable or not", area, interval, len(sure))]


def _evidence(mentor: Mentor, query: Query) -> float:
    """Return how surely the shelf answers; 0 for what Mentor takes for no question."""
    try:
        return mentor.weigh(query.text)[0]
    except QuestionError:
        return 0.0
