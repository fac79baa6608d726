"""What the front end's network sees of a lead: five channels at 125 Hz, none of which remembers for ever.

Every scale is a mean over the last 2.5 s, so whatever an artefact did to it is gone 2.5 s later. The same code makes
the channels on the device and in training.
"""

import math

import numpy as np
from numpy.typing import NDArray

from biosignal.signal import filter_design
from biosignal.signal.filters import Array
from biosignal.signal.interpolating import Interpolator
from biosignal.signal.running import RunningMean
from biosignal.signal.sections import run_rows, settled_state

PREPROCESSING = "ecg-front/1"

RATE_HZ = 125.0
CHANNELS = 5
CUTOFF_HZ = 45.0
SCALE_S = 2.5
STEP_S = 0.2
LEAST_MV = 1e-3
"""Below a microvolt nothing is told apart."""
HIGH_PASS_HZ = 0.67
BAND_HZ = (5.0, 30.0)


def brought_to_rate(fs_hz: float, rows: int) -> Interpolator:
    """Make what brings several leads, of 100 Hz or more, to the rate of the channels."""
    return Interpolator(fs_hz, rows, rate_hz=RATE_HZ, cutoff_hz=CUTOFF_HZ)


class Channels:
    """The channels of several leads; feed it 125 Hz samples in mV, always in steps of one size.

    Parameters
    ----------
    rows : how many leads.
    """

    def __init__(self, rows: int) -> None:
        self._high = np.ascontiguousarray(filter_design.high_pass(RATE_HZ, corner_hz=HIGH_PASS_HZ))
        low_hz, high_hz = BAND_HZ
        self._band = np.ascontiguousarray(filter_design.butterworth_band_pass(RATE_HZ, low_hz=low_hz, high_hz=high_hz))
        self._rows = rows
        self._high_state: Array | None = None
        self._band_state: Array = np.zeros((rows, len(self._band), 2))
        self._last: Array = np.zeros((rows, 1))
        self._logs = RunningMean(rows, round(SCALE_S * RATE_HZ))
        self._steps = RunningMean(rows, round(STEP_S * RATE_HZ))

    def push(self, z: Array) -> NDArray[np.float32]:
        """Take the next samples, shape (lead, sample); give float32, shape (lead, channel, sample)."""
        if self._high_state is None:
            first = z[:, 0]
            self._high_state = settled_state(self._high)[np.newaxis] * first[:, np.newaxis, np.newaxis]
            self._band_state = settled_state(self._band)[np.newaxis] * first[:, np.newaxis, np.newaxis]
            self._last = z[:, :1].copy()
        high = run_rows(self._high, z, self._high_state)
        band = run_rows(self._band, z, self._band_state)
        step = np.abs(np.diff(z, axis=1, prepend=self._last))
        self._last = z[:, -1:].copy()
        log_scale = self._logs.push(np.log(np.maximum(np.abs(band), LEAST_MV)))
        scale = 5 * np.exp(log_scale)
        movement = self._steps.push(step)
        return np.stack(
            (
                np.arcsinh(high / scale),
                np.arcsinh(band / scale),
                np.arcsinh(high / 0.15),
                0.5 * (log_scale - math.log(0.03)),
                0.5 * np.log((movement + LEAST_MV) / 0.03),
            ),
            axis=1,
        ).astype(np.float32)
