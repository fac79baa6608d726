"""How rhythmic a stretch of EEG is, and at which frequency: the highest peak of its autocorrelation.

The idea is that of Gotman's detectors, which look for activity whose waves are of equal length (Gotman 1982,
doi:10.1016/0013-4694(82)90038-4); here the lengths are compared by the autocorrelation, all channels at once.
"""

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array

FUNDAMENTAL = 0.85
"""A rhythm repeats at every multiple of its period: the first peak this near to the highest one is the period."""


def rhythmicity(x: Array, *, fs_hz: float, low_hz: float, high_hz: float) -> tuple[Array, Array]:
    """Find the rhythm of each channel.

    Parameters
    ----------
    x : float64, shape (channel, sample), without an offset.
    low_hz, high_hz : frequencies looked for; `low_hz` needs at least two periods in `x`.

    Returns
    -------
    Autocorrelation at the period, -1 to 1, and the frequency in Hz, both of shape (channel,); 0 and NaN where there is
    no peak.
    """
    first, last = max(2, int(fs_hz / high_hz)), min(int(np.ceil(fs_hz / low_hz)), x.shape[1] // 2)
    r = autocorrelation(x, last + 1)
    lags = np.arange(first, last + 1)
    middle = r[:, first : last + 1]
    is_peak = (middle > r[:, first - 1 : last]) & (middle >= r[:, first + 1 : last + 2])
    heights = np.where(is_peak, middle, -np.inf)
    highest = heights.max(axis=1)
    found = np.isfinite(highest) & (highest > 0)
    at = np.argmax(heights >= np.where(found, FUNDAMENTAL * highest, np.inf)[:, np.newaxis], axis=1)
    strength = np.where(found, heights[np.arange(len(at)), at], 0.0)
    return strength, np.where(found, fs_hz / lags[at], np.nan)


def autocorrelation(x: Array, last: int) -> Array:
    """Correlate each channel with itself at lags 0 to `last`, shape (channel, last + 1).

    Each lag is normalised by the energy of the two stretches it compares, so that a pure rhythm has 1 at its period
    and a wave at the border does not lower it.
    """
    count = x.shape[1]
    size = 1 << (count + last - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    product = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[:, : last + 1]
    energy = np.cumsum(x * x, axis=1)
    lags = np.arange(last + 1)
    ahead = energy[:, count - 1 - lags]
    behind = energy[:, -1:] - np.where(lags > 0, energy[:, lags - 1], 0.0)
    whole: NDArray[np.float64] = product / np.sqrt(np.maximum(ahead * behind, 1e-300))
    return np.where(ahead * behind > 0, whole, 0.0)
