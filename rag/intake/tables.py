"""Tells tables of data from tables that only lay out a page."""

from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]

from rag.intake.unseen import Element, local

_WHOLE = frozenset(
    "table h1 h2 h3 h4 h5 h6 ul ol dl blockquote pre article section nav aside header footer main "
    "form figure hr fieldset".split()
)
_MOST_IN_CELL = 300  # characters: more are a paragraph
_MOST_PARTS = 2  # paragraphs or boxes in a cell


def is_data(table: Element) -> bool:
    """Say whether a table holds data: more than one column, and cells that are short and plain.

    What lays out a page has other tables, headings, lists or long paragraphs in its cells.
    """
    if table.get("role") in {"presentation", "none"}:
        return False
    columns = cells = parts = size = 0
    for element in _inside(table):
        tag = local(element)
        if tag in _WHOLE:
            return False
        if tag == "tr":
            cells = 0
        elif tag in {"td", "th"}:
            cells, parts, size = cells + 1, 0, 0
            columns = max(columns, cells)
        parts += tag in {"p", "div"}
        size += len((element.text or "").strip()) + len((element.tail or "").strip())
        if parts > _MOST_PARTS or size > _MOST_IN_CELL:
            return False
    return columns > 1


def _inside(table: Element) -> Iterator[Element]:
    """Yield the elements of a table in their order, without the table itself."""
    return (
        element for _, element in etree.iterwalk(table, events=("start",)) if element is not table
    )
