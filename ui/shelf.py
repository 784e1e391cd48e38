"""The shelf as pages: every essay, readable and searchable, without a script."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from rag import Document, Hit, Mentor, QuestionError, Span, sentences
from ui.live import pinned
from ui.marks import Pieces, marked, words_in
from ui.page import (
    CSP,
    byline,
    frame,
    linked,
    questions,
    spoken,
    template,
    to_place,
    unturned,
)
from ui.page_words import PageWords, page_words
from ui.recording import notice
from ui.render import in_english, speaker_name
from ui.typeset import typeset
from ui.words import Words, own

_ITEM = re.compile(r"\n[-*] +")
_FOUND = 10
_SURE = 0.5  # evidence from which a passage is shown though it shares no word with what is sought
_HEADINGS, _QUESTIONS, _TRY = 8, 2, 6
_EXCERPT_CHARS, _SAID_CHARS, _FIELD_CHARS = 260, 60, 400


@dataclass(frozen=True, slots=True)
class Card:
    """An essay as the shelf shows it. `told` is our translation of its title, "" for none."""

    document: Document
    told: str
    byline: list[str]
    facts: list[str]
    headings: list[tuple[str, str]]  # each with its language
    questions: list[tuple[str, str]]
    path: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found: what to show of it, and where it stands."""

    document: Document
    speaker: str
    heading: str
    pieces: Pieces
    told: Pieces
    path: str


@dataclass(frozen=True, slots=True)
class Search:
    """What came of a search; `notice` says why nothing could be sought."""

    query: str
    found: Sequence[Found] = ()
    notice: str = ""


def add_shelf(app: FastAPI, mentor: Mentor) -> None:
    """Serve /shelf, and /shelf?q=… for what is sought in all essays."""

    @app.get("/shelf", response_class=HTMLResponse, include_in_schema=False)
    def shelf(request: Request, q: str = "") -> HTMLResponse:
        (words, lang), here = spoken(request), pinned(mentor)
        search = _searched(here, q, words, lang) if q.strip() else None
        headers = {"content-security-policy": CSP, "vary": "accept-language"}
        status = 422 if search and search.notice else 200
        return HTMLResponse(as_shelf(here, search, words, lang), status, headers=headers)


def as_shelf(mentor: Mentor, search: Search | None, words: Words, lang: str = "") -> str:
    """Return the page of the shelf: what was found, if something was sought, and every essay."""
    said = page_words(words)
    documents = list(mentor.documents.values())
    passages = Counter({one.id: mentor.count(one.id) for one in documents})
    query = search.query if search else ""
    return template("shelf.html").render(
        frame=frame(words, lang, "/shelf", [("q", query[:_FIELD_CHARS])] if query else []),
        lang=lang,
        about=said.shelf_about.format(essays=len(documents), passages=passages.total()),
        search=search,
        heading=_heading(search, said),
        field=query[:_FIELD_CHARS],
        offered=_offered(mentor, words) if search and not search.found else (),
        cards=[_card(one, passages[one.id], words, lang) for one in documents],
        language_of=said.language,
        kept=notice(mentor, words),
    )


def _searched(mentor: Mentor, query: str, words: Words, lang: str) -> Search:
    try:
        hits = mentor.retrieve(query, _FOUND)
        sure = mentor.weigh(query)[0] >= _SURE
    except QuestionError as error:
        return Search(query, notice=own(str(error), words.tag))
    wanted = words_in(query)
    found = [_found(mentor.documents[hit.passage.doc_id], hit, wanted, words, lang) for hit in hits]
    return Search(query, [one for one in found if sure or _shares(one)])


def _shares(found: Found) -> bool:
    return any(is_word for _, is_word in [*found.pieces, *found.told])


def _found(document: Document, hit: Hit, wanted: Sequence[str], words: Words, lang: str) -> Found:
    passage, shown = hit.passage, _excerpt(hit)
    told = in_english(document, replace(passage, span=shown)) if words.lang == "en" else ""
    return Found(
        document=document,
        speaker=speaker_name(document, passage.speaker, words),
        heading=passage.heading[-1] if passage.heading else "",
        pieces=marked(_line(document, shown, passage.span), wanted),
        told=marked(told, wanted) if told else [],
        path=to_place(document, passage.span, lang),
    )


def _excerpt(hit: Hit) -> Span:
    """Return the passage, or of a long one the sentences from the one that came nearest on."""
    whole = hit.passage.span
    parts = [one.shift(whole.start) for one in sentences(hit.passage.text)]
    near = next((match.span.start for match in hit.matches if match.span != whole), whole.start)
    if len(whole) <= _EXCERPT_CHARS or not parts:
        return whole
    last = max(one.start for one in parts if whole.end - one.start >= _EXCERPT_CHARS // 2)
    start = max((p.start for p in parts if p.start <= min(near, last)), default=whole.start)
    ends = [one.end for one in parts if start < one.end <= start + _EXCERPT_CHARS]
    return Span(start, max(ends, default=min(whole.end, start + _EXCERPT_CHARS)))


def _line(document: Document, shown: Span, whole: Span) -> str:
    """Return a stretch of an essay on one line, with "…" where the passage goes on."""
    text = _ITEM.sub(" ", f"\n{shown.of(document.text)}")
    line = " ".join(text.split())
    return f"{'…' * (shown.start > whole.start)}{line}{'…' * (shown.end < whole.end)}"


def _heading(search: Search | None, said: PageWords) -> str:
    if search is None or search.notice:
        return ""
    query = unturned(" ".join(search.query.split()))
    query = query if len(query) <= _SAID_CHARS else f"{query[: _SAID_CHARS - 1]}…"
    count = len(search.found)
    text = (said.found_one if count == 1 else said.found) if count else said.found_none
    return text.format(query=query, count=count)


def _offered(mentor: Mentor, words: Words) -> list[str]:
    return list(mentor.starters(words.lang, _TRY))


def _card(document: Document, passages: int, words: Words, lang: str) -> Card:
    said = page_words(words)
    count = said.passages_one if passages == 1 else said.passages.format(count=passages)
    headings = [part.heading for part in typeset(document, None, words.lang) if part.heading]
    title = next((one for one in headings if one.tag == "h1"), None)
    inner = [one for one in headings if one.tag != "h1"][:_HEADINGS]
    return Card(
        document=document,
        told=title.told if title else "",
        byline=byline(document, words, said),
        facts=[said.language[document.lang], count],
        headings=[
            (one.told, words.tag) if one.told else (one.text, document.lang) for one in inner
        ],
        questions=questions(document, words, lang)[:_QUESTIONS],
        path=f"/read/{document.id}{f'?lang={lang}' if lang else ''}",
        linked=linked(document),
    )
