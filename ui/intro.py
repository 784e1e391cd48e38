"""What stands above an empty chat: what it can and cannot do, and whose essays these are."""

from collections.abc import Iterable, Mapping
from html import escape

from rag import Document
from ui.render import credit, speaker_name
from ui.words import Words

_VOICES = 4  # named of an essay; a list of more is no portrait


def intro(documents: Mapping[str, Document], model: str, words: Words, notice: str = "") -> str:
    """Return the introduction as HTML in which every word of an essay is text.

    `notice` says what becomes of questions, "" where nothing does.
    """
    count = len(documents)
    promise = words.promise_written if model else words.promise
    authors = dict.fromkeys(credit(document, words)[0] for document in documents.values())
    names = words.author_join.join(authors)
    told = (promise.format(count=count, model=model), f"{words.chat['ai']}{words.cannot}", notice)
    about = "".join(f'<p class="about">{escape(line)}</p>' for line in told if line)
    essays = "".join(_essay(document, words) for document in documents.values())
    essays += f'<li><a href="/shelf">{escape(words.shelf)}</a></li>'
    heading = f"{words.essays.format(authors=names)} · {words.details.format(count=count)}"
    switch = f'<a href="/chat/{words.other}/" lang="{words.other}">{words.switch}</a>'
    return (
        f'{about}<details class="about essays"><summary>{escape(heading)}</summary>'
        f'<ul>{essays}</ul></details><p class="switch">{switch}</p>'
    )


def _essay(document: Document, words: Words) -> str:
    """Return an essay with its author and, where others speak in it, their names."""
    opening, closing = words.title_quote
    title = f'<a href="/read/{document.id}">{opening}{escape(document.title)}{closing}</a>'
    facts = [escape(fact) for fact in (*credit(document, words), document.date) if fact]
    voices = list(_voices(document, words))[:_VOICES]
    if voices:
        names = words.author_join.join(voices)
        facts.append(escape(words.voices.format(names=names)))
    return f"<li>{title}<br>{' · '.join(facts)}</li>"


def _voices(document: Document, words: Words) -> Iterable[str]:
    """Yield who speaks besides the author; who only asks does not count."""
    for speaker in document.speakers:
        if not speaker.asks and speaker.name != document.author:
            yield speaker_name(document, speaker.name, words)
