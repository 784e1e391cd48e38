"""The widget for other people's pages: its one file, what it says first, pages that show it."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import Response

from rag import Lang, Mentor
from ui.live import pinned
from ui.recording import notice
from ui.render import credit
from ui.words import own, page_tag, words_of

_FOLDER = Path(__file__).resolve().parent / "widget"
_STARTERS = 4

# Any page may load the script: it holds nothing secret, and whether that page may ask is decided
# where it asks. `integrity=` makes a browser want the script by CORS.
_SCRIPT = {
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, no-cache",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
    "vary": "accept-encoding",
}
_PAGE = {"content-type": "text/html; charset=utf-8", "cache-control": "no-cache"}
_PLAIN_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self'"
)
_STRICT_CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'"
)
# The widget is read here with its comments, and travels without them.
_COMMENT = re.compile(rb"^[ ]*//.*\n", re.MULTILINE)
_DEMOS = ("index", "plain", "hostile", "strict", "rtl", "inline")


def add_widget(app: FastAPI) -> None:
    """Serve the widget, its demo pages, and what it says of `app.state.mentor` to begin with."""
    mentor: Mentor = app.state.mentor

    @app.api_route("/widget.js", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/widget/v1.js", methods=["GET", "HEAD"], include_in_schema=False)
    def script(request: Request) -> Response:
        body, tag = _script(zipped="gzip" in request.headers.get("accept-encoding", ""))
        headers = {**_SCRIPT, "etag": tag}
        known = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
        if tag in known:
            return Response(status_code=304, headers=headers)
        if tag.endswith('-gzip"'):
            headers["content-encoding"] = "gzip"
        return Response(body, headers=headers)

    @app.get("/api/widget", include_in_schema=False)
    def welcome(lang: Annotated[str, Query(max_length=20)] = "en") -> dict[str, Any]:
        return _welcome(pinned(mentor), lang)

    @app.get("/widget/demo/", include_in_schema=False)
    @app.get("/widget/demo/{name}.html", include_in_schema=False)
    def demo(name: str = "index") -> Response:
        if name not in _DEMOS:
            raise HTTPException(404, "there is no such demo page")
        csp = _STRICT_CSP if name == "strict" else _PLAIN_CSP
        return Response(_demo(name), headers={**_PAGE, "content-security-policy": csp})


@cache
def _script(*, zipped: bool) -> tuple[bytes, str]:
    """Return the widget's file and its strong tag; each encoding has one of its own."""
    body = _COMMENT.sub(b"", (_FOLDER / "widget.js").read_bytes())
    tag = hashlib.sha256(body).hexdigest()[:32]
    if zipped:
        return gzip.compress(body, 9, mtime=0), f'"{tag}-gzip"'
    return body, f'"{tag}"'


def _demo(name: str) -> bytes:
    return (_FOLDER / "demo" / f"{name}.html").read_bytes()


def _welcome(mentor: Mentor, lang: str) -> dict[str, Any]:
    """Return what stands in the widget before the first question: notes, then questions to ask."""
    tag = page_tag(lang)
    words = words_of(tag)
    authors = dict.fromkeys(credit(essay, words)[0] for essay in mentor.documents.values())
    said = _NOTES[words.lang]
    promise = said["written" if mentor.model else "quoted"]
    notes = [
        own(promise, tag).format(count=len(mentor.documents), model=mentor.model),
        own(said["by"], tag).format(authors=words.author_join.join(authors)),
        notice(mentor, words),
    ]
    told = [note for note in notes if note]
    questions = mentor.starters(words.lang, _STARTERS)
    return {
        "notes": told,
        "questions": [own(question, tag) for question in questions],
    }


_NOTES: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "quoted": "Answers are {count} essays' own words, and every quote can be opened and "
        "checked. What the essays do not say, it says so.",
        "written": "A language model ({model}) retells {count} essays; each sentence is checked "
        "against its essay first, with a quote that you can open. What the essays do not say, it "
        "says so.",
        "by": "The essays are by {authors}.",
    },
    "zh": {
        "quoted": "只用 {count} 篇文章的原话回答，每一句都能点开核对；文章没写到的，会直说。",
        "written": "由语言模型（{model}）转述 {count} 篇文章来回答；每一句都先和原文核对，附有"
        "能点开的引文。文章没写到的，会直说。",
        "by": "文章作者：{authors}。",
    },
}
