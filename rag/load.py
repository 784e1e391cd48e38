"""Corpus folder -> Document[]. Refuses what it would have to guess, naming file and field.

Knows the manifest and canonical form; nothing of passages, models or the index.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import CorpusError
from rag.text import canonical
from rag.types import Document, Lang, Speaker

_MANIFEST = "manifest.toml"
_Text = Annotated[str, Field(min_length=1)]
_LABEL = re.compile(
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


class _EssayRow(BaseModel):
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
    speaker: Annotated[tuple[_SpeakerRow, ...], Field(min_length=1)]


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    essay: Annotated[tuple[_EssayRow, ...], Field(min_length=1)]


def load(corpus_dir: Path) -> tuple[Document, ...]:
    """Return every essay of the manifest, in its order.

    Raises:
        CorpusError: the first problem found; `mentor doctor` lists them all.
    """
    for problem in problems(corpus_dir):
        raise CorpusError(problem)
    return tuple(_document(row, _read(essay_path(corpus_dir, row.id))) for row in _rows(corpus_dir))


def problems(corpus_dir: Path) -> Iterator[str]:
    """Yield one line for each thing wrong with the corpus, as "file: field: what to do"."""
    try:
        rows = _rows(corpus_dir)
    except CorpusError as error:
        yield str(error)
        return
    ids = [row.id for row in rows]
    for doubled in sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        yield f"{_MANIFEST}: id: '{doubled}' stands more than once; give each essay its own."
    for row in rows:
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
        CorpusError: the manifest cannot be read; nothing was changed.
    """
    import tomlkit  # keeps the owner's comments and order
    from tomlkit.exceptions import TOMLKitError

    try:
        manifest = tomlkit.parse(_read(corpus_dir / _MANIFEST))
        essays = cast("list[dict[str, Any]]", manifest["essay"])
        rows = [(row, str(row["id"])) for row in essays]
    except (TOMLKitError, KeyError, TypeError) as error:
        msg = f"{_MANIFEST}: no list of [[essay]] with an id each ({error})."
        raise CorpusError(msg) from error
    done = []
    for path in sorted((corpus_dir / "essays").glob("*.md")):
        try:
            text = _read(path)
        except CorpusError:
            continue
        if text.strip() and canonical(text) != text:
            path.write_text(canonical(text), encoding="utf-8", newline="\n")
            done.append(f"essays/{path.name}: rewritten in canonical form.")
    renewed = [id_ for row, id_ in rows if _renewed(corpus_dir, row, id_)]
    if renewed:
        text = tomlkit.dumps(manifest)
        (corpus_dir / _MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return done + [f"{_MANIFEST}: {id_}: sha256 renewed." for id_ in renewed]


def _renewed(corpus_dir: Path, row: dict[str, Any], id_: str) -> bool:
    """Put the sha256 of a readable essay into its row, and say whether that changed it."""
    try:
        text = _read(essay_path(corpus_dir, id_))
    except CorpusError:
        return False
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


def _rows(corpus_dir: Path) -> Sequence[_EssayRow]:
    text = _read(corpus_dir / _MANIFEST)
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


def _essay_problems(corpus_dir: Path, row: _EssayRow) -> Iterator[str]:
    file = f"essays/{row.id}.md"
    try:
        text = _read(essay_path(corpus_dir, row.id))
    except CorpusError as error:
        yield str(error)
        return
    if not text.strip():
        yield f"{file}: the file is empty; write the essay or remove its row from {_MANIFEST}."
        return
    if text != canonical(text):
        yield f"{file}: not canonical text (NFC, LF, no BOM); run `mentor doctor --fix`."
    if digest(text) != row.sha256:
        yield (
            f"{_MANIFEST}: {row.id}: sha256: differs from {file}; if the essay was changed on "
            "purpose, run `mentor doctor --fix`."
        )
    if row.source and not (corpus_dir / row.source).is_file():
        yield f"{_MANIFEST}: {row.id}: source: {row.source} is missing."
    if row.date and not _is_date(row.date):
        yield f"{_MANIFEST}: {row.id}: date: '{row.date}' is not a date like 2024-02-27."
    yield from _speaker_problems(row, text)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _speaker_problems(row: _EssayRow, text: str) -> Iterator[str]:
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
        unknown = _LABEL.match(line)
        if unknown and not line.startswith(tuple(labels)):
            yield (
                f"essays/{row.id}.md: unknown speaker '{unknown.group()}'; add a "
                f"[[essay.speaker]] with this label to {_MANIFEST}."
            )


def _document(row: _EssayRow, text: str) -> Document:
    speakers = tuple(Speaker(**speaker.model_dump()) for speaker in row.speaker)
    fields = row.model_dump(exclude={"speaker", "source"})
    return Document(**fields, text=text, speakers=speakers)
