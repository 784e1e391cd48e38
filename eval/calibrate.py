"""Tuning and dev cases -> the weights of the refusal. Never reads the test split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eval.cases import Case
from rag import Mentor

# False refusals that the threshold allows on the questions it is fitted on: a student who is
# wrongly sent away is worse off than one who is shown the nearest passages.
_FALSE_REFUSALS = 0.05
_SURE = 0.25  # the share of answerable questions whose answers are called only the nearest
# True retellings of the dev drafts that the checker may withhold, and false ones that it may call
# sure. The first leaves room below 8 %, which are too many; the second is a lie seen for a moment.
_WITHHELD, _FALSELY_SURE = 0.05, 0.01
ASKED = ("few", "more", "vote", "covered", "unseen")
TOLD = ("texts", "home", "strange", "decoys")


def fit(mentor: Mentor, cases: Sequence[Case], features: Sequence[str]) -> dict[str, Any]:
    """Return the weights that `rag.evidence` reads, of `features`, fitted on `cases`.

    Evidence stays a probability; the threshold is put where it refuses the allowed share of the
    answerable questions.
    """
    from sklearn.linear_model import LogisticRegression

    rows = [mentor.weigh(case.question, case.history)[1] for case in cases]
    table = np.array([[row[name] for name in features] for row in rows])
    truth = np.array([case.answerable for case in cases])
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = (table - mean) / scale
    model = LogisticRegression().fit(scaled, truth)
    found = model.predict_proba(scaled)[truth, 1]
    return {
        "mean": _named(features, mean),
        "scale": _named(features, scale),
        "weight": _named(features, model.coef_[0]),
        "constant": round(float(model.intercept_[0]), 5),
        "below": round(float(np.quantile(found, _FALSE_REFUSALS)), 4),
        "direct": round(float(np.quantile(found, _SURE)), 4),
    }


def _named(features: Sequence[str], values: Sequence[float]) -> Mapping[str, float]:
    return {name: round(float(v), 5) for name, v in zip(features, values, strict=True)}


def retold_thresholds(supports: Sequence[float], truths: Sequence[bool]) -> dict[str, float]:
    """Return from where a retelling counts as supported, and from where beyond doubt: never less.

    Raises:
        ValueError: there is no true retelling, or no false one.
    """
    pairs = list(zip(supports, truths, strict=True))
    true, false = ([s for s, truth in pairs if truth == side] for side in (True, False))
    if not true or not false:
        msg = "thresholds need true retellings and false ones."
        raise ValueError(msg)
    threshold = float(np.quantile(true, _WITHHELD))
    sure = max(threshold, float(np.quantile(false, 1 - _FALSELY_SURE)))
    return {"threshold": round(threshold, 4), "sure": round(sure, 4)}
