"""Windows of twelve seconds as the front end meets them: drawn by set, disturbed, and with what it should say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from biosignal.tasks.ecg_front.channels import RATE_HZ, Channels
from export.front.corpus import GOOD, NO_CONTACT, NOISY, UNKNOWN, UNSAID, VENTRICULAR, Strip

LENGTH = 1504
DRAWS = {"mitdb": 15, "svdb": 10, "cudb": 7, "vfdb": 10, "cinc2017": 6, "ptbxl": 6, "synthetic": 4}
ON_RHYTHM = {"cudb": 4, "vfdb": 7}
VERDICT_LEADS = 8
WIDENED = ("mitdb", "svdb", "cinc2017", "ptbxl")
FOUND_LEAST = 1000
QRS_SIGMA_S = 0.023
V_REACH_S = 0.04
FIT_AT = (0.09, 0.21)
"""Noise over peak to peak of the QRS at which a lead is wholly good, and not good at all: 12 and 5 dB."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Batch:
    """Windows with their targets, shape (window, sample) each; a weight of 0 says that nobody knows.

    The last `VERDICT_LEADS` windows are the leads of one recording that experts graded: `verdict` is what they said.
    """

    channels: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    fit: NDArray[np.float32]
    fit_weight: NDArray[np.float32]
    verdict: int | None
    records: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pacing:
    """How often what a pacemaker does is made up, as shares of the windows.

    Parameters
    ----------
    widened, spiked : windows of wide complexes, and how many of those have spikes.
    alone : windows with spikes that no beat belongs to.
    width : of a spike, standard deviation in samples.
    found : disturbed windows whose noise was found in other recordings.
    """

    widened: float = 0.06
    spiked: float = 0.6
    alone: float = 0.04
    width: float = 0.8
    found: float = 0.3


SETTLING = Pacing(widened=0.04, spiked=0.3, alone=0.01, width=0.5, found=0.15)
"""At the end of the training: with as many spikes as before, a narrow QRS in a fast rhythm was taken for one."""


class Windows:
    """Draws batches.

    Parameters
    ----------
    noises : recordings of noise to add, each shape (sample,) at 125 Hz.
    """

    def __init__(
        self,
        strips: Sequence[Strip],
        noises: Sequence[NDArray[np.float32]],
        *,
        seed: int,
        pacing: Pacing | None = None,
    ) -> None:
        self._pacing = pacing or Pacing()
        self._random = np.random.default_rng(seed)
        self._groups = {group: [one for one in strips if one.group == group] for group in DRAWS}
        self._graded = [one for one in strips if one.verdict is not None]
        self._unfit = [one for one in self._graded if not one.verdict]
        self._noises = [noise / np.std(noise) for noise in noises]
        self._found_noises = list(found_noises(strips))
        self._cost: dict[str, float] = {}

    def note_cost(self, record: str, cost: float) -> None:
        """Remember how badly a record went: records that go badly are drawn more often."""
        self._cost[record] = 0.9 * self._cost.get(record, cost) + 0.1 * cost

    def draw(self) -> Batch:
        """Draw one batch."""
        drawn = []
        for group, count in DRAWS.items():
            strips = self._groups[group]
            if not strips:
                continue
            odds = np.array([one.z.shape[1] for one in strips], np.float64)
            hard = odds * np.array([self._cost.get(one.name, 1.0) ** 0.7 for one in strips])
            paced = [one for one in strips if one.paced]
            for index in range(count):
                pool, chance = strips, hard if group in ("mitdb", "svdb") and index % 2 else odds
                if paced and index < 2:
                    pool, chance = paced, np.ones(len(paced))
                strip = pool[int(self._random.choice(len(pool), p=chance / chance.sum()))]
                drawn.append(self._window(strip, on_rhythm=index < ON_RHYTHM.get(group, 0)))
        names = [name for name, *_ in drawn]
        z, targets, weights, fit, fit_weight = (np.stack([one[index] for one in drawn]) for index in range(1, 6))
        verdict = None
        if self._graded:
            pool = self._unfit if self._random.random() < 0.5 and self._unfit else self._graded
            graded = pool[int(self._random.integers(len(pool)))]
            verdict = graded.verdict
            z = np.concatenate((z, self._graded_leads(graded)))
        return Batch(
            channels=Channels(len(z)).push(z),
            targets=targets.astype(np.float32),
            weights=weights.astype(np.float32),
            fit=fit.astype(np.float32),
            fit_weight=fit_weight.astype(np.float32),
            verdict=verdict,
            records=names,
        )

    def _graded_leads(self, strip: Strip) -> Array:
        rows = np.zeros((VERDICT_LEADS, LENGTH))
        count = min(strip.z.shape[1], LENGTH)
        whole = strip.z[:VERDICT_LEADS, :count].astype(np.float64)
        rows[: len(whole), :count] = whole
        rows[: len(whole), count:] = whole[:, -1:]
        return rows

    def _window(self, strip: Strip, *, on_rhythm: bool) -> tuple[str, Array, Array, Array, Array, Array]:
        random = self._random
        length = strip.z.shape[1]
        stretch = float(np.exp(random.uniform(np.log(0.87), np.log(1.15)))) if strip.group != "vfdb" else 1.0
        need = int(LENGTH * stretch) + 2
        start = int(random.integers(0, max(1, length - need)))
        if on_rhythm:
            wanted = np.flatnonzero((strip.vf == 1) | (strip.vt == 1))
            if len(wanted):
                start = int(np.clip(wanted[random.integers(len(wanted))] - random.integers(0, need), 0, length))
                start = max(0, min(start, length - need))
        row = int(random.integers(strip.z.shape[0]))
        span = slice(start, min(start + need, length))
        source = np.arange(LENGTH) * stretch
        x = strip.z[row, span].astype(np.float64)
        inside = source <= len(x) - 1
        z = np.interp(source, np.arange(len(x)), x)
        nearest = np.minimum(np.round(source).astype(np.int64), len(x) - 1)
        beats = (strip.beats - start) / stretch
        near = (beats > -60) & (beats < LENGTH + 60)
        beats, kinds = beats[near], strip.kinds[near]
        targets = np.zeros((4, LENGTH))
        weights = np.zeros((4, LENGTH))
        weights[0] = strip.qrs[span][nearest] & inside
        vf, vt, fit_kind = (mask[span][nearest] for mask in (strip.vf, strip.vt, strip.fit[row]))
        targets[2], weights[2] = vf == 1, (vf != UNKNOWN) & inside
        targets[3], weights[3] = vt == 1, (vt != UNKNOWN) & inside
        fit = np.zeros((3, LENGTH))
        for kind in (GOOD, NOISY, NO_CONTACT):
            fit[kind] = fit_kind == kind
        fit_weight = np.where(fit_kind == UNKNOWN, 0.0, np.where(fit_kind == GOOD, 0.25, 1.0)) * inside
        z = self._gained(z)
        height = _height(z, beats)
        pacing = self._pacing
        if random.random() < pacing.widened and strip.group in WIDENED:
            (z, beats), kinds = self.widen(z, beats, height), np.full_like(kinds, UNSAID)
            if random.random() < pacing.spiked:
                self._pace(z, beats, lead=(4, 18))
        if random.random() < 0.09 and strip.group != "vfdb":
            beats, kinds = self._stand_still(z, beats, kinds, weights, fit, fit_weight)
        _write_beats(targets, weights, beats, kinds)
        if random.random() < (0.5 if strip.group == "ptbxl" and strip.paced else 0.06):
            self._pace(z, beats)
        if random.random() < pacing.alone:
            self._pace(z, np.arange(random.uniform(0, 100), LENGTH, random.uniform(60, 150)))
        if random.random() < 0.42:
            self._disturb(z, height, fit, fit_weight)
        if random.random() < 0.14:
            self._lose_contact(z, height, targets, weights, fit, fit_weight)
        if random.random() < 0.3:
            t = np.arange(LENGTH) / RATE_HZ
            z += random.uniform(0, 0.5) * np.sin(2 * np.pi * (random.uniform(0.1, 0.45) * t + random.random()))
        z += random.normal(0.0, float(np.exp(random.uniform(np.log(2e-4), np.log(8e-3)))), LENGTH)
        return strip.name, z, targets, weights, fit, fit_weight

    def _gained(self, z: Array) -> Array:
        gain = float(np.exp(self._random.uniform(np.log(0.35), np.log(2.5))))
        offset = self._random.normal(0.0, 0.3) if self._random.random() < 0.3 else 0.0
        return np.asarray(z * (-gain if self._random.random() < 0.12 else gain) + offset)

    def _span(self, shortest_s: float, longest_s: float) -> tuple[int, int]:
        length = round(float(self._random.uniform(shortest_s, longest_s)) * RATE_HZ)
        start = int(self._random.integers(0, LENGTH - length))
        return start, start + length

    def _stand_still(
        self, z: Array, beats: Array, kinds: NDArray[np.int8], weights: Array, fit: Array, fit_weight: Array
    ) -> tuple[Array, NDArray[np.int8]]:
        """Take the beats out of a stretch and leave a baseline that lives: the electrodes are on, the heart is not."""
        random = self._random
        start, end = self._span(2.5, 9.0)
        length = end - start
        rest = self._noise_of(length) * random.uniform(0.003, 0.06)
        rest = lfilter([0.1], [1, -0.9], rest) + random.normal(0, random.uniform(0.002, 0.02), length)
        if random.random() < 0.4:
            for at in np.arange(random.uniform(0, 60), length, random.uniform(60, 150)):
                rest += random.uniform(0.02, 0.15) * np.exp(-0.5 * ((np.arange(length) - at) / 3.5) ** 2)
        fade = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / 25.0)
        line = np.linspace(z[start], z[end - 1], length)
        z[start:end] = z[start:end] * (1 - fade) + (line + rest) * fade
        weights[0, start : start + 25] = weights[0, end - 25 : end] = 0
        weights[2:, start:end] = 0
        # Such a lead is good: nobody may take a heart that stands still for an electrode that is off.
        fit[:, start:end] = 0
        fit[GOOD, start:end] = 1
        fit_weight[start:end] = 1.0
        kept = (beats < start) | (beats >= end)
        return beats[kept], kinds[kept]

    def widen(self, z: Array, beats: Array, height: float) -> tuple[Array, Array]:
        """Make the complexes as wide as those of a paced ventricle, T against them; give the signal and the beats."""
        random = self._random
        index = np.arange(LENGTH)
        sigma, t_after, t_sigma = random.uniform(2.5, 8.0), random.uniform(28, 42), random.uniform(6, 10)
        t_share = random.uniform(0.2, 0.9)
        base = np.convolve(np.pad(z, 62, mode="edge"), np.ones(125) / 125, mode="valid")
        t_wave, gate = np.zeros(LENGTH), np.zeros(LENGTH)
        for at in beats:
            gate = np.maximum(gate, np.exp(-0.5 * ((index - at) / 6.0) ** 2))
        narrow = (z - base) * gate
        reach = np.arange(-32, 33)
        taps = np.exp(-0.5 * (reach / sigma) ** 2)
        wide = np.convolve(narrow, taps / taps.sum(), mode="same")
        wide *= height / max(float(np.quantile(np.abs(wide), 0.97)), 0.05 * height)
        moved = beats.copy()
        for which, at in enumerate(beats):
            near = index[max(0, int(at) - 8) : int(at) + 9]
            near = near[near < LENGTH]
            if len(near):
                moved[which] = near[np.argmax(np.abs(wide[near]))]
                t_wave -= (
                    t_share * wide[int(moved[which])] * np.exp(-0.5 * ((index - moved[which] - t_after) / t_sigma) ** 2)
                )
        rest = (z - base) * (1 - gate) * random.uniform(0.0, 0.3)
        return np.asarray(wide + t_wave + rest), moved

    def _pace(self, z: Array, beats: Array, *, lead: tuple[float, float] = (2, 14)) -> None:
        """Put a spike ahead of each beat, by as many samples as `lead` allows."""
        before = self._random.uniform(*lead)
        height = self._random.uniform(0.1, 1.2) * self._random.choice((-1, 1))
        for beat in beats:
            at = beat - before
            near = np.arange(max(0, int(at) - 3), min(LENGTH, int(at) + 4))
            z[near] += height * np.exp(-0.5 * ((near - at) / self._pacing.width) ** 2)

    def _noise_of(self, length: int) -> Array:
        noise = self._noises[int(self._random.integers(len(self._noises)))]
        start = int(self._random.integers(0, len(noise) - length))
        return np.asarray(noise[start : start + length], np.float64)

    def _found_noise(self, length: int) -> Array:
        noise = self._found_noises[int(self._random.integers(len(self._found_noises)))]
        start = int(self._random.integers(0, len(noise) - length)) if len(noise) > length else 0
        piece = np.pad(noise, (0, max(0, length - len(noise))), mode="reflect")[start : start + length]
        return np.asarray(piece[::-1] if self._random.random() < 0.5 else piece)

    def _motion(self, length: int) -> Array:
        """Make up an electrode that moves: slow and fast drifts, steps, and bumps as wide as a QRS."""
        random = self._random
        y = np.zeros(length)
        for _ in range(int(random.integers(1, 4))):
            pole = np.exp(-2 * np.pi * random.uniform(0.8, 12.0) / RATE_HZ)
            part = lfilter([1 - pole], [1, -pole], random.normal(size=length))
            y += part / (np.std(part) + 1e-9) * random.uniform(0.2, 1.0)
        for _ in range(int(random.poisson(length / RATE_HZ * random.uniform(0.0, 2.5)))):
            at, width = random.uniform(0, length), random.uniform(2, 22)
            bump = np.exp(-0.5 * ((np.arange(length) - at) / width) ** 2)
            if random.random() < 0.4:
                bump = np.gradient(bump) * width
            y += random.normal(0, 2.0) * bump
        for _ in range(int(random.poisson(length / RATE_HZ * 0.15))):
            at = int(random.integers(0, length))
            y[at:] += random.normal(0, 3.0) * np.exp(-np.arange(length - at) / random.uniform(12, 190))
        swell = np.interp(np.arange(length), np.linspace(0, length, 9), random.uniform(0.2, 1.6, 9))
        y = (y - np.mean(y)) * swell
        return np.asarray(y / (np.std(y) + 1e-9))

    def _disturb(self, z: Array, height: float, fit: Array, fit_weight: Array) -> None:
        random = self._random
        share = float(np.exp(random.uniform(np.log(0.02), np.log(0.6))))
        source = random.random()
        if source < self._pacing.found and self._found_noises:
            noise = self._found_noise(LENGTH)
        else:
            noise = self._motion(LENGTH) if source < 0.75 else self._noise_of(LENGTH)
        if random.random() < 0.25:
            noise = noise + random.uniform(0.3, 1.0) * self._noise_of(LENGTH)
        if random.random() < 0.5:
            start, end = self._span(1.5, 8.0)
            envelope = np.zeros(LENGTH)
            envelope[start:end] = 1.0
            noise = noise * np.convolve(envelope, np.ones(25) / 25, mode="same")
        z += noise * share * height
        steady = lfilter([0.963, -0.963], [1, -0.926], noise)
        power = np.convolve(steady**2, np.ones(125) / 125, mode="same")
        level = np.sqrt(power) * share
        low, high = FIT_AT
        good = np.clip((high - level) / (high - low), 0.0, 1.0)
        known = (fit[GOOD] == 1) & (level > 0.02)
        fit[GOOD, known] = good[known]
        fit[NOISY, known] = 1 - good[known]
        fit_weight[known] = np.maximum(fit_weight[known], 0.25 + 0.75 * (1 - good[known]))

    def _lose_contact(
        self, z: Array, height: float, targets: Array, weights: Array, fit: Array, fit_weight: Array
    ) -> None:
        random = self._random
        start, end = self._span(1.5, 9.0)
        length = end - start
        t = np.arange(length)
        kind = int(random.integers(5))
        hiss = random.normal(0, random.choice((0.0, 0.0005, 0.002, 0.01)), length)
        if kind == 0:
            # A quiet line of more than a microvolt, without a jump, may as well be a heart that stands still.
            z[start:end] = z[start] + random.normal(0, random.choice((0.0, 0.0003)), length)
        elif kind == 1:
            z[start:end] = random.choice((-1, 1)) * random.uniform(2, 30) + hiss
        elif kind == 2:
            jump = random.choice((-1, 1)) * random.uniform(1, 20)
            decay = np.exp(-t / (RATE_HZ * random.uniform(0.3, 6.0)))
            z[start:end] = z[start] + jump * decay + hiss + 0.01 * self._noise_of(length)
        elif kind == 3:
            hum = random.uniform(0.05, 2.0) * np.sin(2 * np.pi * random.uniform(8, 55) * t / RATE_HZ)
            z[start:end] = z[start] + hum + hiss + random.normal(0, 1) * t / LENGTH
        else:
            z[start:end] += self._motion(length) * height * random.uniform(1.0, 6.0)
        if random.random() < 0.5 and end < LENGTH:
            rest = np.arange(LENGTH - end)
            z[end:] += random.normal(0, 4) * np.exp(-rest / (RATE_HZ * random.uniform(0.1, 1.5)))
            fit_weight[end : end + 60] = 0
        weights[0, max(0, start - 6) : start + 6] = 0
        weights[0, end - 6 : end + 12] = 0
        if kind == 4:
            weights[0, start:end] = 0
            fit[:, start:end] = 0
            fit[NOISY, start:end] = 1
        else:
            targets[:, start:end] = 0
            weights[0, start + 6 : end - 6] = 1
            weights[1, start:end] = 0
            fit[:, start:end] = 0
            fit[NO_CONTACT, start:end] = 1
        # One second into it the past still tells of the rhythm: what it was is not known any more.
        weights[2:, start:end] = 0
        fit_weight[start:end] = 1.0
        fit_weight[start : start + 40] = 0


def found_noises(strips: Sequence[Strip]) -> Iterator[Array]:
    """Give stretches in which somebody heard nothing but noise, of unit deviation and without their slowest drift.

    They are the noisy strips of `cinc2017`, what `vfdb` marks as noise and the leads of the recordings of `cinc2011`
    that experts refused, where these are neither flat nor at a rail.
    """
    for strip in strips:
        for z, fit in zip(strip.z, strip.fit, strict=True):
            refused = strip.verdict == 0
            edges = np.flatnonzero(np.diff(np.concatenate(([0], (fit == NOISY) | refused, [0]))))
            for start, end in zip(edges[::2], edges[1::2], strict=True):
                if end - start < FOUND_LEAST or strip.group not in ("cinc2017", "cinc2011", "vfdb"):
                    continue
                steady = lfilter([0.98, -0.98], [1, -0.96], z[start:end].astype(np.float64) - float(z[start]))
                deviation = float(np.std(steady))
                is_live = np.mean(np.abs(np.diff(steady)) < 1e-4 * deviation) < 0.2
                if 0.03 < deviation < 5.0 and is_live and float(np.max(np.abs(steady))) < 8 * deviation:
                    yield np.asarray(steady / deviation)


def _height(z: Array, beats: Array) -> float:
    """Give the usual peak to peak of a QRS in a window, in mV."""
    heights = [float(np.ptp(z[max(0, int(at) - 8) : int(at) + 9])) for at in beats if 8 <= at < LENGTH - 9]
    return float(np.clip(np.median(heights) if heights else 2 * np.std(z), 0.1, 5.0))


def _write_beats(targets: Array, weights: Array, beats: Array, kinds: NDArray[np.int8]) -> None:
    index = np.arange(LENGTH)
    reach = V_REACH_S * RATE_HZ
    for at, kind in zip(beats, kinds, strict=True):
        near = slice(max(0, int(at) - 14), min(LENGTH, int(at) + 15))
        bump = np.exp(-0.5 * ((index[near] - at) / (QRS_SIGMA_S * RATE_HZ)) ** 2)
        targets[0, near] = np.maximum(targets[0, near], bump)
        if kind == UNSAID:
            continue
        core = slice(max(0, int(at - reach)), max(0, min(LENGTH, int(at + reach) + 1)))
        targets[1, core] = kind == VENTRICULAR
        weights[1, core] = 4.0 if kind == VENTRICULAR else 1.0
