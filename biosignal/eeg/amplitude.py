"""Amplitude-integrated EEG: how far the EEG swings, by the margins of each 15 seconds.

The EEG is filtered from 2 to 15 Hz with a gain that rises by 12 dB a decade, rectified, and smoothed with a time
constant of 0.5 s; the margins are quantiles of what comes out (after Zhang and Ding 2013,
doi:10.4236/health.2013.55116). The scale is set so that a sine of 5.5 Hz, the middle of the band, reads its peak to
peak. Departures: recursive filters instead of one of finite length, and the tenth and ninetieth percentile as margins.
"""

import math

import numpy as np

from biosignal.eeg.seconds import second_length
from biosignal.signal import filter_design
from biosignal.signal.filters import Array, RecursiveRows

BAND_HZ = (2.0, 15.0)
MIDDLE_HZ = math.sqrt(BAND_HZ[0] * BAND_HZ[1])
STEPS_HZ = ((1.7, 3.2), (5.5, 10.5), (18.0, 34.0))
"""Zeros and poles that make the gain rise by 12 dB a decade, within 1 dB from 2.5 to 12 Hz."""
SMOOTH_S = 0.5
PER_SECOND = 10
"""So many values of the envelope a second are kept: a time constant of 0.5 s changes little in between."""
MARGINS = (0.1, 0.9)
PEAK_TO_PEAK_PER_MEAN = math.pi
"""Peak to peak of a sine over the mean of its size."""
LINEAR_UNTIL_UV = 10.0
"""The display is linear up to here and logarithmic above."""


class Envelope:
    """Follows the envelope of several rows.

    Parameters
    ----------
    fs_hz : 100 Hz or more.
    """

    def __init__(self, fs_hz: float) -> None:
        band = filter_design.butterworth_band_pass(fs_hz, low_hz=BAND_HZ[0], high_hz=BAND_HZ[1], order=4)
        steps = [filter_design.pole_and_zero(fs_hz, zero_hz=zero, pole_hz=pole) for zero, pole in STEPS_HZ]
        sections = np.concatenate([band, *steps])
        self._scale = PEAK_TO_PEAK_PER_MEAN / gain(sections, MIDDLE_HZ, fs_hz)
        self._band = RecursiveRows(sections)
        self._smooth = RecursiveRows(filter_design.smoothing(fs_hz, time_constant_s=SMOOTH_S))
        self._kept = np.arange(PER_SECOND) * second_length(fs_hz) // PER_SECOND

    def reset(self) -> None:
        """Forget the past: a gap follows."""
        self._band.reset()
        self._smooth.reset()

    def push(self, x: Array) -> Array:
        """Take the next samples, shape (row, sample) in uV, whole seconds or what a gap left of one.

        Returns
        -------
        Shape (row, `PER_SECOND`) of a whole second, uV peak to peak; fewer of less.
        """
        envelope = self._smooth.push(np.abs(self._band.push(x)))
        return np.asarray(envelope[:, self._kept[self._kept < x.shape[1]]] * self._scale)


def margins(envelope: Array) -> Array:
    """Give the lower and the upper margin of each row: shape (row, value), NaN where unknown, to (2, row), uV.

    Each is a value that was seen. A row with no known value has none.
    """
    ordered = np.sort(envelope, axis=1)  # unknown ones come last
    known = np.sum(np.isfinite(ordered), axis=1)
    places = [np.floor(share * np.maximum(known - 1, 0) + 0.5).astype(np.int64) for share in MARGINS]
    return np.stack([np.take_along_axis(ordered, place[:, np.newaxis], axis=1)[:, 0] for place in places])


def height(uv: float) -> float:
    """Give the place of a voltage on the semi-logarithmic display: 0 at 0, 1 at 10 uV, 2 at 100 uV."""
    return uv / LINEAR_UNTIL_UV if uv <= LINEAR_UNTIL_UV else 1.0 + math.log10(uv / LINEAR_UNTIL_UV)


def gain(sections: Array, at_hz: float, fs_hz: float) -> float:
    """Give the gain of second-order sections, shape (section, 6), at a frequency."""
    back = np.exp(-2j * np.pi * at_hz / fs_hz * np.arange(3))
    return float(np.prod(np.abs(sections[:, :3] @ back) / np.abs(sections[:, 3:] @ back)))
