"""Drawings in millimetres on the pages of a report, at their own size."""

from biosignal.paper import Drawing, Line, Pen, Shade, Text
from edge_agent.replay.printed.sheet import HEIGHT_MM, MARGIN_MM, MM, Colour, Sheet

_PENS: dict[Pen, tuple[Colour, float]] = {
    Pen.FINE: ((0.98, 0.86, 0.86), 0.08),
    Pen.COARSE: ((0.94, 0.68, 0.68), 0.14),
    Pen.TRACE: ((0.0, 0.0, 0.0), 0.22),
    Pen.PULSE: ((0.0, 0.0, 0.0), 0.22),
    Pen.MARK: ((0.1, 0.25, 0.55), 0.2),
    Pen.STRETCH: ((0.75, 0.1, 0.1), 0.9),
    Pen.TEXT: ((0.38, 0.38, 0.38), 0.2),
    Pen.NAME: ((0.0, 0.0, 0.0), 0.2),
    Pen.FILLED: ((0.25, 0.4, 0.7), 0.18),
    Pen.HATCH: ((0.55, 0.6, 0.7), 0.08),
}
FOR, AGAINST = (0.95, 0.55, 0.0), (0.1, 0.4, 0.85)
FULL = 0.6
"""How much a shade of strength 1 or -1 covers what is below it; a weaker one covers less."""
_POINTS_A_MM = MM
"""A text's size in points is its size in millimetres times this."""


def draw(sheet: Sheet, drawing: Drawing) -> None:
    """Draw at the left margin, below what is there; the page must have the height left."""
    sheet.y_mm += 1.0
    for item in drawing.items:
        if isinstance(item, Line):
            _line(sheet, item)
        elif isinstance(item, Shade):
            shade(sheet, item, left=MARGIN_MM, top=sheet.y_mm)
        else:
            _text(sheet, item)
    sheet.y_mm += drawing.height_mm + 1.0


def shade(sheet: Sheet, one: Shade, *, left: float, top: float) -> None:
    """Fill a rectangle; `left` and `top` are where the drawing begins on the page."""
    canvas = sheet.canvas
    canvas.saveState()
    canvas.setFillColorRGB(*(FOR if one.strength > 0 else AGAINST), alpha=FULL * min(abs(one.strength), 1.0))
    x, y = (left + one.x) * MM, sheet.from_below(top + one.y + one.height)
    canvas.rect(x, y, one.width * MM, one.height * MM, stroke=0, fill=1)
    canvas.restoreState()


def _line(sheet: Sheet, line: Line) -> None:
    colour, width = _PENS[line.pen]
    path = sheet.canvas.beginPath()
    for number, (x, y) in enumerate(line.points):
        place = ((MARGIN_MM + x) * MM, (HEIGHT_MM - sheet.y_mm - y) * MM)
        path.moveTo(*place) if number == 0 else path.lineTo(*place)
    sheet.canvas.setStrokeColorRGB(*colour)
    sheet.canvas.setLineWidth(width * MM)
    sheet.canvas.setLineJoin(1)
    sheet.canvas.drawPath(path, stroke=1, fill=0)


def _text(sheet: Sheet, text: Text) -> None:
    sheet.text(
        MARGIN_MM + text.x,
        sheet.y_mm + text.y,
        text.text,
        size=text.size_mm * _POINTS_A_MM,
        colour=_PENS[text.pen][0],
        align="centre" if text.centred else "left",
    )
