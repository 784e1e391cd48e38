"""Builds the index of one of two shelves again and again, and kills the builder at any moment.

python killer.py CORPUS_A CORPUS_B INDEX KILLS

Prints a JSON object: how many builders were started and how many of them killed while they worked,
after how many the index was whole, and how often it was another than before. Children are forked,
so that a round takes no start of Python.
"""

import importlib
import json
import os
import random
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakes import HashEmbedder, WordPieces, tiny

from rag import StaleIndexError
from rag.build import build
from rag.index import read
from rag.shelf import Shelf

QUESTION = "怎么选课题?"
_PIECES, _EMBEDDER = WordPieces(), HashEmbedder()


def _quiet(_what: str, _share: float) -> None:
    """Show nothing."""


def _child(work: object) -> int:
    """Run `work()` in a forked child and return its process id; it ends with what that returns."""
    if pid := os.fork():
        return pid
    code = 70
    try:
        code = work()  # type: ignore[operator]
    finally:
        os._exit(code)


def _build(index_dir: Path, shelf: Shelf) -> int:
    build(index_dir, shelf, _EMBEDDER, _PIECES, progress=_quiet, wait_s=10.0)
    return 0


def _of(index_dir: Path, shelves: list[Shelf]) -> int:
    """Return which shelf the index is of, whole; 9 for none."""
    for at, shelf in enumerate(shelves):
        try:
            opened = read(index_dir, shelf, _PIECES)
        except StaleIndexError:
            continue
        with closing(opened.store):
            rows, _ = opened.store.nearest(_EMBEDDER.question(QUESTION), 1000)
            found = {opened.views[row] for row in rows.tolist()}
            whole = found == set(shelf.views) and len(rows) == len(shelf.views)
            return at if whole and opened.lexical.scores(QUESTION).any() else 9
    return 9


def _ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    shelves = [tiny(Path(sys.argv[1])), tiny(Path(sys.argv[2]))]
    index_dir, wanted = Path(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(7)
    importlib.import_module("chromadb.api.client")  # once, and not in each child
    for shelf in (shelves[1], shelves[0]):
        started = time.perf_counter()
        assert _ended(_child(lambda shelf=shelf: _build(index_dir, shelf))) == 0
        took = time.perf_counter() - started
    rounds = killed = whole = turned = now = 0
    while killed < wanted and rounds == whole:
        pid = _child(lambda other=shelves[1 - now]: _build(index_dir, other))
        time.sleep(chance.uniform(0.0, 1.2 * took))
        os.kill(pid, signal.SIGKILL)
        killed += _ended(pid) == -signal.SIGKILL
        before, now = now, _ended(_child(lambda: _of(index_dir, shelves)))
        rounds, whole, turned = rounds + 1, whole + (now in (0, 1)), turned + (now != before)
    print(json.dumps({"rounds": rounds, "killed": killed, "whole": whole, "turned": turned}))


if __name__ == "__main__":
    main()
