"""All tasks of the EEG together, in this process: eight leads as a board gives them, and a night of one lead."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.clinic import quantile
from benchmarks.figures import Figure
from benchmarks.stages import released
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead, SampleBlock, Samples
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.brain import Sleep
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import BrainSegment
from biosignal.synthetic.scenarios import scenario_named
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import contract_of
from biosignal.tasks.lookup import models as models_of_tasks

NAMES = ("eeg_chunk_p50_ms", "eeg_chunk_p99_ms", "eeg_times_real_time", "eeg_night_s")
EIGHT = ("Fp1", "Fp2", "C3", "C4", "T3", "T4", "O1", "O2")
CHUNK_S = 0.1
BLOCK_S = 10.0
NIGHT_S = 8 * 3600.0
NIGHT_HZ = 100.0
BEGIN_S = 5.0
"""Chunks before this are left out: code is read and buffers are made there."""


def measure(*, quick: bool) -> list[Figure]:
    """Play an awake patient to all tasks that read an EEG; processor time, so that what else runs counts little."""
    awake = scenario_named("eeg-awake")
    made = SyntheticRecording(replace(awake, channels=EIGHT, fs_hz=250.0))
    repeats = 1 if quick else 5
    spent_s = [one for _ in range(repeats) for one in _chunks(made)]
    names = _names(made.leads)
    note = (
        f"{', '.join(names)}; {len(spent_s)} chunks of {CHUNK_S * 1000:g} ms of eight leads at 250 Hz, processor time"
    )
    real_ms = 1000 * CHUNK_S
    p50_ms, p99_ms = (1000 * quantile(spent_s, part) for part in (0.5, 0.99))
    return [
        Figure(name="eeg_chunk_p50_ms", value=p50_ms, note=f"{note}; {real_ms / p50_ms:.0f} x real time"),
        Figure(name="eeg_chunk_p99_ms", value=p99_ms, note=f"{real_ms / p99_ms:.0f} x real time"),
        Figure(name="eeg_times_real_time", value=CHUNK_S * len(spent_s) / sum(spent_s), note="all chunks together"),
        _night(quick=quick),
    ]


def _pipeline(leads: tuple[Lead, ...], fs_hz: float) -> Pipeline:
    recorded = Recorded(device="benchmark", recording="benchmark", fs_hz=fs_hz, leads=leads)
    models = {name: Model(name, contract_of(name), released(name)) for name in models_of_tasks()}
    return Pipeline(TASKS.values(), recorded, models=models)


def _names(leads: tuple[Lead, ...]) -> list[str]:
    """Tasks that read these leads."""
    return list(dict.fromkeys(one.task.name for one in _pipeline(leads, 250.0).plan.assignments))


def _blocks(leads: tuple[Lead, ...], samples: Samples, fs_hz: float, block_s: float) -> Iterator[SampleBlock]:
    size = round(block_s * fs_hz)
    for start in range(0, samples.shape[1], size):
        block = np.ascontiguousarray(samples[:, start : start + size])
        yield SampleBlock(recording="benchmark", start=start, fs_hz=fs_hz, leads=leads, samples=block)


def _chunks(made: SyntheticRecording) -> list[float]:
    """Processor time of each chunk, in seconds."""
    pipeline = _pipeline(made.leads, made.fs_hz)
    spent_s = []
    for block in list(_blocks(made.leads, made.samples(0, made.length), made.fs_hz, CHUNK_S)):
        began_s = time.process_time()
        pipeline.push(block)
        spent_s.append(time.process_time() - began_s)
    return spent_s[round(BEGIN_S / CHUNK_S) :]


def _night(*, quick: bool) -> Figure:
    """A night of one lead, made of ten minutes that come again and again, in blocks as a replay cuts them."""
    night = scenario_named("eeg-sleep")
    brain = (BrainSegment(start_s=0.0, state=Sleep()),)
    short = SyntheticRecording(replace(night, channels=("C4-M1",), fs_hz=NIGHT_HZ, duration_s=600.0, brain=brain))
    long_s = NIGHT_S / 8 if quick else NIGHT_S
    samples = np.tile(short.samples(0, short.length), (1, round(long_s / 600.0)))
    pipeline = _pipeline(short.leads, NIGHT_HZ)
    began_s = time.process_time()
    for block in _blocks(short.leads, samples, NIGHT_HZ, BLOCK_S):
        pipeline.push(block)
    pipeline.finish()
    spent_s = (time.process_time() - began_s) * NIGHT_S / long_s
    note = f"{NIGHT_HZ:g} Hz, blocks of {BLOCK_S:g} s, processor time{', scaled from an hour' if quick else ''}"
    return Figure(name="eeg_night_s", value=spent_s, note=note)
