"""Drafts of a corpus folder: laid down, listed, and taken over or thrown away by a person.

`drafts/<id>.en.md`, `<id>.zh.md` and `<id>.toml` become the essay's translations and questions once
they are accepted, and are read for no answer before.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from rag.errors import CorpusError
from rag.journal import changing
from rag.keeping.beside import check
from rag.keeping.drafting import Drafter, Progress, group
from rag.load import load
from rag.types import Document, Lang

_FOLDER = "drafts"
_KINDS = frozenset({"toml", *(f"{lang}.md" for lang in get_args(Lang))})


@dataclass(frozen=True, slots=True)
class Draft:
    """What waits for a person: the essay's id, and the names of its draft files."""

    id: str
    names: tuple[str, ...]


def drafted(corpus_dir: Path, id_: str, drafter: Drafter, progress: Progress) -> Draft:
    """Have drafts written of what an essay lacks: its translations and, always, more questions.

    A draft that waits already is written anew.

    Raises:
        CorpusError: there is no such essay, or the folder cannot be written.
        GenerationError: the model fails; nothing was written.
    """
    document = _document(corpus_dir, id_)
    texts = {
        f"{id_}.{lang}.md": drafter.translation(document, lang, progress)
        for lang in get_args(Lang)
        if not (corpus_dir / "translations" / f"{id_}.{lang}.md").exists()
    }
    texts[f"{id_}.toml"] = drafter.questions(document, progress)
    names = tuple(f"{_FOLDER}/{name}" for name, text in texts.items() if text)
    with changing(corpus_dir) as journal:
        for name, text in texts.items():
            if text:
                journal.put(f"{_FOLDER}/{name}", text.encode())
    return Draft(id_, names)


def drafts(corpus_dir: Path) -> list[Draft]:
    """Return all that waits, by id; [] where nothing does."""
    found: dict[str, list[str]] = {}
    for path in sorted((corpus_dir / _FOLDER).glob("[!.]*.*")):
        id_, _, kind = path.name.partition(".")
        if kind in _KINDS:
            found.setdefault(id_, []).append(f"{_FOLDER}/{path.name}")
    return [Draft(id_, tuple(names)) for id_, names in found.items()]


def accepted(corpus_dir: Path, id_: str) -> list[str]:
    """Take an essay's drafts over, in one step; return the names of the files that they became.

    Questions join those that are there; one that is there already is left out.

    Raises:
        CorpusError: nothing waits, a draft does not fit its essay, or there is a translation
            already; nothing was changed.
    """
    with changing(corpus_dir) as journal:
        document = _document(corpus_dir, id_)  # as it is now, whatever was imported meanwhile
        waiting = _waiting(corpus_dir, id_)
        made = dict(_taken(corpus_dir, document, name) for name in waiting.names)
        for name, text in made.items():
            check(document, name, text)
            journal.put(name, text.encode())
        for name in waiting.names:
            journal.drop(name)
    return list(made)


def rejected(corpus_dir: Path, id_: str) -> Draft:
    """Throw an essay's drafts away.

    Raises:
        CorpusError: nothing waits, or the folder cannot be written.
    """
    with changing(corpus_dir) as journal:
        waiting = _waiting(corpus_dir, id_)
        for name in waiting.names:
            journal.drop(name)
    return waiting


def _document(corpus_dir: Path, id_: str) -> Document:
    for document in load(corpus_dir):
        if document.id == id_:
            return document
    msg = f"manifest.toml: no essay has the id '{id_}'; look for it among the [[essay]] there."
    raise CorpusError(msg)


def _waiting(corpus_dir: Path, id_: str) -> Draft:
    for draft in drafts(corpus_dir):
        if draft.id == id_:
            return draft
    msg = f"{_FOLDER}: none waits for '{id_}'; `mentor drafts` lists those that do."
    raise CorpusError(msg)


def _taken(corpus_dir: Path, document: Document, name: str) -> tuple[str, str]:
    """Return the file that a draft becomes, and what that will say."""
    text = _text(corpus_dir, name)
    if name.endswith(".toml"):
        goal = f"questions/{document.id}.toml"
        there = _text(corpus_dir, goal) if (corpus_dir / goal).exists() else ""
        return goal, _joined(there, text, name)
    goal = f"translations/{Path(name).name}"
    if (corpus_dir / goal).exists():
        msg = f"{goal}: is there already; remove it to take the draft over, or reject the draft."
        raise CorpusError(msg)
    return goal, text


def _joined(there: str, text: str, name: str) -> str:
    """Return the questions that are there, as they stand, and behind them those that are new."""
    try:
        old, new = (tomllib.loads(one).get("group", []) for one in (there, text))
        known = {asked for one in old for lang in get_args(Lang) for asked in one.get(lang, ())}
        fresh = [group(one["anchor"], _without(one, known)) for one in new if _without(one, known)]
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError) as error:
        msg = f"{name}: is no file of questions ({error}); mend it, or reject the draft."
        raise CorpusError(msg) from error
    return "\n".join([*([there.rstrip("\n") + "\n"] if there else []), *fresh])


def _without(one: Mapping[str, Any], known: set[str]) -> dict[str, list[str]]:
    asked = {lang: [t for t in one.get(lang, ()) if t not in known] for lang in get_args(Lang)}
    return asked if any(asked.values()) else {}


def _text(corpus_dir: Path, name: str) -> str:
    try:
        return (corpus_dir / name).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{name}: cannot be read as UTF-8 ({error})."
        raise CorpusError(msg) from error
