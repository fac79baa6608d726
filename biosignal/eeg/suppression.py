"""Suppressed EEG and the bursts between, by the variance of the last moment.

The recursive variance segmenter of Westover et al. 2013 (doi:10.1016/j.jneumeth.2013.07.003): a sample is low where the
variance, forgotten with a time constant of 0.105 s, is below a threshold. Departures: the threshold is one on EEG of
0.5 to 30 Hz, 16 uV^2 unless set otherwise (the paper's is 1.75 uV^2), and what is too short is left out as it comes: a
suppression lasts half a second or more, a burst a quarter.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from biosignal.signal import filter_design
from biosignal.signal.filters import Array, RecursiveRows

FORGET_S = 0.105
BAND_HZ = (0.5, 30.0)

Truth = NDArray[np.bool_]


class RecentVariance:
    """The variance of the last moment of several rows, each sample's from it and those before."""

    def __init__(self, fs_hz: float) -> None:
        sections = filter_design.smoothing(fs_hz, time_constant_s=FORGET_S)
        self._mean, self._variance = RecursiveRows(sections), RecursiveRows(sections)

    def reset(self) -> None:
        """Forget the past: a gap follows."""
        self._mean.reset()
        self._variance.reset()

    def push(self, x: Array) -> Array:
        """Take the next samples, shape (row, sample); give the variances, the unit of `x` squared."""
        return self._variance.push((x - self._mean.push(x)) ** 2)


@dataclass(frozen=True, slots=True)
class Change:
    """From sample `at` on a row is suppressed, or no longer; it was decided by sample `decided_at`."""

    row: int
    at: int
    is_suppressed: bool
    decided_at: int


class Segmenter:
    """Tells which stretches of several rows are suppressed. A row begins, and goes on after `forget`, as not so.

    Parameters
    ----------
    suppression, burst : samples below and above the threshold that make a stretch of their own; fewer belong to the
        stretch around them.
    """

    def __init__(self, rows: int, *, suppression: int, burst: int) -> None:
        self._needed = {True: max(1, suppression), False: max(1, burst)}
        self._suppressed = np.zeros(rows, np.bool_)
        self._since: list[int | None] = [None] * rows
        """Where samples of the other kind began that are not yet enough."""

    @property
    def lag(self) -> int:
        """A sample is settled so many samples after it."""
        return max(self._needed.values())

    def is_suppressed(self, row: int) -> bool:
        """Whether a row is in a suppression, by what is decided."""
        return bool(self._suppressed[row])

    def forget(self, row: int) -> None:
        """Begin a row anew: what it shows cannot be relied on."""
        self._suppressed[row], self._since[row] = False, None

    def push(self, low: Truth, start: int) -> list[Change]:
        """Take whether each sample is low, shape (row, sample), the first being sample `start`.

        Returns
        -------
        The changes in order of the sample that decided them.
        """
        differs = low != self._suppressed[:, np.newaxis]
        found: list[Change] = []
        for row in np.flatnonzero(differs.any(axis=1)).tolist():
            found += self._follow(row, low[row], start)
        for row in np.flatnonzero(~differs.any(axis=1)).tolist():
            self._since[row] = None
        return sorted(found, key=lambda change: (change.decided_at, change.row))

    def _follow(self, row: int, low: Truth, start: int) -> list[Change]:
        """Walk along the runs of one row."""
        found = []
        edges = [0, *(np.flatnonzero(low[1:] != low[:-1]) + 1).tolist(), len(low)]
        for first, last in pairwise(edges):
            is_low = bool(low[first])
            if is_low == bool(self._suppressed[row]):
                self._since[row] = None
                continue
            since = self._since[row]
            since = start + first if since is None else since
            self._since[row] = since
            if start + last - since >= self._needed[is_low]:
                self._suppressed[row], self._since[row] = is_low, None
                found.append(Change(row, since, is_low, since + self._needed[is_low] - 1))
        return found


def suppression_band(fs_hz: float) -> RecursiveRows:
    """Make the filter that the threshold is meant behind."""
    high_hz = min(BAND_HZ[1], 0.45 * fs_hz)
    return RecursiveRows(filter_design.butterworth_band_pass(fs_hz, low_hz=BAND_HZ[0], high_hz=high_hz))
