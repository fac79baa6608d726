"""Values and states over time on the pages of a report: a band and a line over it, or which state held when."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from biosignal.tasks.overview import Scale, States, Trend
from edge_agent.replay.printed.sheet import GREY, HEIGHT_MM, INNER_MM, MARGIN_MM, MM, PALE, Sheet
from edge_agent.replay.printed.wording import time_text

PLOT_MM = 42.0
LEFT_MM = 14.0
Place: TypeAlias = Callable[[float], float]
BAND = (0.78, 0.86, 0.95)
MEAN = (0.1, 0.25, 0.55)
TICKS_S = (1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)
MOST_TICKS = 13
MOST_LINES, LEAST_STEP = 6, 5.0
KNEE, AMPLITUDE_LEVELS = 10.0, (0.0, 5.0, 10.0, 25.0, 50.0, 100.0)


def draw_trend(sheet: Sheet, trend: Trend, *, first_s: float, length_s: float) -> None:
    """Draw a trend as wide as the page; one without a value is a sentence."""
    known = [value for values in (trend.low, trend.mean, trend.high) for value in values if value is not None]
    if not known or length_s <= 0:
        sheet.paragraph(f"{trend.title}: nothing was measured.")
        return
    sheet.need(PLOT_MM + 18)
    sheet.y_mm += 4.5
    title = f"{trend.title} ({trend.unit}), each {trend.step_s:g} s: {trend.about}"
    sheet.text(MARGIN_MM, sheet.y_mm, title, size=9.5, bold=True, most_mm=INNER_MM)
    top = sheet.y_mm + 3.0
    levels, height_of = _axis(trend.scale, min(known), max(known))

    def y_of(value: float) -> float:
        return top + PLOT_MM * (1.0 - height_of(value))

    x_of = _frame(sheet, top, [(f"{value:.4g}", y_of(value)) for value in levels], first_s=first_s, length_s=length_s)
    for piece in _pieces(trend.low, trend.high):
        _band(sheet, trend, piece, x_of, y_of)
    for piece in _pieces(trend.mean):
        _mean(sheet, trend, piece, x_of, y_of)
    sheet.y_mm = top + PLOT_MM + 7.0


def draw_states(sheet: Sheet, course: States, *, first_s: float, length_s: float) -> None:
    """Draw which state held when, each on a row of its own; where none is known the line is broken."""
    sheet.need(PLOT_MM + 18)
    sheet.y_mm += 4.5
    title = f"{course.title}, each {course.step_s:g} s"
    sheet.text(MARGIN_MM, sheet.y_mm, title, size=9.5, bold=True, most_mm=INNER_MM)
    top = sheet.y_mm + 3.0
    rows = {state: top + PLOT_MM * (row + 0.5) / len(course.states) for row, state in enumerate(course.states)}
    x_of = _frame(sheet, top, list(rows.items()), first_s=first_s, length_s=length_s)
    before: str | None = None
    for index, state in enumerate(course.held):
        if state is not None:
            left, right = x_of(index * course.step_s), x_of((index + 1) * course.step_s)
            if before is not None and before != state:
                sheet.line((left, rows[before]), (left, rows[state]), colour=MEAN)
            sheet.line((left, rows[state]), (right, rows[state]), colour=MEAN, width_mm=0.7)
        before = state
    sheet.y_mm = top + PLOT_MM + 7.0


def _frame(sheet: Sheet, top: float, levels: Sequence[tuple[str, float]], *, first_s: float, length_s: float) -> Place:
    """Draw the lines across at their levels, given as (text, y), and those of time; give where a second lies."""
    left, width = MARGIN_MM + LEFT_MM, INNER_MM - LEFT_MM - 4.0

    def x_of(seconds: float) -> float:
        return left + width * min(seconds, length_s) / length_s

    for shown, y in levels:
        sheet.line((left, y), (left + width, y), colour=PALE, width_mm=0.15)
        sheet.text(left - 1.5, y + 1.0, shown, size=7, colour=GREY, align="right", most_mm=LEFT_MM - 2)
    tick = next((one for one in TICKS_S if length_s / one <= MOST_TICKS), TICKS_S[-1])
    for index in range(int(length_s / tick) + 1):
        x = x_of(index * tick)
        sheet.line((x, top), (x, top + PLOT_MM), colour=PALE, width_mm=0.15)
        sheet.text(x, top + PLOT_MM + 3.5, time_text(first_s + index * tick), size=7, colour=GREY, align="centre")
    return x_of


def _axis(scale: Scale, low: float, high: float) -> tuple[Sequence[float], Place]:
    """Give the levels of an axis that holds both, and from 0 to 1 how high a value lies on it."""
    if scale is Scale.AMPLITUDE:
        return AMPLITUDE_LEVELS, _amplitude_height
    first, last, step = _range(low, high)
    levels = [first + index * step for index in range(round((last - first) / step) + 1)]
    return levels, lambda value: (value - first) / (last - first)


def _amplitude_height(value: float) -> float:
    if value <= KNEE:
        return max(value, 0.0) / KNEE / 2
    return 0.5 + math.log10(min(value, AMPLITUDE_LEVELS[-1]) / KNEE) / 2


def _range(low: float, high: float) -> tuple[float, float, float]:
    """Ends and step of an axis that holds both."""
    wanted = max((high - low) / MOST_LINES, LEAST_STEP)
    ten = 10.0 ** math.floor(math.log10(wanted))
    step = next(part * ten for part in (1, 2, 5, 10) if part * ten >= wanted * (1 - 1e-9))
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    return (first, last, step) if last > first else (first, first + step, step)


def _pieces(*columns: Sequence[float | None]) -> Iterator[range]:
    """Steps without a break in which every column has a value."""
    start = None
    for index in range(len(columns[0]) + 1):
        known = index < len(columns[0]) and all(column[index] is not None for column in columns)
        if known and start is None:
            start = index
        elif not known and start is not None:
            yield range(start, index)
            start = None


def _edges(trend: Trend, piece: range, values: Sequence[float | None]) -> list[tuple[float, float]]:
    """A value from the beginning to the end of its step, as steps have it."""
    return [
        (at * trend.step_s, value)
        for index in piece
        if (value := values[index]) is not None
        for at in (index, index + 1)
    ]


def _band(sheet: Sheet, trend: Trend, piece: range, x_of: Place, y_of: Place) -> None:
    path = sheet.canvas.beginPath()
    outline = [*_edges(trend, piece, trend.high), *reversed(_edges(trend, piece, trend.low))]
    for number, (at, value) in enumerate(outline):
        place = (x_of(at) * MM, (HEIGHT_MM - y_of(value)) * MM)
        path.moveTo(*place) if number == 0 else path.lineTo(*place)
    path.close()
    sheet.canvas.setFillColorRGB(*BAND)
    sheet.canvas.drawPath(path, stroke=0, fill=1)


def _mean(sheet: Sheet, trend: Trend, piece: range, x_of: Place, y_of: Place) -> None:
    path = sheet.canvas.beginPath()
    for number, (at, value) in enumerate(_edges(trend, piece, trend.mean)):
        place = (x_of(at) * MM, (HEIGHT_MM - y_of(value)) * MM)
        path.moveTo(*place) if number == 0 else path.lineTo(*place)
    sheet.canvas.setStrokeColorRGB(*MEAN)
    sheet.canvas.setLineWidth(0.35 * MM)
    sheet.canvas.drawPath(path, stroke=1, fill=0)
