"""Causal filters for many EEG leads at once, the same bits however the samples are cut.

Bands: 0.3-35 Hz is what the AASM manual asks of an EEG that is scored for sleep; 0.5-50 Hz keeps what a reader of
seizures and of the gamma band wants. A filter begins as if its first sample had been there for ever, so an electrode's
offset of millivolts is no step.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal import filter_design
from biosignal.signal.filters import Array, BadFilter
from biosignal.signal.sections import run_rows, settled_state

NYQUIST_SHARE = 0.45
"""The upper corner of a band lies at most at this share of the sampling frequency."""
HELD_S = 0.25
"""Over invalid samples the last value is held; behind more of them than this the filter begins anew."""


@dataclass(frozen=True, slots=True)
class Band:
    """Corner frequencies in Hz, -3 dB each."""

    low_hz: float
    high_hz: float


SLEEP_BAND = Band(0.3, 35.0)
WIDE_BAND = Band(0.5, 50.0)


class RowFilter:
    """Second-order sections over the rows of a signal, each with a state of its own.

    Parameters
    ----------
    sections : float64, shape (section, 6), rows ``b0 b1 b2 1 a1 a2`` as `biosignal.signal.filter_design` gives them.
    fs_hz : sampling frequency.
    rows : how many rows each block has.
    """

    def __init__(self, sections: Array, *, fs_hz: float, rows: int) -> None:
        self._sections = np.ascontiguousarray(sections)
        self._settled = settled_state(self._sections)
        self._patience = max(1, round(HELD_S * fs_hz))
        self._state = np.zeros((rows, len(sections), 2))
        self._value = np.zeros(rows)
        # A row that never had a valid sample waits as one does behind a long loss.
        self._missing = np.full(rows, self._patience)

    def push(self, x: NDArray[np.floating]) -> Array:
        """Filter the next samples, shape (row, sample); NaN and infinite ones come out as NaN.

        Returns
        -------
        float64 of the same shape, in the unit of `x`.
        """
        valid = np.isfinite(x)
        if valid.all() and not self._missing.any():
            y = run_rows(self._sections, x.astype(np.float64, copy=False), self._state)
            if x.shape[1]:
                self._value = x[:, -1].astype(np.float64)
            return y
        y = np.full(x.shape, np.nan)
        for row in range(len(x)):
            self._push_row(row, x[row].astype(np.float64), valid[row], y[row])
        return y

    def reset(self) -> None:
        """Forget the past: the next sample of each row is its first."""
        self._state[:] = 0.0
        self._missing[:] = self._patience

    def _push_row(self, row: int, x: Array, valid: NDArray[np.bool_], y: Array) -> None:
        """Filter a row in which something is missing, or was, run by run."""
        borders = np.flatnonzero(valid[1:] != valid[:-1]) + 1
        state = self._state[row : row + 1]
        for first, last in zip([0, *borders], [*borders, len(x)], strict=True):
            if last == first:
                continue
            if valid[first]:
                if self._missing[row] >= self._patience:
                    state[0] = self._settled * x[first]
                y[first:last] = run_rows(self._sections, x[np.newaxis, first:last], state)[0]
                self._missing[row], self._value[row] = 0, x[last - 1]
            else:
                run_rows(self._sections, np.full((1, last - first), self._value[row]), state)
                self._missing[row] = min(self._missing[row] + last - first, self._patience)


def conditioner(fs_hz: float, *, rows: int, band: Band = WIDE_BAND, mains_hz: float | None = None) -> RowFilter:
    """Make a Butterworth band-pass of order 2, with a notch 1.7 Hz wide at the mains frequency in front where asked.

    Raises
    ------
    BadFilter : the band or the mains frequency does not fit the sampling frequency.
    """
    high_hz = min(band.high_hz, NYQUIST_SHARE * fs_hz)
    if not 0 < band.low_hz < high_hz:
        raise BadFilter("a band-pass needs 0 < low < high", low_hz=band.low_hz, high_hz=high_hz, fs_hz=fs_hz)
    sections = filter_design.butterworth_band_pass(fs_hz, low_hz=band.low_hz, high_hz=high_hz)
    if mains_hz is not None:
        if not 0 < mains_hz < fs_hz / 2:
            raise BadFilter("a notch needs 0 < mains frequency < fs / 2", mains_hz=mains_hz, fs_hz=fs_hz)
        sections = np.vstack((filter_design.notch(fs_hz, centre_hz=mains_hz, quality=30.0), sections))
    return RowFilter(sections, fs_hz=fs_hz, rows=rows)


class HeldRows:
    """The rows of a signal in one unit, with the last valid value in the place of what is missing.

    Parameters
    ----------
    scales : by how much each row is multiplied, shape (row,).
    """

    def __init__(self, scales: Array) -> None:
        if scales.ndim != 1:
            raise BadInput("one scale a row", shape=scales.shape, remedy="give an array of shape (row,)")
        self._scales = scales[:, np.newaxis]
        self._value = np.zeros((len(scales), 1))

    def push(self, x: NDArray[np.floating]) -> tuple[Array, NDArray[np.bool_] | None]:
        """Take the next samples, shape (row, sample).

        Returns
        -------
        The samples with what is missing filled in, float64; and which were valid, None where all were. Before its first
        valid sample a row is 0.
        """
        scaled = x * self._scales
        valid = np.isfinite(scaled)
        if valid.all():
            self._value = scaled[:, -1:] if x.shape[1] else self._value
            return scaled, None
        latest = np.maximum.accumulate(np.where(valid, np.arange(x.shape[1]), -1), axis=1)
        filled = np.take_along_axis(scaled, np.maximum(latest, 0), axis=1)
        filled = np.where(latest < 0, self._value, filled)
        self._value = filled[:, -1:]
        return filled, valid
