"""Files of public text pairs -> (query, passage) rows. Knows file formats, nothing of models.

`parallel_*`, `comparable_*`, `dict_*`, `para_*` hold two columns; `qa_*` hold {"q", "p"} objects.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# How often a batch comes from a file, by its kind: dictionaries give the two languages one
# space, parallel text teaches sentences, the qa files teach "question -> text that answers it".
_WEIGHTS: dict[str, float] = {
    "dict_cedict": 3.0,
    "dict_openwordnet": 1.0,
    "para_words_cow": 0.5,
    "para_tatoeba": 0.1,
    "parallel_tatoeba": 2.0,
    "parallel_tfdocs": 1.5,
    "parallel_tfdocs_sent": 1.5,
    "parallel_d2l": 1.0,
    "parallel_d2l_sent": 1.0,
    "parallel_paddle": 0.5,
    "parallel_paddle_sent": 0.3,
    "parallel_csselflearning": 0.7,
    "parallel_csselflearning_sent": 0.5,
    "comparable_arxivai_title_tldr": 1.5,
    "qa_arxivai_title2abs_en": 1.5,
    "qa_arxivai_title_en2body_zh": 2.0,
    "qa_arxivai_tldr2body_zh": 1.5,
    "qa_arxivai_tldrzh2abs_en": 2.0,
    "qa_csl": 0.5,
    "qa_head_advice_csselflearning_zh": 0.3,
    "qa_head_advice_research_tao_zh": 0.2,
    "qa_head_d2l_zh": 0.5,
    "qa_head_paddle_zh": 0.3,
    "qa_head_tfdocs_zh": 0.5,
}


@dataclass(frozen=True, slots=True)
class PairFile:
    """One file of pairs; `weight` is its relative chance to give the next batch."""

    name: str
    queries: Sequence[str]
    passages: Sequence[str]
    weight: float


def read(folder: Path) -> list[PairFile]:
    """Return every pair file of `folder`, by name; raise FileNotFoundError where there is none."""
    files = [_file(path) for path in sorted(folder.glob("*.gz"))]
    if not files:
        msg = f"{folder} holds no *.tsv.gz or *.jsonl.gz; see training/README.md for the list."
        raise FileNotFoundError(msg)
    return files


def _file(path: Path) -> PairFile:
    name = path.name.split(".")[0]
    rows = [pair for pair in _rows(path) if all(side.strip() for side in pair)]
    queries, passages = zip(*rows, strict=True)
    return PairFile(name, queries, passages, _WEIGHTS.get(name, 0.5))


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if path.name.endswith(".jsonl.gz"):
                row = json.loads(line)
                yield row["q"], row["p"]
            else:
                left, right = line.rstrip("\n").split("\t")[:2]
                yield left, right
