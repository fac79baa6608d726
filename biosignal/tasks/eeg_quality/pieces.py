"""Cuts a stretch of EEG into half seconds of the recording, each with the samples before it that its look needs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.conditioning import HeldRows, RowFilter
from biosignal.signal.blocks import Samples
from biosignal.signal.filter_design import butterworth_high_pass
from biosignal.signal.filters import Array

HISTORY_S = 0.6
"""So much of the signal before a piece is looked at with it: what began there may end in the piece."""
FAST_HZ = 25.0
"""Above this the EEG of the scalp is small, and muscle and mains are not."""
LEAST_FAST_HZ = 90.0
"""Below so many samples a second neither muscle nor mains can be told from the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Half seconds of one length that follow each other.

    Parameters
    ----------
    start : index of the first sample of the first piece.
    samples : float64, shape (piece, lead, history + sample), in uV where the scale is known.
    fast : float64, shape (piece, lead, sample), what lies above 25 Hz; 0 where nothing is known of it.
    missing : share of samples that are missing, shape (piece, lead).
    history : how many samples of each row come before the piece.
    """

    start: int
    samples: Array
    fast: Array
    missing: Array
    history: int

    @property
    def length(self) -> int:
        """Samples of a piece."""
        return int(self.fast.shape[-1])

    def __len__(self) -> int:
        return len(self.samples)


def fast_sections(fs_hz: float) -> Array:
    """Design the filter behind which muscle and mains are left: two high-passes of order 2 in a row, shape (2, 6)."""
    return np.vstack([butterworth_high_pass(fs_hz, corner_hz=FAST_HZ)] * 2)


class Cutter:
    """Takes the samples of one unbroken stretch and gives its half seconds.

    Parameters
    ----------
    scales : from each lead's unit to uV, shape (lead,).
    start : absolute index of the first sample.
    """

    def __init__(self, scales: Array, *, fs_hz: float, start: int) -> None:
        self._fs_hz = fs_hz
        self._held = HeldRows(scales)
        self._scales = scales[:, np.newaxis]
        has_fast = fs_hz >= LEAST_FAST_HZ
        self._filter = RowFilter(fast_sections(fs_hz), fs_hz=fs_hz, rows=len(scales)) if has_fast else None
        self.history = round(HISTORY_S * fs_hz)
        # At an even rate all half seconds are of one length, and many are taken at once.
        self._is_even = fs_hz % 2 == 0
        self._at = start
        self._samples: Array | None = None
        self._fast = np.zeros((len(scales), 0))
        self._missing: NDArray[np.bool_] = np.zeros((len(scales), 0), np.bool_)

    def push(self, x: Samples) -> Iterator[Pieces]:
        """Take the next samples, shape (lead, sample); yield the half seconds now complete."""
        self._append(x)
        while (length := half_end(self._at, self._fs_hz) - self._at) <= self._fast.shape[1]:
            count = self._fast.shape[1] // length if self._is_even and 2 * length == self._fs_hz else 1
            yield self._take(count, length)

    def finish(self) -> Iterator[Pieces]:
        """End the stretch: yield the half second that was begun."""
        if self._fast.shape[1]:
            yield self._take(1, self._fast.shape[1])

    def _append(self, x: Samples) -> None:
        filled, valid = self._held.push(x)
        if self._filter is None:
            fast = np.zeros(x.shape)
        else:
            fast = self._filter.push(x * self._scales)
            fast = fast if valid is None else np.where(valid, fast, 0.0)
        if self._samples is None:
            # What was before the first sample is taken to have been like it, as the filter does.
            self._samples = np.repeat(filled[:, :1], self.history, axis=1)
        missing = np.zeros(x.shape, np.bool_) if valid is None else ~valid
        self._samples = np.concatenate((self._samples, filled), axis=1)
        self._fast = np.concatenate((self._fast, fast), axis=1)
        self._missing = np.concatenate((self._missing, missing), axis=1)

    def _take(self, count: int, length: int) -> Pieces:
        assert self._samples is not None, "there are samples where a piece is complete"
        whole = np.lib.stride_tricks.sliding_window_view(self._samples, self.history + length, axis=1)
        taken = count * length
        leads = len(self._fast)
        missing = self._missing[:, :taken].reshape(leads, count, length)
        made = Pieces(
            start=self._at,
            samples=np.ascontiguousarray(whole[:, : taken - length + 1 : length].transpose(1, 0, 2)),
            fast=np.ascontiguousarray(self._fast[:, :taken].reshape(leads, count, length).transpose(1, 0, 2)),
            missing=np.count_nonzero(missing, axis=2).T / length,
            history=self.history,
        )
        self._at += taken
        self._samples = self._samples[:, taken:]
        self._fast, self._missing = self._fast[:, taken:], self._missing[:, taken:]
        return made


def second_begin(second: int, fs_hz: float) -> int:
    """Index of the first sample of a second of the recording."""
    return math.floor(second * fs_hz + 0.5)


def half_end(sample: int, fs_hz: float) -> int:
    """Index one past the last sample of the half second that holds `sample`; every second one ends a second."""
    second = int(sample / fs_hz)
    while second_begin(second + 1, fs_hz) <= sample:
        second += 1
    while second_begin(second, fs_hz) > sample:
        second -= 1
    begin, end = second_begin(second, fs_hz), second_begin(second + 1, fs_hz)
    middle = (begin + end) // 2
    return middle if sample < middle else end


def ends_second(end: int, fs_hz: float) -> bool:
    """Whether a second of the recording ends before this sample."""
    return second_begin(round(end / fs_hz), fs_hz) == end
