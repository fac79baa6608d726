"""What the network of the waves sees of a lead: three channels at 250 Hz, in units of the lead's own size.

Every scale is a mean over the last 2.5 s, so whatever an artefact did to it is gone 2.5 s later, and a lead of unknown
scale is seen as well. The same code makes the channels on the device and in training.
"""

import numpy as np
from numpy.typing import NDArray

from biosignal.signal import filter_design
from biosignal.signal.filters import Array
from biosignal.signal.interpolating import Interpolator
from biosignal.signal.running import RunningMean
from biosignal.signal.sections import run_rows, settled_state

PREPROCESSING = "ecg-waves/1"
RATE_HZ = 250.0
CUTOFF_HZ = 90.0
CHANNELS = 3
STEP = 24
"""Samples that the network takes at a time: 96 ms."""
DELAY = 66
"""Its answer about a sample comes this many samples later. With the low-pass, the step and the shortest pause between
two waves a bound is known at most 400 ms behind it."""
HIGH_PASS_HZ = 0.5
BAND_HZ = (5.0, 30.0)
SCALE_S = 2.5
LEAST = 1e-6
SMALL = 4.0
"""The first channel is given so many times as tall as well, for what is small beside a QRS complex."""


def brought_to_rate(fs_hz: float, rows: int) -> Interpolator:
    """Make what brings several leads to the rate of the channels."""
    return Interpolator(fs_hz, rows, rate_hz=RATE_HZ, cutoff_hz=CUTOFF_HZ)


class Channels:
    """The channels of several leads; feed it samples at 250 Hz, always in steps of one size.

    Parameters
    ----------
    rows : how many leads.
    """

    def __init__(self, rows: int) -> None:
        self._high = np.ascontiguousarray(filter_design.high_pass(RATE_HZ, corner_hz=HIGH_PASS_HZ))
        low_hz, high_hz = BAND_HZ
        self._band = np.ascontiguousarray(filter_design.butterworth_band_pass(RATE_HZ, low_hz=low_hz, high_hz=high_hz))
        self._high_state: Array | None = None
        self._band_state: Array = np.zeros((rows, len(self._band), 2))
        self._logs = RunningMean(rows, round(SCALE_S * RATE_HZ))

    def push(self, z: Array) -> NDArray[np.float32]:
        """Take the next samples, shape (lead, sample); give float32, shape (lead, channel, sample)."""
        if self._high_state is None:
            first = z[:, 0]
            self._high_state = settled_state(self._high)[np.newaxis] * first[:, np.newaxis, np.newaxis]
            self._band_state = settled_state(self._band)[np.newaxis] * first[:, np.newaxis, np.newaxis]
        high = run_rows(self._high, z, self._high_state)
        band = run_rows(self._band, z, self._band_state)
        scale = 5 * np.exp(self._logs.push(np.log(np.maximum(np.abs(band), LEAST))))
        seen = (np.arcsinh(high / scale), np.arcsinh(SMALL * high / scale), np.arcsinh(band / scale))
        return np.stack(seen, axis=1).astype(np.float32)
