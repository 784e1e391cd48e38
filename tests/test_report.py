"""A run in its four forms: whole, the same each time, and no text of it anything but text."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_runs import HOSTILE, empty, figure, hostile, item, run, said

from eval import plots
from eval.report import (
    allowed,
    as_csv,
    as_html,
    as_markdown,
    bar,
    comparison,
    figures_table,
    plain,
    tight,
    worst,
    write,
)

TEMPLATE = Path(__file__).resolve().parent.parent / "eval" / "page.html.j2"
NAMES = ["run.json", "items.csv", "summary.md", "report.html"]
NO_WIDTH = "\u200b"


class Page(HTMLParser):
    """What a browser would make of a page: its tags, their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.text = ""
        self.feed(str(html))  # a drawing that is safe would escape what is added to it
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[Mapping[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def rendered(markdown: str) -> Page:
    return Page(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))


def rows(of: Mapping[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(of))))


# ---- files ----


def test_the_four_files_are_written_into_a_new_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    assert write(run(), folder) == [folder / name for name in NAMES]
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(run(), tmp_path / "a"), write(run(), tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_json_is_the_run_with_sorted_keys_a_key_a_line_and_chinese_as_it_is(
    tmp_path: Path,
) -> None:
    written = write(run(), tmp_path)[0].read_bytes().decode()
    assert json.loads(written) == run()
    assert written == json.dumps(run(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert "科研中95%的时间是令人沮丧的" in written
    assert "\r" not in written


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match="the report cannot be written") as caught:
        write(run(), taken)
    assert str(taken) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_breaks_on_the_way_leaves_the_earlier_report_whole(tmp_path: Path) -> None:
    write(run(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    broken = run() | {"items": [{"id": "half"}]}
    with pytest.raises(KeyError):
        write(broken, tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        write(run([item("g.en", "?", evidence=math.nan)]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_cannot_be_moved_into_place_leaves_nothing_aside(tmp_path: Path) -> None:
    (tmp_path / "summary.md" / "occupied").mkdir(parents=True)
    with pytest.raises(OSError, match="the report cannot be written"):
        write(run(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "items.csv", "summary.md"}


def test_half_a_surrogate_pair_is_no_reason_to_write_nothing(tmp_path: Path) -> None:
    for path in write(run([item("g.en", "half \ud83d of it")]), tmp_path):
        assert path.read_bytes().decode()


@pytest.mark.parametrize("of", [empty(), run([]), run([hostile()])], ids=["empty", "no", "one"])
def test_every_form_can_be_made_of_little(of: dict[str, Any], tmp_path: Path) -> None:
    assert len(write(of, tmp_path)) == 4


# ---- figures ----


def test_a_figure_without_value_or_interval_shows_a_dash_or_nothing() -> None:
    bare = figure("quotes", "bare", 0.5, low=None, high=None)
    of = run() | {"figures": [figure("quotes", "none", None, n=0), bare]}
    assert [(r.value, r.interval) for r in figures_table(of)] == [("–", ""), ("0.500", "")]


def test_the_systems_own_row_among_the_trivial_ones_is_shown_once() -> None:
    own = {"row": "mentor", "figures": {"key points": 0.664}}
    of = run() | {"trivial": [own, *run()["trivial"]]}
    assert comparison(of) == comparison(run())
    heads, rows = comparison(of)
    assert heads == ["mentor", "copy the top passage", "a random passage", "always refuse"]
    assert rows[2] == ["faithfulness", "0.982", "0.990", "0.980", "–"]
    assert as_html(of) == as_html(run())


def test_a_trivial_figure_that_the_system_has_not_is_shown_with_a_dash() -> None:
    of = run() | {"trivial": [{"row": "random", "figures": {"another": 0.1}}]}
    assert comparison(of)[1] == [["another", "–", "0.100"]]


def test_the_headline_is_a_part_of_the_figures_in_their_order() -> None:
    every, headline = figures_table(run()), figures_table(run(), headline=True)
    assert [row for row in every if row in headline] == headline
    assert 0 < len(headline) < len(every)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.5, 0.25, 0.75, (25, 50, 50)),
        (0.5, None, None, (50, 0, 50)),
        (-1.0, -1.0, 0.0, (0, 50, 0)),
        (4.0, 2.0, 4.0, (50, 50, 100)),
    ],
)
def test_a_bar_stands_on_a_scale_that_holds_it(
    value: float, low: float | None, high: float | None, expected: tuple[float, ...]
) -> None:
    made = bar({"value": value, "low": low, "high": high})
    assert made
    assert (made.left, made.width, made.at) == pytest.approx(expected)


def test_without_a_value_there_is_no_bar() -> None:
    assert bar({"value": None, "low": None, "high": None}) is None


def test_the_worst_come_first_and_what_is_right_or_failed_not_at_all() -> None:
    found = [one["verdict"] for one in worst(run()["items"], 10)]
    assert found == ["answered wrongly", "wrong", "refused wrongly", "partly", "partly"]
    assert len(worst(run()["items"], 2)) == 2


def test_among_equal_verdicts_the_lowest_scores_come_first_then_the_id() -> None:
    low, high = {"a": 0.0, "b": None}, {"a": 0.5}
    some = [
        item("c.en", "?", "wrong", scores=high),
        item("b.en", "?", "wrong", scores=low),
        item("a.en", "?", "wrong", scores=low),
    ]
    assert [one["id"] for one in worst(some, 3)] == ["a.en", "b.en", "c.en"]


# ---- the table ----


def test_the_table_has_a_row_for_each_item_with_its_counts_and_scores() -> None:
    table = {row["id"]: row for row in rows(run())}
    assert list(table) == [one["id"] for one in run()["items"]]
    wanted = {
        "verdict": "wrong", "sentences": "2", "citations": "3", "exact": "0", "supported": "0",
        "points_held": "0", "points": "1", "key points": "0.0", "ms": "10.2", "evidence": "0.61",
    }  # fmt: skip
    assert wanted.items() <= table["g03.en"].items()
    assert (table["g08.zh"]["ms"], table["g08.zh"]["evidence"]) == ("", "")
    assert (table["g06.en"]["answerable"], table["g05.en"]["answerable"]) == ("1", "0")


@pytest.mark.parametrize("first", [*"=+-@\t\r\n＝＋－＠"])
def test_no_cell_begins_like_a_formula(first: str) -> None:
    text = f"{first}cmd|' /C calc'!A0"
    of = run([item("g.en", text, topic=text, kind=text, verdict=text, scores={text: -0.5})])
    row = rows(of)[0]
    assert (row["question"], row["topic"], row["kind"]) == (f"'{text}", f"'{text}", f"'{text}")
    assert row[f"'{text}"] == "-0.5"


def test_the_table_ends_its_lines_alike_and_keeps_line_breaks_in_a_question() -> None:
    of = run([item("g.en", 'two\n"lines", one cell')])
    assert rows(of)[0]["question"] == 'two\n"lines", one cell'
    assert "\r" not in as_csv(of)


# ---- the summary ----


def test_the_summary_has_figures_checker_trivial_rows_failures_and_the_worst() -> None:
    page = rendered(as_markdown(run()))
    for expected in (
        "0.93 to 1.00", "essays, context withheld", "It cannot count.", "copy the top passage",
        "Failed: 1", "timed out", "“Ninety-five” stands in no cited quote", "not said: Put in ten",
    ):  # fmt: skip
        assert expected in page.text
    assert len(page.all("table")) == 3
    assert len(page.all("details")) == len(page.all("summary")) == 5


def test_hostile_text_is_text_in_the_summary() -> None:
    of = run([hostile()]) | {
        "figures": [figure(HOSTILE, HOSTILE, 0.5, headline=True)],
        "trivial": [{"row": HOSTILE, "figures": {HOSTILE: 0.1}}],
        "card": [row | {"set": HOSTILE, "pair": HOSTILE} for row in run()["card"]],
        "card_notes": [HOSTILE],
    }
    page = rendered(as_markdown(of))
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in page.tags} <= {
        *("h2", "h3", "p", "ul", "li", "strong", "details", "summary", *table)
    }
    assert page.text.replace(NO_WIDTH, "").count(" ".join(HOSTILE.split())[:250]) >= 12
    lines = re.findall(r"^\|.*$", as_markdown(of), re.MULTILINE)
    assert {line.replace(r"\|", "").count("|") for line in lines} == {4, 5, 8}


@pytest.mark.parametrize(
    "text",
    ["1. one", "- item", "# head", "---", "===", "> said", "| a | b |", "+ plus", "2) two", "```"],
)
def test_a_line_that_would_be_a_block_stays_a_line(text: str) -> None:
    page = rendered(plain(text))
    assert [tag for tag, _ in page.tags] == ["p"]
    assert page.text.strip().replace(NO_WIDTH, "") == text


@given(st.text(alphabet="<>&*_`#[]()!|\\ \n\t-+=.1axw@:/~$", max_size=40))
def test_no_text_becomes_a_tag_in_markdown(text: str) -> None:
    page = rendered(f"x {plain(text)}")
    assert [tag for tag, _ in page.tags] == ["p"]
    shown = page.text.strip().removeprefix("x").replace(NO_WIDTH, "")
    assert shown.split() == text.split()


@pytest.mark.parametrize("text", ["@somebody", "(@somebody)", "me@evil.com", "#12", "you/it#12"])
def test_nobody_is_called_on(text: str) -> None:
    assert re.search(r"[@#]&#8203;", plain(text))


def test_a_figure_at_five_is_no_mention_and_a_number_is_left_as_it_is() -> None:
    assert plain("hit@5 zh") == "hit@5 zh"
    assert plain("-0.05") == "-0.05"


def test_the_summary_of_a_run_of_long_texts_fits_a_comment() -> None:
    long = "很长 long " * 2_000
    some = [
        item(f"g{at}.en", long, "wrong", said=[said(long, why=[long])] * 20) for at in range(50)
    ]
    assert len(as_markdown(run(some))) < 65_536


# ---- the page ----


def test_the_page_asks_for_nothing_beyond_itself() -> None:
    page = Page(as_html(run()))
    for tag, attributes in page.tags:
        for name in {"src", "href", "xlink:href", "action", "srcset", "data"} & attributes.keys():
            assert str(attributes[name]).startswith(("#", "data:")), (tag, attributes)
    assert not {"iframe", "img", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    style = as_html(run()).split("<style>")[1].split("</style>")[0]
    assert not re.search(r"url\(|@import|https?:", style)


def test_the_policy_lets_the_one_script_run_and_nothing_else() -> None:
    html = as_html(run([hostile()]))
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1
    policy = next(
        str(meta["content"])
        for meta in Page(html).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src {allowed(scripts[0])};" in policy
    assert "innerHTML" not in scripts[0]


def test_hostile_text_is_text_everywhere_on_the_page() -> None:
    of = run([hostile()]) | {
        "made": run()["made"] | {"target": HOSTILE, "commit": HOSTILE, HOSTILE: HOSTILE},
        "figures": [figure(HOSTILE, HOSTILE, 0.5, headline=True)],
        "trivial": [{"row": HOSTILE, "figures": {HOSTILE: 0.1}}],
        "card": [row | {"set": HOSTILE, "pair": HOSTILE} for row in run()["card"]],
        "card_notes": [HOSTILE],
    }
    usual, page = Page(as_html(run([item("g.en", "?")]))), Page(as_html(of))
    assert page.text.count(HOSTILE) >= 25
    assert len(page.all("script")) == 1
    assert not page.all("img")
    handlers = {name for _, attributes in page.tags for name in attributes if name[:2] == "on"}
    assert handlers == set()
    added = {tag for tag, _ in page.tags} - {tag for tag, _ in usual.tags}
    assert added <= {"blockquote", "mark", "div", "ol", "ul", "li"}


def test_chinese_text_is_marked_as_chinese() -> None:
    page = Page(as_html(run()))
    tongues = [p.get("lang") for p in page.all("span") if p.get("class") == "asked"]
    assert tongues[:2] == ["zh-Hans", "en"]
    quotes = [quote.get("lang") for quote in page.all("blockquote")]
    assert {"zh-Hans", "en"} == set(quotes)


def test_a_run_of_nothing_says_so_and_shows_no_empty_sections() -> None:
    page = Page(as_html(empty()))
    assert "No items were judged." in page.text
    headings = {h["id"] for h in page.all("h2")}
    assert headings == {"figures", "items"}
    assert "–" in page.text


def test_an_unknown_verdict_or_grade_is_shown_as_it_is_named() -> None:
    odd = item("g.en", "?", "perhaps", said=[said("x", *_odd_citation())])
    text = " ".join(Page(as_html(run([odd]))).text.split())
    assert "· perhaps" in text
    assert "· by heart" in text


def _odd_citation() -> Iterator[dict[str, Any]]:
    found = hostile()["said"][0]["citations"][0]
    yield found | {"grade": "by heart"}


def test_a_citation_of_other_words_shows_both_the_essay_and_what_was_cited() -> None:
    cited = next(_odd_citation()) | {"shown": "as it stands", "quote": "as it was cited"}
    text = Page(as_html(run([item("g.en", "?", said=[said("x", cited)])]))).text
    assert "as it stands" in text
    assert "as it was cited" in text


def test_the_context_of_a_quote_has_no_empty_lines() -> None:
    assert tight("one\n\n\n\ntwo\nthree") == "one\ntwo\nthree"


# ---- drawings ----


def test_labels_are_text_in_a_drawing_whatever_they_hold() -> None:
    labels = [
        "$\\frac{1}{2$",
        "@0@ 100@",
        "引文与原文逐字一致而且名字很长很长很长",
        "👩\u200d🔬 x_1^2",
        "<b>&amp;",
    ]
    drawing = plots.forest([figure("g", label, 0.5) for label in labels], "hostile")
    text = " ".join(Page(drawing).text.split())
    for label in labels[:2] + labels[3:]:
        assert label in text
    assert not Page(drawing).all("b")
    assert "引文与原文逐字一致" in text


def test_a_drawing_has_a_name_no_style_and_the_colours_of_the_page() -> None:
    drawing = plots.risk_coverage([[0.5, 0.0], [1.0, 0.1]], "risk <&>")
    page = Page(drawing)
    assert page.tags[0][0] == "svg"
    assert page.tags[0][1]["aria-label"] == "risk <&>"
    assert not page.all("style")
    assert "var(--accent)" in drawing
    assert not re.search(r"(fill|stroke): #(?!fff)", drawing)


def test_no_name_is_given_twice_on_a_page() -> None:
    ids = [str(a["id"]) for _, a in Page(as_html(run())).tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_what_there_is_nothing_of_is_not_drawn() -> None:
    assert plots.forest([], "x") == plots.trivial([], [], "x") == ""
    assert plots.risk_coverage([], "x") == plots.reliability([], "x") == ""
    other = [{"row": "random", "figures": {"another": 0.1}}]
    assert plots.trivial(other, [figure("g", "mine", 0.5)], "x") == ""


def test_marks_that_would_lie_on_one_another_lie_under_one_another() -> None:
    def heights(*values: float) -> set[str]:
        rows = [{"row": str(at), "figures": {"x": value}} for at, value in enumerate(values)]
        drawing = plots.trivial(rows, [figure("g", "x", 0.5)], "trivial")
        return {use["y"] or "" for use in Page(drawing).all("use")}

    assert len(heights(0.1, 0.9)) == 1
    assert len(heights(0.5, 0.9)) == 2
    assert len(heights(0.9, 0.9, 0.9)) == 3


def test_figures_beyond_one_and_bins_of_one_are_drawn() -> None:
    assert "14.2" in plots.forest([figure("g", "ms", 14.2, low=9.0, high=14.2)], "x")
    assert "-0.5" in plots.forest([figure("g", "less", -0.5, low=-0.5, high=0.1)], "x")
    assert "n 3 a disc" in plots.reliability([[0.2, 0.1, 3]], "x")
    assert "n 0 to 7 a disc" in plots.reliability([[0.2, 0.1, 0], [0.9, 1.0, 7]], "x")


# ---- colours ----


def _palettes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", TEMPLATE.read_text(encoding="utf-8"), re.DOTALL)
    light, dark = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in blocks]
    return {"light": light, "dark": light | dark}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_ink_can_be_read_on_every_paper(name: str) -> None:
    palette = _palettes()[name]
    inks = ("ink", "soft", "accent", "other", "good", "calm", "partly", "bad")
    for ink in inks:
        for paper in ("ground", "paper"):
            assert _contrast(palette[ink], palette[paper]) >= 4.5, (ink, paper)
    assert _contrast(palette["ink"], palette["hit"]) >= 4.5
    # The frame of a box to type in.
    assert _contrast(palette["edge"], palette["paper"]) >= 3
