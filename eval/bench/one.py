"""One shelf in a process of its own: `python -m eval.bench.one index` or `ask`, figures as JSON.

A process of its own, so that its memory is that of this shelf alone.
"""

import json
import math
import random
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from eval.cases import read
from eval.metrics import percentile
from rag import Mentor, Settings

_ASKED, _WARM = 200, 20
# Comparing every view takes 3 s a question at 100,000 passages, and 3 GB of memory.
_COMPARED, _COMPARABLE = 100, 150_000
_FIRST = 10


def index(settings: Settings) -> dict[str, Any]:
    """Build the index; return its seconds, those after which each step began, its size and the
    most memory.
    """
    start, steps = time.perf_counter(), dict[str, float]()

    def seen(what: str, _share: float) -> None:
        steps.setdefault(what, round(time.perf_counter() - start, 2))

    essays, _ = Mentor.index(settings, progress=seen)
    took_s = time.perf_counter() - start
    files = [path for path in settings.index_dir.rglob("*") if path.is_file()]
    disk_mb = sum(path.stat().st_size for path in files) / 2**20
    return {
        "essays": essays,
        "index_s": took_s,
        "steps_s": steps,
        "disk_mb": disk_mb,
        "index_mb": _most_mb(),
    }


def ask(settings: Settings, headings: Sequence[str]) -> dict[str, Any]:
    """Open the index and ask; return ms of each stage, seconds to open, memory."""
    start = time.perf_counter()
    mentor = Mentor.open(settings, rebuild=False)
    opened_s = time.perf_counter() - start
    golden = [case.question for case in (*read("dev"), *read("tuning"))]
    every = [*dict.fromkeys([*golden, *headings])]  # each once: nothing is remembered
    questions = random.Random(3).sample(every, _ASKED + _WARM)
    for question in questions[_ASKED:]:  # what is loaded with the first of them is cold start
        mentor.ask(question)
    questions = questions[:_ASKED]
    stages: dict[str, list[float]] = {}
    for question in questions:
        for stage, ms in mentor.ask(question).timings_ms.items():
            stages.setdefault(stage, []).append(ms)
    memory_mb = _most_mb()
    return {
        "passages": len(mentor.passages),
        "open_s": opened_s,
        "asked": len(questions),
        "recall": _recall(mentor, questions[:_COMPARED]),
        "ms": {
            stage: [percentile(took, 0.5), percentile(took, 0.95)] for stage, took in stages.items()
        },
        "ask_mb": memory_mb,
    }


def _recall(mentor: Mentor, questions: Sequence[str]) -> tuple[float, float] | None:
    """Return the share of the first hits that comparing every view finds, too, and half the
    interval in which it is by 95 in 100; None where that would take too long.
    """
    if len(mentor.passages) > _COMPARABLE:
        return None
    shares = []
    for question in questions:
        wanted = {hit.passage.id for hit in mentor.retrieve(question, _FIRST, exact=True)}
        found = {hit.passage.id for hit in mentor.retrieve(question, _FIRST)}
        shares.append(len(found & wanted) / len(wanted))
    return mean(shares), 1.96 * stdev(shares) / math.sqrt(len(shares))


def _most_mb() -> float:
    """Return the most memory that this process held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Do what the command line says; the headings that may be asked come on standard input."""
    what, corpus, index_dir = sys.argv[1:]
    settings = Settings(corpus_dir=Path(corpus), index_dir=Path(index_dir))
    found = index(settings) if what == "index" else ask(settings, json.loads(sys.stdin.read()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
