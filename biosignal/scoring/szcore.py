"""Seizures found against seizures annotated, by events and by seconds, as SzCORE counts them.

Source
------
Dan et al. 2024, "SzCORE: seizure community open-source research evaluation framework" (doi:10.1111/epi.18113), and
the behaviour of its library `timescoring`. Events are compared at 10 Hz: those closer than 90 s are one, those longer
than 300 s are cut, the reference's reach 30 s further back and 60 s further on, and any touch is a hit. Seconds are
labelled where at least half of them is covered. The figures of a set are means over its subjects.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput

STEPS_PER_S = 10
MERGE_S = 90.0
LONGEST_S = 300.0
BEFORE_S = 30.0
AFTER_S = 60.0
COVERED = 0.5
DAY_S = 86_400.0

Stretch: TypeAlias = tuple[float, float]
"""Begin and end in seconds."""
_Steps: TypeAlias = tuple[int, int]
_Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Detections:
    """Counts of events, or of seconds, over `duration_s`; a figure is None where it is undefined.

    `reference` is how many there were to find, `tp` how many of them were found, `fp` how many found were none.
    """

    reference: int
    tp: int
    fp: int
    duration_s: float

    @property
    def sensitivity(self) -> float | None:
        """Share of the reference's that were found; None without any."""
        return self.tp / self.reference if self.reference else None

    @property
    def precision(self) -> float | None:
        """Share of what was found that is true; None where nothing was found."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two, 0 where nothing true was found; None where there was nothing to find, or found."""
        return 2 * self.tp / (self.reference + self.tp + self.fp) if self.reference + self.fp else None

    @property
    def fp_per_day(self) -> float | None:
        """False ones in 24 hours; None where nothing was recorded."""
        return self.fp * DAY_S / self.duration_s if self.duration_s > 0 else None


def score_events(reference: Iterable[Stretch], found: Iterable[Stretch], *, duration_s: float) -> Detections:
    """Compare the events of one recording.

    Parameters
    ----------
    reference, found : begin and end of each in seconds, in any order; what overlaps is one event.
    duration_s : length of the recording; what reaches beyond it is cut.

    Raises
    ------
    BadInput : an event ends before it begins, or the recording has no length.
    """
    length = _length(duration_s, STEPS_PER_S)
    ours = _cut(_merged(_stepped(reference, length)))
    theirs = _cut(_merged(_stepped(found, length)))
    is_found = _masked(theirs, length)
    is_right = np.zeros(length, np.bool_)
    hits = 0
    for start, end in ours:
        first = max(0, start - round(BEFORE_S * STEPS_PER_S))
        last = min(length, end + round(AFTER_S * STEPS_PER_S))
        if is_found[first:last].any():
            hits += 1
            is_right[first:last] = True
    wrong = sum(not is_right[start:end].any() for start, end in theirs)
    return Detections(len(ours), hits, wrong, duration_s)


def score_seconds(reference: Iterable[Stretch], found: Iterable[Stretch], *, duration_s: float) -> Detections:
    """Compare one recording second by second; a second is labelled where at least half of it is covered.

    Raises
    ------
    BadInput : an event ends before it begins, or the recording has no length.
    """
    length = _length(duration_s, 1)
    ours, theirs = _seconds(reference, length), _seconds(found, length)
    return Detections(int(ours.sum()), int((ours & theirs).sum()), int((~ours & theirs).sum()), duration_s)


def pooled(scores: Iterable[Detections]) -> Detections:
    """Add up the recordings of one subject."""
    total = Detections(0, 0, 0, 0.0)
    for one in scores:
        total = Detections(
            total.reference + one.reference, total.tp + one.tp, total.fp + one.fp, total.duration_s + one.duration_s
        )
    return total


FIGURES = ("sensitivity", "precision", "f1", "fp_per_day")


def average(subjects: Mapping[str, Detections], *, undefined: float | None = None) -> dict[str, float | None]:
    """Give the mean of each figure over the subjects.

    Parameters
    ----------
    subjects : the pooled counts of each subject.
    undefined : what a figure counts as for a subject where it is undefined; None: the subject is left out of that mean.
        Rankings change with it, so say which.

    Returns
    -------
    By name, `FIGURES`; None where no subject defines it.
    """
    made: dict[str, float | None] = {}
    for name in FIGURES:
        values: list[float | None] = [getattr(one, name) for one in subjects.values()]
        known = [value for one in values if (value := undefined if one is None else one) is not None]
        made[name] = float(np.mean(known)) if known else None
    return made


def _length(duration_s: float, steps_per_s: int) -> int:
    if not 0 < duration_s < float("inf"):
        raise BadInput("a recording has a length", duration_s=duration_s, remedy="give its length in seconds")
    return round(duration_s * steps_per_s)


def _checked(events: Iterable[Stretch]) -> list[Stretch]:
    ordered = sorted(events)
    for start, end in ordered:
        if not 0 <= start <= end < float("inf"):
            raise BadInput(
                "an event begins at 0 or later and ends behind its begin",
                start_s=start,
                end_s=end,
                remedy="give begin and end in seconds of the recording",
            )
    return ordered


def _stepped(events: Iterable[Stretch], length: int) -> list[_Steps]:
    """Events in steps, as the stretches of their mask: what overlaps or touches is one."""
    mask = np.zeros(length, np.bool_)
    for start, end in _checked(events):
        mask[round(start * STEPS_PER_S) : round(end * STEPS_PER_S)] = True
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _merged(events: Sequence[_Steps]) -> list[_Steps]:
    whole: list[_Steps] = []
    for start, end in events:
        if whole and start - whole[-1][1] < MERGE_S * STEPS_PER_S:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def _cut(events: Sequence[_Steps]) -> list[_Steps]:
    longest = round(LONGEST_S * STEPS_PER_S)
    return [(at, min(at + longest, end)) for start, end in events for at in range(start, end, longest)]


def _masked(events: Iterable[_Steps], length: int) -> _Mask:
    mask = np.zeros(length, np.bool_)
    for start, end in events:
        mask[start:end] = True
    return mask


def _seconds(events: Iterable[Stretch], length: int) -> _Mask:
    """Label seconds by how much of each is covered; what overlaps covers once."""
    covered = np.zeros(length)
    until = 0.0
    for start, end in _checked(events):
        start, until = max(start, until), max(end, until)
        for second in range(int(start), min(length, int(np.ceil(end)))):
            covered[second] += max(0.0, min(end, second + 1.0) - max(start, float(second)))
    return np.asarray(covered >= COVERED - 1e-9)
