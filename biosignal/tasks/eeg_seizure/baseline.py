"""What is usual for this patient, channel by channel, and until that is known what is usual for people."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.eeg_seizure.limits import SeizureLimits


@dataclass(slots=True, eq=False)
class _Waiting:
    """A second that is not yet old enough to be learned: values of shape (quantity, channel)."""

    values: Array
    usable: NDArray[np.bool_]


class Baseline:
    """Running medians of two quantities for each channel, mixed with a prior until they are full.

    Parameters
    ----------
    channels : how many.
    """

    def __init__(self, channels: int, limits: SeizureLimits) -> None:
        self._limits = limits
        self._prior = np.array([[limits.prior_line_length], [limits.prior_amplitude]])
        self._learned = np.full((2, channels, limits.baseline_s), np.nan)
        self._count = np.zeros(channels, np.int64)
        self._median = np.zeros((2, channels))
        self._waiting: deque[_Waiting] = deque()

    @property
    def own_share(self) -> Array:
        """How much of each channel's baseline is the patient's own, 0 to 1; shape (channel,)."""
        return np.asarray(np.minimum(self._count / self._limits.baseline_s, 1.0))

    @property
    def levels(self) -> Array:
        """The baseline, shape (quantity, channel)."""
        limits = self._limits
        count = np.minimum(self._count, limits.baseline_s)
        weight = np.where(count < limits.baseline_s, limits.prior_weight_s, 0.0)
        whole = count + weight
        return np.asarray((count * self._median + weight * self._prior) / np.maximum(whole, 1e-9))

    def push(self, values: Array, usable: NDArray[np.bool_]) -> None:
        """Take the quantities of a second; those of a channel that is not usable are never learned."""
        self._waiting.append(_Waiting(values, usable))
        if len(self._waiting) > self._limits.lag_s:
            self._learn(self._waiting.popleft())

    def forget_waiting(self) -> None:
        """What is not yet learned is no baseline: something began."""
        for second in self._waiting:
            second.usable = np.zeros_like(second.usable)

    def _learn(self, second: _Waiting) -> None:
        channels = np.flatnonzero(second.usable)
        if not len(channels):
            return
        self._learned[:, channels, self._count[channels] % self._limits.baseline_s] = second.values[:, channels]
        self._count[channels] += 1
        ordered = np.sort(self._learned, axis=2)
        count = np.minimum(self._count, self._limits.baseline_s)
        every = np.arange(len(count))
        low, high = np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2
        self._median = np.where(count > 0, 0.5 * (ordered[:, every, low] + ordered[:, every, high]), 0.0)
