"""The terminal: reads flags and settings once, prints answers, turns errors into one clear line.

Exit status: 0 done (a refusal is done), 2 the user's input or setup.
"""

import gc
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import MentorError, Settings
from ui.commands.command import Corpus, Index, Json, opened, settings_of
from ui.commands.later import group
from ui.render import as_json, hit_json
from ui.terminal import show_answer, show_hits, stderr

_LATER = {
    "index": "ui.commands.indexing:build_index",
    "import": "ui.commands.importing:bring",
    "remove": "ui.commands.importing:remove",
    "drafts": "ui.commands.drafts:show",
    "accept": "ui.commands.drafts:accept",
    "reject": "ui.commands.drafts:reject",
    "doctor": "ui.commands.diagnosis:check",
    "backup": "ui.commands.keeping:back_up",
    "restore": "ui.commands.keeping:restore",
    "settings": "ui.commands.settings_page:settings_page",
    "gaps": "ui.commands.gaps:show",
    "stats": "ui.commands.stats:show",
    "questions": "ui.commands.asking:app",
}
app = typer.Typer(
    cls=group(_LATER),
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Answers questions about doing ML research out of a shelf of essays, with quotes.",
)

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
    with opened(corpus, index) as mentor:
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
    with opened(corpus, index) as mentor:

        def found(asked: str, history: Sequence[str] = ()) -> dict[str, Any]:
            hits = mentor.retrieve(asked, k, history)
            return {"id": "", "question": asked, "hits": [hit_json(hit) for hit in hits]}

        if batch:
            _each(batch, lambda row: found(*_asked(row)) | {"id": row["id"]})
        elif as_lines:
            _line(found(_given(question)))
        else:
            show_hits(mentor.retrieve(_given(question), k), mentor.documents)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="On which port.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many processes answer on it.")
    ] = None,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Open the chat in a web server on this machine."""
    settings = settings_of(corpus, index)
    given = {"host": host, "port": port, "workers": workers}
    settings = settings.model_copy(update={name: it for name, it in given.items() if it})
    from ui.door import bound
    from ui.keys import check_settings

    check_settings(settings)
    with bound(settings.host, settings.port):
        pass  # before anything is read or built
    if settings.workers > 1:
        _serve_together(settings)
        return
    with opened(corpus, index) as mentor:
        from ui.running.serving import serve as run

        _announce(settings)
        run(mentor, settings, settings.host, settings.port)


def _serve_together(settings: Settings) -> None:
    from ui.running.workers import serve_together

    # In a process of its own: this one stays, and would keep the memory that building took.
    folders = ["--corpus", str(settings.corpus_dir), "--index", str(settings.index_dir)]
    told = subprocess.PIPE if settings.log == "json" else None  # else every line is to be an object
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "ui", "index", *folders], check=False, stderr=told, text=True
    )
    if done.returncode:
        sys.stderr.write(done.stderr or "")
        raise SystemExit(done.returncode)
    _announce(settings)
    serve_together(settings, settings.host, settings.port)


def _announce(settings: Settings) -> None:
    if settings.log == "text":
        address = f"http://{settings.host}:{settings.port}"
        stderr().print(f"Mentor listens on {address}  (Ctrl-C stops it)")


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
