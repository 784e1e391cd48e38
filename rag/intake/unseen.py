"""Which elements of a page a person does not see. Comments are gone before, with the parser."""

import re
from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]

Element: TypeAlias = Any  # lxml comes without types

# Contents that are no text of the page, wherever they stand.
UNSEEN = frozenset(
    "head script style noscript template svg canvas iframe object embed applet audio video input "
    "select option optgroup datalist textarea noframes noembed title meta link rt rp annotation "
    "annotation-xml area map param source track colgroup".split()
)
_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)


def local(element: Element) -> str:
    """Return an element's name in lower case, without its namespace; "" for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


class Sight:
    """What a person sees of one page. Counts are kept, so that each place is counted once."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._letters = -1  # of the page; counted when asked for
        self._hidden: dict[tuple[Element, str], bool] = {}

    def hides(self, element: Element, tag: str) -> bool:
        """Say whether an element is not seen: by its name, its attributes or its own style.

        What holds most of a page's text is seen, alone or together with hidden neighbours of its
        name: a script shows it, as the slides of a deck. A lone element that an attribute hides is
        not. The other side of a tab is seen.
        """
        if tag in UNSEEN:
            return True
        if not is_hidden(element) or element.get("role") == "tabpanel":
            return False
        around = element.getparent()
        while around is not None:
            if self._is_most(around, tag):
                return False
            if local(around) != tag or not is_hidden(around):
                break
            around = around.getparent()
        return True

    def _is_most(self, around: Element, tag: str) -> bool:
        """Say whether what is hidden right in an element, of one name, is most of the page."""
        if (around, tag) not in self._hidden:
            if self._letters < 0:
                self._letters = letters(self._root)
            own = [other for other in around if local(other) == tag and is_hidden(other)]
            several = len(own) > 1 or any(map(_style_hides, own))
            most = 2 * sum(map(letters, own)) >= self._letters > 0
            self._hidden[around, tag] = several and most
        return self._hidden[around, tag]


def is_hidden(element: Element) -> bool:
    """Say whether an element's attributes or its own style hide it."""
    attributes = element.attrib
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden", "").lower() == "true"
        or _style_hides(element)
    )


def _style_hides(element: Element) -> bool:
    style = element.get("style")
    return bool(style) and bool(_STYLE.search(style))


def letters(root: Element) -> int:
    """Return how many characters of text stand under an element, hidden or not."""
    count = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            count += len((element.tail or "").strip()) if element is not root else 0
        elif element is not root and local(element) in UNSEEN:
            walk.skip_subtree()
        else:
            count += len((element.text or "").strip())
    return count
