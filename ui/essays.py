"""HTTP for what is read: /api/essays, /api/passage, and each essay as a page, /read/…"""

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from rag import Document, Mentor, Span
from ui.bodies import EssaysBody, PlaceBody, given
from ui.errors import responses, responses_beside
from ui.live import pinned
from ui.page import CSP, as_page, spoken
from ui.questions import lang_of
from ui.render import credit, quote_hash, speaker_name
from ui.samples import ESSAYS, PLACE
from ui.words import WORDS, Words

_PAGE: dict[int | str, Any] = {
    200: {"description": "The essay.", "content": {"text/html": {}}},
    404: {"description": "There is no such essay; the page says so.", "content": {"text/html": {}}},
}


def add_essays(app: FastAPI, mentor: Mentor) -> None:
    """Serve the shelf's texts."""
    router = APIRouter(tags=["Essays"])

    @router.get(
        "/api/essays",
        summary="List the shelf",
        response_model=None,
        responses=given(EssaysBody, ESSAYS) | responses(429, 500),
    )
    def essays(request: Request) -> dict[str, Any]:
        """Give every essay, in the order of the shelf; names as readers of `?lang=` or
        Accept-Language write them.
        """
        words = WORDS[lang_of(request)]
        return {"essays": [_essay(document, words) for document in mentor.documents.values()]}

    @router.get(
        "/api/passage",
        summary="Open an essay at a quote",
        response_model=None,
        responses=given(PlaceBody, PLACE) | responses(404, 422, 429, 500),
    )
    def passage(
        doc: Annotated[str, Query(description="The essay's id.", examples=["one_year_off"])],
        s: Annotated[int, Query(ge=0, description="Where the quote starts, in code points.")],
        e: Annotated[int, Query(ge=1, description="Where it ends.")],
        h: Annotated[
            str,
            Query(
                pattern="^[0-9a-f]{8}$",
                description="The first eight hex digits of the quote's SHA-256.",
            ),
        ],
        request: Request,
    ) -> dict[str, Any]:
        """Give the essay around a quote. Where the essay no longer reads as it was quoted,
        `changed` is true, the whole of it is in `before`, and nothing is marked.
        """
        here = pinned(mentor)
        if doc not in here.documents:
            raise HTTPException(404, f"there is no essay {doc!r}")
        if e <= s:
            raise HTTPException(422, "e must be greater than s")
        return _place(here, here.documents[doc], Span(s, e), h, WORDS[lang_of(request)])

    @router.get(
        "/read/{doc_id}",
        summary="Read an essay",
        response_class=HTMLResponse,
        responses=_PAGE | responses_beside(429, 500),
    )
    def read(doc_id: str, request: Request, s: str = "", e: str = "", h: str = "") -> Response:
        """Give a page that needs no script; `s`, `e` and `h` mark a quote as in /api/passage."""
        (words, lang), here = spoken(request), pinned(mentor)
        document = here.documents.get(doc_id)
        span = _span_or_none(s, e, document.text) if document else None
        if document and span and h and quote_hash(span.of(document.text)) != h:
            span, notice = None, words.page_changed
        else:
            notice = words.passage_missing if (s or e) and span is None else ""
        page = as_page(
            document,
            span,
            words,
            notice,
            shelf=list(here.documents.values()),
            speaker=here.speaker(doc_id, span.start, words.lang) if span else "",
            lang=lang,
            base=base_of(request),
        )
        status = 200 if document else 404
        headers = {"content-security-policy": CSP, "vary": "accept-language"}
        return HTMLResponse(page, status, headers=headers)

    app.include_router(router)


def base_of(request: Request) -> str:
    """Return the address of this server as it was asked, without a slash at its end.

    Starlette takes a Host header only if it is one: it cannot end a link.
    """
    return str(request.base_url).rstrip("/")


def _essay(document: Document, words: Words) -> dict[str, Any]:
    author, site = credit(document, words)
    return {
        "id": document.id,
        "title": document.title,
        "author": author,
        "site": site,
        "date": document.date,
        "url": document.url,
        "lang": document.lang,
        "licence": document.licence,
        "speakers": [speaker_name(document, speaker.name, words) for speaker in document.speakers],
        "chars": len(document.text),
        "read": f"/read/{document.id}",
    }


def _span_or_none(s: str, e: str, text: str) -> Span | None:
    """Return the span if both offsets are numbers and lie inside the text."""
    if not (s.isdecimal() and e.isdecimal() and len(s) < 10 and len(e) < 10):
        return None
    start, end = int(s), int(e)
    return Span(start, end) if start < end <= len(text) else None


def _place(
    mentor: Mentor, document: Document, span: Span, digest: str, words: Words
) -> dict[str, Any]:
    """Return the essay around a quote; the whole of it unmarked when the quote is not there."""
    text = document.text
    changed = span.end > len(text) or quote_hash(span.of(text)) != digest
    before, hit, after = (
        (text, "", "") if changed else (text[: span.start], span.of(text), text[span.end :])
    )
    author, site = credit(document, words)
    return {
        "title": document.title,
        "author": author,
        "site": site,
        "date": document.date,
        "url": document.url,
        "licence": document.licence,
        "lang": document.lang,
        "before": before,
        "hit": hit,
        "after": after,
        "changed": changed,
        "speaker": "" if changed else mentor.speaker(document.id, span.start, words.lang),
        "translation": "" if changed else _ours(document, span, words),
        "paragraph": 0 if changed else _paragraphs(text[: span.start + 1]),
        "paragraphs": _paragraphs(text),
    }


def _ours(document: Document, span: Span, words: Words) -> str:
    """Return the project's translation of the sentences that end in the span; "" for none."""
    told = document.english if words.lang == "en" else document.chinese
    return " ".join(text for end, text in sorted(told.items()) if span.start < end <= span.end)


def _paragraphs(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())
