"""The grid of samples behind the times of a whole file: its rate, and where rows are missing.

A clock that is read late, ticks every 15.6 ms, or stamps a packet at once moves single times, and never for good.
Missing rows do: from there on even the earliest times lie behind the grid. So a gap is a step of the lower envelope.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from edge_agent.sources.logs.clocks import DAY_S

Times = NDArray[np.float64]
USUAL_HZ = (
    50,
    64,
    100,
    125,
    128,
    130,
    200,
    250,
    256,
    300,
    360,
    400,
    500,
    512,
    1000,
    1024,
    2000,
    2048,
    4000,
    5000,
    8000,
)
SKIPPED, WENT_BACK, JUMPED = "times-skipped", "clock-restarted", "clock-jumped"
AGREE = 0.05  # a rate said and one measured that are further apart contradict each other
_NICE = 2e-3  # of a rate: so near to a whole number it is that number
_CLEAN = 1.5  # samples: steps of a clock that stamps every row for itself
_FEW = 4  # rows
_OFTEN = 0.002  # of the rows
_DISORDER_S = 1.5  # a clock that was set right; a logger that begins anew goes back further, or to its first time
_WIDTHS = (8, 16, 24, 31, 32)  # bits of the counters behind clocks


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Rows missing in front of row `row`; `count` 0: nobody knows how many."""

    row: int
    count: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Rate, what is missing, and how far single times lie behind their place: `late_s` (0: each has its own time)."""

    fs_hz: float
    missing: tuple[Missing, ...]
    late_s: float


def grid_of(times: Times, *, said_hz: float | None, unit_s: float, dated: bool) -> Grid | None:
    """Fit the grid; None where the times do not move.

    Parameters
    ----------
    times : of every row, seconds; NaN where one could not be read.
    said_hz : the rate that the head or a person says; the times are then only asked for gaps, unless they contradict.
    unit_s : seconds of one unit of the column, in which its counter wraps.
    dated : whether a date stands behind each time, so that midnight does not show.
    """
    known = _whole(times)
    if known is None:
        return None
    unwrapped, begins = _unwrapped(known, unit_s=unit_s, dated=dated)
    steps = np.diff(unwrapped)
    steps[[begin - 1 for begin in begins]] = np.nan
    forward = steps[(steps > 0) & (steps <= DAY_S)]
    if not forward.size:
        return None
    tick_s = _tick(forward)
    fs_hz = _rate(unwrapped, steps, tick_s, begins, said_hz)
    behind = tick_s * fs_hz if tick_s * fs_hz >= _CLEAN else 0.0
    if not behind and float((steps * fs_hz < 0.5).mean()) > _OFTEN:
        behind = 1.0  # rows that were read late, often: a single row missing would look alike
    jumps = np.flatnonzero(steps > DAY_S) + 1
    edges = sorted({0, *begins, *jumps.tolist(), len(unwrapped)})
    missing = [Missing(row=begin, count=0, reason=WENT_BACK) for begin in begins]
    missing += [Missing(row=int(jump), count=0, reason=JUMPED) for jump in jumps if jump not in begins]
    for first, end in itertools.pairwise(edges):
        missing += _missing(unwrapped[first:end], fs_hz, behind, first)
    missing.sort(key=lambda one: one.row)
    return Grid(fs_hz=fs_hz, missing=tuple(missing), late_s=tick_s if behind else 0.0)


def _whole(times: Times) -> Times | None:
    """Times with those that cannot be read, or lie outside of their neighbours, put between these."""
    known = times.copy()
    if len(known) > 2:
        before, here, after = known[:-2], known[1:-1], known[2:]
        steps = np.abs(np.diff(known[np.isfinite(known)]))
        usual = float(np.median(steps)) if steps.size else 0.0
        near = (after >= before) & (after - before <= 10 * max(usual, 1e-9) + 1e-9)
        known[1:-1][near & ((here < before) | (here > after))] = np.nan
        for end, other in ((0, 1), (-1, -2)):  # a first or a last time that stands alone
            # The first was read late, or the last begins anew.
            is_back = known[max(end, other)] < known[min(end, other)]
            if not 0 <= abs(known[end] - known[other]) <= 64 * usual or is_back:
                known[end] = np.nan
    places = np.flatnonzero(np.isfinite(known))
    if len(places) < 2:
        return None
    rows = np.arange(len(known))
    whole: Times = np.interp(rows, places, known[places])
    steps = np.diff(known[places]) / np.diff(places)
    usual = float(np.median(steps))
    whole -= np.maximum(places[0] - rows, 0) * usual  # before the first that is known, and behind the last
    whole += np.maximum(rows - places[-1], 0) * usual
    return whole


def _unwrapped(times: Times, *, unit_s: float, dated: bool) -> tuple[Times, list[int]]:
    """Times that only rise where a counter wraps or midnight passes, and the rows at which they begin anew."""
    out = times.copy()
    steps = np.diff(times)
    usual = float(np.median(np.abs(steps[steps != 0]))) if (steps != 0).any() else 0.0
    begins = []
    for row in (np.flatnonzero(steps < 0) + 1).tolist():
        drop = float(times[row - 1] - times[row])
        shift = _turn(drop, usual, unit_s=unit_s, dated=dated)
        if shift is None and drop <= _DISORDER_S and times[row] > times[0]:
            shift = 0.0
        if shift is None:
            begins.append(row)
        elif shift:
            out[row:] += shift
    # A clock that was set right by less than that stands still until it is as late again.
    for first, end in zip([0, *begins], [*begins, len(out)], strict=True):
        out[first:end] = np.maximum.accumulate(out[first:end])
    return out, begins


def _turn(drop: float, usual: float, *, unit_s: float, dated: bool) -> float | None:
    """By how much a column that fell by `drop` has turned over; None where it has not."""
    for bits in _WIDTHS:
        turn = 2.0**bits * unit_s
        if 0 < turn - drop <= min(64 * usual, turn / 2):
            return turn
    if not dated and drop > DAY_S / 2:
        return DAY_S
    if not dated and 0 < DAY_S / 2 - drop <= 64 * usual:  # a clock of twelve hours
        return DAY_S / 2
    if abs(drop - 3600.0) <= 64 * usual:  # summer time ends
        return 3600.0
    return None


def _tick(forward: Times) -> float:
    """The step in which half of all time passes: of one row, of a tick of the clock, or of a packet."""
    steps = np.sort(forward)
    passed = np.cumsum(steps)
    tick = float(steps[int(np.searchsorted(passed, passed[-1] / 2))])
    usual = float(np.median(steps))
    # One long gap is more than half of a short file: then it is no tick.
    often = np.count_nonzero(np.abs(steps - tick) <= 0.25 * tick)
    return tick if often >= max(2, len(steps) // 200) else usual


def _rate(times: Times, steps: Times, tick_s: float, begins: list[int], said_hz: float | None) -> float:
    known = steps[np.isfinite(steps) & (steps <= DAY_S)]
    usual = float(np.quantile(known, 0.5, method="lower")) or float(np.median(known[known > 0]))
    near = known[known < 1.75 * usual]
    if tick_s < _CLEAN * float(near.mean()) and not (known < 0.5 * usual).mean() > _OFTEN:
        measured, error = 1 / float(near.mean()), _NICE
    else:
        measured, error = _rate_of_packets(times, tick_s, begins)
    if said_hz is not None and abs(measured / said_hz - 1) <= max(AGREE, 2 * error):
        return said_hz
    return _nice(measured, error)


def _rate_of_packets(times: Times, tick_s: float, begins: list[int]) -> tuple[float, float]:
    """Rows a second where rows share times, and its relative error: from stretches of many packets, without gaps."""
    edges = [0, *begins, len(times)]
    first, end = max(itertools.pairwise(edges), key=lambda pair: pair[1] - pair[0])
    part = times[first:end]
    starts = np.flatnonzero(np.diff(part) > tick_s / 2) + 1  # of packets: between two of them all rows are whole
    if len(starts) < 2:
        return (len(part) - 1) / max(float(part[-1] - part[0]), tick_s), 1.0
    some = starts[:: max(1, len(starts) // 24)]
    rows, spans_s = np.diff(some), np.diff(part[some])
    usual_s = float(np.median(spans_s / rows))
    one = 0.75 if tick_s >= 4 * usual_s else 2.0  # a packet that is missing stands out, a tick does not
    kept = np.abs(spans_s - rows * usual_s) <= np.maximum(one * tick_s, 1e-3 * spans_s)
    if kept.all() or kept.sum() < len(kept) / 2:  # no gap, or gaps everywhere: all of it
        rows, spans_s, kept = np.diff(starts[[0, -1]]), np.diff(part[starts[[0, -1]]]), np.asarray([True])
    span_s = float(spans_s[kept].sum())
    if not span_s:  # every stretch is of one packet and a gap
        return 1 / tick_s, 1.0
    # Each end of a stretch may be a tick late; where a gap parts them there are two stretches.
    return int(rows[kept].sum()) / span_s, max(_NICE, 2 * tick_s / span_s)


def _nice(measured: float, error: float) -> float:
    whole = round(measured)
    if whole and abs(measured / whole - 1) <= _NICE:
        near = [usual for usual in USUAL_HZ if abs(measured / usual - 1) <= error]
        return float(min(near, key=lambda usual: abs(usual - measured))) if near else float(whole)
    near = [usual for usual in USUAL_HZ if abs(measured / usual - 1) <= error]
    return float(min(near, key=lambda usual: abs(usual - measured))) if near else round(measured, 6)


def _missing(times: Times, fs_hz: float, behind: float, first: int) -> list[Missing]:
    """Steps of the lower envelope in one stretch of rising times; `behind` is how late one may be, in samples."""
    if len(times) < 2:
        return []
    level = (times - times[0]) * fs_hz - np.arange(len(times))
    window = int(18 + 4 * behind) if behind else 8
    least = 0.5 + behind
    after = minimum_filter1d(level, window, mode="nearest", origin=-(window // 2))
    before = minimum_filter1d(level, window, mode="nearest", origin=(window - 1) // 2)
    rises = after[1:] - before[:-1] > least
    steps = np.diff(times) * fs_hz > _CLEAN
    found: list[Missing] = []
    since = 0
    last = len(times) - (window // 2 if behind else 0)  # what follows must show that it is not only late
    for row in (np.flatnonzero(rises & steps) + 1).tolist():
        if row > last:
            break
        early = float(level[max(since, row - window) : row].min())
        shift = float(level[row : row + window].min()) - early
        is_at_end = len(times) - row < _FEW  # so few rows may all be late
        if shift > least + (0.3 if is_at_end else 0.0):
            found.append(Missing(row=first + row, count=round(shift), reason=SKIPPED))
            since = row
    return found
