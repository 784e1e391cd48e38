"""Corpus folder -> everything wrong with it, and the mending of what is mechanical."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import get_args

from rag import load
from rag.enrich import SET_ASIDE, decoys, questions, translation
from rag.errors import CorpusError
from rag.journal import steady
from rag.types import Lang


def problems(corpus_dir: Path) -> Iterator[str]:
    """Yield one line for each problem: the essays, their translations, their questions."""
    try:
        yield from steady(corpus_dir, lambda: list(_problems(corpus_dir)))
    except CorpusError as error:
        yield str(error)


def _problems(corpus_dir: Path) -> Iterator[str]:
    found = list(load.problems(corpus_dir))
    yield from found
    if found:
        return  # what is written about an essay can only be checked against a sound one
    documents = load.load(corpus_dir)
    for document in documents:
        for lang in get_args(Lang):
            yield from _refused(partial(translation, document, corpus_dir, lang))
        yield from _refused(partial(questions, document, corpus_dir))
    yield from _refused(partial(decoys, corpus_dir))
    known = {f"{d.id}.{kind}" for d in documents for kind in ("en.md", "zh.md", "toml")}
    for path in sorted([*corpus_dir.glob("translations/*"), *corpus_dir.glob("questions/*.toml")]):
        if path.name not in known and SET_ASIDE not in path.suffixes:
            yield f"{path.parent.name}/{path.name}: belongs to no essay of the manifest."


def _refused(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except CorpusError as error:
        yield str(error)


def fix(corpus_dir: Path) -> list[str]:
    """Rewrite composition, line ends and sha256 where they are wrong; return one line a change."""
    return load.fix(corpus_dir)
