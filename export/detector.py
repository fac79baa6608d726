"""``python -m export.detector``: the QRS detector on the first signal of all 48 records, by EC57.

Whole records and from 5:00, gross over all, DS1, DS2 and the paced ones, with the decision's latency; from 5:00, the
noise stress records too where `nstdb` lies beside `mitdb`. The classifier plays no part.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from biosignal.errors import BedsideError
from biosignal.scoring.ec57 import BeatScore, gross, score_record
from export.dataset import find_beats
from export.recordings import DS1, DS2, PACED, folder_of, read_recording

NOISY = {"24 dB": "e24", "12 dB": "e12", "6 dB": "e06", "0 dB": "e00"}
SETS = {"all": (*DS1, *DS2, *PACED), "DS1": DS1, "DS2": DS2, "paced": PACED}


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, print, give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m export.detector", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds mitdb; default EDGE_DATA_DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    chosen = parser.parse_args(arguments)
    try:
        table = figures(folder_of(chosen.data))
    except BedsideError as error:
        print(f"error: {error}\nTry: {error.advice}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(table) if chosen.json else "\n".join(_lines(table)))
    return 0


def figures(folder: Path) -> dict[str, dict[str, float | int]]:
    """Score every record; a row for each set and start."""
    whole: dict[str, BeatScore] = {}
    late: dict[str, BeatScore] = {}
    latencies_ms: list[float] = []
    for name in sorted(SETS["all"]):
        print(f"record {name}", file=sys.stderr, flush=True)
        recording = read_recording(folder, name, lead=None)
        found = find_beats(recording, None)
        latencies_ms += [1000 * (mark.decided_at - mark.start) / recording.fs_hz for mark in found.marks]
        test = found.unclassified()
        end = len(recording.samples)
        whole[name] = score_record(recording.reference, test, fs_hz=recording.fs_hz, start_s=0.0, end=end)
        late[name] = score_record(recording.reference, test, fs_hz=recording.fs_hz, end=end)
    table = {
        f"{which}, {where}": _row(scores[name] for name in names)
        for which, names in SETS.items()
        for where, scores in (("whole record", whole), ("from 5:00", late))
    }
    table |= _noisy(folder.parent / "nstdb")
    table["confirmed beat latency, ms"] = {
        "median": round(float(np.median(latencies_ms)), 1),
        "p99": round(float(np.percentile(latencies_ms, 99)), 1),
        "max": round(max(latencies_ms), 1),
    }
    return table


def _noisy(folder: Path) -> dict[str, dict[str, float | int]]:
    if not (folder / "118e24.hea").exists():
        return {}
    table = {}
    for level, suffix in NOISY.items():
        scores = []
        for name in ("118", "119"):
            recording = read_recording(folder, name + suffix, lead=None)
            test = find_beats(recording, None).unclassified()
            end = len(recording.samples)
            scores.append(score_record(recording.reference, test, fs_hz=recording.fs_hz, end=end))
        table[f"118 and 119 with electrode motion at {level}, from 5:00"] = _row(scores)
    return table


def _row(scores: Iterable[BeatScore]) -> dict[str, float | int]:
    found = gross(scores).qrs
    beats = found.tp + found.fn
    return {
        "beats": beats,
        "fn": found.fn,
        "fp": found.fp,
        "der_percent": round(100 * (found.fn + found.fp) / beats, 3),
        "se_percent": round(100 * (found.sensitivity or 0.0), 2),
        "ppv_percent": round(100 * (found.positive_predictivity or 0.0), 2),
    }


def _lines(table: dict[str, dict[str, float | int]]) -> list[str]:
    return [f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()) for name, row in table.items()]


if __name__ == "__main__":
    sys.exit(main())
