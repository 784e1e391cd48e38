"""How surely does the shelf answer a question? What it came near to -> a number from 0 to 1.

A logistic model over a handful of features, fitted on the dev and tuning questions by
`python -m eval calibrate`. Its weights stand beside the embedding model that they belong to.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.errors import MissingModelError
from rag.lexical import Lexical
from rag.retrieve import Nearness
from rag.text import terms, words

WEIGHTS = Path(__file__).resolve().parent / "model" / "evidence.json"


def features(question: str, near: Nearness, lexical: Lexical) -> dict[str, float]:
    """Return what tells answerable questions from others; every value is finite.

    - questions, texts: how near the nearest passage is, by its beginner questions and its text;
    - margin: how much nearer the nearest beginner question is than the nearest decoy;
    - covered: the share of the question's rare words that the best passage holds (BM25 over the
      most it could reach);
    - unseen: the share of its meaningful words, by rarity, that stand nowhere on the shelf;
    - gap: how far the nearest passage stands out from the tenth.
    """
    nearest = np.sort(near.questions)[::-1]
    asked = set(words(question))
    reach = sum(lexical.rarity(word) for word in asked)
    meant = {term: lexical.rarity(term) for term in terms(question)}
    unseen = sum(rarity for term, rarity in meant.items() if term not in lexical)
    return {
        "questions": float(nearest[:1].sum()),
        "texts": float(near.texts.max(initial=0.0)),
        "margin": near.asked - max(near.decoys, default=0.0),
        "covered": float(near.words.max(initial=0.0)) / reach if reach else 0.0,
        "unseen": unseen / sum(meant.values()) if meant else 0.0,
        "gap": float(nearest[0] - nearest[min(9, len(nearest) - 1)]) if len(nearest) else 0.0,
    }


@dataclass(frozen=True, slots=True)
class Weights:
    """A fitted logistic model: mean, scale and weight of each feature, and the constant.

    `direct` is the evidence above which an answer needs no "the nearest is".
    """

    mean: Mapping[str, float]
    scale: Mapping[str, float]
    weight: Mapping[str, float]
    constant: float
    direct: float

    @classmethod
    def read(cls, path: Path = WEIGHTS) -> "Weights":
        """Read what `python -m eval calibrate` wrote.

        Raises:
            MissingModelError: the file is missing or damaged.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            msg = f"The refusal's weights in {path} cannot be read ({error}); check it out again."
            raise MissingModelError(msg) from error


class Evidence:
    """Says from 0 to 1 how surely the shelf answers."""

    def __init__(self, lexical: Lexical, weights: Weights | None = None) -> None:
        self._lexical = lexical
        self._weights = weights or Weights.read()

    def __call__(self, question: str, near: Nearness) -> float:
        """Return the probability that the shelf answers, by the fitted model.

        A question without one meaningful word asks for nothing, and has none.
        """
        if not terms(question):
            return 0.0
        model = self._weights
        found = self.features(question, near)
        total = model.constant + sum(
            weight * (found[name] - model.mean[name]) / model.scale[name]
            for name, weight in model.weight.items()
        )
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, total))))

    def features(self, question: str, near: Nearness) -> dict[str, float]:
        """Return the features that the evidence rests on."""
        return features(question, near, self._lexical)

    def direct(self, evidence: float) -> bool:
        """Say whether an answer may be given without calling it only the nearest."""
        return evidence >= self._weights.direct
