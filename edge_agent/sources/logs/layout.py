"""How a log is written: its dialect, its head, which columns are signals, which are clock and counter, and the rate."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.logs.cells import is_absent, is_number, name_and_unit
from edge_agent.sources.logs.clocks import is_clock
from edge_agent.sources.logs.columns import Columns, columns_of
from edge_agent.sources.logs.dialect import Dialect, dialect_of, without_empty_end
from edge_agent.sources.logs.head import Said, is_comment, said_by, speaks_of_all
from edge_agent.sources.logs.labelled import labelled_of
from edge_agent.sources.logs.makers import Maker, maker_of
from edge_agent.sources.port import RecordUnreadable

HEAD_ROWS = 1200
_TWO_BLANKS = re.compile(r"\s{2,}|\t")
_NAME = re.compile(r"(?=.*[^\W\d_])[^\d=:][^=:]*")
_CHANNELS = re.compile(r"\d+ channels?")
_CHANNEL = re.compile(r"CH\d+")
_SOME = 12  # rows that a table is recognised by
_FORMATS = frozenset({"raw", "cal", "uncal", "calibrated", "uncalibrated", "float", "int", "double", "numeric"})
_UNITS_OF_SIGNALS = (
    "v mv uv µv μv nv volts volt millivolts microvolts mmhg % bpm g m/s^2 deg/s kohms ohm °c degc c l l/s"
)
_UNITS_OF_NOTHING = (
    "s sec seconds ms msec msecs us min hz nu adu a.u. au no_units unitless none counts count n/a - raw unit"
)
_UNITS = frozenset((*_UNITS_OF_SIGNALS.split(), *_UNITS_OF_NOTHING.split(), "hh:mm:ss.mmm"))
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


Row = tuple[int, list[str]]


def read_layout(path: Path, head: list[str], *, time_column: str | None, fs_hz: float | None) -> Layout:
    """Find out from the first lines how a log is written; `fs_hz` is the rate that a person says.

    Raises
    ------
    RecordUnreadable : no numbers, no signal beside the time, no such column.
    """
    content = [(place, line) for place, line in enumerate(head, 1) if line.strip() and not is_comment(line)]
    labelled = labelled_of([line for _, line in content])
    dialect = labelled[0] if labelled else dialect_of([line for _, line in content], heading=_heading(content, head))
    rows = [(place, dialect.cells(line)) for place, line in content]
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
    above = [line for line in head[: first_line - 1] if line.strip()]
    said, headers = said_by(above), _headers(rows[:at], width)
    if not headers:
        headers = _in_comment(above, width, dialect)
    names, units = labelled[1:] if labelled else _names(headers, width, said)
    heading = tuple(cell.strip() for cell in headers[0]) if headers else ()
    maker = maker_of(said, names, data[:_SOME])
    if maker is not None and maker.names is not None and (given := maker.names(said, data[:_SOME])):
        names, units = tuple(name for name, _ in given), tuple(unit for _, unit in given)
    fs_said = said.fs_hz or _rate_in(headers)
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


def _heading(content: list[tuple[int, str]], head: list[str]) -> str:
    """The first line, which may be one of names; none where the lines above the numbers end with a blank one."""
    first = next((place for place, line in content if line.replace(",", "").lstrip("-+").isdecimal()), 0)
    if first > 1 and not head[first - 2].strip():
        return ""
    return content[0][1] if content else ""


def _few(names: tuple[str, ...]) -> list[str]:
    return list(names) if len(names) <= 8 else [*names[:8], f"and {len(names) - 8} more"]


def _width(rows: list[Row]) -> int:
    """Cells of most rows, without an empty last one where a delimiter ends each line."""
    if not rows:
        return 0
    later = rows[len(rows) // 5 :]
    width, _ = Counter(len(cells) for _, cells in later).most_common(1)[0]
    same = [cells for _, cells in later if len(cells) == width]
    # A row of names gives the last column one; a damaged row of numbers that has something there does not.
    named = any(
        len(cells) == width and cells[-1].strip() and not same[-1][-1].strip() and _are_mostly_words(cells)
        for _, cells in rows[:20]
    )
    if width > 1 and not named and sum(bool(cells[-1].strip()) for cells in same) <= len(same) // 20:
        return width - 1
    return width


def _are_mostly_words(cells: list[str]) -> bool:
    return 2 * sum(any(sign.isalpha() for sign in cell) for cell in cells) > len(cells)


def _first(rows: list[Row], width: int, dialect: Dialect) -> int | None:
    """The first row of the table: from it on most rows have its width, and words only where the last ones do."""
    last = [plain for _, cells in rows[-_SOME:] if len(plain := without_empty_end(cells, width)) == width]
    wordy = {place for place in range(width) if sum(_is_word(cells[place], dialect) for cells in last) > len(last) / 2}
    fitting = [_fits(cells, width, dialect, wordy) for _, cells in rows]
    for at, fits in enumerate(fitting):
        if fits and sum(fitting[at : at + _SOME]) > len(fitting[at : at + _SOME]) / 2:
            is_count = at + 2 < len(rows) and not rows[at][1][0].strip() and rows[at + 1][1][0].strip()
            return at + 1 if is_count and fitting[at + 1] else at  # a row that counts the rows below each name
    return None


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


def _headers(above: list[Row], width: int) -> list[list[str]]:
    """Rows right above the table that have its width, or one name less where the first column has none."""
    found: list[list[str]] = []
    for _, cells in reversed(above):
        plain = without_empty_end(cells, width)
        is_short = len(plain) == width - 1 >= (2 if kind_of(plain[0]) is LeadKind.UNKNOWN else 1)
        if plain[0].strip().endswith(("=", ":")) or speaks_of_all(plain):
            break
        if len(plain) not in (width, width + (width > 1)) and not is_short:
            break
        if width == 1 and (found or not _NAME.fullmatch(plain[0].strip())):
            break
        if any(is_clock(cell) for cell in plain) and not any(cell.strip().lower().startswith("[hh") for cell in plain):
            break
        found.insert(0, ["", *plain] if is_short else plain[:width])
    named = [cells for cells in found if len({cell.strip() for cell in cells}) > 1 or width == 1]
    return named or found


def _in_comment(above: list[str], width: int, dialect: Dialect) -> list[list[str]]:
    """Names in the last comment, where it has one for each column."""
    for line in reversed(above):
        if not is_comment(line):
            continue
        plain = line.strip().lstrip("#%/;").strip()
        for cells in (dialect.cells(plain), plain.split()):
            fits = len(cells) == width and ":" not in plain and "=" not in plain and not plain.startswith("{")
            if fits and (width > 1 or len(plain.split()) <= 2) and not any(dialect.is_value(cell) for cell in cells):
                return [[cell.strip() for cell in cells]]
        return []
    return []


def _names(headers: list[list[str]], width: int, said: Said) -> tuple[tuple[str, ...], tuple[str, ...]]:
    named = [cells for cells in headers if not _are_units(cells) and not _are_formats(cells)] or headers[:1]
    below = [cells for cells in headers if _are_units(cells) and cells is not named[0] and not _are_formats(cells)]
    if named:
        pairs = [name_and_unit(cell) for cell in named[0]]
    elif len(said.names) in (width, width - 1):
        pairs = [name_and_unit(name) for name in (*[""] * (width - len(said.names)), *said.names)]
    else:
        pairs = [("", "")] * width
    units = [unit for _, unit in pairs]
    under = [cell.strip().strip("'\"()[]") for cell in below[0]] if below else []
    if not under and said.units:
        short = width - len(said.units)
        under = [*[""] * short, *said.units] if short in (0, 1) else [said.units[0]] * width
    units = [unit or other for unit, other in zip(units, under or units, strict=True)]
    units = [unit or (name if _are_units([name]) else "") for unit, (name, _) in zip(units, pairs, strict=True)]
    return tuple(name or f"column-{place + 1}" for place, (name, _) in enumerate(pairs)), tuple(units)


def _are_units(cells: list[str]) -> bool:
    said = [cell.strip().strip("'\"()[]").lower() for cell in cells if cell.strip()]
    fitting = sum(cell in _UNITS or cell.startswith(("hh:mm", "yyyy/")) for cell in said)
    return bool(said) and fitting > len(said) / 2


def _are_formats(cells: list[str]) -> bool:
    said = [cell.strip().lower() for cell in cells if cell.strip()]
    return len(cells) > 1 and bool(said) and all(cell in _FORMATS for cell in said)


def _rate_in(headers: list[list[str]]) -> float | None:
    """A rate that a name holds, as ``ECG (250 Hz)``."""
    said = (said_by([name_and_unit(cell)[1]]).fs_hz for cells in headers for cell in cells)
    return next((rate for rate in said if rate is not None), None)


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
