"""`mentor gaps`: what people asked and the shelf did not answer, in groups of one meaning."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from rag import Mentor, MentorError, QuestionError
from ui.asked import Asked
from ui.asked_file import AskedFile
from ui.commands.command import Corpus, Index, Json, opened, settings_of
from ui.terminal import stderr

Days = Annotated[
    int | None, typer.Option("--days", min=1, max=36_500, help="Only the last so many days.")
]
_EXAMPLES, _NEAREST = 5, 3
_EXCERPT_CHARS = 160


@dataclass(frozen=True, slots=True)
class Near:
    """A passage that comes near to a question, and how near: a cosine, None by its words alone."""

    id: str
    title: str
    text: str
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions of one meaning that the shelf, or what was made of it, left open.

    `asked` counts all of them, `refused` those without an answer; the others got a bad thumb.
    `question` is the one in their middle, `examples` are others.
    """

    question: str
    asked: int
    refused: int
    languages: dict[str, int]
    since: datetime
    examples: tuple[str, ...]
    nearest: tuple[Near, ...]

    @property
    def is_open(self) -> bool:
        """Say whether most of them were refused, rather than answered badly."""
        return 2 * self.refused >= self.asked

    @property
    def lacks(self) -> str:
        """Say in a sentence what the shelf lacks."""
        if not self.is_open:
            return "The shelf gives an answer here, and readers call it unhelpful or badly proved."
        if not self.nearest:
            return "No essay answers this, and none comes near."
        near = self.nearest[0]
        how = "" if near.similarity is None else f", at a likeness of {near.similarity:.2f} of 1"
        return f"No essay answers this; the nearest is “{near.title}”{how}."


def show(
    *,
    days: Days = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many groups.")] = 20,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page of them to this file.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Of the page: en or zh.")] = "en",
    as_lines: Json = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Show what people asked and the essays do not say: what to put on the shelf next."""
    if lang not in {"en", "zh"}:
        msg = f"--lang is en or zh, not {lang}."
        raise MentorError(msg)
    rows = asked_since(settings_of(corpus, index).index_dir, days)
    with opened(corpus, index) as mentor:
        found = gaps(mentor, rows, top)
    if html:
        from ui.commands.gaps_page import write

        write(html, found, rows, "zh" if lang == "zh" else "en")
        stderr().print(Text(f"Written: {html}"), soft_wrap=True)
    if as_lines:
        sys.stdout.write(json.dumps([gap_json(gap) for gap in found], ensure_ascii=False) + "\n")
    elif not html:
        Console(file=sys.stdout).print(_table(found) if found else _none(rows))


def asked_since(index_dir: Path, days: int | None) -> list[Asked]:
    """Return what was asked in the last `days` days, all that is kept for None.

    Raises:
        MentorError: nothing was ever kept, or the file cannot be read.
    """
    file = AskedFile(index_dir)
    if not file.path.exists():
        msg = f"{file.path}: no question is kept; set MENTOR_QUESTION_LOG=true and serve."
        raise MentorError(msg)
    return file.rows(datetime.now(UTC) - timedelta(days=days) if days else None)


def gaps(mentor: Mentor, rows: Sequence[Asked], top: int) -> list[Gap]:
    """Return the `top` groups of questions that were left open, the most asked first; of equals
    the one that began first. None gives [].
    """
    open_: dict[str, list[Asked]] = {}
    for row in rows:
        if row.failed:
            open_.setdefault(row.question.casefold(), []).append(row)
    texts = sorted(open_.values(), key=len, reverse=True)
    groups = [
        [texts[place] for place in places]
        for places in mentor.alike([same[0].question for same in texts])
    ]
    groups.sort(key=lambda group: (-sum(map(len, group)), min(same[0].at for same in group)))
    return [_gap(mentor, group) for group in groups[:top]]


def gap_json(gap: Gap) -> dict[str, Any]:
    """Return a gap as plain JSON values."""
    return asdict(gap) | {"since": gap.since.date().isoformat(), "lacks": gap.lacks}


def _gap(mentor: Mentor, group: Sequence[Sequence[Asked]]) -> Gap:
    every = [row for same in group for row in same]
    question, *others = (same[0].question for same in group)
    return Gap(
        question=question,
        asked=len(every),
        refused=sum(row.status == "refused" for row in every),
        languages=dict(Counter(row.lang for row in every).most_common()),
        since=min(row.at for row in every),
        examples=tuple(others[:_EXAMPLES]),
        nearest=tuple(_nearest(mentor, question)),
    )


def _nearest(mentor: Mentor, question: str) -> Iterator[Near]:
    with suppress(QuestionError):  # it may have been asked under a longer limit
        for hit in mentor.retrieve(question, _NEAREST):
            text = " ".join(hit.passage.text.split())
            cut = text if len(text) <= _EXCERPT_CHARS else f"{text[: _EXCERPT_CHARS - 1]}…"
            likeness = max((match.similarity for match in hit.matches), default=None)
            title = mentor.documents[hit.passage.doc_id].title
            yield Near(hit.passage.id, title, cut, likeness)


def _table(found: Sequence[Gap]) -> Table:
    table = Table(show_lines=True)
    for name in ("asked", "in", "since", "question", "what the shelf lacks"):
        side: JustifyMethod = "right" if name == "asked" else "left"
        table.add_column(name, justify=side, overflow="fold")
    for gap in found:
        languages = ", ".join(f"{lang} {count}" for lang, count in gap.languages.items())
        facts = (str(gap.asked), languages, f"{gap.since:%Y-%m-%d}", gap.question, gap.lacks)
        table.add_row(*map(Text, facts))
    return table


def _none(rows: Sequence[Asked]) -> Text:
    return Text(f"Of {len(rows)} questions none was left open.")
