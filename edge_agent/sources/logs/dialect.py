"""How the rows of a table are written: what parts the cells, which sign is the decimal one."""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.sources.logs.cells import is_absent, is_grouped, is_number, is_value, number
from edge_agent.sources.logs.clocks import is_clock

_COMMA_NUMBER = re.compile(r"\s*['\"]?[-+]?\d+(?:\.\d{3})*,\d+(?:[eE][-+]?\d+)?['\"]?\s*")
_SIGNED_PAIR = re.compile(r"\s*[-+]?\d+,\s*[-+]\d+\s*")
_TELLING = 25  # different numbers on either side of the comma
_HALF, _MOST = 0.5, 0.8  # of one before the comma; of the steps by one
_DATE_THEN_TIME = re.compile(r"(?<=\d) +(?=\d{1,2}:\d\d[:.])")
_IN_BRACKETS = re.compile(r"\[([^\]\s]+) +([^\]\s]+)\]")
_HALF_OF_DAY = re.compile(r"(?<=\d) (?=[AaPp]\.?[Mm]\b)")
_LOOK = 200  # rows
ARROW = "->"  # what the serial monitor of the Arduino IDE puts between its stamp and the line


@dataclass(frozen=True, slots=True)
class Dialect:
    """Parts a line into cells; `delimiter` absent: blanks."""

    delimiter: str | None
    decimal_comma: bool = False

    def cells(self, line: str) -> list[str]:
        """The cells of a line, of which the last ones may be empty. A cell never goes beyond its line."""
        if self.delimiter is None:
            return _joined(line).split()
        if self.delimiter == ARROW:
            stamp, _, rest = line.partition(ARROW)
            return [stamp, *re.split(r"[,;\t]", rest)]
        if '"' in line:
            try:
                return next(csv.reader([line], delimiter=self.delimiter, skipinitialspace=True))
            except (csv.Error, StopIteration):  # a cell too long to be one: it will be no number either
                pass
        return line.split(self.delimiter)

    def value(self, cell: str) -> float:
        """Number in a cell; NaN where it says that there is none.

        Raises
        ------
        NotANumber : it is neither.
        """
        return number(cell, decimal_comma=self.decimal_comma)

    def is_value(self, cell: str) -> bool:
        """Whether a cell holds a number or a time."""
        return is_value(cell, decimal_comma=self.decimal_comma)


def _joined(line: str) -> str:
    """A date and its time as one cell."""
    if ":" not in line:
        return line
    line = _IN_BRACKETS.sub(r"[\1T\2]", line)
    return _HALF_OF_DAY.sub("", _DATE_THEN_TIME.sub("T", line))


def without_empty_end(cells: list[str], columns: int) -> list[str]:
    """The cells without empty ones beyond `columns`."""
    while len(cells) > columns and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def dialect_of(lines: Sequence[str], *, heading: str = "") -> Dialect:
    """The dialect that makes most of the last lines rows of one width, all of whose cells are values.

    Parameters
    ----------
    heading : the first line that is no comment: one name above ``0,12`` is one column with a decimal comma.
    """
    filled = [line for line in lines if line.strip()]
    look = filled[max(len(filled) // 5, len(filled) > 2) :][-_LOOK:]
    if not look:
        return Dialect(",")
    if _is_one_column(look, heading):
        return Dialect("\t", decimal_comma=True)
    scored = [(_score(look, dialect), -place, dialect) for place, dialect in enumerate(_candidates(look, filled))]
    return max(scored, key=lambda one: one[:2])[2]


def _is_one_column(look: Sequence[str], heading: str) -> bool:
    whole = [line for line in look if _COMMA_NUMBER.fullmatch(line)]
    if len(whole) <= len(look) / 2 or any(line.strip().startswith('"') for line in look):
        return False
    # Below one name there is one column.
    is_one = _are_decimals(whole) if is_value(heading, decimal_comma=True) else "," not in heading
    if not is_one or _are_pairs(look, whole):
        return False
    before = [float(line.split(",")[0].strip(" \t'\"")) for line in whole if line.count(".") == 0]
    steps = {after - here for here, after in itertools.pairwise(before)}
    return len(before) < 5 or len(steps) > 2 or min(steps) <= 0  # what rises evenly is a column of its own


def _are_decimals(whole: Sequence[str]) -> bool:
    """Whether what stands behind the comma can hardly be a number of its own, where no name says that it is none.

    Noughts lead it and no number before it; or as many digits stand there in every line, and begin anew where the
    number before the comma goes on by one, or that never changes.
    """
    parts = [line.strip(" \t'\"").partition(",")[::2] for line in whole]
    if any(re.match(r"[-+]?0\d", before) for before, _ in parts):
        return False
    if any(len(behind) > 1 and behind.startswith("0") for _, behind in parts):
        return True
    if len({len(behind) for _, behind in parts}) > 1 or len(parts[0][1]) < 2:
        return False
    values = [(float(before), float(f"{before}.{behind}")) for before, behind in parts if behind.isdecimal()]
    steps = [abs(after[1] - here[1]) for here, after in itertools.pairwise(values) if abs(after[0] - here[0]) == 1]
    if not steps:
        return len({before for before, _ in values}) == 1
    return sum(step < _HALF for step in steps) > _MOST * len(steps)


def _are_pairs(look: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether what stands behind the comma is a number of its own: it has a sign, or never begins with a nought.

    Of the decimals of numbers that go through many whole ones a tenth does.
    """
    if any(_SIGNED_PAIR.fullmatch(line) for line in look):
        return True
    parts = [line.strip(" \t'\"").partition(",")[::2] for line in whole]
    long = {behind for _, behind in parts if len(behind) > 1}
    is_varied = min(len(long), len({before for before, _ in parts})) >= _TELLING
    return is_varied and not any(behind.startswith("0") for behind in long)


def _candidates(look: Sequence[str], filled: Sequence[str]) -> list[Dialect]:
    found = []
    for delimiter in (";", "\t", ARROW, "|"):
        if sum(delimiter in line for line in look) > len(look) / 2:
            dialect = Dialect(delimiter)
            comma = any(_COMMA_NUMBER.fullmatch(cell) for line in look[-50:] for cell in dialect.cells(line))
            found.append(Dialect(delimiter, decimal_comma=comma))
    if sum("," in line for line in look) > len(look) / 2:
        found.append(Dialect(",", decimal_comma=not _are_grouped(filled)))
    blank_rows = [Dialect(None).cells(line) for line in look[-50:]]
    blanks = [cell for row in blank_rows for cell in row]
    if sum(len(row) > 1 for row in blank_rows) > len(blank_rows) / 2 and not all(is_clock(line) for line in look[-5:]):
        found.append(Dialect(None, decimal_comma=any(_COMMA_NUMBER.fullmatch(cell) for cell in blanks)))
    return [*found, Dialect(",")]


def _are_grouped(lines: Sequence[str]) -> bool:
    """Whether the commas inside of cells part thousands, and no decimals, of which every one may have three."""
    rows = [Dialect(",").cells(line) for line in lines]
    columns = itertools.zip_longest(*rows, fillvalue="")
    return all(_is_grouped(column) for column in columns if any(_COMMA_NUMBER.fullmatch(cell) for cell in column))


def _is_grouped(column: Sequence[str]) -> bool:
    """Whether numbers below a thousand have no comma; where there are none, whether all lie on one side of nought."""
    with_comma = [cell for cell in column if _COMMA_NUMBER.fullmatch(cell)]
    if not all(is_grouped(cell) for cell in with_comma):
        return False
    signs = {cell.strip(" \t'\"")[0] == "-" for cell in with_comma}
    return len(signs) == 1 or any(is_number(cell, decimal_comma=False) and "," not in cell for cell in column)


def _score(look: Sequence[str], dialect: Dialect) -> float:
    rows = [dialect.cells(line) for line in look]
    width, _ = Counter(len(row) for row in rows).most_common(1)[0]
    same = [row for row in rows if len(row) == width]
    checked = same[:: max(1, len(same) // 50)]
    good = sum(dialect.is_value(cell) or is_absent(cell) for row in checked for cell in row)
    return len(same) / len(rows) * (good / max(1, sum(len(row) for row in checked)))
