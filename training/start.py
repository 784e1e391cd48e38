"""Pieces -> their first vectors, in the space of the English teacher.

An English word starts as what the teacher makes of it, a Chinese one as the mean of what the
dictionaries say it means, a Chinese word in no dictionary as the mean of its characters.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from tokenizers import Tokenizer

from training.pairs import PairFile
from training.teacher import Projection, Teacher, Vectors

_SPECIAL = 2  # [PAD] and [UNK]
_HAN = "\u3000"
# Smooth inverse frequency (Arora, Liang and Ma, 2017): frequent pieces start short.
_SIF = 1e-3


def start(
    tokenizer: Tokenizer, files: Sequence[PairFile], teacher: Teacher, dim: int, seed: int
) -> tuple[Vectors, Projection]:
    """Return (pieces, dim) first vectors, and how the teacher's own are turned to that width."""
    scored = json.loads(tokenizer.to_str())["model"]["vocab"]
    pieces = [piece for piece, _ in scored]
    english = np.array([at for at, p in enumerate(pieces) if at >= _SPECIAL and p[0] < _HAN])
    words = teacher([pieces[at] for at in english], "words")
    glosses = _glosses(files)
    said = list(dict.fromkeys(gloss for found in glosses.values() for gloss in found))
    meant = teacher(said, "glosses")
    projection = Projection.fit(np.concatenate([words, meant]), dim)
    vectors = np.random.default_rng(seed).normal(0, dim**-0.5, (len(pieces), dim))
    vectors[english] = projection(words)
    rows = dict(zip(said, projection(meant), strict=True))
    _place(vectors, pieces, {word: [rows[g] for g in found] for word, found in glosses.items()})
    weight = _SIF / (_SIF + np.exp([score for _, score in scored]))
    vectors *= weight[:, None]
    vectors[:_SPECIAL] = 0
    return vectors.astype(np.float32), projection


def _glosses(files: Sequence[PairFile]) -> Mapping[str, list[str]]:
    """Return what each Chinese entry of the dictionaries means, in file order."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        if file.english == "passages":
            for word, gloss in zip(file.queries, file.passages, strict=True):
                found[word.lower()].append(gloss)
    return found


def _place(
    vectors: np.ndarray, pieces: Sequence[str], meanings: Mapping[str, Sequence[np.ndarray]]
) -> None:
    """Put Chinese pieces where their meaning is, in place; unknown ones near their characters."""
    known = {}
    for at, piece in enumerate(pieces):
        if at >= _SPECIAL and piece in meanings and piece[0] >= _HAN:
            known[piece] = vectors[at] = _unit(np.mean(meanings[piece], axis=0))
    for at, piece in enumerate(pieces):
        if at >= _SPECIAL and piece[0] >= _HAN and piece not in known:
            parts = [known[letter] for letter in piece if letter in known]
            vectors[at] = _unit(np.mean(parts, axis=0)) if parts else vectors[at] * 0.3


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
