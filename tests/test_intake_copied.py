"""Text copied from pages keeps what was said, whatever was drawn, timed or numbered around it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pace import LINEAR, growth

from rag.intake.blocks import Block
from rag.intake.furniture import parted
from rag.intake.plain import lines_of
from rag.intake.reading import read
from rag.intake.source import Source

SAID = "A beginner who keeps notes forgets much less than the one who trusts memory."
MORE = "Research is slow, and the results of most days are small; that is as it should be."
RULER = "-" * 40


def blocks(text: str) -> list[Block]:
    return lines_of(text.encode())


def kept(text: str) -> list[str]:
    sides = parted(read(Source("a.txt", "text", text.encode(), Path("a.txt"))))
    return [block.text for block in sides.kept]


def essay(middle: str) -> str:
    """Return a text with something in its middle."""
    return f"On notes\n\n{SAID}\n\n{MORE}\n\n{middle}\n\n{SAID[::-1]}.\n\n{MORE} Indeed.\n"


# --- rulers and boxes --------------------------------------------------------------------------


def test_a_ruler_is_joined_to_no_paragraph() -> None:
    found = [block.text for block in blocks(f"{RULER}\n{SAID}\n════════\n{MORE}\n* * *")]
    assert found == [RULER, SAID, "════════", MORE, "* *"]


@pytest.mark.parametrize(("sign", "level"), [("=", 1), ("-", 2), ("~", 3)])
def test_a_line_of_its_own_above_a_ruler_as_long_is_a_heading(sign: str, level: int) -> None:
    first = blocks(f"What I learned\n{sign * 14}\n\n{SAID}")[0]
    assert (first.kind, first.level, first.text) == ("heading", level, "What I learned")


@pytest.mark.parametrize(
    "above", ["A line that ends.\n" + "-" * 17, "one\ntwo\n---", f"Short\n{RULER}", "a  b\n-  -  -"]
)
def test_other_lines_above_a_ruler_are_no_headings(above: str) -> None:
    assert all(block.kind != "heading" for block in blocks(f"{above}\n\n{SAID}"))


@pytest.mark.parametrize(
    "offer",
    [
        "FROM OUR PARTNERS\n\nOur cloud is fast. It has room for all of you, and for your models.",
        "Sign up today and use the code NOTES for 20% off everything that we have.",
        "| Subscribe |\n| A letter that comes every week, with nothing but good news in it. |",
    ],
)
def test_a_box_that_offers_something_goes_as_a_whole(offer: str) -> None:
    assert kept(essay(f"{RULER}\n{offer}\n{RULER}")) == kept(essay(""))


@pytest.mark.parametrize(
    "own", [SAID.upper(), "I asked them to subscribe to this idea.\nThey did."]
)
def test_a_box_that_the_author_drew_stays(own: str) -> None:
    found = kept(essay(f"{RULER}\n{own}\n{RULER}"))
    assert all(line in found for line in own.split("\n"))


@pytest.mark.parametrize("label", ["ADVERTISEMENT", "广告"])
def test_a_box_may_be_named_in_its_upper_edge(label: str) -> None:
    box = f"----- {label} -----\n{SAID.upper()}\n-------------"
    assert kept(essay(box)) == kept(essay(""))
    other = box.replace(label, "Interlude")
    assert SAID.upper() in kept(essay(other))


def test_a_poll_goes_and_a_list_of_things_to_do_stays() -> None:
    options = "[ ] I keep a log   [ ] I start today"
    assert kept(essay(f"Tap to choose\n{options}\n41 votes")) == kept(essay(""))
    assert "[ ] read it twice [ ] ask" in kept(
        essay("Before you write:\n[ ] read it twice [ ] ask")
    )


def test_below_a_line_for_signatures_only_what_stands_right_above_buttons_goes() -> None:
    assert "Sleep well" not in kept(essay("______\nSleep well\nReply"))
    assert "Sleep well" in kept(essay("______\nSleep well"))


MAIL = "From: A <a@b.example>\nTo: you\nSubject: notes\n\n"


def test_what_a_letter_has_below_its_signature_line_goes() -> None:
    body = essay("") + "\n".join(SAID.replace("notes", f"notes {n}") for n in range(4))
    foot = "\n-- \nThe sender lives by the sea, and writes letters to people who do not."
    assert not any("sender" in line for line in kept(MAIL + body + foot))
    assert any("sender" in line for line in kept(body + foot.replace("-- ", "--")))


def test_addresses_behind_the_words_that_link_to_them_leave_a_letter_to_many() -> None:
    link = "<https://a.example/1>"
    text = (
        f"Read the paper {link}. It is at {link} too, and a book\n{link}.\n\n{link}\n\nUnsubscribe"
    )
    assert blocks(text)[0].text == f"Read the paper. It is at {link} too, and a book"
    assert blocks(text.replace("Unsubscribe", ""))[0].text.startswith(f"Read the paper {link}.")


def test_dashes_and_circled_numbers_mark_items_where_two_lines_begin_so() -> None:
    found = blocks("– one\n– two\n\n① 三\n② 四\n\n– not an item\n\n① 也不是")
    assert [(block.kind, block.mark, block.text) for block in found] == [
        ("item", "-", "one"),
        ("item", "-", "two"),
        ("item", "1.", "三"),
        ("item", "2.", "四"),
        ("paragraph", "", "– not an item"),
        ("paragraph", "", "① 也不是"),
    ]


# --- talks with times --------------------------------------------------------------------------

CAPTIONS = (
    ">> ANN LEE: Good evening. Please|find a seat. Our speaker|did her work on one card|"
    "and a broken fan. [laughter]|>> BO RAY: Thank you. So the fan|was held in place by a ruler|"
    "and it slipped after|forty minutes.|Then I|counted it once|and for all."
).split("|")


def timed(captions: list[str]) -> str:
    return "\n".join(f"0:{10 + at}\n{line}" for at, line in enumerate(captions))


def spoken(text: str) -> list[str]:
    return [block.text for block in blocks(text) if block.text[:1].isalpha()]


def test_captions_between_times_are_joined_and_parted_where_somebody_else_speaks() -> None:
    assert spoken(timed(CAPTIONS)) == [
        " ".join(CAPTIONS[:4]).removeprefix(">> "),
        " ".join(CAPTIONS[4:]).removeprefix(">> "),
    ]


def test_the_times_of_a_talk_stand_behind_it_several_to_a_line() -> None:
    behind = [block.text for block in blocks(timed(CAPTIONS))][-1]
    assert behind.split() == [f"0:{at}" for at in range(10, 10 + len(CAPTIONS))]
    assert behind not in kept(timed(CAPTIONS))


def test_a_chapter_is_a_heading_and_the_numbers_of_captions_are_in_no_sentence() -> None:
    text = "Opening\n" + timed([*CAPTIONS[:8], "Long walks"])
    chaptered = text.replace("\n0:18\nLong walks", "\nLong walks\n0:18\n") + "\n".join(CAPTIONS[8:])
    heads = [block.text for block in blocks(chaptered) if block.kind == "heading"]
    assert heads == ["Opening", "Long walks"]
    counted = "\n\n".join(
        f"{at}\n00:00:{10 + at},000 --> 00:00:{11 + at},000\n{line}"
        for at, line in enumerate(CAPTIONS, 1)
    )
    assert spoken(counted) == spoken(timed(CAPTIONS))


def test_turns_below_names_and_times_are_left_as_they_are() -> None:
    turns = "\n\n".join(f"Ann Lee\n0:{10 + at}\n{SAID} {at}." for at in range(9))
    assert spoken(turns).count("Ann Lee") == 9
    silent = timed([line.replace(".", "") for line in CAPTIONS])
    assert "and a broken fan [laughter]" in spoken(silent)


# --- slides ------------------------------------------------------------------------------------


def deck(*slides: str, foot: str = "实验室 内部交流 {} / {}") -> str:
    return "\n\n".join(
        f"{slide}\n{foot.format(at, len(slides))}" for at, slide in enumerate(slides, 1)
    )


SLIDES = (
    "被拒之后\n——给第一次投稿的人\n实验室 内部交流",
    "目录\n1 当天\n2 以后",
    "先报一下战绩\n• 投稿十四次\n• 录用五次",
    f"当天什么都不要做\n{'重点是告诉大家，台上的人被拒的次数一定比台下的人多，因为他投得多。' * 3}",
    "目录\n1 当天\n→ 2 以后",
    "带走三句话\n• 什么都不要做\n• 先把结论写小",
    "谢谢大家\na@b.example",
)


def test_every_slide_is_kept_from_the_first_to_the_last_with_its_title_a_heading() -> None:
    found = kept("首页 登录\n\n" + deck(*SLIDES) + "\n\n您可能感兴趣的文档\n模板 18 页 免费\n")
    assert found[:5] == ["被拒之后", "——给第一次投稿的人", "先报一下战绩", "投稿十四次", "录用五次"]
    assert found[-3:] == ["带走三句话", "什么都不要做", "先把结论写小"]
    assert len(found) == 10
    heads = [block.text for block in blocks(deck(*SLIDES)) if block.kind == "heading"]
    assert heads == [
        "被拒之后",
        "——给第一次投稿的人",
        "先报一下战绩",
        "当天什么都不要做",
        "带走三句话",
    ]


@pytest.mark.parametrize("foot", ["Page {} of {}", "第 {} 页 / 共 {} 页", "{}/{}"])
def test_feet_of_slides_number_them_in_several_ways(foot: str) -> None:
    heads = [block.text for block in blocks(deck(*SLIDES, foot=foot)) if block.kind == "heading"]
    assert "带走三句话" in heads


def test_numbers_above_the_parts_of_a_text_are_no_feet_of_slides() -> None:
    text = "\n\n".join(f"Part {at}/6\nA walk\n{SAID}" for at in range(1, 7))
    assert all(block.kind != "heading" and not block.place for block in blocks(text))


# --- threads -----------------------------------------------------------------------------------


def post(name: str, said: str) -> str:
    return (
        f"{name}\n12 主题\n88 帖子\n见习火工\n\n"
        f"发表于 2023-11-5 23:47:12 | 只看该作者\n沙发\n{said}\n"
        "支持 94   反对 1\n该帖被管理员看过\n________\n不行就睡觉\n回复   举报\n"
    )


def test_between_posts_only_the_name_of_the_next_poster_stays() -> None:
    said = [f"半年没有成果太正常了，第{n}年我只整理了一张标注错误的表。" for n in "一二三四"]
    names = "甲某 乙某 丙某 丁某".split()
    posts = [post(name, text) for name, text in zip(names, said, strict=True)]
    found = kept("想听听各位是怎么熬过来的\n\n" + "\n".join(posts))
    assert found[-6:] == ["乙某", said[1], "丙某", said[2], "丁某", said[3]]
    assert not {"见习火工", "不行就睡觉", "该帖被管理员看过"} & set(found[2:])


def test_a_quotation_in_a_post_leaves_without_its_head_and_the_name_stays() -> None:
    said = "先怀疑自己，但是要给这个怀疑定个期限，我的做法是一周。"
    quoting = f"引用:\n甲某 发表于 2023-11-5 23:47\n先怀疑谁？\n\n{said}"
    posts = post("甲某", said * 2) + post("乙某", quoting) + post("丙某", said * 3)
    found = kept("题目在这里呢\n\n" + posts)
    assert "引用:" not in found
    assert {"乙某", "先怀疑谁？", said} <= set(found)


def test_a_diary_with_times_is_no_thread() -> None:
    days = "\n\n".join(f"2021-03-0{n} 10:22\nWelsh model\nwer 41\n{SAID} {n}." for n in range(1, 7))
    assert all(not block.place for block in blocks(days))


def test_the_name_above_a_number_of_followers_is_no_title_where_it_stands_again() -> None:
    page = f"Long Walks\nSummer School\n9.41K subscribers\n\n{SAID}\n\n{MORE}\n\nSummer School\n"
    assert kept(page)[0] == "Long Walks"
    assert blocks(page)[0].level == 1
    assert "Summer School" not in kept(page)[:2]


# --- bounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text_of",
    [
        lambda size: "0:01\na.\n" * (size // 8),
        lambda size: "发表于 2023-11-5 23:47\n" * (size // 8),
        lambda size: "-----\nad\n" * (size // 8),
        lambda size: "– a\n" * (size // 4),
        lambda size: "a 1 / 2\n\n" * (size // 8),
        lambda size: "unsubscribe " + "a <https://b.example>" * (size // 8),
        lambda size: "-" * size + "a",
        lambda size: " " * size + "a\n" + "| " * size,
        lambda size: "a" * size + "\n..." + "<" * size,
    ],
)
def test_lines_made_to_be_slow_are_read_in_time_that_grows_with_their_length(
    text_of: Callable[[int], str],
) -> None:
    assert growth(lambda size: lines_of(text_of(size).encode()), 120_000) < LINEAR
