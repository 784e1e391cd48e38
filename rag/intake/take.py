"""A file -> Taken: all that the shelf needs of it, and all that was left out of it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IntakeError
from rag.intake.blocks import About, Block, Format
from rag.intake.essay import written
from rag.intake.furniture import Removed, parted
from rag.intake.reading import read
from rag.intake.source import open_source
from rag.intake.structure import about_guessed, structured
from rag.intake.voices import Voice, voices


@dataclass(frozen=True, slots=True)
class Taken:
    """A document as an essay. `text` is canonical, `voices` has the author first.

    `removed` is what is furniture, in the order of the page, `unsure` what was kept and may be
    some, and `notes` are lines for whoever imports it. `sha256` is that of the file, as hex.
    """

    text: str
    about: About
    voices: tuple[Voice, ...]
    removed: tuple[Removed, ...]
    unsure: tuple[Block, ...]
    notes: tuple[str, ...]
    format: Format
    sha256: str


def take(path: Path) -> Taken:
    """Return the essay that a file holds.

    Raises:
        IntakeError: the file cannot be read, or nothing in it is an essay; the message names it.
    """
    source = open_source(path)
    found = read(source)
    sides = parted(found)
    about = about_guessed(found, sides)
    text = written(structured(sides.kept, about))
    if not any(map(str.isalnum, text)):
        msg = f"{path.name}: holds no text beside navigation and the like; give another file."
        raise IntakeError(msg)
    return Taken(
        text=text,
        about=about,
        voices=voices(text, about),
        removed=sides.removed,
        unsure=sides.unsure,
        notes=found.notes,
        format=found.format,
        sha256=hashlib.sha256(source.data).hexdigest(),
    )
