"""What the commands share: their options, the settings, a shelf that is open, a bar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import Mentor, MentorError, Settings
from ui.terminal import stderr

Corpus = Annotated[Path | None, typer.Option("--corpus", help="The shelf to read.")]
Index = Annotated[Path | None, typer.Option("--index", help="Where the index is kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(corpus: Path | None, index: Path | None) -> Settings:
    """Read the settings; what is given on the command line counts before the environment.

    Raises:
        MentorError: one of them is not what it should be; the message names the variable.
    """
    from pydantic import ValidationError

    given = {"corpus_dir": corpus, "index_dir": index}
    try:
        return Settings.model_validate({name: path for name, path in given.items() if path})
    except ValidationError as error:
        first = error.errors()[0]
        name = f"MENTOR_{'_'.join(map(str, first['loc']))}".upper()
        msg = f"{name}: {first['msg']} (it is {first['input']!r})."
        raise MentorError(msg) from error


@contextmanager
def opened(corpus: Path | None, index: Path | None) -> Iterator[Mentor]:
    """Open the shelf for as long as the block lasts; its index is built first if need be."""
    with progress() as shown:
        mentor = Mentor.open(settings_of(corpus, index), progress=shown)
    try:
        yield mentor
    finally:
        mentor.close()


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows a bar on stderr, from its first call on."""
    bars: list[Any] = []

    def shown(what: str, share: float) -> None:
        from rich.progress import Progress

        if not bars:
            bars.append(Progress(console=stderr(), transient=True))
            bars[0].start()
            bars[0].add_task(what, total=1.0)
        bars[0].update(bars[0].task_ids[0], description=what, completed=share)

    try:
        yield shown
    finally:
        for bar in bars:
            bar.stop()
