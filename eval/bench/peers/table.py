"""Rows -> a table in Markdown, with what each way is and what the columns mean."""

from collections.abc import Callable, Sequence
from statistics import median

from eval.bench.peers.bench import Row
from eval.bench.peers.judge import BUDGET, Share
from eval.metrics import percentile

_Cell = Callable[[Row], str]
_MEANS = f"""\
"x" is how many times Mentor's own figure, that of the first row. Cold start: from the start of a \
process to its first answer, median. Memory: the most that one process held. Shown: characters \
of the first five passages, median; the longer they are, the easier is a hit. Hit@5: a gold quote \
lies whole in one of the first five passages; in {BUDGET}: in what of them comes first. Refused: \
unanswerable questions that it says it cannot answer, and in brackets the answerable ones; "no" \
where it has no such thing; a threshold of the peer is set on the dev questions. Places: what it \
says the true place of in the essay. Mentor is installed with its pages, the peers without any. \
The peers have all-MiniLM-L6-v2, as their tutorials do, which was made for English; \
`--minilm FOLDER` takes another model."""


def table(rows: Sequence[Row]) -> str:
    """Return the table; one that failed has its reason in place of figures."""
    whole = [row for row in rows if not row.error]
    own = next((row for row in whole if row.peer == "mentor"), None)
    columns = _columns(own)
    lines = [_line(["", *columns]), _line(["---", *("--:" for _ in columns)])]
    lines += [
        _line([f"{row.peer}, {row.way}", *(cell(row) for cell in columns.values())])
        for row in whole
    ]
    notes = [
        f"- {' '.join(filter(None, (row.peer, row.version)))}, {row.way}: {_told(row)}."
        for row in rows
    ]
    return "\n".join([*lines, "", _MEANS, "", *notes]) + "\n"


def _columns(own: Row | None) -> dict[str, _Cell]:
    def beside(figure: Callable[[Row], float | None], form: str) -> _Cell:
        def cell(row: Row) -> str:
            value, base = figure(row), figure(own) if own else None
            if value is None:
                return "-"
            times = f" ({value / base:.1f}x)" if base and row is not own else ""
            return form.format(value) + times

        return cell

    return {
        "install, MB": beside(lambda row: row.install_mb, "{:.0f}"),
        "install, s": beside(lambda row: row.install_s, "{:.0f}"),
        "cold start, s": beside(lambda row: median(row.cold_s) if row.cold_s else None, "{:.1f}"),
        "index, s": beside(lambda row: row.build_s, "{:.1f}"),
        "query p50, ms": beside(lambda row: percentile(row.query_ms, 0.5), "{:.1f}"),
        "p95, ms": beside(lambda row: percentile(row.query_ms, 0.95), "{:.1f}"),
        "memory, MB": beside(lambda row: row.peak_mb, "{:.0f}"),
        "shown": lambda row: f"{row.judged.shown:.0f}" if row.judged else "-",
        "hit@5 zh": lambda row: _share(row.judged.hit["zh"] if row.judged else None),
        "hit@5 en": lambda row: _share(row.judged.hit["en"] if row.judged else None),
        f"in {BUDGET} zh": lambda row: _share(row.judged.early["zh"] if row.judged else None),
        f"in {BUDGET} en": lambda row: _share(row.judged.early["en"] if row.judged else None),
        "refused": _refused,
        "places": lambda row: row.judged.places if row.judged else "-",
    }


def _refused(row: Row) -> str:
    if not row.judged or not row.judged.refused or not row.judged.wrongly:
        return "no"
    return f"{_share(row.judged.refused)}, [{row.judged.wrongly.value:.2f}]"


def _share(found: Share | None) -> str:
    if found is None or found.value is None or found.interval is None:
        return "-"
    return "{:.2f} ({:.2f}-{:.2f})".format(found.value, *found.interval)


def _told(row: Row) -> str:
    return f"{row.note}; {row.error}" if row.error else row.note


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
