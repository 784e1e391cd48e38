"""`mentor drafts`, `mentor accept`, `mentor reject`: a chat model drafts, and a person says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rag import MentorError, Settings
from rag.journal import MANIFEST
from rag.keeping.accepting import accepted, drafted, drafts, rejected
from rag.keeping.drafting import Drafter
from rag.opening import open_model
from ui.commands.command import Corpus, progress, settings_of
from ui.terminal import stderr

_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of an essay.")]


def write_drafts(settings: Settings, ids: Sequence[str]) -> None:
    """Have the model that is set draft translations and questions, essay by essay.

    Raises:
        MissingModelError: no model is set, or it cannot be opened.
        GenerationError: it fails; what it drafted of the essays before stays.
    """
    drafter = Drafter(open_model(settings), settings.model_deadline_s)
    for id_ in ids:
        with progress() as shown:
            draft = drafted(settings.corpus_dir, id_, drafter, shown)
        _say(f"Drafted: {', '.join(draft.names)}. Read it, then run `mentor accept {id_}`.")


def show(corpus: Corpus = None) -> None:
    """List the drafts that wait for a person."""
    folder = _folder(corpus)
    if not (folder / MANIFEST).is_file():
        msg = f"{folder}: has no {MANIFEST}, so there is no shelf; set --corpus."
        raise MentorError(msg)
    waiting = drafts(folder)
    for draft in waiting:
        _say(f"{draft.id}: {', '.join(draft.names)}")
    if not waiting:
        _say("No draft waits.")


def accept(id_: _Id, corpus: Corpus = None) -> None:
    """Make an essay's drafts its translations and questions, after a check that they fit."""
    names = accepted(_folder(corpus), id_)
    _say(f"Accepted: {', '.join(names)}. Run `mentor index` before you ask.")


def reject(id_: _Id, corpus: Corpus = None) -> None:
    """Throw an essay's drafts away."""
    _say(f"Thrown away: {', '.join(rejected(_folder(corpus), id_).names)}.")


def _folder(corpus: Path | None) -> Path:
    return settings_of(corpus, None).corpus_dir


def _say(line: str) -> None:
    stderr().print(Text(line), soft_wrap=True)
