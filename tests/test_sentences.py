"""Where the sentences of a text end, held against a file of cases that an editor has cut."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pace import LINEAR, growth

from rag.text import sentences

GOLDEN = Path(__file__).parent / "golden" / "sentences.jsonl"
CASES: list[dict[str, Any]] = [
    json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']} {case['kind']}")
def test_a_text_is_cut_where_a_careful_editor_would_cut_it(case: dict[str, Any]) -> None:
    text = case["text"]
    assert [span.of(text) for span in sentences(text)] == case["sentences"]


def test_the_cases_are_many_distinct_and_of_both_languages_alone_and_mixed() -> None:
    assert len(CASES) >= 200
    languages = Counter(case["kind"].split()[0] for case in CASES)
    assert set(languages) == {"zh", "en", "mixed"}
    assert min(languages.values()) >= 60
    assert (
        len({case["id"] for case in CASES}) == len({case["text"] for case in CASES}) == len(CASES)
    )


@pytest.mark.parametrize(
    "piece",
    [".", " .", "[", "。[1]", "。[1", "字（！", "字（！）", "《", "a.", "a! ", "。“", '。"', "。¹"],
)
def test_a_line_of_marks_is_cut_in_time_that_grows_with_its_length(piece: str) -> None:
    assert growth(lambda size: sentences(piece * (size // len(piece))), 100_000) < LINEAR
