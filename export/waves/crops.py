"""Four seconds of a lead as they are shown in training: stretched, turned over, in noise, without their P waves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.ecg_waves.seen import DELAY, RATE_HZ, Channels
from export.waves.corpus import NONE, UNKNOWN, P, Strip

WINDOW = 1152
"""Samples of a crop: the network starts cold at its begin, as behind a gap."""
STRETCH = (0.75, 1.3)
SHARES = {"ludb": 0.55, "qtdb": 0.3, "ptbxl": 0.15}
"""Of the crops, by set."""
NOISY, WANDERING, HUMMING, SMOOTH, WITHOUT_P, CUT_SHORT = 0.35, 0.3, 0.15, 0.25, 0.2, 0.12
NOISE_DB = (3.0, 24.0)
"""Against a sine of the window's own peak to peak."""
FIBRILLATION_HZ = (4.0, 9.0)
AROUND_P = 6
"""Samples beside a P wave that go with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """What the network sees, shape (crop, channel, sample), and what is said of each sample, shape (crop, sample)."""

    x: NDArray[np.float32]
    said: NDArray[np.int64]


class Cutter:
    """Draws crops; the same seed draws the same ones.

    Parameters
    ----------
    muscle, wander : noise at 250 Hz, one array a lead.
    """

    def __init__(self, strips: Sequence[Strip], muscle: Sequence[Array], wander: Sequence[Array], *, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._sets: dict[str, list[tuple[Strip, NDArray[np.int64]]]] = {}
        for strip in strips:
            known = np.flatnonzero(strip.said != UNKNOWN).astype(np.int64)
            self._sets.setdefault(strip.group, []).append((strip, known))
        self._muscle, self._wander = muscle, wander

    def draw(self, count: int) -> Crops:
        """Draw so many crops."""
        shares = np.array([SHARES[group] for group in self._sets])
        groups = self._random.choice(len(shares), count, p=shares / shares.sum())
        names = list(self._sets)
        pairs = [self._crop(*self._one(self._sets[names[group]])) for group in groups]
        said = np.stack([said for _, said in pairs]).astype(np.int64)
        return Crops(Channels(count).push(np.stack([x for x, _ in pairs])), said)

    def _one(self, strips: list[tuple[Strip, NDArray[np.int64]]]) -> tuple[Strip, NDArray[np.int64]]:
        return strips[int(self._random.integers(len(strips)))]

    def _crop(self, strip: Strip, known: NDArray[np.int64]) -> tuple[Array, Array]:
        random = self._random
        stretch = random.uniform(*STRETCH)
        middle = int(known[random.integers(len(known))])
        at = middle + (np.arange(WINDOW) - random.integers(WINDOW)) / stretch
        nearest = np.clip(np.round(at).astype(np.int64), 0, len(strip.x) - 1)
        x = np.interp(at, np.arange(len(strip.x)), strip.x)
        said = np.where((at < 0) | (at > len(strip.x) - 1), UNKNOWN, strip.said[nearest])
        if random.random() < WITHOUT_P:
            x, said = self._without_p(x, said)
        x = x * random.choice([-1.0, 1.0]) * np.exp(random.uniform(-1.0, 1.0))
        return self._cut_short(self._spoilt(x), said)

    def _without_p(self, x: Array, said: Array) -> tuple[Array, Array]:
        """Take every P wave out and put the waves of fibrillating atria in."""
        random, is_p = self._random, said == P
        if not is_p.any():
            return x, said
        wide = np.convolve(is_p, np.ones(2 * AROUND_P + 1), "same") > 0
        known = np.flatnonzero(~wide)
        if not len(known):
            return x, said
        flat = np.interp(np.arange(len(x)), known, x[known])
        waves = np.zeros(len(x))
        if random.random() < 0.8:
            t = np.arange(len(x)) / RATE_HZ
            hz = random.uniform(*FIBRILLATION_HZ) * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(0.1, 1.0) * t))
            phase = np.cumsum(hz) / RATE_HZ * 2 * np.pi
            tall = random.uniform(0.01, 0.12) * np.ptp(x)
            waves = tall * (np.sin(phase) + random.uniform(0, 0.5) * np.sin(2 * phase + 1.0)) / 2
        return flat + waves, np.where(is_p, NONE, said)

    def _spoilt(self, x: Array) -> Array:
        random, tall = self._random, np.ptp(x)
        if random.random() < SMOOTH:
            width = int(random.integers(2, 7))
            x = np.convolve(np.pad(x, width, "edge"), np.ones(width) / width, "same")[width:-width]
        if random.random() < WANDERING:
            slow = self._stretch_of(self._wander)
            x = x + slow / max(float(np.ptp(slow)), 1e-9) * tall * random.uniform(0.1, 2.0)
        if random.random() < NOISY:
            fast = self._stretch_of(self._muscle)
            power = tall**2 / 8 / 10 ** (random.uniform(*NOISE_DB) / 10)
            x = x + fast / max(float(np.std(fast)), 1e-9) * np.sqrt(power)
        if random.random() < HUMMING:
            hz, t = random.choice([50.0, 60.0]), np.arange(len(x)) / RATE_HZ
            x = x + tall * random.uniform(0.005, 0.08) * np.sin(2 * np.pi * hz * t + random.uniform(0, 6.3))
        return np.asarray(x)

    def _stretch_of(self, noise: Sequence[Array]) -> Array:
        lead = noise[int(self._random.integers(len(noise)))]
        start = int(self._random.integers(len(lead) - WINDOW))
        part = lead[start : start + WINDOW]
        return np.asarray(part - part.mean())

    def _cut_short(self, x: Array, said: Array) -> tuple[Array, Array]:
        """Let a recording begin or end inside the window, as its first and last ones do."""
        random = self._random
        if random.random() >= CUT_SHORT:
            return x, said
        cut = int(random.integers(DELAY // 2, WINDOW // 2))
        x, said = x.copy(), said.copy()
        if random.random() < 0.6:
            x[:cut], said[:cut] = x[cut], UNKNOWN
        else:
            x[-cut:], said[-cut:] = x[-cut - 1], UNKNOWN
        return x, said
