"""`python -m eval run` judges Mentor; `python -m eval calibrate` fits when it refuses."""

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.table import Table

from eval import calibrate as calibration
from eval.cases import Split, read, read_texts
from eval.run import Figure, ask_all, figures, of_flags
from rag import Mentor, MentorError, Settings

app = typer.Typer(add_completion=False, no_args_is_help=True)
_TELLING = 8  # characters of a dropped line that can be nothing else
_FURNITURE = Path(__file__).resolve().parent / "furniture.txt"


@app.command()
def run(
    split: Annotated[str, typer.Option(help="dev, tuning or test; report test only.")] = "test",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask every question of a split and print each figure with its interval and n."""
    cases = read(_split(split))
    rows = ask_all(_mentor(), cases)
    found = figures(rows, _furniture())
    if as_json:
        typer.echo(json.dumps([asdict(figure) for figure in found]))
        return
    table = Table("figure", "value", "95 % interval", "n", title=f"split: {split}")
    for figure in found:
        table.add_row(*_shown(figure))
    Console().print(table)


@app.command()
def strangers(
    queries: Annotated[list[Path], typer.Argument(help='JSON lines with "text" or "question".')],
    sample: Annotated[int, typer.Option(help="Questions taken from each file.")] = 250,
) -> None:
    """Print how many questions about other things, from any public set, Mentor refuses."""
    mentor = _mentor()
    table = Table("questions", "refused", "95 % interval", "n")
    for path in queries:
        texts = read_texts(path)
        chosen = random.Random(0).sample(texts, min(sample, len(texts)))
        flags = [mentor.ask(text).status == "refused" for text in chosen]
        table.add_row(*_shown(of_flags(path.name, flags)))
    Console().print(table)


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = Path(
        "rag/model/evidence.json"
    ),
) -> None:
    """Fit the refusal on the dev and tuning questions and write its weights."""
    weights = calibration.fit(_mentor(), [*read("dev"), *read("tuning")])
    out.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")


def _furniture() -> list[str]:
    """Return the page furniture that can be told from prose: "提交" and "Python" cannot."""
    lines = _FURNITURE.read_text(encoding="utf-8").split("\n")
    return [line for line in lines if len(line) > _TELLING]


def _mentor() -> Mentor:
    try:
        return Mentor.open(Settings())
    except MentorError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def _split(name: str) -> Split:
    for split in get_args(Split):
        if name == split:
            return cast("Split", split)
    typer.echo(f"--split: '{name}' is none of {', '.join(get_args(Split))}.", err=True)
    raise typer.Exit(2)


def _shown(figure: Figure) -> tuple[str, str, str, str]:
    value = "-" if figure.value is None else f"{figure.value:.3f}"
    interval = "" if figure.interval is None else "{:.2f} to {:.2f}".format(*figure.interval)
    return figure.name, value, interval, str(figure.n)


if __name__ == "__main__":
    app()
