"""Figures of a bench -> drawings beside its page.

Knows matplotlib, as `eval/plots.py` does, which draws into a page and in its colours.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.bench.growth import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = (3.6, 2.7)  # inches
_STEPS = 40  # a line is bent where both scales are logarithmic
_MEASURED, _PAPER = "#1f5fae", "#b4541a"
_SHAPES = "os^"
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def growth(lines: Sequence[Line], path: Path) -> None:
    """Draw what was measured at each size and what the model says. Raises OSError."""

    def panel(line: Line) -> "Callable[[Axes], None]":
        def draw(axes: "Axes") -> None:
            sizes, values = zip(*line.points, strict=True)
            least, most = line.span
            between = [least * (most / least) ** (at / _STEPS) for at in range(_STEPS + 1)]
            axes.loglog(between, [*map(line.at, between)], "--", color=_PAPER, label="on paper")
            axes.loglog(sizes, values, "o-", color=_MEASURED, label="measured", linewidth=0.8)
            axes.set_title(f"{line.name}, {line.unit}", fontsize=10)
            axes.set_xlabel("passages", fontsize=9)
            axes.legend(fontsize=8, frameon=False)

        return draw

    _drawn([panel(line) for line in lines], 2, path)


def users(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw how long 95 in 100 answers take at most, by users at one time. Raises OSError."""
    kinds: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        kind = f"{row['workers']} processes" if row["workers"] > 1 else "1 process"
        kind += ", a model that streams 2 s" if row.get("model") else ""
        kinds.setdefault(kind, []).append((row["users"], row["p95_ms"]))

    def draw(axes: "Axes") -> None:
        for shape, (kind, points) in zip(_SHAPES, kinds.items(), strict=False):
            axes.loglog(*zip(*points, strict=True), f"{shape}-", label=kind, linewidth=0.8)
        axes.axhline(1000, color=_PAPER, linestyle="--", linewidth=0.8)
        axes.set_title("95 in 100 answers within, ms", fontsize=10)
        axes.set_xlabel("users at one time", fontsize=9)
        axes.legend(fontsize=8, frameon=False)

    _drawn([draw], 1, path, wide=1.6)


def _drawn(
    panels: "Sequence[Callable[[Axes], None]]", columns: int, path: Path, wide: float = 1.0
) -> None:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # no matter what the machine's own settings are
        # Equal figures give equal files, and letters are drawn, so that no font is needed.
        matplotlib.rcParams.update({"svg.hashsalt": path.name, "svg.fonttype": "path"})
        down = -(-len(panels) // columns)
        size = (_PANEL[0] * columns * wide, _PANEL[1] * down)
        sheet = Figure(figsize=size, layout="constrained", facecolor="white")
        for at, draw in enumerate(panels, start=1):
            axes = sheet.add_subplot(down, columns, at)
            axes.grid(visible=True, linewidth=0.3)
            axes.tick_params(labelsize=8)
            draw(axes)
        sheet.savefig(path, format="svg", metadata=_NO_METADATA)
