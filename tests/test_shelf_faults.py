"""What stands in the way of a change of the shelf is told while nothing has changed yet."""

import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fakes import NOTES, write

from rag import CorpusError, doctor
from rag.enrich import enrich
from rag.intake.blocks import About
from rag.journal import changing, steady
from rag.keeping.accepting import accepted, drafts
from rag.keeping.adopting import adopted, place
from rag.keeping.backup import back_up
from rag.keeping.beside import Work
from rag.keeping.changes import carried
from rag.keeping.entry import New
from rag.keeping.shelving import planned, removed
from rag.load import load

ROOT = Path(__file__).resolve().parent.parent


def files(corpus: Path) -> dict[str, bytes]:
    found = (path for path in sorted(corpus.rglob("*")) if path.is_file())
    return {str(path.relative_to(corpus)): path.read_bytes() for path in found}


# --- changes -----------------------------------------------------------------------------------


def _linked(corpus: Path) -> None:
    (corpus / "essays").rename(corpus.with_name("elsewhere"))
    (corpus / "essays").symlink_to(corpus.with_name("elsewhere"))


def _a_file_for_a_folder(corpus: Path) -> None:
    write(corpus / "drafts", "no folder")


def _a_folder_for_a_file(corpus: Path) -> None:
    (corpus / "essays" / "new.md").mkdir()


@pytest.mark.parametrize("obstacle", [_linked, _a_file_for_a_folder, _a_folder_for_a_file])
def test_a_change_that_could_not_be_carried_out_is_not_begun(corpus: Path, obstacle: Any) -> None:
    obstacle(corpus)
    before = files(corpus)
    with pytest.raises(CorpusError):
        _change(corpus)
    assert files(corpus) | {".lock": b""} == before | {".lock": b""}
    assert not (corpus / ".shelving").exists()


def _change(corpus: Path) -> None:
    with changing(corpus) as journal:
        journal.put("essays/new.md", b"new")
        journal.put("drafts/new.toml", b"new")


def test_a_manifest_in_another_form_is_refused_and_stays(corpus: Path) -> None:
    path = corpus / "manifest.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["essay"]
    write(path, f"essay = {_inline(rows)}\n")
    known = load(corpus)
    before = path.read_bytes()
    with pytest.raises(CorpusError, match=r"\[\[essay\]\]"):
        removed(corpus, known[0].id)
    assert path.read_bytes() == before


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_inline(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


_FULL = """
import resource, signal, sys
from pathlib import Path
from rag import MentorError, doctor
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    doctor.fix(Path(sys.argv[1]))
except MentorError as error:
    print(error)
"""


def test_mending_an_essay_on_a_full_disk_leaves_it_as_it_was(corpus: Path) -> None:
    path = corpus / "essays" / "notes.md"
    path.write_bytes((NOTES + "\n很长的一段。" * 3000).replace("\n", "\r\n").encode())
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(corpus)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "cannot be written" in done.stdout
    assert path.read_bytes() == before
    assert doctor.fix(corpus)


def test_mending_waits_for_who_writes_to_the_shelf(corpus: Path) -> None:
    (corpus / "essays" / "notes.md").write_bytes(NOTES.replace("\n", "\r\n").encode())
    with changing(corpus):
        mending = threading.Thread(target=doctor.fix, args=(corpus,))
        mending.start()
        time.sleep(0.3)
        assert mending.is_alive()
    mending.join(20)
    assert b"\r" not in (corpus / "essays" / "notes.md").read_bytes()


# --- what is written about an essay -----------------------------------------------------------


def test_a_line_of_a_translation_that_is_needed_no_more_is_counted_as_lost() -> None:
    old, ours = "Yes.\nHello there.\nYes.\n", "是。\n你好。\n对的。\n"
    assert carried(old, ours, "Yes.\nHello there.\n") == ("是。\n你好。\n", 1)
    assert carried(old, ours, old) == (ours, 0)
    assert carried("Yes.\nYes.\n", "是。\n是。\n", "Yes.\n") == ("是。\n", 0)


def test_a_mark_of_the_byte_order_is_no_letter_of_a_file_beside_an_essay(corpus: Path) -> None:
    path = corpus / "questions" / "notes.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Work(corpus).text("questions/notes.toml").startswith("[[group]]")


def test_a_document_of_headings_alone_is_no_new_version_of_another(
    corpus: Path, tmp_path: Path
) -> None:
    write(tmp_path / "notes.md", "# Nothing\n")
    new = New(tmp_path / "notes.md", "0" * 64, "# Nothing\n", About(title="Nothing", lang="en"))
    assert [change.kind for change in planned(corpus, [new])] != ["updated"]


def test_what_is_no_draft_of_an_essay_is_not_listed(corpus: Path) -> None:
    (corpus / "drafts").mkdir()
    for name in (".DS_Store", "notes.en.md~", "notes.txt", "notes.en.md"):
        write(corpus / "drafts" / name, "x")
    assert [(one.id, one.names) for one in drafts(corpus)] == [("notes", ("drafts/notes.en.md",))]


def test_a_draft_is_held_against_the_essay_as_it_is_when_it_is_accepted(corpus: Path) -> None:
    essay = load(corpus)[-1]
    id_, anchor = essay.id, essay.text.split("\n")[-2].strip()
    (corpus / "drafts").mkdir()
    draft = f'[[group]]\nanchor = {json.dumps(anchor)}\nen = ["Why?"]\n'
    write(corpus / "drafts" / f"{id_}.toml", draft)
    path = corpus / "essays" / f"{id_}.md"
    taken: list[object] = []

    def take() -> None:
        try:
            taken.append(accepted(corpus, id_))
        except CorpusError as error:
            taken.append(error)

    with changing(corpus):
        other = threading.Thread(target=take)
        other.start()
        time.sleep(0.3)
        changed = path.read_text(encoding="utf-8").replace(anchor, "Something else entirely.")
        write(path, changed)
    other.join(20)
    assert isinstance(taken[0], CorpusError)
    doctor.fix(corpus)
    for document in load(corpus):
        enrich(document, corpus)


def test_a_question_for_a_place_that_has_changed_is_refused(corpus: Path) -> None:
    document, span = place(corpus, load(corpus)[-1].id, 3, 30)
    path = corpus / "essays" / f"{document.id}.md"
    write(path, path.read_text(encoding="utf-8") + "\nOne more line.\n")
    doctor.fix(corpus)
    with pytest.raises(CorpusError, match="changed meanwhile"):
        adopted(corpus, "Why so?", "en", document, span)


# --- readers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["questions/notes.toml", "translations/notes.en.md"])
def test_a_reader_looks_again_whatever_file_was_changed(corpus: Path, name: str) -> None:
    seen = []

    def read() -> int:
        seen.append(1)
        if len(seen) == 1:
            time.sleep(0.02)  # two changes within one tick of the clock look like one
            with changing(corpus) as journal:
                journal.put(name, b"new")
        return len(seen)

    assert steady(corpus, read) == 2


def test_who_may_not_write_waits_for_who_carries_out_a_change(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (corpus / ".shelving").mkdir()
    threading.Timer(0.3, (corpus / ".shelving").rmdir).start()
    assert load(corpus)


def test_a_backup_that_would_lack_an_essay_is_refused(corpus: Path, tmp_path: Path) -> None:
    _linked(corpus)
    assert load(corpus)
    with pytest.raises(CorpusError, match="is a link"):
        back_up(tmp_path / "b.tar.gz", corpus, tmp_path / "index", "")
    assert not (tmp_path / "b.tar.gz").exists()
