"""Shelves from five essays to a million passages -> seconds, milliseconds, disk and memory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.bench import material
from rag import Settings


def measure(
    sizes: Sequence[int],
    text: Path | None,
    work: Path,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Return the figures of the shipped shelf (a size of 0) and of one of each further size.

    `text` is a folder of public text, needed above 0; shelves are made and removed in `work`.

    Raises:
        ValueError: there is no text to make a shelf from.
        OSError: Mentor failed on a shelf; the message says why.
    """
    if any(sizes) and text is None:
        msg = "--text FOLDER is needed: a folder of public text to make larger shelves from."
        raise ValueError(msg)
    texts = material.read(text) if text and any(sizes) else []
    rows = []
    for size in sizes:
        with TemporaryDirectory(dir=work) as folder:
            say(f"{size or 'the five essays'}")
            rows.append(_measured(size, texts, Path(folder)))
    return rows


def _measured(size: int, texts: Sequence[material.Text], folder: Path) -> dict[str, Any]:
    corpus, headings = Settings().corpus_dir, list[str]()
    if size:
        corpus = folder / "corpus"
        headings = material.write(corpus, size, texts)
    found: dict[str, Any] = {"size": size}
    for what in ("index", "ask"):
        found |= _alone(what, corpus, folder / "index", headings)
        os.sync()  # or the system writes the index to the disk while questions are put
    return found


def _alone(what: str, corpus: Path, index: Path, headings: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "eval.bench.one", what, str(corpus), str(index)],
        input=json.dumps(headings),
        capture_output=True,
        text=True,
        check=False,
        env={"OPENBLAS_NUM_THREADS": "1", **os.environ},  # noqa: TID251 - as `mentor` sets it
    )
    if done.returncode:
        raise OSError(done.stderr.strip()[-500:] or f"{what} failed on {corpus}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
