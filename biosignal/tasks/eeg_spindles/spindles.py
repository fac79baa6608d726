"""Spindles: the sigma band swells for half a second or more and carries the faster half of the EEG.

After the features of Lacourse et al. 2019 (doi:10.1016/j.jneumeth.2018.08.014): absolute power of sigma, and its share
of the power above delta. Departures: heights relative to the median of the last two minutes in place of scores over
30 s around, no correlation, and what is faster than 11 Hz only because alpha leaks is left out by its own band.
"""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

import numpy as np

from biosignal.signal.filters import Array
from biosignal.tasks.eeg_spindles.limits import SpindleLimits

SIGMA_HZ, FASTER_HZ, ALPHA_HZ = (11.0, 16.0), (4.5, 30.0), (8.0, 10.5)
BINS = 20
"""So many a second are looked at."""
SMOOTH_BINS = 5
END_BINS = 3
"""After so many below the edge a swelling is over."""
USUAL_S = 120
LEAST_S = 3
"""Fewer seconds than this do not say what is usual, and no spindle is seen."""
ALPHA_MOST = 0.5
"""With more than this of sigma's power in alpha, it is alpha."""


@dataclass(frozen=True, slots=True)
class Spindle:
    """Bins [first, last) since the stretch began; peak to peak of 11 to 16 Hz in uV, frequency in Hz."""

    first: int
    last: int
    uv: float
    hz: float


@dataclass(slots=True)
class _Swelling:
    first: int
    last: int
    peak: float = 0.0
    sigma: float = 0.0
    faster: float = 0.0
    alpha: float = 0.0
    highest: float = 0.0
    crossings: int = 0


@dataclass(frozen=True, slots=True)
class _Bin:
    sigma: float
    faster: float
    alpha: float
    highest: float
    crossings: int


class SpindleFinder:
    """Follows one lead through one unbroken stretch."""

    def __init__(self, limits: SpindleLimits, second: int) -> None:
        self.limits = limits
        self._edges = np.arange(BINS) * second // BINS
        self._lengths = np.diff(np.append(self._edges, second))
        self._usual: deque[float] = deque(maxlen=USUAL_S)
        self._bins: deque[_Bin] = deque(maxlen=SMOOTH_BINS)
        self._before = 0.0
        self._next = 0
        self._swelling: _Swelling | None = None

    def push(self, sigma: Array, faster: Array, alpha: Array) -> list[Spindle]:
        """Take a second through each band, shape (sample,) in uV; give the spindles that are over."""
        powers = [np.add.reduceat(band * band, self._edges) / self._lengths for band in (sigma, faster, alpha)]
        highest = np.maximum.reduceat(np.abs(sigma), self._edges)
        signs = np.concatenate(([self._before], sigma)) >= 0
        crossings = np.add.reduceat((signs[1:] != signs[:-1]).astype(np.int64), self._edges)
        self._before = float(sigma[-1])
        usual = median(self._usual) if len(self._usual) >= LEAST_S else math.inf
        found = []
        columns = [*(power.tolist() for power in powers), highest.tolist(), crossings.tolist()]
        for one in zip(*columns, strict=True):
            self._bins.append(_Bin(*one))
            self._next += 1
            if len(self._bins) == SMOOTH_BINS:
                found += self._follow(usual)
        self._usual.append(median(np.sqrt(powers[0]).tolist()))
        return found

    def _follow(self, usual: float) -> list[Spindle]:
        """Look at the bin in the middle of the last ones."""
        limits, at = self.limits, self._next - 1 - SMOOTH_BINS // 2
        height = (sum(one.sigma for one in self._bins) / SMOOTH_BINS) ** 0.5
        if height >= max(limits.edge_uv, limits.edge_ratio * usual):
            if self._swelling is None:
                self._swelling = _Swelling(at, at)
            self._grow(self._swelling, at, height)
            return []
        swelling = self._swelling
        if swelling is None or at - swelling.last < END_BINS:
            return []
        self._swelling = None
        return self._spindle(swelling, usual)

    def _grow(self, swelling: _Swelling, at: int, height: float) -> None:
        middle = self._bins[SMOOTH_BINS // 2]
        swelling.last = at + 1
        swelling.peak = max(swelling.peak, height)
        swelling.sigma += middle.sigma
        swelling.faster += middle.faster
        swelling.alpha += middle.alpha
        swelling.highest = max(swelling.highest, middle.highest)
        swelling.crossings += middle.crossings

    def _spindle(self, swelling: _Swelling, usual: float) -> list[Spindle]:
        limits, length_s = self.limits, (swelling.last - swelling.first) / BINS
        is_one = (
            limits.shortest_s <= length_s <= limits.longest_s
            and swelling.peak >= max(limits.peak_uv, limits.peak_ratio * usual)
            and swelling.sigma >= limits.sigma_share * swelling.faster
            and swelling.alpha <= ALPHA_MOST * swelling.sigma
        )
        if not is_one:
            return []
        hz = swelling.crossings / (2 * length_s)
        return [Spindle(swelling.first, swelling.last, 2.0 * swelling.highest, hz)]
