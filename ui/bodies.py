"""What goes over HTTP as JSON: the bodies that are taken, strictly, and those that are given."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json
from typing_extensions import override

from rag import Kind, Lang, Settings, Status

BODY_BYTES = 256 * 1024
HISTORY_QUESTIONS = 50

Text = Annotated[str, Field(max_length=20_000)]  # the most that the setting can allow
Offset = Annotated[int, Field(ge=0, description="In code points of the essay.")]
Verdict = Literal["up", "down", "wrong_evidence"]


class JsonRequest(Request):
    """A request whose body is JSON and not too long; anything else is refused unread."""

    @override
    async def body(self) -> bytes:
        """Return the body, read once.

        Raises:
            HTTPException: 415 for another type than JSON, 413 past `BODY_BYTES`.
        """
        if not hasattr(self, "_body"):
            if self.headers.get("content-type", "").partition(";")[0].strip() != _JSON:
                raise HTTPException(415, f"send the body as {_JSON}")
            raw = bytearray()
            async for chunk in self.stream():
                raw += chunk
                if len(raw) > BODY_BYTES:
                    raise HTTPException(413, f"the body is longer than {BODY_BYTES} bytes")
            self._body = bytes(raw)
        return self._body

    @override
    async def json(self) -> Any:
        """Return what the body says.

        Raises:
            HTTPException: 422 for what is no JSON, in UTF-8, of a sensible depth.
        """
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPException(422, f"body: {error}") from error


class JsonRoute(APIRoute):
    """A route whose body is read as `JsonRequest` reads it."""

    @override
    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return the handler of a route, which reads its body as JSON."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handled


_JSON = "application/json"


def given(model: type[BaseModel], example: object) -> dict[int | str, Any]:
    """Return how a route's page tells what it gives."""
    return {200: {"model": model, "content": {_JSON: {"example": example}}}}


class Taken(BaseModel):
    """A body that is taken: nothing in it is guessed, nothing unknown let pass."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Given(BaseModel):
    """A body that is given: its page says all that is in it."""

    model_config = ConfigDict(extra="forbid")


class Ask(Taken):
    """A question, with those before it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "Do I need a PhD?", "history": []}]}
    )

    question: Text = Field(description="Up to MENTOR_QUESTION_CHARS characters (2000).")
    history: list[Text] = Field(
        default_factory=list,
        max_length=HISTORY_QUESTIONS,
        description="Earlier questions, oldest first, each as long as the question may be.",
    )

    def checked(self, settings: Settings) -> tuple[str, tuple[str, ...]]:
        """Return the question and those before it.

        Raises:
            HTTPException: 422, one of those before is too long. Mentor checks the question.
        """
        most = settings.question_chars
        for at, earlier in enumerate(self.history):
            if len(earlier) > most:
                raise HTTPException(422, f"history.{at}: longer than {most} characters")
        return self.question, tuple(self.history)


class Search(Ask):
    """What to look for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "choosing a topic", "k": 3}]}
    )

    k: int = Field(10, ge=1, le=50, description="How many passages at most.")


class Feedback(Taken):
    """What somebody thinks of an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "verdict": "wrong_evidence",
                    "question": "Do I need a PhD?",
                    "note": "The quote is about something else.",
                    "passage_ids": ["david_mack_one_year_off:100-180"],
                    "status": "answered",
                }
            ]
        }
    )

    verdict: Verdict
    question: Text = Field(min_length=1)
    note: str = Field("", max_length=1000)
    passage_ids: list[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}:[0-9]{1,9}-[0-9]{1,9}$")]] = (
        Field(default_factory=list, max_length=50, description="`doc_id:start-end` of each quote.")
    )
    status: Status = "answered"


class CitationBody(Given):
    """A quote: the essay says it from `start` to `end`, letter for letter."""

    n: int = Field(ge=1)
    doc_id: str
    title: str
    author: str
    url: str
    quote: str
    start: Offset
    end: Offset


class SentenceBody(Given):
    """A checked sentence with its proof."""

    text: str
    lang: Lang
    kind: Kind
    speaker: str
    support: float = Field(ge=0, le=1)
    citations: list[CitationBody]


class ClaimBody(Given):
    """What a chat model wrote and no essay bears out."""

    text: str
    passage_ids: list[str]
    kind: Kind
    quote: str


class PassageBody(Given):
    """A stretch of an essay."""

    doc_id: str
    start: Offset
    end: Offset
    text: str


class HitBody(PassageBody):
    """A found passage; a higher score is better."""

    score: float
    ranks: dict[str, int]


class AnswerBody(Given):
    """What `mentor ask --json` prints, too."""

    id: str
    question: str
    lang: Lang
    status: Status
    lead: str
    sentences: list[SentenceBody]
    dropped: list[ClaimBody]
    nearest: list[PassageBody]
    followups: list[str]
    hits: list[HitBody]
    answerer: str
    understood: str
    note: str
    asks: str
    branches: list[str]
    tokens: dict[str, int]
    timings_ms: dict[str, float]


class FoundBody(Given):
    """A passage with all that is needed to show it."""

    doc_id: str
    title: str
    author: str
    speaker: str
    heading: list[str]
    quote: str
    translation: str = Field(description='The project\'s own; "" where the quote needs none.')
    start: Offset
    end: Offset
    score: float
    read: str = Field(description="The page that marks it.")


class SearchBody(Given):
    """The found passages, best first."""

    question: str
    hits: list[FoundBody]


class EssayBody(Given):
    """An essay of the shelf."""

    id: str
    title: str
    author: str
    site: str
    date: str
    url: str
    lang: Lang
    licence: str
    speakers: list[str]
    chars: int
    read: str


class EssaysBody(Given):
    """The shelf."""

    essays: list[EssayBody]


class PlaceBody(Given):
    """An essay around a quote; `changed` where it reads otherwise by now, and nothing is marked."""

    title: str
    author: str
    site: str
    date: str
    url: str
    licence: str
    lang: Lang
    before: str
    hit: str
    after: str
    changed: bool
    speaker: str
    translation: str = Field(
        description='The project\'s own, of the quote; "" where it needs none.'
    )
    paragraph: int = Field(ge=0, description="Of the quote, from 1; 0 where nothing is marked.")
    paragraphs: int = Field(ge=0)


class HealthBody(Given):
    """It is alive."""

    status: Literal["ok"]
    essays: int


class ReadyBody(Given):
    """It can answer."""

    status: Literal["ready"]


class KeptBody(Given):
    """It is written down."""

    status: Literal["kept"]
