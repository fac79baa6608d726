"""The first pass over a log: how many samples, at which rate, what is missing where, and which lines are none."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_agent.sources.logs.counting import missing_by, width_of
from edge_agent.sources.logs.grid import AGREE, Grid, Missing, grid_of
from edge_agent.sources.logs.layout import Layout
from edge_agent.sources.logs.rows import RowReader, What
from edge_agent.sources.logs.text_file import TextFile
from edge_agent.sources.port import RecordUnreadable

MOST_DAMAGED = 0.05  # of the rows
MOST_ASIDE = 0.5
BEGAN_ANEW = "log-restarted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What one pass found. `end_line` is one past the last line with a sample."""

    fs_hz: float
    rows: int
    missing: tuple[Missing, ...]
    end_line: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    times: "array[float]" = field(default_factory=lambda: array("d"))
    counts: "array[float]" = field(default_factory=lambda: array("d"))
    dated: bool = False
    begins: list[int] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    aside: list[int] = field(default_factory=list)
    rows: int = 0
    end_line: int = 0
    damaged_last: int = 0


def survey(path: Path, file: TextFile, layout: Layout, *, fs_hz: float | None) -> Survey:
    """Read all rows once.

    Raises
    ------
    RecordUnreadable : no rate, times that contradict the rate given, or more damaged rows than a log may have.
    """
    seen = _read(file, layout)
    torn = not file.ends_whole and seen.damaged_last == seen.end_line and seen.rows > 1
    if torn:
        seen.damaged.pop()
        seen.rows -= 1
        seen.end_line -= 1
    _refuse_damaged(path, seen)
    rate_hz, missing, notes = _placed(path, seen, layout, fs_hz)
    known = {one.row for one in missing}
    missing += [
        Missing(row=row, count=0, reason=BEGAN_ANEW) for row in seen.begins if row not in known and 0 < row < seen.rows
    ]
    missing.sort(key=lambda one: one.row)
    return Survey(
        fs_hz=rate_hz,
        rows=seen.rows,
        missing=tuple(one for one in missing if one.row < seen.rows),
        end_line=seen.end_line,
        notes=(*_notes(seen, torn=torn), *notes),
    )


def _read(file: TextFile, layout: Layout) -> _Seen:
    reader, seen = RowReader(layout), _Seen()
    wants_time, wants_count = layout.columns.clock is not None, layout.columns.counter is not None
    with file.lines() as lines:
        for place, line in numbered(lines, layout.first_line):
            parsed = reader.parse(line)
            if parsed is None:
                continue
            if parsed.what is What.HEADING:
                seen.begins.append(seen.rows)
                continue
            if parsed.what is What.ASIDE:
                seen.aside.append(place)
                continue
            seen.rows, seen.end_line = seen.rows + 1, place + 1
            if parsed.what is What.DAMAGED:
                seen.damaged.append((place, parsed.why))
                seen.damaged_last = place + 1
            if wants_time:
                time_s, dated = reader.time_s(parsed.cells)
                seen.times.append(time_s)
                seen.dated = seen.dated or dated
            if wants_count:
                seen.counts.append(reader.count(parsed.cells))
    return seen


def numbered(lines: Iterator[str], first_line: int) -> Iterator[tuple[int, str]]:
    """The lines from `first_line` on, with their numbers."""
    return ((place, line) for place, line in enumerate(lines, 1) if place >= first_line)


def _refuse_damaged(path: Path, seen: _Seen) -> None:
    aside = [place for place in seen.aside if place < seen.end_line]
    if len(seen.damaged) <= MOST_DAMAGED * seen.rows and len(aside) <= MOST_ASIDE * seen.rows:
        return
    place, why = seen.damaged[0] if seen.damaged else (aside[0], "words where numbers are expected")
    has = f"has {why}" if why[:1].isdigit() and "cells where" in why else "holds a cell that is no number"
    raise RecordUnreadable(
        f"line {place} {has}, and it is one of {len(seen.damaged) + len(aside)} such lines among {seen.rows}",
        file=str(path),
        line=place,
        found=why,
    )


def _placed(path: Path, seen: _Seen, layout: Layout, fs_hz: float | None) -> tuple[float, list[Missing], list[str]]:
    """The rate and what is missing, from the clock and the counter."""
    clock, said_hz = layout.columns.clock, fs_hz or layout.fs_hz
    notes: list[str] = []
    if fs_hz and layout.fs_hz and abs(fs_hz / layout.fs_hz - 1) > 1e-3:
        notes.append(f"the file says {layout.fs_hz:g} Hz; it is read at the {fs_hz:g} Hz given")
    grid = _grid(seen, layout, said_hz)
    usual_hz = layout.maker.fs_hz if layout.maker else None
    if grid is not None and clock is not None and clock.seconds is None and said_hz is None:
        raise RecordUnreadable(
            "the unit of the time column is not known",
            file=str(path),
            column=clock.name,
            step=round(clock.step, 9),
            remedy="name the unit in the header, such as `time (ms)`, or give the rate: `--fs` (daemon: source.fs_hz)",
        )
    if grid is not None and clock is not None and clock.seconds is not None:
        if said_hz is not None and abs(grid.fs_hz / said_hz - 1) > AGREE:
            if not grid.late_s and fs_hz is not None and not layout.fs_hz:
                raise RecordUnreadable(
                    "the times do not fit the rate given",
                    file=str(path),
                    fs_hz=fs_hz,
                    times_say_hz=round(grid.fs_hz, 3),
                )
            notes.append(f"the times say {grid.fs_hz:.4g} Hz, which is not the {said_hz:g} Hz said; they are left out")
            grid = None
        elif clock.guessed:
            notes.append(f"the unit of {clock.name} is taken as {clock.seconds:g} s, which makes {grid.fs_hz:g} Hz")
    else:
        grid = None
    rate_hz = said_hz or (grid.fs_hz if grid else None) or usual_hz
    if rate_hz is None:
        raise RecordUnreadable(
            "nothing in the file says its rate",
            file=str(path),
            columns=[signal.name for signal in layout.columns.signals][:8],
            remedy="say it with `--fs 250` (daemon: source.fs_hz), or name the time column with `--time-column`",
        )
    if grid is None and said_hz is None:
        notes.append(f"the file says no rate; {layout.maker.name if layout.maker else ''} records at {rate_hz:g} Hz")
    if grid is not None and grid.late_s:
        notes.append(f"the clock stamps every {grid.late_s * 1000:.0f} ms: shorter gaps than that do not show in it")
    return rate_hz, _together(seen, grid), notes


def _grid(seen: _Seen, layout: Layout, said_hz: float | None) -> Grid | None:
    clock = layout.columns.clock
    if clock is None:
        return None
    times = np.frombuffer(seen.times, np.float64)[: seen.rows] if seen.times else np.zeros(0)
    known = np.flatnonzero(np.isfinite(times))
    if len(known) < 2:
        return None
    if len(known) < len(times) / 2:  # only the first rows have a time, and so say the step
        span_s = float(times[known[-1]] - times[known[0]])
        return (
            Grid(fs_hz=round(float(known[-1] - known[0]) / span_s, 6), missing=(), late_s=0.0) if span_s > 0 else None
        )
    unit_s = 0.0 if clock.is_text else clock.seconds or 1.0
    return grid_of(times, said_hz=said_hz, unit_s=unit_s, dated=seen.dated or not clock.is_text)


def _together(seen: _Seen, grid: Grid | None) -> list[Missing]:
    """What the clock misses, and what the counter misses that the clock is too coarse for."""
    by_time = list(grid.missing) if grid else []
    counts = np.frombuffer(seen.counts, np.float64)[: seen.rows] if seen.counts else np.zeros(0)
    by_count = missing_by(counts) if len(counts) > 2 else ()
    if grid is not None and not grid.late_s and by_time:
        return by_time
    width = width_of(counts, 1.0) if by_count else None
    at = {one.row: one for one in by_time}
    for one in by_count:
        timed = at.get(one.row)
        if timed is None:
            at[one.row] = one
        elif width and timed.count > one.count > 0:
            turns = round((timed.count - one.count) / width)
            at[one.row] = Missing(row=one.row, count=int(one.count + turns * width), reason=one.reason)
    return list(at.values())


def _notes(seen: _Seen, *, torn: bool) -> list[str]:
    notes = []
    if seen.damaged:
        places = ", ".join(str(place) for place, _ in seen.damaged[:3]) + (" ..." if len(seen.damaged) > 3 else "")
        notes.append(f"{len(seen.damaged)} of {seen.rows} rows cannot be read and count as invalid (line {places})")
    if seen.aside:
        places = ", ".join(str(place) for place in seen.aside[:3]) + (" ..." if len(seen.aside) > 3 else "")
        many = (
            "1 line that is no sample is" if len(seen.aside) == 1 else f"{len(seen.aside)} lines that are no sample are"
        )
        notes.append(f"{many} left out (line {places})")
    if torn:
        notes.append("the last line is torn and is left out")
    return notes
