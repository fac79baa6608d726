"""A column of numbers that is time, or counts lines: its step, where it wraps, and what it says is lost."""

import math
import re
from collections.abc import Sequence

import numpy as np

ROWS = 3  # fewer show no step
SPREAD = 0.5  # of the median step: further off is no clock
USUAL_HZ = 250.0
LIKELY_HZ = (5.0, 20_000.0)
TIME_NAMES = ("t", "time", "timestamp", "ts", "ms", "us", "s", "seconds", "millis", "micros", "zeit", "tick", "ticks")
COUNT_NAMES = ("n", "i", "index", "idx", "sample", "count", "counter", "cnt", "seq", "id", "packet", "frame")
_SCALES = (1.0, 1e-3, 1e-6)  # of a counter of microseconds that is printed in ms or s
_TURNS = (*(2.0**bits for bits in (4, 5, 6, 7, 8, 10, 12, 15, 16, 24, 31, 32)), 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)
_MOST_ACROSS = 64  # steps lost across a turn; further on it may have begun anew


class TimeColumn:
    """Finds losses in the steps of a column that rises evenly.

    Parameters
    ----------
    step : its usual step.
    fs_hz : lines a second; 0 where the column counts lines.
    place : which column it is.
    """

    def __init__(self, step: float, fs_hz: float, place: int = 0) -> None:
        self._step = step
        self._last: float | None = None
        self._fell = 0.0
        self.fs_hz = fs_hz
        self.place = place

    def lost(self, value: float, *, since: int = 1) -> int | None:
        """Lines lost before this one; None where the column began anew.

        Parameters
        ----------
        since : lines that came after the last one whose value is known, this one counted.
        """
        if math.isnan(value):
            return 0
        last, self._last = self._last, value
        if last is None:
            return 0
        forward = value - last
        if forward < 0:
            across = self._across(last - value)
            if across is None:
                return None
            forward = across
        return max(round(forward / self._step) - since, 0)

    def _across(self, drop: float) -> float | None:
        """How far a column went on that fell by `drop`, where it wrapped; a fall seen twice is its width."""
        seen, self._fell = self._fell, drop
        scales = _SCALES if self._step != 1 else (1.0,)
        turns = (turn * scale for turn in _TURNS for scale in scales)
        across = [
            turn - drop
            for turn in turns
            if 0.5 * self._step < turn - drop <= min(_MOST_ACROSS * self._step, max(turn / 8, 4 * self._step))
        ]
        if across:
            return min(across)
        return self._step if drop == seen else None

    def forget(self) -> None:
        """The column may begin anew."""
        self._last = None


def time_column(rows: Sequence[tuple[float, ...]], names: tuple[str, ...] = ()) -> TimeColumn | None:
    """The column that is time, where there are others beside it and it rises by steps that are nearly alike.

    By its name any column may be it, without one only the first.
    """
    if len(rows) < ROWS or len(rows[0]) < 2:
        return None
    named = [place for place, name in enumerate(names) if _plain(name) in (*TIME_NAMES, *COUNT_NAMES)]
    found = (_at(place, rows, _plain(names[place])) for place in named)
    column = next((each for each in found if each is not None), None)
    return column if names else _at(0, rows, "")


def _plain(name: str) -> str:
    return next((word for word in re.split(r"[^a-z]", name.lower()) if word), "")


def _at(place: int, rows: Sequence[tuple[float, ...]], name: str) -> TimeColumn | None:
    steps = np.diff([row[place] for row in rows])
    steps = steps[np.isfinite(steps)]
    if not steps.size:
        return None
    step = float(np.median(steps))
    falls = int((steps < 0).sum())  # one, where it wraps just now
    if step <= 0 or falls > 1 or ((steps <= 0).sum() > falls) or np.median(np.abs(steps - step)) > SPREAD * step:
        return None
    if name in COUNT_NAMES or (name not in TIME_NAMES and step == 1):
        return TimeColumn(step, 0.0, place)
    rates = [unit / step for unit in (1.0, 1e3, 1e6)]
    likely = [rate for rate in rates if LIKELY_HZ[0] <= rate <= LIKELY_HZ[1]]
    return TimeColumn(step, min(likely, key=lambda rate: abs(math.log(rate / USUAL_HZ)), default=0.0), place)
