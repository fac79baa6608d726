"""Coefficients of the few filters used here, in closed form: importing a filter design library costs two seconds.

Sources: S. J. Orfanidis, *Introduction to Signal Processing* (1996), 11.3 and 12 (notch, bilinear transform);
A. V. Oppenheim, R. W. Schafer, *Discrete-Time Signal Processing* (3rd ed.), 7.2 and 7.5 (Butterworth, windows).
A section is a row ``b0 b1 b2 1 a1 a2``, as `scipy.signal` orders it; the tests compare with that library.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


def butterworth_high_pass(fs_hz: float, *, corner_hz: float) -> Array:
    """Design a Butterworth high-pass of order 2, shape (1, 6); -3 dB at the corner."""
    k = _warped(corner_hz, fs_hz)
    gain = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    a1, a2 = 2.0 * (k * k - 1.0) * gain, (1.0 - math.sqrt(2.0) * k + k * k) * gain
    return np.array([[gain, -2.0 * gain, gain, 1.0, a1, a2]])


def high_pass(fs_hz: float, *, corner_hz: float) -> Array:
    """Design a high-pass of order 1, shape (1, 6); -3 dB at the corner."""
    k = _warped(corner_hz, fs_hz)
    gain = 1.0 / (1.0 + k)
    return np.array([[gain, -gain, 0.0, 1.0, (k - 1.0) * gain, 0.0]])


def butterworth_band_pass(fs_hz: float, *, low_hz: float, high_hz: float, order: int = 2) -> Array:
    """Design a Butterworth band-pass of an even order at each corner, shape (order, 6); -3 dB at both corners.

    Of each pair of sections the pole pair of the upper corner comes first, with the zeros at half the sampling
    frequency and all of the gain; that of the lower corner, which rings longest, comes last, with the zeros at 0 Hz.
    """
    low, high = _warped(low_hz, fs_hz), _warped(high_hz, fs_hz)
    sections = []
    for pole in _butterworth_poles(order):
        half = 0.5 * (high - low) * pole
        root = (half * half - low * high) ** 0.5
        lower, upper = sorted((half + root, half - root), key=abs)
        gain = ((high - low) / (abs(1 - lower) * abs(1 - upper))) ** 2
        sections += [[gain, 2.0 * gain, gain, *_pole_pair(upper)], [1.0, -2.0, 1.0, *_pole_pair(lower)]]
    return np.array(sections)


def pole_and_zero(fs_hz: float, *, zero_hz: float, pole_hz: float) -> Array:
    """Design a step in gain of order 1, shape (1, 6): 1 below `zero_hz`, ``pole_hz / zero_hz`` above `pole_hz`."""
    zero, pole = _warped(zero_hz, fs_hz), _warped(pole_hz, fs_hz)
    gain = pole / zero / (1.0 + pole)
    return np.array([[gain * (1.0 + zero), gain * (zero - 1.0), 0.0, 1.0, (pole - 1.0) / (1.0 + pole), 0.0]])


def smoothing(fs_hz: float, *, time_constant_s: float) -> Array:
    """Design an exponential average, shape (1, 6): what is older by the time constant counts 1 / e as much."""
    kept = math.exp(-1.0 / (time_constant_s * fs_hz))
    return np.array([[1.0 - kept, 0.0, 0.0, 1.0, -kept, 0.0]])


def notch(fs_hz: float, *, centre_hz: float, quality: float) -> Array:
    """Design a notch, shape (1, 6), `centre_hz / quality` wide at -3 dB, unit gain at 0 Hz and half of `fs_hz`."""
    gain = 1.0 / (1.0 + math.tan(math.pi * centre_hz / quality / fs_hz))
    middle = -2.0 * gain * math.cos(2.0 * math.pi * centre_hz / fs_hz)
    return np.array([[gain, middle, gain, 1.0, middle, 2.0 * gain - 1.0]])


def hamming_low_pass(fs_hz: float, *, cutoff_hz: float, lag: int) -> Array:
    """Design a Hamming-windowed sinc, shape (2 * lag + 1,), unit gain at 0 Hz, -6 dB at the cut-off."""
    taps = np.sinc(2.0 * cutoff_hz / fs_hz * np.arange(-lag, lag + 1)) * np.hamming(2 * lag + 1)
    return np.asarray(taps / taps.sum())


def _warped(frequency_hz: float, fs_hz: float) -> float:
    """Give the analogue frequency that the bilinear transform maps to this one, in units of 2 fs."""
    return math.tan(math.pi * frequency_hz / fs_hz)


def _butterworth_poles(order: int) -> list[complex]:
    """Give the poles of the analogue low-pass of an even order that lie above the real axis."""
    if order == 2:  # to the last bit as it always was: released models were taught behind this filter
        return [complex(-math.sqrt(0.5), math.sqrt(0.5))]
    angles = (math.pi * (order + 1 + 2 * number) / (2 * order) for number in range(order // 2))
    return [complex(math.cos(angle), math.sin(angle)) for angle in angles]


def _pole_pair(analogue: complex) -> tuple[float, float, float]:
    pole = (1 + analogue) / (1 - analogue)
    return 1.0, -2.0 * pole.real, abs(pole) ** 2
