"""Samples at any other rate, whether or not one is a multiple of the other."""

import math

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array

LOBES = 1.26
"""Half width of the low-pass, in periods of its corner."""
PHASES = 64
"""Positions between two samples for which the low-pass is worked out."""


class Interpolator:
    """Samples of several leads at another rate, through a low-pass that is linear in phase.

    Output ``k`` belongs to the time ``k / rate_hz`` behind the first sample, and is known once the sample
    ``needs(k)``, counted from the first one, is in.

    Parameters
    ----------
    fs_hz : sampling frequency of what is pushed.
    rows : how many leads.
    rate_hz : of the outputs.
    cutoff_hz : half-gain corner of the low-pass; 0.45 of `fs_hz` where that is lower.
    """

    def __init__(self, fs_hz: float, rows: int, *, rate_hz: float, cutoff_hz: float) -> None:
        self._ratio = fs_hz / rate_hz
        corner_hz = min(cutoff_hz, 0.45 * fs_hz)
        self._half = math.ceil(LOBES / corner_hz * fs_hz)
        self._kernels = _kernels(fs_hz, self._half, corner_hz)
        self._held: NDArray[np.float32] = np.zeros((rows, 0), np.float32)
        self._start = 0
        self._next = 0

    def needs(self, output: int) -> int:
        """Sample that has to be in before this output is known."""
        return int(output * self._ratio) + self._half

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, shape (lead, sample), finite."""
        if not self._held.shape[1] and not self._next:
            samples = np.concatenate((np.repeat(samples[:, :1], self._half, axis=1), samples), axis=1)
            self._start = -self._half
        self._held = np.concatenate((self._held, samples), axis=1)

    @property
    def known(self) -> int:
        """How many outputs the samples that are in allow, those given among them."""
        last = self._start + self._held.shape[1] - 1 - self._half
        return 0 if last < 0 else math.floor((last + 1) / self._ratio - 1e-9) + 1

    @property
    def last(self) -> NDArray[np.float32]:
        """The last sample of each lead, shape (lead, 1)."""
        return self._held[:, -1:]

    def take(self, count: int) -> Array:
        """Give the next outputs, float64, shape (lead, count), and forget the samples no other output needs."""
        position = (self._next + np.arange(count)) * self._ratio
        base = np.floor(position).astype(np.int64)
        phase = np.minimum((position - base) * PHASES, PHASES - 1).astype(np.int64)
        first = base - self._half - self._start
        near = first[:, np.newaxis] + np.arange(self._kernels.shape[1])
        y = np.add.reduce(self._held[:, near] * self._kernels[phase], axis=2)
        self._next += count
        spare = int(self._next * self._ratio) - self._half - self._start
        self._held = self._held[:, spare:]
        self._start += spare
        return np.asarray(y)


def _kernels(fs_hz: float, half: int, corner_hz: float) -> Array:
    """Low-passes of unit gain at 0 Hz for each position between two samples, shape (phase, tap)."""
    phases = (np.arange(PHASES) + 0.5)[:, np.newaxis] / PHASES
    t = (np.arange(-half, half + 1) - phases) / fs_hz
    reach = (half + 1) / fs_hz
    taps = np.sinc(2 * corner_hz * t) * (0.54 + 0.46 * np.cos(np.pi * t / reach))
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))
