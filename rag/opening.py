"""Settings -> what a Mentor is made from: the shelf as it stands, the models, the chat model."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.build import Progress, build
from rag.embed import Embedder, Pieces, open_embedder, open_pieces
from rag.engine import open_engine
from rag.enrich import decoys, enrich
from rag.errors import MissingModelError, StaleIndexError
from rag.index import Index, read
from rag.journal import steady
from rag.load import load
from rag.settings import Settings
from rag.shelf import Leaf, Shelf, shelve
from rag.types import Document
from rag.vectors import Engine

if TYPE_CHECKING:
    from rag.chat import Chat
    from rag.write import Writer

_log = logging.getLogger(__name__)

_TRIES = 3  # to open a shelf that others change and index meanwhile
_WAIT_S = 300.0  # for another process that is building the same index


@dataclass(frozen=True, slots=True)
class Stand:
    """The shelf as it stands on the disk, and the models that read it."""

    documents: Sequence[Document]
    shelf: Shelf
    embedder: Embedder
    pieces: Pieces


def models(settings: Settings) -> tuple[Embedder, Pieces]:
    """Open what turns texts into numbers. Raises MissingModelError."""
    return open_embedder(settings.embedder, offline=settings.offline), open_pieces()


def stand_of(
    settings: Settings, embedder: Embedder, pieces: Pieces, known: Sequence[Leaf] = ()
) -> Stand:
    """Read the shelf; leaves that are `known` are not split again. Raises CorpusError."""
    corpus = settings.corpus_dir
    documents, decoyed = steady(corpus, lambda: _read(corpus))
    model = f"{embedder.name} {pieces.name}"
    shelf = shelve(documents, decoyed, model, settings.passage_chars, known)
    return Stand(documents, shelf, embedder, pieces)


def _read(corpus: Path) -> tuple[list[Document], Sequence[str]]:
    return [enrich(document, corpus) for document in load(corpus)], decoys(corpus)


def bring_up_to_date(settings: Settings, stand: Stand, progress: Progress | None) -> int:
    """Build the index where it is not of this shelf; return how many essays were computed.

    Raises:
        IndexLockedError, IndexWriteError: as they say.
    """
    return build(
        settings.index_dir,
        stand.shelf,
        stand.embedder,
        stand.pieces,
        progress=progress or _unseen,
        wait_s=_WAIT_S,
        engine=engine_of(settings),
    )


def engine_of(settings: Settings) -> Engine | None:
    """Return the vector store outside the process, None for none. Raises StoreError."""
    return open_engine(settings.store, settings.store_key.get_secret_value())


def open_index(
    settings: Settings, progress: Progress | None, *, rebuild: bool
) -> tuple[Stand, Index]:
    """Open the shelf and its index, which is built first if it is missing or stale.

    Raises:
        StaleIndexError: the index must be built and `rebuild` is False, or somebody changes the
            shelf and indexes it again and again.
    """
    known, tries = models(settings), _TRIES
    while True:
        stand = stand_of(settings, *known)
        try:
            return stand, read(settings.index_dir, stand.shelf, stand.pieces, engine_of(settings))
        except StaleIndexError as stale:
            tries -= 1
            if not (rebuild and tries):
                raise
            _log.info("%s", stale)
            bring_up_to_date(settings, stand, progress)


def open_writer(settings: Settings) -> "Writer | None":
    """Return what words the answers, None where they are quotes alone."""
    if not settings.model:
        return None
    from rag.write import Writer  # an answer of quotes alone does not wait for this

    return Writer(open_model(settings), settings.model_deadline_s)


def open_model(settings: Settings) -> "Chat":
    """Return the chat model that the settings name.

    Raises:
        MissingModelError: they name none, or it cannot be opened.
    """
    if not settings.model:
        msg = "MENTOR_MODEL: is not set, and this needs a chat model; set it."
        raise MissingModelError(msg)
    from rag.chat import open_chat  # nor for this

    return open_chat(
        settings.model,
        key=settings.model_key.get_secret_value(),
        url=settings.model_url,
        temperature=settings.model_temperature,
        timeout_s=settings.model_timeout_s,
        retries=settings.model_retries,
    )


def _unseen(_what: str, _share: float) -> None:
    """Show no progress."""
