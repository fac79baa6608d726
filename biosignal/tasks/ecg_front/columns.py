"""Signals of several leads, of which only the last moment is kept."""

import numpy as np

from biosignal.signal.filters import Array


class Columns:
    """The last columns of a growing array, by their number; what is before the first one is 0.

    Parameters
    ----------
    rows : how many rows it has.
    """

    def __init__(self, rows: int) -> None:
        self._held: Array = np.zeros((rows, 0))
        self._first = 0

    @property
    def end(self) -> int:
        """The number of the column that comes next."""
        return self._first + int(self._held.shape[1])

    def extend(self, more: Array) -> None:
        """Take the next columns."""
        self._held = np.concatenate((self._held, more), axis=1)

    def forget(self, until: int) -> None:
        """Let go of what is before this column."""
        spare = max(0, until - self._first)
        self._held = self._held[:, spare:]
        self._first += spare

    def between(self, start: int, end: int) -> Array:
        """Give the columns from one to another, as far as they came."""
        missing = max(0, self._first - start)
        held = self._held[:, max(0, start - self._first) : end - self._first]
        return np.pad(held, ((0, 0), (missing, 0))) if missing else held
