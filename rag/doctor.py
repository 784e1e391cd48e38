"""Corpus folder -> everything wrong with it, and the mending of what is mechanical."""

from collections.abc import Iterator
from pathlib import Path

from rag import load
from rag.enrich import decoys, enrich
from rag.errors import CorpusError


def problems(corpus_dir: Path) -> Iterator[str]:
    """Yield one line for each problem: the essays, their translations, their questions."""
    found = list(load.problems(corpus_dir))
    yield from found
    if found:
        return  # what is written about an essay can only be checked against a sound one
    for document in load.load(corpus_dir):
        try:
            enrich(document, corpus_dir)
        except CorpusError as error:
            yield str(error)
    try:
        decoys(corpus_dir)
    except CorpusError as error:
        yield str(error)


def fix(corpus_dir: Path) -> list[str]:
    """Rewrite composition, line ends and sha256 where they are wrong; return one line a change."""
    return load.fix(corpus_dir)
