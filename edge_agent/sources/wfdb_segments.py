"""The pieces of a WFDB record: one, or the segments that its header lists, and what each lacks.

Source: header(5) of the WFDB Applications Guide, "multi-segment records". With a variable layout the first segment has
no samples and names the leads of all others; with a fixed one every segment has the same leads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biosignal.errors import listed
from biosignal.signal.blocks import MILLIVOLT_PER, Samples, Unit
from edge_agent.sources.port import RecordUnreadable, unique_names
from edge_agent.sources.wfdb_frames import Frames, beside, open_frames
from edge_agent.sources.wfdb_header import NO_FILE, Header, SegmentLine, known_unit, read_header

NULL_SEGMENT, MISSING_SEGMENT, TRUNCATED = "null-segment", "missing-segment", "truncated"


@dataclass(frozen=True, kw_only=True, slots=True)
class WfdbLead:
    """A signal of the record as a whole. `unit_text` is as the header writes it, `per_frame` its samples a frame."""

    name: str
    unit_text: str
    calibrated: bool
    per_frame: int

    @property
    def unit(self) -> Unit:
        """The unit its samples are in."""
        return known_unit(self.unit_text, calibrated=self.calibrated)[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Piece:
    """A stretch of the record: frames to be read, and behind them `missing` frames that are not there, with a reason.

    Parameters
    ----------
    start : index of its first frame in the record.
    frames : what is there; absent, nothing is.
    rows : of each lead of the record, which signal of the frames it is, if any, and what to multiply it with.
    """

    start: int
    frames: Frames | None
    rows: tuple[tuple[int, float] | None, ...] = ()
    missing: int = 0
    reason: str = TRUNCATED

    @property
    def present(self) -> int:
        """Frames that are there."""
        return 0 if self.frames is None else self.frames.length

    @property
    def end(self) -> int:
        """Index of the first frame behind the piece and what it lacks."""
        return self.start + self.present + self.missing

    def read(self, start: int, end: int, leads: Sequence[WfdbLead]) -> list[Samples]:
        """Samples of each lead of the record, for frames [start, end) of the piece; NaN where it lacks the lead."""
        assert self.frames is not None, "a piece without frames is not read"
        found = self.frames.read(start, end)
        return [
            np.full((end - start) * lead.per_frame, np.nan, np.float32)
            if row is None
            else found[row[0]] * np.float32(row[1])
            for lead, row in zip(leads, self.rows, strict=True)
        ]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pieces:
    """A record: its leads, its pieces in order, and sentences about what could not be read."""

    leads: tuple[WfdbLead, ...]
    pieces: tuple[Piece, ...]
    notes: tuple[str, ...]

    @property
    def length(self) -> int:
        """Frames from the first to the last, with those that are missing."""
        return self.pieces[-1].end


def open_pieces(path: Path, header: Header) -> Pieces:
    """Open a record, in one piece or several.

    Raises
    ------
    RecordUnreadable : nothing of it can be read.
    """
    if header.segments:
        return _Segments(path, header).pieces()
    if header.announced > len(header.signals):
        raise RecordUnreadable("the header lists no segments", file=str(path), announced=header.announced)
    frames = open_frames(path, header)
    rows = tuple((row, 1.0) for row in range(len(frames.names)))
    piece = Piece(start=0, frames=frames, rows=rows, missing=frames.missing)
    return Pieces(leads=_leads_of(frames), pieces=(piece,), notes=frames.notes)


class _Segments:
    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._header = header
        self._lost: list[str] = []
        self._why: RecordUnreadable | None = None
        self._notes: list[str] = []
        first, *others = header.segments
        self._has_layout = first.length == 0 and first.name != NO_FILE
        self._layout = self._layout_of(first) if self._has_layout else None
        self._segments = tuple(others) if self._has_layout else header.segments

    def pieces(self) -> Pieces:
        """Open every segment that is there."""
        opened = [self._open(one) for one in self._segments]
        there = [frames for frames in opened if frames is not None]
        if not there:
            raise self._why or RecordUnreadable("no segment of the record holds samples", file=str(self._path))
        leads = self._leads(there)
        pieces: list[Piece] = []
        at = 0
        for segment, frames in zip(self._segments, opened, strict=True):
            piece = self._piece(at, segment, frames, leads)
            at += segment.length
            if piece.end > piece.start:
                pieces.append(piece)
        self._note_what_is_missing(at)
        return Pieces(leads=leads, pieces=tuple(pieces), notes=tuple(dict.fromkeys(self._notes)))

    def _layout_of(self, segment: SegmentLine) -> Header | None:
        try:
            return read_header(beside(self._path, f"{segment.name}.hea"))
        except RecordUnreadable as error:
            self._notes.append(f"the layout of the record cannot be read: its segments name the leads ({error})")
            return None

    def _open(self, segment: SegmentLine) -> Frames | None:
        if segment.name == NO_FILE or segment.length == 0:
            return None
        path = beside(self._path, f"{segment.name}.hea")
        try:
            header = read_header(path)
            if header.segments or not np.isclose(header.fs_hz, self._header.fs_hz, rtol=1e-4):
                raise RecordUnreadable("a segment is no piece of this record", file=str(path), fs_hz=header.fs_hz)
            frames = open_frames(path, header)
        except RecordUnreadable as error:
            self._lost.append(segment.name)
            self._why = self._why or error
            return None
        self._notes += frames.notes
        return _first_of(frames, segment.length)

    def _leads(self, there: Sequence[Frames]) -> tuple[WfdbLead, ...]:
        """Leads by the layout, or of all segments by their first; scaled only where every segment says a scale."""
        known: dict[str, WfdbLead] = {}
        for frames in there:
            for lead in _leads_of(frames):
                known.setdefault(lead.name, lead)
        unscaled = {lead.name for frames in there for lead in _leads_of(frames) if not lead.calibrated}
        if self._layout is not None:
            names = unique_names([line.name for line in self._layout.signals])
            units = dict(zip(names, (line.unit for line in self._layout.signals), strict=True))
            if absent := [name for name in names if name not in known]:
                self._notes.append(f"left out: {listed(absent)} (no segment that is there has samples of it)")
            ordered = [name for name in names if name in known] + [name for name in known if name not in names]
        else:
            units, ordered = {}, list(known)
        return tuple(
            WfdbLead(
                name=name,
                unit_text=units.get(name, known[name].unit_text),
                calibrated=name not in unscaled,
                per_frame=known[name].per_frame,
            )
            for name in ordered
        )

    def _piece(self, at: int, segment: SegmentLine, frames: Frames | None, leads: Sequence[WfdbLead]) -> Piece:
        if frames is None:
            reason = NULL_SEGMENT if segment.name == NO_FILE else MISSING_SEGMENT
            return Piece(start=at, frames=None, missing=segment.length, reason=reason)
        rows = tuple(self._row(frames, lead) for lead in leads)
        return Piece(start=at, frames=frames, rows=rows, missing=segment.length - frames.length)

    def _row(self, frames: Frames, lead: WfdbLead) -> tuple[int, float] | None:
        if lead.name not in frames.names:
            return None
        row = frames.names.index(lead.name)
        unit = known_unit(frames.units[row], calibrated=frames.calibrated[row])[0]
        if frames.per_frame[row] != lead.per_frame or (unit is Unit.RAW and lead.unit is not Unit.RAW):
            self._notes.append(f"{lead.name} has another rate or unit in some segments: left out there")
            return None
        return row, 1.0 if lead.unit is Unit.RAW else MILLIVOLT_PER[unit] / MILLIVOLT_PER[lead.unit]

    def _note_what_is_missing(self, found: int) -> None:
        if self._lost:
            self._notes.append(f"segments that cannot be read are gaps: {listed(self._lost)} ({self._why})")
        header = self._header
        if len(header.segments) < header.announced:
            self._notes.append(f"the header announces {header.announced} segments and lists {len(header.segments)}")
        if header.length not in (None, found):
            self._notes.append(f"the header announces {header.length} samples, its segments have {found}")


def _leads_of(frames: Frames) -> tuple[WfdbLead, ...]:
    described = zip(frames.names, frames.units, frames.calibrated, frames.per_frame, strict=True)
    return tuple(
        WfdbLead(name=name, unit_text=unit, calibrated=calibrated, per_frame=per_frame)
        for name, unit, calibrated, per_frame in described
    )


def _first_of(frames: Frames, length: int) -> Frames:
    """The frames, cut to so many: a file may hold more than its segment."""
    frames.length = min(frames.length, length)
    return frames
