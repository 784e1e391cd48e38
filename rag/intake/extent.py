"""Looks -> where on a page its prose stands, and in which place most of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rag.intake.looks import Look
from rag.intake.places import places

_MOST = 0.35  # of a page's prose: a place that holds so much is no furniture
_MOST_OF = {"!comments": 0.6}  # readers may write more than the author
# What stands before text that it locks, or shows in turn: several long paragraphs are that text.
_GATES = frozenset({"!log-in", "!navigation", "!share bar", "!cookie notice", "!advertisement"})
_LONG = 60  # weight of a long paragraph
_SHUT_IN = 3
_HOSTED = 0.8  # of the text's prose stands in its host
_CONTENT = frozenset("p li ul ol dl dt dd blockquote pre tr h1 h2 h3 h4 h5 h6 figure".split())


@dataclass(frozen=True, slots=True)
class Prose:
    """How much prose stands before each block, for the share that any stretch holds."""

    before: tuple[int, ...]

    def share(self, start: int, end: int) -> float:
        """Return the share of all prose in blocks `start` to `end`; 0.0 where there is none."""
        total = self.before[-1]
        return (self.before[end] - self.before[start]) / total if total else 0.0


def prose(looks: Sequence[Look], furniture: Sequence[str]) -> Prose:
    """Return where the prose of a page stands, without that in places of furniture."""
    weights = [
        look.weight if look.prose and not kind else 0
        for look, kind in zip(looks, furniture, strict=True)
    ]
    return Prose((0, *accumulate(weights)))


def furniture_places(looks: Sequence[Look]) -> list[str]:
    """Return what furniture each block's place holds; "" for none. "!" is as in `places`.

    A place that holds much of the page's prose is none, whatever it is called; nor is a gate that
    holds several long paragraphs.
    """
    named = [places(look.block.place) for look in looks]
    held: Counter[tuple[str, ...]] = Counter()
    long: Counter[tuple[str, ...]] = Counter()  # paragraphs at length
    for look, found in zip(looks, named, strict=True):
        if look.prose:
            held.update({look.block.place[:size]: look.weight for size, _ in found})
            long.update(look.block.place[:size] for size, _ in found if look.weight >= _LONG)
    total = sum(look.weight for look in looks if look.prose)
    kinds = []
    for look, found in zip(looks, named, strict=True):
        believed = [
            kind
            for size, kind in found
            if held[look.block.place[:size]] <= total * _MOST_OF.get(kind, _MOST)
            and not (kind in _GATES and long[look.block.place[:size]] >= _SHUT_IN)
        ]
        # A box of furniture is one wherever it stands, be it in a place that is less sure.
        kinds.append(min(believed, key=lambda kind: not kind.startswith("!"), default=""))
    return kinds


def host(looks: Sequence[Look], furniture: Sequence[str]) -> tuple[str, ...]:
    """Return the innermost place that holds most of the text; () where the format has no places.

    Names with a digit are left out of it: they number posts, not places.
    """
    held: Counter[tuple[str, ...]] = Counter()
    for look, kind in zip(looks, furniture, strict=True):
        if look.prose and not kind:
            shape = shape_of(look.block.place)
            held.update({shape[:size]: look.weight for size in range(len(around(shape)) + 1)})
    enough = [shape for shape, weight in held.items() if weight >= _HOSTED * held[()]]
    return max(enough, key=len, default=())


def shape_of(place: Sequence[str]) -> tuple[str, ...]:
    """Return a place without the names that number it."""
    return tuple(name for name in place if name in _CONTENT or not any(map(str.isdigit, name)))


def around(shape: tuple[str, ...]) -> tuple[str, ...]:
    """Return what encloses the paragraphs, lists and headings of a shape."""
    return shape[: next((at for at, name in enumerate(shape) if name in _CONTENT), len(shape))]
