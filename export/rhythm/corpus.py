"""Strips that train the network of the rhythm: beats as the daemon finds them, and what was said of each strip."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Inputs, Mark, MarkState, QualityLevel
from biosignal.model.model import Model
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import AMPLITUDE
from biosignal.tasks.ecg_beats.kinds import NAME as BEATS
from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_front.kinds import NAME as FRONT
from biosignal.tasks.ecg_front.kinds import VENTRICULAR
from biosignal.tasks.ecg_rhythm.kinds import CLASSES
from biosignal.tasks.ecg_rhythm.seen import BEATS as SHOWN
from biosignal.tasks.ecg_rhythm.seen import LONGEST_S, LastBeats
from biosignal.tasks.signal_quality.kinds import NAME as QUALITY
from export.report.reading import Signals, read_signals
from export.report.sets import KEPT_OUT_FOLDS, labels_of, records_of, set_of

SINUS, AF, AFL, OTHER, UNCLEAR = range(len(CLASSES))
PTBXL_LEADS = ("II", "I")
_CINC2017 = {"N": (SINUS,), "A": (AF,), "O": (OTHER,), "~": (UNCLEAR,)}
"""Some of the O are flutter; left open, all of them would teach it."""
_BREAKING = {"PAC", "PVC", "BIGU", "TRIGU", "SVTAC", "PSVT", "2AVB", "3AVB", "PACE", "PRC(S)", "SVARR", "WPW"}
"""Statements of PTB-XL that name another rhythm, or beats that break the one there is."""
_UNUSUAL = {"SARRH", "STACH", "SBRAD"}
_BEFORE = 100
"""Beats that are replayed so that a window is as it would be on the device: more than any input reaches back."""

Values = NDArray[np.float32]
Allowed = tuple[int, ...]
"""The classes that a label leaves open: what is known is that it was one of them."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Strip:
    """The beats of one lead as the daemon finds them.

    Parameters
    ----------
    group : which set it is of.
    allowed : the classes it may be of.
    rr_s : interval before each beat, NaN where it cannot be trusted.
    sound : whether the signal at each beat is.
    shapes : float16, shape (beat, sample): what the classifier of the beats saw.
    sizes : amplitude of each beat in mV, NaN where it is unknown; `ventricular` likewise how ventricular it looked to
        the front end.
    """

    group: str
    name: str
    allowed: Allowed
    rr_s: Values
    sound: NDArray[np.bool_]
    shapes: NDArray[np.float16]
    sizes: Values
    ventricular: Values

    def __len__(self) -> int:
        return len(self.rr_s)

    def last_beats(self, end: int) -> LastBeats:
        """Give the beats up to and with the one at `end`, as the device remembers them there."""
        last = LastBeats()
        for index in range(max(0, end - _BEFORE), end + 1):
            if self.sound[index]:
                rr_s, size, ventricular = (_known(row[index]) for row in (self.rr_s, self.sizes, self.ventricular))
                last.add(rr_s, amplitude=size, ventricular=ventricular)
                if index > end - 2 * SHOWN:
                    last.show(self.shapes[index].astype(np.float32))
        return last


def strip_of(
    name: str, group: str, allowed: Allowed, beats: Iterable[Mark], shapes: Mapping[str, Values], fs_hz: float
) -> Strip:
    """Put confirmed beats and their windows, by the name of their inputs, together."""
    marks = list(beats)
    at_s = np.array([mark.start for mark in marks]) / fs_hz
    sound = np.array([mark.quality is not QualityLevel.REJECTED for mark in marks], bool)
    rr_s = np.full(len(marks), np.nan)
    if len(marks) > 1:
        between = np.diff(at_s)
        rr_s[1:] = np.where(sound[1:] & sound[:-1] & (between <= LONGEST_S), between, np.nan)
    return Strip(
        group=group,
        name=name,
        allowed=allowed,
        rr_s=rr_s.astype(np.float32),
        sound=sound,
        shapes=np.array([shapes[mark.inputs or ""] for mark in marks], np.float16).reshape(-1, LENGTH),
        sizes=np.array([mark.number(AMPLITUDE) for mark in marks], np.float32),
        ventricular=np.array([mark.number(VENTRICULAR) for mark in marks], np.float32),
    )


def _known(value: np.float32) -> float | None:
    return None if np.isnan(value) else float(value)


def read_strip(signals: Signals, group: str, allowed: Allowed, models: Mapping[str, Model]) -> Strip:
    """Find the beats of a recording by the daemon's own pipeline."""
    tasks = [TASKS[name] for name in (QUALITY, FRONT, BEATS)]
    recorded = Recorded(device="export", recording=signals.name, fs_hz=signals.fs_hz, leads=signals.leads)
    pipeline = Pipeline(tasks, recorded, models=models)
    beats: list[Mark] = []
    shapes: dict[str, Values] = {}
    items = [item for block in signals.blocks() for item in pipeline.push(block)]
    for item in [*items, *pipeline.finish()]:
        if isinstance(item, Mark) and item.task == BEATS and item.state is MarkState.CONFIRMED:
            beats.append(item)
        elif isinstance(item, Inputs) and item.task == BEATS:
            shapes[item.id] = np.frombuffer(item.tensors[0].data, "<f4")[:LENGTH]
    return strip_of(signals.name, group, allowed, beats, shapes, signals.fs_hz)


def strips(data: Path, models: Mapping[str, Model], *, quick: bool = False) -> list[Strip]:
    """Read all strips that train, under the folder that holds the sets; twelve of each set if `quick`.

    Raises
    ------
    NoSet, NoRecordings : a set is not there, or a recording cannot be read.
    """
    read: list[Strip] = []
    for reader in (_cinc2017, _ptbxl):
        before = len(read)
        for strip in islice(reader(data, models), 12 if quick else None):
            read.append(strip)
            if len(read) % 500 == 0:
                print(f"{strip.group}: {len(read) - before} strips", file=sys.stderr, flush=True)
    return read


def _cinc2017(data: Path, models: Mapping[str, Model]) -> Iterator[Strip]:
    folder, labels = _labelled(data / "cinc2017")
    for name in records_of(folder, set_of(folder)):
        if name in labels:
            yield read_strip(read_signals(folder, name), "cinc2017", _CINC2017[labels[name][0]], models)


def _ptbxl(data: Path, models: Mapping[str, Model]) -> Iterator[Strip]:
    folder, labels = _labelled(data / "ptbxl")
    for name in records_of(folder, set_of(folder)):
        codes, fold = labels[name]
        if fold not in KEPT_OUT_FOLDS:
            for lead in PTBXL_LEADS:
                yield read_strip(read_signals(folder, name, leads=lead), "ptbxl", statements_allow(codes), models)


def _labelled(folder: Path) -> tuple[Path, Mapping[str, tuple[str, ...]]]:
    return folder, labels_of(folder, set_of(folder))


def statements_allow(codes: str) -> Allowed:
    """Which classes a set of statements leaves open, as PTB-XL writes them."""
    said = set(ast.literal_eval(codes))
    atrial = tuple(index for code, index in (("AFIB", AF), ("AFLT", AFL)) if code in said)
    if atrial:
        return atrial
    if said & _BREAKING:
        return (OTHER,)
    return (SINUS,) if {"NORM", "SR"} <= said and not said & _UNUSUAL else (SINUS, OTHER)
