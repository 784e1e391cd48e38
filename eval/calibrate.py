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
