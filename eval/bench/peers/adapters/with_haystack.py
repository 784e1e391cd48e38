"""Haystack: words and meaning joined by rank, with its own splitter and with one for Chinese."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wire

_SHORT = {
    "split_length": 400,
    "split_overlap": 80,
    "split_unit": "char",
    "separators": ["\n\n", "\n", "。", "！", "？", ". ", "，", " "],
}
_STORED = "store.json"


def build(folder: Path, index: Path, given: argparse.Namespace) -> Sequence[str]:
    """Split the essays, embed what comes out, keep it in a file."""
    from haystack import Document
    from haystack.components.preprocessors import DocumentSplitter, RecursiveDocumentSplitter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
    )

    splitter = DocumentSplitter() if given.way == "default" else RecursiveDocumentSplitter(**_SHORT)
    embedder = SentenceTransformersDocumentEmbedder(model=given.model, progress_bar=False)
    for component in (splitter, embedder):
        component.warm_up()
    whole = [Document(content=text, meta={"essay": name}) for name, text in wire.essays(folder)]
    parts = splitter.run(documents=whole)["documents"]
    store = InMemoryDocumentStore()
    store.write_documents(embedder.run(documents=parts)["documents"])
    store.save_to_disk(str(index / _STORED))
    return [part.content for part in parts]


def load(index: Path, given: argparse.Namespace) -> wire.Ask:
    """Open the index as its tutorial on hybrid retrieval asks it."""
    pipeline = _pipeline(index, given)

    def ask(question: str) -> dict[str, Any]:
        said = pipeline.run(
            {"embedder": {"text": question}, "words": {"query": question}},
        )
        return wire.reply([*map(_passage, said["joiner"]["documents"])])

    return ask


def _pipeline(index: Path, given: argparse.Namespace) -> Any:  # noqa: ANN401 - its types are not here
    from haystack import Pipeline
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersTextEmbedder,
    )

    store = InMemoryDocumentStore.load_from_disk(str(index / _STORED))
    pipeline = Pipeline()
    pipeline.add_component(
        "embedder", SentenceTransformersTextEmbedder(model=given.model, progress_bar=False)
    )
    pipeline.add_component("meaning", InMemoryEmbeddingRetriever(store))
    pipeline.add_component("words", InMemoryBM25Retriever(store))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
    pipeline.connect("embedder.embedding", "meaning.query_embedding")
    pipeline.connect("meaning", "joiner")
    pipeline.connect("words", "joiner")
    pipeline.warm_up()
    return pipeline


def _passage(part: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    start = part.meta.get("split_idx_start")
    end = None if start is None else start + len(part.content)
    return wire.passage(part.content, part.meta["essay"], start, end)


if __name__ == "__main__":
    wire.main(build, load)
