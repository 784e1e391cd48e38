"""What was measured -> docs/performance.md."""

import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_HEAD = """# Performance

What Mentor takes, measured. Every table below was written by `python -m eval bench`, which anyone
can run; a figure is a median unless it says otherwise, and p95 is what 95 in 100 do not pass. The
answers are the essays' own sentences: a chat model adds its own time.
"""


def write(folder: Path, page: Path) -> None:
    """Write the page from the figures that lie in `folder`. Raises OSError or ValueError."""
    parts = [_HEAD]
    for name, drawn in _PAGES.items():
        path = folder / f"{name}.json"
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            parts.append("\n".join(drawn(found)))
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


def _cold(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Cold\n"
    yield _made(found, "python -m eval bench cold") + "\n"
    yield "| from the start of a process | median | most | promised |"
    yield "|---|--:|--:|--:|"
    rows = (
        ("ask_s", "`mentor ask` to its answer", "s", "1.2 s"),
        ("page_s", "`mentor serve` to its first page", "s", "4 s"),
        ("answer_s", "`mentor serve` to its first answer", "s", "6 s"),
        ("rest_mb", "memory of the server at rest", "MB", "450 MB"),
    )
    for key, what, unit, promised in rows:
        values = found[key]
        form = "{:.2f}" if unit == "s" else "{:.0f}"
        median, most = form.format(statistics.median(values)), form.format(max(values))
        yield f"| {what} | {median} {unit} | {most} {unit} | {promised} |"
    yield f"\n{len(found['ask_s'])} starts of each, after one that is not counted.\n"


def _scale(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## By size of the shelf\n"
    yield _made(found, "python -m eval bench scale --text FOLDER") + "\n"
    yield (
        "| passages | index, s | disk, MB | memory, MB | open, s | question p50, ms | p95, ms "
        "| first ten |"
    )
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|"
    for row in found["rows"]:
        p50, p95 = row["ms"]["total"]
        yield (
            f"| {row['passages']:,} | {row['index_s']:.1f} | {row['disk_mb']:.0f} "
            f"| {row['ask_mb']:.0f} | {row['open_s']:.1f} | {p50:.1f} | {p95:.1f} "
            f"| {_share(row.get('recall'))} |"
        )
    yield (
        "\nThe first row is the shipped shelf; the others hold public text beside it. Memory is "
        "the most that a process held which opened the index and answered; to build the largest "
        f"index took {max(row['index_mb'] for row in found['rows']):,.0f} MB. "
        f"{found['rows'][0]['asked']} questions each, golden ones and headings of the texts, after "
        "20 that are not counted. First ten: the share of the first ten hits that comparing the "
        "question with every sentence of the shelf finds, too.\n"
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _users(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Many users\n"
    yield _made(found, "python -m eval bench users") + "\n"
    yield (
        f"Each asks every {found['every_s']:g} s for {found['seconds']} s: chats over SSE "
        "(6 of 10), programs (3), pages with the widget (1). Users and server share the machine.\n"
    )
    yield "| processes | model | users | answers a second | p50, ms | p95, ms | errors | CPU, s |"
    yield "|--:|---|--:|--:|--:|--:|--:|--:|"
    for row in found["rows"]:
        yield (
            f"| {row['workers']} | {'streams 2 s' if row.get('model') else 'none'} "
            f"| {row['users']} | {row['answers_s']:.1f} | {row['p50_ms']:.0f} "
            f"| {row['p95_ms']:.0f} | {row['errors']} | {row['server_s']:.1f} |"
        )
    yield _knee(found)


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


def _peers(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## Beside others\n"
    yield _made(found, "python -m eval bench peers") + "\n"
    yield str(found["table"])


_PAGES = {"cold": _cold, "scale": _scale, "users": _users, "peers": _peers}
