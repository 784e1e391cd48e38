"""The bench of peers: environments, adapters as processes, judging, the table; without a peer."""

import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from eval.bench.peers import bench, environments
from eval.bench.peers.adapter import Adapter, AdapterError
from eval.bench.peers.bench import Contender, Row, contest, prepared
from eval.bench.peers.catalogue import ROOT, Peer, Way, catalogue, chosen
from eval.bench.peers.environments import InstallError, bare, ready
from eval.bench.peers.judge import judge, places, refuses, threshold_of
from eval.bench.peers.table import table
from eval.cases import Case

ADAPTERS = ROOT / "eval" / "bench" / "peers" / "adapters"
ESSAYS = {"one": "Read fewer papers. Read them twice.", "two": "论文要少读,要读两遍。"}
# A peer of a few lines: its passages are the essays, in the order in which they share letters.
TINY = """
    import json
    import sys
    sys.path.insert(0, {adapters!r})
    import wire

    def build(folder, index, given):
        (index / "kept.json").write_text(json.dumps(wire.essays(folder)), encoding="utf-8")
        print("a library says hello")
        return [text for _, text in wire.essays(folder)]

    def load(index, given):
        kept = json.loads((index / "kept.json").read_text(encoding="utf-8"))
        def ask(question):
            {special}
            shared = lambda each: len(set(question) & set(each[1]))
            best = sorted(kept, key=shared, reverse=True)
            passages = [wire.passage(text, name, 0, len(text)) for name, text in best]
            return wire.reply(passages, near=lambda: shared(best[0]))
        return ask

    wire.main(build, load)
"""


def case(id_: str, question: str, *gold: tuple[str, str], lang: str = "en") -> Case:
    return Case(id_, id_, lang, question, gold)


def reply(*texts: str, **more: Any) -> Mapping[str, Any]:
    passages = [{"text": text} for text in texts]
    return {"passages": passages, "near": None, "refused": None, "quotes": [], **more}


DEV = [
    case("d1", "read papers twice", ("one", "fewer papers")),
    case("d2", "zzz"),
]
TEST = [
    case("t1", "Read fewer papers?", ("one", "Read fewer\npapers")),
    case("t2", "论文要读两遍吗?", ("two", "要读两遍"), lang="zh"),
    case("t3", "qqq"),
]


@pytest.fixture
def essays(tmp_path: Path) -> Path:
    folder = tmp_path / "essays"
    folder.mkdir()
    for name, text in ESSAYS.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def tiny(tmp_path: Path, name: str = "tiny", special: str = "pass") -> Contender:
    script = tmp_path / f"{name}.py"
    source = dedent(TINY).format(adapters=str(ADAPTERS), special=special)
    script.write_text(source, encoding="utf-8")
    index = tmp_path / f"{name}-index"
    index.mkdir()
    adapter = Adapter((sys.executable, str(script), "--way", "default"), bare())
    return Contender(Row(name, "default", "a few lines"), adapter, index)


def test_a_contender_is_measured_and_judged(tmp_path: Path, essays: Path) -> None:
    one = tiny(tmp_path)
    contest([one], DEV, TEST, essays, rounds=2, starts=2)
    row = one.row
    assert row.error == ""
    assert row.lengths == [len(text) for text in ESSAYS.values()]
    assert len(row.cold_s) == 2
    assert len(row.query_ms) == 2 * len([*DEV, *TEST])
    assert row.peak_mb is not None
    assert row.peak_mb > 1
    assert row.judged is not None
    assert [row.judged.hit[lang].value for lang in ("zh", "en")] == [1.0, 1.0]
    assert row.judged.refused is not None
    assert row.judged.refused.value == 1.0
    assert row.judged.places == "passages"


@pytest.mark.parametrize(
    ("special", "told"),
    [
        ("raise KeyError('no such thing')", "KeyError: 'no such thing'"),
        ("wire.json.dumps = lambda what: 'hm'", "said what is no JSON object: b'hm"),
        ("return {'near': None}", "said nothing of passages"),
        ("return wire.reply([{'words': 1}])", "passages without a text"),
        ("import os; os._exit(0)", "said what is no JSON object"),
    ],
)
def test_one_that_fails_says_so_and_the_others_go_on(
    tmp_path: Path, essays: Path, special: str, told: str
) -> None:
    bad, good = tiny(tmp_path, "bad", special), tiny(tmp_path, "good")
    contest([bad, good], DEV, TEST, essays, rounds=1, starts=1)
    assert told in bad.row.error
    assert "\n" not in bad.row.error
    assert good.row.judged is not None
    shown = table([bad.row, good.row])
    assert f"bad, default: a few lines; {bad.row.error}." in shown
    assert "| good, default |" in shown
    assert "| bad, default |" not in shown


def test_one_that_fails_in_the_middle_of_the_questions_says_so(
    tmp_path: Path, essays: Path
) -> None:
    bad = tiny(tmp_path, "bad", "assert question != 'zzz', 'not this one'")
    good = tiny(tmp_path, "good")
    contest([bad, good], DEV, TEST, essays, rounds=1, starts=1)
    assert bad.row.error == "AssertionError: not this one"
    assert good.row.judged is not None


def test_one_that_is_silent_is_given_up(tmp_path: Path, essays: Path) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import time\ntime.sleep(600)", encoding="utf-8")
    adapter = Adapter((sys.executable, str(silent)), bare(), patience_s=0.2)
    with pytest.raises(AdapterError, match=r"not ready after 0\.2 s"):
        adapter.build(essays, tmp_path)
    with pytest.raises(AdapterError, match="ended without a word"), adapter.serving(tmp_path):
        pass


def test_every_adapter_is_there_and_knows_its_command_line() -> None:
    peers = [peer for peer in catalogue() if not peer.absent]
    assert {peer.adapter for peer in peers} == set(ADAPTERS.glob("with_*.py"))
    for peer in peers:
        source = peer.adapter.read_text(encoding="utf-8")
        compile(source, str(peer.adapter), "exec")
        if peer.name != "mentor":
            assert "rag" not in {
                line.split()[1] for line in source.splitlines() if "import" in line
            }


def test_mentors_environment_is_the_light_one() -> None:
    (mentor,) = chosen(catalogue(), ["mentor"])
    names = " ".join(mentor.requirements)
    assert "chromadb==" in names
    assert "torch" not in names
    assert "sentence-transformers" not in names


def test_a_name_that_no_peer_has_is_an_error() -> None:
    with pytest.raises(ValueError, match="no peer is called nobody; there are mentor, "):
        chosen(catalogue(), ["nobody"])


def peer(*requirements: str, absent: str = "") -> Peer:
    ways = (Way("default", "as it is"), Way("best", "better"))
    return Peer("someone", Path("none"), requirements, ways, absent=absent)


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    made = ready(peer(), tmp_path)
    assert made.python.exists()
    marker = Path(made.home) / "marker"
    marker.touch()
    assert ready(peer(), tmp_path) == made
    assert marker.exists()


def test_an_environment_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    ready(peer(), tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert ready(peer(), tmp_path / "there").home == str(tmp_path / "there" / "someone")


@pytest.mark.parametrize("stamp", [None, "", "[]", "{}", '{"python": "2.7", "requirements": []}'])
def test_an_environment_without_its_stamp_is_made_anew(tmp_path: Path, stamp: str | None) -> None:
    home = Path(ready(peer(), tmp_path).home)
    (home / "marker").touch()
    (home / "whole.json").unlink()
    if stamp is not None:
        (home / "whole.json").write_text(stamp, encoding="utf-8")
    ready(peer(), tmp_path)
    assert not (home / "marker").exists()
    assert (home / "whole.json").exists()


def test_an_installation_that_is_broken_off_leaves_no_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(environments, "_said", interrupted)  # all is installed, nothing stamped
        with pytest.raises(KeyboardInterrupt):
            ready(peer(), tmp_path)
    home = tmp_path / "someone"
    assert home.exists()
    assert not (home / "whole.json").exists()
    assert ready(peer(), tmp_path).home == str(home)


def test_what_cannot_be_installed_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"^someone: .*nowhere\.whl") as told:
        ready(peer(str(tmp_path / "nowhere.whl")), tmp_path)
    assert "\n" not in str(told.value)
    rows = prepared(peer(absent="is not published"), tmp_path, tmp_path, None)
    assert [row.error for row in rows if isinstance(row, Row)] == [
        "not installed: is not published"
    ] * 2
    assert "someone, best: better; not installed: is not published." in table(
        [row for row in rows if isinstance(row, Row)]
    )


def test_a_run_tells_of_every_peer_and_of_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "catalogue", lambda _: [peer(absent="is not published")])
    rows, counted = bench.run(tmp_path / "envs")
    assert [row.error for row in rows] == ["not installed: is not published"] * 2
    assert counted["test_questions"] > 100
    with pytest.raises(ValueError, match="nobody"):
        bench.run(tmp_path / "envs", ["nobody"])


def test_a_quote_must_lie_whole_in_one_of_the_first_five() -> None:
    asked = TEST[0]
    filler = ["."] * 4
    for texts, hit in (
        (["He said: Read  fewer papers."], 1.0),
        (["Read fewer", "papers"], 0.0),
        ([*filler, "Read fewer papers"], 1.0),
        ([*filler, ".", "Read fewer papers"], 0.0),
        ([], 0.0),
    ):
        assert judge([], [(asked, reply(*texts))], ESSAYS).hit["en"].value == hit


def test_what_comes_after_the_budget_is_no_early_hit() -> None:
    far = judge([], [(TEST[0], reply("x" * 1490, "Read fewer papers"))], ESSAYS)
    near = judge([], [(TEST[0], reply("x" * 1480, "Read fewer papers"))], ESSAYS)
    assert far.hit["en"].value == near.hit["en"].value == 1.0
    assert (far.early["en"].value, near.early["en"].value) == (0.0, 1.0)
    assert far.shown == 1490 + len("Read fewer papers")


def test_a_quote_that_no_essay_has_is_an_error() -> None:
    with pytest.raises(ValueError, match="gold quote is not in one"):
        judge([], [(case("t", "?", ("one", "Sleep more.")), reply())], ESSAYS)


def test_a_threshold_is_set_on_dev_and_parts_best() -> None:
    yes, no = DEV
    dev = [
        (yes, reply(near=0.9)),
        (yes, reply(near=0.5)),
        (no, reply(near=0.6)),
        (no, reply(near=0.1)),
    ]
    # At 0.5: both answered, one of two refused: 3/2. At 0.9: one and both: 3/2. The lower is taken.
    assert threshold_of(dev) == 0.5
    assert threshold_of([(yes, reply())]) is None
    assert refuses(reply(near=0.4), 0.5) is True
    assert refuses(reply(near=0.5), 0.5) is False
    assert refuses(reply(near=0.4), None) is None
    assert refuses(reply(refused=True), None) is True


def test_one_that_cannot_refuse_has_no_such_figure() -> None:
    found = judge([], [(TEST[2], reply("x")), (TEST[0], reply("x"))], ESSAYS)
    assert found.refused is None
    assert found.wrongly is None
    own = judge([], [(TEST[2], reply(refused=True)), (TEST[0], reply(refused=False))], ESSAYS)
    assert own.refused is not None
    assert own.wrongly is not None
    assert (own.refused.value, own.wrongly.value) == (1.0, 0.0)


def test_places_count_only_where_all_are_true() -> None:
    true = {"essay": "one", "start": 0, "end": 4, "text": "Read"}
    false = {**true, "start": 1, "end": 5}
    strange = {**true, "essay": "nowhere"}
    assert places([reply(quotes=[true])], ESSAYS) == "quotes"
    assert places([{**reply(), "passages": [true]}], ESSAYS) == "passages"
    assert places([reply("Read", quotes=[true, false])], ESSAYS) == "no"
    assert places([{**reply(), "passages": [strange]}], ESSAYS) == "no"
    assert places([reply()], ESSAYS) == "no"


def test_the_table_has_figures_beside_mentors() -> None:
    def row(name: str, times: float) -> Row:
        found = Row(name, "default", "-", install_mb=100 * times, install_s=10.0)
        found.cold_s, found.query_ms = [9.0, times, 0.1], [times * 10.0] * 20
        return found

    first, second = table([row("mentor", 1.0), row("other", 2.5)]).splitlines()[2:4]
    assert first.startswith("| mentor, default | 100 | 10 | 1.0 | - | 10.0 | 10.0 | - |")
    assert second.startswith(
        "| other, default | 250 (2.5x) | 10 (1.0x) | 2.5 (2.5x) | - | 25.0 (2.5x)"
    )


def test_adapters_find_nothing_of_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("https_proxy", "http://example.org")
    found = bare()
    assert found["PYTHONPATH"] == ""
    assert "https_proxy" not in found
    assert found["HF_HUB_OFFLINE"] == "1"
