"""Tokenizer and vectors -> a folder that `SentenceTransformer(path)` loads, in float16."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer


def write(folder: Path, tokenizer: Tokenizer, vectors: NDArray[np.float32]) -> None:
    """Write the model beside its card; float16 halves the size at a cosine of 0.9999 or more."""
    card = folder / "README.md"
    kept = card.read_text(encoding="utf-8") if card.exists() else None
    vectors = vectors.copy()
    vectors[:2] = 0  # [PAD] and [UNK] mean nothing; model2vec leaves them out, others add them
    module = StaticEmbedding(tokenizer, embedding_weights=vectors)
    module.embedding.weight.data = module.embedding.weight.data.to(torch.float16)
    SentenceTransformer(modules=[module], device="cpu").save(str(folder))
    if kept is not None:
        card.write_text(kept, encoding="utf-8")
