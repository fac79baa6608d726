"""Whether a lead of which nobody says what it measures beats like an ECG: narrow complexes, alike, as hearts go."""

import numpy as np

from biosignal.ecg.qrs import QrsDetector
from biosignal.signal.filters import Array

LEAST_BEATS = 5
ALIKE = 0.8
"""Median correlation of the complexes with their mean."""
NARROW_S = 0.12
"""A QRS complex is narrower than this at half its height; a wave of the pulse is not."""
RETURN = 0.5
"""Behind a complex the lead comes back to within this part of its height; behind the step of a counter it does not."""
INTERVALS_S = (0.25, 2.5)
_HALF_S = 0.15


def beats_like_a_heart(samples: Array, fs_hz: float) -> bool:
    """Whether some seconds of a lead show at least `LEAST_BEATS` QRS complexes.

    Parameters
    ----------
    samples : shape (sample,), in any unit; NaN is taken as the value before it.
    fs_hz : 100 to 1000 Hz.
    """
    x = _without_nan(np.asarray(samples, np.float64))
    spread = float(np.ptp(x)) if x.size else 0.0
    if not np.isfinite(spread) or spread == 0.0:
        return False
    x = (x - np.median(x)) / spread  # of any scale: as if it swung by a millivolt
    beats = _beats(x, fs_hz)
    half = round(_HALF_S * fs_hz)
    inside = beats[(beats >= half) & (beats < x.size - half)]
    if len(beats) < LEAST_BEATS or len(inside) < LEAST_BEATS - 2:
        return False
    interval_s = float(np.median(np.diff(beats))) / fs_hz
    complexes = np.stack([x[beat - half : beat + half + 1] for beat in inside.tolist()])
    return INTERVALS_S[0] <= interval_s <= INTERVALS_S[1] and _are_alike(complexes) and _is_narrow(complexes, fs_hz)


def _beats(x: Array, fs_hz: float) -> Array:
    detector = QrsDetector(fs_hz)
    return np.asarray(sorted({found.sample for found in [*detector.push(x), *detector.finish()]}))


def _are_alike(complexes: Array) -> bool:
    level = complexes - np.mean(complexes, axis=1, keepdims=True)
    middle = np.median(level, axis=0)
    size = np.linalg.norm(level, axis=1) * np.linalg.norm(middle)
    alike = np.divide(level @ middle, size, out=np.zeros(len(level)), where=size > 0)
    return float(np.median(alike)) >= ALIKE


def _is_narrow(complexes: Array, fs_hz: float) -> bool:
    """Whether the usual complex is a short deflection from where the lead is before and behind it."""
    usual = np.median(complexes, axis=0)
    edge = max(1, round(0.03 * fs_hz))
    before, behind = float(np.median(usual[:edge])), float(np.median(usual[-edge:]))
    away = np.abs(usual - (before + behind) / 2)
    height = float(np.max(away))
    if height == 0.0 or abs(behind - before) > RETURN * height:
        return False
    return float(np.count_nonzero(away > height / 2)) / fs_hz <= NARROW_S


def _without_nan(x: Array) -> Array:
    known = np.isfinite(x)
    if not known.any():
        return np.zeros(0)
    last = np.maximum.accumulate(np.where(known, np.arange(x.size), -1))
    return x[np.where(last < 0, int(np.argmax(known)), last)]
