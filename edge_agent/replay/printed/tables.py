"""Figures and tables on the pages of a report."""

from collections.abc import Sequence

from biosignal.tasks.overview import Cell, ColumnHead, Figure, Grid
from edge_agent.replay.printed.sheet import BLACK, GREY, INNER_MM, MARGIN_MM, PALE, Sheet, width_mm
from edge_agent.replay.printed.wording import cell_text, figure_text, head_lines

SIZE, LEAST_SIZE = 8.5, 5.5
ROW_MM = 4.6
MOST_ROWS_WHOLE = 30
"""A table of more rows is broken wherever the page ends."""
NUMERIC = tuple("0123456789-")
BETWEEN_MM = 5.0
LABEL_MM, VALUE_MM, GUTTER_MM = 80.0, 45.0, 10.0


def draw_figures(sheet: Sheet, figures: Sequence[Figure]) -> None:
    """List figures in two columns; those that are absent with their reason below, each reason once."""
    known = [one for one in figures if one.value is not None]
    half = (len(known) + 1) // 2
    for row in range(half):
        sheet.need(ROW_MM)
        sheet.y_mm += ROW_MM
        for column, index in enumerate((row, row + half)):
            if index < len(known):
                _figure(sheet, MARGIN_MM + column * (LABEL_MM + VALUE_MM + GUTTER_MM), known[index])
    sheet.y_mm += 2.0
    absent: dict[str, list[str]] = {}
    for one in figures:
        if one.value is None:
            absent.setdefault(one.why, []).append(one.label)
    for why, labels in absent.items():
        sheet.paragraph(f"Not given, as {why}: {'; '.join(labels)}.", colour=BLACK)


def _figure(sheet: Sheet, x_mm: float, one: Figure) -> None:
    sheet.text(x_mm, sheet.y_mm, one.label, size=SIZE + 0.5, colour=GREY, most_mm=LABEL_MM)
    sheet.text(x_mm + LABEL_MM + 2, sheet.y_mm, figure_text(one), size=SIZE + 0.5, bold=True, most_mm=VALUE_MM - 2)


def grid_height(grid: Grid) -> float:
    """Say how high a table is, with its title."""
    return 21.0 + ROW_MM * len(grid.rows) if grid.rows else 0.0


def draw_grid(sheet: Sheet, grid: Grid) -> None:
    """Draw a table over as many pages as it needs, its head on each; without rows it is not drawn."""
    if not grid.rows:
        return
    cells = [[cell_text(cell, column) for cell, column in zip(row, grid.columns, strict=True)] for row in grid.rows]
    size, widths = _widths(grid.columns, cells)
    sheet.need(grid_height(grid) if len(grid.rows) <= MOST_ROWS_WHOLE else 5 * ROW_MM)
    sheet.y_mm += 4.5
    sheet.text(MARGIN_MM, sheet.y_mm, grid.title, size=9.5, bold=True, most_mm=INNER_MM)
    sheet.y_mm += 1.5
    right = [False, *(_is_numeric([row[index] for row in grid.rows]) for index in range(1, len(grid.columns)))]
    _head(sheet, grid.columns, widths, right=right, size=size)
    for texts in cells:
        if sheet.need(ROW_MM):
            _head(sheet, grid.columns, widths, right=right, size=size)
        sheet.y_mm += ROW_MM
        _row(sheet, texts, widths, right=right, size=size)
    sheet.y_mm += 3.0


def _is_numeric(cells: Sequence[Cell]) -> bool:
    """Whether a column is set to the right: it has numbers, or texts that begin like some."""
    return any(not isinstance(cell, str) or cell[:1] in NUMERIC for cell in cells)


def _widths(columns: Sequence[ColumnHead], cells: list[list[str]]) -> tuple[float, list[float]]:
    """Font size and widths in which the whole table fits; what is still too wide is cut, the widest first."""
    size = SIZE
    while True:
        widths = [
            max(
                *(width_mm(line, size=size, bold=True) for line in head_lines(column)),
                *(width_mm(row[index], size=size) for row in cells),
            )
            for index, column in enumerate(columns)
        ]
        free = INNER_MM - BETWEEN_MM * (len(columns) - 1)
        if sum(widths) <= free or size <= LEAST_SIZE:
            break
        size -= 0.5
    while (over := sum(widths) - free) > 0.01:
        widest = widths.index(max(widths))
        widths[widest] -= min(5.0, over)
    return size, widths


def _head(sheet: Sheet, columns: Sequence[ColumnHead], widths: list[float], *, right: list[bool], size: float) -> None:
    lines = [head_lines(column) for column in columns]
    for line in range(3):
        texts = [each[line] for each in lines]
        if any(texts):
            sheet.y_mm += ROW_MM - 0.8
            _row(sheet, texts, widths, right=right, size=size, bold=line < 2, is_head=True)
    sheet.y_mm += 1.2
    end = MARGIN_MM + sum(widths) + BETWEEN_MM * (len(widths) - 1)
    sheet.line((MARGIN_MM, sheet.y_mm), (end, sheet.y_mm), colour=PALE)


def _row(
    sheet: Sheet,
    texts: Sequence[str],
    widths: list[float],
    *,
    right: list[bool],
    size: float,
    bold: bool = False,
    is_head: bool = False,
) -> None:
    x = MARGIN_MM
    for text, width, to_right in zip(texts, widths, right, strict=True):
        colour = GREY if is_head and not bold else BLACK
        place = x + width if to_right else x
        align = "right" if to_right else "left"
        sheet.text(place, sheet.y_mm, text, size=size, bold=bold, colour=colour, most_mm=width + 0.5, align=align)
        x += width + BETWEEN_MM
