"""What is true of the recordings of the demo: of the excerpt where its record is at hand, and of the night."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RECORD = "mitdb/208"
START, END = 422_820, 530_820
UNKNOWN = {"qrs_se": None, "qrs_ppv": None, "v_se": None, "v_ppv": None}

NIGHT = "synthetic/night"
NIGHT_FS_HZ = 200.0
NIGHT_SAMPLES = 120_000
NIGHT_SEIZURE_S = (525.0, 565.0)


def seizure_found_s(findings: Iterable[dict[str, Any]]) -> float | None:
    """How long after the seizure of the night began a first finding rose in it; None where none did."""
    first, last = NIGHT_SEIZURE_S
    within = [one["onset"] / NIGHT_FS_HZ - first for one in findings if first <= one["onset"] / NIGHT_FS_HZ < last]
    return round(min(within), 1) if within else None


def score(beats: list[tuple[int, str]]) -> dict[str, Any]:
    """Score beats (sample in the excerpt, class) by EC57, in percent; all null without the record's annotations.

    In-sample: the record is one of those the classifier was trained on.
    """
    folder = os.environ.get("EDGE_DATA_DIR")
    if not folder or not (Path(folder) / f"{RECORD}.atr").exists():
        return dict(UNKNOWN)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([[START + sample, label] for sample, label in beats], file)
        file.flush()
        command = [sys.executable, "-m", "export.score", "--beats", file.name, "--data", folder, "--record", "208"]
        command += ["--from-sample", str(START), "--to-sample", str(END), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {name: figures[name] for name in UNKNOWN}
