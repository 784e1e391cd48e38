"""Mentor beside what else one would take for five essays: same questions, same machine.

catalogue -> environments -> contest (build, cold starts, rounds of questions) -> judge -> table
"""

from eval.bench.peers.bench import NAMES, run
from eval.bench.peers.table import table

__all__ = ["NAMES", "run", "table"]
