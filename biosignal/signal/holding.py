"""Samples that are not there: what a stage reads in their place, and how many there were."""

from collections.abc import Sequence

import numpy as np

from biosignal.signal.blocks import MILLIVOLT_PER, Samples, Unit
from biosignal.signal.filters import Array


class Held:
    """Brings one lead to millivolts where its unit allows, and holds the last valid value over invalid samples.

    Parameters
    ----------
    unit : of the lead; samples of a `RAW` lead stay as they are.
    """

    def __init__(self, unit: Unit) -> None:
        self._scale = MILLIVOLT_PER[unit]
        self._value = 0.0
        self.has_begun = False
        """Whether a valid sample was seen."""

    def push(self, x: Samples) -> Array:
        """Give the samples, shape (sample,), without invalid ones; those before the first valid one are left out."""
        valid = np.isfinite(x)
        scaled = x.astype(np.float64) * self._scale
        if not valid.all():
            if not self.has_begun:
                first = int(np.argmax(valid)) if valid.any() else len(x)
                valid, scaled = valid[first:], scaled[first:]
            latest = np.maximum.accumulate(np.where(valid, np.arange(len(valid)), -1))
            scaled = np.where(latest < 0, self._value, scaled[np.maximum(latest, 0)])
        if len(scaled):
            self._value = float(scaled[-1])
            self.has_begun = True
        return scaled


class HeldLeads:
    """The same for several leads of one stretch; one that begins without a valid sample is given its first one there.

    Parameters
    ----------
    units : of the leads.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._leads = [Held(unit) for unit in units]

    def push(self, samples: Samples) -> Array:
        """Take samples, shape (lead, sample), NaN where invalid; give float64 of the same shape, finite."""
        rows = zip(self._leads, samples, strict=True)
        return np.stack([_filled(lead.push(row), samples.shape[1]) for lead, row in rows])


def _filled(x: Array, length: int) -> Array:
    """Put the first valid value in front, where a lead began without any."""
    if len(x) == length:
        return x
    return np.concatenate((np.full(length - len(x), x[0] if len(x) else 0.0), x))
