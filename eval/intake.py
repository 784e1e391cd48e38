"""Saved pages and what they hold -> how much of it an import keeps, and how much else it removes.

A page is read by Mentor and by three others: trafilatura (as it is, and told to favour recall),
readability, and html2text, which keeps everything. What each gives is laid beside the essay that a
person made of the page, letter by letter, in order: blanks, Markdown marks and the numbers of
lists are no letters. `kept` is the share of the essay's letters that came out. Furniture is what of
the page's visible letters is not the essay's, `removed` the share of it that did not come out.
Letters that both have in one order are aligned, a stray one of furniture with a lost one of the
essay too: shares are a little too good, for every tool alike.
"""

import re
import tomllib
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import numpy as np

from eval.figures import Figure
from eval.stats import Values, Weights, bootstrap_of
from rag import Settings
from rag.intake.essay import written
from rag.intake.furniture import parted
from rag.intake.reading import read
from rag.intake.source import open_source
from rag.intake.structure import about_guessed, structured

_MARKS = frozenset("#*_>`|-\\")
_NUMBER = re.compile(r"^\s*(?:[#>\s-]*)\d{1,3}[.)、]\s*", re.MULTILINE)
_TAG = re.compile(r"<[^>]*>")
_ANCHOR = 12  # letters of a line that tell it from every other
_SEED = 7


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was saved, the essay that a person made of it, and what is neither.

    `neutral` are lines that may be kept or removed, as a poster's name above what he posted.
    """

    group: str
    name: str
    path: Path
    gold: str
    neutral: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """What one tool made of one page, in letters."""

    group: str
    page: str
    tool: str
    kept: int
    gold: int
    intruded: int
    furniture: int


Tool = Callable[[Path], str]


def pages_in(folder: Path, group: str) -> list[Page]:
    """Return the pages of a folder that holds `NAME/page.*`, `essay.md` and `about.toml`, by name.

    Raises:
        ValueError: a page lacks one of them.
    """
    found = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(home.glob("page.*"))
        if len(files) != 1 or not all(
            (home / name).is_file() for name in ("essay.md", "about.toml")
        ):
            msg = f"{home}: needs one page.*, essay.md and about.toml; add what is missing."
            raise ValueError(msg)
        about = tomllib.loads((home / "about.toml").read_text(encoding="utf-8"))
        gold = (home / "essay.md").read_text(encoding="utf-8")
        found.append(Page(group, home.name, files[0], gold, tuple(about.get("neutral", ()))))
    return found


def sources_of(corpus: Path) -> list[Page]:
    """Return the shelf's own sources, each with the essay that was made of it by hand."""
    return [
        Page("sources", path.stem, path, _essay(corpus, path).read_text(encoding="utf-8"))
        for path in sorted((corpus / "sources").iterdir())
        if _essay(corpus, path).is_file()
    ]


def _essay(corpus: Path, source: Path) -> Path:
    return corpus / "essays" / f"{source.stem}.md"


def run(pages: Path | None) -> list[Row]:
    """Measure the shelf's sources and, given a folder of folders of pages, each of its groups.

    Raises:
        ValueError: a folder lacks what a page needs.
    """
    found = sources_of(Settings().corpus_dir)
    for folder in sorted(path for path in pages.iterdir() if path.is_dir()) if pages else ():
        found += pages_in(folder, folder.name)
    return measured(found)


def measured(pages: Sequence[Page], tools: dict[str, Tool] | None = None) -> list[Row]:
    """Return what each tool made of each page, page by page, tools in their order."""
    rows = []
    for page in pages:
        visible = "\n".join(block.text for block in read(open_source(page.path)).blocks)
        furniture = _strange(page, visible)
        for name, tool in (tools or TOOLS).items():
            out = tool(page.path)
            lost, size = _lost(page, out)
            intruded = min(_strange(page, out), furniture)
            rows.append(Row(page.group, page.name, name, size - lost, size, intruded, furniture))
    return rows


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Return kept and removed of each tool on each group and page, letters of a group summed.

    The intervals of groups are over resampled pages; a single page has none.
    """
    found: list[Figure] = []
    for group in dict.fromkeys(row.group for row in rows):
        of_group = [row for row in rows if row.group == group]
        tools = list(dict.fromkeys(row.tool for row in of_group))
        for tool in tools:
            found += _both(group, tool, [row for row in of_group if row.tool == tool])
        for row in of_group:
            found += _both(f"{group}: {row.page}", row.tool, [row])
    return found


def _both(group: str, tool: str, rows: Sequence[Row]) -> Iterator[Figure]:
    sides = {
        "kept": [(row.kept, row.gold) for row in rows],
        "removed": [(row.furniture - row.intruded, row.furniture) for row in rows],
    }
    for name, pairs in sides.items():
        told = [pair for pair in pairs if pair[1]]
        whole = sum(size for _, size in told)
        value = sum(part for part, _ in told) / whole if whole else None
        pages = [str(at) for at in range(len(told))]
        interval = bootstrap_of(_ratio, told, pages, seed=_SEED) if len(told) > 1 else None
        yield Figure(group, f"{tool} {name}", value, interval, len(told))


def _ratio(rows: Sequence[tuple[int, int]]) -> Callable[[Weights], Values]:
    """Return what says the share of all letters in each resample of (letters, of how many)."""
    table = np.array(rows, dtype=np.float64)

    def shares(weights: Weights) -> Values:
        parts, wholes = (weights @ table).T
        return np.asarray(parts / wholes)

    return shares


# --- letters -----------------------------------------------------------------------------------


def letters(text: str) -> str:
    r"""Return the letters of a text: NFC, no blanks, no Markdown marks, no numbers of lists.

    >>> letters("# Title\n\n1. one  *two*\n")
    'Titleonetwo'
    """
    plain = _NUMBER.sub("", unicodedata.normalize("NFC", text))
    return "".join(char for char in plain if not char.isspace() and char not in _MARKS)


def _lost(page: Page, out: str) -> tuple[int, int]:
    """Return how many letters of the essay did not come out, and how many it has.

    Neutral lines count for neither.
    """
    neutral = {letters(line) for line in page.neutral}
    gold = "\n".join(line for line in page.gold.split("\n") if letters(line) not in neutral)
    own, other = _lines(gold), _lines(out)
    size = sum(map(len, own))
    return size - sum(length for _, _, length in _aligned(own, other)), size


def _strange(page: Page, out: str) -> int:
    """Return how many letters of a text are not the essay's, neutral ones left out."""
    gold, lines = _lines(page.gold), _lines(out)
    ours = [True] * sum(map(len, lines))
    for _, start, length in _aligned(gold, lines):
        ours[start : start + length] = [False] * length
    whole = "".join(lines)
    for neutral in map(letters, page.neutral):
        for found in re.finditer(re.escape(neutral), whole) if neutral else ():
            ours[found.start() : found.end()] = [False] * len(neutral)
    return sum(ours)


def _lines(text: str) -> list[str]:
    return [found for line in text.split("\n") if (found := letters(line))]


def _aligned(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield stretches that both texts have in the same order: start in each, length; in letters.

    The longest common subsequence between lines that stand once in both; those are laid on each
    other first, as in a patience diff, since the whole of two long texts would fill the memory.
    """
    from rapidfuzz.distance import LCSseq

    whole_a, whole_b = "".join(a), "".join(b)
    start_a = start_b = 0
    for at_a, at_b, size in [*_anchors(a, b), (len(whole_a), len(whole_b), 0)]:
        between = LCSseq.opcodes(whole_a[start_a:at_a], whole_b[start_b:at_b])
        for code in between:
            if code.tag == "equal":
                length = code.src_end - code.src_start
                yield start_a + code.src_start, start_b + code.dest_start, length
        if size:
            yield at_a, at_b, size
        start_a, start_b = at_a + size, at_b + size


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return the longest run, in order in both, of lines that stand once in each."""
    once_a, once_b = _once(a), _once(b)
    pairs = [(at, once_b[line], len(line)) for line, at in once_a.items() if line in once_b]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for place, (_, at_b, _) in enumerate(pairs):
        rank = bisect_right(ends, at_b)
        ends[rank : rank + 1] = [at_b]
        before.append(last[rank - 1] if rank else -1)
        last[rank : rank + 1] = [place]
    chain = []
    place = last[-1] if last else -1
    while place >= 0:
        chain.append(pairs[place])
        place = before[place]
    return chain[::-1]


def _once(lines: Sequence[str]) -> dict[str, int]:
    """Return the lines long enough that stand once, in order, with where they start in letters."""
    counts = Counter(lines)
    found, start = {}, 0
    for line in lines:
        if counts[line] == 1 and len(line) >= _ANCHOR:
            found[line] = start
        start += len(line)
    return found


# --- tools -------------------------------------------------------------------------------------


def _mentor(path: Path) -> str:
    found = read(open_source(path))
    sides = parted(found)
    return written(structured(sides.kept, about_guessed(found, sides)))


def _trafilatura(path: Path, *, recall: bool = False) -> str:
    from trafilatura import extract, extract_metadata

    html = _html(path)
    told = extract_metadata(html)  # its text comes without the title
    return f"{told.title or ''}\n{extract(html, favor_recall=recall) or ''}"


def _readability(path: Path) -> str:
    from readability import Document  # type: ignore[import-untyped]

    document = Document(_html(path))
    return "\n".join([document.short_title() or "", unescape(_TAG.sub("\n", document.summary()))])


def _html2text(path: Path) -> str:
    if path.suffix != ".html":
        return path.read_text(encoding="utf-8")
    from html2text import HTML2Text

    reader = HTML2Text(bodywidth=0)
    reader.ignore_links = reader.ignore_images = reader.ignore_emphasis = True
    return str(reader.handle(_html(path)))


def _html(path: Path) -> str:
    """Return a page as HTML; each line of a plain text is a paragraph."""
    from rag.intake.decode import decoded

    text = decoded(path.read_bytes())
    if path.suffix == ".html":
        return text
    lines = (f"<p>{escape(line)}</p>" for line in text.split("\n") if line.strip())
    return f"<html><body>{''.join(lines)}</body></html>"


TOOLS: dict[str, Tool] = {
    "mentor": _mentor,
    "trafilatura": _trafilatura,
    "trafilatura, recall": lambda path: _trafilatura(path, recall=True),
    "readability": _readability,
    "html2text": _html2text,
}
