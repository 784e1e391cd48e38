"""A peer -> a virtual environment of its own, made once: what it takes on disk and in time.

A stamp is written last. What has none was broken off, and is made anew.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.bench.peers.catalogue import MINILM, Peer

_STAMP = "whole.json"
_PATIENCE_S = 1800
_TOLD = 200  # characters of what went wrong
_OUTER = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
_VERSIONS = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
)


class InstallError(Exception):
    """A peer could not be installed; the text says which, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Environment:
    """One that is whole. `mb` and `seconds` are what the installation took, download included."""

    home: str
    mb: float
    seconds: float
    versions: Mapping[str, str]

    @property
    def python(self) -> Path:
        """Return its interpreter."""
        return Path(self.home) / "bin" / "python"

    def minilm(self) -> str:
        """Return the folder of the model that was installed with it, "" for none."""
        package = MINILM.replace("-", "_")
        found = Path(self.home).glob(f"lib/*/site-packages/{package}/model")
        return next(map(str, found), "")


def ready(peer: Peer, envs: Path) -> Environment:
    """Return the environment of a peer, which is made where no whole one of it is there.

    Raises:
        InstallError: it cannot be made.
    """
    if peer.absent:
        raise InstallError(peer.absent)
    home = (envs / peer.name).absolute()
    wanted = {"python": platform.python_version(), "requirements": [*peer.requirements]}
    known = _stamped(home)
    if known and all(known.get(name) == value for name, value in wanted.items()):
        made = Environment(**known["environment"])
        if (
            made.home == str(home) and made.python.exists()
        ):  # it was not moved, nor its Python removed
            return made
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    _install(peer, home)
    seconds = time.monotonic() - started
    versions = json.loads(_said([str(home / "bin" / "python"), "-c", _VERSIONS]))
    made = Environment(str(home), megabytes(home), seconds, versions)
    _stamp(home, {**wanted, "environment": asdict(made)})
    return made


def bare(path: Sequence[Path] = ()) -> dict[str, str]:
    """Return this process's variables without what would lead into its own environment.

    Nothing that is started with them asks a model hub, or tells anybody that it ran; the proxy that
    nobody answers at stops what would.
    """
    given = {name: value for name, value in os.environ.items() if name not in _OUTER}  # noqa: TID251 - handed on, not read
    nowhere = "http://127.0.0.1:9"
    return {
        **{name: value for name, value in given.items() if "proxy" not in name.lower()},
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ANONYMIZED_TELEMETRY": "False",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "LANGSMITH_TRACING": "false",
    }


def megabytes(folder: Path) -> float:
    """Return the size of all files under a folder, links not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def _install(peer: Peer, home: Path) -> None:
    without = () if peer.requirements else ("--without-pip",)
    _run(peer, [sys.executable, "-m", "venv", *without, str(home)])
    if peer.requirements:
        pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        # Without its cache, so that the seconds are those of a first installation.
        _run(peer, [*pip, "--no-input", "install", "-q", "--no-cache-dir", *peer.requirements])


def _run(peer: Peer, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - ours
            command, env=_outgoing(), capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{peer.name}: {error}"[:_TOLD]
        raise InstallError(msg) from error
    if done.returncode:
        raise InstallError(_reason(peer.name, done.stderr.decode(errors="replace")))


def _outgoing() -> dict[str, str]:
    """Return this process's variables: an installation may go where pip is told to go."""
    return {name: value for name, value in os.environ.items() if name not in _OUTER}  # noqa: TID251 - handed on


def _reason(name: str, said: str) -> str:
    r"""Return the first error that pip tells, without the list of versions in brackets.

    >>> _reason("a", "WARNING: x\nERROR: No version of b (from versions: 1, 2)\nERROR: c")
    'a: No version of b'
    """
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    told = (errors or lines[-1:] or ["no word of why"])[0]
    return f"{name}: {told.partition(' (from versions')[0]}"[:_TOLD]


def _said(command: Sequence[str]) -> str:
    return subprocess.run(  # noqa: S603 - ours
        command, env=bare(), capture_output=True, timeout=_PATIENCE_S, check=True
    ).stdout.decode()


def _stamped(home: Path) -> dict[str, Any] | None:
    try:
        known = json.loads((home / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def _stamp(home: Path, what: dict[str, Any]) -> None:
    aside = home / f"{_STAMP}.new"
    aside.write_text(json.dumps(what), encoding="utf-8")
    aside.replace(home / _STAMP)
