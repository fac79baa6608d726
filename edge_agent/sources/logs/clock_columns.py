"""Which columns hold times, in which unit, and which of them is the most even."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.logs.cells import is_time_name, time_unit_s
from edge_agent.sources.logs.clocks import clock_of, is_clock
from edge_agent.sources.logs.makers import Maker

_EPOCH_S = (1e9, 4e9)
_SCALES_S = (1.0, 1e-3, 1e-6, 1e-9)
_LONG_S = (60.0, 3600.0)
_DAY_S, _SERIAL_DAYS = (
    86_400.0,
    (
        (30_000.0, 70_000.0),  # of spreadsheets, since 1899: the years 1982 to 2091
        (720_000.0, 765_000.0),  # of MATLAB, since the year 0: 1971 to 2094
        (2_440_000.0, 2_485_000.0),  # Julian: 1968 to 2091
    ),
)
_SINCE_1601, _OF_1601_S = (1.16e17, 1.7e17), 1e-7  # file times of Windows
_LIKELY_HZ = (20.0, 10_000.0)  # in one scale only: three powers of ten lie between the scales
_LARGEST_SIGNAL = 1e11  # what rises from beyond it is a time, whatever its epoch
_RISING = 0.9  # of the steps of a clock


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockColumn:
    """The column of times. `seconds` are those of one unit; absent where the cells are clock times, or nobody knows.

    `guessed` says that the unit was taken from the rate it makes.
    """

    column: int
    name: str
    is_text: bool
    seconds: float | None
    step: float
    guessed: bool = False


def clocks_of(
    names: tuple[str, ...],
    units: tuple[str, ...],
    texts: dict[int, list[str]],
    table: list[NDArray[np.float64]],
    words: set[int],
    maker: Maker | None,
    fs_hz: float | None,
) -> list[ClockColumn]:
    """All columns that hold times: by the program that wrote them, by their name, by their cells."""
    found = []
    for place, name in enumerate(names):
        if place in words:
            continue
        own = next(
            (
                (seconds,)
                for pattern, seconds in (maker.clocks if maker else ())
                if re.search(pattern, name, re.IGNORECASE)
            ),
            None,
        )
        is_epoch = _epoch_s(table[place]) is not None and not units[place].strip().lower().endswith("v")
        is_named = is_time_name(name) or (place == 0 and is_time_name(units[place]))
        if own is None and not is_text_clock(texts[place]) and not is_named and not is_epoch:
            continue
        clock = clock_at(place, names, units, texts, table, fs_hz, own[0] if own else None)
        if clock.is_text or _rises(table[place]):
            found.append(clock)
    return found


def clock_at(
    place: int,
    names: tuple[str, ...],
    units: tuple[str, ...],
    texts: dict[int, list[str]],
    table: list[NDArray[np.float64]],
    fs_hz: float | None,
    seconds: float | None,
) -> ClockColumn:
    """The column at `place` as a clock; `seconds` are those of a unit where the program is known."""
    if is_text_clock(texts[place]):
        return ClockColumn(column=place, name=names[place], is_text=True, seconds=1.0, step=0.0)
    values = table[place]
    step = _step(values)
    said = seconds or time_unit_s(names[place], units[place]) or _epoch_s(values) or _serial_s(values)
    if said is not None:
        return ClockColumn(column=place, name=names[place], is_text=False, seconds=said, step=step)
    guess = _scale(step, fs_hz)
    return ClockColumn(
        column=place, name=names[place], is_text=False, seconds=guess, step=step, guessed=guess not in (None, 1.0)
    )


def _scale(step: float, fs_hz: float | None) -> float | None:
    """Seconds of a unit in which rows come at the rate said, or at a likely one."""
    if step <= 0:
        return None
    if fs_hz is not None:
        return next((scale for scale in (*_SCALES_S, 1 / fs_hz) if abs(step * scale * fs_hz - 1) < 0.05), None)
    if step == 1:  # a sample number as likely as a millisecond
        return None
    return next(
        (scale for scale in (*_SCALES_S, *_LONG_S) if _LIKELY_HZ[0] <= 1 / (step * scale) <= _LIKELY_HZ[1]),
        1.0 if step < 0.2 else None,
    )


def _step(values: NDArray[np.float64]) -> float:
    """The mean step without what is a gap, so that times that were rounded give the true one."""
    steps = np.diff(values[np.isfinite(values)])
    steps = steps[steps >= 0]
    if not steps.size or not steps.any():
        return 0.0
    usual = float(np.quantile(steps, 0.5, method="lower")) or float(np.median(steps[steps > 0]))
    near = steps[steps < 1.75 * usual]
    return float(near.mean())


def _epoch_s(values: NDArray[np.float64]) -> float | None:
    """Seconds in a unit of numbers so large that they can only be times since some epoch; None for all others."""
    good = values[np.isfinite(values)]
    if not good.size or len(good) <= len(values) / 2 or good.min() <= _EPOCH_S[0] or not _rises(values):
        return None
    if _SINCE_1601[0] < good.min() and good.max() < _SINCE_1601[1]:
        return _OF_1601_S
    since_1970 = (scale for scale in _SCALES_S if _EPOCH_S[0] < good.min() * scale and good.max() * scale < _EPOCH_S[1])
    return next(since_1970, _scale(_step(values), None) if good.min() > _LARGEST_SIGNAL else None)


def _serial_s(values: NDArray[np.float64]) -> float | None:
    """Seconds of a day where the numbers can be days as spreadsheets count them, and nothing else."""
    good = values[np.isfinite(values)]
    step = _step(values)
    if not good.size or step <= 0 or not any(low <= good.min() and good.max() <= high for low, high in _SERIAL_DAYS):
        return None
    return _DAY_S if _LIKELY_HZ[0] <= 1 / (step * _DAY_S) <= _LIKELY_HZ[1] else None


def _rises(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values[np.isfinite(values)])
    return bool(steps.size) and float((steps >= 0).mean()) >= _RISING and bool((steps != 0).any())


def is_text_clock(cells: list[str]) -> bool:
    """Whether most cells of a column are times with colons."""
    look = [cell for cell in cells[:50] if cell.strip()]
    return bool(look) and sum(is_clock(cell) for cell in look) > len(look) / 2


def unnamed_clock(
    names: tuple[str, ...], table: list[NDArray[np.float64]], counters: list[int], fs_hz: float | None
) -> ClockColumn | None:
    """The first column as the clock, where it has no name and rises by steps that are nearly alike."""
    if len(names) < 2 or names[0] != "column-1" or 0 in counters or len(table[0]) < 10:
        return None
    known = np.isfinite(table[0])
    steps = np.diff(table[0][known])
    if known.mean() < _RISING or float((steps > 0).mean()) < _RISING:
        return None
    usual = float(np.median(steps))
    if float((np.abs(steps - usual) <= 0.5 * usual).mean()) < _RISING:
        return None
    scale = _scale(_step(table[0]), fs_hz)
    if scale is None:
        return None
    return ClockColumn(column=0, name=names[0], is_text=False, seconds=scale, step=usual, guessed=scale != 1.0)


def unevenness(cells: list[str], values: NDArray[np.float64], clock: ClockColumn) -> tuple[bool, float]:
    """How far the times of a column stray from a straight line, in steps; those of no known unit come last."""
    if clock.is_text:
        read = []
        for cell in cells:
            try:
                read.append(clock_of(cell).seconds)
            except ValueError:
                read.append(np.nan)
        values = np.asarray(read)
    good = values[np.isfinite(values)]
    if len(good) < 3 or len(good) < len(values) / 2 or good[-1] == good[0]:
        return True, np.inf
    step = (good[-1] - good[0]) / (len(good) - 1)
    stray = good - good[0] - step * np.arange(len(good))
    return clock.seconds is None, round(float(np.std(stray) / abs(step)), 3)
