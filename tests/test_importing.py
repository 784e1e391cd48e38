"""`mentor import` and `mentor remove` as a shell meets them: real processes and a real terminal."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import write

from rag.load import load

ROOT = Path(__file__).resolve().parent.parent
MENTOR = """
from ui import cli
from ui.commands.importing import bring, remove
cli.app.command("import")(bring)
cli.app.command("remove")(remove)
cli.main()
"""
PAGE = """<!doctype html><html lang="en"><head><title>On Reading - A Blog</title>
<meta name="author" content="Jane Doe"></head><body>
<nav class="nav"><a href="/">Home</a> <a href="/about">About</a></nav>
<article><h1>On Reading</h1>
<p>Read the paper twice before you judge it, and write down what you did not understand.</p>
<p>Then explain it to a friend who has not read it, because gaps show when you have to speak.</p>
</article><footer class="footer"><p>Copyright 2024 A Blog</p></footer></body></html>"""
Done = subprocess.CompletedProcess[str]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MENTOR_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONUTF8": "1"}


def run(*args: str | Path, **options: Any) -> Done:
    """Run Mentor without a terminal; whatever happens, nobody sees a stack trace."""
    done = subprocess.run(
        [sys.executable, "-c", MENTOR, *map(str, args)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        **options,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def typed(keys: str, *args: str | Path) -> tuple[int, str]:
    """Run Mentor at a terminal where somebody types; return its status and what was to be seen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", MENTOR, *map(str, args)],
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, keys.encode())
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    return process.wait(), seen.decode("utf-8", "replace")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (folder := tmp_path / "found").mkdir()
    write(folder / "page.html", PAGE)
    return folder / "page.html"


@pytest.fixture
def there(corpus: Path) -> list[str]:
    """Options that name the tiny shelf, and leave the index alone."""
    return ["--corpus", str(corpus), "--no-index"]


def ids(corpus: Path) -> list[str]:
    return [document.id for document in load(corpus)]


def files(corpus: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in corpus.rglob("*") if path.is_file()}


def test_a_document_is_on_the_shelf_and_it_is_said_what_comes_next(
    corpus: Path, page: Path, there: list[str]
) -> None:
    done = run("import", page, "--yes", *there)
    assert (done.returncode, done.stdout) == (0, "")
    assert "page.html: new, as on_reading" in done.stderr
    assert "mentor index" in done.stderr
    text = load(corpus)[-1].text
    assert text.startswith("# On Reading\n\nRead the paper twice")
    assert "Home" not in text
    assert "Copyright" not in text
    assert (corpus / "sources" / "on_reading.html").read_bytes() == page.read_bytes()


def test_the_index_is_built_unless_it_is_left_for_later(
    corpus: Path, page: Path, tmp_path: Path
) -> None:
    options = ["--corpus", str(corpus), "--index", str(tmp_path / "index")]
    done = run("import", page, "--yes", *options)
    assert (done.returncode, done.stdout) == (0, "")
    assert "4 essays is ready" in done.stderr
    assert (tmp_path / "index" / "current").is_file()


def test_nothing_is_written_where_nobody_can_be_asked(
    corpus: Path, page: Path, there: list[str]
) -> None:
    before = files(corpus)
    done = run("import", page, *there)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--yes" in done.stderr
    assert files(corpus) == before


def test_a_person_sees_what_was_read_and_what_was_left_out_and_says_yes(
    corpus: Path, page: Path, there: list[str]
) -> None:
    status, seen = typed("y\n", "import", page, *there)
    assert status == 0
    for part in ("On Reading", "Jane Doe", "not told", "characters", "Home", "Write it to the"):
        assert part in seen
    assert re.search(r"removed +\w[^,]*, \d lines?", re.sub(r"\x1b\[\d*m", "", seen))
    assert ids(corpus)[3:] == ["on_reading"]


@pytest.mark.parametrize("keys", ["n\n", "\n", "q\n", "\x04", "what?\n"])
def test_all_but_a_yes_leaves_the_shelf_as_it_is(
    corpus: Path, page: Path, there: list[str], keys: str
) -> None:
    before = files(corpus)
    status, seen = typed(keys, "import", page, *there)
    assert (status, "Traceback" in seen) == (0, False)
    assert files(corpus) == before


def test_a_person_may_mend_title_author_and_date(
    corpus: Path, page: Path, there: list[str]
) -> None:
    status, _ = typed("e\nHow to Read\n\n2024-02-27\n", "import", page, *there)
    now = load(corpus)[-1]
    assert (status, now.id, now.title) == (0, "how_to_read", "How to Read")
    assert (now.author, now.date) == ("Jane Doe", "2024-02-27")


def test_of_several_documents_each_is_asked_about_until_all_the_rest_are_taken(
    corpus: Path, page: Path, there: list[str]
) -> None:
    for name in "abcd":
        write(page.with_name(f"{name}.md"), f"# Title {name}\n\nWords of {name} alone.\n")
    page.unlink()
    typed("n\ny\na\n", "import", page.parent, *there)
    assert ids(corpus)[3:] == ["title_b", "title_c", "title_d"]


def test_a_dry_run_shows_a_diff_and_writes_nothing(
    corpus: Path, page: Path, there: list[str]
) -> None:
    before = files(corpus)
    done = run("import", page, "--dry-run", *there)
    assert done.returncode == 0
    assert "+Read the paper twice before you judge it" in done.stdout
    assert "new, as on_reading" in done.stderr
    assert files(corpus) == before
    run("import", page, "--yes", *there)
    write(page, PAGE.replace("twice", "three times"))
    done = run("import", page, "--dry-run", *there)
    assert [line[:22] for line in done.stdout.split("\n") if line[:2] in ("-R", "+R")] == [
        "-Read the paper twice ",
        "+Read the paper three ",
    ]
    assert "1 added, 1 removed" in done.stderr


def test_a_bad_file_does_not_stop_the_others_and_is_told_at_the_end(
    corpus: Path, page: Path, there: list[str]
) -> None:
    folder = page.parent
    write(folder / "b.md", "# B\n\nWords of B.\n")
    (folder / "empty.html").write_bytes(b"")
    (folder / "scan.pdf").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / "sub").mkdir()
    write(folder / "sub" / "c.txt", "C says this, and that is all there is to it.\n")
    write(folder / ".hidden.md", "# Hidden\n\nNo.\n")
    done = run("import", folder, folder / "gone.md", "--yes", *there)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(ids(corpus)) == 6
    last = done.stderr.rstrip().split("\n")[-4:-1]
    assert sorted(line.split(":")[0] for line in last) == ["empty.html", "gone.md", "scan.pdf"]


def test_the_same_again_is_unchanged_and_a_changed_essay_needs_force(
    corpus: Path, page: Path, there: list[str]
) -> None:
    run("import", page, "--yes", *there)
    before = files(corpus)
    done = run("import", page, "--yes", *there)
    assert (done.returncode, "on_reading, unchanged" in done.stderr) == (0, True)
    assert files(corpus) == before
    essay = corpus / "essays" / "on_reading.md"
    write(essay, essay.read_text(encoding="utf-8").replace("friend", "mentor"))
    write(page, PAGE.replace("twice", "three times"))
    done = run("import", page, "--yes", *there)
    assert (done.returncode, "changed by hand" in done.stderr) == (2, True)
    assert "mentor" in essay.read_text(encoding="utf-8")
    assert run("import", page, "--yes", "--force", *there).returncode == 0
    assert "friend" in essay.read_text(encoding="utf-8")
    assert ids(corpus)[3:] == ["on_reading"]


def test_an_id_may_be_chosen_for_one_document(corpus: Path, page: Path, there: list[str]) -> None:
    write(page.with_name("b.md"), "# B\n\nWords of B.\n")
    done = run("import", page.parent, "--id", "mine", "--yes", *there)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert run("import", page, "--id", "mine", "--yes", *there).returncode == 0
    assert ids(corpus)[3:] == ["mine"]
    other = page.with_name("b.md")
    done = run("import", other, "--id", "../b", "--yes", *there)
    assert (done.returncode, "--id ../b" in done.stderr) == (2, True)


def test_a_folder_without_documents_is_told(corpus: Path, tmp_path: Path, there: list[str]) -> None:
    (tmp_path / "bare").mkdir()
    done = run("import", tmp_path / "bare", "--yes", *there)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("bare: ")


def test_what_a_document_says_cannot_steer_the_terminal(
    corpus: Path, page: Path, there: list[str]
) -> None:
    write(page, PAGE.replace("Home", "[red]Ho\u202eme[/red]").replace("Jane Doe", "J&#27;[31m D"))
    status, seen = typed("n\n", "import", page, "--all", *there)
    assert status == 0
    assert "\x1b[31m D" not in seen
    assert "\u202e" not in seen


def test_an_essay_is_removed_into_the_trash_and_one_that_is_not_there_is_told(
    corpus: Path, there: list[str]
) -> None:
    done = run("remove", "talk", "--corpus", corpus)
    assert (done.returncode, done.stdout) == (0, "")
    assert "kept in .trash/" in done.stderr
    assert ids(corpus) == ["notes", "answers"]
    done = run("remove", "talk", "--corpus", corpus)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
