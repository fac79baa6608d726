"""The rhythm round a heartbeat as numbers: ratios of RR intervals, and the intervals themselves."""

import numpy as np
from numpy.typing import NDArray

RR_CAP_S = 2.0  # an RR interval counts as at most this
LOCAL_RR, CONTEXT_RR = 8, 64
HISTORY = 128  # intervals that the rhythm network sees: those before a beat, and as the last one that behind it
REGULAR = 0.15  # a beat feeds the templates when its RR is this near the local median, as a fraction

RATIOS = (
    "before",
    "after",
    "before/local",
    "after/local",
    "before/context",
    "after/context",
    "before/previous",
    "after/before",
    "previous/context",
    "one before previous/context",
    "both/local",
    "before/p90 of context",
    "spread of context",
    "irregularity local",
    "irregularity context",
)
KNOWN = ("before known", "after known", "context filled")
HISTORY_CHANNELS = ("interval", "known")
HISTORY_SHAPE = (len(HISTORY_CHANNELS), HISTORY)

Array = NDArray[np.float64]
_REFERENCE = float(np.log(0.8))


class Intervals:
    """The RR intervals of one lead, as a stream: ask for a beat's numbers, then add the interval before it.

    Nothing but intervals has a part in it, so annotated beats without samples give the same numbers.
    """

    def __init__(self) -> None:
        self._logs: Array = np.zeros(HISTORY - 1)
        self._count = 0

    def add(self, rr_s: float) -> None:
        """Take in an RR interval, seconds."""
        self._logs[:-1] = self._logs[1:]
        self._logs[-1] = _log(rr_s)
        self._count += 1

    def numbers(self, before_s: float | None, after_s: float | None) -> tuple[Array, Array, bool]:
        """Describe a beat by the intervals before and behind it, in seconds; None where there is none, or none yet.

        Returns
        -------
        `RATIOS` as natural logarithms, `KNOWN`, and whether the beat came when the last ones made one expect it.
        """
        filled = min(self._count, CONTEXT_RR)
        past = self._logs[-filled:] if filled else np.array([_log(0.8 if before_s is None else before_s)])
        local, context = median_of(np.sort(past[-LOCAL_RR:])), np.sort(past)
        middle, low, high = (float(context[int(part * (context.size - 1))]) for part in (0.5, 0.1, 0.9))
        before = local if before_s is None else _log(before_s)
        after = local if after_s is None else _log(after_s)
        one, two = past[-1], past[max(-2, -past.size)]
        steps = np.abs(past[1:] - past[:-1]) if past.size > 1 else np.zeros(1)
        late = steps[-LOCAL_RR:]
        both = float(np.logaddexp(before, after)) - np.log(2.0) - local
        ratios = np.array(
            (
                *(before - _REFERENCE, after - _REFERENCE, before - local, after - local),
                *(before - middle, after - middle, before - one, after - before, one - middle, two - middle, both),
                *(before - high, high - low),
                *(float(np.add.reduce(late) / late.size), float(np.add.reduce(steps) / steps.size)),
            )
        )
        known = np.array((before_s is not None, after_s is not None, filled / CONTEXT_RR), np.float64)
        return ratios, known, before_s is not None and bool(abs(np.expm1(before - local)) <= REGULAR)

    def history(self, before_s: float | None, after_s: float | None) -> Array:
        """Give the intervals up to the one behind a beat, shape `HISTORY_SHAPE`: log of each to 0.8 s, 0 if unknown."""
        out = np.zeros(HISTORY_SHAPE)
        filled = min(self._count, HISTORY - 2)
        if filled:
            out[0, -2 - filled : -2] = self._logs[-filled:] - _REFERENCE
            out[1, -2 - filled : -2] = 1.0
        for place, interval_s in ((-2, before_s), (-1, after_s)):
            if interval_s is not None:
                out[0, place], out[1, place] = _log(interval_s) - _REFERENCE, 1.0
        return out


def _log(interval_s: float) -> float:
    return float(np.log(min(interval_s, RR_CAP_S)))


def median_of(ordered: Array) -> float:
    """Give the median of sorted values; `numpy.median` takes ten times as long for so few."""
    half = ordered.size // 2
    return float(ordered[half]) if ordered.size % 2 else float((ordered[half - 1] + ordered[half]) / 2.0)
