"""The seven numbers of a 30 s epoch of one EEG channel at 100 Hz, on which sleep is staged.

They are defined as the public features of the Sleep-EDF nights are (Kemp 2000, doi:10.1109/10.867928), so that a
network trained on those sees the same at the bedside: the channel is not filtered, slow drift counts in the variance.
The spectrum is Welch's (1967, doi:10.1109/TAU.1967.1161901): segments of 256 samples that overlap by half, each less
its mean, under a periodic Hann window. Mobility is Hjorth's (1970, doi:10.1016/0013-4694(70)90143-4).
"""

import numpy as np

from biosignal.signal.filters import Array

RATE_HZ = 100
EPOCH_S = 30
EPOCH = RATE_HZ * EPOCH_S
SEGMENT, HOP = 256, 128
BANDS_HZ = {"delta": (0.5, 4.0), "theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 50.0)}
NUMBERS = (*BANDS_HZ, "variance", "mobility")
"""Mean power density of each band in uV^2/Hz, both its edges included, variance in uV^2, mobility without a unit."""

_WINDOW: Array = np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(SEGMENT) / SEGMENT), np.float64)
_SCALE = 2.0 / (RATE_HZ * float(np.sum(_WINDOW**2)))
_HZ: Array = np.asarray(np.arange(SEGMENT // 2 + 1) * (RATE_HZ / SEGMENT), np.float64)
_STARTS = np.arange(0, EPOCH - SEGMENT + 1, HOP)
_PLACES = _STARTS[:, np.newaxis] + np.arange(SEGMENT)


def spectrum(epoch: Array) -> Array:
    """Power density of an epoch in uV^2/Hz, shape (`SEGMENT` / 2 + 1,), from 0 to 50 Hz."""
    segments = epoch[_PLACES]
    segments = (segments - np.mean(segments, axis=1, keepdims=True)) * _WINDOW
    density = np.mean(np.abs(np.fft.rfft(segments, axis=1)) ** 2, axis=0) * _SCALE
    density[[0, -1]] /= 2.0  # 0 Hz and half the rate have no negative twin
    return np.asarray(density)


def measured(epoch: Array) -> Array:
    """Measure an epoch.

    Parameters
    ----------
    epoch : microvolts at `RATE_HZ`, shape (`EPOCH`,), finite.

    Returns
    -------
    `NUMBERS`, shape (7,); a flat epoch has no mobility, which is 0 then.
    """
    density = spectrum(epoch)
    powers = [float(np.mean(density[(low <= _HZ) & (high >= _HZ)])) for low, high in BANDS_HZ.values()]
    variance = float(np.var(epoch))
    mobility = float(np.sqrt(np.var(np.diff(epoch)) / variance)) if variance > 0.0 else 0.0
    return np.array([*powers, variance, mobility])
