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
from ui.render import credit, in_english, speaker_name
from ui.words import WORDS, Words

_WIDTH = 88


@cache
def stderr() -> Console:
    """Return the console for everything that is not the answer."""
    return Console(stderr=True)


def show_answer(answer: Answer, documents: Mapping[str, Document]) -> None:
    """Print an answer: its lead, its quotes by speaker, its sources, what to ask next."""
    console = _stdout()
    words = WORDS[answer.lang]
    console.print()
    frame = "yellow" if answer.status == "refused" else "default"
    read = words.understood.format(question=answer.understood) if answer.understood else ""
    for line in filter(None, (read, answer.note)):
        console.print(Text(line, style="dim"))
    console.print(Text(answer.lead, style=frame))
    for speaker, group in groupby(answer.sentences, key=_voice):
        console.print(_said(speaker, list(group)))
    if answer.sentences and answer.dropped:
        count = len(answer.dropped)
        withheld = words.withheld_one if count == 1 else words.withheld
        console.print(Text(f"\n{withheld.format(count=count)}", style="dim"))
    if answer.sentences:
        console.print(_sources(answer, documents, words))
    if answer.nearest:
        console.print(_nearest(answer.nearest, documents, words))
    if answer.asks:
        console.print(Text(f"\n{answer.asks}"))
    if answer.followups or answer.branches:
        console.print(Text(f"\n{words.ask_next}", style="dim"))
        for question in (*answer.branches, *answer.followups):
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


def _voice(sentence: Sentence) -> str:
    """Return who is introduced; nobody says what a model retells."""
    return "" if sentence.kind == "generated" else sentence.speaker


def _said(speaker: str, sentences: Sequence[Sentence]) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{speaker}", style="bold") if speaker else Text()]
    for sentence in sentences:
        numbers = "".join(f"[{c.n}]" for c in dict.fromkeys(sentence.citations))
        quote = Text.assemble(sentence.text, " ", (numbers, "bold cyan"))
        parts.append(_indented(quote, 2))
    return Group(*parts)


def _sources(answer: Answer, documents: Mapping[str, Document], words: Words) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{words.sources}", style="dim")]
    for sentence in answer.sentences:
        for citation in sentence.citations:
            document = documents[citation.doc_id]
            _, site = credit(document, words)
            place = f"{citation.title} · {citation.author} · {site}  {citation.url}".rstrip()
            parts.append(Text.assemble((f"  [{citation.n}] ", "bold cyan"), place))
            if sentence.kind == "translation":
                parts.append(_indented(Text(f"({words.ours})", style="dim"), 6))
                parts.append(_indented(Text(citation.quote, style="dim"), 6))
    return Group(*parts)


def _nearest(
    passages: Sequence[Passage], documents: Mapping[str, Document], words: Words
) -> RenderableType:
    parts: list[RenderableType] = [Text(f"\n{words.nearest}", style="dim")]
    for passage in passages:
        document = documents[passage.doc_id]
        title = f"  {document.title} · {speaker_name(document, passage.speaker, words)}"
        parts.append(Text(title, style="bold"))
        english = in_english(document, passage) if words.lang == "en" else ""
        text = " ".join((english or passage.text).split())
        parts.append(_indented(Text(text, overflow="ellipsis", no_wrap=True), 4))
    return Group(*parts)


def _indented(text: Text, by: int) -> RenderableType:
    return Padding(text, (0, 0, 0, by), expand=False)
