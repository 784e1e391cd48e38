"""Two runs of the same questions -> what changed, and whether it is more than chance."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.stats import Difference, fell, paired

Run = Mapping[str, Any]

_KEPT = ("id", "cluster", "scores", "verdict", "outcome")
_CERTAIN = 0.05  # of a sign test, before a fall is called one


@dataclass(frozen=True, slots=True)
class Flip:
    """A question whose verdict changed, with both answers as text."""

    id: str
    question: str
    before: str
    after: str
    said_before: str
    said_after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every score that both runs hold, and the flips, by id."""

    scores: Mapping[str, Difference]
    flips: Sequence[Flip]
    only_before: Sequence[str]
    only_after: Sequence[str]


def load(path: Path) -> Run:
    """Return a run or a baseline.

    Raises:
        ValueError: the file is neither; it is named.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        ids = [item["id"] for item in baseline(run)["items"]]
        int(run["made"]["seed"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is no run: {error!r}. `python -m eval run --out FOLDER` writes one."
        raise ValueError(msg) from error
    if len(set(ids)) < len(ids):
        msg = f"{path}: an id stands twice among its items."
        raise ValueError(msg)
    return dict(run)


def compared(before: Run, after: Run) -> Comparison:
    """Return the paired differences, `after` less `before`, over the questions of both.

    Raises:
        ValueError: they have no question in common.
    """
    old = {item["id"]: item for item in before["items"]}
    new = {item["id"]: item for item in after["items"]}
    both = sorted(old.keys() & new.keys())
    if not both:
        msg = "The two runs have no question in common."
        raise ValueError(msg)
    names = sorted({name for id_ in both for name in old[id_]["scores"]})
    seed = int(after["made"]["seed"])
    scores = {
        name: found for name in names if (found := _paired(name, both, old, new, seed)) is not None
    }
    flips = [
        _flip(old[id_], new[id_]) for id_ in both if old[id_]["verdict"] != new[id_]["verdict"]
    ]
    return Comparison(scores, flips, sorted(old.keys() - new), sorted(new.keys() - old))


def _paired(
    name: str, both: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any], seed: int
) -> Difference | None:
    """Return the difference of one score, where both runs have it.

    A question that was answered in one run only has no quotes in the other: it is left out there,
    and counts where answering itself does.
    """
    asked = [id_ for id_ in both if name in old[id_]["scores"] and name in new[id_]["scores"]]
    return paired(
        [old[id_]["scores"][name] for id_ in asked],
        [new[id_]["scores"][name] for id_ in asked],
        [new[id_]["cluster"] for id_ in asked],
        seed,
    )


def _flip(old: Mapping[str, Any], new: Mapping[str, Any]) -> Flip:
    return Flip(
        new["id"], new.get("question", ""), old["verdict"], new["verdict"], _text(old), _text(new)
    )


def _text(item: Mapping[str, Any]) -> str:
    if "said" not in item:
        return "(a baseline keeps no answers)"
    said = " ".join(
        sentence["text"] + "".join(f" [{c['n']}]" for c in sentence["citations"])
        for sentence in item["said"]
    )
    return said or f"({item['outcome']})"


def baseline(run: Run) -> dict[str, Any]:
    """Return what a gate needs of a run: its scores and verdicts, without texts or timings."""
    return {
        "version": run["version"],
        "made": run["made"],
        "items": [{name: item[name] for name in _KEPT} for item in run["items"]],
    }


def gate(before: Run, after: Run) -> list[str]:
    """Return why a run must not pass, a line each; none where it may.

    It fails on any quote that is not exact, on a question that failed, on questions of the
    baseline that were not asked, and on a score that fell by more than chance: both the interval
    of the difference and the sign test must say so.
    """
    found = compared(before, after)
    lines = [
        f"{name}: fell by {-d.value:.3f} [{-d.interval[1]:.3f}, {-d.interval[0]:.3f}], "
        f"{d.losses} down, {d.wins} up, p = {d.p:.3f}"
        for name, d in found.scores.items()
        if fell(d) and d.p < _CERTAIN
    ]
    inexact = [i["id"] for i in after["items"] if i["scores"].get("quotes exact", 1.0) < 1.0]
    failed = [i["id"] for i in after["items"] if i["outcome"] == "failed"]
    lines += [f"quotes that are not exact: {', '.join(inexact)}"] if inexact else []
    lines += [f"failed: {', '.join(failed)}"] if failed else []
    lines += [f"not asked: {', '.join(found.only_before)}"] if found.only_before else []
    return lines
