"""Samples at another rate, by a causal polyphase low-pass that is linear in phase.

Rates are whole multiples or whole parts of each other, so that every index at one rate has its place at the other.
However the samples are cut into blocks, the output is the same to the last bit: taps are added one by one, in order.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Samples
from biosignal.signal.filters import Array

LOBES = 8
"""Half the kernel's length, in samples of the lower rate: so much of the signal has to be in before an output is."""
CORNER = 0.4
"""Half-gain corner as a part of the lower rate; half of the rate lies 50 dB below."""
FEWEST_HZ, MOST_HZ = 50.0, 8000.0
"""Rates that can be brought to another one."""
FINEST_HZ = 512.0
"""Faster leads are brought to the highest whole part of their rate up to this; nothing of an ECG is lost by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """Output index ``n`` lies at input index ``n * down / up``; one of both is 1."""

    up: int
    down: int

    def rate_of(self, fs_hz: float) -> float:
        """Output rate for an input rate."""
        return fs_hz * self.up / self.down

    @property
    def half(self) -> int:
        """Input samples that an output needs behind its place."""
        return LOBES * self.down

    def place(self, output: int) -> int:
        """Input index at which, or just before which, an output lies."""
        return output * self.down // self.up

    def first_from(self, sample: int) -> int:
        """First output that does not lie before an input index."""
        return -(-sample * self.up // self.down)


def ratio_to(fs_hz: float, *, low_hz: float, high_hz: float, taken_hz: Collection[float] = ()) -> Ratio | None:
    """How to bring a rate between two others; None where it lies there already or cannot be brought there.

    Parameters
    ----------
    taken_hz : rates that the result must not be, since other leads have them.
    """
    if low_hz <= fs_hz <= high_hz or not FEWEST_HZ <= fs_hz <= MOST_HZ:
        return None
    if fs_hz < low_hz:
        ups = range(math.ceil(low_hz / fs_hz), math.floor(high_hz / fs_hz) + 1)
        ratios = [Ratio(up=up, down=1) for up in ups]
    else:
        downs = range(math.ceil(fs_hz / min(high_hz, max(low_hz, FINEST_HZ))), math.floor(fs_hz / low_hz) + 1)
        ratios = [Ratio(up=1, down=down) for down in downs]
    return next((ratio for ratio in ratios if ratio.rate_of(fs_hz) not in taken_hz), None)


class Resampler:
    """Several leads of one rate at another one, from one unbroken stretch; make a new one behind a gap.

    Parameters
    ----------
    rows : how many leads.
    start : absolute index of the first sample.
    """

    def __init__(self, ratio: Ratio, *, rows: int, start: int) -> None:
        self._ratio = ratio
        self._kernels = _kernels(ratio)
        self._held: Array | None = None
        self._is_invalid = np.zeros((rows, 0), np.bool_)
        self._last: Array = np.zeros(rows)
        self._begin = start - ratio.half
        self._end = start
        self.next = ratio.first_from(start)
        """Absolute index of the next output."""

    def push(self, samples: Samples) -> Samples:
        """Take samples, float32, shape (lead, sample), NaN where invalid; give the outputs now known, alike."""
        if samples.shape[1]:
            self._append(np.isnan(samples), self._without_nan(samples))
            self._end += samples.shape[1]
        return self._outputs(self._end)

    def flush(self) -> Samples:
        """End the stretch: give the outputs still owed, as if the last sample went on."""
        if self._held is None:
            return np.zeros((len(self._last), 0), np.float32)
        more = np.repeat(self._last[:, np.newaxis], self._ratio.half, axis=1)
        self._append(np.zeros(more.shape, np.bool_), more)
        return self._outputs(self._end + self._ratio.half, before=self._end)

    def _append(self, is_invalid: NDArray[np.bool_], filled: Array) -> None:
        if self._held is None:
            self._held = np.repeat(filled[:, :1], self._ratio.half, axis=1)
            self._is_invalid = np.zeros(self._held.shape, np.bool_)
        self._held = np.concatenate((self._held, filled), axis=1)
        self._is_invalid = np.concatenate((self._is_invalid, is_invalid), axis=1)

    def _without_nan(self, samples: Samples) -> Array:
        """Hold the last valid value of each lead where a sample is invalid."""
        x = np.concatenate((self._last[:, np.newaxis], samples.astype(np.float64)), axis=1)
        known = np.isfinite(x)
        last = np.maximum.accumulate(np.where(known, np.arange(x.shape[1]), 0), axis=1)
        filled = np.take_along_axis(x, last, axis=1)[:, 1:]
        self._last = filled[:, -1].copy()
        return filled

    def _outputs(self, end: int, *, before: int | None = None) -> Samples:
        """Outputs that need nothing from `end` on, and lie before `before`."""
        ratio = self._ratio
        until = ratio.first_from(end - ratio.half)
        if before is not None:
            until = min(until, ratio.first_from(before))
        count = max(0, until - self.next)
        if self._held is None or not count:
            return np.zeros((len(self._last), 0), np.float32)
        outputs = self.next + np.arange(count)
        places = outputs * ratio.down // ratio.up
        phases = outputs * ratio.down % ratio.up
        first = places - ratio.half - self._begin
        y = np.zeros((len(self._last), count))
        for tap in range(self._kernels.shape[1]):
            y += self._kernels[phases, tap] * self._held[:, first + tap]
        found = y.astype(np.float32)
        found[self._is_invalid[:, places - self._begin]] = np.nan
        self.next += count
        spare = ratio.place(self.next) - ratio.half - self._begin
        self._held, self._is_invalid = self._held[:, spare:], self._is_invalid[:, spare:]
        self._begin += spare
        return found


def _kernels(ratio: Ratio) -> Array:
    """Low-passes of unit gain at 0 Hz, one for each place of an output between two samples, shape (place, tap)."""
    phases = np.arange(ratio.up)[:, np.newaxis] / ratio.up
    t = (np.arange(-ratio.half, ratio.half + 1) - phases) / ratio.down  # in samples of the lower rate
    taps = np.sinc(2 * CORNER * t) * (0.54 + 0.46 * np.cos(np.pi * t / (LOBES + 1 / ratio.down)))
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))
