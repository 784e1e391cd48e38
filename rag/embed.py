"""Text -> vectors, pieces, judgements. Alone knows tokenizers and sentence-transformers.

The shipped model is a table of token vectors, whose mean is taken without torch. Any other
model goes through sentence-transformers, with the prompts it brings for queries and documents.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import MissingModelError
from rag.ragged import Ragged
from rag.text import is_function_word

SHIPPED = Path(__file__).resolve().parent / "model"

Vectors = NDArray[np.float32]
Ids = NDArray[np.int32]
Ends = NDArray[np.int64]

_UNKNOWN = 1  # the tokenizer's ids of [PAD] and [UNK] are 0 and 1
_HARDLY = 0.02  # what is left of the weight of a function word
_LOW = (1 << 32) - 1  # of a pair: the half that names the piece
_TINY = np.float32(1e-9)
_AT_ONCE = 8192  # pieces whose vectors are gathered at one time: they stay in the cache


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


class Pieces(Protocol):
    """The words and parts of words that a static model knows, each with a vector."""

    @property
    def name(self) -> str:
        """Tell models apart; part of the index's fingerprint."""

    def cut(self, texts: Sequence[str]) -> list[Ids]:
        """Return the distinct known pieces of each text, in ascending order."""

    def located(self, text: str) -> tuple[Ids, Ends]:
        """Return the pieces of a text in order, 0 for an unknown one, and their offsets (n, 2)."""

    def knows(self, word: str) -> bool:
        """Say whether a lower-cased word is one piece."""

    def vectors(self, ids: Ids) -> Vectors:
        """Return (n, dim), rows of length 1 in the order of `ids`; zeros for an unknown piece."""

    def weights(self, ids: Ids) -> Vectors:
        """Return (n,): how much each piece tells, above 0; function words hardly anything."""


class Judge(Protocol):
    """A cross-encoder: says how well each passage answers a question."""

    def __call__(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return one score a passage, in their order, higher is better; no passages give []."""


def open_judge(name: str, *, offline: bool) -> Judge | None:
    """Return the sentence-transformers cross-encoder of that name or path, None for "".

    Raises:
        MissingModelError: the weights, or the library that runs them, are not on this machine.
    """
    return _CrossEncoder(name, offline=offline) if name else None


class Entailment(Protocol):
    """A natural language inference model: says how surely a text entails another."""

    @property
    def name(self) -> str:
        """Tell models apart."""

    def fits(self, context: str, claim: str) -> bool:
        """Say whether both are read to their ends."""

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return for each (context, claim) a probability, in their order; [] gives []."""


def open_entailment(name: str, *, offline: bool) -> Entailment:
    """Return the sentence-transformers cross-encoder of that name or path, for inference.

    Raises:
        MissingModelError: it is not on this machine, or none of its labels means entailment.
    """
    return _Inference(name, offline=offline)


def open_pieces() -> Pieces:
    """Return the pieces of the shipped model, whichever model embeds.

    Raises:
        MissingModelError: the shipped weights are not on this machine.
    """
    return _shipped()


def open_embedder(name: str, *, offline: bool) -> Embedder:
    """Return the shipped model for "", else the sentence-transformers model of that name or path.

    Raises:
        MissingModelError: the weights, or the library that runs them, are not on this machine.
    """
    return _Hub(name, offline=offline) if name else _shipped()


@cache
def _shipped() -> "_Shipped":
    """Read the shipped model once a process: 30 MB serve as embedder and as pieces."""
    return _Shipped(SHIPPED)


class _Shipped:
    """A StaticEmbedding folder: a text's vector is the mean of its pieces', of length 1.

    model2vec does the same, number for number; it takes 0.6 s to import and cuts every text again.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            self._table = load_file(folder / "model.safetensors")["embedding.weight"]
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # safetensors and tokenizers raise errors of their own
            msg = f"The shipped model in {folder} cannot be read ({error}); check it out again."
            raise MissingModelError(msg) from error
        self._last: tuple[tuple[str, ...], Ragged] = (), Ragged.of([])
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.name = f"shipped-{_stamp(folder)}"

    def passages(self, texts: Sequence[str]) -> Vectors:
        found = np.zeros((len(texts), self._table.shape[1]), np.float32)
        pieces = self._encoded(texts)
        values, lengths = pieces.values, np.diff(pieces.starts)
        known = values != _UNKNOWN
        text = np.repeat(np.arange(len(lengths)), lengths)[known]
        values, lengths = values[known], np.bincount(text, minlength=len(lengths))
        ends = np.cumsum(lengths)
        # Texts of one length make one mean; numpy takes them a few thousand pieces at a time.
        for length in np.unique(lengths[lengths > 0]).tolist():
            same = np.flatnonzero(lengths == length)
            step = max(1, _AT_ONCE // length)
            for start in range(0, len(same), step):
                rows = same[start : start + step]
                at = (ends[rows] - length)[:, None] + np.arange(length)
                found[rows] = _unit(self._table[values[at]].mean(axis=1))
        return found

    def question(self, text: str) -> Vectors:
        (found,) = self.passages([text])
        vector: Vectors = found
        return vector

    def cut(self, texts: Sequence[str]) -> list[Ids]:
        pieces = self._encoded(texts)
        # One sort for all texts: one for each takes four times as long.
        text = np.repeat(np.arange(len(texts)), np.diff(pieces.starts))
        pairs = np.sort((text << 32) | pieces.values)
        pairs = pairs[np.diff(pairs, prepend=-1) != 0]
        pairs = pairs[(pairs & _LOW) > _UNKNOWN]
        ends = np.searchsorted(pairs, np.arange(1, len(texts)) << 32)
        return np.split((pairs & _LOW).astype(np.int32), ends) if len(texts) else []

    def _encoded(self, texts: Sequence[str]) -> Ragged:
        """Return the pieces of each text in order; those of the last texts are remembered, since
        whoever embeds texts cuts them, too, and this is most of the work.
        """
        (last, pieces), told = self._last, tuple(texts)
        if last != told:
            known = self._tokenizer.encode_batch_fast(list(told), add_special_tokens=False)
            pieces = Ragged.of([np.array(found.ids, np.int32) for found in known])
            self._last = told, pieces
        return pieces

    def located(self, text: str) -> tuple[Ids, Ends]:
        found = self._tokenizer.encode(_readable(text))
        ids = np.asarray(found.ids, np.int32)
        ends = np.asarray(found.offsets, np.int64).reshape(-1, 2)
        return np.where(ids > _UNKNOWN, ids, 0).astype(np.int32), ends

    def knows(self, word: str) -> bool:
        return self._tokenizer.token_to_id(word) is not None

    def vectors(self, ids: Ids) -> Vectors:
        rows = self._table[ids].astype(np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, _TINY), np.float32)

    def weights(self, ids: Ids) -> Vectors:
        # Training shortens the vectors of what tells little; "how" and "的" are cut down further.
        lengths = np.linalg.norm(self._table[ids].astype(np.float32), axis=1)
        said = (self._tokenizer.id_to_token(int(piece)) or "" for piece in ids)
        told = np.array([_HARDLY if is_function_word(piece) else 1.0 for piece in said], np.float32)
        return np.asarray(np.maximum(lengths * told, _TINY), np.float32)


def _unit(means: NDArray[np.float16]) -> Vectors:
    """Return rows of length 1 as model2vec rounds them: to the precision of the table."""
    long = means.astype(np.float32)
    unit = long / (np.linalg.norm(long, axis=1, keepdims=True) + 1e-32)
    rows: Vectors = np.nan_to_num(unit.astype(means.dtype).astype(np.float32))
    return rows


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
        # Asking a hub that cannot be reached takes 70 s before it fails.
        self._model = _loaded("SentenceTransformer", "MENTOR_EMBEDDER", name, offline=offline)
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


class _CrossEncoder:
    """Any sentence-transformers cross-encoder with one label, by hub name or folder."""

    def __init__(self, name: str, *, offline: bool) -> None:
        self._model = _cross_encoder("MENTOR_RERANKER", name, offline=offline)
        if self._model.num_labels != 1:
            msg = (
                f"The model '{name}' gives {self._model.num_labels} numbers for a pair of texts; "
                "MENTOR_RERANKER needs one that gives a single score."
            )
            raise MissingModelError(msg)

    def __call__(self, question: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        pairs = [(question, passage) for passage in passages]
        return [float(score) for score in self._model.predict(pairs, show_progress_bar=False)]


_ENTAILS = re.compile("entail|support|consistent|faithful", re.IGNORECASE)
_DENIES = re.compile(
    r"(?<![a-z])(?:not?|non)(?![a-z])|nonentail|un(?=support|faithful)|in(?=consistent)",
    re.IGNORECASE,
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Inference:
    """Any cross-encoder with a single score or a label that means entailment."""

    def __init__(self, name: str, *, offline: bool) -> None:
        self._model = _cross_encoder("MENTOR_CHECKER", name, offline=offline)
        self.name = name
        self._column = self._entails()

    def _entails(self) -> int:
        """Return which of the model's numbers stands for entailment."""
        if self._model.num_labels == 1:
            return 0
        labels = dict(self._model.model.config.id2label)
        found = [
            int(at)
            for at, label in labels.items()
            if _ENTAILS.search(label) and not _DENIES.search(label)
        ]
        if len(found) != 1:
            msg = (
                f"No label of '{self.name}' means entailment ({', '.join(labels.values())}); "
                "MENTOR_CHECKER needs a model for natural language inference."
            )
            raise MissingModelError(msg)
        return found[0]

    def fits(self, context: str, claim: str) -> bool:
        limit = self._model.max_seq_length or math.inf
        pair = map(_readable, (context, claim))
        return len(self._model.tokenizer(*pair, truncation=False, verbose=False).input_ids) <= limit

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if not pairs:
            return []
        from torch import nn

        # A model may bring another activation, such as none: a single score is then no probability.
        several = self._model.num_labels > 1
        rows = self._model.predict(
            [(_readable(context), _readable(claim)) for context, claim in pairs],
            activation_fn=nn.Identity() if several else nn.Sigmoid(),
            apply_softmax=several,
            show_progress_bar=False,
        )
        return [float(score) for score in rows.reshape(len(pairs), -1)[:, self._column]]


def _readable(text: str) -> str:
    """Return a text that a tokenizer takes, as long as before: lone surrogates are no text."""
    return _SURROGATE.sub("\ufffd", text)


def _cross_encoder(setting: str, name: str, *, offline: bool) -> Any:  # noqa: ANN401 - as `_loaded`
    """Load a CrossEncoder with a head that was trained, or raise MissingModelError."""
    model = _loaded("CrossEncoder", setting, name, offline=offline)
    built = model.model.config.architectures or [""]
    if built[0].endswith("Model"):  # its head would be made of chance, anew at every start
        msg = f"The model '{name}' is an encoder; {setting} needs a cross-encoder."
        raise MissingModelError(msg)
    return model


def _loaded(kind: str, setting: str, name: str, *, offline: bool) -> Any:  # noqa: ANN401 - two unrelated classes
    """Load a SentenceTransformer or CrossEncoder, or raise MissingModelError."""
    try:
        import sentence_transformers
    except ImportError as error:
        msg = (
            f"The model '{name}' needs sentence-transformers, which the light install leaves "
            f"out; run `make install`, or unset {setting}."
        )
        raise MissingModelError(msg) from error
    if offline:  # even for a folder the hub is asked for something else
        from huggingface_hub import constants

        constants.HF_HUB_OFFLINE = True
    try:
        load = getattr(sentence_transformers, kind)
        return load(name, device="cpu", local_files_only=offline)
    except Exception as error:  # OSError for what is not there, anything for what is damaged
        msg = (
            f"The model '{name}' is not on this machine, or damaged; load it once with "
            f"MENTOR_OFFLINE=false, give a folder, or unset {setting}."
        )
        raise MissingModelError(msg) from error
