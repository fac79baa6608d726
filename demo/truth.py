"""The excerpt's truth, where it is at hand: the reference annotations of the record it was cut from."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RECORD = "mitdb/208"
START, END = 422_820, 530_820
UNKNOWN = {"qrs_se": None, "qrs_ppv": None, "v_se": None, "v_ppv": None}


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
