"""The terminal: reads flags and settings once, prints answers, turns errors into one clear line.

Exit status: 0 done (a refusal is done), 2 the user's input or setup.
"""

import gc
import io
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import Mentor, MentorError, Settings, doctor
from ui.render import as_json, hit_json
from ui.terminal import show_answer, show_hits, stderr

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Answers questions about doing ML research out of a shelf of essays, with quotes.",
)

Corpus = Annotated[Path | None, typer.Option("--corpus", help="The shelf to read.")]
Index = Annotated[Path | None, typer.Option("--index", help="Where the index is kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Batch = Annotated[
    Path | None,
    typer.Option("--batch", help='JSON lines with "id", "question" and, if any, "history".'),
]
Row = Mapping[str, Any]
_STOPPED = 130


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="What you want to know.")] = None,
    *,
    batch: Batch = None,
    as_lines: Json = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Answer a question, or every question of a file."""
    with _opened(corpus, index) as mentor:
        if batch:
            _each(batch, lambda row: as_json(mentor.ask(*_asked(row))) | {"id": row["id"]})
            return
        answer = mentor.ask(_given(question))
        if as_lines:
            _line(as_json(answer))
        else:
            show_answer(answer, mentor.documents)


@app.command()
def retrieve(
    question: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 10,
    batch: Batch = None,
    as_lines: Json = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Show the passages that a question finds, best first."""
    with _opened(corpus, index) as mentor:

        def found(asked: str, history: Sequence[str] = ()) -> dict[str, Any]:
            hits = mentor.retrieve(asked, k, history)
            return {"id": "", "question": asked, "hits": [hit_json(hit) for hit in hits]}

        if batch:
            _each(batch, lambda row: found(*_asked(row)) | {"id": row["id"]})
        elif as_lines:
            _line(found(_given(question)))
        else:
            show_hits(mentor.retrieve(_given(question), k), mentor.documents)


@app.command(name="index")
def build_index(corpus: Corpus = None, index: Index = None) -> None:
    """Build the index, if it is missing or stale."""
    with _opened(corpus, index) as mentor:
        stderr().print(f"The index of {len(mentor.documents)} essays is ready.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="On which port.")] = None,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Open the chat in a web server on this machine."""
    settings = _settings(corpus, index)
    host, port = host or settings.host, port or settings.port
    _need_free(host, port)
    with _opened(corpus, index) as mentor:
        from ui.app import serve as run

        stderr().print(f"Mentor listens on http://{host}:{port}  (Ctrl-C stops it)")
        run(mentor, settings, host, port)


@app.command(name="doctor")
def check(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is mechanical.")] = False,
    corpus: Corpus = None,
) -> None:
    """Check the whole shelf; --fix rewrites line ends, composition and checksums."""
    folder = _settings(corpus, None).corpus_dir
    for line in doctor.fix(folder) if fix else []:
        stderr().print(f"mended: {line}", markup=False)
    problems = list(doctor.problems(folder))
    for problem in problems:
        stderr().print(problem, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(2)
    stderr().print("The shelf is in order.")


def main() -> None:
    """Run the command line; no error of Mentor's or the user's shows a stack trace."""
    # A start allocates much that stays: looking for garbage in it a hundred times takes 0.15 s.
    gc.set_threshold(100_000, 20, 20)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack our letters
    try:
        app()
    except MentorError as error:
        _fail(str(error))
    except SystemExit as stop:
        if stop.code == _STOPPED:  # what the command line makes of Ctrl-C
            _fail("Stopped. Nothing was left half done; run the same command again.", _STOPPED)
        raise
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, status: int = 2) -> None:
    stderr().print(line, markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(status)


def _settings(corpus: Path | None, index: Path | None) -> Settings:
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
def _opened(corpus: Path | None, index: Path | None) -> Iterator[Mentor]:
    with _progress() as progress:
        mentor = Mentor.open(_settings(corpus, index), progress=progress)
    try:
        yield mentor
    finally:
        mentor.close()


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
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


def _need_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            msg = (
                f"Cannot listen on {host}:{port} ({error.strerror}); is another Mentor running? "
                "Choose a port with --port or MENTOR_PORT."
            )
            raise MentorError(msg) from error


def _given(question: str | None) -> str:
    if question is None:
        msg = 'Give a question, such as: mentor ask "怎么选题?"'
        raise MentorError(msg)
    return question


def _asked(row: Row) -> tuple[str, tuple[str, ...]]:
    return row["question"], tuple(row.get("history", ()))


def _each(path: Path, told: Callable[[Row], dict[str, Any]]) -> None:
    """Print a JSON line for each row of a batch file, in its order.

    A row that cannot be asked gives {"id", "error"}; a file that cannot be read stops at once.
    """
    for row in _rows(path):
        try:
            _line(told(row))
        except MentorError as error:
            _line({"id": row["id"], "error": str(error)})


def _rows(path: Path) -> list[Row]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read as UTF-8 text ({error})."
        raise MentorError(msg) from error
    return [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f"{path}: line {number}: not JSON ({error})."
        raise MentorError(msg) from error
    texts = isinstance(row, dict) and isinstance(row.get("question"), str) and "id" in row
    earlier = row.get("history", []) if texts else None
    if not isinstance(earlier, list) or not all(isinstance(text, str) for text in earlier):
        msg = f'{path}: line {number}: needs "id" and "question", and "history" as a list of texts.'
        raise MentorError(msg)
    return dict(row)


def _line(value: Mapping[str, Any]) -> None:
    # A lone surrogate from the user's shell cannot be written as UTF-8: it is shown as escaped.
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    sys.stdout.write(text + "\n")
