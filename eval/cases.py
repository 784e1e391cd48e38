"""Question files -> Case[]: what is asked, and which quotes of which essays answer it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag import Document, Passage, Span

QUESTIONS = Path(__file__).resolve().parent / "questions"
Split = Literal["dev", "test", "tuning"]
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its gold: (essay id, quote) pairs; no gold means that Mentor must refuse."""

    id: str
    topic: str
    lang: str
    question: str
    gold: tuple[tuple[str, str], ...]
    history: tuple[str, ...] = ()
    kind: str = ""
    style: str = ""

    @property
    def answerable(self) -> bool:
        """Say whether the essays answer."""
        return bool(self.gold)


def read(split: Split, folder: Path = QUESTIONS) -> list[Case]:
    """Return the cases of one split, from every *.jsonl of the folder, in file order."""
    found = [row for path in sorted(folder.glob("*.jsonl")) for row in rows(path)]
    return [_case(row) for row in found if row["split"] == split]


def read_texts(path: Path) -> list[str]:
    """Return the questions of a JSON lines file: the "text" or "question" of each row.

    Rows without either are left out.
    """
    return [text for row in rows(path) if (text := row.get("text") or row.get("question"))]


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON lines file."""
    # Not `splitlines`: that also cuts at marks which JSON allows inside a text.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


def _case(row: Mapping[str, Any]) -> Case:
    gold = row["gold"]
    if not isinstance(gold, list):
        msg = f"{row['id']}: gold: must be a list of quotes."
        raise TypeError(msg)
    return Case(
        str(row["id"]),
        str(row["topic"]),
        str(row["lang"]),
        str(row["question"]),
        tuple((quote["doc_id"], quote["quote"]) for quote in gold),
        tuple(map(str, row.get("history", ()))),
        str(row["kind"]),
        str(row["style"]),
    )


def locate(document: Document, quote: str) -> Span:
    """Return where a gold quote stands in the essay, whatever its blanks.

    Raises:
        ValueError: it stands nowhere; the question file must be mended.
    """
    places = [at for at, letter in enumerate(document.text) if not letter.isspace()]
    flat = "".join(document.text[at] for at in places)
    wanted = _BLANK.sub("", quote)
    at = flat.find(wanted)
    if at < 0 or not wanted:
        msg = f"gold quote is not in {document.id}: {quote[:40]}"
        raise ValueError(msg)
    return Span(places[at], places[at + len(wanted) - 1] + 1)


def is_gold(passage: Passage, gold: Sequence[tuple[str, Span]]) -> bool:
    """Say whether a passage holds at least half of one of the gold spans."""
    return any(
        passage.doc_id == doc_id and 2 * passage.span.overlap(span) >= len(span)
        for doc_id, span in gold
    )
