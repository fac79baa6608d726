"""What the network of sleep sees of an epoch: its numbers, and where they stand in the night so far.

The same code makes the inputs on the device, in training and in the evaluation, so they cannot differ. Nothing looks
ahead: a night is described by what it was until now.
"""

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.epoch_powers import BANDS_HZ, NUMBERS
from biosignal.signal.filters import Array

PREPROCESSING = "eeg-sleep/1"
SUMMED = ("delta", "theta", "alpha", "beta")
"""Bands whose powers are also given as shares of their sum."""
DESCRIBED = (
    *(f"share of {band}" for band in SUMMED),
    *BANDS_HZ,
    "variance",
    "mobility",
    "drift",
)
"""What is said of an epoch, each as a natural logarithm. Drift is the variance over the power of the four bands."""
VIEWS = ("itself", "above the low", "from the middle", "rank of the hour", "rank of the night")
"""How each is said: as it is; less the tenth percentile of the last two hours; less their median, in interquartile
ranges; its rank in the last hour; its rank in the night."""
COUNT = len(DESCRIBED) * len(VIEWS)
TWO_HOURS, HOUR, DAY = 240, 120, 2880
"""In epochs. A night remembers a day."""
LEAST_SPREAD = 0.1
FLOOR = 1e-6
"""Less power than this, in uV^2/Hz or uV^2, is none."""

IN_MICROVOLTS = ("itself",)
SCALED = (*BANDS_HZ, "variance")
"""What changes with the amplitude of the whole recording, where it is given `IN_MICROVOLTS`."""
_WIDTHS_HZ: Array = np.array([BANDS_HZ[band][1] - BANDS_HZ[band][0] for band in SUMMED])

Values = NDArray[np.float32]


def scaled_inputs() -> NDArray[np.bool_]:
    """Which inputs change where the amplitude of the whole recording does, shape (`COUNT`,)."""
    by_view = [[what in SCALED and view in IN_MICROVOLTS for what in DESCRIBED] for view in VIEWS]
    return np.array(by_view, bool).ravel()


def described(numbers: Array) -> Array:
    """Turn the numbers of an epoch, shape (7,), into what is said of it, shape (12,).

    Whatever is not a positive number counts as next to none.
    """
    logs = np.log(np.maximum(numbers, FLOOR))
    widths = logs[: len(SUMMED)] + np.log(_WIDTHS_HZ)
    total = np.log(np.sum(np.exp(widths)))
    drift = logs[NUMBERS.index("variance")] - total
    return np.concatenate((widths - total, logs, [drift]))


class Night:
    """Remembers the epochs of a night and describes each new one beside them."""

    def __init__(self) -> None:
        self._held: Array = np.zeros((DAY, len(DESCRIBED)))
        self.epochs = 0
        """How many epochs it has seen."""
        self.usual_log_variance = 0.0
        """Median of the last two hours, of the logarithm of the variance in uV^2."""

    def add(self, row: Array) -> Values:
        """Take what is said of the next epoch, shape (12,); give what the network sees, float32, shape (`COUNT`,).

        An unknown number, NaN, has unknown inputs.
        """
        self._held[self.epochs % DAY] = row
        self.epochs += 1
        lately = self._last(TWO_HOURS)
        ordered = np.sort(lately, axis=0)
        low, quarter, middle, three = (_quantile(ordered, share) for share in (0.1, 0.25, 0.5, 0.75))
        self.usual_log_variance = float(middle[DESCRIBED.index("variance")])
        views = (
            row,
            row - low,
            (row - middle) / (three - quarter + LEAST_SPREAD),
            _rank(self._last(HOUR), row),
            _rank(self._last(DAY), row),
        )
        seen = np.concatenate(views)
        seen[np.tile(np.isnan(row), len(VIEWS))] = np.nan
        return seen.astype(np.float32)

    def _last(self, count: int) -> Array:
        """The last epochs, in any order."""
        known = min(count, self.epochs)
        end = (self.epochs - 1) % DAY + 1
        if end >= known:
            return self._held[end - known : end]
        return np.concatenate((self._held[:end], self._held[end - known :]))


def inputs_of(numbers: Array) -> Values:
    """Describe a whole night from its first epoch on: numbers, shape (epoch, 7), to inputs, shape (epoch, `COUNT`)."""
    night = Night()
    rows = [night.add(described(row)) for row in np.asarray(numbers, np.float64)]
    return np.array(rows, np.float32).reshape(-1, COUNT)


def _quantile(ordered: Array, share: float) -> Array:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    found: Array = ordered[below] + (place - below) * (ordered[above] - ordered[below])
    return found


def _rank(past: Array, row: Array) -> Array:
    """How much of the past is lower, and half of what is the same: 0 to 1."""
    lower, same = np.count_nonzero(past < row, axis=0), np.count_nonzero(past == row, axis=0)
    return np.asarray((lower + 0.5 * same) / len(past))
