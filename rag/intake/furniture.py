"""Found -> Parted: the blocks that are a page's text, and the rest of it with the reason why.

When in doubt a block is kept, and named as unsure: a lost sentence is worse than a spare line.
"""

from dataclasses import dataclass
from itertools import takewhile

from rag.intake.blocks import Block, Found
from rag.intake.cues import turns
from rag.intake.cuts import cut
from rag.intake.page import Page, page_of
from rag.intake.posters import posters
from rag.intake.rules import KEEP, SEPARATOR, UNSURE, is_gone, is_note, named, why

_INSIDE = frozenset(
    {"the title again", "caption", "timestamp", "table of contents", "running head", SEPARATOR}
)
_LONGEST_BOX = 20  # lines of a box of links
_ISLAND = 80  # weight of prose that can be an advertisement
_LONGEST_LINK = 40  # weight of a link to another page
_LINKED = 0.8
_FORM = frozenset({"button", "follow us", "log-in"})
_LANGUAGE = 4  # weight of the name of a language above code
_LONGEST_OFFER = 4  # paragraphs of one
_ARROWS = ("→", "»", "\u203a", "➔", "➜")


@dataclass(frozen=True, slots=True)
class Removed:
    """A block that is not of the text, and why in a phrase, such as "navigation" or "caption"."""

    block: Block
    why: str


@dataclass(frozen=True, slots=True)
class Parted:
    """A page in two: what is kept and what is removed, each in the page's order.

    Together they hold every letter of the page. `unsure` are kept blocks that a person should
    look at, since they may be furniture. `posters` are the names above posts of several people,
    each once; those lines are kept. `title` is the kept line that is the page's title, "" where
    none is.
    """

    kept: tuple[Block, ...]
    removed: tuple[Removed, ...]
    unsure: tuple[Block, ...] = ()
    posters: tuple[str, ...] = ()
    title: str = ""


def parted(found: Found) -> Parted:
    """Part a page's text from its furniture. A page without furniture is kept as it is.

    Where a line is partly furniture, as a time stamp before what is said, the rest of it is kept
    and the stamp is in `removed`.
    """
    page = page_of(found)
    reasons = _reasons(page)
    names = posters(page, reasons)
    for at in names:
        reasons[at] = KEEP
    kept: list[Block] = []
    removed: list[Removed] = []
    unsure: list[Block] = []
    for look, reason in zip(page.looks, reasons, strict=True):
        if is_gone(reason):
            removed.append(Removed(look.block, reason))
            continue
        said, clocks = turns(look.block)
        removed += [Removed(clock, "timestamp") for clock in clocks]
        for block, cuts in map(cut, said):
            removed += [Removed(part, told) for part, told in cuts]
            if block:
                kept.append(block)
                unsure += [block] * (reason == UNSURE)
    who = tuple(dict.fromkeys(names.values()))
    return Parted(tuple(kept), tuple(removed), tuple(unsure), who, _headline(page))


def _headline(page: Page) -> str:
    title = None if page.title is None else cut(page.looks[page.title].block)[0]
    return title.text if title else ""


def _reasons(page: Page) -> list[str]:
    """Return for each block why it goes: "" to keep it, UNSURE to keep it with a doubt."""
    reasons = [why(page, at) for at in range(len(page.looks))]
    _keep_headings_of_notes(page, reasons)
    _drop_boxes(page, reasons)
    _drop_offers(page, reasons)
    _drop_between(page, reasons)
    _drop_neighbours(page, reasons)
    _drop_islands(page, reasons)
    _drop_tail(page, reasons)
    return reasons


def _drop_boxes(page: Page, reasons: list[str]) -> None:
    """Drop boxes of links inside the text: the line that announces them and the short ones behind.

    A last short line that no date follows is the heading of what comes next, and stays.
    """
    for at in range(page.first, page.last):
        look = page.looks[at]
        if reasons[at] or look.ending != "related pages":
            continue
        if look.block.kind == "heading":
            if links := _links_behind(page, at):
                reasons[at : at + links + 1] = [look.ending] * (links + 1)
            continue
        box = at + 1
        while box < min(page.last, at + _LONGEST_BOX) and _is_short(page, box):
            box += 1
        if box > at + 1 and not page.looks[box - 1].verdict:
            box -= 1
        if box > at + 1:
            reasons[at:box] = [look.ending] * (box - at)


def _drop_offers(page: Page, reasons: list[str]) -> None:
    """Drop what is offered between a line that says "advertisement" and the link that closes it."""
    for at in range(page.first, page.last):
        verdict = page.looks[at].verdict
        if not verdict or verdict.why != "advertisement" or not is_gone(reasons[at]):
            continue
        ahead = page.looks[at + 1 : at + 2 + _LONGEST_OFFER]
        text = list(takewhile(lambda look: look.block.kind == "paragraph", ahead))
        calls = (n for n, look in enumerate(text, 1) if _is_call(look.block))
        if call := next(calls, 0):
            reasons[at + 1 : at + call + 1] = [verdict.why] * call


def _drop_between(page: Page, reasons: list[str]) -> None:
    """Drop a short line that two pieces of one box enclose.

    Such are a promise between "sign up" and the form, and a language between text and "copy".
    """
    for at in range(page.first + 1, page.last):
        look, after = page.looks[at], page.looks[at + 1]
        if reasons[at] or look.block.kind != "paragraph" or look.weight >= _ISLAND:
            continue
        form = reasons[at - 1] == "follow us" and reasons[at + 1] in _FORM
        code = page.looks[min(at + 2, page.last)].block.kind == "code"
        copied = code and reasons[at + 1] == "button" and bool(after.verdict)
        if form or (copied and not look.sentence and look.weight <= _LANGUAGE):
            reasons[at] = reasons[at + 1]


def _is_call(block: Block) -> bool:
    """Say whether a block is a link to act on, as "Try it free" with an arrow."""
    return block.linked > _LINKED and block.text.endswith(_ARROWS)


def _keep_headings_of_notes(page: Page, reasons: list[str]) -> None:
    """Keep the heading above the author's notes, whatever else such a word may announce."""
    for at in range(page.first, len(reasons)):
        if page.looks[at].block.kind != "heading":
            continue
        below = range(at + 1, min(at + 3, len(reasons)))
        noted = next((near for near in below if not is_gone(reasons[near])), at)
        if is_note(page, noted):
            reasons[at] = KEEP


def _links_behind(page: Page, at: int) -> int:
    """Return how many blocks right behind one are nothing but links; 0 for a lone one."""
    behind = page.looks[at + 1 : page.last]
    links = sum(1 for _ in takewhile(lambda look: look.block.linked > _LINKED, behind))
    return links if links > 1 else 0


def _drop_neighbours(page: Page, reasons: list[str]) -> None:
    """Drop what is likely furniture by its words and stands beside other furniture."""
    for places in (range(len(reasons)), range(len(reasons) - 1, -1, -1)):
        for at in places:
            told = _likely(page, at)
            if not told or is_gone(reasons[at]) or reasons[at] == KEEP or _heads(page, at, reasons):
                continue
            if any(
                is_gone(near) and near != SEPARATOR for near in reasons[max(at - 1, 0) : at + 2]
            ):
                reasons[at] = told


def _likely(page: Page, at: int) -> str:
    """Return what furniture a line may be by its words; "" for a row of a table or code."""
    look = page.looks[at]
    if look.block.kind in {"row", "code"}:
        return ""
    return look.verdict.why if look.verdict else look.ending


def _heads(page: Page, at: int, reasons: list[str]) -> bool:
    """Say whether a line is a heading of text that stays."""
    below = at + 1 < len(reasons) and not is_gone(reasons[at + 1])
    return page.looks[at].block.kind == "heading" and below


def _drop_islands(page: Page, reasons: list[str]) -> None:
    """Drop short prose outside of the place where the text lives, furniture above and below it."""
    for at in range(page.first + 1, page.last):
        look = page.looks[at]
        around = is_gone(reasons[at - 1]) and is_gone(reasons[at + 1])
        if reasons[at] == UNSURE and around and look.weight < _ISLAND and not page.hosted(at):
            reasons[at] = "beside the text"


def _drop_tail(page: Page, reasons: list[str]) -> None:
    """Drop the short lines behind the last prose, from the first that is furniture on.

    The short line right above that first one is its heading.
    """
    tail = range(page.last + 1, page.end)
    over = next((at for at in tail if _is_strange(page, at, reasons[at])), None)
    if over is None:
        return
    heading = over - 1
    linked = page.looks[heading].block.linked > _LINKED
    together = linked or page.hosted(heading) == page.hosted(over)
    if heading in tail and together and not page.looks[heading].sentence:
        over = heading
    for at in range(over, page.end):
        if reasons[at] in {"", UNSURE} and not page.looks[at].prose and not page.shown(at):
            reasons[at] = named(page, at) or "below the text"


def _is_strange(page: Page, at: int, reason: str) -> bool:
    """Say whether a block shows that the text is over; what stands inside of texts does not."""
    if reason in _INSIDE or reason == KEEP or page.shown(at) or page.places[at] == "!advertisement":
        return False
    look = page.looks[at]
    return is_gone(reason) or bool(look.verdict or look.ending or look.promises)


def _is_short(page: Page, at: int) -> bool:
    look = page.looks[at]
    return (
        not look.prose
        and look.weight <= _LONGEST_LINK
        and not look.closed
        and look.block.kind != "heading"
    )
