"""The print of twelve leads as a PDF: a page with the paper, and one with the statements and what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from biosignal.paper import Shade
from edge_agent.replay.ecg_print import EcgPage
from edge_agent.replay.printed.drawings import draw, shade
from edge_agent.replay.printed.sheet import BLACK, GREY, INNER_MM, MARGIN_MM, MM, PALE, Sheet
from edge_agent.replay.printed.wording import time_text

LIKELY = 0.5
"""Statements from this probability on stand over the paper."""
MOST_NAMED = 5
ROW_MM, BAR_MM, CODE_MM, NUMBER_MM = 5.2, 30.0, 15.0, 10.0
HALF_MM = INNER_MM / 2
BAR = (0.16, 0.38, 0.64)
SCALE = "Printed at 100 %, the paper is to scale: 25 mm are a second, 10 mm a millivolt."
ABOUT = (
    "Each statement has a probability of its own; they do not add up to one. The card of the bundle says what "
    "taught it, and how often it is right."
)


def ecg_pdf(pages: Sequence[EcgPage], *, maker: str, compress: bool = True) -> bytes:
    """Write prints as a PDF of A4 pages, lying: two pages each.

    Parameters
    ----------
    maker : program and version, on every page.
    compress : False leaves the content of the pages as readable text.
    """
    sheet = Sheet(f"ECG of recording {pages[0].record}", maker=maker, compress=compress)
    for number, page in enumerate(pages):
        if number:
            sheet.new_page()
        _paper(sheet, page)
        sheet.new_page()
        _statements(sheet, page)
    return sheet.finish()


def _paper(sheet: Sheet, page: EcgPage) -> None:
    line = page.stated
    sheet.y_mm += 1.0
    title = f"{page.record}, ten seconds from {time_text(page.first_s)}"
    sheet.text(MARGIN_MM, sheet.y_mm, title, size=12, bold=True, most_mm=INNER_MM - 90)
    by = f"signal {line['quality']}" + (f", by {line['bundle']}" if "bundle" in line else "")
    sheet.text(MARGIN_MM + INNER_MM, sheet.y_mm, by, size=8, colour=GREY, align="right", most_mm=88)
    sheet.y_mm += 1.0
    sheet.paragraph(_headline(line), size=10, colour=BLACK)
    draw(sheet, page.print_.drawing)
    if page.why.leads:
        _legend(sheet, page)
    for note in page.print_.notes:
        sheet.paragraph(note, size=8, colour=BLACK)


def _headline(line: Mapping[str, Any]) -> str:
    """Likely statements with their probabilities, or why there is none."""
    if not line["statements"]:
        return f"Nothing is stated: {line['because']}."
    likely = [one for one in line["statements"] if one["probability"] >= LIKELY or one["code"] == line["called"]]
    return "; ".join(f"{one['means']} {one['probability']:.2f}" for one in likely[:MOST_NAMED])


def _legend(sheet: Sheet, page: EcgPage) -> None:
    sheet.y_mm += 3.2
    x = MARGIN_MM
    for strength, says in ((1.0, f"spoke for \u201c{page.why.means}\u201d"), (-1.0, "against it")):
        shade(sheet, Shade(x=0.0, y=-2.6, width=5.0, height=3.0, strength=strength), left=x, top=sheet.y_mm)
        sheet.text(x + 6.5, sheet.y_mm, says, size=8, most_mm=90)
        x += 100.0
    rests = f"mostly {', '.join(page.why.most)}" if page.why.most else "nothing alone spoke for it"
    sheet.text(MARGIN_MM + INNER_MM, sheet.y_mm, rests, size=8, colour=GREY, align="right", most_mm=60)
    sheet.y_mm += 1.0


def _statements(sheet: Sheet, page: EcgPage) -> None:
    line = page.stated
    sheet.heading(f"Statements on ten seconds from {time_text(page.first_s)}")
    if line["statements"]:
        _bars(sheet, line["statements"])
    else:
        sheet.paragraph(_headline(line), size=10, colour=BLACK)
    sheet.paragraph(ABOUT)
    sheet.paragraph(f"Leads: {', '.join(line['leads'])}. {SCALE}")
    if page.why.because:
        sheet.paragraph(f"What speaks for a statement is not shown: {page.why.because}.")
    sheet.heading("Measured", need_mm=30.0)
    if not page.measured:
        sheet.paragraph("Nothing was measured.", size=10, colour=BLACK)
    for one in page.measured:
        _values(sheet, one)


def _bars(sheet: Sheet, statements: Sequence[Mapping[str, Any]]) -> None:
    """Two columns, the most probable first, each with a bar as long as its probability."""
    half = (len(statements) + 1) // 2
    top = sheet.y_mm
    for place, one in enumerate(statements):
        column, row = divmod(place, half)
        x, y = MARGIN_MM + column * HALF_MM, top + (row + 1) * ROW_MM
        sheet.text(x, y, one["code"], size=8.5, bold=True, most_mm=CODE_MM - 1)
        sheet.text(x + CODE_MM + NUMBER_MM - 2, y, f"{one['probability']:.2f}", size=8.5, align="right")
        _bar(sheet, x + CODE_MM + NUMBER_MM, y, one["probability"])
        left = CODE_MM + NUMBER_MM + BAR_MM + 3
        sheet.text(x + left, y, one["means"], size=8.5, most_mm=HALF_MM - left - 3)
    sheet.y_mm = top + half * ROW_MM + 2.0


def _bar(sheet: Sheet, x: float, y: float, share: float) -> None:
    canvas, height = sheet.canvas, 2.6
    for colour, width in ((PALE, BAR_MM), (BAR, BAR_MM * share)):
        canvas.setFillColorRGB(*colour)
        canvas.rect(x * MM, sheet.from_below(y), width * MM, height * MM, stroke=0, fill=1)


def _values(sheet: Sheet, one: Mapping[str, Any]) -> None:
    """What one task measured, four values a line."""
    sheet.paragraph(f"{time_text(one['from_s'])} to {time_text(one['to_s'])}, {', '.join(one['leads'])}:")
    for place, value in enumerate(one["values"]):
        if place % 4 == 0:
            sheet.need(ROW_MM)
            sheet.y_mm += ROW_MM - 0.6
        x = MARGIN_MM + place % 4 * INNER_MM / 4
        unit = "" if value["unit"] == "1" else value["unit"]
        sheet.text(x, sheet.y_mm, value["label"], size=8.5, colour=GREY, most_mm=42)
        sheet.text(x + 44, sheet.y_mm, f"{value['value']:g} {unit}".strip(), size=8.5, bold=True, most_mm=22)
    sheet.y_mm += 2.0
