"""Replies of one system to golden questions -> how good they are. The same rule for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.cases import Case
from eval.metrics import Interval, share
from eval.stats import bootstrap
from rag import locate

FIRST = 5
# A reader's patience in characters, since five long passages show more than five short ones do.
BUDGET = 1500
_SEED = 7
Reply = Mapping[str, Any]
Asked = tuple[Case, Reply]


@dataclass(frozen=True, slots=True)
class Share:
    """A share of questions with its interval; the interval is None without questions."""

    value: float | None
    interval: Interval | None
    n: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of one system.

    `hit` and `early`, by language: a gold quote lies whole in one of the first five passages, and
    in what of them comes before `BUDGET` characters. `refused`, `wrongly`: unanswerable and
    answerable test questions that it does not answer, None where it cannot refuse; `threshold` is
    what that was set to on the dev questions. `shown` is how many characters its five passages
    have, in half of the replies. `places` is "quotes" or "passages" where it says truly where those
    stand in an essay, else "no".
    """

    hit: Mapping[str, Share]
    early: Mapping[str, Share]
    refused: Share | None
    wrongly: Share | None
    threshold: float | None
    shown: float
    places: str


def judge(dev: Sequence[Asked], test: Sequence[Asked], essays: Mapping[str, str]) -> Judged:
    """Judge the replies to the test questions; those to the dev ones only set a threshold.

    Raises:
        ValueError: a gold quote is in no essay.
    """
    answered = [(case, reply) for case, reply in test if case.answerable]
    hit, early = {}, {}
    for lang in ("zh", "en"):
        part = [(case, reply) for case, reply in answered if case.lang == lang]
        cases = [case for case, _ in part]
        gold = [_gold(case, essays) for case in cases]
        texts = [_texts(reply) for _, reply in part]
        hit[lang] = _share(cases, [holds(*pair) for pair in zip(texts, gold, strict=True)])
        cut = [first(each, BUDGET) for each in texts]
        early[lang] = _share(cases, [holds(*pair) for pair in zip(cut, gold, strict=True)])
    threshold = threshold_of(dev)
    flags = [(case, refuses(reply, threshold)) for case, reply in test]
    lengths = sorted(sum(map(len, _texts(reply))) for _, reply in test)
    return Judged(
        hit,
        early,
        _refused(flags, answerable=False),
        _refused(flags, answerable=True),
        threshold,
        lengths[len(lengths) // 2] if lengths else 0,
        places([reply for _, reply in test], essays),
    )


def holds(texts: Sequence[str], gold: Sequence[str]) -> bool:
    r"""Say whether one of the texts holds one of the quotes whole, whatever the blanks.

    >>> holds(["Read  fewer\npapers."], ["fewer papers"])
    True
    >>> holds(["Read fewer", "papers."], ["fewer papers"])
    False
    """
    bare = [_bare(text) for text in texts]
    return any(_bare(quote) in text for quote in gold for text in bare)


def first(texts: Sequence[str], budget: int) -> list[str]:
    """Return what comes first of some texts, the last of them cut, `budget` characters in all.

    >>> first(["abc", "def"], 4), first(["abc"], 4)
    (['abc', 'd'], ['abc'])
    """
    found = []
    for text in texts:
        if budget <= 0:
            break
        found.append(text[:budget])
        budget -= len(text)
    return found


def threshold_of(dev: Sequence[Asked]) -> float | None:
    """Return below which nearness to refuse: what parts the dev questions best.

    The best mean of the share refused of those without an answer, and the share answered of the
    others; the lowest of equals. None where the peer has no such number.
    """
    known = [(reply["near"], case.answerable) for case, reply in dev if reply["near"] is not None]
    if not known:
        return None
    count = {side: max(1, sum(answer == side for _, answer in known)) for side in (True, False)}

    def right(cut: float) -> float:
        return sum(1 / count[answer] for near, answer in known if (near >= cut) == answer)

    cuts: list[float] = sorted({near for near, _ in known})
    return max(cuts, key=right)


def refuses(reply: Reply, threshold: float | None) -> bool | None:
    """Say whether a reply is a refusal; None where the peer cannot refuse."""
    if reply["refused"] is not None:
        return bool(reply["refused"])
    if threshold is None or reply["near"] is None:
        return None
    return bool(reply["near"] < threshold)


def places(replies: Sequence[Reply], essays: Mapping[str, str]) -> str:
    """Return what a peer says the true place of: "quotes", "passages" or "no".

    One false place, and it counts for none.
    """
    for name in ("quotes", "passages"):
        parts = [part for reply in replies for part in reply[name]]
        if parts and all(_stands(part, essays) for part in parts):
            return name
    return "no"


def _stands(part: Mapping[str, Any], essays: Mapping[str, str]) -> bool:
    start, end = part.get("start"), part.get("end")
    if start is None or end is None:
        return False
    return essays.get(str(part.get("essay")), "")[start:end] == str(part["text"])


def _texts(reply: Reply) -> list[str]:
    return [part["text"] for part in reply["passages"][:FIRST]]


def _gold(case: Case, essays: Mapping[str, str]) -> list[str]:
    """Return the essays' own words for the quotes of a case, which differ in blanks and marks."""
    found = []
    for essay, quote in case.gold:
        place = locate(quote, essays[essay])
        if place is None:
            msg = f"gold quote is not in {essay}: {quote[:40]}"
            raise ValueError(msg)
        found.append(place[0].of(essays[essay]))
    return found


def _refused(flags: Sequence[tuple[Case, bool | None]], *, answerable: bool) -> Share | None:
    known = [(case, flag) for case, flag in flags if case.answerable == answerable]
    if not known or any(flag is None for _, flag in known):
        return None
    return _share([case for case, _ in known], [bool(flag) for _, flag in known])


def _share(cases: Sequence[Case], flags: Sequence[bool]) -> Share:
    values = [float(flag) for flag in flags]
    interval = bootstrap(values, [case.topic for case in cases], seed=_SEED)
    return Share(share(values), interval, len(values))


def _bare(text: str) -> str:
    return "".join(text.split())
