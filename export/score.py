"""``python -m export.score``: score a list of beats against a record's reference annotations, by EC57.

The beats are a JSON array of ``[sample, class]`` at the record's own sampling frequency.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biosignal.errors import BadInput, BedsideError
from biosignal.scoring.ec57 import BeatScore, score_record
from biosignal.scoring.score import Annotations
from export.recordings import folder_of, read_recording


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, print, give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m export.score", description=__doc__)
    parser.add_argument("--beats", type=Path, required=True, help="JSON file of [sample, class] pairs")
    parser.add_argument("--record", required=True, help="a record of the MIT-BIH Arrhythmia Database, as 208")
    parser.add_argument("--data", type=Path, help="folder that holds mitdb; default EDGE_DATA_DIR")
    parser.add_argument("--from-sample", type=int, default=0)
    parser.add_argument("--to-sample", type=int, help="one past the last sample scored; default: the whole record")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    chosen = parser.parse_args(arguments)
    try:
        scored = score(chosen.beats, chosen.record, chosen.data, start=chosen.from_sample, end=chosen.to_sample)
    except BedsideError as error:
        print(f"error: {error}\nTry: {error.advice}", file=sys.stderr)
        return error.exit_code
    figures = {
        "qrs_se": _percent(scored.qrs.sensitivity),
        "qrs_ppv": _percent(scored.qrs.positive_predictivity),
        "v_se": _percent(scored.v.sensitivity),
        "v_ppv": _percent(scored.v.positive_predictivity),
    }
    print(json.dumps(figures) if chosen.json else "\n".join(f"{name}\t{value}" for name, value in figures.items()))
    return 0


def score(beats: Path, record: str, data: Path | None, *, start: int, end: int | None) -> BeatScore:
    """Score the beats of one stretch [start, end) of a record."""
    try:
        found = sorted((int(sample), str(label)) for sample, label in json.loads(beats.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadInput("the beats are no JSON array of [sample, class] pairs", file=str(beats)) from error
    recording = read_recording(folder_of(data), record)
    whole = recording.reference
    samples = np.asarray(whole.samples)
    end = len(recording.samples) if end is None else end
    inside = np.flatnonzero((samples >= start) & (samples < end))
    reference = Annotations(samples[inside] - start, [whole.symbols[int(index)] for index in inside])
    test = Annotations([sample - start for sample, _ in found], [label for _, label in found])
    return score_record(reference, test, fs_hz=recording.fs_hz, start_s=0.0, end=end - start)


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


if __name__ == "__main__":
    sys.exit(main())
