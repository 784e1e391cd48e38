"""What an answer may hinge on in the asker's own situation, and the one question back about it.

Asked by rule and never by a model: whether the answer really hinges on it is told by the shelf,
which must answer both branches, and by different passages.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rag.query import simplified
from rag.types import Lang


@dataclass(frozen=True, slots=True)
class Situation:
    """A thing that askers have or have not. `concerns` finds questions to which it may matter,
    `stated` those that tell it; `branches` are both ways to tell it, and tell it themselves.

    Patterns are held against questions in simplified characters with half-width marks. A question
    back that was not needed costs more than one that was not asked: `stated` is the wider one.
    """

    concerns: re.Pattern[str]
    stated: re.Pattern[str]
    asks: Mapping[Lang, str]
    branches: Mapping[Lang, tuple[str, str]]


SITUATIONS = (
    Situation(
        concerns=re.compile(
            r"显卡|gpu|算力|服务器|跑实验|做实验|训练(?![营集样误数])|[做搞跑]大模型|\bcompute\b|\bhardware\b"
            r"|\btrain(?:ing)?\b(?! (?:data|sets?|loss|error|examples)\b)"
            r"|\bwork(?:ing)? (?:on|with) (?:large (?:language )?models|llms)\b"
            r"|\b(?:run|do)(?:ning|ing)?\b[^.?]{0,12}\bexperiments?\b",
            re.IGNORECASE,
        ),
        stated=re.compile(
            r"(?:(?<!有)没有?|缺|买不起|(?<![没要])有|只有|单|几|[一两\d])\s*"
            r"(?:什么|几?一?[块张台]|足够的?|多少)?\s*(?:显卡|gpu|算力|服务器|卡(?!住))"
            r"|(?:显卡|gpu|算力|服务器)(?:不够|不足|太)|(?<!无)穷|笔记本|租|集群"
            r"|\b(?:no|without|only|lack|have|has|got|my|our|single|one|\d+)\b[^.?]{0,16}"
            r"\b(?:gpus?|compute|hardware|clusters?)\b|\blaptop|\bcolab\b|\bafford|\brent"
            r"|(?<!\d)[2-5]0[6-9]0(?!\d)|(?<![a-z])[ah]\d00(?!\d)",
            re.IGNORECASE,
        ),
        asks={
            "zh": "你手边有能用的显卡吗？说一声，我按你的情况再答一次。",
            "en": "Do you have a GPU you can use? Tell me, and I will answer for your case.",
        },
        branches={
            "zh": ("我没有显卡。", "我有显卡可用。"),
            "en": ("I have no GPU.", "I have GPUs to use."),
        },
    ),
    Situation(
        concerns=re.compile(
            r"读博(?!客|文)|博士|\bph\.?\s?d\b|研究生|导师|全职|脱产|职业|求职|找工作|\badvis[oe]rs?\b"
            r"|\bfull[- ]time\b|\bcareers?\b|\bjobs?\b|\ba degree\b",
            re.IGNORECASE,
        ),
        # Who asks whether to begin a PhD is in none, and who may leave a job has one.
        stated=re.compile(
            r"我[^,。?]{0,8}(?:博[一二三四五士]|读博(?!客|文)|研[一二三]|硕士|本科|大[一二三四](?![点些统样])|工作)"
            r"|我们?的?(?:导师|老板|实验室|课题组)|[没跟和与]有?导师|(?:要不要|该不该|想|打算|准备)读博"
            r"|不读博|没读博|没有博士|班上|上班|辞职|裸辞|转行|自学|一个人"
            r"|\bi(?:'m| am)\b[^.?]{0,24}(?:ph\.?\s?d|student|undergrad|engineer|working)"
            r"|\bi work\b|\b(?:day|stable) job|\bquit(?:s|ting)?\b|\b(?:on my own|by myself)\b"
            r"|\bmy (?:ph\.?\s?d|job|lab|advis[oe]r|supervisor|boss|thesis)"
            r"|\b(?:should|need|want|considering)\b[^.?]{0,16}\bph\.?\s?d"
            r"|\b(?:no|without)(?: an?y?)? (?:ph\.?\s?d|advis[oe]r|degree)",
            re.IGNORECASE,
        ),
        asks={
            "zh": "你现在是在读研读博，还是自己一个人在做？说一声，我按你的情况再答一次。",
            "en": "Are you in a PhD programme, or on your own? Tell me, and I will answer for "
            "your case.",
        },
        branches={
            "zh": ("我在读博。", "我没有读博，自己做研究。"),
            "en": ("I am doing a PhD.", "I am doing research on my own, without a PhD."),
        },
    ),
)
# What somebody else did or thinks does not hinge on who asks.
_OF_OTHERS = re.compile(
    r"作者|笔者|博主|答主|[他她]|怎么看|\b(?:he|she|his|her|they|their|authors?)\b", re.IGNORECASE
)


def asked_back(
    question: str, earlier: Sequence[str], lang: Lang, place: Callable[[str], str | None]
) -> tuple[str, tuple[str, ...]]:
    """Return a question back and the asker's question in both branches; ("", ()) for none.

    `place` gives the passage that answers a question best, None where the shelf does not answer.
    """
    asked, told = _plain(question), _plain(" ".join((*earlier, question)))
    if _OF_OTHERS.search(asked):
        return "", ()
    for situation in SITUATIONS:
        if situation.concerns.search(asked) and not situation.stated.search(told):
            branches = tuple(f"{question} {branch}" for branch in situation.branches[lang])
            answered = takewhile(lambda found: found is not None, map(place, branches))
            if len(set(answered)) == len(branches):
                return situation.asks[lang], branches
    return "", ()


def _plain(text: str) -> str:
    return simplified(unicodedata.normalize("NFKC", text)).replace("’", "'")
