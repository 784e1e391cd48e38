"""The widget as a file: how it is served, how small it is, and what may not stand in it."""

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from web_fakes import FakeMentor

from rag import Settings
from ui.api import create_api
from ui.embed import add_widget
from ui.guard import guard

WIDGET = Path(__file__).resolve().parent.parent / "ui" / "widget"
SCRIPT = (WIDGET / "widget.js").read_text(encoding="utf-8")
SERVED = "".join(
    line for line in SCRIPT.splitlines(keepends=True) if not line.lstrip().startswith("//")
)
GUIDE = (WIDGET.parents[1] / "docs" / "widget.md").read_text(encoding="utf-8")
DEMOS = sorted(path.stem for path in (WIDGET / "demo").glob("*.html"))
# Whatever makes HTML or code out of text, loads a thing from elsewhere, or leaves a trace.
FORBIDDEN = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|DOMParser|createContextual"
    r"|\beval\b|new Function|import\(|localStorage|\.cookie|srcdoc|setAttribute\(.on"
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(index_dir=tmp_path_factory.mktemp("index"))
    app = create_api(FakeMentor(), settings)
    add_widget(app)
    guard(app, settings)
    with TestClient(app) as client:
        yield client


def test_the_widget_is_at_most_12_kilobytes_as_it_travels() -> None:
    assert len(gzip.compress(SERVED.encode(), 9)) <= 12_000


def test_the_widget_makes_no_html_no_code_and_no_trace() -> None:
    assert re.findall(FORBIDDEN, SCRIPT) == []
    addresses = re.findall(r"https?://[^\s\"'`)]+", SCRIPT)
    assert addresses == []


@pytest.mark.skipif(shutil.which("node") is None, reason="the browser tests parse it, too")
def test_the_widget_parses(tmp_path: Path) -> None:
    node = shutil.which("node") or ""
    for text in (SCRIPT, SERVED):
        path = tmp_path / "widget.js"
        path.write_text(text, encoding="utf-8")
        subprocess.run([node, "--check", path], check=True)


def test_every_word_of_the_widget_is_there_in_its_three_languages_and_is_used() -> None:
    words = SCRIPT[SCRIPT.index("const WORDS") : SCRIPT.index("const known")]
    rows = re.findall(r'^    (\w+): \["(.+)", "(.+)", "(.+)"\],$', words, re.MULTILINE)
    assert len(rows) == words.count("[")
    for name, english, simplified, traditional in rows:
        assert english.count("%") == simplified.count("%") == traditional.count("%"), name
        assert name == "quote" or re.search("[\u4e00-\u9fff]", simplified), name
        assert re.search(rf"\bw\.{name}\b", SCRIPT) or name in {
            "denied",
            "many",
            "busy",
            "down",
            "broken",
        }


def test_the_guide_names_every_attribute_call_and_event_and_no_other() -> None:
    attributes = set(re.findall(r"\bdata\.(\w+)", SCRIPT))
    assert set(re.findall(r"^\| `data-(\w+)` \|", GUIDE, re.MULTILINE)) == attributes
    events = {f"mentor:{name}" for name in re.findall(r'\bfire\("(\w+)"', SCRIPT)}
    assert set(re.findall(r"mentor:\w+", GUIDE)) == events
    calls = re.findall(r"\w+", SCRIPT[SCRIPT.index("window.Mentor = {") :].split("}")[0])
    assert set(re.findall(r"Mentor\.(\w+)\(", GUIDE)) == set(calls) & {
        "open", "close", "ask", "clear", "destroy",
    }  # fmt: skip
    assert set(re.findall(r"--mentor-\w+", GUIDE)) == set(re.findall(r"--mentor-\w+", SCRIPT))


@pytest.mark.parametrize("path", ["/widget.js", "/widget/v1.js"])
def test_any_page_may_load_the_script_and_asks_anew_whether_it_changed(
    client: TestClient, path: str
) -> None:
    plain = client.get(path, headers={"accept-encoding": "identity", "origin": "https://x.example"})
    assert plain.text == SERVED
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["cross-origin-resource-policy"] == "cross-origin"
    assert plain.headers["access-control-allow-origin"] == "*"
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert "no-cache" in plain.headers["cache-control"]
    assert "accept-encoding" in plain.headers["vary"].lower()
    zipped = client.get(path, headers={"accept-encoding": "gzip"})
    assert zipped.text == SERVED
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) <= 12_000
    assert zipped.headers["etag"] != plain.headers["etag"]
    assert not zipped.headers["etag"].startswith("W/")
    for answer in (plain, zipped):
        sent = answer.request.headers["accept-encoding"]
        known = {"accept-encoding": sent, "if-none-match": f'"old", {answer.headers["etag"]}'}
        again = client.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == answer.headers["etag"]
    stale = client.get(path, headers={"if-none-match": '"old"'})
    assert stale.status_code == 200


def test_the_script_answers_a_probe_without_its_body(client: TestClient) -> None:
    probe = client.head("/widget.js")
    assert (probe.status_code, probe.content) == (200, b"")


@pytest.mark.parametrize("name", DEMOS)
def test_every_demo_page_is_served_with_a_policy_of_its_own(client: TestClient, name: str) -> None:
    page = client.get(f"/widget/demo/{name}.html")
    assert page.content == (WIDGET / "demo" / f"{name}.html").read_bytes()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe-eval" not in policy
    assert ("require-trusted-types-for 'script'" in policy) == (name == "strict")
    assert 'name="robots" content="noindex"' in page.text


def test_the_demos_start_at_a_page_that_lists_them_and_end_there(client: TestClient) -> None:
    index = client.get("/widget/demo/").text
    assert sorted(re.findall(r'href="(\w+)\.html"', index)) == sorted({*DEMOS} - {"index"})
    for path in ("/widget/demo/none.html", "/widget/demo/..%2fwidget.js", "/widget/demo/plain"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("lang", "note", "question"),
    [
        ("en", "The essays are by Kaiming He; David Mack.", "How do I choose a topic?"),
        ("zh-CN", "文章作者：何恺明、David Mack。", "怎么选课题?"),
        ("zh-TW", "文章作者：何恺明、David Mack。", "怎麼選課題?"),
    ],
)
def test_the_first_words_come_in_the_language_of_the_widget(
    client: TestClient, lang: str, note: str, question: str
) -> None:
    said = client.get("/api/widget", params={"lang": lang}).json()
    assert said["notes"][1] == note
    assert said["questions"][0] == question
    assert "2" in said["notes"][0]


def test_a_language_that_is_none_of_ours_is_answered_in_english(client: TestClient) -> None:
    assert client.get("/api/widget", params={"lang": "tlh"}).json()["notes"][1].startswith("The e")
    assert client.get("/api/widget", params={"lang": "x" * 99}).status_code == 422
