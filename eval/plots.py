"""Figures -> drawings to be put into a page. The only file that knows matplotlib.

matplotlib never sees a word of the data. A label goes in as a token and is put into the finished
drawing, escaped: no label is read as a formula, asks for a letter that the font lacks, or moves
what stands beside it. Colours become the page's own, so that a drawing is dark when the page is.
"""

import io
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Figures = Sequence[Mapping[str, Any]]

# Stand-ins for colours, and the variables of the page that take their place.
_INK, _SOFT, _LINE, _ACCENT, _OTHER = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {_INK: "ink", _SOFT: "soft", _LINE: "line", _ACCENT: "accent", _OTHER: "other"}
_UNIT = 72  # matplotlib's points an inch; one point is one CSS pixel of the drawing
_WIDTH, _EDGE = 300, 8
_LINE_HEIGHT, _LEGEND, _FOOT = 16, 20, 14
_ABOVE, _BELOW, _MARK = 10, 14, 11  # room around the scale of a row, and of a mark
_COLUMNS = 31  # of a name; a Chinese letter takes two
_MARKS = "s^Dv<>PX"
_LEAST_RISK = 0.1  # a curve along the bottom should look like one
_TOKEN = re.compile(r"@(\d+)@")
_COLOUR = re.compile("|".join(_VARIABLES))
_WIDE = 0x2E80  # the first of the letters that take two columns
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


class _Texts:
    """The texts of a drawing: hands out a token for each and knows them again."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __call__(self, text: str) -> str:
        self._texts.append(text)
        return f"@{len(self._texts) - 1}@"

    def back(self, drawing: str) -> str:
        """Return the drawing with every token replaced by its text, escaped."""
        return _TOKEN.sub(lambda found: str(escape(self._texts[int(found[1])])), drawing)


Draw = Callable[["Axes", _Texts], None]


def forest(figures: Figures, name: str) -> Markup:
    """Return a forest plot: a row a figure, its interval a bar on a scale that all share.

    A figure without value keeps its row; one without interval is a bare point. No figures: "".
    """
    if not figures:
        return Markup()
    low, high = _domain(number for f in figures for number in (f["value"], f["low"], f["high"]))
    tops = _tops(figures, [0] * len(figures))

    def draw(axes: "Axes", texts: _Texts) -> None:
        for top, figure in zip(tops, figures, strict=False):
            _head(axes, texts, figure, top)
            axes.text(_WIDTH - 52, top + 13, texts(f"n {figure['n']}"), **_small("right"))
            _interval(axes, figure, _line(figure, top), low, high)
        _scale(axes, texts, tops[-1], low, high)

    return _sketch(name, tops[-1] + _FOOT, draw)


def trivial(rows: Figures, figures: Figures, name: str) -> Markup:
    """Return each figure of `figures` that a trivial row has too, all of them on one line.

    The system is a disc with its interval; every trivial row has a shape of its own, which
    `legend` names. "" where nothing can be compared.
    """
    shared = [figure for figure in figures if any(figure["name"] in row["figures"] for row in rows)]
    if not shared:
        return Markup()
    others = [row["figures"].get(figure["name"]) for row in rows for figure in shared]
    low, high = _domain([*(f[k] for f in shared for k in ("value", "low", "high")), *others])
    piles = [_piled(figure, rows, low, high) for figure in shared]
    tops = _tops(
        shared, [max((level for _, level, _ in pile), default=0) * _MARK for pile in piles]
    )

    def draw(axes: "Axes", texts: _Texts) -> None:
        for top, figure, pile in zip(tops, shared, piles, strict=False):
            _head(axes, texts, figure, top)
            y = _line(figure, top)
            _interval(axes, figure, y, low, high)
            for x, level, mark in pile:
                _mark(axes, x, y + level * _MARK, mark)
        _scale(axes, texts, tops[-1], low, high)

    return _sketch(name, tops[-1] + _FOOT, draw)


def legend(rows: Figures, system: str, name: str) -> Markup:
    """Return the shape of the system and of each trivial row with its name."""

    def draw(axes: "Axes", texts: _Texts) -> None:
        for at, text in enumerate([system, *(row["row"] for row in rows)]):
            y = at * _LEGEND + 10
            if at:
                _mark(axes, _EDGE, y, _MARKS[(at - 1) % len(_MARKS)])
            else:
                axes.plot([_EDGE], [y], "o", color=_ACCENT, markersize=8)
            axes.text(22, y + 4, texts(_cut(text, _COLUMNS)), fontsize=12, color=_INK)

    return _sketch(name, (len(rows) + 1) * _LEGEND, draw)


def risk_coverage(points: Sequence[Sequence[float]], name: str) -> Markup:
    """Return the risk over the share of questions answered, the surest first; "" for no points."""
    if not points:
        return Markup()
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    top = max(_LEAST_RISK, max(ys) * 1.2)

    def draw(axes: "Axes", texts: _Texts) -> None:
        axes.set(xlim=(0, 1), ylim=(0, top))
        axes.fill_between(xs, ys, color=_ACCENT, alpha=0.14, linewidth=0, clip_on=False)
        axes.plot(xs, ys, color=_ACCENT, linewidth=2, clip_on=False)
        axes.plot(xs[-1:], ys[-1:], "o", color=_ACCENT, markersize=7, clip_on=False)
        last = texts(f"{ys[-1]:.2f}")
        axes.annotate(last, (xs[-1], ys[-1]), (0, 9), textcoords="offset points", **_bold())
        _name_axes(axes, texts, "share of questions answered, surest first", "share wrong")

    return _chart(name, draw)


def reliability(bins: Sequence[Sequence[float]], name: str) -> Markup:
    """Return the share that the essays answer over the evidence said; "" for no bins.

    Honest evidence lies on the dashed diagonal; the area of a disc grows with its n.
    """
    if not bins:
        return Markup()
    most = max(1, *(n for _, _, n in bins))

    def draw(axes: "Axes", texts: _Texts) -> None:
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1.2, linestyle=(0, (4, 4)))
        xs, ys = [x for x, _, _ in bins], [y for _, y, _ in bins]
        axes.plot(xs, ys, color=_ACCENT, linewidth=1.5, alpha=0.6, clip_on=False)
        sizes = [30 + 80 * n / most for _, _, n in bins]
        axes.scatter(xs, ys, s=sizes, color=_ACCENT, linewidths=0, clip_on=False, zorder=3)
        _name_axes(axes, texts, f"mean evidence, {_sizes(bins)}", "share that the essays answer")

    return _chart(name, draw)


def _sizes(bins: Sequence[Sequence[float]]) -> str:
    least, most = min(n for _, _, n in bins), max(n for _, _, n in bins)
    return f"n {least:.0f} a disc" if least == most else f"n {least:.0f} to {most:.0f} a disc"


# ---- pieces of rows ----


def _domain(numbers: Iterable[float | None]) -> tuple[float, float]:
    """Return ends that hold 0, 1 and every number there is."""
    there = [0.0, 1.0, *(number for number in numbers if number is not None)]
    return min(there), max(there)


def _place(value: float, low: float, high: float) -> float:
    return _EDGE + (value - low) / (high - low) * (_WIDTH - 2 * _EDGE)


def _tops(figures: Figures, more: Sequence[int]) -> list[int]:
    """Return where each row begins, and where the last ends; `more` is what each needs besides."""
    heights = (
        _line(figure, 0) + _BELOW + extra for figure, extra in zip(figures, more, strict=True)
    )
    return list(itertools.accumulate(heights, initial=0))


def _line(figure: Mapping[str, Any], top: int) -> int:
    """Return where the scale of a row lies, under a name of one line or two."""
    return top + len(_label(figure)) * _LINE_HEIGHT + _ABOVE


def _piled(
    figure: Mapping[str, Any], rows: Figures, low: float, high: float
) -> list[tuple[float, int, str]]:
    """Return (x, level, mark) for each trivial row; what would lie on another goes a level down.

    The system's own disc lies on level 0.
    """
    own = figure["value"]
    taken = [] if own is None else [(_place(own, low, high), 0)]
    pile: list[tuple[float, int, str]] = []
    for row, mark in zip(rows, itertools.cycle(_MARKS), strict=False):
        value = row["figures"].get(figure["name"])
        if value is None:
            continue
        x = _place(value, low, high)
        near = {level for other, level in taken if abs(other - x) < _MARK}
        level = next(level for level in itertools.count() if level not in near)
        taken.append((x, level))
        pile.append((x, level, mark))
    return pile


def _head(axes: "Axes", texts: _Texts, figure: Mapping[str, Any], top: int) -> None:
    for at, line in enumerate(_label(figure)):
        y = top + 13 + at * _LINE_HEIGHT
        axes.text(0, y, texts(line), fontsize=12, color=_INK)
    axes.text(_WIDTH, top + 13, texts(_shown(figure["value"])), **_bold())


def _interval(axes: "Axes", figure: Mapping[str, Any], y: float, low: float, high: float) -> None:
    axes.plot([_EDGE, _WIDTH - _EDGE], [y, y], color=_LINE, linewidth=1)
    if figure["low"] is not None and figure["high"] is not None:
        ends = [_place(figure["low"], low, high), _place(figure["high"], low, high)]
        axes.plot(ends, [y, y], color=_ACCENT, linewidth=6, alpha=0.35, solid_capstyle="round")
    if figure["value"] is not None:
        axes.plot([_place(figure["value"], low, high)], [y], "o", color=_ACCENT, markersize=8)


def _mark(axes: "Axes", x: float, y: float, mark: str) -> None:
    axes.plot([x], [y], mark, markersize=7.5, markeredgewidth=1.6, color=_OTHER, fillstyle="none")


def _scale(axes: "Axes", texts: _Texts, y: float, low: float, high: float) -> None:
    for value in (low, (low + high) / 2, high):
        axes.text(_place(value, low, high), y + 8, texts(f"{value:.3g}"), **_small("center"))


def _label(figure: Mapping[str, Any]) -> list[str]:
    """Return the name on one line or two, with an arrow where less is better."""
    name = " ".join(figure["name"].split()) + (" ↓" if figure["better"] == "lower" else "")
    if (first := _cut(name, _COLUMNS)) == name:
        return [name]
    head = first[:-1].rpartition(" ")[0] or first[:-1]
    return [head, _cut(name[len(head) :], _COLUMNS)]


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _cut(text: str, columns: int) -> str:
    """Return as much of a text as fits, in one line.

    >>> _cut("short", 9), _cut("a long name", 6), _cut("引文与原文一致", 6)
    ('short', 'a lon…', '引文…')
    """
    line = " ".join(text.split())
    widths = list(itertools.accumulate(2 if ord(letter) >= _WIDE else 1 for letter in line))
    if not widths or widths[-1] <= columns:
        return line
    return line[: sum(width < columns for width in widths)] + "…"


def _small(side: str) -> dict[str, Any]:
    return {"fontsize": 11, "color": _SOFT, "horizontalalignment": side}


def _bold() -> dict[str, Any]:
    weight = {"fontweight": "bold", "horizontalalignment": "right"}
    return {"fontsize": 12, "color": _INK, **weight}


# ---- drawings ----


def _sketch(name: str, height: int, draw: Draw) -> Markup:
    """Return a drawing whose units are pixels from the upper left corner."""

    def drawn(axes: "Axes", texts: _Texts) -> None:
        axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        draw(axes, texts)

    return _drawing(name, height, (0, 0, 1, 1), drawn)


def _chart(name: str, draw: Draw) -> Markup:
    """Return a drawing with axes."""
    return _drawing(name, 240, (0.125, 0.18, 0.845, 0.73), draw)


def _name_axes(axes: "Axes", texts: _Texts, across: str, up: str) -> None:
    axes.set_xlabel(texts(across), fontsize=11, color=_SOFT, labelpad=6)
    axes.set_title(texts(up), fontsize=11, color=_SOFT, loc="left", pad=8)
    axes.tick_params(colors=_SOFT, labelsize=10, length=0, pad=5)
    axes.grid(color=_LINE, linewidth=1)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def ready() -> None:
    """Load what draws.

    Raises:
        ImportError: it is not installed.
    """
    import matplotlib  # noqa: F401 - the first drawing would fail, minutes later


def _drawing(
    name: str, height: int, frame: tuple[float, float, float, float], draw: Draw
) -> Markup:
    import matplotlib
    from matplotlib.figure import Figure as Sheet

    texts = _Texts()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # no matter what the machine's own settings are
        # The salt goes into the ids of shapes: equal in every run, different in every drawing.
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name})
        sheet = Sheet(figsize=(_WIDTH / _UNIT, height / _UNIT))
        draw(sheet.add_axes(frame), texts)
        written = io.StringIO()
        sheet.savefig(written, format="svg", transparent=True, metadata=_NO_METADATA)
    # Safe: of the data it has numbers and escaped labels.
    return Markup(texts.back(_inline(written.getvalue(), name, height)))  # noqa: S704


def _inline(svg: str, name: str, height: int) -> str:
    """Return what matplotlib wrote as an element of a page, in the page's colours and letters."""
    head = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}">'
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    # This style would reach the whole page, and these names would be given twice in it.
    body = re.sub(r"<defs>\s*<style.*?</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r" font-family: [^;\"]*;?", "", body)
    body = re.sub(r"\s*\n\s*", " ", body)
    return head + _COLOUR.sub(lambda found: f"var(--{_VARIABLES[found[0]]})", body)
