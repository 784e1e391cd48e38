"""`mentor questions`: what people asked, listed, taken out, removed, and made use of."""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rag import MentorError
from ui.asked import Asked
from ui.asked_file import AskedFile
from ui.commands.adopting import to_case, to_passage
from ui.commands.command import Index, Json, settings_of
from ui.commands.gaps import Days, asked_since
from ui.commands.whole import write_whole
from ui.feedback import FILE as FEEDBACK
from ui.terminal import stderr

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What people asked, where MENTOR_QUESTION_LOG keeps it.",
)
app.command("to-case")(to_case)
app.command("to-passage")(to_passage)

# A spreadsheet takes a cell that begins with one of these for a formula and carries it out.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # noqa: RUF001 - Excel reads them alike
_NOBODY = "Nobody can be asked here: add --yes to remove. Nothing was removed."


@app.command("list")
def list_(
    *,
    days: Days = None,
    matching: Annotated[str, typer.Option("--matching", help="Only with these words.")] = "",
    as_lines: Json = False,
    index: Index = None,
) -> None:
    """List what was asked, oldest first."""
    rows = _matching(asked_since(settings_of(None, index).index_dir, days), matching)
    if as_lines:
        sys.stdout.write(_as_jsonl(rows))
        return
    table = Table()
    for name in ("id", "at", "in", "status", "thumb", "question"):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for row in rows:
        facts = (row.id, f"{row.at:%Y-%m-%d %H}h", row.lang, row.status, row.verdict, row.question)
        table.add_row(*map(Text, facts))
    Console(file=sys.stdout).print(table)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="What to write: a .csv or a .jsonl.")],
    *,
    days: Days = None,
    index: Index = None,
) -> None:
    """Write what was asked to a file, for a spreadsheet or a program."""
    forms: dict[str, tuple[Callable[[Sequence[Asked]], str], str]] = {
        ".csv": (_as_csv, "utf-8-sig"),  # without the mark, Excel reads Chinese as something else
        ".jsonl": (_as_jsonl, "utf-8"),
    }
    if file.suffix not in forms:
        msg = f"{file}: give a name that ends in .csv or .jsonl."
        raise MentorError(msg)
    rows = asked_since(settings_of(None, index).index_dir, days)
    form, encoding = forms[file.suffix]
    write_whole(file, form(rows), encoding, private=True)
    _say(f"Written: {len(rows)} questions to {file}")


@app.command()
def delete(
    *,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    before: Annotated[
        str, typer.Option("--before", metavar="DATE", help="Those asked before a day (UTC).")
    ] = "",
    matching: Annotated[
        str, typer.Option("--matching", metavar="TEXT", help="Those with these words.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    index: Index = None,
) -> None:
    """Remove what was asked, for good: the words leave the file with it."""
    if every + bool(before) + bool(matching) != 1:
        msg = "Say which: one of --all, --before DATE and --matching TEXT."
        raise MentorError(msg)
    folder = settings_of(None, index).index_dir
    file = AskedFile(folder)
    if every:
        _sure("Remove every question that is kept?", yes=yes)
        count = file.remove_all()
    else:
        chosen = _matching(file.rows(), matching) if matching else _before(file.rows(), before)
        if chosen:
            _sure(f"Remove {len(chosen)} questions?", yes=yes)
        count = file.remove([row.id for row in chosen])
    _say(f"Removed: {count} questions.")
    for kept in sorted(folder.glob("before-*.tar.gz")):
        _say(f"{kept}: a backup of before a restore may hold them, too: remove it by hand.")
    if (folder / FEEDBACK).exists():
        _say(f"{FEEDBACK} beside it keeps what people sent with their thumbs: remove it by hand.")


def _sure(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise MentorError(_NOBODY)
    typer.confirm(question, abort=True, err=True)


def _matching(rows: Sequence[Asked], words: str) -> list[Asked]:
    return [row for row in rows if words.casefold() in row.question.casefold()]


def _before(rows: Sequence[Asked], day: str) -> list[Asked]:
    try:
        end = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    except ValueError as error:
        msg = f"--before {day}: is no day; write it as 2026-01-31."
        raise MentorError(msg) from error
    return [row for row in rows if row.at < end]


def _row(row: Asked) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": f"{row.at:%Y-%m-%dT%H:00Z}",
        "question": row.question,
        "lang": row.lang,
        "status": row.status,
        "answerer": row.answerer,
        "cited": list(row.cited),
        "nearest": list(row.nearest),
        "verdict": row.verdict,
        "total_ms": row.timings_ms.get("total"),
    }


def _as_jsonl(rows: Sequence[Asked]) -> str:
    return "".join(json.dumps(_row(row), ensure_ascii=False) + "\n" for row in rows)


def _as_csv(rows: Sequence[Asked]) -> str:
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow("id at question lang status answerer cited nearest verdict total_ms".split())
    for row in rows:
        table.writerow([_cell(value) for value in _row(row).values()])
    return written.getvalue()


def _cell(value: object) -> object:
    """Return a value for a cell; text that would be a formula begins with an apostrophe."""
    text = " ".join(value) if isinstance(value, list) else value
    if isinstance(text, str) and text.lstrip(" \u3000").startswith(_FORMULA):
        return f"'{text}"
    return text


def _say(line: str) -> None:
    stderr().print(Text(line), soft_wrap=True)
