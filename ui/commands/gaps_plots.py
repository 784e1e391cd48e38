"""What was asked -> drawings for the page of gaps. Knows matplotlib, which the page does without.

No word of a question goes into a drawing: days, counts and the numbers of groups alone.
"""

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from ui.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

# Stand-ins for colours, and the variables of the page that take their place.
_INK, _LINE, _ACCENT, _OTHER = "#010101", "#030303", "#040404", "#050505"
_VARIABLES = {_INK: "ink", _LINE: "line", _ACCENT: "accent", _OTHER: "other"}
_COLOUR = re.compile("|".join(_VARIABLES))
_UNIT, _WIDTH = 72, 640
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_TICKS = 6


def can_draw() -> bool:
    """Say whether matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401 - it comes with the extra `eval` alone
    except ImportError:
        return False
    return True


def per_day(rows: Sequence[Asked], name: str, words: Mapping[str, str]) -> Markup:
    """Return the questions of each day as bars, the refused ones on top; "" for no questions.

    `words` names "answered" and "refused"; `name` is read to whoever does not see the drawing.
    """
    if not rows:
        return Markup()
    days = _days(rows)
    by_day = {status: Counter[date]() for status in ("answered", "refused")}
    for row in rows:
        by_day[row.status][row.at.date()] += 1
    answered, refused = ([counts[day] for day in days] for counts in by_day.values())

    def draw(axes: "Axes") -> None:
        places = range(len(days))
        axes.bar(places, answered, color=_ACCENT, label="@answered@")
        axes.bar(places, refused, bottom=answered, color=_OTHER, label="@refused@")
        step = max(1, len(days) // _TICKS)
        axes.set_xticks(places[::step], [f"{day:%m-%d}" for day in days[::step]])
        axes.locator_params(axis="y", integer=True)
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=_LINE)
        axes.legend(
            frameon=False, labelcolor=_INK, ncols=2, loc="lower right", bbox_to_anchor=(1, 1)
        )

    return _drawing(name, 220, draw, words)


def groups(counts: Sequence[int], name: str) -> Markup:
    """Return a bar for each group with its number, the first on top; "" for no groups."""
    if not counts:
        return Markup()

    def draw(axes: "Axes") -> None:
        places = range(len(counts))
        bars = axes.barh(places, counts, color=_ACCENT)
        axes.bar_label(bars, color=_INK, padding=4, fontsize=11)
        axes.set_yticks(places, [f"{number}" for number in range(1, len(counts) + 1)])
        axes.invert_yaxis()
        axes.xaxis.set_visible(False)

    return _drawing(name, 40 + 24 * len(counts), draw, {})


def _days(rows: Sequence[Asked]) -> list[date]:
    first, last = (pick(row.at.date() for row in rows) for pick in (min, max))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _drawing(
    name: str, height: int, draw: "Callable[[Axes], None]", words: Mapping[str, str]
) -> Markup:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # no matter what the machine's own settings are
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name})
        sheet = Figure(figsize=(_WIDTH / _UNIT, height / _UNIT), layout="tight")
        axes = sheet.add_subplot()
        draw(axes)
        axes.spines[:].set_visible(False)
        axes.tick_params(colors=_INK, labelsize=11, length=0)
        written = io.StringIO()
        sheet.savefig(written, format="svg", transparent=True, metadata=_NO_METADATA)
    # Safe: it holds numbers, and our own words, escaped.
    return Markup(_inline(written.getvalue(), name, words))  # noqa: S704


def _inline(svg: str, name: str, words: Mapping[str, str]) -> str:
    """Return what matplotlib wrote as an element of a page, in the page's colours and letters."""
    box = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg {box[0] if box else ""} role="img" aria-label="{escape(name)}">'
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    # This style would reach the whole page, and these names would be given twice in it.
    body = re.sub(r"<defs>\s*<style.*?</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r" font-family: [^;\"]*;?", "", body)
    for word, said in words.items():
        body = body.replace(f"@{word}@", str(escape(said)))
    return head + _COLOUR.sub(lambda found: f"var(--{_VARIABLES[found[0]]})", body)
