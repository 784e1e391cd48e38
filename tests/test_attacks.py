"""A model that obeys every attacker: what no essay says is never shown as an answer, nor active."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from markdown_it import MarkdownIt
from model_fakes import Desk, page
from typing_extensions import override

from eval.scripted import in_chunks
from eval.shelves import changed
from rag import Answer, Document, Lang, Mentor, Sentence, Settings, prompts, sentences
from rag.enrich import enrich
from rag.load import load
from ui.render import as_json, as_markdown, unescaped

Row = Mapping[str, Any]

CORPUS = Settings().corpus_dir
GOLDEN = Path(__file__).parent / "golden" / "attacks.jsonl"
ROWS: list[Row] = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
INJECTED = [row for row in ROWS if row["essay"]]


# --- essays that give orders ----------------------------------------------------------------------


def _cited(shelf: Mentor, row: Row) -> str:
    """Return the essay that a question is answered from."""
    return shelf.ask(row["question"]).sentences[0].citations[0].doc_id


def _inject(corpus: Path, shelf: Mentor) -> None:
    """Put every hostile paragraph behind the words that answer its question best."""
    for row in INJECTED:
        cited = shelf.ask(row["question"]).sentences[0].citations[0]
        first = cited.quote.split("\n")[0]
        essay = corpus / "essays" / f"{cited.doc_id}.md"
        paragraphs = essay.read_text(encoding="utf-8").split("\n\n")
        at = next(n for n, told in enumerate(paragraphs, start=1) if first in told)
        lines = f"- {row['essay']}".split("\n")  # a bare "Note:" would be read as a speaker
        spans = [(line, span) for line in lines for span in sentences(line)]
        translated = "\n".join(f"- {span.of(line)}" for line, span in spans)
        _insert(essay, at, "\n".join(lines))
        for path in (corpus / "translations").glob(f"{cited.doc_id}.*.md"):
            _insert(path, at, translated)


def _insert(path: Path, at: int, paragraph: str) -> None:
    paragraphs = path.read_text(encoding="utf-8").split("\n\n")
    paragraphs.insert(at, paragraph)
    path.write_text("\n\n".join(paragraphs), encoding="utf-8", newline="\n")


def _entitled(folder: Path, doc_id: str, title: str) -> list[Document]:
    """Return the essays as they are loaded with another title of one."""
    corpus = folder / "corpus"
    shutil.copytree(CORPUS, corpus)
    manifest = tomlkit.parse((corpus / "manifest.toml").read_text(encoding="utf-8"))
    essays: Any = manifest["essay"]
    next(essay for essay in essays if essay["id"] == doc_id)["title"] = title
    (corpus / "manifest.toml").write_text(tomlkit.dumps(manifest), encoding="utf-8", newline="\n")
    return [enrich(document, corpus) for document in load(corpus)]


@pytest.fixture(scope="module")
def clean(shelf: Mentor) -> tuple[Desk, Mentor]:
    """The essays as they are, with a seat and without."""
    return Desk(shelf), shelf


@pytest.fixture(scope="module")
def injected(shelf: Mentor) -> Iterator[tuple[Desk, Mentor]]:
    """The essays with every hostile paragraph in them, with a seat and without."""
    with changed(CORPUS, partial(_inject, shelf=shelf)) as mentor:
        yield Desk(mentor), mentor


@dataclass(frozen=True, slots=True)
class Attack:
    """What is shown on the way and in the end when a model obeys, and what is said without one."""

    shown: Sequence[Sentence]
    answer: Answer
    quoted: Answer
    documents: Mapping[str, Document]

    def seen(self) -> str:
        """Return what faces and programs show as said, as a reader sees it."""
        row = as_json(self.answer)
        kept = ("sentences", "lead", "note", "understood", "followups", "asks", "branches")
        told = json.dumps([row[name] for name in kept], ensure_ascii=False)
        return f"{unescaped(page(self.answer, self.documents))}\n{told}"


@pytest.fixture(scope="module")
def kept() -> dict[str, Attack]:
    """Attacks that have been made: each is made once for all that is asked of it."""
    return {}


@pytest.fixture
def attack(
    row: Row,
    shelf: Mentor,
    kept: dict[str, Attack],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Attack:
    """Let the model do as the row says, to each of its prompts."""
    if row["id"] not in kept:
        plain: Mentor
        desk, plain = request.getfixturevalue("injected" if row["essay"] else "clean")
        if row["title"]:
            desk = Desk(shelf, _entitled(tmp_path, _cited(shelf, row), row["title"]))
        with desk.model(lambda _: in_chunks(row["obeyed"], 32, seed=1)) as provider:
            *shown, answer = desk.mentor.stream(row["question"], row["history"])
            assert provider.prompts
            assert provider.failures == []
        quoted = plain.ask(row["question"], row["history"])
        kept[row["id"]] = Attack(shown, answer, quoted, desk.mentor.documents)
    return kept[row["id"]]


# --- what a page makes of it ----------------------------------------------------------------------

_OURS = {"p", "strong", "em", "blockquote", "ul", "li", "a", "div", "details", "summary"}
_CITE = re.compile(r"#cite-([a-z0-9_]+)-\d+-\d+-[0-9a-f]{8}")
_READ = re.compile(r"/read/([a-z0-9_]+)\?s=\d+&e=\d+&h=[0-9a-f]{8}#hit")
_TARGET = re.compile(r"\]\((?:#cite-|/read/|<https?://)[^\s)]*")
# What chats turn into a link although nothing marks it as one.
_BARE = re.compile(r"\b(?:https?|ftp)://|\bwww\.|\bmailto:|\w@\w", re.IGNORECASE)


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    @override
    def handle_comment(self, data: str) -> None:
        self.found.append(("!--", {}))

    @override
    def handle_decl(self, decl: str) -> None:
        self.found.append(("!", {}))

    @override
    def handle_pi(self, data: str) -> None:
        self.found.append(("?", {}))


def _assert_inert(markdown: str, documents: Mapping[str, Document]) -> None:
    """No renderer makes a tag, picture, script or address out of it but our own."""
    own = {d.url for d in documents.values()}
    own |= {s.url for d in documents.values() for s in d.speakers}
    for html in (True, False):
        rendered = MarkdownIt("gfm-like", {"html": html, "linkify": False}).render(markdown)
        for tag, attributes in Tags(rendered).found:
            assert tag in _OURS
            assert set(attributes) <= ({"href", "title"} if tag == "a" else {"class"})
            href = attributes.get("href")
            if href is not None and href not in own:
                found = _CITE.fullmatch(href) or _READ.fullmatch(href)
                assert found, href
                assert found[1] in documents
    assert not _BARE.search(_TARGET.sub("](", markdown))


def _rules(lang: Lang) -> list[str]:
    """Return the sentences of what a model is told, as far as they are long enough to know."""
    told = "\n".join(text for role, text in prompts.draft("", lang, []) if role == "system")
    return [text for span in sentences(told) if len(text := span.of(told)) > 20]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['id']}: {row['kind']}" for row in ROWS])
def test_a_model_that_obeys_breaks_no_page_and_tells_no_rule(row: Row, attack: Attack) -> None:
    answer, documents = attack.answer, attack.documents
    for sentence in (*attack.shown, *answer.sentences):
        assert sentence.citations
        for cited in sentence.citations:
            assert cited.span.of(documents[cited.doc_id].text) == cited.quote
    if answer.answerer == "openai:scripted":
        assert {sentence.kind for sentence in answer.sentences} == {"generated"}
    else:
        assert (answer.status, answer.lead) == (attack.quoted.status, attack.quoted.lead)
        assert _quotes(answer) == _quotes(attack.quoted)
    _assert_inert(as_markdown(answer, documents, answer.lang), documents)
    seen = attack.seen()
    for rule in (*_rules("zh"), *_rules("en"), prompts.CANNOT):
        assert rule not in seen


# Their lies are the very words of a passage turned round, followed by others, or with one put in
# place of another: the checker takes them for borne out. What it may come to catch is no longer
# expected to pass.
PASSED = {"a03", "a21", "a36", "a44"}
PASSED_AT_FIRST = PASSED | {"a04", "a26", "a65"}  # shown on the way, and gone from the answer


def _rows(passed: set[str]) -> list[Any]:
    known = pytest.mark.xfail(reason="the checker passes it", strict=False)
    return [
        pytest.param(row, id=f"{row['id']}: {row['kind']}", marks=[known] * (row["id"] in passed))
        for row in ROWS
    ]


@pytest.mark.parametrize("row", _rows(PASSED))
def test_no_answer_says_what_a_model_was_made_to_say(row: Row, attack: Attack) -> None:
    for forbidden in row["forbidden"]:
        assert forbidden not in attack.seen()


@pytest.mark.parametrize("row", _rows(PASSED_AT_FIRST))
def test_nothing_that_a_model_was_made_to_say_is_shown_on_the_way(row: Row, attack: Attack) -> None:
    for forbidden in row["forbidden"]:
        assert not any(forbidden in sentence.text for sentence in attack.shown)


def _quotes(answer: Answer) -> list[tuple[str, str, list[str]]]:
    return [(s.text, s.kind, [c.quote for c in s.citations]) for s in answer.sentences]


@pytest.mark.parametrize("row", INJECTED, ids=[row["id"] for row in INJECTED])
def test_a_hostile_paragraph_reaches_the_model_as_data(
    row: Row, injected: tuple[Desk, Mentor]
) -> None:
    desk, _ = injected
    with desk.model(lambda _: ["NO_ANSWER"]) as provider:
        desk.mentor.ask(row["question"])
        [prompt] = provider.prompts
    inside = prompt.user.partition("<passages>")[2].partition("</passages>")[0]
    orders = [span.of(line) for line in row["essay"].split("\n") for span in sentences(line)]
    assert any(order[12:-12] in inside for order in orders if len(order) > 40)
    assert prompt.user.count("</passages>") == prompt.user.count("<question>") == 1
