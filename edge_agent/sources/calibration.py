"""The scale of a board from a calibration pulse: square waves of a known height. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput

EDGE_S = 0.02  # an edge is over within this
PLATEAU_S = 0.03  # looked at on either side of it, short enough for a board with an AC-coupled input
LEAST_EDGES = 6
MOST_SCATTER = 0.05


class NoPulse(BadInput):
    """No calibration pulse is in the samples."""

    remedy = "switch the calibration signal on (1 mV square wave, at least 3 pulses), and take its lead off the patient"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """What a pulse measured, in the unit of the samples.

    Parameters
    ----------
    height : median of the edges; `scatter` is their spread as a fraction of it.
    base : the lower level.
    """

    height: float
    base: float
    scatter: float
    edges: int


def measure_pulse(samples: NDArray[np.float32], fs_hz: float) -> Pulse:
    """Measure square pulses in one channel, shape (sample,).

    Raises
    ------
    NoPulse : fewer than 6 edges of one height within 5 %.
    """
    x = np.asarray(samples, np.float64)
    edge, plateau = max(1, round(EDGE_S * fs_hz)), max(2, round(PLATEAU_S * fs_hz))
    reach = plateau + edge
    if len(x) < 4 * reach:
        raise NoPulse("too few samples", samples=len(x))
    rise = np.zeros(len(x))
    rise[:-edge] = x[edge:] - x[:-edge]
    rise[~np.isfinite(rise)] = 0.0
    high = np.abs(rise) > 0.5 * np.percentile(np.abs(rise), 99.9)
    starts = np.flatnonzero(high & ~np.concatenate([[False], high[:-1]]))
    heights, bases = [], []
    for start in starts:
        stop = start + int(np.argmin(high[start:])) if not high[start:].all() else len(x)
        middle = (start + stop + edge) // 2
        before = x[middle - edge - plateau : middle - edge]
        after = x[middle + edge : middle + edge + plateau]
        if len(before) < plateau or len(after) < plateau or not np.isfinite([*before, *after]).all():
            continue
        low, high_level = sorted((float(np.median(before)), float(np.median(after))))
        heights.append(high_level - low)
        bases.append(low)
    if len(heights) < LEAST_EDGES:
        raise NoPulse("no row of pulses is in the samples", edges=len(heights))
    height = float(np.median(heights))
    scatter = float(np.median(np.abs(np.asarray(heights) - height)) / height) if height > 0 else 1.0
    if scatter > MOST_SCATTER:
        raise NoPulse("the edges differ in height: this is no calibration pulse", scatter=f"{scatter:.0%}")
    return Pulse(height=height, base=float(np.median(bases)), scatter=scatter, edges=len(heights))
