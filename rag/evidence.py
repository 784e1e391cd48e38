"""How surely does the shelf answer a question? What it came near to -> a number from 0 to 1.

A logistic model over a handful of features, fitted on the dev and tuning questions by
`python -m eval calibrate`. Its weights stand beside the embedding model that they belong to. There
are two sets: "asked" for a best passage with beginner questions of its own, "told" for one without.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import MissingModelError
from rag.lexical import Lexical
from rag.retrieve import Nearness
from rag.text import terms

WEIGHTS = Path(__file__).resolve().parent / "model" / "evidence.json"
_FEW, _MORE = 2, 5  # questions and decoys that are compared; one near one may be luck
_SAME = 0.95  # similarity of two questions from which they are one
_VOTERS, _SOFTNESS = 10, 0.05


def features(question: str, near: Nearness, lexical: Lexical) -> dict[str, float]:
    """Return what tells answerable questions from others; every value is finite.

    What cannot be told is left out, and counts as the mean of what it was fitted on.

    - texts: how near the nearest passage is, by its text and its nearest sentence;
    - few, more: how much nearer the two, and the five, nearest beginner questions are than as
      many decoys;
    - decoys: how near the five nearest decoys are, where there are any;
    - vote: of the ten nearest of both, the share that are beginner questions, weighed by nearness;
    - covered: the share of the question's rare words that the best passage holds;
    - unseen: the share of its meaningful words, by rarity, that stand nowhere on the shelf;
    - strange: the share of the question that nothing on the shelf is near to;
    - home: how near the question is to the shelf at large, 1 for as near as its own sentences.
    """
    meant = {term: lexical.rarity(term) for term in terms(question)}
    unseen = sum(rarity for term, rarity in meant.items() if term not in lexical)
    found = {
        "texts": float(near.texts.max()) if len(near.texts) else 0.0,
        "few": _mean(near.asked[:_FEW]) - _mean(near.decoys[:_FEW]),
        "more": _mean(near.asked[:_MORE]) - _mean(near.decoys[:_MORE]),
        "vote": _vote(near.asked, near.decoys),
        "covered": float(near.words.max(initial=0.0)),
        "unseen": unseen / sum(meant.values()) if meant else 0.0,
        "strange": near.strange,
        "home": near.home,
    }
    return found | ({"decoys": _mean(near.decoys[:_MORE])} if len(near.decoys) else {})


def _mean(similar: NDArray[np.float64]) -> float:
    return float(similar.mean()) if len(similar) else 0.0


def _vote(asked: NDArray[np.float64], decoys: NDArray[np.float64]) -> float:
    similar = np.concatenate([asked[:_VOTERS], decoys[:_VOTERS]])
    if not len(similar):
        return 0.0
    nearest = np.argsort(-similar, kind="stable")[:_VOTERS]
    weight = np.exp((similar[nearest] - similar.max()) / _SOFTNESS)
    return float(weight[nearest < len(asked[:_VOTERS])].sum() / weight.sum())


@dataclass(frozen=True, slots=True)
class Weights:
    """A fitted logistic model: mean, scale and weight of each feature, and the constant.

    `below` is the evidence under which Mentor refuses, unless a setting says otherwise; `direct`
    the evidence from which an answer needs no "the nearest is".
    """

    mean: Mapping[str, float]
    scale: Mapping[str, float]
    weight: Mapping[str, float]
    constant: float
    below: float
    direct: float

    def __call__(self, found: Mapping[str, float]) -> float:
        """Return the probability that goes with features."""
        total = self.constant + sum(
            weight * (found.get(name, self.mean[name]) - self.mean[name]) / self.scale[name]
            for name, weight in self.weight.items()
        )
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, total))))


@dataclass(frozen=True, slots=True)
class Model:
    """The weights for a best passage with beginner questions, and for one without."""

    asked: Weights
    told: Weights

    @classmethod
    def read(cls, path: Path = WEIGHTS) -> "Model":
        """Read what `python -m eval calibrate` wrote.

        Raises:
            MissingModelError: the file is missing or damaged.
        """
        try:
            both = json.loads(path.read_text(encoding="utf-8"))
            return cls(Weights(**both["asked"]), Weights(**both["told"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            msg = f"The refusal's weights in {path} cannot be read ({error}); check it out again."
            raise MissingModelError(msg) from error


class Evidence:
    """Says from 0 to 1 how surely the shelf answers: a probability, where half of what is asked is
    answerable, as in the questions that it was fitted on.
    """

    def __init__(self, lexical: Lexical, model: Model | None = None) -> None:
        self._lexical = lexical
        self._model = model or Model.read()

    def __call__(self, question: str, near: Nearness) -> float:
        """Return the probability that the shelf answers, by the fitted model.

        A question without one meaningful word asks for nothing, and has none; one in the very
        words of a beginner question has at least as much as the two are alike.
        """
        if not terms(question):
            return 0.0
        found = self._weights(near)(self.features(question, near))
        same = float(near.asked[0]) if len(near.asked) else 0.0
        return min(1.0, max(found, same)) if same >= _SAME else found

    def features(self, question: str, near: Nearness) -> dict[str, float]:
        """Return the features that the evidence rests on."""
        return features(question, near, self._lexical)

    def below(self, near: Nearness) -> float:
        """Return the evidence under which a question that came near to this is refused."""
        return self._weights(near).below

    def direct(self, near: Nearness, evidence: float) -> bool:
        """Say whether an answer may be given without calling it only the nearest."""
        return evidence >= self._weights(near).direct

    def _weights(self, near: Nearness) -> Weights:
        return self._model.asked if near.best_is_asked else self._model.told
