"""The import contracts of pyproject.toml hold, and each of them breaks when it is broken.

Each bad import is planted alone in a copy of the project: a contract that never complains would
look just like a project without faults.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("rag", "ui", "eval", "training")

# (file that gets the import, line planted in it, the import as the linter reports it)
PLANTED = [
    # upward and sideways inside rag
    ("rag/errors.py", "import rag.types", "rag.errors -> rag.types"),
    ("rag/types.py", "import rag.text", "rag.types -> rag.text"),
    ("rag/text.py", "import rag.load", "rag.text -> rag.load"),
    ("rag/load.py", "import rag.split", "rag.load -> rag.split"),
    ("rag/lexical.py", "import rag.store", "rag.lexical -> rag.store"),
    ("rag/embed.py", "import rag.index", "rag.embed -> rag.index"),
    ("rag/retrieve.py", "import rag.answer", "rag.retrieve -> rag.answer"),
    ("rag/interaction.py", "import rag.index", "rag.interaction -> rag.index"),
    ("rag/rerank.py", "import rag.retrieve", "rag.rerank -> rag.retrieve"),
    ("rag/query.py", "import rag.embed", "rag.query -> rag.embed"),
    ("rag/ground.py", "import rag.mentor", "rag.ground -> rag.mentor"),
    # out of the house, between the faces and the judges, past the front door
    ("rag/load.py", "import ui", "rag.load -> ui"),
    ("rag/split.py", "import eval", "rag.split -> eval"),
    ("ui/render.py", "import eval", "ui.render -> eval"),
    ("eval/stray.py", "import ui.render", "eval.stray -> ui.render"),
    ("ui/render.py", "import rag.text", "ui.render -> rag.text"),
    ("eval/stray.py", "from rag import types", "eval.stray -> rag.types"),
    ("ui/api.py", "def f():\n    import rag.store", "ui.api -> rag.store"),
    # settings anywhere but in mentor
    ("rag/store.py", "import rag.settings", "rag.store -> rag.settings"),
    # the product on its training
    ("rag/embed.py", "import training.learn", "rag.embed -> training.learn"),
    ("eval/stray.py", "import training", "eval.stray -> training"),
    # a library outside its file: plainly, lazily, for types only
    ("rag/index.py", "import chromadb", "rag.index -> chromadb"),
    ("rag/retrieve.py", "def f():\n    from chromadb import api", "rag.retrieve -> chromadb"),
    (
        "rag/answer.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import chromadb",
        "rag.answer -> chromadb",
    ),
    ("rag/text.py", "import model2vec", "rag.text -> model2vec"),
    ("rag/ground.py", "import sentence_transformers", "rag.ground -> sentence_transformers"),
    ("rag/lexical.py", "import torch", "rag.lexical -> torch"),
    ("ui/api.py", "import transformers", "ui.api -> transformers"),
    ("rag/retrieve.py", "import langchain_core", "rag.retrieve -> langchain_core"),
    ("ui/chat.py", "from langchain import chat_models", "ui.chat -> langchain"),
    ("rag/compose.py", "def f():\n    import tenacity", "rag.compose -> tenacity"),
    ("ui/api.py", "import mcp", "ui.api -> mcp"),
    ("ui/questions.py", "import prometheus_client", "ui.questions -> prometheus_client"),
    ("ui/api.py", "import gradio", "ui.api -> gradio"),
    ("ui/page.py", "import limits", "ui.page -> limits"),
    ("rag/draft.py", "import rag.chat", "rag.draft -> rag.chat"),
    ("rag/proof.py", "import rag.ground", "rag.proof -> rag.ground"),
    ("rag/write.py", "import rag.compose", "rag.write -> rag.compose"),
    ("rag/split.py", "import rjieba", "rag.split -> rjieba"),
    ("rag/quote.py", "import rag.align", "rag.quote -> rag.align"),
    ("rag/align.py", "import rag.signs", "rag.align -> rag.signs"),
    ("rag/signs.py", "import rag.trees", "rag.signs -> rag.trees"),
    ("rag/trees.py", "import rag.check", "rag.trees -> rag.check"),
    ("rag/check.py", "import rag.ground", "rag.check -> rag.ground"),
    ("rag/text.py", "import pypinyin", "rag.text -> pypinyin"),
    ("rag/answer.py", "import langchain", "rag.answer -> langchain"),
    ("eval/report.py", "import matplotlib", "eval.report -> matplotlib"),
    ("eval/run.py", "import openai", "eval.run -> openai"),
    ("rag/text.py", "import opencc", "rag.text -> opencc"),
    ("rag/store.py", "import rjieba", "rag.store -> rjieba"),
    ("rag/mentor.py", "import gradio", "rag.mentor -> gradio"),
    ("rag/answer.py", "import fastapi", "rag.answer -> fastapi"),
    ("eval/stray.py", "import uvicorn", "eval.stray -> uvicorn"),
    ("rag/index.py", "import rich", "rag.index -> rich"),
    ("eval/stray.py", "import typer", "eval.stray -> typer"),
]


def _copy(where: Path) -> Path:
    """Copy what the linter reads; modules it has not got are left as they are."""
    for path in (
        ROOT / "pyproject.toml",
        *(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")),
    ):
        copied = where / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)
    return where


def _lint(where: Path) -> tuple[int, str]:
    """Return the linter's exit status and what it printed."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_project_keeps_its_contracts(tmp_path: Path) -> None:
    status, report = _lint(_copy(tmp_path))
    assert status == 0, report


@pytest.mark.parametrize(("file", "line", "reported"), PLANTED, ids=[row[2] for row in PLANTED])
def test_every_bad_import_breaks_a_contract(
    file: str, line: str, reported: str, tmp_path: Path
) -> None:
    with (_copy(tmp_path) / file).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    status, report = _lint(tmp_path)
    assert status == 1, report
    assert f"- {reported} (" in " ".join(report.split()), report


def test_a_new_file_in_rag_has_to_be_placed(tmp_path: Path) -> None:
    (_copy(tmp_path) / "rag" / "unplaced.py").write_text("", encoding="utf-8")
    status, report = _lint(tmp_path)
    assert status == 1, report
    assert "- rag.unplaced" in report
