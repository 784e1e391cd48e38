"""A claim and a context, aligned -> the signs that the one supports the other.

Each sign may move the answer one way only, or is marked as free (`SIGNS`): so a claim never gains
by losing a word that its context says.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.align import Flags, Read, Scores, likeness, on_line, spread
from rag.drift import drift
from rag.facts import Quantity, counted, missing, negations, opposed
from rag.text import HAN, is_function_word

_REACH = (3.0, 8.0, 25.0)  # pieces within which words count as near, for three kinds of near
_MIDDLE = _REACH[1]
_NEAR, _LIKELY = 12, 0.85
_SAID, UNSAID = 0.5, 0.4
_HAN = re.compile(f"[{HAN}]")
_NAME = re.compile(r"\b[A-Z][a-zà-öø-ÿ]{2,}")
_ANSWERED = re.compile(
    r"\s*(?:Q|问|问题|Question)\s*[:：](.+?)(?<![A-Za-z])(?:A|答|答案|Answer)\s*[:：](.+)",
    re.DOTALL,
)
_ASKS = {
    "number": (
        r"how (?:many|much|long|old|far|often|high|large|big|tall|fast)|percent|多少|几(?![乎何])"
        r"|多[长大久远高]|比例|百分"
    ),
    "time": (
        r"\bwhen\b|(?:what|which) (?:year|date|month|century|decade|day)|哪一?年|何时|何年"
        r"|什么时[候间]|哪个月|年份|哪一?天|日期|哪个世纪"
    ),
    "person": r"\bwho(?:m|se)?\b|谁|哪位|何人|哪名|哪个人|哪些人|什么人",
    "place": (
        r"\bwhere\b|(?:what|which) (?:city|country)|哪里|何处|哪个城市|哪个国家|哪座|在哪"
        r"|什么地方|哪个地区"
    ),
    "reason": r"\bwhy\b|为什么|为何|什么原因",
}
_PERIODS = {"year", "month", "week", "day", "hour", "minute", "second", "decade", "century"}
_KINDS = ("number", "time", "name", "word", "phrase")
_ASKED = (*_ASKS, "other")

# Every sign, and which way it may move the answer: 1 up, -1 down, 0 either. The trees keep to it,
# so that a claim never gains by losing a word that its context says.
SIGNS: dict[str, int] = {
    **dict.fromkeys(("covered", "covered_by_one", "covered_by_two"), 1),
    **dict.fromkeys(("weakest", "weak_quarter", "weakest_in_one", "weak_quarter_in_one"), 1),
    **dict.fromkeys(("meaning", "meaning_of_one"), 1),
    **{
        f"{name}_{reach:.0f}": way
        for reach in _REACH
        for name, way in {
            "near": 1,
            "far_tenth": 1,
            "far_third": 1,
            "dense": 1,
            "astray": -1,
        }.items()
    },
    **dict.fromkeys(("unsaid", "rarest_unsaid", "unsaid_here", "rarest_unsaid_here"), -1),
    "lost_here": -1,
    **dict.fromkeys(("said_of_one", "said_of_here", "forward", "together"), 1),
    "scattered": -1,
    **dict.fromkeys(("words", "words_of_one", "word_pairs", "all_words"), 1),
    **dict.fromkeys(("has_numbers", "has_names", "crosses", "denies", "denied"), 0),
    **dict.fromkeys(("numbers_missing", "numbers_missing_share", "number_conflict"), -1),
    **dict.fromkeys(("names_missing", "opposed", "denial_differs", "denies_alone"), -1),
    "denied_alone": -1,
    "answers": 0,
    **dict.fromkeys(("located", "located_mean", "verbatim", "question_covered"), 1),
    "echoes": -1,
    **{
        f"{name}_{reach:.0f}": 1
        for reach in _REACH
        for name in ("beside", "beside_of_best", "question_dense")
    },
    **dict.fromkeys(("beside_rare_of_best", "beside_rare", "in_one", "in_one_of_best"), 1),
    "rivals": 1,
    **{f"{asked}_{kind}": 0 for asked in _ASKED for kind in _KINDS},
}


@dataclass(frozen=True)
class _Pair:
    """A claim and a context, aligned. `one` is the sentence of the context that says most of it."""

    claim: Read
    context: Read
    alike: Scores  # (claim pieces, context pieces)
    line: Scores  # the same by place
    by_sentence: Scores  # (claim pieces, sentences): the best in each
    one: int

    @property
    def weights(self) -> Scores:
        """Return what each piece of the claim tells."""
        return self.claim.weights

    @cached_property
    def best(self) -> Scores:
        """How well the context says each piece of the claim, anywhere."""
        return np.asarray(self.alike.max(axis=1))

    @cached_property
    def around(self) -> Mapping[float, Scores]:
        """`line`, spread by each reach: what the next signs have in common."""
        return {reach: spread(self.line, reach) for reach in _REACH}

    @cached_property
    def here(self) -> Flags:
        """Which pieces of the context stand where most of the claim is said together."""
        density = (self.around[_MIDDLE] * self.weights[:, None]).sum(axis=0)
        middle = int(density[self.context.places].argmax())
        chosen = np.zeros(len(self.context.ids), bool)
        chosen[max(0, middle - _NEAR) : middle + _NEAR + 1] = True
        return chosen

    def mean(self, values: NDArray[Any], chosen: Flags | None = None) -> float:
        """Return the mean over the claim's pieces, by what they tell."""
        weights = self.weights if chosen is None else self.weights * chosen
        total = float(weights.sum())
        return float((values * weights).sum() / total) if total else 0.0


def signs(claim: str, context: str, read: Callable[[str], Read]) -> dict[str, float]:
    """Return every sign of `SIGNS`, in that order; none where either text says nothing.

    `read` cuts a text, and may remember what it has cut.
    """
    found = _ANSWERED.match(claim)
    question, answer = map(str.strip, found.groups()) if found else ("", "")
    answered = question and answer
    said = read(f"{question}\n{answer}" if answered else claim)
    told = read(context)
    if not len(said.ids) or not len(told.ids):
        return {}
    return _of_pair(_aligned(said, told), len(question) if answered else -1)


def drifted(claim: str, context: str, read: Callable[[str], Read]) -> dict[str, float]:
    """Return the signs, and those of `DRIFT` behind them; none where either text says nothing."""
    said, told = read(claim), read(context)
    if not len(said.ids) or not len(told.ids):
        return {}
    pair = _aligned(said, told)
    one = told.sentence == pair.one
    return _of_pair(pair, -1) | drift(said, told, pair.alike, pair.here, one)


def _of_pair(pair: _Pair, split: int) -> dict[str, float]:
    claim = pair.claim.text
    values = {
        **_coverage(pair),
        **_nearness(pair),
        **_region(pair, claim),
        **_letters(pair),
        **_facts(pair, claim),
        **_answer(pair, split),
    }
    return {name: values.get(name, 0.0) for name in SIGNS}


def _aligned(claim: Read, context: Read) -> _Pair:
    alike = likeness(claim, context)
    count = int(context.sentence.max()) + 1
    by_sentence = np.zeros((len(claim.ids), count), np.float32)
    for at in range(count):
        inside = context.sentence == at
        if inside.any():
            by_sentence[:, at] = alike[:, inside].max(axis=1)
    one = int((by_sentence * claim.weights[:, None]).sum(axis=0).argmax())
    return _Pair(claim, context, alike, on_line(alike, context), by_sentence, one)


def _coverage(pair: _Pair) -> dict[str, float]:
    best, one, heavy = pair.best, pair.by_sentence[:, pair.one], pair.claim.heavy
    both = pair.by_sentence
    if both.shape[1] > 1:
        both = np.maximum(both[:, :-1], both[:, 1:])
    shares = pair.weights / pair.weights.sum()
    meant = _unit(pair.claim.vectors.T @ pair.weights)
    spoken = np.zeros((pair.by_sentence.shape[1], len(meant)), np.float32)
    np.add.at(spoken, pair.context.sentence, pair.context.vectors * pair.context.weights[:, None])
    cosines = np.array([_unit(row) @ meant for row in spoken])
    return {
        "covered": pair.mean(best),
        "covered_by_one": pair.mean(one),
        "covered_by_two": float((both * shares[:, None]).sum(axis=0).max()),
        "weakest": float(best[heavy].min()),
        "weak_quarter": float(np.quantile(best[heavy], 0.25)),
        "weakest_in_one": float(one[heavy].min()),
        "weak_quarter_in_one": float(np.quantile(one[heavy], 0.25)),
        "meaning": float(cosines.max()),
        "meaning_of_one": float(cosines[pair.one]),
    }


def _unit(vector: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9))


def _nearness(pair: _Pair) -> dict[str, float]:
    """Return how near to each other the context says the words of the claim, at each reach.

    A word counts where it stands by how much of the rest of the claim stands around that place;
    it is astray where the rest is said together elsewhere.
    """
    found: dict[str, float] = {}
    weights, total, heavy = pair.weights[:, None], float(pair.weights.sum()), pair.claim.heavy
    for reach in _REACH:
        around = pair.around[reach] * weights
        density = around.sum(axis=0)
        rest = (density[None, :] - around) / np.maximum(total - weights, 1e-6)
        near = (pair.line * rest).max(axis=1)
        where = np.where(pair.line > _SAID, rest, 0.0).max(axis=1)
        found |= {
            f"near_{reach:.0f}": pair.mean(near),
            f"far_tenth_{reach:.0f}": float(np.quantile(near[heavy], 0.1)),
            f"far_third_{reach:.0f}": float(np.quantile(near[heavy], 0.3)),
            f"dense_{reach:.0f}": float(density.max() / total),
            f"astray_{reach:.0f}": pair.mean(np.maximum(0.0, rest.max(axis=1) - where)),
        }
    return found


def _region(pair: _Pair, claim: str) -> dict[str, float]:
    """Return what the densest place of the context leaves unsaid, says besides, and denies."""
    here = pair.here
    first, *_, last = np.flatnonzero(here) if here.sum() > 1 else [0, 0]
    best, there = pair.best, pair.alike[:, here].max(axis=1)
    shares = pair.weights / pair.weights.sum()
    unsaid, unsaid_here = shares * (best < UNSAID), shares * (there < UNSAID)
    one = pair.context.sentence == pair.one
    order = np.diff(pair.alike.argmax(axis=1)[pair.claim.heavy & (best > _SAID)])
    around = pair.context.text[pair.context.ends[first, 0] : pair.context.ends[last, 1]]
    mine, theirs = negations(claim), negations(around)
    return {
        "unsaid": float(unsaid.sum()),
        "rarest_unsaid": float(unsaid.max()),
        "unsaid_here": float(unsaid_here.sum()),
        "rarest_unsaid_here": float(unsaid_here.max()),
        "lost_here": pair.mean(best - there),
        "said_of_one": _told(pair, one),
        "said_of_here": _told(pair, here),
        "forward": float((order > 0).mean()) if len(order) > 1 else 0.5,
        "together": float((np.abs(order) <= 3).mean()) if len(order) > 1 else 0.5,
        "scattered": float(np.abs(order).mean() > 25) if len(order) > 1 else 0.0,
        "denies": float(min(mine, 2)),
        "denied": float(min(theirs, 2)),
        "denies_alone": float(mine > 0 and not theirs),
        "denied_alone": float(theirs > 0 and not mine),
        "number_conflict": _conflict(pair, here),
    }


def _told(pair: _Pair, chosen: Flags) -> float:
    """Return the share of the chosen words of the context that the claim says."""
    weights = pair.context.weights[chosen]
    total = float(weights.sum())
    return float((pair.alike[:, chosen].max(axis=0) * weights).sum() / total) if total else 0.0


def _conflict(pair: _Pair, here: Flags) -> float:
    """Return 1 where another number stands in the place of one of the claim's, less for less."""
    told = [pair.context.numbers[at] for at in sorted({*pair.context.counts[here].tolist()} - {-1})]
    worst = 0.0
    for number in missing(counted(pair.claim.numbers), told):
        same_unit = any(other.unit == number.unit != "" for other in told)
        worst = max(worst, 1.0 if same_unit else 0.5 if told else 0.2)
    return worst


def _letters(pair: _Pair) -> dict[str, float]:
    """Return how much of the claim the context says with the same words, not only their like."""
    claim, context = pair.claim, pair.context
    same = (claim.ids[:, None] == context.ids[None, :]) & (claim.ids > 0)[:, None]
    same |= (claim.counts >= 0)[:, None] & (pair.alike >= 1.0)
    content = np.array([not is_function_word(word.lower()) for word in claim.words()])
    held = same.any(axis=1)
    by_sentence = [
        same[content][:, context.sentence == at].any(axis=1).mean() if content.any() else 0.0
        for at in range(pair.by_sentence.shape[1])
    ]
    pairs = [(same[a, :-1] & same[b, 1:]).any() for a, b in pairwise(range(len(held)))]
    return {
        "words": float(held[content].mean()) if content.any() else 0.0,
        "words_of_one": float(max(by_sentence)),
        "word_pairs": float(np.mean(pairs)) if pairs else 0.0,
        "all_words": float(held.mean()),
    }


def _facts(pair: _Pair, claim: str) -> dict[str, float]:
    """Return how numbers, names, negations and directions agree."""
    context = pair.context
    numbers = counted(pair.claim.numbers)
    lost = missing(numbers, context.numbers)
    span = context.spans[min(pair.one, len(context.spans) - 1)] if context.spans else None
    one = span.of(context.text) if span else context.text
    across = bool(_HAN.search(claim)) != bool(_HAN.search(context.text))
    names = [m.group().lower() for m in _NAME.finditer(claim)]
    names = [] if _HAN.search(context.text) else [n for n in names if not is_function_word(n)]
    unknown = [name not in context.text.lower() for name in names]
    return {
        "has_numbers": float(bool(numbers)),
        "numbers_missing": float(bool(lost)),
        "numbers_missing_share": len(lost) / len(numbers) if numbers else 0.0,
        "has_names": float(bool(names)),
        "names_missing": float(np.mean(unknown)) if unknown else 0.0,
        "denial_differs": float(bool(negations(claim)) != bool(negations(one))),
        "opposed": float(min(opposed(claim, one), 2)),
        "crosses": float(across),
    }


def _answer(pair: _Pair, split: int) -> dict[str, float]:
    """Return how near to the words of a question the context says its answer.

    `split` is where the question ends; -1 for a claim that is no answered question.
    """
    if split < 0:
        return {}
    answer = pair.claim.ends[:, 0] > split
    if not answer.any() or answer.all():
        return {"answers": 1.0}
    said, asked = pair.claim.text[split + 1 :], pair.claim.text[:split]
    alike = likeness(pair.claim, pair.context, faint=True)
    pair = replace(pair, alike=alike, line=on_line(alike, pair.context))
    stated = said.strip(" .。").lower()
    weights = pair.weights[answer] + 1e-6
    place = (spread(pair.line[answer], 2.0) * weights[:, None]).sum(axis=0) / weights.sum()
    top = float(place.max())
    at = place >= _LIKELY * top if top else np.zeros(len(place), bool)
    numbers = [n for n in pair.claim.numbers if n.span.start > split]
    found = {
        "answers": 1.0,
        "located": top,
        "located_mean": pair.mean(pair.best, answer),
        "verbatim": float(stated in pair.context.text.lower()),
        "echoes": float(stated in asked.lower()),
        "question_covered": pair.mean(pair.best, ~answer),
        f"{_asked(asked)}_{_kind(said, numbers)}": 1.0,
    }
    return found | _beside(pair, answer, at, top) | _rivals(pair, answer, numbers)


def _beside(pair: _Pair, answer: Flags, at: Flags, top: float) -> dict[str, float]:
    """Return how much of the question stands where the answer does, also against the best place."""
    found: dict[str, float] = {}
    weights = pair.weights[~answer]
    total = float(weights.sum()) or 1.0
    for reach in _REACH:
        density = (pair.around[reach][~answer] * weights[:, None]).sum(axis=0) / total
        here = float(density[at].max()) if at.any() else 0.0
        found |= {
            f"beside_{reach:.0f}": here * top,
            f"beside_of_best_{reach:.0f}": here / (float(density.max()) + 1e-6),
            f"question_dense_{reach:.0f}": float(density.max()),
        }
    # What is said all over the context tells no place from another.
    around = pair.around[_MIDDLE][~answer]
    rare = weights * (1 - around.mean(axis=1))
    density = (around * rare[:, None]).sum(axis=0) / (float(rare.sum()) + 1e-9)
    here = float(density[at].max()) if at.any() else 0.0
    shares = (pair.by_sentence[~answer] * weights[:, None]).sum(axis=0) / total
    there = {int(s) for s in pair.context.sentence[at[pair.context.places]]}
    one = max((float(shares[s]) for s in there), default=0.0)
    return found | {
        "beside_rare_of_best": here / (float(density.max()) + 1e-6),
        "beside_rare": here,
        "in_one": one,
        "in_one_of_best": one - float(shares.max()),
    }


def _rivals(pair: _Pair, answer: Flags, numbers: Sequence[Quantity]) -> dict[str, float]:
    """Return how much nearer the answer's number is to the question than any other number."""
    if not numbers or not pair.context.numbers:
        return {}
    weights = pair.weights[~answer]
    density = (pair.around[_MIDDLE][~answer] * weights[:, None]).sum(axis=0)
    mine = theirs = 0.0
    for at, number in enumerate(pair.context.numbers):
        near = density[pair.context.places[pair.context.counts == at]].max(initial=0.0)
        if any(number.same(own) for own in numbers):
            mine = max(mine, float(near))
        else:
            theirs = max(theirs, float(near))
    return {"rivals": (mine - theirs) / (float(weights.sum()) or 1.0)}


def _asked(question: str) -> str:
    low = question.lower()
    return next((kind for kind, pattern in _ASKS.items() if re.search(pattern, low)), "other")


def _kind(answer: str, numbers: Sequence[Quantity]) -> str:
    if any(n.unit in _PERIODS or (1000 <= n.value <= 2100 and not n.unit) for n in numbers):
        return "time"
    if numbers:
        return "number"
    if _HAN.search(answer):
        return "name" if "·" in answer else "word" if len(answer) <= 6 else "phrase"
    words = answer.split()
    if any(word[:1].isupper() for word in words):
        return "name"
    return "word" if len(words) <= 3 else "phrase"
