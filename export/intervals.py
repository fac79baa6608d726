"""Annotated beats without samples, as the rhythm network is trained on them: intervals, classes, fibrillation."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.tasks.ecg_beats.intervals import HISTORY, KNOWN, RATIOS, RR_CAP_S, Intervals
from export.beat_annotations import listed_beats, wfdb_beats
from export.recordings import NoRecordings

UNKNOWN = 9
"""Class, or answer to whether the atria fibrillate, where nobody said."""
N, S, V = range(3)
SURGICAL, LONG_TERM = SETS = ("arrdb", "ltafdb")
LONGEST_RR_S = 4.0
SHORTEST_RR_S = 0.08
SHORTEST_STRETCH = 20
SEGMENTS, SEGMENT = 12, 1500
"""So many stretches of so many beats of each record of `ltafdb`."""
JITTER_S, LOST, ADDED = 0.008, 0.01, 0.005
QUICK_PATIENTS = 3
FIBRILLATES = ("(AFIB", "(AFL")


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """Annotated beats of one patient, `time_s` rising, `label` N, S, V or `UNKNOWN`, `af` 1, 0 or `UNKNOWN`."""

    patient: str
    time_s: NDArray[np.float64]
    label: NDArray[np.int64]
    af: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalSet:
    """What is known of many beats, first axis the beat; a beat's history is put together when it is asked for.

    Parameters
    ----------
    ratios : float32, `RATIOS` and then `KNOWN`, see `Intervals.numbers`.
    behind : float32, the interval behind each beat, as a logarithm to 0.8 s.
    first : int64, the place of the first beat of its stretch.
    label, af : int64, as of `Beats`.
    group : int64, of which of `SETS` each beat is.
    patients : whose beats these are, by set.
    """

    ratios: NDArray[np.float32]
    behind: NDArray[np.float32]
    first: NDArray[np.int64]
    label: NDArray[np.int64]
    af: NDArray[np.int64]
    group: NDArray[np.int64]
    patients: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.label)

    def of(self, group: str) -> "IntervalSet":
        """Give the same with the beats of one set alone known."""
        others = self.group != SETS.index(group)
        label, af = (np.where(others, UNKNOWN, known) for known in (self.label, self.af))
        return replace(self, label=label, af=af, patients={group: self.patients[group]})

    def histories(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give what `Intervals.history` gives of these beats, shape (beat, *`HISTORY_SHAPE`)."""
        places = chosen[:, np.newaxis] + np.arange(1 - HISTORY, 1)
        known = places >= self.first[chosen][:, np.newaxis]
        intervals = self.behind[np.maximum(places, 0)] * known
        return np.stack([intervals, known], axis=1).astype(np.float32)


def annotated_intervals(data: Path, *, seed: int, quick: bool = False) -> IntervalSet:
    """Read `arrdb` and `ltafdb` under the folder that holds the sets; a few patients of each if `quick`.

    Half of the patients of `arrdb` come a second time, and a third of the stretches of `ltafdb` come only, with beats
    moved, lost and added as a detector would.

    Raises
    ------
    NoRecordings : a set is not there or cannot be read.
    """
    random = np.random.default_rng(seed)
    builder = _Builder()
    for number, beats in enumerate(_surgical(data / SURGICAL, quick=quick)):
        builder.add(SURGICAL, beats)
        if number % 2:
            builder.add(SURGICAL, spoilt(beats, random))
    print(f"arrdb: {len(builder.label)} beats", file=sys.stderr, flush=True)
    for number, beats in enumerate(_long_term(data / LONG_TERM, quick=quick)):
        builder.add(LONG_TERM, beats if number % 3 else spoilt(beats, random))
    print(f"arrdb and ltafdb: {len(builder.label)} beats", file=sys.stderr, flush=True)
    return builder.whole()


def spoilt(beats: Beats, random: np.random.Generator) -> Beats:
    """Move beats, lose some and add some of which nothing is known."""
    time_s = beats.time_s + random.normal(0.0, JITTER_S, len(beats.time_s))
    kept = random.random(len(time_s)) >= LOST
    added_s = random.uniform(time_s[0], time_s[-1], random.binomial(len(time_s), ADDED))
    time_s = np.concatenate([time_s[kept], added_s])
    label, af = (
        np.concatenate([known[kept], np.full(len(added_s), UNKNOWN, np.int64)]) for known in (beats.label, beats.af)
    )
    order = np.argsort(time_s, kind="stable")
    return Beats(beats.patient, time_s[order], label[order], af[order])


class _Builder:
    def __init__(self) -> None:
        self.label: list[int] = []
        self._af: list[int] = []
        self._ratios: list[NDArray[np.float32]] = []
        self._behind: list[float] = []
        self._first: list[int] = []
        self._group: list[int] = []
        self._patients: dict[str, dict[str, None]] = {}

    def add(self, group: str, beats: Beats) -> None:
        """Add all stretches of a patient without long holes; the last beat of each has no interval behind it."""
        self._patients.setdefault(group, {})[beats.patient] = None
        kept = np.concatenate([[True], np.diff(beats.time_s) > SHORTEST_RR_S])
        places = np.flatnonzero(kept)
        holes = np.flatnonzero(np.diff(beats.time_s[places]) > LONGEST_RR_S) + 1
        for stretch in np.split(places, holes):
            if len(stretch) >= SHORTEST_STRETCH:
                self._add_stretch(beats, stretch)
        self._group += [SETS.index(group)] * (len(self.label) - len(self._group))

    def _add_stretch(self, beats: Beats, stretch: NDArray[np.int64]) -> None:
        intervals, first = Intervals(), len(self.label)
        before_s: float | None = None
        for place, after_s in zip(stretch[:-1], np.diff(beats.time_s[stretch]), strict=True):
            ratios, known, _ = intervals.numbers(before_s, float(after_s))
            if before_s is not None:
                intervals.add(before_s)
            self._ratios.append(np.clip(np.concatenate([ratios, known]), -4.0, 4.0).astype(np.float32))
            self._behind.append(float(np.log(min(after_s, RR_CAP_S) / 0.8)))
            self._first.append(first)
            self.label.append(int(beats.label[place]))
            self._af.append(int(beats.af[place]))
            before_s = float(after_s)

    def whole(self) -> IntervalSet:
        return IntervalSet(
            ratios=np.array(self._ratios, np.float32).reshape(-1, len(RATIOS) + len(KNOWN)),
            behind=np.array(self._behind, np.float32),
            first=np.array(self._first, np.int64),
            label=np.array(self.label, np.int64),
            af=np.array(self._af, np.int64),
            group=np.array(self._group, np.int64),
            patients={group: sorted(names) for group, names in self._patients.items()},
        )


def _surgical(folder: Path, *, quick: bool) -> Iterator[Beats]:
    """Read `arrdb`: in fibrillation and flutter it calls every beat S; by EC57 they are N."""
    for path in _some(folder, "[0-9]*.csv", quick=quick):
        known = listed_beats(path)
        both = [_surgical_label(*one) for one in zip(known.kinds, known.rhythms, known.bad, strict=True)]
        labels = np.array(both, np.int64).reshape(-1, 2)
        yield Beats(known.name, known.time_s, labels[:, 0], labels[:, 1])


def _surgical_label(kind: str, rhythm: str, is_bad: bool) -> tuple[int, int]:
    if is_bad or rhythm in ("", "Noise", "Unclassifiable"):
        return UNKNOWN, UNKNOWN
    fibrillates = rhythm == "AFIB/AFL"
    label = {"N": N, "S": N if fibrillates else S, "V": V}.get(kind, UNKNOWN)
    return label, int(fibrillates)


def _long_term(folder: Path, *, quick: bool) -> Iterator[Beats]:
    for path in _some(folder, "*.atr", quick=quick):
        whole = _long_record(path)
        last = len(whole.time_s) - SEGMENT - 1
        for start in np.linspace(0, max(last, 0), 1 if quick or last <= 0 else SEGMENTS).astype(int):
            part = slice(int(start), int(start) + SEGMENT)
            yield Beats(whole.patient, whole.time_s[part], whole.label[part], whole.af[part])


def _long_record(path: Path) -> Beats:
    known = wfdb_beats(path)
    label = [{"N": N, "A": S, "V": V}.get(kind, UNKNOWN) for kind in known.kinds]
    af = [int(rhythm.startswith(FIBRILLATES)) if rhythm else UNKNOWN for rhythm in known.rhythms]
    return Beats(known.name, known.time_s, np.array(label, np.int64), np.array(af, np.int64))


def _some(folder: Path, pattern: str, *, quick: bool) -> Iterable[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise NoRecordings("a set that trains is not there", folder=str(folder))
    return found[:QUICK_PATIENTS] if quick else found
