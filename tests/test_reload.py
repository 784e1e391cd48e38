"""An index that is published while a server runs is answered from, and nobody's answer is lost."""

import gc
import logging
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import NOTES, SPEAKERS, rewrite, write
from fastapi import FastAPI
from live_server import live, until

from rag import Answer, Mentor, Settings, doctor
from ui.app import create_app
from ui.live import pinned
from ui.reload import renew, watching

QUESTION = "怎么选课题?"
NEW = "选课题最要紧的是请教师兄师姐"  # what the essay says after the change


@pytest.fixture
def settings(corpus: Path, tmp_path: Path) -> Settings:
    return Settings(
        corpus_dir=corpus,
        index_dir=tmp_path / "index",
        asks_per_minute=0,
        asks_per_day=0,
        asks_per_day_in_all=0,
        reads_per_minute=0,
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    mentor = Mentor.open(settings)
    yield create_app(mentor, settings)
    mentor.close()


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with live(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def _add(settings: Settings, name: str, title: str) -> None:
    """Put an essay on the shelf, as an owner would, and index it."""
    folder = settings.corpus_dir
    write(folder / "essays" / f"{name}.md", f"# {title}\n\n{NEW}。他们走过同样的路。\n")
    manifest = (folder / "manifest.toml").read_text(encoding="utf-8")
    row = (
        f'\n[[essay]]\nid = "{name}"\ntitle = "{title}"\nlang = "zh"\nsha256 = ""\n'
        'author = "新人"\nauthor_en = "a newcomer"\nsite = ""\nsite_en = ""\nlicence = "CC0"\n'
    )
    write(folder / "manifest.toml", manifest + row + SPEAKERS["notes"])
    doctor.fix(folder)
    Mentor.index(settings)


def _ask(client: httpx.Client) -> dict[str, Any]:
    response = client.post("/api/ask", json={"question": QUESTION})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_what_was_added_is_answered_from_and_shown_everywhere(
    app: FastAPI, client: httpx.Client, settings: Settings
) -> None:
    with watching(app, every_s=0.05):
        assert client.get("/healthz").json()["essays"] == 3
        _add(settings, "newcomer", "新人的话")
        assert until(lambda: client.get("/healthz").json()["essays"] == 4)
        found = client.post("/api/search", json={"question": "请教师兄师姐"}).json()["hits"]
        assert found[0]["doc_id"] == "newcomer"
        for path in ("/shelf", "/read/newcomer", "/chat/zh/", "/api/widget?lang=zh"):
            # The chat's pages are made anew once the answers come from the new index.
            assert until(lambda at=path: "新人" in client.get(at).text), path
            assert client.get(path).status_code == 200
        assert "newcomer" in str(client.get("/api/essays").json())


def test_what_was_removed_is_gone_everywhere(
    app: FastAPI, client: httpx.Client, settings: Settings
) -> None:
    _add(settings, "newcomer", "新人的话")
    renew(app)
    manifest = settings.corpus_dir / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    write(manifest, text[: text.rindex("\n[[essay]]")])
    (settings.corpus_dir / "essays" / "newcomer.md").unlink()
    Mentor.index(settings)
    renew(app)
    assert client.get("/read/newcomer").status_code == 404
    for path in ("/shelf", "/chat/zh/", "/api/essays"):
        assert "新人的话" not in client.get(path).text


def test_an_answer_that_is_being_given_ends_on_the_shelf_it_began_with(
    app: FastAPI, settings: Settings
) -> None:
    here = pinned(app.state.mentor)
    told = here.stream(QUESTION)
    first = next(told)
    rewrite(settings.corpus_dir, "好奇心", "好胜心")
    Mentor.index(settings)
    renew(app)
    *_, answer = told
    assert isinstance(answer, Answer)
    for sentence in (first, *answer.sentences):
        assert not isinstance(sentence, Answer)
        for cited in sentence.citations:
            assert cited.span.of(here.documents[cited.doc_id].text) == cited.quote
            assert "好胜心" not in cited.quote
    said = app.state.mentor.ask(QUESTION).sentences
    assert any("好胜心" in cited.quote for sentence in said for cited in sentence.citations)


def test_a_link_to_a_quote_that_was_changed_marks_nothing(
    app: FastAPI, client: httpx.Client, settings: Settings
) -> None:
    hit = client.post("/api/search", json={"question": QUESTION}).json()["hits"][0]
    rewrite(settings.corpus_dir, "好奇心", "求知的热情")
    Mentor.index(settings)
    renew(app)
    page = client.get(hit["read"].split("#")[0])
    assert page.status_code == 200
    assert 'id="hit"' not in page.text
    assert "求知的热情" in page.text


def test_a_thousand_requests_in_flight_while_it_reloads_are_all_answered(
    app: FastAPI, client: httpx.Client, settings: Settings
) -> None:
    quotes = {at: {(d.id, d.text) for d in app.state.mentor.documents.values()} for at in (0,)}[0]
    texts = {id_: {text} for id_, text in quotes}
    done = threading.Event()

    def turn() -> None:
        for at in range(4):
            word = "好奇心" if at % 2 else "好胜心"
            rewrite(settings.corpus_dir, "好胜心" if at % 2 else "好奇心", word)
            Mentor.index(settings)
            renew(app)
            for id_, document in app.state.mentor.documents.items():
                texts[id_].add(document.text)
        done.set()

    turner = threading.Thread(target=turn)
    with ThreadPoolExecutor(16) as pool:
        turner.start()
        answers = list(pool.map(lambda _: _ask(client), range(1000)))
        while not done.is_set():
            answers += pool.map(lambda _: _ask(client), range(16))
        turner.join()
    assert len(answers) >= 1000
    for answer in answers:
        assert answer["status"] == "answered"
        for sentence in answer["sentences"]:
            for cited in sentence["citations"]:
                at = slice(cited["start"], cited["end"])
                assert any(text[at] == cited["quote"] for text in texts[cited["doc_id"]])


def test_essays_that_do_not_fit_the_index_leave_all_as_it_was_and_are_told_once(
    app: FastAPI, client: httpx.Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with watching(app, every_s=0.05) as wake:
        _add(settings, "newcomer", "新人的话")
        assert until(lambda: client.get("/healthz").json()["essays"] == 4)
        essay = settings.corpus_dir / "essays" / "notes.md"
        write(essay, NOTES + "\n未曾登记的话。\n")  # its checksum is not renewed
        with caplog.at_level(logging.WARNING):
            wake.set()
            assert until(lambda: "not used yet" in caplog.text)
        assert client.get("/healthz").json()["essays"] == 4
        assert _ask(client)["status"] == "answered"
    assert caplog.text.count("not used yet") == 1
    assert "Traceback" not in caplog.text


def test_the_shelf_before_is_let_go_once_nobody_answers_from_it(
    app: FastAPI, settings: Settings
) -> None:
    before = weakref.ref(pinned(app.state.mentor))
    _add(settings, "newcomer", "新人的话")
    renew(app)
    gc.collect()
    assert before() is None


def test_no_essay_is_split_for_a_reload(
    app: FastAPI, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {passage.id for passage in app.state.mentor.passages}
    _add(settings, "newcomer", "新人的话")
    monkeypatch.setattr("rag.shelf.split", lambda *_: pytest.fail("an essay was split"))
    renew(app)
    after = {passage.id for passage in app.state.mentor.passages}
    assert before < after
    assert any(id_.startswith("newcomer:") for id_ in after)
