"""The pages of a report, in their order: what it is about, the sections, the strips, the comparison."""

from biosignal.errors import listed
from biosignal.paper import LEFT_MM, draw_strip, paper_of
from biosignal.scoring.score import Table
from biosignal.tasks.overview import ColumnHead, Grid, Section
from edge_agent.replay.printed.curves import draw_states, draw_trend
from edge_agent.replay.printed.drawings import draw
from edge_agent.replay.printed.sheet import BLACK, GREY, INNER_MM, MARGIN_MM, Sheet
from edge_agent.replay.printed.tables import draw_figures, draw_grid, grid_height
from edge_agent.replay.printed.wording import length_text, time_text
from edge_agent.replay.record_report import Comparison, RecordReport, ReportStrip

CAPTION_MM = 11.0
MOST_OF_A_PAGE_MM = 110.0
"""A section that is higher begins wherever so much of a page is left."""


def pdf_of(report: RecordReport, *, maker: str, compress: bool = True) -> bytes:
    """Write a report as a PDF of A4 pages, lying.

    Parameters
    ----------
    maker : program and version, on every page.
    compress : False leaves the content of the pages as readable text.
    """
    sheet = Sheet(f"Report of recording {report.record}", maker=maker, compress=compress)
    _cover(sheet, report)
    for leads, section in report.sections:
        _section(sheet, report, section, listed(leads))
    if report.strips:
        sheet.heading("Strips", need_mm=110.0)
        sheet.paragraph(report.chosen)
        for strip in report.strips:
            _strip(sheet, strip)
    for comparison in report.comparisons:
        _comparison(sheet, comparison)
    return sheet.finish()


def _cover(sheet: Sheet, report: RecordReport) -> None:
    sheet.y_mm += 6.0
    sheet.text(MARGIN_MM, sheet.y_mm, report.record, size=18, bold=True, most_mm=INNER_MM)
    sheet.y_mm += 5.0
    begin = f", from {time_text(report.first_s)} of the record on" if report.first_s else ""
    sheet.paragraph(
        f"Length {length_text(report.length_s)}, {report.fs_hz:g} samples a second{begin}", size=10, colour=BLACK
    )
    for line in (*report.read, *report.served):
        sheet.paragraph(line)
    for note in report.notes:
        sheet.paragraph(f"Note: {note}", colour=BLACK)
    if not report.sections:
        sheet.paragraph("No lead was read by a task that says anything of a whole recording.", size=10, colour=BLACK)


def _section(sheet: Sheet, report: RecordReport, section: Section, leads: str) -> None:
    sheet.heading(f"{section.title} ({leads})", need_mm=min(_height(section), MOST_OF_A_PAGE_MM))
    draw_figures(sheet, section.figures)
    for trend in section.trends:
        draw_trend(sheet, trend, first_s=report.first_s, length_s=report.length_s)
    for course in section.courses:
        draw_states(sheet, course, first_s=report.first_s, length_s=report.length_s)
    for grid in section.grids:
        draw_grid(sheet, grid)
    for note in section.notes:
        sheet.paragraph(note)


def _height(section: Section) -> float:
    """About how high a section is."""
    grids = sum(grid_height(grid) for grid in section.grids)
    return (
        20.0
        + 2.5 * len(section.figures)
        + 62.0 * len((*section.trends, *section.courses))
        + grids
        + 8.0 * len(section.notes)
    )


def _strip(sheet: Sheet, strip: ReportStrip) -> None:
    paper = paper_of(strip.unit, strip.samples)
    # EEG paper is the faster one: less of it fits on a line.
    fitting = strip.samples[: int((INNER_MM - LEFT_MM) / paper.mm_per_s * strip.fs_hz)]
    drawing = draw_strip(fitting, fs_hz=strip.fs_hz, paper=paper, rows=strip.rows, stretch_s=strip.stretch_s)
    sheet.need(CAPTION_MM + drawing.height_mm + 2.0)
    sheet.y_mm += 6.0
    scale = f"from {time_text(strip.start_s)}, {strip.lead}, {paper.scale}" + (
        ", cut at the edge of the paper" if drawing.is_cut else ""
    )
    sheet.text(MARGIN_MM, sheet.y_mm, strip.title, size=9.5, bold=True, most_mm=INNER_MM - 125)
    sheet.text(MARGIN_MM + INNER_MM, sheet.y_mm, scale, size=8, colour=GREY, align="right", most_mm=120)
    sheet.y_mm += 4.0
    sheet.text(MARGIN_MM, sheet.y_mm, strip.caption, size=8, colour=GREY, most_mm=INNER_MM)
    draw(sheet, drawing)


def _comparison(sheet: Sheet, one: Comparison) -> None:
    sheet.heading(f"Beside the record's own annotations ({listed(one.leads)})", need_mm=70.0)
    left_out = f"the first {length_text(one.start_s)} left out" if one.start_s else "nothing left out"
    sheet.paragraph(f"{one.protocol} against .{one.truth}, {left_out}.")
    draw_grid(sheet, _grid_of(one.table, one.protocol))
    draw_grid(sheet, one.rhythms)
    for note in one.notes:
        sheet.paragraph(note)


def _grid_of(table: Table, title: str) -> Grid:
    """A table of figures that are written already; those behind the first column are set to the right."""
    columns = tuple(ColumnHead(name=f"column_{index}", label=label) for index, label in enumerate(table.head))
    return Grid(name="score", title=title, columns=columns, rows=table.rows)
