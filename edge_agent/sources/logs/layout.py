"""How a log is written: its dialect, its head, which columns are signals, which are clock and counter, and the rate."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.logs.beside import beside_of
from edge_agent.sources.logs.cells import is_absent, is_number
from edge_agent.sources.logs.columns import Columns, columns_of
from edge_agent.sources.logs.dialect import Dialect, dialect_of, without_empty_end
from edge_agent.sources.logs.head import Said, is_comment, said_by
from edge_agent.sources.logs.headings import (
    Row,
    headers_of,
    heading_line,
    names_in_comment,
    names_of,
    naming_row,
    rate_in,
    without_grid,
)
from edge_agent.sources.logs.labelled import labelled_of
from edge_agent.sources.logs.makers import Maker, maker_of
from edge_agent.sources.port import RecordUnreadable

HEAD_ROWS = 1200
_TWO_BLANKS = re.compile(r"\s{2,}|\t")
_CHANNELS = re.compile(r"\d+ channels?")
_CHANNEL = re.compile(r"CH\d+")
_SOME = 12  # rows that a table is recognised by
_SHORT = 4  # so few rows before other names are no table
_START = re.compile(r'"?START\b')  # what Spike2 writes before its samples
_EPOCH_S = (1e9, 4e9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What is needed to read the rows.

    Parameters
    ----------
    dialect, width : how a row is parted, into how many cells.
    first_line : number of the line that holds the first row, from 1.
    heading : cells of the row of names: where it comes again, the logger began anew.
    columns : what each column is.
    fs_hz : the rate that the head says, absent where it says none.
    """

    dialect: Dialect
    width: int
    first_line: int
    heading: tuple[str, ...]
    columns: Columns
    fs_hz: float | None
    maker: Maker | None
    said: Said


def read_layout(path: Path, head: list[str], *, time_column: str | None, fs_hz: float | None) -> Layout:
    """Find out from the first lines how a log is written; `fs_hz` is the rate that a person says.

    Raises
    ------
    RecordUnreadable : no numbers, no signal beside the time, no such column.
    """
    content = [(place, line) for place, line in enumerate(head, 1) if line.strip() and not is_comment(line)]
    labelled = labelled_of([line for _, line in content])
    beside = None if labelled else beside_of([line for _, line in content])
    dialect = _dialect(content, head, labelled, beside)
    rows = without_grid([(place, dialect.cells(line)) for place, line in content])
    width = _width(rows)
    rows = [
        (place, apart if len(cells) != width > 1 and len(apart := _TWO_BLANKS.split(line.strip())) == width else cells)
        for (place, line), (_, cells) in zip(content, rows, strict=True)
    ]  # names of two words, with blanks between them
    at = _first(rows, width, dialect)
    if at and at + 1 < len(rows) and _counts_rows(rows, at):
        at += 1
    if at is None:
        raise RecordUnreadable("the file holds no numbers", file=str(path))
    first_line, data = rows[at][0], [without_empty_end(cells, width) for _, cells in rows[at:]]
    data = [cells for cells in data if len(cells) == width]
    above = [line for line in head[: first_line - 1] if line.strip()] + (beside[1] if beside else [])
    said, headers = said_by(above), headers_of(rows[:at], width)
    if not headers:
        headers = names_in_comment(above, width, dialect)
    names, units = labelled[1:] if labelled else names_of(headers, width, said)
    heading = tuple(cell.strip() for cell in naming_row(headers))
    maker = maker_of(said, names, data[:_SOME])
    if maker is not None and maker.names is not None and (given := maker.names(said, data[:_SOME])):
        names, units = tuple(name for name, _ in given), tuple(unit for _, unit in given)
    fs_said = said.fs_hz or rate_in(headers)
    first_line, data, stamped_hz = _stamped(first_line, data, rows[at:], dialect)
    columns = columns_of(
        names, units, data, dialect=dialect, maker=maker, wanted=time_column, fs_hz=fs_hz or fs_said or stamped_hz
    )
    if isinstance(columns, str):
        raise RecordUnreadable(
            columns, file=str(path), columns=_few(names), **({"column": time_column} if time_column else {})
        )
    if said.lead and len(columns.signals) == 1 and (not headers or (maker is not None and maker.names_lead)):
        one = replace(columns.signals[0], name=f"Lead {said.lead}", kind=LeadKind.ECG)
        columns = replace(columns, signals=(one,))
    return Layout(
        dialect=dialect,
        width=width,
        first_line=first_line,
        heading=heading,
        columns=columns,
        fs_hz=fs_said or stamped_hz,
        maker=maker,
        said=said,
    )


def _dialect(
    content: list[tuple[int, str]],
    head: list[str],
    labelled: tuple[Dialect, tuple[str, ...], tuple[str, ...]] | None,
    beside: tuple[Dialect, list[str]] | None,
) -> Dialect:
    known = labelled or beside
    return (
        known[0]
        if known is not None
        else dialect_of([line for _, line in content], heading=heading_line(content, head))
    )


def _few(names: tuple[str, ...]) -> list[str]:
    return list(names) if len(names) <= 8 else [*names[:8], f"and {len(names) - 8} more"]


def _width(rows: list[Row]) -> int:
    """Cells of most rows, without empty last ones where delimiters end each line."""
    if not rows:
        return 0
    later = rows[len(rows) // 5 :]
    width, _ = Counter(len(cells) for _, cells in later).most_common(1)[0]
    same = [cells for _, cells in later if len(cells) == width]
    while width > 1 and not _is_named(rows, width, same) and _is_empty(same, width):
        width -= 1
    return width


def _is_empty(same: list[list[str]], width: int) -> bool:
    return sum(bool(cells[width - 1].strip()) for cells in same) <= len(same) // 20


def _is_named(rows: list[Row], width: int, same: list[list[str]]) -> bool:
    """Whether a row of names gives the last column one; a damaged row of numbers that has something there does not."""
    return any(
        len(cells) >= width
        and cells[width - 1].strip()
        and not same[-1][width - 1].strip()
        and _are_mostly_words(cells)
        for _, cells in rows[:20]
    )


def _are_mostly_words(cells: list[str]) -> bool:
    return 2 * sum(any(sign.isalpha() for sign in cell) for cell in cells) > len(cells)


def _first(rows: list[Row], width: int, dialect: Dialect) -> int | None:
    """The first row of the table: from it on most rows have its width, and words only where the last ones do."""
    last = [plain for _, cells in rows[-_SOME:] if len(plain := without_empty_end(cells, width)) == width]
    wordy = {place for place in range(width) if sum(_is_word(cells[place], dialect) for cells in last) > len(last) / 2}
    fitting = [_fits(cells, width, dialect, wordy) for _, cells in rows]
    for at, fits in enumerate(fitting):
        if fits and sum(fitting[at : at + _SOME]) > len(fitting[at : at + _SOME]) / 2:
            at = _behind_names(rows, at, width, dialect)
            is_count = at + 2 < len(rows) and not rows[at][1][0].strip() and rows[at + 1][1][0].strip()
            return at + 1 if is_count and fitting[at + 1] else at  # a row that counts the rows below each name
    return None


def _behind_names(rows: list[Row], at: int, width: int, dialect: Dialect) -> int:
    """The row behind other names that follow at once: what stood before them was a short table, or a head."""
    known = rows[at - 1][1] if at else []
    for later in range(at + 1, min(at + _SHORT, len(rows) - 1)):
        cells = without_empty_end(rows[later][1], width)
        are_names = len(cells) == width > 1 and cells != known and all(_is_word(cell, dialect) for cell in cells)
        if are_names or _START.match(cells[0]) is not None:
            return later + 1
    return at


def _fits(cells: list[str], width: int, dialect: Dialect, wordy: set[int]) -> bool:
    cells = without_empty_end(cells, width)
    if len(cells) != width or not any(dialect.is_value(cell) for cell in cells):
        return False
    return not any(place not in wordy and _is_word(cell, dialect) for place, cell in enumerate(cells))


def _is_word(cell: str, dialect: Dialect) -> bool:
    return not dialect.is_value(cell) and not is_absent(cell)


def _counts_rows(rows: list[Row], at: int) -> bool:
    """Whether the row at `at` says how many there are, as AcqKnowledge writes it below its names of channels."""
    is_acqknowledge = any(_CHANNELS.fullmatch(cells[0].strip()) for _, cells in rows[:at])
    return is_acqknowledge and any(_CHANNEL.fullmatch(cell.strip()) for cell in rows[at - 1][1])


def _stamped(
    first_line: int, data: list[list[str]], rows: list[Row], dialect: Dialect
) -> tuple[int, list[list[str]], float | None]:
    """Whether the first row is the start in Unix time and the second the rate, as wristbands of Empatica write."""
    if len(data) < 3 or not all(
        is_number(cell, decimal_comma=dialect.decimal_comma) for row in data[:3] for cell in row
    ):
        return first_line, data, None
    start, rate, value = ([dialect.value(cell) for cell in row] for row in data[:3])
    is_start = all(_EPOCH_S[0] < each < _EPOCH_S[1] for each in start) and not value[0] > _EPOCH_S[0]
    if not is_start or len(set(rate)) > 1 or not 0.5 <= rate[0] <= 10_000:
        return first_line, data, None
    return rows[2][0], data[2:], rate[0]
