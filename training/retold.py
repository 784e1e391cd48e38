"""`python -m training.retold`: retellings, true and false -> rag/model/retold.json.

Gradient-boosted trees as in `training/checker.py`, over its signs and those of `rag/drift.py`. The
retellings are the project's own (`text/drafts.jsonl`): of 300 passages of advice, none of it from
the essays. Every one is read against its whole passage and against the sentences that say most of
it, some against a passage that speaks of something else. About a minute on two cores; the
thresholds are set by `python -m eval calibrate`.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import Pool
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from sklearn.ensemble import HistGradientBoostingClassifier

from rag import Lang
from rag.align import read
from rag.check import RETOLD
from rag.drift import DRIFT
from rag.frame import unframed
from rag.proof import nearest
from rag.signs import SIGNS, drifted
from rag.text import sentences
from training.checker import TREES, kept
from training.pairs import OWN

_WAYS = {**SIGNS, **DRIFT}
_LANGS: tuple[Lang, ...] = ("zh", "en")
_STRAYS = 4000  # retellings of another passage: without them what is far off is merely unusual


@dataclass(frozen=True, slots=True)
class Retelling:
    """A sentence about a passage, as `rag/proof.py` compares them; `head` says who speaks."""

    passage: str
    head: str
    parts: tuple[str, ...]
    told: Lang  # the language of the passage, and of the claim
    lang: Lang
    claim: str
    supported: bool

    @property
    def across(self) -> bool:
        """Whether claim and passage are in two languages."""
        return self.told != self.lang

    def text(self, first: int, last: int) -> str:
        """Return who speaks and what is said from one part to another."""
        return self.head + (" " if self.lang == "en" else "").join(self.parts[first : last + 1])


def main(
    out: Annotated[Path, typer.Option(help="Where the checker goes.")] = RETOLD, seed: int = 1
) -> None:
    """Fit the trees on every retelling, in its own language and across, and write them."""
    rows = list(retellings())
    rows += astray(rows, random.Random(seed))
    typer.echo(f"{len(rows):,} retellings")
    with Pool() as pool:
        table = np.array(pool.map(_signs, rows, chunksize=64))
    fitted = {
        "within": _fitted(table, rows, seed, across=False),
        "across": _fitted(table, rows, seed, across=True),
    }
    before = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    thresholds = {name: before.get(name, 0.5) for name in ("threshold", "sure")}
    text = json.dumps({**fitted, **thresholds}, separators=(",", ":"))
    out.write_text(text + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}; now run python -m eval calibrate")


def retellings(own: Path = OWN) -> Iterator[Retelling]:
    """Yield every retelling of `text/drafts.jsonl` against its passage in both languages."""
    for line in (own / "drafts.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        name, name_en = item["speaker_zh"], item["speaker_en"]
        forms = {name, name_en, *(part for part in name_en.split() if len(part) > 2)}
        for claim, told in product(item["claims"], _LANGS):
            lang: Lang = claim["lang"]
            yield Retelling(
                passage=item["id"],
                head=f"{name_en}: " if lang == "en" else f"{name}({name_en}):",
                parts=tuple(span.of(item[told]) for span in sentences(item[told])),
                told=told,
                lang=lang,
                claim=unframed(claim["text"], forms, lang),
                supported=claim["label"] == "supported",
            )


def astray(rows: Sequence[Retelling], rng: random.Random) -> Iterator[Retelling]:
    """Yield some of the retellings with a passage that they do not retell, in either language."""
    for row, other in zip(*(rng.choices(rows, k=_STRAYS) for _ in range(2)), strict=True):
        if row.passage != other.passage:
            yield replace(other, lang=row.lang, claim=row.claim, supported=False)


def _signs(row: Retelling) -> list[list[float]]:
    """Return the signs against the nearest sentences, and against the whole passage."""
    first, last = nearest(row.claim, row.parts)
    contexts = (row.text(first, last), row.text(0, len(row.parts) - 1))
    rows = [drifted(row.claim, context, read) for context in contexts]
    return [list(signs.values()) or [0.0] * len(_WAYS) for signs in rows]


def _fitted(
    table: np.ndarray[Any, Any], rows: list[Retelling], seed: int, *, across: bool
) -> dict[str, Any]:
    """Fit on what is in one language alone, or on everything: across languages that helps."""
    chosen = np.array([across or not row.across for row in rows])
    truth = np.array([row.supported for row in rows])[chosen]
    model = HistGradientBoostingClassifier(
        monotonic_cst=list(_WAYS.values()), random_state=seed, **TREES
    )
    model.fit(np.vstack([table[chosen, 0], table[chosen, 1]]), np.hstack([truth, truth]))
    return kept(model, list(_WAYS), 0.5)


if __name__ == "__main__":
    typer.run(main)
