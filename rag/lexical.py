"""Texts -> BM25 in memory, and back from disk."""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.ragged import Ragged
from rag.text import words

_K1, _B = 1.5, 0.75
_LOW = (1 << 32) - 1  # of a pair: the half that names the text


@dataclass(frozen=True, slots=True)
class Words:
    """The words of some texts, in order: `ids` are places in `vocabulary`, a list for each text."""

    vocabulary: tuple[str, ...]
    ids: Ragged

    @classmethod
    def cut(cls, texts: Sequence[str]) -> "Words":
        """Cut `texts` into words; one without a word has the word ""."""
        known: dict[str, int] = {}
        rows = [
            np.array([known.setdefault(word, len(known)) for word in words(text) or [""]], np.int32)
            for text in texts
        ]
        return cls(tuple(known), Ragged.of(rows))

    @classmethod
    def joined(cls, parts: Sequence["Words"]) -> "Words":
        """Return the texts of all `parts`, in their order, under one vocabulary."""
        known: dict[str, int] = {}
        seen: dict[int, NDArray[np.int32]] = {}  # parts of one segment share their vocabulary
        ids = []
        for part in parts:
            if id(part.vocabulary) not in seen:
                renamed = [known.setdefault(word, len(known)) for word in part.vocabulary]
                seen[id(part.vocabulary)] = np.array(renamed, np.int32)
            ids.append(Ragged(seen[id(part.vocabulary)][part.ids.values], part.ids.starts))
        together = Ragged.joined(ids)
        used, values = np.unique(together.values, return_inverse=True)
        every = tuple(known)
        vocabulary = tuple(every[at] for at in used.tolist())
        return cls(vocabulary, Ragged(values.astype(np.int32), together.starts))

    @classmethod
    def read(cls, folder: Path) -> "Words":
        """Open what `write` wrote. Raises ValueError where its files do not fit each other."""
        vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        return cls(tuple(vocabulary), Ragged.read(folder))

    def write(self, folder: Path) -> None:
        """Write the words into `folder`, which is made."""
        self.ids.write(folder)
        told = json.dumps(self.vocabulary, ensure_ascii=False)
        (folder / "vocabulary.json").write_text(told, encoding="utf-8")

    def part(self, first: int, end: int) -> "Words":
        """Return the texts from `first` up to, and without, `end`."""
        return Words(self.vocabulary, self.ids.part(first, end))


class Lexical:
    """BM25 over the words of texts.

    The formula is Robertson's as Lucene computes it, k1 1.5 and b 0.75: a word of a text counts
    idf * tf / (tf + k1 * (1 - b + b * length / mean length)), where idf is `rarity`.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        starts: NDArray[np.int64],
        texts: NDArray[np.int32],
        weights: NDArray[np.float32],
        size: int,
    ) -> None:
        """Take for each word the `texts` in which it stands and what it counts there before its
        rarity: those of word `at` are `texts[starts[at]:starts[at + 1]]`, ascending.
        """
        self._places = {word: at for at, word in enumerate(vocabulary)}
        self._starts, self._texts, self._weights, self._size = starts, texts, weights, size

    @classmethod
    def build(cls, texts: Sequence[str]) -> "Lexical":
        """Index `texts`, whose order gives the order of `scores`."""
        return cls.of(Words.cut(texts))

    @classmethod
    def of(cls, cut: Words) -> "Lexical":
        """Index texts that are cut already, as `build` does."""
        lengths = np.diff(cut.ids.starts)
        text = np.repeat(np.arange(len(lengths)), lengths)
        pairs = np.sort((cut.ids.values.astype(np.int64) << 32) | text)
        first = np.flatnonzero(np.diff(pairs, prepend=-1))
        times = np.diff(first, append=len(pairs))
        word, text = pairs[first] >> 32, pairs[first] & _LOW
        starts = np.searchsorted(word, np.arange(len(cut.vocabulary) + 1))
        usual = _K1 * (1 - _B + _B * lengths / (lengths.mean() if len(lengths) else 1.0))
        weights = (times / (times + usual[text])).astype(np.float32)
        return cls(cut.vocabulary, starts, text.astype(np.int32), weights, len(lengths))

    @classmethod
    def read(cls, folder: Path) -> "Lexical":
        """Open what `write` wrote. All of it is read: a mapped file that somebody cuts short would
        end the process.

        Raises:
            OSError, ValueError, KeyError, TypeError: it is damaged.
        """
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        names = ("starts", "texts", "weights")
        starts, texts, weights = (np.load(folder / f"{name}.npy") for name in names)
        return cls(about["vocabulary"], starts, texts, weights, int(about["size"]))

    def write(self, folder: Path) -> None:
        """Write the index into `folder`, which is made."""
        folder.mkdir()
        np.save(folder / "starts.npy", self._starts)
        np.save(folder / "texts.npy", self._texts)
        np.save(folder / "weights.npy", self._weights)
        about = {"size": self._size, "vocabulary": list(self._places)}
        (folder / "about.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    def __len__(self) -> int:
        return self._size

    def scores(self, question: str) -> NDArray[np.float32]:
        """Return one score a text, 0 where no word is shared; a word counts as often as it is
        asked.
        """
        scores = np.zeros(self._size, np.float32)
        for word in words(question):
            if word in self._places:
                found = self._found(word)
                scores[self._texts[found]] += self.rarity(word) * self._weights[found]
        return scores

    def coverage(self, question: str) -> NDArray[np.float64]:
        """Return how much of the question's words, by rarity, each text holds: from 0 to about 1.

        Words that stand nowhere count too, as the rarest: a question that shares only "a" with a
        text is not covered by it, though no text may be nearer.
        """
        reach = sum(self.rarity(word) for word in set(words(question)))
        return self.scores(question).astype(np.float64) / (reach or 1.0)

    def rarity(self, word: str) -> float:
        """Return the inverse document frequency of a word; the highest value for an unseen one."""
        found = self._found(word) if word in self._places else slice(0, 0)
        count = found.stop - found.start
        return math.log(1 + (self._size - count + 0.5) / (count + 0.5))

    @property
    def vocabulary(self) -> Collection[str]:
        """Return every word of the texts."""
        return self._places.keys()

    def __contains__(self, word: str) -> bool:
        return word in self._places

    def _found(self, word: str) -> slice:
        """Return where the texts of a known word stand."""
        at = self._places[word]
        return slice(int(self._starts[at]), int(self._starts[at + 1]))
