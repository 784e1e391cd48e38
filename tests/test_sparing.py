"""Gradio's start: without the stubs and applications to spare, and with everything that it is."""

import inspect
import subprocess
import sys
from abc import ABCMeta

import pytest
from web_fakes import FakeMentor

from ui.app import create_app
from ui.sparing import without_stubs

# Counts how often Gradio looks for a class in a source, and lists the names of its events.
_LOOK = """
import ast
from pathlib import Path
from ui.sparing import without_stubs
seen, written = [], []
segment, write = ast.get_source_segment, Path.write_text
ast.get_source_segment = lambda *args, **more: (seen.append(1), segment(*args, **more))[1]
Path.write_text = lambda path, *args, **more: (written.append(path), write(path, *args, **more))[1]
with without_stubs():
    import ui.chat
import gradio
print(len(seen), len(written), hasattr(gradio.Textbox, "submit"), hasattr(gradio.Chatbot, "undo"))
"""


def test_gradio_is_imported_without_reading_its_components() -> None:
    look = [sys.executable, "-c", _LOOK]
    ran = subprocess.run(look, capture_output=True, text=True, check=True, timeout=100)
    read, *others = ran.stdout.split()
    assert int(read) < 20  # of 162: a small file for each of its Blocks, no component
    assert others == ["0", "True", "True"]


def test_only_components_have_no_source_and_only_within() -> None:
    class ComponentMeta(ABCMeta):
        pass

    class Component(metaclass=ComponentMeta):
        pass

    with without_stubs():
        assert inspect.getfile(test_gradio_is_imported_without_reading_its_components) == __file__
        with pytest.raises(OSError, match="ComponentMeta"):
            inspect.getfile(Component)
    assert inspect.getfile(Component) == __file__


def test_an_application_is_made_for_each_page_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    import gradio

    made, create = list[object](), gradio.routes.App.create_app
    whole = gradio.blocks.App

    def counted(*args: object, **more: object) -> object:
        made.append(create(*args, **more))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(gradio.routes.App, "create_app", counted)
    create_app(FakeMentor())
    assert len(made) == 3
    assert gradio.blocks.App is whole
