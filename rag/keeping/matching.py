"""A new essay -> the essay on the shelf that it is a version of, or an id that is free."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from rag.errors import IntakeError
from rag.keeping.entry import New
from rag.keeping.naming import named
from rag.load import EssayRow, essay_path
from rag.text import cleaned

FOLDERS = ("essays", "sources", "translations", "questions", "drafts")
_PART = re.compile(r"[^\n。！？!?]*[^\n。！？!?\W][^\n。！？!?]*")  # a sentence, or a line
_SAME = 0.5  # share of the new text that stands in the old essay, from which it is the same one
_ID = re.compile(r"[a-z0-9_]{1,64}")


class Matching:
    """The rows of a shelf by what an essay is known by again. Each is found once: what came before
    in the same import is claimed.
    """

    def __init__(self, corpus_dir: Path, rows: Sequence[EssayRow]) -> None:
        self._folder = corpus_dir
        self._rows = {row.id: row for row in rows}
        self._by: dict[tuple[str, ...], list[EssayRow]] = defaultdict(list)
        for row in rows:
            for key in _keys(row):
                self._by[key].append(row)
        self._twins = {row.imported.sha256: row.id for row in rows if row.imported}
        self._taken = set(self._rows) | _stems(corpus_dir)
        self._claimed: set[str] = set()

    def twin(self, new: New) -> str:
        """Return the id of the essay that was made from the very same file, "" for none."""
        twin = self._twins.get(new.sha256, "")
        return twin if new.id in {"", twin} else ""

    def find(self, new: New) -> EssayRow | None:
        """Return what `new` is a version of: the essay of its id, where it has one; else of its
        address; else of its title and author, unless the addresses differ; else of its file's name
        or its title, if most of the text is the same, too.
        """
        if new.id:
            return self._rows.get(new.id)
        url, title, author = new.about.url, new.title, cleaned(new.about.author)
        sure = [*self._known("url", url), *self._apart(new, self._known("by", title, author))]
        alike = [*self._known("name", cleaned(new.path.name)), *self._known("title", title)]
        maybe = (row for row in self._apart(new, alike) if self._is_like(row, new.text))
        return next((row for row in chain(sure, maybe) if row.id not in self._claimed), None)

    def _known(self, *key: str) -> list[EssayRow]:
        return self._by.get(key, [])

    def is_claimed(self, id_: str) -> bool:
        """Say whether an essay of this import has become the one of an id."""
        return id_ in self._claimed

    def claim(self, new: New, id_: str) -> None:
        """Note that `new` has become the essay of an id."""
        self._claimed.add(id_)
        self._taken.add(id_)
        self._twins[new.sha256] = id_

    def free(self, new: New) -> str:
        """Return an id for an essay that is on the shelf for the first time.

        Raises:
            IntakeError: the id that a person wants cannot be one, or names files already.
        """
        if not new.id:
            return named(new.title, new.path.name, self._taken)
        if not _ID.fullmatch(new.id):
            msg = f"--id {new.id}: an id has 1 to 64 of the signs a to z, 0 to 9 and _."
            raise IntakeError(msg)
        if new.id in self._taken:
            msg = f"--id {new.id}: files of this name are there already; choose another id."
            raise IntakeError(msg)
        return new.id

    def _apart(self, new: New, rows: Sequence[EssayRow]) -> list[EssayRow]:
        """Leave out the essays whose address is known to be another."""
        return [row for row in rows if not (row.url and new.about.url)]

    def _is_like(self, row: EssayRow, text: str) -> bool:
        try:
            old = essay_path(self._folder, row.id).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        before, parts = set(_PART.findall(old)), [p for p in _PART.findall(text) if p[0] != "#"]
        known = sum(len(p) for p in parts if p in before)
        return known > 0 and known >= _SAME * sum(map(len, parts))


def _keys(row: EssayRow) -> list[tuple[str, ...]]:
    """Return what an essay is known by: as its row says it, and as it was imported."""
    keys = {("url", row.url), ("by", row.title, row.author), ("title", row.title)}
    if row.imported:
        was = row.imported
        keys |= {("url", was.url), ("by", was.title, was.author), ("title", was.title)}
        keys.add(("name", was.name))
    return [key for key in keys if all(key)]


def _stems(corpus_dir: Path) -> set[str]:
    """Return the names, up to the first dot, of all files that may belong to an essay."""
    return {
        path.name.partition(".")[0] for name in FOLDERS for path in corpus_dir.glob(f"{name}/*")
    }
