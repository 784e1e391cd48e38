"""Pairs -> token vectors: symmetric InfoNCE over in-batch negatives (van den Oord et al., 2018).

Each text is the mean of its token vectors. Where one side of a pair is English throughout, both
sides are also pulled to the teacher's vector of it, against those of the other rows of the batch:
so Chinese learns the teacher's space too (Reimers and Gurevych, 2020).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from tokenizers import Tokenizer
from torch.nn import functional

from training.pairs import PairFile

_TEMPERATURE = 0.05
_MAX_TOKENS = 192

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run needs to be repeated: same data, same recipe, same vectors."""

    steps: int
    batch: int
    rate: float
    seed: int


class _Texts:
    """Token ids of many texts, kept as one flat array and offsets: no padding."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        rows = [e.ids[:_MAX_TOKENS] or [1] for e in tokenizer.encode_batch_fast(list(texts))]
        self.starts = np.cumsum([0, *map(len, rows)])
        self.ids = np.fromiter((i for row in rows for i in row), np.int32, self.starts[-1])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def bag(self, rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        parts = [self.ids[self.starts[r] : self.starts[r + 1]] for r in rows]
        offsets = np.cumsum([0, *map(len, parts)])[:-1]
        return torch.from_numpy(np.concatenate(parts).astype(np.int64)), torch.from_numpy(offsets)


@dataclass(frozen=True, slots=True)
class _Source:
    """A pair file, cut; `target` holds the teacher's vectors of its English side, if it has one."""

    queries: _Texts
    passages: _Texts
    target: torch.Tensor | None
    groups: NDArray[np.int64]


def draw(
    rng: np.random.Generator, rows: int, groups: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Draw up to `size` of so many rows; of those of one group, which answer each other, one."""
    drawn = rng.choice(rows, min(size, rows), replace=False)
    if not len(groups):
        return drawn
    return drawn[np.unique(groups[drawn], return_index=True)[1]]


def learn(
    files: Sequence[PairFile],
    targets: Sequence[Vectors | None],
    tokenizer: Tokenizer,
    start: Vectors,
    recipe: Recipe,
) -> Vectors:
    """Return float32 (pieces, dim) token vectors, in the order of the tokenizer's ids.

    `targets` holds for each file the teacher's unit vectors of its English side, or None; `start`
    the first vectors.
    """
    rng = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    bag = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(start), freeze=False, mode="mean")
    optimiser = torch.optim.Adam([bag.weight], lr=recipe.rate, fused=True)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: 0.5 * (1 + math.cos(math.pi * min(step / recipe.steps, 1)))
    )
    with Progress() as progress:
        reading = progress.add_task("reading", total=len(files))
        sources = []
        for file, target in zip(files, targets, strict=True):
            sources.append(_source(file, target, tokenizer))
            progress.advance(reading)
        chance = np.array([file.weight for file in files])
        learning = progress.add_task("learning", total=recipe.steps)
        for step in range(recipe.steps):
            source = sources[rng.choice(len(sources), p=chance / chance.sum())]
            rows = draw(rng, len(source.queries), source.groups, recipe.batch)
            loss = _loss(bag, source, rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
            progress.update(learning, advance=1, description=f"learning, loss {loss.item():.2f}")
            if step % 100 == 0:
                progress.console.print(f"step {step} loss {loss.item():.3f}")
    return np.asarray(bag.weight.detach().numpy())


def _source(file: PairFile, target: Vectors | None, tokenizer: Tokenizer) -> _Source:
    return _Source(
        _Texts(tokenizer, file.queries),
        _Texts(tokenizer, file.passages),
        None if target is None else torch.from_numpy(target),
        np.asarray(file.groups, np.int64),
    )


def _loss(bag: torch.nn.EmbeddingBag, source: _Source, rows: NDArray[np.int64]) -> torch.Tensor:
    queries = functional.normalize(bag(*source.queries.bag(rows)), dim=1)
    passages = functional.normalize(bag(*source.passages.bag(rows)), dim=1)
    loss = _contrast(queries, passages)
    if source.target is None:
        return loss
    target = source.target[torch.from_numpy(rows)]
    return loss + (_contrast(queries, target) + _contrast(passages, target)) / 2


def _contrast(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    scores = left @ right.T / _TEMPERATURE
    truth = torch.arange(len(scores))
    return (functional.cross_entropy(scores, truth) + functional.cross_entropy(scores.T, truth)) / 2
