"""What a figure was measured on, and a file for it."""

import json
import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_MEASURED = ("chromadb", "gradio", "numpy", "tokenizers")


def machine() -> dict[str, Any]:
    """Return what this machine is, what runs on it, and how busy it is now."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _MEASURED},
        "load": [round(each, 2) for each in os.getloadavg()],
        "date": time.strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    """Return the name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def save(found: Mapping[str, Any], path: Path) -> None:
    """Write figures with the machine they are of; whole, or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.new")
    told = json.dumps({"machine": machine(), **found}, ensure_ascii=False, indent=1)
    aside.write_text(told + "\n", encoding="utf-8")
    aside.replace(path)
