"""txtai: paragraphs by meaning, and by words and meaning with Chinese in mind."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wire

_HYBRID = {
    "scoring": {
        "method": "bm25",
        "terms": True,
        "normalize": True,
        # Its own tokenizer takes a run of Chinese for one word.
        "tokenizer": {"regexp": "[\u3400-\u9fff]|[a-z0-9]+"},
    }
}


def build(folder: Path, index: Path, given: argparse.Namespace) -> Sequence[str]:
    """Split the essays at their paragraphs, embed them, keep them in a folder."""
    from txtai import Embeddings
    from txtai.pipeline import Segmentation

    split = Segmentation(paragraphs=True)
    parts = [(name, part) for name, text in wire.essays(folder) for part in split(text)]
    more: dict[str, Any] = {} if given.way == "default" else _HYBRID
    embeddings = Embeddings(path=given.model, content=True, **more)
    embeddings.index({"text": part, "essay": name} for name, part in parts)
    embeddings.save(str(index / "made"))
    return [part for _, part in parts]


def load(index: Path, given: argparse.Namespace) -> wire.Ask:
    """Open the index; the hybrid way has a score from 0 to 1, which queries may ask for."""
    from txtai import Embeddings

    embeddings = Embeddings()
    embeddings.load(str(index / "made"))
    asked = "select text, essay, score from txtai where similar(:q) limit 5"

    def ask(question: str) -> dict[str, Any]:
        found = embeddings.search(asked, parameters={"q": question})
        passages = [wire.passage(each["text"], each["essay"]) for each in found]
        best = max((each["score"] for each in found), default=0.0)
        return wire.reply(passages, near=None if given.way == "default" else lambda: float(best))

    return ask


if __name__ == "__main__":
    wire.main(build, load)
