"""What the intervals between the last beats are like, in numbers that the network of the rhythm reads.

How far they scatter, how far each differs from the one before, how often the differences change sign, how surprising
the next one is, how alike those two, three or four beats apart are, and what is left of it without premature beats:
over the last 8, 16, 32 and 64 intervals each.
"""

import numpy as np
from numpy.typing import NDArray

WINDOWS = (8, 16, 32, 64)
MOST = WINDOWS[-1]
LEAST = 6
"""Fewer intervals than this are described by nothing."""
FEATURES = (
    "median",
    "p90 - p10",
    "p75 - p25",
    "longest",
    "shortest",
    "spread",
    "root mean square of differences",
    "median difference",
    "p25 of differences",
    "p75 of differences",
    "differences above 5 %",
    "above 10 %",
    "above 20 %",
    "turns",
    "entropy",
    "entropy of differences",
    "sample entropy",
    "alike",
    "alike in pairs",
    "correlation at 1",
    "at 2",
    "at 3",
    "median difference at 2",
    "at 3",
    "at 4",
    "premature",
    "differences without premature beats",
    "not beside a premature beat",
    "drift",
)
COUNT = len(WINDOWS) * (len(FEATURES) + 1)
"""How many numbers there are: those of each window, and how far each window is filled."""
USUAL_S = 0.8
ALIKE = 0.05
PREMATURE = 0.1
BIN = 0.06
BINS = 8

Array = NDArray[np.float64]


def described(log_s: Array) -> NDArray[np.float32]:
    """Describe intervals, a row each time.

    Parameters
    ----------
    log_s : shape (row, interval), natural logarithms of seconds, the newest last; `LEAST` to `MOST` of them.

    Returns
    -------
    Shape (row, `COUNT`). A window that is longer than what is known is described by what is known.

    Source
    ------
    Sample entropy with a fixed distance, for short rows, after Lake & Moorman 2011 (doi:10.1152/ajpheart.00561.2010).
    """
    rows, length = log_s.shape
    known = [min(window, length) for window in WINDOWS]
    windows = {count: _window(log_s[:, -count:]) for count in sorted(set(known))}
    parts = [windows[count] for count in known]
    filled = np.array(known) / np.array(WINDOWS)
    parts.append(np.broadcast_to(filled, (rows, len(WINDOWS))))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _window(x: Array) -> Array:
    rows, length = x.shape
    ordered = np.sort(x, axis=1)
    middle = _quantile(ordered, 0.5)
    y = x - middle[:, None]
    steps = x[:, 1:] - x[:, :-1]
    sizes = np.abs(steps)
    by_size = np.sort(sizes, axis=1)
    squares = steps * steps
    power = np.add.reduce(y * y, axis=1) / length
    premature = (y[:, :-1] < -PREMATURE) & (steps > PREMATURE)
    clear = np.ones((rows, length), bool)
    clear[:, :-1] &= ~premature
    clear[:, 1:] &= ~premature
    both = clear[:, 1:] & clear[:, :-1]
    pairs = (length - 1) * (length - 2)
    near = np.abs(x[:, :, None] - x[:, None, :]) < ALIKE
    one = near[:, :-1, :-1]
    alike = np.count_nonzero(one, axis=(1, 2)) - length + 2.0
    twice = np.count_nonzero(one & near[:, 1:, 1:], axis=(1, 2)) - length + 2.0
    return np.stack(
        [
            middle - np.log(USUAL_S),
            _quantile(ordered, 0.9) - _quantile(ordered, 0.1),
            _quantile(ordered, 0.75) - _quantile(ordered, 0.25),
            ordered[:, -1] - middle,
            ordered[:, 0] - middle,
            np.sqrt(power),
            np.sqrt(np.add.reduce(squares, axis=1) / (length - 1)),
            _quantile(by_size, 0.5),
            _quantile(by_size, 0.25),
            _quantile(by_size, 0.75),
            *(np.count_nonzero(sizes > limit, axis=1) / (length - 1) for limit in (0.05, 0.1, 0.2)),
            np.count_nonzero(steps[:, 1:] * steps[:, :-1] < 0, axis=1) / (length - 2),
            _entropy(y),
            _entropy(steps),
            np.log(alike / twice),
            np.log(alike / pairs),
            np.log(twice / pairs),
            *(np.add.reduce(y[:, lag:] * y[:, :-lag], axis=1) / (length - lag) / (power + 1e-5) for lag in (1, 2, 3)),
            *(_quantile(np.sort(np.abs(x[:, lag:] - x[:, :-lag]), axis=1), 0.5) for lag in (2, 3, 4)),
            np.count_nonzero(premature, axis=1) / (length - 1),
            np.sqrt(np.add.reduce(squares * both, axis=1) / np.maximum(np.count_nonzero(both, axis=1), 1)),
            np.count_nonzero(both, axis=1) / (length - 1),
            np.add.reduce(y * np.linspace(-1.0, 1.0, length), axis=1) / length,
        ],
        axis=1,
    )


def _quantile(ordered: Array, part: float) -> Array:
    """Give a quantile of sorted rows; `numpy.quantile` takes twenty times as long for so few."""
    place = part * (ordered.shape[1] - 1)
    below = int(place)
    value: Array = ordered[:, below]
    if below + 1 < ordered.shape[1]:
        value = value + (place - below) * (ordered[:, below + 1] - value)
    return value


def _entropy(values: Array) -> Array:
    """Entropy of each row over bins of `BIN`, as a share of the most that so many values can have."""
    rows, length = values.shape
    width = 2 * BINS + 1
    bins = np.minimum(np.maximum(np.rint(values / BIN), -BINS), BINS).astype(np.intp) + BINS
    bins += width * np.arange(rows)[:, None]
    share = np.bincount(bins.ravel(), minlength=width * rows).reshape(rows, width) / length
    entropy: Array = -np.add.reduce(share * np.log(np.maximum(share, 1e-9)), axis=1) / np.log(length)
    return entropy
