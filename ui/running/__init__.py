"""How `mentor serve` runs: one process or several, its logs, its goodbye."""
