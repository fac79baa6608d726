"""How what may be a QRS stands among those before it: whether it is as high, whether it is on time.

The network sees a lead alone and four seconds of it, so the bump of an electrode that moves is as probable to it as a
faint QRS. Next to the eight before it the bump is small where complexes sound, at 8 to 20 Hz, and comes at any time.
This counts where those before it were not sure themselves and the lead is noisy; where they were sure the network's
word stands.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from biosignal.signal import filter_design
from biosignal.signal.filters import Array
from biosignal.signal.running import RunningMean
from biosignal.signal.sections import run_rows, settled_state
from biosignal.tasks.ecg_front.channels import RATE_HZ
from biosignal.tasks.ecg_front.columns import Columns

FLOOR = 0.08
"""What is less probable is nothing, whatever stands before it."""
MOST, LEAST = 8, 3
"""So many are looked back to; with fewer nothing is said."""
OVER = 10 * RATE_HZ
"""Samples after which one is forgotten, so that no gain and no rate of long ago decides."""
BAND_HZ = (8.0, 20.0)
ENVELOPE = 12
LEVEL_OVER = round(2.5 * RATE_HZ)
BEFORE, AFTER = 2, 14
"""Samples round a candidate in which its height is looked for: the filter is late, and so many are known by then."""
LEAST_HEIGHT = 1e-4

UNSURE = (3.12, 0.33)
"""Log odds, in the median of those before, at which they are sure, and wholly unsure."""
NOISY = (-2.65, -0.31)
"""The lead between complexes against their height, as logarithms: where it is not noisy, and wholly so."""
DROWNED = (-1.71, -0.64)
"""The same, where a height begins to say nothing, and says nothing at all."""
AS_HIGH = (0.36, -1.17)
"""Height against the median of those before, as logarithms: where it is high enough, and where it is far too low."""
LOWERED = 2.33
"""By how much in log odds what is far too low becomes less probable."""
RACING = (0.02, 0.10)
"""Tachycardia or fibrillation, as probable as the network says: from where on less is lowered, and nothing any more.

Its complexes sound low. Chosen on three of the 147 true alarms of `cinc2015`, which were lost without it.
"""
RAISED = 1.36
"""By how much what is high enough and on time becomes more probable."""
ON_TIME = 0.12
"""So much of the usual distance it may come earlier or later."""
TALL = -0.66
"""From such a height on, as in `AS_HIGH`, it is high enough for that.

All of these were chosen together on DS1 without 118 and 119 and on the records of svdb that are kept out of the
training: as they are, as they are with a network less sure by .3 to .6 in log odds, as it is of a patient it was not
taught, and with noise of 12, 6 and 0 dB that was found in recordings that are kept out, or made up.
"""


class _One(NamedTuple):
    at: float
    odds: float
    heights: Array


class Predecessors:
    """Holds what was probable lately; feed it all samples at 125 Hz.

    Parameters
    ----------
    rows : how many leads.
    """

    def __init__(self, rows: int) -> None:
        low_hz, high_hz = BAND_HZ
        self._band = np.ascontiguousarray(filter_design.butterworth_band_pass(RATE_HZ, low_hz=low_hz, high_hz=high_hz))
        self._state: Array | None = None
        self._envelope = RunningMean(rows, ENVELOPE)
        self._level = RunningMean(rows, LEVEL_OVER)
        self._heights = Columns(rows)
        self._levels = Columns(rows)
        self._held: deque[_One] = deque(maxlen=MOST)

    def push(self, samples: Array) -> None:
        """Take the next samples, shape (lead, sample), in mV."""
        if self._state is None:
            settled = settled_state(self._band)[np.newaxis]
            self._state = np.ascontiguousarray(settled * samples[:, :1, np.newaxis])
        heights = self._envelope.push(np.abs(run_rows(self._band, samples, self._state)))
        self._heights.extend(heights)
        self._levels.extend(self._level.push(np.log(np.maximum(heights, LEAST_HEIGHT))))

    def forget(self, until: int) -> None:
        """Let go of the samples before this one."""
        self._heights.forget(until)
        self._levels.forget(until)

    def swayed(self, k: int, at: float, odds: float, weights: Array, *, racing: float = 0.0) -> float:
        """Give the log odds that what is at sample `k`, exactly `at`, is a QRS, from those of the network.

        Parameters
        ----------
        racing : the probability of tachycardia or fibrillation there.
        weights : how much each lead counts, shape (lead,), one in sum.
        """
        while self._held and at - self._held[0].at > OVER:
            self._held.popleft()
        if len(self._held) < LEAST:
            return odds
        usual = np.maximum(np.median([one.heights for one in self._held], axis=0), LEAST_HEIGHT)
        height = _sum(weights, np.log(np.clip(self._height(k) / usual, 0.05, 5.0)))
        noise = _sum(weights, self._levels.between(k, k + AFTER + 1)[:, -1] - np.log(usual))
        unsure = _share(float(np.median([one.odds for one in self._held])), UNSURE)
        lowered = LOWERED * (1.0 - _share(racing, RACING)) * _share(height, AS_HIGH) * (1.0 - _share(noise, DROWNED))
        raised = RAISED if height > TALL and self._is_on_time(at) else 0.0
        return odds + unsure * _share(noise, NOISY) * (raised - lowered)

    def note(self, k: int, at: float, odds: float, *, apart: int) -> None:
        """Remember what was probable, if the one before is so many samples away."""
        if not self._held or at - self._held[-1].at >= apart:
            self._held.append(_One(at, odds, self._height(k)))

    def _height(self, k: int) -> Array:
        return np.asarray(np.max(self._heights.between(max(0, k - BEFORE), k + AFTER + 1), axis=1))

    def _is_on_time(self, at: float) -> bool:
        usual = float(np.median(np.diff([one.at for one in self._held])))
        return abs((at - self._held[-1].at) / usual - 1.0) < ON_TIME


def log_odds(probability: float) -> float:
    """Give the log odds of a probability, none beyond 200 to 1."""
    held = min(max(probability, 0.005), 0.995)
    return math.log(held / (1.0 - held))


def _share(value: float, ends: tuple[float, float]) -> float:
    """Where a value lies from the first end, 0, to the second, 1."""
    first, second = ends
    return min(max((value - first) / (second - first), 0.0), 1.0)


def _sum(weights: Array, values: Array) -> float:
    """Give a weighted sum whose order of terms does not depend on how the array lies in memory."""
    return float(np.add.reduce(weights * values))
