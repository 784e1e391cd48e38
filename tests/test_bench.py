"""The bench: shelves made of public text, figures measured on them, and the page."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.__main__ import app
from eval.bench import cold, growth, material, page, profiled, scale, users
from eval.bench.machine import save
from rag import Mentor, Settings

RUN = CliRunner()


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Ten Chinese and ten English texts, as rows, as paragraphs, and some that are too short."""
    folder = tmp_path / "text"
    folder.mkdir()
    rows = [
        {"q": f"第{at}篇怎么读？", "p": f"这是第{at}篇的正文。" + "读论文要先看图，再看结论。" * 8}
        for at in range(10)
    ]
    with gzip.open(folder / "rows.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    parts = [
        f"# {at}. Note {at} in a cafe\u0301. " + "Read the figures first. " * 6 for at in range(10)
    ]
    (folder / "notes.md").write_text("\ufeff" + "\n\n".join([*parts, "short"]), encoding="utf-8")
    (folder / "table.tsv").write_text("a\tb\n", encoding="utf-8")
    return folder


def test_a_shelf_of_public_text_stands_beside_the_essays_and_can_be_asked(
    text: Path, tmp_path: Path
) -> None:
    texts = material.read(text)
    assert len(texts) == 20
    headings = material.write(tmp_path / "corpus", 90, texts)
    assert "第3篇怎么读？" in headings
    mentor = Mentor.open(Settings(corpus_dir=tmp_path / "corpus", index_dir=tmp_path / "index"))
    shipped = len(Mentor.open(Settings(index_dir=tmp_path / "own")).passages)
    assert 90 <= len(mentor.passages) - shipped <= 110
    assert mentor.retrieve("第3篇怎么读？", 1)[0].passage.doc_id.startswith("public_")
    assert mentor.ask("没有显卡怎么做研究?").status == "answered"


def test_the_same_text_gives_the_same_shelf(text: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        material.write(tmp_path / name, 60, material.read(text))
    for path in (tmp_path / "one").rglob("*.md"):
        other = tmp_path / "other" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()


def test_a_folder_without_text_is_refused_in_one_line(tmp_path: Path) -> None:
    for given in ("--text", str(tmp_path)), ():
        done = RUN.invoke(app, ["bench", "scale", "--size", "5", "--out", str(tmp_path), *given])
        assert done.exit_code == 2
        assert str(tmp_path) in done.output or "--text" in done.output
        assert "Traceback" not in done.output


def test_each_size_is_measured_in_a_process_of_its_own(text: Path, tmp_path: Path) -> None:
    rows = scale.measure([0, 60], text, tmp_path, print)
    assert [row["size"] for row in rows] == [0, 60]
    assert 60 <= rows[1]["passages"] - rows[0]["passages"] <= 80
    for row in rows:
        assert 0 < row["ms"]["retrieve"][0] <= row["ms"]["total"][0] <= row["ms"]["total"][1]
        assert min(row[key] for key in ("index_s", "open_s", "disk_mb", "ask_mb")) > 0
    assert not (tmp_path / "corpus").exists()


def test_a_shelf_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTOR_CORPUS_DIR", str(tmp_path))
    with pytest.raises(OSError, match="manifest"):
        scale.measure([0], None, tmp_path, print)


def _row(
    passages: int, each_ms: float = 4.56, recall: tuple[float, float] | None = (0.98, 0.01)
) -> dict[str, object]:
    return {
        "passages": passages,
        "index_s": 3.21,
        "steps_s": {"embedding": 1.2, "verifying": 3.1},
        "disk_mb": 30,
        "index_mb": 1234,
        "ask_mb": 200,
        "open_s": 0.5,
        "ms": {"retrieve": [each_ms - 1, 6.5], "total": [each_ms, 7.89]},
        "asked": 200,
        "recall": recall,
    }


def test_cold_starts_are_measured_and_the_page_tells_them(tmp_path: Path) -> None:
    found = cold.measure(1)
    assert found["ask_s"][0] > 0
    assert 0 < found["page_s"][0] < found["answer_s"][0]
    assert found["rest_mb"][0] > 50
    assert bool(found.get("browser_s")) == bool(shutil.which("chromium"))
    save(found, tmp_path / "cold.json")
    save({"rows": [_row(96), _row(1000, recall=None)]}, tmp_path / "scale.json")
    save({"table": "| a peer |\n"}, tmp_path / "peers.json")
    page.write(tmp_path, tmp_path / "page.md")
    told = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert f"{found['ask_s'][0]:.2f} s" in told
    assert ("in a browser" in told) == bool(found.get("browser_s"))
    assert "| 96 | 3.2 | 30 | 200 | 0.5 | 3.6 | 4.6 | 7.9 | 0.980 ± 0.010 |" in told
    assert "| 1,000 | 3.2 | 30 | 200 | 0.5 | 3.6 | 4.6 | 7.9 |  |" in told
    assert "| a peer |" in told
    assert "1,234 MB" in told
    assert "embedding from 1 s, verifying from 3 s" in told
    assert "cores" in told


def test_what_grows_is_told_from_two_sizes_and_held_against_the_largest(tmp_path: Path) -> None:
    rows = [_row(96, 4.0), _row(1_000, 5.0)]
    rows += [_row(10_000, 20.0), _row(100_000, 24.5), _row(1_000_000, 83.4)]
    line = growth.lines(rows)[0]
    assert (line.fixed, line.each * 1000, line.at(1_000_000)) == pytest.approx((19.5, 0.05, 69.5))
    assert growth.lines(rows[:4]) == []
    save({"rows": rows}, tmp_path / "scale.json")
    drawn = []
    for _ in range(2):
        page.write(tmp_path, tmp_path / "page.md")
        drawn.append((tmp_path / "growth.svg").read_bytes())
    told = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| a question, p50, ms | 19.5 | 0.050 | 70 | 83 | 1.20 |" in told
    assert "(growth.svg)" in told
    assert drawn[0] == drawn[1]


def test_the_page_says_where_the_time_goes(tmp_path: Path) -> None:
    found = profiled.measure()
    assert found["each_ms"] > 0
    assert found["tree"][0].startswith("100.0% measure")
    save(found, tmp_path / "profile.json")
    page.write(tmp_path, tmp_path / "page.md")
    told = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "Mentor.ask  rag/mentor.py" in told
    assert str(Path(__file__).parents[1]) not in told


def test_memory_is_watched_while_a_server_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "_MINUTE_S", 5)
    found = users.soak(2, 2, 0.5, print)
    assert (len(found["mb"]), found["errors"]) == (2, 0)
    assert min(found["mb"]) > 50
    save(found, tmp_path / "soak.json")
    page.write(tmp_path, tmp_path / "page.md")
    assert "2 minutes" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_users_of_three_kinds_come_and_are_answered(tmp_path: Path) -> None:
    found = users.measure([3], 5, 0.5, print)
    assert [(row["workers"], row.get("model", False)) for row in found["rows"]] == [
        *((1, False), (2, False), (2, True))
    ]
    for row in (*found["rows"], *found["full"]):
        assert row["errors"] == 0
        assert row["answers"] > 0
        assert 0 < row["p50_ms"] <= row["p95_ms"]
        assert min(row["server_s"], row["users_s"], *row["memory_mb"]) > 0
    save(found, tmp_path / "users.json")
    page.write(tmp_path, tmp_path / "page.md")
    told = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| 2 | streams 2 s | 3 |" in told
    assert [row["errors"] for row in found["crowd"]] == [0, 0]
    assert "3 users who ask at the same moment" in told
    assert "Little's law" in told
    assert (tmp_path / "users.svg").read_text(encoding="utf-8").startswith("<?xml")
