"""Blocks -> looks: what each block is by itself, which the judgement of the whole page rests on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.intake.blocks import Block
from rag.intake.phrases import Verdict, ending, folded, promises, verdict, weight

_PROSE = 24  # weight: some 24 Han characters, or 12 words
_LONG = 60  # weight of a line that is prose without the end of a sentence in it
_SENTENCE = 6
_MUCH = 150  # weight: what says more is an advertisement by three promises only
_LINKED = 0.5
_MARKS = re.compile(r"[。！？；!?;…]|[.，,：:](?=\s|$|[”\"’』」）)])|[，：]")
_ENDS = re.compile(r"[。！？!?；;…]|[.](?=\s|$|[”\"’』」）)])|[:：]$")
_END = re.compile(r"[。！？!?….；;：:~\uff5e—][”’\"'」』）)\]】\s]*$")


@dataclass(frozen=True, slots=True)
class Look:
    """A block and what it is by itself.

    `prose` is a stretch of sentences long enough to be trusted as text, `sentence` anything that is
    a sentence at all; `closed` says that it ends as one does, or as a lead-in. `verdict`, `ending`
    and `promises` are what its words alone tell (`phrases`), `key` is its letters alone, to tell
    repetitions by.
    """

    block: Block
    weight: int
    prose: bool
    sentence: bool
    closed: bool
    promises: int
    verdict: Verdict | None
    ending: str
    key: str


def looks(blocks: Sequence[Block]) -> list[Look]:
    """Return the look of every block, in their order."""
    return [_look(block) for block in blocks]


def key(text: str) -> str:
    """Return the letters and digits of a line, folded, to compare lines by.

    >>> key("## 1. What I learned!") == key("1 what I learned")
    True
    """
    return "".join(filter(str.isalnum, folded(text)))


def ends_sentence(text: str) -> bool:
    """Say whether a line ends as a sentence or a lead-in does."""
    return bool(_END.search(text))


def _look(block: Block) -> Look:
    text = block.text
    heavy = weight(text)
    judged = block.kind != "code"
    found = verdict(text) if judged else None
    offers = promises(text) if judged else 0
    marked = bool(_MARKS.search(text))
    spoken = block.kind in {"paragraph", "item", "quote"} and block.linked < _LINKED
    return Look(
        block=block,
        weight=heavy,
        prose=spoken
        and (bool(_ENDS.search(text)) or (marked and heavy >= _LONG))
        and heavy >= _PROSE
        and not (found and found.sure)
        and offers < (3 if heavy > _MUCH else 2),
        sentence=spoken and heavy >= _SENTENCE and (ends_sentence(text) or marked),
        closed=ends_sentence(text),
        promises=offers,
        verdict=found,
        ending=ending(text) if judged else "",
        key=key(text),
    )
