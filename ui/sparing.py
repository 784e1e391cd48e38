"""Gradio without what it makes and nobody uses: half of its start.

Both are a matter of its insides, and leave its pages as they are; where a Gradio to come works in
another way they do nothing, or the tests fail.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_KIND = "ComponentMeta"  # whose making of a class writes a stub, and lets it be without a source


@contextmanager
def without_stubs() -> Iterator[None]:
    """Import Gradio within: its components read no source and write no files of types.

    The files are there already, in a folder that a server may not write to, and that several
    processes would write to at once.
    """
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


@contextmanager
def without_spare_apps() -> Iterator[None]:
    """Build and mount pages within: of the four applications that Gradio makes for each, the one
    that is mounted and serves it is made.
    """
    import gradio

    blocks: Any = gradio.blocks
    whole = blocks.App
    blocks.App = _NoApp
    try:
        yield
    finally:
        blocks.App = whole


class _NoApp:
    @staticmethod
    def create_app(*_: object, **__: object) -> None:
        """Make none."""
