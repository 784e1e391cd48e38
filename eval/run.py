"""Cases + a system under test -> items -> the run: one dict that every report is made of."""

import hashlib
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval import card, metrics, trivial
from eval.cases import Case
from eval.figures import Figure, curves, figures, scores
from eval.reply import Target
from eval.score import Checked, Item, Proof, Scorer
from rag import Mentor, Span

Tick = Callable[[], None]

VERSION = 1
_AROUND = 200  # characters of an essay shown on either side of a quote
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is repeated by: the same plan on the same shelf gives the same bytes."""

    split: str
    seed: int = 7
    resamples: int = 2000
    bare: tuple[str, ...] = ()


def scorer(mentor: Mentor) -> Scorer:
    """Return a judge over the shelf's own checker, which never judges one pair twice."""
    check = mentor.checker
    one = lru_cache(maxsize=200_000)(lambda pair: check([pair])[0])
    return Scorer(mentor, lambda pairs: [one(pair) for pair in pairs], check.threshold)


def judged(target: Target, cases: Iterable[Case], score: Scorer, tick: Tick) -> list[Item]:
    """Put every case to a system and judge what it replies; `tick` is called after each."""
    items = []
    for case in cases:
        items.append(score(case, target(case)))
        tick()
    return items


def run(
    mentor: Mentor, target: Target, cases: Sequence[Case], plan: Plan, tick: Tick
) -> dict[str, Any]:
    """Return the whole run as plain data; `tick` is called `steps(cases)` times.

    Everything but "timings" depends on nothing but the shelf, the system, the cases and the plan.
    """
    started, score = time.perf_counter(), scorer(mentor)
    items = judged(target, cases, score, tick)
    rows = [
        {
            "row": row.name,
            "figures": _chosen(_figures(judged(row, cases, score, tick), plan)),
        }
        for row in trivial.rows(mentor, plan.seed)
    ]
    found = _figures(items, plan)
    return {
        "version": VERSION,
        "made": _made(mentor, target, plan),
        "figures": [figure_row(figure) for figure in found],
        "card": [measured_row(row) for row in card.of_essays(mentor, plan.seed, plan.resamples)],
        "card_notes": list(card.NOTES),
        "trivial": [{"row": target.name, "figures": _chosen(found)}, *rows],
        "curves": curves(items),
        "items": [_item(item, mentor, score) for item in items],
        "timings": _timings(items, time.perf_counter() - started),
    }


def steps(cases: Sequence[Case]) -> int:
    """Return how often a run over `cases` ticks."""
    return len(cases) * (1 + trivial.COUNT)


def _figures(items: Sequence[Item], plan: Plan) -> list[Figure]:
    return figures(items, plan.seed, plan.resamples)


def _chosen(found: Sequence[Figure]) -> dict[str, float | None]:
    """Return the figures by which trivial rows make the system's readable."""
    return {figure.name: figure.value for figure in found if figure.name in trivial.SHOWN}


def figure_row(figure: Figure) -> dict[str, Any]:
    """Return a figure as plain data."""
    low, high = figure.interval or (None, None)
    return {
        "group": figure.group,
        "name": figure.name,
        "value": figure.value,
        "low": low,
        "high": high,
        "n": figure.n,
        "better": figure.better,
        "headline": figure.headline,
    }


def measured_row(row: card.Measured) -> dict[str, Any]:
    """Return a row of the checker card as plain data."""
    auc_low, auc_high = row.auc_interval or (None, None)
    low, high = row.balanced_interval or (None, None)
    return {
        "set": row.name,
        "pair": row.pair,
        "n": row.n,
        "auc": row.auc,
        "auc_low": auc_low,
        "auc_high": auc_high,
        "balanced": row.balanced,
        "balanced_low": low,
        "balanced_high": high,
        "threshold": row.threshold,
    }


def _made(mentor: Mentor, target: Target, plan: Plan) -> dict[str, Any]:
    """Return what the figures were made with."""
    essays = "".join(d.sha256 for d in mentor.documents.values())
    return {
        "target": target.name,
        "split": plan.split,
        "bare": list(plan.bare),
        "seed": plan.seed,
        "resamples": plan.resamples,
        "mentor": version("mentor"),
        "commit": _commit(),
        "corpus": hashlib.sha256(essays.encode()).hexdigest()[:12],
        "embedder": mentor.embedder,
        "checker": mentor.checker.name,
        "python": platform.python_version(),
    }


def _commit() -> str:
    """Return the commit of the checkout, "" where there is none."""
    command = ["git", "-C", str(_HERE), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""


# --- items -------------------------------------------------------------------------------------


def _item(item: Item, mentor: Mentor, score: Scorer) -> dict[str, Any]:
    case, reply = item.case, item.reply
    essays = {doc_id for doc_id, _ in item.gold} | {
        c.doc_id for said in reply.said for c in said.citations if c.doc_id in mentor.documents
    }
    return {
        "id": case.id,
        "topic": case.topic,
        "lang": case.lang,
        "kind": case.kind,
        "style": case.style,
        "question": case.question,
        "history": list(case.history),
        "answerable": case.answerable,
        "outcome": reply.outcome,
        "verdict": verdict(item),
        "error": reply.error,
        "evidence": reply.evidence,
        "essays": sorted(essays),
        "cluster": item.cluster,
        "said": [_said(sentence, mentor, score) for sentence in item.sentences],
        "gold": [
            {
                "doc_id": doc_id,
                "quote": span.of(mentor.documents[doc_id].text),
                "found_at": next((r for r, gold in enumerate(item.ranking, 1) if at in gold), None),
            }
            for at, (doc_id, span) in enumerate(item.gold)
        ],
        "points": [
            {"zh": point.zh, "en": point.en, "held": held}
            for point, held in zip(case.points, item.held, strict=True)
        ],
        "scores": scores(item),
    }


def _said(sentence: Checked, mentor: Mentor, score: Scorer) -> dict[str, Any]:
    return {
        "text": sentence.said.text,
        "supported": sentence.supported,
        "support": round(sentence.support, 4),
        "why": score.why(sentence),
        "citations": [_cited(proof, mentor) for proof in sentence.proofs],
    }


def _cited(proof: Proof, mentor: Mentor) -> dict[str, Any]:
    cited, span = proof.cited, proof.span
    shown = before = after = ""
    if span:
        text = mentor.documents[cited.doc_id].text
        before, shown, after = _around(text, span)
    return {
        "n": cited.n,
        "doc_id": cited.doc_id,
        "quote": cited.quote,
        "start": span.start if span else None,
        "end": span.end if span else None,
        "grade": proof.grade,
        "gold": proof.gold,
        "before": before,
        "shown": shown,
        "after": after,
    }


def _around(text: str, span: Span) -> tuple[str, str, str]:
    return (
        text[max(0, span.start - _AROUND) : span.start],
        span.of(text),
        text[span.end : span.end + _AROUND],
    )


def verdict(item: Item) -> str:
    """Return what a reader would call the reply, in a word or two."""
    outcome = item.reply.outcome
    if outcome == "failed":
        return "failed"
    if not item.case.answerable:
        return "refused rightly" if outcome == "refused" else "answered wrongly"
    if outcome == "refused":
        return "refused wrongly"
    gold = any(proof.gold for sentence in item.sentences for proof in sentence.proofs)
    faithful = all(sentence.supported for sentence in item.sentences)
    if gold and faithful:
        return "good"
    return "partly" if gold or any(item.held) else "wrong"


def _timings(items: Sequence[Item], seconds: float) -> Mapping[str, Any]:
    times = {item.case.id: item.reply.ms for item in items if item.reply.ms is not None}
    return {
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "seconds": round(seconds, 1),
        "ms": {f"p{q}": metrics.percentile(list(times.values()), q / 100) for q in (50, 95, 99)},
        "items": times,
    }
