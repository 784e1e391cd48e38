"""What of a page is its text and what the site's: nothing is lost silently, nothing invented."""

import random
import re
import signal
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.intake import phrases
from rag.intake.blocks import About, Block, BlockKind, Found
from rag.intake.furniture import Parted, parted
from rag.intake.markup import text_blocks
from rag.intake.phrases import ending, folded, promises, verdict, weight
from rag.intake.places import places
from rag.intake.reading import read
from rag.intake.source import open_source

ZH = (
    "刚开始做研究的时候，我以为最难的是写代码，后来才知道最难的是想清楚自己在问什么。",
    "实验失败了很多次，每一次都要回到笔记本上，看看当初写下的预期是什么。",
    "导师告诉我，不要着急看结果，先把基线跑通，再谈改进。这句话我记了很久。",
    "两年以后再看，那些没有结果的日子并没有白过，它们教会了我怎样读自己的数据。",
)
EN = (
    "When I began, I thought that the hardest part would be the code; it was the question.",
    "Most of my experiments failed, and each failure sent me back to what I had expected.",
    "My advisor told me to run the baseline first, and to talk about improvements later.",
    "Two years on, I know that the months without results taught me to read my own data.",
)
HOME = ("html", "body", "div", "page", "div", "entry-content", "p")


def page(*lines: str | Block, title: str = "", place: tuple[str, ...] = ()) -> Found:
    blocks = [line if isinstance(line, Block) else Block(line, place=place) for line in lines]
    return Found("html" if place else "text", tuple(blocks), About(title=title))


def kept(found: Found) -> list[str]:
    return [block.text for block in parted(found).kept]


def why(found: Found) -> dict[str, str]:
    return {gone.block.text: gone.why for gone in parted(found).removed}


def letters(text: str) -> str:
    return "".join(text.split())


# --- texts without furniture -------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(Path("corpus/essays").glob("*.md")), ids=lambda p: p.stem)
def test_an_essay_without_furniture_is_kept_whole(path: Path) -> None:
    assert parted(read(open_source(path))).removed == ()


def test_an_empty_page_gives_nothing() -> None:
    assert parted(Found("text", ())) == Parted((), ())


PROSE = [
    "写完以后不要急着点赞自己，先问问同学看不看得懂。",
    "He told me to subscribe to the mailing list of the lab and to read it every morning.",
    "评论区里有人问我要不要读博，我想了很久，还是没有回答。",
    "I share this desk with two others, and we print what we want to read slowly.",
    "导师很关注我们组的进展，每周都会来问一次实验的情况。",
    "这篇文章的作者后来承认，附录里漏写了一步数据筛选。",
    "The comments of the second reviewer were short, and all of them were right.",
    "我大约花了二十分钟读完摘要，又花了两天读懂第三节。",
    "Please read the paper before you log in to the cluster.",
    "A related question is whether the next experiment would change your mind.",
    "登录服务器之前，先在本子上写下预期。",
    "你可以收藏一百篇论文，但是收藏不等于读过。",
    "We follow the same recipe every week: one question, one run, one page of notes.",
    "别人的代码可以复制，别人的判断复制不来。",
]


@pytest.mark.parametrize("sentence", PROSE)
def test_a_sentence_that_only_mentions_such_words_stays(sentence: str) -> None:
    told = verdict(sentence)
    assert not (told and told.sure)
    assert sentence in kept(page("标题", *ZH, sentence, *EN))


# --- lines -------------------------------------------------------------------------------------

LINES = [
    ("628次阅读", "counts"),
    ("阅读 1.2万", "counts"),
    ("閱讀 3,024", "counts"),
    ("8 min read", "counts"),
    ("没有评论", "counts"),
    ("展开阅读全文", "button"),
    ("Skip to main content", "button"),
    ("打开APP", "button"),
    ("Share this: Twitter LinkedIn Email", "share bar"),
    ("长按识别二维码，关注我们", "share bar"),
    ("点击上方蓝字关注我们", "follow us"),
    ("重磅干货，第一时间送达", "follow us"),
    ("Get new posts by email.", "follow us"),
    ("【赞助商】云上算力，新用户注册即送100小时", "advertisement"),
    ("ADVERTISEMENT", "advertisement"),
    ("京ICP备12345678号-1", "legal line"),
    ("© 2016–2021 Some Site. Some rights reserved.", "legal line"),
    ("未经授权不得转载", "legal line"),
    ("We use cookies to make this site work.", "legal line"),
    ("您需要登录后才可以回帖", "log-in"),
    ("Sign in with email", "log-in"),
    ("本帖最后由 小树 于 2023-10-17 22:03 编辑", "comments"),
    ("第1页 / 共15页", "page number"),
    ("上传人：b****2 文档编号：3156483", "file data"),
    ("图3：损失随步数的变化", "caption"),
]


@pytest.mark.parametrize(("line", "reason"), LINES)
def test_what_a_line_is_can_be_told_by_its_words(line: str, reason: str) -> None:
    told = verdict(line)
    assert told is not None
    assert (told.why, told.sure) == (reason, True)


@pytest.mark.parametrize(
    "line",
    [
        "首页 | 新闻 | 财经 | 更多",
        "Home About Archive RSS",
        "微信微博QQ空间",
        "By Jane Doe",
        "西风 发自 凹非寺",
    ],
)
def test_words_that_could_be_a_heading_are_only_likely_furniture(line: str) -> None:
    told = verdict(line)
    assert told is not None
    assert not told.sure


@pytest.mark.parametrize(
    ("line", "why_over"),
    [
        ("评论（57）", "comments"),
        ("14 thoughts on “How to read a paper”", "comments"),
        ("相关推荐", "related pages"),
        ("You might also like", "related pages"),
        ("— END —", "end mark"),
        ("正文完", "end mark"),
        ("上一篇：装驱动装到崩溃的第三天", "pages before and after"),
        ("About the author", "author's box"),
        ("责任编辑：向北", "legal line"),
        ("我们后来讨论了很久。", ""),
    ],
)
def test_some_lines_begin_what_follows_a_text(line: str, why_over: str) -> None:
    assert ending(line) == why_over


def patterns() -> Iterator[str]:
    words = Path(phrases.__file__).with_name("furniture.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(words)
    for kind in ("sure", "likely", "end"):
        for group in raw[kind]:
            yield from group["lines"]
    yield from raw["promise"]["parts"]


def hostile(pattern: str, rng: random.Random) -> str:
    """Return a long line of a pattern's own letters and words that ends in what fits nothing."""
    words = re.findall(r"[a-z]{2,}|[\u4e00-\u9fff]{2,}", pattern) or ["1"]
    letters = [*re.sub(r"\\[dws.]|[\\()\[\]{}?*+|.^$]", "", pattern), *" 1a的:.,-"]
    unit = "".join(rng.choice(rng.choice((words, letters))) for _ in range(rng.randint(1, 3)))
    return f"{rng.choice(words)}{unit * 200}"[:199] + rng.choice("![x~")


def test_no_pattern_takes_long_for_a_hostile_line() -> None:
    rng = random.Random(1)
    slow: list[str] = []

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        for pattern in patterns():
            found = re.compile(pattern)
            lines = [hostile(pattern, rng) for _ in range(40)]
            signal.setitimer(signal.ITIMER_VIRTUAL, 2)  # of its own work, which takes some ms
            try:
                for line in lines:
                    found.fullmatch(line)
                    found.search(line[:60])
            except TimeoutError:
                slow.append(pattern)
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, before)
    assert slow == []


def test_slides_that_a_script_shows_one_by_one_are_all_text() -> None:
    slides = "".join(
        f"<section {'' if not at else 'hidden aria-hidden=true'}><p>{line}</p></section>"
        for at, line in enumerate(ZH)
    )
    told = [block.text for block in text_blocks(f"<html><body><div>{slides}</div></body></html>")]
    assert told == list(ZH)


def test_the_text_behind_a_gate_stays_and_a_short_gate_goes() -> None:
    place = (*HOME[:-1], "div", "login-gate", "p")
    text = [Block(line, place=HOME) for line in (*EN, *EN, *EN)]
    behind = [Block(f"{line} {' '.join(EN)}", place=place) for line in EN[:3]]
    lone = Block("Already a reader? Please sign in to go on with this story.", place=place)
    assert kept(Found("html", (*text, *behind)))[-3:] == [block.text for block in behind]
    assert lone.text not in kept(Found("html", (*text, lone, *text)))


def test_what_stands_on_every_sheet_goes_whatever_its_number() -> None:
    foot = "某某大学 · 智能感知实验室 内部交流 {} / 4"
    lines = [part for at, line in enumerate(ZH) for part in (line, foot.format(at + 1))]
    assert kept(page("怎样读一篇论文", *lines)) == ["怎样读一篇论文", *ZH]


def test_a_line_is_folded_before_it_is_looked_at() -> None:
    assert folded("★ 【廣告】　ＡＤ ") == "【广告】 ad"
    assert folded("") == ""


def test_a_word_of_letters_weighs_two_han_characters() -> None:
    assert weight("深度 deep learning") == 6  # 2 Han characters + 2 words of 2
    assert weight("…") == 0


def test_an_advertisement_makes_several_promises() -> None:
    assert promises("公众号后台回复“教程”，即可下载第一份中文教程") >= 2
    assert promises(ZH[0]) == 0


# --- places ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["ad-box", "pccommentbox", "asideprofile", "post-tags", "rich_media_meta_list", "breadcrumb"],
)
def test_a_place_of_furniture_is_known_by_a_word_in_its_name(name: str) -> None:
    assert places(("html", "body", "div", name, "p"))


@pytest.mark.parametrize(
    "name",
    [
        "shadow",
        "reading",
        "header-free",
        "commentary",
        "gradient",
        "entry-content",
        "markdown-body",
    ],
)
def test_a_word_inside_another_names_no_place(name: str) -> None:
    assert places(("html", "body", "div", name, "p")) == []


def test_what_stands_on_the_body_of_a_page_says_nothing() -> None:
    assert places(("html", "has-sidebar", "body", "comment_feature", "div", "p")) == []


def test_an_aside_of_the_author_is_no_sidebar() -> None:
    assert places(("body", "aside", "note", "p")) == []
    assert places(("body", "aside", "p")) == [(2, "!sidebar")]


def test_a_sidebar_goes_with_its_prose() -> None:
    side = Block(EN[0], place=("html", "body", "div", "sidebar", "p"))
    found = page("题目", *ZH, place=HOME)
    found = Found("html", (*found.blocks, side), found.about)
    assert why(found) == {EN[0]: "sidebar"}


def test_a_place_that_holds_the_text_is_no_furniture_whatever_it_is_called() -> None:
    assert kept(page("题目", *ZH, place=("html", "body", "div", "sidebar", "p"))) == ["题目", *ZH]


# --- where a text begins and ends --------------------------------------------------------------


def test_a_by_line_goes_and_a_standfirst_stays() -> None:
    found = page(
        "怎样读论文", "作者：张三", "2024-03-05 10:20", "写给刚进实验室的同学们的十条建议", *ZH
    )
    assert kept(found) == ["怎样读论文", "写给刚进实验室的同学们的十条建议", *ZH]
    assert why(found) == {"作者：张三": "by-line", "2024-03-05 10:20": "by-line"}


def test_menus_above_the_title_go() -> None:
    found = page("首页", "新闻", "某某网 > 科技 > 正文", "怎样读论文", "2024-03-05 10:20", *ZH)
    assert kept(found) == ["怎样读论文", *ZH]


def test_the_title_inside_the_text_is_that_of_a_picture() -> None:
    found = page("怎样读好一篇论文", "628次阅读", *ZH[:2], "怎样读好一篇论文", *ZH[2:])
    assert kept(found) == ["怎样读好一篇论文", *ZH]
    assert why(found)["怎样读好一篇论文"] == "the title again"


COMMENTS = (
    "评论（3）", "江上清风", "说得真好，我也遇到过一模一样的事情，谢谢分享。", "2023-08-21", "回复",
    "卡车司机", "我儿子也在读这个，我转给他看了，希望他能坚持下去。", "2023-08-22", "回复",
)  # fmt: skip


def test_comments_below_a_text_go_with_their_prose() -> None:
    assert kept(page("题目", *ZH, *COMMENTS)) == ["题目", *ZH]


def test_an_answer_that_stands_where_the_first_stood_is_no_comment() -> None:
    lines = ("题目", *ZH[:2], "532 条评论", "分享", "收藏", *EN)
    assert [line for line in kept(page(*lines, place=HOME)) if line in EN] == list(EN)


def test_a_text_goes_on_behind_a_box_of_links() -> None:
    box = ("相关推荐", "县城网吧老板转行卖算力", "2023-08-11", "两分钟看懂显卡", "2023-07-30")
    found = page("题目", *ZH[:2], *box, "排班表上的名字", *ZH[2:])
    assert kept(found) == ["题目", *ZH[:2], "排班表上的名字", *ZH[2:]]


def test_a_heading_called_discussion_does_not_end_a_text() -> None:
    lines = (Block("Title", "heading", 1), *EN, Block("Discussion", "heading", 2), EN[0])
    assert kept(page(*lines))[-2:] == ["Discussion", EN[0]]


def test_an_end_mark_ends_a_text() -> None:
    found = page("题目", *ZH, "— END —", "往期推荐", "组会上被问倒的第一百次")
    assert kept(found) == ["题目", *ZH]


def test_a_table_of_contents_repeats_the_headings_and_goes() -> None:
    sections = [Block("一、选题", "heading", 2), Block("二、读论文", "heading", 2)]
    entries = [Block(block.text, "item", 1, "-", linked=1.0) for block in sections]
    found = page("题目", ZH[0], *entries, sections[0], ZH[1], sections[1], ZH[2])
    assert kept(found) == ["题目", ZH[0], "一、选题", ZH[1], "二、读论文", ZH[2]]


def test_an_author_who_begins_a_part_is_kept() -> None:
    found = page("问题", "作者丨甲、乙", ZH[0], "作者：甲", *ZH[1:], "作者：乙", *EN)
    assert [line for line in kept(found) if line.startswith("作者")] == ["作者：甲", "作者：乙"]


def test_names_above_the_posts_of_a_forum_are_kept() -> None:
    name = ("html", "body", "div", "post", "div", "author", "a")
    text = ("html", "body", "div", "post", "div", "message", "p")
    lines = [
        Block(line, place=place)
        for who, said in (("小树", ZH[:2]), ("老王", ZH[2:]), ("小树", EN[:2]))
        for line, place in ((who, name), *((part, text) for part in said))
    ]
    sides = parted(Found("html", tuple(lines)))
    assert sides.posters == ("小树", "老王")
    assert [block.text for block in sides.kept if block.text in {"小树", "老王"}] == [
        "小树",
        "老王",
        "小树",
    ]


def test_a_last_line_behind_an_advertisement_inside_the_text_stays() -> None:
    advert = Block(
        "买课立减", place=("html", "body", "div", "entry-content", "div", "ad-slot", "p")
    )
    found = page("题目", *ZH, advert, "祝大家顺利。", place=HOME)
    assert kept(found) == ["题目", *ZH, "祝大家顺利。"]


def test_a_line_that_replies_to_the_title_is_the_title_again() -> None:
    assert why(page("怎样读论文", *ZH[:2], "Re: 怎样读论文", *ZH[2:])) == {
        "Re: 怎样读论文": "the title again"
    }


# --- lines that are furniture in part ----------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "rest", "cut"),
    [
        (Block("[00:12:31] 张三：我是这样想的。"), "张三：我是这样想的。", "[00:12:31]"),
        (Block("00:12:31 张三：我是这样想的。"), "张三：我是这样想的。", "00:12:31"),
        (Block("他停下来。[12:31]然后又说。"), "他停下来。然后又说。", "[12:31]"),
        (Block("主持人 00:31"), "主持人", "00:31"),
        (Block("历史[编辑]", "heading", 2), "历史", "[编辑]"),
        (Block("Install¶", "heading", 2), "Install", "¶"),
        (Block("Copy\nmake run", "code"), "make run", "Copy"),
    ],
)
def test_what_is_furniture_in_a_line_is_cut_out_of_it(block: Block, rest: str, cut: str) -> None:
    sides = parted(page("题目", *ZH[:2], block, *ZH[2:]))
    assert rest in [one.text for one in sides.kept]
    assert cut in [gone.block.text for gone in sides.removed]


def test_a_clock_time_in_a_sentence_stays() -> None:
    line = "晚上 23:30 的时候，机房里只剩下我一个人，还有那台老机器。"
    assert line in kept(page("题目", *ZH, line, EN[0]))


# --- every page --------------------------------------------------------------------------------

_LINES = st.sampled_from(
    [
        *ZH,
        *EN,
        *COMMENTS,
        *(line for line, _ in LINES),
        "首页",
        "相关推荐",
        "— END —",
        "题目",
        "[00:10] 好。",
    ]
)
_PLACES = st.sampled_from(
    [(), HOME, ("html", "body", "nav"), ("html", "body", "div", "comment-list", "p")]
)
_KINDS: st.SearchStrategy[BlockKind] = st.sampled_from(
    ["heading", "paragraph", "item", "quote", "code", "row"]
)
_BLOCKS = st.builds(
    Block,
    text=_LINES | st.text(min_size=1, max_size=60).map(letters).filter(bool),
    kind=_KINDS,
    level=st.integers(0, 6),
    place=_PLACES,
    linked=st.sampled_from([0.0, 1.0]),
)


@given(st.lists(_BLOCKS, max_size=30))
@example([Block("[00:10] [00:11]"), Block("¶", "heading", 2), Block("Copy", "code")])
def test_every_letter_of_a_page_is_kept_or_removed(blocks: list[Block]) -> None:
    sides = parted(Found("html", tuple(blocks)))
    whole = Counter(letters("".join(block.text for block in blocks)))
    ours = Counter(letters("".join(block.text for block in sides.kept)))
    gone = Counter(letters("".join(one.block.text for one in sides.removed)))
    assert ours + gone == whole


@given(st.lists(_BLOCKS, max_size=30))
def test_no_page_changes_the_order_of_what_is_kept(blocks: list[Block]) -> None:
    rest = iter(letters("".join(block.text for block in blocks)))
    ours = letters("".join(block.text for block in parted(Found("html", tuple(blocks))).kept))
    assert all(letter in rest for letter in ours)


@given(st.lists(_BLOCKS, max_size=30))
def test_every_removed_block_has_a_reason_for_a_person(blocks: list[Block]) -> None:
    sides = parted(Found("html", tuple(blocks)))
    assert all(gone.why and gone.why == gone.why.strip() for gone in sides.removed)
    assert all(block in sides.kept for block in sides.unsure)


# --- boxes inside the text, told by what encloses them -------------------------------------------


def html(text: str) -> Found:
    return Found("html", tuple(text_blocks(f"<html><body><main>{text}</main></body></html>")))


def paragraphs(lines: tuple[str, ...]) -> str:
    return "".join(f"<p>{line}</p>" for line in lines)


def test_times_in_words_that_stick_to_what_is_said_go_and_turns_stand_apart() -> None:
    cues = (
        "0 minutes, 1 secondMIRA: So I ran it 0 minutes, 4 secondsagain. "
        "1 hour, 2 minutes, 9 secondsTOM: In 5 minutes, 30 seconds I had failed."
    )
    found = page(*EN, cues)
    assert kept(found)[-2:] == [
        "MIRA: So I ran it again.",
        "TOM: In 5 minutes, 30 seconds I had failed.",
    ]
    assert why(found)["0 minutes, 4 seconds"] == "timestamp"


def test_an_offer_goes_from_its_label_to_the_link_that_closes_it() -> None:
    offer = "<p>Kettles (SPONSOR)</p><p>They boil while a model trains, and we own three.</p>"
    found = html(
        f"<h1>On waiting</h1>{paragraphs(EN)}{offer}"
        f"<p><a href='/k'>Buy one →</a></p>{paragraphs(EN[::-1])}"
    )
    assert "They boil while a model trains, and we own three." in why(found)
    assert set(EN) <= set(kept(found))


def test_a_label_without_a_closing_link_takes_nothing_along() -> None:
    found = html(f"<h1>On waiting</h1>{paragraphs(EN[:2])}<p>Kettles (SPONSOR)</p>{paragraphs(EN)}")
    assert set(EN) <= set(kept(found))


def test_what_a_table_of_data_is_called_stays() -> None:
    table = "<table><caption>Why runs failed</caption><tr><th>Cause<th>Runs<tr><td>Bug<td>9</table>"
    found = html(f"<h1>On waiting</h1>{paragraphs(EN)}{table}{paragraphs(EN[::-1])}")
    assert "Why runs failed" in kept(found)


def test_the_heading_of_kept_notes_stays() -> None:
    notes = "<h2>Notes</h2><ol class=references><li>^ a b Three of these were given up twice.</ol>"
    found = html(f"<h1>On waiting</h1>{paragraphs(EN)}<h2>More</h2>{paragraphs(EN[::-1])}{notes}")
    assert kept(found)[-2:] == ["Notes", "Three of these were given up twice."]


def test_the_promise_between_sign_up_and_the_form_goes() -> None:
    form = "<b>Sign up to Slow Letters</b><p>Our best words, free.</p><label>Your email</label>"
    found = html(f"<h1>On waiting</h1>{paragraphs(EN)}<div>{form}</div>{paragraphs(EN[::-1])}")
    assert "Our best words, free." in why(found)


def test_the_language_above_code_goes_with_the_button_that_copies_it() -> None:
    code = "<div><span>python</span><button>Copy</button></div><pre>loss = 0</pre>"
    found = html(f"<h1>On waiting</h1>{paragraphs(EN)}{code}{paragraphs(EN[::-1])}")
    assert "python" in why(found)
    assert "loss = 0" in kept(found)


def test_a_guest_book_below_the_text_goes() -> None:
    guests = "".join(
        f"<dt>{who} wrote on 0{n}/11/18:</dt><dd>A page that I read twice, and then once more.</dd>"
        for n, who in enumerate(("Ada", "Bo", "Cy"), 1)
    )
    found = html(f"<h1>On waiting</h1>{paragraphs(EN * 2)}<p>Guest book</p><dl>{guests}</dl>")
    assert not any("read twice" in line for line in kept(found))


def test_a_question_to_readers_ends_a_letter_in_layout_tables() -> None:
    rows = "".join(
        f"<table role=presentation><tr><td>{line}</td></tr></table>"
        for line in (*EN, "How was this issue?", "You have 0 referrals; three more earn a sticker.")
    )
    assert kept(html(f"<h1>On waiting</h1>{rows}")) == ["On waiting", *EN]


def test_a_sure_box_goes_inside_a_place_that_is_less_sure() -> None:
    told = "Please help to improve it, and cite books that say so."
    box = f"<div class=page-actions><div class=ambox><p>{told}</p></div></div>"
    found = html(f"<h1>On waiting</h1>{paragraphs(EN)}{box}{paragraphs(EN[::-1])}")
    assert told in why(found)


def test_a_headline_broken_over_two_lines_is_one_title() -> None:
    head = "<p><b>What I learned<br>by waiting</b></p>"
    blocks = tuple(text_blocks(f"<html><body>{head}{paragraphs(EN)}</body></html>"))
    found = Found("html", blocks, About(title="What I learned by waiting"))
    assert parted(found).title == "What I learned by waiting"


def test_the_editor_named_behind_the_last_sentence_is_cut() -> None:
    found = page(*ZH[:3], f"{ZH[3]}[责任编辑：林三] 本文由某网首发")
    assert kept(found)[-1] == ZH[3]
