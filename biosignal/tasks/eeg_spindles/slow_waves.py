"""Slow waves: a half wave below the line and one above it, 0.5 to 2 Hz, 75 uV from the lowest to the highest.

Frequency and height are those of the AASM manual (Berry 2012, doi:10.5664/jcsm.2172).
"""

from dataclasses import dataclass

import numpy as np

from biosignal.signal.filters import Array
from biosignal.tasks.eeg_spindles.limits import SpindleLimits
from biosignal.tasks.eeg_spindles.spindles import BINS

SLOW_HZ = (0.5, 2.0)
HALF_WAVE_S = (0.2, 1.25)
"""Either half wave; together they last the period of 0.5 to 2 Hz."""
WAVE_S = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class SlowWave:
    """Bins [first, last) since the stretch began, from one crossing downwards to the next; peak to peak in uV."""

    first: int
    last: int
    uv: float


class SlowWaveFinder:
    """Follows one lead through one unbroken stretch."""

    def __init__(self, limits: SpindleLimits, second: int) -> None:
        self.limits = limits
        self._edges = np.arange(BINS) * second // BINS
        self._lengths = np.diff(np.append(self._edges, second))
        self._next = 0
        self._value: float | None = None
        self._down: int | None = None
        self._up: int | None = None
        self._lowest = self._highest = 0.0

    def push(self, slow: Array) -> list[SlowWave]:
        """Take a second of 0.5 to 2 Hz, shape (sample,) in uV; give the waves that are over."""
        found = []
        for value in (np.add.reduceat(slow, self._edges) / self._lengths).tolist():
            before, self._value = self._value, value
            if before is not None:
                if before >= 0 > value:
                    found += self._wave(self._next)
                    self._down, self._up = self._next, None
                    self._lowest = self._highest = 0.0
                elif before < 0 <= value:
                    self._up = self._next
            self._lowest, self._highest = min(self._lowest, value), max(self._highest, value)
            self._next += 1
        return found

    def _wave(self, end: int) -> list[SlowWave]:
        if self._down is None or self._up is None:
            return []
        halves_s = ((self._up - self._down) / BINS, (end - self._up) / BINS)
        height = self._highest - self._lowest
        is_one = (
            all(HALF_WAVE_S[0] <= half <= HALF_WAVE_S[1] for half in halves_s)
            and WAVE_S[0] <= sum(halves_s) <= WAVE_S[1]
            and height >= self.limits.slow_uv
        )
        return [SlowWave(self._down, end, height)] if is_one else []
