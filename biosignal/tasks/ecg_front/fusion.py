"""One heart out of several leads: each says what it sees, and counts by how fit it says it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.ecg_front.channels import RATE_HZ
from biosignal.tasks.ecg_front.kinds import OUTPUTS

QRS, V, VF, VT, GOOD = (OUTPUTS.index(name) for name in ("qrs", "ventricular", "vf", "vt", "good"))
TAPS_ONE, TAPS_MORE = 5, 9
"""Samples over which the probability of a QRS is averaged; leads that peak apart need more."""
THRESHOLD = 0.25
"""Chosen on DS1 and on the records of svdb that are kept out of the training."""
REFRACTORY = round(0.2 * RATE_HZ)
AROUND = 2
FIT_OVER = round(0.5 * RATE_HZ)
LEAST_WEIGHT = 0.02


class Peak(NamedTuple):
    """A QRS.

    `at` is its time in samples at 125 Hz, with a fraction, `known` the last answer that was needed to see it, and
    `ventricular` the probability that it is one, over 40 ms.
    """

    at: float
    known: int
    ventricular: float


class Peaks:
    """Finds QRS in the answers about all leads. Holds the last second or so of them.

    Parameters
    ----------
    rows : how many leads.
    """

    def __init__(self, rows: int) -> None:
        self._half = (TAPS_ONE if rows == 1 else TAPS_MORE) // 2
        self._fit: Array = np.zeros((rows, 0))
        self._fused: Array = np.zeros(0)
        self._ventricular: Array = np.zeros(0)
        self._first = 0
        self._next = 0
        self.last = -REFRACTORY
        """Sample of the last QRS; another follows `REFRACTORY` samples later at the earliest."""

    def push(self, scores: NDArray[np.float32]) -> list[Peak]:
        """Take the next answers, shape (lead, sample, output), no more than some hundred; give the QRS now known."""
        fit = np.concatenate((self._fit[:, -FIT_OVER:], scores[:, :, GOOD].astype(np.float64)), axis=1)
        known = fit.shape[1] - scores.shape[1]
        sums = np.cumsum(fit, axis=1)
        length = np.arange(known, fit.shape[1])
        before = np.where(length >= FIT_OVER, sums[:, np.maximum(length - FIT_OVER, 0)], 0.0)
        steady = (sums[:, known:] - before) / np.minimum(length + 1, FIT_OVER)
        self._fit = fit
        weights = steady**2 + LEAST_WEIGHT
        weights /= np.add.reduce(weights, axis=0)
        self._fused = np.concatenate((self._fused, np.add.reduce(weights * scores[:, :, QRS], axis=0)))
        self._ventricular = np.concatenate((self._ventricular, np.add.reduce(weights * scores[:, :, V], axis=0)))
        found = list(self._peaks())
        spare = max(0, self._next - self._first - 4 * self._half - 4)
        self._fused, self._ventricular = self._fused[spare:], self._ventricular[spare:]
        self._first += spare
        return found

    def _peaks(self) -> list[Peak]:
        half = self._half
        end = self._first + len(self._fused)
        last = end - half - AROUND - 1
        if last < self._next:
            return []
        low = max(self._first, self._next - AROUND - half)
        padded = self._fused[low - self._first :]
        if self._next - AROUND - half < low:
            padded = np.concatenate((np.zeros(low - (self._next - AROUND - half)), padded))
        sums = np.cumsum(np.concatenate(([0.0], padded)))
        smooth = (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)
        found = []
        for k in range(self._next, last + 1):
            at = k - self._next + AROUND
            height = smooth[at]
            if height < THRESHOLD or k - self.last < REFRACTORY:
                continue
            if height >= smooth[at + 1 : at + AROUND + 1].max() and height > smooth[at - AROUND : at].max():
                left, right = smooth[at - 1], smooth[at + 1]
                bend = left - 2 * height + right
                shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
                near = self._ventricular[max(k - AROUND - self._first, 0) : k + AROUND + 1 - self._first]
                seen = float(np.add.reduce(near) / len(near))
                found.append(Peak(k + float(np.clip(shift, -0.5, 0.5)), k + half + AROUND, seen))
                self.last = k
        self._next = last + 1
        return found


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

    def __init__(self, rows: int) -> None:
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
        recent = self._fits[-4:]
        return float((np.add.reduce(recent, axis=0) / len(recent)).max())
