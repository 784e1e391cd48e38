"""Text that tries to become something else than text, a Mentor that says nothing but that, and what
sees it if one of them succeeds.
"""

import html
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from conftest import Visitor
from markdown_it import MarkdownIt
from web_fakes import FakeMentor, document

from rag import Answer, Citation, Claim, Document, Hit, Passage, Sentence, Span, Speaker
from rag.text import canonical

_FILE = Path(__file__).resolve().parent.parent / "golden" / "payloads.txt"
_FOREIGN = "http://127.0.0.1:9/"
_SHOWN_ONLY = " (shown only)"

# Before any script of a page: what a payload calls if it runs, in whatever frame.
_ALARM = """
window.hacked = (n) => { (top.hackedBy = top.hackedBy || []).push(String(n)); };
for (const name of ['alert', 'confirm', 'prompt', 'print', 'open']) {
  window[name] = (said) => window.hacked(`${name} ${said}`);
}
"""
# Everything in the page, in its shadow roots and frames, that a payload could only be by becoming
# markup; each is then set off, as a reader's pointer and keys would.
_SEARCH = r"""
const alive = [];
const ADDRESS = new Set(['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'poster',
  'background', 'ping']);
const RAW = new Set(['srcset', 'srcdoc', 'style', 'values', 'content']);
const MEANT = /hacked|127\.0\.0\.1:9\//;
const leads = (value) => {
  let url;
  try { url = new URL(value, document.baseURI); } catch { return false; }
  return /^(javascript|vbscript|data):$/.test(url.protocol) || url.host === '127.0.0.1:9';
};
const means = (one, name, value) => {
  if (!MEANT.test(value)) return false;
  if (/^on\w+/.test(name)) return true;
  if (name === 'content') return !!one.httpEquiv;
  return RAW.has(name) || (ADDRESS.has(name) && leads(value));
};
const look = (root) => {
  for (const one of root.querySelectorAll('*')) {
    if (one.shadowRoot) look(one.shadowRoot);
    if (/^(style|script)$/i.test(one.localName) && MEANT.test(one.textContent) && arguments[0]) {
      alive.push(one.outerHTML.slice(0, 300));
    }
    for (const { name, value } of [...one.attributes]) {
      if (!means(one, name, value)) continue;
      alive.push(one.outerHTML.slice(0, 300));
      if (/^on\w+/.test(name)) one.dispatchEvent(new Event(name.slice(2)));
      else if (/^\s*j\s*a\s*v\s*a/i.test(value) && one.click) one.click();
    }
    if (one.localName === 'iframe' && !one.contentDocument) alive.push(one.outerHTML);
    else if (one.localName === 'iframe') look(one.contentDocument);
  }
};
look(document);
return [alive, top.hackedBy || []];
"""


@cache
def payloads() -> tuple[str, ...]:
    """Return every payload; its number, its place here, is in it."""
    return tuple(text for _, text in _rows())


def lively() -> list[tuple[int, str]]:
    """Return those that do harm in a page that lets them, with their numbers."""
    rows = enumerate(_rows())
    return [(n, text) for n, (family, text) in rows if not family.endswith(_SHOWN_ONLY)]


@cache
def _rows() -> tuple[tuple[str, str], ...]:
    family, rows = "", []
    for line in _FILE.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        if line.startswith("=== "):
            family = line[4:]
        else:
            text = line.replace("§", str(1000 + len(rows))).replace("⏎", "\n")
            rows.append((family, text))
    return tuple(rows)


def line(text: str) -> str:
    """Return a payload as a title or a name can hold it: on one line, in canonical form."""
    return " ".join(canonical(text).split())


# ---- what sees it ----


def armed(visitor: Visitor) -> Visitor:
    """Make a visitor see whatever runs in the pages to come."""
    visitor.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _ALARM})
    visitor.complaints(), visitor.requests()
    return visitor


def came_alive(visitor: Visitor, *, scripts: bool = True) -> list[str]:
    """Return what of the payloads runs, stands as markup in the page, or called out of it.

    Without `scripts`, those of the page may hold them: its own, with what it says as data.
    """
    alive, ran = visitor.run(_SEARCH, scripts)
    ran += visitor.run("return top.hackedBy || []")  # what the search set off
    called = [url for url in visitor.requests() if url.startswith(_FOREIGN)]
    blocked = [said for said in visitor.complaints() if "Content Security Policy" in said]
    return [*alive, *ran, *called, *blocked]


def numbers(alive: Sequence[str]) -> set[int]:
    """Return which payloads are among them."""
    return {int(found) - 1000 for said in alive for found in re.findall(r"1\d{3}(?!\d)", said)}


# ---- a page that lets them ----


def careless() -> str:
    """Return a page that escapes nothing: a frame for each payload, in every way it may be met."""
    return "<!doctype html><title>careless</title>" + "".join(
        f'<iframe loading="eager" srcdoc="{html.escape(_frame(text))}"></iframe>'
        for _, text in lively()
    )


def _frame(text: str) -> str:
    loose = MarkdownIt("commonmark", {"html": True}).enable("table")
    loose.validateLink = lambda _: True  # type: ignore[method-assign]
    typed = (
        f"const d = document.createElement('p'); d.innerHTML = `{text}`; document.body.append(d)"
    )
    return "\n".join(
        [
            "<!doctype html><body><p>x</p>",
            f"<script>{typed}</script>",
            f"<a href='{text}'>a</a><a href=\"{text}\">b</a>",
            f"<input value='{text}'><input value=\"{text}\">",
            f"<div>{loose.render(text)}</div>",
            f"<div>{html.unescape(text)}{unquote(text)}</div>",
            f"<div>{text}</div>",
        ]
    )


# ---- a Mentor that says nothing else ----


class HostileMentor(FakeMentor):
    """Every word of it, its essays' and their authors' is a payload."""

    def __init__(self, essays: int | None = None) -> None:
        self.said = [line(text) for text in payloads()]
        whole = _essay("all_of_them", "\n\n".join(map(canonical, payloads())), 0)
        named = [_essay(f"evil_{n}", text, n) for n, text in enumerate(payloads())]
        super().__init__({one.id: one for one in [whole, *named][: essays or 10**6]})
        self.passages = [self._at(one) for one in self.documents.values()]

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        if "refuse" in question:
            return self._refused(question)
        joined = "\n".join(self.said)
        return Answer(
            question,
            "en",
            "answered",
            joined,
            tuple(self._sentences()),
            dropped=tuple(Claim(text, (), "generated", text) for text in self.said),
            followups=tuple(self.said[::9]),
            hits=(Hit(self.passages[0], 0.5, {"words": 1}),),
            answerer=self.said[0],
            understood=joined,
            note=joined,
            asks=joined,
            branches=tuple(self.said[1::9]),
        )

    def stream(self, question: str, *_: Any, **__: Any) -> Generator[Sentence | Answer, None, None]:
        yield self.ask(question)

    def starters(self, lang: str, n: int = 4) -> tuple[str, ...]:
        return tuple(self.said[:n])

    def speaker(self, doc_id: str, at: int, lang: str) -> str:
        return self.said[at % len(self.said)]

    def retrieve(self, question: str, k: int, history: Sequence[str] = ()) -> list[Hit]:
        return [
            Hit(replace(passage, heading=(question,), speaker=line(question)), 0.5, {"words": 1})
            for passage in self.passages[1 : k + 1]
        ]

    def weigh(self, question: str, history: Sequence[str] = ()) -> tuple[float, dict[str, float]]:
        return 1.0, {}

    def _refused(self, question: str) -> Answer:
        nearest = tuple(self.passages[:40])
        lead, followups = self.said[3], tuple(self.said[2::9])
        return Answer(question, "en", "refused", lead, nearest=nearest, followups=followups)

    def _sentences(self) -> Iterator[Sentence]:
        whole = self.documents["all_of_them"]
        kinds = ("quote", "translation", "generated")
        for n, text in enumerate(payloads()):
            quote = canonical(text).rstrip("\n")
            start = whole.text.index(quote)
            span = Span(start, start + len(quote))
            url = f"javascript:hacked({n})"
            citation = Citation(n + 1, whole.id, self.said[n], self.said[n], url, span, quote)
            yield Sentence(text, "en", kinds[n % 3], self.said[n], (citation,), 1.0)  # type: ignore[arg-type]

    def _at(self, essay: Document) -> Passage:
        text = essay.text.split("\n\n", 1)[1].rstrip("\n") or essay.title
        start = essay.text.index(text)
        return Passage(essay.id, Span(start, start + len(text)), text, (essay.title,), essay.author)


def _essay(id_: str, text: str, n: int) -> Document:
    said = [line(one) for one in payloads()]
    one, other, third = (said[(n + shift) % len(said)] for shift in (0, 7, 11))
    whole = canonical(f"# {one}\n\n{text}")
    essay = document(
        id_,
        one,
        whole,
        Speaker(other, third, url=f"javascript:hacked({n})", labels=(said[5],)),
        site=other,
        site_en=third,
        date=third,
        url=f"javascript:hacked({n})",
    )
    ends = [found.end() for found in re.finditer(r"\S+$", whole, re.MULTILINE)]
    told = dict(zip(ends, said, strict=False))
    return replace(essay, licence=one, note=third, english=told, chinese=told)
