"""What Mentor says in its own voice, in Chinese and English: never a claim about research."""

import re
from collections.abc import Sequence

from rag.errors import Reason
from rag.types import Lang

EMPTY = "请写下你的问题。 Please type a question."
NO_WORDS = "请用文字提问,中文或英文都可以。 Please ask in words, in Chinese or English."
OTHER_LANGUAGE = (
    "I can answer questions in English or Chinese. Please ask again in one of them. "
    "请用中文或英文提问。"
)
_TOO_LONG: dict[Lang, str] = {
    "zh": "问题有 {n} 个字符,最多能读 {limit} 个。请用一两句话说出你最想问的。",
    "en": "The question has {n} characters and I can read {limit}. "
    "Please put it in a sentence or two.",
}
_REFUSED: dict[Lang, str] = {
    "zh": "这几篇文章没有谈到这个问题,我不知道。",
    "en": "These essays do not say, so I do not know.",
}
_ONE: dict[Lang, str] = {"zh": "关于这一点,文章里这样说:", "en": "Here is what the essays say:"}
_SEVERAL: dict[Lang, str] = {"zh": "{names}都谈到过这一点:", "en": "{names} speak to this:"}
_WRITTEN: dict[Lang, str] = {
    "zh": "用我的话转述文章,点编号看原文:",
    "en": "Retold from the essays; each number opens the words it rests on:",
}
_NEAREST: dict[Lang, str] = {
    "zh": "文章没有直接谈到这个问题,最接近的是这些话:",
    "en": "The essays do not say this directly; these words come nearest:",
}
# Why quotes stand where a chat model was to write, or nothing does.
_FAILED: dict[Lang, str] = {
    "zh": "这次没能用模型作答({why}),下面是文章原话。",
    "en": "The model could not answer this time ({why}); these are the essays' own words.",
}
_WHY: dict[Reason, dict[Lang, str]] = {
    "timeout": {"zh": "它太久没有回应", "en": "it took too long"},
    "rate limit": {"zh": "它眼下太忙", "en": "it is too busy"},
    "unavailable": {"zh": "连不上它", "en": "it cannot be reached"},
    "key": {"zh": "它不接受站点的密钥", "en": "it does not take this site's key"},
    "malformed": {"zh": "它的回复读不出来", "en": "its reply cannot be read"},
    "empty": {"zh": "它什么也没说", "en": "it said nothing"},
    "paused": {"zh": "它接连出错,先歇一会儿", "en": "it failed repeatedly and is left to rest"},
}
_UNPROVED: dict[Lang, str] = {
    "zh": "模型写的话多半在文章中找不到依据,下面换成文章原话。",
    "en": "Most of what the model wrote is not borne out by the essays, so these are their own "
    "words.",
}
_DECLINED: dict[Lang, str] = {
    "zh": "模型读了最接近的段落,也认为它们没有回答这个问题。",
    "en": "The model read the nearest passages and finds no answer in them either.",
}
_OVERRULED: dict[Lang, str] = {
    "zh": "模型没有在这些段落里找到答案;下面是文章里最接近的原话,请自己判断。",
    "en": "The model found no answer in these passages; here are the essays' own words, so judge "
    "for yourself.",
}

# Small talk: what is said (whole words, joined by blanks where they are several), and the reply.
_GREETINGS = """
    你好 您好 大家好 老师好 哈喽 哈啰 嗨 嘿 早 早安 早上好 上午好 中午好 下午好 晚上好 在吗
    在不在 有人吗 hi hello hey hiya yo greetings good_morning good_afternoon good_evening
    hi_there hello_there hey_there hi_mentor hello_mentor hey_mentor
"""
_THANKS = """
    谢谢 谢谢你 谢谢您 谢谢啦 谢谢了 多谢 感谢 非常感谢 十分感谢 太感谢了 谢了 辛苦了 好的谢谢
    thanks thank_you thx ty cheers many_thanks thanks_a_lot thank_you_so_much thank_you_very_much
    thanks_so_much much_appreciated thanks_mentor ok_thanks
"""
_GOODBYES = """
    再见 拜拜 拜 晚安 回头见 下次见 明天见 bye bye_bye goodbye good_night see_you see_you_later
    cya
"""
_WHO = """
    你是谁 您是谁 你是什么 你叫什么 你叫什么名字 你是干什么的 你是做什么的 你能做什么 你能干什么
    你会什么 你会做什么 你能回答什么 你能回答什么问题 你能回答哪些问题 你可以做什么 你是机器人吗
    你是ai吗 你是人吗 你是真人吗 你有什么用 怎么用 怎么用你 介绍一下你自己 介绍一下自己 自我介绍
    自我介绍一下 mentor是什么 who_are_you what_are_you what's_your_name what_is_your_name
    what_can_you_do what_do_you_do how_do_you_work are_you_a_bot are_you_a_robot are_you_an_ai
    are_you_human are_you_real what_is_this what_is_mentor who_is_mentor help introduce_yourself
    tell_me_about_yourself what_can_i_ask what_can_i_ask_you
"""
_NODS = """
    好 好的 好吧 嗯 嗯嗯 哦 噢 明白 明白了 懂了 知道了 收到 了解 了解了 哈哈 哈哈哈 没事了 ok
    okay k got_it i_see cool great nice haha lol sure fine alright never_mind
"""
_REPLIES: tuple[tuple[str, dict[Lang, str]], ...] = (
    (
        _GREETINGS,
        {
            "zh": "你好!关于做机器学习研究,有什么想问的吗?我只根据书架上几篇文章回答,"
            "每句话都有原文为证。",
            "en": "Hello! What would you like to ask about doing machine-learning research? "
            "I answer only out of the essays on my shelf, with a quote behind every sentence.",
        },
    ),
    (
        _THANKS,
        {
            "zh": "不客气。还有想问的,随时说。",
            "en": "You are welcome. Ask whenever something else comes up.",
        },
    ),
    (
        _GOODBYES,
        {"zh": "再见,祝研究顺利!", "en": "Goodbye, and good luck with your research!"},
    ),
    (
        _WHO,
        {
            "zh": "我是 Mentor,用几篇过来人的文章回答做机器学习研究的问题。每句话都有文章原话为证,"
            "点开编号就能看到出处;文章没说的,我会说不知道。",
            "en": "I am Mentor. I answer questions about doing machine-learning research out of a "
            "few essays by people who lived it. Every sentence rests on a quote that you can open "
            "in its essay, and what the essays do not say, I say I do not know.",
        },
    ),
    (
        _NODS,
        {
            "zh": "好的。想继续的话,再问一个问题就行。",
            "en": "All right. Ask another question whenever you like.",
        },
    ),
)
_TALK = {said.replace("_", " "): reply for spoken, reply in _REPLIES for said in spoken.split()}
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_ENDINGS = re.compile(r"[啊呀哦吖呢哈啦~]+$")
_REPEATS = re.compile(r"(.)\1{2,}")
_PARTS = re.compile(r"[,，、。.!！?？;；~…\n]+")


def small_talk(question: str, lang: Lang) -> str | None:
    """Return a reply to a greeting, thanks, goodbye or "who are you?"; None for a real question.

    "你好, 谢谢" is answered by its last part; one part that is no small talk makes it a question.
    """
    plain = _REPEATS.sub(r"\1\1", question.lower().replace("’", "'"))
    parts = [_EDGES.sub("", part) for part in _PARTS.split(plain)]
    said = [_ENDINGS.sub("", part) or part for part in parts if part]
    if not said or any(part not in _TALK for part in said):
        return None
    return _TALK[said[-1]][lang]


def too_long(lang: Lang, n: int, limit: int) -> str:
    """Say that a question of `n` characters is over the limit."""
    return _TOO_LONG[lang].format(n=n, limit=limit)


def refused(lang: Lang) -> str:
    """Say that the essays do not answer."""
    return _REFUSED[lang]


def failed(lang: Lang, reason: Reason) -> str:
    """Say why a chat model did not answer."""
    return _FAILED[lang].format(why=_WHY[reason][lang])


def unproved(lang: Lang) -> str:
    """Say that too little of what a chat model wrote is proved."""
    return _UNPROVED[lang]


def declined(lang: Lang) -> str:
    """Say that a chat model finds no answer in the passages."""
    return _DECLINED[lang]


def overruled(lang: Lang) -> str:
    """Say that quotes are given although a chat model finds no answer in the passages."""
    return _OVERRULED[lang]


def written(lang: Lang) -> str:
    """Introduce an answer in a chat model's words."""
    return _WRITTEN[lang]


def lead(lang: Lang, speakers: Sequence[str], *, direct: bool) -> str:
    """Introduce the quotes; `direct` is False where the evidence is weak."""
    if not direct:
        return _NEAREST[lang]
    frame = _SEVERAL if len(set(speakers)) > 1 else _ONE
    return frame[lang].format(names=names(lang, speakers))


def names(lang: Lang, speakers: Sequence[str]) -> str:
    """Join distinct names in order: "A、B和C" or "A, B and C"."""
    distinct = list(dict.fromkeys(speakers))
    if len(distinct) < 2:
        return "".join(distinct)
    comma, last = ("、", "和") if lang == "zh" else (", ", " and ")
    return comma.join(distinct[:-1]) + last + distinct[-1]
