"""A question -> the same without what may say who asked: addresses, numbers, links, keys.

Names cannot be told from other words, so they stay; so do numbers of up to six digits, which are
mostly years, scores and sizes.
"""

import re

_LINK = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|\bwww\.)[^\s，。；、）】》」”]+")
_MAIL = re.compile(r"[A-Za-z0-9._+%-]{1,64}[@\uff20](?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_FOREIGN_MAIL = re.compile(r"\w{1,64}[@\uff20](?:[\w-]{1,63}\.){1,8}\w{2,24}")  # 张三@公司.cn
# What follows such a word is somebody's, however it is written: "微信号：abc_123", "QQ 12345".
_LABELLED = re.compile(
    r"(?P<label>(?:微信|微訊|电话|電話|手机|手機|学号|學號|工号|身份证|身分證|护照|護照|"
    r"(?<![A-Za-z0-9_])(?:wechat|weixin|wx|qq|whatsapp|telegram|line id|student id|passport)"
    r"(?![A-Za-z]))"
    r"(?:号码|號碼|号|號|是|为|[:：=#\s]|\b(?:id|no|number|is)\b\.?){0,4})"
    r"(?P<own>[A-Za-z0-9_+-]*[0-9_][A-Za-z0-9_+-]*)",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b"
    r"|\b[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){3,7}"
    r"|\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}::[0-9A-Fa-f:]{0,39}"
)
_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:(?=[A-Za-z_-]{0,99}\d)[A-Za-z0-9_-]{20,}"
    r"|(?:sk|pk|rk|hf|gh[pousr]|github_pat|glpat|xox[abprs])[-_][A-Za-z0-9_-]{12,})"
)
_NUMBER = re.compile(r"\+?\d(?:[\s().\u2010-\u2013-]{0,2}\d){6,}[Xx]?")
_MASKS = (
    (_LINK, "[link]"),
    (_MAIL, "[e-mail]"),
    (_FOREIGN_MAIL, "[e-mail]"),
    (_LABELLED, r"\g<label>[id]"),
    (_HOST, "[address]"),
    (_KEY, "[key]"),
    (_NUMBER, "[number]"),
)
MARKS = tuple(dict.fromkeys(mark.removeprefix(r"\g<label>") for _, mark in _MASKS))


def masked(text: str) -> str:
    r"""Return a text in which a mark stands for each thing that looks like somebody's own.

    >>> masked("写信到 zhang.san@example.com 或打 +86 138-0013-8000")
    '写信到 [e-mail] 或打 [number]'
    >>> masked("Is https://x.example/?token=1 from 2016 worth 95%?")
    'Is [link] from 2016 worth 95%?'
    >>> masked("加我微信号：abc_123 或 QQ123456，wx：b_1"), masked("我的QQ号是123456")
    ('加我微信号：[id] 或 QQ[id]，wx：[id]', '我的QQ号是[id]')
    >>> masked("见 https://x.example/用户/张三?k=1，密钥 sk-abcdefghijklmnop")
    '见 [link]，密钥 [key]'
    """
    for pattern, mark in _MASKS:
        text = pattern.sub(mark, text)
    return text
