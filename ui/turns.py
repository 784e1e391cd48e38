"""A question and the conversation before it -> the messages of a chat, as they grow.

Knows what a message looks like (role, content, options), and nothing of the page that shows it.
"""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from rag import Answer, Mentor, QuestionError, Sentence
from ui.live import pinned
from ui.render import as_markdown, boxed, escaped, options, said, unescaped
from ui.words import Words, answering, own

logger = logging.getLogger(__name__)

_PASSAGES = 8  # looked at for an answer, and counted while it grows
_GROWING = '<div class="growing">'

ChatMessage = dict[str, Any]


def replies(
    mentor: Mentor,
    question: str,
    history: Sequence[ChatMessage],
    stopped: Callable[[], bool] = lambda: False,
    *,
    words: Words,
) -> Generator[ChatMessage, None, None]:
    """Yield the message as it grows: the status line, the checked sentences, the whole answer."""
    yield _message(_growing(words.searching))
    try:
        yield from _told(mentor, question, earlier_questions(history), words, stopped)
    except QuestionError as error:
        yield _message(escaped(own(str(error), words.tag)))
    except Exception:
        logger.exception("A question in the chat could not be answered")
        yield _message(boxed("failed", words.failed))


def earlier_questions(history: Sequence[ChatMessage]) -> tuple[str, ...]:
    """Return what the student asked before, oldest first, as it was typed."""
    asked = (message["content"] for message in history if message["role"] == "user")
    return tuple(unescaped(_text(content)) for content in asked)


def _told(
    mentor: Mentor,
    question: str,
    earlier: Sequence[str],
    words: Words,
    stopped: Callable[[], bool],
) -> Generator[ChatMessage, None, None]:
    mentor = pinned(mentor)
    # The answer looks for the same, and finds it done.
    count = len(mentor.retrieve(question, _PASSAGES, earlier))
    found = (words.found_one if count == 1 else words.found).format(count=count)
    yield _message(_growing(found))
    ready: list[Sentence] = []
    with closing(mentor.stream(question, earlier, stopped)) as parts:
        for part in parts:
            around = answering(words, part.lang)
            if isinstance(part, Answer):
                text = as_markdown(
                    part, mentor.documents, part.lang, with_followups=False, words=around
                )
                yield _message(text, options(part, around))
            else:
                # The status line stands where the lead will be, so that nothing jumps at the end.
                ready.append(part)
                yield _message(_growing(found, said(ready, around)))


def _growing(status: str, ready: str = "") -> str:
    """Return an answer that is not whole yet."""
    return boxed("growing", f"*{status}*\n\n{ready}")


def settled(message: ChatMessage, words: Words) -> ChatMessage:
    """Return a message as it stays: one that was stopped says so in the place of its status."""
    text = _text(message["content"])
    if message["role"] != "assistant" or not text.startswith(_GROWING):
        return message
    rest = text.removeprefix(_GROWING).strip().partition("\n")[2]
    ready = rest.strip().removesuffix("</div>").strip()
    return message | {"content": boxed("stopped", f"{ready}\n\n*{words.stopped}*")}


def restored(kept: object) -> list[ChatMessage]:
    """Return the conversation that the browser kept; nothing where that is something else."""
    rows = kept if isinstance(kept, list) else []
    return [row for row in rows if isinstance(row, dict) and {"role", "content"} <= row.keys()]


def last_turn(history: Sequence[ChatMessage]) -> tuple[list[ChatMessage], str]:
    """Return the conversation before the last question, and that question as it was typed."""
    asked = [at for at, message in enumerate(history) if message["role"] == "user"]
    if not asked:
        return [], ""
    return list(history[: asked[-1]]), unescaped(_text(history[asked[-1]]["content"]))


def _message(markdown: str, asked: Sequence[tuple[str, str]] = ()) -> ChatMessage:
    buttons = [{"value": question, "label": label} for label, question in asked]
    return {"role": "assistant", "content": markdown, "options": buttons}


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a message: from the page it is a list of parts, else a string."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
