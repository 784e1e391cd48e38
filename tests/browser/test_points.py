"""The 36 points of the answer UI, and where each is tested.

The tests' names begin with the number of their point: `test_07_…`.

| points | tests | what |
| --- | --- | --- |
| 1–15 | test_points_citations.py | citations, the reader, sources, copying |
| 16–21, 23–25 | test_points_states.py | status, stop, refusal, errors, follow-ups, feedback |
| 22 | test_widget_*.py | a page that the owner has not allowed; the chat is its own origin |
| 26–31 | test_points_first_use.py | the empty page, what is kept, input methods, languages |
| 32–36 | test_points_access.py | keyboard, announcements, axe, phone, hostile text |

The widget's halves of 5 to 9, 15, 16 to 18, 20 to 24, 28, 29 and 31 to 36 are in test_widget_*.py,
the pages without a script of 10 to 12 and 34 to 36 in the tests of the shelf and of /read.
"""

import re
from pathlib import Path

_HERE = Path(__file__).parent
_ELSEWHERE = {22}
_NAME = re.compile(r"def test_((?:\d\d_(?:and_)?)+)")


def test_every_point_has_a_test_that_carries_its_number() -> None:
    names = [
        found
        for file in _HERE.glob("test_points_*.py")
        for found in _NAME.findall(file.read_text(encoding="utf-8"))
    ]
    numbered = {int(number) for name in names for number in re.findall(r"\d\d", name)}
    assert numbered == set(range(1, 37)) - _ELSEWHERE
