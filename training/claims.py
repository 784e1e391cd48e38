"""Public and own text -> labelled claims: what a passage says, and the same made false by an edit.

Nobody labelled these by hand: a sentence is supported by the text it stands in or translates, and
by no other; a number, name or negation that is changed makes it false. Hard cases are the
project's own (`text/claims/*.jsonl`): passages in both languages with questions, answers and
claims. Nothing here comes from a test set.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.facts import quantities
from rag.text import han_words, sentences
from training.pairs import OWN, file_rows

_PARALLEL = ("parallel_d2l", "parallel_paddle", "parallel_csselflearning", "parallel_tfdocs")
_ABSTRACTS = ("qa_arxivai_title2abs_en", "qa_arxivai_tldrzh2abs_en", "qa_arxivai_tldr2body_zh")
OTHER = "other qa"  # an answered question beside a passage about something else
EDITS = ("number", "name", "negated", "spliced", "half foreign")  # the ways of `edited`
_LONG = 60  # characters of a text that can hold more than one fact; a Chinese one has half
_THIN = 0.15  # of the words of a sentence are left out where it is thinned
_WORD = re.compile(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff\s]+\s*|\s+")
_NAME = re.compile(r"\b[A-Z][A-Za-z]*[a-z]\b")
_HELPERS = re.compile(r"\b(is|are|was|were|can|will|should|would|could|may|must)\b(?! not)")
_NOT = re.compile(
    r"(?<=\b)(is|are|was|were|can|will|should|would|could|may|must|do|does|did) not\b"
)
_HAN_HELPERS = re.compile("(?<![不还只可])(是|会|能|可以|需要|应该)(?![否不])")
_HAN_NOT = re.compile("不(是|会|能|可以|需要|应该)")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A claim about a context; `group` names the text that both come from, `own` says whether a
    person of the project wrote it.
    """

    context: str
    claim: str
    supported: bool
    how: str
    group: str
    own: bool = False


def read(data: Path, *, each: int, seed: int, own: Path = OWN) -> list[Labelled]:
    """Return the labelled claims of the pair files in `data` and of the project's own text.

    `each` texts are drawn from every pair file. The same seed gives the same rows.
    """
    rng = random.Random(seed)
    found: list[Labelled] = []
    for name in _PARALLEL:
        rows = file_rows(data, name)
        found += [row for at in _drawn(rng, rows, each) for row in _translated(rng, rows, at)]
    for name in _ABSTRACTS:
        rows = file_rows(data, name)
        found += [row for at in _drawn(rng, rows, each) for row in _summed_up(rng, rows, at)]
    written = items(own)
    for at, item in enumerate(written):
        found += own_rows(rng, item, written[at - 1])
    return found


def items(own: Path = OWN) -> list[dict[str, Any]]:
    """Return the project's own passages with their questions and claims, in file order."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((own / "claims").glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.split("\n") if line.strip()]


def own_rows(rng: random.Random, item: dict[str, Any], other: dict[str, Any]) -> Iterator[Labelled]:
    """Yield the claims and the answered questions of a passage, in all four pairs of languages.

    The wrong answer to a question is the right one to another. Beside the passage of `other` both
    are false: an answer of the right kind proves nothing.
    """
    for said in ("en", "zh"):
        for told in ("en", "zh"):
            context = item[told]
            for claim in item["claims"]:
                true = claim["label"] == "supported"
                yield Labelled(context, claim[said], true, claim["how"], item["id"], own=True)
            for qa in item["qa"]:
                others = [one for one in item["qa"] if one is not qa]
                for answered in (qa, rng.choice(others)):
                    claim = _answered(qa[f"q_{said}"], answered[f"a_{said}"], said)
                    right = answered is qa
                    yield Labelled(context, claim, right, "qa", item["id"], own=True)
                    yield Labelled(other[told], claim, False, OTHER, item["id"], own=True)


def _answered(question: str, answer: str, lang: str) -> str:
    return f"Q: {question} A: {answer}" if lang == "en" else f"问：{question} 答：{answer}"


def _drawn(rng: random.Random, rows: Sequence[tuple[str, str]], each: int) -> list[int]:
    long = [at for at in range(1, len(rows)) if len(rows[at][0]) >= _LONG]
    return rng.sample(long, min(each, len(long)))


def _translated(rng: random.Random, rows: Sequence[tuple[str, str]], at: int) -> Iterator[Labelled]:
    """Yield sentences of each side of a pair, against both sides and against the text before."""
    group, before = rows[at][0][:40], rows[at - 1]
    for side in (0, 1):
        said = _sentences(rows[at][side])
        if not said:
            continue
        claim = worn(rng, said)
        foreign = rng.choice(_sentences(before[side]) or [claim])
        for other in (0, 1):
            context = rows[at][other]
            yield Labelled(context, claim, True, "sentence", group)
            yield Labelled(before[other], claim, False, "other text", group)
            for false, how in edited(rng, claim, rows[at][side], foreign):
                yield Labelled(context, false, False, how, group)


def _summed_up(rng: random.Random, rows: Sequence[tuple[str, str]], at: int) -> Iterator[Labelled]:
    """Yield a title or summary and a sentence against their own text and against another."""
    (title, context), group = rows[at], rows[at][1][:40]
    said = _sentences(context) or [title]
    other = rng.choice(rows)[1]
    foreign = rng.choice(_sentences(other) or [title])
    for claim, how in ((title, "summary"), (worn(rng, said), "sentence")):
        yield Labelled(context, claim, True, how, group)
        yield Labelled(other, claim, False, "other text", group)
        for false, edit in edited(rng, claim, context, foreign):
            yield Labelled(context, false, False, edit, group)


def _sentences(text: str) -> list[str]:
    return [s for span in sentences(text) if len(s := span.of(text)) >= _LONG / 4]


def worn(rng: random.Random, said: Sequence[str]) -> str:
    """Return what a hurried writer makes of sentences: one whole, cut short, thinned, or two."""
    at = rng.randrange(len(said))
    cut = _cut(said[at])
    way = rng.randrange(5)
    if way == 0 and len(cut) > 8:
        return "".join(cut[: len(cut) * 2 // 3]).strip()
    if way == 1:
        return "".join(word for word in cut if rng.random() > _THIN).strip()
    if way == 2 and at + 1 < len(said):
        return " ".join(said[at : at + 2])
    return said[at].lower() if way == 3 else said[at]


def _cut(sentence: str) -> list[str]:
    """Return the words of a sentence, each with the blanks and marks after it."""
    return [part for word in _WORD.findall(sentence) for part in _parted(word)]


def _parted(word: str) -> list[str]:
    return han_words(word) if _is_han(word[:1]) else [word]


def _is_han(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def edited(rng: random.Random, claim: str, context: str, foreign: str) -> Iterator[tuple[str, str]]:
    """Yield the claim made false in each way that it allows, with the name of the way.

    `foreign` is a sentence that the context does not support.
    """
    for edit in (_number, _name, _negated, _spliced):
        false = edit(rng, claim, context)
        if false and false != claim and false not in context:
            yield false, edit.__name__.lstrip("_")
    mine, theirs = _cut(claim), _cut(foreign)
    yield "".join([*mine[: len(mine) // 2], *theirs[len(theirs) // 2 :]]), "half foreign"


def _number(rng: random.Random, claim: str, context: str) -> str:
    """Exchange a number: for another of the context, or for one near it."""
    numbers = [q for q in quantities(claim) if claim[q.span.start : q.span.end].isdigit()]
    if not numbers:
        return ""
    chosen = rng.choice(numbers)
    others = [
        context[q.span.start : q.span.end] for q in quantities(context) if q.value != chosen.value
    ]
    new = rng.choice([*others, str(int(chosen.value) + rng.choice([1, 2, 5, 10]))])
    return claim[: chosen.span.start] + new + claim[chosen.span.end :]


def _name(rng: random.Random, claim: str, context: str) -> str:
    """Exchange a Latin name for another of the context."""
    names = [m for m in _NAME.finditer(claim) if m.start()]
    others = sorted({m.group() for m in _NAME.finditer(context)} - {m.group() for m in names})
    if not names or not others:
        return ""
    chosen = rng.choice(names)
    return claim[: chosen.start()] + rng.choice(others) + claim[chosen.end() :]


def _negated(_rng: random.Random, claim: str, _context: str) -> str:
    """Take a negation out, or put one in."""
    for pattern, plain in ((_NOT, r"\1"), (_HAN_NOT, r"\1")):
        if pattern.search(claim):
            return pattern.sub(plain, claim, count=1)
    if _HELPERS.search(claim):
        return _HELPERS.sub(r"\1 not", claim, count=1)
    return _HAN_HELPERS.sub(r"不\1", claim, count=1)


def _spliced(rng: random.Random, claim: str, context: str) -> str:
    """Join the first half of the claim to the second half of another sentence of the context."""
    halves = re.compile("[,，;；]")
    parts = [[h for h in halves.split(s) if len(h) > 5] for s in _sentences(context)]
    mine = [h for h in halves.split(claim) if len(h) > 5]
    others = [part[-1] for part in parts if len(part) > 1 and part[-1] not in claim]
    if len(mine) < 2 or not others:
        return ""
    mark = "，" if _is_han(claim) else ","
    return mine[0] + mark + rng.choice(others)
