"""How the work of a function grows with what it is given, on a machine however slow and busy.

No test asks how many seconds something takes: how fast Mentor is, is for benchmarks to say. What a
test can say is that ten times the text takes about ten times the work, and not a hundred times.
"""

import gc
from collections.abc import Callable
from math import inf
from time import thread_time

TIMES = 16  # by so much the larger input is larger
LINEAR = 4 * TIMES  # far above what linear work grows by, and far below quadratic work: 16 * TIMES
_LEAST_S = 0.005  # what is shorter is repeated, and the repetitions are averaged
_ROUNDS = 3  # the best of which counts


def growth(work: Callable[[int], object], size: int) -> float:
    """Return how many times as long `work(size)` takes as `work(size // TIMES)`.

    CPU time of this thread counts, in which no other work of the machine is. What `work` keeps in a
    cache it has to forget.
    """
    small = large = inf
    work(size // TIMES)  # what is made once is made now
    collects = gc.isenabled()
    gc.disable()  # it would look through all that earlier tests have left
    try:
        for _ in range(_ROUNDS):  # in turn, so that a slow moment meets both
            small = min(small, spent_s(work, size // TIMES))
            large = min(large, spent_s(work, size))
    finally:
        if collects:
            gc.enable()
    return large / small


def spent_s(work: Callable[[int], object], size: int) -> float:
    """Return the CPU seconds that `work(size)` takes, as the mean of enough calls to measure."""
    calls, started = 0, thread_time()
    while (spent := thread_time() - started) < _LEAST_S or not calls:
        work(size)
        calls += 1
    return spent / calls
