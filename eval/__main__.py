"""`python -m eval run` judges Mentor, or another system, on its shelf; `--help` lists the rest."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.progress import Progress

from eval import calibrate as calibration
from eval import card, conformance, counterfactual, drafts, report, shelves
from eval import compare as comparing
from eval import load as loading
from eval import perturb as perturbing
from eval import retrieval as retrieving
from eval import run as running
from eval import written as writing
from eval.bench.command import app as bench
from eval.cases import Case, Split, read, read_texts
from eval.figures import Figure, of_flags
from eval.plainly import plainly
from eval.reply import Target
from eval.tables import number, show, show_card, show_comparison, show_intake, show_load, show_run
from eval.targets import open_target, recorded
from rag import Mentor, QuestionError, Settings, open_checker

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(bench, name="bench")
_PASSAGES = ".passages.jsonl"

Bare = Annotated[
    list[str] | None,
    typer.Option("--bare", help='Essays to strip of questions and translation; "all" for all.'),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Seed = Annotated[int, typer.Option(help="Of every draw; printed in the report.")]
Labelled = Annotated[list[Path], typer.Option("--data", help="A labelled file of JSON lines.")]


@app.command()
def run(
    split: Annotated[str, typer.Option(help="dev, tuning or test; report test only.")] = "test",
    target: Annotated[
        str, typer.Option(help="mentor, openai:http://host/v1#model or python:module:function.")
    ] = "mentor",
    answers: Annotated[
        Path | None, typer.Option(help="Answers of another system: docs/answers-format.md.")
    ] = None,
    key: Annotated[
        str, typer.Option(envvar="MENTOR_EVAL_KEY", help="The key of an openai: target.")
    ] = "none",
    out: Annotated[
        Path | None, typer.Option(help="Folder for run.json, items.csv, summary.md, report.html.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option(help="A baseline; ends with 1 on a fall beyond chance.")
    ] = None,
    bare: Bare = None,
    seed: Seed = 7,
    *,
    perturb: Annotated[
        bool, typer.Option("--perturb", help="Ask again misspelt, polite, misled, injected.")
    ] = False,
    facts: Annotated[
        bool, typer.Option("--counterfactual", help="Change facts of the shelf and ask for them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put every question of a split and judge each answer, sentence by sentence."""
    cases = read(_split(split))
    plan = running.Plan(split, seed, bare=tuple(bare or ()))
    with plainly():  # before minutes are spent
        floor = comparing.load(gate) if gate else None
        if out:
            report.ready(out)
    with _shelf(bare) as mentor:
        system = _system(mentor, target, answers, key, cases)
        with _progress(f"{system.name}, {split}", running.steps(cases)) as tick:
            found = running.run(mentor, system, cases, plan, tick)
        extra = _perturbed(mentor, system, cases, seed) if perturb else []
        extra += _counterfactual(mentor) if facts else []
    found["figures"] += map(running.figure_row, extra)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, sort_keys=True))
    else:
        show_run(found)
    with plainly():
        for path in report.write(found, out) if out else ():
            typer.echo(f"wrote {path}", err=as_json)
        reasons = comparing.gate(floor, found) if floor else []
    for line in reasons:
        typer.echo(line, err=True)
    if reasons:
        raise typer.Exit(1)


@app.command()
def baseline(
    run_json: Annotated[Path, typer.Argument(help="The run.json of a run that is good enough.")],
    out: Annotated[Path, typer.Option(help="Where the baseline goes.")] = Path(
        "eval/baseline.json"
    ),
) -> None:
    """Keep what a later run must not fall below."""
    with plainly():
        kept = comparing.baseline(comparing.load(run_json))
        out.write_text(json.dumps(kept, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A run.json.")],
    after: Annotated[Path, typer.Argument(help="Another, of the same questions.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Print what changed from one run to another, with intervals, and the flips."""
    with plainly():
        found = comparing.compared(comparing.load(before), comparing.load(after))
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, sort_keys=True))
        return
    show_comparison(found)


@app.command()
def checker(
    data: Labelled,
    seed: Seed = 7,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.")] = 2000,
    *,
    as_json: AsJson = False,
) -> None:
    """Hold the checker (MENTOR_CHECKER) against labelled claims, with and without their context."""
    with plainly():
        settings = Settings()
        check = open_checker(settings.checker, offline=settings.offline)
        found = []
        attributed = {}
        for path in data:
            if ".attribution." in path.name:
                attributed[path.name] = asdict(card.attribution(check, path))
            else:
                found += card.of_file(check, path, seed, resamples)
    if as_json:
        rows = [asdict(row) for row in found]
        typer.echo(json.dumps({"checker": check.name, "rows": rows, "attribution": attributed}))
        return
    if found:
        show_card(check.name, [running.measured_row(row) for row in found])
    for name, row in attributed.items():
        told = (f"{field} {number(row[field])}" for field in ("precision", "recall", "f1"))
        typer.echo(f"{name}: {', '.join(told)}, n {row['n']}, threshold {row['threshold']:.3f}")


@app.command()
def intake(
    pages: Annotated[
        Path | None,
        typer.Option(help="A folder of folders of saved pages, such as tests/pages."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Import the sources of the shelf, and saved pages, and compare with what others extract."""
    from eval.intake import figures, run

    with plainly():
        rows = run(pages)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
        return
    show_intake(figures(rows))


@app.command()
def quotes(data: Labelled) -> None:
    """Hold the quote grades against labelled quotes and print how many verdicts are right."""
    with plainly():
        found = [figure for path in data for figure in conformance.figures(path)]
    show("right verdicts on quotes", found)


@app.command()
def retrieval(
    passages: Annotated[Path | None, typer.Option(help='JSON lines {"id", "text"}.')] = None,
    queries: Annotated[
        Path | None, typer.Option(help='JSON lines {"id", "text", "positive_ids"}.')
    ] = None,
    beir: Annotated[
        Path | None, typer.Option(help="A BEIR folder: corpus, queries, qrels.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Look for questions in any passages and print hit@k, MRR and nDCG, each side alone too."""
    with plainly():
        texts, asked = retrieving.read(passages, queries, beir)
        with shelves.of_texts(texts) as mentor:
            found = retrieving.figures(mentor, asked)
    if as_json:
        typer.echo(json.dumps([asdict(figure) for figure in found]))
    else:
        show(str(beir or passages), found)


@app.command()
def public(
    folder: Annotated[Path, typer.Argument(help="NAME.passages.jsonl and NAME.queries.jsonl.")],
    only: Annotated[str, typer.Option(help="Part of the names of the sets to judge.")] = "",
) -> None:
    """Do the same for every set of a folder."""
    names = sorted(path.name.removesuffix(_PASSAGES) for path in folder.glob(f"*{_PASSAGES}"))
    chosen = [name for name in names if only in name]
    if not chosen:
        typer.echo(f"{folder} holds no {only}*{_PASSAGES}.", err=True)
        raise typer.Exit(2)
    for name in chosen:
        with plainly():
            texts, asked = retrieving.read(
                folder / f"{name}{_PASSAGES}", folder / f"{name}.queries.jsonl", None
            )
            with shelves.of_texts(texts) as mentor:
                show(name, retrieving.figures(mentor, asked))


@app.command()
def strangers(
    queries: Annotated[list[Path], typer.Argument(help='JSON lines with "text" or "question".')],
    sample: Annotated[int, typer.Option(help="Questions taken from each file.")] = 250,
) -> None:
    """Print how many questions about other things, from any public set, Mentor refuses."""
    with _shelf(None) as mentor:
        found = []
        for path in queries:
            texts = read_texts(path)
            chosen = random.Random(0).sample(texts, min(sample, len(texts)))
            flags = [_refuses(mentor, text) for text in chosen]
            found.append(of_flags(path.name, flags))
    show("refused", found)


def _refuses(mentor: Mentor, text: str) -> bool:
    """Say whether Mentor refuses a text, or does not take it for a question."""
    try:
        return mentor.ask(text).status == "refused"
    except QuestionError:
        return True


@app.command()
def written(
    split: Annotated[str, typer.Option(help="dev or test; report test only.")] = "test",
    parts: Annotated[
        list[str] | None, typer.Option("--part", help="honest, lying, half-lying, refusing.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Of every interval.")] = 2000,
    seed: Seed = 7,
    *,
    as_json: AsJson = False,
) -> None:
    """Have models play honest and lying over the questions, and count what is shown."""
    cases = [case for case in read(_split(split)) if case.answerable]
    found: list[Figure] = []
    with plainly(), TemporaryDirectory() as folder:
        sentences = drafts.read("dev" if split == "dev" else "test")
        settings = Settings(index_dir=Path(folder) / "index")
        for part in cast("list[writing.Part]", parts) or writing.PARTS:
            with _progress(f"{part}, {split}", len(cases)) as tick:
                shown = writing.play(part, settings, sentences, cases, tick)
            found += writing.figures(part, shown, seed, resamples)
            found += writing.waits(part, shown)
        with _shelf(None) as mentor:
            found.append(drafts.checking(mentor, sentences))
    if as_json:
        typer.echo(json.dumps([running.figure_row(figure) for figure in found]))
        return
    show(f"written answers, {split}", found)


@app.command()
def load(
    users: Annotated[int, typer.Option(min=1, max=1000, help="Who ask at one time.")] = 50,
    questions: Annotated[int, typer.Option(min=1, help="How many they ask in all.")] = 2000,
    *,
    as_json: AsJson = False,
) -> None:
    """Start `mentor serve`, have many ask at once without a model, print waits and memory."""
    with plainly(), _progress(f"{users} users", questions) as tick:
        found = loading.measure(users, questions, tick)
    table = loading.rows(found)
    if as_json:
        typer.echo(json.dumps(table))
        return
    show_load(f"{users} users, {questions} questions", table)


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = Path(
        "rag/model/evidence.json"
    ),
) -> None:
    """Fit the refusal on dev and tuning questions, the checkers' thresholds on dev claims."""
    cases = [*read("dev"), *read("tuning")]
    with _shelf(None) as mentor:
        asked = calibration.fit(mentor, cases, calibration.ASKED)
        threshold = card.fitted_threshold(mentor)
        written = drafts.read("dev")
        supports = drafts.supports(mentor, written)
        retold = calibration.retold_thresholds(supports, [draft.supported for draft in written])
    with _shelf(["all"]) as mentor:
        told = calibration.fit(mentor, cases, calibration.TOLD)
    weights = {"asked": asked, "told": told}
    out.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")
    for name, thresholds in (("checker.json", {"threshold": threshold}), ("retold.json", retold)):
        path = out.with_name(name)
        kept = json.loads(path.read_text(encoding="utf-8")) | thresholds
        path.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")
        typer.echo(f"set in {path}: {thresholds}")


# --- opening -----------------------------------------------------------------------------------


def _system(
    mentor: Mentor, target: str, answers: Path | None, key: str, cases: Sequence[Case]
) -> Target:
    if answers:
        return recorded(answers, cases, mentor.documents)
    return open_target(target, mentor, mentor.documents, key=key)


def _perturbed(mentor: Mentor, system: Target, cases: Sequence[Case], seed: int) -> list[Figure]:
    with _progress("perturbed", perturbing.steps(mentor, system, cases, seed)) as tick:
        corpus = Settings().corpus_dir
        return perturbing.figures(mentor, system, cases, corpus, seed, tick)


def _counterfactual(mentor: Mentor) -> list[Figure]:
    known = counterfactual.read()
    with _progress("counterfactual", counterfactual.steps(known)) as tick:
        outcome = counterfactual.run(mentor, Settings().corpus_dir, known, tick)
    for stray in outcome.strays:
        typer.echo(f"did not follow: {stray.id} {stray.lang}: {stray.question}", err=True)
    return list(outcome.figures)


@contextmanager
def _shelf(bare: Sequence[str] | None) -> Iterator[Mentor]:
    """Open the shelf, or one without views."""
    with plainly(), shelves.opened([] if bare == ["all"] else bare or None) as mentor:
        yield mentor


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how far a run is, on the error stream, if somebody can be watching."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


def _split(name: str) -> Split:
    for split in get_args(Split):
        if name == split:
            return cast("Split", split)
    typer.echo(f"--split: '{name}' is none of {', '.join(get_args(Split))}.", err=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
