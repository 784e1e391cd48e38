"""Claim + context -> how surely the context supports the claim, from 0 to 1, and why not.

The shipped checker weighs some hundred signs of two aligned texts (`rag/signs.py`) by boosted trees
(`rag/trees.py`) that `training/` fitted on public text with controlled edits. A second one, with
the signs of `rag/drift.py` besides, was fitted on retellings, true and false, and is asked before
a sentence of a chat model is shown. Any NLI cross-encoder or chat model can take the place of
both: a checker is a name and one call.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from rag.align import Read, likeness, read
from rag.chat import open_judge
from rag.drift import DRIFT
from rag.embed import Entailment, open_entailment
from rag.errors import MissingModelError
from rag.facts import negations
from rag.facts import unsaid as unsaid_numbers
from rag.signs import SIGNS, UNSAID, drifted, signs
from rag.text import language, sentences
from rag.trees import Trees, contents, damaged, share
from rag.types import Span

_log = logging.getLogger(__name__)
WEIGHTS = Path(__file__).resolve().parent / "model" / "checker.json"
RETOLD = WEIGHTS.with_name("retold.json")
WINDOW = 400  # pieces of a context that are weighed at once; a longer one is read by windows

_TOLD = 8  # words of a reason
# Less is none: what is left above it, beside a context about something else, is the style of the
# claim. Chosen on dev rows (docs/decisions.md).
_NOTHING = 0.03


class Checker(Protocol):
    """Says whether contexts support claims."""

    @property
    def name(self) -> str:
        """Tell checkers apart in reports."""

    @property
    def threshold(self) -> float:
        """Return the support from which a claim counts as supported."""

    @property
    def sure(self) -> float:
        """Return the support from which it does so beyond doubt, as next to no false claim."""

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return for each (context, claim) how surely it is supported, from 0 to 1, in order."""


def open_checker(name: str, *, offline: bool, retold: bool = False) -> Checker:
    """Return the shipped checker for "", "cross-encoder:MODEL" or "chat:PROVIDER:MODEL".

    The shipped one for claims of any system, or with `retold` the one for retellings.

    Raises:
        MissingModelError: the model, or the library that runs it, is not on this machine.
    """
    kind, _, model = name.partition(":")
    if not name:
        return _retellings() if retold else _shipped()
    if kind == "cross-encoder" and model:
        return _Windowed(open_entailment(model, offline=offline))
    if kind == "chat" and model:
        return open_judge(model)
    msg = f"MENTOR_CHECKER: '{name}' is neither cross-encoder:MODEL nor chat:PROVIDER:MODEL."
    raise MissingModelError(msg)


@cache
def _shipped() -> "Shipped":
    return Shipped()


@cache
def _retellings() -> "Retellings":
    return Retellings()


class Shipped:
    """The checker that comes with Mentor; needs no network and no torch."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._trees = Trees.read(weights)
        self.name = f"shipped-{self._trees.stamp}"
        self.threshold = self.sure = self._trees.threshold

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return for each (context, claim) how surely it is supported, from 0 to 1, in order."""
        return [self._support(context, claim) for context, claim in pairs]

    def _support(self, context: str, claim: str) -> float:
        """Return the best support of any window; 0 where either side says nothing."""
        found = (signs(claim, window, read) for window in windows(read(context)))
        rows = [list(row.values()) for row in found if row]
        best = float(self._trees(np.array(rows)).max()) if rows else 0.0
        return best if best >= _NOTHING else 0.0


class Retellings:
    """The checker of what a chat model retells: one for a passage in the claim's own language, one
    across languages. Contexts are passages, and are read whole.

    Raises:
        MissingModelError: the file of its trees is not there, damaged, or made for other signs.
    """

    def __init__(self, weights: Path = RETOLD) -> None:
        kept, names = contents(weights), [*SIGNS, *DRIFT]
        try:
            self._within, self._across = (
                Trees.of(kept[name], names, weights) for name in ("within", "across")
            )
            self.threshold, self.sure = share(kept["threshold"]), share(kept["sure"])
        except (KeyError, TypeError, ValueError) as error:
            raise MissingModelError(damaged(weights, error)) from error
        self.name = f"retellings-{self._within.stamp}"

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return for each (context, claim) how surely it is supported, from 0 to 1, in order."""
        return [self._support(context, claim) for context, claim in pairs]

    def _support(self, context: str, claim: str) -> float:
        row = drifted(claim, context, read)
        if not row:
            return 0.0
        across = language(context) != language(claim)
        trees = self._across if across else self._within
        return float(trees(np.array([list(row.values())]))[0])


class _Windowed:
    """A cross-encoder that reads long contexts window by window and takes the best."""

    threshold = sure = 0.5

    def __init__(self, model: Entailment) -> None:
        self._model = model
        self.name = f"cross-encoder:{model.name}"

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        parts = [list(self._parts(context, claim)) for context, claim in pairs]
        flat = [(part, claim) for row, (_, claim) in zip(parts, pairs, strict=True) for part in row]
        scores = iter(self._model(flat))
        return [max(islice(scores, len(row)), default=0.0) for row in parts]

    def _parts(self, context: str, claim: str) -> Iterator[str]:
        """Yield the longest stretches of whole sentences that fit, half overlapping.

        A sentence that does not fit is cut; a claim that leaves no room gets no part.
        """
        if not context.strip() or not claim.strip():
            return
        if self._model.fits(context, claim):
            yield context
            return
        if not self._model.fits(context.strip()[0], claim):
            _log.warning("%s cannot read a claim of %d characters", self.name, len(claim))
            return
        spans = [
            part
            for span in sentences(context) or [Span(0, len(context))]
            for part in self._cut(span, context, claim)
        ]

        def text(first: int, last: int) -> str:
            return context[spans[first].start : spans[last - 1].end]

        for stretch in _stretches(len(spans), lambda *ends: self._model.fits(text(*ends), claim)):
            yield text(*stretch)

    def _cut(self, span: Span, context: str, claim: str) -> Iterator[Span]:
        """Yield a sentence, or its halves where it does not fit, and so on."""
        if len(span) == 1 or self._model.fits(span.of(context), claim):
            yield span
            return
        middle = (span.start + span.end) // 2
        for half in (Span(span.start, middle), Span(middle, span.end)):
            yield from self._cut(half, context, claim)


def windows(context: Read, size: int = WINDOW) -> Iterator[str]:
    """Yield the context in stretches of whole sentences of up to `size` pieces, half overlapping.

    A single sentence that is longer stays whole; no part of the context is left out.
    """
    if len(context.ids) <= size or len(context.spans) < 2:
        yield context.text
        return
    sizes = np.bincount(np.minimum(context.sentence, len(context.spans) - 1))
    for first, last in _stretches(len(sizes), lambda a, b: sizes[a:b].sum() <= size):
        yield context.text[context.spans[first].start : context.spans[last - 1].end]


def _stretches(n: int, fits: Callable[[int, int], bool]) -> Iterator[tuple[int, int]]:
    """Yield the longest ranges of `n` things that fit, half overlapping, until all are in one.

    A range of a single thing is taken to fit.
    """
    first = last = 0
    while last < n:
        last = first + 1
        while last < n and fits(first, last + 1):
            last += 1
        yield first, last
        first = max(first + 1, (first + last) // 2)


def reasons(context: str, claim: str) -> list[str]:
    """Return what speaks against a claim, in a few words each: what its context does not say."""
    said, told = read(claim), read(context)
    if not len(said.ids) or not len(told.ids):
        return ["one of the two says nothing"]
    alike = likeness(said, told).max(axis=1)
    missing = said.heavy & (alike < UNSAID)
    unsaid = list(dict.fromkeys(w for w, gone in zip(said.words(), missing, strict=True) if gone))
    numbers = list(dict.fromkeys(unsaid_numbers(claim, context)))
    found = [f"not in the passage: {', '.join(unsaid[:_TOLD])}"] if unsaid else []
    found += [f"other numbers than the passage: {', '.join(numbers)}"] if numbers else []
    if bool(negations(claim)) != bool(negations(context)):
        found.append("one of the two denies something")
    return found
