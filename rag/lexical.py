"""Texts -> BM25 in memory, and back from disk."""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.ragged import Ragged
from rag.text import words
from rag.vectors import Weighed, top

_K1, _B = 1.5, 0.75
_SLIP = 1e-4  # more than what adding up in another order can make of a score
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
        used = np.flatnonzero(np.bincount(together.values, minlength=len(known)))
        place = np.zeros(len(known), np.int32)
        place[used] = np.arange(len(used))
        every = tuple(known)
        vocabulary = tuple(every[at] for at in used.tolist())
        return cls(vocabulary, Ragged(place[together.values], together.starts))

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

    def weighed(self, places: Sequence[int], rows: int) -> Weighed:
        """Return for `rows` rows, of which row `places[at]` stands for text `at`, what each word
        counts there before its rarity, as `Lexical` weighs it.
        """
        word, text, weights = _counted(self)
        order = np.lexsort((word, text))
        sizes = np.zeros(rows, np.int64)
        sizes[list(places)] = np.bincount(text, minlength=len(places))
        by_row = np.argsort(np.asarray(places, np.int64)[text[order]], kind="stable")
        order = order[by_row]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        return Weighed(starts, [self.vocabulary[at] for at in word[order].tolist()], weights[order])

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
        filled = np.flatnonzero(np.diff(starts))
        self._most = np.zeros(len(starts) - 1, np.float32)  # that a word counts in any text
        self._most[filled] = np.maximum.reduceat(weights, starts[filled]) if len(filled) else 0.0

    @classmethod
    def build(cls, texts: Sequence[str]) -> "Lexical":
        """Index `texts`, whose order gives the order of `scores`."""
        return cls.of(Words.cut(texts))

    @classmethod
    def of(cls, cut: Words) -> "Lexical":
        """Index texts that are cut already, as `build` does."""
        word, text, weights = _counted(cut)
        starts = np.searchsorted(word, np.arange(len(cut.vocabulary) + 1))
        return cls(cut.vocabulary, starts, text.astype(np.int32), weights, len(cut.ids))

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
        for word, times in self._known(question).items():
            found = self._found(word)
            scores[self._texts[found]] += self.rarity(word) * times * self._weights[found]
        return scores

    def coverage(
        self, question: str, texts: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return how much of the question's words, by rarity, each text holds, or each of `texts`,
        which ascend: from 0 to about 1.

        Words that stand nowhere count too, as the rarest: a question that shares only "a" with a
        text is not covered by it, though no text may be nearer.
        """
        reach = sum(self.rarity(word) for word in set(words(question)))
        scores = self.scores(question) if texts is None else self._of(question, texts)
        return scores.astype(np.float64) / (reach or 1.0)

    def _of(self, question: str, texts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of some texts, ascending."""
        scores = np.zeros(len(texts), np.float32)
        for word, times in self._known(question).items():
            self._add(scores, texts, word, times)
        return scores

    def _add(
        self, scores: NDArray[np.float32], texts: NDArray[np.int64], word: str, times: int
    ) -> None:
        """Add to the scores of some texts, ascending, what a word counts in them."""
        found = self._found(word)
        holding, weights = self._texts[found], self._weights[found]
        wanted = texts.astype(np.int32)  # or numpy copies all that hold the word
        if len(wanted) < len(holding):
            here, there = _shared(wanted, holding)
        else:
            there, here = _shared(holding, wanted)
        scores[here] += self.rarity(word) * times * weights[there]

    def _known(self, question: str) -> Counter[str]:
        return Counter(word for word in words(question) if word in self._places)

    def top(self, question: str, k: int) -> NDArray[np.int64]:
        """Return the `k` texts that score highest, best first, ties in their order; none that
        shares no word.

        As MaxScore does it (Turtle and Flood, Query Evaluation, 1995): words come in the order of
        what they can count at most. As soon as `k` texts have more than all further words together
        can give, these words are looked up in the texts that may still be among the best.
        """
        asked = self._known(question)
        most = {w: self.rarity(w) * n * self._most[self._places[w]] for w, n in asked.items()}
        order = sorted(asked, key=lambda word: -most[word])
        scores, rest = np.zeros(self._size, np.float32), float(sum(most.values()))
        some = np.empty(0, np.int32)  # any `k` texts tell what the best have at least
        for done, word in enumerate(order, start=1):
            found = self._found(word)
            scores[self._texts[found]] += self.rarity(word) * asked[word] * self._weights[found]
            rest -= float(most[word])
            some = some if len(some) >= k else np.union1d(some, self._texts[found])
            if 0 < k <= len(some):
                least = np.partition(scores[some], len(some) - k)[len(some) - k] - rest - _SLIP
                if least > 0:
                    left = np.flatnonzero(scores >= least)
                    return self._best(left, scores[left], order[done:], asked, most, k)
        every = np.flatnonzero(scores)
        return every[top(scores[every], k)]

    def _best(
        self,
        texts: NDArray[np.int64],
        scores: NDArray[np.float32],
        further: Sequence[str],
        asked: Mapping[str, int],
        most: Mapping[str, float],
        k: int,
    ) -> NDArray[np.int64]:
        """Return the `k` best of some texts when `further` words are counted, too: text that can no
        more be among them is left out as it shows.
        """
        rest = float(sum(most[word] for word in further))
        for word in further:
            self._add(scores, texts, word, asked[word])
            rest -= float(most[word])
            least = np.partition(scores, len(scores) - k)[len(scores) - k] - rest - _SLIP
            kept = scores >= least
            texts, scores = texts[kept], scores[kept]
        return texts[top(scores, k)]

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


def _shared(
    few: NDArray[np.int32], many: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where in either of two ascending lists the numbers stand that are in both."""
    at = np.minimum(np.searchsorted(many, few), max(0, len(many) - 1))
    here = np.flatnonzero(many[at] == few)
    return here, at[here]


def _counted(cut: Words) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return each word with each text that holds it, in this order, and what it counts there."""
    lengths = np.diff(cut.ids.starts)
    text = np.repeat(np.arange(len(lengths)), lengths)
    pairs = np.sort((cut.ids.values.astype(np.int64) << 32) | text)
    first = np.flatnonzero(np.diff(pairs, prepend=-1))
    times = np.diff(first, append=len(pairs))
    word, text = pairs[first] >> 32, pairs[first] & _LOW
    usual = _K1 * (1 - _B + _B * lengths / (lengths.mean() if len(lengths) else 1.0))
    return word, text, (times / (times + usual[text])).astype(np.float32)
