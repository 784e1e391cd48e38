"""Who speaks in an essay is found by its labels, and the shelf takes what is found."""

import json
from pathlib import Path

import pytest

from rag.intake.blocks import About
from rag.intake.voices import Voice, voices
from rag.load import digest, problems

ZH, EN = About(author="西风", lang="zh"), About(author="Jane Doe", lang="en")
LEX = (
    "# Talk\n\nThey met.\n\nLex Fridman: What would you say?\n\nAndrej Karpathy: Work.\n\n"
    "Lex Fridman: And then?\n\nAndrej Karpathy: Work more.\n"
)
QA = "# 问答\n\n开场白。\n\nQ:怎么选题?\n\n何恺明:凭好奇心。\n\nQ:然后呢?\n\n何恺明:继续。\n"
SIGNED = (
    "# 题\n\n问题。\n\n## 回答一\n\n作者:霍华德\n\n随便写写。\n\n"
    "## 回答二\n\n作者:老王\n\n我也写写。\n"
)
POSTS = "# 题\n\n小树懒\n\n想问问大家。\n\n老王\n\n我来说两句。\n\n小树懒\n\n谢谢。\n"


def labels(text: str, about: About = ZH) -> list[tuple[str, ...]]:
    return [voice.labels for voice in voices(text, about)]


def test_the_author_is_the_default_voice() -> None:
    assert voices("# 题\n\n正文。\n", ZH) == (Voice("西风"),)
    assert voices("", About(lang="zh")) == (Voice("作者"),)
    assert voices("", About(lang="en")) == (Voice("the author"),)


def test_those_whose_names_begin_paragraphs_in_turn_speak() -> None:
    assert voices(LEX, EN) == (
        Voice("Jane Doe"),
        Voice("Lex Fridman", ("Lex Fridman:",), asks=True),
        Voice("Andrej Karpathy", ("Andrej Karpathy:",)),
    )


def test_whoever_is_marked_as_asking_asks() -> None:
    assert voices(QA, ZH)[1:] == (
        Voice("提问者", ("Q:",), asks=True),
        Voice("何恺明", ("何恺明:",)),
    )


def test_one_question_and_one_answer_are_a_dialogue() -> None:
    found = voices("# T\n\nQ: Why?\n\nA: Because.\n", EN)
    assert [(voice.labels, voice.asks) for voice in found[1:]] == [
        (("Q:",), True),
        (("A:",), False),
    ]


def test_parts_by_several_are_told_by_their_signatures() -> None:
    assert labels(SIGNED) == [(), ("作者:霍华德",), ("作者:老王",)]
    assert [voice.name for voice in voices(SIGNED, ZH)[1:]] == ["霍华德", "老王"]


def test_posts_are_told_by_the_names_above_them() -> None:
    about = About(author="小树懒、老王", lang="zh")
    assert labels(POSTS, about) == [(), ("小树懒",), ("老王",)]


def test_a_name_that_begins_other_paragraphs_labels_no_post() -> None:
    about = About(author="小树懒、老王", lang="zh")
    assert labels(POSTS + "\n老王说得对。\n", about) == [()]


def test_speakers_of_a_transcript_are_told_by_the_lines_that_repeat_their_names() -> None:
    turn = "Tom Host\n\nWhy?\n\nJane Doe\n\nBecause.\n"
    assert labels(f"# T\n\n{turn}\n{turn}", EN) == [(), ("Jane Doe",), ("Tom Host",)]


@pytest.mark.parametrize(
    "text",
    [
        "# 题\n\n视频链接:https://a.example/b\n\n视频链接:https://a.example/c\n",
        "# 题\n\n注:这里省略。\n\n正文。\n\n注:这里也省略。\n\n例如:这个。\n\n例如:那个。\n",
        "# 题\n\n12:30 出发。\n\n12:45 到达。\n",
        "# T\n\nNote: one.\n\nText.\n\nNote: two.\n",
        "# 题\n\n优点:快。\n\n正文。\n\n缺点:贵。\n",
        "# 题\n\n## 张三:一个人\n\n正文。\n\n## 李四:另一个人\n\n正文。\n",
    ],
)
def test_what_only_looks_like_a_label_is_nobody(text: str) -> None:
    assert labels(text) == [()]


def test_a_lead_in_within_one_mans_turn_stays_his() -> None:
    found = voices(QA.replace("凭好奇心。", "凭好奇心。\n\n例如:视觉。"), ZH)
    assert found[2] == Voice("何恺明", ("何恺明:", "例如:"))


def test_of_a_dialogue_with_a_label_that_is_anybodys_only_the_author_is_named() -> None:
    text = QA.replace("凭好奇心。", "凭好奇心。\n\n例如:视觉。").replace(
        "怎么选题?", "怎么选题?\n\n例如:他?"
    )
    assert labels(text) == [()]


# --- the shelf takes it ------------------------------------------------------------------------

MANIFEST = """[[essay]]
id = "taken"
title = "t"
author = "a"
author_en = "a"
site = ""
site_en = ""
lang = "zh"
sha256 = "{sha256}"
licence = "CC0"
"""


def shelved(folder: Path, text: str, about: About) -> list[str]:
    (folder / "essays").mkdir(exist_ok=True)
    (folder / "essays" / "taken.md").write_text(text, encoding="utf-8")
    rows = [MANIFEST.format(sha256=digest(text))]
    for voice in voices(text, about):
        name, marks = json.dumps(voice.name), json.dumps(list(voice.labels))
        asks = str(voice.asks).lower()
        rows.append(
            f"[[essay.speaker]]\nname = {name}\nname_en = {name}\nlabels = {marks}\nasks = {asks}\n"
        )
    (folder / "manifest.toml").write_text("\n".join(rows), encoding="utf-8")
    return list(problems(folder))


TEXTS = {
    "talk": LEX,
    "questions": QA,
    "signed": SIGNED,
    "posts": POSTS,
    "lead-in": QA.replace("继续。", "继续。\n\n例如:视觉。"),
    "stray": QA + "\n小李:我也是。\n",
    "stray before": QA.replace("开场白。", "小李:我先说。"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_found_passes_the_checks_of_the_shelf(name: str, tmp_path: Path) -> None:
    assert shelved(tmp_path, TEXTS[name], About(author="小树懒、老王", lang="zh")) == []


@pytest.mark.parametrize("path", sorted(Path("corpus/essays").glob("*.md")), ids=lambda p: p.stem)
def test_the_shipped_essays_pass_with_the_voices_that_are_found(path: Path, tmp_path: Path) -> None:
    assert shelved(tmp_path, path.read_text(encoding="utf-8"), ZH) == []
