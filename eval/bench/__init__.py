"""Benches: how fast and how good, beside others, on this machine."""
