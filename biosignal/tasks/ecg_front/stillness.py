"""Whether a lead that showed a heart lies still: nothing moved, and no electrode let go.

A line of a few microvolts looks alike to a network whether the heart stands still or the cable lies on the floor. What
tells them apart came before: a lead whose electrode lets go leaves its level, by the half volt that the electrode's
own potential is off or by what the open input drifts to. One whose heart stops stays where it was.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.ecg_front.fusion import GOOD
from biosignal.tasks.ecg_front.kinds import SECOND_STEPS


class Stillness:
    """Follows the level of each lead, and whether it was kept since the lead last showed a heart: swung, and was good.

    Parameters
    ----------
    rows : how many leads.
    """

    GOOD_LEAST = 0.5
    """From this on a lead is good in a step."""
    BAND_MV = 0.15
    """A lead that lies still goes no further from its level, which follows it: what is less high is no QRS complex."""
    LEVEL_STEPS = 16
    """The level is the median of so many steps, 4 s."""

    def __init__(self, rows: int) -> None:
        self._levels: deque[Array] = deque(maxlen=self.LEVEL_STEPS)
        self._kept: NDArray[np.bool_] = np.zeros(rows, bool)
        self._still: deque[NDArray[np.bool_]] = deque(maxlen=SECOND_STEPS)

    def push(self, samples: Array, scores: NDArray[np.float32]) -> None:
        """Take a step: samples in mV, shape (lead, sample), and what the network said, shape (lead, sample, output)."""
        good = np.add.reduce(scores[:, :, GOOD], axis=1) >= self.GOOD_LEAST * scores.shape[1]
        middle = np.median(samples, axis=1)
        level = np.median(self._levels, axis=0) if self._levels else middle
        furthest = np.maximum(samples.max(axis=1) - level, level - samples.min(axis=1))
        within = furthest <= self.BAND_MV
        self._kept = np.where(good, self._kept | ~within, self._kept & within)
        # A lead that left its level is no measure of where that was.
        self._levels.append(np.where(self._kept | good, middle, level))
        self._still.append(within & self._kept)

    @property
    def share(self) -> float:
        """Share of the last second in which the stillest lead lay still; 0 before there was one."""
        return float(np.add.reduce(self._still, axis=0).max() / SECOND_STEPS) if self._still else 0.0
