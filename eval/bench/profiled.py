"""Where the time of an answer goes: pyinstrument looks at a warm Mentor, 5,000 times a second."""

import time
from typing import Any

from eval.cases import read
from rag import Mentor, Settings

_EVERY_S = 0.0002
_WARM, _ASKED = 20, 300
_SHOWN = 0.02  # of the whole
_INDENT = ".  "


def measure() -> dict[str, Any]:
    """Return the lines of a tree of calls with their shares of the time, and ms a question while
    nobody looks.

    Raises:
        MentorError: the index cannot be opened.
    """
    from pyinstrument import Profiler
    from pyinstrument.renderers import ConsoleRenderer

    mentor = Mentor.open(Settings())
    questions = [case.question for case in (*read("dev"), *read("tuning"))]
    for question in questions[:_WARM]:
        mentor.ask(question)
    chosen = questions[_WARM:][:_ASKED]
    start = time.perf_counter()
    for question in chosen:
        mentor.ask(question)
    each_ms = (time.perf_counter() - start) / len(chosen) * 1000
    profiler = Profiler(interval=_EVERY_S)
    with profiler:
        for question in chosen:
            mentor.ask(question)
    renderer = ConsoleRenderer(
        unicode=True,
        color=False,
        time="percent_of_total",
        short_mode=True,
        processor_options={"filter_threshold": _SHOWN},
    )
    tree = [line.removeprefix(_INDENT) for line in profiler.output(renderer).splitlines()]
    shown = [line for line in tree if "%" in line]
    return {"asked": len(chosen), "each_ms": each_ms, "tree": shown}
