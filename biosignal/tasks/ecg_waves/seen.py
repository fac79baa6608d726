"""What the network of the waves sees of a lead: two seconds at 250 Hz, without wander, in units of their own size.

The same code makes the windows on the device, in training and in the evaluation, so they cannot differ. A window knows
nothing of what lies before it, so whatever an artefact did is gone two seconds later.
"""

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.signal.interpolating import Interpolator
from biosignal.signal.wander import without_wander

PREPROCESSING = "ecg-waves/1"
RATE_HZ = 250.0
CUTOFF_HZ = 90.0
WINDOW = 512
STEP = 32
"""Samples that a window is later than the one before, and answers that are read of it."""
DELAY = 56
"""Samples behind the last answer that is read. With the low-pass and the shortest pause between two waves a bound is
known at most 400 ms behind it."""
READ = slice(WINDOW - DELAY - STEP, WINDOW - DELAY)
BASELINE = 251
"""Width of the means that are taken off as wander: a second."""
SIZE_AT = 0.98
"""A window is given in units of this quantile of its absolute value."""
LEAST_SIZE = 1e-6


def brought_to_rate(fs_hz: float, rows: int) -> Interpolator:
    """Make what brings several leads to the rate of the windows."""
    return Interpolator(fs_hz, rows, rate_hz=RATE_HZ, cutoff_hz=CUTOFF_HZ)


def shown(x: Array) -> NDArray[np.float32]:
    """Turn windows, float64, shape (lead, `WINDOW`), into what the network sees, float32, shape (lead, 1, `WINDOW`)."""
    flat = without_wander(x, BASELINE)
    at = round(SIZE_AT * (flat.shape[1] - 1))
    size = np.partition(np.abs(flat), at, axis=1)[:, at : at + 1]
    scaled: NDArray[np.float32] = (flat / np.maximum(size, LEAST_SIZE))[:, np.newaxis].astype(np.float32)
    return scaled
