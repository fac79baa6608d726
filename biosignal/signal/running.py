"""Means over the last moment of a signal."""

import numpy as np

from biosignal.signal.filters import Array


class RunningMean:
    """Mean of the last `length` values of each row, of as many as there are at a start."""

    def __init__(self, rows: int, length: int) -> None:
        self._length = length
        self._held: Array = np.zeros((rows, length))
        self._count = 0

    def push(self, x: Array) -> Array:
        """Take the next values, shape (row, sample); give the mean behind each, alike."""
        whole = np.concatenate((self._held, x), axis=1)
        sums = np.cumsum(np.concatenate((np.zeros((len(x), 1)), whole), axis=1), axis=1)
        counts = np.minimum(self._count + np.arange(1, x.shape[1] + 1), self._length)
        self._count = int(counts[-1])
        self._held = whole[:, -self._length :]
        return np.asarray((sums[:, self._length + 1 :] - sums[:, 1 : -self._length]) / counts)
