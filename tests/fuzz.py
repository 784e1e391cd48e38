"""Throws what nobody writes at what reads it, guided by the lines of code that it reaches.

python tests/fuzz.py TARGET CASES [FOLDER]     one target; FOLDER keeps what was found interesting
python tests/fuzz.py all CASES                 CASES of each, one after the other

Needs `pip install atheris`. A crash is anything but an answer or an error of Mentor's own, or an
answer that breaks its promise; it ends the run, and the case is written to crash-… here.
"""

import asyncio
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import atheris  # noqa: E402 - after the folders that it is to look into

_SPEEDY = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
_BETWEEN = b"\0\0"  # the parts of a case
_LIMIT = {"pdf": 4000, "docx": 8000, "epub": 6000}  # bytes of a case; 4,000 for the others

with atheris.instrument_imports(include=["rag", "ui"]):
    from fakes import ESSAYS, NOTES_EN, QUESTIONS, write_corpus

    from rag import Mentor, MentorError, Settings
    from rag.enrich import enrich
    from rag.intake.essay import written
    from rag.intake.furniture import parted
    from rag.intake.reading import read
    from rag.intake.source import Source, open_source
    from rag.intake.structure import about_guessed, structured
    from rag.intake.voices import voices
    from rag.load import load
    from rag.query import simplified
    from rag.split import split
    from rag.text import canonical, cleaned, language, sentences, terms, words
    from rag.types import Document, Speaker

Target = Callable[[bytes], None]


def _one_line(error: MentorError) -> None:
    assert "\n" not in str(error), error


# --- the shelf ----------------------------------------------------------------------------------


def _shelf() -> Path:
    folder = Path(tempfile.mkdtemp(dir=_SPEEDY))
    return write_corpus(folder / "corpus")


def _loading() -> Target:
    """A manifest and an essay of any bytes; what loads is canonical."""
    corpus = _shelf()
    essay = corpus / "essays" / "notes.md"
    manifest = (corpus / "manifest.toml").read_bytes()

    def run(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        if given.ConsumeBool():
            at = given.ConsumeIntInRange(0, len(manifest))
            size = given.ConsumeIntInRange(0, 40)
            rest = given.ConsumeBytes(200)
            (corpus / "manifest.toml").write_bytes(manifest[:at] + rest + manifest[at + size :])
        else:
            essay.write_bytes(given.ConsumeBytes(2000))
        try:
            for document in load(corpus):
                assert document.text == canonical(document.text)
        except MentorError as error:
            _one_line(error)
        finally:
            (corpus / "manifest.toml").write_bytes(manifest)
            essay.write_text(ESSAYS["notes"][0], encoding="utf-8", newline="\n")

    return run


def _enriching() -> Target:
    """Translations and questions of any bytes."""
    corpus = _shelf()
    document = next(one for one in load(corpus) if one.id == "notes")
    files = {
        "translations/notes.en.md": NOTES_EN.encode(),
        "questions/notes.toml": QUESTIONS.encode(),
    }

    def run(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        name = given.PickValueInList(sorted(files))
        whole = files[name]
        at = given.ConsumeIntInRange(0, len(whole))
        size = given.ConsumeIntInRange(0, len(whole))
        (corpus / name).write_bytes(whole[:at] + given.ConsumeBytes(300) + whole[at + size :])
        try:
            enriched = enrich(document, corpus)
            for question in enriched.questions:
                assert question.span.of(document.text)
        except MentorError as error:
            _one_line(error)
        finally:
            (corpus / name).write_bytes(whole)

    return run


def _text_of(given: "atheris.FuzzedDataProvider", most: int) -> str:
    return str(given.ConsumeUnicode(most))


def _splitting() -> Target:
    """Any essay with any speakers; a passage is a slice, and no longer than it may be."""

    def run(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        labels = tuple(_text_of(given, 4) or "Q:" for _ in range(given.ConsumeIntInRange(0, 2)))
        opens = tuple(_text_of(given, 4) or "x" for _ in range(given.ConsumeIntInRange(0, 1)))
        limit = given.ConsumeIntInRange(120, 500)
        text = canonical(_text_of(given, 3000))
        speakers = (
            Speaker("a", "a"),
            Speaker("b", "b", labels=labels, opens=opens, asks=given.ConsumeBool()),
        )
        essay = Document("e", "t", "a", "a", "", "", "", "", "zh", "l", "", "", text, speakers)
        before = 0
        for passage in split(essay, limit):
            assert passage.text == passage.span.of(text)
            assert passage.span.start >= before
            before = passage.span.end
            assert len(passage.text) <= limit

    return run


def _wording() -> Target:
    """Any text, through all that reads questions."""

    def run(data: bytes) -> None:
        text = _text_of(atheris.FuzzedDataProvider(data), 2000)
        for span in sentences(text):
            assert span.of(text).strip()
        assert canonical(canonical(text)) == canonical(text)
        asked = cleaned(text)
        assert cleaned(asked) == asked
        language(asked), terms(asked), words(asked), simplified(asked)

    return run


# --- intake -------------------------------------------------------------------------------------


def _taken(source: Source) -> None:
    """Take a document all the way, and check that nothing is lost or invented on it."""
    try:
        found = read(source)
    except MentorError as error:
        _one_line(error)
        return
    parts = parted(found)
    about = about_guessed(found, parts)
    text = written(structured(parts.kept, about))
    assert text == (canonical(text) if text else ""), "not canonical"
    seen = {letter for block in found.blocks for letter in block.text} | set(found.about.title)
    seen |= set("#-*>`|0123456789.\n \\")
    assert set(text) <= seen, sorted(set(text) - seen)
    voices(text, about)


def _as(format_: str, name: str) -> Target:
    def run(data: bytes) -> None:
        _taken(Source(name, format_, data, Path(name)))  # type: ignore[arg-type]

    return run


def _packed(format_: str, name: str) -> Target:
    """A whole container, with parts of any bytes: few changes to a container would unpack."""
    whole, parts = _container(format_)

    def run(data: bytes) -> None:
        told = dict(zip(parts, data.split(_BETWEEN), strict=False))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as container:
            for part, content in (whole | told).items():
                container.writestr(part, content)
        _taken(Source(name, format_, packed.getvalue(), Path(name)))  # type: ignore[arg-type]

    return run


def _container(format_: str) -> tuple[dict[str, bytes], list[str]]:
    """Return a real document's parts by name, and the names of those that are worth changing."""
    if format_ == "docx":
        from docx import Document as Docx

        made, buffer = Docx(), io.BytesIO()
        made.add_heading("Topic", 1)
        made.add_paragraph("Choose it.", style="List Bullet")
        made.add_table(1, 2).cell(0, 0).text = "a cell"
        made.save(buffer)
        with zipfile.ZipFile(buffer) as container:
            found = {name: container.read(name) for name in container.namelist()}
        found["word/styles.xml"] = b"<styles/>"  # the real ones take most of the time
        return found, ["word/document.xml", "word/_rels/document.xml.rels", "docProps/core.xml"]
    container_xml = (
        b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        b'<rootfile full-path="book.opf"/></rootfiles></container>'
    )
    opf = (
        b'<package xmlns="http://www.idpf.org/2007/opf"><metadata><title>T</title></metadata>'
        b'<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        b'<spine><itemref idref="c"/></spine></package>'
    )
    chapter = b"<html><body><h1>One</h1><p>Choose it.</p><ul><li>a</li></ul></body></html>"
    book = {"META-INF/container.xml": container_xml, "book.opf": opf, "c.xhtml": chapter}
    return book, ["c.xhtml", "book.opf", "META-INF/container.xml"]


def _files() -> Target:
    """Any bytes under any name, from the file on."""
    folder = Path(tempfile.mkdtemp(dir=_SPEEDY))
    names = ["a.html", "a.md", "a.txt", "a.docx", "a.pdf", "a.epub", "a.mhtml", "a", "a.xyz"]

    def run(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        path = folder / given.PickValueInList(names)
        path.write_bytes(given.ConsumeBytes(given.remaining_bytes()))
        try:
            source = open_source(path)
        except MentorError as error:
            _one_line(error)
        else:
            _taken(source)
        finally:
            path.unlink()

    return run


# --- the API ------------------------------------------------------------------------------------

PLACES = [
    ("POST", "/api/ask"),
    ("POST", "/api/chat"),
    ("POST", "/api/search"),
    ("POST", "/api/feedback"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/api/passage"),
    ("GET", "/read/notes"),
    ("GET", "/shelf"),
    ("GET", "/api/widget"),
    ("GET", "/"),
]


def _api() -> Target:
    """Any request; the answer is one, and no fault of ours."""
    from ui.api import create_api
    from ui.guard import guard
    from ui.shelf import add_shelf

    logging.disable(logging.CRITICAL)
    unlimited = dict.fromkeys(
        ("asks_per_minute", "asks_per_day", "asks_per_day_in_all", "reads_per_minute"), 0
    )
    settings = Settings(index_dir=Path(tempfile.mkdtemp(dir=_SPEEDY)), **unlimited)
    corpus = _shelf()
    mentor = Mentor.open(Settings(corpus_dir=corpus, index_dir=corpus.with_name("index")))
    app = create_api(mentor, settings)
    add_shelf(app, app.state.mentor)
    guard(app, settings)
    loop = asyncio.new_event_loop()

    async def asked(scope: dict[str, object], body: bytes) -> int:
        status, gone = [0], asyncio.Event()
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> object:
            if parts:
                return parts.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                status[0] = int(str(message["status"]))

        await asyncio.wait_for(app(scope, receive, send), 20)
        gone.set()
        return status[0]

    def run(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        method, path = given.PickValueInList(PLACES)
        query = given.ConsumeBytes(60) if given.ConsumeBool() else b"doc=notes&s=1&e=9&h=00000000"
        kind = given.PickValueInList([b"application/json", b"text/plain", given.ConsumeBytes(20)])
        key = given.PickValueInList(["question", "messages", "history", "k", "note", "verdict"])
        raw = given.ConsumeBytes(given.remaining_bytes())
        told = json.dumps({"question": raw.decode("utf-8", "replace"), key: raw.hex()[:9]}).encode()
        body = raw if raw[:1] in (b"{", b"[", b'"') else told
        headers = [(b"host", b"127.0.0.1:7860"), (b"content-type", kind)]
        headers.append((b"content-length", str(len(body)).encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 7860),
            "state": {},
        }
        status = loop.run_until_complete(asked(scope, body))
        assert 200 <= status < 500, status

    return run


TARGETS: dict[str, Callable[[], Target]] = {
    "load": _loading,
    "enrich": _enriching,
    "split": _splitting,
    "text": _wording,
    "files": _files,
    "html": lambda: _as("html", "a.html"),
    "markdown": lambda: _as("markdown", "a.md"),
    "plain": lambda: _as("text", "a.txt"),
    "pdf": lambda: _as("pdf", "a.pdf"),
    "docx": lambda: _packed("docx", "a.docx"),
    "epub": lambda: _packed("epub", "a.epub"),
    "api": _api,
}


def _seeds(target: str, folder: Path) -> None:
    """Write a few real documents, from which the first cases are made."""
    folder.mkdir(parents=True, exist_ok=True)
    page = (
        "<html><head><title>选题 - 站</title><meta charset=utf-8></head><body><nav>首页</nav>"
        "<h1>选题</h1><p>2024-01-02 作者：张三</p><p>选题靠好奇心。</p><ul><li>一<li>二</ul>"
        "<table><tr><td>a<td>b</table><pre>x = 1</pre><div class=share>点赞</div></body></html>"
    )
    seeds = {
        "html": page.encode(),
        "markdown": b"---\ntitle: x\n---\n# T\n\n- a\n- b\n\n> q\n\n```\nc\n```\n[^1]: n\n",
        "plain": "标题\n\n问：为什么？\n\n答：因为。\n\n1. 一\n2. 二\n\n评论(3)\n".encode(),
    }
    if target in seeds:
        (folder / "seed").write_bytes(seeds[target])
    elif target == "pdf":
        from fpdf import FPDF

        made = FPDF()
        made.set_compression(False)
        made.add_page()
        made.set_font("Helvetica", size=12)
        made.multi_cell(0, 5, "How to choose a topic. " * 5)
        (folder / "seed").write_bytes(bytes(made.output()))
    elif target in {"docx", "epub"}:
        whole, parts = _container(target)
        (folder / "seed").write_bytes(_BETWEEN.join(whole[part] for part in parts))


def _one(target: str, cases: int, folder: Path) -> None:
    _seeds(target, folder)
    run = TARGETS[target]()
    limit = _LIMIT.get(target, 4000)
    flags = [
        f"-runs={cases}",
        f"-max_len={limit}",
        "-timeout=60",
        "-rss_limit_mb=6000",
        "-len_control=0",
    ]
    atheris.Setup([sys.argv[0], *flags, str(folder)], run)
    atheris.Fuzz()


def main() -> None:
    target, cases = sys.argv[1], int(sys.argv[2])
    if target != "all":
        given = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(tempfile.mkdtemp(dir=_SPEEDY))
        _one(target, cases, given)
        return
    for name in TARGETS:
        done = subprocess.run(
            [sys.executable, __file__, name, str(cases)],
            capture_output=True,
            text=True,
            check=False,
        )
        last = [line for line in done.stderr.splitlines() if line.startswith(("Done", "==", "#"))]
        print(name, "passed" if done.returncode == 0 else "FAILED", *last[-1:], flush=True)
        if done.returncode:
            print(done.stderr[-3000:])
    shutil.rmtree(_SPEEDY / "fuzz", ignore_errors=True)


if __name__ == "__main__":
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    main()
