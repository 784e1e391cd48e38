"""`mentor questions to-case` and `to-passage`: what somebody asked becomes the project's own."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from rag import Lang, MentorError
from rag.keeping.adopting import adopted, place
from rag.text import cleaned, language
from ui.asked import Asked
from ui.asked_file import AskedFile
from ui.commands.command import Corpus, Index, settings_of
from ui.commands.whole import write_whole
from ui.masking import MARKS
from ui.terminal import stderr

_PLACE = re.compile(r"([a-z0-9_]{1,64}):(\d{1,9})-(\d{1,9})")
_CASES = Path("eval") / "questions" / "own.jsonl"
_SPLITS = ("dev", "test", "tuning")

_Id = Annotated[str, typer.Argument(metavar="ID", help="Of a question; see `questions list`.")]
_As = Annotated[
    str, typer.Option("--as", metavar="TEXT", help="Put it in these words instead of its own.")
]


def to_case(
    id_: _Id,
    *,
    passages: Annotated[
        list[str] | None,
        typer.Option("--passage", metavar="DOC:START-END", help="A place that answers it."),
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="No essay answers it.")] = False,
    file: Annotated[Path, typer.Option("--file", help="The cases to add it to.")] = _CASES,
    split: Annotated[str, typer.Option("--split", help="dev, test or tuning.")] = "dev",
    wording: _As = "",
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Make a question a case that `python -m eval` holds answers against."""
    if bool(passages) == refused:
        msg = "Say what is right: --passage DOC:START-END, once or more, or --refused."
        raise MentorError(msg)
    if split not in _SPLITS:
        msg = f"--split is one of {', '.join(_SPLITS)}, not {split}."
        raise MentorError(msg)
    settings = settings_of(corpus, index)
    row = _found(AskedFile(settings.index_dir), id_)
    gold = [_gold(settings.corpus_dir, passage) for passage in passages or ()]
    _append(file, _case(row, wording, gold, split))
    stderr().print(Text(f"Added to {file}: own-{row.id}"), soft_wrap=True)


def to_passage(
    id_: _Id,
    passage: Annotated[
        str, typer.Argument(metavar="DOC:START-END", help="The place that answers it.")
    ],
    *,
    wording: _As = "",
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Make a question one of an essay's beginner questions, by which the place is found."""
    settings = settings_of(corpus, index)
    question, lang = _worded(_found(AskedFile(settings.index_dir), id_), wording)
    essay, span = place(settings.corpus_dir, *_parsed(passage))
    name = adopted(settings.corpus_dir, question, lang, essay, span)
    line = f"Added to {name}. Run `mentor index` before you ask again."
    stderr().print(Text(line), soft_wrap=True)


def _found(file: AskedFile, id_: str) -> Asked:
    for row in file.rows():
        if row.id == id_:
            return row
    msg = f"No kept question has the id '{id_}'; `mentor questions list` shows them."
    raise MentorError(msg)


def _worded(row: Asked, wording: str) -> tuple[str, Lang]:
    """Return a question in its own words or in those given, and their language.

    Raises:
        MentorError: something in it was masked, or nothing is in it.
    """
    if not wording:
        if any(mark in row.question for mark in MARKS):
            msg = f"Something in '{row.question}' was masked; put it in your words with --as."
            raise MentorError(msg)
        return row.question, row.lang
    text = cleaned(wording)
    if not any(map(str.isalnum, text)):
        msg = "--as: holds no words."
        raise MentorError(msg)
    return text, "zh" if language(text) == "zh" else "en"


def _parsed(passage: str) -> tuple[str, int, int]:
    found = _PLACE.fullmatch(passage)
    if not found:
        msg = f"{passage}: is no place of an essay; write it as DOC:START-END."
        raise MentorError(msg)
    return found[1], int(found[2]), int(found[3])


def _gold(corpus_dir: Path, passage: str) -> dict[str, str]:
    essay, span = place(corpus_dir, *_parsed(passage))
    return {"doc_id": essay.id, "quote": span.of(essay.text)}


def _case(row: Asked, wording: str, gold: Sequence[dict[str, str]], split: str) -> dict[str, Any]:
    question, lang = _worded(row, wording)
    answered = "single" if len(gold) == 1 else "several"
    return {
        "id": f"own-{row.id}",
        "topic": f"own-{row.id}",
        "lang": lang,
        "split": split,
        "kind": answered if gold else "far_or_near",
        "style": "plain",
        "question": question,
        "gold": list(gold),
    }


def _append(file: Path, case: dict[str, Any]) -> None:
    """Add a case as the last line, whole or not at all.

    Raises:
        MentorError: the file holds it already, holds something else than cases, or cannot be
            read or written.
    """
    try:
        there = file.read_text(encoding="utf-8") if file.exists() else ""
        known = [json.loads(line)["id"] for line in there.split("\n") if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{file}: holds no cases as JSON lines ({error}); mend it, or give another --file."
        raise MentorError(msg) from error
    if case["id"] in known:
        msg = f"{file}: holds {case['id']} already."
        raise MentorError(msg)
    kept = there if not there or there.endswith("\n") else f"{there}\n"
    write_whole(file, f"{kept}{json.dumps(case, ensure_ascii=False)}\n")
