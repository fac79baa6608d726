"""A report of a whole recording: what the tasks make of it, the strips of what was worst, the truth beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Finding, Priority
from biosignal.paper import LabelRow
from biosignal.scoring.score import Table
from biosignal.signal.blocks import Unit
from biosignal.tasks.lookup import finding_kind, finding_kinds, quantity, shown
from biosignal.tasks.overview import ColumnHead, Grid, Section

MOST_STRIPS = 12
MOST_STRIP_S = 10.0
"""What fits on a line of the page at 25 mm/s."""
BEFORE_S = 3.0
_ORDER = (Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.NONE)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReportStrip:
    """A strip of one lead: `samples` float32, shape (sample,), from `start_s` seconds of the record on."""

    title: str
    caption: str
    lead: str
    unit: Unit
    fs_hz: float
    start_s: float
    samples: NDArray[np.float32]
    rows: tuple[LabelRow, ...]
    stretch_s: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a task found beside the annotations of the record: its score, and the time in each rhythm."""

    leads: tuple[str, ...]
    truth: str
    protocol: str
    start_s: float
    table: Table
    figures: dict[str, object]
    rhythms: Grid
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordReport:
    """All that a report says. `read` are lines which tasks read which leads, `served` what classifies.

    `first_s` is where in the record it begins, in seconds; all times of the report are those of the whole record.
    """

    record: str
    length_s: float
    first_s: float
    fs_hz: float
    read: tuple[str, ...]
    served: tuple[str, ...]
    notes: tuple[str, ...]
    sections: tuple[tuple[tuple[str, ...], Section], ...]
    strips: tuple[ReportStrip, ...]
    chosen: str
    comparisons: tuple[Comparison, ...]


def of_whole_record(section: Section, first_s: float) -> Section:
    """Count the times of a section from the beginning of the whole record."""
    if not first_s:
        return section
    grids = []
    for grid in section.grids:
        is_time = [column.unit == "time" for column in grid.columns]
        rows = tuple(
            tuple(
                cell + first_s if moved and isinstance(cell, int | float) else cell
                for cell, moved in zip(row, is_time, strict=True)
            )
            for row in grid.rows
        )
        grids.append(replace(grid, rows=rows))
    figures = tuple(one if one.at_s is None else replace(one, at_s=one.at_s + first_s) for one in section.figures)
    return replace(section, figures=figures, grids=tuple(grids))


def worst(findings: Sequence[Finding]) -> list[Finding]:
    """Choose the findings that get a strip: of each kind the longest, by priority; then the second ones, and so on."""
    by_kind: dict[str, list[Finding]] = {}
    for one in findings:
        kind = finding_kind(one.kind)
        if not kind.technical and kind.strip is not None and one.evidence.strip_end > one.evidence.strip_start:
            by_kind.setdefault(one.kind, []).append(one)
    ranked = [
        (rank, _ORDER.index(one.priority), one.onset, one)
        for found in by_kind.values()
        for rank, one in enumerate(sorted(found, key=lambda each: (each.onset - each.end, each.onset)))
    ]
    chosen = sorted(ranked, key=lambda each: each[:3])[:MOST_STRIPS]
    return [one for *_, one in sorted(chosen, key=lambda each: (each[1], each[3].kind, each[2]))]


def strip_range(finding: Finding) -> tuple[int, int]:
    """Which samples of its leads show a finding: all of its strip, or what fits on a line from before its onset on."""
    start, end = finding.evidence.strip_start, finding.evidence.strip_end
    most = round(MOST_STRIP_S * finding.evidence.fs_hz)
    if end - start > most:
        start = max(start, min(finding.onset - round(BEFORE_S * finding.evidence.fs_hz), end - most))
    return start, min(end, start + most)


def caption_of(finding: Finding) -> str:
    """Write what was measured of a finding."""
    measures = (
        f"{_called(one.name)} {shown(one)}{'' if one.unit == '1' else ' ' + one.unit}"
        for one in finding.evidence.measures
    )
    return "; ".join([f"priority {finding.priority.value}", *measures])


def _called(name: str) -> str:
    known = quantity(name)
    return known.label if known is not None and known.label else name.replace("_", " ")


def rhythm_grid(ours: dict[str, int], theirs: dict[str, int], *, samples: int, fs_hz: float) -> Grid:
    """Set the time in each rhythm, ours and the record's, side by side; by WFDB's names, in samples of `fs_hz`."""
    columns = (
        ColumnHead(name="name", label="WFDB rhythm"),
        ColumnHead(name="ours", label="ours", unit="length"),
        ColumnHead(name="ours_share", label="ours", unit="%", decimals=2),
        ColumnHead(name="theirs", label="the record's", unit="length"),
        ColumnHead(name="theirs_share", label="the record's", unit="%", decimals=2),
    )
    rows = []
    known = {kind.wfdb_rhythm for kind in finding_kinds().values()}
    for name in sorted({*ours, *theirs}):
        # What nobody looks for is not known to be absent.
        found = ours.get(name, 0) if name in known else None
        times = [found, theirs.get(name, 0)]
        cells = [(None, None) if one is None else (one / fs_hz, 100 * one / max(samples, 1)) for one in times]
        rows.append((name, *cells[0], *cells[1]))
    return Grid(name="rhythms", title="Time in each rhythm, of the recording", columns=columns, rows=tuple(rows))
