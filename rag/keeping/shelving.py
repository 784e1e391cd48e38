"""Essays -> the corpus folder, whole or not at all: added, brought up to date, taken away.

What an update or a removal takes off the shelf is kept under `.trash`, in a folder of its own that
is laid out as the shelf is. What the project wrote about an essay and no longer fits it is set
aside beside where it stood. Knows nothing of how a document is read.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from typing_extensions import override

from rag.errors import CorpusError, IntakeError
from rag.journal import MANIFEST, Journal, changing, steady
from rag.keeping.beside import Work, brought_along
from rag.keeping.changes import NONE, Difference, difference
from rag.keeping.entry import Entry, New, entry
from rag.keeping.manifest import Manifest
from rag.keeping.matching import FOLDERS, Matching
from rag.load import EssayRow, digest, document, essay_path, rows_of

__all__ = ["Change", "Kind", "New", "planned", "removed", "shelved", "standing"]

Kind = Literal["added", "updated", "unchanged", "refused", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became, or would become, of one essay; a refused one is left as it is.

    `difference` tells of the passages of one that is updated. `notes` are lines for its owner: why
    it is refused, what no longer fits it and where that is kept.
    """

    id: str
    kind: Kind
    difference: Difference = NONE
    notes: tuple[str, ...] = ()


def planned(corpus_dir: Path, news: Sequence[New], *, force: bool = False) -> list[Change]:
    """Return what `shelved` would do, in the order of `news`, and write nothing; raises like it."""

    def rehearsed() -> list[Change]:
        return _Shelf(corpus_dir, _Unwritten(corpus_dir)).taken(news, force=force)

    return steady(corpus_dir, rehearsed)


def shelved(corpus_dir: Path, news: Sequence[New], *, force: bool = False) -> list[Change]:
    """Put essays on the shelf, all that are not refused in one step; changes in their order.

    An essay that is there already is updated. It is known again by its address, by title and
    author, or by the name of its file and most of its text. What its owner wrote stays; where that
    is the essay itself, the update is refused without `force`. The same file again changes nothing.
    A folder without a manifest becomes a shelf.

    Raises:
        CorpusError: the shelf cannot be read or written; nothing was changed.
    """
    with changing(corpus_dir) as journal:
        return _Shelf(corpus_dir, journal).taken(news, force=force)


def removed(corpus_dir: Path, id_: str) -> Change:
    """Take an essay off the shelf, with all that belongs to it, into `.trash`.

    Raises:
        CorpusError: there is no such essay, it is the last one, or the shelf cannot be written;
            nothing was changed.
    """
    with changing(corpus_dir) as journal:
        return _Shelf(corpus_dir, journal).rid_of(id_)


def standing(corpus_dir: Path, id_: str) -> str:
    """Return the text of an essay as it stands on the shelf, "" where there is none."""
    path = essay_path(corpus_dir, id_)
    return path.read_text(encoding="utf-8") if id_ and path.is_file() else ""


class _Unwritten(Journal):
    """A journal that forgets."""

    @override
    def put(self, name: str, data: bytes) -> None: ...

    @override
    def drop(self, name: str) -> None: ...


class _Shelf:
    """The shelf as it stands, its manifest as it will, and the journal that leads there."""

    def __init__(self, corpus_dir: Path, journal: Journal) -> None:
        text = _manifest(corpus_dir)
        rows = rows_of(text) if text else ()
        self._folder, self._journal = corpus_dir, journal
        self._manifest, self._matching = Manifest(text), Matching(corpus_dir, rows)
        self._rows = {row.id: row for row in rows}
        if {*self._rows} != self._manifest.ids:
            msg = f"{MANIFEST}: a row is not written under [[essay]], with its fields below it."
            raise CorpusError(msg)

    def taken(self, news: Sequence[New], *, force: bool) -> list[Change]:
        """Take essays in; those that cannot be are refused, each for itself."""
        changes = []
        for new in news:
            try:
                changes.append(self._take(new, force=force))
            except IntakeError as error:
                changes.append(Change(new.id, "refused", notes=(str(error),)))
        if any(change.kind in {"added", "updated"} for change in changes):
            self._put_manifest()
        return changes

    def rid_of(self, id_: str) -> Change:
        """Move an essay to the trash."""
        if id_ not in self._rows:
            msg = f"{MANIFEST}: no essay has the id '{id_}'; look for it among the [[essay]] there."
            raise CorpusError(msg)
        if len(self._rows) == 1:
            msg = f"{MANIFEST}: '{id_}' is the only essay and a shelf needs one; add another first."
            raise CorpusError(msg)
        names = self._belonging(id_)
        work = Work(self._folder, dict.fromkeys(names))
        trash = self._keep(work, id_, names)
        self._written(work)
        self._manifest.remove(id_)
        self._put_manifest()
        return Change(id_, "removed", notes=(f"kept in {trash}",))

    def _put_manifest(self) -> None:
        text = str(self._manifest)
        rows_of(text)  # raises where a row was written in a way that a change of it spoils
        self._journal.put(MANIFEST, text.encode())

    def _take(self, new: New, *, force: bool) -> Change:
        twin = self._matching.twin(new)
        if twin and (not force or self._matching.is_claimed(twin)):
            return Change(twin, "unchanged")
        old = self._rows[twin] if twin else self._matching.find(new)
        work = Work(self._folder)
        if old and not force:
            _refuse_written(work, old)
        data = _bytes(new)
        change = self._update(work, new, old) if old else self._add(new)
        work.put(f"essays/{change.id}.md", new.text)
        work.files[self._rows[change.id].source] = data
        self._written(work)
        self._matching.claim(new, change.id)
        return change

    def _add(self, new: New) -> Change:
        made = entry(new, self._matching.free(new))
        self._manifest.add(made.fields)
        self._rows[made.row.id] = made.row
        return Change(made.row.id, "added", notes=made.notes)

    def _update(self, work: Work, new: New, old: EssayRow) -> Change:
        made = entry(new, old.id, old)
        name = f"essays/{old.id}.md"
        before = work.text(name)
        notes = [*made.notes, *brought_along(work, old.id, before, new.text)]
        work.files.update(dict.fromkeys(self._sources(old)))
        trash = self._keep(work, old.id, [name, made.row.source, *self._sources(old)])
        self._manifest.change(old.id, _changed(made, old))
        self._rows[old.id] = made.row
        was = document(old, before) if before else None
        compared = difference(was, document(made.row, new.text))
        return Change(old.id, "updated", compared, (*notes, f"what it was is kept in {trash}"))

    def _keep(self, work: Work, id_: str, names: Sequence[str]) -> str:
        """Copy files and the row of an essay into a new folder of the trash; return its name."""
        trash = f".trash/{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{id_}"
        for name in names:
            path = self._folder / name
            if path.is_file():
                work.files[f"{trash}/{name}"] = path.read_bytes()
        work.put(f"{trash}/{MANIFEST}", self._manifest.row(id_))
        return trash

    def _belonging(self, id_: str) -> list[str]:
        """Return the names of the files of an essay: those that begin with its id and a dot."""
        files = [path for name in FOLDERS for path in self._folder.glob(f"{name}/{id_}.*")]
        names = [path.relative_to(self._folder).as_posix() for path in files if path.is_file()]
        return sorted({*names, *self._sources(self._rows[id_])})

    def _sources(self, row: EssayRow) -> list[str]:
        """Return the source of an essay, if it has one among the sources and for itself."""
        shared = any(other.source == row.source and other != row for other in self._rows.values())
        path = self._folder / row.source
        return [row.source] if path.parent == self._folder / "sources" and not shared else []

    def _written(self, work: Work) -> None:
        for name, data in work.files.items():
            if data is None:
                self._journal.drop(name)
            else:
                self._journal.put(name, data)


def _refuse_written(work: Work, old: EssayRow) -> None:
    """Raise where an essay is not as an import left it."""
    text = work.text(f"essays/{old.id}.md")
    if old.imported and (not text or digest(text) == old.imported.essay_sha256):
        return
    how = "was changed by hand since it was imported" if old.imported else "was not imported"
    msg = f"essays/{old.id}.md {how}; --force writes over it and keeps what is there in .trash."
    raise IntakeError(msg)


def _changed(made: Entry, old: EssayRow) -> dict[str, object]:
    """Return the fields of a row that differ from those that stand there."""
    before, after = old.model_dump(), made.row.model_dump()
    return {name: value for name, value in made.fields.items() if before[name] != after[name]}


def _bytes(new: New) -> bytes:
    try:
        data = new.path.read_bytes()
    except OSError as error:
        msg = f"{new.path.name}: cannot be read ({error.strerror}); nothing of it was written."
        raise IntakeError(msg) from error
    if hashlib.sha256(data).hexdigest() != new.sha256:
        msg = f"{new.path.name}: was changed while it was read; import it again."
        raise IntakeError(msg)
    return data


def _manifest(corpus_dir: Path) -> str:
    """Return the manifest's text, "" where there is no shelf yet."""
    path = corpus_dir / MANIFEST
    if not path.exists() and not any(corpus_dir.glob("essays/*")):
        return ""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{MANIFEST}: cannot be read as UTF-8 text ({error}); put the file back."
        raise CorpusError(msg) from error
