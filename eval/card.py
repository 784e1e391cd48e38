"""Labelled claims -> the checker's card: how far its word can be trusted, and on what.

A faithfulness figure is worth what its checker is worth. The card holds the checker against claims
that people labelled, and then takes the context away: what is left above chance is the style of
the claims, not the reading of a passage.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from eval.cases import numbered, rows, script
from eval.metrics import Interval, auc, balanced_accuracy, best_threshold, precision_recall_f1
from eval.stats import bootstrap_auc, bootstrap_of, weighted_balance
from rag import Checker, Mentor, Passage, Span, vetoed

ESSAYS = Path(__file__).resolve().parent / "claims.jsonl"
NOTES = (
    (
        "It compares words, numbers and their places; it does not reason. A claim that repeats a "
        "passage and turns one plain word around (cause and effect, who did what) often passes."
    ),
    (
        "Across languages it knows words, not sentences: a changed detail there is seen about as "
        "often as not."
    ),
    (
        "Quoted sentences do not depend on it: words of the cited passage count as supported, and "
        "so does the project's own translation of the quote."
    ),
)
_GENERIC = "generic"  # claims that claim nothing are left out


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A claim about a context, and whether the context supports it; `cluster` names the context."""

    context: str
    claim: str
    supported: bool
    pair: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Measured:
    """How a checker does on one set, one pair of languages ("" for all of them)."""

    name: str
    pair: str
    n: int
    auc: float | None
    auc_interval: Interval | None
    balanced: float | None
    balanced_interval: Interval | None
    threshold: float


def read(path: Path) -> list[LabelledClaim]:
    """Return the rows {"context", "claim" or "response", "label"} of a file, in its order.

    "supported" is true, "generic" left out, every other label false.

    Raises:
        ValueError: a row lacks a field; it is named with its line.
    """
    found = []
    for at, row in numbered(path):
        claim = row.get("claim") or row.get("response")
        missing = [name for name in ("context", "label") if not isinstance(row.get(name), str)]
        if missing or not isinstance(claim, str):
            msg = f"{path}, line {at}: needs {', '.join(missing) or 'claim or response'}."
            raise ValueError(msg)
        if row["label"] != _GENERIC:
            pair = f"{script(claim)}-{script(row['context'])}"
            found.append(
                LabelledClaim(row["context"], claim, row["label"] == "supported", pair, _key(row))
            )
    return found


def _key(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(row["context"].encode()).hexdigest()[:16]


def measured(
    name: str,
    claims: Sequence[LabelledClaim],
    scores: Sequence[float],
    threshold: float,
    seed: int,
    resamples: int,
) -> list[Measured]:
    """Return the set as a whole, and each pair of languages where there are several."""
    pairs = sorted({claim.pair for claim in claims})
    wanted = ["", *pairs] if len(pairs) > 1 else pairs
    return [_row(name, pair, claims, scores, threshold, seed, resamples) for pair in wanted]


def _row(
    name: str,
    pair: str,
    claims: Sequence[LabelledClaim],
    scores: Sequence[float],
    threshold: float,
    seed: int,
    resamples: int,
) -> Measured:
    chosen = [
        (claim, score)
        for claim, score in zip(claims, scores, strict=True)
        if pair in {"", claim.pair}
    ]
    values, truths = [s for _, s in chosen], [c.supported for c, _ in chosen]
    clusters = [claim.cluster for claim, _ in chosen]
    area, _ = auc(
        [s for s, t in zip(values, truths, strict=True) if t],
        [s for s, t in zip(values, truths, strict=True) if not t],
    )
    right = [((s >= threshold) == t, t) for s, t in zip(values, truths, strict=True)]
    return Measured(
        name,
        pair,
        len(chosen),
        area,
        bootstrap_auc(values, truths, clusters, seed=seed, resamples=resamples),
        balanced_accuracy(values, truths, threshold),
        bootstrap_of(weighted_balance, right, clusters, seed=seed, resamples=resamples),
        threshold,
    )


def fitted_threshold(mentor: Mentor) -> float:
    """Return the threshold of the greatest balanced accuracy on the dev half of our own claims."""
    labelled = [row for row in rows(ESSAYS) if row["split"] == "dev"]
    scores = _essay_scores(mentor, labelled, [row["context"] for row in labelled])
    truths = [row["label"] == "supported" for row in labelled]
    return round(best_threshold(scores, truths) or 0.5, 4)


def of_essays(mentor: Mentor, seed: int, resamples: int) -> list[Measured]:
    """Return the card on the test half of our own claims about the essays, and its controls."""
    labelled = [row for row in rows(ESSAYS) if row["split"] == "test"]
    claims = [_essay_claim(row) for row in labelled]
    found = []
    for name, contexts in _controls(claims, seed):
        scores = _essay_scores(mentor, labelled, contexts)
        found += measured(name, claims, scores, mentor.checker.threshold, seed, resamples)
    return found


def _essay_claim(row: Mapping[str, Any]) -> LabelledClaim:
    pair = f"{row['lang']}-{script(row['context'])}"
    return LabelledClaim(row["context"], row["claim"], row["label"] == "supported", pair, _key(row))


def _controls(claims: Sequence[LabelledClaim], seed: int) -> list[tuple[str, list[str]]]:
    """Return the contexts as they are, none, and those of other claims of the same language."""
    others: dict[str, str] = {}
    for lang in sorted({script(claim.context) for claim in claims}):
        contexts = sorted({c.context for c in claims if script(c.context) == lang})
        random.Random(seed).shuffle(contexts)
        others |= dict(zip(contexts, [*contexts[1:], contexts[0]], strict=True))
    return [
        ("essays", [claim.context for claim in claims]),
        ("essays, context withheld", ["" for _ in claims]),
        ("essays, another context", [others[claim.context] for claim in claims]),
    ]


def _essay_scores(
    mentor: Mentor, labelled: Sequence[Mapping[str, Any]], contexts: Sequence[str]
) -> list[float]:
    """Return what Mentor makes of each claim: its checker's word, 0 where Mentor lets none pass."""
    speakers = [s for document in mentor.documents.values() for s in document.speakers]
    scores = mentor.checker(
        [(context, row["claim"]) for context, row in zip(contexts, labelled, strict=True)]
    )
    return [
        0.0 if passage and vetoed(row["claim"], passage, speakers) else score
        for row, score, passage in zip(
            labelled, scores, (_passage(mentor, c) for c in contexts), strict=True
        )
    ]


def _passage(mentor: Mentor, context: str) -> Passage | None:
    """Return a context as a passage, by whoever speaks where it begins."""
    for doc_id, document in mentor.documents.items():
        at = document.text.find(context) if context else -1
        if at >= 0:
            span = Span(at, at + len(context))
            first = next(iter(mentor.passages_at(doc_id, span)), None)
            return Passage(doc_id, span, context, (), first.speaker if first else "")
    return None


def of_file(checker: Checker, path: Path, seed: int, resamples: int) -> list[Measured]:
    """Return a card's rows for a labelled file, with the same controls."""
    claims = read(path)
    found, own = [], path.name.split(".")[0]
    for name, contexts in _controls(claims, seed):
        scores = checker([(c, claim.claim) for c, claim in zip(contexts, claims, strict=True)])
        found += measured(
            name.replace("essays", own), claims, scores, checker.threshold, seed, resamples
        )
    return found


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which sentences of a context an answer rests on; `threshold` was chosen on the other half."""

    precision: float | None
    recall: float | None
    f1: float | None
    n: int
    threshold: float


def attribution(checker: Checker, path: Path) -> Attribution:
    """Return how well the checker finds them, on the second half of a file.

    Rows hold "response", "context_sentences" and "support_sentences" (places in the former). A
    sentence is found where the answer supports it from the threshold on.

    Raises:
        ValueError: a row lacks a field; it is named with its line.
    """
    labelled = rows(path, "response", "context_sentences", "support_sentences")
    half = len(labelled) // 2
    scores = [
        checker([(row["response"], sentence) for sentence in row["context_sentences"]])
        for row in labelled
    ]
    truths = [
        [at in row["support_sentences"] for at in range(len(row["context_sentences"]))]
        for row in labelled
    ]
    threshold = _best_f1(list(chain(*scores[:half])), list(chain(*truths[:half])))
    flags = [score >= threshold for row in scores[half:] for score in row]
    precision, recall, f1 = precision_recall_f1(flags, list(chain(*truths[half:])))
    return Attribution(precision, recall, f1, len(flags), threshold)


def _best_f1(scores: Sequence[float], truths: Sequence[bool]) -> float:
    """Return the score from which calling sentences found gives the greatest F1; of equal ones the
    lowest, and 0.5 without any.
    """

    def f1(threshold: float) -> float:
        return precision_recall_f1([s >= threshold for s in scores], truths)[2] or 0.0

    return max(sorted(set(scores)), key=f1, default=0.5)
