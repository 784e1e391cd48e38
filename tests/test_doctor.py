"""The doctor tells everything that is wrong with a shelf, and mends what needs no thought."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import NOTES, NOTES_EN, QUESTIONS, write

from rag import Settings, doctor


def problems(corpus: Path) -> list[str]:
    return list(doctor.problems(corpus))


def test_the_tiny_and_the_real_shelf_are_in_order(corpus: Path) -> None:
    assert problems(corpus) == []
    assert problems(Settings().corpus_dir) == []


def test_a_folder_without_a_shelf_is_a_problem_and_no_accident(tmp_path: Path) -> None:
    (told,) = problems(tmp_path)
    assert told.startswith("manifest.toml: ")


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("essays/notes.md", lambda old: old + "新。\n", "manifest.toml: notes: sha256: "),
        ("translations/notes.en.md", lambda old: old[:40], "translations/notes.en.md: line "),
        ("questions/notes.toml", lambda old: old + "[[group]]", "questions/notes.toml: "),
        (
            "questions/notes.toml",
            lambda old: old.replace("写", "读"),
            "questions/notes.toml: anchor",
        ),
    ],
)
def test_what_is_wrong_is_told_by_file(
    corpus: Path, name: str, spoil: Callable[[str], str], told: str
) -> None:
    path = corpus / name
    write(path, spoil(path.read_text(encoding="utf-8")))
    (problem,) = problems(corpus)
    assert problem.startswith(told)
    assert len(problem.splitlines()) == 1


def test_what_is_wrong_in_several_files_is_told_of_each(corpus: Path) -> None:
    write(corpus / "translations" / "notes.en.md", NOTES_EN.replace("\n\n", "\n"))
    write(corpus / "translations" / "talk.en.md", "# Only a title\n")
    write(corpus / "translations" / "talk.zh.md", "# 只有题目\n")
    write(corpus / "questions" / "notes.toml", QUESTIONS.replace("anchor", "ancre"))
    write(corpus / "questions" / "answers.toml", "[[group]\n")
    (corpus / "questions" / "unanswered.txt").write_bytes(b"\xff")
    assert sorted(problem.split(": ")[0] for problem in problems(corpus)) == [
        "questions/answers.toml",
        "questions/notes.toml",
        "questions/unanswered.txt",
        "translations/notes.en.md",
        "translations/talk.en.md",
        "translations/talk.zh.md",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "translations/gone.en.md",
        "translations/gone.zh.md",
        "translations/notes.fr.md",
        "translations/notes.md",
        "questions/gone.toml",
    ],
)
def test_what_belongs_to_no_essay_is_told(corpus: Path, name: str) -> None:
    write(corpus / name, "")
    (problem,) = problems(corpus)
    assert problem.startswith(f"{name}: ")


def test_a_fix_leaves_nothing_wrong_that_is_mechanical(corpus: Path) -> None:
    (corpus / "essays" / "notes.md").write_bytes(("\ufeff" + NOTES).replace("\n", "\r\n").encode())
    assert len(problems(corpus)) == 2
    assert doctor.fix(corpus) == ["essays/notes.md: rewritten in canonical form."]
    assert problems(corpus) == []


def test_a_fix_does_not_touch_what_the_project_wrote(corpus: Path) -> None:
    write(corpus / "translations" / "notes.en.md", "# Only a title\n")
    before = {path: path.read_bytes() for path in corpus.rglob("*") if path.is_file()}
    assert doctor.fix(corpus) == []
    assert {path: path.read_bytes() for path in before} == before
