"""The chat: Mentor's stream as messages of a Gradio ChatInterface, one page for each language.

The only file that knows Gradio, but for what `sparing.py` spares. Its private methods are
overridden in one class, and the browser tests fail when a new Gradio calls them no more.
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from anyio import CapacityLimiter
from fastapi import FastAPI
from typing_extensions import override

from rag import Document, Lang, Mentor
from ui.intro import intro
from ui.recording import notice
from ui.render import escaped
from ui.stream import streamed, threads
from ui.turns import ChatMessage, last_turn, replies, restored, settled
from ui.words import Tag, Words, own, page_tag, words_of

_STARTERS = 4
_FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]
# An answer takes about 10 ms, a slow model's may take seconds; a longer queue only hides trouble.
_AT_ONCE, _WAITING, _THREADS, _SESSIONS = 20, 100, 64, 2000
# The name under which a browser keeps the conversation. The "secret" hides nothing: it is in the
# page. Fixed, because what is kept must be read again after a restart.
_KEPT = "mentor_conversation"
_PAGES: Mapping[Lang, Sequence[Tag]] = {"zh": ("zh", "zh-TW"), "en": ("en",)}

_SCRIPTS = ("chat", "turn", "tools", "reader")


class Chat(gr.ChatInterface):
    """A ChatInterface that shows the student's words as they were typed, never as Markdown, and
    whose conversation is the browser's: the server is given it with each question.
    """

    def __init__(self, mentor: Mentor, words: Words, **fields: object) -> None:
        self._words, self._limiter = words, CapacityLimiter(threads(mentor, _THREADS))
        self._told = partial(replies, mentor, words=words)
        self._mentor = mentor
        self.page_head = _head(words, mentor.documents)
        super().__init__(self._reply, **fields)  # type: ignore[arg-type]

    def renew(self) -> None:
        """Say of the shelf what is true now, on every page that is opened from here on.

        The page of a chat is fixed when it is built: what it shows is taken from one built anew.
        """
        fresh = build(self._mentor, page_tag(self._words.tag))
        for mine, other in zip(self.blocks.values(), fresh.blocks.values(), strict=True):
            if isinstance(mine, gr.Markdown) and isinstance(other, gr.Markdown):
                mine.value = other.value
        self.chatbot.examples = fresh.chatbot.examples
        setattr(self, "head", fresh.page_head)  # noqa: B010 - Gradio says that it is None
        self.config = self.get_config_file()

    async def _reply(
        self, question: str, history: list[ChatMessage]
    ) -> AsyncGenerator[ChatMessage, None]:
        # Gradio ends a stream of its own threads only at the next message.
        told = partial(self._told, question, history)
        async with aclosing(streamed(told, self._limiter)) as messages:
            async for message in messages:
                yield message

    @override
    def _setup_events(self) -> None:
        """Ask in two steps, taken and answered, whatever it was that asked."""
        quiet: dict[str, Any] = {"queue": False, "api_visibility": "undocumented"}
        kept = gr.BrowserState([], storage_key=_KEPT, secret=_KEPT)
        self.load(restored, [kept], [self.chatbot], show_progress="hidden", **quiet)
        chat, box = [self.chatbot], [self.textbox]
        taken = [self.chatbot, self.textbox]
        asked = [
            self.textbox.submit(self._typed, [self.chatbot, self.textbox], taken, **quiet),
            self.chatbot.example_select(self._clicked, chat, taken, **quiet),
            self.chatbot.option_select(self._clicked, chat, taken, **quiet),
            self.chatbot.retry(self._again, chat, taken, **quiet),
        ]
        answers = [
            event.then(
                self._answered,
                chat,
                chat,
                show_progress="hidden",
                concurrency_id="answers",
                api_visibility="undocumented",
            )
            for event in asked
        ]
        done = [self.chatbot, kept, self.textbox]
        for answer in answers:
            answer.then(self._finished, chat, done, **quiet)
        self.textbox.stop(self._finished, chat, done, cancels=answers, **quiet)
        self.chatbot.undo(self._undone, chat, [*chat, kept, *box], **quiet)
        self.chatbot.clear(list, None, [kept], **quiet)
        # The way in for programs: gradio_client's predict(question, api_name="/chat").
        self.fake_api_btn.click(
            self._reply_to_program,
            box,
            [self.api_response],
            api_name="chat",
            concurrency_id="answers",
            postprocess=False,
        )

    async def _reply_to_program(self, message: str) -> AsyncGenerator[str, None]:
        async with aclosing(self._reply(message, [])) as replied:
            async for reply in replied:
                yield reply["content"]

    def _typed(self, history: list[ChatMessage], question: str) -> tuple[Any, Any]:
        return self._take(history, question)

    def _clicked(self, history: list[ChatMessage], chosen: gr.SelectData) -> tuple[Any, Any]:
        value = chosen.value
        return self._take(history, value["text"] if isinstance(value, dict) else value)

    def _again(self, history: list[ChatMessage]) -> tuple[Any, Any]:
        earlier, question = last_turn(history)
        return self._take(earlier, question)

    def _take(self, history: list[ChatMessage], question: str) -> tuple[Any, Any]:
        """Return the conversation with the question in it, and the box as it waits."""
        asked = {"role": "user", "content": escaped(question)}
        box = gr.Textbox("", interactive=False, submit_btn=False, stop_btn=True)
        return [*history, asked], box

    async def _answered(
        self, history: list[ChatMessage]
    ) -> AsyncGenerator[list[ChatMessage], None]:
        earlier, question = last_turn(history)
        async with aclosing(self._reply(question, earlier)) as messages:
            async for message in messages:
                yield [*history, message]

    def _finished(self, history: list[ChatMessage]) -> tuple[Any, Any, Any]:
        stays = [settled(message, self._words) for message in history]
        return stays, stays, gr.Textbox(interactive=True, submit_btn=True, stop_btn=False)

    def _undone(self, history: list[ChatMessage]) -> tuple[Any, Any, Any]:
        earlier, question = last_turn(history)
        return earlier, earlier, question


def mount(
    app: FastAPI,
    mentor: Mentor,
    lang: Lang,
    path: str,
    *,
    at_once: int = _AT_ONCE,
    waiting: int = _WAITING,
) -> list["Chat"]:
    """Add the chat in one language at `path`: in Chinese, the page of Taiwan beside it.

    `at_once` questions are answered at a time on each, and `waiting` more wait.
    """
    chats = [build(mentor, tag) for tag in _PAGES[lang]]
    for tag, chat in zip(_PAGES[lang], chats, strict=True):
        _mount(app, chat, path + tag.removeprefix(lang).lower(), at_once, waiting)
    return chats


def _mount(app: FastAPI, chat: "Chat", path: str, at_once: int, waiting: int) -> None:
    chat.max_threads, chat.state_session_capacity = _THREADS, _SESSIONS
    chat.queue(default_concurrency_limit=at_once, max_size=waiting)
    gr.mount_gradio_app(
        app,
        chat,
        path=path,
        head=chat.page_head,
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


def build(mentor: Mentor, tag: Tag) -> Chat:
    """Return the chat in one interface language; answers follow the language of the question."""
    words = words_of(tag)
    starters = list(mentor.starters(words.lang, _STARTERS))
    return Chat(
        mentor,
        words,
        title=words.title,
        description=intro(mentor.documents, mentor.model, words, notice(mentor, words)),
        examples=starters,
        example_labels=[own(question, words.tag) for question in starters],
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
    )


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


def _head(words: Words, documents: Mapping[str, Document]) -> str:
    """Return what the page loads besides Gradio: words travel with the file that says them."""
    labels = {
        id_: [label for speaker in document.speakers for label in speaker.labels]
        for id_, document in documents.items()
    }
    told = {
        "lang": words.tag,
        "reader": dict(words.reader),
        "chat": dict(words.chat),
        "labels": labels,
    }
    said_by_script = escape(json.dumps(told, ensure_ascii=False))
    ask_next, try_asking = (
        json.dumps(text, ensure_ascii=False) for text in (words.ask_next, words.try_asking)
    )
    scripts = "".join(f'<script src="/static/{name}.js" defer></script>' for name in _SCRIPTS)
    return (
        f"<style>:root{{--ask-next:{ask_next};--try-asking:{try_asking}}}</style>"
        '<link rel="stylesheet" href="/static/chat.css">'
        '<link rel="stylesheet" href="/static/reader.css">'
        # At once: it stands between Gradio and the network, so it has to be there before Gradio.
        f'<script src="/static/tab.js" data-words="{said_by_script}"></script>{scripts}'
    )
