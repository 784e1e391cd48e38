"""A set-up -> what is right and wrong with it, a line for each fact.

What is on this machine: libraries, models, the shelf, the index, disk and memory. Knows nothing of
ports and providers. Whatever it meets, it goes on with the next group.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from rag import doctor
from rag.doctor.inventory import Fact, State, index_facts, kept_facts, lock_facts
from rag.embed import SHIPPED, open_pieces
from rag.errors import MentorError
from rag.index import Generation, published
from rag.keeping.backup import version_of_mentor
from rag.load import rows
from rag.opening import models, stand_of
from rag.settings import Settings
from rag.shelf import fingerprint

_LIBRARIES = ("chromadb", "gradio", "pydantic", "uvicorn")
_HEAVY = ("torch", "sentence-transformers")  # the light install leaves them out
_MODEL_FILES = (
    "model.safetensors", "tokenizer.json", "evidence.json", "checker.json", "retold.json",
    "names.txt", "opposites.txt",
)  # fmt: skip
_MB = 1_000_000
_DISK_MB, _DISK_SHORT_MB = 500, 60
_MEMORY_MB = 500
_BUILT = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right shows less


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact about one group of things; a wrong one says what to do. It is printable."""

    group: str
    state: State
    text: str


def examine(group: str, check: Callable[[], Iterator[Fact]]) -> Iterator[Finding]:
    """Yield what a check finds; an error in it is a finding, too, and never ends the diagnosis."""
    try:
        for state, text in check():
            yield Finding(group, state, _printable(text))
    except MentorError as error:
        yield Finding(group, "wrong", _printable(str(error)))
    except Exception as error:  # noqa: BLE001 - a broken set-up may break anything
        told = f"cannot be examined ({type(error).__name__}: {error}); mend what it names."
        yield Finding(group, "wrong", _printable(told))


def examined(settings: Settings) -> Iterator[Finding]:
    """Yield what there is to say about everything on this machine; nothing but the shelf's own
    interrupted changes is carried out.
    """
    checks: dict[str, Callable[[Settings], Iterator[Fact]]] = {
        "Installation": _installation,
        "Models": _models,
        "Shelf": _shelf,
        "Index": _index,
        "Locks": lambda settings: lock_facts(settings.index_dir, settings.corpus_dir),
        "Kept": lambda settings: kept_facts(settings.index_dir),
        "Machine": _machine,
    }
    for group, check in checks.items():
        yield from examine(group, lambda check=check: check(settings))  # type: ignore[misc]


def _printable(text: str) -> str:
    """Return a text on one line that a terminal only shows, whatever the name of a file holds."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(text.split()))


# ---- what is installed ----


def _installation(_settings: Settings) -> Iterator[Fact]:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    yield "ok", f"Mentor {version_of_mentor()} on Python {found}"
    for name in _LIBRARIES:
        at = _version(name)
        yield ("ok", f"{name} {at}") if at else ("wrong", f"{name} is missing; run `make install`.")
    heavy = {name: _version(name) for name in _HEAVY}
    if all(heavy.values()):
        yield "ok", ", ".join(f"{name} {at}" for name, at in heavy.items())
    else:
        yield "note", "the light install: other embedders, rerankers and checkers need the full one"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _models(settings: Settings) -> Iterator[Fact]:
    missing = [name for name in _MODEL_FILES if not (SHIPPED / name).is_file()]
    if missing:
        yield "wrong", f"{SHIPPED}: lacks {', '.join(missing)}; check it out again."
    else:
        yield "ok", f"the shipped model can be read ({open_pieces().name})"
    kind, _, checker = settings.checker.partition(":")
    named = {
        "MENTOR_EMBEDDER": settings.embedder,
        "MENTOR_RERANKER": settings.reranker,
        "MENTOR_CHECKER": checker if kind == "cross-encoder" else "",
    }
    for variable, name in named.items():
        if name:
            yield _is_here(variable, name, offline=settings.offline)


def _is_here(variable: str, name: str, *, offline: bool) -> Fact:
    """Say whether a model is on this machine; it is not loaded, which may take a minute."""
    if find_spec("sentence_transformers") is None:
        return "wrong", f"{variable} needs the full install; run `make install`, or unset it."
    if Path(name).is_dir():
        return "ok", f"{variable}: the folder {name} is there"
    if _is_cached(name):
        return "ok", f"{variable}: {name} is on this machine"
    if not offline:
        return "note", f"{variable}: {name} is loaded from a hub at the first start"
    load = "load it once with MENTOR_OFFLINE=false, or give a folder."
    return "wrong", f"{variable}: {name} is not on this machine; {load}"


def _is_cached(name: str) -> bool:
    """Say whether a hub's model was loaded before; hub names are PUBLISHER/NAME."""
    from huggingface_hub.constants import HF_HUB_CACHE  # its own look-up takes a second to import

    full = name if "/" in name else f"sentence-transformers/{name}"
    folder = Path(HF_HUB_CACHE) / f"models--{full.replace('/', '--')}" / "snapshots"
    return any(folder.glob("*/config.json"))


# ---- the shelf and its index ----


def _shelf(settings: Settings) -> Iterator[Fact]:
    problems = list(doctor.problems(settings.corpus_dir))
    for problem in problems:
        yield "wrong", problem
    if not problems:
        count = len(rows(settings.corpus_dir))
        yield "ok", f"{settings.corpus_dir}: {count} essays, in order"
    if not os.access(settings.corpus_dir, os.W_OK):
        yield "note", f"{settings.corpus_dir}: cannot be written; nothing can be imported"


def _index(settings: Settings) -> Iterator[Fact]:
    facts = list(index_facts(settings.index_dir))
    yield from facts
    if facts[0][0] == "ok":
        yield _fits(settings)


def _fits(settings: Settings) -> Fact:
    """Say whether an index was made from the shelf as it stands, with the model that is set."""
    if settings.embedder:
        return (
            "note",
            "whether it is of this shelf shows at the start: MENTOR_EMBEDDER is not loaded now",
        )
    try:
        stand = stand_of(settings, *models(settings))
    except MentorError as error:
        return "note", f"it cannot be compared with the shelf ({error})"
    generation = Generation.read(settings.index_dir, published(settings.index_dir))
    if generation.fingerprint == fingerprint(stand.shelf.keys):
        return "ok", f"it is of this shelf and this model ({len(stand.documents)} essays)"
    return "note", "it is of other essays or another model; the next start brings it up to date"


# ---- the machine ----


def _machine(settings: Settings) -> Iterator[Fact]:
    import psutil  # type: ignore[import-untyped]

    for folder in dict.fromkeys((settings.index_dir, settings.corpus_dir)):
        yield _room(folder)
    memory = psutil.virtual_memory()
    told = f"{memory.available // _MB:,} of {memory.total // _MB:,} MB of memory are free"
    short = memory.available < _MEMORY_MB * _MB * settings.workers
    need = f"; each worker needs about {_MEMORY_MB} MB"
    yield ("note", told + need) if short else ("ok", told)
    now = datetime.now(UTC)
    if now < _BUILT:
        yield "wrong", f"the clock says {now:%Y-%m-%d}; set it, or TLS and daily budgets fail."
    else:
        yield "ok", f"the clock says {now:%Y-%m-%d %H:%M} UTC"


def _room(folder: Path) -> Fact:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free // _MB
    told = f"{free:,} MB are free where {folder} is"
    if free < _DISK_SHORT_MB:
        return "wrong", f"{told}; free some, or set MENTOR_INDEX_DIR."
    return ("note", f"{told}; that is little") if free < _DISK_MB else ("ok", told)
