"""Text -> unit vectors. The only file that knows model2vec and sentence-transformers.

The shipped model is a table of token vectors: model2vec reads it in 0.1 s without torch. Any other
model goes through sentence-transformers, with the prompts it brings for queries and documents.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import MissingModelError

SHIPPED = Path(__file__).resolve().parent / "model"

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """What the index and the retriever need of a model."""

    @property
    def name(self) -> str:
        """Tell models apart; part of the index's fingerprint."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dim), rows of length 1 in the order of `texts`; a text in which the model
        knows no token gives a row of zeros; [] gives (0, dim).
        """

    def question(self, text: str) -> Vectors:
        """Return (dim,), of length 1 or all zeros."""


def open_embedder(name: str, *, offline: bool) -> Embedder:
    """Return the shipped model for "", else the sentence-transformers model of that name or path.

    Raises:
        MissingModelError: the weights, or the library that runs them, are not on this machine.
    """
    return _Hub(name, offline=offline) if name else _Shipped(SHIPPED)


class _Shipped:
    """A StaticEmbedding folder, read by model2vec."""

    def __init__(self, folder: Path) -> None:
        from model2vec import StaticModel
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            # `from_pretrained` gives the same and imports the hub's client, for 0.3 s.
            vectors = load_file(folder / "model.safetensors")["embedding.weight"]
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # safetensors and tokenizers raise errors of their own
            msg = f"The shipped model in {folder} cannot be read ({error}); check it out again."
            raise MissingModelError(msg) from error
        self._model = StaticModel(vectors, tokenizer, normalize=True)
        self.name = f"shipped-{_stamp(folder)}"

    def passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self._model.dim), np.float32)
        return np.nan_to_num(self._model.encode(list(texts), max_length=None).astype(np.float32))

    def question(self, text: str) -> Vectors:
        row: Vectors = self.passages([text])[0]
        return row


def _stamp(folder: Path) -> str:
    """Tell one set of weights and words from another; 30 MB take 0.02 s."""
    stamp = hashlib.sha256()
    for name in ("model.safetensors", "tokenizer.json"):
        with (folder / name).open("rb") as file:
            stamp.update(hashlib.file_digest(file, "sha256").digest())
    return stamp.hexdigest()[:12]


class _Hub:
    """Any sentence-transformers model, by hub name or folder."""

    def __init__(self, name: str, *, offline: bool) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            msg = (
                f"The model '{name}' needs sentence-transformers, which the light install leaves "
                "out; run `make install`, or unset MENTOR_EMBEDDER."
            )
            raise MissingModelError(msg) from error
        try:
            # Asking a hub that cannot be reached takes 70 s before it fails.
            self._model = SentenceTransformer(name, device="cpu", local_files_only=offline)
        except Exception as error:  # OSError for what is not there, anything for what is damaged
            msg = (
                f"The model '{name}' is not on this machine, or damaged; load it once with "
                "MENTOR_OFFLINE=false, or give a folder."
            )
            raise MissingModelError(msg) from error
        self.name = name

    def passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            width = self._model.get_embedding_dimension() or 0
            return np.zeros((0, width), np.float32)
        rows = self._model.encode_document(list(texts), normalize_embeddings=True)
        return np.nan_to_num(np.asarray(rows, np.float32))

    def question(self, text: str) -> Vectors:
        row = self._model.encode_query(text, normalize_embeddings=True)
        return np.nan_to_num(np.asarray(row, np.float32))
