"""What is measured of records by the waves that the released network of the waves sees, as trees learn it."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import INDEPENDENT
from biosignal.ecg.measuring import Beat
from biosignal.events import Mark
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks.ecg_diagnosis.cutting import Cut
from biosignal.tasks.ecg_diagnosis.seen import RATE_HZ, window_of
from biosignal.tasks.ecg_diagnosis.waves import SeenWaves, numbers_of
from biosignal.tasks.ecg_waves.task import ECG_WAVES
from export.diagnosis.calibrating import LEAD_SETS
from export.diagnosis.corpus import Corpus, Row, read_leads
from export.diagnosis.evaluate import noisy
from export.report.served import Served, released

Floats = NDArray[Any]
Measured = Mapping[str, Sequence[Floats]]
"""By name of `LEAD_SETS`, for each of its sets: shape (record, number), NaN where not measured."""
NOISE = "noise"
"""All leads, with noise of the band of muscles."""
NOISE_DB = (3.0, 24.0)
NOISE_SEED = 1
WHOLE = 4


def wave_model() -> Model:
    """Serve the released network of the waves.

    Raises
    ------
    BadInput : there is none.
    """
    return Served({ECG_WAVES.name: released(ECG_WAVES.name)}).models()[ECG_WAVES.name]


def measured_of(rows: Iterable[Row], model: Model) -> Measured:
    """Measure records with each set of leads, and once with noise; progress goes to stderr."""
    random = np.random.default_rng(NOISE_SEED)
    found: dict[str, list[list[Floats]]] = {name: [[] for _ in sets] for name, sets in LEAD_SETS.items()}
    found[NOISE] = [[]]
    for place, row in enumerate(rows):
        leads = read_leads(row)
        level_db, seed = float(random.uniform(*NOISE_DB)), int(random.integers(1 << 30))
        for name, numbers in (*_by_set(leads, model), (NOISE, [_alone(noisy(level_db)(leads, seed), model)])):
            for kept, one in zip(found[name], numbers, strict=True):
                kept.append(one)
        if (place + 1) % 200 == 0:
            print(f"{place + 1} records are measured", file=sys.stderr, flush=True)
    return {name: [np.stack(part) for part in parts] for name, parts in found.items()}


def _by_set(leads: Mapping[str, Floats], model: Model) -> Iterable[tuple[str, list[Floats]]]:
    """Measure a record with each set; one with most leads by the waves that all of them show."""
    whole = beats_of(leads, model)
    for name, sets in LEAD_SETS.items():
        parts = [{INDEPENDENT[row]: leads[INDEPENDENT[row]] for row in shown} for shown in sets]
        by_all = name in ("all", "most")
        yield name, [_numbers(part, whole if by_all else beats_of(part, model)) for part in parts]


def _alone(leads: Mapping[str, Floats], model: Model) -> Floats:
    return _numbers(leads, beats_of(leads, model))


def _numbers(leads: Mapping[str, Floats], beats: Sequence[Beat]) -> Floats:
    ecg, mask = window_of(leads, RATE_HZ)
    numbers, known = numbers_of(ecg, mask, beats)
    return np.where(known > 0, numbers, np.nan).astype(np.float32)


def beats_of(leads: Mapping[str, Floats], model: Model) -> list[Beat]:
    """Read the waves of ten seconds as the daemon does."""
    declared = tuple(Lead(name=name, kind=LeadKind.ECG) for name in leads)
    recorded = Recorded(device="export", recording="record", fs_hz=RATE_HZ, leads=declared)
    pipeline = Pipeline((ECG_WAVES,), recorded, models={ECG_WAVES.name: model})
    samples = np.stack(list(leads.values())).astype(np.float32)
    block = SampleBlock(recording="record", start=0, fs_hz=RATE_HZ, leads=declared, samples=samples)
    seen = SeenWaves()
    for event in (*pipeline.push(block), *pipeline.finish()):
        if isinstance(event, Mark):
            seen.on_mark(event)
    return seen.inside(Cut(start=0, end=samples.shape[1], samples=samples), RATE_HZ)


def windows_of(corpus: Corpus) -> list[dict[str, Floats]]:
    """Give what the network is given of each record with all its leads, a window at a time."""
    waves, found = wave_model(), []
    for row in corpus.rows:
        leads = read_leads(row)
        ecg, mask = window_of(leads, RATE_HZ)
        given = {"ecg": ecg, "mask": mask, "measured": numbers_of(ecg, mask, beats_of(leads, waves))}
        found.append({name: one[np.newaxis] for name, one in given.items()})
    return found


def taught(measured: Measured, targets: Floats, known: Floats) -> tuple[Floats, Floats, Floats]:
    """Give the rows that trees learn: each record `WHOLE` times with all leads, and once in noise, with I and II, and
    with each of them alone.
    """
    parts = [*WHOLE * list(measured["all"]), *measured[NOISE], *measured["few"], *measured["one"]]
    return np.concatenate(parts), np.tile(targets, (len(parts), 1)), np.tile(known, (len(parts), 1))


def chosen(measured: Measured, kept: NDArray[np.bool_]) -> Measured:
    """Keep records only."""
    return {name: [part[kept] for part in parts] for name, parts in measured.items()}
