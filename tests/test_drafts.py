"""What models would write to the golden questions: rows that can be trusted, and read rightly."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import write

from eval import calibrate, drafts
from eval.cases import QUESTIONS, rows
from eval.cases import read as read_cases
from eval.drafts import DRAFTS, Draft, read
from rag import Mentor
from rag.check import RETOLD

ROOT = Path(__file__).resolve().parent.parent
ROWS = rows(DRAFTS)
DEV, TEST = read("dev"), read("test")
ALL = (*DEV, *TEST)
LANGS = ("zh", "en")


def _ids(found: Iterator[Draft]) -> list[str]:
    """Return ids alone: the test drafts are not to be read while anything is tuned."""
    return [draft.id for draft in found]


# --- the rows -----------------------------------------------------------------------------------


def test_every_draft_has_an_id_of_its_own() -> None:
    assert len({draft.id for draft in ALL}) == len(ALL) == len(ROWS)


def test_every_quote_stands_letter_for_letter_in_one_passage_of_its_essay(shelf: Mentor) -> None:
    assert _ids(d for d in ALL if d.quote not in shelf.documents[d.doc_id].text) == []
    assert _ids(d for d in ALL if not drafts.passage_of(shelf, d).text) == []


def test_topics_are_on_one_side_and_on_that_of_the_questions() -> None:
    split_of = {row["topic"]: row["split"] for row in rows(QUESTIONS / "golden.jsonl")}
    assert _ids(d for d in ALL if split_of.get(d.topic) != d.split) == []
    assert not {d.topic for d in DEV} & {d.topic for d in TEST}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_every_answerable_question_has_true_drafts_and_false_ones(split: Any) -> None:
    sides: Counter[tuple[str, str, bool]] = Counter(
        (d.topic, d.lang, d.supported) for d in read(split)
    )
    answerable = {(case.topic, case.lang) for case in read_cases(split) if case.answerable}
    assert {(topic, lang) for topic, lang, _ in sides} == answerable
    for topic, lang in sorted(answerable):
        assert 2 <= sides[topic, lang, True] <= 4, (topic, lang)
        assert sides[topic, lang, False] == 5, (topic, lang)


def test_a_draft_is_one_sentence_in_its_language_without_marks() -> None:
    from rag.draft import drafts as cut
    from rag.text import language

    assert _ids(d for d in ALL if len(list(cut([f"{d.text}[1]"]))) != 1) == []
    assert _ids(d for d in ALL if language(d.text) != d.lang) == []
    assert _ids(d for d in ALL if re.search(r"[\[\]*#\n]|^\s|\s$", d.text)) == []


def test_only_what_is_said_elsewhere_names_another_essay(shelf: Mentor) -> None:
    assert _ids(d for d in ALL if bool(d.elsewhere) != (d.how == "elsewhere")) == []
    assert _ids(d for d in ALL if d.elsewhere == d.doc_id) == []
    assert {d.elsewhere for d in ALL if d.elsewhere} <= shelf.documents.keys()


def test_a_sentence_never_has_both_labels_for_one_place() -> None:
    labels: dict[tuple[str, str], set[bool]] = {}
    for draft in ALL:
        labels.setdefault((draft.text, draft.quote), set()).add(draft.supported)
    assert [text for (text, _), found in labels.items() if len(found) != 1] == []


def test_the_page_about_the_questions_counts_the_drafts_rightly() -> None:
    page = (QUESTIONS / "README.md").read_text(encoding="utf-8")
    supported = sum(draft.supported for draft in ALL)
    hows = Counter(draft.how for draft in ALL if not draft.supported)
    for text in (
        f"{len(ALL):,} sentences",
        f"`dev` ({len(DEV):,})",
        f"`test` ({len(TEST):,})",
        f"`supported` ({supported:,})",
        f"`unsupported` ({len(ALL) - supported:,})",
        *(f"`{how}` ({n})" for how, n in hows.items()),
    ):
        assert text in page, text
    assert [name for row in ROWS for name in row if f"`{name}`" not in page] == []


# --- nothing was learnt from them ---------------------------------------------------------------


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a tree of plain data, but those that are the essays' own words."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner) if name != "anchor" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _read_texts(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        yield from _texts(tomllib.loads(text))
    elif path.suffix == ".jsonl":
        for line in text.split("\n"):
            yield from _texts(json.loads(line) if line.strip() else "")
    else:
        yield from text.split("\n")


def _grams(text: str) -> set[str]:
    """Return runs of four Latin letters or three Chinese ones."""
    flat = re.sub(r"[\W_]+", "", text.lower())
    size = 4 if flat[:1] < "\u3000" else 3
    return {flat[at : at + size] for at in range(len(flat) - size + 1)} or {flat}


@pytest.mark.parametrize("folder", ["corpus/questions", "training/text"])
def test_no_draft_is_nearly_a_text_that_something_was_fitted_on(folder: str) -> None:
    known: set[str] = set()
    for path in sorted((ROOT / folder).rglob("*.*")):
        known.update(_read_texts(path))
    assert len(known) > 5000
    assert _ids(d for d in ALL if d.text in known) == []
    sizes, holding = [], dict[str, list[int]]()
    for at, text in enumerate(known):
        grams = _grams(text)
        sizes.append(len(grams))
        for gram in grams:
            holding.setdefault(gram, []).append(at)
    near = []
    for draft in ALL[::8]:
        said = _grams(draft.text)
        shared = Counter(at for gram in said for at in holding.get(gram, ()))
        if any(n >= 0.6 * (len(said) + sizes[at] - n) for at, n in shared.most_common(20)):
            near.append(draft.id)
    assert near == []


def test_the_passages_of_the_retellings_are_none_of_the_essays(shelf: Mentor) -> None:
    from rag.text import sentences

    passages = [row[lang] for row in rows(ROOT / "training/text/drafts.jsonl") for lang in LANGS]
    said = {span.of(text) for text in passages for span in sentences(text) if len(span) > 12}
    essays = "\n".join(document.text for document in shelf.documents.values())
    ours = "\n".join(
        text
        for document in shelf.documents.values()
        for text in (*document.english.values(), *document.chinese.values())
    )
    assert len(said) > 1000
    assert [text for text in said if text in essays or text in ours] == []


# --- reading ------------------------------------------------------------------------------------

ROW: dict[str, Any] = {
    "id": "a",
    "split": "dev",
    "topic": "t",
    "lang": "en",
    "label": "supported",
    "how": "draft",
    "doc_id": "essay",
    "quote": "Why.",
    "text": "Because.",
}


def _file(path: Path, *changes: Mapping[str, Any]) -> Path:
    write(path, "".join(json.dumps({**ROW, **change}) + "\n" for change in changes))
    return path


def test_drafts_are_read_by_split_in_the_order_of_their_lines(tmp_path: Path) -> None:
    other = {"split": "test", "label": "unsupported", "how": "elsewhere", "true_doc_id": "talk"}
    path = _file(tmp_path / "d.jsonl", {}, other | {"id": "b"}, {"id": "c", "lang": "zh"})
    assert [draft.id for draft in read("dev", path)] == ["a", "c"]
    [false] = read("test", path)
    assert (false.supported, false.how, false.elsewhere) == (False, "elsewhere", "talk")
    assert read("dev", path)[0].elsewhere == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": "true"}, "line 2: label: 'true' is none of supported, unsupported."),
        ({"lang": "de"}, "line 2: lang: 'de' is none of zh, en."),
        ({"split": "tuning"}, "line 2: split: 'tuning' is none of dev, test."),
    ],
)
def test_a_row_that_is_wrong_is_named_with_its_place(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    path = _file(tmp_path / "d.jsonl", {}, change)
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        read("dev", path)
    assert str(caught.value).startswith(str(path))


def test_a_row_without_a_field_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    write(path, json.dumps({name: text for name, text in ROW.items() if name != "quote"}))
    with pytest.raises(ValueError, match="line 1: needs quote"):
        read("dev", path)


# --- what the checker makes of them -------------------------------------------------------------

SOME = DEV[::8]


@pytest.fixture(scope="module")
def supports(shelf: Mentor) -> list[float]:
    return drafts.supports(shelf, SOME)


def test_what_is_true_is_supported_more_surely_than_what_is_not(supports: list[float]) -> None:
    true = sorted(s for s, draft in zip(supports, SOME, strict=True) if draft.supported)
    false = sorted(s for s, draft in zip(supports, SOME, strict=True) if not draft.supported)
    assert all(0.0 <= support <= 1.0 for support in supports)
    assert true[len(true) // 4] > false[3 * len(false) // 4]


def test_the_shipped_thresholds_are_about_those_that_calibration_gives(
    supports: list[float],
) -> None:
    shipped = json.loads(RETOLD.read_text(encoding="utf-8"))
    true = [s for s, draft in zip(supports, SOME, strict=True) if draft.supported]
    false = [s for s, draft in zip(supports, SOME, strict=True) if not draft.supported]
    withheld = sum(support < shipped["threshold"] for support in true) / len(true)
    sure = sum(support >= shipped["sure"] for support in false) / len(false)
    assert withheld == pytest.approx(calibrate._WITHHELD, abs=0.05)
    assert sure == pytest.approx(calibrate._FALSELY_SURE, abs=0.03)
    fitted = calibrate.retold_thresholds(supports, [draft.supported for draft in SOME])
    assert fitted["threshold"] == pytest.approx(shipped["threshold"], abs=0.15)


def test_a_rule_that_speaks_against_a_draft_leaves_it_no_support(shelf: Mentor) -> None:
    named = [d for d in DEV if d.how in {"number", "name"}][::8]
    vetoed = [support for support in drafts.supports(shelf, named) if support == 0.0]
    assert len(vetoed) > 0.5 * len(named)


def test_the_time_of_a_check_is_a_median_over_drafts_that_are_spread_evenly(shelf: Mentor) -> None:
    figure = drafts.checking(shelf, DEV[:7])
    assert (figure.group, figure.n, figure.better) == ("waits, ms", 7, "lower")
    assert figure.value is not None
    assert 0.0 < figure.value < 5000.0
    assert drafts.checking(shelf, ()).value is None
