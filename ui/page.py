"""Essay -> a plain HTML page with one passage marked; needs no script and prints well."""

from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, Template

from rag import Document, Question, Span
from ui.page_words import PageWords, page_words
from ui.render import credit, quote_hash, read_path
from ui.typeset import Section, typeset
from ui.words import Words, page_tag, words_of

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
_EXCERPT_CHARS = 200
_LONG = 4  # sections from which a table of contents is worth its place
_QUESTIONS = 6
_MENDED = {ord(mark): None for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


def as_page(
    document: Document | None,
    span: Span | None,
    words: Words,
    notice: str = "",
    *,
    shelf: Sequence[Document] = (),
    speaker: str = "",
    lang: str = "",
    base: str = "",
) -> str:
    """Return the page of an essay, or the page that says there is none.

    `shelf` is all essays in their order, for the way to the next; `speaker` says the marked words;
    `lang` is what the address asked for, and stays in the page's links; `base` is the public
    address of this server ("https://mentor.example"), for those who show a link to this page.
    """
    said = page_words(words)
    if document is None:
        return template("read.html").render(
            frame=frame(words, lang, "/shelf"), document=None, notice=words.page_missing
        )
    sections = typeset(document, span, words.lang)
    path = f"/read/{document.id}"
    return template("read.html").render(
        frame=frame(words, lang, path, _place(document, span)),
        document=document,
        title=unturned(document.title),
        byline=byline(document, words, said),
        notice=notice,
        marked=_marked(span, speaker, said),
        sections=sections,
        ours_shown=any(block.ours for part in sections for _, run in part.groups for block in run),
        contents=_contents(sections),
        excerpt=_excerpt(document, span),
        canonical=f"{base}{path}",
        base=base,
        linked=linked(document),
        questions=questions(document, words, lang)[:_QUESTIONS],
        neighbours=_neighbours(document, shelf, words, lang),
    )


def spoken(request: Request) -> tuple[Words, str]:
    """Return the words of a page, and the `lang` of its links: "" where the browser chose."""
    asked = request.query_params.get("lang", "")
    words = words_of(page_tag(asked or request.headers.get("accept-language", "")))
    return words, words.tag if asked else ""


def frame(
    words: Words, lang: str, path: str, query: Sequence[tuple[str, str]] = ()
) -> dict[str, object]:
    """Return what every page has: its words, its links, and the way to the other language."""
    anchor = "#hit" if any(name == "s" for name, _ in query) else ""
    other = urlencode([("lang", words.other), *query])
    return {
        "words": words,
        "said": page_words(words),
        "chat": f"/chat/{'zh-tw' if words.tag == 'zh-TW' else words.lang}/",
        "tail": urlencode({"lang": lang}) if lang else "",
        "switch": f"{path}?{other}{anchor}",
        "alternates": [(tag, f"{path}?{urlencode({'lang': tag})}") for tag in ("zh", "en")],
    }


def byline(document: Document, words: Words, said: PageWords) -> list[str]:
    """Return who wrote it, where it stood, and when, as far as its page says."""
    author, site = credit(document, words)
    return [fact for fact in (author, site, document.date or said.undated) if fact]


def linked(document: Document) -> bool:
    """Say whether the essay's address may be a link."""
    return document.url.startswith(("https://", "http://"))


def questions(document: Document, words: Words, lang: str = "") -> list[tuple[str, str]]:
    """Return beginners' questions that the essay answers, one a place, and where: the starters
    first.
    """
    mine = [question for question in document.questions if question.lang == words.lang]
    chosen: dict[Span, Question] = {}
    for question in sorted(mine, key=lambda one: not one.starter):
        chosen.setdefault(question.span, question)
    return [(one.text, to_place(document, one.span, lang)) for one in chosen.values()]


def to_place(document: Document, span: Span, lang: str = "") -> str:
    """Return the address at which a stretch of the essay is marked."""
    path = read_path(document.id, span.start, span.end, span.of(document.text))
    return path.replace("#hit", f"&{urlencode({'lang': lang})}#hit") if lang else path


def unturned(text: str) -> str:
    """Return a title without the marks that turn the direction of what stands after it."""
    return text.translate(_MENDED)


@cache
def template(name: str) -> Template:
    """Return a page's template; whatever is put into it comes out as text."""
    folder = Path(__file__).resolve().parent / "templates"
    made = Environment(
        loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return made.get_template(name)


def _place(document: Document, span: Span | None) -> list[tuple[str, str]]:
    if span is None:
        return []
    digest = quote_hash(span.of(document.text))
    return [("s", str(span.start)), ("e", str(span.end)), ("h", digest)]


def _marked(span: Span | None, speaker: str, said: PageWords) -> str:
    if span is None:
        return ""
    return said.marked_by.format(speaker=speaker) if speaker else said.marked


def _excerpt(document: Document, span: Span | None) -> str:
    text = span.of(document.text) if span else document.text.removeprefix(f"# {document.title}")
    return unturned(" ".join(text.split()))[:_EXCERPT_CHARS]


def _contents(sections: Sequence[Section]) -> list[tuple[int, Section]]:
    """Return the sections with the number in their anchor; [] where they are few."""
    numbered = [
        (number, part)
        for number, part in zip(count(), sections, strict=False)
        if part.heading and part.heading.tag != "h1"
    ]
    return numbered if len(numbered) >= _LONG else []


def _neighbours(
    document: Document, shelf: Sequence[Document], words: Words, lang: str
) -> list[tuple[str, Document, str]]:
    """Return the essays before and after: (what it is, the essay, its address)."""
    said = page_words(words)
    ids = [one.id for one in shelf]
    if document.id not in ids:
        return []
    at = ids.index(document.id)
    tail = f"?{urlencode({'lang': lang})}" if lang else ""
    around = [(said.previous, at - 1), (said.next, at + 1)]
    return [(name, shelf[i], f"/read/{ids[i]}{tail}") for name, i in around if 0 <= i < len(ids)]
