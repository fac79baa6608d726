"""Which of a recording's RR intervals are NN intervals, and why the others are not."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput

AROUND = 5
"""Intervals before and after one whose median it is held against."""
OUTLIER = 0.2
"""An interval that differs by more than this share from those around it comes from a beat missed or found wrongly."""


class Excluded(str, Enum):
    """Why an RR interval is no NN interval, the first that holds."""

    RHYTHM = "within a rhythm that is irregular or not sinus"
    SIGNAL = "signal not usable"
    ECTOPIC = "beside an ectopic beat"
    UNCLASSIFIED = "beside a beat without a class"
    OUTLIER = "more than 20 % off the intervals around it"


_REASONS = tuple(Excluded)
_NN = len(_REASONS)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Intervals:
    """RR intervals in the order of time.

    Parameters
    ----------
    at_s : float64, shape (interval,): when the beat came that ends it, seconds from the start of the recording.
    rr_s : float64, shape (interval,): its length.
    follows : bool, shape (interval,): whether it begins with the beat that ended the one before.
    reason : uint8, shape (interval,): index of its reason in `Excluded`, or one past the last: an NN interval.
    """

    at_s: NDArray[np.float64]
    rr_s: NDArray[np.float64]
    follows: NDArray[np.bool_]
    reason: NDArray[np.uint8]

    @property
    def is_nn(self) -> NDArray[np.bool_]:
        """Whether each is an NN interval."""
        nn: NDArray[np.bool_] = self.reason == _NN
        return nn

    def excluded(self) -> dict[str, int]:
        """Count those that are no NN intervals, by reason."""
        counts = np.bincount(self.reason, minlength=_NN + 1)
        return {reason.value: int(counts[index]) for index, reason in enumerate(_REASONS)}


def intervals_of(
    at_s: NDArray[np.float64],
    rr_s: NDArray[np.float64],
    *,
    normal: NDArray[np.bool_],
    ectopic: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    sinus: NDArray[np.bool_],
) -> Intervals:
    """Sort the RR intervals of a recording's beats into NN intervals and others.

    Parameters
    ----------
    at_s : float64, shape (beat,), rising, in s.
    rr_s : float64, shape (beat,): interval from the beat before, in s; NaN where no interval leads up to the beat.
    normal, ectopic : bool, shape (beat,): called normal; called a beat of another origin. Neither: without a class.
    usable : bool, shape (beat,): the signal under it can be trusted.
    sinus : bool, shape (beat,): it lies in no rhythm other than sinus.

    Raises
    ------
    BadInput : the beats are not in order, the shapes differ, or an interval is not above 0.
    """
    if not len(at_s) == len(rr_s) == len(normal) == len(ectopic) == len(usable) == len(sinus):
        raise BadInput("intervals need one value a beat", beats=len(at_s))
    if np.any(np.diff(at_s) <= 0) or np.any(rr_s <= 0):
        raise BadInput("beats must come one after the other")
    ends = np.flatnonzero(np.isfinite(rr_s) & (np.arange(len(rr_s)) > 0))
    reason = np.full(len(ends), _NN, np.uint8)
    either = {
        Excluded.UNCLASSIFIED: ~(normal | ectopic),
        Excluded.ECTOPIC: ectopic,
        Excluded.SIGNAL: ~usable,
        Excluded.RHYTHM: ~sinus,
    }
    for why, beats in either.items():
        reason[beats[ends] | beats[ends - 1]] = _REASONS.index(why)
    follows = np.zeros(len(ends), bool)
    follows[1:] = np.diff(ends) == 1
    reason[_outliers(rr_s[ends], reason == _NN)] = _REASONS.index(Excluded.OUTLIER)
    return Intervals(at_s=at_s[ends], rr_s=rr_s[ends], follows=follows, reason=reason)


def _outliers(rr_s: NDArray[np.float64], candidates: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Indices of candidates far off the median of the candidates around them."""
    index = np.flatnonzero(candidates)
    values = rr_s[index]
    if len(values) < 3:
        return np.zeros(0, np.intp)
    padded = np.pad(values, AROUND, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    median = np.nanmedian(around, axis=1)
    return index[np.abs(values - median) > OUTLIER * median]
