"""LangChain: the tutorial's pipeline, and an ensemble of words and meaning with Chinese in mind."""

import argparse
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wire

# Both as the documentation has them: "Build a semantic search engine", and "Splitting text from
# languages without word boundaries".
_TUTORIAL = {"chunk_size": 1000, "chunk_overlap": 200}
_CHINESE = ["\n\n", "\n", " ", ".", ",", "\u200b", "\uff0c", "\u3001", "\uff0e", "\u3002", ""]
_SHORT = {"chunk_size": 400, "chunk_overlap": 80, "separators": _CHINESE}


def build(folder: Path, index: Path, given: argparse.Namespace) -> Sequence[str]:
    """Split the essays, embed what comes out, keep it in Chroma."""
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    size: dict[str, Any] = _TUTORIAL if given.way == "default" else _SHORT
    splitter = RecursiveCharacterTextSplitter(add_start_index=True, **size)
    whole = [
        Document(page_content=text, metadata={"essay": name}) for name, text in wire.essays(folder)
    ]
    parts = splitter.split_documents(whole)
    _store(index, given).add_documents(parts)
    (index / "parts.pickle").write_bytes(pickle.dumps(parts))  # BM25 keeps nothing on disk itself
    return [part.page_content for part in parts]


def load(index: Path, given: argparse.Namespace) -> wire.Ask:
    """Open the index as it is asked: by meaning alone, or by both."""
    store = _store(index, given)
    if given.way == "default":
        return lambda question: wire.reply([*map(_passage, store.similarity_search(question, k=5))])
    both = _both(store, pickle.loads((index / "parts.pickle").read_bytes()))  # noqa: S301 - ours

    def ask(question: str) -> dict[str, Any]:
        return wire.reply([*map(_passage, both.invoke(question))], near=lambda: near(question))

    def near(question: str) -> float:
        return float(store.similarity_search_with_relevance_scores(question, k=1)[0][1])

    return ask


def _both(store: Any, parts: Sequence[Any]) -> Any:  # noqa: ANN401 - its types are not here
    import jieba
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever

    jieba.initialize()
    words = BM25Retriever.from_documents(
        parts, preprocess_func=lambda text: jieba.lcut(text.lower()), k=10
    )
    return EnsembleRetriever(retrievers=[words, store.as_retriever(search_kwargs={"k": 10})])


def _store(index: Path, given: argparse.Namespace) -> Any:  # noqa: ANN401 - likewise
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

    return Chroma(
        collection_name="essays",
        embedding_function=HuggingFaceEmbeddings(model_name=given.model),
        persist_directory=str(index),
    )


def _passage(part: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    start = part.metadata["start_index"]
    text = part.page_content
    return wire.passage(text, part.metadata["essay"], start, start + len(text))


if __name__ == "__main__":
    wire.main(build, load)
