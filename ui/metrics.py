"""Figures for Prometheus: how many questions, how long they took, what went wrong. No words of any.

Every face is handed the same counting Mentor, so a question is counted once wherever it is asked.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from rag import Answer, Mentor, QuestionError
from ui.errors import responses_beside
from ui.heard import Ending, Heard

_STAGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_SAMPLE = 'mentor_questions_total{lang="en",status="answered"} 1.0\n'
_FIGURES: dict[int | str, Any] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": _SAMPLE}},
    }
}


class Metrics:
    """The counters of one application, in a registry of its own.

    Where the workers of one server keep theirs in a folder, `told` are the sums of all of them,
    of those that have ended, too.
    """

    def __init__(self) -> None:
        self.registry = self.told = CollectorRegistry()
        # prometheus_client has read the same variable, which a worker sets before it is imported.
        if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # noqa: TID251
            self.told = CollectorRegistry()
            MultiProcessCollector(self.told, folder)  # type: ignore[no-untyped-call]
            self.told.register(_Processes(Path(folder)))
        else:
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

    def ended(self, how: Ending, model: str) -> None:
        """Count how a question ended at a Mentor whose chat model is `model`, "" for none."""
        lang, status = "none", "left"
        if isinstance(how, Answer):
            lang, status = how.lang, how.status
            self._answered(how, model)
        elif how:
            status = "invalid" if isinstance(how, QuestionError) else "failed"
        self.questions.labels(lang, status).inc()

    def _answered(self, answer: Answer, model: str) -> None:
        for stage, ms in answer.timings_ms.items():
            self.stages.labels(stage).observe(ms / 1000)
        if answer.status == "refused":
            self.refusals.labels(answer.lang).inc()
        self.withheld.inc(len(answer.dropped))
        if model and answer.note and answer.answerer != model:
            self.model_failures.inc()


class _Processes(Collector):
    """What the machine says of each worker: `N.pid` in a folder names the process of worker N."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def collect(self) -> Iterator[Metric]:
        found: dict[str, Metric] = {}
        for path in sorted(self._folder.glob("*.pid")):
            for metric in ProcessCollector(pid=path.read_text, registry=None).collect():
                whole = found.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                for sample in metric.samples:
                    labels = {**sample.labels, "worker": path.stem}
                    whole.add_sample(sample.name, labels, sample.value)
        yield from found.values()


def counting(mentor: Mentor, metrics: Metrics) -> Mentor:
    """Return the same Mentor, whose questions are counted."""

    def ended(how: Ending) -> None:
        metrics.ended(how, mentor.model)

    return cast("Mentor", Heard(mentor, ended))  # everything else is passed on as it is


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
        """Give the counts since the start of this server. No question, no name, no address."""
        return Response(generate_latest(metrics.told), media_type=CONTENT_TYPE_LATEST)

    app.include_router(router)
