"""How the numbers of a report are written for people."""

from textwrap import wrap

from biosignal.tasks.overview import Cell, ColumnHead, Figure

HEAD_LETTERS = 18
ABSENT = "\u2013"


def time_text(seconds: float) -> str:
    """Write a time of the recording: ``h:mm:ss``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def length_text(seconds: float) -> str:
    """Write a length: in seconds below a minute, else as a time."""
    return f"{seconds:.1f} s" if seconds < 59.95 else time_text(seconds)


def cell_text(cell: Cell, column: ColumnHead) -> str:
    """Write one cell of a table; what was not measured is a dash."""
    if cell is None:
        return ABSENT
    if isinstance(cell, str):
        return cell
    return _number(cell, column.unit, column.decimals)


def figure_text(figure: Figure) -> str:
    """Write a figure with its unit, and where in the recording it is."""
    if figure.value is None:
        return ABSENT
    number = _number(figure.value, figure.unit, figure.decimals)
    where = "" if figure.at_s is None else f" at {time_text(figure.at_s)}"
    unit = "" if figure.unit in ("", "time", "length") else f" {figure.unit}"
    return f"{number}{unit}{where}"


def head_lines(column: ColumnHead) -> tuple[str, str, str]:
    """Write the head of a column: what it is, over two lines where it is long, and its unit."""
    first, *more = wrap(column.label, HEAD_LETTERS) or [""]
    return first, " ".join(more), "" if column.unit in ("time", "length") else column.unit


def _number(value: float, unit: str, decimals: int) -> str:
    if unit == "time":
        return time_text(value)
    if unit == "length":
        return length_text(value)
    return f"{value:.{decimals}f}"
