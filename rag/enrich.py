"""Document -> the same with what the project wrote about it: its translation, its questions.

`translations/<id>.<language>.md` has one line for each line of the essay, and where a line holds
several sentences, one for each of them; `questions/<id>.toml` anchors groups of questions by a
quote. Both are optional. Neither is ever quoted as the author's words.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import CorpusError
from rag.text import sentences
from rag.types import Document, Lang, Question, Span

# Ends the name of a file whose essay has changed, and which a person may want to read once more.
SET_ASIDE = ".set-aside"
_MARK = re.compile(r"^(?:#{1,6}|[-*+]|\d{1,3}[.)])\s+")
_LABEL = re.compile(r"^[^:：]{1,40}[:：]\s*")
_Texts = tuple[Annotated[str, Field(min_length=1)], ...]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    anchor: Annotated[str, Field(min_length=1)]
    zh: _Texts = ()
    en: _Texts = ()
    starter: bool = False  # the first question of each language may open a conversation


class _Groups(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    group: tuple[_Group, ...]


def enrich(document: Document, corpus_dir: Path) -> Document:
    """Return the document with its translation and its questions, where there are any.

    Raises:
        CorpusError: a line has no translation, an anchor stands nowhere in the essay, or a file
            is not what it should be; the message names file and line or anchor.
    """
    return replace(
        document,
        english=translation(document, corpus_dir, "en"),
        chinese=translation(document, corpus_dir, "zh"),
        questions=questions(document, corpus_dir),
    )


def decoys(corpus_dir: Path) -> list[str]:
    """Return the questions that no essay answers, one a line of `questions/unanswered.txt`.

    A question nearer to these than to the essays' own is refused. Blank lines and lines that
    begin with "#" are left out; no file gives [].
    """
    path = corpus_dir / "questions" / "unanswered.txt"
    lines = _text(path).split("\n") if path.is_file() else []
    return list(dict.fromkeys(ln.strip() for ln in lines if ln.strip() and ln[0] != "#"))


def translation(document: Document, corpus_dir: Path, lang: Lang) -> dict[int, str]:
    """Return our translation of each sentence by the offset where it ends; none of a sentence that
    the file repeats. Raises like `enrich`.
    """
    path = corpus_dir / "translations" / f"{document.id}.{lang}.md"
    if not path.is_file():
        return {}
    translated = iter(enumerate(_text(path).split("\n"), start=1))
    ours: dict[int, str] = {}
    for start, line in _lines(document.text):
        spans = sentences(line) or [Span(0, len(line) or 1)]
        spans = spans[-1:] if line.startswith("#") else spans
        for span in spans:
            number, text = next(translated, (0, ""))
            if bool(line) != bool(text.strip()):
                msg = (
                    f"translations/{path.name}: line {number or 'missing'}: does not match "
                    f"'{line[:30]}' of the essay; write one line for each of its sentences."
                )
                raise CorpusError(msg)
            said = _MARK.sub("", text.strip(), count=1) if span is spans[0] else text.strip()
            if span is spans[0] and _labelled(document, line):
                said = _LABEL.sub("", said, count=1)
            if said and not span.of(line or " ").endswith(said):
                ours[start + span.end] = said
    for number, text in translated:
        if text.strip():
            msg = f"translations/{path.name}: line {number}: stands past the end of the essay."
            raise CorpusError(msg)
    return ours


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.removesuffix("\n").split("\n"):
        yield start, line
        start += len(line) + 1


def _labelled(document: Document, line: str) -> bool:
    return any(line.startswith(s.labels) for s in document.speakers if s.labels)


def questions(document: Document, corpus_dir: Path) -> tuple[Question, ...]:
    """Return the beginner questions of an essay, in file order. Raises like `enrich`."""
    path = corpus_dir / "questions" / f"{document.id}.toml"
    return tuple(_anchored(document, path)) if path.is_file() else ()


def _anchored(document: Document, path: Path) -> Iterator[Question]:
    name = f"questions/{path.name}"
    try:
        groups = _Groups.model_validate(tomllib.loads(_text(path))).group
    except tomllib.TOMLDecodeError as error:
        msg = f"{name}: not TOML: {error}."
        raise CorpusError(msg) from error
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{name}: {': '.join(map(str, first['loc']))}: {first['msg']}."
        raise CorpusError(msg) from error
    for group in groups:
        if document.text.count(group.anchor) != 1:
            msg = (
                f"{name}: anchor '{group.anchor[:40]}' stands {document.text.count(group.anchor)} "
                "times in the essay; quote a place that stands there once."
            )
            raise CorpusError(msg)
        start = document.text.index(group.anchor)
        span = Span(start, start + len(group.anchor))
        for index, text in enumerate(group.zh):
            yield Question(text, "zh", span, group.starter and not index)
        for index, text in enumerate(group.en):
            yield Question(text, "en", span, group.starter and not index)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path.parent.name}/{path.name}: cannot be read as UTF-8 ({error})."
        raise CorpusError(msg) from error
