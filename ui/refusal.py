"""What the guard says when it turns a request away: one sentence, in two languages."""

from collections.abc import Mapping
from typing import Literal

from starlette.responses import JSONResponse
from starlette.types import Scope

from rag import Lang
from ui.errors import said as in_form
from ui.request import header
from ui.words import own, page_tag

Why = Literal[
    "minute", "day", "all", "reads", "busy", "crowd", "origin", "length", "slow", "url", "headers",
    "token", "login", "guesses", "metrics",
]  # fmt: skip

# A wait is written in by `str.format`.
_SAID: Mapping[Why, Mapping[Lang, str]] = {
    "minute": {
        "zh": "你问得有点快，请等 {wait}再问。",
        "en": "That was a little fast. Please wait {wait} and ask again.",
    },
    "day": {
        "zh": "从你这里来的提问，今天的次数已经用完了，请过 {wait}再来。",
        "en": "The questions for today from your address are used up. Please come back in {wait}.",
    },
    "all": {
        "zh": "Mentor 今天能回答的次数已经用完了，请过 {wait}再来；文章仍然可以读。",
        "en": "Mentor has answered all it can for today. Please come back in {wait}; "
        "the essays can still be read.",
    },
    "reads": {
        "zh": "请求来得太快，请等 {wait}再试。",
        "en": "Those were many requests at once. Please wait {wait} and try again.",
    },
    "busy": {
        "zh": "现在提问的人很多，请等 {wait}再问一次。",
        "en": "Many people are asking right now. Please wait {wait} and ask again.",
    },
    "crowd": {
        "zh": "从你这里打开的连接太多了，请关掉几个页面再试。",
        "en": "Too many connections are open from your address. "
        "Please close some pages and try again.",
    },
    "origin": {
        "zh": "这台 Mentor 不接受来自 {origin} 的网页。管理员可以放行：MENTOR_ORIGINS={origin}",
        "en": "This Mentor takes no requests from pages of {origin}. "
        "Its owner can allow them: MENTOR_ORIGINS={origin}",
    },
    "length": {
        "zh": "内容太长了，最多 {limit} bytes。",
        "en": "the body is longer than {limit} bytes",
    },
    "slow": {
        "zh": "内容没能在 {limit} 秒内传完，请再试一次。",
        "en": "the body did not arrive within {limit} seconds; please try again",
    },
    "url": {
        "zh": "地址太长了，最多 {limit} bytes。",
        "en": "the address is longer than {limit} bytes",
    },
    "headers": {"zh": "请求头太多或太长。", "en": "the request has too many or too long headers"},
    "token": {
        "zh": "需要令牌：Authorization: Bearer …",
        "en": "this needs a token: Authorization: Bearer …",
    },
    "login": {"zh": "请先登录。", "en": "Please sign in first."},
    "guesses": {
        "zh": "口令错得太多，请等 {wait}再试。",
        "en": "That was wrong too often. Please wait {wait} and try again.",
    },
    "metrics": {
        "zh": "运行指标只能在本机读取，或凭 MENTOR_METRICS_TOKEN 设的令牌读取。",
        "en": "metrics can be read on this machine, or with the token of MENTOR_METRICS_TOKEN",
    },
}


def refusal(
    scope: Scope,
    status: int,
    why: Why,
    *,
    wait_s: int = 0,
    headers: Mapping[str, str] | None = None,
    **said: object,
) -> JSONResponse:
    """Return the response that says so; with a wait in seconds it carries Retry-After."""
    tag = page_tag(header(scope, "accept-language"))
    lang: Lang = "en" if tag == "en" else "zh"
    sentence = own(_SAID[why][lang], tag).format(wait=own(_wait(wait_s, lang), tag), **said)
    more = {"cache-control": "no-store", **(headers or {})}
    if wait_s:
        more["retry-after"] = str(wait_s)
    return in_form(scope, status, sentence, more)


def _wait(seconds: int, lang: Lang) -> str:
    """Return a wait as people say it.

    >>> _wait(1, "en"), _wait(90, "en"), _wait(90, "zh"), _wait(80_000, "en")
    ('1 second', '2 minutes', '2 分钟', '22 hours')
    """
    zh = {"second": "秒", "minute": "分钟", "hour": "小时"}
    size, unit = next(
        (size, unit)
        for size, unit, most in ((1, "second", 60), (60, "minute", 5400), (3600, "hour", None))
        if most is None or seconds <= most
    )
    # A negative floor division rounds up, so that nobody comes back too early.
    count = -(-seconds // size) if size < 3600 else round(seconds / size)
    if lang == "zh":
        return f"{count} {zh[unit]}"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
