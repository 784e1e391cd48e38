"""Lists of different lengths, end to end in one array: so numpy can cut, join and store them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of whole numbers: list `at` is `values[starts[at]:starts[at + 1]]`."""

    values: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, lists: Sequence[NDArray[np.int32]]) -> "Ragged":
        """Put `lists` end to end; [] gives none."""
        starts = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        values = np.concatenate([*lists, np.empty(0, np.int32)]).astype(np.int32)
        return cls(values, starts)

    @classmethod
    def joined(cls, parts: Sequence["Ragged"]) -> "Ragged":
        """Return the lists of all `parts`, in their order."""
        sizes = [np.diff(part.starts) for part in parts]
        starts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *sizes]), dtype=np.int64)
        values = np.concatenate([np.empty(0, np.int32), *(part.values for part in parts)])
        return cls(values, starts)

    @classmethod
    def read(cls, folder: Path) -> "Ragged":
        """Open what `write` wrote.

        Raises:
            ValueError: the two files do not fit each other.
        """
        values, starts = np.load(folder / "values.npy"), np.load(folder / "starts.npy")
        if not len(starts) or starts[0] or starts[-1] != len(values) or (np.diff(starts) < 0).any():
            msg = f"the lists in {folder.name} do not end where they should"
            raise ValueError(msg)
        return cls(values, starts)

    def write(self, folder: Path) -> None:
        """Write the lists into `folder`, which is made."""
        folder.mkdir()
        np.save(folder / "values.npy", self.values)
        np.save(folder / "starts.npy", self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def part(self, first: int, end: int) -> "Ragged":
        """Return the lists from `first` up to, and without, `end`."""
        starts = self.starts[first : end + 1]
        return Ragged(self.values[starts[0] : starts[-1]], starts - starts[0])


def spread(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the positions of all ranges, one after the other, and where each of them begins."""
    sizes = ends - starts
    seams = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) - np.repeat(seams - starts, sizes), seams
