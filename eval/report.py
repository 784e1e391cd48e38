"""Run -> run.json, items.csv, summary.md and report.html. It shows, and judges nothing.

Whatever was asked, said, cited or named in a run is anybody's text, and comes out as text in all
four: it can be no formula of a table, no markup, no mention of a person, no script.
"""

import base64
import csv
import hashlib
import html
import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template

from eval import plots

Run = Mapping[str, Any]
Item = Mapping[str, Any]
Figure = Mapping[str, Any]

# Verdict -> (its tone on the page, its mark, how bad it is), the worst last.
_VERDICTS = {
    "good": ("good", "✓", 0),
    "refused rightly": ("calm", "✓", 0),
    "partly": ("partly", "◐", 1),
    "refused wrongly": ("bad", "✗", 2),
    "wrong": ("bad", "✗", 3),
    "answered wrongly": ("bad", "✗", 4),
    "failed": ("bad", "!", 5),
}
_UNKNOWN = ("plain", "·", 0)
_WORST, _FAILURES = 10, 20
_QUESTION_CHARS, _SENTENCE_CHARS, _ERROR_CHARS, _SENTENCES = 300, 400, 200, 8
_COLUMNS = (
    "id topic lang kind style answerable outcome verdict evidence sentences citations exact "
    "supported points_held points"
).split()
# What a spreadsheet reads as the beginning of a formula; the last four are full-width.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# What Markdown, its tables and formulas or its linking of bare addresses give a meaning to, here
# or at the beginning of a line.
_MARKDOWN = re.compile(r"[\\`*_\[\]#|~$]|:(?=//)|(?i:(?<=www))\.|[&<>]")
_BEGINNING = re.compile(r"^(\d*)([-+=.)])(?=[-+=\s]|$)")
# What calls on a person, an issue or a mail address; "hit@5" does not.
_CALL = re.compile(r"(?<!\w)@|@(?=[\w.-]*\.)|#")
_LET_BE = r"\g<0>&#8203;"  # a blank of no width after it
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure as every form shows it: "–" for no value, "" for no interval."""

    name: str
    value: str
    interval: str
    n: str


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval and its value on a scale, in per cent from the left."""

    left: float
    width: float
    at: float


def ready(folder: Path) -> None:
    """Make sure that a report can be written, before minutes are spent on what it tells.

    Raises:
        OSError: the folder cannot be made.
        ImportError: what draws is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots.ready()


def write(run: Run, folder: Path) -> list[Path]:
    """Write the four files of a run and return where they are, in this order.

    All are made before the first is written, and each is written aside and moved into place: what
    breaks on the way leaves the files of an earlier run whole.

    Raises:
        OSError: the folder cannot be written; one line says why.
    """
    made = {
        "run.json": as_json(run),
        "items.csv": as_csv(run),
        "summary.md": as_markdown(run),
        "report.html": as_html(run),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_placed(folder / name, text) for name, text in made.items()]
    except OSError as error:
        msg = f"{folder}: the report cannot be written: {error.strerror or error}."
        raise OSError(msg) from error


def _placed(path: Path, text: str) -> Path:
    with tempfile.TemporaryDirectory(prefix=".report-", dir=path.parent) as aside:
        written = Path(aside) / path.name
        # Half a surrogate pair, which JSON may hold, is no character of any file.
        written.write_bytes(text.encode("utf-8", "replace"))
        return written.replace(path)


def figures_table(run: Run, *, headline: bool = False) -> list[FigureRow]:
    """Return the figures of a run, or its headline alone, in the run's order."""
    chosen = (figure for figure in run["figures"] if figure["headline"] or not headline)
    return [
        FigureRow(
            str(figure["name"]),
            shown(figure["value"]),
            interval(figure["low"], figure["high"]),
            str(figure["n"]),
        )
        for figure in chosen
    ]


def shown(value: float | None) -> str:
    """Return a number for a reader.

    >>> shown(0.98571), shown(14.04), shown(None)
    ('0.986', '14.0', '–')
    """
    if value is None:
        return "–"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval for a reader, "" without one."""
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def worst(items: Iterable[Item], limit: int) -> list[Item]:
    """Return the items that were judged and went wrong, the worst first; not those that failed.

    The verdict decides, then the mean of the scores, then the id.
    """

    def rank(item: Item) -> tuple[int, float, str]:
        scores = [score for score in item["scores"].values() if score is not None]
        return -_badness(item), sum(scores) / len(scores) if scores else 0.0, str(item["id"])

    judged = (item for item in items if item["outcome"] != "failed" and _badness(item))
    return sorted(judged, key=rank)[:limit]


def _badness(item: Item) -> int:
    return _VERDICTS.get(item["verdict"], _UNKNOWN)[2]


def _tally(values: Iterable[str], order: Iterable[str] = ()) -> dict[str, int]:
    """Return how often each value is there: those of `order` first, the others by name."""
    counts = Counter(values)
    known = [value for value in order if value in counts]
    return {value: counts[value] for value in [*known, *sorted(counts.keys() - set(known))]}


def verdicts(run: Run) -> dict[str, int]:
    """Return how many items have each verdict, the best verdict first."""
    return _tally((str(item["verdict"]) for item in run["items"]), _VERDICTS)


# ---- JSON ----


def as_json(run: Run) -> str:
    """Return the run as JSON that can be compared line by line with another run's."""
    return json.dumps(run, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


# ---- a table for a spreadsheet ----


def as_csv(run: Run) -> str:
    """Return a row for each item, in order. A score that an item has not is empty."""
    names = sorted({name for item in run["items"] for name in item["scores"]})
    written = io.StringIO()
    # Every text in quotes: of itself the writer would leave a bare "\r" outside of them.
    table = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    table.writerow(_cell(name) for name in [*_COLUMNS, *names, "ms", "question"])
    for item in run["items"]:
        scores = [item["scores"].get(name) for name in names]
        ms = run["timings"]["items"].get(item["id"])
        table.writerow(_cell(value) for value in [*_counted(item), *scores, ms, item["question"]])
    return written.getvalue()


def _counted(item: Item) -> list[Any]:
    """Return what stands in `_COLUMNS` for an item."""
    citations = [citation for said in item["said"] for citation in said["citations"]]
    return [
        *(item[name] for name in _COLUMNS[: _COLUMNS.index("sentences")]),
        len(item["said"]),
        len(citations),
        sum(citation["grade"] == "exact" for citation in citations),
        sum(said["supported"] for said in item["said"]),
        sum(point["held"] for point in item["points"]),
        len(item["points"]),
    ]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


# ---- Markdown for a pull request ----


def as_markdown(run: Run) -> str:
    """Return the headline, the checker, the trivial rows, what failed, and the worst items."""
    made = run["made"]
    facts = f"{len(run['items'])} items · commit {made['commit']} · checker {made['checker']}"
    parts = [
        f"## {plain(made['target'])} on the {plain(made['split'])} split",
        plain(facts),
        _headline(run),
        _card(run),
        _trivial(run),
        _verdict_list(run),
        _failed(run["items"]),
        _worst_items(run["items"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: object, limit: int = _QUESTION_CHARS) -> str:
    r"""Return one line of Markdown that shows a text as it stands, cut after `limit` characters.

    >>> print(plain("<b> a|b\n*c* @you"))
    &lt;b&gt; a\|b \*c\* @&#8203;you
    """
    line = _MARKDOWN.sub(_escape, _cut(text, limit))
    return _BEGINNING.sub(r"\1\\\2", _CALL.sub(_LET_BE, line))


def _tagged(text: object) -> str:
    """Return the same for the inside of a tag, where Markdown is not read."""
    return _CALL.sub(_LET_BE, html.escape(_cut(text, _QUESTION_CHARS), quote=False))


def _cut(text: object, limit: int) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _escape(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0]) or f"\\{found[0]}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; all columns but the first are numbers."""
    rule = ["---", *["--:"] * (len(heads) - 1)]
    lines = [[plain(head) for head in heads], rule, *([plain(cell) for cell in r] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _headline(run: Run) -> str:
    rows = figures_table(run, headline=True)
    heads = ("figure", "value", "95 % interval", "n")
    return _table(heads, [(r.name, r.value, r.interval, r.n) for r in rows]) if rows else ""


def _card(run: Run) -> str:
    if not run["card"]:
        return ""
    heads = ("checker judged on", "pair", "n", "AUC", "95 %", "balanced accuracy", "95 %")
    rows = [
        (
            *(row["set"], row["pair"] or "all", row["n"]),
            *(shown(row["auc"]), interval(row["auc_low"], row["auc_high"])),
            *(shown(row["balanced"]), interval(row["balanced_low"], row["balanced_high"])),
        )
        for row in run["card"]
    ]
    notes = "\n".join(f"- {plain(note, _SENTENCE_CHARS)}" for note in run["card_notes"])
    return f"### The checker\n\n{_table(heads, rows)}" + (f"\n\n{notes}" if notes else "")


def comparison(run: Run) -> tuple[list[str], list[list[str]]]:
    """Return who answers, the system first, and a row for each figure that a trivial row has."""
    rows = _trivial_rows(run)
    own = {figure["name"]: figure["value"] for figure in run["figures"]}
    shared = {name for row in rows for name in row["figures"]}
    names = [*(name for name in own if name in shared), *sorted(shared - own.keys())]
    everybody = [own, *(row["figures"] for row in rows)]
    heads = [str(run["made"]["target"]), *(str(row["row"]) for row in rows)]
    return heads, [[str(name), *(shown(of.get(name)) for of in everybody)] for name in names]


def _trivial_rows(run: Run) -> list[Mapping[str, Any]]:
    """Return the trivial rows without the system's own, which may stand among them."""
    return [row for row in run["trivial"] if row["row"] != run["made"]["target"]]


def _trivial(run: Run) -> str:
    heads, rows = comparison(run)
    return f"### Beside trivial answers\n\n{_table(['', *heads], rows)}" if rows else ""


def _verdict_list(run: Run) -> str:
    return " · ".join(f"{plain(verdict)} **{n}**" for verdict, n in verdicts(run).items())


def _failed(items: Sequence[Item]) -> str:
    failed = [item for item in items if item["outcome"] == "failed"]
    lines = [f"- {plain(f['id'])}: {plain(f['error'], _ERROR_CHARS)}" for f in failed[:_FAILURES]]
    if len(failed) > _FAILURES:
        lines.append(f"- and {len(failed) - _FAILURES} more")
    return "\n".join([f"### Failed: {len(failed)}", "", *lines]) if failed else ""


def _worst_items(items: Sequence[Item]) -> str:
    chosen = worst(items, _WORST)
    if not chosen:
        return ""
    return "\n\n".join([f"### The worst {len(chosen)}", *(_folded(item) for item in chosen)])


def _folded(item: Item) -> str:
    head = " · ".join(_tagged(item[name]) for name in ("verdict", "id", "question"))
    lines = [_sentence_line(said) for said in item["said"][:_SENTENCES]]
    lines += [f"- not found: {_quoted(gold)}" for gold in item["gold"] if gold["found_at"] is None]
    lines += [f"- not said: {plain(p['en'] or p['zh'])}" for p in item["points"] if not p["held"]]
    lines += [f"- {plain(item['error'], _ERROR_CHARS)}"] if item["error"] else []
    body = "\n".join(lines) or f"- {plain(item['outcome'])}"
    return f"<details><summary>{head}</summary>\n\n{body}\n\n</details>"


def _sentence_line(said: Mapping[str, Any]) -> str:
    mark = "✓" if said["supported"] else "✗"
    why = f" ({plain('; '.join(said['why']))})" if said["why"] and not said["supported"] else ""
    return f"- {mark} {plain(said['text'], _SENTENCE_CHARS)}{why}"


def _quoted(gold: Mapping[str, Any]) -> str:
    return f"{plain(gold['doc_id'])}, “{plain(gold['quote'], _ERROR_CHARS)}”"


# ---- a page to look at ----


def as_html(run: Run) -> str:
    """Return one page that holds all it needs, and asks no network for anything."""
    items, curves, rows = run["items"], run["curves"], _trivial_rows(run)
    groups = _grouped(run["figures"])
    trivial = {
        name: plots.trivial(rows, group, f"trivial: {name}") for name, group in groups.items()
    }
    return _template().render(
        run=run,
        items=items,
        headline=[figure for figure in run["figures"] if figure["headline"]],
        forests={name: plots.forest(group, f"forest: {name}") for name, group in groups.items()},
        trivial={name: drawing for name, drawing in trivial.items() if drawing},
        legend=plots.legend(rows, str(run["made"]["target"]), "legend"),
        risk=plots.risk_coverage(curves.get("risk_coverage", ()), "risk over coverage"),
        reliability=plots.reliability(curves.get("reliability", ()), "reliability of the evidence"),
        comparison=comparison(run),
        verdicts=verdicts(run),
        choices=_choices(items),
    )


def _grouped(figures: Iterable[Figure]) -> dict[str, list[Figure]]:
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        groups.setdefault(str(figure["group"]), []).append(figure)
    return groups


def _choices(items: Sequence[Item]) -> dict[str, dict[str, int]]:
    """Return for each filter of the page its values and how many items have them."""
    return {
        "lang": _tally(str(item["lang"]) for item in items),
        "kind": _tally(str(item["kind"]) for item in items),
        "essay": _tally(str(essay) for item in items for essay in set(item["essays"])),
        "verdict": _tally((str(item["verdict"]) for item in items), _VERDICTS),
        "outcome": _tally(str(item["outcome"]) for item in items),
    }


def bar(row: Mapping[str, Any], key: str = "") -> Bar | None:
    """Return where value and interval stand between 0 and 1; None without a value.

    `key` names the figure in a row that has several: "auc" for auc, auc_low and auc_high. A scale
    that does not reach the numbers is stretched to them.
    """
    keys = (key, f"{key}_low", f"{key}_high") if key else ("value", "low", "high")
    value, low, high = (row[name] for name in keys)
    if value is None:
        return None
    low, high = (value if end is None else end for end in (low, high))
    first, last = min(0.0, low, value), max(1.0, high, value)
    at = [100 * (number - first) / (last - first) for number in (low, high, value)]
    return Bar(at[0], at[1] - at[0], at[2])


def tight(text: str) -> str:
    """Return the text of an essay without its empty lines."""
    return re.sub(r"\n{2,}", "\n", text)


def tongue(text: object) -> str:
    """Return the language tag of a text: with a Chinese letter in it, it is set as Chinese.

    >>> tongue("怎么选题?"), tongue("GPU")
    ('zh-Hans', 'en')
    """
    return "zh-Hans" if _HAN.search(str(text)) else "en"


def allowed(script: str) -> str:
    """Return the word by which a page's policy lets this one script run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _template() -> Template:
    env = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made: dict[str, Callable[..., Any]] = {
        "allowed": allowed, "bar": bar, "interval": interval, "shown": shown, "tight": tight,
        "tongue": tongue,
        "mark": lambda verdict: _VERDICTS.get(verdict, _UNKNOWN)[1],
        "tone": lambda verdict: _VERDICTS.get(verdict, _UNKNOWN)[0],
    }  # fmt: skip
    env.filters.update(made)
    return env.get_template("page.html.j2")
