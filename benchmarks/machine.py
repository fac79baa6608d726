"""Facts of the machine and the code, without which no figure means anything."""

import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import scipy

ROOT = Path(__file__).resolve().parent.parent


def machine_facts() -> dict[str, Any]:
    """Describe processor, memory, versions, commit, and how busy the machine is with other things."""
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_mb": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1024),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "onnxruntime": onnxruntime.__version__,
        "bytecode_cached": not sys.dont_write_bytecode,
        "commit": _commit(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def is_busy(facts: dict[str, Any]) -> bool:
    """Whether others kept more than a quarter of the cores at work in the minute before the measurement."""
    return bool(facts["load_before"][0] > 0.25 * facts["cores"])


def _first(path: str, key: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"


def _commit() -> str:
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
