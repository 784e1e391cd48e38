"""Markdown -> Blocks, by way of the HTML that it stands for, and what its front matter says."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from rag.intake.blocks import About, Block
from rag.intake.decode import whole_text
from rag.intake.front import fronted
from rag.intake.lines import wrapped_at
from rag.intake.markup import text_blocks
from rag.intake.plain import lined

_DEEPEST = 1_000_000  # the library leaves out what lies deeper: so it shall raise RecursionError
# Tags whose contents are never shown: in prose about them, one would hide the rest of an essay.
_HIDING = re.compile(
    r"<(/?(?:title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext|select|option|"
    r"template|svg|object|canvas|audio|video|head|noscript|frameset|datalist))\b",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"</(\w+)\s*>")
_STARTS = re.compile(r"\s*(?:[-*+>|#]|\d+[.)]|```|~~~|    )")


def marked(data: bytes) -> tuple[list[Block], About]:
    """Return the blocks of a Markdown file, and what its front matter says.

    Lines that follow one another stay apart, as in a dialogue, unless the text was wrapped at a
    width. The title is that of the front matter, else the first heading of level 1.

    Raises:
        IntakeError: these bytes are no text, or too much of it.
    """
    about, text = fronted(whole_text(data))
    found = _blocks(text)
    if about.title:
        return found, about
    titles = (block.text for block in found if block.kind == "heading" and block.level == 1)
    return found, About(**{**_fields(about), "title": next(titles, "")})


def _fields(about: About) -> dict[str, str]:
    return {name: getattr(about, name) for name in About.__slots__}


def _blocks(text: str) -> list[Block]:
    try:
        return text_blocks(_html(text))
    except RecursionError:  # nested beyond what a person would write: its marks are kept as text
        return list(lined(text))


def _html(text: str) -> str:
    from markdown_it import MarkdownIt

    as_set = not wrapped_at(_prose(text))
    options = {"html": True, "breaks": as_set, "maxNesting": _DEEPEST}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.block.ruler.at("reference", _reference(), {"alt": []})
    parser.add_render_rule("html_inline", _inline)
    parser.add_render_rule("html_block", _block)
    return f"<html><body>{parser.render(text)}</body></html>"


def _reference() -> Callable[..., bool]:
    """Return the rule for `[label]: address`, which has to leave footnotes as they stand."""
    from markdown_it.rules_block import StateBlock, reference

    def rule(state: StateBlock, line: int, end: int, silent: bool) -> bool:  # noqa: FBT001
        start = state.bMarks[line] + state.tShift[line]
        return not state.src.startswith("[^", start) and reference(state, line, end, silent)

    return rule


def _inline(_: object, tokens: Sequence[Any], at: int, *__: object) -> str:
    """Return a tag within a line, or where it would hide what follows, as it is written."""
    return _HIDING.sub(r"&lt;\1", str(tokens[at].content))


def _block(_: object, tokens: Sequence[Any], at: int, *__: object) -> str:
    """Return a block of tags; one that hides and is not closed in it is shown as it is written."""
    content = str(tokens[at].content)
    closed = {found.group(1).lower() for found in _CLOSED.finditer(content)}
    hiding = {found.group(1).lower().lstrip("/") for found in _HIDING.finditer(content)}
    if hiding <= closed:
        return content
    parts = _HIDING.sub(r"&lt;\1", content).split("\n\n")
    return "".join(f"<p>{part}</p>" for part in parts)


def _prose(text: str) -> list[list[str]]:
    """Return the runs of lines that are prose: no headings, lists, quotes, tables or code."""
    found = groupby(
        text.split("\n"), key=lambda line: bool(line.strip() and not _STARTS.match(line))
    )
    return [list(run) for prose, run in found if prose]
