"""Question files -> Case[]: what is asked, and which quotes of which essays answer it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from rag import Document, Passage, Span
from rag import locate as stands

_HERE = Path(__file__).resolve().parent
QUESTIONS, POINTS = _HERE / "questions", _HERE / "points.jsonl"
_FURNITURE = _HERE / "furniture.txt"
_TELLING = 8  # characters of a dropped line that can be nothing else
Split = Literal["dev", "test", "tuning"]


@dataclass(frozen=True, slots=True)
class Point:
    """What a good answer must say, in both languages, and the words of an essay that say it."""

    zh: str
    en: str
    quote: str


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
    points: tuple[Point, ...] = ()

    @property
    def answerable(self) -> bool:
        """Say whether the essays answer."""
        return bool(self.gold)


def read(split: Split, folder: Path = QUESTIONS) -> list[Case]:
    """Return the cases of one split, from every *.jsonl of the folder, in file order."""
    found = [row for path in sorted(folder.glob("*.jsonl")) for row in rows(path)]
    points = {row["topic"]: row["points"] for row in rows(POINTS)}
    return [_case(row, points.get(row["topic"], ())) for row in found if row["split"] == split]


def read_texts(path: Path) -> list[str]:
    """Return the questions of a JSON lines file: the "text" or "question" of each row.

    Rows without either are left out.
    """
    return [text for row in rows(path) if (text := row.get("text") or row.get("question"))]


@cache
def furniture() -> tuple[str, ...]:
    """Return the page furniture that can be told from prose: "提交" and "Python" cannot."""
    lines = _FURNITURE.read_text(encoding="utf-8").split("\n")
    return tuple(line for line in lines if len(line) > _TELLING)


def rows(path: Path, *fields: str) -> list[dict[str, Any]]:
    """Return the objects of a JSON lines file, each of which has the `fields`.

    Raises:
        ValueError: as `numbered`.
    """
    return [row for _, row in numbered(path, *fields)]


def numbered(path: Path, *fields: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each object of a JSON lines file with its line, from 1; blank lines are none.

    Raises:
        ValueError: a line is no object, or lacks one of the `fields`; file and line are named.
    """
    # Not `splitlines`: that also cuts at marks which JSON allows inside a text.
    for at, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        row = _parsed(line)
        if not isinstance(row, dict):
            msg = f"{path}, line {at}: is no JSON object."
            raise ValueError(msg)  # noqa: TRY004 - a file is wrong, not a call
        if missing := [field for field in fields if field not in row]:
            msg = f"{path}, line {at}: needs {', '.join(missing)}."
            raise ValueError(msg)
        yield at, row


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8"))
    except ValueError:
        return None


def _case(row: Mapping[str, Any], points: Sequence[Mapping[str, str]]) -> Case:
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
        tuple(Point(point["zh"], point["en"], point["quote"]) for point in points),
    )


def script(text: str) -> str:
    """Return "zh" for a text of which a fifth or more is Han, else "en"."""
    return "zh" if sum("\u3400" <= c <= "\u9fff" for c in text) * 5 > len(text) else "en"


def locate(document: Document, quote: str) -> Span:
    """Return where a gold quote stands in the essay, whatever its blanks and marks.

    Raises:
        ValueError: it stands nowhere; the question file must be mended.
    """
    found = stands(quote, document.text)
    if found is None:
        msg = f"gold quote is not in {document.id}: {quote[:40]}"
        raise ValueError(msg)
    return found[0]


def is_gold(passage: Passage, gold: Sequence[tuple[str, Span]]) -> bool:
    """Say whether a passage holds at least half of one of the gold spans."""
    return any(passage.doc_id == doc_id and covers(passage.span, span) for doc_id, span in gold)


def covers(span: Span, gold: Span) -> bool:
    """Say whether a stretch holds at least half of a gold span."""
    return 2 * span.overlap(gold) >= len(gold)
