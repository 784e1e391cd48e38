"""A block of a page -> why it is no text: one rule after the other, the first that tells.

A rule knows the page (`page.Page`) and where the block stands; it answers with a phrase for a
person, with "" where it does not tell, and with KEEP where the block stays whatever others say.
"""

import re

from rag.intake.page import Page, stem

UNSURE = "unsure"
KEEP = "keep"
_LINKED = 0.8
_MUCH = 150  # weight: what says more is an advertisement by three promises only
_STANDFIRST = 10  # weight of a line above the text that may be one
_OFTEN = 3  # times that a running head stands on a page
_NAME = 8  # weight of the longest name
SEPARATOR = "separator"
DRAWN = re.compile(r"[\s=_*~—–•·\u2500-\u257f◆◇●○■□★☆+#<>^|-]{3,}")
_NOTES = frozenset("footnote footnotes endnotes endnote references bibliography reflist".split())


def why(page: Page, at: int) -> str:
    """Return why a block goes; "" to keep it, UNSURE with a doubt, KEEP whatever its neighbours."""
    for rule in _RULES:
        told = rule(page, at)
        if told:
            return told
    return ""


def named(page: Page, at: int) -> str:
    """Return what furniture a block is by its own place or words; "" where neither tells."""
    look = page.looks[at]
    told = page.places[at].removeprefix("!") or (look.verdict.why if look.verdict else "")
    return told or look.ending


def is_gone(reason: str) -> bool:
    """Say whether a reason removes its block."""
    return reason not in {"", UNSURE, KEEP}


def _title(page: Page, at: int) -> str:
    """Keep the title once; below a picture it is what the picture is called."""
    if at == page.title:
        return KEEP
    same = page.title is not None and _plain(page, at) == _plain(page, page.title)
    return "the title again" if same and at >= page.start else ""


def _plain(page: Page, at: int) -> str:
    """Return the letters of a line without the "Re:" of a reply."""
    return page.looks[at].key.removeprefix("re").removeprefix("回复")


def _outside(page: Page, at: int) -> str:
    """Drop what stands above the title and behind the end of the text."""
    if at < page.start:
        return named(page, at) or "above the text"
    if at >= page.end:
        return named(page, at) or page.looks[page.end].ending or "below the text"
    return ""


def _notes(page: Page, at: int) -> str:
    """Keep the author's notes and sources wherever they stand, links back to the text apart."""
    look = page.looks[at]
    noted = look.sentence and not look.verdict and at > page.first and is_note(page, at)
    return KEEP if noted and not page.places[at].startswith("!") else ""


def is_note(page: Page, at: int) -> bool:
    """Say whether a block stands among notes or sources."""
    names = page.looks[at].block.place
    return any(not _NOTES.isdisjoint(re.split(r"[^a-z]+", name)) for name in names)


def _place(page: Page, at: int) -> str:
    """Drop what stands in a place of furniture; sentences only where nothing else stands there."""
    look, kind = page.looks[at], page.places[at]
    if kind == "!caption" and look.block.kind in {"quote", "code", "row"}:
        return ""
    if look.block.kind == "code" and page.hosted(at) and page.host:
        return ""
    if kind == "!line numbers" and look.block.kind == "code" and not look.key.isdigit():
        return ""
    if kind.startswith("!"):
        return kind[1:]
    if kind and look.block.kind == "row" and page.hosted(at):
        return ""
    if kind and not look.prose and look.block.kind not in {"heading", "code"}:
        spoken = look.sentence and look.closed and page.hosted(at) and not look.verdict
        return "" if spoken else kind
    return ""


def _table(page: Page, at: int) -> str:
    """Keep what a table of data is called: it stands right above its rows."""
    if page.places[at] != "!caption" or not page.first < at < page.end - 1:
        return ""
    return KEEP if page.looks[at + 1].block.kind == "row" and page.hosted(at) else ""


def _speaker(page: Page, at: int) -> str:
    """Keep lines that say whose part begins."""
    return KEEP if at in page.signed else ""


def _words(page: Page, at: int) -> str:
    """Drop what is furniture by its words wherever it stands."""
    look = page.looks[at]
    told = look.verdict
    if told and look.block.kind == "heading":
        return told.why if told.sure and look.weight >= 6 else ""
    if look.block.kind == "row":
        return told.why if told and told.sure and not page.hosted(at) else ""
    if told and (told.sure or look.block.linked > _LINKED):
        return told.why
    if look.promises >= (3 if look.weight > _MUCH else 2):
        return "advertisement"
    return ""


def _separator(page: Page, at: int) -> str:
    """Drop lines that are drawn, as "* * *" or "-----"."""
    block = page.looks[at].block
    drawn = block.kind not in {"row", "code"} and DRAWN.fullmatch(block.text)
    return SEPARATOR if drawn else ""


def _contents(page: Page, at: int) -> str:
    """Drop entries of a table of contents: the words of a heading that comes later."""
    if not page.announces(at):
        return ""
    look = page.looks[at]
    near = page.announces(at - 1) or page.announces(at + 1)
    return "table of contents" if near or look.block.linked > _LINKED else ""


def _running(page: Page, at: int) -> str:
    """Drop what stands on every slide or sheet, its number apart.

    A name that tells who speaks is no such line.
    """
    look = page.looks[at]
    times = max(page.counts[look.key], page.stems[stem(look.key)])
    often = times >= _OFTEN and look.block.kind in {"paragraph", "item"}
    return "running head" if often and look.weight > _NAME and not look.closed else ""


def _card(page: Page, at: int) -> str:
    """Drop cards that link to another page: two or more blocks that are nothing but links."""
    near = range(max(at - 1, 0), min(at + 2, len(page.looks)))
    if not _is_link(page, at) or not page.first <= at <= page.last:
        return ""
    return "related pages" if sum(_is_link(page, place) for place in near) > 1 else ""


def _is_link(page: Page, at: int) -> bool:
    block = page.looks[at].block
    if block.kind == "heading" and page.self_linked:
        return False
    return block.linked > _LINKED and block.kind in {"paragraph", "heading"}


def _host(page: Page, at: int) -> str:
    """Judge what stands outside of the place where most of the text lives."""
    look, block = page.looks[at], page.looks[at].block
    if page.hosted(at):
        return ""
    if at > page.last:
        return named(page, at) or "below the text"
    if look.prose and page.repeated(at):
        return "pull quote"
    if look.prose or (look.sentence and at < page.first):
        return "" if at < page.first else UNSURE
    if at > page.first and block.kind != "paragraph" and block.linked < _LINKED:
        return UNSURE
    if at < page.first and (block.kind == "heading" or look.weight >= _STANDFIRST):
        return ""
    return named(page, at) or "beside the text"


def _above(page: Page, at: int) -> str:
    """Judge a line between the title and the text: a standfirst stays, a by-line goes."""
    look = page.looks[at]
    if at >= page.first:
        return ""
    if look.verdict:
        return look.verdict.why
    if look.sentence or look.block.kind == "heading" or at + 1 == page.first or page.shown(at):
        return ""
    if look.block.linked > _LINKED or look.weight < _STANDFIRST:
        return "above the text"
    return UNSURE


_RULES = (
    _separator, _title, _notes, _outside, _table, _place, _speaker, _words, _contents, _running,
    _card, _host, _above,
)  # fmt: skip
