"""A question that somebody asked -> a beginner question of the essay that answers it."""

from pathlib import Path

from rag.enrich import enrich, questions
from rag.errors import CorpusError
from rag.journal import changing
from rag.keeping.beside import check
from rag.keeping.drafting import group
from rag.load import load
from rag.types import Document, Lang, Span


def place(corpus_dir: Path, doc_id: str, start: int, end: int) -> tuple[Document, Span]:
    """Return an essay of the shelf and a stretch of it.

    Raises:
        CorpusError: there is no such essay, or it does not reach that far.
    """
    essays = {document.id: document for document in load(corpus_dir)}
    if doc_id not in essays:
        msg = f"manifest.toml: no essay has the id '{doc_id}'; there are {', '.join(essays)}."
        raise CorpusError(msg)
    essay = essays[doc_id]
    if not 0 <= start < end <= len(essay.text):
        msg = f"essays/{doc_id}.md: has no stretch {start}-{end}; it ends at {len(essay.text)}."
        raise CorpusError(msg)
    return essay, Span(start, end)


def adopted(corpus_dir: Path, question: str, lang: Lang, essay: Document, span: Span) -> str:
    """Add a question to those of an essay, anchored at a stretch of it; return the file's name.

    A group with this anchor takes it in; else it gets a group of its own. The owner's comments and
    order stay.

    Raises:
        CorpusError: the shelf is not in order, or asks this already; nothing was changed.
    """
    name = f"questions/{essay.id}.toml"
    with changing(corpus_dir) as journal:
        _refuse_disorder(corpus_dir, essay)
        known = {one.text.casefold() for one in questions(essay, corpus_dir)}
        if question.casefold() in known:
            msg = f"{name}: asks this already."
            raise CorpusError(msg)
        path = corpus_dir / name
        there = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
        text = _with(there, anchor(essay.text, span), question, lang)
        check(essay, name, text)
        journal.put(name, text.encode())
    return name


def _refuse_disorder(corpus_dir: Path, essay: Document) -> None:
    try:
        found = [enrich(document, corpus_dir) for document in load(corpus_dir)]
    except CorpusError as error:
        msg = f"The shelf is not in order, so nothing was added: {error}"
        raise CorpusError(msg) from error
    if all((one.id, one.text) != (essay.id, essay.text) for one in found):
        msg = f"essays/{essay.id}.md: has changed meanwhile; look for the place again."
        raise CorpusError(msg)


def anchor(text: str, span: Span) -> str:
    """Return a stretch of a text, widened on both sides until it stands there once.

    >>> anchor("Try. Fail. Try again. Fail.", Span(11, 14))
    ' Try '
    """
    start, end = span.start, span.end
    while text.count(text[start:end]) != 1:
        start, end = max(0, start - 1), min(len(text), end + 1)
    return text[start:end]


def _with(there: str, quote: str, question: str, lang: Lang) -> str:
    import tomlkit  # keeps the owner's comments and order

    parsed = tomlkit.parse(there)
    for known in parsed.get("group", ()):
        if known["anchor"] == quote:
            known.setdefault(lang, [])
            known[lang].append(question)
            return tomlkit.dumps(parsed)
    before = there.rstrip("\n") + "\n\n" if there else ""
    return before + group(quote, {lang: [question]})
