"""Systems that do next to nothing: beside them a figure says how much it is worth."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eval.cases import Case
from eval.reply import Cited, Found, Reply, Said, Target
from rag import Mentor, MentorError, Passage

COUNT = 5
# Figures that are set beside the system's own.
SHOWN = frozenset(
    {
        "quotes exact",
        "citation coverage",
        "citation recall",
        "citation precision",
        "gold quote cited zh",
        "gold quote cited en",
        "faithfulness by answer",
        "key point recall",
        "refused when unanswerable",
        "refused when answerable",
        "refusal, balanced accuracy",
    }
)
# What anybody says who has read nothing of the shelf; no model was asked for it.
_CLOSED_BOOK = {
    "zh": (
        "多读论文,多写代码,多和导师与同学交流。",
        "保持好奇心,不要害怕失败,坚持下去就会有收获。",
    ),
    "en": (
        "Read many papers, write code every day and talk to your advisor and peers.",
        "Stay curious, do not fear failure, and persistence will pay off.",
    ),
}


def rows(mentor: Mentor, seed: int) -> Iterator[Target]:
    """Yield the `COUNT` trivial systems over a shelf."""
    yield _Row("copy the top passage", lambda case: _copied(mentor, case))
    yield _Row("a random passage", lambda case: _random(mentor, case, seed))
    yield _Row("the answer without citations", lambda case: _bare(mentor, case))
    yield _Row("closed book", _closed)
    yield _Row("refuse always", lambda _: Reply("refused"))


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    reply: Callable[[Case], Reply]

    def __call__(self, case: Case) -> Reply:
        try:
            return self.reply(case)
        except MentorError as error:
            return Reply("failed", error=str(error))


def _copied(mentor: Mentor, case: Case) -> Reply:
    hits = mentor.retrieve(case.question, 1, case.history)
    return _quoting(hits[0].passage) if hits else Reply("refused")


def _random(mentor: Mentor, case: Case, seed: int) -> Reply:
    passages = list(mentor.passages)
    return _quoting(random.Random(f"{seed}{case.id}").choice(passages))


def _quoting(passage: Passage) -> Reply:
    span = passage.span
    cited = Cited(1, passage.doc_id, passage.text, span.start, span.end)
    found = Found(passage.doc_id, span.start, span.end)
    return Reply("answered", (Said(passage.text, (cited,)),), (found,))


def _bare(mentor: Mentor, case: Case) -> Reply:
    answer = mentor.ask(case.question, case.history)
    return Reply(answer.status, tuple(Said(sentence.text) for sentence in answer.sentences))


def _closed(case: Case) -> Reply:
    return Reply("answered", tuple(map(Said, _CLOSED_BOOK["zh" if case.lang == "zh" else "en"])))
