"""Whether a second may belong to a seizure: a rise over the baseline with a rhythm that several channels share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Second

FEWEST_TRUSTED = 0.5
"""Where fewer of the connected channels can be trusted, nobody can tell what they share."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Vote:
    """What the channels say of samples [start, end).

    `rise` (logarithm) and `hz` are medians over the channels that vote, NaN without any; `share` is how many of the
    connected ones do. `usable` are those a baseline may learn from.
    """

    start: int
    end: int
    is_on: bool
    is_strong: bool
    votes: Mask
    usable: Mask
    share: float
    rise: float
    hz: float


def vote(second: Second, levels: Array, trusted: Mask, limits: SeizureLimits) -> Vote:
    """Count the channels of a second.

    Parameters
    ----------
    levels : the baseline of line length and amplitude, shape (2, channel).
    trusted : of each channel, whether its signal can be trusted.
    """
    connected = second.swing_uv > limits.flat_uv
    usable = trusted & connected & (second.swing_uv < limits.most_uv) & ~_is_muscle(second, limits)
    rise = np.minimum(second.line_length - levels[0], second.amplitude - levels[1])
    hz = np.nan_to_num(second.hz)
    is_alpha = (hz >= limits.alpha_low_hz) & (hz <= limits.alpha_high_hz)
    has_risen = usable & (rise > limits.rise) & (hz >= limits.slowest_hz) & (hz <= limits.fastest_hz) & ~is_alpha
    votes = has_risen & (second.rhythm > limits.rhythm)
    strong = has_risen & (second.rhythm > limits.strong_rhythm)
    count = max(int(connected.sum()), 1)
    can_tell = int(usable.sum()) >= FEWEST_TRUSTED * count
    share = float(votes.sum()) / count
    return Vote(
        start=second.start,
        end=second.end,
        is_on=can_tell and share >= limits.share,
        is_strong=can_tell and float(strong.sum()) / count >= limits.strong_share,
        votes=votes,
        usable=usable,
        share=share,
        rise=_median(rise[votes]),
        hz=_median(second.hz[votes]),
    )


def _is_muscle(second: Second, limits: SeizureLimits) -> Mask:
    amplitude_uv = np.exp(second.amplitude)
    return (second.muscle_uv > limits.muscle_uv) & (second.muscle_uv > limits.muscle_ratio * amplitude_uv)


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
