import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from web_fakes import FakeMentor

from rag import Mentor, MissingModelError, Settings, StaleIndexError
from ui.api import create_api
from ui.render import quote_hash

QUOTE = "好奇心是关键。"


@pytest.fixture
def mentor() -> FakeMentor:
    return FakeMentor()


@pytest.fixture
def client(mentor: FakeMentor) -> Iterator[TestClient]:
    with TestClient(create_api(mentor), raise_server_exceptions=False) as client:
        yield client


def place(mentor: FakeMentor, quote: str = QUOTE) -> dict[str, Any]:
    start = mentor.documents["kaiming_he_qa"].text.index(quote)
    return {"doc": "kaiming_he_qa", "s": start, "e": start + len(quote), "h": quote_hash(quote)}


def test_ask_gives_the_answer_and_passes_the_history_on(
    client: TestClient, mentor: FakeMentor
) -> None:
    body = {"question": "怎么选课题?", "history": ["你好"]}
    response = client.post("/api/ask", json=body)
    assert response.status_code == 200
    assert response.json()["status"] == "answered"
    assert response.json()["sentences"][0]["citations"][0]["n"] == 1
    assert mentor.asked == [("怎么选课题?", ("你好",))]


def test_a_question_that_cannot_be_taken_is_422_with_its_text(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "  "})
    assert response.status_code == 422
    assert response.json() == {"error": "请先写下你的问题。"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"question": "a", "more": 1}', "more"),
        (b'{"history": []}', "question"),
        (b'{"question": 5}', "question"),
        (b'{"question": "a", "history": "b"}', "history"),
        (b'{"question": "a", "history": [1]}', "history.0"),
        (b'{"question": "\\ud800"}', "body"),
        (b"[]", "body"),
        (b"not json", "body"),
        (b"", "body"),
        (b"\xff\xfe", "body"),
    ],
)
def test_a_wrong_body_is_422_and_names_the_field(
    client: TestClient, body: bytes, named: str
) -> None:
    response = client.post("/api/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["error"].startswith(f"{named}: ")


def test_a_body_past_the_limit_is_413_before_it_is_parsed(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "a" * 300_000})
    assert response.status_code == 413
    assert "262144 bytes" in response.json()["error"]


def test_a_form_is_no_way_to_ask(client: TestClient, mentor: FakeMentor) -> None:
    assert client.post("/api/ask", content='{"question": "a"}').status_code == 415
    assert client.post("/api/ask", data={"question": "a"}).status_code == 415
    assert mentor.asked == []


def test_trouble_of_ours_is_500_without_its_secrets(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "please break"})
    assert response.status_code == 500
    assert set(response.json()) == {"error"}
    assert "secret" not in response.text


@pytest.mark.parametrize("error", [StaleIndexError("run mentor index"), MissingModelError("none")])
def test_what_the_owner_must_mend_is_503(error: Exception) -> None:
    class Broken(FakeMentor):
        def ask(self, *_: object) -> Any:
            raise error

    with TestClient(create_api(Broken())) as client:
        response = client.post("/api/ask", json={"question": "a"})
    assert response.status_code == 503
    assert response.json() == {"error": str(error)}
    assert response.headers["retry-after"].isdecimal()


def test_a_passage_is_cut_in_code_points(client: TestClient, mentor: FakeMentor) -> None:
    for quote in (QUOTE, "😀\n- 另", "第39段"):
        body = client.get("/api/passage", params=place(mentor, quote)).json()
        assert body["hit"] == quote
        assert body["changed"] is False
        text = mentor.documents["kaiming_he_qa"].text
        assert body["before"] + body["hit"] + body["after"] == text


def test_a_passage_says_whose_it_is_in_the_readers_language(
    client: TestClient, mentor: FakeMentor
) -> None:
    body = client.get("/api/passage", params=place(mentor)).json()
    assert body["title"] == "何恺明问答"
    assert (body["author"], body["site"]) == ("Kaiming He", "QbitAI")
    assert body["date"] == "2024-02-27"
    assert body["licence"]
    zh = client.get("/api/passage", params=place(mentor), headers={"accept-language": "zh-TW"})
    assert (zh.json()["author"], zh.json()["site"]) == ("何恺明", "量子位")


@pytest.mark.parametrize("change", [{"h": "00000000"}, {"e": 10_000}, {"s": 9_000, "e": 10_000}])
def test_a_changed_essay_comes_whole_and_unmarked(
    client: TestClient, mentor: FakeMentor, change: dict[str, Any]
) -> None:
    body = client.get("/api/passage", params=place(mentor) | change).json()
    assert body["changed"] is True
    assert body["hit"] == body["after"] == ""
    assert body["before"] == mentor.documents["kaiming_he_qa"].text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"doc": "nothing"}, 404),
        ({"doc": "../rag"}, 404),
        ({"s": -1}, 422),
        ({"s": "x"}, 422),
        ({"s": 5, "e": 5}, 422),
        ({"s": 9, "e": 5}, 422),
        ({"h": "XYZ"}, 422),
        ({"h": ""}, 422),
    ],
)
def test_a_wrong_place_is_refused_in_json(
    client: TestClient, mentor: FakeMentor, change: dict[str, Any], status: int
) -> None:
    response = client.get("/api/passage", params=place(mentor) | change)
    assert response.status_code == status
    assert set(response.json()) == {"error"}


def test_the_plain_page_marks_the_passage_without_a_script(
    client: TestClient, mentor: FakeMentor
) -> None:
    at = place(mentor)
    response = client.get(f"/read/kaiming_he_qa?s={at['s']}&e={at['e']}&h={at['h']}")
    assert response.status_code == 200
    assert f'<mark id="hit" tabindex="-1">{QUOTE}</mark>' in response.text
    assert "<script" not in response.text
    assert '<meta property="og:title" content="何恺明问答">' in response.text
    assert "<h1>何恺明问答</h1>" in response.text
    assert "<h2>选题</h2>" in response.text
    assert "<li>另一项</li>" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("query", ["", "?s=1", "?s=x&e=y", "?s=5&e=2", "?s=0&e=99999", "?s=²&e=9"])
def test_a_plain_page_without_a_right_place_is_the_whole_essay(
    client: TestClient, query: str
) -> None:
    response = client.get(f"/read/kaiming_he_qa{query}")
    assert response.status_code == 200
    assert "<mark" not in response.text
    assert ('class="notice"' in response.text) == bool(query)


def test_a_plain_page_of_a_changed_essay_marks_nothing(
    client: TestClient, mentor: FakeMentor
) -> None:
    at = place(mentor)
    response = client.get(f"/read/kaiming_he_qa?s={at['s']}&e={at['e']}&h=00000000")
    assert "<mark" not in response.text
    assert "has changed" in response.text


def test_a_page_in_taiwan_has_its_words_and_the_essay_as_it_was_written(
    client: TestClient, mentor: Mentor
) -> None:
    page = client.get("/read/kaiming_he_qa", headers={"accept-language": "zh-TW"})
    assert page.headers["vary"] == "accept-language"
    assert 'lang="zh-TW"' in page.text
    assert "書架" in page.text
    first = mentor.documents["kaiming_he_qa"].text.split("\n")[-1]
    assert first in page.text


def test_a_page_that_is_not_there_is_404_in_the_readers_language(client: TestClient) -> None:
    response = client.get("/read/nothing", headers={"accept-language": "zh"})
    assert response.status_code == 404
    assert "没有这篇文章" in response.text


def test_an_essay_cannot_bring_markup_into_its_page() -> None:
    mentor = FakeMentor(hostile_shelf())
    with TestClient(create_api(mentor)) as client:
        page = client.get("/read/evil?s=2&e=20").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert not re.search(r'href="javascript', page)


def test_health_icon_and_manifest_are_there(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "essays": 2}
    assert client.get("/favicon.ico").headers["content-type"] == "image/x-icon"
    icon = client.get("/manifest.json").json()["icons"][0]["src"]
    assert client.get(icon).status_code == 200


def test_a_path_that_is_none_is_404_and_a_wrong_verb_says_which_is_right(
    client: TestClient,
) -> None:
    assert client.get("/nothing").json() == {"error": "Not Found"}
    response = client.get("/api/ask")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json() == {"error": "Method Not Allowed"}


def test_a_history_is_held_to_the_length_of_a_question_and_to_fifty(
    mentor: FakeMentor, tmp_path: Path
) -> None:
    settings = Settings(question_chars=60, index_dir=tmp_path)
    with TestClient(create_api(mentor, settings)) as client:
        for path in ("/api/ask", "/api/chat", "/api/search"):
            fits = {"question": "怎么选课题?", "history": ["好" * 60] * 50}
            assert client.post(path, json=fits).status_code == 200
            long = client.post(path, json=fits | {"history": ["好", "好" * 61]})
            assert long.status_code == 422
            assert long.json() == {"error": "history.1: longer than 60 characters"}
            many = client.post(path, json=fits | {"history": ["好"] * 51})
            assert many.status_code == 422
            assert many.json()["error"].startswith("history: ")


def test_a_body_nested_without_end_is_422(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    response = client.post("/api/ask", content=b"[" * 200_000, headers=headers)
    assert response.status_code == 422
    assert response.json()["error"].startswith("body: ")


def hostile_shelf() -> dict[str, Any]:
    from web_fakes import document, shelf

    nasty = (
        "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) ${x} {{x}}"
    )
    speaker = shelf()["one_year_off"].speakers[0]
    essay = document(
        "evil", nasty, f"# {nasty}\n\n{nasty}", speaker, url="javascript:alert(1)", site=nasty
    )
    return {"evil": essay}


def test_the_reader_speaks_the_language_of_its_page_rather_than_the_browsers(
    client: TestClient, mentor: FakeMentor
) -> None:
    asked = place(mentor) | {"lang": "zh"}
    found = client.get("/api/passage", params=asked, headers={"accept-language": "en"}).json()
    assert found["author"] == mentor.documents[asked["doc"]].author


def test_search_gives_what_mentor_retrieves_with_all_that_shows_it(
    client: TestClient, mentor: FakeMentor
) -> None:
    asked = {"question": "frustrated?", "k": 1}
    found = client.post("/api/search", json=asked, headers={"accept-language": "en"}).json()
    (hit,) = found["hits"]
    text = mentor.documents[hit["doc_id"]].text
    assert text[hit["start"] : hit["end"]] == hit["quote"]
    assert (hit["speaker"], hit["title"], hit["author"]) == (
        "Kaiming He",
        "何恺明问答",
        "Kaiming He",
    )
    page = client.get(hit["read"])
    assert f'id="hit" tabindex="-1">{hit["quote"]}</mark>' in page.text
    chinese = client.post("/api/search?lang=zh", json=asked).json()
    assert chinese["hits"][0]["speaker"] == "何恺明"


def test_search_is_the_retrieval_of_the_shelf(shelf: Mentor, tmp_path: Path) -> None:
    with TestClient(create_api(shelf, Settings(index_dir=tmp_path))) as client:
        for question in ("怎么选课题?", "Do I need a PhD?"):
            found = client.post("/api/search", json={"question": question, "k": 4}).json()["hits"]
            places = [(hit["doc_id"], hit["start"], hit["score"]) for hit in found]
            assert places == [
                (hit.passage.doc_id, hit.passage.span.start, hit.score)
                for hit in shelf.retrieve(question, 4)
            ]
        english = client.post("/api/search?lang=en", json={"question": "curiosity", "k": 1}).json()
        assert re.search("[a-z]{3}", english["hits"][0]["translation"])


def test_the_shelf_is_listed_in_its_order_and_leads_to_its_pages(
    client: TestClient, mentor: FakeMentor
) -> None:
    essays = client.get("/api/essays", headers={"accept-language": "zh"}).json()["essays"]
    assert [essay["id"] for essay in essays] == list(mentor.documents)
    assert essays[0]["author"] == "何恺明"
    assert essays[0]["chars"] == len(mentor.documents["kaiming_he_qa"].text)
    assert all(client.get(essay["read"]).status_code == 200 for essay in essays)


def test_a_passage_says_which_paragraph_it_is_and_how_it_reads_in_english(shelf: Mentor) -> None:
    essay = shelf.documents["kaiming_he_qa"]
    quote = "科研中95%的时间是令人沮丧的。"
    start = essay.text.index(quote)
    place = {"doc": essay.id, "s": start, "e": start + len(quote), "h": quote_hash(quote)}
    with TestClient(create_api(shelf)) as client:
        body = client.get("/api/passage", params=place | {"lang": "en"}).json()
        gone = client.get("/api/passage", params=place | {"h": "00000000"}).json()
        chinese = client.get("/api/passage", params=place | {"lang": "zh"}).json()
    lines = [line for line in essay.text.split("\n") if line.strip()]
    assert quote in lines[body["paragraph"] - 1]
    assert body["paragraphs"] == len(lines)
    assert "95%" in body["translation"]
    assert (gone["paragraph"], gone["translation"], gone["speaker"]) == (0, "", "")
    assert chinese["translation"] == ""


def test_it_is_ready_once_the_index_can_be_read_and_not_before(mentor: FakeMentor) -> None:
    class Closed(FakeMentor):
        def retrieve(self, *_: object) -> Any:
            raise StaleIndexError("closed")

    class Empty(FakeMentor):
        def retrieve(self, *_: object) -> Any:
            return []

    with TestClient(create_api(mentor)) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
    for broken in (Closed(), Empty()):
        with TestClient(create_api(broken)) as client:
            assert client.get("/healthz").status_code == 200
            response = client.get("/readyz")
        assert response.status_code == 503
        assert response.headers["retry-after"].isdecimal()
        assert set(response.json()) == {"error"}
