"""Peers -> rows: every way of every peer builds, starts cold and answers, in turn with the others.

In turn, since a machine has slow minutes: what is measured in one of them is measured for all.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.bench.peers.adapter import Adapter, AdapterError, Server, command
from eval.bench.peers.catalogue import ROOT, Peer, Way, catalogue, chosen
from eval.bench.peers.environments import Environment, InstallError, bare, megabytes, ready
from eval.bench.peers.judge import Asked, Judged, judge
from eval.cases import Case, read

STARTS = 5
_ESSAYS = ROOT / "corpus" / "essays"
Say = Callable[[str], None]


@dataclass(slots=True)
class Row:
    """What was measured of one way of one peer; lists have one value for each try.

    Where `error` says something, what came after it is missing.
    """

    peer: str
    way: str
    note: str
    error: str = ""
    version: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    install_mb: float | None = None
    install_s: float | None = None
    build_s: float | None = None
    index_mb: float | None = None
    lengths: list[int] = field(default_factory=list)
    cold_s: list[float] = field(default_factory=list)
    query_ms: list[float] = field(default_factory=list)
    peak_mb: float | None = None
    judged: Judged | None = None


@dataclass(slots=True)
class Contender:
    """A row that is being measured: how to start it, and what it replied."""

    row: Row
    adapter: Adapter
    index: Path
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def careful(self) -> Iterator[None]:
        """Let an error of this one be its row's, and not the end of the others."""
        try:
            yield
        except AdapterError as error:
            self.row.error = str(error)


def run(
    envs: Path,
    peers: Sequence[str] = (),
    rounds: int = 2,
    *,
    minilm: Path | None = None,
    say: Say = lambda _: None,
) -> tuple[list[Row], dict[str, int]]:
    """Measure the named peers, or all; return rows in their order, and how much was asked.

    Environments are made under `envs`, or taken from there. A peer that cannot be installed, or
    fails, has a row that says so.

    Raises:
        ValueError: there is no peer of a name, or a question file is wrong.
        OSError: a file cannot be written.
    """
    taken = chosen(catalogue(minilm), peers)
    cases = {split: [c for c in read(split) if not c.history] for split in ("dev", "test")}
    with TemporaryDirectory() as folder:
        rows = []
        contenders = []
        for peer in taken:
            say(f"{peer.name}: its environment")
            made = prepared(peer, envs, Path(folder), minilm)
            rows += [each.row if isinstance(each, Contender) else each for each in made]
            contenders += [each for each in made if isinstance(each, Contender)]
        contest(contenders, cases["dev"], cases["test"], _ESSAYS, rounds, say=say)
    return rows, {"rounds": rounds, "starts": STARTS, **_counted(cases)}


def prepared(peer: Peer, envs: Path, work: Path, minilm: Path | None) -> list[Contender | Row]:
    """Return a contender for each way of a peer; rows with the reason where there can be none."""
    rows = [Row(peer.name, way.name, way.note) for way in peer.ways]
    try:
        made = ready(peer, envs)
    except InstallError as error:
        for row in rows:
            row.error = f"not installed: {error}"
        return [*rows]
    for row in rows:
        row.version = made.versions.get(peer.package, "")
        row.versions = {**made.versions}
        row.install_mb = made.mb + sum(megabytes(folder) for folder in peer.counted)
        row.install_s = made.seconds
    pairs = zip(rows, peer.ways, strict=True)
    return [_contender(row, peer, way, made, work, minilm) for row, way in pairs]


def _contender(
    row: Row, peer: Peer, way: Way, made: Environment, work: Path, minilm: Path | None
) -> Contender:
    model = str(minilm.absolute()) if minilm else made.minilm()
    started = command(made.python, peer.adapter, way.name, model)
    index = work / f"{peer.name}-{way.name}"
    index.mkdir()
    return Contender(row, Adapter(tuple(started), bare(peer.path)), index)


def contest(
    contenders: Sequence[Contender],
    dev: Sequence[Case],
    test: Sequence[Case],
    folder: Path,
    rounds: int,
    *,
    starts: int = STARTS,
    say: Say = lambda _: None,
) -> None:
    """Fill the rows of the contenders: indexes, cold starts, answers, and what they are worth."""
    for each in contenders:
        say(f"{each.row.peer}, {each.row.way}: the index")
        with each.careful():
            built = each.adapter.build(folder, each.index)
            each.row.build_s, each.row.index_mb = built["seconds"], built["mb"]
            each.row.lengths = built["lengths"]
    cases = [*dev, *test]
    for turn in range(starts + 1):  # the first of them finds no file in the machine's memory
        for each in _in_turn(contenders, turn):
            say(f"{each.row.peer}, {each.row.way}: start {turn}")
            with each.careful():
                seconds = each.adapter.cold(each.index, cases[0].question)
                each.row.cold_s += [seconds] if turn else []
    _asked(contenders, cases, rounds, say)
    essays = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    for each in _well(contenders):
        each.row.judged = judge(_pairs(each, dev), _pairs(each, test), essays)


def _asked(contenders: Sequence[Contender], cases: Sequence[Case], rounds: int, say: Say) -> None:
    """Put every question to all of them, one after the other; each begins as often as the rest."""
    with ExitStack() as stack:
        servers: dict[int, Server] = {}
        for each in _well(contenders):
            say(f"{each.row.peer}, {each.row.way}: is started")
            with each.careful():
                server = stack.enter_context(each.adapter.serving(each.index))
                server.ask(cases[0].question)  # what loads late has been loaded
                servers[id(each)] = server
        for turn in range(rounds):
            say(f"questions, round {turn + 1} of {rounds}")
            for at, case in enumerate(cases):
                for each in _in_turn(contenders, turn + at):
                    with each.careful():
                        reply = servers[id(each)].ask(case.question)
                        each.row.query_ms.append(reply["seconds"] * 1000)
                        each.replies.setdefault(case.id, reply)
        for each in _well(contenders):
            with each.careful():
                each.row.peak_mb = servers[id(each)].peak_mb()


def _well(contenders: Sequence[Contender]) -> list[Contender]:
    return [each for each in contenders if not each.row.error]


def _in_turn(contenders: Sequence[Contender], turn: int) -> list[Contender]:
    """Return those that are well, beginning with another one each turn."""
    well = _well(contenders)
    start = turn % len(well) if well else 0
    return well[start:] + well[:start]


def _pairs(contender: Contender, cases: Sequence[Case]) -> list[Asked]:
    return [(case, contender.replies[case.id]) for case in cases]


def _counted(cases: dict[str, list[Case]]) -> dict[str, int]:
    return {f"{split}_questions": len(found) for split, found in cases.items()}
