"""Beats of many recordings as arrays, made by the device's own preprocessing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosignal.events import Inputs, Mark, MarkState
from biosignal.model.backend import Backend
from biosignal.model.model import Model
from biosignal.scoring.score import Annotations
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.ecg_beats.windows import BeatWindow, inputs_for_record
from biosignal.tasks.ecg_front.kinds import CONTRACT as LOOK
from biosignal.tasks.ecg_front.kinds import NAME as FRONT
from biosignal.tasks.task import Task
from export.recordings import LEAD, Recording, beats_of

UNLABELLED = len(CLASSES)
"""The class of beats that the reference left undecided."""
BLOCK_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class BeatSet:
    """Inputs and labels, first axis the beat.

    `inputs` are the tensors of the contract by their names, float32, `label` an index into the contract's classes,
    `patient` a record's name as a number.
    """

    inputs: Mapping[str, NDArray[np.float32]]
    label: NDArray[np.int64]
    patient: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "BeatSet":
        """Choose some of the beats."""
        inputs = {name: array[chosen] for name, array in self.inputs.items()}
        return BeatSet(inputs, self.label[chosen], self.patient[chosen])


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


def join(sets: Sequence[BeatSet]) -> BeatSet:
    """Put sets behind each other."""
    return BeatSet(
        {spec.name: np.concatenate([one.inputs[spec.name] for one in sets]) for spec in CONTRACT.inputs},
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


@dataclass(frozen=True, slots=True, eq=False)
class FoundBeats:
    """Confirmed beats of a recording in their order, and what the classifier saw of each, by the name in the mark."""

    marks: list[Mark]
    inputs: dict[str, Inputs]

    def tensor(self, mark: Mark, name: str) -> NDArray[np.float32]:
        """Give one input of a beat."""
        assert mark.inputs is not None, "a confirmed beat names its inputs"
        (tensor,) = (one for one in self.inputs[mark.inputs].tensors if one.name == name)
        return np.frombuffer(tensor.data, "<f4").astype(np.float32).reshape(tensor.shape)

    def unclassified(self) -> Annotations:
        """Write where the beats are, all with one symbol: for comparisons in which the class plays no part."""
        return Annotations([mark.start for mark in self.marks], [CLASSES[0]] * len(self.marks))


def find_beats(recording: Recording, backend: Backend | None, front: Backend | None = None) -> FoundBeats:
    """Send a recording through the device's pipeline, with the tasks that the beats need and no other.

    Parameters
    ----------
    backend, front : what answers for the beats' classes, and for where they are; None: nothing, and our detector.
    """
    lead = Lead(name=LEAD, kind=LeadKind.ECG)
    pipeline = Pipeline(
        with_needs(TASKS[NAME]),
        Recorded(device="export", recording=recording.name, fs_hz=recording.fs_hz, leads=(lead,)),
        models={NAME: Model(NAME, CONTRACT, backend, "no model"), FRONT: Model(FRONT, LOOK, front, "no model")},
        on_failure=_raised,
    )
    items: list[Item] = []
    step = int(BLOCK_S * recording.fs_hz)
    for start in range(0, len(recording.samples), step):
        samples = recording.samples[np.newaxis, start : start + step].copy()
        block = SampleBlock(
            recording=recording.name, start=start, fs_hz=recording.fs_hz, leads=(lead,), samples=samples
        )
        items += pipeline.push(block)
    items += pipeline.finish()
    return FoundBeats(
        [one for one in items if isinstance(one, Mark) and one.task == NAME and one.state is MarkState.CONFIRMED],
        {one.id: one for one in items if isinstance(one, Inputs)},
    )


def with_needs(task: Task) -> list[Task]:
    """Give a task behind all that it needs, in the order of the registry."""
    wanted, open_ = {task.name}, [task.name]
    while open_:
        needs = TASKS[open_.pop()].needs
        open_ += [name for name in needs if name not in wanted]
        wanted.update(needs)
    return [one for name, one in TASKS.items() if name in wanted]


def _raised(task: str, error: Exception) -> None:
    """A device closes a stage that failed and goes on; at the desk beats would be missing without a word."""
    raise error


def labelled(windows: list[BeatWindow], labels: NDArray[np.int64], patient: int) -> BeatSet:
    """Join windows and labels; beats of class Q are left out."""
    kept = [index for index, label in enumerate(labels) if label < UNLABELLED]
    seen = [windows[index].inputs() for index in kept]
    inputs = {spec.name: _stacked([one[spec.name] for one in seen], spec.shape) for spec in CONTRACT.inputs}
    return BeatSet(inputs, labels[kept], np.full(len(kept), patient, np.int64))


def _stacked(arrays: Sequence[NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.array(arrays, np.float32).reshape(-1, *shape)


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
