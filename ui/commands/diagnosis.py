"""`mentor doctor`: everything about a set-up, in groups, a line for each fact."""

import json
import locale
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rag import MentorError, Settings
from rag.doctor.diagnosis import Finding, examine, examined
from rag.doctor.inventory import Fact
from rag.doctor.mending import mended
from ui.commands import reach
from ui.commands.command import Corpus, Index, Json, settings_of
from ui.commands.settings_page import in_force, variable
from ui.keys import check_settings
from ui.terminal import stderr

_STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}
_QUICK_S, _ONLINE_S = 1.5, 10.0


def check(
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what needs no person.")] = False,
    online: Annotated[
        bool, typer.Option("--online", help="Give the chat model's provider time to answer.")
    ] = False,
    as_lines: Json = False,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Say what is right and wrong with this Mentor; exit status 2 where anything is wrong."""
    try:
        settings = settings_of(corpus, index)
    except MentorError as error:
        found = [Finding("Settings", "wrong", str(error)), *_unknown(os.environ)]  # noqa: TID251 - looks for what is no setting
    else:
        for line in _mended(settings) if fix else []:
            stderr().print(Text(f"mended: {line}"), soft_wrap=True)
        found = list(diagnosed(settings, os.environ, _ONLINE_S if online else _QUICK_S))  # noqa: TID251 - likewise
    if as_lines:
        sys.stdout.write(json.dumps([asdict(finding) for finding in found]) + "\n")
    else:
        _show(found)
    if any(finding.state == "wrong" for finding in found):
        raise typer.Exit(2)


def diagnosed(
    settings: Settings, environment: Mapping[str, str], timeout_s: float
) -> Iterator[Finding]:
    """Yield every finding, group after group; the provider is given `timeout_s` to answer."""
    yield from examine("Settings", lambda: _settings(settings))
    yield from examine("Settings", lambda: _visitors(settings))
    yield from _unknown(environment)
    yield from examined(settings)
    yield from examine("Port", lambda: reach.port(settings))
    yield from examine("Chat model", lambda: reach.provider(settings, timeout_s))
    yield from examine("Budgets", lambda: reach.store(settings))
    yield from examine("Terminal", _terminal)


def _mended(settings: Settings) -> Iterator[str]:
    """Mend, and tell what could not be: the diagnosis goes on."""
    try:
        yield from mended(settings)
    except MentorError as error:
        yield f"no further: {error}"


def _settings(settings: Settings) -> Iterator[Fact]:
    lines = list(in_force(settings))
    if not lines:
        yield "ok", "every setting is at its default"
    for line in lines:
        yield "ok", line
    if settings.offline is False:
        yield "note", "MENTOR_OFFLINE=false: models are looked up on a hub at each start"


def _visitors(settings: Settings) -> Iterator[Fact]:
    try:
        check_settings(settings)
    except MentorError as error:
        yield "wrong", str(error)


def _unknown(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = [variable(name) for name in Settings.model_fields]
    for name in sorted(environment):
        if name.upper().startswith("MENTOR_") and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1, cutoff=0.7)
            meant = f"did you mean {near[0]}?" if near else "unset it; docs/settings.md lists them."
            yield from examine("Settings", lambda: iter([_no_setting(name, meant)]))  # noqa: B023 - read at once


def _no_setting(name: str, meant: str) -> Fact:
    return "wrong", f"{name} is not a setting; {meant}"


def _terminal() -> Iterator[Fact]:
    spoken = [stream.encoding for stream in (sys.stdout, sys.stderr) if stream]
    files = sys.getfilesystemencoding()
    lacking = sorted({name for name in (*spoken, files) if "utf" not in name.lower()})
    if lacking:
        names = ", ".join(lacking)
        yield "note", f"{names} lacks Chinese signs, which are shown escaped; set LANG=C.UTF-8"
    else:
        yield "ok", f"{locale.getlocale()[0] or 'C'}, UTF-8"
    if not Path.cwd().exists():
        yield "note", "the folder this was started in is gone"


def _show(found: Iterable[Finding]) -> None:
    wrong = 0
    for group, findings in groupby(found, key=lambda finding: finding.group):
        stderr().print(Text(group, style="bold"))
        for finding in findings:
            wrong += finding.state == "wrong"
            mark = Text(f"  {finding.state:<5} ", style=_STYLES[finding.state])
            stderr().print(mark + Text(finding.text), soft_wrap=True)
    told = f"{wrong} wrong" if wrong else "Nothing is wrong."
    stderr().print(Text(told, style="bold"))
