"""Found -> Page: its title, where its text begins, lives and ends, as far as the blocks tell.

What is furniture by itself is told by `phrases` and `places`; this file looks at the whole.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.intake.blocks import SLIDE, Found
from rag.intake.ends import end_of
from rag.intake.extent import Prose, furniture_places, host, prose, shape_of
from rag.intake.headline import headline, whole
from rag.intake.looks import Look, looks

_TRUSTED = 0.15  # of the prose may stand above the title
_LONGEST = 30  # weight of a line that may be a heading
_MANY = 200_000  # letters of a page that are not searched for every block
_SIGNED = re.compile(r"(?:作者|答主|回答者)[:：|丨] ?\S.{0,24}")
_LINKED = 0.8
_SELF_LINKED = 0.5  # of a page's headings are links: then they are links to themselves


@dataclass(frozen=True, slots=True)
class Page:
    """A page's blocks, and where its text is.

    `places` says for each block what furniture its place holds ("!" as in `places.places`, "" for
    none). `title` is the block that is the title. The text's prose goes from block `first` to
    block `last`; from `end` on there is nothing of it. `host` is the innermost place that holds
    most of it. `sections` gives for the letters of each line that may be a heading where it stands
    last, `counts` how many blocks have the same letters, `stems` the same but for the number
    behind them; `letters` are all of them. `signed`
    are the lines that say whose part begins, as "作者:霍华德", where several do; `self_linked` says
    that headings link to themselves.
    """

    looks: tuple[Look, ...]
    places: tuple[str, ...]
    title: int | None
    first: int
    last: int
    end: int
    host: tuple[str, ...]
    sections: dict[str, int]
    counts: Counter[str]
    stems: Counter[str]
    self_linked: bool
    letters: str
    signed: frozenset[int]

    def hosted(self, at: int) -> bool:
        """Say whether a block stands where most of the text lives; always, without places."""
        return shape_of(self.looks[at].block.place)[: len(self.host)] == self.host

    def shown(self, at: int) -> bool:
        """Say whether a block stands on a slide, where short lines are the text."""
        return SLIDE in self.looks[at].block.place

    def announces(self, at: int) -> bool:
        """Say whether a block has the words of a heading that comes later, numbers apart."""
        if not 0 <= at < self.end or self.looks[at].block.kind == "heading":
            return False
        return self.sections.get(_bare(self.looks[at].key), -1) > at

    def repeated(self, at: int) -> bool:
        """Say whether a block's words stand in another one as well."""
        own = self.looks[at].key
        return self.counts[own] > 1 or (len(self.letters) < _MANY and self.letters.count(own) > 1)

    @property
    def start(self) -> int:
        """Where the page stops being only furniture: at the title."""
        return 0 if self.title is None else self.title


def page_of(found: Found) -> Page:
    """Return what the blocks of a document tell about its text, taken together."""
    seen = looks(whole(found.blocks, found.about.title))
    kinds = furniture_places(seen)
    strong = [kind if kind.startswith("!") else "" for kind in kinds]
    shares = prose(seen, strong)
    title = _trusted(headline(seen, strong, found.about), shares)
    first = _first(seen, strong, title or 0)
    end = end_of(seen, strong, first)
    home = host(seen, [kind or "!" * (at >= end) for at, kind in enumerate(strong)])
    headings = [look for look in seen if look.block.kind == "heading"]
    linked = sum(look.block.linked > _LINKED for look in headings)
    page = Page(
        looks=tuple(seen),
        places=tuple(kinds),
        title=title,
        first=first,
        last=end - 1,
        end=end,
        host=home,
        sections={_bare(seen[at].key): at for at in range(end) if _may_head(seen[at])},
        counts=Counter(look.key for look in seen),
        stems=Counter(stem(look.key) for look in seen if look.key[-1:].isdigit()),
        signed=_signed(seen, range(first, end)),
        letters="\n".join(look.key for look in seen),
        self_linked=linked > _SELF_LINKED * len(headings),
    )
    return _with_last(page)


def _signed(seen: Sequence[Look], text: range) -> frozenset[int]:
    """Return the lines that name an author, where there are two or more."""
    found = frozenset(at for at in text if _SIGNED.fullmatch(seen[at].block.text))
    return found if len(found) > 1 else frozenset()


def _may_head(look: Look) -> bool:
    short = look.weight <= _LONGEST and not look.closed and bool(look.key)
    return look.block.kind == "heading" or (look.block.kind == "paragraph" and short)


def stem(letters: str) -> str:
    """Return the letters of a line without the number behind them, as that of a page."""
    return letters.rstrip("0123456789")


def _bare(letters: str) -> str:
    """Return the letters of a line without the number that it begins with."""
    return letters.lstrip("0123456789") or letters


def _trusted(title: int | None, shares: Prose) -> int | None:
    """Return the title, or None where too much of the prose would stand above it."""
    return None if title is None or shares.share(0, title) > _TRUSTED else title


def _first(seen: Sequence[Look], strong: Sequence[str], start: int) -> int:
    proses = (at for at in range(start, len(seen)) if seen[at].prose and not strong[at])
    return next(proses, start)


def _with_last(page: Page) -> Page:
    """Return the page with the end of its prose: the last where most of it lives."""
    proses = [
        at
        for at in range(page.first, page.end)
        if page.looks[at].prose and not page.places[at].startswith("!") and page.hosted(at)
    ]
    return replace(page, last=proses[-1]) if proses else page
