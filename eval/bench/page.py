"""What was measured -> docs/performance.md, and drawings beside it."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.bench import drawings, growth

_HEAD = """# Performance

What Mentor takes, measured. Every table below was written by `python -m eval bench`, which anyone
can run, part by part, and which puts them onto this page (`bench page`). A figure is a median
unless it says otherwise, and p95 is what 95 in 100 do not pass. The answers are the essays' own
sentences: a chat model adds its own time. [scale.md](scale.md) says what grows, and why.
"""


def write(folder: Path, page: Path) -> None:
    """Write the page from the figures that lie in `folder`, and the drawings that it shows.

    Raises OSError or ValueError.
    """
    parts = [_HEAD]
    for name, told in _PAGES.items():
        path = folder / f"{name}.json"
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            parts.append("\n".join(told(found, page)))
    page.write_text("\n".join(parts), encoding="utf-8")


def _made(found: Mapping[str, Any], command: str) -> str:
    about = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about.get("versions", {}).items())
    parts = [
        f"{about['date']}, {about['cores']} cores",
        about.get("processor", ""),
        f"Python {about['python']}",
        versions,
        f"load {about['load'][0]:.1f}",
    ]
    return f"`{command}` · {', '.join(filter(None, parts))}"


def _cold(found: Mapping[str, Any], _: Path) -> Iterator[str]:
    yield "## Cold\n"
    yield _made(found, "python -m eval bench cold") + "\n"
    yield "| from the start of a process | median | most | promised |"
    yield "|---|--:|--:|--:|"
    rows = (
        ("ask_s", "`mentor ask` to its answer", "s", "1.2 s"),
        ("page_s", "`mentor serve` to its first page", "s", "4 s"),
        ("answer_s", "`mentor serve` to its first answer", "s", "6 s"),
        ("browser_s", "`mentor serve` to the first citation in a browser", "s", "6 s"),
        ("rest_mb", "memory of the server at rest", "MB", "450 MB"),
    )
    for key, what, unit, promised in rows:
        if not (values := found.get(key)):
            continue  # no browser on this machine
        form = "{:.2f}" if unit == "s" else "{:.0f}"
        median, most = form.format(statistics.median(values)), form.format(max(values))
        yield f"| {what} | {median} {unit} | {most} {unit} | {promised} |"
    yield f"\n{len(found['ask_s'])} starts of each, after one that is not counted.\n"


def _scale(found: Mapping[str, Any], page: Path) -> Iterator[str]:
    yield "## By size of the shelf\n"
    yield _made(found, "python -m eval bench scale --text FOLDER") + "\n"
    yield (
        "| passages | index, s | disk, MB | memory, MB | open, s | found p50, ms "
        "| question p50, ms | p95, ms | first ten |"
    )
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for row in found["rows"]:
        p50, p95 = row["ms"]["total"]
        yield (
            f"| {row['passages']:,} | {row['index_s']:.1f} | {row['disk_mb']:.0f} "
            f"| {row['ask_mb']:.0f} | {row['open_s']:.1f} | {row['ms']['retrieve'][0]:.1f} "
            f"| {p50:.1f} | {p95:.1f} | {_share(row.get('recall'))} |"
        )
    yield (
        "\nThe first row is the shipped shelf; the others hold public text beside it. Memory is "
        "the most that a process held which opened the index and answered; to build the largest "
        f"index took {max(row['index_mb'] for row in found['rows']):,.0f} MB. "
        f"{found['rows'][0]['asked']} questions each, golden ones and headings of the texts, none "
        "twice, after 20 that are not counted. Found: until the passages are there. First ten: the "
        "share of the first ten hits that comparing the question with every sentence of the shelf "
        "finds, too, with the interval by 95 in 100.\n"
    )
    yield from _steps(found["rows"][-1])
    if lines := growth.lines(found["rows"]):
        drawings.growth(lines, page.with_name("growth.svg"))
        yield from _paper(lines)


def _steps(row: Mapping[str, Any]) -> Iterator[str]:
    begun = ", ".join(f"{name} from {began:.0f} s" for name, began in row["steps_s"].items())
    yield f"Of the {row['index_s']:.0f} s of the largest index: reading the essays, {begun}.\n"


def _paper(lines: Sequence[growth.Line]) -> Iterator[str]:
    """Say what the model gives for the largest shelf, and what it took."""
    largest = lines[0].span[1]
    yield (
        "On paper each is something fixed and something a passage, read off the two largest "
        f"shelves but one, and held against the largest, of {largest:,} passages:\n"
    )
    yield "| | fixed | each 1,000 passages | the largest on paper | measured | ratio |"
    yield "|---|--:|--:|--:|--:|--:|"
    for line in lines:
        told, real = line.at(largest), line.points[-1][1]
        yield (
            f"| {line.name}, {line.unit} | {line.fixed:.1f} | {line.each * 1000:.3f} "
            f"| {told:.0f} | {real:.0f} | {real / told:.2f} |"
        )
    yield f"\nBelow {growth.LARGE:,} passages a question takes less: all views are compared.\n"
    yield "![Measured and on paper, by passages](growth.svg)\n"


def _share(known: tuple[float, float] | None) -> str:
    return f"{known[0]:.3f} ± {known[1]:.3f}" if known else ""


def _users(found: Mapping[str, Any], page: Path) -> Iterator[str]:
    yield "## Many users\n"
    yield _made(found, "python -m eval bench users") + "\n"
    yield (
        f"Each asks every {found['every_s']:g} s for {found['seconds']} s: chats over SSE "
        "(6 of 10), programs (3), pages with the widget (1). Users and server share the machine.\n"
    )
    yield (
        "| processes | model | users | answers a second | p50, ms | p95, ms | busy | errors "
        "| CPU, s | memory, MB |"
    )
    yield "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for row in found["rows"]:
        yield (
            f"| {row['workers']} | {'streams 2 s' if row.get('model') else 'none'} "
            f"| {row['users']} | {row['answers_s']:.1f} | {row['p50_ms']:.0f} "
            f"| {row['p95_ms']:.0f} | {row['busy']} | {row['errors']} | {row['server_s']:.1f} "
            f"| {row['memory_mb'][1]:.0f} |"
        )
    yield _knee(found)
    yield from map(_crowd, found["crowd"])
    drawings.users(found["rows"], page.with_name("users.svg"))
    yield "![How long 95 in 100 answers take at most, by users](users.svg)\n"


def _crowd(row: Mapping[str, Any]) -> str:
    """Say what happens where everybody asks at one moment, again and again."""
    return (
        f"{row['users']} users who ask at the same moment, processes: {row['workers']}. "
        f"{row['answers']} answers, the last of them after {row['most_ms']:.0f} ms; {row['busy']} "
        f"were told when to come back (503, Retry-After), the last of them after "
        f"{row['busy_most_ms']:.0f} ms; {row['errors']} errors.\n"
    )


def _knee(found: Mapping[str, Any]) -> str:
    """Return where a process is full, by what an answer takes of the processor."""
    one, two = found["full"]
    each_s = one["server_s"] / max(1, one["answers"])
    rates, more = (one["answers_s"], two["answers_s"]), two["answers_s"] / one["answers_s"]
    most, cores = found["every_s"] / each_s, [row["users_s"] / row["took_s"] for row in (one, two)]
    return (
        f"\nAsked again at once by {one['users']} users, one process gives {rates[0]:.0f} answers "
        f"a second and two give {rates[1]:.0f} ({more:.1f} times). An answer takes "
        f"{each_s * 1000:.1f} ms of processor, so that a core is full at {1 / each_s:.0f} a "
        f"second: of users who ask every {found['every_s']:g} s, more than {most:.0f} wait for "
        "each other, by Little's law. The users themselves took "
        f"{cores[0]:.1f} cores beside one process, {cores[1]:.1f} beside two.\n"
    )


def _peers(found: Mapping[str, Any], _: Path) -> Iterator[str]:
    yield "## Beside others\n"
    yield _made(found, "python -m eval bench peers") + "\n"
    yield str(found["table"])


def _soak(found: Mapping[str, Any], _: Path) -> Iterator[str]:
    held, model = found["mb"], found["model"]
    later = held[len(held) // 3 :]
    yield f"## Memory over time{', with a model' if model else ''}\n"
    yield _made(found, f"python -m eval bench soak{' --model' if model else ''}") + "\n"
    yield (
        f"{found['users']} users, each asking every {found['every_s']:g} s, {len(held)} minutes, "
        f"{found['answers']:,} answers, {found['errors']} errors. One process held "
        f"{held[0]:.0f} MB after the first minute, {held[-1]:.0f} MB after the last, and from "
        f"{min(later):.0f} to {max(later):.0f} MB in the last two thirds.\n"
    )


def _profile(found: Mapping[str, Any], _: Path) -> Iterator[str]:
    yield "## Where the time goes\n"
    yield _made(found, "python -m eval bench profile") + "\n"
    yield (
        f"{found['asked']} questions to the shipped shelf, {found['each_ms']:.1f} ms each, looked "
        "at by pyinstrument; what takes less than 2 % is left out.\n"
    )
    yield "```text"
    yield from found["tree"]
    yield "```\n"


_PAGES = {
    "cold": _cold,
    "scale": _scale,
    "profile": _profile,
    "users": _users,
    "soak": _soak,
    "soak_model": _soak,
    "peers": _peers,
}
