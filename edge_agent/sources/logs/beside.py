"""Tables with their head beside them: Tektronix writes keys and values into the first cells of the first rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.sources.logs.dialect import Dialect, dialect_of

_MOST = 4  # cells of a head beside a table
_LEAST = 3  # rows that such a head has


@dataclass(frozen=True, slots=True)
class Beside(Dialect):
    """Parts a line without its first cells, which hold the head or nothing."""

    passed: int = 0

    def cells(self, line: str) -> list[str]:
        """The cells of the table; all of them where there are no more, so that the line is seen to be none."""
        cells = Dialect.cells(self, line)
        return cells[self.passed :] if len(cells) > self.passed else cells


def beside_of(lines: Sequence[str]) -> tuple[Beside, list[str]] | None:
    """The dialect of such a table and the lines of its head; None where the first cells are part of it."""
    plain = dialect_of(lines)
    rows = [plain.cells(line) for line in lines if line.strip()]
    last = rows[len(rows) // 2 :]
    passed = min((_filled(cells) for cells in last), default=0)
    head = [cells[:passed] for cells in rows if any(cell.strip() for cell in cells[:passed])]
    # A column that is empty for a while is no head: the rows of this one are keys with a value behind.
    if not 2 <= passed <= _MOST or len(head) < _LEAST or not all(_is_pair(cells) for cells in head):
        return None
    dialect = Beside(plain.delimiter, plain.decimal_comma, passed=passed)
    return dialect, [",".join(cells).strip(",") for cells in head]


def _filled(cells: list[str]) -> int:
    """The place of the first cell that holds something."""
    return next((place for place, cell in enumerate(cells) if cell.strip()), len(cells))


def _is_pair(cells: list[str]) -> bool:
    return any(sign.isalpha() for sign in cells[0])
