"""`python -m training.checker --data FOLDER`: labelled claims -> rag/model/checker.json.

Gradient-boosted trees (Friedman, 2001) over the signs of `rag/signs.py`, each kept to the way in
which it may move the answer. Same data, same seed, same file; about three minutes on two cores.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

from rag.align import read
from rag.check import WEIGHTS
from rag.signs import SIGNS, signs
from training.claims import EDITS, OTHER, Labelled
from training.claims import read as read_claims

# What a row of each kind counts. Minimal edits make claims that say nearly all of a context and
# are false; with more weight they teach that saying much is a bad sign (docs/decisions.md).
_EDIT, _OWN_CLAIM, _QA = 0.1, 0.3, 3.0
TREES = {"max_iter": 300, "learning_rate": 0.05, "max_leaf_nodes": 4, "l2_regularization": 1.0}
_FOLDS = 4


def main(
    data: Annotated[Path, typer.Option(help="Folder of *.tsv.gz and *.jsonl.gz pair files.")],
    out: Annotated[Path, typer.Option(help="Where the checker goes.")] = WEIGHTS,
    each: Annotated[int, typer.Option(help="Texts taken from every file.")] = 250,
    seed: int = 1,
) -> None:
    """Make labelled claims, fit the trees on them, write the checker."""
    rows = read_claims(data, each=each, seed=seed)
    typer.echo(f"{len(rows):,} claims")
    fitted = fit(rows, seed)
    out.write_text(json.dumps(fitted, separators=(",", ":")) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")


def fit(rows: Sequence[Labelled], seed: int) -> dict[str, Any]:
    """Return what `rag.check.Trees` reads, fitted on labelled claims."""
    with Pool() as pool:
        table = np.array(pool.map(_signs, [(r.context, r.claim) for r in rows], chunksize=64))
    truth = np.array([row.supported for row in rows])
    weight = np.array([_weight(row) for row in rows])
    model = HistGradientBoostingClassifier(
        monotonic_cst=list(SIGNS.values()), random_state=seed, **TREES
    )
    held_out = cross_val_predict(
        model,
        table,
        truth,
        groups=[row.group for row in rows],
        cv=GroupKFold(_FOLDS),
        params={"sample_weight": weight},
        method="predict_proba",
    )[:, 1]
    model.fit(table, truth, sample_weight=weight)
    return kept(model, list(SIGNS), _threshold(held_out, truth, weight))


def _weight(row: Labelled) -> float:
    if row.how == "qa":
        return _QA
    if row.how in EDITS:
        return _EDIT
    return _OWN_CLAIM if row.own and row.how != OTHER else 1.0


def _signs(pair: tuple[str, str]) -> list[float]:
    context, claim = pair
    return list(signs(claim, context, read).values()) or [0.0] * len(SIGNS)


def _threshold(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], weight: NDArray[np.float64]
) -> float:
    """Return the support at which both kinds of claim are told apart best, by weight."""
    order = np.argsort(scores)
    false = np.cumsum(np.where(truth, 0.0, weight)[order]) / weight[~truth].sum()
    lost = np.cumsum(np.where(truth, weight, 0.0)[order]) / weight[truth].sum()
    return round(float(scores[order][np.argmax(false - lost)]), 4)


def kept(
    model: HistGradientBoostingClassifier, signs: Sequence[str], threshold: float
) -> dict[str, Any]:
    """Return the trees as plain lists, padded to one length."""
    trees = [stage[0].nodes for stage in model._predictors]  # noqa: SLF001 - sklearn shows them nowhere else
    size = max(map(len, trees))

    def padded(name: str, blank: float) -> list[list[float]]:
        return [[*tree[name].tolist(), *[blank] * (size - len(tree))] for tree in trees]

    feature = [
        [
            -1 if leaf else int(at)
            for leaf, at in zip(tree["is_leaf"], tree["feature_idx"], strict=True)
        ]
        + [-1] * (size - len(tree))
        for tree in trees
    ]
    plain = {
        "signs": list(signs),
        "feature": feature,
        "split": [[round(v, 6) for v in row] for row in padded("num_threshold", 0.0)],
        "left": padded("left", 0),
        "right": padded("right", 0),
        "value": [[round(v, 6) for v in row] for row in padded("value", 0.0)],
        "base": float(model._baseline_prediction.ravel()[0]),  # noqa: SLF001
        "depth": math.ceil(max(float(tree["depth"].max()) for tree in trees)),
        "threshold": threshold,
    }
    stamp = hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:12]
    return plain | {"stamp": stamp}


if __name__ == "__main__":
    typer.run(main)
