"""Document[] -> Shelf: of each essay its passages, and the views under which they are found.

An essay on the shelf is a leaf. Its key says what it is made from, essay, model and code: leaves
of one key are alike, and what was computed for one need not be computed again.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

from rag.split import split
from rag.text import language, sentences
from rag.types import Document, Lang, Passage, View

_FORM = "8"  # raise it when what is stored of a leaf changes
# What passages and views are made by: another word of this code is another key.
_CODE = ("shelf.py", "split.py", "text.py")

Parts = tuple[tuple[Passage, ...], tuple[View, ...]]


class Leaf:
    """An essay with its passages and views, which are made when they are first asked for.

    `doc_id` and `text` are the essay's, "" for the decoys.
    """

    def __init__(
        self, key: str, made: Callable[[], Parts], doc_id: str = "", text: str = ""
    ) -> None:
        self.key, self._made, self.doc_id, self.text = key, made, doc_id, text

    def parts(self) -> Parts:
        """Make its passages and views, to be kept by nobody else."""
        return self._made()

    @cached_property
    def _parts(self) -> Parts:
        return self._made()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Return the passages of the essay, in reading order."""
        return self._parts[0]

    @property
    def views(self) -> tuple[View, ...]:
        """Return the views of these passages; decoys belong to a leaf without passages."""
        return self._parts[1]


@dataclass(frozen=True)
class Shelf:
    """All leaves in their order, the decoys last."""

    leaves: tuple[Leaf, ...]

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Return the passages of all leaves, in their order."""
        return tuple(passage for leaf in self.leaves for passage in leaf.passages)

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Return the views of all leaves, in their order."""
        return tuple(view for leaf in self.leaves for view in leaf.views)

    @property
    def keys(self) -> list[str]:
        """Return the keys of all leaves, in their order."""
        return [leaf.key for leaf in self.leaves]

    @property
    def fingerprint(self) -> str:
        """Return what an index made from this shelf is known by."""
        return fingerprint(self.keys)


def fingerprint(keys: Sequence[str]) -> str:
    """Return what an index of these leaves, in this order, is known by."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def shelve(
    documents: Sequence[Document],
    decoys: Sequence[str],
    model: str,
    passage_chars: int,
    known: Sequence[Leaf] = (),
) -> Shelf:
    """Return the shelf of `documents`; the same essays always give the same keys.

    `model` names whatever turns views into numbers. Leaves that are `known` are taken as they are,
    so that they are not split again.
    """
    seed = "\n".join([_FORM, _code(), model, str(passage_chars)])
    split_already = {leaf.key: leaf for leaf in known}

    def leaf(
        made_from: object, made: Callable[[], Parts], doc_id: str = "", text: str = ""
    ) -> Leaf:
        key = hashlib.sha256(f"{seed}\n{made_from!r}".encode(errors="surrogatepass")).hexdigest()
        return split_already.get(key) or Leaf(key, made, doc_id, text)

    leaves = [leaf(_told(d), partial(_essay, d, passage_chars), d.id, d.text) for d in documents]
    return Shelf((*leaves, leaf(tuple(decoys), partial(_decoys, decoys))))


@cache
def _code() -> str:
    seal = hashlib.sha256()
    for name in _CODE:
        seal.update(Path(__file__).with_name(name).read_bytes())
    return seal.hexdigest()


def _told(document: Document) -> tuple[object, ...]:
    """Return all of an essay that its passages and views are made from."""
    speakers = [(s.name, s.labels, s.opens, s.asks) for s in document.speakers]
    return document.id, document.text, speakers, [*document.english.items()], document.questions


def _essay(document: Document, passage_chars: int) -> Parts:
    passages = split(document, passage_chars)
    views = [view for passage in passages for view in _views(document, passage)]
    return tuple(passages), (*views, *_questions(document, passages))


def _decoys(decoys: Sequence[str]) -> Parts:
    return (), tuple(View("", "decoy", _lang(decoy), decoy, None) for decoy in decoys)


def _views(document: Document, passage: Passage) -> Iterator[View]:
    """Yield the texts under which a passage is found; these may be enriched, quotes never."""
    heading = " ".join(passage.heading[1:])
    lang = _lang(passage.text)
    yield View(passage.id, "text", lang, f"{heading}\n{passage.text}", passage.span)
    english = []
    for inner in sentences(passage.text):
        span = inner.shift(passage.span.start)
        yield View(passage.id, "sentence", lang, span.of(document.text), span)
        if span.end in document.english:
            english.append(document.english[span.end])
            yield View(passage.id, "sentence", "en", english[-1], span)
    if english:
        yield View(passage.id, "text", "en", " ".join(english), passage.span)
    if passage.asked:
        yield View(passage.id, "asked", _lang(passage.asked), passage.asked, passage.span)


def _questions(document: Document, passages: Sequence[Passage]) -> Iterator[View]:
    """Yield each beginner question under the passage that holds most of its anchor."""
    starts = [passage.span.start for passage in passages]
    for question in document.questions:
        at = max(0, bisect_right(starts, question.span.start) - 1)
        near = passages[at : at + 2]  # an anchor lies in one passage, or across one seam
        best = max(near, key=lambda passage: question.span.overlap(passage.span), default=None)
        if best and question.span.overlap(best.span):
            yield View(best.id, "question", question.lang, question.text, question.span)


def _lang(text: str) -> Lang:
    return "en" if language(text) == "en" else "zh"
