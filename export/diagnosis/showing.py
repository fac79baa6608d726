"""How records are shown while a network learns: a piece of each, changed, and often with some of its leads only."""

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import INDEPENDENT
from export.diagnosis.network import CROP

Floats = NDArray[np.float32]
LEADS = len(INDEPENDENT)
ALL_LEADS = 0.6
"""Part of the pieces that are shown with all leads; the others with one of `SETS` or with some at random."""
SETS = ((0, 1), (0,), (1,))
"""Limb leads alone: I and II, I, II."""
BLANKED = 0.1
NOISED = 0.5
MIXED = 0.03
GAIN = 0.1
STRETCH = 0.08


class Showing:
    """Draws changed pieces; the same seed draws the same ones.

    Parameters
    ----------
    leads : records, shape (record, 8, sample).
    noise : recorded noise of single leads at 100 Hz, shape (source, sample), each of unit variance.
    """

    def __init__(self, leads: Floats, noise: Floats, *, seed: int) -> None:
        self._leads = leads
        self._noise = noise
        self._random = np.random.default_rng(seed)

    def pieces(self, chosen: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Draw a piece of each chosen record: as it was cut, and changed, both shape (piece, 8, `CROP`)."""
        count, random = len(chosen), self._random
        stretch = np.exp(random.uniform(-STRETCH, STRETCH, count))
        length = self._leads.shape[2]
        first = random.random(count) * (length - 1 - CROP * stretch)
        at = first[:, None] + np.arange(CROP) * stretch[:, None]
        low = at.astype(np.int64)
        part = (at - low)[:, None, :].astype(np.float32)
        rows, leads = chosen[:, None, None], np.arange(LEADS)[None, :, None]
        before, after = self._leads[rows, leads, low[:, None, :]], self._leads[rows, leads, low[:, None, :] + 1]
        plain = before + part * (after - before)
        return plain, self._changed(plain)

    def _changed(self, x: Floats) -> Floats:
        count, random = len(x), self._random
        mixing = np.eye(LEADS) + random.normal(0.0, MIXED, (count, LEADS, LEADS)) * (random.random((count, 1, 1)) < 0.5)
        gain = np.exp(random.normal(0.0, GAIN / 2, (count, LEADS, 1)) + random.normal(0.0, GAIN / 2, (count, 1, 1)))
        x = np.asarray(np.matmul(mixing, x) * gain, np.float32)
        x = x + self._noises(count) * self._levels(count)
        for piece in np.flatnonzero(random.random(count) < BLANKED).tolist():
            start, long = random.integers(0, CROP), random.integers(8, 64)
            x[piece, :, start : start + long] = 0.0
        return np.asarray(x, np.float32)

    def _noises(self, count: int) -> Floats:
        source = self._random.integers(0, len(self._noise), (count, LEADS, 1))
        first = self._random.integers(0, self._noise.shape[1] - CROP, (count, LEADS, 1))
        return np.asarray(self._noise[source, first + np.arange(CROP)])

    def _levels(self, count: int) -> Floats:
        """Root mean square of the noise by lead, in mV: none, or up to a fifth of a millivolt."""
        level = 0.2 * self._random.beta(0.7, 3.0, (count, 1, 1)) * self._random.uniform(0.3, 1.0, (count, LEADS, 1))
        return np.asarray(level * (self._random.random((count, 1, 1)) < NOISED), np.float32)

    def masks(self, count: int) -> Floats:
        """Draw which leads are shown, shape (piece, 8)."""
        masks, random = np.ones((count, LEADS), np.float32), self._random
        for piece in np.flatnonzero(random.random(count) >= ALL_LEADS).tolist():
            kind = random.integers(0, len(SETS) + 1)
            kept = SETS[kind] if kind < len(SETS) else random.permutation(LEADS)[: random.integers(1, LEADS)]
            masks[piece] = 0.0
            masks[piece, list(kept)] = 1.0
        return masks
