import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from web_fakes import FakeMentor

from rag import Settings
from ui.api import create_api
from ui.bodies import Feedback
from ui.feedback import FILE, Box, FullError

TOLD = {
    "verdict": "wrong_evidence",
    "question": "怎么选课题?",
    "note": "引文\u2028说的是\n另一件事 <script>",
    "passage_ids": ["kaiming_he_qa:3-12"],
    "status": "answered",
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_api(FakeMentor(), Settings(index_dir=tmp_path))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def rows(folder: Path) -> list[dict[str, Any]]:
    text = (folder / FILE).read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def told(**fields: Any) -> Feedback:
    return Feedback.model_validate(TOLD | fields)


def test_what_is_told_is_kept_with_its_time_and_nothing_about_who_told_it(
    client: TestClient, tmp_path: Path
) -> None:
    headers = {"user-agent": "someone", "x-forwarded-for": "203.0.113.9", "cookie": "a=b"}
    response = client.post("/api/feedback", json=TOLD, headers=headers)
    assert (response.status_code, response.json()) == (200, {"status": "kept"})
    (row,) = rows(tmp_path)
    at = datetime.fromisoformat(row.pop("at"))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert row == TOLD


def test_a_thumb_alone_is_enough(client: TestClient, tmp_path: Path) -> None:
    for verdict in ("up", "down"):
        body = {"verdict": verdict, "question": "怎么选课题?"}
        assert client.post("/api/feedback", json=body).status_code == 200
    assert [(row["verdict"], row["note"]) for row in rows(tmp_path)] == [("up", ""), ("down", "")]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"verdict": "perhaps"}, "verdict"),
        ({"note": "n" * 1001}, "note"),
        ({"question": ""}, "question"),
        ({"question": "好" * 20_001}, "question"),
        ({"status": "guessed"}, "status"),
        ({"passage_ids": ["../../etc:1-2"]}, "passage_ids.0"),
        ({"passage_ids": ["kaiming_he_qa:3-12"] * 51}, "passage_ids"),
        ({"email": "a@b.example"}, "email"),
    ],
)
def test_what_is_no_feedback_is_422_and_not_kept(
    client: TestClient, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    response = client.post("/api/feedback", json=TOLD | change)
    assert response.status_code == 422
    assert response.json()["error"].startswith(f"{named}: ")
    assert not (tmp_path / FILE).exists()


def test_a_full_box_says_so_and_stays_as_it_is(tmp_path: Path) -> None:
    box = Box(tmp_path, most_bytes=600)
    box.keep(told())
    kept = box.path.read_bytes()
    with pytest.raises(FullError):
        box.keep(told(note="n" * 500))
    assert box.path.read_bytes() == kept
    box.keep(told(note=""))  # there is room for this one
    assert len(rows(tmp_path)) == 2


def test_a_full_box_is_507(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"x" * 20_000_000)
    response = client.post("/api/feedback", json=TOLD)
    assert response.status_code == 507
    assert "owner" in response.json()["error"]


def test_a_box_that_cannot_be_written_is_503_and_to_be_tried_again(
    client: TestClient, tmp_path: Path
) -> None:
    (tmp_path / FILE).mkdir()
    response = client.post("/api/feedback", json=TOLD)
    assert response.status_code == 503
    assert response.headers["retry-after"].isdecimal()


def test_threads_and_processes_write_whole_lines_side_by_side(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from ui.bodies import Feedback; from ui.feedback import Box\n"
        "for n in range(40):\n"
        "    Box(Path(sys.argv[1])).keep(Feedback(verdict='up', question=sys.argv[2] * 999))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    others = [subprocess.Popen([*command, letter]) for letter in "ab"]
    box = Box(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: box.keep(told(question="c" * 999)), range(80)))
    assert [other.wait(60) for other in others] == [0, 0]
    asked = sorted(row["question"] for row in rows(tmp_path))
    assert asked == ["a" * 999] * 40 + ["b" * 999] * 40 + ["c" * 999] * 80
