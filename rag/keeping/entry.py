"""What is known of a new essay -> its row in the manifest; what its owner wrote there stays.

A field that nobody has changed since it was guessed is guessed anew, every other is kept.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rag.errors import IntakeError
from rag.intake.blocks import About
from rag.load import EssayRow, digest, is_date, row_problems
from rag.text import cleaned, language
from rag.types import Lang, Speaker

_LICENCE = "Not stated; check the author's terms before you publish."
_URL = re.compile(r"https?://\S+")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_HEAD = 2000  # characters that tell the language of an essay

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class New:
    """An essay for the shelf, and the file that it was made from.

    `text` is canonical, `sha256` that of the file as hex. `speakers` has the author first; () is
    the author alone. `id` is wanted by a person; "" leaves it to the title.
    """

    path: Path
    sha256: str
    text: str
    about: About
    speakers: tuple[Speaker, ...] = ()
    id: str = ""

    @property
    def title(self) -> str:
        """The title: as the document says, else its first heading, else the name of the file."""
        first = self.text.partition("\n")[0]
        heading = cleaned(first.removeprefix("# ")) if first.startswith("# ") else ""
        return cleaned(self.about.title) or heading or cleaned(self.path.stem) or "?"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row for the manifest: all of its fields, and what the owner should know of them."""

    fields: Fields
    notes: tuple[str, ...] = ()

    @property
    def row(self) -> EssayRow:
        """The row as `load` reads it."""
        return EssayRow.model_validate(self.fields)


def entry(new: New, id_: str, old: EssayRow | None = None) -> Entry:
    """Return the row of a new essay, or of a new version of `old`.

    Raises:
        IntakeError: there is no row with which the essay could be read.
    """
    fields = _guessed(new.title, new.about, _lang(new)) | {
        "id": id_,
        "source": f"sources/{id_}{_suffix(new.path)}",
        "sha256": digest(new.text),
        "licence": old.licence if old else _LICENCE,
    }
    if old:
        fields |= _kept(old, new)
    rows, seal, notes = _fitting(new, fields, _speakers(new, fields), old)
    remembered = _remembered(new, _lang(new)) | {"speakers_sha256": seal}
    return Entry(_checked(fields | {"imported": remembered, "speaker": rows}, new), notes)


def _lang(new: New) -> Lang:
    if new.about.lang[:2] in {"zh", "en"}:
        return "zh" if new.about.lang.startswith("zh") else "en"
    return "zh" if language(new.text[:_HEAD]) == "zh" else "en"


def _guessed(title: str, about: About, lang: str) -> Fields:
    """Return what the row says as long as nobody knows better; no name is invented."""
    unnamed = f"《{title}》的作者" if lang == "zh" else f"the author of “{title}”"
    unknown = dict.fromkeys(("site", "site_en", "url", "date"), "")
    unknown |= {"author": unnamed, "author_en": f"the author of “{title}”"}
    return unknown | {"title": title, "lang": lang} | _known(about)


def _known(about: About) -> Fields:
    """Return the fields that a document tells by itself."""
    author, site = cleaned(about.author), cleaned(about.site)
    known = {"author": author, "author_en": author, "site": site, "site_en": site}
    known["url"] = about.url if _URL.fullmatch(about.url) else ""
    known["date"] = about.date if is_date(about.date) else ""
    return {name: value for name, value in known.items() if value}


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ".txt"


def _remembered(new: New, lang: Lang) -> Fields:
    """Return what the next import of the same document compares with; what is unknown is left."""
    known = _known(new.about)
    told = {name: known[name] for name in ("author", "site", "url", "date") if name in known}
    return {
        "name": cleaned(new.path.name),
        "sha256": new.sha256,
        "essay_sha256": digest(new.text),
        "title": new.title,
        "lang": lang,
    } | told


def _kept(old: EssayRow, new: New) -> Fields:
    """Return what stays of the old row: what its owner wrote, what only the old document told."""
    names = ("title", "author", "author_en", "site", "site_en", "url", "date", "lang")
    if not old.imported:
        return {name: getattr(old, name) for name in names}
    was = About(
        author=old.imported.author,
        site=old.imported.site,
        url=old.imported.url,
        date=old.imported.date,
    )
    guess = _guessed(old.imported.title, was, old.imported.lang)
    only = _known(was).keys() - _known(new.about).keys()
    return {
        name: getattr(old, name)
        for name in names
        if getattr(old, name) != guess[name] or name in only
    }


def _speakers(new: New, fields: Mapping[str, Any]) -> list[Fields]:
    """Return the rows of who speaks, the author first and under the name that the row gives."""
    author = Speaker(fields["author"], fields["author_en"])
    found = new.speakers or (author,)
    if not found[0].name or found[0].name == fields["author"]:
        names = {"name": author.name, "name_en": author.name_en}
        return [_speaker(found[0]) | names, *map(_speaker, found[1:])]
    return list(map(_speaker, found))


def _speaker(speaker: Speaker) -> Fields:
    name = cleaned(speaker.name)
    row: Fields = {"name": name, "name_en": cleaned(speaker.name_en) or name}
    row |= {"url": speaker.url} if speaker.url else {}
    row |= {"asks": True} if speaker.asks else {}
    return row | {"labels": list(speaker.labels), "opens": list(speaker.opens)}


def _seal(speakers: Sequence[Fields]) -> str:
    """Return what tells rows of speakers apart, in whatever form they were written."""
    rows = [
        [row["name"], row["name_en"], row.get("url", ""), bool(row.get("asks")), *_marks(row)]
        for row in speakers
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _marks(row: Mapping[str, Any]) -> list[list[str]]:
    return [list(row["labels"]), list(row["opens"])]


def _fitting(
    new: New, fields: Fields, guessed: list[Fields], old: EssayRow | None
) -> tuple[list[Fields], str, tuple[str, ...]]:
    """Return rows of speakers with which the essay can be read, their seal, which is "" where they
    are the owner's, and notes on what gave way.
    """
    theirs = [speaker.model_dump() for speaker in old.speaker] if old else []
    sealed = old.imported.speakers_sha256 if old and old.imported else ""
    owned = bool(theirs) and _seal(theirs) != sealed
    if owned and _fits(fields, theirs, new.text):
        return [_plain(row) for row in theirs], "", ()
    known = {row["name"]: row for row in theirs}
    rows = [row | _names(known.get(row["name"], {})) for row in guessed]
    notes = ["the rows of its speakers no longer fit and were guessed anew"] if owned else []
    if not _fits(fields, rows, new.text):
        rows = [rows[0] | {"labels": [], "opens": []}]
        notes.append("its speakers could not be told apart; all of it is the author's")
    return rows, _seal(rows), tuple(notes)


def _names(known: Mapping[str, Any]) -> Fields:
    return {name: known[name] for name in ("name_en", "url") if known.get(name)}


def _plain(row: Mapping[str, Any]) -> Fields:
    """Return a row of a speaker without what need not be said."""
    plain = {name: value for name, value in row.items() if value or name in {"labels", "opens"}}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}


def _fits(fields: Fields, speakers: Sequence[Fields], text: str) -> bool:
    try:
        row = EssayRow.model_validate(fields | {"speaker": speakers})
    except ValidationError:
        return False
    return not any(row_problems(row, text))


def _checked(fields: Fields, new: New) -> Fields:
    try:
        row = EssayRow.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{new.path.name}: {', '.join(map(str, first['loc']))}: {first['msg']}."
        raise IntakeError(msg) from error
    for problem in row_problems(row, new.text) if new.text.strip() else ["holds no text."]:
        msg = f"{new.path.name}: {problem}"
        raise IntakeError(msg)
    return fields
