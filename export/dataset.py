"""Beats of many recordings as arrays, made by the device's own preprocessing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosignal.events import Beat, BeatState
from biosignal.model.backend import Backend
from biosignal.scoring.ec57 import Annotations, match_beats
from biosignal.signal.blocks import Lead, SampleBlock
from biosignal.stream.pipeline import EcgPipeline
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_beats.windows import BEAT_SHAPE, RR_SHAPE, BeatWindow, inputs_for_record
from export.recordings import LEAD, Recording, beats_of

UNLABELLED = 4


@dataclass(frozen=True, slots=True, eq=False)
class BeatSet:
    """Inputs and labels, first axis the beat: `beat` and `rr` float32, `label` 0-3 N S V F, `patient` a record name."""

    beat: NDArray[np.float32]
    rr: NDArray[np.float32]
    label: NDArray[np.int64]
    patient: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "BeatSet":
        """Take some of the beats."""
        return BeatSet(self.beat[chosen], self.rr[chosen], self.label[chosen], self.patient[chosen])


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """How a recording is disturbed before its inputs are made; the first of `CONDITIONS` is undisturbed."""

    fs_hz: float | None = None
    jitter_s: float = 0.0
    noise_mv: float = 0.0
    wander_mv: float = 0.0
    dropped: float = 0.0


CONDITIONS = (
    Condition(),
    Condition(jitter_s=0.012, noise_mv=0.02, wander_mv=0.15, dropped=0.003),
    Condition(fs_hz=250.0, jitter_s=0.020, noise_mv=0.05, wander_mv=0.3, dropped=0.003),
)


def join(sets: list[BeatSet]) -> BeatSet:
    """Put sets behind each other."""
    return BeatSet(
        np.concatenate([one.beat for one in sets]),
        np.concatenate([one.rr for one in sets]),
        np.concatenate([one.label for one in sets]),
        np.concatenate([one.patient for one in sets]),
    )


def beats_as_inputs(recording: Recording, condition: Condition, *, seed: int) -> BeatSet:
    """Make the inputs of every reference beat of a recording under a condition; unclassifiable beats are left out."""
    random = np.random.default_rng([seed, int(recording.name)])
    positions, labels = beats_of(recording.reference)
    fs_hz = condition.fs_hz or recording.fs_hz
    samples = _at_rate(recording, fs_hz)
    positions = np.round(positions * (fs_hz / recording.fs_hz)).astype(np.int64)
    samples = _disturbed(samples, fs_hz, condition, random)
    positions, labels = _moved(positions, labels, len(samples), fs_hz, condition, random)
    return labelled(inputs_for_record(samples, fs_hz, positions), labels, int(recording.name))


def beats_as_detected(recording: Recording) -> BeatSet:
    """Make the inputs of the beats our own detector finds, each labelled by the reference beat it matches."""
    found = [beat for beat in run_pipeline(recording, None) if beat.inputs]
    test = Annotations([beat.sample for beat in found], ["N"] * len(found))
    pairs = match_beats(recording.reference, test, fs_hz=recording.fs_hz, start=0, escape_is_s=False)
    kinds = {pair.test: pair.reference_kind for pair in pairs if pair.test is not None}
    kept = [beat for beat in found if kinds.get(beat.sample, UNLABELLED) < UNLABELLED]
    beat, rr = (
        np.array([np.frombuffer(one.inputs[index].data, "<f4") for one in kept], np.float32).reshape(-1, *shape)
        for index, shape in enumerate((BEAT_SHAPE, RR_SHAPE))
    )
    labels = np.array([kinds[one.sample] for one in kept], np.int64)
    return BeatSet(beat, rr, labels, np.full(len(kept), int(recording.name), np.int64))


def run_pipeline(recording: Recording, backend: Backend | None) -> list[Beat]:
    """Send a recording through the device's pipeline; give the confirmed beats."""
    lead = Lead(name=LEAD)
    pipeline = EcgPipeline(
        device="export",
        recording=recording.name,
        fs_hz=recording.fs_hz,
        leads=(lead,),
        backend=backend,
        backend_reason="no model",
    )
    items: list[Item] = []
    step = int(10 * recording.fs_hz)
    for start in range(0, len(recording.samples), step):
        samples = recording.samples[np.newaxis, start : start + step].copy()
        block = SampleBlock(
            recording=recording.name, start=start, fs_hz=recording.fs_hz, leads=(lead,), samples=samples
        )
        items += pipeline.push(block)
    items += pipeline.finish()
    return [item for item in items if isinstance(item, Beat) and item.state is BeatState.CONFIRMED]


def labelled(windows: list[BeatWindow], labels: NDArray[np.int64], patient: int) -> BeatSet:
    """Join windows and labels; beats of class Q are left out."""
    kept = [index for index, label in enumerate(labels) if label < UNLABELLED]
    beat = np.array([windows[index].beat for index in kept], np.float32).reshape(-1, *BEAT_SHAPE)
    rr = np.array([windows[index].rr for index in kept], np.float32).reshape(-1, *RR_SHAPE)
    return BeatSet(beat, rr, labels[kept], np.full(len(kept), patient, np.int64))


def _at_rate(recording: Recording, fs_hz: float) -> NDArray[np.float32]:
    if fs_hz == recording.fs_hz:
        return recording.samples
    up, down = int(fs_hz), int(recording.fs_hz)
    resampled: NDArray[np.float32] = signal.resample_poly(recording.samples, up, down).astype(np.float32)
    return resampled


def _disturbed(
    samples: NDArray[np.float32], fs_hz: float, condition: Condition, random: np.random.Generator
) -> NDArray[np.float32]:
    seconds = np.arange(len(samples)) / fs_hz
    white = random.normal(0.0, condition.noise_mv, len(samples)) if condition.noise_mv else 0.0
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * (seconds / 97.0 + random.uniform()))
    wander = condition.wander_mv * np.sin(2 * np.pi * (random.uniform(0.15, 0.4) * seconds + random.uniform()))
    return (samples + loudness * white + wander).astype(np.float32)


def _moved(
    positions: NDArray[np.int64],
    labels: NDArray[np.int64],
    length: int,
    fs_hz: float,
    condition: Condition,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Move beats as a detector would, lose a few, and keep them in order."""
    if condition.jitter_s:
        positions = positions + np.round(random.normal(0.0, condition.jitter_s * fs_hz, len(positions))).astype(int)
    positions = np.clip(positions, 0, length - 1)
    kept = random.random(len(positions)) >= condition.dropped
    kept[1:] &= np.diff(np.maximum.accumulate(positions)) > 0
    return positions[kept], labels[kept]
