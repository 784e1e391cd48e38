"""The corpus is what it says it is: canonical, verbatim, complete and free of page furniture."""

import hashlib
import re
import tomllib
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "corpus"
ESSAYS: list[dict[str, Any]] = tomllib.loads(
    (CORPUS / "manifest.toml").read_text(encoding="utf-8")
)["essay"]
IDS: list[str] = [essay["id"] for essay in ESSAYS]

BULLET = "\u2219"  # the bullet of the sources; an essay has "- " in its place
HEADING = re.compile(r"#{1,3} \S")
ITEM = re.compile(r"- |\d+\. ")
ESSAY_MARK = re.compile(r"^(?:#{1,3} |- )")
SOURCE_MARK = re.compile(rf"^(?:# |{BULLET})")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}|")
ESSAY_KEYS = {
    *("id", "title", "author", "author_en", "site", "site_en", "url", "date"),
    *("lang", "source", "sha256", "licence", "speaker"),
}

# Words that only the pages around the essays use. Each of them stands in a source (or the test that
# looks for it could not fail) and none of them in an essay.
FURNITURE = (
    # dl_research_notes
    "点赞",
    "收藏",
    "一键收藏",
    "相关推荐",
    "对你有帮助么",
    "非常没帮助",
    "非常有帮助",
    "提交",
    "添加红包",
    "红包祝福语",
    "红包个数",
    "红包金额",
    "红包",
    "当前余额",
    "前往充值",
    "需支付",
    "成就一亿技术人",
    "粉丝",
    "hope_wisdom",
    "实付",
    "使用余额支付",
    "重新获取",
    "扫码",
    "钱包余额",
    "抵扣说明",
    "虚拟货币",
    "付费专栏",
    "VIP",
    "余额充值",
    # kaiming_he_qa
    "次阅读",
    "没有评论",
    "发自 凹非寺",
    "公众号(ID",
    "公众号读者群",
    "QbitAI",
    "小红书@",
    "阿巴阿巴",
    "已授权",
    "专栏文章",
    "数亿参数",
    "戳下方图片",
    "即可跳转",
    "Read More",
    "正文完",
    "微信扫码",
    "xzluomor",
    "post-qrcode",
    "Feedzy",
    # deep_learn_back
    "the content of cognition",
    "the main thing you are thinking about",
    "Definitions, Synonyms, Translation",
    "上一篇",
    "下一篇",
    "My_phthon_learn_1",
    "跟随进度更新",
    "Pytorch固定部分参数",
    "few-shot learn",
    # losing_faith_in_dl
    "版块导航",
    "python开源",
    "DjangoApp",
    "docker",
    "Elasticsearch",
    "aigc",
    "WEB开发",
    "其他Web框架",
    "Jquery",
    "社区推广",
    "短视频",
    "印度",
    "Py学习",
    "小白学视觉",
    "月前",
    "次点击",
    '加"星标"或',
    "重磅干货",
    "第一时间送达",
    "作者丨",
    "来源丨",
    "编辑丨",
    "极市",
    "二次转载",
    "来源链接",
    "/answer/",
    "后台回复",
    "OpenCV",
    "扩展模块",
    "下载1",
    "下载2",
    "下载3",
    "即可下载",
    "交流群",
    "读者群",
    "微信群",
    "SLAM",
    "昵称",
    "发送广告",
    "Python社区",
    "本文地址",
    "python88",
    "Python88",
    # one_year_off
    ".docx",
    "上传人",
    "文档编号",
    "上传时间",
    "DOCX",
    "大小:",
    "举报",
    "第1页",
    "共15页",
    "全部预览完",
    "下载吧",
    "下载资源",
    "资源描述",
    "由会员分享",
    "珍藏版",
    "冰点文库",
    "作者|DavidMack",
    "来源|AI开发者",
    "展开阅读全文",
    "相关资源",
    "猜你喜欢",
    "相关搜索",
    "资源标签",
    "当前位置",
    "copyright@",
    "版权所有",
    "经营许可证",
    "鄂ICP备",
)


def essay_bytes(essay_id: str) -> bytes:
    return (CORPUS / "essays" / f"{essay_id}.md").read_bytes()


def essay_text(essay_id: str) -> str:
    return essay_bytes(essay_id).decode("utf-8")


def source_text(essay_id: str) -> str:
    return (CORPUS / "sources" / f"{essay_id}.txt").read_bytes().decode("utf-8")


def paragraphs(essay_id: str) -> list[str]:
    """The lines of an essay that are neither empty nor headings."""
    lines = essay_text(essay_id).split("\n")
    return [line for line in lines if line and not HEADING.match(line)]


def tight(line: str) -> str:
    """A line with all its whitespace taken out."""
    return "".join(line.split())


def source_lines(essay_id: str) -> list[str]:
    """The lines of a source that are not empty, each with its whitespace collapsed."""
    lines = (" ".join(line.split()) for line in source_text(essay_id).split("\n"))
    return [line for line in lines if line]


def places(wanted: list[str], given: list[str]) -> list[range]:
    """For each wanted line the given lines it is made of, each after the place of the one before.

    Raises LookupError for a line that no run of given lines adds up to.
    """
    found: list[range] = []
    place = 0
    for line in wanted:
        for start in range(place, len(given)):
            end, joined = start, ""
            while end < len(given) and len(joined) < len(line):
                joined += given[end]
                end += 1
            if joined == line:
                break
        else:
            raise LookupError(line)
        found.append(range(start, end))
        place = end
    return found


def essay_places(essay_id: str) -> list[range]:
    wanted = [tight(ESSAY_MARK.sub("", line)) for line in essay_text(essay_id).split("\n")]
    given = [tight(SOURCE_MARK.sub("", line)) for line in source_lines(essay_id)]
    return places([line for line in wanted if line], given)


def dropped_lines(essay_id: str) -> list[str]:
    used = {number for place in essay_places(essay_id) for number in place}
    return [line for number, line in enumerate(source_lines(essay_id)) if number not in used]


def test_the_manifest_names_every_essay_and_every_source_and_no_other() -> None:
    assert len(IDS) == len(set(IDS)) == 5
    assert {path.name for path in (CORPUS / "essays").iterdir()} == {f"{i}.md" for i in IDS}
    assert {path.name for path in (CORPUS / "sources").iterdir()} == {f"{i}.txt" for i in IDS}
    assert [essay["source"] for essay in ESSAYS] == [f"sources/{i}.txt" for i in IDS]


@pytest.mark.parametrize("essay", ESSAYS, ids=IDS)
def test_every_essay_is_described_in_full(essay: dict[str, Any]) -> None:
    assert set(essay) - {"note"} == ESSAY_KEYS
    for key in ESSAY_KEYS - {"url", "date", "speaker"}:
        assert essay[key].strip(), key
    assert DATE.fullmatch(essay["date"])
    assert essay["url"] == "" or essay["url"].startswith("https://")
    assert essay["lang"] == "zh"
    assert essay_text(essay["id"]).split("\n")[0] == f"# {essay['title']}"


@pytest.mark.parametrize("essay", ESSAYS, ids=IDS)
def test_the_checksum_of_every_essay_matches(essay: dict[str, Any]) -> None:
    assert hashlib.sha256(essay_bytes(essay["id"])).hexdigest() == essay["sha256"]


@pytest.mark.parametrize("essay_id", IDS)
def test_every_essay_is_canonical(essay_id: str) -> None:
    text = essay_text(essay_id)
    assert unicodedata.is_normalized("NFC", text)
    assert all(char in {"\n", " "} or not char.isspace() for char in text)
    assert all(char == "\n" or unicodedata.category(char) not in {"Cc", "Cf"} for char in text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not text.startswith("\n")
    assert "\n\n\n" not in text
    assert "  " not in text
    assert all(line == line.strip() for line in text.split("\n"))


@pytest.mark.parametrize("essay_id", IDS)
def test_every_essay_has_one_title_and_headings_that_skip_no_level(essay_id: str) -> None:
    lines = essay_text(essay_id).split("\n")
    marked = [line for line in lines if line.startswith("#")]
    assert all(HEADING.match(line) for line in marked)
    levels = [len(line.split(" ")[0]) for line in marked]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("essay_id", IDS)
def test_every_block_is_a_heading_a_paragraph_or_a_whole_list(essay_id: str) -> None:
    blocks = [block.split("\n") for block in essay_text(essay_id).strip("\n").split("\n\n")]
    lists = [bool(ITEM.match(block[0])) for block in blocks]
    for block, is_list in zip(blocks, lists, strict=True):
        assert len(block) == 1 or is_list, block
        assert all(bool(ITEM.match(line)) == is_list for line in block), block
        numbers = [line.split(".")[0] for line in block if line[0].isdigit() and is_list]
        assert numbers in ([], [str(number + 1) for number in range(len(block))]), block
    assert not any(one and two for one, two in pairwise(lists))


@pytest.mark.parametrize("essay_id", IDS)
def test_every_essay_line_is_made_of_lines_of_its_source_in_their_order(essay_id: str) -> None:
    lines = [line for line in essay_text(essay_id).split("\n") if line]
    assert len(essay_places(essay_id)) == len(lines)


def test_a_changed_a_moved_and_a_split_line_would_be_noticed() -> None:
    given = ["one", "two", "three", "two"]
    assert places(["one", "twothree"], given) == [range(1), range(1, 3)]
    assert places(["two", "two"], given) == [range(1, 2), range(3, 4)]
    for wanted in (["0ne"], ["three", "one"], ["onethree"], ["thr", "ee"], ["two"] * 3):
        with pytest.raises(LookupError):
            places(wanted, given)


def test_no_line_of_a_source_was_dropped_but_the_furniture_that_is_listed() -> None:
    rows = (ROOT / "eval" / "furniture.txt").read_text(encoding="utf-8").splitlines()
    assert all(row == " ".join(row.split()) != "" for row in rows)
    assert len(rows) == len(set(rows))
    dropped = {line for essay_id in IDS for line in dropped_lines(essay_id)}
    assert dropped - set(rows) == set()
    assert set(rows) - dropped == set()


def test_the_furniture_phrases_are_many_and_none_is_there_twice() -> None:
    assert len(FURNITURE) == len(set(FURNITURE)) >= 60


@pytest.mark.parametrize("phrase", FURNITURE)
def test_page_furniture_stands_in_a_source_and_in_no_essay(phrase: str) -> None:
    assert any(phrase in source_text(essay_id) for essay_id in IDS)
    assert [essay_id for essay_id in IDS if phrase in essay_text(essay_id)] == []


@pytest.mark.parametrize("essay_id", IDS)
def test_every_dropped_line_holds_a_furniture_phrase_or_is_a_bare_label(essay_id: str) -> None:
    """Whoever writes more than a few words that are dropped must name them in FURNITURE."""
    title = essay_text(essay_id).split("\n")[0].removeprefix("# ")
    for line in dropped_lines(essay_id):
        assert len(line) <= 8 or line == title or any(phrase in line for phrase in FURNITURE), line


@pytest.mark.parametrize("essay", ESSAYS, ids=IDS)
def test_every_speaker_has_a_name_and_only_the_first_has_no_label(essay: dict[str, Any]) -> None:
    speakers = essay["speaker"]
    for speaker in speakers:
        assert set(speaker) <= {"name", "name_en", "url", "asks", "labels", "opens"}
        assert speaker["name"].strip()
        assert speaker["name_en"].strip()
        assert speaker.get("url", "https://").startswith("https://")
        assert isinstance(speaker.get("asks", False), bool)
    assert len({speaker["name"] for speaker in speakers}) == len(speakers)
    assert speakers[0]["labels"] == []
    assert all(speaker["labels"] or speaker["opens"] for speaker in speakers[1:])


@pytest.mark.parametrize("essay", ESSAYS, ids=IDS)
def test_every_label_and_every_opening_begins_a_paragraph(essay: dict[str, Any]) -> None:
    starts = [start for who in essay["speaker"] for start in (*who["labels"], *who["opens"])]
    for start in starts:
        assert start == start.strip() != ""
        assert any(paragraph.startswith(start) for paragraph in paragraphs(essay["id"])), start
    for paragraph in paragraphs(essay["id"]):
        assert sum(paragraph.startswith(start) for start in starts) <= 1, paragraph
