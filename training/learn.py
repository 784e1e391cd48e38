"""Pairs -> token vectors: symmetric InfoNCE over in-batch negatives (van den Oord et al., 2018).

Each text is the mean of its token vectors; the loss is also taken on the first 64 dimensions
(Kusupati et al., 2022), so that a shorter prefix of every vector still works.
"""

import json
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
_PREFIX = 64
_MAX_TOKENS = 192
# Smooth inverse frequency (Arora, Liang and Ma, 2017): frequent pieces start short.
_SIF = 1e-3


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run needs to be repeated: same data, same recipe, same vectors."""

    steps: int
    batch: int
    dim: int
    rate: float
    seed: int


class _Texts:
    """Token ids of many texts, kept as one flat array and offsets."""

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


def learn(files: Sequence[PairFile], tokenizer: Tokenizer, recipe: Recipe) -> NDArray[np.float32]:
    """Return float32 (pieces, dim) token vectors, in the order of the tokenizer's ids."""
    rng = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    vectors = _start(tokenizer, recipe)
    optimiser = torch.optim.Adam([vectors.weight], lr=recipe.rate)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: 0.5 * (1 + math.cos(math.pi * min(step / recipe.steps, 1)))
    )
    with Progress() as progress:
        reading = progress.add_task("reading", total=len(files))
        sides = []
        for file in files:
            sides.append((_Texts(tokenizer, file.queries), _Texts(tokenizer, file.passages)))
            progress.advance(reading)
        chance = np.array([file.weight for file in files])
        learning = progress.add_task("learning", total=recipe.steps)
        for step in range(recipe.steps):
            queries, passages = sides[rng.choice(len(files), p=chance / chance.sum())]
            rows = rng.choice(len(queries), min(recipe.batch, len(queries)), replace=False)
            loss = _loss(vectors(*queries.bag(rows)), vectors(*passages.bag(rows)))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
            progress.update(learning, advance=1, description=f"learning, loss {loss.item():.2f}")
            if step % 100 == 0:
                progress.console.print(f"step {step} loss {loss.item():.3f}")
    return vectors.weight.detach().numpy()


def _start(tokenizer: Tokenizer, recipe: Recipe) -> torch.nn.EmbeddingBag:
    size = tokenizer.get_vocab_size()
    vectors = torch.nn.EmbeddingBag(size, recipe.dim, mode="mean")
    torch.nn.init.normal_(vectors.weight, std=recipe.dim**-0.5)
    scores = _log_frequencies(tokenizer)
    weight = _SIF / (_SIF + torch.exp(torch.tensor(scores)))
    with torch.no_grad():
        vectors.weight.mul_(weight.unsqueeze(1))
        vectors.weight[0] = 0
    return vectors


def _log_frequencies(tokenizer: Tokenizer) -> list[float]:
    return [score for _, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


def _loss(queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(())
    for width in (queries.shape[1], _PREFIX):
        left = functional.normalize(queries[:, :width], dim=1)
        right = functional.normalize(passages[:, :width], dim=1)
        scores = left @ right.T / _TEMPERATURE
        truth = torch.arange(len(scores))
        total = total + functional.cross_entropy(scores, truth)
        total = total + functional.cross_entropy(scores.T, truth)
    return total / 4
