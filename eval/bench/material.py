"""Public text -> a shelf of as many passages as are wanted, beside the shipped essays.

Where there is less text than that, its sentences are put together anew, by chance: words, lengths
and languages stay those of real text, the sense does not.
"""

import gzip
import hashlib
import json
import random
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rag import Settings

_AN_ESSAY = 40  # passages
_LEAST, _MOST = 80, 400  # characters of a passage
_MIXED = 50_000  # texts whose sentences are put together anew
_SENTENCE = re.compile(r"[^。！？.!?]+(?:[。！？]|[.!?](?=\s|$))")
_ROW = """
[[essay]]
id = "{id}"
title = {title}
author = "Public text"
author_en = "Public text"
site = ""
site_en = ""
lang = "en"
sha256 = "{sha256}"
licence = "As its source states."
speaker = [{{ name = "Public text", name_en = "Public text" }}]
"""


class Text(NamedTuple):
    """A stretch of text under a heading, which may serve as a question for it."""

    heading: str
    body: str


def read(folder: Path) -> list[Text]:
    """Return the texts of a folder: paragraphs of .txt and .md, rows of .jsonl and .jsonl.gz with
    a "p" or "text" and perhaps a "q" or "title". Each once; files by name, in turn.

    Raises:
        ValueError: there is none.
    """
    files = [_texts(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    found = dict.fromkeys(text for file in files for text in file if len(text.body) >= _LEAST)
    if not found:
        msg = f"{folder} holds no text: .txt, .md, or .jsonl with a field p or text."
        raise ValueError(msg)
    texts = list(found)
    random.Random(1).shuffle(texts)
    return texts


def _texts(path: Path) -> Iterator[Text]:
    if path.suffix in {".txt", ".md"}:
        for part in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
            yield Text("", _line(part))
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                body = row.get("p") or row.get("text") or ""
                yield Text(_line(row.get("q") or row.get("title") or ""), _line(body))


def _line(text: str) -> str:
    """Return a text as one line in canonical form that is no heading and no list."""
    one = unicodedata.normalize("NFC", " ".join(text.replace("\ufeff", "").split()))
    return one.lstrip("#-*>0123456789. ")


def write(folder: Path, passages: int, texts: Sequence[Text]) -> list[str]:
    """Write a shelf of the shipped essays and about as many further `passages`; return headings
    that may serve as questions, none where there are none.
    """
    shutil.copytree(Settings().corpus_dir, folder, dirs_exist_ok=True)
    chosen = _enough(texts, passages)
    rows = [(folder / "manifest.toml").read_text(encoding="utf-8")]
    for at in range(0, len(chosen), _AN_ESSAY):
        id_ = f"public_{at // _AN_ESSAY:06d}"
        parts = [
            f"## {heading or 'Notes'}\n\n{body}\n" for heading, body in chosen[at:][:_AN_ESSAY]
        ]
        text = f"# Public text {at // _AN_ESSAY}\n\n" + "\n".join(parts)
        (folder / "essays" / f"{id_}.md").write_text(text, encoding="utf-8", newline="")
        sealed = hashlib.sha256(text.encode()).hexdigest()
        rows.append(_ROW.format(id=id_, title=json.dumps(f"Public text {at}"), sha256=sealed))
    (folder / "manifest.toml").write_text("".join(rows), encoding="utf-8", newline="")
    return [text.heading for text in chosen if text.heading][:1000]


def _enough(texts: Sequence[Text], wanted: int) -> list[Text]:
    """Return so many texts: those there are, then others made of their sentences."""
    chosen, chance = list(texts[:wanted]), random.Random(2)
    # Of one language in each: sentences of neighbours would mix them.
    pools = _sentences(texts) if len(chosen) < wanted else ()
    while len(chosen) < wanted:
        pool, body = chance.choice(pools), ""
        while len(body) < _MOST * 3 // 4:
            body += chance.choice(pool)
        body = _line(body[:_MOST])
        if len(body) >= _LEAST:
            chosen.append(Text("", body))
    return chosen


def _sentences(texts: Sequence[Text]) -> list[list[str]]:
    """Return the sentences of texts, those of each language by themselves."""
    pools: dict[bool, list[str]] = {}
    for text in texts[:_MIXED]:
        for sentence in _SENTENCE.findall(text.body):
            pools.setdefault(sentence.isascii(), []).append(sentence)
    return list(pools.values())
