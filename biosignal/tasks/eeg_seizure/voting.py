"""How much a second speaks for a seizure: channels that rose over the baseline with a rhythm."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Second

FEWEST_TRUSTED = 0.5
"""Where fewer of the connected channels can be trusted, nobody can tell what they share."""

MANY = 8
"""From so many channels on evidence is their mean; of fewer it is less."""
PART = 0.5
"""A second counts as one of a candidate from this part of the limit of the evidence on."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Vote:
    """What the channels say of samples [start, end).

    `evidence` is the mean over the connected channels, less where they are few. `votes` are those that gave enough of
    it, `share` is how many of the connected ones, `rise` (a logarithm) and `hz` are their medians, NaN without any.
    `is_on`: it may be a second of a candidate. `usable` are those that a baseline may learn from.
    """

    start: int
    end: int
    evidence: float
    is_on: bool
    votes: Mask
    usable: Mask
    share: float
    rise: float
    hz: float


def vote(second: Second, levels: Array, trusted: Mask, limits: SeizureLimits) -> Vote:
    """Weigh the channels of a second.

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
    is_slow = second.swing_uv > limits.slow_ratio * np.exp(second.amplitude)
    is_rhythm = (hz >= limits.slowest_hz) & (hz <= limits.fastest_hz) & ~is_alpha
    weight = np.clip(rise, 0.0, limits.most_rise) * np.clip(second.rhythm - limits.rhythm, 0.0, 1.0)
    given = np.where(usable & is_rhythm & ~is_slow, weight, 0.0)
    count = max(int(connected.sum()), 1)
    is_assessable = int(usable.sum()) >= FEWEST_TRUSTED * count
    votes = given > PART * limits.evidence
    # The mean of few channels strays further: it must be the higher.
    evidence = float(given.sum()) / count * math.sqrt(min(count, MANY) / MANY) if is_assessable else 0.0
    fewest = min(limits.fewest_channels, math.ceil(2 * count / 3))
    return Vote(
        start=second.start,
        end=second.end,
        evidence=evidence,
        is_on=evidence > PART * limits.evidence and int(votes.sum()) >= fewest,
        votes=votes,
        usable=usable,
        share=float(votes.sum()) / count,
        rise=_median(rise[votes]),
        hz=_median(second.hz[votes]),
    )


def _is_muscle(second: Second, limits: SeizureLimits) -> Mask:
    amplitude_uv = np.exp(second.amplitude)
    return (second.muscle_uv > limits.muscle_uv) & (second.muscle_uv > limits.muscle_ratio * amplitude_uv)


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
