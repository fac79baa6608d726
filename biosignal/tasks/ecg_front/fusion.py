"""One heart out of several leads: each says what it sees, and counts by how fit it says it is."""

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.ecg_front.channels import RATE_HZ
from biosignal.tasks.ecg_front.columns import Columns
from biosignal.tasks.ecg_front.kinds import OUTPUTS, SECOND_STEPS
from biosignal.tasks.ecg_front.predecessors import FLOOR, Predecessors, log_odds

QRS, V, VF, VT, GOOD = (OUTPUTS.index(name) for name in ("qrs", "ventricular", "vf", "vt", "good"))
HALF = 2
"""The probability of a QRS is averaged over so many samples to either side."""
APART = 2
"""Leads that peak up to so many samples apart, to either side, are taken to mean the same."""
THRESHOLDS = (0.25, 0.40)
"""A QRS is at least as probable as the first on leads that are wholly fit, as the second on leads that are not.

Artefacts look like QRS by halves; what is clear on a clean lead may be faint. Chosen on DS1 and on the records of svdb
that are kept out of the training, as they are and with noise that does not train.
"""
FIT_BETWEEN = (0.5, 0.9)
"""Fitness at which a lead is not fit, and wholly fit."""
LEAST_HEIGHT_MV = 0.15
"""AAMI EC13 asks that a QRS of less is not counted, and that one of 0.5 mV is."""
QUIET_OVER = round(1.0 * RATE_HZ)
"""A lead that did not swing as far as the least QRS over so many samples is quiet."""
SPEAKERS = 2
"""A quiet lead counts for nothing beside so many that are wholly fit and are not quiet.

A muted channel looks like a clean lead without beats, and ten of them outvoted two leads on which a heart beat. Beside
one such lead it counts as before: what one lead of many tells may be an artefact, and the heart may stand still.
"""
REFRACTORY = round(0.2 * RATE_HZ)
AROUND = 2
FIT_OVER = round(0.5 * RATE_HZ)
LEAST_WEIGHT = 0.02
PLACED_BACK, PLACED_ON = 12, 2
PLACED_OVER_BEFORE, PLACED_OVER_AFTER = 25, 15
PLACED_CLEARLY = 1.2
"""A complex is placed at its greatest deflection in the 96 ms before, from the mean over so many samples, if that is so
many times the one at hand. Chosen on the paced records of mitdb; others lose up to a tenth of a point within 50 ms."""
HEIGHT_BEFORE, HEIGHT_AFTER = 8, 4
"""Where the height of a QRS is taken, in samples; what comes later is not known yet."""
OWN_BEFORE, OWN_AFTER = 10, 3
"""How far from the QRS of all leads that of one lead is looked for, in samples."""


class Peak(NamedTuple):
    """A QRS.

    `at` is its time in samples at 125 Hz, with a fraction, `known` the last answer that was needed to see it,
    `ventricular` the probability that it is one, over 40 ms, and `fit` how fit the leads that saw it are.
    """

    at: float
    known: int
    ventricular: float
    fit: float


class Peaks:
    """Finds QRS in the answers about all leads. Holds the last second or so of them.

    Parameters
    ----------
    rows : how many leads.
    """

    def __init__(self, rows: int) -> None:
        self._reach = HALF if rows == 1 else HALF + APART
        self._good: Array = np.zeros((rows, 0))
        self._lately: Array = np.zeros((rows, 0))
        """The samples that came last, `QUIET_OVER` of them."""
        self._rows = Columns(rows)
        """What each lead says of a QRS, and how much it counts."""
        self._weights = Columns(rows)
        self._samples = Columns(rows)
        self._fused = Columns(3)
        """Ventricular, fitness, and tachycardia or fibrillation of all leads together."""
        self._before = Predecessors(rows)
        self._next = 0
        self._last = float(-REFRACTORY)

    def push(self, scores: NDArray[np.float32], samples: Array) -> list[Peak]:
        """Take the next answers and the next samples; give the QRS now known.

        Parameters
        ----------
        scores : shape (lead, sample, output), no more than some hundred samples.
        samples : shape (lead, sample), in mV; `DELAY` ahead of the answers.
        """
        steady = self._steady(scores[:, :, GOOD].astype(np.float64))
        weights = (steady**2 + LEAST_WEIGHT) * self._counts(steady, samples)[:, np.newaxis]
        weights /= np.add.reduce(weights, axis=0)
        seen: Array = np.stack((scores[:, :, V], steady, scores[:, :, VT] + scores[:, :, VF])).astype(np.float64)
        self._rows.extend(scores[:, :, QRS].astype(np.float64))
        self._weights.extend(weights)
        self._samples.extend(samples)
        self._before.push(samples)
        self._fused.extend(np.add.reduce(weights * seen, axis=1))
        found = list(self._peaks())
        spare = self._next - PLACED_OVER_BEFORE - 2 * self._reach - AROUND
        for held in (self._rows, self._weights, self._samples, self._fused):
            held.forget(spare)
        self._before.forget(spare)
        return found

    def _steady(self, good: Array) -> Array:
        """Give the fitness of each lead over the last `FIT_OVER` samples."""
        known = self._good.shape[1]
        whole = np.concatenate((self._good, good), axis=1)
        sums = np.cumsum(whole, axis=1)
        index = np.arange(known, whole.shape[1])
        before = np.where(index >= FIT_OVER, sums[:, np.maximum(index - FIT_OVER, 0)], 0.0)
        self._good = whole[:, -FIT_OVER:]
        return np.asarray((sums[:, known:] - before) / np.minimum(index + 1, FIT_OVER))

    def _counts(self, steady: Array, samples: Array) -> NDArray[np.bool_]:
        """Tell which leads count: all, or those that are not quiet where enough of them are wholly fit."""
        self._lately = np.concatenate((self._lately, samples), axis=1)[:, -QUIET_OVER:]
        is_loud = np.ptp(self._lately, axis=1) >= LEAST_HEIGHT_MV
        speakers = is_loud & (np.min(steady, axis=1) >= FIT_BETWEEN[1])
        return is_loud if np.count_nonzero(speakers) >= SPEAKERS else np.ones(len(is_loud), np.bool_)

    def _peaks(self) -> Iterator[Peak]:
        """Give the peaks whose neighbours are known."""
        last = self._fused.end - self._reach - AROUND - 1
        if last < self._next:
            return
        ventricular, fit, racing = self._fused.between(self._next - AROUND, self._fused.end)
        smooth = self._joined(self._next - AROUND, last + AROUND + 1)
        centre = smooth[AROUND:-AROUND]
        thresholds = self._thresholds(fit[AROUND:][: len(centre)])
        is_peak = centre >= FLOOR
        for shift in range(1, AROUND + 1):
            is_peak &= centre > smooth[AROUND - shift :][: len(centre)]
            is_peak &= centre >= smooth[AROUND + shift :][: len(centre)]
        for index in np.flatnonzero(is_peak).tolist():
            k = self._next + index
            if self._height(k) < LEAST_HEIGHT_MV:
                continue
            middle = k + _vertex(*smooth[index + AROUND - 1 : index + AROUND + 2].tolist())
            around = ventricular[index : index + 2 * AROUND + 1]
            looks = float(np.add.reduce(around) / len(around))
            if not self._is_probable(
                k, middle, float(centre[index]), float(thresholds[index]), float(racing[index + AROUND])
            ):
                continue
            lead = self._lead(k)
            own = middle if len(self._good) == 1 else self._own(lead, k)
            at = middle if own is None else self._placed(lead, own)
            if at - self._last < REFRACTORY:
                at = middle
            if at - self._last < REFRACTORY:
                continue
            yield Peak(at, k + self._reach + AROUND, looks, float(fit[index + AROUND]))
            self._last = at
        self._next = last + 1

    def _is_probable(self, k: int, middle: float, probability: float, threshold: float, racing: float) -> bool:
        """Tell whether what may be a QRS is one, next to those before it; it counts among them for the next ones."""
        odds = log_odds(probability)
        swayed = self._before.swayed(k, middle, odds, self._weights.between(k, k + 1)[:, 0], racing=racing)
        if probability >= threshold:
            self._before.note(k, middle, odds, apart=REFRACTORY)
        return swayed >= log_odds(threshold)

    def _joined(self, start: int, end: int) -> Array:
        """How probable a QRS is from one sample to another: each lead's best near it, by how much the lead counts."""
        smooth = _smoothed(self._rows.between(start - self._reach, end + self._reach))
        if len(smooth) == 1:
            return np.asarray(smooth[0])
        best = reduce(np.maximum, _shifted(smooth, APART))
        return np.asarray(np.add.reduce(self._weights.between(start, end) * best, axis=0))

    def _height(self, k: int) -> float:
        """How high the highest lead is round a sample, peak to peak in mV."""
        near = self._samples.between(max(0, k - HEIGHT_BEFORE), k + HEIGHT_AFTER + 1)
        return float(np.max(np.max(near, axis=1) - np.min(near, axis=1)))

    @staticmethod
    def _thresholds(fit: Array) -> Array:
        low, high = FIT_BETWEEN
        clean, unfit = THRESHOLDS
        return unfit + (clean - unfit) * np.clip((fit - low) / (high - low), 0.0, 1.0)

    def _lead(self, k: int) -> int:
        """The lead that gives the time: the first if it counts half as much as another, so that it keeps to one."""
        weights = self._weights.between(k, k + 1)[:, 0]
        return 0 if 2 * weights[0] >= np.max(weights) else int(np.argmax(weights))

    def _placed(self, lead: int, at: float) -> float:
        """Go back to the greatest deflection near by, where it is clearly greater than the one at hand.

        Behind a pacing spike the network puts its mark late on the wide complex.
        """
        k = round(at)
        level = self._samples.between(max(0, k - PLACED_OVER_BEFORE), k + PLACED_OVER_AFTER + 1)[lead]
        first = max(0, k - PLACED_BACK)
        near = np.abs(self._samples.between(first, k + PLACED_ON + 1)[lead] - np.add.reduce(level) / len(level))
        best = int(np.argmax(near))
        here = float(np.max(near[max(0, k - 1 - first) : k + 2 - first]))
        if near[best] <= PLACED_CLEARLY * here:
            return at
        is_inside = 0 < best < len(near) - 1
        return first + best + (_vertex(*near[best - 1 : best + 2].tolist()) if is_inside else 0.0)

    def _own(self, lead: int, k: int) -> float | None:
        """Where a lead has its own QRS near `k`: leads peak apart, and a time between them is nobody's."""
        first = k - OWN_BEFORE
        own = _smoothed(self._rows.between(first - HALF, k + OWN_AFTER + HALF + 1)[lead])
        best = int(np.argmax(own))
        if own[best] < THRESHOLDS[0] or not 0 < best < len(own) - 1:
            return None
        return first + best + _vertex(*own[best - 1 : best + 2].tolist())


def _smoothed(x: Array) -> Array:
    """Give means over `HALF` samples to either side, where there are so many, along the last axis."""
    return np.asarray(sum(_shifted(x, HALF)) / (2 * HALF + 1))


def _shifted(x: Array, reach: int) -> list[Array]:
    """Give a signal moved by each number of samples up to `reach` to either side, as far as all of them go."""
    length = x.shape[-1] - 2 * reach
    return [x[..., shift : shift + length] for shift in range(2 * reach + 1)]


def _vertex(left: float, middle: float, right: float) -> float:
    """Where the parabola through three neighbours has its top, from the middle one, in samples."""
    bend = left - 2 * middle + right
    return min(max(0.5 * (left - right) / bend, -0.5), 0.5) if bend < 0 else 0.0


class Fibrillation:
    """Whether the leads fibrillate: each by its own answers, all that can be judged together.

    Parameters
    ----------
    rows : how many leads.
    """

    LEVEL_OVER = 3
    """Steps over which the probability is averaged: 0.77 s."""
    WITHIN = 20
    """Steps that are looked back over: 5.1 s."""
    EITHER, LEAST = 0.6, 0.2
    """A lead fibrillates where fibrillation or tachycardia is as likely as that, and fibrillation itself as this.

    The network shares its belief between the two where they look alike; both limits, and for how long, were chosen on
    the records of vfdb, cudb and svdb that are kept out of the training.
    """
    FIT = 0.5
    UNSETTLED = 7
    """In so many steps at a start, 1.8 s, nothing fibrillates: the network knows nothing of the lead yet, and an
    electrode that is being put on looks like it. Chosen on normal strips of cinc2017, where twice as many gain nothing.
    """

    def __init__(self, rows: int) -> None:
        self._steps = 0
        self._means: Array = np.zeros((0, rows))
        self._either: Array = np.zeros((0, rows))
        self._fits: Array = np.zeros((0, rows))
        self._on: NDArray[np.bool_] = np.zeros((0, rows), bool)

    def push(self, scores: NDArray[np.float32]) -> None:
        """Take the answers of one step, shape (lead, sample, output)."""
        mean, vt, fit = (np.add.reduce(scores[:, :, kind], axis=1, dtype=np.float64) for kind in (VF, VT, GOOD))
        mean, vt, fit = (each / scores.shape[1] for each in (mean, vt, fit))
        self._means = np.concatenate((self._means[-self.WITHIN + 1 :], mean[np.newaxis]))
        self._either = np.concatenate((self._either[-self.LEVEL_OVER + 1 :], (mean + vt)[np.newaxis]))
        self._fits = np.concatenate((self._fits[-self.WITHIN + 1 :], fit[np.newaxis]))
        recent = self._means[-self.LEVEL_OVER :]
        likely = np.add.reduce(recent, axis=0) / len(recent) > self.LEAST
        on = likely & (np.add.reduce(self._either, axis=0) / len(self._either) > self.EITHER)
        self._steps += 1
        on &= self._steps > self.UNSETTLED
        self._on = np.concatenate((self._on[-self.WITHIN + 1 :], on[np.newaxis]))

    def steps_on(self) -> int:
        """For how many of the last `WITHIN` steps the leads fibrillated.

        The one that did so longest counts, unless another lead that is fit did not for half as long.
        """
        on = np.add.reduce(self._on, axis=0)
        most = int(on.max())
        fit = np.add.reduce(self._fits, axis=0) / len(self._fits) >= self.FIT
        denied = bool(np.any(fit & (on < 0.5 * most)))
        return 0 if denied else most

    @property
    def probability(self) -> float:
        """The mean probability of the lead that shows it most, over what is looked back over."""
        return float((np.add.reduce(self._means, axis=0) / len(self._means)).max())

    @property
    def fit(self) -> float:
        """How fit the best lead was in the last second."""
        recent = self._fits[-SECOND_STEPS:]
        return float((np.add.reduce(recent, axis=0) / len(recent)).max())
