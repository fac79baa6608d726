"""Intervals between beats and the heart rate, counted as bedside monitors count it."""

from collections import deque

COUNTED = 8
"""Intervals in the average."""
SLOW_S = 1.2
"""Two intervals in a row longer than this: only the last three count, so that a slow rhythm shows sooner."""
ABSENT_S = 4.0
"""Without a beat for this long there is no heart rate."""


class HeartRateMeter:
    """Mean rate over the last beats.

    Source: the rule that monitors disclose for IEC 60601-2-27 (mean of recent intervals, fewer when slow; the longest
    and the shortest left out). Departures: 8 intervals, not 12, so that a step is followed within 10 s.
    """

    def __init__(self) -> None:
        self._intervals_s: deque[float] = deque(maxlen=COUNTED)

    def add(self, interval_s: float | None) -> None:
        """Count an interval; None is a beat that no interval leads up to."""
        if interval_s is not None:
            self._intervals_s.append(interval_s)

    def reset(self) -> None:
        """Forget the intervals: behind a gap, or when the beats stayed away."""
        self._intervals_s.clear()

    @property
    def bpm(self) -> float | None:
        """Beats per minute to one decimal; None before the first interval."""
        intervals = list(self._intervals_s)
        if not intervals:
            return None
        if len(intervals) >= 2 and min(intervals[-2:]) > SLOW_S:
            intervals = intervals[-3:]
        if len(intervals) >= 5:
            intervals = sorted(intervals)[1:-1]
        return round(60.0 / (sum(intervals) / len(intervals)), 1)
