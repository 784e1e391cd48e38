"""The shelf over HTTP, on a small corpus with the whole house behind it."""

import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape

import pytest
from fakes import write_corpus
from fastapi import FastAPI
from fastapi.testclient import TestClient

from rag import Mentor, Settings
from ui.marks import marked, words_in
from ui.shelf import add_shelf


@pytest.fixture(scope="module")
def mentor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mentor]:
    folder = tmp_path_factory.mktemp("tiny")
    corpus = write_corpus(folder / "corpus")
    settings = Settings(corpus_dir=corpus, index_dir=folder / "index")
    with closing(Mentor.open(settings)) as mentor:
        yield mentor


@pytest.fixture(scope="module")
def client(mentor: Mentor) -> Iterator[TestClient]:
    app = FastAPI()
    add_shelf(app, mentor)
    with TestClient(app) as client:
        yield client


def text_of(page: str) -> str:
    """Return what a page shows, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])).split())


def test_every_essay_stands_on_the_shelf_with_what_its_manifest_says(
    client: TestClient, mentor: Mentor
) -> None:
    page = client.get("/shelf?lang=en").text
    for essay in mentor.documents.values():
        count = sum(passage.doc_id == essay.id for passage in mentor.passages)
        facts = f"the author · the page shows no date · in {_LANGUAGE[essay.lang]} · {count} pass"
        assert f'<a href="/read/{essay.id}?lang=en">{essay.title}</a>' in page
        assert facts in text_of(page)
        assert essay.licence in page
    assert "Notes from graduate school our translation" in text_of(page)
    assert "Choosing · Writing" in text_of(page)


_LANGUAGE = {"zh": "Chinese", "en": "English"}


def test_a_question_on_the_shelf_leads_to_the_words_that_answer_it(
    client: TestClient, mentor: Mentor
) -> None:
    page = client.get("/shelf?lang=en").text
    found = re.search(
        r'href="/read/notes\?s=(\d+)&amp;e=(\d+)[^"]*">How do I choose a topic\?', page
    )
    assert found
    text = mentor.documents["notes"].text
    assert text[int(found[1]) : int(found[2])] == "选课题最重要的标准是好奇心。"


@pytest.mark.parametrize(
    ("asked", "accepted", "tag", "heading"),
    [
        ("", "en-GB", "en", "The shelf"),
        ("", "zh-CN,en;q=0.5", "zh-CN", "书架"),
        ("", "zh-TW", "zh-TW", "書架"),
        ("?lang=en", "zh-CN", "en", "The shelf"),
        ("?lang=zh", "en", "zh-CN", "书架"),
        ("?lang=%22%3E%3Cscript%3E", "zh-CN", "en", "The shelf"),
    ],
)
def test_the_shelf_speaks_as_it_is_asked_else_as_the_browser_does(
    client: TestClient, asked: str, accepted: str, tag: str, heading: str
) -> None:
    response = client.get(f"/shelf{asked}", headers={"accept-language": accepted})
    assert f'<html lang="{tag}">' in response.text
    assert f"<h1>{heading}</h1>" in response.text
    assert response.headers["vary"] == "accept-language"
    chat = {"en": "en", "zh-CN": "zh", "zh-TW": "zh-tw"}[tag]
    assert set(re.findall(r'href="(/chat/[^"]*)"', response.text)) == {f"/chat/{chat}/"}


def test_what_cannot_be_sought_is_said_in_the_characters_of_the_page(client: TestClient) -> None:
    for tag, said in (("zh", "请用文字提问"), ("zh-TW", "請用文字提問")):
        assert said in client.get("/shelf?q=%3F%3F%3F", headers={"accept-language": tag}).text


def test_a_search_gives_passages_with_their_speaker_and_the_words_marked(
    client: TestClient, mentor: Mentor
) -> None:
    page = client.get("/shelf?q=ten+thousand+hours&lang=en").text
    first = page.split("<ol>")[1].split("</li>")[0]
    assert "<b><bdi>Ann</bdi></b>" in first
    assert "<mark>ten</mark> <mark>thousand</mark> <mark>hours</mark>" in first
    place = re.search(
        r'href="/read/talk\?s=(\d+)&amp;e=(\d+)&amp;h=[0-9a-f]{8}&amp;lang=en#hit"', first
    )
    assert place
    assert "ten thousand hours" in mentor.documents["talk"].text[int(place[1]) : int(place[2])]


def test_an_english_reader_sees_our_translation_of_what_was_found(client: TestClient) -> None:
    page = client.get("/shelf?q=curiosity&lang=en").text
    assert "choosing a topic is <mark>curiosity</mark>." in page
    assert "our translation" in page.split("<ol>")[1]
    assert "our translation" not in client.get("/shelf?q=好奇心&lang=zh").text


def test_what_stands_nowhere_is_said_to_stand_nowhere_and_questions_are_offered(
    client: TestClient,
) -> None:
    page = client.get("/shelf?q=weather+in+Paris&lang=en").text
    assert "Nothing about “weather in Paris” was found" in page
    assert "<ol>" not in page
    assert 'href="/shelf?q=How+do+I+choose+a+topic%3F&amp;lang=en"' in page


@pytest.mark.parametrize("query", ["", "   ", "%E3%80%80"])
def test_an_empty_search_is_the_shelf(client: TestClient, query: str) -> None:
    response = client.get(f"/shelf?lang=en&q={query}")
    assert response.status_code == 200
    assert 'class="results"' not in response.text


@pytest.mark.parametrize("query", ["a" * 10_000, "选" * 5_000, "???", "\0\x1b", "😀"])
def test_what_cannot_be_sought_is_422_with_a_sentence_and_the_shelf_below(
    client: TestClient, query: str
) -> None:
    response = client.get("/shelf", params={"q": query, "lang": "en"})
    assert response.status_code == 422
    assert 'role="status"' in response.text
    assert "A talk with Ann" in response.text
    assert len(response.content) < 20_000


def test_a_hostile_search_is_shown_as_it_was_typed(client: TestClient) -> None:
    query = '"><script>alert(1)</script> ten {{7*7}} \u202e &amp;'
    response = client.get("/shelf", params={"q": query, "lang": "en"})
    assert "<script" not in response.text
    assert "script-src" not in response.headers["content-security-policy"]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    [field] = re.findall(r'type="search" value="([^"]*)"', response.text)
    assert unescape(field) == query
    assert "\u202e" not in text_of(response.text)


def test_the_other_language_keeps_what_is_sought(client: TestClient) -> None:
    page = client.get("/shelf?q=ten+hours&lang=en").text
    assert 'href="/shelf?lang=zh&amp;q=ten+hours"' in page


def test_common_words_are_not_marked() -> None:
    assert words_in("How do I choose the topics? 怎么选研究课题的") == [
        "choose",
        "topic",
        "选研",
        "研究",
        "究课",
        "课题",
    ]


def test_no_letter_is_lost_where_words_are_marked() -> None:
    text = "Topic, topics, atopic. 研究课题的研究 <b>"
    pieces = marked(text, words_in("topic 研究课题"))
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_word in pieces if is_word] == [
        "Topic",
        "topics",
        "研究课题",
        "研究",
    ]
