"""`python -m eval bench`: each part alone, and the page that they are put on."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eval.bench import cold as colds
from eval.bench import page as pages
from eval.bench import scale as scales
from eval.bench.machine import save
from eval.plainly import plainly

app = typer.Typer(no_args_is_help=True, help="Measure how fast Mentor is on this machine.")
_USERS = (1, 10, 50, 100, 200)
_SIZES = (0, 1_000, 10_000, 100_000)

Out = Annotated[Path, typer.Option(help="Where the figures go, and what the page is made from.")]
_OUT, _ENVS = Path(".eval/bench"), Path(".eval/envs")
_say = Console(stderr=True).print


@app.command()
def cold(
    out: Out = _OUT, starts: Annotated[int, typer.Option(min=1, help="Starts of each.")] = 7
) -> None:
    """From the start of a process to its first answer, and memory at rest."""
    with plainly():
        save(colds.measure(starts), out / "cold.json")
    _say(f"wrote {out / 'cold.json'}")


@app.command()
def scale(
    text: Annotated[
        Path | None, typer.Option(help="A folder of public text: .txt, .md, .jsonl, .jsonl.gz.")
    ] = None,
    size: Annotated[
        list[int] | None, typer.Option(help="Passages of a shelf; 0 for the five essays.")
    ] = None,
    out: Out = _OUT,
) -> None:
    """Build, open and ask shelves of several sizes, each in a process of its own."""
    sizes = size or (_SIZES if text else (0,))
    with plainly():
        out.mkdir(parents=True, exist_ok=True)
        save({"rows": scales.measure(sizes, text, out, _say)}, out / "scale.json")
    _say(f"wrote {out / 'scale.json'}")


@app.command()
def peers(
    peer: Annotated[list[str] | None, typer.Option(help="One of them; all without.")] = None,
    envs: Annotated[Path, typer.Option(help="Where their environments are made.")] = _ENVS,
    rounds: Annotated[int, typer.Option(min=1, help="How often each question is put.")] = 2,
    minilm: Annotated[
        Path | None, typer.Option(help="A sentence-transformers folder for the peers.")
    ] = None,
    out: Out = _OUT,
) -> None:
    """Mentor and what else there is, on the same essays and questions, side by side."""
    from eval.bench.peers import run, table

    with plainly():
        rows, made = run(envs, peer or (), rounds, minilm=minilm, say=_say)
        told = {"made": made, "table": table(rows), "rows": [asdict(row) for row in rows]}
        save(told, out / "peers.json")
    _say(f"wrote {out / 'peers.json'}")


@app.command()
def users(
    count: Annotated[list[int] | None, typer.Option(min=1, help="Users at one time.")] = None,
    seconds: Annotated[int, typer.Option(min=5, help="How long they stay.")] = 30,
    every: Annotated[float, typer.Option(min=0, help="Seconds between a user's questions.")] = 5,
    out: Out = _OUT,
) -> None:
    """Many users of one machine: chats, programs, and pages with the widget."""
    from eval.bench import users as visits

    with plainly():
        save(visits.measure(count or _USERS, seconds, every, _say), out / "users.json")
    _say(f"wrote {out / 'users.json'}")


@app.command()
def soak(
    *,
    count: Annotated[int, typer.Option(min=1, help="Users at one time.")] = 20,
    minutes: Annotated[int, typer.Option(min=1, help="How long they stay.")] = 30,
    every: Annotated[float, typer.Option(min=0, help="Seconds between a user's questions.")] = 1,
    model: Annotated[bool, typer.Option(help="With a scripted model that streams 2 s.")] = False,
    out: Out = _OUT,
) -> None:
    """Memory of one process that is asked all the time, minute by minute."""
    from eval.bench import users as visits

    with plainly():
        found = visits.soak(count, minutes, every, _say, model=model)
        save(found, out / (name := f"soak{'_model' * model}.json"))
    _say(f"wrote {out / name}")


@app.command()
def profile(out: Out = _OUT) -> None:
    """Where the time of an answer goes, call by call."""
    from eval.bench import profiled

    with plainly():
        save(profiled.measure(), out / "profile.json")
    _say(f"wrote {out / 'profile.json'}")


@app.command()
def page(
    out: Out = _OUT,
    to: Annotated[Path, typer.Option(help="The page.")] = Path("docs/performance.md"),
) -> None:
    """Write the page of what was measured, and its drawings beside it."""
    with plainly():
        pages.write(out, to)
    _say(f"wrote {to}")
