from collections.abc import Iterator

import pytest
from web_fakes import FakeMentor

from ui.render import escaped
from ui.turns import ChatMessage, last_turn, replies, restored, settled
from ui.words import words_of

ZH, EN = words_of("zh"), words_of("en")


def asked(question: str) -> ChatMessage:
    return {"role": "user", "content": [{"type": "text", "text": escaped(question)}]}


def told(question: str, history: list[ChatMessage] | None = None) -> Iterator[ChatMessage]:
    return replies(FakeMentor(), question, history or [], words=EN)


def test_a_reply_searches_then_says_what_was_found_then_answers() -> None:
    messages = [message["content"] for message in told("a topic")]
    assert "Searching" in messages[0]
    assert "1 passage found" in messages[1]
    assert all(message.startswith('<div class="growing">') for message in messages[:-1])
    assert "growing" not in messages[-1]
    assert messages[-1].startswith("On choosing a topic")


def test_a_reply_that_was_stopped_keeps_its_sentences_and_says_so() -> None:
    growing = list(told("a topic"))[-2]
    stays = settled(growing, EN)["content"]
    assert stays.startswith('<div class="stopped">')
    assert "我认为选择课题" in stays
    assert EN.stopped in stays
    assert EN.found_one not in stays
    assert stays.count("<div") == stays.count("</div>") == 1


def test_a_reply_that_was_stopped_before_its_first_sentence_says_only_that() -> None:
    first = settled(next(iter(told("a topic"))), EN)["content"]
    assert EN.searching not in first
    assert EN.stopped in first


def test_a_whole_reply_and_a_question_stay_as_they_are() -> None:
    whole = list(told("a topic"))[-1]
    assert settled(whole, EN) == whole
    question = asked('<div class="growing">')
    assert settled(question, EN) == question


@pytest.mark.parametrize("kept", [None, "text", {"role": "user"}, [1, {"role": "user"}, []]])
def test_what_a_browser_kept_wrongly_is_forgotten(kept: object) -> None:
    assert restored(kept) == []


def test_what_a_browser_kept_is_restored() -> None:
    kept = [asked("*why*?"), {"role": "assistant", "content": "so"}]
    assert restored(kept) == kept


def test_the_last_question_is_given_as_it_was_typed() -> None:
    history = [asked("1. a"), {"role": "assistant", "content": "b"}, asked("*c* <d>?")]
    assert last_turn(history) == (history[:2], "*c* <d>?")
    assert last_turn([*history, {"role": "assistant", "content": "e"}])[1] == "*c* <d>?"
    assert last_turn([]) == ([], "")


def test_a_page_of_taiwan_frames_in_its_characters_and_quotes_the_essay_in_its_own() -> None:
    answers = list(replies(FakeMentor(), "怎么选课题?", [], words=words_of("zh-TW")))
    text = answers[-1]["content"]
    assert "出處" in text
    assert "關於選題" in text
    assert "我认为选择课题最重要的标准是你对问题的好奇心和热情" in text
    assert answers[-1]["options"][0] == {"value": "怎么选课题?", "label": "怎麼選課題?"}
