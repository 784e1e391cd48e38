"""LlamaIndex: what the citation query engine would cite, and words and meaning fused."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wire

_FOUND = 3  # nodes that are cut into citations, in the engine's own example
_SHORT = {"chunk_size": 256, "chunk_overlap": 40}
# Its BM25 drops what is no word of two letters between blanks: every Chinese character is one here.
_CHINESE = r"(?u)[\u3400-\u9fff]|\b[a-zA-Z0-9]\w+\b"


def build(folder: Path, index: Path, given: argparse.Namespace) -> Sequence[str]:
    """Split the essays, embed what comes out, keep it in a folder."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter

    splitter = SentenceSplitter() if given.way == "default" else SentenceSplitter(**_SHORT)
    whole = [Document(text=text, metadata={"essay": name}) for name, text in wire.essays(folder)]
    made = VectorStoreIndex.from_documents(
        whole, transformations=[splitter], embed_model=_embedding(given)
    )
    made.storage_context.persist(persist_dir=str(index))
    return [node.text for node in made.docstore.docs.values()]


def load(index: Path, given: argparse.Namespace) -> wire.Ask:
    """Open the index as it is asked."""
    from llama_index.core import StorageContext, load_index_from_storage

    context = StorageContext.from_defaults(persist_dir=str(index))
    opened = load_index_from_storage(context, embed_model=_embedding(given))
    return _citing(opened) if given.way == "default" else _fused(opened)


def _citing(opened: Any) -> wire.Ask:  # noqa: ANN401 - its types are not here
    from llama_index.core import Settings
    from llama_index.core.llms import MockLLM
    from llama_index.core.query_engine import CitationQueryEngine
    from llama_index.core.response_synthesizers import ResponseMode

    Settings.llm = MockLLM()  # it wants one even where nothing is to be written
    engine = CitationQueryEngine.from_args(
        opened, response_mode=ResponseMode.NO_TEXT, similarity_top_k=_FOUND
    )

    def ask(question: str) -> dict[str, Any]:
        # A citation keeps the place of the node that it was cut from: not its own.
        found = engine.query(question).source_nodes
        return wire.reply([wire.passage(_bare(each.node.text)) for each in found])

    return ask


def _fused(opened: Any) -> wire.Ask:  # noqa: ANN401 - likewise
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.retrievers.bm25 import BM25Retriever

    meaning = opened.as_retriever(similarity_top_k=10)
    words = BM25Retriever.from_defaults(index=opened, similarity_top_k=10, token_pattern=_CHINESE)
    both = QueryFusionRetriever(
        [meaning, words],
        llm=MockLLM(),
        mode="reciprocal_rerank",
        num_queries=1,
        similarity_top_k=wire.FIRST,
        use_async=False,
    )

    def ask(question: str) -> dict[str, Any]:
        found = [each.node for each in both.retrieve(question)]
        passages = [
            wire.passage(node.text, node.metadata["essay"], node.start_char_idx, node.end_char_idx)
            for node in found
        ]
        return wire.reply(passages, near=lambda: float(meaning.retrieve(question)[0].score))

    return ask


def _bare(cited: str) -> str:
    """Return a citation without its "Source 1:"."""
    return cited.partition("\n")[2] if cited.startswith("Source ") else cited


def _embedding(given: argparse.Namespace) -> Any:  # noqa: ANN401 - likewise
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    return HuggingFaceEmbedding(model_name=given.model)


if __name__ == "__main__":
    wire.main(build, load)
