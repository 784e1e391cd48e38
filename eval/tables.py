"""What the judges found, as tables on a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from eval.compare import Comparison
from eval.figures import Figure


def show_run(run: dict[str, Any]) -> None:
    """Print a run as `eval/run.py` gives it: figures, times, the checker's card, what failed."""
    made = run["made"]
    figures = [
        Figure(
            row["group"],
            row["name"],
            row["value"],
            None if row["low"] is None else (row["low"], row["high"]),
            row["n"],
        )
        for row in run["figures"]
    ]
    show(f"{made['target']}, split {made['split']}, seed {made['seed']}", figures)
    times = ", ".join(f"{q} {ms:.1f}" for q, ms in run["timings"]["ms"].items() if ms is not None)
    Console().print(f"milliseconds an answer: {times}")
    show_card(made["checker"], run["card"])
    names = list(run["trivial"][0]["figures"])
    table = Table("figure", *(row["row"] for row in run["trivial"]), title="beside trivial systems")
    for name in names:
        values = (row["figures"].get(name) for row in run["trivial"])
        table.add_row(name, *("-" if v is None else f"{v:.2f}" for v in values))
    Console().print(table)
    for item in run["items"]:
        if item["outcome"] == "failed":
            Console().print(f"failed: {item['id']}: {item['error']}", markup=False)


def show_card(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print how far a checker can be trusted, a line for each set and pair."""
    table = Table(
        *("set", "pair", "n", "AUC", "95 % interval", "balanced accuracy"), title=f"checker {name}"
    )
    for row in rows:
        interval = (
            "" if row["auc_low"] is None else f"{row['auc_low']:.2f} to {row['auc_high']:.2f}"
        )
        table.add_row(
            *(row["set"], row["pair"] or "all", str(row["n"]), number(row["auc"]), interval),
            number(row["balanced"]),
        )
    Console().print(table)


def show(title: str, found: Sequence[Figure]) -> None:
    """Print figures with their intervals, in their order."""
    table = Table("figure", "value", "95 % interval", "n", title=title)
    for figure in found:
        interval = "" if figure.interval is None else "{:.2f} to {:.2f}".format(*figure.interval)
        name = f"{figure.group}: {figure.name}" if figure.group else figure.name
        table.add_row(name, number(figure.value), interval, str(figure.n))
    Console().print(table)


def show_intake(found: Sequence[Figure]) -> None:
    """Print what each tool keeps and removes: groups of pages with intervals, then page by page."""
    tools = dict.fromkeys(figure.name.rpartition(" ")[0] for figure in found)
    table = Table("pages", *tools, title="kept, and below it removed")
    rows: dict[str, dict[str, list[str]]] = {}
    for figure in found:
        tool = figure.name.rpartition(" ")[0]
        told = number(figure.value)
        if figure.interval:
            told += " ({:.2f}-{:.2f})".format(*figure.interval)
        rows.setdefault(figure.group, {}).setdefault(tool, []).append(told)
    for group, cells in rows.items():
        table.add_row(group, *("\n".join(cells.get(tool, ["-"])) for tool in tools))
    Console().print(table)


def number(value: float | None) -> str:
    """Return a figure as tables have it; "-" for none."""
    return "-" if value is None else f"{value:.3f}"


def show_comparison(found: Comparison) -> None:
    """Print what changed between two runs: differences with intervals, then each flip."""
    table = Table("score", "difference", "95 % interval", "up", "down", "sign test", "n")
    for name, d in found.scores.items():
        interval = "{:+.3f} to {:+.3f}".format(*d.interval)
        table.add_row(
            name, f"{d.value:+.3f}", interval, str(d.wins), str(d.losses), f"{d.p:.3f}", str(d.n)
        )
    console = Console()
    console.print(table)
    for flip in found.flips:
        console.print(f"{flip.id}: {flip.before} -> {flip.after}", markup=False, style="bold")
        for line in (flip.question, f"before: {flip.said_before}", f"after: {flip.said_after}"):
            console.print(f"  {line}", markup=False, highlight=False)


def show_load(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print what many users found: figures, values, and what they are to reach."""
    table = Table("figure", "value", "to reach", title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
