"""Figures for Prometheus: how many questions, how long they took, what went wrong. No words of any.

Every face is handed the same counting Mentor, so a question is counted once wherever it is asked.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from rag import Answer, Mentor, QuestionError, Sentence
from ui.errors import responses_beside

_STAGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_SAMPLE = 'mentor_questions_total{lang="en",status="answered"} 1.0\n'
_FIGURES: dict[int | str, Any] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": _SAMPLE}},
    }
}


class Metrics:
    """The counters of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.questions = Counter(
            "mentor_questions",
            "Questions asked, by language (none: not read) and by what became of them: answered, "
            "refused (the essays do not say), invalid, failed, left (the asker did not wait).",
            ("lang", "status"),
            registry=self.registry,
        )
        self.refusals = Counter(
            "mentor_refusals",
            "Questions that the essays do not answer.",
            ("lang",),
            registry=self.registry,
        )
        self.stages = Histogram(
            "mentor_stage_seconds",
            "Seconds from the question to the end of a stage.",
            ("stage",),
            buckets=_STAGES_S,
            registry=self.registry,
        )
        self.withheld = Counter(
            "mentor_withheld_sentences",
            "Sentences that were withheld because no essay bears them out.",
            registry=self.registry,
        )
        self.model_failures = Counter(
            "mentor_model_failures",
            "Answers in which quotes stand where the chat model was to write.",
            registry=self.registry,
        )

    def answered(self, answer: Answer, model: str) -> None:
        """Count an answer of a Mentor whose chat model is `model`, "" for none."""
        for stage, ms in answer.timings_ms.items():
            self.stages.labels(stage).observe(ms / 1000)
        if answer.status == "refused":
            self.refusals.labels(answer.lang).inc()
        self.withheld.inc(len(answer.dropped))
        if model and answer.note and answer.answerer != model:
            self.model_failures.inc()


class _Counting:
    """A Mentor that counts what it is asked."""

    def __init__(self, mentor: Mentor, metrics: Metrics) -> None:
        self._mentor, self._metrics = mentor, metrics

    def __getattr__(self, name: str) -> object:
        return getattr(self._mentor, name)

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """Answer like `Mentor.ask`."""
        answers = [said for said in self.stream(question, history) if isinstance(said, Answer)]
        return answers[-1]

    def stream(
        self,
        question: str,
        history: Sequence[str] = (),
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Sentence | Answer, None, None]:
        """Answer like `Mentor.stream`."""
        lang, status = "none", "left"
        try:
            with closing(self._mentor.stream(question, history, stopped)) as parts:
                for part in parts:
                    if isinstance(part, Answer):
                        lang, status = part.lang, part.status
                        self._metrics.answered(part, self._mentor.model)
                    yield part
        except QuestionError:
            status = "invalid"
            raise
        except Exception:
            status = "failed"
            raise
        finally:
            self._metrics.questions.labels(lang, status).inc()


def counting(mentor: Mentor, metrics: Metrics) -> Mentor:
    """Return the same Mentor, whose questions are counted."""
    return cast("Mentor", _Counting(mentor, metrics))  # everything else is passed on as it is


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Serve /metrics."""
    router = APIRouter(tags=["Operation"])

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses=_FIGURES | responses_beside(429, 500),
    )
    def figures() -> Response:
        """Give the counts since the start of this process. No question, no name, no address."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app.include_router(router)
