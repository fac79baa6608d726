"""Pages of a PDF, in millimetres from the upper left corner, filled from the top down."""

from io import BytesIO
from typing import TypeAlias

from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

MM = 72 / 25.4
WIDTH_MM, HEIGHT_MM = 297.0, 210.0
"""A4, lying: ten seconds of ECG paper fit on a line."""
MARGIN_MM = 12.0
INNER_MM = WIDTH_MM - 2 * MARGIN_MM
TOP_MM, BOTTOM_MM = 20.0, HEIGHT_MM - 15.0
PLAIN, BOLD = "Helvetica", "Helvetica-Bold"
NOT_A_DEVICE = "Research use only. Bedside is not a medical device: nothing here is a diagnosis."
BLACK, GREY, PALE = (0.0, 0.0, 0.0), (0.38, 0.38, 0.38), (0.8, 0.8, 0.8)

Colour: TypeAlias = tuple[float, float, float]


class Sheet:
    """A document under construction: `y_mm` is where the next thing goes. Every page says what it is and is not.

    Parameters
    ----------
    title : over every page; cut where it is longer than the page is wide.
    maker : program and version, below every page.
    compress : False leaves the content of the pages as readable text.
    """

    def __init__(self, title: str, *, maker: str, compress: bool = True) -> None:
        self._bytes = BytesIO()
        # Without a time of making: the same record gives the same file.
        size = (WIDTH_MM * MM, HEIGHT_MM * MM)
        self.canvas = Canvas(self._bytes, pagesize=size, invariant=1, pageCompression=int(compress))
        self.canvas.setTitle(written(title))
        self.canvas.setAuthor(maker)
        self.canvas.setSubject(NOT_A_DEVICE)
        self._title = title
        self._maker = maker
        self._page = 0
        self.y_mm = TOP_MM
        self._begin()

    def finish(self) -> bytes:
        """End the last page; the file's bytes."""
        self.canvas.showPage()
        self.canvas.save()
        return self._bytes.getvalue()

    def new_page(self) -> None:
        """End the page and begin another."""
        self.canvas.showPage()
        self._begin()

    @staticmethod
    def from_below(y_mm: float) -> float:
        """Turn a height on the page into points from its lower edge."""
        return (HEIGHT_MM - y_mm) * MM

    def need(self, height_mm: float) -> bool:
        """Begin a new page where less than so much is left; whether it did."""
        if self.y_mm + height_mm <= BOTTOM_MM or self.y_mm == TOP_MM:
            return False
        self.new_page()
        return True

    def heading(self, text: str, *, need_mm: float = 35.0) -> None:
        """Begin a section, with so much of it on the same page."""
        self.need(need_mm)
        self.y_mm += 7.0
        self.text(MARGIN_MM, self.y_mm, text, size=13, bold=True, most_mm=INNER_MM)
        self.line((MARGIN_MM, self.y_mm + 1.8), (WIDTH_MM - MARGIN_MM, self.y_mm + 1.8), colour=PALE)
        self.y_mm += 5.5

    def paragraph(self, text: str, *, size: float = 8.5, colour: Colour = GREY) -> None:
        """Write a text over as many lines as it needs."""
        step = size * 0.45
        for line in simpleSplit(written(text), PLAIN, size, INNER_MM * MM):
            self.need(step + 1)
            self.y_mm += step
            # A word longer than the page is cut.
            self.text(MARGIN_MM, self.y_mm, line, size=size, colour=colour, most_mm=INNER_MM)
        self.y_mm += 1.6

    def text(
        self,
        x_mm: float,
        y_mm: float,
        text: str,
        *,
        size: float,
        bold: bool = False,
        colour: Colour = BLACK,
        most_mm: float | None = None,
        align: str = "left",
    ) -> None:
        """Write one line with its baseline at `y_mm`, cut with dots where it is longer than `most_mm`."""
        font = BOLD if bold else PLAIN
        shown = written(text) if most_mm is None else fitted(text, most_mm, font=font, size=size)
        self.canvas.setFillColorRGB(*colour)
        self.canvas.setFont(font, size)
        place = (x_mm * MM, (HEIGHT_MM - y_mm) * MM)
        if align == "right":
            self.canvas.drawRightString(*place, shown)
        elif align == "centre":
            self.canvas.drawCentredString(*place, shown)
        else:
            self.canvas.drawString(*place, shown)

    def line(
        self, start: tuple[float, float], end: tuple[float, float], *, colour: Colour, width_mm: float = 0.2
    ) -> None:
        """Draw a line."""
        self.canvas.setStrokeColorRGB(*colour)
        self.canvas.setLineWidth(width_mm * MM)
        (x0, y0), (x1, y1) = start, end
        self.canvas.line(x0 * MM, (HEIGHT_MM - y0) * MM, x1 * MM, (HEIGHT_MM - y1) * MM)

    def _begin(self) -> None:
        self._page += 1
        self.y_mm = TOP_MM
        self.text(MARGIN_MM, 11.5, self._title, size=9, bold=True, most_mm=INNER_MM)
        self.line((MARGIN_MM, 13.5), (WIDTH_MM - MARGIN_MM, 13.5), colour=GREY)
        foot = HEIGHT_MM - 8.0
        self.line((MARGIN_MM, foot - 4.0), (WIDTH_MM - MARGIN_MM, foot - 4.0), colour=GREY)
        self.text(MARGIN_MM, foot, NOT_A_DEVICE, size=8, bold=True)
        self.text(WIDTH_MM - MARGIN_MM, foot, f"{self._maker}, page {self._page}", size=8, colour=GREY, align="right")


def written(text: str) -> str:
    """Give the text in the letters that the fonts of every PDF reader have; others are question marks."""
    return text.encode("cp1252", errors="replace").decode("cp1252")


def width_mm(text: str, *, size: float, bold: bool = False) -> float:
    """Measure a line of text."""
    return float(stringWidth(written(text), BOLD if bold else PLAIN, size)) / MM


def fitted(text: str, most_mm: float, *, font: str, size: float) -> str:
    """Cut a text to a width, with dots in place of what is cut."""
    shown = written(text)
    if stringWidth(shown, font, size) <= most_mm * MM:
        return shown
    fits, not_any_more = 0, len(shown)
    while not_any_more - fits > 1:
        middle = (fits + not_any_more) // 2
        if stringWidth(f"{shown[:middle]}...", font, size) <= most_mm * MM:
            fits = middle
        else:
            not_any_more = middle
    return f"{shown[:fits].rstrip()}..."
