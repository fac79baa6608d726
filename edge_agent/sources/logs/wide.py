"""Files that hold a line a lead, or all samples one behind the other, as MATLAB and many scripts write vectors."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.logs.cells import NotANumber, is_number, name_and_unit, number
from edge_agent.sources.logs.dialect import Dialect, dialect_of
from edge_agent.sources.logs.head import is_comment, said_by
from edge_agent.sources.port import unique_names

_MOST_LINES = 64  # leads of a file
_LONG = 120  # cells in one line: no table has so many columns and so few rows
_FEW, _LOOK = 5, 200  # lines
_SAME = 0.6  # of the lines of a table have its width
_ANY = re.compile(r"[,;\s|]+")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Wide:
    """Values of shape (lead, sample), NaN where one cannot be read; leads as name, unit and kind."""

    values: NDArray[np.float64]
    leads: tuple[tuple[str, str, LeadKind], ...]
    fs_hz: float | None
    notes: tuple[str, ...]


def wide_of(lines: list[str], rest: Iterator[str]) -> Wide | None:
    """Read such a file; None where it is a table with a row a sample.

    Parameters
    ----------
    lines : its first lines; `rest` are those behind them, asked for only where they are needed.
    """
    if _is_running(lines):
        return _running([*lines, *rest])
    if next(rest, None) is not None:
        return None
    content = [line for line in lines if line.strip() and not is_comment(line)]
    long = [line for line in content if len(_cells(line)) >= _LONG]
    if not long or len(content) > _MOST_LINES or len(long) < len(content) / 2:
        return None
    said = said_by([line for line in lines if line.strip() and line not in long])
    dialect = dialect_of(long)
    names, rows, unread = [], [], 0
    for line in long:
        name, values = _values(line, dialect)
        unread += int(np.isnan(values).sum())
        names.append(name_and_unit(name))
        rows.append(values)
    length = min(len(row) for row in rows)
    if length < max(_LONG // 2, 2 * len(rows)):
        return None
    notes = [f"{len(rows)} line{'s' if len(rows) > 1 else ''} of numbers: each is read as a lead"]
    if any(len(row) > length for row in rows):
        notes.append(f"the lines are not equally long: {length} samples of each are read")
    if unread:
        notes.append(f"{unread} numbers cannot be read and count as invalid")
    plain = [name or (f"line-{place + 1}" if len(rows) > 1 else "samples") for place, (name, _) in enumerate(names)]
    units = [unit or (said.units[0] if said.units else "") for _, unit in names]
    kinds = kinds_of(list(zip(plain, units, strict=True)))
    return Wide(
        values=np.asarray([row[:length] for row in rows]),
        leads=tuple(zip(unique_names(plain), units, kinds, strict=True)),
        fs_hz=said.fs_hz,
        notes=tuple(notes),
    )


def _is_running(lines: list[str]) -> bool:
    """Whether lines hold as many numbers as there was place for: then the line ends mean nothing."""
    content = [line for line in lines if line.strip() and not is_comment(line)][:_LOOK]
    widths = Counter(len(_cells(line)) for line in content)
    if len(content) < _FEW or max(widths.values()) > _SAME * len(content) or 1 in widths:
        return False
    return all(is_number(cell, decimal_comma=False) for line in content for cell in _cells(line))


def _running(lines: list[str]) -> Wide:
    said = said_by([line for line in lines if is_comment(line)])
    cells = [cell for line in lines if not is_comment(line) for cell in _cells(line)]
    values = np.full((1, len(cells)), np.nan)
    for place, cell in enumerate(cells):
        with contextlib.suppress(NotANumber):
            values[0, place] = number(cell, decimal_comma=False)
    unit = said.units[0] if said.units else ""
    name = said.names[0] if said.names else "samples"
    return Wide(
        values=values,
        leads=((name, unit, kinds_of([(name, unit)])[0]),),
        fs_hz=said.fs_hz,
        notes=("the lines hold now more, now fewer numbers: all are read as one lead",),
    )


def _cells(line: str) -> list[str]:
    return [cell for cell in _ANY.split(line.strip().strip("[](){}")) if cell]


def _values(line: str, dialect: Dialect) -> tuple[str, NDArray[np.float64]]:
    """The name that may stand first, and the numbers."""
    label, sign, rest = line.partition("[")  # `"ecg": [487, 482 ...]`
    if sign and not any(char.isdigit() for char in label.strip(" \"'{:=")):
        name, body = label.strip(" \t\"'{:=,"), rest
    else:
        name, body = "", line
    body = body.strip().strip("[](){},;").strip()
    cells = [cell for cell in dialect.cells(body) if cell.strip()]
    values = np.full(len(cells), np.nan)
    for place, cell in enumerate(cells):
        try:
            values[place] = dialect.value(cell.strip("[](){}"))
        except NotANumber:
            if place == 0:
                name = cell.strip().strip("'\":=")
    return (name, values[1:]) if name and not sign else (name, values)
