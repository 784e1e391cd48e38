"""A Mentor for the web faces: obeys the front door's interface, and answers from a table."""

from collections.abc import Callable, Generator, Mapping, Sequence
from threading import Event

from rag import (
    Answer,
    Citation,
    Document,
    Hit,
    Lang,
    Passage,
    QuestionError,
    Sentence,
    Span,
    Speaker,
)

CHOOSE = "我认为选择课题最重要的标准是你对问题的好奇心和热情。"
KAIMING = (
    "# 何恺明问答\n\n## 选题\n\nQ:怎么选课题?\n\n"
    f"何恺明:{CHOOSE}好奇心是关键。\n\n- 一项😀\n- 另一项\n\n"
) + "\n\n".join(f"第{n}段。科研中95%的时间是令人沮丧的。" for n in range(40))
MACK = "# 一年\n\n阅读大量的论文,看看他们遇到了什么问题。\n\n" + "\n\n".join(
    f"第{n}段,很长的一段话,关于机器学习。" for n in range(30)
)


def document(doc_id: str, title: str, text: str, speaker: Speaker, **fields: str) -> Document:
    facts = {"site": "量子位", "site_en": "QbitAI", "url": "", "date": "2024-02-27"} | fields
    return Document(
        id=doc_id,
        title=title,
        author=speaker.name,
        author_en=speaker.name_en,
        lang="zh",
        licence="The text belongs to its author.",
        note="",
        sha256="0" * 64,
        text=text,
        speakers=(speaker,),
        **facts,
    )


def shelf() -> dict[str, Document]:
    """Two ordinary essays."""
    he, mack = Speaker("何恺明", "Kaiming He"), Speaker("David Mack", "David Mack")
    return {
        "kaiming_he_qa": document("kaiming_he_qa", "何恺明问答", KAIMING, he),
        "one_year_off": document("one_year_off", "一年", MACK, mack, url="https://example.org/a"),
    }


def cited(documents: Mapping[str, Document], n: int, doc_id: str, quote: str) -> Citation:
    essay = documents[doc_id]
    start = essay.text.index(quote)
    span = Span(start, start + len(quote))
    return Citation(n, doc_id, essay.title, essay.author, essay.url, span, quote)


def quoted(citation: Citation, speaker: str) -> Sentence:
    return Sentence(citation.quote, "zh", "quote", speaker, (citation,), 1.0)


class FakeMentor:
    """Answers about 选题 and "topic", refuses about 天气 and "weather", breaks on "break"."""

    def speaker(self, doc_id: str, at: int, lang: Lang) -> str:
        return self.documents[doc_id].speakers[0].name

    def __init__(self, documents: Mapping[str, Document] | None = None) -> None:
        self.documents = documents or shelf()
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        self.asked.append((question, tuple(history)))
        if not question.strip():
            raise QuestionError("请先写下你的问题。")
        if "break" in question:
            raise RuntimeError("secret: /home/owner/key")
        if "天气" in question or "weather" in question:
            return self._refusal(question)
        return self._answer(question)

    model = ""
    passages: Sequence[Passage] = ()

    def count(self, doc_id: str) -> int:
        assert doc_id in self.documents
        return sum(passage.doc_id == doc_id for passage in self.passages)

    def stream(
        self,
        question: str,
        history: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Sentence | Answer, None, None]:
        answer = self.ask(question, history)
        yield from answer.sentences
        yield answer

    def retrieve(self, question: str, k: int, history: Sequence[str] = ()) -> list[Hit]:
        return [Hit(self._passage(), 0.5, {"words": 1})][:k]

    def starters(self, lang: str, n: int = 4) -> tuple[str, ...]:
        zh = ("怎么选课题?", "每天都很沮丧,正常吗?", "要读多少论文?", "没有 GPU 还能做科研吗?")
        en = ("How do I choose a topic?", "Is it normal to be frustrated?")
        return (zh if lang == "zh" else en)[:n]

    def close(self) -> None: ...

    def _answer(self, question: str) -> Answer:
        lang = "zh" if any("一" <= c <= "鿿" for c in question) else "en"
        he = "何恺明" if lang == "zh" else "Kaiming He"
        one = cited(self.documents, 1, "kaiming_he_qa", CHOOSE)
        two = cited(self.documents, 2, "kaiming_he_qa", "好奇心是关键。")
        three = cited(self.documents, 3, "one_year_off", "阅读大量的论文,看看他们遇到了什么问题。")
        return Answer(
            question,
            lang,
            "answered",
            "关于选题,文章里这样说。" if lang == "zh" else "On choosing a topic, the essays say:",
            (quoted(one, he), quoted(two, he), quoted(three, "David Mack")),
            followups=self.starters(lang)[:2],
            hits=(Hit(self._passage(), 0.5, {"words": 1}),),
            timings_ms={"retrieve": 1.0},
        )

    def _refusal(self, question: str) -> Answer:
        lang = "zh" if "天气" in question else "en"
        lead = "这些文章没有谈到这个问题。" if lang == "zh" else "The essays do not say."
        near = (self._passage(),)
        return Answer(
            question, lang, "refused", lead, nearest=near, followups=self.starters(lang)[:2]
        )

    def _passage(self) -> Passage:
        essay = self.documents["kaiming_he_qa"]
        quote = "第3段。科研中95%的时间是令人沮丧的。"
        at = essay.text.index(quote)
        return Passage(essay.id, Span(at, at + len(quote)), quote, ("选题",), "何恺明")


class Streaming(FakeMentor):
    """Says its sentences `rounds` times over, a tenth of a second apart; ends in a `hurry`."""

    def __init__(self, rounds: int = 1) -> None:
        super().__init__()
        self._rounds, self.hurry = rounds, Event()

    def stream(
        self, question: str, history: Sequence[str] = (), stopped: Callable[[], bool] = bool
    ) -> Generator[Sentence | Answer, None, None]:
        answer = self.ask(question, history)
        for sentence in answer.sentences * self._rounds:
            yield sentence
            if self.hurry.wait(0.1):
                break
        yield answer


class Waiting(FakeMentor):
    """Says the first of its parts, the rest when it may `go`; sets `left` where nobody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.left = Event(), Event()

    def stream(
        self, question: str, history: Sequence[str] = (), stopped: Callable[[], bool] = bool
    ) -> Generator[Sentence | Answer, None, None]:
        first, *rest = self.parts(question, history)
        try:
            yield first
            while rest and not self.go.wait(0.05):
                if stopped():
                    self.left.set()
                    return
        except GeneratorExit:
            self.left.set()
            raise
        yield from rest

    def parts(self, question: str, history: Sequence[str]) -> Sequence[Sentence | Answer]:
        """Return all that a stream tells; to be overridden."""
        answer = self.ask(question, history)
        return (*answer.sentences, answer)
