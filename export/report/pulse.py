"""Whether the pulse went on: the one witness of a heart that an ECG lead does not know of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosignal.signal.blocks import LeadKind
from export.report.reading import Signals

PULSE_BAND_HZ = (0.5, 8.0)
LEAST_SHARE = 0.4
"""Of the record's usual pulse a beat must have so much."""
LEAST_PRESSURE = 10.0
"""In mmHg: less is no pulse of a heart that pumps."""
LONGEST_HOLE_S = 2.0
_CLOSEST_S = 0.3


def pulses_of(signals: Signals) -> list[NDArray[np.float64]]:
    """Give the times of the pulse's peaks in seconds, one array for each lead of pulse or pressure."""
    return [
        _peaks_s(row, signals.fs_hz, LEAST_PRESSURE if lead.kind is LeadKind.PRESSURE else 0.0)
        for lead, row in zip(signals.leads, signals.samples, strict=True)
        if lead.kind in (LeadKind.PLETH, LeadKind.PRESSURE)
    ]


def goes_on(pulses: Sequence[NDArray[np.float64]], start_s: float, end_s: float) -> bool:
    """Whether one of the leads shows two pulses or more in a stretch, and no hole of two seconds."""
    return any(_without_hole(peaks, start_s, end_s) for peaks in pulses)


def _without_hole(peaks: NDArray[np.float64], start_s: float, end_s: float) -> bool:
    inside = peaks[(peaks >= start_s) & (peaks <= end_s)]
    holes = np.diff(np.concatenate([[start_s], inside, [end_s]]))
    return len(inside) >= 2 and bool(holes.max() < LONGEST_HOLE_S)


def _peaks_s(x: NDArray[np.float32], fs_hz: float, least: float) -> NDArray[np.float64]:
    known = np.isfinite(x)
    if not known.any():
        return np.zeros(0)
    whole = np.where(known, x, np.median(x[known])).astype(np.float64)
    band = signal.butter(2, PULSE_BAND_HZ, "bandpass", fs=fs_hz, output="sos")
    smooth = signal.sosfiltfilt(band, whole)
    peaks, found = signal.find_peaks(smooth, distance=max(1, int(_CLOSEST_S * fs_hz)), prominence=0.0)
    if not len(peaks):
        return np.zeros(0)
    sizes = found["prominences"]
    # The usual pulse is one of those that are not ripple; a few artefacts may be larger.
    usual = float(np.median(sizes[sizes >= 0.1 * np.quantile(sizes, 0.98)]))
    floor = max(LEAST_SHARE * usual, least, np.finfo(np.float32).eps)
    return np.asarray(peaks[sizes >= floor] / fs_hz, np.float64)
