"""Looks -> which block is the title of the page: what its own head says, and what follows it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from rag.intake.blocks import About, Block
from rag.intake.lines import joined
from rag.intake.looks import Look, ends_sentence, key

_SHARED = 4  # headings of one level: more say no less for each
_LINKED = 0.8
_NEAR = 6  # blocks after a title in which its by-line stands
_LONGEST = 160  # characters
_ECHOED = 4  # times that a title is said again; what comes more often is a running head
_BRIEF = 6  # weight of a line that is hardly a title, unless it stands first
_SHORTEST = 2  # letters
_WITHIN = 1000  # blocks from the top
_PARTS = re.compile(r"[|_\-–—·«»]")  # between a title and the site's name
_DOTS = re.compile(r"\.{2,}|…")
_FILE = re.compile(r"\.(?:docx?|pdf|txt|md|html?|pptx?|epub)$", re.IGNORECASE)
_LEVELS = {1: 4.0, 2: 2.0, 3: 1.0}

# The first prose, the parts of the title in the page's head, the letters of all lines, and how many
# headings have each level.
_Known = tuple[int, list[str], str, Counter[int]]


def headline(looks: Sequence[Look], furniture: Sequence[str], about: About) -> int | None:
    """Return which block is the title; None where no line could be one.

    `furniture` says for each block what its place holds, "" for nothing. Of the lines that say the
    same, the last before the text is the title.
    """
    firsts = [at for at, look in enumerate(looks) if look.prose and not furniture[at]]
    first = next(
        (at for at, following in pairwise(firsts) if following - at <= _NEAR),
        firsts[0] if firsts else len(looks),
    )
    stop = min(firsts[-1] if firsts else len(looks), first + _NEAR, _WITHIN)
    echoes = "\n".join(look.key for look in looks[: 3 * _WITHIN])
    levels = Counter(look.block.level for look in looks if look.block.kind == "heading")
    claims = [key(part) for part in _PARTS.split(_FILE.sub("", about.title))]
    scores = {
        at: _score(looks, at, (first, claims, echoes, levels)) - 4 * bool(furniture[at])
        for at in range(stop)
        if _possible(looks[at])
    }
    best = max(scores, key=lambda at: (scores[at], at), default=None)
    return best if best is not None and scores[best] >= 1 else None


def whole(blocks: Sequence[Block], title: str) -> list[Block]:
    """Return blocks with a headline that was broken over two lines made one.

    Both lines stand in one place, and together say what a part of the page's own title says.
    """
    claims = {key(part) for part in (title, *_PARTS.split(title), *_DOTS.split(title))}
    for at, (line, after) in enumerate(pairwise(blocks[:_WITHIN])):
        alike = line.place == after.place != () and line.kind == after.kind == "paragraph"
        if (
            alike
            and key(line.text)
            and key(after.text)
            and key(line.text) + key(after.text) in claims
        ):
            one = replace(line, text=joined([line.text, after.text]))
            return [*blocks[:at], one, *blocks[at + 2 :]]
    return list(blocks)


def _possible(look: Look) -> bool:
    block = look.block
    return (
        block.kind in {"heading", "paragraph"}
        and len(look.key) >= _SHORTEST
        and len(block.text) <= _LONGEST
        and not (look.verdict and look.verdict.sure)
    )


def _score(looks: Sequence[Look], at: int, known: _Known) -> float:
    """Return how much speaks for a line: its rank, the page's own word, what stands around it."""
    first, claims, echoes, levels = known
    claimed = "".join(claims)
    look = looks[at]
    late = at > first
    ranked = look.block.kind == "heading" and not late
    score = _rank(look, levels) if ranked else 0.0
    if claimed and look.key == claimed:
        score += 6
    elif claimed and look.key in claimed:
        score += 5 * len(look.key) / len(claimed)
    elif claimed and any(_begins(look.key, part) for part in claims):
        score += 4
    if len(look.key) >= 6:
        echoed = echoes.count(look.key) - 1
        score += min(2, echoed) if claimed or echoed <= _ECHOED else -1
    score -= look.weight < _BRIEF and at > 0 and not claimed
    behind = takewhile(lambda other: not other.prose, looks[at + 1 : at + 1 + _NEAR])
    after = [other.verdict.why for other in behind if other.verdict]
    score += 3 * ("by-line" in after) + ("counts" in after)
    score -= after[:1] in (["navigation"], ["button"])
    score -= 3 * bool(look.verdict) + 1.5 * look.prose + 1.5 * _states(look.block.text)
    score -= 2 * (look.block.linked > _LINKED and score < 3) + (look.block.text.count("|") > 1)
    score += 2 * (at == 0 and not look.block.place) - min(2.0, abs(first - at) / 10) - 2 * late
    return score


def _begins(line: str, part: str) -> bool:
    """Say whether a line begins with a part of the head's title, and is not much longer."""
    return bool(part) and line.startswith(part) and len(line) < 3 * len(part)


def _rank(look: Look, levels: Counter[int]) -> float:
    """Return what a heading's level says for it: less, the more headings share it."""
    level = look.block.level
    return _LEVELS.get(level, 0.0) / min(levels[level], _SHARED)


def _states(text: str) -> bool:
    """Say whether a line ends as a statement does; titles may ask and exclaim."""
    return ends_sentence(text) and not text.rstrip("”\"’'》」 ").endswith(("?", "？", "!", "！"))
