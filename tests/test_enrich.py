"""An essay gets its translation sentence by sentence, and its questions at their places."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import DECOYS, NOTES, NOTES_EN, QUESTIONS, write

from rag import CorpusError, Document, Settings
from rag.enrich import decoys, enrich
from rag.load import load
from rag.split import split
from rag.text import sentences

REAL = Settings().corpus_dir


def notes(corpus: Path) -> Document:
    return next(document for document in load(corpus) if document.id == "notes")


def retold(corpus: Path, text: str, english: str) -> dict[str, str]:
    """Return what `enrich` gives for an essay and its translation: sentence -> English."""
    write(corpus / "translations" / "notes.en.md", english)
    document = enrich(replace(notes(corpus), text=text, questions=()), _without_questions(corpus))
    return {
        span.of(text): document.english[span.end]
        for span in sentences(text)
        if span.end in document.english
    }


def _without_questions(corpus: Path) -> Path:
    (corpus / "questions" / "notes.toml").unlink(missing_ok=True)
    return corpus


# --- translation -------------------------------------------------------------------------------


def test_every_sentence_has_its_own_translation(corpus: Path) -> None:
    english = retold(corpus, NOTES, NOTES_EN)
    assert english == {
        "读研随笔": "Notes from graduate school",
        "选题": "Choosing",
        "选课题最重要的标准是好奇心。": "The most important standard for choosing a topic "
        "is curiosity.",
        "发表不是终点。": "Publication is not the end.",
        "多读论文": "Read many papers",
        "多和人交谈": "Talk to many people",
        "写作": "Writing",
        "写作是整理想法的办法。": "Writing is a way to put ideas in order.",
        "你没有说出来的想法都会被忽略。": "All the ideas you do not voice will be ignored.",
    }


def test_what_is_english_already_has_no_translation(corpus: Path) -> None:
    assert retold(corpus, "# 题\n\nDo it. 做。\n", "# Title\n\nDo it.\nDo.\n") == {
        "题": "Title",
        "做。": "Do.",
    }


def test_the_label_of_a_speaker_is_not_part_of_the_translation(corpus: Path) -> None:
    talk = next(document for document in load(corpus) if document.id == "answers")
    text = "# 题\n\n答:先做。再说: 好。\n"
    write(corpus / "translations" / "answers.en.md", "# Title\n\nAnswer: Do it.\nThen say: fine.\n")
    english = enrich(replace(talk, text=text), corpus).english
    assert english[text.index("先做。") + 3] == "Do it."
    assert english[len(text) - 1] == "Then say: fine."


def test_a_line_without_a_word_has_a_line_of_its_own(corpus: Path) -> None:
    assert retold(corpus, "甲。\n\n……\n\n乙。\n", "A.\n\n-\n\nB.\n") == {"甲。": "A.", "乙。": "B."}


@pytest.mark.parametrize("form", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_line_ends_and_the_mark_of_an_editor_are_no_words(
    corpus: Path, form: str, mark: str
) -> None:
    said = retold(corpus, "# 题\n\n甲。\n", f"{mark}# Title\n\nA.\n".replace("\n", form))
    assert said == {"题": "Title", "甲。": "A."}


def test_an_essay_has_a_translation_into_each_language_that_has_a_file(corpus: Path) -> None:
    talk = next(document for document in load(corpus) if document.id == "talk")
    text = "# A talk\n\nAnn: Do it. Then rest. 好。\n"
    write(corpus / "translations" / "talk.zh.md", "# 谈话\n\n安: 去做。\n然后休息。\n好。\n")
    document = enrich(replace(talk, text=text), corpus)
    said = {text[:end].rpartition(" ")[2]: ours for end, ours in document.chinese.items()}
    assert said == {"talk": "谈话", "it.": "去做。", "rest.": "然后休息。"}  # 好 is Chinese already
    assert document.english == {}
    both = replace(talk, text=text)
    write(corpus / "translations" / "talk.en.md", text.replace(". ", ".\n").replace("好", "Good"))
    assert list(enrich(both, corpus).english.values()) == ["Good。"]
    assert enrich(both, corpus).chinese == document.chinese


def test_a_translation_into_chinese_is_refused_by_its_own_file_and_line(corpus: Path) -> None:
    write(corpus / "translations" / "talk.zh.md", "# 谈话\n")
    talk = next(document for document in load(corpus) if document.id == "talk")
    with pytest.raises(CorpusError) as refusal:
        enrich(talk, corpus)
    assert str(refusal.value).startswith("translations/talk.zh.md: line ")


def test_an_essay_without_a_translation_and_questions_stays_as_it_is(corpus: Path) -> None:
    talk = load(corpus)[1]
    assert enrich(talk, corpus) == talk


@pytest.mark.parametrize(
    ("english", "place"),
    [
        ("", "line 1"),
        ("# Title\n\nA.\n", "line 4"),
        ("# Title\nA.\nB.\n\nC.\n", "line 2"),
        ("# Title\n\nA.\nB.\nC.\n", "line 5"),
        ("# Title\n\nA.\nB.\n", "line missing"),
        ("# Title\n\nA.\nB.\n\n \n", "line 6"),
        ("# Title\n\nA.\nB.\n\nC.\nD.\n", "line 7"),
        ("# Title\n\nA.\nB.\n\nC.\n\nD.\n", "line 8"),
    ],
)
def test_a_translation_that_does_not_follow_the_essay_is_refused_by_file_and_line(
    corpus: Path, english: str, place: str
) -> None:
    with pytest.raises(CorpusError) as refusal:
        retold(corpus, "# 题\n\n甲。乙。\n\n丙。\n", english)
    assert str(refusal.value).startswith(f"translations/notes.en.md: {place}: ")


def test_a_translation_that_is_not_utf_8_is_refused(corpus: Path) -> None:
    (corpus / "translations" / "notes.en.md").write_bytes(b"# \xff\n")
    with pytest.raises(CorpusError, match=r"translations/notes\.en\.md: .*UTF-8"):
        enrich(notes(corpus), corpus)


# --- questions ---------------------------------------------------------------------------------


def asked(corpus: Path, toml: str | bytes) -> Document:
    data = toml.encode() if isinstance(toml, str) else toml
    (corpus / "questions" / "notes.toml").write_bytes(data)
    return enrich(notes(corpus), corpus)


def test_every_question_stands_at_its_anchor(corpus: Path) -> None:
    questions = asked(corpus, QUESTIONS).questions
    assert [(q.text, q.lang, q.starter, q.span.of(NOTES)) for q in questions] == [
        ("怎么选课题?", "zh", True, "选课题最重要的标准是好奇心。"),
        ("课题怎么定", "zh", False, "选课题最重要的标准是好奇心。"),
        ("How do I choose a topic?", "en", True, "选课题最重要的标准是好奇心。"),
        ("为什么要写作?", "zh", False, "写作是整理想法的办法。"),
        ("Why should I write?", "en", False, "写作是整理想法的办法。"),
    ]


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[[group]\n", ("line 1",)),
        ("", ("group",)),
        ("group = 'a'", ("group",)),
        ("group = [1]", ("group",)),
        ("[[group]]\nzh = ['怎么?']", ("anchor",)),
        ("[[group]]\nanchor = ''", ("anchor",)),
        ("[[group]]\nanchor = '发表'\nfr = ['Comment ?']", ("fr",)),
        ("[[group]]\nanchor = '发表'\nzh = '怎么?'", ("zh",)),
        ("[[group]]\nanchor = '发表'\nzh = ['']", ("zh",)),
        ("[[group]]\nanchor = '发表'\nen = [1]", ("en",)),
        ("[[group]]\nanchor = '发表'\nstarter = 'very'", ("starter",)),
        ("[[group]]\nanchor = '没有这一句'", ("没有这一句", "0 times")),
        ("[[group]]\nanchor = '多'", ("'多'", "2 times")),
        (b"[[group]]\nanchor = '\xff'", ("UTF-8",)),
    ],
)
def test_questions_of_a_wrong_form_are_refused_by_file_and_place(
    corpus: Path, toml: str | bytes, named: tuple[str, ...]
) -> None:
    with pytest.raises(CorpusError) as refusal:
        asked(corpus, toml)
    message = str(refusal.value)
    assert message.startswith("questions/notes.toml: ")
    assert len(message.splitlines()) == 1
    assert [part for part in named if part not in message] == []


# --- decoys ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DECOYS, ["今天天气怎么样?", "Where can I rent a flat?"]),
        ("", []),
        ("# only a remark\n\n \n", []),
        ("a?\nb?\na?\n", ["a?", "b?"]),
        (" a? \r\n#b\r\n\r\nc?", ["a?", "c?"]),
        ("\ufeff# a remark\nC#怎么学?\n", ["C#怎么学?"]),
    ],
)
def test_decoys_are_the_lines_that_are_no_remarks(
    corpus: Path, text: str, expected: list[str]
) -> None:
    (corpus / "questions" / "unanswered.txt").write_bytes(text.encode())
    assert decoys(corpus) == expected


def test_a_shelf_without_decoys_has_none(tmp_path: Path) -> None:
    assert decoys(tmp_path) == []


def test_decoys_that_are_not_utf_8_are_refused(corpus: Path) -> None:
    (corpus / "questions" / "unanswered.txt").write_bytes("天气".encode("gbk"))
    with pytest.raises(CorpusError, match=r"questions/unanswered\.txt: .*UTF-8"):
        decoys(corpus)


# --- the real essays ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def essays() -> list[Document]:
    return [enrich(document, REAL) for document in load(REAL)]


def test_every_chinese_sentence_of_every_passage_has_its_english(essays: list[Document]) -> None:
    for essay in essays:
        ends = {
            passage.span.start + inner.end
            for passage in split(essay, 400)
            for inner in sentences(passage.text)
            if re.search("[一-鿿]", inner.of(passage.text))
        }
        assert ends - essay.english.keys() == set()


def test_no_english_of_the_real_essays_begins_with_a_mark_or_a_label(
    essays: list[Document],
) -> None:
    for essay in essays:
        labels = [f"{who.name_en}:" for who in essay.speakers if who.labels]
        marked = ("#", "- ", "\ufeff", "Q:", *labels)
        assert [said for said in essay.english.values() if said.startswith(marked)] == []


def test_every_real_essay_has_questions_in_both_languages(essays: list[Document]) -> None:
    for essay in essays:
        assert {question.lang for question in essay.questions} == {"zh", "en"}
