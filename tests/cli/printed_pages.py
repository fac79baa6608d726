"""What stands on the pages of a PDF that was written without compression: each text with its place and width."""

import re
from dataclasses import dataclass

from reportlab.pdfbase.pdfmetrics import stringWidth

MM = 72 / 25.4
_PAGE = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_PART = re.compile(rb"/(F\d) ([\d.]+) Tf|1 0 0 1 ([-\d.]+) ([-\d.]+) Tm \(((?:\\.|[^\\)])*)\) Tj")
_FONTS = {b"F1": "Helvetica", b"F2": "Helvetica-Bold"}
_ESCAPED = re.compile(rb"\\(\d{3}|.)")


@dataclass(frozen=True)
class Shown:
    """A text on a page, in millimetres from its lower left corner."""

    text: str
    left: float
    right: float
    y: float


def pages_of(pdf):
    """The texts of each page."""
    return [list(_texts(stream)) for stream in _PAGE.findall(pdf)]


def _texts(stream):
    font, size = "", 0.0
    for named, sized, x, y, raw in _PART.findall(stream):
        if named:
            font, size = _FONTS[named], float(sized)
            continue
        text = _ESCAPED.sub(_plain, raw).decode("cp1252")
        left = float(x) / MM
        yield Shown(text=text, left=left, right=left + stringWidth(text, font, size) / MM, y=float(y) / MM)


def _plain(match):
    said = match.group(1)
    return bytes([int(said, 8)]) if said.isdigit() else said
