"""What an honest and a lying model would write to the golden questions, and what of it is proved.

`drafts.jsonl` holds sentences by topic and language, each with the place of the essay that it rests
on, or leans on. They were written from the very prompt of `rag/prompts.py`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Literal

from eval.cases import locate, numbered
from eval.figures import Figure
from rag import Lang, Mentor, Passage, weighed

DRAFTS = Path(__file__).resolve().parent / "drafts.jsonl"
_FIELDS = ("id", "split", "topic", "lang", "label", "how", "doc_id", "quote", "text")
_ONE_OF = {"split": ("dev", "test"), "lang": ("zh", "en"), "label": ("supported", "unsupported")}
_TIMED, _UNTIMED = 200, 20  # checks whose time is taken, and those before, so that all is loaded


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence without its number. `quote` stands in the essay `doc_id`, and does not bear out
    what is not `supported`; another essay, `elsewhere`, may.
    """

    id: str
    split: str
    topic: str
    lang: Lang
    supported: bool
    how: str
    doc_id: str
    quote: str
    text: str
    elsewhere: str


@cache
def read(split: Literal["dev", "test"], path: Path = DRAFTS) -> tuple[Draft, ...]:
    """Return the drafts of a split, in the order of their lines.

    Raises:
        ValueError: a row is wrong; file and line are named.
    """
    found = (_draft(row, f"{path}, line {at}") for at, row in numbered(path, *_FIELDS))
    return tuple(draft for draft in found if draft.split == split)


def _draft(row: dict[str, Any], place: str) -> Draft:
    for name, known in _ONE_OF.items():
        if row[name] not in known:
            msg = f"{place}: {name}: '{row[name]}' is none of {', '.join(known)}."
            raise ValueError(msg)
    return Draft(
        id=row["id"],
        split=row["split"],
        topic=row["topic"],
        lang=row["lang"],
        supported=row["label"] == "supported",
        how=row["how"],
        doc_id=row["doc_id"],
        quote=row["quote"],
        text=row["text"],
        elsewhere=row.get("true_doc_id", ""),
    )


def passage_of(mentor: Mentor, draft: Draft) -> Passage:
    """Return the passage that a draft rests on, or leans on."""
    document = mentor.documents[draft.doc_id]
    return mentor.passages_at(draft.doc_id, locate(document, draft.quote))[0]


def supports(mentor: Mentor, drafts: Sequence[Draft]) -> list[float]:
    """Return how surely the passage of each draft bears it out; 0 where a rule forbids it."""
    return [_support(mentor, draft, passage_of(mentor, draft)) for draft in drafts]


def _support(mentor: Mentor, draft: Draft, passage: Passage) -> float:
    speakers = [s for document in mentor.documents.values() for s in document.speakers]
    document, checker = mentor.documents[draft.doc_id], mentor.retold_checker
    found = weighed(draft.text, passage, document, draft.lang, speakers, checker)
    return found[1] if found else 0.0


def checking(mentor: Mentor, drafts: Sequence[Draft]) -> Figure:
    """Return the median of the milliseconds that one check takes, against one passage.

    Some of the drafts are checked, evenly spread; without any the figure is empty.
    """
    chosen = drafts[:: -(-len(drafts) // _TIMED) or 1]
    supports(mentor, chosen[:_UNTIMED])
    taken = []
    for draft in chosen:
        passage = passage_of(mentor, draft)
        started = time.perf_counter()
        _support(mentor, draft, passage)
        taken.append((time.perf_counter() - started) * 1000)
    value = median(taken) if taken else None
    return Figure("waits, ms", "one check, median", value, None, len(taken), "lower")
