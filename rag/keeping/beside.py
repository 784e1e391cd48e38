"""What the project wrote about an essay -> the same for the next version of that essay.

Nothing is lost: what fits no longer is set aside, beside the file that it stood in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from rag.enrich import SET_ASIDE, questions, translation
from rag.errors import IntakeError
from rag.keeping.changes import carried, parted
from rag.types import Document, Lang


@dataclass(frozen=True, slots=True)
class Work:
    """The files of one essay in the making: bytes by name, None for one that goes.

    It is only looked at once all of it is there, so an essay that is refused leaves no trace.
    """

    folder: Path
    files: dict[str, bytes | None] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return what a file of the shelf says, its line ends as they are; "" where there is none.

        Raises:
            IntakeError: it is not UTF-8.
        """
        path = self.folder / name
        try:
            return path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
        except UnicodeDecodeError as error:
            msg = f"{name}: is not UTF-8 (byte {error.start}); save it as UTF-8."
            raise IntakeError(msg) from error

    def put(self, name: str, text: str) -> None:
        """Let a file say `text`; "" lets it go."""
        self.files[name] = text.encode() if text else None

    def set_aside(self, name: str, text: str) -> str:
        """Keep a text beside the file that it stood in; return the name, which was free."""
        aside, number = f"{name}{SET_ASIDE}", 1
        while (self.folder / aside).exists():
            number += 1
            aside = f"{name}.{number}{SET_ASIDE}"
        self.put(aside, text)
        return aside


def check(document: Document, name: str, text: str) -> None:
    """Raise the CorpusError that a file beside an essay would raise if it were there."""
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8", newline="\n")
        if name.endswith(".toml"):
            questions(document, Path(folder))
        else:
            for lang in get_args(Lang):
                translation(document, Path(folder), lang)


def brought_along(work: Work, id_: str, before: str, text: str) -> Iterator[str]:
    """Let translations and questions follow an essay from `before` to `text`; yield a note on each
    file of which something fits no longer.

    Raises:
        IntakeError: one of them cannot be read.
    """
    for lang in get_args(Lang):
        yield from _translation(work, f"translations/{id_}.{lang}.md", before, text)
    yield from _questions(work, f"questions/{id_}.toml", text)


def _translation(work: Work, name: str, before: str, text: str) -> Iterator[str]:
    ours = work.text(name)
    if not ours:
        return
    try:
        written, lost = carried(before, ours.replace("\r\n", "\n"), text)
    except ValueError:
        work.put(name, "")
        yield f"{name}: did not fit the essay; now {work.set_aside(name, ours)}"
        return
    if lost:
        aside = work.set_aside(name, ours)
        yield f"{name}: {lost} of its lines fit no sentence any more; all as it was: {aside}"
    work.put(name, written)


def _questions(work: Work, name: str, text: str) -> Iterator[str]:
    ours = work.text(name)
    if not ours:
        return
    try:
        kept, gone, anchors = parted(ours, text)
    except ValueError as error:
        work.put(name, "")
        yield f"{name}: is no file of questions ({error}); now {work.set_aside(name, ours)}"
        return
    if anchors:
        work.put(name, kept)
        quoted = ", ".join(f"“{anchor[:20]}”" for anchor in anchors)
        aside = work.set_aside(name, gone)
        yield f"{name}: the essay does not have {quoted} just once; those groups: {aside}"
