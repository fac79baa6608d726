"""A recording's beats as arrays: their intervals and rates, and what follows one another without a break."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.tasks.ecg_beats.kinds import BEAT, RR_BEFORE
from biosignal.tasks.overview import Heard, MarkColumns, touched

AVERAGED = 8
"""Intervals in the rate that is called lowest and highest, as many as in the heart rate that is shown live."""

EARLY = "S"
"""Beats of this class are told by when they come."""
NOT_EARLY_IN = ("(AFIB", "(AFL")
"""Rhythms, by WFDB's name, in which no beat is early: one that is called so there was not assessed."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Beats:
    """The beats of a recording.

    Parameters
    ----------
    marks : the beats as they were said.
    at_s : float64, shape (beat,): seconds from the start of the recording.
    rr_s : float64, shape (beat,): interval before each; NaN where there is none, or where it could not be assessed.
    fibrillates : bool, shape (beat,): it lies where no beat is early, see `NOT_EARLY_IN`.
    """

    marks: MarkColumns
    at_s: NDArray[np.float64]
    rr_s: NDArray[np.float64]
    fibrillates: NDArray[np.bool_]

    def called(self, label: str) -> NDArray[np.bool_]:
        """Whether each beat is of a class, as far as that was assessed."""
        called = self.marks.called(label)
        return called & ~self.fibrillates if label == EARLY else called

    def rate_between(self, start: int, end: int) -> tuple[float | None, float | None, float | None]:
        """Give the lowest, mean and highest rate of [start, end) per minute; None where no interval ends there.

        The mean is over all intervals that end there; lowest and highest are over `AVERAGED` of them in a row, or over
        all where that is lower or higher, and absent where there are not as many.
        """
        first, last = np.searchsorted(self.marks.starts, [start, end])
        rr = self.rr_s[first:last]
        known = rr[np.isfinite(rr)]
        mean = 60 * len(known) / float(known.sum()) if len(known) else None
        if mean is None or len(rr) < AVERAGED:
            return None, mean, None
        sums = np.lib.stride_tricks.sliding_window_view(rr, AVERAGED).sum(axis=1)
        rates = 60 * AVERAGED / sums[np.isfinite(sums)]
        return (
            (min(float(rates.min()), mean), mean, max(float(rates.max()), mean)) if len(rates) else (None, mean, None)
        )

    def count(self, label: str, start: int, end: int) -> int:
        """Count the beats of a class in [start, end), as far as that was assessed."""
        first, last = np.searchsorted(self.marks.starts, [start, end])
        return int(self.called(label)[first:last].sum())

    def not_assessed(self, start: int, end: int) -> int:
        """Count the beats in [start, end) that are called early where no beat is."""
        first, last = np.searchsorted(self.marks.starts, [start, end])
        return int((self.marks.called(EARLY) & self.fibrillates)[first:last].sum())

    def runs(self, label: str) -> list["Run"]:
        """Beats of one class that follow each other without a beat or an unknown interval between them."""
        chosen = self.called(label)
        index = np.flatnonzero(chosen)
        goes_on = (index > 0) & chosen[index - 1] & np.isfinite(self.rr_s[index])
        begins = np.flatnonzero(~goes_on)
        sizes = np.diff(np.append(begins, len(index)))
        return [
            self._run(int(index[first]), int(index[first] + size)) for first, size in zip(begins, sizes, strict=True)
        ]

    def _run(self, first: int, end: int) -> "Run":
        inside = self.rr_s[first + 1 : end]
        rate = 60 * len(inside) / float(inside.sum()) if len(inside) else None
        return Run(start=int(self.marks.starts[first]), beats=end - first, rate_per_min=rate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Beats of one class in a row, from sample `start` on; `rate_per_min` from two beats on."""

    start: int
    beats: int
    rate_per_min: float | None


def beats_of(heard: Heard) -> Beats:
    """Take the beats out of what was said; an interval that touches signal that could not be assessed is unknown."""
    marks = heard.marks[BEAT.name]
    rr_s = marks.numbers[RR_BEFORE].copy()
    before = marks.starts - np.nan_to_num(np.round(rr_s * heard.fs_hz)).astype(np.int64)
    rr_s[touched(heard.unusable, before, marks.starts + 1)] = np.nan
    rr_s[~marks.usable] = np.nan
    rr_s[1:][~marks.usable[:-1]] = np.nan
    if len(rr_s):
        rr_s[0] = np.nan
    return Beats(marks=marks, at_s=marks.starts / heard.fs_hz, rr_s=rr_s, fibrillates=_fibrillates(heard, marks))


def _fibrillates(heard: Heard, marks: MarkColumns) -> NDArray[np.bool_]:
    inside = np.zeros(len(marks.starts), bool)
    for one in heard.findings:
        if heard.kinds[one.kind].wfdb_rhythm in NOT_EARLY_IN:
            inside |= (marks.starts >= one.onset) & (marks.starts <= one.end)
    return inside
