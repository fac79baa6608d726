"""Values over time on the pages of a report: lowest to highest as a band, the mean as a line."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from biosignal.tasks.overview import Trend
from edge_agent.replay.printed.sheet import GREY, HEIGHT_MM, INNER_MM, MARGIN_MM, MM, PALE, Sheet
from edge_agent.replay.printed.wording import time_text

PLOT_MM = 42.0
LEFT_MM = 14.0
Scale: TypeAlias = Callable[[float], float]
BAND = (0.78, 0.86, 0.95)
MEAN = (0.1, 0.25, 0.55)
TICKS_S = (1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)
MOST_TICKS = 13
MOST_LINES, LEAST_STEP = 6, 5.0


def draw_trend(sheet: Sheet, trend: Trend, *, first_s: float, length_s: float) -> None:
    """Draw a trend as wide as the page; one without a value is a sentence."""
    known = [value for values in (trend.low, trend.mean, trend.high) for value in values if value is not None]
    if not known or length_s <= 0:
        sheet.paragraph(f"{trend.title}: nothing was measured.")
        return
    sheet.need(PLOT_MM + 18)
    sheet.y_mm += 4.5
    title = f"{trend.title} ({trend.unit}), each {trend.step_s:g} s: mean, and lowest to highest as a band"
    sheet.text(MARGIN_MM, sheet.y_mm, title, size=9.5, bold=True, most_mm=INNER_MM)
    top = sheet.y_mm + 3.0
    low, high, step = _range(min(known), max(known))
    left, width = MARGIN_MM + LEFT_MM, INNER_MM - LEFT_MM - 4.0

    def x_of(seconds: float) -> float:
        return left + width * min(seconds, length_s) / length_s

    def y_of(value: float) -> float:
        return top + PLOT_MM * (high - value) / (high - low)

    for index in range(round((high - low) / step) + 1):
        value = low + index * step
        sheet.line((left, y_of(value)), (left + width, y_of(value)), colour=PALE, width_mm=0.15)
        shown, below = f"{value:.4g}", y_of(value) + 1.0
        sheet.text(left - 1.5, below, shown, size=7, colour=GREY, align="right", most_mm=LEFT_MM - 2)
    tick = next((one for one in TICKS_S if length_s / one <= MOST_TICKS), TICKS_S[-1])
    for index in range(int(length_s / tick) + 1):
        at = index * tick
        sheet.line((x_of(at), top), (x_of(at), top + PLOT_MM), colour=PALE, width_mm=0.15)
        sheet.text(x_of(at), top + PLOT_MM + 3.5, time_text(first_s + at), size=7, colour=GREY, align="centre")
    for piece in _pieces(trend.low, trend.high):
        _band(sheet, trend, piece, x_of, y_of)
    for piece in _pieces(trend.mean):
        _mean(sheet, trend, piece, x_of, y_of)
    sheet.y_mm = top + PLOT_MM + 7.0


def _range(low: float, high: float) -> tuple[float, float, float]:
    """Ends and step of an axis that holds both."""
    wanted = max((high - low) / MOST_LINES, LEAST_STEP)
    ten = 10.0 ** math.floor(math.log10(wanted))
    step = next(part * ten for part in (1, 2, 5, 10) if part * ten >= wanted * (1 - 1e-9))
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    return (first, last, step) if last > first else (first - step, last + step, step)


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


def _band(sheet: Sheet, trend: Trend, piece: range, x_of: Scale, y_of: Scale) -> None:
    path = sheet.canvas.beginPath()
    outline = [*_edges(trend, piece, trend.high), *reversed(_edges(trend, piece, trend.low))]
    for number, (at, value) in enumerate(outline):
        place = (x_of(at) * MM, (HEIGHT_MM - y_of(value)) * MM)
        path.moveTo(*place) if number == 0 else path.lineTo(*place)
    path.close()
    sheet.canvas.setFillColorRGB(*BAND)
    sheet.canvas.drawPath(path, stroke=0, fill=1)


def _mean(sheet: Sheet, trend: Trend, piece: range, x_of: Scale, y_of: Scale) -> None:
    path = sheet.canvas.beginPath()
    for number, (at, value) in enumerate(_edges(trend, piece, trend.mean)):
        place = (x_of(at) * MM, (HEIGHT_MM - y_of(value)) * MM)
        path.moveTo(*place) if number == 0 else path.lineTo(*place)
    sheet.canvas.setStrokeColorRGB(*MEAN)
    sheet.canvas.setLineWidth(0.35 * MM)
    sheet.canvas.drawPath(path, stroke=1, fill=0)
