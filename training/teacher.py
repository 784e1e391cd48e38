"""English texts -> vectors of an English teacher model, on disk between runs.

The teacher is any sentence-transformers folder that is good at English. Its vectors are turned to
the student's width by principal components (fitted on words and dictionary glosses), so that what
starts from them and what is pulled towards them share one space.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

_CHUNK = 4096
_MAX_TOKENS = 96

Vectors = NDArray[np.float32]


class Teacher:
    """Encodes English; asks the model once for each text."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder, self._cache = folder, cache
        self._said: dict[str, NDArray[np.float16]] = {}

    def __call__(self, texts: Sequence[str], name: str) -> Vectors:
        """Return (n, width) unit vectors in the order of `texts`; `name` is for the progress."""
        new = [text for text in dict.fromkeys(texts) if text not in self._said]
        if new:
            stamp = hashlib.sha256("\n".join([str(self._folder), *new]).encode()).hexdigest()[:16]
            path = self._cache / f"{stamp}.npy"
            if not path.is_file():
                self._cache.mkdir(parents=True, exist_ok=True)
                np.save(path, self._encode(new, name))
            self._said.update(zip(new, np.load(path), strict=True))
        return np.stack([self._said[text] for text in texts]).astype(np.float32)

    def _encode(self, texts: Sequence[str], name: str) -> NDArray[np.float16]:
        from sentence_transformers import SentenceTransformer

        # bfloat16 is twice as fast where the processor knows it; the student needs no more.
        model = SentenceTransformer(str(self._folder), device="cpu").to(torch.bfloat16)
        if (model.max_seq_length or 0) < math.inf:  # a static model has no limit to set
            model.max_seq_length = _MAX_TOKENS
        order = np.argsort([len(text) for text in texts], kind="stable")  # little padding
        rows = []
        for at in track(range(0, len(order), _CHUNK), f"teacher reads {name}"):
            chunk = [texts[i] for i in order[at : at + _CHUNK]]
            rows.append(model.encode(chunk, batch_size=128, convert_to_tensor=True).float().numpy())
        found = np.empty((len(texts), rows[0].shape[1]), np.float16)
        found[order] = np.concatenate(rows)
        return found


@dataclass(frozen=True, slots=True)
class Projection:
    """Principal components of a cloud of vectors."""

    mean: Vectors
    axes: Vectors

    @classmethod
    def fit(cls, cloud: Vectors, width: int) -> "Projection":
        """Fit on (n, m) vectors; `width` is at most m."""
        mean = cloud.mean(axis=0)
        centred = cloud - mean
        _, axes = np.linalg.eigh(centred.T @ centred)  # in ascending order of what they explain
        return cls(mean, np.ascontiguousarray(axes[:, ::-1][:, :width], np.float32))

    def __call__(self, vectors: Vectors) -> Vectors:
        """Return (n, width) unit vectors."""
        turned = (vectors - self.mean) @ self.axes
        return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
