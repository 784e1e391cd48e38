"""Corpus folder -> Document[]. Refuses what it would have to guess, naming file and field.

Knows the manifest and canonical form; nothing of passages, models or the index.
"""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag import journal
from rag.errors import CorpusError, one_line
from rag.text import canonical
from rag.types import Document, Lang, Speaker

_MANIFEST = journal.MANIFEST
_Text = Annotated[str, Field(min_length=1)]
LABEL = re.compile(
    r"(?:[A-Z][\w.'-]*(?: [A-Z][\w.'-]*){0,2}|[\u4e00-\u9fff]{2,4})[:：](?!//|\s*https?:)"
)


class _SpeakerRow(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: _Text
    name_en: _Text
    url: str = ""
    labels: tuple[_Text, ...] = ()
    opens: tuple[_Text, ...] = ()
    asks: bool = False


class Imported(BaseModel):
    """What an import found, so that the next one knows what the owner has changed since.

    `name` and `sha256` are those of the document that was imported, `essay_sha256` of the essay
    made from it; the other fields are as they were guessed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    sha256: str
    essay_sha256: str
    title: str = ""
    author: str = ""
    site: str = ""
    url: str = ""
    date: str = ""
    lang: str = ""
    speakers_sha256: str = ""


class EssayRow(BaseModel):
    """A row of the manifest, with the people who speak in the essay."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    # A hyphen would clash with the separator of citation links.
    id: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    title: _Text
    author: _Text
    author_en: _Text
    site: str
    site_en: str
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    date: str = ""
    lang: Lang
    source: str = ""
    sha256: str
    licence: _Text
    note: str = ""
    imported: Imported | None = None
    speaker: Annotated[tuple[_SpeakerRow, ...], Field(min_length=1)]


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    essay: Annotated[tuple[EssayRow, ...], Field(min_length=1)]


def load(corpus_dir: Path) -> tuple[Document, ...]:
    """Return every essay of the manifest, in its order.

    A change of the shelf that was interrupted is carried out first; while somebody else changes it,
    the shelf is read again.

    Raises:
        CorpusError: the first problem found; `mentor doctor` lists them all.
    """
    return journal.steady(corpus_dir, lambda: _loaded(corpus_dir))


def _loaded(corpus_dir: Path) -> tuple[Document, ...]:
    found = rows(corpus_dir)
    for problem in _problems_of(corpus_dir, found):
        raise CorpusError(problem)
    return tuple(document(row, _read(essay_path(corpus_dir, row.id))) for row in found)


def problems(corpus_dir: Path) -> Iterator[str]:
    """Yield one line for each thing wrong with the corpus, as "file: field: what to do"."""
    try:
        yield from map(one_line, journal.steady(corpus_dir, lambda: list(_problems(corpus_dir))))
    except CorpusError as error:
        yield str(error)


def _problems(corpus_dir: Path) -> Iterator[str]:
    try:
        yield from _problems_of(corpus_dir, rows(corpus_dir))
    except CorpusError as error:
        yield str(error)


def _problems_of(corpus_dir: Path, found: Sequence[EssayRow]) -> Iterator[str]:
    ids = Counter(row.id for row in found)
    for doubled in sorted(id_ for id_, count in ids.items() if count > 1):
        yield f"{_MANIFEST}: id: '{doubled}' stands more than once; give each essay its own."
    for row in found:
        yield from _essay_problems(corpus_dir, row)
    for path in sorted((corpus_dir / "essays").glob("*.md")):
        if path.stem not in ids:
            yield f"essays/{path.name}: no [[essay]] in {_MANIFEST} has id '{path.stem}'; add one."


def essay_path(corpus_dir: Path, doc_id: str) -> Path:
    """Return where the text of an essay stands."""
    return corpus_dir / "essays" / f"{doc_id}.md"


def digest(text: str) -> str:
    """Return the sha256 of `text` in UTF-8, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def fix(corpus_dir: Path) -> list[str]:
    """Rewrite what is mechanical (composition, line ends, sha256); return one line per change.

    Words are never changed: an essay that is not UTF-8, empty or missing is left to a person.

    Raises:
        CorpusError: the manifest cannot be read, or the shelf not be written; nothing was changed.
    """
    journal.settle(corpus_dir)
    if not _mended(corpus_dir)[1]:
        return []  # a shelf in order need not be one that can be written
    with journal.changing(corpus_dir) as changes:
        made, done = _mended(corpus_dir)
        for name, text in made.items():
            changes.put(name, text.encode())
    return done


def _mended(corpus_dir: Path) -> tuple[dict[str, str], list[str]]:
    """Return the files that are to be rewritten, and a line for each change."""
    import tomlkit  # keeps the owner's comments and order
    from tomlkit.exceptions import TOMLKitError

    try:
        manifest = tomlkit.parse(_read(corpus_dir / _MANIFEST))
        essays = cast("list[dict[str, Any]]", manifest["essay"])
        known = [(row, str(row["id"])) for row in essays]
    except (TOMLKitError, KeyError, TypeError) as error:
        msg = f"{_MANIFEST}: no list of [[essay]] with an id each ({error})."
        raise CorpusError(msg) from error
    made, done, texts = {}, [], {}
    for path in sorted((corpus_dir / "essays").glob("[!.]*.md")):
        try:
            text = _read(path)
        except CorpusError:
            continue
        texts[path.stem] = whole = canonical(text)
        if text.strip() and whole != text:
            made[f"essays/{path.name}"] = whole
            done.append(f"essays/{path.name}: rewritten in canonical form.")
    renewed = [id_ for row, id_ in known if _renewed(row, texts.get(id_, ""))]
    if renewed:
        made[_MANIFEST] = tomlkit.dumps(manifest)
    return made, done + [f"{_MANIFEST}: {id_}: sha256 renewed." for id_ in renewed]


def _renewed(row: dict[str, Any], text: str) -> bool:
    """Put the sha256 of an essay into its row, and say whether that changed it."""
    if not text.strip() or row.get("sha256") == digest(text):
        return False
    row["sha256"] = digest(text)
    return True


def _read(path: Path) -> str:
    """Return a file's text with its line ends as they stand."""
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        msg = f"{_name(path)}: byte {error.start} is not UTF-8; save the file as UTF-8."
        raise CorpusError(msg) from error
    except OSError as error:
        msg = f"{_name(path)}: cannot be read ({error.strerror}); put the file back."
        raise CorpusError(msg) from error


def _name(path: Path) -> str:
    return f"essays/{path.name}" if path.parent.name == "essays" else path.name


def rows(corpus_dir: Path) -> Sequence[EssayRow]:
    """Return the rows of the manifest, in its order.

    Raises:
        CorpusError: the manifest cannot be read, or a row is not what it should be.
    """
    return rows_of(_read(corpus_dir / _MANIFEST))


def rows_of(text: str) -> Sequence[EssayRow]:
    """Return the rows of a manifest, given its text; raises like `rows`."""
    try:
        return _Manifest.model_validate(tomllib.loads(text)).essay
    except tomllib.TOMLDecodeError as error:
        msg = f"{_MANIFEST}: not TOML: {error}."
        raise CorpusError(msg) from error
    except ValidationError as error:
        raise CorpusError(_first_field(error, tomllib.loads(text))) from error


def _first_field(error: ValidationError, raw: dict[str, object]) -> str:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if len(place) > 1 and place[0] == "essay":
        essays = raw["essay"]
        row = essays[int(place[1])] if isinstance(essays, list) else {}
        unnamed = f"essay {int(place[1]) + 1}"
        place[:2] = [str(row.get("id", unnamed)) if isinstance(row, dict) else unnamed]
    return f"{_MANIFEST}: {': '.join(place)}: {first['msg']}."


def _essay_problems(corpus_dir: Path, row: EssayRow) -> Iterator[str]:
    file = f"essays/{row.id}.md"
    try:
        text = _read(essay_path(corpus_dir, row.id))
    except CorpusError as error:
        yield str(error)
        return
    if not text.strip():
        yield f"{file}: the file is empty; write the essay or remove its row from {_MANIFEST}."
        return
    yield from row_problems(row, text)
    if row.source and not (corpus_dir / row.source).is_file():
        yield f"{_MANIFEST}: {row.id}: source: {row.source} is missing."


def row_problems(row: EssayRow, text: str) -> Iterator[str]:
    """Yield one line for each thing in which a row and the text of its essay do not go together."""
    file = f"essays/{row.id}.md"
    if text != canonical(text):
        yield f"{file}: not canonical text (NFC, LF, no BOM); run `mentor doctor --fix`."
    if digest(text) != row.sha256:
        yield (
            f"{_MANIFEST}: {row.id}: sha256: differs from {file}; if the essay was changed on "
            "purpose, run `mentor doctor --fix`."
        )
    if row.date and not is_date(row.date):
        yield f"{_MANIFEST}: {row.id}: date: '{row.date}' is not a date like 2024-02-27."
    yield from _speaker_problems(row, text)


def is_date(text: str) -> bool:
    """Say whether a text is a day as the manifest takes it, like 2024-02-27."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _speaker_problems(row: EssayRow, text: str) -> Iterator[str]:
    """A voice that the manifest names must speak, and in a dialogue nobody else may."""
    lines = [line for line in text.split("\n") if line]
    labels = [label for speaker in row.speaker for label in speaker.labels]
    for index, speaker in enumerate(row.speaker):
        for mark in (*speaker.labels, *speaker.opens):
            if not any(line.startswith(mark) for line in lines):
                yield (
                    f"{_MANIFEST}: {row.id}: speaker {index + 1} ({speaker.name}): "
                    f"no paragraph begins with '{mark}'."
                )
    for line in lines if any(label[-1] in ":：" for label in labels) else ():
        unknown = LABEL.match(line)
        if unknown and not line.startswith(tuple(labels)):
            yield (
                f"essays/{row.id}.md: unknown speaker '{unknown.group()}'; add a "
                f"[[essay.speaker]] with this label to {_MANIFEST}."
            )


def document(row: EssayRow, text: str) -> Document:
    """Return an essay from its row and its text, which are taken to go together."""
    speakers = tuple(Speaker(**speaker.model_dump()) for speaker in row.speaker)
    fields = row.model_dump(exclude={"speaker", "source", "imported"})
    return Document(**fields, text=text, speakers=speakers)
