"""Gradio's import without the stubs that it writes: a third of its time.

For each of its components Gradio reads and parses its own source, and writes a file of types beside
it, at every import: files that are there already, in a folder that a server may not write to and
that several processes would write to at once.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_KIND = "ComponentMeta"  # whose making of a class does it, and leaves it where there is no source


@contextmanager
def without_stubs() -> Iterator[None]:
    """Let components that are defined within write none. Where Gradio changes, it does nothing."""
    whole = inspect.getfile

    def getfile(object: Any) -> str:  # noqa: A002, ANN401 - it stands in for inspect's own
        if type(object).__name__ == _KIND:
            raise OSError(_KIND)
        return whole(object)

    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = whole
