"""What the front end's network sees of a lead: five channels at 125 Hz, none of which remembers for ever.

Every scale is a mean over the last 2.5 s, so whatever an artefact did to it is gone 2.5 s later. The same code makes
the channels on the device and in training.
"""

import math

import numpy as np
from numpy.typing import NDArray

from biosignal.signal import filter_design
from biosignal.signal.filters import Array
from biosignal.signal.sections import run_rows, settled_state

PREPROCESSING = "ecg-front/1"

RATE_HZ = 125.0
CHANNELS = 5
CUTOFF_HZ = 45.0
REACH_S = 0.028
"""Half width of the low-pass that also changes the rate."""
PHASES = 64
"""Positions between two samples for which the low-pass is worked out."""
SCALE_S = 2.5
STEP_S = 0.2
LEAST_MV = 1e-3
"""Below a microvolt nothing is told apart."""
HIGH_PASS_HZ = 0.67
BAND_HZ = (5.0, 30.0)


class Resampler:
    """Samples of several leads at 125 Hz through a low-pass of 45 Hz, linear in phase.

    Output ``k`` belongs to the time ``k / 125 Hz`` behind the first sample, and is known once the sample
    ``needs(k)``, counted from the first one, is in.

    Parameters
    ----------
    fs_hz : sampling frequency of what is pushed, 100 Hz or more.
    rows : how many leads.
    """

    def __init__(self, fs_hz: float, rows: int) -> None:
        self._ratio = fs_hz / RATE_HZ
        self._half = math.ceil(REACH_S * fs_hz)
        self._kernels = _kernels(fs_hz, self._half)
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


def _kernels(fs_hz: float, half: int) -> Array:
    """Low-passes of unit gain at 0 Hz for each position between two samples, shape (phase, tap)."""
    phases = (np.arange(PHASES) + 0.5)[:, np.newaxis] / PHASES
    t = (np.arange(-half, half + 1) - phases) / fs_hz
    corner = min(CUTOFF_HZ, 0.45 * fs_hz)
    reach = (half + 1) / fs_hz
    taps = np.sinc(2 * corner * t) * (0.54 + 0.46 * np.cos(np.pi * t / reach))
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))


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
        self._logs = _Mean(rows, round(SCALE_S * RATE_HZ))
        self._steps = _Mean(rows, round(STEP_S * RATE_HZ))

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


class _Mean:
    """Mean of the last `length` values of each row, of as many as there are at a start."""

    def __init__(self, rows: int, length: int) -> None:
        self._length = length
        self._held: Array = np.zeros((rows, length))
        self._count = 0

    def push(self, x: Array) -> Array:
        whole = np.concatenate((self._held, x), axis=1)
        sums = np.cumsum(np.concatenate((np.zeros((len(x), 1)), whole), axis=1), axis=1)
        counts = np.minimum(self._count + np.arange(1, x.shape[1] + 1), self._length)
        self._count = int(counts[-1])
        self._held = whole[:, -self._length :]
        return np.asarray((sums[:, self._length + 1 :] - sums[:, 1 : -self._length]) / counts)
