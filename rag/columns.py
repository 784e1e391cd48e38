"""Passages and views as columns of numbers, without their words: what a large shelf is opened by.

columns/spans.npy    where each passage stands in its essay
columns/told.npy     who speaks it, its heading, what it replies to: places in names.json
columns/kinds.npy    of each view its kind, owners.npy its passage, places.npy its place
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from rag.types import Passage, View, ViewKind

KINDS: Final[tuple[ViewKind, ...]] = get_args(ViewKind)
_CODE = {kind: code for code, kind in enumerate(KINDS)}
_ARRAYS = ("spans", "told", "kinds", "owners", "places")

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Columns:
    """Passages and views, leaf after leaf.

    `spans` (n, 2): where passages stand. `told` (n, 3): places in `names` of speaker, heading and
    what was asked. `kinds` (m,): of views, places in KINDS; `owners` (m,): their passages, from 0,
    -1 for none; `places` (m, 2): the part of the essay that they stand for, 0 and 0 for none.
    """

    spans: Ints
    told: Ints
    names: tuple[str, ...]
    kinds: NDArray[np.uint8]
    owners: Ints
    places: Ints

    @classmethod
    def of(cls, passages: Sequence[Passage], views: Sequence[View]) -> "Columns":
        """Take passages and their views apart."""
        order = {passage.id: at for at, passage in enumerate(passages)}
        known: dict[str, int] = {}
        told = [
            [
                known.setdefault(name, len(known))
                for name in (p.speaker, "\n".join(p.heading), p.asked)
            ]
            for p in passages
        ]
        places = [(v.span.start, v.span.end) if v.span else (0, 0) for v in views]
        return cls(
            _pairs([(p.span.start, p.span.end) for p in passages], 2),
            _pairs(told, 3),
            tuple(known),
            np.array([_CODE[view.kind] for view in views], np.uint8),
            np.array([order.get(view.passage_id, -1) for view in views], np.int32),
            _pairs(places, 2),
        )

    @classmethod
    def joined(cls, parts: Sequence["Columns"]) -> "Columns":
        """Return what is in all `parts`, in their order, under one list of names."""
        known: dict[str, int] = {}
        seen: dict[int, Ints] = {}  # parts of one segment share their names
        told, owners, before = [_pairs([], 3)], [np.empty(0, np.int32)], 0
        for part in parts:
            if id(part.names) not in seen:
                renamed = [known.setdefault(name, len(known)) for name in part.names]
                seen[id(part.names)] = np.array(renamed, np.int32)
            told.append(seen[id(part.names)][part.told])
            owners.append(np.where(part.owners < 0, -1, part.owners + before).astype(np.int32))
            before += len(part.spans)
        return cls(
            np.concatenate([_pairs([], 2), *(part.spans for part in parts)]),
            np.concatenate(told),
            tuple(known),
            np.concatenate([np.empty(0, np.uint8), *(part.kinds for part in parts)]),
            np.concatenate(owners),
            np.concatenate([_pairs([], 2), *(part.places for part in parts)]),
        )

    @classmethod
    def read(cls, folder: Path) -> "Columns":
        """Open what `write` wrote. Raises OSError, ValueError or TypeError where it is damaged."""
        spans, told, kinds, owners, places = (np.load(folder / f"{n}.npy") for n in _ARRAYS)
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        fits = len(spans) == len(told) and len(kinds) == len(owners) == len(places)
        if not fits or owners.max(initial=-1) >= len(spans) or told.max(initial=-1) >= len(names):
            msg = f"the files in {folder.name} do not fit each other"
            raise ValueError(msg)
        return cls(spans, told, tuple(names), kinds, owners, places)

    def write(self, folder: Path) -> None:
        """Write the columns into `folder`, which is made."""
        folder.mkdir()
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        told = json.dumps(self.names, ensure_ascii=False)
        (folder / "names.json").write_text(told, encoding="utf-8")

    def part(self, passages: slice, views: slice) -> "Columns":
        """Return some neighbouring passages with their views, which must be theirs alone."""
        owners = self.owners[views]
        return Columns(
            self.spans[passages],
            self.told[passages],
            self.names,
            self.kinds[views],
            np.where(owners < 0, -1, owners - passages.start).astype(np.int32),
            self.places[views],
        )

    def of_kind(self, kind: ViewKind) -> NDArray[np.int64]:
        """Return the numbers of the views of one kind."""
        return np.flatnonzero(self.kinds == _CODE[kind])

    def others(self, kind: ViewKind) -> NDArray[np.int64]:
        """Return the numbers of the views of every other kind."""
        return np.flatnonzero(self.kinds != _CODE[kind])


def _pairs(rows: Sequence[Sequence[int]], width: int) -> Ints:
    return np.array(rows, np.int32).reshape(len(rows), width)
