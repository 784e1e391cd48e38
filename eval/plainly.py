"""What went wrong, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from rag import MentorError


@contextmanager
def plainly() -> Iterator[None]:
    """Say in one line what went wrong with a shelf or a file."""
    try:
        yield
    except ImportError as error:
        typer.echo(f"{error}: run `make eval` once, or pip install -e '.[eval]'.", err=True)
        raise typer.Exit(2) from error
    except (MentorError, OSError, ValueError, KeyError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
