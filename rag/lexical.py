"""Texts -> BM25 in memory, and back from disk. The only file that knows bm25s."""

import json
import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from rag.text import words

if TYPE_CHECKING:
    from bm25s import BM25


class Lexical:
    """BM25 over the words of texts (Robertson's formula as Lucene computes it: k1 1.5, b 0.75)."""

    def __init__(self, index: "BM25", counts: Mapping[str, int], size: int) -> None:
        self._index, self._counts, self._size = index, counts, size

    @classmethod
    def build(cls, texts: Sequence[str]) -> "Lexical":
        """Index `texts`, whose order gives the order of `scores`."""
        rows = [words(text) or [""] for text in texts] or [[""]]
        index = _bm25()(method="lucene")
        index.index(rows, show_progress=False)
        counts = Counter(word for row in rows for word in set(row))
        return cls(index, counts, len(texts))

    @classmethod
    def read(cls, folder: Path) -> "Lexical":
        """Open what `write` wrote; the matrix is memory-mapped."""
        about = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        return cls(_bm25().load(folder, mmap=True), about["counts"], about["size"])

    def write(self, folder: Path) -> None:
        """Write the index into `folder`, which is made."""
        folder.mkdir()
        self._index.save(folder)
        about = {"counts": self._counts, "size": self._size}
        (folder / "counts.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    def scores(self, question: str) -> NDArray[np.float32]:
        """Return one score a text, 0 where no word is shared."""
        known = [word for word in words(question) if word in self._counts]
        if not known:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._index.get_scores(known), np.float32)[: self._size]

    def coverage(self, question: str) -> NDArray[np.float64]:
        """Return how much of the question's words, by rarity, each text holds: from 0 to about 1.

        Words that stand nowhere count too, as the rarest: a question that shares only "a" with a
        text is not covered by it, though no text may be nearer.
        """
        reach = sum(self.rarity(word) for word in set(words(question)))
        return self.scores(question).astype(np.float64) / (reach or 1.0)

    def rarity(self, word: str) -> float:
        """Return the inverse document frequency of a word; the highest value for an unseen one."""
        count = self._counts.get(word, 0)
        return math.log(1 + (self._size - count + 0.5) / (count + 0.5))

    @property
    def vocabulary(self) -> Collection[str]:
        """Return every word of the texts."""
        return self._counts.keys()

    def __contains__(self, word: str) -> bool:
        return word in self._counts


def _bm25() -> type["BM25"]:
    from bm25s import BM25

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
    return cast("type[BM25]", BM25)
