"""What the API answers to its examples: cut out of real answers, for its description."""

import json
from typing import Any

ANSWER: dict[str, Any] = {
    "id": "",
    "question": "Is it normal to be frustrated in research?",
    "lang": "en",
    "status": "answered",
    "lead": "The essays do not say this directly; these words come nearest:",
    "sentences": [
        {
            "text": "In research, 95% of the time is frustrating.",
            "lang": "en",
            "kind": "translation",
            "speaker": "Kaiming He",
            "support": 1.0,
            "citations": [
                {
                    "n": 1,
                    "doc_id": "kaiming_he_qa",
                    "title": "何恺明做科研也emo!最新QA完整版在此",
                    "author": "Xifeng (西风)",
                    "url": "",
                    "quote": "科研中95%的时间是令人沮丧的。",
                    "start": 43,
                    "end": 59,
                }
            ],
        }
    ],
    "dropped": [],
    "nearest": [],
    "followups": [
        "Can normal people do this?",
        "Is it normal to have no mate to bounce things off?",
    ],
    "hits": [
        {
            "doc_id": "kaiming_he_qa",
            "start": 43,
            "end": 59,
            "text": "科研中95%的时间是令人沮丧的。",
            "score": 3.5938,
            "ranks": {"meaning": 1, "words": 1},
        }
    ],
    "answerer": "quotes",
    "understood": "",
    "note": "",
    "asks": "",
    "branches": [],
    "tokens": {},
    "timings_ms": {"retrieve": 9.1, "first_sentence": 9.6, "total": 9.9},
}

FOUND: dict[str, Any] = {
    "question": "Is it normal to be frustrated?",
    "hits": [
        {
            "doc_id": "kaiming_he_qa",
            "title": "何恺明做科研也emo!最新QA完整版在此",
            "author": "Xifeng (西风)",
            "speaker": "Kaiming He",
            "heading": ["何恺明做科研也emo!最新QA完整版在此"],
            "quote": "科研中95%的时间是令人沮丧的。",
            "translation": "In research, 95% of the time is frustrating.",
            "start": 43,
            "end": 59,
            "score": 3.0014,
            "read": "/read/kaiming_he_qa?s=43&e=59&h=aa4ed8df#hit",
        }
    ],
}

ESSAYS: dict[str, Any] = {
    "essays": [
        {
            "id": "dl_research_notes",
            "title": "科研小随笔 2024-2-27",
            "author": "the blogger of “Notes on research”",
            "site": "CSDN",
            "date": "2024-02-27",
            "url": "",
            "lang": "zh",
            "licence": "The text belongs to its author, and the words of Lex Fridman and "
            "Andrej Karpathy to them; quoted with attribution, no licence is "
            "claimed or granted.",
            "speakers": ["the blogger of “Notes on research”", "Lex Fridman", "Andrej Karpathy"],
            "chars": 4669,
            "read": "/read/dl_research_notes",
        }
    ]
}

PLACE: dict[str, Any] = {
    "title": "何恺明做科研也emo!最新QA完整版在此",
    "author": "Xifeng (西风)",
    "site": "QbitAI",
    "date": "",
    "url": "",
    "licence": "The text belongs to its author and to 量子位 (QbitAI), the answers to Kaiming "
    "He; quoted with attribution, no licence is claimed or granted.",
    "lang": "zh",
    "before": "的一句话火了,他说:\n\n",
    "hit": "科研中95%的时间是令人沮丧的。",
    "after": "\n\n什么???就连何恺明都觉得科研很煎熬?\n\n没错,此话正是他最近在香港中文大学",
    "changed": False,
    "speaker": "Kaiming He",
    "translation": "In research, 95% of the time is frustrating.",
    "paragraph": 3,
    "paragraphs": 90,
}

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-0f5c",
    "object": "chat.completion",
    "created": 1763769600,
    "model": "mentor",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The essays do not say this directly; these words "
                "come nearest:\n"
                "\n"
                "**Kaiming He**:\n"
                "\n"
                "In research, 95% of the time is frustrating\\.\xa0"
                "[1](https://mentor.example/read/kaiming_he_qa?s=43&e=59&h=aa4ed8df#hit "
                '"何恺明做科研也emo!最新QA完整版在此: 科研中95%的时间是令人沮丧的。") *(our '
                "translation)*\n"
                "\n"
                "> 科研中95%的时间是令人沮丧的。\n"
                "\n"
                "**Sources**\n"
                "\n"
                "- **何恺明做科研也emo!最新QA完整版在此** · Xifeng (西风\\) · QbitAI "
                "· [full "
                "text](https://mentor.example/read/kaiming_he_qa?s=43&e=59&h=aa4ed8df#hit)\n"
                "  - "
                "[1](https://mentor.example/read/kaiming_he_qa?s=43&e=59&h=aa4ed8df#hit "
                '"何恺明做科研也emo!最新QA完整版在此: 科研中95%的时间是令人沮丧的。") '
                "“科研中95%的时间是令人沮丧的。”\n"
                "\n"
                "You could ask next\n"
                "\n"
                "- Can normal people do this?\n"
                "- Is it normal to have no mate to bounce things "
                "off?\n"
                "- I'm stuck in the middle of my project and it's "
                "miserable\\. Is this normal?",
                "refusal": None,
            },
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "mentor": ANSWER,
}


def _data(value: object) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


STREAM = "".join(
    f"event: {event}\n{_data(value)}"
    for event, value in (
        ("meta", {"v": 1}),
        ("sentence", ANSWER["sentences"][0]),
        ("answer", ANSWER),
        ("done", {}),
    )
)

_HEAD = {name: COMPLETION[name] for name in ("id", "created", "model")}
_CHUNK = _HEAD | {"object": "chat.completion.chunk"}


def _delta(delta: dict[str, str], end: str | None, **more: object) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": end, "logprobs": None}
    return _data(_CHUNK | {"choices": [choice]} | more)


COMPLETION_STREAM = (
    _delta({"role": "assistant", "content": ""}, None)
    + _delta({"content": COMPLETION["choices"][0]["message"]["content"]}, None)
    + _delta({}, "stop", mentor=ANSWER)
    + "data: [DONE]\n\n"
)
