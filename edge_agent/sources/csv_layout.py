"""How a CSV file is written: delimiter, decimal sign, header, units, which column is the time, and the rate."""

import csv
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.sources.csv_cells import clock_s, is_clock, is_index_name, is_value, name_and_unit, number, time_unit_s
from edge_agent.sources.port import RecordUnreadable, unique_names

HEAD_ROWS = 1000
COMMENT = ("#", "%")
_BLANKS = " \t\r\n\v\f"
_COMMA_NUMBER = re.compile(r"\s*-?\d+,\d+\s*")
_SCALES_S = (1.0, 1e-3, 1e-6, 1e-9)
FS_TOLERANCE = 0.05
SLOWEST_HZ = 5.0  # a "second" that steps more slowly is more likely to be a millisecond


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeColumn:
    """Which column holds the time. `seconds` are those of one unit; `longest_step_s` still is no gap."""

    column: int
    is_clock: bool
    seconds: float
    longest_step_s: float

    def at_s(self, cell: str, *, decimal_comma: bool) -> float:
        """Time of a row.

        Raises
        ------
        ValueError : the cell holds no time.
        """
        value = clock_s(cell) if self.is_clock else number(cell, decimal_comma=decimal_comma)
        if math.isnan(value):  # a row without a time has no place
            raise ValueError(cell)
        return value * self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvLayout:
    """What is needed to read the rows. `signals` are (column, name, unit)."""

    delimiter: str | None
    decimal_comma: bool
    columns: int
    header_rows: int
    signals: tuple[tuple[int, str, str], ...]
    left_out: tuple[str, ...]
    time: TimeColumn | None
    fs_hz: float


Row = tuple[int, list[str]]


def is_row(line: str) -> bool:
    """Whether a line holds cells: it is neither blank nor a comment."""
    begins = line.lstrip(_BLANKS)
    return bool(begins) and not begins.startswith(COMMENT)


def rows(lines: Iterable[str], delimiter: str | None) -> Iterator[Row]:
    """Rows as (line number, cells); `delimiter` absent: blanks. A row never goes beyond its line, quoted or not."""
    for number_of_line, line in enumerate(lines, 1):
        if is_row(line):
            yield number_of_line, _cells(line.rstrip("\r\n"), delimiter)


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    if '"' in line:
        try:
            return next(csv.reader([line], delimiter=delimiter))
        except csv.Error:  # a cell too long to be one: it will be no number either
            return line.split(delimiter)
    return line.split(delimiter)


def read_layout(path: Path, head: list[str], *, fs_hz: float | None, time_column: str | None) -> CsvLayout:
    """Find out from the first lines how a file is written.

    Raises
    ------
    RecordUnreadable : no numbers, no rate, no such column; the message names the line where there is one.
    """
    delimiter, decimal_comma = _dialect(head)
    found = list(rows(head, delimiter))
    first = next((place for place, (_, row) in enumerate(found) if _has_value(row, decimal_comma)), None)
    if first is None:
        raise RecordUnreadable("the file holds no numbers", file=str(path))
    data = found[first : first + HEAD_ROWS]
    columns = _columns(data[0][1], found[:first])
    names, units = _names(found[:first], columns)
    text = [
        index
        for index, cell in enumerate(data[0][1][:columns])
        if cell.strip() and not is_value(cell, decimal_comma=decimal_comma) and not _is_absent(cell)
    ]
    full = [row for row in data if len(row[1]) >= columns]
    at = _time_index(path, names, units, full, decimal_comma, time_column, fs_hz)
    time, rate_hz = (None, fs_hz) if at is None else _time(path, at, names, units, full, decimal_comma, fs_hz)
    if rate_hz is None:
        raise RecordUnreadable(
            "nothing in the file says its rate",
            file=str(path),
            columns=names,
            remedy="say it with `--fs 250` (daemon: source.fs_hz), or name the time column with `--time-column`",
        )
    left = [index for index in range(columns) if index != at and index not in text]
    if not left:
        raise RecordUnreadable("the file holds no signal beside the time", file=str(path), columns=names)
    unique = unique_names([names[index] for index in left])
    return CsvLayout(
        delimiter=delimiter,
        decimal_comma=decimal_comma,
        columns=columns,
        header_rows=first,
        signals=tuple((index, name, units[index]) for index, name in zip(left, unique, strict=True)),
        left_out=tuple(names[index] for index in text if index != at),
        time=time,
        fs_hz=float(rate_hz),
    )


def _dialect(head: list[str]) -> tuple[str | None, bool]:
    lines = [line for line in head if is_row(line)]
    if not lines:
        return ",", False
    last = lines[min(len(lines), 20) - 1]
    for delimiter in (";", "\t"):
        if delimiter in last:
            cells = [cell for _, row in rows(lines[:50], delimiter) for cell in row]
            return delimiter, any(_COMMA_NUMBER.fullmatch(cell) for cell in cells)
    if "," in last:
        quoted = [cell for _, row in rows(lines[:50], ",") for cell in row]
        if any(_COMMA_NUMBER.fullmatch(cell) for cell in quoted):
            return ",", True
        # One name above `0,12` is one column with a decimal comma, not two columns.
        is_one = "," not in lines[0] and not _has_value([lines[0]], decimal_comma=True) and last.count(",") == 1
        return ("\t", True) if is_one else (",", False)
    return (None if len(last.split()) > 1 and not is_clock(last) else ","), False


def _has_value(row: list[str], decimal_comma: bool) -> bool:
    return any(is_value(cell, decimal_comma=decimal_comma) for cell in row)


def _is_absent(cell: str) -> bool:
    try:
        number(cell, decimal_comma=False)
    except ValueError:
        return False
    return True


def _columns(row: list[str], header: list[Row]) -> int:
    """Cells of a row without the empty one that a delimiter at the end of the line makes."""
    named = any(len(names) == len(row) and names[-1].strip() for _, names in header)
    return len(row) if named or len(row) == 1 or row[-1].strip() else len(row) - 1


def _names(header: list[Row], columns: int) -> tuple[list[str], list[str]]:
    fitting = [row[:columns] for _, row in header if columns <= len(row) <= columns + 1]
    if not fitting:
        return [f"column-{index + 1}" for index in range(columns)], [""] * columns
    pairs = [name_and_unit(cell) for cell in fitting[0]]
    units = [unit for _, unit in pairs]
    if len(fitting) > 1:  # a second row of texts gives the units
        below = [cell.strip().strip("'\"()[]") for cell in fitting[1]]
        units = [unit or other for unit, other in zip(units, below, strict=True)]
    return [name or f"column-{index + 1}" for index, (name, _) in enumerate(pairs)], units


def _time_index(
    path: Path,
    names: list[str],
    units: list[str],
    data: list[Row],
    decimal_comma: bool,
    wanted: str | None,
    fs_hz: float | None,
) -> int | None:
    if wanted:
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and int(wanted) < len(names):
            return int(wanted)
        raise RecordUnreadable("the file has no such column", file=str(path), column=wanted, columns=names)
    for index, name in enumerate(names):
        if time_unit_s(name, units[index])[0] or is_clock(data[0][1][index]):
            return index
    if len(names) < 2 or len(data) < 10:
        return None
    try:
        steps = np.diff([number(row[0], decimal_comma=decimal_comma) for _, row in data])
    except ValueError:
        return None
    even = bool((steps > 0).all() and np.allclose(steps, np.median(steps), rtol=0.05))
    said = fs_hz is not None and _fitting_scale(float(np.median(steps)), fs_hz) is not None
    return 0 if even and (said or np.median(steps) < 1 / SLOWEST_HZ) else None


def _fitting_scale(step: float, fs_hz: float) -> float | None:
    scales = (*_SCALES_S, 1 / fs_hz)
    return next((scale for scale in scales if abs(step * scale * fs_hz - 1) < FS_TOLERANCE), None)


def _time(
    path: Path,
    at: int,
    names: list[str],
    units: list[str],
    data: list[Row],
    decimal_comma: bool,
    fs_hz: float | None,
) -> tuple[TimeColumn | None, float | None]:
    clock = is_clock(data[0][1][at])
    try:
        cells = [row[at] for _, row in data]
        times = np.asarray([clock_s(c) if clock else number(c, decimal_comma=decimal_comma) for c in cells], np.float64)
    except ValueError as error:
        raise RecordUnreadable("a time cannot be read", file=str(path), column=names[at], found=str(error)) from error
    steps = np.diff(times[np.isfinite(times)])
    steps = steps[steps >= 0]
    if not steps.size or not steps.any():
        return None, fs_hz
    # Stamps of a coarse clock come in groups, so the step is a mean; a gap is no step.
    usual = float(np.quantile(steps, 0.5, method="lower")) or float(np.median(steps[steps > 0]))
    near = steps[steps < 1.75 * usual]
    step = float(near.mean())
    seconds: float | None = 1.0 if clock else time_unit_s(names[at], units[at])[1]
    if seconds is None and fs_hz is not None:
        seconds = _fitting_scale(step, fs_hz)
    elif seconds is None and not is_index_name(names[at]) and step < 1 / SLOWEST_HZ:
        seconds = 1.0
    if seconds is None:
        raise RecordUnreadable(
            "the unit of the time column is not known" if fs_hz is None else "the times do not fit the rate given",
            file=str(path),
            column=names[at],
            step=round(step, 9),
            fs_hz=fs_hz,
            remedy="name the unit in the header, such as `time (ms)`, or correct `--fs` (daemon: source.fs_hz)",
        )
    found_hz = 1 / (step * seconds)
    if fs_hz is not None and abs(found_hz / fs_hz - 1) > FS_TOLERANCE:
        raise RecordUnreadable(
            "the times do not fit the rate given", file=str(path), fs_hz=fs_hz, times_say_hz=round(found_hz, 3)
        )
    nice_hz = round(found_hz)
    rate_hz = fs_hz or (nice_hz if nice_hz and abs(found_hz / nice_hz - 1) < 2e-3 else round(found_hz, 6))
    longest = 1.5 * max(float(near.max()) * seconds, 1 / rate_hz)
    return TimeColumn(column=at, is_clock=clock, seconds=seconds, longest_step_s=longest), rate_hz
