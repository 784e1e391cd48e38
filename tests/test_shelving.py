"""Essays reach the shelf whole or not at all, and nothing that their owner wrote is lost."""

import errno
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fakes import NOTES, NOTES_EN, QUESTIONS, write

from rag import CorpusError, MentorError, doctor
from rag.enrich import enrich
from rag.intake.blocks import About
from rag.journal import changing
from rag.keeping.entry import New
from rag.keeping.shelving import Change, planned, removed, shelved
from rag.load import load
from rag.text import canonical, sentences
from rag.types import Speaker

ABOUT = About(title="On Reading", author="Jane Doe", url="https://a.example/reading", lang="en")
READING = "# On Reading\n\nRead the paper twice. Take notes.\n\nThen explain it to a friend.\n"
Files = dict[str, bytes]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., New]:
    """Makes an essay for the shelf, and the file that it comes from."""

    def makes(text: str = READING, name: str = "reading.html", **about: str) -> New:
        path = tmp_path / "found" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"<p>{text}".encode())
        seal = hashlib.sha256(path.read_bytes()).hexdigest()
        return New(path, seal, canonical(text), replace(ABOUT, **about))

    return makes


def files(corpus: Path) -> Files:
    """Return the files of a shelf, without its trash, its lock, and what may be thrown away."""
    apart = {".lock", ".trash", ".shelving-draft"}
    found = (path for path in corpus.rglob("*") if path.is_file())
    named = {path.relative_to(corpus): path.read_bytes() for path in found}
    return {name.as_posix(): data for name, data in named.items() if name.parts[0] not in apart}


def row(corpus: Path, id_: str) -> dict[str, Any]:
    rows = tomllib.loads((corpus / "manifest.toml").read_text(encoding="utf-8"))["essay"]
    return next(row for row in rows if row["id"] == id_)


def edit(corpus: Path, old: str, new: str, name: str = "manifest.toml") -> None:
    text = (corpus / name).read_text(encoding="utf-8")
    assert old in text
    write(corpus / name, text.replace(old, new, 1))


def trashed(corpus: Path) -> dict[str, str]:
    found = [path for path in corpus.glob(".trash/*/**/*") if path.is_file()]
    names = ["/".join(path.relative_to(corpus).parts[2:]) for path in found]
    return dict(zip(names, (path.read_text(encoding="utf-8") for path in found), strict=True))


# --- a new essay -------------------------------------------------------------------------------


def test_a_new_essay_is_on_the_shelf_with_its_source_byte_for_byte(
    corpus: Path, made: Callable[..., New]
) -> None:
    before = files(corpus)
    new = made(date="2024-02-27", site="A Blog")
    assert shelved(corpus, [new]) == [Change("on_reading", "added")]
    after = files(corpus)
    assert after["sources/on_reading.html"] == new.path.read_bytes()
    assert after["essays/on_reading.md"] == READING.encode()
    assert after["manifest.toml"].startswith(before["manifest.toml"])
    assert {name: after[name] for name in before if name != "manifest.toml"} == {
        name: data for name, data in before.items() if name != "manifest.toml"
    }
    *_, document = load(corpus)
    assert (document.title, document.author, document.author_en) == (
        "On Reading",
        "Jane Doe",
        "Jane Doe",
    )
    assert (document.url, document.date, document.site) == (
        "https://a.example/reading",
        "2024-02-27",
        "A Blog",
    )
    assert [speaker.name for speaker in document.speakers] == ["Jane Doe"]
    assert "check the author's terms" in document.licence
    assert list(doctor.problems(corpus)) == []


def test_a_plan_says_the_same_and_writes_nothing(corpus: Path, made: Callable[..., New]) -> None:
    before = files(corpus)
    assert planned(corpus, [made()]) == [Change("on_reading", "added")]
    assert files(corpus) == before
    assert not (corpus / ".lock").exists()


def test_a_folder_without_a_manifest_becomes_a_shelf(
    tmp_path: Path, made: Callable[..., New]
) -> None:
    shelved(tmp_path / "new shelf", [made()])
    assert [document.id for document in load(tmp_path / "new shelf")] == ["on_reading"]


def test_a_folder_of_essays_whose_manifest_is_lost_is_no_new_shelf(
    corpus: Path, made: Callable[..., New]
) -> None:
    (corpus / "manifest.toml").unlink()
    with pytest.raises(CorpusError, match=r"manifest\.toml: cannot be read"):
        shelved(corpus, [made()])


def test_what_is_unknown_is_said_to_be_and_no_name_is_invented(
    corpus: Path, made: Callable[..., New]
) -> None:
    new = made("# 读书\n\n先读摘要。\n", title="", author="", url="", lang="zh", date="last week")
    assert [change.id for change in shelved(corpus, [new])] == ["du_shu"]
    document = load(corpus)[-1]
    assert (document.author, document.author_en) == ("《读书》的作者", "the author of “读书”")
    assert (document.url, document.date, document.site) == ("", "", "")


def test_voices_become_rows_of_speakers(corpus: Path, made: Callable[..., New]) -> None:
    text = "# 答疑\n\nQ:怎么选题?\n\nA:凭好奇心。\n\nQ:然后呢?\n\nA:去做。\n"
    voices = (Speaker("", ""), Speaker("Q", "", labels=("Q:",), asks=True))
    voices += (Speaker("A", "", labels=("A:",)),)
    shelved(corpus, [replace(made(text), speakers=voices)])
    first, asker, teller = load(corpus)[-1].speakers
    assert (first.name, first.labels) == ("Jane Doe", ())
    assert (asker.labels, asker.asks, asker.name_en) == (("Q:",), True, "Q")
    assert (teller.labels, teller.asks) == (("A:",), False)


def test_voices_that_do_not_fit_the_text_give_way_to_the_author(
    corpus: Path, made: Callable[..., New]
) -> None:
    voices = (Speaker("", ""), Speaker("Bob", "Bob", labels=("Bob:",)))
    (change,) = shelved(corpus, [replace(made(), speakers=voices)])
    assert "could not be told apart" in change.notes[0]
    assert [speaker.name for speaker in load(corpus)[-1].speakers] == ["Jane Doe"]


def test_ids_are_never_those_of_another_essay_or_of_files_that_lie_there(
    corpus: Path, made: Callable[..., New]
) -> None:
    write(corpus / "questions" / "on_reading.toml", QUESTIONS)
    write(corpus / "translations" / "on_reading_2.en.md", "Mine\n")
    texts = [READING, READING.replace("twice", "once"), "# On Reading\n\nSomething else.\n"]
    news = [
        made(text, f"{at}.html", url=f"https://a.example/{at}") for at, text in enumerate(texts)
    ]
    assert [c.id for c in shelved(corpus, news)] == ["on_reading_3", "on_reading_4", "on_reading_5"]
    assert (corpus / "questions" / "on_reading.toml").read_text(encoding="utf-8") == QUESTIONS


def test_a_wanted_id_is_taken_or_refused_with_what_is_wrong(
    corpus: Path, made: Callable[..., New]
) -> None:
    new = made()
    assert shelved(corpus, [replace(new, id="mine")])[0].id == "mine"
    write(corpus / "questions" / "left.toml", QUESTIONS)
    for id_, told in (("../x", "--id ../x"), ("Mine", "--id Mine"), ("left", "there already")):
        other = replace(made("# B\n\nB.\n", "b.txt", title="B", url=""), id=id_)
        (change,) = shelved(corpus, [other])
        assert (change.kind, told in change.notes[0]) == ("refused", True)


def test_whatever_a_document_says_of_itself_the_shelf_can_be_read(
    corpus: Path, made: Callable[..., New]
) -> None:
    hostile = 'a"\n[[essay]]\nid = "x"\n\\ \u202e\x00\x07\x7f\ud800 """ \'\'\' 😀'
    about = dict.fromkeys(("title", "author", "site", "url", "date", "lang"), hostile)
    voices = (Speaker(hostile, hostile), Speaker("B", "B", labels=(hostile,)))
    (change,) = shelved(corpus, [replace(made(**about), speakers=voices)])
    assert change.kind == "added"
    assert len(load(corpus)) == 4
    assert row(corpus, change.id)["title"].startswith('a" [[essay]] id = "x"')


def test_an_essay_without_words_or_with_a_file_that_changed_is_refused_alone(
    corpus: Path, made: Callable[..., New]
) -> None:
    blank, moved, gone, good = (made(name=f"{at}.html", url="") for at in range(4))
    moved.path.write_bytes(b"other")
    gone.path.unlink()
    news = [replace(blank, text=""), moved, gone, good]
    changes = shelved(corpus, news)
    assert [change.kind for change in changes] == ["refused", "refused", "refused", "added"]
    told = [change.notes[0].split(":")[0] for change in changes[:3]]
    assert told == ["0.html", "1.html", "2.html"]
    assert len(load(corpus)) == 4


def test_a_manifest_keeps_its_comments_order_and_line_ends(
    corpus: Path, made: Callable[..., New]
) -> None:
    edit(corpus, "[[essay]]", "# ours\n\n# the first\n[[essay]] # here")
    path = corpus / "manifest.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    shelved(corpus, [made()])
    assert path.read_bytes().startswith(before)
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")
    shelved(corpus, [made(READING + "\nMore.\n")])
    assert path.read_bytes().startswith(before)
    removed(corpus, "on_reading")
    assert path.read_bytes().rstrip() == before.rstrip()


# --- the same essay again ----------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(corpus: Path, made: Callable[..., New]) -> None:
    new = made()
    assert [c.kind for c in shelved(corpus, [new, new])] == ["added", "unchanged"]
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*") if path.is_file()}
    assert shelved(corpus, [new]) == [Change("on_reading", "unchanged")]
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("other.html", {"title": "A new title", "author": "J. D."}),  # by its address
        ("other.html", {"url": ""}),  # by title and author
        ("reading.html", {"title": "A new title", "author": "", "url": ""}),  # by file and text
        ("other.html", {"author": "", "url": ""}),  # by title and text
    ],
)
def test_a_new_version_of_an_essay_keeps_its_id(
    corpus: Path, made: Callable[..., New], name: str, about: dict[str, str]
) -> None:
    shelved(corpus, [made()])
    (change,) = shelved(corpus, [made(READING + "\nMore of it.\n", name, **about)])
    assert (change.id, change.kind) == ("on_reading", "updated")
    assert load(corpus)[-1].text.endswith("More of it.\n")
    assert len(load(corpus)) == 4


@pytest.mark.parametrize(
    ("text", "name", "about"),
    [
        (READING + "\nMore.\n", "reading.html", {"url": "https://a.example/another"}),
        ("# On Writing\n\nWrite daily.\n", "reading.html", {"url": "", "title": "On Writing"}),
        ("# On Reading\n\nOther words.\n", "o.html", {"url": "", "author": ""}),
    ],
)
def test_another_essay_of_the_same_title_or_file_is_another(
    corpus: Path, made: Callable[..., New], text: str, name: str, about: dict[str, str]
) -> None:
    shelved(corpus, [made()])
    assert shelved(corpus, [made(text, name, **about)])[0].kind == "added"
    assert len(load(corpus)) == 5


def test_an_update_tells_which_passages_changed(corpus: Path, made: Callable[..., New]) -> None:
    parts = [f"Part {n} of it says one thing at some length, and then it ends." * 4 for n in "1234"]
    shelved(corpus, [made("# On Reading\n\n" + "\n\n".join(parts))])
    parts[1] = parts[1].replace("one thing", "another")
    (change,) = shelved(corpus, [made("# On Reading\n\n" + "\n\n".join(parts))])
    told = change.difference
    assert [text[:6] for text in (*told.added, *told.removed)] == ["Part 2", "Part 2"]
    assert (told.kept, told.moved) == (1, 2)


def test_what_the_owner_wrote_in_the_row_stays_and_what_was_guessed_is_guessed_anew(
    corpus: Path, made: Callable[..., New]
) -> None:
    shelved(corpus, [made(site="Blog")])
    edit(corpus, 'author_en = "Jane Doe"', 'author_en = "Dr Doe"  # as she likes it')
    edit(corpus, 'name_en = "Jane Doe"', 'name_en = "Dr Doe"')
    edit(corpus, "Not stated; check the author's terms before you publish.", "CC BY 4.0")
    edit(corpus, 'date = ""', 'date = "2020-01-01"\nnote = "mine"')
    again = made(READING + "\nMore.\n", title="On Reading, again", site="Site", date="2024-01-01")
    assert shelved(corpus, [again])[0].kind == "updated"
    now = load(corpus)[-1]
    assert (now.title, now.site, now.site_en) == ("On Reading, again", "Site", "Site")
    assert (now.author, now.author_en, now.speakers[0].name_en) == ("Jane Doe", "Dr Doe", "Dr Doe")
    assert (now.licence, now.date, now.note) == ("CC BY 4.0", "2020-01-01", "mine")
    text = (corpus / "manifest.toml").read_text(encoding="utf-8")
    assert "# as she likes it" in text
    shelved(corpus, [made(READING + "\nMore and more.\n", author="", site="", date="")])
    assert (load(corpus)[-1].author, load(corpus)[-1].site) == ("Jane Doe", "Site")


def test_speakers_of_the_owner_stay_while_they_fit_and_are_kept_when_they_do_not(
    corpus: Path, made: Callable[..., New]
) -> None:
    talk = "# On Reading\n\nAnn: Read it twice.\n\nBen: Why?\n"
    shelved(corpus, [made(talk)])
    rows = '[[essay.speaker]]\nname = "Jane Doe"\nname_en = "Jane"\n'
    rows += '[[essay.speaker]]\nname = "Ann"\nname_en = "Anna"\nlabels = ["Ann:"]\n'
    rows += '[[essay.speaker]]\nname = "Ben"\nname_en = "Ben"\nlabels = ["Ben:"]\nasks = true\n'
    text = (corpus / "manifest.toml").read_text(encoding="utf-8")
    head = text[: text.rindex("[[essay.speaker]]")]
    write(corpus / "manifest.toml", head + rows)
    assert shelved(corpus, [made(talk + "\nAnn: To see more.\n")])[0].kind == "updated"
    assert [speaker.name_en for speaker in load(corpus)[-1].speakers] == ["Jane", "Anna", "Ben"]
    (change,) = shelved(corpus, [made("# On Reading\n\nNobody talks.\n")])
    assert "guessed anew" in change.notes[0]
    assert [speaker.name_en for speaker in load(corpus)[-1].speakers] == ["Jane"]
    assert 'name_en = "Anna"' in trashed(corpus)["manifest.toml"]


def test_an_essay_that_its_owner_changed_is_not_written_over_without_force(
    corpus: Path, made: Callable[..., New]
) -> None:
    shelved(corpus, [made()])
    edit(corpus, "twice", "three times", "essays/on_reading.md")
    doctor.fix(corpus)
    before, again = files(corpus), made(READING + "\nMore.\n")
    (change,) = shelved(corpus, [again])
    assert change.kind == "refused"
    assert change.notes[0].startswith("essays/on_reading.md was changed by hand")
    assert "--force" in change.notes[0]
    assert files(corpus) == before
    assert shelved(corpus, [again], force=True)[0].kind == "updated"
    assert "three times" not in load(corpus)[-1].text
    assert "three times" in trashed(corpus)["essays/on_reading.md"]


def test_an_essay_that_was_written_by_hand_is_not_written_over_without_force(
    corpus: Path, made: Callable[..., New]
) -> None:
    new = made(NOTES + "\n新。\n", "notes.md", title="读研随笔", author="", url="")
    (change,) = shelved(corpus, [new])
    assert (change.kind, "was not imported" in change.notes[0]) == ("refused", True)
    (change,) = shelved(corpus, [new], force=True)
    assert (change.id, change.kind) == ("notes", "updated")
    now = load(corpus)[0]
    assert (now.id, now.author_en, now.licence) == ("notes", "the author", "CC0")
    assert list(doctor.problems(corpus)) == []


def test_translations_and_questions_follow_an_essay_and_what_fits_no_more_is_set_aside(
    corpus: Path, made: Callable[..., New]
) -> None:
    changed = NOTES.replace("发表不是终点。", "发表只是开始。").replace("写作是", "写是")
    changed = changed.replace("## 写作\n", "## 新的一节\n\n加上这句。\n\n## 写作\n")
    new = made(changed, "notes.md", title="读研随笔", author="", url="")
    (change,) = shelved(corpus, [replace(new, id="notes")], force=True)
    assert list(doctor.problems(corpus)) == []
    now = enrich(load(corpus)[0], corpus)
    spans = [span for span in sentences(now.text) if span.end in now.english]
    assert {span.of(now.text): now.english[span.end] for span in spans} == {
        "读研随笔": "Notes from graduate school",
        "选题": "Choosing",
        "选课题最重要的标准是好奇心。": "The most important standard for choosing a topic "
        "is curiosity.",
        "多读论文": "Read many papers",
        "多和人交谈": "Talk to many people",
        "写作": "Writing",
        "你没有说出来的想法都会被忽略。": "All the ideas you do not voice will be ignored.",
    }
    assert [question.text for question in now.questions if question.lang == "zh"] == [
        "怎么选课题?",
        "课题怎么定",
    ]
    aside = {p.name: p.read_text(encoding="utf-8") for p in corpus.glob("*/*.set-aside")}
    assert aside["notes.en.md.set-aside"] == NOTES_EN
    assert "为什么要写作?" in aside["notes.toml.set-aside"]
    assert [note.split(":")[0] for note in change.notes[:2]] == [
        "translations/notes.en.md",
        "questions/notes.toml",
    ]


def test_what_is_set_aside_again_gets_a_name_of_its_own(
    corpus: Path, made: Callable[..., New]
) -> None:
    for text in ("# 读研随笔\n\n选课题最重要的标准是好奇心。\n\n一。\n", "# 读研随笔\n\n二。\n"):
        new = made(text, "n.md", title="读研随笔", author="", url="", lang="zh")
        shelved(corpus, [replace(new, id="notes")], force=True)
    assert sorted(path.name for path in corpus.glob("questions/*")) == [
        "notes.toml.2.set-aside",
        "notes.toml.set-aside",
        "unanswered.txt",
    ]
    assert list(doctor.problems(corpus)) == []


def test_a_translation_that_cannot_be_read_refuses_the_update_and_leaves_no_trace(
    corpus: Path, made: Callable[..., New]
) -> None:
    shelved(corpus, [made()])
    (corpus / "translations" / "on_reading.zh.md").write_bytes(b"\xff")
    before = files(corpus)
    changes = shelved(corpus, [made(READING + "\nMore.\n")])
    assert [change.kind for change in changes] == ["refused"]
    assert files(corpus) == before


# --- away --------------------------------------------------------------------------------------


def test_what_is_removed_is_off_the_shelf_and_in_the_trash_with_all_that_belongs_to_it(
    corpus: Path, made: Callable[..., New]
) -> None:
    (corpus / "drafts").mkdir()
    write(corpus / "drafts" / "notes.zh.md", "draft\n")
    write(corpus / "questions" / "notes.toml.set-aside", "old\n")
    rest = {name: data for name, data in files(corpus).items() if "/notes." not in name}
    change = removed(corpus, "notes")
    assert (change.id, change.kind) == ("notes", "removed")
    assert [document.id for document in load(corpus)] == ["talk", "answers"]
    assert list(doctor.problems(corpus)) == []
    left = files(corpus)
    assert set(left) == set(rest)
    assert sorted(trashed(corpus)) == [
        "drafts/notes.zh.md",
        "essays/notes.md",
        "manifest.toml",
        "questions/notes.toml",
        "questions/notes.toml.set-aside",
        "translations/notes.en.md",
    ]
    back = left["manifest.toml"].decode() + "\n" + trashed(corpus)["manifest.toml"]
    assert sorted(one["id"] for one in tomllib.loads(back)["essay"]) == ["answers", "notes", "talk"]


def test_a_file_or_folder_of_an_odd_name_does_not_spoil_a_removal(corpus: Path) -> None:
    (corpus / "drafts" / "notes.d").mkdir(parents=True)
    (corpus / "questions" / os.fsdecode(b"notes.\xff \xe5")).write_bytes(b"odd")
    removed(corpus, "notes")
    assert [document.id for document in load(corpus)] == ["talk", "answers"]
    write(corpus / "questions" / "talk.\x01", "odd")
    before = files(corpus)
    with pytest.raises(CorpusError, match=r"'questions/talk\.\\x01' is no name"):
        removed(corpus, "talk")
    assert files(corpus) == before


def test_an_essay_that_is_not_there_or_the_last_one_is_not_removed(corpus: Path) -> None:
    with pytest.raises(CorpusError, match="no essay has the id 'gone'"):
        removed(corpus, "gone")
    for id_ in ("notes", "talk"):
        removed(corpus, id_)
    before = files(corpus)
    with pytest.raises(CorpusError, match="only essay"):
        removed(corpus, "answers")
    assert files(corpus) == before


# --- whatever happens --------------------------------------------------------------------------

DONE, CLEAR, STOPPED, ACCIDENT = range(10, 14)


def child(act: Callable[[], object]) -> int:
    """Start a process that does something and says by its status how that ended; return its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        act()
    except MentorError as error:
        os._exit(CLEAR if len(str(error).splitlines()) == 1 else ACCIDENT)
    except KeyboardInterrupt:
        os._exit(STOPPED)
    except BaseException:  # noqa: BLE001 - whatever it is, it is told
        os._exit(ACCIDENT)
    os._exit(DONE)


def ended(pid: int) -> int:
    """Return how a process ended: its status, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def disturbed(corpus: Path, at: int, how: str) -> Callable[[], None]:
    """Return what disturbs the `at`-th step on files of a corpus, and says that it came to it."""
    step = count(1)
    folder = str(corpus)
    (reached := corpus.with_name("reached")).unlink(missing_ok=True)

    def watch(event: str, args: tuple[object, ...]) -> None:
        watched = event in {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
        if not watched or not str(args[0]).startswith(folder) or next(step) != at:
            return
        os.close(os.open(reached, os.O_CREAT))
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "interrupt":
            raise KeyboardInterrupt
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: sys.addaudithook(watch)


@pytest.fixture
def news(corpus: Path, made: Callable[..., New]) -> list[New]:
    """One import: an update that sets something aside, an essay that is unchanged, two new ones."""
    old = made(NOTES, "n.md", title="读研随笔", author="", url="")
    same = made("# Same\n\nAs ever.\n", "same.md", url="https://a.example/same", title="Same")
    shelved(corpus, [replace(old, id="notes"), same], force=True)
    text = NOTES.replace("写作是", "写是")
    newer = replace(made(text, "n.md", title="读研随笔", author="", url=""), id="notes")
    return [newer, same, made(), made("# B\n\nB. C.\n", "b.txt", title="B", url="")]


Act = Callable[[Path, list[New]], object]
ACTS: dict[str, Act] = {
    "import": shelved,
    "removal": lambda corpus, _: removed(corpus, "notes"),
}


@pytest.mark.parametrize("how", ["fail", "kill", "interrupt"])
@pytest.mark.parametrize("what", ACTS)
def test_a_disturbance_at_any_step_leaves_the_old_or_the_new_shelf(
    corpus: Path, news: list[New], tmp_path: Path, what: str, how: str
) -> None:
    fresh = Path(shutil.copytree(corpus, tmp_path / "fresh"))
    old = files(fresh)
    assert ended(child(lambda: ACTS[what](corpus, news))) == DONE
    seen: list[bool] = []
    allowed = {"fail": {DONE, CLEAR}, "kill": {-signal.SIGKILL}, "interrupt": {STOPPED}}[how]
    done = files(corpus)
    for at in count(1):
        shutil.rmtree(corpus)
        shutil.copytree(fresh, corpus)
        disturb = disturbed(corpus, at, how)
        status = ended(child(lambda d=disturb: [d(), ACTS[what](corpus, news)]))  # type: ignore[misc]
        if not corpus.with_name("reached").exists():
            assert status == DONE
            break
        assert status in allowed, at
        load(corpus)
        after = files(corpus)
        assert after in (old, done), at
        seen.append(after == done)
        assert list(doctor.problems(corpus)) == []
        if after == old:  # the next one is not hindered
            ACTS[what](corpus, news)
            assert files(corpus) == done
            assert not (corpus / ".shelving-draft").exists()
    assert len(seen) > 25
    assert set(seen) == {False, True}
    if how != "fail":  # one step is the commit; what fails while clearing up hinders nothing
        assert seen == sorted(seen)


def test_no_kill_at_any_moment_leaves_half_an_import(
    corpus: Path, made: Callable[..., New], tmp_path: Path
) -> None:
    news = [made(f"# E{n}\n\n{n}.\n", f"{n}.md", title=f"E{n}", url="") for n in range(40)]
    fresh = Path(shutil.copytree(corpus, tmp_path / "fresh"))
    old = files(fresh)
    started = time.monotonic()
    assert ended(child(lambda: shelved(corpus, news))) == DONE
    took, done = time.monotonic() - started, files(corpus)
    chance, kills, seen = random.Random(7), 0, set()
    for _ in range(400):
        shutil.rmtree(corpus)
        shutil.copytree(fresh, corpus)
        pid = child(lambda: shelved(corpus, news))
        time.sleep(chance.uniform(0, took))
        os.kill(pid, signal.SIGKILL)
        kills += ended(pid) == -signal.SIGKILL
        documents = load(corpus)
        assert len(documents) in (3, 43)
        after = files(corpus)
        assert after in (old, done)
        seen.add(after == done)
        if kills >= 60:
            break
    assert kills >= 60
    assert False in seen


@pytest.mark.parametrize("bytes_", [0, 10, 100, 1000, 3000])
def test_a_file_that_the_disk_does_not_take_changes_nothing(
    corpus: Path, news: list[New], bytes_: int
) -> None:
    before = files(corpus)

    def short() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))
        shelved(corpus, news)

    assert len(before["manifest.toml"]) < 3000 or bytes_ < 3000
    status = ended(child(short))
    assert status == CLEAR
    assert files(corpus) == before
    shelved(corpus, news)
    assert len(load(corpus)) == 6


def test_a_full_disk_changes_nothing(corpus: Path, news: list[New], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        shelf = Path(shutil.copytree(corpus, disk / "corpus"))
        filler = disk / "filler"
        filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - 8192))
        before = files(shelf)
        with pytest.raises(CorpusError, match="No space left"):
            shelved(shelf, news)
        assert files(shelf) == before
        load(shelf)
        filler.unlink()
        shelved(shelf, news)
        assert len(load(shelf)) == 6
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def as_nobody(corpus: Path, act: Callable[[Path], object]) -> int:
    """Do something with a corpus that cannot be written; return how it ended."""

    def powerless() -> None:
        os.chdir(corpus)
        if os.getuid() == 0:
            os.setuid(65534)
        act(Path())

    corpus.chmod(0o555)
    try:
        return ended(child(powerless))
    finally:
        corpus.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_read_and_not_written(
    corpus: Path, news: list[New]
) -> None:
    (corpus / ".lock").unlink()
    before = files(corpus)
    assert as_nobody(corpus, load) == DONE
    assert as_nobody(corpus, lambda folder: shelved(folder, news)) == CLEAR
    assert as_nobody(corpus, lambda folder: removed(folder, "talk")) == CLEAR
    assert files(corpus) == before


def interrupted(corpus: Path, news: list[New]) -> None:
    """Let an import die right after its commit."""
    for at in count(1):
        disturb = disturbed(corpus, at, "kill")
        ended(child(lambda d=disturb: [d(), shelved(corpus, news)]))  # type: ignore[misc]
        if (corpus / ".shelving").exists():
            return


def test_what_was_committed_in_a_folder_that_cannot_be_written_is_told_in_a_line(
    corpus: Path, news: list[New]
) -> None:
    interrupted(corpus, news)
    (corpus / ".lock").unlink()

    def refused(folder: Path) -> None:
        with pytest.raises(CorpusError, match=r"\.shelving: .* run `mentor doctor`"):
            load(folder)

    assert as_nobody(corpus, refused) == DONE
    assert len(load(corpus)) == 6


@pytest.mark.parametrize("act", [load, lambda c: list(doctor.problems(c)), doctor.fix])
def test_whoever_comes_next_carries_out_what_was_committed(
    corpus: Path, news: list[New], act: Callable[[Path], object]
) -> None:
    interrupted(corpus, news)
    act(corpus)
    assert not (corpus / ".shelving").exists()
    assert len(load(corpus)) == 6


def test_one_writer_at_a_time_and_the_second_is_told_or_waits(
    corpus: Path, made: Callable[..., New]
) -> None:
    other = made("# B\n\nB.\n", "b.txt", title="B", url="")
    with changing(corpus):
        with pytest.raises(CorpusError, match="Another process writes"), changing(corpus, 0.0):
            pytest.fail("two at once")
        load(corpus)  # a reader does not wait
        waiting = threading.Thread(target=shelved, args=(corpus, [other]))
        waiting.start()
    shelved(corpus, [made()])
    waiting.join()
    assert {document.id for document in load(corpus)[3:]} == {"on_reading", "b"}


def test_a_reader_sees_the_old_or_the_new_shelf_while_somebody_writes(
    corpus: Path, made: Callable[..., New]
) -> None:
    texts = [READING, READING.replace("twice", "once")]
    versions = [[made(text, f"{at}.html")] for at, text in enumerate(texts)]
    shelved(corpus, versions[0])

    def writes() -> None:
        for at in range(1, 60):
            shelved(corpus, versions[at % 2])

    pid, seen = child(writes), set()
    while not (status := os.waitpid(pid, os.WNOHANG))[0]:
        *_, document = load(corpus)
        seen.add(document.text)
    assert os.waitstatus_to_exitcode(status[1]) == DONE
    assert seen == set(texts)


@pytest.mark.parametrize(
    "plan",
    [
        {"puts": {"../evil": "0"}, "drops": []},
        {"puts": {"/tmp/evil": "0"}, "drops": []},
        {"puts": {"essays/../../evil": "0"}, "drops": []},
        {"puts": {"essays/a.md": "../../evil"}, "drops": []},
        {"puts": {"README.md": "0"}, "drops": []},
        {"puts": {}, "drops": [".git/config"]},
        {"puts": {}, "drops": "abc"},
        {"puts": []},
        [],
        {"puts": {"outside/evil": "0"}, "drops": []},
    ],
)
def test_a_journal_that_came_with_a_shelf_reaches_no_other_file(corpus: Path, plan: object) -> None:
    (folder := corpus / ".shelving").mkdir()
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (folder / "0").write_bytes(b"evil")
    before = {path for path in corpus.parent.rglob("*") if path.name != ".lock"}
    with pytest.raises(CorpusError, match=r"\.shelving/plan\.json"):
        load(corpus)
    assert {path for path in corpus.parent.rglob("*") if path.name != ".lock"} == before


def test_a_journal_does_not_follow_a_link_out_of_the_shelf(corpus: Path, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (corpus / "drafts").symlink_to(elsewhere)
    (folder := corpus / ".shelving").mkdir()
    write(folder / "plan.json", json.dumps({"puts": {"drafts/evil": "0"}, "drops": []}))
    (folder / "0").write_bytes(b"evil")
    with pytest.raises(CorpusError, match="leads out of the shelf"):
        load(corpus)
    assert list(elsewhere.iterdir()) == []
