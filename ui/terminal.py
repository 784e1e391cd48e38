"""Answer -> a terminal: quotes with numbers, who says them, where they stand."""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from rag import Answer, Document, Hit, Passage, Sentence

_WIDTH = 88
_LABELS = {
    "zh": {
        "sources": "出处",
        "nearest": "最接近的段落",
        "ask": "可以接着问",
        "ours": "译文为本项目所译",
    },
    "en": {
        "sources": "Sources",
        "nearest": "Nearest passages",
        "ask": "You could ask",
        "ours": "translated by this project; the original stands below it",
    },
}


@cache
def stderr() -> Console:
    """Return the console for everything that is not the answer."""
    return Console(stderr=True)


def show_answer(answer: Answer, documents: Mapping[str, Document]) -> None:
    """Print an answer: its lead, its quotes by speaker, its sources, what to ask next."""
    console = _stdout()
    labels = _LABELS[answer.lang]
    console.print()
    frame = "yellow" if answer.status == "refused" else "default"
    console.print(Text(answer.lead, style=frame))
    for speaker, group in groupby(answer.sentences, key=lambda sentence: sentence.speaker):
        console.print(_said(speaker, list(group)))
    if answer.sentences:
        console.print(_sources(answer, documents, labels))
    if answer.nearest:
        console.print(_nearest(answer.nearest, documents, labels))
    if answer.followups:
        console.print(Text(f"\n{labels['ask']}", style="dim"))
        for question in answer.followups:
            console.print(Text(f"  · {question}"))
    console.print()


def show_hits(hits: Sequence[Hit], documents: Mapping[str, Document]) -> None:
    """Print passages with their scores and what found them."""
    console = _stdout()
    for rank, hit in enumerate(hits, start=1):
        found = ", ".join(f"{name} {at}" for name, at in hit.ranks.items())
        title = f"{rank}  {documents[hit.passage.doc_id].title} · {hit.passage.speaker}"
        body = Group(Text(hit.passage.text), Text(f"{hit.passage.id}  {found}", style="dim"))
        console.print(Panel(body, title=Text(f"{title} · {hit.score:.2f}"), title_align="left"))


def _stdout() -> Console:
    console = Console(file=sys.stdout)
    console.width = min(console.width, _WIDTH)
    return console


def _said(speaker: str, sentences: Sequence[Sentence]) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{speaker}", style="bold")]
    for sentence in sentences:
        numbers = "".join(f"[{c.n}]" for c in dict.fromkeys(sentence.citations))
        quote = Text.assemble(sentence.text, " ", (numbers, "bold cyan"))
        parts.append(_indented(quote, 2))
    return Group(*parts)


def _sources(
    answer: Answer, documents: Mapping[str, Document], labels: Mapping[str, str]
) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{labels['sources']}", style="dim")]
    for sentence in answer.sentences:
        for citation in sentence.citations:
            document = documents[citation.doc_id]
            site = document.site if answer.lang == "zh" else document.site_en
            place = f"{citation.title} · {citation.author} · {site}  {citation.url}".rstrip()
            parts.append(Text.assemble((f"  [{citation.n}] ", "bold cyan"), place))
            if sentence.kind == "translation":
                parts.append(_indented(Text(f"({labels['ours']})", style="dim"), 6))
                parts.append(_indented(Text(citation.quote, style="dim"), 6))
    return Group(*parts)


def _nearest(
    passages: Sequence[Passage], documents: Mapping[str, Document], labels: Mapping[str, str]
) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{labels['nearest']}", style="dim")]
    for passage in passages:
        title = f"  {documents[passage.doc_id].title} · {passage.speaker}"
        parts.append(Text(title, style="bold"))
        text = " ".join(passage.text.split())
        parts.append(_indented(Text(text, overflow="ellipsis", no_wrap=True), 4))
    return Group(*parts)


def _indented(text: Text, by: int) -> RenderableType:
    return Padding(text, (0, 0, 0, by), expand=False)
