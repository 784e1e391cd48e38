import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from web_fakes import FakeMentor, cited, document, quoted, shelf

from rag import Answer, Claim, Document, Sentence, Span
from ui.render import as_json, as_markdown, cite_link, escaped, quote_hash, unescaped

HOSTILE = (
    "<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://evil/i.png) ${x} {{x}} *a* _b_ "
    "`c` $\\frac{1}{2}$ a|b ~~d~~ http://evil www.evil.com me@evil.com &lt; &amp; \\* <!-- x -->"
)
LINES = (
    "# h\n## h\n1. one\n2) two\n- two\n+ three\n> four\n    code\n\ttab\n===\n---\n"
    "|a|b|\n|:-|-|\n```\nx\n```\n![i]\n[r]: http://x\n[r]"
)


def rendered(markdown: str) -> str:
    return MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown)


def shown(html: str) -> str:
    from html import unescape

    return unescape(re.sub(r"<[^>]+>", "", html))


def answer(question: str = "怎么选课题?") -> tuple[Answer, dict[str, Document]]:
    mentor = FakeMentor()
    return mentor.ask(question), dict(mentor.documents)


@pytest.mark.parametrize("text", [*HOSTILE.split(), HOSTILE, *LINES.split("\n")])
def test_markup_in_a_text_shows_as_it_was_written(text: str) -> None:
    html = rendered(escaped(text))
    assert shown(html).strip() == text.strip()
    assert set(re.findall(r"<(\w+)", html)) <= {"p"}


def test_lines_that_would_be_blocks_stay_lines() -> None:
    html = rendered(escaped(LINES))
    assert set(re.findall(r"<(\w+)", html)) == {"p"}


@given(st.text())
def test_every_text_comes_back_from_its_escape(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(st.text(alphabet="<>&*_`#[]()!|\\ \n\t-+.1ax", max_size=60))
def test_no_text_becomes_a_tag(text: str) -> None:
    assert set(re.findall(r"<(\w+)", rendered(escaped(text)))) <= {"p"}


def test_the_json_has_the_agreed_keys_and_flat_spans() -> None:
    said, documents = answer()
    row = as_json(replace(said, dropped=(Claim("x", ("a:0-1",), "quote", "x"),)))
    assert list(row) == [
        *("id", "question", "lang", "status", "lead", "sentences", "dropped", "nearest"),
        *("followups", "hits", "answerer", "understood", "note", "asks", "branches", "tokens"),
        "timings_ms",
    ]
    assert row["id"] == ""  # a batch gives each its own
    citation = row["sentences"][0]["citations"][0]
    assert set(citation) == {"n", "doc_id", "title", "author", "url", "quote", "start", "end"}
    text = documents[citation["doc_id"]].text
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert set(row["hits"][0]) == {"doc_id", "start", "end", "text", "score", "ranks"}
    assert json.loads(json.dumps(row)) == row


def test_nearest_passages_are_flat_in_the_json() -> None:
    said, documents = answer("今天天气怎么样?")
    (near,) = as_json(said)["nearest"]
    assert set(near) == {"doc_id", "start", "end", "text"}
    assert documents[near["doc_id"]].text[near["start"] : near["end"]] == near["text"]


def test_sentences_of_one_voice_in_one_essay_are_introduced_once() -> None:
    said, documents = answer()
    markdown = as_markdown(said, documents, "zh")
    assert markdown.startswith("关于选题")
    assert markdown.count("**何恺明** 说：") == 1
    assert markdown.count("**David Mack** 说：") == 1
    assert rendered(markdown).count("<blockquote>") == 2


def test_the_same_voice_in_another_essay_is_introduced_again() -> None:
    said, documents = answer()
    sentences = tuple(replace(sentence, speaker="何恺明") for sentence in said.sentences)
    markdown = as_markdown(replace(said, sentences=sentences), documents, "zh")
    assert markdown.count("**何恺明** 说：") == 2


def test_a_citation_link_carries_all_that_the_reader_needs() -> None:
    documents = shelf()
    quote = "好奇心是关键。"
    citation = cited(documents, 2, "kaiming_he_qa", quote)
    start = documents["kaiming_he_qa"].text.index(quote)
    anchor = f"#cite-kaiming_he_qa-{start}-{start + len(quote)}-{quote_hash(quote)}"
    assert cite_link(citation).startswith(f"[2]({anchor} ")
    assert f'<a href="{anchor}" title="何恺明问答: 好奇心是关键。">2</a>' in rendered(
        cite_link(citation)
    )


def test_a_hostile_title_cannot_leave_the_title_of_its_link() -> None:
    documents = shelf()
    citation = cited(documents, 1, "kaiming_he_qa", "好奇心是关键。")
    nasty = replace(citation, title='a" onclick="x\n\n![i](http://evil) \\')
    html = rendered(cite_link(nasty))
    assert html.count("<a ") == 1
    assert "<img" not in html
    assert " onclick=" not in re.sub(r'title="[^"]*"', "", html)


def test_sources_name_each_essay_once_with_every_quote_in_full() -> None:
    text = "# 长文\n\n" + "很长的一句话，" * 200 + "完。"
    essays = shelf() | {"long": document("long", "长文", text, shelf()["one_year_off"].speakers[0])}
    long = cited(essays, 1, "long", text[6:])
    short = cited(essays, 2, "kaiming_he_qa", "好奇心是关键。")
    again = cited(essays, 3, "long", "完。")
    sentences = tuple(quoted(citation, "某人") for citation in (long, short, again))
    markdown = as_markdown(Answer("q", "zh", "answered", "好。", sentences), essays, "zh")
    sources = markdown.partition('<div class="sources">')[2]
    assert sources.count("《长文》**") == 1
    assert escaped(long.quote) in sources
    assert sources.index("[1](") < sources.index("[3](") < sources.index("[2](")
    assert "David Mack · 量子位 · 2024\\-02\\-27" in sources
    assert "(/read/long?s=" in sources


def test_only_a_web_address_becomes_a_link() -> None:
    documents = shelf()
    for url, linked in [("javascript:alert(1)", False), ("https://a.b/c)<d>", True), ("", False)]:
        citation = replace(cited(documents, 1, "one_year_off", "阅读大量的论文"), url=url)
        said = Answer("q", "zh", "answered", "好。", (quoted(citation, "某人"),))
        html = rendered(as_markdown(said, documents, "zh"))
        assert ("原网页</a>" in html) == linked
        assert "javascript" not in html


def test_a_translation_stands_labelled_beside_its_original() -> None:
    documents = shelf()
    citation = cited(documents, 1, "kaiming_he_qa", "好奇心是关键。")
    sentence = Sentence("Curiosity is key.", "en", "translation", "Kaiming He", (citation,), 0.9)
    said = Answer("q", "en", "answered", "The essays say:", (sentence,))
    html = rendered(as_markdown(said, documents, "en"))
    assert "<strong>Kaiming He</strong>:" in html
    assert re.search(r"Curiosity is key\.\s<a [^>]+>1</a> <em>\(our translation\)</em>", html)
    assert re.search(r"<blockquote>\s*<p>好奇心是关键。</p>", html)


def test_a_refusal_is_boxed_and_leads_to_passages_and_questions() -> None:
    said, documents = answer("今天天气怎么样?")
    markdown = as_markdown(said, documents, "zh")
    html = rendered(markdown)
    assert html.startswith('<div class="refused">')
    assert "<strong>这些文章没有谈到这个问题。</strong>" in html
    assert re.search(
        r'<a href="/read/kaiming_he_qa\?s=\d+&amp;e=\d+&amp;h=[0-9a-f]{8}#hit">「', html
    )
    assert "#cite-" not in html
    assert "<li>怎么选课题?</li>" in html
    assert "怎么选课题" not in as_markdown(said, documents, "zh", with_followups=False)


def test_an_english_reader_sees_the_translation_of_a_near_passage() -> None:
    said, documents = answer("what is the weather?")
    end = said.nearest[0].span.end
    he = replace(
        documents["kaiming_he_qa"], english={end: "Mostly frustrating.", end + 1: "Other."}
    )
    markdown = as_markdown(said, documents | {"kaiming_he_qa": he}, "en")
    assert "[“Mostly frustrating\\.”](/read/" in markdown
    assert "(our translation)" in markdown
    assert "Other" not in markdown
    assert "Kaiming He" in markdown


def test_small_talk_is_its_lead_alone() -> None:
    assert as_markdown(Answer("你好", "zh", "answered", "你好！"), {}, "zh") == "你好！"


def test_everything_an_essay_can_bring_is_escaped() -> None:
    name = HOSTILE
    speaker = replace(shelf()["one_year_off"].speakers[0], name=name, name_en=name)
    essay = document("x", HOSTILE, f"# t\n\n{HOSTILE}", speaker, site=HOSTILE, date=HOSTILE)
    citation = cited({"x": essay}, 1, "x", HOSTILE)
    said = Answer(
        HOSTILE, "zh", "answered", HOSTILE, (quoted(citation, name),), followups=(HOSTILE,)
    )
    html = rendered(as_markdown(said, {"x": essay}, "zh"))
    assert set(re.findall(r"<(\w+)", html)) <= set("p strong blockquote a div ul li".split())
    links = re.findall(r'href="([^"]*)"', html)
    assert all(link.startswith(("#cite-x-", "/read/x?s=")) for link in links)


def test_a_span_past_the_basic_plane_is_counted_in_code_points() -> None:
    documents = shelf()
    citation = cited(documents, 1, "kaiming_he_qa", "一项😀")
    assert citation.span == Span(citation.span.start, citation.span.start + 3)
    assert f"-{citation.span.start + 3}-" in cite_link(citation)
