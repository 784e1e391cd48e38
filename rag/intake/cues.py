"""A block of a transcript whose cues have run together -> what is said, turn by turn.

Players give each cue its time twice: as digits for the eye, and in words for a screen reader. The
words stick to what is said, as in "3 minutes, 20 secondsso I went home".
"""

import re
from dataclasses import replace

from rag.intake.blocks import Block
from rag.text import HAN

# Nobody writes a letter right behind "seconds": a time in a sentence has a blank behind it.
_CLOCK = re.compile(
    r"(?<![\w.])(?:\d{1,2} hours?+,? )?\d{1,3} minutes?+,? \d{1,2} seconds?+"
    r"(?=[^\W\d_]|[\[(“\"‘>])"
)
_LABEL = re.compile(rf"(?:[A-Z][A-Z .'’-]{{1,30}}|[{HAN}]{{1,6}})[:：]|>>|- ?[A-Z]")


def turns(block: Block) -> tuple[list[Block], list[Block]]:
    """Return what is said in a block, a new one where another begins to speak, and its clocks.

    A block with fewer than two clocks in words is returned as it is.
    """
    clocks = _CLOCK.findall(block.text)
    if len(clocks) < 2 or block.kind in {"code", "row"}:
        return [block], []
    said: list[str] = []
    for cue in filter(None, map(str.strip, _CLOCK.split(block.text))):
        if said and not _LABEL.match(cue) and not _is_sound(said[-1]):
            said[-1] += f" {cue}"
        else:
            said.append(cue)
    return [replace(block, text=text) for text in said], [
        replace(block, text=clock) for clock in clocks
    ]


def _is_sound(text: str) -> bool:
    """Say whether a paragraph is nothing but a sound, as "[Music]"."""
    return text.startswith("[") and text.find("]") == len(text) - 1
