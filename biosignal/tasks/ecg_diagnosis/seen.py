"""What the network of the diagnosis sees: ten seconds of eight leads at 100 Hz, and which of them are there.

The same code makes the windows on the device, in training and in the evaluation, so they cannot differ.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import INDEPENDENT, derived
from biosignal.signal.blocks import Samples
from biosignal.signal.filters import Array
from biosignal.signal.interpolating import Interpolator
from biosignal.signal.wander import without_wander

PREPROCESSING = "ecg-diagnosis/2"
RATE_HZ = 100.0
CUTOFF_HZ = 45.0
WINDOW = 1000
WINDOW_S = WINDOW / RATE_HZ
BASELINE = 201
MOST_MV = 8.0


MOST_INVALID = 0.1
"""A lead of which more is invalid is not shown."""


def brought_to_rate(fs_hz: float, rows: int) -> Interpolator:
    """Make what brings several leads to the rate of the windows."""
    return Interpolator(fs_hz, rows, rate_hz=RATE_HZ, cutoff_hz=CUTOFF_HZ)


def window_of(known: Mapping[str, Samples], fs_hz: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make of ten seconds what the network is given; nothing outside them is needed.

    Parameters
    ----------
    known : leads by their standard names, each in mV, NaN where invalid.

    Returns
    -------
    As `shown` has them.
    """
    valid = valid_of(known)
    if not valid:
        return shown({})
    rate = brought_to_rate(fs_hz, len(valid))
    rate.push(np.stack(list(valid.values())))
    rate.push(np.repeat(rate.last, rate.needs(WINDOW), axis=1))
    return shown(dict(zip(valid, rate.take(WINDOW), strict=True)))


def valid_of(known: Mapping[str, Samples]) -> dict[str, Samples]:
    """Give the leads of which enough is valid, the last valid sample held over invalid ones."""
    return {name: held for name, x in known.items() if (held := _held(x)) is not None}


def _held(x: Samples) -> Samples | None:
    """Hold the last valid sample over invalid ones; nothing where too many are."""
    is_valid = np.isfinite(x)
    if not len(x) or np.mean(~is_valid) > MOST_INVALID:
        return None
    latest = np.maximum.accumulate(np.where(is_valid, np.arange(len(x)), -1))
    return np.asarray(x[np.maximum(latest, int(np.argmax(is_valid)))], np.float32)


def shown(known: Mapping[str, Array]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn leads by their standard names, each shape (`WINDOW`,) in mV, into what the network is given.

    Returns
    -------
    Eight leads, float32, shape (8, `WINDOW`), and 1 for each that is there, shape (8,); the others are 0. What follows
    from others is made of them; what does not is not invented.
    """
    there = derived(known)
    leads, mask = np.zeros((len(INDEPENDENT), WINDOW), np.float32), np.zeros(len(INDEPENDENT), np.float32)
    for row, name in enumerate(INDEPENDENT):
        if name in there:
            flat = without_wander(np.asarray(there[name], np.float64)[np.newaxis], BASELINE)[0]
            leads[row] = np.clip(flat, -MOST_MV, MOST_MV)
            mask[row] = 1.0
    return leads, mask
