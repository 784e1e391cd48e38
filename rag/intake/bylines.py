"""Lines -> the author, date, site and address that a by-line names; nothing is made up."""

import re
from collections.abc import Iterable, Iterator
from datetime import date

_NAME = r"[^\s|丨·•,，;；/:：()（）\[\]【】。.!?]{1,16}"
_MONTH = r"(?P<mon>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_AUTHORS = (
    re.compile(
        r"^(?:作者|文|撰文|原作者|本文作者|博主|撰稿|口述)\s*[|丨/:：]\s*"
        r"(?P<name>[^|丨/:：\s(（]{1,30}(?:[、,，]\S{1,20})*)"
    ),
    re.compile(rf"^(?P<name>{_NAME}(?:\s{_NAME})?)\s*发自\s"),
    re.compile(
        r"^(?i:(?:posted|written|published|words|story|interview|text) )?(?i:by):? "
        r"(?P<name>[A-Z][\w.'’-]*(?: (?:[A-Z][\w.'’-]*|de|van|von|der|la)){1,4})"
    ),
    re.compile(r"由 ?(?P<name>[\u4e00-\u9fff]{2,4})$"),
    re.compile(r"^\S{0,6}?记者\s*[|:：]?\s*(?P<name>[\u4e00-\u9fff]{2,4})(?=\s|$)"),
)
_DATES = (
    re.compile(rf"(?<!\d){_YEAR}\s?[-/.年]\s?(?P<m>\d{{1,2}})\s?[-/.月]\s?(?P<d>\d{{1,2}})(?!\d)"),
    re.compile(rf"{_MONTH}\s{_DAY},?\s{_YEAR}", re.IGNORECASE),
    re.compile(rf"(?<!\d){_DAY}\s{_MONTH},?\s{_YEAR}", re.IGNORECASE),
)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_NOT_WRITTEN = re.compile(
    r"上传|下载|修改|编辑于|uploaded|last (?:updated|modified)|accessed|copyright|©|icp",
    re.IGNORECASE,
)
_PUBLISHED = re.compile(r"发布|发表|發佈|發表|published|posted", re.IGNORECASE)
_URL = re.compile(
    r"(?:来源|原文|本文|链接|地址|source|via|original)[^:：丨|]{0,8}[:：丨|]\s*"
    r"(?P<url>https?://[^\s，。）)]+)",
    re.IGNORECASE,
)
_SITE = re.compile(
    r"^(?:来源|转自|转载自|来自|source|via)\s*[|丨:：]\s*(?P<site>(?!https?:)[^\s|丨]{2,24})",
    re.IGNORECASE,
)


def authors(lines: Iterable[str]) -> Iterator[str]:
    """Yield the names that by-lines give as the author's, in the order of the lines.

    >>> list(authors(["西风 发自 凹非寺", "Posted by Jane Doe on 6 May", "By no means"]))
    ['西风', 'Jane Doe']
    """
    for line in lines:
        for pattern in _AUTHORS:
            if named := pattern.search(line):
                yield named["name"].strip(" ,，、")


def dates(lines: Iterable[str], *, published: bool = False) -> Iterator[str]:
    """Yield the dates that by-lines name, as YYYY-MM-DD, those of uploads and changes left out.

    With `published`, only of lines that say so.

    >>> list(dates(["6 February 2021", "上传时间：2023-05-05", "2023年2月30日"]))
    ['2021-02-06']
    """
    for line in lines:
        if _NOT_WRITTEN.search(line) or (published and not _PUBLISHED.search(line)):
            continue
        for pattern in _DATES:
            if told := pattern.search(line):
                yield from _as_date(told.groupdict())


def _as_date(told: dict[str, str]) -> Iterator[str]:
    """Yield a date as YYYY-MM-DD; nothing for one that no calendar has."""
    month = told.get("m") or _MONTHS.index(told["mon"].lower()) + 1
    try:
        yield date(int(told["y"]), int(month), int(told["d"])).isoformat()
    except ValueError:
        return


def sites(lines: Iterable[str]) -> Iterator[str]:
    """Yield the names of sites that a text is said to come from."""
    yield from (told["site"] for line in lines if (told := _SITE.match(line)))


def urls(lines: Iterable[str]) -> Iterator[str]:
    """Yield the addresses where a text is said to stand."""
    yield from (told["url"] for line in lines if (told := _URL.search(line)))
