"""Causal filters whose output does not depend, to the last bit, on how the samples were cut into blocks.

Recursive filters run sample by sample and so are exact by nature. A convolution is not: numpy and BLAS sum in an
order that depends on length and alignment. `SlidingFir` therefore adds tap by tap, in one fixed order.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal import filter_design
from biosignal.signal.sections import run_rows, run_sections, settled_state

Array: TypeAlias = NDArray[np.float64]

FEW = 64
"""Up to so many outputs are computed in one go."""
PIECE = 8192
"""Outputs computed at once, so that the working set stays in the cache."""


class BadFilter(BadInput):
    """The filter asked for does not exist at this sampling frequency."""

    remedy = "ask for corner frequencies above 0 Hz and below half the sampling frequency"


class Recursive:
    """A causal recursive filter (second-order sections), starting as if its first sample had been there for ever.

    Parameters
    ----------
    sections : float64, shape (section, 6), rows ``b0 b1 b2 1 a1 a2`` as `biosignal.signal.filter_design` gives them.
    """

    def __init__(self, sections: Array) -> None:
        self._sections = np.ascontiguousarray(sections)
        self._state: Array | None = None

    def push(self, x: Array) -> Array:
        """Filter the next samples, shape (sample,)."""
        if not len(x):
            return x
        if self._state is None:
            self._state = settled_state(self._sections) * x[0]
        return run_sections(self._sections, x, self._state)

    def reset(self) -> None:
        """Forget the past: the next sample is the first."""
        self._state = None


class RecursiveRows:
    """The same for several signals at once, each with a state of its own.

    Parameters
    ----------
    sections : float64, shape (section, 6), rows ``b0 b1 b2 1 a1 a2`` as `biosignal.signal.filter_design` gives them.
    """

    def __init__(self, sections: Array) -> None:
        self._sections = np.ascontiguousarray(sections)
        self._settled = settled_state(self._sections)
        self._state: Array | None = None

    def push(self, x: Array) -> Array:
        """Filter the next samples, shape (signal, sample)."""
        if not x.size:
            return x
        if self._state is None:
            self._state = np.ascontiguousarray(x[:, :1, np.newaxis] * self._settled)
        return run_rows(self._sections, x, self._state)

    def reset(self) -> None:
        """Forget the past: the next sample is the first."""
        self._state = None


def band_pass(fs_hz: float, *, low_hz: float = 0.5, high_hz: float = 40.0) -> Recursive:
    """Make a Butterworth band-pass of order 2; 0.5-40 Hz is what bedside monitors show an ECG through.

    Raises
    ------
    BadFilter : the corners do not fit the sampling frequency.
    """
    high_hz = min(high_hz, 0.45 * fs_hz)
    if not 0 < low_hz < high_hz:
        raise BadFilter("a band-pass needs 0 < low < high", low_hz=low_hz, high_hz=high_hz, fs_hz=fs_hz)
    return Recursive(filter_design.butterworth_band_pass(fs_hz, low_hz=low_hz, high_hz=high_hz))


def mains_notch(fs_hz: float, *, mains_hz: float = 50.0, quality: float = 30.0) -> Recursive:
    """Make a notch at the mains frequency, `mains_hz / quality` wide at -3 dB.

    Raises
    ------
    BadFilter : the mains frequency is not below half the sampling frequency.
    """
    if not 0 < mains_hz < fs_hz / 2:
        raise BadFilter("a notch needs 0 < mains frequency < fs / 2", mains_hz=mains_hz, fs_hz=fs_hz)
    return Recursive(filter_design.notch(fs_hz, centre_hz=mains_hz, quality=quality))


class SlidingFir:
    """Symmetric-window convolutions with one output every `step` samples; the edges repeat the outermost sample.

    Output ``i`` belongs to sample ``i * step`` and is known once sample ``i * step + lag`` is.

    Parameters
    ----------
    taps : float64, shape (channel, odd number of taps).
    """

    def __init__(self, taps: Array, *, step: int = 1) -> None:
        self._columns = [np.ascontiguousarray(column)[:, np.newaxis] for column in taps.T]
        self._taps = np.ascontiguousarray(taps.T)[:, :, np.newaxis]
        self._channels = taps.shape[0]
        self._step = step
        self.lag = taps.shape[1] // 2
        self._held: Array | None = None

    def push(self, x: Array) -> Array:
        """Take samples, shape (sample,); yield the outputs now known, shape (channel, output)."""
        if not len(x):
            return np.zeros((self._channels, 0))
        if self._held is None:
            self._held = np.full(self.lag, x[0])
        held = np.concatenate((self._held, x))
        count = max(0, (len(held) - len(self._columns)) // self._step + 1)
        y = np.zeros((self._channels, count))
        for first in range(0, count, PIECE):
            self._fill(y[:, first : first + PIECE], held[first * self._step :])
        self._held = held[count * self._step :]
        return y

    def flush(self) -> Array:
        """End the signal: yield the outputs still owed, as if the last sample went on."""
        if self._held is None or not len(self._held):
            return np.zeros((self._channels, 0))
        return self.push(np.full(self.lag, self._held[-1]))

    def _fill(self, y: Array, held: Array) -> None:
        if 2 <= y.shape[1] <= FEW:
            # The same sums in the same order, tap by tap, in two calls: few outputs cost mostly calls. For a single
            # one NumPy would add in pairs instead.
            taps, outputs = len(self._columns), y.shape[1]
            size = held.strides[0]
            windows = np.ndarray((taps, 1, outputs), held.dtype, held, 0, (size, 0, size * self._step))
            np.add.reduce(self._taps * windows, axis=0, out=y)
            return
        reach = (y.shape[1] - 1) * self._step + 1
        for index, column in enumerate(self._columns):
            y += column * held[index : index + reach : self._step]


def low_pass_taps(fs_hz: float, *, cutoff_hz: float, lag: int) -> Array:
    """Design a Hamming-windowed low-pass, shape (1, 2 * lag + 1), unit gain at 0 Hz."""
    if lag == 0:
        return np.ones((1, 1))
    return filter_design.hamming_low_pass(fs_hz, cutoff_hz=cutoff_hz, lag=lag)[np.newaxis]


def gabor_taps(fs_hz: float, *, centre_hz: float, sigma_s: float, lag: int) -> Array:
    """Design a complex Gabor band-pass as two rows (real, imaginary): 0 for a constant, unit gain at `centre_hz`."""
    t = np.arange(-lag, lag + 1) / fs_hz
    window = np.exp(-0.5 * (t / sigma_s) ** 2)
    real = window * np.cos(2 * np.pi * centre_hz * t)
    real -= window * (real.sum() / window.sum())
    imaginary = window * np.sin(2 * np.pi * centre_hz * t)
    return np.asarray(2 * np.stack((real, imaginary)) / window.sum())


class Recent:
    """The last samples of a signal, addressed by their absolute index.

    Parameters
    ----------
    start : index of the first sample that will be appended.
    keep : how many samples stay at least.
    """

    def __init__(self, *, start: int, keep: int) -> None:
        self.first = start
        """Index of the first sample ever appended."""
        self.end = start
        self._keep = keep
        self._samples: Array = np.zeros(0)

    def append(self, x: Array) -> None:
        """Add the next samples and forget those beyond `keep`."""
        self._samples = np.concatenate((self._samples[-self._keep :], x)) if len(self._samples) else x.copy()
        self.end += len(x)

    def between(self, start: int, end: int) -> Array:
        """Look at samples [start, end), clipped to what is kept."""
        oldest = self.end - len(self._samples)
        return self._samples[max(start - oldest, 0) : max(end - oldest, 0)]

    @property
    def oldest(self) -> int:
        """Index of the oldest sample kept."""
        return self.end - len(self._samples)
