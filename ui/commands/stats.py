"""`mentor stats`: how much is asked, how it is answered, and which essays carry the answers."""

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.text import Text

from ui.asked import Asked
from ui.commands.command import Corpus, Index, Json, opened, settings_of
from ui.commands.gaps import Days, asked_since

_MOST = 10


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of what was asked. A share and a time of nothing are None.

    `p50_ms` and `p95_ms` are of whole answers. `passages` and `essays` are the most cited, with how
    many questions cite them; essays that none cites are in `never_cited`.
    """

    questions: int
    answered_share: float | None
    refused_share: float | None
    languages: dict[str, int]
    thumbs: dict[str, int]
    p50_ms: float | None
    p95_ms: float | None
    passages: dict[str, int]
    essays: dict[str, int]
    never_cited: tuple[str, ...]


def show(
    *, days: Days = None, as_lines: Json = False, corpus: Corpus = None, index: Index = None
) -> None:
    """Show figures of what was asked; a greeting and a cry for help are not among it."""
    rows = asked_since(settings_of(corpus, index).index_dir, days)
    with opened(corpus, index) as mentor:
        found = stats(rows, list(mentor.documents))
        titles = {id_: document.title for id_, document in mentor.documents.items()}
    if as_lines:
        sys.stdout.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
        return
    for line in _lines(found, titles):
        Console(file=sys.stdout).print(Text(line), soft_wrap=True)


def stats(rows: Sequence[Asked], essays: Sequence[str]) -> Stats:
    """Return the figures of what was asked; `essays` are the ids of those on the shelf."""
    passages = Counter(id_ for row in rows for id_ in row.cited)
    by_essay = Counter(essay for row in rows for essay in {_essay(id_) for id_ in row.cited})
    took = [row.timings_ms["total"] for row in rows if "total" in row.timings_ms]
    answered = sum(row.status == "answered" for row in rows)
    p50, p95 = _percentiles(took)
    return Stats(
        questions=len(rows),
        answered_share=answered / len(rows) if rows else None,
        refused_share=1 - answered / len(rows) if rows else None,
        languages=dict(Counter(row.lang for row in rows).most_common()),
        thumbs=dict(Counter(row.verdict for row in rows if row.verdict).most_common()),
        p50_ms=p50,
        p95_ms=p95,
        passages=dict(passages.most_common(_MOST)),
        essays=dict(by_essay.most_common(_MOST)),
        never_cited=tuple(id_ for id_ in essays if id_ not in by_essay),
    )


def _percentiles(numbers: Sequence[float]) -> tuple[float | None, float | None]:
    if len(numbers) < 2:
        return (numbers[0], numbers[0]) if numbers else (None, None)
    cuts = statistics.quantiles(numbers, n=20, method="inclusive")
    return round(cuts[9], 2), round(cuts[18], 2)


def _essay(passage_id: str) -> str:
    return passage_id.rpartition(":")[0]


def _lines(found: Stats, titles: Mapping[str, str]) -> Iterator[str]:
    yield f"Questions: {found.questions}"
    if found.answered_share is not None and found.refused_share is not None:
        yield f"Answered {found.answered_share:.1%}, refused {found.refused_share:.1%}"
    yield f"Languages: {_counted(found.languages)}"
    yield f"Thumbs: {_counted(found.thumbs)}"
    if found.p50_ms is not None:
        yield f"Milliseconds of an answer: half within {found.p50_ms}, 95% within {found.p95_ms}"
    yield f"Most cited passages: {_counted(found.passages)}"
    yield f"Most cited essays: {_counted(_titled(found.essays, titles))}"
    yield f"Never cited: {', '.join(titles[id_] for id_ in found.never_cited) or 'none'}"


def _titled(counts: Mapping[str, int], titles: Mapping[str, str]) -> dict[str, int]:
    return {titles.get(id_, id_): count for id_, count in counts.items()}


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
