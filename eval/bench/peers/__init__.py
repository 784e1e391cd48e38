"""Mentor beside what else one would take for five essays: same questions, same machine.

catalogue -> environments -> contest (build, cold starts, rounds of questions) -> judge -> table
"""

from eval.bench.peers.bench import run
from eval.bench.peers.catalogue import names
from eval.bench.peers.table import table

__all__ = ["names", "run", "table"]
