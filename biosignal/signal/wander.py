"""Taking the wander of the baseline off a window, without delay and without a memory of what lies before it."""

import numpy as np

from biosignal.signal.filters import Array


def without_wander(x: Array, width: int) -> Array:
    """Take the slow part off: what two means over `width` samples, one of the other, leave.

    Parameters
    ----------
    x : shape (lead, sample). Beyond its ends a window is taken to go on as it ends.
    width : odd. A second leaves what is above about half a hertz.
    """
    half = width // 2
    slow = x
    for _ in range(2):
        before, after = np.repeat(slow[:, :1], half + 1, axis=1), np.repeat(slow[:, -1:], half, axis=1)
        sums = np.cumsum(np.concatenate([before, slow, after], axis=1), axis=1)
        slow = (sums[:, width:] - sums[:, :-width]) / width
    return np.asarray(x - slow)
