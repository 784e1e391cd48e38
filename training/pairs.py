"""Files of text pairs -> (query, passage) rows. Knows file formats, nothing of models.

`parallel_*`, `comparable_*`, `dict_*`, `para_*` hold two columns; `qa_*` hold {"q", "p"} objects.
The project's own text, in `training/text`, holds advice in both languages with questions that it
answers (*.jsonl: "p_zh", "p_en", "q_zh", "q_en") and a glossary (*.tsv: Chinese, English).
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

OWN = Path(__file__).resolve().parent / "text"

# How often a batch comes from a file, by its kind: dictionaries give the two languages one
# space, parallel text teaches sentences, the qa files teach "question -> text that answers it".
_WEIGHTS: dict[str, float] = {
    "advice": 3.0,
    "terms": 0.5,
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
    """One file of pairs.

    `weight` is its relative chance to give the next batch; `english` says which side is English
    throughout, if one is. Rows of the same `group` answer each other's queries, and never share
    a batch.
    """

    name: str
    queries: Sequence[str]
    passages: Sequence[str]
    weight: float
    english: Literal["queries", "passages", ""] = ""
    groups: Sequence[int] = ()


def read(folder: Path, own: Path = OWN) -> list[PairFile]:
    """Return every pair file of `folder`, by name, then the project's own text.

    Raises:
        FileNotFoundError: `folder` holds none.
    """
    files = [_file(path) for path in sorted(folder.glob("*.gz"))]
    if not files:
        msg = f"{folder} holds no *.tsv.gz or *.jsonl.gz; see training/README.md for the list."
        raise FileNotFoundError(msg)
    return [*files, _advice(own), _terms(own)]


def file_rows(folder: Path, name: str) -> list[tuple[str, str]]:
    """Return the pairs of one pair file, in file order; none for a name that is not there."""
    return [
        pair
        for path in sorted(folder.glob(f"{name}.*.gz"))
        for pair in _rows(path)
        if all(side.strip() for side in pair)
    ]


def _file(path: Path) -> PairFile:
    name = path.name.split(".")[0]
    rows = file_rows(path.parent, name)
    queries, passages = zip(*rows, strict=True)
    english: Literal["queries", "passages", ""] = ""
    if name.startswith("dict"):
        english = "passages"
    elif name.startswith(("parallel", "comparable")):
        english = "queries"
    return PairFile(name, queries, passages, _WEIGHTS.get(name, 0.5), english)


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if path.name.endswith(".jsonl.gz"):
                row = json.loads(line)
                yield row["q"], row["p"]
            else:
                left, right = line.rstrip("\n").split("\t")[:2]
                yield left, right


def _advice(own: Path) -> PairFile:
    """Pair every question with both languages of the passage that answers it."""
    rows: list[tuple[int, str, str]] = []
    for group, line in enumerate(_lines(own, "advice_*.jsonl")):
        row = json.loads(line)
        pairs = product([*row["q_zh"], *row["q_en"]], [row["p_zh"], row["p_en"]])
        rows += [(group, question, passage) for question, passage in pairs]
    groups, queries, passages = zip(*rows, strict=True)
    return PairFile("advice", queries, passages, _WEIGHTS["advice"], groups=groups)


def _terms(own: Path) -> PairFile:
    rows = (line.split("\t")[:2] for line in _lines(own, "*.tsv"))
    chinese, english = zip(*rows, strict=True)
    return PairFile("terms", chinese, english, _WEIGHTS["terms"], "passages")


def _lines(own: Path, pattern: str) -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(own.glob(pattern))]
    return [line for text in texts for line in text.split("\n") if line.strip()]
