"""The widget where the server, the network or the site is not as it should be."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from web_fakes import CHOOSE, FakeMentor
from widget_host import LISTEN, TOPIC, Browse, Guest, Place, Site, application, placed, served

pytestmark = pytest.mark.browser


class Moody:
    """Stands before Mentor and answers questions with `mood`, while there is one."""

    def __init__(self) -> None:
        self.mood: ASGIApp | None = None

    def __call__(self, app: ASGIApp) -> ASGIApp:
        async def called(scope: Scope, receive: Receive, send: Send) -> None:
            asked = scope.get("path") == "/api/chat" and self.mood is not None
            await (self.mood if asked and self.mood else app)(scope, receive, send)

        return called


@pytest.fixture(scope="module")
def moody() -> Moody:
    return Moody()


@pytest.fixture(scope="module")
def place(moody: Moody, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(FakeMentor(), tmp_path_factory.mktemp("index"), moody) as place:
        yield place


@pytest.fixture
def guest(browse: Browse, place: Place, moody: Moody) -> Guest:
    moody.mood = None
    return Guest(browse("en")).visit(place.put("/", LISTEN)).open()


def retried(guest: Guest) -> None:
    """Press the button that asks again, and see the answer in the place of the trouble."""
    guest.until(lambda: guest.shown(".turn .notice button:enabled"))
    guest.click(".turn .notice button")
    guest.answered()
    assert guest.all(".turn .notice") == []
    assert len(guest.all(".turn")) == 1
    assert CHOOSE in guest.text(".turn")
    assert guest.one("textarea").get_property("value") == ""


def console(guest: Guest) -> str:
    return "\n".join(guest.visitor.complaints())


def test_a_server_that_is_down_is_said_and_the_question_is_kept(
    browse: Browse, tmp_path: Path
) -> None:
    with ExitStack() as site:
        port = site.enter_context(served(pages := Site()))
        app = application(FakeMentor(), f"http://localhost:{port}", tmp_path)
        with served(app) as mine:
            place = Place(f"http://127.0.0.1:{mine}", pages, port)
            guest = Guest(browse("en")).visit(place.put("/", LISTEN)).open()
            guest.ask("A topic before?")
            guest.click(".bar button")  # Clear
        guest.ask(TOPIC)
        assert "No connection to Mentor" in guest.one(".turn .notice").text
        assert guest.one("textarea").get_property("value") == TOPIC
        assert guest.heard()[-1][0] == "error"
        assert guest.heard()[-1][1]["kind"] == "down"
        assert "does not answer" in console(guest)
        with served(application(FakeMentor(), place.home, tmp_path), mine):
            retried(guest)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [(429, "Too many questions", "many"), (503, "is busy", "busy"), (500, "fault is", "broken")],
)
def test_each_trouble_has_its_own_sentence_and_a_retry(
    guest: Guest, moody: Moody, status: int, said: str, kind: str
) -> None:
    moody.mood = JSONResponse({"error": "a line"}, status)
    guest.ask(TOPIC)
    assert said in guest.one(".turn .notice").text
    assert guest.text("[role=status]") == guest.one(".turn .notice p").text
    assert guest.heard()[-1][1]["kind"] == kind
    moody.mood = None
    retried(guest)


def test_a_wait_that_the_server_names_is_counted_down(guest: Guest, moody: Moody) -> None:
    moody.mood = JSONResponse({"error": "a line"}, 429, {"retry-after": "2"})
    guest.ask(TOPIC)
    retry = guest.one(".turn .notice button")
    assert not retry.is_enabled()
    assert retry.text in {"Try again (2 s)", "Try again (1 s)"}
    assert guest.heard()[-1][1]["retryAfter"] == 2
    moody.mood = None
    retried(guest)


def test_what_is_wrong_with_a_question_is_said_in_the_servers_words(
    guest: Guest, moody: Moody
) -> None:
    moody.mood = JSONResponse({"error": "the question is too long: 9 of 8"}, 422)
    guest.ask(TOPIC)
    assert guest.one(".turn .notice p").text == "the question is too long: 9 of 8"


async def _halves() -> AsyncIterator[bytes]:
    yield b'event: meta\ndata: {"v": 1}\n\nevent: sente'


async def _trouble() -> AsyncIterator[bytes]:
    yield b'event: error\r\ndata: {"status": 503, "error": "later"}\r\n\r\n'


async def _cut() -> AsyncIterator[bytes]:
    yield b'event: meta\ndata: {"v": 1}\n\n'
    raise ConnectionResetError


@pytest.mark.parametrize(
    ("parts", "said"),
    [(_halves, "No connection"), (_cut, "No connection"), (_trouble, "is busy")],
)
def test_a_stream_that_breaks_off_or_tells_of_trouble_is_no_answer(
    guest: Guest, moody: Moody, parts: Callable[[], AsyncIterator[bytes]], said: str
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        stream = StreamingResponse(parts(), media_type="text/event-stream")
        await stream(scope, receive, send)

    moody.mood = broken
    guest.ask(TOPIC)
    assert said in guest.one(".turn .notice").text
    moody.mood = None
    retried(guest)


@pytest.mark.parametrize("how", ["cut", "gateway"])
def test_an_answer_whose_server_died_before_it_said_anything_is_asked_for_once_more(
    guest: Guest, moody: Moody, how: str
) -> None:
    seen = 0

    async def dying(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal seen
        seen += 1
        moody.mood = None
        stream = StreamingResponse(_cut(), media_type="text/event-stream")
        await (stream if how == "cut" else Response(status_code=502))(scope, receive, send)

    moody.mood = dying
    guest.ask(TOPIC)
    guest.answered()
    assert seen == 1
    assert guest.all(".turn .notice") == []
    assert CHOOSE in guest.text(".turn")


def test_a_site_that_is_not_allowed_gets_a_calm_sentence_and_its_owner_the_cause(
    browse: Browse, place: Place
) -> None:
    place.put("/", LISTEN)
    guest = Guest(browse("en")).visit(f"{place.stranger}/").open()
    assert "not open to this page yet" in guest.text(".intro")
    guest.ask(TOPIC)
    assert "not open to this page yet" in guest.one(".turn .notice").text
    said = console(guest)
    assert f"add {place.stranger} to MENTOR_ORIGINS" in said
    assert guest.heard()[-1][1] | {"text": ""} == {
        "question": TOPIC, "kind": "denied", "status": 403, "retryAfter": 0, "text": "",
    }  # fmt: skip


def test_a_site_whose_policy_keeps_it_away_learns_the_line_to_add(
    browse: Browse, place: Place
) -> None:
    policy = f"default-src 'none'; script-src 'unsafe-inline' {place.address}; connect-src 'self'"
    url = place.put("/barred", LISTEN, content_security_policy=policy)
    guest = Guest(browse("en")).visit(url).open()
    guest.ask(TOPIC)
    assert "not open to this page yet" in guest.one(".turn .notice").text
    assert f"script-src {place.address}; connect-src {place.address}" in console(guest)


@pytest.mark.parametrize("demo", ["plain", "hostile", "strict", "rtl", "inline"])
def test_it_works_on_every_demo_page_and_the_console_stays_silent(
    browse: Browse, place: Place, demo: str
) -> None:
    guest = Guest(browse("en", height=900)).visit(place.put_demo(demo))
    if demo != "inline":
        guest.open()
    guest.ask(TOPIC)
    guest.click(".n")
    guest.until(lambda: guest.all("#hit"))
    assert guest.text("#hit") == CHOOSE
    for part in (".card", "#hit", ".send", "textarea"):
        assert guest.one(part).value_of_css_property("opacity") == "1"
        assert guest.one(part).value_of_css_property("direction") == "ltr"
    assert guest.style(".card", "line-height") == "25.5px"
    assert guest.style(".card", "letter-spacing") == "normal"
    assert guest.style(".card", "text-transform") == "none"
    assert guest.box(".card")["width"] >= 400
    assert console(guest) == ""


def test_on_a_page_read_from_right_to_left_it_stands_on_the_left(
    browse: Browse, place: Place
) -> None:
    guest = Guest(browse("en")).visit(place.put_demo("rtl"))
    assert guest.box(".launcher")["left"] == 20
    guest.open()
    assert guest.box(".card")["left"] == 20


def test_in_the_page_it_fills_its_target_and_takes_no_focus(browse: Browse, place: Place) -> None:
    guest = Guest(browse("zh-CN")).visit(place.put_demo("inline"))
    assert guest.all(".launcher") == []
    assert guest.box(".card")["height"] == 600
    questions = guest.until(lambda: [button.text for button in guest.shown(".intro .next button")])
    assert questions == ["怎么选研究课题？", "读论文有什么窍门？"]
    assert guest.visitor.run("return document.activeElement === document.body")
    guest.visitor.run("document.querySelector('main').innerHTML = '<div id=ask></div>'")
    guest.until(lambda: guest.visitor.run("return !!document.querySelector('#ask mentor-widget')"))


def test_a_page_that_draws_itself_anew_keeps_it_and_its_conversation(guest: Guest) -> None:
    guest.ask(TOPIC)
    guest.visitor.run("document.body.replaceWith(document.createElement('body'))")
    assert guest.shown(".turn")
    guest.visitor.run(
        "document.documentElement.replaceWith(document.createElement('html'));"
        "document.documentElement.append(document.createElement('body'))"
    )
    guest.until(lambda: guest.visitor.run("return !!document.querySelector('mentor-widget')"))
    guest.one("textarea").send_keys(TOPIC, Keys.ENTER)
    guest.until(lambda: len(guest.all(".turn blockquote")) == 6)


def test_a_second_copy_of_the_script_rests(browse: Browse, place: Place) -> None:
    copies = place.script() + place.script().replace("widget.js", "widget/v1.js")
    guest = Guest(browse("en")).visit(place.put("/twice", LISTEN + copies)).open()
    assert guest.visitor.run("return document.querySelectorAll('mentor-widget').length") == 1
    assert [name for name, _ in guest.heard()] == ["ready", "open"]


def test_a_script_that_runs_before_there_is_a_body_works_as_well(
    browse: Browse, place: Place
) -> None:
    script = place.script().replace(" defer", "")
    page = f"<!doctype html><html lang=en><head>{script}<title>a</title></head><p>A page</p></html>"
    guest = Guest(browse("en")).visit(place.put_whole("/early", page)).open()
    assert guest.visitor.run("return document.body.textContent") == "A page"
    guest.ask(TOPIC)
    assert CHOOSE in guest.text(".turn")


def test_without_storage_it_still_answers(browse: Browse, place: Place) -> None:
    none = "<script>Object.defineProperty(window, 'sessionStorage', {get() { throw 1; }})</script>"
    page = f"<!doctype html><html><head>{none}{place.script()}</head><body></body></html>"
    guest = Guest(browse("en")).visit(place.put_whole("/nowhere", page)).open()
    guest.ask(TOPIC)
    assert CHOOSE in guest.text(".turn")
    assert console(guest) == ""


def test_nothing_is_fetched_before_it_is_opened_and_nothing_is_left_behind(
    browse: Browse, place: Place
) -> None:
    guest = Guest(browse("en"))
    guest.visit(url := place.put("/", LISTEN))
    asked = guest.visitor.requests()
    assert [one for one in asked if one.startswith(place.address)] == [f"{place.address}/widget.js"]
    guest.open().ask(TOPIC)
    asked = guest.visitor.requests()
    assert {one.partition("?")[0] for one in asked} == {
        f"{place.address}/api/widget", f"{place.address}/api/chat",
    }  # fmt: skip
    kept = "return [document.cookie, localStorage.length, sessionStorage.length]"
    assert guest.visitor.run(kept) == ["", 0, 1]
    made = "return Object.keys(window).filter((name) => /mentor/i.test(name))"
    assert guest.visitor.run(made) == ["Mentor"]
    assert guest.visitor.run("return document.body.children.length") == 1
    guest.visitor.driver.get(url)
    guest.until(lambda: CHOOSE in guest.text(".turn"))  # still there, and still closed
    assert guest.shown(".card") == []
    assert [one for one in guest.visitor.requests() if "/api/" in one] == []
    guest.one(".launcher").click()
    guest.click(".bar button")
    assert guest.visitor.run(kept) == ["", 0, 0]
    assert guest.all(".turn") == []
    assert guest.focused() == "textarea"


def test_the_page_can_open_ask_close_and_remove_it(browse: Browse, place: Place) -> None:
    guest = Guest(browse("en")).visit(place.put("/", LISTEN))
    run = guest.visitor.driver.execute_async_script
    status = "const done = arguments[0]; Mentor.ask('A topic?').then((a) => done(a.status))"
    assert run(status) == "answered"
    assert guest.shown(".card")
    guest.visitor.run("Mentor.close()")
    assert guest.shown(".card") == []
    guest.visitor.run("Mentor.open()")
    assert guest.focused() == "textarea"
    assert [name for name, _ in guest.heard()] == ["ready", "open", "answer", "close", "open"]
    answer = guest.heard()[2][1]
    assert (answer["question"], answer["status"]) == ("A topic?", "answered")
    assert answer["answer"]["sentences"][0]["text"] == CHOOSE
    guest.visitor.run("Mentor.destroy()")
    there = "return !!document.querySelector('mentor-widget') || 'Mentor' in window"
    assert not guest.visitor.run(there)
    guest.visitor.run(
        "const script = document.createElement('script');"
        "script.src = arguments[0]; document.head.append(script)",
        f"{place.address}/widget.js",
    )
    guest.until(lambda: guest.visitor.run(there))
    guest.until(lambda: CHOOSE in guest.text(".turn"))


def test_what_is_typed_is_no_shortcut_of_the_page(browse: Browse, place: Place) -> None:
    keys = "<script>window.keys = 0; document.addEventListener('keydown', () => keys++)</script>"
    guest = Guest(browse("en")).visit(place.put("/keys", keys)).open()
    guest.one("textarea").send_keys("s/?")
    assert guest.visitor.run("return keys") == 0
    assert guest.one("textarea").get_property("value") == "s/?"
