"""A fact turned around in a copy of the shelf: the answer must say what the essay says now."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from fakes import NOTES, write, write_corpus

from eval import counterfactual
from eval.cases import QUESTIONS, rows
from eval.counterfactual import Fact, anchor, cites, edit, follows, read, rewritten
from eval.shelves import changed
from rag import Answer, Citation, CorpusError, Document, Mentor, Sentence, Settings, Span

REAL = Settings().corpus_dir
CURIOSITY = Fact(
    id="notes1",
    doc_id="notes",
    quote="选课题最重要的标准是好奇心。",
    was="好奇心",
    becomes="运气",
    was_en="curiosity",
    becomes_en="luck",
    zh="课题看什么来定?",
    en="What decides about a topic?",
)
WRITING = Fact(
    id="notes2",
    doc_id="notes",
    quote="写作是整理想法的办法。",
    was="整理",
    becomes="打乱",
    was_en="put ideas in order",
    becomes_en="stir ideas up",
    zh="写东西图什么?",
    en="What is writing for?",
)


@pytest.fixture(scope="module")
def mentor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mentor]:
    """The three tiny essays, with the shipped model."""
    folder = tmp_path_factory.mktemp("counterfactual")
    corpus = write_corpus(folder / "corpus")
    opened = Mentor.open(Settings(corpus_dir=corpus, index_dir=folder / "index"))
    with closing(opened) as mentor:
        yield mentor


@pytest.fixture
def old(mentor: Mentor) -> Document:
    return mentor.documents["notes"]


@pytest.fixture
def new(old: Document) -> Document:
    """The notes with curiosity turned to luck."""
    return replace(old, text=old.text.replace(CURIOSITY.quote, CURIOSITY.edited))


def _answer(quote: str, text: str = "", doc_id: str = "notes") -> Answer:
    cited = Citation(1, doc_id, "", "", "", Span(0, len(quote)), quote)
    said = Sentence(text or quote, "zh", "quote", "", (cited,), 1.0)
    return Answer("?", "zh", "answered", "", (said,))


# --- the facts ----------------------------------------------------------------------------------


def test_the_facts_are_of_every_essay_and_each_question_is_asked_once(shelf: Mentor) -> None:
    facts = read()
    assert len(facts) >= 24
    assert {fact.doc_id for fact in facts} == shelf.documents.keys()
    assert len({fact.id for fact in facts}) == len(facts)
    asked = [question for fact in facts for question in (fact.zh, fact.en)]
    assert len(set(asked)) == len(asked)


def test_no_question_about_a_fact_is_known_beforehand(shelf: Mentor) -> None:
    known = {q.text for document in shelf.documents.values() for q in document.questions}
    known |= set((REAL / "questions" / "unanswered.txt").read_text("utf-8").splitlines())
    known |= {row["question"] for path in QUESTIONS.glob("*.jsonl") for row in rows(path)}
    plain = {_plain(question) for question in known}
    twice = [f.id for f in read() for question in (f.zh, f.en) if _plain(question) in plain]
    assert twice == []


def _plain(question: str) -> str:
    return "".join(filter(str.isalnum, question.casefold()))


@pytest.mark.parametrize("row", [{}, {"id": "a"}, {"extra": "x"}, {"en": ""}])
def test_a_row_that_is_no_fact_is_named_with_its_line(tmp_path: Path, row: dict[str, str]) -> None:
    whole = {name: getattr(CURIOSITY, name) for name in Fact.__slots__}
    bad = whole | row if row.keys() & {"extra", "en"} else row
    path = tmp_path / "facts.jsonl"
    write(path, f"{json.dumps(whole)}\n{json.dumps(bad)}\n")
    with pytest.raises(ValueError, match=r"facts\.jsonl, line 2: needs becomes, "):
        read(path)


# --- editing ------------------------------------------------------------------------------------


def test_edits_change_their_words_and_nothing_else() -> None:
    edits = [(Span(0, 1), "long"), (Span(4, 6), "")]
    assert rewritten("0123456789", edits) == "long1236789"
    assert rewritten("0123456789", []) == "0123456789"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("12345678", "12xyz678"),
        ("345", "xyz"),
        ("01234", "012xyz"),  # it ends in the edit
        ("4", "xyz"),
        ("56789", "xyz678*"),
        ("012", "012"),
        ("678", "678"),
        ("9", "*"),
    ],
)
def test_an_anchor_follows_the_words_it_stands_on(old: str, new: str) -> None:
    assert anchor(old, "0123456789", [(Span(3, 6), "xyz"), (Span(9, 10), "*")]) == new


def test_a_shelf_says_the_new_words_everywhere(mentor: Mentor, corpus: Path) -> None:
    edit(corpus, [WRITING, CURIOSITY], mentor.documents)
    essay = (corpus / "essays" / "notes.md").read_text("utf-8")
    assert essay == NOTES.replace("好奇心", "运气").replace("整理想法", "打乱想法")
    english = (corpus / "translations" / "notes.en.md").read_text("utf-8").split("\n")
    assert "The most important standard for choosing a topic is luck." in english
    assert "Writing is a way to stir ideas up." in english
    groups = tomllib.loads((corpus / "questions" / "notes.toml").read_text("utf-8"))["group"]
    assert [group["anchor"] for group in groups] == [CURIOSITY.edited, WRITING.edited]
    assert groups[0]["zh"] == ["怎么选课题?", "课题怎么定"]
    assert groups[0]["starter"] is True


def test_an_essay_without_translation_and_questions_is_edited_too(
    mentor: Mentor, corpus: Path
) -> None:
    (corpus / "translations" / "notes.en.md").unlink()
    (corpus / "questions" / "notes.toml").unlink()
    edit(corpus, [CURIOSITY], mentor.documents)
    assert CURIOSITY.edited in (corpus / "essays" / "notes.md").read_text("utf-8")
    assert not (corpus / "translations" / "notes.en.md").exists()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("quote", "选课题最不重要的标准是好奇心。", "notes1: quote: '选课题最不"),
        ("quote", "的", "notes1: quote: '的' stands 3 times"),
        ("was", "热情", "notes1: was: '热情' stands 0 times"),
        ("becomes", "选", "notes1: becomes: '选' stands 2 times"),
        ("was_en", "passion", "notes1: was_en: 'passion' stands 0 times"),
    ],
)
def test_a_fact_that_does_not_fit_its_essay_is_refused(
    mentor: Mentor, corpus: Path, name: str, text: str, says: str
) -> None:
    fact = Fact(**{field: getattr(CURIOSITY, field) for field in Fact.__slots__} | {name: text})
    with pytest.raises(ValueError, match=says):
        edit(corpus, [fact], mentor.documents)


def test_two_facts_in_the_same_words_are_refused(mentor: Mentor, corpus: Path) -> None:
    with pytest.raises(ValueError, match="notes: two facts change the same words"):
        edit(corpus, [CURIOSITY, replace(CURIOSITY, id="notes3")], mentor.documents)


def test_a_fact_of_an_unknown_essay_is_refused(mentor: Mentor, corpus: Path) -> None:
    with pytest.raises(CorpusError, match="diary: no essay"):
        edit(corpus, [replace(CURIOSITY, doc_id="diary")], mentor.documents)


def test_the_files_that_were_copied_stay_as_they_were(mentor: Mentor, corpus: Path) -> None:
    before = {path: path.read_bytes() for path in corpus.rglob("*") if path.is_file()}
    change = partial(edit, facts=[CURIOSITY], documents=mentor.documents)
    with changed(corpus, change) as edited:
        assert CURIOSITY.edited in edited.documents["notes"].text
    assert {path: path.read_bytes() for path in corpus.rglob("*") if path.is_file()} == before


# --- judging ------------------------------------------------------------------------------------


def test_an_answer_follows_when_it_quotes_the_new_words(old: Document, new: Document) -> None:
    assert follows(CURIOSITY, _answer(CURIOSITY.edited), old, new)
    assert follows(CURIOSITY, _answer(CURIOSITY.edited, "Luck decides."), old, new)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("?", "zh", "refused", ""),
        _answer(CURIOSITY.quote),
        _answer("选课题最重要的标准是"),
        _answer("写作是整理想法的办法。"),
        _answer(CURIOSITY.edited, doc_id="talk"),
        _answer(CURIOSITY.edited, CURIOSITY.quote),
        _answer(CURIOSITY.edited, "The most important standard for choosing a topic is curiosity."),
    ],
)
def test_an_answer_that_keeps_to_the_old_words_or_to_others_does_not_follow(
    answer: Answer, old: Document, new: Document
) -> None:
    assert not follows(CURIOSITY, answer, old, new)


def test_an_answer_that_quotes_both_does_not_follow(old: Document, new: Document) -> None:
    both = _answer(CURIOSITY.edited).sentences + _answer(CURIOSITY.quote).sentences
    assert not follows(CURIOSITY, Answer("?", "zh", "answered", "", both), old, new)


def test_a_quote_is_looked_for_and_not_believed(old: Document) -> None:
    words = Span(NOTES.index("好奇心"), NOTES.index("好奇心") + 3)
    assert cites(_answer("最重要的标准是好奇心"), old, words)
    assert not cites(_answer("最重要的标准是好奇"), old, words)  # not all of the words
    assert not cites(_answer("没有这样说过的好奇心"), old, words)


# --- the whole ----------------------------------------------------------------------------------


def test_answers_follow_what_the_essays_say(shelf: Mentor) -> None:
    facts = [fact for fact in read() if fact.doc_id == "one_year_off"][:4]
    ticks: list[None] = []
    outcome = counterfactual.run(shelf, REAL, facts, lambda: ticks.append(None))
    assert len(ticks) == counterfactual.steps(facts) == 8
    found = {figure.name: figure for figure in outcome.figures}
    names = ["cites the fact", "follows the edit", "quotes exact in the edited shelf"]
    assert list(found) == [f"{name} {lang}" for lang in ("zh", "en") for name in names]
    for lang in ("zh", "en"):
        assert found[f"cites the fact {lang}"].n == 4
        assert found[f"follows the edit {lang}"].n > 0
        assert found[f"follows the edit {lang}"].value == 1.0
        assert found[f"quotes exact in the edited shelf {lang}"].value == 1.0
    assert outcome.strays == ()


def test_every_fact_fits_the_shelf(shelf: Mentor, tmp_path: Path) -> None:
    for name in ("essays", "translations", "questions"):
        (tmp_path / name).mkdir()
        for path in (REAL / name).glob("*.*"):
            write(tmp_path / name / path.name, path.read_text("utf-8"))
    edit(tmp_path, read(), shelf.documents)
    for fact in read():
        assert fact.edited in (tmp_path / "essays" / f"{fact.doc_id}.md").read_text("utf-8")
        groups = tomllib.loads((tmp_path / "questions" / f"{fact.doc_id}.toml").read_text("utf-8"))
        text = (tmp_path / "essays" / f"{fact.doc_id}.md").read_text("utf-8")
        assert {text.count(group["anchor"]) for group in groups["group"]} == {1}
