"""Power of NN intervals by frequency, by Lomb and Scargle: each interval counts at the beat that ends it.

Source
------
J. D. Scargle, Astrophysical Journal 263 (1982) 835-853; scaled so that the density, summed over all frequencies, gives
the variance. Departures: within a window a Hann taper, and the straight line through the intervals is taken off first.
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Band: TypeAlias = tuple[float, float]

SHORT_BANDS: Mapping[str, Band] = {"vlf": (0.0, 0.04), "lf": (0.04, 0.15), "hf": (0.15, 0.40)}
"""Hz, over five minutes."""
HOUR_BANDS: Mapping[str, Band] = {"vlf": (0.003, 0.04)}
"""Hz, over an hour of a long recording."""
SLOW_BAND = "ulf"
SLOW_HZ = 0.003
SLOW_STEP_S = 10.0
"""Slow changes are taken from means of ten seconds: at `SLOW_HZ` they lose 0.3 % of the power."""
OVERSAMPLING = 2
"""Frequencies an inverse length of the window: as many as the density of a window has."""
_CELLS = 1 << 21


def band_powers(
    at_s: Floats, nn_s: Floats, bands: Mapping[str, Band], *, start_s: float, length_s: float
) -> dict[str, float]:
    """Give the power in each band, in ms^2.

    Parameters
    ----------
    at_s, nn_s : float64, shape (interval,): when each NN interval ended and its length, in s; three or more.
    start_s, length_s : the window they lie in.
    """
    time = at_s - start_s
    values = 1e3 * (nn_s - np.polyval(np.polyfit(time, nn_s, 1), time))
    taper = np.sin(np.pi * np.clip(time / length_s, 0, 1)) ** 2
    step_hz = 1 / (OVERSAMPLING * length_s)
    highest = max(high for _, high in bands.values())
    grid = _grid(highest, step_hz)
    density = _density(time, values, taper, grid, mean_step_s=float(nn_s.mean()))
    return {name: _power(grid, density, low, high, step_hz) for name, (low, high) in bands.items()}


def slow_power(at_s: Floats, nn_s: Floats, *, length_s: float) -> float:
    """Give the power of a long recording's changes up to `SLOW_HZ`, in ms^2."""
    step = np.floor(at_s / SLOW_STEP_S).astype(np.int64)
    counts = np.bincount(step)
    means = 1e3 * np.bincount(step, weights=nn_s)[counts > 0] / counts[counts > 0].astype(np.float64)
    time = (np.flatnonzero(counts).astype(np.float64) + 0.5) * SLOW_STEP_S
    step_hz = 1 / (OVERSAMPLING * length_s)
    grid = _grid(SLOW_HZ, step_hz)
    density = _density(time, means - means.mean(), np.ones(len(time)), grid, mean_step_s=SLOW_STEP_S)
    return _power(grid, density, 0.0, SLOW_HZ, step_hz)


def _grid(highest_hz: float, step_hz: float) -> Floats:
    return np.arange(1, round(highest_hz / step_hz) + 1, dtype=np.float64) * step_hz


def _density(time: Floats, values: Floats, taper: Floats, grid_hz: Floats, *, mean_step_s: float) -> Floats:
    """One-sided power density in ms^2/Hz."""
    # In a window that has no variation at all the library would divide by zero.
    if not np.any(np.abs(values) > 1e-9):
        return np.zeros(len(grid_hz))
    from scipy.signal import lombscargle  # two seconds to import: for those who ask for a spectrum only

    rows = max(1, _CELLS // len(time))
    tapered = (values - np.average(values, weights=taper)) * taper
    parts = [
        np.atleast_1d(lombscargle(time, tapered, 2 * np.pi * grid_hz[first : first + rows]))
        for first in range(0, len(grid_hz), rows)
    ]
    scale = 2 * len(time) * mean_step_s / float(np.sum(taper**2))
    return np.concatenate(parts) * scale


def _power(grid_hz: Floats, density: Floats, low: float, high: float, step_hz: float) -> float:
    """The density summed over (low, high]."""
    inside = (grid_hz > low + step_hz / 4) & (grid_hz <= high + step_hz / 4)
    return float(density[inside].sum() * step_hz)
