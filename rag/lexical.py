"""Texts -> BM25 in memory, and back from disk. The only file that knows bm25s."""

import json
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from rag.text import words

if TYPE_CHECKING:
    from bm25s import BM25

Cut = Callable[[str], list[str]]


class Lexical:
    """BM25 over the words of texts (Robertson's formula as Lucene computes it: k1 1.5, b 0.75)."""

    def __init__(self, index: "BM25", counts: Mapping[str, int], size: int, cut: Cut) -> None:
        self._index, self._counts, self._size, self._cut = index, counts, size, cut

    @classmethod
    def build(cls, texts: Sequence[str], cut: Cut = words) -> "Lexical":
        """Index `texts`, whose order gives the order of `scores`; `cut` gives a text's words."""
        rows = [cut(text) or [""] for text in texts] or [[""]]
        index = _bm25()(method="lucene")
        index.index(rows, show_progress=False)
        counts = Counter(word for row in rows for word in set(row))
        return cls(index, counts, len(texts), cut)

    @classmethod
    def read(cls, folder: Path, cut: Cut = words) -> "Lexical":
        """Open what `write` wrote, with the same `cut`; the matrix is memory-mapped."""
        about = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
        return cls(_bm25().load(folder, mmap=True), about["counts"], about["size"], cut)

    def write(self, folder: Path) -> None:
        """Write the index into `folder`, which is made."""
        folder.mkdir()
        self._index.save(folder)
        about = {"counts": self._counts, "size": self._size}
        (folder / "counts.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    def scores(self, question: str) -> NDArray[np.float32]:
        """Return one score a text, 0 where no word is shared."""
        known = [word for word in self._cut(question) if word in self._counts]
        if not known:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._index.get_scores(known), np.float32)[: self._size]

    def rarity(self, word: str) -> float:
        """Return the inverse document frequency of a word; the highest value for an unseen one."""
        count = self._counts.get(word, 0)
        return math.log(1 + (self._size - count + 0.5) / (count + 0.5))

    def __contains__(self, word: str) -> bool:
        return word in self._counts


def _bm25() -> type["BM25"]:
    from bm25s import BM25

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
    return cast("type[BM25]", BM25)
