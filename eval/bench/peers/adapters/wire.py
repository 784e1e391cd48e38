"""What every adapter shares: its command line, its lines of JSON, time and memory.

    ADAPTER build ESSAYS INDEX    -> one line: seconds, MB on disk, lengths of the passages
    ADAPTER once INDEX QUESTION   -> one line: a reply
    ADAPTER serve INDEX           -> a line when it is ready; then, for each line {"question"}, one
                                     with a reply; at the end of the input one with its peak memory

A reply has ranked "passages", each with "text" and, where the peer says it, "essay", "start" and
"end"; "seconds"; "near", a number of the peer's own by which its documentation has an answer
dropped, or null; "refused", true or false where the peer itself decides, or null; and "quotes",
what it cites, each with "essay", "start", "end" and "text".

It runs in the peer's environment, which has nothing of Mentor's: the standard library alone.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

Ask = Callable[[str], dict[str, Any]]
Build = Callable[[Path, Path, argparse.Namespace], Sequence[str]]
Load = Callable[[Path, argparse.Namespace], Ask]

FIRST = 5  # passages of a reply


def main(build: Build, load: Load) -> None:
    """Run an adapter: `build` makes an index and returns its passages, `load` opens it."""
    started = time.perf_counter()
    given = _arguments()
    out = _own_output()
    index = Path(given.index)
    if given.command == "build":
        texts = build(Path(given.essays), index, given)
        seconds = time.perf_counter() - started
        _say(out, {"seconds": seconds, "mb": _mb(index), "lengths": [*map(len, texts)]})
    elif given.command == "once":
        _say(out, _timed(load(index, given), given.question))
    else:
        _serve(load(index, given), out)


def essays(folder: Path) -> list[tuple[str, str]]:
    """Return name and text of every essay, by name."""
    return [(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))]


def passage(
    text: str, essay: str | None = None, start: int | None = None, end: int | None = None
) -> dict[str, Any]:
    """Return a passage as replies have it."""
    return {"text": text, "essay": essay, "start": start, "end": end}


def reply(
    passages: Sequence[dict[str, Any]], near: Callable[[], float] | None = None
) -> dict[str, Any]:
    """Return the reply of a peer that only finds; `near` is asked when the clock has stopped."""
    return {"passages": [*passages[:FIRST]], "near": near, "refused": None, "quotes": []}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", required=True)
    parser.add_argument("--model", default="")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, wanted in (
        ("build", ("essays", "index")),
        ("once", ("index", "question")),
        ("serve", ("index",)),
    ):
        command = commands.add_parser(name)
        for argument in wanted:
            command.add_argument(argument)
    return parser.parse_args()


def _own_output() -> TextIO:
    """Return the standard output, kept from libraries: what they print goes to the errors."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _serve(ask: Ask, out: TextIO) -> None:
    _say(out, {"ready": True})
    for line in sys.stdin.buffer:
        _say(out, _timed(ask, json.loads(line)["question"]))
    _say(out, {"peak_mb": _peak_mb()})


def _timed(ask: Ask, question: str) -> dict[str, Any]:
    started = time.perf_counter()
    said = ask(question)
    seconds = time.perf_counter() - started
    near = said["near"]
    return {**said, "near": near and near(), "seconds": seconds}


def _say(out: TextIO, what: dict[str, Any]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def _mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _peak_mb() -> float:
    """Return the most memory that was held; not what the starter held, as `getrusage` may."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(
            int(line.split()[1]) * 1024 / 1e6
            for line in status.splitlines()
            if line.startswith("VmHWM")
        )
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
