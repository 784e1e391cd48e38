"""Mentor: its shelf as it is shipped, and the essays alone, without what the project wrote.

"alone" leaves out the translations and the questions of beginners, and keeps only the questions
that no essay answers, as `python -m eval run --bare all` does: what any other essays would get.
"""

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wire


def build(folder: Path, index: Path, given: argparse.Namespace) -> Sequence[str]:
    """Copy the shelf that the essays are on, and index it."""
    from rag import Mentor, doctor

    corpus = index / "corpus"
    shutil.copytree(folder.parent, corpus, ignore=_written if given.way == "alone" else None)
    doctor.fix(corpus)
    mentor = Mentor.open(_settings(index))
    try:
        everything = mentor.retrieve("research", 1_000_000)
        return [hit.passage.text for hit in everything]
    finally:
        mentor.close()


def load(index: Path, given: argparse.Namespace) -> wire.Ask:  # noqa: ARG001 - as all have it
    """Open the index; a reply is a whole answer with its quotes, and the passages it is from."""
    from rag import Mentor

    mentor = Mentor.open(_settings(index), rebuild=False)

    def ask(question: str) -> dict[str, Any]:
        answer = mentor.ask(question)
        passages = [
            wire.passage(hit.passage.text, hit.passage.doc_id, *_ends(hit.passage.span))
            for hit in mentor.retrieve(question, wire.FIRST)
        ]
        quotes = [
            wire.passage(cited.quote, cited.doc_id, *_ends(cited.span))
            for sentence in answer.sentences
            for cited in sentence.citations
        ]
        return {
            "passages": passages,
            "near": None,
            "refused": answer.status == "refused",
            "quotes": quotes,
        }

    return ask


def _settings(index: Path) -> Any:  # noqa: ANN401 - imported late, as the rest
    from rag import Settings

    return Settings(corpus_dir=index / "corpus", index_dir=index / "made", model="")


def _written(folder: str, names: Sequence[str]) -> list[str]:
    """Return which files of a shelf's folder the project wrote about its essays."""
    if Path(folder).name == "questions":
        return [name for name in names if not name.endswith(".txt")]
    return [name for name in names if name == "translations"]


def _ends(span: Any) -> tuple[int, int]:  # noqa: ANN401 - likewise
    return span.start, span.end


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - as `mentor` sets it
    wire.main(build, load)
