"""Tuning and dev cases -> the weights of the refusal. Never reads the test split."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eval.cases import Case
from rag import Mentor

# False refusals that the threshold allows on the questions it is fitted on: a student who is
# wrongly sent away is worse off than one who is shown the nearest passages.
_FALSE_REFUSALS = 0.06
_SURE = 0.25  # the share of answerable questions whose answers are called only the nearest
_FEATURES = ("questions", "texts", "margin", "covered", "unseen", "gap")


def fit(mentor: Mentor, cases: Sequence[Case]) -> dict[str, Any]:
    """Return the weights that `rag.evidence.Weights.read` reads, fitted on `cases`.

    The constant is moved so that 0.5 is the threshold that refuses the allowed share of
    answerable questions.
    """
    from sklearn.linear_model import LogisticRegression

    rows = [mentor.weigh(case.question)[1] for case in cases]
    table = np.array([[row[name] for name in _FEATURES] for row in rows])
    truth = np.array([case.answerable for case in cases])
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = (table - mean) / scale
    model = LogisticRegression().fit(scaled, truth)
    logits = model.decision_function(scaled)
    threshold = float(np.quantile(logits[truth], _FALSE_REFUSALS))
    sure = float(np.quantile(logits[truth], _SURE)) - threshold
    return {
        "mean": _named(mean),
        "scale": _named(scale),
        "weight": _named(model.coef_[0]),
        "constant": round(float(model.intercept_[0]) - threshold, 4),
        "direct": round(float(1 / (1 + np.exp(-sure))), 4),
    }


def _named(values: Sequence[float]) -> Mapping[str, float]:
    return {name: round(float(v), 5) for name, v in zip(_FEATURES, values, strict=True)}
