"""Systems under test: each form is read as it was meant, and nothing that goes wrong gets out."""

import asyncio
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fakes import write, write_corpus
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import LINEAR, growth

from eval.cases import Case
from eval.reply import Cited, Reply, Said, Target
from eval.targets import open_target, recorded
from rag import Mentor, Settings
from ui.render import as_json

ROOT = Path(__file__).resolve().parent.parent
CURIOSITY = "选课题最重要的标准是好奇心。"
WRITING = "写作是整理想法的办法。"
HOURS = "You need ten thousand hours of practice."
CASE = Case("q1", "topic", "zh", "怎么选课题?", (("notes", CURIOSITY),))
SOURCES = [{"doc_id": "notes", "quote": CURIOSITY}, {"title": "A talk with Ann", "text": HOURS}]
FIRST, SECOND = Cited(1, "notes", CURIOSITY), Cited(2, "talk", HOURS)


@pytest.fixture(scope="module")
def mentor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mentor]:
    """The three tiny essays, with the shipped model."""
    folder = tmp_path_factory.mktemp("targets")
    corpus = write_corpus(folder / "corpus")
    opened = Mentor.open(Settings(corpus_dir=corpus, index_dir=folder / "index"))
    with closing(opened) as mentor:
        yield mentor


# --- Mentor -------------------------------------------------------------------------------------


def test_mentor_is_read_as_it_answered(mentor: Mentor) -> None:
    reply = open_target("mentor", mentor, mentor.documents)(CASE)
    answer = mentor.ask(CASE.question)
    assert reply.outcome == answer.status == "answered"
    assert [said.text for said in reply.said] == [s.text for s in answer.sentences]
    for said in reply.said:
        for cited in said.citations:
            text = mentor.documents[cited.doc_id].text
            assert text[cited.start : cited.end] == cited.quote
    assert [(f.doc_id, f.start) for f in reply.found] == [
        (hit.passage.doc_id, hit.passage.span.start) for hit in answer.hits
    ]
    assert reply.evidence == mentor.weigh(CASE.question)[0]
    assert reply.ms is not None
    assert reply.ms > 0


def test_mentor_reads_the_earlier_questions_of_a_case(mentor: Mentor) -> None:
    target = open_target("mentor", mentor, mentor.documents)
    told = target(replace(CASE, question="为什么?", history=("为什么要写作?",)))
    assert told.evidence == mentor.weigh("为什么?", ("为什么要写作?",))[0]
    assert told.evidence != target(replace(CASE, question="为什么?")).evidence


def test_a_question_that_mentor_does_not_take_is_a_failed_reply(mentor: Mentor) -> None:
    reply = open_target("mentor", mentor, mentor.documents)(replace(CASE, question=" "))
    assert (reply.outcome, reply.said) == ("failed", ())
    assert reply.error.startswith("请写下你的问题")


# --- the name of a system -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "names no system"),
        ("mentor:2", "names no system"),
        ("http://127.0.0.1/v1", "names no system"),
        ("openai:", "no address"),
        ("openai:127.0.0.1/v1", "no address"),
        ("python:no_such_module:answer", "'no_such_module' cannot be imported"),
        ("python::answer", "cannot be imported"),
        (f"python:{__name__}:no_such_function", "has no function 'no_such_function'"),
        (f"python:{__name__}:CASE", "has no function 'CASE'"),
        (f"python:{__name__}", "has no function ''"),
    ],
)
def test_a_system_that_cannot_be_opened_is_one_line(mentor: Mentor, spec: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        open_target(spec, mentor, mentor.documents)
    assert "\n" not in str(caught.value)


def test_without_the_openai_library_the_way_to_get_it_is_named() -> None:
    program = """
import sys
sys.modules["openai"] = None
from eval.targets import open_target
open_target("mentor", None, {})
try:
    open_target("openai:http://127.0.0.1:9/v1", None, {})
except ValueError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.count("\n") == 1
    assert 'pip install -e ".[eval]"' in done.stdout


# --- a text -------------------------------------------------------------------------------------


def _read(mentor: Mentor, tmp_path: Path, row: Mapping[str, Any]) -> Reply:
    path = tmp_path / "answers.jsonl"
    write(path, json.dumps({"id": CASE.id, **row}, ensure_ascii=False))
    return recorded(path, [CASE], mentor.documents)(CASE)


def _numbers(reply: Reply) -> list[tuple[str, list[int]]]:
    return [(said.text, [cited.n for cited in said.citations]) for said in reply.said]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Be curious [1].", [("Be curious.", [1])]),
        ("Be curious. [1]", [("Be curious.", [1])]),
        ("Be curious.[1]", [("Be curious.", [1])]),
        ("Be curious [1][2].", [("Be curious.", [1, 2])]),
        ("Be curious [1] [2].", [("Be curious.", [1, 2])]),
        ("Be curious [1, 2].", [("Be curious.", [1, 2])]),
        ("Be curious [1-3].", [("Be curious.", [1, 2, 3])]),
        ("Be curious [1–3, 7].", [("Be curious.", [1, 2, 3, 7])]),
        ("Be curious [3-1][1-999].", [("Be curious.", [3, 1, 999])]),
        ("Be curious [2][2, 1].", [("Be curious.", [2, 1])]),
        ("Be curious [^1].", [("Be curious.", [1])]),
        ('Be curious [1](#cite-a-0-9-x "A: b").', [("Be curious.", [1])]),
        ("Be curious.[1] Then work.[2]", [("Be curious.", [1]), ("Then work.", [2])]),
        ("Be curious. [1] Then work. [2]", [("Be curious.", [1]), ("Then work.", [2])]),
        ("Be curious.[1]Then work.", [("Be curious.", [1]), ("Then work.", [])]),
        ("Be curious [1] and work [2]. Rest.", [("Be curious and work.", [1, 2]), ("Rest.", [])]),
        (
            "要好奇【1】。多读论文。【2】再写作。",
            [("要好奇。", [1]), ("多读论文。", [2]), ("再写作。", [])],
        ),
        ("要好奇[1]也要热情。\uff3b2\uff3d多读。", [("要好奇也要热情。", [1, 2]), ("多读。", [])]),
        ("- Be curious [1]\n- Work [2]", [("Be curious", [1]), ("Work", [2])]),
        ("Be curious.\n[2]\nWork.", [("Be curious.", [2]), ("Work.", [])]),
        ("[1] Be curious.\nWork hard.", [("Be curious.", [1]), ("Work hard.", [])]),
        ("“Be curious.” [1]", [("“Be curious.”", [1])]),
        # not a citation
        ("Be curious (1).", [("Be curious (1).", [])]),
        ("Be curious [sic].", [("Be curious [sic].", [])]),
        ("It was in [2024].", [("It was in [2024].", [])]),
    ],
)
def test_marks_are_taken_off_and_given_to_the_sentence_they_end(
    mentor: Mentor, tmp_path: Path, text: str, read: list[tuple[str, list[int]]]
) -> None:
    reply = _read(mentor, tmp_path, {"text": text})
    assert reply.outcome == "answered"
    assert _numbers(reply) == read


def test_a_number_without_a_source_is_a_citation_of_nothing(mentor: Mentor, tmp_path: Path) -> None:
    reply = _read(mentor, tmp_path, {"text": "Be curious [1][9].", "sources": SOURCES})
    assert reply.said == (Said("Be curious.", (FIRST, Cited(9, "", ""))),)


@pytest.mark.parametrize(
    ("source", "cited"),
    [
        (CURIOSITY, FIRST),
        (
            f" {CURIOSITY[:5]} {CURIOSITY[5:]}",
            Cited(1, "notes", f" {CURIOSITY[:5]} {CURIOSITY[5:]}"),
        ),
        ({"content": CURIOSITY}, FIRST),
        ({"snippet": CURIOSITY, "score": 0.5}, FIRST),
        ({"id": "notes", "chunk": CURIOSITY}, FIRST),
        ({"title": "《读研随笔》", "text": CURIOSITY}, FIRST),
        (
            {"doc_id": "notes", "quote": CURIOSITY, "start": 12, "end": 26},
            Cited(1, "notes", CURIOSITY, 12, 26),
        ),
        # offsets into a file that is not known
        ({"id": "chunk 7", "text": CURIOSITY, "start": 12, "end": 26}, FIRST),
        # the essay that it names, even where the words stand in another: the judges will see it
        ({"doc_id": "talk", "text": CURIOSITY}, Cited(1, "talk", CURIOSITY)),
        # only the longest sentence stands in an essay
        ({"text": f"{CURIOSITY}好吗?"}, Cited(1, "notes", f"{CURIOSITY}好吗?")),
        ({"text": "没有哪篇文章这样说过。"}, Cited(1, "", "没有哪篇文章这样说过。")),
        ("notes", Cited(1, "notes", "")),
        ("读研随笔", Cited(1, "notes", "")),
        (f"读研随笔: “{CURIOSITY}”", FIRST),
        (f"A talk with Ann: “{CURIOSITY}”", Cited(1, "talk", CURIOSITY)),
        (f"A talk with Ann - {HOURS}", Cited(1, "talk", HOURS)),
        ("读研随笔: “没有这样说过的话。”", Cited(1, "notes", "没有这样说过的话。")),
        ({"doc_id": "notes"}, Cited(1, "notes", "")),
        ({}, Cited(1, "", "")),
        ({"text": 7, "id": ["notes"], "start": "x"}, Cited(1, "", "7")),
    ],
)
def test_a_source_is_the_essay_it_names_or_the_one_its_words_stand_in(
    mentor: Mentor, tmp_path: Path, source: object, cited: Cited
) -> None:
    reply = _read(mentor, tmp_path, {"text": "要好奇[1]。", "sources": [source]})
    assert reply.said == (Said("要好奇。", (cited,)),)


def test_an_essay_is_known_by_its_address(shelf: Mentor, tmp_path: Path) -> None:
    addresses = {d.url: d.id for d in shelf.documents.values() if d.url}
    sources = [f"<{url}/>." for url in addresses] + [{"url": url} for url in addresses]
    marks = "".join(f"[{n}]" for n in range(1, len(sources) + 1))
    reply = _read(shelf, tmp_path, {"text": f"要好奇{marks}。", "sources": sources})
    assert [c.doc_id for c in reply.said[0].citations] == list(addresses.values()) * 2


def test_sources_are_numbered_as_they_say_or_by_their_place(mentor: Mentor, tmp_path: Path) -> None:
    sources = [{"n": 5, "text": HOURS}, {"index": "7", "text": WRITING}, CURIOSITY, {"n": 5}]
    reply = _read(mentor, tmp_path, {"text": "要好奇[5][7][3]。", "sources": sources})
    cited = reply.said[0].citations
    assert [(c.n, c.quote) for c in cited] == [(5, HOURS), (7, WRITING), (3, CURIOSITY)]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("他说“最重要的标准是好奇心”[1]。", "最重要的标准是好奇心"),
        ("他说「最重要的标准是好奇心」和“好奇”[1]。", "最重要的标准是好奇心"),
        ("他说“最重要的是运气和钱”[1]。", CURIOSITY),  # not in the source
        ("他看重“好奇”[1]。", CURIOSITY),  # too short to prove anything
    ],
)
def test_what_a_sentence_quotes_of_its_source_is_the_quote(
    mentor: Mentor, tmp_path: Path, text: str, quote: str
) -> None:
    for source in (CURIOSITY, {"doc_id": "notes", "text": CURIOSITY, "start": 12, "end": 26}):
        [said] = _read(mentor, tmp_path, {"text": text, "sources": [source]}).said
        assert said.citations[0].quote == quote
        assert (said.citations[0].start >= 0) == (quote == CURIOSITY and isinstance(source, dict))


def test_quoted_words_are_looked_for_in_an_essay_of_which_only_the_name_is_given(
    mentor: Mentor, tmp_path: Path
) -> None:
    text = "他说“最重要的标准是好奇心”[1],她说“ten thousand hours”[1]。"
    [said] = _read(mentor, tmp_path, {"text": text, "sources": ["notes"]}).said
    assert said.citations == (Cited(1, "notes", "最重要的标准是好奇心"),)


# --- a list of sources at the end of a text -----------------------------------------------------


@pytest.mark.parametrize(
    "tail",
    [
        f"\n\n[1] 读研随笔: “{CURIOSITY}”\n[2] A talk with Ann: “{HOURS}”",
        f"\n\nSources:\n[1] 读研随笔: “{CURIOSITY}”\n[2] A talk with Ann: “{HOURS}”\n",
        f"\n\n**参考资料**:\n\n1. 读研随笔「{CURIOSITY}」\n2. {HOURS}",
        f"\n## 来源\n- {CURIOSITY}\n- {HOURS}",
        f"\n[1] 读研随笔 · 笔者\n      “{CURIOSITY}”\n[2] A talk with Ann\n      “{HOURS}”",
        f"\n\n【2】A talk with Ann: “{HOURS}”\n【1】{CURIOSITY}",
    ],
)
def test_a_list_at_the_end_is_read_as_sources_and_no_part_of_the_answer(
    mentor: Mentor, tmp_path: Path, tail: str
) -> None:
    reply = _read(mentor, tmp_path, {"text": f"要好奇[1]。\nPractise [2].{tail}"})
    assert reply.said == (Said("要好奇。", (FIRST,)), Said("Practise.", (SECOND,)))


def test_a_paragraph_behind_the_list_is_part_of_the_answer(mentor: Mentor, tmp_path: Path) -> None:
    text = f"要好奇[1]。\n\n来源:\n[1] {CURIOSITY}\n\n祝你顺利!"
    assert _read(mentor, tmp_path, {"text": text}).said == (
        Said("要好奇。", (FIRST,)),
        Said("祝你顺利!"),
    )


def test_a_list_is_taken_off_though_the_sources_came_beside_it(
    mentor: Mentor, tmp_path: Path
) -> None:
    row = {"text": f"要好奇[1]。\n\n[1] {WRITING}", "sources": SOURCES}
    assert _read(mentor, tmp_path, row).said == (Said("要好奇。", (FIRST,)),)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("[1] Be curious.\n[2] Work.", [("Be curious.", [1]), ("Work.", [2])]),  # nothing else
        ("Sources:\n[1] Be curious.", [("Sources:", []), ("Be curious.", [1])]),
        # no number of it is cited above
        ("Be curious.\n[2] Work hard.", [("Be curious.", []), ("Work hard.", [2])]),
        ("Read.\n\nSources\nare many.", [("Read.", []), ("Sources", []), ("are many.", [])]),
        ("References: read papers.", [("References: read papers.", [])]),
    ],
)
def test_what_only_looks_like_a_list_of_sources_stays(
    mentor: Mentor, tmp_path: Path, text: str, read: list[tuple[str, list[int]]]
) -> None:
    assert _numbers(_read(mentor, tmp_path, {"text": text})) == read


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "I’m sorry, but I really don’t know.",
        "Thank you for asking. Sadly I cannot answer that. Ask me something else!",
        "This question cannot be answered from the context.",
        "I could not find anything about that.",
        "The essays do not mention salaries.",
        "The provided documents don't directly address this.",
        "That is not mentioned in the essays.",
        "This is not in the provided text.",
        "There is no information about it.",
        "These essays do not say, so I do not know.",
        "我不知道。",
        "抱歉,我无法回答这个问题。",
        "文章没有提到工资。",
        "原文中并未明确提及这一点。",
        "文章里没有讨论这个问题。",
        "没有找到相关内容。",
        "没有相关信息。",
        "不清楚。",
        "这几篇文章没有谈到这个问题,我不知道。",
    ],
)
def test_a_text_that_says_it_does_not_know_refuses(
    mentor: Mentor, tmp_path: Path, text: str
) -> None:
    assert _read(mentor, tmp_path, {"text": text, "sources": SOURCES}) == Reply("refused")
    assert _read(mentor, tmp_path, {"text": f"{text} 要好奇[1]。"}).outcome == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "If you do not know what to do, read.",
        "If you cannot find a topic, talk to people.",
        "Papers that do not include code are hard to trust.",
        "很多人开始时,不知道怎么选课题。",
        "你没有说出来的想法都会被忽略。",
        "如果没有找到课题,就多读论文。",
        "没有足够的时间,就少做几件事。",
        "多读。多写。多想。问问别人。我不知道还有什么。",
    ],
)
def test_advice_to_somebody_who_does_not_know_is_an_answer(
    mentor: Mentor, tmp_path: Path, text: str
) -> None:
    assert _read(mentor, tmp_path, {"text": text}).outcome == "answered"


def test_what_mentor_itself_says_when_it_refuses_is_a_refusal(
    mentor: Mentor, tmp_path: Path
) -> None:
    for question in ("今天天气怎么样?", "Where can I rent a flat?"):
        answer = mentor.ask(question)
        assert answer.status == "refused"
        assert _read(mentor, tmp_path, {"text": answer.lead}).outcome == "refused"


@pytest.mark.parametrize("text", ["", " \n", "…", "[1]", "##"])
def test_a_text_without_words_is_failed(mentor: Mentor, tmp_path: Path, text: str) -> None:
    assert _read(mentor, tmp_path, {"text": text}) == Reply("failed", error="empty answer")


def test_a_text_past_the_limit_is_failed(mentor: Mentor, tmp_path: Path) -> None:
    assert _read(mentor, tmp_path, {"text": "字" * 100_000}).outcome == "answered"
    failed = Reply("failed", error="answer too long")
    assert _read(mentor, tmp_path, {"text": "字" * 100_001}) == failed
    sentences = [{"text": "字" * 50_001}] * 2
    assert _read(mentor, tmp_path, {"status": "answered", "sentences": sentences}) == failed


@pytest.mark.parametrize(
    "piece",
    [
        "[1-999]",
        '[1](#a "',
        " \t",
        "来源\n[1] x\n",
        "“",
        '"',
        "*",
        "[1]\n",
        "sources*",
        "1. a\n",
        "文章",
    ],
)
def test_a_hostile_text_is_read_in_time_that_grows_with_its_length(
    mentor: Mentor, tmp_path: Path, piece: str
) -> None:
    calls = itertools.count()  # what has been read once may be remembered

    def read(size: int) -> None:
        text = f"要好奇[1]。{piece * (size // len(piece))}x{next(calls)}"
        assert _read(mentor, tmp_path, {"text": text, "sources": [text] * 5}).outcome == "answered"

    assert growth(read, 99_000) < LINEAR


@given(
    text=st.text(st.sampled_from("[]1,-9】【 。.\n“”:来源ab*")),
    sources=st.lists(st.text("abc1[]“”")),
)
@settings(max_examples=200)
def test_any_text_is_a_reply(mentor: Mentor, text: str, sources: list[str]) -> None:
    SPOKEN["told"] = {"text": text, "sources": sources}
    reply = open_target(f"python:{__name__}:repeats", mentor, mentor.documents)(CASE)
    assert reply.outcome in {"answered", "refused"} or reply.error == "empty answer"
    assert (reply.outcome == "answered") == bool(reply.said)


# --- a function ---------------------------------------------------------------------------------

SPOKEN: dict[str, Any] = {}


def repeats(question: str, history: list[str]) -> Any:
    return SPOKEN["told"]


def echoes(question: str, history: list[str]) -> str:
    return f"{question} {'+'.join(history)}"


def breaks(question: str, history: list[str]) -> str:
    raise RuntimeError(f"no\nluck\x1b[31m with {question}" + "!" * 1000)


def leaves(question: str, history: list[str]) -> str:
    sys.exit("gone")


def wants_more(question: str, history: list[str], mood: str) -> str:
    return mood


def counts(question: str, history: list[str]) -> int:
    return 7


def sets(question: str, history: list[str]) -> object:
    return {"text": {question}}


def halves(question: str, history: list[str]) -> object:
    return {"status": "answered", "sentences": [{"text": "a", "citations": [{"n": "1"}]}]}


def surrogates(question: str, history: list[str]) -> object:
    return {"text": "\ud800好"}


def _called(mentor: Mentor, function: Callable[..., object], case: Case = CASE) -> Reply:
    return open_target(f"python:{__name__}:{function.__name__}", mentor, mentor.documents)(case)


def test_a_function_gets_question_and_history_and_may_return_a_text(mentor: Mentor) -> None:
    reply = _called(mentor, echoes, replace(CASE, history=("a", "b")))
    assert [said.text for said in reply.said] == [CASE.question, "a+b"]
    assert reply.ms is not None


def test_a_function_may_return_an_answer(mentor: Mentor) -> None:
    answer = mentor.ask(CASE.question)
    SPOKEN["told"] = as_json(answer)
    told, asked = _called(mentor, repeats), open_target("mentor", mentor, mentor.documents)(CASE)
    assert told.ms is not None
    assert replace(told, ms=None) == replace(asked, ms=None, evidence=None)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (breaks, "RuntimeError: no luck [31m with 怎么选课题?!!!"),
        (leaves, "SystemExit: gone"),
        (wants_more, "TypeError: wants_more() missing 1 required positional argument"),
        (counts, "neither a text nor an object, but int"),
        (sets, "not JSON (Object of type set is not JSON serializable)"),
        (halves, "sentences.0.citations.0.n: Input should be a valid integer"),
    ],
)
def test_whatever_a_function_does_wrong_is_a_failed_reply(
    mentor: Mentor, function: Callable[..., object], error: str
) -> None:
    reply = _called(mentor, function)
    assert reply.outcome == "failed"
    assert reply.error.startswith(error)
    assert len(reply.error) <= 200
    assert reply.error.isprintable()


def test_half_a_character_is_replaced(mentor: Mentor) -> None:
    assert _called(mentor, surrogates).said == (Said("?好"),)


# --- a file of answers --------------------------------------------------------------------------


def test_answers_are_given_by_their_id(mentor: Mentor, tmp_path: Path) -> None:
    rows = [
        as_json(mentor.ask(CASE.question)) | {"id": "q1"},
        {
            "id": "q2",
            "text": "要好奇[2]。",
            "sources": ["?", {"doc_id": "notes", "quote": CURIOSITY}],
        },
        {"id": 3, "error": "timed out\nafter 60 s"},
        {"id": "q9", "status": "refused"},
    ]
    path = tmp_path / "answers.jsonl"
    write(path, "\ufeff" + "\n\n".join(json.dumps(row) for row in rows) + "\n")
    cases = [replace(CASE, id=id_) for id_ in ("q1", "q2", "3", "q4", "q9")]
    target = recorded(path, cases, mentor.documents)
    first, second, third, fourth, fifth = map(target, cases)
    asked = open_target("mentor", mentor, mentor.documents)(CASE)
    assert (first.said, first.found) == (asked.said, asked.found)
    assert first.ms is not None
    assert second.said == (Said("要好奇。", (Cited(2, "notes", CURIOSITY),)),)
    assert third == Reply("failed", error="timed out after 60 s")
    assert fourth == Reply("failed", error="no answer with the id q4")
    assert fifth == Reply("refused")
    assert target.name == str(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        ("[]", "line 2: not an object"),
        ("{}", "line 2: id: missing"),
        ('{"id": true}', "line 2: id: "),
        ('{"id": "q2"}', "line 2: status: Field required"),
        ('{"id": "q2", "status": "maybe"}', "line 2: status: "),
        ('{"id": "q2", "error": 7}', "line 2: error: "),
        ('{"id": "q2", "text": null}', "line 2: text: "),
        ('{"id": "q2", "text": "a", "sources": [7]}', "line 2: sources.0"),
        ('{"id": "q2", "status": "answered", "sentences": [{}]}', "line 2: sentences.0.text: "),
        (
            '{"id": "q2", "status": "answered", "sentences": [{"text": "a", "citations": [7]}]}',
            "line 2: sentences.0.citations.0: ",
        ),
        ('{"id": "q2", "status": "refused", "hits": [{"doc_id": "a"}]}', "line 2: hits.0.start: "),
        ('{"id": "q1", "status": "refused"}', "line 2: id: 'q1' has come before"),
    ],
)
def test_a_wrong_row_is_named_by_file_line_and_field(
    mentor: Mentor, tmp_path: Path, line: str, says: str
) -> None:
    path = tmp_path / "answers.jsonl"
    write(path, f'{{"id": "q1", "status": "refused"}}\n{line}\n')
    with pytest.raises(ValueError, match=says) as caught:
        recorded(path, [CASE], mentor.documents)
    assert str(caught.value).startswith(f"{path}: line 2: ")


def test_a_file_for_other_questions_is_an_error(mentor: Mentor, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    write(path, '{"id": "q2", "status": "refused"}\n')
    with pytest.raises(ValueError, match="id: no row is for any of the 1 questions"):
        recorded(path, [CASE], mentor.documents)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="UTF-8"):
        recorded(path, [CASE], mentor.documents)


def test_the_examples_of_the_documentation_are_read(shelf: Mentor, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "answers-format.md").read_text(encoding="utf-8")
    rows = [part.split("\n```")[0] for part in page.split("```json\n")[1:]]
    assert len(rows) == 3
    path = tmp_path / "answers.jsonl"
    write(path, "\n".join(rows))
    cases = [replace(CASE, id=f"q{n}") for n in (1, 2, 3)]
    first, second, third = map(recorded(path, cases, shelf.documents), cases)
    assert first == second
    [said] = first.said
    assert said.citations[0].quote in shelf.documents["kaiming_he_qa"].text
    assert third == Reply("failed", error="timed out")


# --- a chat endpoint ----------------------------------------------------------------------------


async def _drops() -> AsyncIterator[bytes]:
    """Never silent for long, and never done."""
    for _ in range(600):
        yield b" "
        await asyncio.sleep(0.1)


class Script:
    """A chat endpoint that says what its question asks for, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self.reply)

    async def reply(self, request: Request) -> Response:
        sent = await request.json()
        self.sent.append(sent)
        self.keys.append(request.headers["authorization"])
        how = sent["messages"][-1]["content"]
        if how == "hang":
            await asyncio.sleep(60)
        if how == "drip":
            return StreamingResponse(_drops())
        if how == "fail":
            return Response('{"error": {"message": "out of memory"}}', 500)
        if how == "once" and len(self.sent) == 1:
            return Response("busy", 503, {"retry-after-ms": "1"})
        bodies = {
            "malformed": '{"choices": [',
            "nothing": "",
            "page": "<html>",
            "list": "[]",
            "none": '{"choices": []}',
            "large": '{"choices": [{"message": {"content": "' + "字" * 2_000_000 + '"}}]}',
            "parts": '{"choices": [{"message": {"content": [{"type": "text"}]}}]}',
        }
        return Response(bodies.get(how, json.dumps(self.completion(how))))

    def completion(self, how: str) -> dict[str, Any]:
        texts = {"empty": "", "null": None, "dangling": "要好奇[1][8]。", "refuse": "我不知道。"}
        message = {"role": "assistant", "content": texts.get(how, "要好奇[1]。Practise [2].")}
        body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        if how == "inside":
            message["context"] = SOURCES
        elif how != "bare":
            body |= {"sources": "none", "citations": SOURCES}
        return body | {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Script, str]]:
    script = Script()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    config = uvicorn.Config(script.app, host="127.0.0.1", port=port, log_level="critical")
    config.timeout_graceful_shutdown = 1  # for what still hangs
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield script, f"openai:http://127.0.0.1:{port}/v1#small"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def script(served: tuple[Script, str]) -> Script:
    served[0].sent.clear()
    served[0].keys.clear()
    return served[0]


@pytest.fixture
def endpoint(served: tuple[Script, str], mentor: Mentor) -> Target:
    return open_target(served[1], mentor, mentor.documents, key="k", timeout_s=30, retries=0)


def _how(word: str) -> Case:
    return replace(CASE, question=word)


@pytest.mark.parametrize("how", ["beside", "inside"])
def test_sources_come_beside_the_choices_or_in_the_message(endpoint: Target, how: str) -> None:
    reply = endpoint(_how(how))
    assert reply.outcome == "answered"
    assert reply.said == (Said("要好奇。", (FIRST,)), Said("Practise.", (SECOND,)))
    assert reply.ms is not None
    assert reply.ms > 0


@pytest.mark.parametrize("how", ["bare", "dangling"])
def test_marks_of_an_endpoint_without_sources_dangle(endpoint: Target, how: str) -> None:
    reply = endpoint(_how(how))
    assert reply.said[-1].citations[-1].quote == ""
    assert reply.outcome == "answered"


def test_an_endpoint_is_told_model_key_and_conversation(script: Script, endpoint: Target) -> None:
    endpoint(replace(CASE, history=("one", "two")))
    assert script.keys == ["Bearer k"]
    [sent] = script.sent
    assert sent["model"] == "small"
    turns = [(message["role"], message["content"]) for message in sent["messages"]]
    assert [role for role, _ in turns] == ["user", "assistant"] * 2 + ["user"]
    assert [text for role, text in turns if role == "user"] == ["one", "two", CASE.question]
    assert all(text for _, text in turns)


def test_an_endpoint_refuses_in_words(endpoint: Target) -> None:
    assert endpoint(_how("refuse")).outcome == "refused"


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("fail", "InternalServerError: "),
        ("malformed", "not JSON"),
        ("nothing", "not JSON"),
        ("page", "not JSON"),
        ("list", "the whole: Input should be"),
        ("none", "choices: "),
        ("parts", "choices.0.message.content: "),
        ("large", "answer too long"),
        ("empty", "empty answer"),
        ("null", "empty answer"),
        ("\ud800", "UnicodeEncodeError: "),
    ],
)
def test_whatever_an_endpoint_does_wrong_is_a_failed_reply(
    endpoint: Target, how: str, error: str
) -> None:
    reply = endpoint(_how(how))
    assert (reply.outcome, reply.said) == ("failed", ())
    assert reply.error.startswith(error)


@pytest.mark.parametrize(("how", "error"), [("hang", "APITimeoutError: "), ("drip", "timed out")])
def test_an_endpoint_that_takes_too_long_is_a_failed_reply(
    served: tuple[Script, str], mentor: Mentor, how: str, error: str
) -> None:
    """It would take a minute."""
    target = open_target(served[1], mentor, mentor.documents, key="k", timeout_s=1.5, retries=0)
    started = time.monotonic()
    reply = target(_how(how))
    assert (reply.outcome, reply.said) == ("failed", ())
    assert reply.error.startswith(error)
    assert time.monotonic() - started < 30


def test_an_endpoint_that_is_busy_is_asked_again(
    script: Script, served: tuple[Script, str], mentor: Mentor
) -> None:
    target = open_target(served[1], mentor, mentor.documents, timeout_s=30, retries=1)
    assert target(_how("once")).outcome == "answered"
    assert len(script.sent) == 2


def test_an_endpoint_that_nobody_serves_is_a_failed_reply(mentor: Mentor) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        spec = f"openai:http://127.0.0.1:{found.getsockname()[1]}/v1"
        reply = open_target(spec, mentor, mentor.documents, retries=0)(CASE)
    assert reply.outcome == "failed"
    assert reply.error.startswith("APIConnectionError: ")
