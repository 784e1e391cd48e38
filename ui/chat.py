"""The chat: Mentor's stream as messages of a Gradio ChatInterface, one page for each language.

The only file that knows Gradio. Its private methods are overridden in one class, and the browser
tests fail when a new Gradio calls them no more.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from anyio import CapacityLimiter
from fastapi import FastAPI
from typing_extensions import override

from rag import Answer, Lang, Mentor, QuestionError, Sentence
from ui.render import as_markdown, credit, escaped, options, said, unescaped
from ui.stream import streamed
from ui.words import WORDS, Words

logger = logging.getLogger(__name__)

_STARTERS = 4
_FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]
# An answer takes about 10 ms, a slow model's may take seconds; a longer queue only hides trouble.
_AT_ONCE, _WAITING, _THREADS, _SESSIONS = 20, 100, 64, 2000

ChatMessage = dict[str, Any]


class _Chat(gr.ChatInterface):
    """A ChatInterface that shows the student's words as they were typed, never as Markdown."""

    @override
    def _append_message_to_history(
        self, message: Any, history: Any, role: Any = "user"
    ) -> list[Any]:
        if role == "user":
            message = escaped(message["text"] if isinstance(message, dict) else message)
        return super()._append_message_to_history(message, history, role)

    @override
    def _pop_last_user_message(self, history: Any) -> tuple[Any, Any]:
        earlier, message = super()._pop_last_user_message(history)
        return earlier, unescaped(str(message))

    @override
    def option_clicked(self, history: Any, option: gr.SelectData) -> tuple[Any, Any]:
        return self._append_message_to_history(option.value, history), option.value

    @override
    def _clear_and_save_textbox(self, message: Any) -> tuple[Any, Any]:
        # Gradio blanks the placeholder here and never brings it back.
        return gr.Textbox("", interactive=False), message


def mount(app: FastAPI, mentor: Mentor, lang: Lang, path: str) -> None:
    """Add the chat in one language at `path`."""
    chat = build(mentor, lang)
    chat.max_threads, chat.state_session_capacity = _THREADS, _SESSIONS
    chat.queue(default_concurrency_limit=_AT_ONCE, max_size=_WAITING)
    gr.mount_gradio_app(
        app,
        chat,
        path=path,
        head=_head(WORDS[lang]),
        theme=_theme(),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        show_error=False,
        max_file_size=1,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )


def build(mentor: Mentor, lang: Lang) -> gr.ChatInterface:
    """Return the chat in one interface language; answers follow the language of the question."""
    words = WORDS[lang]

    limiter = CapacityLimiter(_THREADS)

    async def reply(question: str, history: list[ChatMessage]) -> AsyncIterator[ChatMessage]:
        # Gradio ends a stream of its own threads only at the next message.
        told = partial(replies, mentor, question, history, words)
        async for message in streamed(told, limiter):
            yield message

    return _Chat(
        reply,
        title=words.title,
        description=_description(mentor, words),
        examples=list(mentor.starters(lang, _STARTERS)),
        cache_examples=False,
        chatbot=gr.Chatbot(
            show_label=False,
            autoscroll=False,
            scale=1,
            height="100%",
            layout="panel",
            latex_delimiters=[],
            buttons=[],
            feedback_options=None,
            allow_tags=False,
            placeholder=escaped(words.ask_first),
            elem_id="chat",
        ),
        textbox=gr.Textbox(
            label=words.placeholder,
            show_label=False,
            container=False,
            placeholder=words.placeholder,
            submit_btn=True,
            stop_btn=True,
            autofocus=True,
            max_lines=6,
            scale=7,
            elem_id="question",
        ),
        fill_height=True,
        analytics_enabled=False,
        flagging_mode="never",
        api_name="chat",
    )


def replies(
    mentor: Mentor,
    question: str,
    history: Sequence[ChatMessage],
    words: Words,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[ChatMessage]:
    """Yield the message as it grows: the status line, the checked sentences, the whole answer."""
    yield _message(f"*{words.searching}*")
    try:
        yield from _growing(mentor, question, earlier_questions(history), words, stopped)
    except QuestionError as error:
        yield _message(escaped(str(error)))
    except Exception:
        logger.exception("A question in the chat could not be answered")
        yield _message(words.failed)


def earlier_questions(history: Sequence[ChatMessage]) -> tuple[str, ...]:
    """Return what the student asked before, oldest first, as it was typed."""
    asked = (message["content"] for message in history if message["role"] == "user")
    return tuple(unescaped(_text(content)) for content in asked)


def _growing(
    mentor: Mentor,
    question: str,
    earlier: Sequence[str],
    words: Words,
    stopped: Callable[[], bool],
) -> Iterator[ChatMessage]:
    ready: list[Sentence] = []
    for part in mentor.stream(question, earlier, stopped):
        if isinstance(part, Answer):
            text = as_markdown(part, mentor.documents, part.lang, with_followups=False)
            yield _message(text, options(part))
        else:
            # The status line stands where the lead will be, so that nothing jumps at the end.
            ready.append(part)
            yield _message(f"*{words.searching}*\n\n{said(ready, words.lang)}")


def _message(markdown: str, asked: Sequence[tuple[str, str]] = ()) -> ChatMessage:
    buttons = [{"value": question, "label": label} for label, question in asked]
    return {"role": "assistant", "content": markdown, "options": buttons}


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a message: from the page it is a list of parts, else a string."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _description(mentor: Mentor, words: Words) -> str:
    documents, model = mentor.documents, mentor.model
    authors = dict.fromkeys(credit(document, words)[0] for document in documents.values())
    promise = words.promise_written if model else words.promise
    lines = (
        promise.format(count=len(documents), model=model),
        words.essays.format(authors=words.author_join.join(authors)),
    )
    about = "".join(f'<p class="about">{escape(line)}</p>' for line in lines)
    switch = f'<a href="/chat/{words.other}/" lang="{words.other}">{words.switch}</a>'
    return f'{about}<p class="switch">{switch}</p>'


def _theme() -> gr.themes.Base:
    """Return the colours that must be right before the style sheet arrives."""
    return gr.themes.Default(font=_FONTS, font_mono=_MONO).set(
        body_background_fill="#f7f5ef",
        body_background_fill_dark="#15181a",
        body_text_color="#23272b",
        body_text_color_dark="#e4e2dc",
        background_fill_primary="#f7f5ef",
        background_fill_primary_dark="#15181a",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        link_text_color="#0f5c5c",
        link_text_color_dark="#7cc7c0",
        link_text_color_visited="#0f5c5c",
        link_text_color_visited_dark="#7cc7c0",
    )


def _head(words: Words) -> str:
    """Return what the page loads besides Gradio: words travel with the file that says them."""
    said_by_script = escape(json.dumps(words.reader, ensure_ascii=False))
    ask_next, try_asking = (
        json.dumps(text, ensure_ascii=False) for text in (words.ask_next, words.try_asking)
    )
    return (
        f"<style>:root{{--ask-next:{ask_next};--try-asking:{try_asking}}}</style>"
        '<link rel="stylesheet" href="/static/chat.css">'
        '<link rel="stylesheet" href="/static/reader.css">'
        '<script src="/static/chat.js" defer></script>'
        f'<script src="/static/reader.js" data-words="{said_by_script}" defer></script>'
    )
