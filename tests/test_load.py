"""A shelf is taken as it is or refused, with the file and the field that must be mended."""

import hashlib
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ANSWERS, DIALOGUE, NOTES, write
from hypothesis import given
from hypothesis import strategies as st

from rag import CorpusError, Settings
from rag.load import digest, fix, load, problems
from rag.text import canonical

Change = Callable[[Path], object]
REAL = Settings().corpus_dir


def manifest(old: str, new: str) -> Change:
    """Return a change of the first place in the manifest where `old` stands."""

    def change(corpus: Path) -> None:
        path = corpus / "manifest.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        write(path, text.replace(old, new, 1))

    return change


def essay(text: str | bytes, name: str = "notes.md") -> Change:
    """Return a change that writes an essay and does not tell the manifest."""
    data = text.encode() if isinstance(text, str) else text
    return lambda corpus: (corpus / "essays" / name).write_bytes(data)


def whole_manifest(text: str | bytes) -> Change:
    data = text.encode() if isinstance(text, str) else text
    return lambda corpus: (corpus / "manifest.toml").write_bytes(data)


def sealed(text: str, name: str = "talk") -> Change:
    """Return a change that writes an essay and its checksum."""

    def change(corpus: Path) -> None:
        path = corpus / "essays" / f"{name}.md"
        old = hashlib.sha256(path.read_bytes()).hexdigest()
        write(path, text)
        manifest(old, hashlib.sha256(text.encode()).hexdigest())(corpus)

    return change


def removed(*names: str) -> Change:
    return lambda corpus: (corpus.joinpath(*names)).unlink()


REFUSED: list[tuple[Change, tuple[str, ...]]] = [
    # the essay
    (essay(NOTES.replace("\n", "\r\n")), ("essays/notes.md", "canonical", "doctor --fix")),
    (essay("\ufeff" + NOTES), ("essays/notes.md", "canonical")),
    (essay(NOTES + "cafe\u0301\n"), ("essays/notes.md", "canonical")),
    (essay(NOTES + "\n"), ("essays/notes.md", "canonical")),
    (essay(NOTES.replace("随笔", "随笔 ")), ("essays/notes.md", "canonical")),
    (essay(NOTES.replace("好奇心", "运气")), ("manifest.toml", "notes", "sha256")),
    (essay(""), ("essays/notes.md", "empty")),
    (essay(" \n\n"), ("essays/notes.md", "empty")),
    (essay(NOTES.encode("gbk")), ("essays/notes.md", "byte 2", "UTF-8")),
    (essay(NOTES.encode("utf-16")), ("essays/notes.md", "byte 0", "UTF-8")),
    (essay(b"# \xed\xa0\x80\n"), ("essays/notes.md", "byte 2", "UTF-8")),
    (removed("essays", "notes.md"), ("essays/notes.md", "cannot be read")),
    (essay(NOTES, "stray.md"), ("essays/stray.md", "manifest.toml", "'stray'")),
    # the manifest as a whole
    (removed("manifest.toml"), ("manifest.toml", "cannot be read")),
    (whole_manifest(b"\xff"), ("manifest.toml", "byte 0", "UTF-8")),
    (whole_manifest(""), ("manifest.toml", "essay")),
    (whole_manifest("[[essay]\n"), ("manifest.toml", "TOML", "line 1")),
    (whole_manifest("essay = []"), ("manifest.toml", "essay")),
    (whole_manifest("essay = 'notes'"), ("manifest.toml", "essay")),
    (whole_manifest("essay = [1]"), ("manifest.toml", "essay 1")),
    (whole_manifest("[essay]\nid = 'notes'"), ("manifest.toml", "essay")),
    (whole_manifest("[[essay]]\ntitle = 'T'"), ("manifest.toml", "essay 1", "id")),
    (manifest("[[essay]]", "shelf = 1\n[[essay]]"), ("manifest.toml", "shelf")),
    # its fields
    (manifest('licence = "CC0"', ""), ("manifest.toml", "notes", "licence")),
    (manifest('title = "读研随笔"', 'title = ""'), ("manifest.toml", "notes", "title")),
    (manifest('title = "读研随笔"', "title = 7"), ("manifest.toml", "notes", "title")),
    (manifest('lang = "zh"', 'lang = "fr"'), ("manifest.toml", "notes", "lang")),
    (manifest('id = "talk"', 'id = "a-talk"'), ("manifest.toml", "a-talk", "id")),
    (manifest('id = "talk"', 'id = "../talk"'), ("manifest.toml", "../talk", "id")),
    (manifest('id = "talk"', 'id = "notes"'), ("manifest.toml", "id", "'notes'", "more than once")),
    (manifest('site = ""', 'site = ""\nyear = 2024'), ("manifest.toml", "notes", "year")),
    (manifest('site = ""', 'site = ""\ndate = "27.2.2024"'), ("notes", "date", "27.2.2024")),
    (manifest('site = ""', 'site = ""\ndate = "2024-02-30"'), ("notes", "date", "2024-02-30")),
    (manifest('site = ""', 'site = ""\ndate = "20240227"'), ("notes", "date", "20240227")),
    (manifest('site = ""', 'site = ""\ndate = "2024-W09-2"'), ("notes", "date", "2024-W09-2")),
    (manifest('site = ""', 'site = ""\ndate = 2024-02-27'), ("manifest.toml", "notes", "date")),
    (manifest('site = ""', 'site = ""\nurl = "javascript:a"'), ("manifest.toml", "notes", "url")),
    (manifest('site = ""', 'site = ""\nsource = "no.txt"'), ("notes", "source", "no.txt")),
    # who speaks
    (manifest('name = "Ben"\n', ""), ("manifest.toml", "talk", "speaker", "1", "name")),
    (manifest("asks = true", "asks = 'of course'"), ("manifest.toml", "talk", "asks")),
    (manifest("asks = true", "ask = true"), ("manifest.toml", "talk", "speaker", "ask")),
    (manifest('["Ann:"]', '"Ann:"'), ("manifest.toml", "talk", "labels")),
    (manifest('["Ann:"]', '[""]'), ("manifest.toml", "talk", "labels")),
    (manifest('["Ann:"]', '["Anna:"]'), ("manifest.toml", "talk", "speaker 3", "'Anna:'")),
    (manifest('["Ann:"]', '["Ann:"]\nopens = ["Then"]'), ("talk", "speaker 3", "'Then'")),
    (sealed(DIALOGUE + "\nCarl Smith: May I?\n"), ("essays/talk.md", "'Carl Smith:'")),
    (sealed(ANSWERS + "\n小李:我也是。\n", "answers"), ("essays/answers.md", "'小李:'")),
]


@pytest.mark.parametrize(("change", "named"), REFUSED)
def test_what_is_wrong_is_refused_by_file_and_field(
    corpus: Path, change: Change, named: tuple[str, ...]
) -> None:
    change(corpus)
    with pytest.raises(CorpusError) as refusal:
        load(corpus)
    message = str(refusal.value)
    assert [part for part in named if part not in message] == []
    assert len(message.splitlines()) == 1
    assert message in problems(corpus)


def test_a_shelf_without_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"manifest\.toml"):
        load(tmp_path / "nowhere")


def test_every_problem_is_told_at_once(corpus: Path) -> None:
    for change in (essay("# 另\n"), essay(NOTES, "stray.md"), removed("essays", "talk.md")):
        change(corpus)
    told = list(problems(corpus))
    assert [line.split(": ")[0] for line in told] == [
        "manifest.toml",
        "essays/talk.md",
        "essays/stray.md",
    ]


def test_a_colon_in_a_text_without_labels_or_in_an_address_names_no_speaker(corpus: Path) -> None:
    sealed(NOTES + "\n小李:也是。\n", "notes")(corpus)
    sealed(DIALOGUE + "\nSee https://a.b\n\nLink:https://a.b/c\n\nso: fine\n")(corpus)
    assert list(problems(corpus)) == []


def test_a_sound_shelf_is_taken_in_the_order_of_the_manifest(corpus: Path) -> None:
    notes, talk, answers = load(corpus)
    assert (notes.id, talk.id, answers.id) == ("notes", "talk", "answers")
    assert (notes.text, talk.text, answers.text) == (NOTES, DIALOGUE, ANSWERS)
    assert [speaker.name for speaker in talk.speakers] == ["记者", "Ben", "Ann"]
    assert [speaker.asks for speaker in talk.speakers] == [False, True, False]
    assert talk.speakers[2].labels == ("Ann:",)
    assert (notes.lang, notes.url, notes.date, notes.licence) == ("zh", "", "", "CC0")


def test_the_real_shelf_is_sound_and_every_field_reaches_its_document() -> None:
    rows = tomllib.loads((REAL / "manifest.toml").read_text(encoding="utf-8"))["essay"]
    documents = load(REAL)
    assert [document.id for document in documents] == [row["id"] for row in rows]
    for document, row in zip(documents, rows, strict=True):
        fields = {key: row[key] for key in row if key not in ("speaker", "source")}
        assert {key: getattr(document, key) for key in fields} == fields
        assert document.text == canonical(document.text)
        assert digest(document.text) == document.sha256
        assert [speaker.url for speaker in document.speakers] == [
            who.get("url", "") for who in row["speaker"]
        ]


# --- fix ---------------------------------------------------------------------------------------


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_fix_changes_nothing_where_nothing_is_wrong(corpus: Path) -> None:
    before = files(corpus)
    assert fix(corpus) == []
    assert files(corpus) == before


def test_a_fix_leaves_the_real_shelf_as_it_is(tmp_path: Path) -> None:
    shutil.copytree(REAL, tmp_path / "corpus")
    assert fix(tmp_path / "corpus") == []
    assert files(tmp_path / "corpus") == files(REAL)


def test_a_fix_mends_composition_line_ends_and_checksums_and_nothing_else(corpus: Path) -> None:
    manifest("[[essay]]", "# our shelf\n\n[[essay]]  # the first")(corpus)
    manifest('id = "talk"', 'id = "talk"   # who talks?')(corpus)
    before = files(corpus)
    essay(("\ufeff" + NOTES + "\n咖啡cafe\u0301\n").replace("\n", "\r\n"))(corpus)

    assert fix(corpus) == [
        "essays/notes.md: rewritten in canonical form.",
        "manifest.toml: notes: sha256 renewed.",
    ]

    after = files(corpus)
    assert {name for name in after if after[name] != before.get(name)} - {".lock"} == {
        "essays/notes.md",
        "manifest.toml",
    }
    assert after["essays/notes.md"].decode() == NOTES + "\n咖啡café\n"
    old, new = digest(NOTES).encode(), digest(NOTES + "\n咖啡café\n").encode()
    assert after["manifest.toml"] == before["manifest.toml"].replace(old, new)
    assert list(problems(corpus)) == []
    assert fix(corpus) == []


def test_a_fix_keeps_the_line_ends_of_the_manifest(corpus: Path) -> None:
    path = corpus / "manifest.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    essay(NOTES + "\n新\n")(corpus)
    fix(corpus)
    new = digest(NOTES + "\n新\n").encode()
    assert path.read_bytes() == before.replace(digest(NOTES).encode(), new)


def test_a_fix_gives_a_new_essay_its_checksum(corpus: Path) -> None:
    manifest(f'sha256 = "{digest(NOTES)}"\n', "")(corpus)
    manifest("\n[[essay.speaker]]", "\n# who speaks\n[[essay.speaker]]")(corpus)
    assert fix(corpus) == ["manifest.toml: notes: sha256 renewed."]
    assert load(corpus)[0].sha256 == digest(NOTES)
    assert "# who speaks\n" in (corpus / "manifest.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"", b" \n"])
def test_a_fix_leaves_an_essay_without_readable_words_to_a_person(
    corpus: Path, data: bytes
) -> None:
    essay(data)(corpus)
    essay(DIALOGUE.replace("\n", "\r\n") + "More.", "talk.md")(corpus)
    before = (corpus / "manifest.toml").read_bytes()
    assert fix(corpus) == [
        "essays/talk.md: rewritten in canonical form.",
        "manifest.toml: talk: sha256 renewed.",
    ]
    assert (corpus / "essays" / "notes.md").read_bytes() == data
    assert digest(NOTES).encode() in (corpus / "manifest.toml").read_bytes() != before


@pytest.mark.parametrize(
    "text", [b"[[essay]\n", b"x =", b"\xff", b"essay = [1]", b"essay = 'a'", b"[essay]\nid = 'a'"]
)
def test_a_manifest_that_cannot_be_read_is_an_error_of_the_shelf_and_is_left_alone(
    corpus: Path, text: bytes
) -> None:
    whole_manifest(text)(corpus)
    with pytest.raises(CorpusError, match=r"manifest\.toml"):
        fix(corpus)
    assert (corpus / "manifest.toml").read_bytes() == text


def test_a_fix_without_a_manifest_is_an_error_of_the_shelf(corpus: Path) -> None:
    removed("manifest.toml")(corpus)
    with pytest.raises(CorpusError, match=r"manifest\.toml"):
        fix(corpus)


@given(data=st.text(min_size=1))
def test_every_text_with_a_word_is_sound_after_a_fix(
    data: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    corpus = tmp_path_factory.mktemp("shelf")
    (corpus / "essays").mkdir()
    text = f"随笔{data}"
    (corpus / "essays" / "a.md").write_bytes(text.encode())
    fields = 'id = "a"\ntitle = "A"\nauthor = "A"\nauthor_en = "A"\nsite = ""\nsite_en = ""\n'
    rest = 'lang = "zh"\nsha256 = ""\nlicence = "CC0"\nspeaker = [{name = "A", name_en = "A"}]\n'
    write(corpus / "manifest.toml", f"[[essay]]\n{fields}{rest}")
    fix(corpus)
    assert [document.text for document in load(corpus)] == [canonical(text)]


def test_a_name_with_line_ends_in_it_does_not_break_the_line_that_tells_of_it(corpus: Path) -> None:
    manifest = corpus / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"Ann:"', '"An\\n\\u001b[2Jn:"'), encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        load(corpus)
    for line in (str(caught.value), *problems(corpus)):
        assert line.isprintable()
        assert "no paragraph begins with" in line or "unknown speaker" in line
