"""The verb `synthesize`: a synthetic patient as a WFDB record with its truth, plainly marked as synthetic."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import GENERATOR
from biosignal.synthetic.scenarios import SCENARIOS
from edge_agent.sources.synthetic import MADE_UP, open_synthetic
from edge_agent.sources.wfdb_writer import INVALID, NewRecord, write_record

STRETCH = 1 << 14


def synthesize(name: str, *, folder: Path, seed: int | None, as_json: bool, stdout: TextIO) -> Path:
    """Write scenario `name` (one that comes along, or a file) into `folder`; the header's path.

    Raises
    ------
    BadInput : no such scenario, or the folder cannot be written.
    RefusedForSafety : the record is there already.
    """
    source = open_synthetic(name, seed=seed)
    made = source.recording
    record = NewRecord(
        name=source.recording_facts().name,
        fs_hz=made.fs_hz,
        leads=made.leads,
        gains=made.per_unit,
        comments=(
            MADE_UP,
            f"synthetic scenario {made.scenario.name}, seed {made.seed}, generator {GENERATOR}",
            made.scenario.about,
        ),
    )
    header = write_record(folder, record, _counts(made), annotations=source.annotations())
    facts = {
        "file": str(header),
        "scenario": made.scenario.name,
        "seed": made.seed,
        "samples": made.length,
        "beats": len(made.truth.beats),
        "gaps": len(made.gaps),
    }
    if as_json:
        stdout.write(json.dumps({"type": "summary", "synthetic": True, **facts}) + "\n")
    else:
        stdout.write(f"Wrote {header}: synthetic, {made.length / made.fs_hz:g} s, {len(made.truth.beats)} beats\n")
    return header


def list_scenarios(*, as_json: bool, stdout: TextIO) -> None:
    """List the scenarios that come along."""
    for scenario in SCENARIOS.values():
        if as_json:
            facts = {"name": scenario.name, "about": scenario.about, "duration_s": scenario.duration_s}
            leads = [*scenario.leads, *scenario.channels]
            stdout.write(json.dumps({"type": "scenario", **facts, "fs_hz": scenario.fs_hz, "leads": leads}) + "\n")
        else:
            stdout.write(f"{scenario.name:22} {scenario.about}\n")
    if as_json:
        stdout.write(json.dumps({"type": "summary", "scenarios": len(SCENARIOS)}) + "\n")


def _counts(made: SyntheticRecording) -> Iterator[NDArray[np.int16]]:
    for start in range(0, made.length, STRETCH):
        end = min(start + STRETCH, made.length)
        counts = made.counts(start, end)
        for lost_from, lost_to in made.gaps:
            counts[:, max(lost_from - start, 0) : max(lost_to - start, 0)] = INVALID
        yield counts
