"""A first column of numbers that is time, or counts lines."""

import math
import re
from collections.abc import Sequence

import numpy as np

ROWS = 3  # fewer show no step
SPREAD = 0.5  # of the median step: further off is no clock
USUAL_HZ = 250.0
LIKELY_HZ = (5.0, 20_000.0)
TIME_NAMES = ("t", "time", "timestamp", "ms", "us", "s", "seconds", "millis", "micros")
COUNT_NAMES = ("n", "i", "index", "sample", "count", "counter", "seq")


class TimeColumn:
    """Finds losses in the steps of a column that rises evenly.

    Parameters
    ----------
    step : its usual step.
    fs_hz : lines a second; 0 where the column counts lines.
    """

    def __init__(self, step: float, fs_hz: float) -> None:
        self._step = step
        self._last: float | None = None
        self.fs_hz = fs_hz

    def lost(self, value: float, *, since: int = 1) -> int | None:
        """Lines lost before this one; None where the column began anew.

        Parameters
        ----------
        since : lines that came after the last one whose value is known, this one counted.
        """
        last, self._last = self._last, value
        if last is None:
            return 0
        steps = round((value - last) / self._step)
        return None if value < last else max(steps - since, 0)

    def forget(self) -> None:
        """The column may begin anew."""
        self._last = None


def time_column(rows: Sequence[tuple[float, ...]], names: tuple[str, ...] = ()) -> TimeColumn | None:
    """The first column as time, where there are others beside it and it rises by steps that are nearly alike."""
    if len(rows) < ROWS or len(rows[0]) < 2:
        return None
    steps = np.diff([row[0] for row in rows])
    step = float(np.median(steps))
    if step <= 0 or (steps <= 0).any() or np.median(np.abs(steps - step)) > SPREAD * step:
        return None
    name = re.split(r"[^a-z]", names[0].lower())[0] if names else ""
    if names and name not in (*TIME_NAMES, *COUNT_NAMES):
        return None
    if name in COUNT_NAMES or (name not in TIME_NAMES and step == 1):
        return TimeColumn(step, 0.0)
    rates = [unit / step for unit in (1.0, 1e3, 1e6)]
    likely = [rate for rate in rates if LIKELY_HZ[0] <= rate <= LIKELY_HZ[1]]
    return TimeColumn(step, min(likely, key=lambda rate: abs(math.log(rate / USUAL_HZ)), default=0.0))
