"""Bridged electrodes: gel or sweat joins two of them, and their leads show one and the same signal.

Source: the electrical distance of Alschuler et al. (doi:10.1016/j.clinph.2013.08.024), the variance of the difference
of two leads. Departures: judged live from two half seconds in a row, with a fixed limit. Where all leads show little
but what their reference sees they are alike as well, so two that are one must stand out from the others.
"""

from collections.abc import Sequence

import numpy as np

from biosignal.eeg.electrodes import Derivation
from biosignal.signal.filters import Array

LOOKED_AT = 16
"""So many samples of a half second are compared first, of all pairs at once."""
SURELY_APART = 6.0
"""How many times the limit two leads differ at most in those samples if they are one."""
STANDS_OUT = 4.0
"""How many times the limit the other leads differ from the two at the median, and the two from a flat line."""
NEARER = 5.0
"""How many times as far from the two as they are from each other the others are at the median."""
IN_A_ROW = 1

Pair = tuple[int, int]


class Bridges:
    """Looks for pairs of leads that are one, in half seconds that follow each other.

    Parameters
    ----------
    derivations : of the leads, None where a name says no electrode. What one place was recorded as twice is no bridge.
    """

    def __init__(self, derivations: Sequence[Derivation | None]) -> None:
        count = len(derivations)
        apart = np.triu(np.ones((count, count), np.bool_), 1)
        for one in range(count):
            for other in range(one + 1, count):
                apart[one, other] &= derivations[one] is None or derivations[one] != derivations[other]
        self._pairs = np.nonzero(apart)
        self._seen: dict[Pair, int] = {}

    def candidates(self, samples: Array, limit_uv: float) -> list[list[Pair]]:
        """Pairs that may be one, for each half second; samples in uV, shape (piece, lead, sample)."""
        one, other = self._pairs
        if not len(one):
            return [[] for _ in samples]
        step = max(1, samples.shape[-1] // LOOKED_AT)
        few = samples[:, :, ::step]
        few = few - np.add.reduce(few, axis=-1, keepdims=True) / few.shape[-1]
        close = np.max(np.abs(few[:, one] - few[:, other]), axis=-1, initial=0.0) < SURELY_APART * limit_uv
        return [[(int(one[at]), int(other[at])) for at in np.flatnonzero(row)] for row in close]

    def find(self, samples: Array, candidates: Sequence[Pair], limit_uv: float) -> list[Pair]:
        """Give the pairs that are one now and were one half a second ago; samples in uV, shape (lead, sample)."""
        if not candidates:
            self._seen = {}
            return []
        seen = {}
        own = np.std(samples, axis=1)
        for one, other in candidates:
            apart_uv = float(np.std(samples[one] - samples[other]))
            least_uv = max(STANDS_OUT * limit_uv, NEARER * apart_uv)
            if apart_uv < limit_uv and own[one] >= least_uv and _differ(samples, one, other) >= least_uv:
                seen[one, other] = self._seen.get((one, other), 0) + 1
        self._seen = seen
        return [pair for pair, times in seen.items() if times >= IN_A_ROW]


def _differ(samples: Array, one: int, other: int) -> float:
    """How far the other leads are from a pair at the median, uV; infinite where there are none."""
    others = np.delete(samples, (one, other), axis=0)
    return float(np.median(np.std(others - samples[one], axis=1))) if len(others) else np.inf
