"""What goes over /v1 as JSON: requests as OpenAI's clients send them, and what they are given."""

from typing import Annotated, Literal

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from ui.bodies import HISTORY_QUESTIONS, AnswerBody, Given

MODEL = "mentor"


class Loose(BaseModel):
    """A body that is taken with whatever else is in it; what is read has to be right."""

    model_config = ConfigDict(strict=True)


class Part(Loose):
    """A part of a message; only text is read."""

    type: str
    text: str = ""


class Message(Loose):
    """A message; those of a user are questions, all others are passed over."""

    role: str
    content: Annotated[str | list[Part] | None, Field(description="A text, or its parts.")] = None


class StreamOptions(Loose):
    """How a stream ends."""

    include_usage: bool = False


class Completion(Loose):
    """A request; parameters that are not listed are let pass, and change nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": MODEL,
                    "messages": [{"role": "user", "content": "Do I need a PhD?"}],
                    "stream": False,
                }
            ]
        }
    )

    model: str = Field(MODEL, description="Any name; it is Mentor that answers.")
    messages: list[Message] = Field(
        description="The last one of a user is the question, those before it the history."
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    def asked(self) -> tuple[str, tuple[str, ...]]:
        """Return the question and those before it, oldest first.

        Raises:
            HTTPException: 400, there is no question, or something else than text.
        """
        users = [message for message in self.messages if message.role == "user"]
        if not users:
            raise HTTPException(400, "messages: there is no question of a user")
        *earlier, question = [_text(message) for message in users]
        return question, tuple(earlier[-HISTORY_QUESTIONS:])


class Usage(Given):
    """What a chat model read and wrote; 0 where the answer is the essays' own sentences."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Said(Given):
    """The message."""

    role: Literal["assistant"]
    content: str
    refusal: None = None


class Choice(Given):
    """The only choice."""

    index: int
    message: Said
    finish_reason: Literal["stop"]
    logprobs: None = None


class CompletionBody(Given):
    """An answer as OpenAI words it, and as Mentor does."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    mentor: AnswerBody


class ModelBody(Given):
    """A model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsBody(Given):
    """All models: one."""

    object: Literal["list"]
    data: list[ModelBody]


def _text(message: Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    for part in message.content:
        if part.type != "text":
            raise HTTPException(400, f"messages: a part of type {part.type!r} cannot be read")
    return "\n".join(part.text for part in message.content)
