"""One line of a table: a sample, a damaged one, or something that is none. The same for both passes over a file."""

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np

from edge_agent.sources.logs.cells import NotANumber, is_off
from edge_agent.sources.logs.clocks import clock_of
from edge_agent.sources.logs.dialect import without_empty_end
from edge_agent.sources.logs.head import is_comment
from edge_agent.sources.logs.layout import Layout

_ONE_WORD = re.compile(r"[^\W\d_]{3,}[\w .:-]*")
_LETTERS = re.compile(r"[^\W\d_]{3,}")


class What(Enum):
    """What a line is."""

    SAMPLE = "sample"
    DAMAGED = "damaged"  # takes the place of a sample, some of whose cells cannot be read
    ASIDE = "aside"  # words, or numbers under a name of their own: no sample
    HEADING = "heading"  # the names of the columns once more: the logger began anew


@dataclass(slots=True)
class Parsed:
    """A line that was read. `values` are those of the signals; `why` names a cell that cannot be read."""

    what: What
    values: list[float]
    cells: list[str]
    why: str = ""


class RowReader:
    """Reads the lines of one table."""

    def __init__(self, layout: Layout) -> None:
        self._dialect = layout.dialect
        self._width = layout.width
        self._heading = layout.heading
        self._columns = [signal.column for signal in layout.columns.signals]
        self._clock = layout.columns.clock
        self._counter = layout.columns.counter
        self._off = layout.columns.off
        self._keys = {line.split("=")[0] for line in layout.said.text.splitlines() if "=" in line}

    def parse(self, line: str) -> Parsed | None:
        """What the line is; None for a blank one and a comment."""
        if not line.strip() or is_comment(line):
            return None
        if self._keys and "=" in line and line.split("=")[0] in self._keys:
            # The head once more, as some programs write it before each block.
            return Parsed(What.HEADING, [np.nan] * len(self._columns), [])
        cells = without_empty_end(self._dialect.cells(line), self._width)
        if len(cells) == self._width or (len(cells) > self._width and _is_remark(cells[self._width :])):
            try:
                values = [self._dialect.value(cells[place]) for place in self._columns]
            except NotANumber:
                return self._odd(line, cells)
            if self._clock is not None and _is_word(cells[self._clock.column], is_text=self._clock.is_text):
                return Parsed(What.ASIDE, values, cells)  # `Mean,12.3` below the table, `EVENT,4000` inside of it
            if self._off and any(cells[place].strip() in ("1", "1.0") for place in self._off):
                values = [np.nan] * len(values)
            return Parsed(What.SAMPLE, values, cells)
        return self._odd(line, cells)

    def _odd(self, line: str, cells: list[str]) -> Parsed:
        nothing = [np.nan] * len(self._columns)
        if self._heading and tuple(cell.strip() for cell in cells) == self._heading[-len(cells) :]:
            return Parsed(What.HEADING, nothing, cells)
        offs = [is_off(cell) for cell in cells]
        if any(offs) and all(off or self._is_stamp(cell) for off, cell in zip(offs, cells, strict=True)):
            return Parsed(What.SAMPLE, nothing, cells)  # a line that says in one word that the leads are off
        values, why = [], ""
        for place in self._columns:
            try:
                values.append(self._dialect.value(cells[place]) if place < len(cells) else np.nan)
            except NotANumber as error:
                values.append(np.nan)
                why = why or f"{error}"
        if len(cells) != self._width:
            why = f"{len(cells)} cells where {self._width} are expected"
            is_aside = _LETTERS.search(line) is not None
        else:
            is_aside = all(np.isnan(values)) and self._width == 1 and _LETTERS.search(line) is not None
        if len(cells) > self._width:
            values = nothing
        return Parsed(What.ASIDE if is_aside else What.DAMAGED, values, cells, why)

    def _is_stamp(self, cell: str) -> bool:
        return self._dialect.is_value(cell)

    def time_s(self, cells: list[str]) -> tuple[float, bool]:
        """Time of a row in seconds, and whether a date stands behind it; NaN where it cannot be read."""
        clock = self._clock
        if clock is None or clock.column >= len(cells):
            return np.nan, False
        try:
            if clock.is_text:
                read = clock_of(cells[clock.column])
                return read.seconds, read.dated
            return self._dialect.value(cells[clock.column]) * (clock.seconds or 1.0), False
        except ValueError:
            return np.nan, False

    def count(self, cells: list[str]) -> float:
        """The number that a row's counter shows; NaN where it cannot be read."""
        if self._counter is None or self._counter >= len(cells):
            return np.nan
        try:
            return self._dialect.value(cells[self._counter])
        except NotANumber:
            return np.nan


def _is_word(cell: str, *, is_text: bool) -> bool:
    """Whether a cell names something in place of a time: damage leaves a figure, or is no word."""
    plain = cell.strip().strip("'\"")
    if is_text and any(sign.isdigit() for sign in plain):  # `Jan 2 10:00:00`
        return False
    return _ONE_WORD.fullmatch(plain) is not None and not is_off(cell)


def _is_remark(cells: list[str]) -> bool:
    """Whether what stands beyond the columns is a person's comment."""
    text = " ".join(cells)
    return "#" in text or _LETTERS.search(text) is not None
