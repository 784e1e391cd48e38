"""Kept blocks -> blocks with a title, sections of regular levels, and headings where none were.

Changes kinds and levels, never a letter; a title that only the page's head names is put on top.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

from rag.intake import bylines
from rag.intake.blocks import About, Block, Found
from rag.intake.furniture import Parted
from rag.intake.looks import ends_sentence, key
from rag.intake.phrases import weight
from rag.text import HAN, language

_TITLE_WITHIN = 5  # blocks from the top in which a title stands
_LONGEST = 20  # weight of a line that may be a heading
_LONGEST_TITLE = 60
_LONGEST_QUESTION = 10  # weight of a question that may be a heading
_LONGEST_LEAD = 6  # weight of a heading that ends in a colon: "Coding:"
_ENOUGH = 2  # headings of the page's own: no others are guessed then
_SECTION = 800  # weight of a section: longer ones may hide headings
_DEEPEST = 6
_STANDFIRST = 8
_HAN = re.compile(f"[{HAN}]")
_WORD = re.compile(r"[A-Za-z]+")
_BY_LINES = 48  # removed lines in which by-lines are looked for
_SUFFIX = re.compile(r"\s+[|\-–—·«»]\s+|[|_«»]")  # between a title and the name of its site
_NUMBERED = re.compile(
    r"(?:第?[一二三四五六七八九十]{1,3}(?:[、.\uff0e:：章节部]|是)|[(（][一二三四五六七八九十]{1,3}[)）]"
    r"|(?:part|chapter|section|step)? ?\d{1,2}(?:\.\d{1,2})*[.、:：)）]?\s)",
    re.IGNORECASE,
)
_NOT_IN_HEADING = re.compile(r"[，。；;=(){}\[\]]|,(?!\d)|[.!]\s|https?:")
_OPENING = "“‘「『《【（(\"'"
_SPOKEN = re.compile(r"(?:[QA]|问|答|[^:：]{1,6}(?:者|员|人))\d{0,2}\s?[:：]", re.IGNORECASE)


def structured(kept: Sequence[Block], about: About) -> tuple[Block, ...]:
    """Return the blocks of an essay: the title first (level 1), sections 2, sub-sections 3.

    Headings are guessed where the page has fewer than two of its own: short lines without the end
    of a sentence before prose, numbered ones and such in bold. Without a title on the page or in
    `about`, the first block stays what it is.
    """
    blocks = list(kept)
    at = _title_at(blocks, about)
    title = [blocks.pop(at)] if at is not None else []
    if not title and about.title:
        title = [Block(about.title)]
    title = [replace(block, kind="heading", level=1, mark="") for block in title]
    blocks = _levelled(_standfirst(blocks))
    if _lacks_headings(blocks):
        blocks = _guessed(blocks, frozenset(about.author.split("、")))
    return (*title, *blocks)


def _title_at(blocks: Sequence[Block], about: About) -> int | None:
    """Return which of the first blocks is the title; None where none is."""
    near = range(min(_TITLE_WITHIN, len(blocks)))
    claimed = key(about.title)
    for at in near:
        if claimed and key(blocks[at].text) == claimed:
            return at
    for at in near:
        if blocks[at].kind == "heading" and blocks[at].level == 1:
            return at
    return 0 if blocks and not claimed and _is_titled(blocks[0]) else None


def _is_titled(block: Block) -> bool:
    """Say whether a first block could be a title: not long, and no sentence."""
    if weight(block.text) > _LONGEST_TITLE:
        return False
    return block.kind == "heading" or (block.kind == "paragraph" and not _says(block.text))


def _says(text: str) -> bool:
    """Say whether a line is a sentence rather than a title."""
    return ends_sentence(text) and not text.endswith(("?", "？", "!", "！", "."))


def _standfirst(blocks: list[Block]) -> list[Block]:
    """Return the blocks with a heading right under the title as the paragraph that it is.

    It is one where the page has headings of another level only.
    """
    first = blocks[0] if blocks else None
    if first is None or first.kind != "heading" or weight(first.text) < _STANDFIRST:
        return blocks
    others = [block.level for block in blocks[1:] if block.kind == "heading"]
    if not others or first.level in others or _NUMBERED.match(first.text):
        return blocks
    return [replace(first, kind="paragraph", level=0), *blocks[1:]]


def _levelled(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks with the levels that headings have made 2, 3 and so on, none left out."""
    used = Counter(block.level for block in blocks if block.kind == "heading")
    levels = {level: min(at + 2, _DEEPEST) for at, level in enumerate(sorted(used))}
    return [
        replace(block, level=levels[block.level]) if block.kind == "heading" else block
        for block in blocks
    ]


def _lacks_headings(blocks: Sequence[Block]) -> bool:
    """Say whether a text has hardly any headings of its own: plain text may mark only some."""
    own = sum(block.kind == "heading" for block in blocks)
    plain = not any(block.place for block in blocks)
    return own < _ENOUGH or (plain and sum(weight(b.text) for b in blocks) > _SECTION * own)


def _guessed(blocks: Sequence[Block], names: frozenset[str]) -> list[Block]:
    """Return the blocks with the lines that look like headings made headings; names are none."""
    level = max((block.level for block in blocks if block.kind == "heading"), default=1) + 1
    times = Counter(block.text for block in blocks)
    return [
        replace(block, kind="heading", level=min(level, _DEEPEST), mark="")
        if following
        and times[block.text] == 1
        and block.text not in names
        and _is_heading(block, following)
        else block
        for block, following in zip_longest(blocks, blocks[1:])
    ]


def _is_heading(block: Block, following: Block) -> bool:
    """Say whether a line looks like a heading of the block that follows it."""
    text = block.text
    if block.kind != "paragraph" or following.kind == "heading" or not _may_head(text):
        return False
    if text.endswith((":", "：")):
        return text.isascii() and weight(text) <= _LONGEST_LEAD and following.kind == "paragraph"
    below = weight(following.text)
    longer = below > weight(text) and ends_sentence(following.text)
    spoken = bool(_SPOKEN.match(following.text))
    return below > _LONGEST or longer or spoken or bool(_NUMBERED.match(text)) or block.strong


def _may_head(text: str) -> bool:
    """Say whether a line could be a heading by its words alone: short, and no sentence."""
    heavy = weight(text)
    if not 1 <= heavy <= _LONGEST or not (text[0].isalnum() or text[0] in _OPENING):
        return False
    if _SPOKEN.match(text) or _NOT_IN_HEADING.search(_NUMBERED.sub("", text, count=1)):
        return False
    if text.endswith(("?", "？")):
        return heavy <= _LONGEST_QUESTION
    return text.endswith((":", "：")) or not _closes(text)


def _closes(text: str) -> bool:
    """Say whether a line ends a sentence, pictures behind it and its own quotation marks apart."""
    plain = text.rstrip("".join(char for char in text if unicodedata.category(char) == "So"))
    return ends_sentence(plain) and not plain.endswith(("”", "’", '"', "」"))


# --- what a page says of itself ---------------------------------------------------------------


def about_guessed(found: Found, parted: Parted) -> About:
    """Return what is known of a text: its page's head first, else its by-lines. Nothing is made up.

    The title is as the page's headline says it, without the site's name behind it. A date that the
    page calls that of an upload or a change is none. `lang` is "zh" or "en" of the kept text, ""
    for another language.
    """
    title = _title(found, parted)
    lines = [
        gone.block.text
        for gone in parted.removed
        if gone.why in {"by-line", "above the text", "legal line", "file data", "counts"}
    ]
    by_lines = lines[:_BY_LINES]
    told = found.about
    body = "\n".join(block.text for block in parted.kept[:40])
    spoken = _language(body)
    return About(
        title=title,
        author="、".join(parted.posters) or _sane(told.author) or _first(bylines.authors(by_lines)),
        date=_first(bylines.dates(by_lines, published=True))
        or told.date
        or _first(bylines.dates(by_lines)),
        site=told.site or _first(bylines.sites(by_lines)),
        url=told.url or _first(bylines.urls(by_lines)),
        lang=spoken,
    )


def _language(text: str) -> str:
    """Return "zh" or "en", whichever a text has more of; "" for another language."""
    han, words = len(_HAN.findall(text)), len(_WORD.findall(text))
    if han >= words:
        return "zh" if han and language(text) != "other" else ""
    return "en" if language(text) == "en" else ""


def _title(found: Found, parted: Parted) -> str:
    """Return the kept line that the page's head names; else the head's own, if it names one."""
    if parted.title:
        return parted.title
    claimed = key(found.about.title)
    first = parted.kept[:_TITLE_WITHIN]
    for block in first:
        if claimed and key(block.text) and claimed.startswith(key(block.text)):
            return block.text
    for block in first:
        if block.kind == "heading" and block.level == 1:
            return block.text
    if first and not claimed and _is_titled(first[0]):
        return first[0].text
    return _SUFFIX.split(found.about.title)[0] if found.about.title else ""


def _sane(author: str) -> str:
    """Return an author that can be a name; "" for a word of the page's own furniture."""
    return "" if re.search(r"发表于|admin|http|@|管理员", author) or len(author) > 80 else author


def _first(found: Iterable[str]) -> str:
    return next(iter(found), "")
