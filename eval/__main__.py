"""`python -m eval run` judges Mentor on its shelf, `public` on others; `calibrate` fits it."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.table import Table

from eval import calibrate as calibration
from eval import sets, shelves
from eval import slips as typed
from eval.cases import Split, read, read_texts
from eval.run import Figure, ask_all, curves, figures, of_flags
from rag import Mentor, MentorError

app = typer.Typer(add_completion=False, no_args_is_help=True)
_TELLING = 8  # characters of a dropped line that can be nothing else
_PASSAGES = ".passages.jsonl"
_FURNITURE = Path(__file__).resolve().parent / "furniture.txt"


Bare = Annotated[
    list[str] | None,
    typer.Option("--bare", help='Essays to strip of questions and translation; "all" for all.'),
]


@app.command()
def run(
    split: Annotated[str, typer.Option(help="dev, tuning or test; report test only.")] = "test",
    bare: Bare = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask every question of a split and print each figure with its interval and n."""
    cases = read(_split(split))
    with _shelf(bare) as mentor:
        rows = ask_all(mentor, cases)
    found = [*figures(rows, _furniture()), *curves(rows)]
    if as_json:
        typer.echo(json.dumps([asdict(figure) for figure in found]))
        return
    without = f", without the views of {', '.join(bare)}" if bare else ""
    _print(f"split: {split}{without}", found)


@app.command()
def public(
    folder: Annotated[Path, typer.Argument(help="NAME.passages.jsonl and NAME.queries.jsonl.")],
    only: Annotated[str, typer.Option(help="Part of the names of the sets to judge.")] = "",
) -> None:
    """Look for the questions of public sets in their passages, without any views."""
    names = sorted(path.name.removesuffix(_PASSAGES) for path in folder.glob(f"*{_PASSAGES}"))
    chosen = [name for name in names if only in name]
    if not chosen:
        typer.echo(f"{folder} holds no {only}*{_PASSAGES}.", err=True)
        raise typer.Exit(2)
    for name in chosen:
        with _plainly():
            asked = shelves.queries(folder / f"{name}.queries.jsonl")
            with shelves.public(folder / f"{name}{_PASSAGES}") as mentor:
                _print(name, sets.figures(mentor, asked))


@app.command()
def slips(
    split: Annotated[str, typer.Option(help="dev, tuning or test.")] = "test",
) -> None:
    """Ask the questions of a split in traditional characters, with slips, in full width."""
    with _shelf(None) as mentor:
        _print(f"split: {split}", typed.figures(mentor, read(_split(split))))


@app.command()
def strangers(
    queries: Annotated[list[Path], typer.Argument(help='JSON lines with "text" or "question".')],
    sample: Annotated[int, typer.Option(help="Questions taken from each file.")] = 250,
) -> None:
    """Print how many questions about other things, from any public set, Mentor refuses."""
    with _shelf(None) as mentor:
        found = []
        for path in queries:
            texts = read_texts(path)
            chosen = random.Random(0).sample(texts, min(sample, len(texts)))
            flags = [mentor.ask(text).status == "refused" for text in chosen]
            found.append(of_flags(path.name, flags))
    _print("refused", found)


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = Path(
        "rag/model/evidence.json"
    ),
) -> None:
    """Fit the refusal on the dev and tuning questions and write its weights."""
    cases = [*read("dev"), *read("tuning")]
    with _shelf(None) as mentor:
        asked = calibration.fit(mentor, cases, calibration.ASKED)
    with _shelf(["all"]) as mentor:
        told = calibration.fit(mentor, cases, calibration.TOLD)
    weights = {"asked": asked, "told": told}
    out.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")


def _furniture() -> list[str]:
    """Return the page furniture that can be told from prose: "提交" and "Python" cannot."""
    lines = _FURNITURE.read_text(encoding="utf-8").split("\n")
    return [line for line in lines if len(line) > _TELLING]


@contextmanager
def _shelf(bare: Sequence[str] | None) -> Iterator[Mentor]:
    """Open the shelf, or one without views."""
    with _plainly(), shelves.opened([] if bare == ["all"] else bare or None) as mentor:
        yield mentor


@contextmanager
def _plainly() -> Iterator[None]:
    """Say in one line what went wrong with a shelf or a file."""
    try:
        yield
    except (MentorError, OSError, ValueError, KeyError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def _print(title: str, found: Sequence[Figure]) -> None:
    table = Table("figure", "value", "95 % interval", "n", title=title)
    for figure in found:
        table.add_row(*_shown(figure))
    Console().print(table)


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
