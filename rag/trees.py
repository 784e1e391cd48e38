"""Rows of signs -> probabilities, by boosted trees that `training/` fitted and wrote as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import MissingModelError
from rag.signs import SIGNS


@dataclass(frozen=True)
class Trees:
    """A fitted ensemble of binary trees, side by side: (trees, nodes) of each.

    A leaf's `feature` is -1, and `value` its share of the log odds. `threshold` is the support
    from which a claim counts as supported, chosen on the dev claims (`python -m eval calibrate`).
    """

    feature: NDArray[np.int64]
    split: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    base: float
    depth: int
    threshold: float
    stamp: str

    @classmethod
    def read(cls, path: Path) -> "Trees":
        """Read a file that `training` wrote.

        Raises:
            MissingModelError: it is not there, damaged, or made for other signs.
        """
        try:
            kept: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if kept["signs"] != list(SIGNS):
                msg = f"{path} was fitted on other signs; fit it again: training/README.md."
                raise MissingModelError(msg)
            parts: dict[str, NDArray[Any]] = {
                **{name: np.array(kept[name], np.int64) for name in ("feature", "left", "right")},
                **{name: np.array(kept[name], np.float64) for name in ("split", "value")},
            }
            shapes = {part.shape for part in parts.values()}
            if len(shapes) > 1 or len(shapes.pop()) != 2:
                raise ValueError("trees of different sizes")  # noqa: TRY301 - told as any damage
            return cls(
                **parts,
                base=kept["base"],
                depth=kept["depth"],
                threshold=kept["threshold"],
                stamp=kept["stamp"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"The checker in {path} cannot be read ({error}); check it out again."
            raise MissingModelError(msg) from error

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a probability for each of (n, signs) rows."""
        trees = np.arange(len(self.feature))
        at = np.zeros((len(rows), len(trees)), np.int64)
        for _ in range(self.depth):
            feature = self.feature[trees, at]
            low = np.take_along_axis(rows, np.maximum(feature, 0), axis=1) <= self.split[trees, at]
            step = np.where(low, self.left[trees, at], self.right[trees, at])
            at = np.where(feature < 0, at, step)
        odds = self.base + self.value[trees, at].sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-odds)))
