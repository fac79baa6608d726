"""The rows above a table: which of them names the columns, which gives their units, and what in them is neither."""

import re

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.logs.cells import is_number, name_and_unit
from edge_agent.sources.logs.clocks import is_clock
from edge_agent.sources.logs.dialect import Dialect, without_empty_end
from edge_agent.sources.logs.head import Said, is_comment, said_by, speaks_of_all

Row = tuple[int, list[str]]
_NAME = re.compile(r"(?=.*[^\W\d_])[^\d=:][^=:]*")
_GRID = re.compile(r"start|increment|(?:t ?0|[tx] ?inc) *=.*", re.IGNORECASE)
_FORMATS = frozenset({"raw", "cal", "uncal", "calibrated", "uncalibrated", "float", "int", "double", "numeric"})
_UNITS_OF_SIGNALS = (
    "v mv uv µv μv nv \u043c\u0432 \u043c\u043a\u0432 volts volt millivolts microvolts mmhg % bpm g m/s^2 deg/s kohms"
    " ohm °c degc c l l/s"
)
_UNITS_OF_NOTHING = (
    "s \u0441 \u043c\u0441 sec seconds ms msec msecs us min hz nu adu a.u. au no_units unitless none counts count"
    " n/a - raw unit sequence"
)
_UNITS = frozenset((*_UNITS_OF_SIGNALS.split(), *_UNITS_OF_NOTHING.split(), "hh:mm:ss.mmm"))


def heading_line(content: list[tuple[int, str]], head: list[str]) -> str:
    """The first line, which may be one of names; none where the lines above the numbers end with a blank one."""
    first = next((place for place, line in content if line.replace(",", "").lstrip("-+").isdecimal()), 0)
    if first > 1 and not head[first - 2].strip():
        return ""
    return content[0][1] if content else ""


def without_grid(rows: list[Row]) -> list[Row]:
    """Rows without the cells in which oscilloscopes write start and step of the times beside the names of columns."""
    found: list[Row] = []
    surplus: set[int] = set()
    for place, cells in rows:
        own = {at for at, cell in enumerate(cells) if at and _GRID.fullmatch(cell.strip())}
        drop, surplus = own | surplus, own
        found.append((place, [cell for at, cell in enumerate(cells) if at not in drop]) if drop else (place, cells))
    return found


def headers_of(above: list[Row], width: int) -> list[list[str]]:
    """Rows right above the table that have its width, or one name less where the first column has none."""
    found: list[list[str]] = []
    for _, cells in reversed(above):
        plain = without_empty_end(cells, width)
        is_short = not found and len(plain) == width - 1 >= (2 if kind_of(plain[0]) is LeadKind.UNKNOWN else 1)
        if plain[0].strip().endswith(("=", ":")) or speaks_of_all(plain):
            break
        if len(plain) not in (width, width + (width > 1)) and not is_short:
            break
        if found and not _are_units(found[0]) and any(is_number(cell, decimal_comma=False) for cell in plain):
            break  # a key and its value
        if width == 1 and (found or not _NAME.fullmatch(plain[0].strip())):
            break
        if any(is_clock(cell) for cell in plain) and not any(cell.strip().lower().startswith("[hh") for cell in plain):
            break
        found.insert(0, ["", *plain] if is_short else plain[:width])
    named = [cells for cells in found if len({cell.strip() for cell in cells}) > 1 or width == 1]
    return named or found


def names_in_comment(above: list[str], width: int, dialect: Dialect) -> list[list[str]]:
    """Names in the last comment, where it has one for each column."""
    for line in reversed(above):
        if not is_comment(line):
            continue
        plain = line.strip().lstrip("#%/;").strip()
        whole = without_empty_end(dialect.cells(line.strip()), width)
        is_name = dialect.delimiter is not None and whole[0] == "#"  # of a column that numbers the rows
        if is_name and len(whole) in (width, width + 1):
            return [[cell.strip() for cell in whole[:width]]]
        for cells in (dialect.cells(plain), plain.split()):
            fits = len(cells) == width and ":" not in plain and "=" not in plain and not plain.startswith("{")
            if fits and (width > 1 or len(plain.split()) <= 2) and not any(dialect.is_value(cell) for cell in cells):
                return [[cell.strip() for cell in cells]]
        return []
    return []


def naming_row(headers: list[list[str]]) -> list[str]:
    """The row that names the columns: the first of those that name most of them; none where there is no row."""
    named = [cells for cells in headers if not _are_units(cells) and not _are_formats(cells)] or headers[:1]
    return max(named, key=lambda cells: sum(bool(cell.strip()) for cell in cells), default=[])


def names_of(headers: list[list[str]], width: int, said: Said) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and units of the columns: out of the rows above the table, else out of what the head says."""
    named = naming_row(headers)
    below = [cells for cells in headers if _are_units(cells) and cells is not named and not _are_formats(cells)]
    if named:
        pairs = [name_and_unit(cell) for cell in named]
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


def rate_in(headers: list[list[str]]) -> float | None:
    """A rate that a name holds, as ``ECG (250 Hz)``."""
    said = (said_by([name_and_unit(cell)[1]]).fs_hz for cells in headers for cell in cells)
    return next((rate for rate in said if rate is not None), None)
