"""Claim + context -> which words of the claim the context says, where, and how near each other.

Words are compared by the static vectors of the shipped model, so "显卡" stands for "graphics card";
numbers only by their value. Everything is a plain function of two texts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.embed import Pieces, Vectors, open_pieces
from rag.facts import Quantity, quantities
from rag.sounds import shared_names
from rag.text import HAN, sentences
from rag.types import Span

_POWER = 1.5  # as in rag/interaction.py: one good partner beats many fair ones
# What is less alike says nothing. Where an answer is looked for, even faint likeness tells places
# apart, once a word holds on to its best partner more than to poorer ones.
_FLOOR, _FAINT_FLOOR, _SHARPER = 0.25, 0.1, 0.5
_HAN = re.compile(f"[{HAN}]")
_FEW = 3  # Han characters of a text that is not Chinese
_GAP = 8  # pieces that the end of a sentence counts for, when nearness is weighed
_FAINT = 1e-3  # nearness below which a place is out of reach

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Read:
    """A text cut into pieces in order, with where each stands and what it weighs.

    `ids` (n,), 0 for what the model does not know; `ends` (n, 2) offsets; `weights` (n,);
    `counts` (n,) says which of `numbers` a piece is part of, -1 for none; `sentence` (n,).
    """

    text: str
    ids: Ints
    ends: Ints
    vectors: Vectors
    weights: Scores
    numbers: Sequence[Quantity]
    counts: Ints
    spans: Sequence[Span]
    sentence: Ints

    @classmethod
    def of(cls, text: str, pieces: Pieces) -> "Read":
        """Cut a text; one without letters has no pieces."""
        found, ends = pieces.located(text)
        ids = found.astype(np.int64)
        numbers = quantities(text)
        counts = np.full(len(ids), -1, np.int64)
        for at, number in enumerate(numbers):
            counts[(ends[:, 0] < number.span.end) & (ends[:, 1] > number.span.start)] = at
        spans = sentences(text)
        sentence = np.searchsorted([span.end for span in spans], ends[:, 0], side="right")
        weights = pieces.weights(found)
        known = ids > 0
        # A word that the model has never met is rare, and tells as much as a middling one.
        weights[~known] = np.median(weights[known]) if known.any() else 1.0
        return cls(
            *(text, ids, ends, pieces.vectors(found), weights),
            *(numbers, counts, spans, sentence),
        )

    @cached_property
    def places(self) -> Ints:
        """Where each piece stands on a line on which sentences are some way apart."""
        return np.asarray(np.arange(len(self.ids)) + _GAP * self.sentence, np.int64)

    @cached_property
    def heavy(self) -> Flags:
        """Which pieces tell most: all but the lightest two fifths."""
        return np.asarray(self.weights >= np.quantile(self.weights, 0.4))

    def within(self, span: Span) -> Flags:
        """Say which pieces a stretch of the text touches."""
        return np.asarray((self.ends[:, 0] < span.end) & (self.ends[:, 1] > span.start))

    def words(self) -> list[str]:
        """Return the pieces as they are written."""
        return [self.text[a:b] for a, b in self.ends]


@lru_cache(maxsize=1024)  # a page of text takes 0.4 MB, a sentence a tenth of it
def read(text: str) -> Read:
    """Cut a text by the shipped model, or remember how it was cut."""
    return Read.of(text, open_pieces())


def likeness(claim: Read, context: Read, *, faint: bool = False) -> Scores:
    """Return (claim pieces, context pieces) from 0 to 1; 1 for the same word or number.

    `faint` keeps what is hardly alike, and sharpens it.
    """
    alike = claim.vectors @ context.vectors.T
    floor = _FAINT_FLOOR if faint else _FLOOR
    alike = (np.clip(np.where(alike < floor, 0.0, alike), 0.0, 1.0) ** _POWER).astype(np.float32)
    alike[(claim.ids[:, None] == context.ids[None, :]) & (claim.ids > 0)[:, None]] = 1.0
    _compare_unknown(alike, claim, context)
    _compare_names(alike, claim, context)
    _compare_numbers(alike, claim, context)
    if faint:
        best = np.maximum(alike.max(axis=1, keepdims=True, initial=0.0), _FAINT)
        alike = alike * (alike / best) ** _SHARPER
    return np.asarray(alike, np.float32)


def _compare_unknown(alike: Scores, claim: Read, context: Read) -> None:
    """Compare words that the model does not know by their letters, in place."""
    there = [(at, context.text[a:b].lower()) for at, (a, b) in _unknown(context)]
    for at, (a, b) in _unknown(claim):
        word = claim.text[a:b].lower()
        alike[at, [other for other, said in there if said == word]] = 1.0


def _unknown(read: Read) -> list[tuple[int, Ints]]:
    return [(int(at), read.ends[at]) for at in np.flatnonzero(read.ids == 0)]


def _compare_names(alike: Scores, claim: Read, context: Read) -> None:
    """Compare names by their sound, in place, where the texts are in two scripts."""
    if _chinese(claim.text) == _chinese(context.text):
        return
    latin, han = (context, claim) if _chinese(claim.text) else (claim, context)
    for here, there, score in shared_names(latin.text, han.text):
        rows, columns = latin.within(here), han.within(there)
        if latin is context:
            rows, columns = columns, rows
        place = np.ix_(rows, columns)
        alike[place] = np.maximum(alike[place], score)


def _chinese(text: str) -> bool:
    return len(_HAN.findall(text)) >= _FEW


def _compare_numbers(alike: Scores, claim: Read, context: Read) -> None:
    """Compare numbers by value, in place: 308 is as far from 309 as from anything."""
    mine, theirs = claim.counts >= 0, context.counts >= 0
    alike[mine] = 0.0
    if not mine.any() or not theirs.any():
        return
    same = np.array([[n.same(m) for m in context.numbers] for n in claim.numbers])
    found = same[claim.counts[mine]][:, context.counts[theirs]]
    alike[np.ix_(mine, theirs)] = found


def on_line(alike: Scores, context: Read) -> Scores:
    """Return `alike` with its columns moved to `context.places`, and nothing between."""
    width = int(context.places[-1]) + 1 if len(context.places) else 1
    line = np.zeros((len(alike), width), np.float32)
    line[:, context.places] = alike
    return line


def spread(line: Scores, reach: float) -> Scores:
    """Return at each place the best value around it, which fades by 1/e in every `reach` places.

    A max-plus convolution with exp(-distance / reach), by doubling: log2 of the width steps.
    """
    ahead, behind, step = line.copy(), line.copy(), 1
    while step < line.shape[1] and np.exp(-step / reach) > _FAINT:
        fade = np.float32(np.exp(-step / reach))
        ahead[:, step:] = np.maximum(ahead[:, step:], ahead[:, :-step].copy() * fade)
        behind[:, :-step] = np.maximum(behind[:, :-step], behind[:, step:].copy() * fade)
        step *= 2
    return np.maximum(ahead, behind)
