"""A model's answer is shown where its sentences are proved; else the quotes, and never less."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fakes import tiny
from model_fakes import LIES, QUESTIONS, TRUTHS, Desk, says, talking

from eval.cases import Case
from eval.cases import read as cases
from eval.drafts import read as drafts
from eval.protocols import Prompt
from eval.scripted import Cut, Pause, Provider, Script, Status, Step, in_chunks
from eval.written import Player
from rag import Answer, Document, Hit, Lang, Mentor, Passage, Sentence, wording
from rag.answer import Quoter
from rag.compose import Composer, Said
from rag.enrich import enrich
from rag.load import load

LANGS: tuple[Lang, ...] = ("zh", "en")


def _never() -> bool:
    return False


def _texts(sentences: Sequence[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]


# --- the rules, with a checker that is told what to find ------------------------------------------

SURE, CLOSE = 0.9, 0.3
# As a model may put what the tiny essays say, and the words by which a checker knows the passage.
TOPIC, AGAIN, END, READING, WRITING, FALSE = (
    "选课题看的是好奇心。",
    "好奇心决定课题。",
    "发表并不是终点。",
    "论文要多读。",
    "写作能整理想法。",
    "课题由抽签来定。",
)
PLACES = {TOPIC: "选课题", AGAIN: "选课题", END: "终点", READING: "论文", WRITING: "写作"}


class Told:
    """A Checker that is told how surely claims stand; each does so by its own place alone."""

    name, threshold, sure = "told", 0.2, 0.6

    def __init__(self, supports: Mapping[str, float]) -> None:
        self._supports = supports

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [
            self._supports.get(claim, 0.0) * (PLACES.get(claim, "") in context)
            for context, claim in pairs
        ]


ALL_SURE = Told(dict.fromkeys(PLACES, SURE))


class Scene:
    """A shelf of two passages, and a model that a test scripts."""

    def __init__(self, corpus: Path) -> None:
        documents = [enrich(document, corpus) for document in load(corpus)]
        self.documents: Mapping[str, Document] = {d.id: d for d in documents}
        notes = [passage for passage in tiny(corpus).passages if passage.doc_id == "notes"]
        self.passages: Mapping[str, Passage] = {passage.id: passage for passage in notes}
        self.hits = [Hit(passage, 1.0, {"words": 1}) for passage in notes]

    @contextmanager
    def composing(
        self, script: Script, checker: Told, stopped: Callable[[], bool] = _never
    ) -> Iterator[Iterator[Sentence]]:
        with talking(script) as (provider, writer):
            composer = Composer(self.documents, self.passages, Quoter(), writer, lambda: checker)
            told = composer.compose("怎么选课题?", "zh", self.hits, direct=True, stopped=stopped)
            with closing(told):
                yield told
            assert provider.failures == []

    def said(self, script: Script, checker: Told) -> tuple[list[str], Said]:
        """Return what was shown on the way, and what is said in the end."""
        with self.composing(script, checker) as composing:
            return _read(composing)

    def quoted(self) -> tuple[Sentence, ...]:
        """Return what is said without a model."""
        composer = Composer(self.documents, self.passages, Quoter(), None, lambda: ALL_SURE)
        told = composer.compose("怎么选课题?", "zh", self.hits, direct=True, stopped=_never)
        return _read(told)[1].sentences


def _read(composing: Iterator[Sentence]) -> tuple[list[str], Said]:
    shown = []
    while True:
        try:
            shown.append(next(composing).text)
        except StopIteration as end:
            return shown, end.value


@pytest.fixture
def scene(corpus: Path) -> Scene:
    return Scene(corpus)


def _lines(*texts: str, n: int = 1) -> list[str]:
    """Return sentences with the numbers of the passages that they stand in, or `n`."""
    return [f"{text}[{2 if text == WRITING else n}]\n" for text in texts]


def test_proved_sentences_are_shown_in_their_order_and_as_they_were_written(scene: Scene) -> None:
    shown, said = scene.said(says(*_lines(READING, WRITING, TOPIC)), ALL_SURE)
    assert shown == _texts(said.sentences) == [READING, WRITING, TOPIC]
    assert (said.answerer, said.note, said.dropped) == ("openai:scripted", "", ())
    assert [s.support for s in said.sentences] == [SURE] * 3


def test_a_surely_proved_sentence_is_shown_while_the_model_still_writes(scene: Scene) -> None:
    shown = threading.Event()

    def script(_: Prompt) -> Iterator[Step]:
        yield from _lines(TOPIC)
        while not shown.is_set():
            yield Pause(0.01)
        yield from _lines(WRITING)

    with scene.composing(script, ALL_SURE) as composing:
        assert next(composing).text == TOPIC
        shown.set()
        assert next(composing).text == WRITING


def test_a_sentence_is_shown_before_its_line_ends_where_the_model_pauses(scene: Scene) -> None:
    def script(_: Prompt) -> Iterator[Step]:
        yield f"{TOPIC}[1]"
        yield Pause(60.0)

    with scene.composing(script, ALL_SURE) as composing:
        assert next(composing).text == TOPIC


@pytest.mark.parametrize("second", [CLOSE, SURE])
def test_a_closely_proved_sentence_waits_until_three_speak_for_the_model(
    scene: Scene, second: float
) -> None:
    sent = []

    def script(_: Prompt) -> Iterator[Step]:
        for line in _lines(TOPIC, WRITING, END):
            sent.append(line)
            yield line
            yield Pause(0.2)

    with scene.composing(script, Told({TOPIC: CLOSE, WRITING: second, END: CLOSE})) as composing:
        first = next(composing)
        assert len(sent) == 3  # what is surely proved behind it has waited, too
        assert [first.text, *_texts(list(composing))] == [TOPIC, WRITING, END]


def test_closely_proved_sentences_are_shown_at_the_end_of_a_short_answer(scene: Scene) -> None:
    shown, said = scene.said(says(*_lines(TOPIC, WRITING)), Told({TOPIC: CLOSE, WRITING: CLOSE}))
    assert shown == _texts(said.sentences) == [TOPIC, WRITING]


def test_of_three_sentences_one_may_be_withheld(scene: Scene) -> None:
    checker = Told({TOPIC: CLOSE, WRITING: CLOSE})
    shown, said = scene.said(says(*_lines(TOPIC, FALSE, WRITING)), checker)
    assert shown == _texts(said.sentences) == [TOPIC, WRITING]
    assert [claim.text for claim in said.dropped] == [FALSE]
    assert said.note == ""


@pytest.mark.parametrize("support", [SURE, CLOSE])
def test_where_fewer_than_two_thirds_are_proved_the_quotes_are_said(
    scene: Scene, support: float
) -> None:
    written = _lines(TOPIC, WRITING, FALSE, f"不对,{FALSE}", f"总之,{FALSE}")
    shown, said = scene.said(says(*written), Told({TOPIC: support, WRITING: support}))
    assert said.sentences == scene.quoted()
    assert said.answerer == "quotes"
    assert said.note == wording.unproved("zh")
    assert [claim.text for claim in said.dropped] == [FALSE, f"不对,{FALSE}", f"总之,{FALSE}"]
    # What was beyond doubt had been shown by then, what was not had not.
    assert shown == [TOPIC, WRITING] * (support == SURE) + _texts(said.sentences)


def test_a_wrong_number_is_put_right_where_another_passage_is_beyond_doubt(scene: Scene) -> None:
    written = [*_lines(TOPIC, END), f"{WRITING}[1]\n"]
    shown, said = scene.said(says(*written), ALL_SURE)
    assert shown[2] == WRITING
    [cited] = said.sentences[2].citations
    assert cited.quote == "写作是整理想法的办法。"
    assert said.dropped == ()


@pytest.mark.parametrize("number", ["[1]", "[9]", "[0]", ""])
def test_a_sentence_without_its_number_needs_to_be_beyond_doubt(scene: Scene, number: str) -> None:
    written = says(*_lines(TOPIC, END), f"{WRITING}{number}\n")
    checker = Told({TOPIC: SURE, END: SURE, WRITING: CLOSE})
    assert [claim.text for claim in scene.said(written, checker)[1].dropped] == [WRITING]
    assert scene.said(written, ALL_SURE)[1].dropped == ()


def test_a_model_that_names_the_wrong_passages_throughout_is_not_trusted(scene: Scene) -> None:
    written = [f"{TOPIC}[2]\n", f"{END}[2]\n", f"{WRITING}[1]\n"]
    _, said = scene.said(says(*written), ALL_SURE)
    assert (said.sentences, said.note) == (scene.quoted(), wording.unproved("zh"))


def test_a_place_has_one_number_and_numbers_count_from_one(scene: Scene) -> None:
    _, said = scene.said(says(*_lines(FALSE, WRITING, TOPIC, AGAIN, END)), ALL_SURE)
    numbers = [citation.n for sentence in said.sentences for citation in sentence.citations]
    assert numbers == [1, 2, 2, 3]


def test_what_a_model_says_again_is_said_once(scene: Scene) -> None:
    shown, said = scene.said(says(*_lines(TOPIC, WRITING, TOPIC, TOPIC, WRITING)), ALL_SURE)
    assert shown == _texts(said.sentences) == [TOPIC, WRITING]


@pytest.mark.parametrize("cut", ["写作能整理", "## 写作", "写作是整理想法的办法", "写作说到这里:"])
def test_a_last_sentence_that_was_cut_off_is_neither_shown_nor_counted(
    scene: Scene, cut: str
) -> None:
    checker = Told(dict.fromkeys([TOPIC, "写作能整理", "写作", "写作是整理想法的办法"], SURE))
    shown, said = scene.said(says(*_lines(TOPIC), cut), checker)
    assert shown == _texts(said.sentences) == [TOPIC]
    assert (said.dropped, said.note) == ((), "")


@pytest.mark.parametrize("lead", ["课题可以这样选:\n", "可以这样选：[1]\n"])
def test_a_line_that_only_leads_over_is_no_sentence(scene: Scene, lead: str) -> None:
    _, said = scene.said(says(lead, *_lines(TOPIC)), ALL_SURE)
    assert (_texts(said.sentences), said.dropped) == ([TOPIC], ())


def test_a_line_without_a_full_stop_is_a_sentence_where_another_follows(scene: Scene) -> None:
    checker = Told({"写作是整理想法的办法": SURE, TOPIC: SURE})
    _, said = scene.said(
        says("- 写作是整理想法的办法\n", "- 课题由抽签来定\n", *_lines(TOPIC)), checker
    )
    assert _texts(said.sentences) == ["写作是整理想法的办法", TOPIC]
    assert [claim.text for claim in said.dropped] == ["课题由抽签来定"]


def test_a_model_that_repeats_a_truth_for_ever_is_let_go(scene: Scene) -> None:
    def script(_: Prompt) -> Iterator[Step]:
        while True:
            yield from _lines(TOPIC)

    with talking(script) as (provider, writer):
        composer = Composer(scene.documents, scene.passages, Quoter(), writer, lambda: ALL_SURE)
        _, said = _read(
            composer.compose("怎么选课题?", "zh", scene.hits, direct=True, stopped=_never)
        )
        assert _texts(said.sentences) == [TOPIC]
        assert _soon(lambda: provider.abandoned == 1)


def test_a_model_that_fails_after_good_sentences_is_replaced_by_the_quotes(scene: Scene) -> None:
    shown, said = scene.said(says(*_lines(TOPIC, WRITING, END), Pause(0.1), Cut()), ALL_SURE)
    assert said.sentences == scene.quoted()
    assert shown[-len(said.sentences) :] == _texts(said.sentences)
    assert (said.answerer, said.note) == ("quotes", wording.failed("zh", "unavailable"))


# --- a reader who leaves --------------------------------------------------------------------------


def _soon(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.005)
    return true()


def test_nothing_is_asked_for_somebody_who_has_left(scene: Scene) -> None:
    with talking(says(*_lines(TOPIC))) as (provider, writer):
        composer = Composer(scene.documents, scene.passages, Quoter(), writer, lambda: ALL_SURE)
        composing = composer.compose(
            "怎么选课题?", "zh", scene.hits, direct=True, stopped=lambda: True
        )
        assert _read(composing) == ([], Said())
        assert provider.prompts == []


def test_nothing_is_shown_once_the_reader_has_left(scene: Scene) -> None:
    left = threading.Event()
    script = says(*_lines(TOPIC, WRITING, END))  # all of it is there at once
    with scene.composing(script, ALL_SURE, left.is_set) as composing:
        assert next(composing).text == TOPIC
        left.set()
        assert _read(composing) == ([], Said())


def test_of_quotes_too_nothing_is_shown_once_the_reader_has_left(scene: Scene) -> None:
    left = threading.Event()
    assert len(scene.quoted()) > 1
    with scene.composing(says("NO_ANSWER"), ALL_SURE, left.is_set) as composing:
        next(composing)
        left.set()
        assert _read(composing) == ([], Said())


def test_a_silent_model_is_let_go_soon_after_the_reader_has_left(scene: Scene) -> None:
    left = threading.Event()

    def script(_: Prompt) -> Iterator[Step]:
        yield f"{TOPIC[:4]}"
        left.set()
        yield Pause(60.0)

    with talking(script, timeout_s=60.0, deadline_s=60.0) as (provider, writer):
        composer = Composer(scene.documents, scene.passages, Quoter(), writer, lambda: ALL_SURE)
        started = time.monotonic()
        composing = composer.compose(
            "怎么选课题?", "zh", scene.hits, direct=True, stopped=left.is_set
        )
        assert _read(composing) == ([], Said())
        assert time.monotonic() - started < 30
        assert _soon(lambda: provider.abandoned == 1)


# --- on the real shelf, with the shipped checker --------------------------------------------------


@pytest.fixture(scope="module")
def desk(shelf: Mentor) -> Desk:
    return Desk(shelf)


@pytest.fixture(scope="module")
def indirect(shelf: Mentor) -> Mapping[Lang, str]:
    """A question in each language to which the essays say what is near, and no more."""
    found: dict[Lang, str] = {}
    for case in cases("dev"):
        lang: Lang = "zh" if case.lang == "zh" else "en"
        near = wording.lead(lang, [], direct=False)
        if lang not in found and not case.history and shelf.ask(case.question).lead == near:
            found[lang] = case.question
        if len(found) == len(LANGS):
            return found
    pytest.fail("every question is answered directly")


def _assert_proved(mentor: Mentor, answer: Answer) -> None:
    """Every sentence stands on words of an essay, and every number for one place, from 1 on."""
    places = {}
    assert answer.sentences
    for sentence in answer.sentences:
        assert sentence.citations
        for cited in sentence.citations:
            assert cited.span.of(mentor.documents[cited.doc_id].text) == cited.quote
            assert places.setdefault(cited.n, (cited.doc_id, cited.span)) == (
                cited.doc_id,
                cited.span,
            )
    assert list(places) == list(range(1, len(places) + 1))
    assert len(set(places.values())) == len(places)


@pytest.mark.parametrize("lang", LANGS)
def test_an_honest_answer_is_shown_in_the_words_of_the_model(desk: Desk, lang: Lang) -> None:
    with desk.model(says(*in_chunks("\n".join(TRUTHS[lang]), 5, seed=1))) as provider:
        *shown, answer = desk.mentor.stream(QUESTIONS[lang])
        [prompt] = provider.prompts
    assert isinstance(answer, Answer)
    assert tuple(shown) == answer.sentences
    assert [f"{s.text}[1]" for s in answer.sentences] == [
        t.replace(" [", "[") for t in TRUTHS[lang]
    ]
    assert (answer.status, answer.answerer, answer.lang) == ("answered", "openai:scripted", lang)
    assert (answer.dropped, answer.note, answer.nearest) == ((), "", ())
    assert answer.lead == wording.written(lang)
    assert {(s.kind, s.lang) for s in answer.sentences} == {("generated", lang)}
    assert {s.speaker for s in answer.sentences} == {"何恺明" if lang == "zh" else "Kaiming He"}
    _assert_proved(desk.mentor, answer)
    assert QUESTIONS[lang] in prompt.user
    assert answer.tokens == {
        "input_tokens": sum(len(text) for _, text in prompt.messages) // 4 + 1,
        "output_tokens": len("\n".join(TRUTHS[lang])) // 4 + 1,
    }
    taken = answer.timings_ms
    assert 0 < taken["retrieve"] <= taken["first_sentence"] <= taken["total"]


@pytest.mark.parametrize("lang", LANGS)
def test_a_mentor_opened_by_its_settings_lets_the_model_write(shelf: Mentor, lang: Lang) -> None:
    with Provider(says("\n".join(TRUTHS[lang]))) as provider:
        chosen = {"model": "openai:scripted", "model_url": provider.openai_url}
        settings = shelf._settings.model_copy(update=chosen)
        with closing(Mentor.open(settings, rebuild=False)) as mentor:
            answer = mentor.ask(QUESTIONS[lang])
    assert (answer.answerer, len(answer.sentences)) == ("openai:scripted", 3)


@pytest.mark.parametrize("question", ["今天晚饭吃什么?", "What is the capital of France?"])
def test_a_question_that_the_essays_do_not_answer_is_put_to_no_model(
    desk: Desk, shelf: Mentor, question: str
) -> None:
    with desk.model(says(*TRUTHS["zh"])) as provider:
        answer = desk.mentor.ask(question)
        assert provider.prompts == []
    plain = shelf.ask(question)
    assert (answer.status, answer.lead, answer.nearest) == ("refused", plain.lead, plain.nearest)
    assert (answer.sentences, answer.note, answer.tokens) == ((), "", {})


@pytest.mark.parametrize("said", ["你好", "thanks", "我不想活了"])
def test_small_talk_and_distress_are_put_to_no_model(desk: Desk, said: str) -> None:
    with desk.model(says(*TRUTHS["zh"])) as provider:
        assert desk.mentor.ask(said).lead
        assert provider.prompts == []


DECLINES = [
    "NO_ANSWER",
    "NO_ANSWER\n",
    "**NO_ANSWER**",
    "NO\\_ANSWER",
    "`NO_ANSWER`。",
    "[NO_ANSWER]",
    "NO_ANSWER. The passages say nothing of this. [1]",
]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("said", DECLINES)
def test_a_model_that_finds_no_answer_is_believed_where_the_evidence_is_weak(
    desk: Desk, shelf: Mentor, indirect: Mapping[Lang, str], lang: Lang, said: str
) -> None:
    with desk.model(says(said)):
        *shown, answer = desk.mentor.stream(indirect[lang])
    assert isinstance(answer, Answer)
    assert (shown, answer.sentences, answer.status) == ([], (), "refused")
    assert answer.nearest == tuple(hit.passage for hit in shelf.ask(indirect[lang]).hits[:3])
    assert (answer.answerer, answer.note) == ("openai:scripted", wording.declined(lang))
    assert answer.followups


@pytest.mark.parametrize("lang", LANGS)
def test_a_model_that_finds_no_answer_to_a_direct_question_is_not(
    desk: Desk, shelf: Mentor, lang: Lang
) -> None:
    with desk.model(says("NO_ANSWER")):
        answer = desk.mentor.ask(QUESTIONS[lang])
    assert answer.sentences == shelf.ask(QUESTIONS[lang]).sentences
    assert (answer.status, answer.answerer) == ("answered", "quotes")
    assert answer.note == wording.overruled(lang)
    assert answer.tokens


def test_no_answer_behind_an_answer_takes_nothing_back(desk: Desk) -> None:
    with desk.model(says("\n".join([*TRUTHS["zh"], "NO_ANSWER"]))):
        assert len(desk.mentor.ask(QUESTIONS["zh"]).sentences) == 3


def test_an_unsupported_sentence_is_withheld_and_kept_as_dropped(desk: Desk) -> None:
    for lang in LANGS:
        first, second, third = TRUTHS[lang]
        with desk.model(says("\n".join([first, second, LIES[lang][0], third]))):
            answer = desk.mentor.ask(QUESTIONS[lang])
        assert [claim.text for claim in answer.dropped] == [LIES[lang][0][:-3].strip()]
        assert {claim.kind for claim in answer.dropped} == {"generated"}
        assert len(answer.sentences) == 3
        _assert_proved(desk.mentor, answer)


def test_a_wrong_number_is_put_right_by_the_shipped_checker(desk: Desk) -> None:
    for lang in LANGS:
        first, second, third = TRUTHS[lang]
        with desk.model(says("\n".join([first, second, third.replace("[1]", "[2]")]))):
            answer = desk.mentor.ask(QUESTIONS[lang])
        assert (answer.answerer, len(answer.sentences)) == ("openai:scripted", 3)
        assert {c.doc_id for s in answer.sentences for c in s.citations} == {"kaiming_he_qa"}
        _assert_proved(desk.mentor, answer)


def test_an_answer_in_the_other_language_is_replaced_by_the_quotes(
    desk: Desk, shelf: Mentor
) -> None:
    for lang, other in (("zh", "en"), ("en", "zh")):
        with desk.model(says("\n".join(TRUTHS[other]))):
            answer = desk.mentor.ask(QUESTIONS[lang])
        assert answer.sentences == shelf.ask(QUESTIONS[lang]).sentences
        assert answer.note == wording.unproved(lang)


def test_a_stream_ends_without_an_answer_once_its_reader_has_left(desk: Desk) -> None:
    for script in (says("\n".join(TRUTHS["zh"])), says("NO_ANSWER"), says(Status(500))):
        left = threading.Event()
        with desk.model(script):
            stream = desk.mentor.stream(QUESTIONS["zh"], stopped=left.is_set)
            assert isinstance(next(stream), Sentence)
            left.set()
            assert list(stream) == []


# --- follow-ups -----------------------------------------------------------------------------------

BEFORE: Mapping[Lang, list[str]] = {
    "zh": ["怎么选课题?"],
    "en": ["How do I choose a research topic?"],
}
LEANS: Mapping[Lang, str] = {"zh": "那没有导师呢?", "en": "And without a supervisor?"}
CONDENSED: Mapping[Lang, str] = {
    "zh": "没有导师怎么选课题?",
    "en": "How do I choose a research topic without a supervisor?",
}


def _condenses(form: Sequence[Step], answer: str = "NO_ANSWER") -> Script:
    """Return a script that gives follow-ups a form, and says the same to every question."""
    return lambda prompt: form if "<earlier>" in prompt.user else [answer]


@pytest.mark.parametrize("lang", LANGS)
def test_a_leaning_question_is_read_as_the_model_condenses_it(
    desk: Desk, shelf: Mentor, lang: Lang
) -> None:
    with desk.model(_condenses(in_chunks(CONDENSED[lang]))) as provider:
        answer = desk.mentor.ask(LEANS[lang], BEFORE[lang])
        condensing, writing = provider.prompts
    assert answer.understood == CONDENSED[lang]
    assert answer.question == LEANS[lang]
    assert answer.hits == tuple(shelf.retrieve(CONDENSED[lang], len(answer.hits)))
    for asked in (*BEFORE[lang], LEANS[lang]):
        assert asked in condensing.user
    assert f"<question>\n{CONDENSED[lang]}\n</question>" in writing.user


@pytest.mark.parametrize("form", ["<think>He lacks one.</think>\n\n{}", "**{}**\n", "> {} [1]"])
def test_a_condensed_question_is_taken_without_thoughts_and_markdown(desk: Desk, form: str) -> None:
    with desk.model(_condenses([form.format(CONDENSED["en"])])):
        assert desk.mentor.ask(LEANS["en"], BEFORE["en"]).understood == CONDENSED["en"]


NO_FORMS: Mapping[str, Sequence[Step]] = {
    "nothing": [],
    "blanks": [" \n\t"],
    "marks": ["?!…… [1]"],
    "a thought without an end": ["<think>没有导师怎么选课题?"],
    "the other language": [CONDENSED["en"]],
    "a third language": ["Comment choisir un sujet de recherche sans directeur de thèse ?"],
    "too long": [CONDENSED["zh"] * 100],
    "without an end": ["没有导师怎么选课题" * 10_000],
    "the question itself": [f" {LEANS['zh']}\n"],
    "no answer": ["NO_ANSWER"],
    "an error": [Status(500)],
    "a cut": ["没有导师怎么选课题?", Cut()],
    "an answer": ["没有导师的时候,先看论文,再联系三位作者,并且每周写一篇博客总结自己的收获。"],
    "a number nobody told": ["没有导师的人怎么在 30 天里选课题?"],
    "a name nobody told": ["没有导师怎么按 Hinton 的办法选课题?"],
    "an address": ["没有导师怎么在 evil.example 选课题?"],
}


@pytest.mark.parametrize("form", NO_FORMS.values(), ids=NO_FORMS.keys())
def test_a_form_that_is_none_leaves_the_question_as_it_stands(
    desk: Desk, shelf: Mentor, form: Sequence[Step]
) -> None:
    with desk.model(_condenses(form)) as provider:
        answer = desk.mentor.ask(LEANS["zh"], BEFORE["zh"])
        assert provider.failures == []
    plain = shelf.ask(LEANS["zh"], BEFORE["zh"])
    assert (answer.understood, answer.hits) == ("", plain.hits)
    assert answer.status == plain.status


@pytest.mark.parametrize("limit", ["timeout_s", "deadline_s"])
def test_a_form_that_does_not_come_in_time_is_not_waited_for(desk: Desk, limit: str) -> None:
    limits = {"timeout_s": 90.0, "deadline_s": 90.0} | {limit: 0.5}
    with desk.model(_condenses([Pause(90.0)]), **limits) as provider:
        started = time.monotonic()
        assert desk.mentor.ask(LEANS["zh"], BEFORE["zh"]).understood == ""
        assert time.monotonic() - started < 45
        assert len(provider.prompts) == 2


@pytest.mark.parametrize(
    ("history", "question"),
    [
        ([], "为什么?"),
        ([], "那没有导师呢?"),
        (["写作有什么用?"], "没有显卡的初学者怎么做深度学习研究?"),
        (["你好", "谢谢", "?!"], "那没有导师怎么选课题?"),
    ],
)
def test_a_question_that_does_not_lean_on_others_is_not_condensed(
    desk: Desk, history: list[str], question: str
) -> None:
    with desk.model(_condenses([CONDENSED["zh"]])) as provider:
        assert desk.mentor.ask(question, history).understood == ""
        assert not any("<earlier>" in prompt.user for prompt in provider.prompts)


def test_only_the_last_earlier_questions_are_told(desk: Desk) -> None:
    history = [f"怎么读第 {n} 篇论文?" for n in range(50)]
    with desk.model(_condenses([])) as provider:
        desk.mentor.ask(LEANS["zh"], history)
        told = provider.prompts[0].user
    assert history[-1] in told
    assert sum(asked in told for asked in history) <= 10


def test_a_reader_who_leaves_while_a_question_is_condensed_is_not_answered(desk: Desk) -> None:
    left = threading.Event()

    def script(_: Prompt) -> Iterator[Step]:
        left.set()
        yield Pause(60.0)

    with desk.model(script, timeout_s=60.0, deadline_s=60.0) as provider:
        started = time.monotonic()
        assert list(desk.mentor.stream(LEANS["zh"], BEFORE["zh"], left.is_set)) == []
        assert time.monotonic() - started < 30
        assert len(provider.prompts) == 1


# --- what an honest and a lying model would write -------------------------------------------------


@pytest.fixture(scope="module")
def told(shelf: Mentor) -> Sequence[Case]:
    """Questions in both languages to which there are drafts, honest and lying."""
    topics = {(draft.topic, draft.lang) for draft in drafts("dev")}
    chosen = [c for c in cases("dev") if (c.topic, c.lang) in topics and not c.history]
    return [case for lang in LANGS for case in [c for c in chosen if c.lang == lang][::8][:2]]


def test_most_honest_answers_are_shown_and_every_one_is_proved(
    desk: Desk, told: Sequence[Case]
) -> None:
    player = Player(drafts("dev"), told)
    player.documents = desk.mentor.documents
    written = 0
    with desk.model(player, name="honest") as provider:
        for case in told:
            answer = desk.mentor.ask(case.question)
            _assert_proved(desk.mentor, answer)
            assert all(any(s.text in d.text for d in player.written) for s in answer.sentences) == (
                answer.answerer == "openai:honest"
            )
            written += answer.answerer == "openai:honest"
        assert provider.failures == []
    assert written >= 0.7 * len(told)
