"""Looks -> where the text of a page is over: at its comments, its related pages, its end mark.

A line that may begin them is believed where little prose follows, or none that stands like the
text's own; a line that comes again and again is a button below each part.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rag.intake.extent import Prose, around, prose, shape_of
from rag.intake.looks import Look

_REST = 0.2  # of the prose may stand behind a line that ends the text
_FIRM_REST = 0.4  # and behind one that says so in so many words
_FIRM = frozenset({"end mark", "about the paper", "questions to readers"})
_COMMENTED = 0.25  # of the prose stands before the first comment
_AHEAD = 10  # blocks that are looked at behind a line that may begin the comments
_CLOSE = 3  # and behind another that may end the text
_AT_LENGTH = 5  # paragraphs without anything between them
_AGAIN = 3  # times that a button below each part stands on a page
_SPREAD = 0.3  # of the prose between the first of them and the last
_TRIES = 50  # lines that are looked at closely: pages of thousands take no longer
_LINKED = 0.8
_NAMES = 5  # names around a paragraph that tell its place from others
_ALIKE = 0.6  # of the names of two places
_PLAIN = frozenset(
    "html body div span section article main table tbody tr td font center presentation".split()
)

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What an end is judged by: the blocks, their places, where prose stands and the text begins.

    `homes` are the names around each block of prose, None for other blocks and for furniture.
    """

    looks: Sequence[Look]
    furniture: Sequence[str]
    shares: Prose
    first: int
    homes: Sequence[Names | None]


def end_of(looks: Sequence[Look], furniture: Sequence[str], first: int) -> int:
    """Return the block behind which the text is over, the first of what is no longer text."""
    homes = [
        _home(look) if look.prose and not kind else None
        for look, kind in zip(looks, furniture, strict=True)
    ]
    ground = _Ground(looks, furniture, prose(looks, furniture), first, homes)
    found = [at for at in range(first + 1, len(looks)) if looks[at].ending]
    buttons = _buttons(ground, found)
    found = [at for at in found if at not in buttons]
    comments = [at for at in found if looks[at].ending == "comments"]
    end = next((at for at in _likely(ground, comments) if _comments_begin(ground, at)), len(looks))
    others = [at for at in found if at < end and looks[at].ending != "comments"]
    return next((at for at in others if _is_over(ground, at, end)), end)


def _buttons(ground: _Ground, found: Sequence[int]) -> set[int]:
    """Return the lines that come again and again, numbers apart, with much prose between."""
    same: dict[str, list[int]] = defaultdict(list)
    for at in found:
        same[ground.looks[at].key.strip("0123456789")].append(at)
    return {
        at
        for ats in same.values()
        if len(ats) >= _AGAIN and ground.shares.share(ats[0], ats[-1]) > _SPREAD
        for at in ats
    }


def _likely(ground: _Ground, comments: Sequence[int]) -> list[int]:
    """Return the lines with enough prose before them that comments may begin there."""
    whole = ground.shares.share(ground.first, len(ground.looks))
    before = ((at, ground.shares.share(ground.first, at)) for at in comments)
    return [at for at, share in before if share and share >= _COMMENTED * whole][:_TRIES]


def _comments_begin(ground: _Ground, at: int) -> bool:
    rest = ground.shares.share(at, len(ground.looks))
    if rest and (_goes_on(ground, at) or _is_told_at_length(ground, at)):
        return False
    return _strange(ground, at, _AHEAD) >= (2 if rest else 1)


def _is_over(ground: _Ground, at: int, end: int) -> bool:
    """Say whether the text is over at a line that announces something else than comments."""
    firm = ground.looks[at].ending in _FIRM
    rest, before = ground.shares.share(at, end), ground.shares.share(ground.first, at)
    if not before or rest > (_FIRM_REST if firm else _REST) * (before + rest):
        return False
    if firm:
        return True
    return not (rest and _goes_on(ground, at)) and (
        _strange(ground, at, _CLOSE) >= min(2, end - at - 1)
    )


def _goes_on(ground: _Ground, at: int) -> bool:
    """Say whether most prose behind a line stands where the prose before it stood.

    Answers of a forum do, comments on an article do not. Without places nothing tells.
    """
    homes = {home for home in ground.homes[ground.first : at] if home}
    same = whole = 0
    for look, home in zip(ground.looks[at + 1 :], ground.homes[at + 1 :], strict=True):
        if home is not None:
            whole += look.weight
            same += look.weight * _is_one_of(home, homes)
    return same > whole / 2


def _home(look: Look) -> Names:
    """Return the names right around a block's paragraph, by which its neighbours can be told."""
    return frozenset(around(shape_of(look.block.place))[-_NAMES:]) - _PLAIN


def _is_one_of(home: Names, homes: set[Names]) -> bool:
    """Say whether a place has nearly the names of one of others; never for one without names."""
    return any(len(home & other) >= _ALIKE * min(len(home), len(other)) > 0 for other in homes)


def _is_told_at_length(ground: _Ground, at: int) -> bool:
    """Say whether paragraph upon paragraph follows, as in an answer and hardly in a comment."""
    run = 0
    for place in range(at + 1, len(ground.looks)):
        look = ground.looks[place]
        told = look.sentence and not look.verdict and not ground.furniture[place]
        run = run + 1 if told else 0
        if run >= _AT_LENGTH:
            return True
    return False


def _strange(ground: _Ground, at: int, ahead: int) -> int:
    """Return how many of the next blocks are none of a text: links, dates, buttons, menus."""
    return sum(
        bool(look.verdict or ground.furniture[place] or look.ending or look.block.linked > _LINKED)
        or (not look.sentence and look.block.kind == "paragraph")
        for place, look in enumerate(ground.looks[at + 1 : at + 1 + ahead], at + 1)
    )
