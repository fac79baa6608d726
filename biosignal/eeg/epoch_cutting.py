"""Cutting one channel into epochs at 100 Hz, whatever its own rate, aligned to sample 0 of the recording."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from biosignal.eeg.epoch_powers import EPOCH, EPOCH_S, RATE_HZ
from biosignal.signal.filters import Array

REACH_S = 0.16
"""Half width of the low-pass that changes the rate: so much later an epoch is known."""
CORNER_HZ = 47.0
"""Half its gain is left here; at 42 Hz nearly all is, at 52 Hz nearly nothing."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cut:
    """An epoch: samples [start, end) of the recording, known with sample `decided_at`.

    `microvolts` has shape (`EPOCH`,); `valid` is the share of its samples that the source did not declare invalid.
    """

    start: int
    end: int
    decided_at: int
    microvolts: Array
    valid: float


class Cutter:
    """Cuts an unbroken stretch of one channel; make a new one behind a gap.

    Only whole epochs are given. A second at 100 Hz is always made at once, so the bits are the same however the
    samples come.

    Parameters
    ----------
    fs_hz : sampling frequency, 100 Hz or more.
    start : absolute index of the first sample.
    """

    def __init__(self, fs_hz: float, start: int) -> None:
        self._fs_hz = fs_hz
        self._half = 0 if fs_hz == RATE_HZ else math.ceil(REACH_S * fs_hz)
        self._second = math.ceil(start / fs_hz - 1e-9)
        self._held: Array = np.zeros(0)
        self._begin = start
        self._last: float | None = None
        self._epoch: Array = np.zeros(EPOCH)
        self._valid = np.zeros(EPOCH_S)
        self._seconds = 0

    def push(self, x: Array) -> Iterator[Cut]:
        """Take samples in microvolts, shape (sample,), NaN where invalid; give the epochs that are now known."""
        if not len(x):
            return
        self._held = np.concatenate((self._held, x))
        while self.needs < self._begin + len(self._held):
            yield from self._made(self._second)
            self._second += 1

    @property
    def needs(self) -> int:
        """The sample without which pushing more gives nothing."""
        return self._needs(self._second)

    def _needs(self, second: int) -> int:
        """The last sample that a second needs."""
        return int(((second + 1) * RATE_HZ - 1) * self._fs_hz / RATE_HZ + 1e-9) + self._half

    def _made(self, second: int) -> Iterator[Cut]:
        outputs = self._resampled(second)
        place = second % EPOCH_S
        if place == 0:
            self._seconds = 0
        is_known = np.isfinite(outputs)
        self._epoch[place * RATE_HZ : (place + 1) * RATE_HZ] = self._without_nan(outputs, is_known)
        self._valid[place] = np.count_nonzero(is_known) / RATE_HZ
        self._seconds += 1
        if place == EPOCH_S - 1 and self._seconds == EPOCH_S:
            first = second + 1 - EPOCH_S
            yield Cut(
                start=round(first * self._fs_hz),
                end=round((second + 1) * self._fs_hz),
                decided_at=max(self._needs(second), round((second + 1) * self._fs_hz) - 1),
                microvolts=self._epoch.copy(),
                valid=float(np.mean(self._valid)),
            )

    def _resampled(self, second: int) -> Array:
        """Give the outputs of a second, shape (`RATE_HZ`,), and forget the samples that no other needs."""
        at = second * RATE_HZ * self._fs_hz / RATE_HZ
        first = int(at + 1e-9)
        places, kernels = _kernels(self._fs_hz, round(at - first, 6), self._half)
        near = places + (first - self._half - self._begin)
        if near[0, 0] < 0:
            # Nothing is known before the stretch: its first sample is taken to have been there.
            near = np.maximum(near, 0)
        taken = self._held[near]
        outputs: Array = np.einsum("ij,ij->i", taken, kernels) if self._half else taken[:, 0]
        spare = int((second + 1) * self._fs_hz + 1e-9) - self._half - self._begin
        if spare > 0:
            self._held, self._begin = self._held[spare:], self._begin + spare
        return outputs

    def _without_nan(self, outputs: Array, is_known: Array) -> Array:
        """Hold the last value that is known; 0 before there is one."""
        last = 0.0 if self._last is None else self._last
        if not is_known.all():
            latest = np.maximum.accumulate(np.where(is_known, np.arange(len(outputs)), -1))
            outputs = np.where(latest < 0, last, outputs[np.maximum(latest, 0)])
        self._last = float(outputs[-1])
        return outputs


@lru_cache(maxsize=8)
def _kernels(fs_hz: float, offset: float, half: int) -> tuple[np.ndarray, Array]:
    """For each output of a second that begins `offset` samples behind one: its samples and their weights.

    Returns
    -------
    Places from the first sample on, and low-passes of unit gain at 0 Hz, both of shape (`RATE_HZ`, tap).
    """
    at = offset + np.arange(RATE_HZ) * fs_hz / RATE_HZ
    base = np.floor(at + 1e-9).astype(np.int64)
    steps = np.arange(2 * half + 1)
    t = (steps - half - (at - base)[:, np.newaxis]) / fs_hz
    taps = np.sinc(2.0 * CORNER_HZ * t) * (0.54 + 0.46 * np.cos(np.pi * t / (REACH_S + 1.0 / fs_hz)))
    return base[:, np.newaxis] + steps, np.asarray(taps / taps.sum(axis=1, keepdims=True))
