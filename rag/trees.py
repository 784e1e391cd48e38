"""Rows of signs -> probabilities, by boosted trees that `training/` fitted and wrote as JSON."""

import json
from collections.abc import Mapping, Sequence
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
        """Read a file that `training` wrote for `SIGNS`.

        Raises:
            MissingModelError: it is not there, damaged, or made for other signs.
        """
        return cls.of(contents(path), list(SIGNS), path)

    @classmethod
    def of(cls, kept: Mapping[str, Any], signs: Sequence[str], path: Path) -> "Trees":
        """Return the trees that were kept in `path`, for rows of `signs`. Raises like `read`."""
        try:
            if kept["signs"] != list(signs):
                msg = f"{path} was fitted on other signs; fit it again: training/README.md."
                raise MissingModelError(msg)
            parts: dict[str, NDArray[Any]] = {
                **{name: np.array(kept[name], np.int64) for name in ("feature", "left", "right")},
                **{name: np.array(kept[name], np.float64) for name in ("split", "value")},
            }
            _check(parts, len(signs))
            return cls(
                **parts,
                base=float(kept["base"]),
                depth=int(kept["depth"]),
                threshold=share(kept["threshold"]),
                stamp=str(kept["stamp"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise MissingModelError(damaged(path, error)) from error

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


def _check(parts: Mapping[str, NDArray[Any]], signs: int) -> None:
    """Raise ValueError where trees ask for what is not there."""
    shapes = {part.shape for part in parts.values()}
    if len(shapes) > 1 or len(shape := shapes.pop()) != 2:
        raise ValueError("trees of different sizes")
    ways = np.stack([parts["left"], parts["right"]])
    if parts["feature"].max() >= signs or ways.min() < 0 or ways.max() >= shape[1]:
        raise ValueError("branches that lead nowhere")


def share(value: float) -> float:
    """Return a number that a file keeps; ValueError or TypeError where it is not from 0 to 1."""
    if not 0.0 <= float(value) <= 1.0:
        msg = f"{value!r} is not between 0 and 1"
        raise ValueError(msg)
    return float(value)


def contents(path: Path) -> dict[str, Any]:
    """Return what a file of trees holds. Raises like `Trees.read`."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingModelError(damaged(path, error)) from error
    if not isinstance(kept, dict):
        raise MissingModelError(damaged(path, "no object"))
    return kept


def damaged(path: Path, why: object) -> str:
    """Say in one line that a file of trees cannot be used."""
    said = " ".join(str(why).split())
    return f"The checker in {path} cannot be read ({said}); check it out again."
