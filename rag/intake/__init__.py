"""A found document, of any of six formats -> canonical essay + what was removed."""
